package approval_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// stream is one call of AwaitPetitions, with what it has told.
type stream struct {
	news   chan approval.News
	idle   chan struct{}
	ended  chan error
	left   int
	cancel context.CancelFunc
}

func (h *house) await(as string, names ...string) *stream {
	s := &stream{news: make(chan approval.News, 1000), idle: make(chan struct{}, 1000), ended: make(chan error, 1)}
	var ctx context.Context
	ctx, s.cancel = context.WithCancel(h.t.Context())
	a := h.actor(as)
	go func() {
		var err error
		s.left, err = h.AwaitPetitions(ctx, a, names, func(n approval.News) error { s.news <- n; return nil }, func() error { s.idle <- struct{}{}; return nil })
		s.ended <- err
	}()
	return s
}

// told answers the names and phases of what is told next.
func (s *stream) told() (list []string) {
	n := <-s.news
	for _, p := range n.Decided {
		list = append(list, p.Name+" "+string(p.Phase))
	}
	for _, name := range n.Missing {
		list = append(list, name+" missing")
	}
	slices.Sort(list)
	return list
}

func TestManyPetitionsAreAwaitedAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	before, soon, later := h.ask(vic), h.ask(pat), h.ask(vic)
	h.decide(bob, before, claim(deny))
	s := h.await(vic, before.Name, later.Name, soon.Name, soon.Name, "missing")
	want := []string{before.Name + " closed", "missing missing"}
	sameList(t, "at once", s.told(), slices.Sorted(slices.Values(want))...)
	<-s.idle
	h.broker.WaitForSubscribers(2)
	h.decide(bob, h.ask(vic), claim(approve)) // nobody waits for it
	h.decide(bob, soon, claim(approve))
	sameList(t, "when it is decided", s.told(), soon.Name+" granted")
	h.broker.WaitForSubscribers(1)
	h.decide(eve, later, claim(deny))
	sameList(t, "the last", s.told(), later.Name+" closed")
	same(t, "end", <-s.ended, nil)
	same(t, "left", s.left, 0)
	h.broker.WaitForSubscribers(0)
	same(t, "told twice", len(s.news), 0)
}

// A claim that does not decide yet is no news.
func TestWhatIsStillOpenIsNotTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = review(2)
	p := h.ask(vic)
	s := h.await(vic, p.Name)
	<-s.idle
	h.decide(bob, p, claim(approve))
	h.decide(eve, p, claim(approve))
	sameList(t, "the second", s.told(), p.Name+" granted")
	same(t, "end", <-s.ended, nil)
	same(t, "told twice", len(s.news), 0)
}

func TestAwaitingLooksAgainWhereHintsGetLost(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.WaitPoll = 10 * time.Second
	p, q := h.ask(vic), h.ask(vic)
	h.broker.Lose()
	s := h.await(vic, p.Name, q.Name)
	<-s.idle
	for _, p := range []approval.Petition{p, q} { // each by a poll of its own
		h.clock.WaitForSleepers(3)
		h.decide(bob, p, claim(deny))
		h.clock.Advance(10 * time.Second)
		sameList(t, "at the next poll", s.told(), p.Name+" closed")
	}
	same(t, "end", <-s.ended, nil)
}

func TestAwaitingEndsBeforeAllIsTold(t *testing.T) {
	t.Parallel()
	ways := map[string]func(h *house, s *stream){
		"the caller leaves": func(_ *house, s *stream) { s.cancel() },
		"the server stops":  func(h *house, _ *stream) { h.broker.Close() },
		"its time is up":    func(h *house, _ *stream) { h.clock.Advance(10 * time.Minute) },
	}
	for name, end := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			s := h.await(vic, h.ask(vic).Name, h.ask(vic).Name)
			<-s.idle
			h.clock.WaitForSleepers(2)
			end(h, s)
			same(t, "end", <-s.ended, nil)
			same(t, "left", s.left, 2)
			same(t, "told", len(s.news), 0)
			h.broker.WaitForSubscribers(0)
		})
	}
}

func TestAwaitingGivesSignsOfLife(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.await(vic, h.ask(vic).Name)
	<-s.idle
	for range 3 {
		h.clock.WaitForSleepers(2)
		h.clock.Advance(15 * time.Second)
		<-s.idle
	}
}

func TestAwaitingEndsWithTheFirstFailure(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p, a := h.ask(vic), h.actor(vic)
	h.decide(bob, p, claim(deny))
	gone := errors.New("gone")
	_, err := h.AwaitPetitions(t.Context(), a, []string{p.Name}, func(approval.News) error { return gone }, func() error { return nil })
	same(t, "telling", err, gone)
	_, err = h.AwaitPetitions(t.Context(), a, []string{h.ask(vic).Name}, func(approval.News) error { return nil }, func() error { return gone })
	same(t, "sign of life", err, gone)
	for _, method := range []string{"PhasesByName", "PetitionsByName"} {
		h.store.BeforeRead = func(what string) error {
			if what == method {
				return approval.Errorf(approval.Unavailable, "away")
			}
			return nil
		}
		_, err = h.AwaitPetitions(t.Context(), a, []string{p.Name}, func(approval.News) error { return nil }, func() error { return nil })
		same(t, method, approval.CodeOf(err), approval.Unavailable)
	}
	h.broker.WaitForSubscribers(0)
}

func TestAwaitingLimits(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.actor(vic)
	none := a
	none.Scopes = []approval.Permission{}
	quiet := func(approval.News) error { return nil }
	for name, names := range map[string][]string{"none": nil, "too many": make([]string, approval.MaxAwaited+1), "no name": {"a\nb"}, "empty": {""}} {
		_, err := h.AwaitPetitions(t.Context(), a, names, quiet, nil)
		same(t, name, approval.CodeOf(err), approval.Invalid)
	}
	if _, err := h.AwaitPetitions(t.Context(), none, []string{h.ask(vic).Name}, quiet, nil); approval.CodeOf(err) != approval.Forbidden {
		t.Error(err)
	}
	most := make([]string, approval.MaxAwaited)
	for i := range most {
		most[i] = fmt.Sprint("missing-", i)
	}
	told := 0
	left, err := h.AwaitPetitions(t.Context(), a, most, func(n approval.News) error { told += len(n.Missing); return nil }, nil)
	if left != 0 || err != nil || told != len(most) {
		t.Error(left, err, told)
	}
	h.broker.WaitForSubscribers(0)
}

// A petition whose timer is late is told of as what time has made of it, never as granted (I3).
func TestWhatHasEndedIsNotToldAsGranted(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(vic)
	h.decide(bob, p, claim(approve, approval.LabelTimeDuration, "1h0m0s"))
	h.clock.Advance(2 * time.Hour)
	s := h.await(vic, p.Name)
	if got := s.told(); slices.Equal(got, []string{p.Name + " granted"}) {
		t.Error(got)
	}
	same(t, "end", <-s.ended, nil)
}

// No decision falls between: petitions are decided while streams come and go, and each is told of exactly once a stream.
func TestNoDecisionFallsBetweenStreams(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var petitions []approval.Petition
	var names []string
	for range racers {
		p := h.ask(vic)
		petitions, names = append(petitions, p), append(names, p.Name)
	}
	b, streams := h.actor(bob), []*stream{}
	for i, p := range petitions {
		if i%8 == 0 {
			streams = append(streams, h.await(vic, names...))
		}
		if _, _, err := h.Decide(t.Context(), b, p.Name, claim(approve), ""); err != nil {
			t.Fatal(err)
		}
	}
	for i, s := range streams {
		same(t, "end", <-s.ended, nil)
		close(s.news)
		told := map[string]int{}
		for n := range s.news {
			for _, p := range n.Decided {
				told[p.Name]++
			}
		}
		for _, name := range names {
			if told[name] != 1 {
				t.Errorf("stream %d told %d times of %s", i, told[name], name)
			}
		}
	}
	h.broker.WaitForSubscribers(0)
}
