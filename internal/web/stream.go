package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// streamInbox tells an open page that it should read itself again: server-sent events without content. A page learns
// nothing from the stream that it could not read, so it serves whoever may read petitions.
func (w *Web) streamInbox(r *http.Request, v visitor) (answer, error) {
	if r.Method == http.MethodHead {
		return answer{write: func(rw http.ResponseWriter) { rw.Header().Set("Content-Type", eventStream) }}, nil
	}
	query := r.URL.Query()
	from := query.Get("after")
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		from = last
	}
	after, err := approval.ParseCursor("after", from)
	if err != nil {
		return answer{}, err
	}
	leave, ok := w.streams.enter(v.Space + "/" + v.ID)
	if !ok {
		return answer{}, approval.Errorf(approval.TooMany, "you have %d live pages open: close some", w.streams.most)
	}
	return answer{write: func(rw http.ResponseWriter) {
		defer leave()
		w.stream(r.Context(), rw, v, query.Get("petition"), after)
	}}, nil
}

const (
	eventStream = "text/event-stream"
	// merge is how long changes are gathered before the next hint.
	merge = 300 * time.Millisecond
	// stuck is how long a browser may take to read a hint.
	stuck = 30 * time.Second
)

func (w *Web) stream(ctx context.Context, rw http.ResponseWriter, v visitor, petition string, after approval.Cursor) {
	rw.Header().Set("Content-Type", eventStream)
	rw.Header().Set("X-Accel-Buffering", "no") // a proxy that gathers would make it a dead page
	send := func(text string) error {
		if err := w.stillSignedIn(ctx, v); err != nil {
			return err
		}
		out := http.NewResponseController(rw)
		if err := out.SetWriteDeadline(w.Service.Clock.Now().Add(stuck)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		if _, err := fmt.Fprint(rw, text); err != nil {
			return err
		}
		return out.Flush()
	}
	if err := send("retry: 2000\n\n"); err != nil {
		return
	}
	changed := func(at approval.Cursor) error {
		if err := send("id: " + at.String() + "\nevent: changed\ndata: \n\n"); err != nil {
			return err
		}
		return w.pause(ctx, merge)
	}
	err := w.Service.WatchPetitions(ctx, v.Actor, petition, after, changed, func() error { return send(": alive\n\n") })
	if err != nil && ctx.Err() == nil {
		w.Logger.DebugContext(ctx, "a live page was left", "member", v.ID, "error", err)
	}
}

// stillSignedIn ends the stream of a session that was signed out or a member that was suspended meanwhile.
func (w *Web) stillSignedIn(ctx context.Context, v visitor) error {
	_, err := w.Sessions.Authenticate(ctx, v.secret)
	return err
}

func (w *Web) pause(ctx context.Context, d time.Duration) error {
	passed, stop := w.Service.Clock.After(d)
	defer stop()
	select {
	case <-passed:
		return nil
	case <-w.Service.Broker.Done():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// limiter bounds how many streams one member holds open.
type limiter struct {
	most int
	mu   sync.Mutex
	open map[string]int
}

// enter answers how to leave, and whether there was room.
func (l *limiter) enter(who string) (leave func(), ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[who] >= l.most {
		return nil, false
	}
	l.open[who]++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.open[who]--; l.open[who] == 0 {
			delete(l.open, who)
		}
	}, true
}
