package approval

import (
	"cmp"
	"context"
	"time"
)

// WaitPetition answers the petition the moment it is not open, or as it is after at most wait. It subscribes before it
// reads, so that no decision falls between.
func (s *Service) WaitPetition(ctx context.Context, a Actor, name string, wait time.Duration) (Petition, error) {
	p, err := s.AwaitPetition(ctx, a, name, wait)
	return *p, err
}

// AwaitPetition is [Service.WaitPetition] for many at once: no petition lies on the stack of who is parked, so that the
// stack fits 8 KiB.
func (s *Service) AwaitPetition(ctx context.Context, a Actor, name string, wait time.Duration) (*Petition, error) {
	p, w, err := s.BeginWait(ctx, a, name, wait)
	if w == nil {
		return p, err
	}
	defer w.End()
	return w.Rest(ctx, p, nil)
}

// Waiting is a wait that has begun: the petition was open, and nothing that happens to it since is missed. Whoever holds
// it calls Rest, on any goroutine, and then End.
type Waiting struct {
	s       *Service
	actor   Actor
	name    string
	hints   <-chan struct{}
	timeout <-chan time.Time
	cancel  func()
	stop    func()
}

// BeginWait answers the petition, and nil if there is nothing to wait for: it is not open, or wait is 0.
func (s *Service) BeginWait(ctx context.Context, a Actor, name string, wait time.Duration) (*Petition, *Waiting, error) {
	if wait < 0 || wait > MaxWait {
		return &Petition{}, nil, FieldError("wait", "must be a duration between 0s and %s, such as 30s", MaxWait)
	}
	if wait == 0 {
		p, err := s.look(ctx, &a, name)
		return p, nil, err
	}
	w := &Waiting{s: s, actor: a, name: name}
	w.hints, w.cancel = s.Broker.Subscribe(petitionTopic(a.Space, name))
	// Whoever is about to wait for news need not ask the database how it is now: what others make of it is news as well.
	p := s.knownOpen(&a, name)
	if p == nil {
		var err error
		if p, err = s.look(ctx, &a, name); err != nil || p.Phase != Open {
			w.cancel()
			return p, nil, err
		}
	}
	// One timer for the whole wait: a clock that is set back must not make it longer.
	w.timeout, w.stop = s.Clock.After(wait)
	return p, w, nil
}

// knownOpen answers the petition if this node knows that it is open.
func (s *Service) knownOpen(a *Actor, name string) *Petition {
	if p := s.recent(a, name); p != nil && p.Phase == Open {
		return p
	}
	return nil
}

// Rest answers the petition the moment it is not open, or as it is when the time is up or the server stops. When ctx ends
// it answers seen, which may be nil: whoever asked has left. An outage of storage is waited out until the time is up.
// release is asked whether the petition may be answered, right after each look that would answer it; its error is
// answered instead, but Unavailable is waited out as well, and then the petition is looked at again. nil lets all out.
func (w *Waiting) Rest(ctx context.Context, seen *Petition, release func(*Petition) error) (*Petition, error) {
	var pause time.Duration
	for {
		why := w.s.sleep(ctx, w.hints, w.timeout, cmp.Or(pause, w.s.WaitPoll))
		if why == stopped && ctx.Err() != nil {
			return seen, nil
		}
		p, err := w.look(ctx, seen, why)
		decided := err == nil && (p.Phase != Open || why != hinted)
		if decided && release != nil {
			err = release(p)
		}
		switch {
		case CodeOf(err) == Unavailable && why == hinted:
			pause = longer(pause)
		case err != nil || decided:
			return p, err
		default:
			pause = 0
		}
	}
}

// look reads the petition, also when the time is up: the hint may have got lost. What this node has written itself since it was seen
// is one of its states while somebody waited, whatever others make of it now, and needs not be read.
func (w *Waiting) look(ctx context.Context, seen *Petition, why awakening) (*Petition, error) {
	if why == hinted && seen != nil {
		if p := w.s.decidedSince(&w.actor, w.name, seen.Version); p != nil {
			return p, nil
		}
	}
	return w.s.look(ctx, &w.actor, w.name)
}

// decidedSince answers the petition if this node knows that it is not open, and that it was so only after a version.
func (s *Service) decidedSince(a *Actor, name string, version int64) *Petition {
	if p := s.recent(a, name); p != nil && p.Phase != Open && p.Version > version {
		return p
	}
	return nil
}

// End frees what the wait holds.
func (w *Waiting) End() {
	w.cancel()
	w.stop()
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

// sleep waits for a hint, the timeout or the end. After every, if it is not 0, it is time to look without a hint.
func (s *Service) sleep(ctx context.Context, hints <-chan struct{}, timeout <-chan time.Time, every time.Duration) awakening {
	var poll <-chan time.Time
	if every > 0 {
		var stop func()
		poll, stop = s.Clock.After(every)
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

// pulse is a timer that beats again and again: a stream without news gives a sign of life by it. One of 0 never beats.
type pulse struct {
	clock Clock
	every time.Duration
	beat  <-chan time.Time
	stop  func()
}

const heartbeat = 15 * time.Second

func newPulse(c Clock, every time.Duration) *pulse {
	p := &pulse{clock: c, every: every, stop: func() {}}
	p.again()
	return p
}

// again begins a new silence.
func (p *pulse) again() {
	p.stop()
	p.beat, p.stop = nil, func() {}
	if p.every > 0 {
		p.beat, p.stop = p.clock.After(p.every)
	}
}

// end frees the timer.
func (p *pulse) end() { p.stop() }
