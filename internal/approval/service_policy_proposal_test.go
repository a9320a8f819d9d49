package approval_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func asError(err error, to **approval.Error) bool { return errors.As(err, to) }

const demanding = "v2 PETITION"

// governed is a house whose policy demands that changes of it are granted; bob and eve review.
func governed(t *testing.T) *house {
	t.Helper()
	h := newHouse(t)
	h.applied(olga, demanding, 1)
	return h
}

func (h *house) proposed(text string, expect int64) approval.Petition {
	h.t.Helper()
	c := h.applied(olga, text, expect)
	if c.Petition == nil || c.Document.Version != expect {
		h.t.Fatalf("no petition was made: %+v", c)
	}
	return *c.Petition
}

func TestAChangeOfAGovernedPolicyIsAPetition(t *testing.T) {
	t.Parallel()
	h := governed(t)
	p := h.proposed("v3", 2)
	if h.version() != 2 || p.Phase != approval.Open || p.Verdict.PolicyVersion != 2 {
		t.Fatalf("version %d, %+v", h.version(), p)
	}
	var params struct{ BaseVersion, TextDigest, Diff any }
	if err := json.Unmarshal(p.Params, &params); err != nil || params.TextDigest != approval.PolicyDigest("v3") || params.BaseVersion != 2.0 || params.Diff != "-v2 PETITION\n+v3\n" {
		t.Errorf("it is decided on %s", p.Params)
	}
	proposal, diff, err := h.Proposal(t.Context(), h.actor(vic), p.Name)
	if err != nil || proposal.Text != "v3" || proposal.Base != 2 || diff != "-v2 PETITION\n+v3\n" {
		t.Errorf("got %+v %q, %v", proposal, diff, err)
	}
	if _, err := h.try(olga, p, claim(approval.EventApprove)); approval.CodeOf(err) != approval.Forbidden {
		t.Errorf("whoever asks has decided: %v", err)
	}
	h.clock.Advance(time.Minute)
	granted := h.decide(bob, p, claim(approval.EventApprove))
	current, err := h.CurrentPolicy(t.Context(), h.actor(vic))
	if err != nil || granted.Phase != approval.Granted || current.Version != 3 || current.Text != "v3" || current.CreatedBy != olga || current.Petition != p.Name || current.Reason != "because v3" {
		t.Errorf("%s, %+v, %v", granted.Phase, current, err)
	}
	events := h.named(approval.EventPolicyUpdate)
	if len(events) != 2 || events[0].Actor.ID != bob || events[0].Petition() != p.Name || events[0].Label(approval.LabelPolicyVersion) != "3" {
		t.Errorf("the log has %+v", events[0])
	}
	// v3 demands nothing, so the next change is made at once.
	if c := h.applied(olga, "v4", 3); c.Petition != nil || h.version() != 4 {
		t.Errorf("got %+v", c)
	}
}

func TestNoWayLeadsAroundTheReviewOfAPolicy(t *testing.T) {
	t.Parallel()
	h := governed(t)
	c, err := h.RollBackPolicy(t.Context(), h.actor(olga), 1, approval.NewPolicy{Reason: "back", Expect: 2})
	if err != nil || c.Petition == nil || h.version() != 2 {
		t.Errorf("a rollback made %+v, %v", c, err)
	}
	forged := approval.NewPetition{Reason: "x", Resources: []approval.Resource{{Kind: "other", ID: "x"}, {Kind: approval.KindPolicy, ID: "acme"}}}
	if _, _, err := h.CreatePetition(t.Context(), h.actor(olga), forged, ""); approval.CodeOf(err) != approval.Invalid {
		t.Errorf("a petition that only looks like a change was made: %v", err)
	}
	twin := approval.NewPetition{Reason: "x", Resources: []approval.Resource{{Kind: "Indent/Policy", ID: "acme"}}}
	if _, _, err := h.CreatePetition(t.Context(), h.actor(olga), twin, ""); approval.CodeOf(err) != approval.Invalid {
		t.Errorf("a petition of a kind that reads the same was made: %v", err)
	}
	mine := h.ask(vic)
	if _, err := h.ReplacePetition(t.Context(), h.actor(vic), mine.Name, forged); approval.CodeOf(err) != approval.Invalid {
		t.Errorf("a petition was replaced by one that only looks like a change: %v", err)
	}
	// A rule that would approve it does not: a change is reviewed.
	h.rule.verdict = verdict(approval.VerdictApprove)
	if _, err := h.apply(olga, "v3", 2); approval.CodeOf(err) != approval.Internal || h.version() != 2 {
		t.Errorf("got %v", err)
	}
	if d := h.decide(bob, *c.Petition, claim(approval.EventDeny)); d.Phase != approval.Closed || h.version() != 2 {
		t.Errorf("a denied change holds")
	}
}

// A document that the server cannot read any more might have demanded a review.
func TestAPolicyThatCannotBeReadIsChangedUnderReview(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.write(approval.PutPolicy{Document: approval.PolicyDocument{Space: "acme", Version: 2, Text: "BROKEN"}})
	if p := h.proposed("v3", 2); p.Phase != approval.Open || h.version() != 2 {
		t.Errorf("got %+v", p)
	}
}

func TestAGrantedChangeThatCannotBeAppliedIsClosed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before func(h *house)
		says   string
	}{
		"of a version that does not hold any more": {func(h *house) {
			other := h.proposed("faster", 2)
			h.decide(eve, other, claim(approval.EventApprove))
		}, "version 3 holds by now"},
		"by somebody who is no owner any more": {func(h *house) {
			h.put(approval.Member{ID: olga, Kind: approval.KindUser, Email: olga, Role: approval.Editor, Person: olga})
		}, "may not change the policy any more"},
		"by somebody who was suspended": {func(h *house) {
			h.put(approval.Member{ID: olga, Kind: approval.KindUser, Email: olga, Role: approval.Owner, Person: olga, Suspended: true})
		}, "may not change the policy any more"},
		"by somebody who has left": {func(h *house) { h.write(approval.DeleteMember{ID: olga}) }, "may not change the policy any more"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := governed(t)
			p := h.proposed("v3", 2)
			c.before(h)
			before := h.version()
			got := h.decide(bob, p, claim(approval.EventApprove))
			if got.Phase != approval.Closed || got.Outcome != approval.OutcomeDenied || h.version() != before {
				t.Fatalf("%s %s, version %d", got.Phase, got.Outcome, h.version())
			}
			history, err := h.History(t.Context(), h.actor(bob), p.Name)
			if last := history[len(history)-1]; err != nil || last.Event != approval.EventDeny || !strings.Contains(last.Reason, c.says) {
				t.Errorf("the last event is %+v, %v", last, err)
			}
			if status := got.Status(); !strings.HasPrefix(status, "was approved, and not applied: ") || !strings.Contains(status, c.says) {
				t.Errorf("the petition %s", status)
			}
		})
	}
}

// A service account is never more than who owns it (I7), also when what it asked for is granted later.
func TestAChangeByAnAccountWhoseOwnerMayNotIsClosed(t *testing.T) {
	t.Parallel()
	for name, owner := range map[string]approval.Member{
		"suspended": {ID: olga, Kind: approval.KindUser, Email: olga, Role: approval.Owner, Person: olga, Suspended: true},
		"an Editor": {ID: olga, Kind: approval.KindUser, Email: olga, Role: approval.Editor, Person: olga},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := governed(t)
			h.put(approval.Member{ID: quickstart, Kind: approval.KindServiceAccount, Role: approval.Owner, Person: olga})
			change, err := h.ApplyPolicy(t.Context(), h.whoIs(quickstart), approval.NewPolicy{Text: "v3", Reason: "by a program", Expect: 2})
			if err != nil || change.Petition == nil {
				t.Fatalf("got %+v, %v", change, err)
			}
			h.put(owner)
			got := h.decide(bob, *change.Petition, claim(approval.EventApprove))
			if got.Phase != approval.Closed || got.Outcome != approval.OutcomeDenied || h.version() != 2 {
				t.Errorf("%s %s, version %d", got.Phase, got.Outcome, h.version())
			}
		})
	}
}

// Two reviewers of two changes of the same version: one holds, the other is closed, and no version is lost.
func TestOneOfTwoChangesHolds(t *testing.T) {
	t.Parallel()
	h := governed(t)
	first, second := h.proposed("first", 2), h.proposed("second", 2)
	raced := false
	h.store.BeforeCommit = func(c approval.Change) error {
		if raced {
			return nil
		}
		raced = true
		h.store.BeforeCommit = nil
		return approval.Errorf(approval.Conflict, "version 3 of the policy exists already")
	}
	if p := h.decide(bob, first, claim(approval.EventApprove)); p.Phase != approval.Granted {
		t.Errorf("the first is %s", p.Phase)
	}
	if p := h.decide(eve, second, claim(approval.EventApprove)); p.Phase != approval.Closed {
		t.Errorf("the second is %s", p.Phase)
	}
	if d, _ := h.CurrentPolicy(t.Context(), h.actor(vic)); d.Version != 3 || d.Text != "first" {
		t.Errorf("got %+v", d)
	}
}

func TestAChangeOfThePolicyIsNotRevoked(t *testing.T) {
	t.Parallel()
	h := governed(t)
	p := h.decide(bob, h.proposed("v3", 2), claim(approval.EventApprove))
	if _, err := h.try(bob, p, claim(approval.EventRevoke)); approval.CodeOf(err) != approval.Conflict {
		t.Errorf("got %v", err)
	}
}

func TestALongDiffIsNotShownInPart(t *testing.T) {
	t.Parallel()
	h := governed(t)
	p := h.proposed(strings.Repeat("long ", 20_000), 2)
	if strings.Contains(string(p.Params), "diff") && !strings.Contains(string(p.Params), "note") {
		t.Errorf("it is decided on %.200s", p.Params)
	}
	_, diff, err := h.Proposal(t.Context(), h.actor(bob), p.Name)
	if err != nil || len(diff) < 100_000 {
		t.Errorf("the whole diff is %d bytes, %v", len(diff), err)
	}
}
