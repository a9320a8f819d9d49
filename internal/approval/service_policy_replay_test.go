package approval_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
)

// proposal is a document's verdict, by the reason that a petition gives.
func (h *house) wouldSay(verdicts map[string]approval.Verdict) {
	standing := h.rule.verdict
	h.rule.asked = func(in approval.PolicyInput) {
		h.rule.verdict = standing
		if v, has := verdicts[in.Petition.Reason]; has && in.Document.Version == 0 {
			h.rule.verdict = v
		}
	}
}

func because(reason string) func(*approval.NewPetition) {
	return func(n *approval.NewPetition) { n.Reason = reason }
}

func TestAReplayCountsWhatChanges(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	old := h.ask(vic, because("too old"))
	h.clock.Advance(time.Hour)
	since := h.clock.Now()
	same := h.ask(vic, because("the same"))
	granted := h.ask(vic, because("human to rule"))
	denied := h.ask(pat, because("denied"))
	h.clock.Advance(10 * time.Minute)
	h.decide(bob, granted, claim(approval.EventApprove))
	h.clock.Advance(10 * time.Minute)
	h.decide(bob, denied, claim(approval.EventDeny))
	h.rule.verdict = verdict(approval.VerdictApprove)
	automatic := h.ask(vic, because("rule to human"))
	h.rule.verdict = review(1)
	short := verdict(approval.VerdictReview)
	short.Requirements, short.MaxDuration = review(1).Requirements, time.Minute
	short.DefaultDuration = time.Minute
	long := h.ask(vic, because("for too long"), func(n *approval.NewPetition) { n.Duration = 2 * time.Hour })
	approves := verdict(approval.VerdictApprove)
	approves.Rule = "free"
	one := review(1)
	one.Rule, one.Requirements = "one", []approval.Requirement{{Reviewers: approval.Reviewers{Persons: []string{olga}}, Count: 1}}
	h.wouldSay(map[string]approval.Verdict{"human to rule": approves, "denied": approves, "rule to human": one, "for too long": short})
	before := len(h.named(""))

	r, err := h.ReplayPolicy(t.Context(), h.actor(pat), "another", since)
	if err != nil {
		t.Fatal(err)
	}
	if r.Petitions != 5 || r.Same != 1 || r.Regranted != 1 || r.Gone != 0 || r.More || r.Base != 1 || r.Weighed != 5 {
		t.Errorf("got %+v", r)
	}
	if diff := cmp.Diff(map[string]int{approval.FlipApproved: 2, approval.FlipReviewed: 1, approval.FlipRefused: 1}, r.Flipped); diff != "" {
		t.Error(diff)
	}
	var names []string
	for _, f := range r.Flips {
		names = append(names, f.Petition)
	}
	if diff := cmp.Diff([]string{long.Name, automatic.Name, denied.Name, granted.Name}, names); diff != "" || !r.Flips[2].Denied || r.Flips[3].Denied {
		t.Errorf("%s %s is the same, %s too old: %s", diff, same.Name, old.Name, names)
	}
	want := []approval.RuleReplay{{Rule: "free", After: 2, Decided: 2, Wait: 20 * time.Minute}, {Rule: "one", After: 1}, {Rule: "two eyes", Before: 5, After: 1}}
	if diff := cmp.Diff(want, r.Rules); diff != "" {
		t.Error(diff)
	}
	load := map[string]approval.ReviewerLoad{}
	for _, l := range r.Load {
		load[l.Person] = l
	}
	if load[olga].Before != 4 || load[olga].After != 2 || load[bob].Before != 4 || load[bob].After != 1 || load[vic].Before != 0 {
		t.Errorf("got %+v", r.Load)
	}
	if after := len(h.named("")); after != before {
		t.Errorf("%d events were written", after-before)
	}
}

// People are asked before and after, and not the same: three in two stages are not two in one.
func TestAReplayTellsWhoElseWouldBeAsked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = review(1)
	h.rule.verdict.Requirements = []approval.Requirement{
		{Reviewers: approval.Reviewers{Roles: []approval.Role{approval.Editor, approval.Owner}, Groups: []string{"a", "b"}}, Count: 1, RemindAfter: time.Hour},
		{Stage: 1, Reviewers: approval.Reviewers{Roles: []approval.Role{approval.Owner}}, Count: 1}}
	changed := func(change func(*approval.Verdict)) approval.Verdict {
		v := h.rule.verdict
		v.Requirements = append([]approval.Requirement{}, v.Requirements...)
		change(&v)
		return v
	}
	would, others := map[string]approval.Verdict{}, 0
	for reason, c := range map[string]struct {
		same   bool
		change func(*approval.Verdict)
	}{
		"as it was": {true, func(*approval.Verdict) {}},
		"another order": {true, func(v *approval.Verdict) {
			v.Requirements[0].Reviewers.Roles, v.Requirements[0].Reviewers.Groups = []approval.Role{approval.Owner, approval.Editor}, []string{"b", "a"}
		}},
		"told later":  {true, func(v *approval.Verdict) { v.Requirements[0].RemindAfter = 2 * time.Hour }},
		"one stage":   {false, func(v *approval.Verdict) { v.Requirements = v.Requirements[:1] }},
		"two at once": {false, func(v *approval.Verdict) { v.Requirements[1].Stage = 0 }},
		"more":        {false, func(v *approval.Verdict) { v.Requirements[0].Count = 2 }},
		"others":      {false, func(v *approval.Verdict) { v.Requirements[1].Reviewers.Roles = []approval.Role{approval.Editor} }},
		"escalated": {false, func(v *approval.Verdict) {
			v.Requirements[1].Escalate = []approval.Escalation{{After: time.Hour, Reviewers: approval.Reviewers{Groups: []string{"c"}}}}
		}},
		"two refuse": {false, func(v *approval.Verdict) { v.Denials = 2 }},
	} {
		would[reason] = changed(c.change)
		h.ask(vic, because(reason))
		if !c.same {
			others++
		}
	}
	h.wouldSay(would)
	r, err := h.ReplayPolicy(t.Context(), h.actor(pat), "another", time.Time{})
	if err != nil || r.Same != len(would)-others || r.Flipped[approval.FlipOthers] != others || len(r.Flips) != others {
		t.Errorf("got %+v, %v, want %d who ask others", r, err, others)
	}
}

// What was to begin later is asked as it was: no rule approves it in a replay either.
func TestAReplayKnowsWhatWasToBeginLater(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.later(time.Hour, because("later"))
	h.ask(vic, because("at once"))
	h.clock.Advance(2 * time.Hour)
	approves := verdict(approval.VerdictApprove)
	h.wouldSay(map[string]approval.Verdict{"later": approves, "at once": approves})
	r, err := h.ReplayPolicy(t.Context(), h.actor(pat), "another", time.Time{})
	if err != nil || r.Petitions != 2 || r.Flipped[approval.FlipApproved] != 1 || r.Flipped[approval.FlipOthers] != 1 {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestAReplayKnowsWhoHasGone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.ask(vic)
	h.write(approval.DeleteMember{ID: vic})
	r, err := h.ReplayPolicy(t.Context(), h.actor(pat), "another", time.Time{})
	if err != nil || r.Petitions != 1 || r.Gone != 1 || r.Same != 1 {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestAReplayReadsPageByPage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for range approval.MaxPageSize + 1 {
		h.ask(vic)
	}
	r, err := h.ReplayPolicy(t.Context(), h.actor(pat), "another", time.Time{})
	if err != nil || r.Petitions != approval.MaxPageSize+1 || r.Same != r.Petitions {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestAReplayIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	bound := h.actor(olga)
	bound.Scopes = []approval.Permission{approval.ReadPolicy}
	for _, c := range []struct {
		a     approval.Actor
		text  string
		since time.Time
		code  approval.Code
	}{
		{bound, "another", time.Time{}, approval.Forbidden},
		{h.actor(vic), "another", time.Time{}, approval.Forbidden}, // what a rule of theirs says of others would tell their roles and groups
		{h.actor(pat), "BROKEN", time.Time{}, approval.Invalid},
		{h.actor(pat), "another", h.clock.Now().Add(time.Second), approval.Invalid},
	} {
		if _, err := h.ReplayPolicy(t.Context(), c.a, c.text, c.since); approval.CodeOf(err) != c.code {
			t.Errorf("got %v, want %s", err, c.code)
		}
	}
}

// Each petition may cost a second under a document that is made to be slow.
func TestAReplayEnds(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for range 100 {
		h.ask(vic)
	}
	h.rule.asked = func(in approval.PolicyInput) {
		if in.Document.Version == 0 {
			h.clock.Advance(time.Second)
		}
	}
	r, err := h.ReplayPolicy(t.Context(), h.actor(pat), "slow", time.Time{})
	if err != nil || !r.More || r.Petitions < 30 || r.Petitions > 32 {
		t.Errorf("%d petitions, more %t, %v", r.Petitions, r.More, err)
	}
}

// slowDocuments takes as long as it is told to for a text that says so.
type slowDocuments struct {
	approvaltest.Documents
	begun chan struct{}
	end   chan struct{}
}

func (d slowDocuments) Examine(ctx context.Context, text string) (approval.Examination, error) {
	if text == "SLOW" {
		d.begun <- struct{}{}
		<-d.end
	}
	return d.Documents.Examine(ctx, text)
}

// Everybody may try a document. That must not keep owners from changing theirs, nor one space all others.
func TestWhoeverTriesTakesNoPlaceFromWhoeverChanges(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	slow := slowDocuments{begun: make(chan struct{}), end: make(chan struct{})}
	h.Documents = slow
	try := func(a approval.Actor, text string) error {
		_, err := h.ExaminePolicy(t.Context(), a, text)
		return err
	}
	elsewhere := h.actor(vic)
	elsewhere.Space = "other"
	var all sync.WaitGroup
	enter := func(a approval.Actor, n int) {
		for range n {
			all.Go(func() { _ = try(a, "SLOW") })
			<-slow.begun
		}
	}
	enter(h.actor(vic), 2)
	if err := try(h.actor(olga), "quick"); approval.CodeOf(err) != approval.TooMany {
		t.Errorf("a third of the space: %v", err)
	}
	enter(elsewhere, 2)
	third := elsewhere
	third.Space = "third"
	if err := try(third, "quick"); approval.CodeOf(err) != approval.TooMany {
		t.Errorf("a fifth of the node: %v", err)
	}
	if _, err := h.ApplyPolicy(t.Context(), h.actor(olga), approval.NewPolicy{Text: "another", Reason: "why", Expect: 1}); err != nil {
		t.Errorf("a change: %v", err)
	}
	close(slow.end)
	all.Wait()
	if err := try(h.actor(olga), "quick"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
