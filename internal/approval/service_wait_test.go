package approval_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

type answered struct {
	petition approval.Petition
	err      error
}

// wait parks a waiter and answers where its answer comes.
func (h *house) wait(ctx context.Context, p approval.Petition, d time.Duration) <-chan answered {
	a, answer := h.actor(vic), make(chan answered, 1)
	go func() {
		got, err := h.WaitPetition(ctx, a, p.Name, d)
		answer <- answered{got, err}
	}()
	return answer
}

func TestWaiterIsAnsweredWhenItIsDecided(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(vic)
	answer := h.wait(t.Context(), p, time.Minute)
	h.clock.WaitForSleepers(1)
	h.decide(bob, p, claim(approve))
	got := <-answer
	same(t, "phase", got.petition.Phase, approval.Granted)
	h.broker.WaitForSubscribers(0)
}

func TestWaiterIsAnsweredWhenItsTimeIsUp(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(vic)
	answer := h.wait(t.Context(), p, 30*time.Second)
	h.clock.WaitForSleepers(1)
	h.clock.Set(h.clock.Now().Add(-24 * time.Hour)) // a clock that is set back makes no wait longer
	h.clock.Set(h.clock.Now().Add(24*time.Hour + 30*time.Second))
	got := <-answer
	same(t, "phase", got.petition.Phase, approval.Open)
	same(t, "error", got.err, nil)
	h.broker.WaitForSubscribers(0)
}

func TestWaiterLooksAgainWhereHintsGetLost(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(vic)
	h.broker.Lose()
	answer := h.wait(t.Context(), p, 30*time.Second)
	h.clock.WaitForSleepers(1)
	h.decide(bob, p, claim(deny))
	h.clock.Advance(30 * time.Second)
	same(t, "at the end of its time", (<-answer).petition.Outcome, approval.OutcomeDenied)

	h.WaitPoll = 5 * time.Second
	p = h.ask(vic)
	answer = h.wait(t.Context(), p, 30*time.Second)
	h.clock.WaitForSleepers(2)
	h.decide(bob, p, claim(deny))
	h.clock.Advance(5 * time.Second)
	same(t, "at the next poll", (<-answer).petition.Outcome, approval.OutcomeDenied)
}

func TestWaiterIsAnsweredWhenTheServerStopsOrTheCallerLeaves(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(vic)
	ctx, cancel := context.WithCancel(t.Context())
	leaving, staying := h.wait(ctx, p, time.Minute), h.wait(t.Context(), p, time.Minute)
	h.clock.WaitForSleepers(2)
	cancel()
	same(t, "who left", (<-leaving).petition.Phase, approval.Open)
	h.broker.Close()
	same(t, "who stayed", (<-staying).petition.Phase, approval.Open)
	h.broker.WaitForSubscribers(0)
}

func TestWaitLimits(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(vic)
	for _, d := range []time.Duration{-1, approval.MaxWait + 1, 1 << 62} {
		_, err := h.WaitPetition(t.Context(), h.actor(vic), p.Name, d)
		same(t, d.String(), approval.CodeOf(err), approval.Invalid)
	}
	if _, err := h.WaitPetition(t.Context(), h.actor(vic), "x", time.Minute); approval.CodeOf(err) != approval.NotFound {
		t.Error(err)
	}
	a := h.actor(vic)
	a.Scopes = []approval.Permission{}
	if _, err := h.WaitPetition(t.Context(), a, p.Name, time.Minute); approval.CodeOf(err) != approval.Forbidden {
		t.Error(err)
	}
	h.broker.WaitForSubscribers(0)
}

// No decision falls between a waiter's subscription and its reading, whenever it is made: 64 waiters come while the
// decision is made, and all hear of it although no time passes.
func TestNoDecisionFallsBetween(t *testing.T) {
	t.Parallel()
	for range 20 {
		h := newHouse(t)
		p := h.ask(vic)
		a, b := h.actor(vic), h.actor(bob)
		var group sync.WaitGroup
		for i := range racers {
			group.Go(func() {
				if i == racers/2 {
					if _, _, err := h.Decide(t.Context(), b, p.Name, claim(approve), ""); err != nil {
						t.Error(err)
					}
				}
				got, err := h.WaitPetition(t.Context(), a, p.Name, time.Minute)
				if err != nil || got.Phase != approval.Granted {
					t.Error(got.Phase, err)
				}
			})
		}
		group.Wait()
		h.broker.WaitForSubscribers(0)
	}
}

// Reading is slow and the decision comes right behind it: the hint is there already when the waiter goes to sleep.
func TestDecisionBehindTheReading(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(vic)
	a, b := h.actor(vic), h.actor(bob)
	h.rule.verdict = review(1)
	read, decided := false, make(chan struct{})
	var mu sync.Mutex
	h.Store = slowStore{h.store, func() {
		mu.Lock()
		first := !read
		read = true
		mu.Unlock()
		if first {
			go func() {
				if _, _, err := h.Decide(context.Background(), b, p.Name, claim(approve), ""); err != nil {
					t.Error(err)
				}
				close(decided)
			}()
			<-decided
		}
	}}
	got, err := h.WaitPetition(t.Context(), a, p.Name, time.Minute)
	if err != nil || got.Phase != approval.Granted {
		t.Error(got.Phase, err)
	}
}

// slowStore lets something happen between a petition's reading and its answer.
type slowStore struct {
	approval.Store
	behind func()
}

func (s slowStore) Petition(ctx context.Context, space, name string) (approval.Petition, error) {
	p, err := s.Store.Petition(ctx, space, name)
	s.behind()
	return p, err
}

func TestStreamOfEvents(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(vic)
	start, err := h.LogEnd(t.Context(), h.actor(vic))
	if err != nil {
		t.Fatal(err)
	}
	a, ctx := h.actor(pat), t.Context()
	ctx, cancel := context.WithCancel(ctx)
	events, idle, end := make(chan approval.Event, 10), make(chan struct{}, 10), make(chan error, 1)
	go func() {
		end <- h.StreamEvents(ctx, a, approval.EventQuery{Petition: p.Name, Space: "other"}, nil,
			func(e approval.Event) error { events <- e; return nil }, func(approval.Cursor) error { idle <- struct{}{}; return nil })
	}()
	<-idle // it stands
	h.clock.WaitForSleepers(1)
	h.ask(bob)
	h.decide(bob, p, claim(approve))
	first, second := <-events, <-events
	sameList(t, "events", []string{first.Event, second.Event}, approve, approval.EventGrant)
	h.clock.WaitForSleepers(1)
	h.clock.Set(h.clock.Now().Add(-time.Hour)) // silence is measured by a timer, whatever the clock says
	h.clock.Set(h.clock.Now().Add(time.Hour + 15*time.Second))
	<-idle
	cancel()
	same(t, "end", <-end, nil)
	h.broker.WaitForSubscribers(0)

	var got []string
	stop := errors.New("enough")
	err = h.StreamEvents(t.Context(), a, approval.EventQuery{}, &start, func(e approval.Event) error {
		if got = append(got, e.Event); e.Event == approval.EventGrant {
			return stop
		}
		return nil
	}, func(at approval.Cursor) error { same(t, "place", at, start); return nil })
	same(t, "end", err, stop)
	sameList(t, "from the cursor on", got, approval.EventRequest, approve, approval.EventGrant)
	err = h.StreamEvents(t.Context(), h.actor(vic), approval.EventQuery{}, nil, nil, nil)
	h.refused(0, err, approval.Forbidden, "events:read", vic, "")
}

func TestWatchingPetitions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(vic)
	a := h.actor(vic)
	after, err := h.LogEnd(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	changed, idle, end := make(chan approval.Cursor, 10), make(chan struct{}, 10), make(chan error, 1)
	go func() {
		end <- h.WatchPetitions(ctx, a, p.Name, after, func(c approval.Cursor) error { changed <- c; return nil }, func() error { idle <- struct{}{}; return nil })
	}()
	h.clock.WaitForSleepers(1)
	h.ask(bob)
	if _, err := h.try(vic, p, claim(approve)); err == nil {
		t.Fatal("approved by who asks")
	}
	h.decide(bob, p, claim(approve))
	if c := <-changed; !after.Before(c) {
		t.Errorf("%v is not behind %v", c, after)
	}
	h.clock.WaitForSleepers(1)
	h.clock.Advance(15 * time.Second)
	<-idle
	cancel()
	same(t, "end", <-end, nil)
	same(t, "told once", len(changed), 0)
	h.broker.WaitForSubscribers(0)
}
