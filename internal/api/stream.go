package api

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"reflect"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/indent-approvals/indent/internal/approval"
)

// stream makes an endpoint of a function that sends events with data of type Data (server-sent events, WHATWG HTML 9.2)
// until it returns; gauge counts them. What it answers before the first byte is answered as a problem; after that the
// connection just ends, and the client comes back with the last id that it has, or for what it has not been told.
func stream[Data, In any](gauge func(*metrics) prometheus.Gauge, do func(a *API, ctx context.Context, actor approval.Actor, in In, out *eventStream) error) endpoint {
	e := endpoint{in: reflect.TypeFor[In](), out: reflect.TypeFor[Data](), events: true}
	e.plan = planOf(e.in)
	e.call = func(x *exchange) (any, error) {
		in := new(In)
		if err := x.decode(e.plan, in); err != nil {
			return nil, err
		}
		if x.r.Method == http.MethodHead { // asks for the headers only, and would be held for nothing
			x.w.Header().Set("Content-Type", eventStreamType)
			return nil, nil
		}
		x.hold(gauge(x.metrics))
		out := &eventStream{exchange: x, checked: x.start}
		err := do(x.API, x.r.Context(), x.actor, *in, out)
		if errors.Is(err, errLeft) {
			err = nil
		}
		return nil, err
	}
	return e
}

const eventStreamType = "text/event-stream"

// eventStream is one client that follows.
type eventStream struct {
	*exchange
	checked time.Time
}

// errLeft ends a stream whose client has left, or whose token has ended.
var errLeft = errors.New("the client has left")

// send writes one event.
func (s *eventStream) send(id string, event any) error {
	buffer := buffers.take()
	defer buffers.give(buffer)
	if err := putEvent(buffer, "", id, event); err != nil {
		return err
	}
	return s.write(buffer.Bytes())
}

// putEvent adds one event to what will be written; without a kind it is a message.
func putEvent(buffer *bytes.Buffer, kind, id string, data any) error {
	if kind != "" {
		buffer.WriteString("event: " + kind + "\n")
	}
	if id != "" {
		buffer.WriteString("id: " + id + "\n")
	}
	text, err := appendBody(append(buffer.AvailableBuffer(), "data: "...), data)
	if err != nil {
		return err
	}
	buffer.Write(append(text, "\n\n"...)) // JSON has no raw line break: it is one data line
	return nil
}

// alive writes a comment, so that proxies and clients know that the connection stands, and the place that it stands at:
// an id without data is remembered and dispatches nothing, so that a client that breaks off before its first event
// misses none.
func (s *eventStream) alive(at approval.Cursor) error {
	return s.write([]byte(": alive\nid: " + at.String() + "\n\n"))
}

func (s *eventStream) write(text []byte) error {
	if now := s.Service.Clock.Now(); now.Sub(s.checked) >= trust || now.Before(s.checked) {
		if err := s.readmit(); err != nil {
			return errors.Join(errLeft, err)
		}
		s.checked = now
	}
	if !s.begun {
		s.begun = true
		header := s.w.Header()
		header.Set("Content-Type", eventStreamType)
		header.Set("X-Accel-Buffering", "no") // a proxy that gathers would make it a dead stream
		text = append([]byte("retry: 1000\n\n"), text...)
	}
	err := s.push(func() error {
		_, err := s.w.Write(text)
		return err
	})
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return errors.Join(errLeft, err)
	}
	return nil
}
