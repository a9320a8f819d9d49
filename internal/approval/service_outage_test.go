package approval_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// outage makes storage go away and come back.
type outage struct {
	*house
	away  atomic.Bool
	looks chan struct{} // receives when a reading was refused
}

// newOutage is a house whose storage can go away, and where hints get lost.
func newOutage(t *testing.T) *outage {
	t.Helper()
	h := &outage{house: newHouse(t), looks: make(chan struct{}, 1000)}
	h.WaitPoll = 10 * time.Second
	h.store.BeforeRead = func(string) error {
		if !h.away.Load() {
			return nil
		}
		h.looks <- struct{}{}
		return approval.Errorf(approval.Unavailable, "storage is away")
	}
	return h
}

// goes makes storage go away, and lets so many who are parked look until one is refused.
func (h *outage) goes(sleepers int) {
	h.t.Helper()
	h.clock.WaitForSleepers(sleepers)
	h.away.Store(true)
	h.clock.Advance(h.WaitPoll)
	<-h.looks
}

// lasts lets the outage last, one look after the other.
func (h *outage) lasts(sleepers int, d time.Duration) {
	h.t.Helper()
	for end := h.clock.Now().Add(d); h.clock.Now().Before(end); h.clock.Advance(time.Second) {
		h.clock.WaitForSleepers(sleepers)
	}
	h.clock.WaitForSleepers(sleepers) // the last look is over
	for len(h.looks) > 0 {
		<-h.looks
	}
}

// comesBack makes storage answer again, and whoever is parked looks.
func (h *outage) comesBack(sleepers int) {
	h.t.Helper()
	h.away.Store(false)
	h.clock.WaitForSleepers(sleepers)
	h.clock.Advance(5 * time.Second)
}

func TestWaiterWaitsOnWhileStorageIsAway(t *testing.T) {
	t.Parallel()
	h := newOutage(t)
	p := h.ask(vic)
	answer := h.wait(t.Context(), p, time.Minute)
	h.goes(2)
	h.lasts(2, 20*time.Second)
	h.away.Store(false)
	h.clock.WaitForSleepers(2)
	h.decide(bob, p, claim(approve))
	got := <-answer
	same(t, "error", got.err, nil)
	same(t, "phase", got.petition.Phase, approval.Granted)
	h.broker.WaitForSubscribers(0)
}

// A decision whose hint came while storage was away is found by looking again.
func TestWaiterLooksAgainWhenStorageIsBack(t *testing.T) {
	t.Parallel()
	h := newOutage(t)
	p := h.ask(vic)
	h.broker.Lose()
	answer := h.wait(t.Context(), p, time.Minute)
	h.goes(2)
	h.away.Store(false)
	h.decide(bob, p, claim(deny))
	h.comesBack(2)
	got := <-answer
	same(t, "error", got.err, nil)
	same(t, "outcome", got.petition.Outcome, approval.OutcomeDenied)
}

func TestWaiterIsRefusedWhenItsTimeIsUpInAnOutage(t *testing.T) {
	t.Parallel()
	h := newOutage(t)
	p := h.ask(vic)
	answer := h.wait(t.Context(), p, time.Minute)
	h.goes(2)
	h.lasts(2, 49*time.Second)
	same(t, "answers before its time is up", len(answer), 0)
	h.clock.Advance(time.Second)
	same(t, "code", approval.CodeOf((<-answer).err), approval.Unavailable)
	h.broker.WaitForSubscribers(0)
}

// Who begins to wait during an outage is told so at once, and anything but an outage ends a wait.
func TestOnlyAnOutageIsWaitedOut(t *testing.T) {
	t.Parallel()
	h := newOutage(t)
	p := h.ask(vic)
	a := h.actor(vic)
	h.away.Store(true)
	_, err := h.WaitPetition(t.Context(), a, p.Name, time.Minute)
	same(t, "to begin", approval.CodeOf(err), approval.Unavailable)
	h.away.Store(false)
	answer := h.wait(t.Context(), p, time.Minute)
	h.clock.WaitForSleepers(2)
	h.store.BeforeRead = func(string) error { return approval.Errorf(approval.Internal, "broken") }
	h.clock.Advance(h.WaitPoll)
	same(t, "broken", approval.CodeOf((<-answer).err), approval.Internal)
	h.broker.WaitForSubscribers(0)
}

func TestWaiterLeavesInAnOutage(t *testing.T) {
	t.Parallel()
	h := newOutage(t)
	p := h.ask(vic)
	ctx, leave := context.WithCancel(t.Context())
	answer := h.wait(ctx, p, time.Minute)
	h.goes(2)
	h.clock.WaitForSleepers(2)
	leave()
	same(t, "error", (<-answer).err, nil)
	h.broker.WaitForSubscribers(0)
}

// Who may answer is asked right before the answer, with the petition as it is then.
func TestWhatIsAnsweredIsAskedFor(t *testing.T) {
	t.Parallel()
	h := newOutage(t)
	p, a := h.ask(vic), h.actor(vic)
	_, w, err := h.BeginWait(t.Context(), a, p.Name, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	asked, answers, mayNot := make(chan approval.Phase, 10), make(chan answered, 1), true
	go func() {
		defer w.End()
		got, err := w.Rest(t.Context(), nil, func(p *approval.Petition) error {
			asked <- p.Phase
			if mayNot {
				mayNot = false
				return approval.Errorf(approval.Unavailable, "the token cannot be looked up")
			}
			return nil
		})
		answers <- answered{*got, err}
	}()
	h.clock.WaitForSleepers(2)
	h.decide(bob, p, claim(approve))
	same(t, "at first", <-asked, approval.Granted)
	same(t, "answers that were not let out", len(answers), 0)
	h.decide(bob, p, claim(revoke))
	got := <-answers
	same(t, "error", got.err, nil)
	same(t, "phase", got.petition.Phase, <-asked)
	if got.petition.Phase == approval.Granted {
		t.Error("who waits is told of a grant that was taken back meanwhile")
	}
}

func TestAwaitingManyWaitsOnWhileStorageIsAway(t *testing.T) {
	t.Parallel()
	h := newOutage(t)
	p, q := h.ask(vic), h.ask(vic)
	s := h.await(vic, p.Name, q.Name)
	<-s.idle
	h.goes(3)
	h.lasts(4, 30*time.Second)
	same(t, "signs of life", len(s.idle) >= 2, true)
	h.broker.Lose()
	h.away.Store(false)
	h.decide(bob, p, claim(deny))
	h.comesBack(4)
	sameList(t, "when storage is back", s.told(), p.Name+" closed")
	h.clock.WaitForSleepers(3)
	h.decide(bob, q, claim(deny))
	h.clock.Advance(h.WaitPoll)
	sameList(t, "at the next poll", s.told(), q.Name+" closed")
	same(t, "end", <-s.ended, nil)
	same(t, "told twice", len(s.news), 0)
	h.broker.WaitForSubscribers(0)
}

// What could not be told because nobody knows whether it may is told later, once.
func TestWhatCannotBeToldNowIsToldLater(t *testing.T) {
	t.Parallel()
	h := newOutage(t)
	p, a := h.ask(vic), h.actor(vic)
	idle, told, ended := make(chan struct{}, 10), make(chan int, 10), make(chan error, 1)
	go func() {
		_, err := h.AwaitPetitions(t.Context(), a, []string{p.Name}, func(n approval.News) error {
			if told <- len(n.Decided); len(told) == 1 {
				return approval.Errorf(approval.Unavailable, "the token cannot be looked up")
			}
			return nil
		}, func() error { idle <- struct{}{}; return nil })
		ended <- err
	}()
	<-idle
	h.decide(bob, p, claim(approve))
	h.comesBack(4)
	same(t, "end", <-ended, nil)
	same(t, "tries", len(told), 2)
}

// Streams have no time of their own: they bear an outage as long as anybody waits, and then let their clients go.
func TestStreamsEndInALongOutage(t *testing.T) {
	t.Parallel()
	streams := map[string]func(h *outage, idle chan struct{}) error{
		"of petitions": func(h *outage, idle chan struct{}) error {
			_, err := h.AwaitPetitions(h.t.Context(), h.actor(vic), []string{h.ask(vic).Name}, nil, func() error { idle <- struct{}{}; return nil })
			return err
		},
		"of events": func(h *outage, idle chan struct{}) error {
			return h.StreamEvents(h.t.Context(), h.actor(pat), approval.EventQuery{}, nil, nil, func(approval.Cursor) error { idle <- struct{}{}; return nil })
		},
		"of changes": func(h *outage, idle chan struct{}) error {
			idle <- struct{}{}
			return h.WatchPetitions(h.t.Context(), h.actor(vic), "", approval.Cursor{}, func(approval.Cursor) error { return nil }, func() error { idle <- struct{}{}; return nil })
		},
	}
	for name, follow := range streams {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newOutage(t)
			idle, ended := make(chan struct{}, 100), make(chan error, 1)
			go func() { ended <- follow(h, idle) }()
			<-idle
			timers := 2 // of the next sign of life, and of the next look
			if name == "of petitions" {
				timers++ // of its end
			}
			h.goes(timers)
			h.lasts(timers+1, 50*time.Second)
			same(t, "ended too soon", len(ended), 0)
			h.clock.Advance(15 * time.Second)
			same(t, "code", approval.CodeOf(<-ended), approval.Unavailable)
			h.broker.WaitForSubscribers(0)
		})
	}
}

func TestStreamOfEventsGoesOnAfterAnOutage(t *testing.T) {
	t.Parallel()
	h := newOutage(t)
	a := h.actor(pat)
	ctx, cancel := context.WithCancel(t.Context())
	events, idle, end := make(chan approval.Event, 10), make(chan struct{}, 100), make(chan error, 1)
	go func() {
		end <- h.StreamEvents(ctx, a, approval.EventQuery{}, nil, func(e approval.Event) error { events <- e; return nil },
			func(approval.Cursor) error { idle <- struct{}{}; return nil })
	}()
	<-idle
	h.goes(2)
	h.lasts(3, 30*time.Second)
	h.away.Store(false)
	h.broker.Lose()
	p := h.ask(vic)
	h.comesBack(3)
	same(t, "after the outage", (<-events).Petition(), p.Name)
	same(t, "signs of life", len(idle) >= 2, true)
	cancel()
	same(t, "end", <-end, nil)
	same(t, "sent twice", len(events), 0)
}
