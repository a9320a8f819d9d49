package approval

import (
	"cmp"
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
// changes may be told as one; changed is given the place from which to go on after a broken connection. An outage of
// storage is waited out, for as long as anybody waits.
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
	away := &outage{clock: s.Clock}
	defer away.end()
	for {
		last, moved, err := s.peek(ctx, q, after)
		if err == nil && moved {
			alive.again()
			err = changed(last)
		}
		if err == nil {
			after = last
		}
		if err := away.bear(err); err != nil {
			return err
		}
		switch s.sleep(ctx, hints, alive.beat, cmp.Or(away.pause, s.WaitPoll)) {
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

// peek answers whether petitions changed behind the cursor, and how far it has looked: one batch, or to the end of the
// log. Who is far behind is told once and goes on from there: what happened in between is read again anyway.
func (s *Service) peek(ctx context.Context, q EventQuery, after Cursor) (last Cursor, moved bool, err error) {
	events, err := s.Store.EventsAfter(ctx, q, after, drainSize)
	if err != nil {
		return after, false, err
	}
	if len(events) == drainSize {
		last, err = s.Store.LastCursor(ctx, q.Space)
		return last, true, err
	}
	last = after
	for _, e := range events {
		moved = moved || changesPetition(e)
		last = e.Cursor
	}
	return last, moved, nil
}

func changesPetition(e Event) bool {
	return strings.HasPrefix(e.Event, "access/") && e.Event != EventRefused
}
