package approval_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// inspected is a house whose webhook applies grants and says who really has access.
type inspected struct {
	*house
	other   *approval.Service
	has     map[string]bool // in the real system, by person and resource
	asked   int
	applied int
	state   func(c approval.WebhookCall) *approval.WebhookAnswer // nil: as it is
}

const checked = "acme/roles/state"

func newInspected(t testing.TB) *inspected {
	t.Helper()
	h := newHouse(t)
	i := &inspected{house: h, other: h.another(), has: map[string]bool{}}
	h.hook(aHook())
	h.webhookPolicy(under(approval.PolicyBase{}), func(n *approval.NewWebhookPolicy) {
		n.Name, n.Calls = "both", []approval.WebhookKind{approval.WebhookApply, approval.WebhookState}
	})
	h.rule.verdict.DefaultDuration = 10 * 24 * time.Hour
	h.endpoints.Answer = func(_ approval.WebhookTarget, c approval.WebhookCall) approval.WebhookAnswer {
		answer := approval.WebhookAnswer{Outcome: approval.WebhookDone, Attempt: approval.WebhookAttempt{ID: c.ID, Kind: c.Kind, Status: 200}}
		if c.Kind == approval.WebhookState {
			i.asked++
			if i.state != nil {
				if other := i.state(c); other != nil {
					return *other
				}
			}
			answer.Access = i.has[c.State[0].ID+" "+c.State[1].ID]
			return answer
		}
		i.applied++
		last := c.Events[len(c.Events)-1]
		i.has[last.Resources[0].ID+" "+last.Resources[1].ID] = last.Event == approval.EventGrant
		return answer
	}
	return i
}

// due runs all jobs that are due now, those of checks on the node.
func (i *inspected) due(s *approval.Service) {
	i.t.Helper()
	ctx := i.t.Context()
	for ran := 1; ran > 0; {
		ran = 0
		for _, lane := range append(must(i.store.Lanes(ctx)), approval.Lane{}) {
			for _, j := range must(i.store.LeaseJobs(ctx, lane.Name, i.clock.Now(), time.Minute, 100)) {
				ran++
				i.endedOrAway(j, s.RunJob(ctx, j))
			}
		}
	}
}

// pass lets time go by, with all that is due in it.
func (i *inspected) pass(d time.Duration) {
	i.t.Helper()
	for until := i.clock.Now().Add(d); ; {
		i.due(i.Service)
		next := until
		if at, ok, err := i.store.NextJob(i.t.Context()); err == nil && ok && at.Before(next) {
			next = at
		}
		for _, lane := range must(i.store.Lanes(i.t.Context())) {
			if lane.Due.Before(next) {
				next = lane.Due
			}
		}
		if !next.After(i.clock.Now()) {
			next = i.clock.Now().Add(time.Millisecond)
		}
		i.clock.Set(next)
		if !next.Before(until) {
			i.due(i.Service)
			return
		}
	}
}

func (i *inspected) granted() approval.Petition {
	i.t.Helper()
	p := i.decide(eve, i.ask(vic), claim(approve))
	i.pass(0)
	return p
}

func (i *inspected) told(p approval.Petition) approval.Application {
	i.t.Helper()
	list := must(i.Applications(i.t.Context(), i.actor(vic), p.Name))
	same(i.t, "applications", len(list), 1)
	return list[0]
}

// drifts answers what the log says of drift, oldest first.
func (i *inspected) drifts(p approval.Petition) (events []string) {
	i.t.Helper()
	for _, e := range i.history(p) {
		if e.Event == approval.EventWebhookDrift || e.Event == approval.EventWebhookDriftEnd {
			events = append(events, strings.TrimPrefix(e.Event, "webhook/")+": "+e.Reason)
		}
	}
	return events
}

const (
	left    = "drift: there is access in the real system, and no grant gives it"
	lost    = "drift: there is a grant, and no access in the real system"
	driftOK = "driftEnd: it is as it should be"
	account = vic + " reset-password:123"
)

// After a revoke the webhook is asked whether access is gone, and the petition says that it is.
func TestTheEndOfAccessIsConfirmed(t *testing.T) {
	t.Parallel()
	i := newInspected(t)
	p := i.granted()
	same(t, "asked at once", i.asked, 0)
	i.pass(10 * time.Second)
	same(t, "asked after the grant", i.asked, 1)
	i.decide(bob, p, claim(revoke))
	i.pass(9 * time.Second)
	if a := i.told(p); a.State != approval.ApplicationEnded || !a.ConfirmTime.IsZero() {
		t.Errorf("before it was asked: %+v", a)
	}
	i.pass(time.Second)
	if a := i.told(p); !a.ConfirmTime.Equal(i.clock.Now()) || a.Drift != "" {
		t.Errorf("after it was asked: %+v", a)
	}
	sameList(t, "drift", i.drifts(p))
	d := must(i.Deliveries(t.Context(), i.actor(bob), approval.DeliveryQuery{Webhook: "roles"})).Items[0]
	if d.Kind != approval.WebhookState || d.Petition != p.Name || d.Outcome != approval.WebhookDone {
		t.Errorf("the log of calls has %+v", d)
	}
	// For a week it is asked in every six hours, and then no more.
	before := i.asked
	i.pass(14 * 24 * time.Hour)
	if asked := i.asked - before; asked < 25 || asked > 29 {
		t.Errorf("asked %d times within the week", asked)
	}
	if _, ok := i.store.Job("state/acme/roles"); ok {
		t.Error("there is a job left")
	}
	log := must(i.Deliveries(t.Context(), i.actor(bob), approval.DeliveryQuery{Webhook: "roles"})).Items
	same(t, "what agrees fills no log", len(log), 3)
}

// Access that is left behind, or missing, is told when it was seen twice, once, and so is its end.
func TestDriftIsToldWhenItIsSeenTwice(t *testing.T) {
	t.Parallel()
	i := newInspected(t)
	p := i.granted()
	i.has[account] = false
	i.pass(10 * time.Second)
	sameList(t, "seen once", i.drifts(p))
	i.pass(time.Minute)
	sameList(t, "seen twice", i.drifts(p), lost)
	i.pass(24 * time.Hour)
	sameList(t, "a day later", i.drifts(p), lost)
	if a := i.told(p); a.Drift != approval.DriftLost || a.State != approval.ApplicationApplied {
		t.Errorf("it is %+v", a)
	}
	i.has[account] = true
	i.pass(7 * time.Hour)
	sameList(t, "healed", i.drifts(p), lost, driftOK)
	i.decide(bob, p, claim(revoke))
	i.pass(time.Second)
	i.has[account] = true // by hand
	i.pass(9 * time.Second)
	sameList(t, "left, seen once", i.drifts(p), lost, driftOK)
	i.pass(time.Minute)
	sameList(t, "left", i.drifts(p), lost, driftOK, left)
	c := must(i.WebhookCondition(t.Context(), i.actor(pat), "roles"))
	if n := must(i.DriftedAccess(t.Context())); n != 1 || c.Drifts != 1 || len(c.Drifted) != 1 || c.Drifted[0].Petition != p.Name || c.Drifted[0].Drift != approval.DriftLeft {
		t.Errorf("%d, the condition is %+v", n, c)
	}
	i.pass(10 * 24 * time.Hour) // it is looked at for as long as it lasts
	i.has[account] = false
	i.pass(7 * time.Hour)
	sameList(t, "taken away", i.drifts(p), lost, driftOK, left, driftOK)
	if a := i.told(p); a.ConfirmTime.IsZero() || a.Drift != "" || must(i.DriftedAccess(t.Context())) != 0 {
		t.Errorf("it is %+v", a)
	}
}

// What was seen once, and not again, is nothing; and so is what the endpoint does not say.
func TestWhatIsNoDrift(t *testing.T) {
	t.Parallel()
	answer := func(o approval.WebhookOutcome, code int) *approval.WebhookAnswer {
		return &approval.WebhookAnswer{Outcome: o, Code: code, Problem: "no", Attempt: approval.WebhookAttempt{ID: "msg_1", Kind: approval.WebhookState, Status: 500}}
	}
	for name, state := range map[string]func(i *inspected) *approval.WebhookAnswer{
		"once": func(i *inspected) *approval.WebhookAnswer {
			a := answer(approval.WebhookDone, 0)
			a.Access = i.asked%2 == 0
			return a
		},
		"failing":   func(*inspected) *approval.WebhookAnswer { return answer(approval.WebhookAgain, 14) },
		"refused":   func(*inspected) *approval.WebhookAnswer { return answer(approval.WebhookRefused, 12) },
		"dry run":   func(*inspected) *approval.WebhookAnswer { return answer(approval.WebhookNotSent, 0) },
		"gone":      func(*inspected) *approval.WebhookAnswer { return answer(approval.WebhookGone, 0) },
		"meanwhile": nil,
	} {
		i := newInspected(t)
		var p approval.Petition
		i.state = func(approval.WebhookCall) *approval.WebhookAnswer {
			if state != nil {
				return state(i)
			}
			if i.asked == 1 { // it is revoked while the endpoint looks, and the endpoint looks too early
				i.decide(bob, p, claim(revoke))
				a := answer(approval.WebhookDone, 0)
				a.Access = true
				return a
			}
			return nil
		}
		p = i.granted()
		i.pass(3 * time.Minute)
		sameList(t, name, i.drifts(p))
		if i.asked == 0 {
			t.Errorf("%s: it was never asked", name)
		}
	}
}

// Who does not know the account does not have it.
func TestAnAccountThatIsNotKnownHasNoAccess(t *testing.T) {
	t.Parallel()
	i := newInspected(t)
	p := i.granted()
	i.state = func(approval.WebhookCall) *approval.WebhookAnswer {
		return &approval.WebhookAnswer{Outcome: approval.WebhookRefused, Code: 5, Problem: "NOT_FOUND"}
	}
	i.decide(bob, p, claim(revoke))
	i.pass(20 * time.Second)
	if i.told(p).ConfirmTime.IsZero() {
		t.Error("that there is no such account does not count")
	}
}

// Access that another grant gives is no drift, and its end is not confirmed.
func TestAccessThatGoesOnIsNoDrift(t *testing.T) {
	t.Parallel()
	i := newInspected(t)
	first, second := i.granted(), i.granted()
	i.decide(bob, first, claim(revoke))
	i.pass(24 * time.Hour)
	sameList(t, "drift", slices.Concat(i.drifts(first), i.drifts(second)))
	if a := i.told(first); a.KeptBy != second.Name || !a.ConfirmTime.IsZero() {
		t.Errorf("it is %+v", a)
	}
	i.decide(bob, second, claim(revoke))
	i.pass(20 * time.Second)
	if i.told(second).ConfirmTime.IsZero() {
		t.Error("the end of the second is not confirmed")
	}
}

// A policy that is made later has the webhook asked about what it applied before, and one that goes ends that.
func TestAPolicyForStatesTakesUpWhatIsThere(t *testing.T) {
	t.Parallel()
	i := newInspected(t)
	set := func(calls ...approval.WebhookKind) {
		t.Helper()
		must(i.ChangeWebhookPolicy(t.Context(), i.actor(bob), "both", approval.WebhookPolicyChange{Calls: calls}))
	}
	set(approval.WebhookApply)
	p := i.granted()
	i.has[account] = false
	i.pass(24 * time.Hour)
	same(t, "asked without a policy", i.asked, 0)
	set(approval.WebhookApply, approval.WebhookState)
	i.pass(2 * time.Minute)
	sameList(t, "drift", i.drifts(p), lost)
	set(approval.WebhookApply)
	i.pass(7 * time.Hour)
	sameList(t, "after the policy", i.drifts(p), lost, "driftEnd: it is not asked about any more")
	before := i.asked
	i.pass(24 * time.Hour)
	same(t, "asked afterwards", i.asked, before)
}

// The node dies at each write of the checks, before it arrives or after: drift and its end are told once all the same, and access is
// told to the webhook no more often.
func TestChecksThatAreInterruptedTellOnce(t *testing.T) {
	t.Parallel()
	down := approval.Errorf(approval.Unavailable, "the node is dead")
	for at := 1; at <= 8; at++ {
		i := newInspected(t)
		p := i.granted()
		i.has[account] = false
		writes, dead := 0, false
		write := func() error {
			if writes++; writes == at || dead {
				dead = true
				return down
			}
			return nil
		}
		i.store.BeforeNote = func([]approval.Write) error { return write() }
		i.store.BeforeCommit = func(approval.Change) error { return write() }
		i.store.AfterCommit = func(approval.Change) error { return write() }
		for range 4 {
			i.clock.Advance(time.Minute)
			for _, j := range must(i.store.LeaseJobs(t.Context(), checked, i.clock.Now(), time.Minute, 1)) {
				_ = i.RunJob(t.Context(), j) // its end is not written either
			}
		}
		i.store.BeforeNote, i.store.BeforeCommit, i.store.AfterCommit = nil, nil, nil
		i.pass(7 * time.Hour)
		sameList(t, fmt.Sprint("dead at write ", at), i.drifts(p), lost)
		i.has[account] = true
		i.pass(7 * time.Hour)
		sameList(t, fmt.Sprint("dead at write ", at), i.drifts(p), lost, driftOK)
		same(t, "grants that were told", i.applied, 1)
	}
}

// Two nodes look at the same time: one of them writes what it saw.
func TestTwoNodesTellDriftOnce(t *testing.T) {
	t.Parallel()
	i := newInspected(t)
	p := i.granted()
	i.has[account] = false
	depth := 0
	i.state = func(approval.WebhookCall) *approval.WebhookAnswer {
		if depth++; depth == 1 {
			i.clock.Advance(time.Minute) // the lease of the first is over, and it does not know
			i.due(i.other)
		}
		depth--
		return nil
	}
	for range 3 {
		i.pass(2 * time.Minute)
	}
	sameList(t, "drift", i.drifts(p), lost)
}

// Checks are few at a time, and what came first comes first.
func TestChecksAreBounded(t *testing.T) {
	t.Parallel()
	i := newInspected(t)
	for n := range 120 {
		p := i.ask(vic, func(np *approval.NewPetition) { np.Resources[0].ID = fmt.Sprint("thing", n) })
		i.decide(eve, p, claim(approve))
	}
	i.pass(0)
	i.clock.Advance(10 * time.Second)
	var runs []int
	for i.asked < 120 {
		before := i.asked
		jobs := must(i.store.LeaseJobs(t.Context(), checked, i.clock.Now(), time.Minute, 10))
		for _, j := range jobs {
			var later approval.Later
			if err := i.RunJob(t.Context(), j); !errors.As(err, &later) {
				t.Fatal(err)
			}
			must(0, i.store.RetryJob(t.Context(), j, later.At))
		}
		runs = append(runs, i.asked-before)
		i.clock.Advance(time.Second)
	}
	sameList(t, "asked at once", slices.DeleteFunc(runs, func(n int) bool { return n == 0 }), 50, 50, 20)
}
