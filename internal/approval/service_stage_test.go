package approval_test

import (
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func named(stage, count int, persons ...string) approval.Requirement {
	return approval.Requirement{Stage: stage, Count: count, Reviewers: approval.Reviewers{Persons: persons}}
}

// staged is a verdict with these requirements.
func staged(requirements ...approval.Requirement) approval.Verdict {
	v := review(1)
	v.Requirements = requirements
	return v
}

// whoIs answers the member as identity would: with every name that the space knows it by.
func (h *house) whoIs(id string) approval.Actor {
	h.t.Helper()
	m, err := h.store.Member(h.t.Context(), "acme", id)
	if err != nil {
		h.t.Fatal(err)
	}
	a, err := h.ActorOf(h.t.Context(), m, "", nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

// A stage decides once the one before it is met; who comes too early is told for whom it waits.
func TestStagesComeInOrder(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = staged(named(0, 1, bob, eve), named(1, 1, olga))
	p := h.ask(vic)
	refusals := len(h.refusals())
	_, err := h.try(olga, p, claim(approve))
	h.refused(refusals, err, approval.Forbidden, "it waits for "+bob+" or "+eve+" first: a later stage is yours", olga, p.Name)
	_, err = h.try(olga, p, claim(deny))
	same(t, "a refusal before the stage", approval.CodeOf(err), approval.Forbidden)
	sameList(t, "unmet", p.Unmet(), "stage 1: 0 of 1 approvals by "+bob+" or "+eve, "stage 2: 0 of 1 approvals by "+olga)

	h.clock.Advance(time.Hour)
	p = h.decide(bob, p, claim(approve))
	same(t, "phase", p.Phase, approval.Open)
	same(t, "stage", p.Progress.Stage, 1)
	same(t, "since", p.Progress.Since, h.clock.Now())
	_, err = h.try(eve, p, claim(approve))
	if approval.CodeOf(err) != approval.Forbidden || !strings.Contains(err.Error(), "your stage is met: it waits for "+olga) {
		t.Error(err)
	}
	p = h.decide(olga, p, claim(approve))
	same(t, "phase", p.Phase, approval.Granted)
	sameList(t, "log", h.log(p), "access/request", "access/refused", "access/refused", "access/approve", "access/refused", "access/approve", "access/grant")
	h.conserves(p)
}

// One approval counts for all that the person fits in the stage, and for nothing in the next: who is in both agrees twice,
// unless the second asks for others.
func TestOneWhoIsInTwoStages(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = staged(named(0, 1, bob), approval.Requirement{Count: 1, Reviewers: approval.Reviewers{Roles: []approval.Role{approval.Editor}}}, named(1, 1, bob))
	p := h.decide(bob, h.ask(vic), claim(approve))
	same(t, "requirements", p.Claims[0].Label(approval.LabelRequirements), "0,1")
	same(t, "phase after the first", p.Phase, approval.Open)
	p = h.decide(bob, p, claim(approve))
	same(t, "phase", p.Phase, approval.Granted)
	h.conserves(p)

	other := named(1, 1, bob, eve)
	other.DistinctFrom = []int{0}
	h.rule.verdict = staged(named(0, 1, bob), other)
	p = h.decide(bob, h.ask(vic), claim(approve))
	_, err := h.try(bob, p, claim(approve))
	if approval.CodeOf(err) != approval.Forbidden || !strings.Contains(err.Error(), "who approved an earlier stage does not count here") {
		t.Error(err)
	}
	same(t, "phase", h.decide(eve, p, claim(approve)).Phase, approval.Granted)

	h.rule.verdict = staged(named(0, 2, bob, eve), named(1, 1, olga))
	p = h.decide(bob, h.ask(vic), claim(approve))
	_, err = h.try(bob, p, claim(approve))
	same(t, "twice in a stage", approval.CodeOf(err), approval.Conflict)
}

// Who approved a stage and was found to be the person of another who did in the next counts in one of them.
func TestDistinctStagesAcrossLinkedIdentities(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	second := named(1, 2, eve, olga, pat)
	second.DistinctFrom = []int{0}
	h.rule.verdict = staged(named(0, 1, bob), second)
	p := h.decide(bob, h.ask(vic), claim(approve))
	p = h.decide(eve, p, claim(approve))
	if _, err := h.LinkIdentity(t.Context(), h.actor(olga), bob, eve); err != nil {
		t.Fatal(err)
	}
	p = h.decide(olga, p, claim(approve))
	same(t, "phase with bob as eve", p.Phase, approval.Open)
	p = h.decide(pat, p, claim(approve))
	same(t, "phase with another", p.Phase, approval.Granted)
}

// A reviewer of the first stage who has left leaves it unmet: it decides again, whoever has agreed behind it.
func TestAStageWhoseReviewerLeft(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = staged(named(0, 1, bob, eve), named(1, 2, olga, pat, bob))
	p := h.decide(bob, h.ask(vic), claim(approve))
	p = h.decide(olga, p, claim(approve))
	if err := h.RemoveMember(t.Context(), h.actor(olga), bob); err != nil {
		t.Fatal(err)
	}
	_, err := h.try(pat, p, claim(approve))
	if approval.CodeOf(err) != approval.Forbidden || !strings.Contains(err.Error(), "it waits for "+bob+" or "+eve+" first") {
		t.Fatal(err)
	}
	p = h.decide(eve, p, claim(approve))
	same(t, "phase", p.Phase, approval.Open)
	same(t, "phase at the end", h.decide(pat, p, claim(approve)).Phase, approval.Granted)
}

// A rule may ask for several refusals, by distinct persons; who asks withdraws alone.
func TestDenials(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = review(2)
	h.rule.verdict.Denials = 2
	p := h.decide(bob, h.ask(vic), claim(deny))
	same(t, "phase after one", p.Phase, approval.Open)
	for _, event := range []string{deny, approve} {
		_, err := h.try(bob, p, claim(event))
		if approval.CodeOf(err) != approval.Conflict || !strings.Contains(err.Error(), bob+" has already refused") {
			t.Error(event, err)
		}
	}
	p = h.decide(eve, p, claim(approve))
	p = h.decide(eve, p, claim(deny))
	same(t, "phase after two, one of whom had agreed", p.Phase, approval.Closed)
	same(t, "outcome", p.Outcome, approval.OutcomeDenied)
	same(t, "who", p.Decision.Actor.ID, eve)
	h.conserves(p)

	p = h.decide(vic, h.ask(vic), claim(deny))
	same(t, "outcome of a withdrawal", p.Outcome, approval.OutcomeWithdrawn)

	h.rule.verdict = review(2)
	h.rule.verdict.Denials = 3
	p = h.decide(bob, h.ask(vic), claim(approve))
	p = h.decide(bob, p, claim(deny))
	p = h.decide(eve, p, claim(approve))
	same(t, "phase with an approval that was taken back", p.Phase, approval.Open)
	same(t, "phase with two others", h.decide(olga, p, claim(approve)).Phase, approval.Granted)
}

// Escalation adds reviewers as time passes, one level after the other, from when the stage began.
func TestEscalation(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	second := named(1, 1, bob)
	second.RemindAfter = 30 * time.Minute
	second.Escalate = []approval.Escalation{{After: time.Hour, Reviewers: approval.Reviewers{Persons: []string{eve}}},
		{After: 2 * time.Hour, Reviewers: approval.Reviewers{Roles: []approval.Role{approval.Owner}}}}
	h.rule.verdict = staged(named(0, 1, pat), second)
	p := h.ask(vic)
	kind, _ := h.timer(p)
	same(t, "timer of a stage without", kind, approval.JobExpire)
	h.clock.Advance(5 * time.Hour)
	began := h.clock.Now()
	p = h.decide(pat, p, claim(approve))
	kind, at := h.timer(p)
	same(t, "timer", kind, approval.JobRemind)
	same(t, "time", at, began.Add(30*time.Minute))
	_, err := h.try(eve, p, claim(approve))
	same(t, "before the escalation", approval.CodeOf(err), approval.Forbidden)

	h.clock.Advance(30 * time.Minute)
	same(t, "jobs", h.run(), 1)
	p = h.now(p)
	sameList(t, "reminded", p.Progress.Reminded, 1)
	kind, at = h.timer(p)
	same(t, "timer", kind, approval.JobEscalate)
	same(t, "time", at, began.Add(time.Hour))

	h.clock.Advance(90 * time.Minute) // both levels, late: who comes first has them done
	p, err = h.Petition(t.Context(), h.actor(vic), p.Name)
	if err != nil {
		t.Fatal(err)
	}
	sameList(t, "levels", p.Progress.Levels, 0, 2)
	kind, at = h.timer(p)
	same(t, "timer", kind, approval.JobExpire)
	same(t, "time", at, p.ExpireTime)
	sameList(t, "unmet", p.Unmet(), "stage 2: 0 of 1 approvals by "+bob+" or "+eve+" or Owner")
	history := h.history(p)
	last := history[len(history)-1]
	same(t, "last event", last.Event, approval.EventEscalate)
	same(t, "its level", last.Label(approval.LabelLevel), "2")
	sameList(t, "whom it tells", p.Audience(last)[0].Roles, approval.Owner)
	same(t, "phase", h.decide(olga, p, claim(approve)).Phase, approval.Granted)
	h.conserves(p)
}

// What has expired is not escalated, and a requirement that is met wakes nobody.
func TestNoEscalationWhereNoneIsNeeded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := named(0, 1, bob)
	r.Escalate = []approval.Escalation{{After: time.Hour, Reviewers: approval.Reviewers{Persons: []string{eve}}}, {After: 48 * time.Hour, Reviewers: approval.Reviewers{Persons: []string{olga}}}}
	h.rule.verdict = staged(r, named(0, 1, pat))
	p := h.decide(bob, h.ask(vic), claim(approve))
	kind, _ := h.timer(p)
	same(t, "timer", kind, approval.JobExpire)

	p = h.ask(vic)
	h.clock.Advance(72 * time.Hour)
	h.run()
	sameList(t, "log", h.log(p), "access/request", "access/expire")
}
