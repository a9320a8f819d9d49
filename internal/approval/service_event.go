package approval

import (
	"cmp"
	"context"
)

// Events answers a page of the audit log, newest first unless ascending.
func (s *Service) Events(ctx context.Context, a Actor, q EventQuery) (Page[Event], error) {
	if err := s.Authorize(ctx, a, ReadEvents, "read events"); err != nil {
		return Page[Event]{}, err
	}
	page, err := q.Page.Check()
	if err != nil {
		return Page[Event]{}, err
	}
	if err := checkEventQuery(q); err != nil {
		return Page[Event]{}, err
	}
	q.Space, q.Page = a.Space, page
	return s.Store.Events(ctx, q)
}

func checkEventQuery(q EventQuery) error {
	if !q.Since.IsZero() && !q.Until.IsZero() && !q.Since.Before(q.Until) {
		return FieldError("until", "must lie after since")
	}
	return firstError(checkLine("petition", q.Petition, MaxName), checkLine("actor", q.Actor, MaxID), checkLine("event", q.Event, MaxName))
}

// StreamEvents yields the events behind the cursor, in log order, and then each new one until ctx ends, the server
// stops or yield answers an error. With no cursor it starts at the log's end. idle is called at the start and when nothing came
// for a while: a sign of life for the connection, with the place from which to go on after it breaks. The answer is nil unless yield, idle or the store failed.
// Once it has begun an outage of storage is waited out, for as long as anybody waits; yield may answer Unavailable as
// well, and is called with the same event later.
func (s *Service) StreamEvents(ctx context.Context, a Actor, q EventQuery, after *Cursor, yield func(Event) error, idle func(Cursor) error) error {
	if err := s.Authorize(ctx, a, ReadEvents, "stream events"); err != nil {
		return err
	}
	if err := checkEventQuery(q); err != nil {
		return err
	}
	q.Space = a.Space
	hints, cancel := s.Broker.Subscribe(eventsTopic(a.Space))
	defer cancel()
	cursor, err := s.startOf(ctx, a.Space, after)
	if err != nil {
		return err
	}
	if err := idle(cursor); err != nil {
		return err
	}
	alive := newPulse(s.Clock, heartbeat)
	defer alive.end()
	away := &outage{clock: s.Clock}
	defer away.end()
	for {
		sent, last, err := s.drain(ctx, q, cursor, yield)
		if cursor = last; sent {
			alive.again()
		}
		if err := away.bear(err); err != nil {
			return err
		}
		switch s.sleep(ctx, hints, alive.beat, cmp.Or(away.pause, s.WaitPoll)) {
		case stopped:
			return nil
		case timedOut:
			alive.again()
			if err := idle(cursor); err != nil {
				return err
			}
		}
	}
}

// drainSize is how many events are read at once.
const drainSize = 200

func (s *Service) startOf(ctx context.Context, space string, after *Cursor) (Cursor, error) {
	if after != nil {
		return *after, nil
	}
	return s.Store.LastCursor(ctx, space)
}

// drain yields all events behind the cursor and answers the last one's.
func (s *Service) drain(ctx context.Context, q EventQuery, cursor Cursor, yield func(Event) error) (sent bool, last Cursor, err error) {
	for {
		events, err := s.Store.EventsAfter(ctx, q, cursor, drainSize)
		if err != nil {
			return sent, cursor, err
		}
		for _, e := range events {
			if err := yield(e); err != nil {
				return sent, cursor, err
			}
			sent, cursor = true, e.Cursor
		}
		if len(events) < drainSize {
			return sent, cursor, nil
		}
	}
}
