package approval_test

import (
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

func TestACheckLooksAtTheSpace(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.directory(approval.Resource{Kind: "database", ID: "prod", Labels: map[string]string{approval.LabelRequestable: "true"}}, approval.Resource{ID: "other"})
	c, err := h.CheckPolicy(t.Context(), h.actor(pat), "fine\nSTUCK")
	if err != nil || !c.Stuck() || c.Members != 7 || c.Resources != 1 || c.Partial || len(c.Findings) != 1 || c.Findings[0].Line != 2 || c.Findings[0].Example.Who == "" {
		t.Errorf("got %+v, %v", c, err)
	}
	c, err = h.CheckPolicy(t.Context(), h.actor(pat), "") // the one that holds
	if err != nil || c.Stuck() || len(c.Findings) != 0 {
		t.Errorf("got %+v, %v", c, err)
	}
	if _, err := h.CheckPolicy(t.Context(), h.actor(vic), "fine"); approval.CodeOf(err) != approval.Forbidden {
		t.Errorf("a Viewer was told who is a member: %v", err)
	}
	if _, err := h.CheckPolicy(t.Context(), h.actor(pat), "BROKEN"); approval.CodeOf(err) != approval.Invalid {
		t.Errorf("got %v", err)
	}
}

// What a check finds warns of a document and does not refuse it, and it says nothing to who may not see members.
func TestAnAppliedPolicyIsChecked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.applied(olga, "STUCK", 1)
	if c.Document.Version != 2 || len(c.Examination.Warnings) != 1 || !strings.HasPrefix(c.Examination.Warnings[0].Message, "stuck: ") {
		t.Errorf("got %+v", c)
	}
	narrow := h.actor(olga)
	narrow.Scopes = []approval.Permission{approval.WritePolicy}
	n, err := h.ApplyPolicy(t.Context(), narrow, approval.NewPolicy{Text: "STUCK too", Reason: "x", Expect: 2})
	if err != nil || n.Document.Version != 3 || len(n.Examination.Warnings) != 0 {
		t.Errorf("got %+v, %v", n, err)
	}
}

// Who would lock the door and throw the key away is told.
func TestADocumentThatNobodyCouldChangeIsStuck(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict.Requirements[0].Reviewers = approval.Reviewers{Persons: []string{olga}}
	c, err := h.CheckPolicy(t.Context(), h.actor(olga), "PETITION")
	if err != nil || !c.Stuck() || !strings.Contains(c.Findings[0].Message, "could never be granted") || c.Findings[0].Example.What.Kind != approval.KindPolicy {
		t.Errorf("got %+v, %v", c, err)
	}
	if c, err := h.CheckPolicy(t.Context(), h.actor(bob), "PETITION"); err != nil || c.Stuck() {
		t.Errorf("of another one's change: %+v, %v", c, err)
	}
}
