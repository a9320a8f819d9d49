package indent

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"mime"
	"net/http"
	"strings"
	"time"
)

// FollowOptions say what to follow and where to begin.
type FollowOptions struct {
	Petition string // only events of the petition of this name
	Actor    string // only events by the actor of this id
	Event    string // only events of this name, such as "access/approve"
	After    string // Cursor of the last event that was seen; empty: begin now
}

// FollowedEvent is an event with its place in the log.
type FollowedEvent struct {
	Event
	Cursor string // for FollowOptions.After, to go on here in another process
}

// Follow yields events as they happen, without an end. A connection that breaks is set up again behind the last event that
// was seen, so that none is missed. When it cannot go on, or ctx ends, it yields the error and ends.
func (c *Client) Follow(ctx context.Context, o FollowOptions) iter.Seq2[FollowedEvent, error] {
	one := call{method: "GET", path: c.inSpace("/events:stream"), repeatable: true,
		query: parameters(map[string]string{"petition": o.Petition, "actor": o.Actor, "event": o.Event})}
	return func(yield func(FollowedEvent, error) bool) {
		s := &stream{c: c, one: one, cursor: o.After}
		if o.After != "" && !isVisible(o.After, 200) {
			yield(FollowedEvent{}, invalid("After", "is not a cursor: use the Cursor of an event"))
			return
		}
		for {
			err := s.read(ctx, yield)
			if errors.Is(err, errStopped) {
				return
			}
			if err = s.setback(ctx, err); err != nil {
				yield(FollowedEvent{}, err)
				return
			}
		}
	}
}

var errStopped = errors.New("the reader has stopped")

// stream is a connection that is set up again and again (WHATWG HTML, section 9.2, "Server-sent events").
type stream struct {
	c         *Client
	one       call
	cursor    string
	connected bool // ever
	setbacks  int
}

// setback answers nil when it makes sense to connect again, after a pause. Once it stood it is set up again for ever; before,
// as often as any call is tried.
func (s *stream) setback(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && !temporary(err, s.setbacks), !s.connected && s.setbacks >= s.c.retries:
		return err
	}
	pause, _ := s.c.backoff(s.setbacks, err)
	s.setbacks++
	return s.c.sleep(ctx, min(pause, longestRetryAfter))
}

// longestSilence is after how long a connection counts as dead: the server says something every 15 s.
const longestSilence = 45 * time.Second

// read connects and yields events until the connection ends.
func (s *stream) read(ctx context.Context, yield func(FollowedEvent, error) bool) error {
	alive, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(longestSilence, func() { cancel(errSilent) })
	defer watchdog.Stop()
	one := s.one
	one.header = map[string]string{"Accept": "text/event-stream", "Cache-Control": "no-store", "Last-Event-ID": s.cursor}
	response, err := s.c.send(alive, one, nil)
	if err != nil {
		return s.c.networkError(ctx, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		body, _ := readLimited(response.Body, mostBytes)
		return s.c.refusal(response, body)
	}
	if kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); kind != "text/event-stream" {
		return malformed("%q instead of a stream of events", snippet(kind))
	}
	s.connected, s.setbacks = true, 0
	err = s.lines(&watched{response.Body, watchdog}, yield)
	if err == nil || errors.Is(err, errStopped) {
		return err
	}
	return s.c.networkError(ctx, err)
}

var errSilent = errors.New("the server said nothing for too long")

// mostMessage is how large an event may be, in bytes.
const mostMessage = 8 << 20

// lines reads messages: lines that say `id:` and `data:`, ended by an empty one.
func (s *stream) lines(r io.Reader, yield func(FollowedEvent, error) bool) error {
	var data bytes.Buffer
	cursor := s.cursor
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, mostMessage)
	for scanner.Scan() {
		field, value, _ := strings.Cut(scanner.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case scanner.Text() == "":
			if err := s.message(cursor, data.Bytes(), yield); err != nil {
				return err
			}
			data.Reset()
		case field == "id" && isVisible(value, 200): // it goes back in a header
			cursor = value
		case field == "data":
			data.WriteString(value)
			data.WriteByte('\n')
		}
		if data.Len() > mostMessage {
			return tooLarge
		}
	}
	if errors.Is(scanner.Err(), bufio.ErrTooLong) {
		return tooLarge
	}
	return scanner.Err()
}

var tooLarge = &ResponseError{wrong: true, Message: "an event of the stream is over 8 MiB"}

// message yields the event, if there is one: a message of an id alone only says where the log stands.
func (s *stream) message(cursor string, data []byte, yield func(FollowedEvent, error) bool) error {
	if len(data) == 0 {
		s.cursor = cursor
		return nil
	}
	var e Event
	if err := decode(data, &e); err != nil {
		return &ResponseError{wrong: true, Message: err.Error()} // it would come again
	}
	s.cursor = cursor
	if !yield(FollowedEvent{e, cursor}, nil) {
		return errStopped
	}
	return nil
}

// watched tells the watchdog of every byte that arrives.
type watched struct {
	io.Reader
	watchdog *time.Timer
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	w.watchdog.Reset(longestSilence)
	return n, err
}
