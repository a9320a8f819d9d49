package api

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"reflect"

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
		if err := x.park(weightOf(in)); err != nil {
			return nil, err
		}
		x.hold(gauge(x.metrics))
		out := &eventStream{x}
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
type eventStream struct{ *exchange }

// errLeft ends a stream whose client has left, or whose token has ended.
var errLeft = errors.New("the client has left")

// send writes one event. It is Unavailable, and nothing is written, while nobody can say whether the client may know.
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
	return s.sign(": alive\nid: " + at.String() + "\n\n")
}

// sign writes a sign of life. In an outage, when nobody can say whether the client may know anything, it is told that
// the connection stands and nothing else, for as long as anybody waits.
func (s *eventStream) sign(text string) error {
	err := s.write([]byte(text))
	if approval.CodeOf(err) != approval.Unavailable || !s.begun {
		return err
	}
	if s.Service.Clock.Now().Sub(s.checked) > approval.MaxWait {
		return errLeft
	}
	return s.put([]byte(": alive\n\n"))
}

// write writes if the client may still know; it is Unavailable, and nothing is written, while nobody can say.
func (s *eventStream) write(text []byte) error {
	if err := s.admitted(); err != nil {
		return err
	}
	return s.put(text)
}

func (s *eventStream) admitted() error {
	err := s.stillValid()
	if err == nil || !s.begun || approval.CodeOf(err) == approval.Unavailable {
		return err
	}
	return errLeft
}

// more is write of what goes on with something: it cannot be told again from its beginning.
func (s *eventStream) more(text []byte) error {
	err := s.write(text)
	if s.begun && approval.CodeOf(err) == approval.Unavailable {
		return errLeft
	}
	return err
}

func (s *eventStream) put(text []byte) error {
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
