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
	alive := newPulse(s.Clock)
	defer alive.end()
	for {
		moved := false
		_, last, err := s.drain(ctx, q, after, func(e Event) error {
			moved = moved || changesPetition(e)
			return nil
		})
		if err != nil {
			return err
		}
		if after = last; moved {
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

func changesPetition(e Event) bool {
	return strings.HasPrefix(e.Event, "access/") && e.Event != EventRefused
}
