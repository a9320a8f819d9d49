package approval_test

import (
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// hours lets hours pass in which nobody does anything.
func (h *house) hours(n int) {
	h.t.Helper()
	for range n {
		h.clock.Advance(time.Hour)
		h.run()
	}
}

// on has bob on call in the next hours, and from later on again; nobody else is.
func (h *house) on(until, again time.Duration) {
	begin := h.clock.Now()
	h.rule.duty = func(at time.Time) approval.OnCall {
		if passed := at.Sub(begin); passed >= until && passed < again {
			return approval.OnCall{}
		}
		return approval.OnCall{Persons: []string{bob}}
	}
}

// The last shift in which somebody could decide passes without a word: within about an hour the log says so, once.
func TestAShiftThatPassesIsToldWithoutAnyChange(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.on(5*time.Hour, 100*time.Hour)
	h.rule.verdict = staged(approval.Requirement{Count: 1, Reviewers: approval.Reviewers{OnCall: []string{"primary"}}})
	p := h.ask(vic)
	other := h.ask(vic)
	h.hours(4)
	sameList(t, "log before", h.log(p), "access/request")
	h.hours(2)
	for _, p := range []approval.Petition{p, other} {
		if now := h.now(p); !strings.Contains(now.Stuck, "only 0 may give one") {
			t.Errorf("got %q", now.Stuck)
		}
		h.conserves(p)
	}
	h.hours(10)
	sameList(t, "log", h.log(p), "access/request", "access/unsatisfiable")

	// Another system says who is on call, and says otherwise now: nothing of this space has changed.
	h.rule.duty = func(time.Time) approval.OnCall { return approval.OnCall{Persons: []string{bob}} }
	h.hours(1)
	sameList(t, "log at the end", h.log(p), "access/request", "access/unsatisfiable", "access/satisfiable")
	same(t, "granted", h.decide(bob, p, claim(approve)).Phase, approval.Granted)
}

// Whoever comes to review a later stage by an escalation comes too late once the stage before has waited for too long.
func TestAnEscalationThatWouldComeTooLateIsTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	late := named(1, 1, vic)
	late.Escalate = []approval.Escalation{{After: 6 * time.Hour, Reviewers: approval.Reviewers{Persons: []string{eve}}}}
	h.rule.verdict = staged(named(0, 1, bob), late)
	p := h.ask(vic)
	same(t, "at the beginning", p.Stuck, "")
	h.hours(17)
	same(t, "while there is time", h.now(p).Stuck, "")
	h.hours(2)
	if now := h.now(p); !strings.Contains(now.Stuck, "stage 2: 1 approval by "+vic) {
		t.Errorf("got %q", now.Stuck)
	}
	h.conserves(p)
}

// An approval that was given for an end which has come counts for nothing: its stage begins anew.
func TestAnApprovalWhoseEndHasComeIsNoticed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := named(0, 1, bob)
	first.RemindAfter = 2 * time.Hour
	h.rule.verdict = staged(first, named(1, 1, olga))
	p := h.ask(vic)
	p = h.decide(bob, p, claim(approve, approval.LabelTimeExpires, h.clock.Now().Add(90*time.Minute).Format(time.RFC3339)))
	same(t, "stage", p.Progress.Stage, 1)
	h.hours(3)
	now := h.now(p)
	same(t, "stage again", now.Progress.Stage, 0)
	sameList(t, "log", h.log(p), "access/request", "access/approve", "access/recount")
	h.conserves(p)
}

// What a review of a broken glass waits for is looked at, too.
func TestAReviewThatTimeMakesStuckIsTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.on(5*time.Hour, 100*time.Hour)
	h.rule.verdict = glass(approval.Requirement{Count: 1, Reviewers: approval.Reviewers{OnCall: []string{"primary"}}})
	p := h.ask(vic, func(n *approval.NewPetition) { n.Labels = map[string]string{approval.LabelBreakGlass: "true"} })
	h.hours(6)
	if now := h.now(p); !strings.Contains(now.Stuck, "nobody can ratify this") {
		t.Errorf("got %q", now.Stuck)
	}
	h.conserves(p)
}

// Time alone may make a kind of petition stuck, whether or not one waits.
func TestAPolicyThatTimeMakesStuckIsTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.applied(olga, "UNTIL "+h.clock.Now().Add(5*time.Hour).Format(time.RFC3339), 1)
	h.hours(4)
	sameList(t, "before", h.findings())
	h.hours(2)
	sameList(t, "told", h.findings(), "policy/stuck until 2")
	h.hours(10)
	sameList(t, "told once", h.findings(), "policy/stuck until 2")
}

// In a space where time changes nothing an hour costs the policy and the list of what waits.
func TestAnHourInWhichTimeChangesNothingCostsLittle(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.ask(vic)
	h.settled()
	read := map[string]int{}
	h.store.BeforeRead = func(what string) error {
		read[what]++
		return nil
	}
	h.hours(24)
	for _, what := range []string{"Members", "Member", "PolicyHealth", "Resources"} {
		same(t, what, read[what], 0)
	}
	if n := read["Policy"]; n < 23 || n > 25 {
		t.Errorf("the policy was read %d times in 24 hours", n)
	}
}

// A space that was deleted is looked at no more, and again when it is back; a change of the directory brings back a job that got
// lost, and many changes do not put it off.
func TestTheHourlyLookIsThereForAsLongAsItsSpace(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	there := func() bool {
		_, ok := h.store.Job(approval.JobHourly + "/acme")
		return ok
	}
	same(t, "from the beginning", there(), true)
	if err := h.DeleteSpace(t.Context(), h.actor(olga)); err != nil {
		t.Fatal(err)
	}
	h.hours(2)
	same(t, "of a deleted space", there(), false)
	if _, err := h.RestoreSpace(t.Context(), approval.System("acme", "admin")); err != nil {
		t.Fatal(err)
	}
	same(t, "when it is back", there(), true)
	h.write(approval.DeleteJob{Key: approval.JobHourly + "/acme"})
	h.suspend(pat, true)
	same(t, "after a change", there(), true)
	before, _ := h.store.Job(approval.JobHourly + "/acme")
	for before.RunTime.Sub(h.clock.Now()) > time.Minute {
		h.clock.Advance(before.RunTime.Sub(h.clock.Now()) / 2)
		h.suspend(pat, false)
		h.suspend(pat, true)
	}
	after, _ := h.store.Job(approval.JobHourly + "/acme")
	same(t, "when it is due", after.RunTime, before.RunTime)
}

// Spaces are spread over the hour.
func TestManySpacesAreNotLookedAtAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	minutes := map[int]int{}
	for _, name := range strings.Fields("a b c d e f g h i j k l m n o p q r s t u v w x y z") {
		if _, err := h.CreateSpace(t.Context(), approval.NewSpace{Name: "space-" + name, Owner: olga, Policy: "v1"}); err != nil {
			t.Fatal(err)
		}
		j, ok := h.store.Job(approval.JobHourly + "/space-" + name)
		if wait := j.RunTime.Sub(h.clock.Now()); !ok || wait <= 0 || wait > time.Hour {
			t.Fatalf("%s is looked at in %s, %v", name, wait, ok)
		}
		minutes[j.RunTime.Minute()/10]++
	}
	if len(minutes) < 5 {
		t.Errorf("26 spaces in the tens of minutes %v", minutes)
	}
}
