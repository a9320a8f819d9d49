package approval

import (
	"context"
	"strings"
)

// LogEnd answers the end of the space's log, from which WatchPetitions can be asked to tell.
func (s *Service) LogEnd(ctx context.Context, a Actor) (Cursor, error) {
	if err := a.require(ReadPetitions); err != nil {
		return Cursor{}, err
	}
	return s.Store.LastCursor(ctx, a.Space)
}

// WatchPetitions calls changed each time that petitions of the space, or the named one, may have changed since the
// cursor, until ctx ends, the server stops or a callback answers an error. It tells that something changed, never what,
// so that who may read petitions but not the log can be told too; who is told reads again with its own rights. Many
// changes may be told as one; changed is given the place from which to go on after a broken connection.
func (s *Service) WatchPetitions(ctx context.Context, a Actor, petition string, after Cursor, changed func(Cursor) error, idle func() error) error {
	if err := a.require(ReadPetitions); err != nil {
		return err
	}
	if err := checkLine("petition", petition, MaxName); err != nil {
		return err
	}
	hints, cancel := s.Broker.Subscribe(eventsTopic(a.Space))
	defer cancel()
	q := EventQuery{Space: a.Space, Petition: petition}
	alive := newPulse(s.Clock, heartbeat)
	defer alive.end()
	for {
		moved := false
		// Who is far behind is told once and goes on from the end: what happened in between is read again anyway.
		last, behind, err := s.peek(ctx, q, after, func(e Event) { moved = moved || changesPetition(e) })
		if err != nil {
			return err
		}
		if behind {
			if last, err = s.Store.LastCursor(ctx, a.Space); err != nil {
				return err
			}
		}
		if after = last; moved || behind {
			alive.again()
			if err := changed(after); err != nil {
				return err
			}
		}
		switch s.sleep(ctx, hints, alive.beat) {
		case stopped:
			return nil
		case timedOut:
			alive.again()
			if err := idle(); err != nil {
				return err
			}
		}
	}
}

// peek shows one batch of the events behind the cursor; behind says that there may be more.
func (s *Service) peek(ctx context.Context, q EventQuery, after Cursor, show func(Event)) (last Cursor, behind bool, err error) {
	events, err := s.Store.EventsAfter(ctx, q, after, drainSize)
	for _, e := range events {
		show(e)
		after = e.Cursor
	}
	return after, len(events) == drainSize, err
}

func changesPetition(e Event) bool {
	return strings.HasPrefix(e.Event, "access/") && e.Event != EventRefused
}
