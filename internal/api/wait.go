package api

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/indent-approvals/indent/internal/approval"
)

// A request that is parked inside the server costs its connection, one goroutine and the frames of door, answer, call, and
// those below: nothing is started for it, and what only the beginning or the end needs is in functions that have returned
// or are not yet called. All frames together are 3 KiB; below 4 KiB the collector gives a stack of 8 KiB back what reading
// the store has grown it to, above that it keeps 16. When many are parked, move.go makes them smaller.

// awaitPetition answers the petition, at once or when it is not open any more.
func (x *exchange) awaitPetition(in *getPetitionIn) (any, error) {
	if in.parks() {
		if err := x.park(1); err != nil {
			return nil, err
		}
		x.hold(x.metrics.waiters)
	}
	p, w, err := x.Service.BeginWait(x.r.Context(), x.actor, in.Name, in.Wait)
	if err != nil {
		return nil, err
	}
	if w == nil {
		return x.answerOf(p, in)
	}
	if x.move(w, in) {
		return nil, errMoved
	}
	defer w.End()
	x.inside.Add(1)
	defer x.inside.Add(-1)
	return x.rest(w, p, in)
}

// rest parks and makes the answer: whether it may be told is asked, and the history read, right after the petition was,
// and all of it again after an outage. It answers nothing when the client has left and nothing was seen.
func (x *exchange) rest(w *approval.Waiting, seen *approval.Petition, in *getPetitionIn) (any, error) {
	var out any
	p, err := w.Rest(x.r.Context(), seen, func(p *approval.Petition) (err error) {
		if out, err = x.answerOf(p, in); err == nil {
			err = x.stillValid()
		}
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case out == nil && p != nil:
		return x.answerOf(p, in)
	}
	return out, nil
}

// slowReader is how long a client may take to read what one write sends.
const slowReader = 20 * time.Second

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// hold lifts the server's limits on time from a request that is about to be parked, and counts it.
func (x *exchange) hold(count prometheus.Gauge) {
	x.held, x.holding = true, count
	count.Inc()
	control := http.NewResponseController(x.w)
	_ = control.SetWriteDeadline(time.Time{}) // a writer without deadlines has nothing to lift
	_ = control.SetReadDeadline(time.Time{})
}

// release counts the request as parked no more.
func (x *exchange) release() {
	if x.holding != nil {
		x.holding.Dec()
		x.holding = nil
	}
	if x.parked > 0 {
		x.Limits.Leave(x.actor, x.parked)
		x.parked = 0
	}
}

// push runs one write. A held connection has no deadline of its own, so a reader who does not read is cut off here. The
// timer runs on the machine's time, which deadlines of connections are in, whatever the Clock says.
func (x *exchange) push(write func() error) error {
	if !x.held {
		return write()
	}
	control := http.NewResponseController(x.w)
	timer := time.AfterFunc(slowReader, func() { _ = control.SetWriteDeadline(longAgo) })
	defer timer.Stop()
	if err := write(); err != nil {
		return err
	}
	return control.Flush()
}
