package faults

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/indent-approvals/indent/tests/faults/faulttest"
)

// parked are two who wait for a petition's decision: one by calls, one on streams. Each comes back as clients do until the
// decision has come.
type parked struct{ call, stream *waiter }

// waiter is one who waits.
type waiter struct {
	done  chan struct{}
	phase string
	wrong []string // answers that are neither the truth nor "come back"
	// comeBack is how often it had to begin again, firstStay how long it was there before the first time.
	comeBack  int
	firstStay time.Duration
}

// ownTime is how long a call may wait, and how long a stream bears a database that is away.
const ownTime = time.Minute

// lookClock is the machine's clock, and counts who is parked until the next look: by then the first one is over.
type lookClock struct{ parked atomic.Int64 }

// betweenLooks is how long who is parked goes without looking (internal/app).
const betweenLooks = 10 * time.Second

// Now implements approval.Clock.
func (c *lookClock) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// After implements approval.Clock.
func (c *lookClock) After(d time.Duration) (<-chan time.Time, func()) {
	if d == betweenLooks {
		c.parked.Add(1)
	}
	timer := time.NewTimer(d)
	return timer.C, func() { timer.Stop() }
}

// park parks both, and answers when they are.
func (w *ward) park(name string) parked {
	w.Helper()
	before := w.clock.parked.Load()
	p := parked{w.wait(name, w.oneCall), w.wait(name, w.stream)}
	faulttest.Until(w, patient, "both are parked", func() bool { return w.clock.parked.Load() >= before+2 })
	return p
}

// wait parks somebody who comes back until the petition is not open. once answers its phase, "" to come back, or what is
// wrong.
func (w *ward) wait(name string, once func(ctx context.Context, name string) (phase, wrong string)) *waiter {
	out := &waiter{done: make(chan struct{})}
	ctx, began := w.Context(), time.Now()
	go func() {
		defer close(out.done)
		for ctx.Err() == nil {
			phase, wrong := once(ctx, name)
			if out.phase = phase; phase != "" && phase != "open" {
				return
			}
			if wrong != "" && ctx.Err() == nil {
				out.wrong = append(out.wrong, wrong)
			}
			if out.comeBack++; out.comeBack == 1 {
				out.firstStay = time.Since(began)
			}
			faulttest.Pass(ctx, 200*time.Millisecond)
		}
	}()
	return out
}

// oneCall is one call that waits.
func (w *ward) oneCall(ctx context.Context, name string) (phase, wrong string) {
	longer := &client{w.http, ownTime + patient}
	a := longer.call(ctx, w.asker, http.MethodGet, w.server.URL()+inSpace+"/petitions/"+name+"?wait="+ownTime.String(), nil)
	switch {
	case a.status == http.StatusOK:
		return a.petition(w.T).State.Status.Phase, ""
	case a.status == http.StatusServiceUnavailable && a.header.Get("Retry-After") != "":
		return "", ""
	}
	return "", a.String()
}

// stream is one connection that waits.
func (w *ward) stream(ctx context.Context, name string) (phase, wrong string) {
	body, err := json.Marshal(object{"names": []string{name}})
	if err != nil {
		return "", err.Error()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.server.URL()+inSpace+"/petitions:wait", bytes.NewReader(body))
	if err != nil {
		return "", err.Error()
	}
	r.Header.Set("Authorization", "Bearer "+w.asker)
	response, err := w.http.Do(r)
	if err != nil {
		return "", err.Error()
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusServiceUnavailable && response.Header.Get("Retry-After") != "":
		return "", ""
	case response.StatusCode != http.StatusOK:
		return "", response.Status
	}
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if data, found := strings.CutPrefix(lines.Text(), "data: "); found {
			var p petition
			if err := json.Unmarshal([]byte(data), &p); err != nil || p.Name != name {
				return "", data
			}
			return p.State.Status.Phase, ""
		}
	}
	return "", ""
}

// hears fails the test unless both have heard of the decision, and of nothing that was not so, without having been sent
// away before their own time was up.
func (w *ward) hears(who parked, phase string) {
	w.Helper()
	for what, one := range map[string]*waiter{"on a call": who.call, "on a stream": who.stream} {
		select {
		case <-one.done:
		case <-time.After(patient):
			w.Fatalf("who waits %s was lost", what)
		}
		if one.phase != phase || len(one.wrong) > 0 {
			w.Errorf("who waits %s heard %q, want %q; wrong answers: %q", what, one.phase, phase, one.wrong)
		}
		if one.comeBack > 0 && one.firstStay < ownTime {
			w.Errorf("who waits %s was sent away after %s, and came back %d times", what, one.firstStay, one.comeBack)
		}
	}
}
