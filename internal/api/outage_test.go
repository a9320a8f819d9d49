package api

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// outage makes readings fail: "" none, "all", or those of one method of the store.
type outage struct {
	*house
	what    atomic.Pointer[string]
	refused chan string // receives the method of each reading that failed
}

const lookAgain = 10 * time.Second

// newOutage adds outages to a house, where hints get lost and who waits looks by itself every ten seconds.
func newOutage(h *house) *outage {
	o := &outage{house: h, refused: make(chan string, 1000)}
	o.only("")
	h.service.WaitPoll = lookAgain
	h.store.BeforeRead = func(method string) error {
		if what := *o.what.Load(); what == "all" || what == method {
			o.refused <- method
			return down()
		}
		return nil
	}
	return o
}

func (o *outage) only(what string) { o.what.Store(&what) }

// begins makes everything fail, lets whoever is parked look, and answers when it is parked again. It has so many timers
// before and so many in the outage.
func (o *outage) begins(before, during int) {
	o.Helper()
	o.clock.WaitForSleepers(before)
	o.only("all")
	o.clock.Advance(lookAgain)
	<-o.refused
	o.clock.WaitForSleepers(during)
}

// Timers of who is parked: a call has those of its end and of its next look, a stream of events those of its next sign of
// life and its next look, a stream of petitions all three. In an outage streams have one more.
const (
	ofCall      = 2
	ofEvents    = 2
	ofPetitions = 3
)

// onlyTokens lets only the look-up of tokens fail from now on, and answers how to wait until one has.
func (o *outage) onlyTokens() (failed func()) {
	for len(o.refused) > 0 {
		<-o.refused
	}
	o.only("Token")
	return func() {
		for <-o.refused != "Token" {
		}
	}
}

// Who was parked when storage went away stays, inside the server and outside it, and hears of the decision.
func TestAParkedCallStaysThroughAnOutage(t *testing.T) {
	t.Parallel()
	for place, h := range map[string]func(t testing.TB) *house{
		"inside":  newHouse,
		"outside": func(t testing.TB) *house { h, _ := newSmallHouse(t); return h },
	} {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			o := newOutage(h(t))
			p := o.ask(theViewer)
			parked := o.park(t.Context(), o.token(theViewer), o.waiting(p))
			o.begins(ofCall, ofCall)
			o.only("")
			o.claim(theEditor, p.Name, "access/approve").ok(nil)
			var got petition
			if (<-parked).ok(&got); got.State.Status.Phase != approval.Granted || len(got.State.Claims) != 1 {
				t.Errorf("%+v", got.State)
			}
			o.broker.WaitForSubscribers(0)
		})
	}
}

// When its own time is up in an outage it is told to come back, and nothing else.
func TestAParkedCallWhoseTimeEndsInAnOutage(t *testing.T) {
	t.Parallel()
	o := newOutage(newHouse(t))
	parked := o.park(t.Context(), o.token(theViewer), o.waiting(o.ask(theViewer)))
	o.begins(ofCall, ofCall)
	o.clock.Advance(19 * time.Second)
	<-o.refused
	o.clock.WaitForSleepers(ofCall)
	if len(parked) != 0 {
		t.Error("answered before its time was up")
	}
	o.clock.Advance(time.Second)
	a := <-parked
	if a.refused(http.StatusServiceUnavailable, approval.Unavailable, ""); a.header.Get("Retry-After") == "" {
		t.Errorf("%v", a.header)
	}
	o.broker.WaitForSubscribers(0)
}

// While nobody can say whether a token is still good, nobody is told of a decision; who may not know any more never is.
func TestADecisionIsNotToldInAnOutageOfTokens(t *testing.T) {
	t.Parallel()
	for end, status := range map[string]int{"": http.StatusOK, "revoked": http.StatusUnauthorized, "suspended": http.StatusUnauthorized} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			o := newOutage(newHouse(t))
			o.token(theEditor)
			made, err := o.identity.CreateUserToken(t.Context(), o.actor(theViewer), "test", nil)
			o.must(err)
			p := o.ask(theViewer)
			parked := o.park(t.Context(), made.Secret, o.waiting(p))
			editor := o.actor(theEditor)
			o.clock.WaitForSleepers(ofCall)
			o.clock.Advance(2 * time.Second)
			failed := o.onlyTokens()
			_, _, err = o.service.Decide(t.Context(), editor, p.Name, approval.NewClaim{Event: approval.EventApprove}, "")
			o.must(err)
			failed()
			o.clock.WaitForSleepers(ofCall)
			if len(parked) != 0 {
				t.Error("answered although its token could not be looked up")
			}
			switch end {
			case "revoked":
				o.only("")
				o.must(o.identity.RevokeToken(t.Context(), o.actor(theViewer), made.Token.Name))
			case "suspended":
				_, err := o.service.PutMember(t.Context(), approval.System("acmecorp", "admin"), approval.Member{Email: theViewer, Role: approval.Viewer, Suspended: true})
				o.must(err)
			}
			o.only("")
			o.clock.Advance(5 * time.Second)
			if a := <-parked; a.status != status {
				t.Errorf("%d %s, want %d", a.status, a.body, status)
			}
		})
	}
}

func TestAWaitForManyStaysThroughAnOutage(t *testing.T) {
	t.Parallel()
	o := newOutage(newHouse(t))
	o.token(theEditor)
	p, q := o.ask(theViewer), o.ask(theViewer)
	f := o.await(o.token(theViewer), p.Name, q.Name)
	f.alive()
	editor := o.actor(theEditor)
	o.begins(ofPetitions, ofPetitions+1)
	o.clock.Advance(5 * time.Second)
	f.alive() // and nobody has asked whether it may
	failed := o.onlyTokens()
	_, _, err := o.service.Decide(t.Context(), editor, p.Name, approval.NewClaim{Event: approval.EventApprove}, "")
	o.must(err)
	failed()
	o.only("")
	o.clock.WaitForSleepers(ofPetitions + 1)
	o.clock.Advance(5 * time.Second)
	f.tells(p.Name, approval.Granted)
	o.claim(theEditor, q.Name, "access/deny").ok(nil)
	f.tells(q.Name, approval.Closed)
	f.ends(eventEnd)
}

func TestAStreamStaysThroughAnOutage(t *testing.T) {
	t.Parallel()
	o := newOutage(newHouse(t))
	o.token(theEditor)
	o.token(theViewer)
	f := o.follow(o.token(theAdmin), "")
	p, editor := o.ask(theViewer), o.actor(theEditor)
	if _, e, _ := f.next(); e.Petition() != p.Name {
		t.Fatalf("%+v", e)
	}
	o.begins(ofEvents, ofEvents+1)
	o.clock.Advance(5 * time.Second)
	f.alive()
	failed := o.onlyTokens()
	_, _, err := o.service.Decide(t.Context(), editor, p.Name, approval.NewClaim{Event: approval.EventDeny}, "")
	o.must(err)
	failed()
	o.only("")
	o.clock.WaitForSleepers(ofEvents + 1)
	o.clock.Advance(5 * time.Second)
	if _, e, ok := f.next(); !ok || e.Event != approval.EventDeny {
		t.Errorf("%+v %v", e, ok)
	}
	after := o.ask(theViewer)
	if _, e, ok := f.next(); !ok || e.Petition() != after.Name {
		t.Errorf("told twice, or not at all: %+v %v", e, ok)
	}
}

// A stream whose token ended in an outage is told nothing of what happened in it.
func TestAStreamEndsWithATokenThatEndedInAnOutage(t *testing.T) {
	t.Parallel()
	o := newOutage(newHouse(t))
	o.token(theEditor)
	made, err := o.identity.CreateUserToken(t.Context(), o.actor(theViewer), "test", nil)
	o.must(err)
	p := o.ask(theViewer)
	f := o.await(made.Secret, p.Name)
	f.alive()
	o.begins(ofPetitions, ofPetitions+1)
	o.only("")
	o.broker.Lose()
	o.must(o.identity.RevokeToken(t.Context(), o.actor(theViewer), made.Token.Name))
	o.claim(theEditor, p.Name, "access/approve").ok(nil)
	o.clock.Advance(5 * time.Second)
	f.ends("")
	o.broker.WaitForSubscribers(0)
}

// A stream that bears an outage gives up in the end: another node may have a database.
func TestAStreamEndsInALongOutage(t *testing.T) {
	t.Parallel()
	o := newOutage(newHouse(t))
	f := o.await(o.token(theViewer), o.ask(theViewer).Name)
	f.alive()
	o.begins(ofPetitions, ofPetitions+1)
	ended := make(chan string, 1)
	go func() {
		var rest []string
		for f.lines.Scan() {
			rest = append(rest, f.lines.Text())
		}
		ended <- strings.Join(rest, "\n")
	}()
	o.clock.Advance(approval.MaxWait)
	if told := <-ended; strings.Contains(told, "event:") {
		t.Errorf("%s", told)
	}
	o.broker.WaitForSubscribers(0)
}
