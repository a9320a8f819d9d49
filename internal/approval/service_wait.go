package approval

import (
	"context"
	"time"
)

// WaitPetition answers the petition the moment it is not open, or as it is after at most wait. It subscribes before it
// reads, so that no decision falls between.
func (s *Service) WaitPetition(ctx context.Context, a Actor, name string, wait time.Duration) (Petition, error) {
	p, err := s.AwaitPetition(ctx, a, name, wait)
	return *p, err
}

// AwaitPetition is [Service.WaitPetition] for ten thousand at once: no petition lies on the stack of who is parked, so
// that the stack fits 8 KiB.
func (s *Service) AwaitPetition(ctx context.Context, a Actor, name string, wait time.Duration) (*Petition, error) {
	if wait < 0 || wait > MaxWait {
		return &Petition{}, FieldError("wait", "must be a duration between 0s and %s, such as 30s", MaxWait)
	}
	if wait == 0 {
		return s.look(ctx, &a, name)
	}
	hints, cancel := s.Broker.Subscribe(petitionTopic(a.Space, name))
	defer cancel()
	// One timer for the whole wait: a clock that is set back must not make it longer.
	timeout, stop := s.Clock.After(wait)
	defer stop()
	for patient := true; ; {
		p, err := s.look(ctx, &a, name)
		if err != nil || p.Phase != Open || !patient {
			return p, err
		}
		switch s.sleep(ctx, hints, timeout) {
		case stopped:
			return p, nil
		case timedOut:
			patient = false // a last look: the hint may have got lost
		}
	}
}

// look reads the petition; what it needs of the stack is given back before anybody is parked.
//
//go:noinline
func (s *Service) look(ctx context.Context, a *Actor, name string) (*Petition, error) {
	p, err := s.Petition(ctx, *a, name)
	return &p, err
}

// awakening is why a sleeper woke up.
type awakening int

const (
	hinted   awakening = iota // something may have changed
	timedOut                  // its time is over
	stopped                   // the caller left or the server stops
)

// sleep waits for a hint, the timeout or the end. Where hints can get lost a poll counts as one.
func (s *Service) sleep(ctx context.Context, hints <-chan struct{}, timeout <-chan time.Time) awakening {
	var poll <-chan time.Time
	if s.WaitPoll > 0 {
		var stop func()
		poll, stop = s.Clock.After(s.WaitPoll)
		defer stop()
	}
	select {
	case <-hints:
	case <-poll:
	case <-timeout:
		return timedOut
	case <-ctx.Done():
		return stopped
	case <-s.Broker.Done():
		return stopped
	}
	return hinted
}

// pulse is a timer that beats again and again: a stream without news gives a sign of life by it.
type pulse struct {
	clock Clock
	every time.Duration
	beat  <-chan time.Time
	stop  func()
}

const heartbeat = 15 * time.Second

func newPulse(c Clock, every time.Duration) *pulse {
	p := &pulse{clock: c, every: every}
	p.beat, p.stop = c.After(every)
	return p
}

// again begins a new silence.
func (p *pulse) again() {
	p.stop()
	p.beat, p.stop = p.clock.After(p.every)
}

// end frees the timer.
func (p *pulse) end() { p.stop() }
