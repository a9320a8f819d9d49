package policy

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/indent-approvals/indent/internal/approval"
)

// A rule for every petition must not decide its own end: what changes the policy is asked for by the section alone.
func TestAChangeOfTheDocumentIsAskedForByItsOwnSection(t *testing.T) {
	t.Parallel()
	const head, rules = "version: 1\n", "rules: [{name: all, approve: {duration: 1h}}]\n"
	const two = "changes:\n  require: {reviewers: {roles: [Owner]}, count: 2}\n  decideWithin: 24h\n"
	change := asks(func(in *approval.PolicyInput) {
		in.Petition.Resources = []approval.Resource{{Kind: approval.KindPolicy, ID: "acme"}}
	})
	for _, c := range []struct {
		text     string
		in       approval.PolicyInput
		want     string
		decision string
	}{
		{head + two + rules, change, "changes", approval.VerdictReview},
		{head + two + rules, asks(), "all", approval.VerdictApprove},
		{head + rules, change, "all", approval.VerdictApprove}, // nobody makes such a petition then
	} {
		d, err := Compile(c.text)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := d.Decide(t.Context(), c.in); err != nil || v.Rule != c.want || v.Decision != c.decision {
			t.Errorf("got %+v, %v", v, err)
		}
	}
	x, err := documents().Examine(t.Context(), head+two+rules)
	if err != nil || !x.ByPetition || x.Rules != 1 {
		t.Errorf("got %+v, %v", x, err)
	}
	if x, err := documents().Examine(t.Context(), head+rules); err != nil || x.ByPetition {
		t.Errorf("got %+v, %v", x, err)
	}
}

func TestASectionThatCannotGovernIsRefused(t *testing.T) {
	t.Parallel()
	const rules = "\nrules: [{name: all, approve: {duration: 1h}}]\n"
	for changes, want := range map[string]string{
		"changes: {}": "changes needs require",
		"changes: {require: {reviewers: {roles: [Owner]}, selfApproval: true}}": "selfApproval would let one person",
		"changes: {require: {reviewers: {owners: owner}}}":                      "has no owners there",
		"changes: {require: {reviewers: {persons: [a@x.example]}, count: 2}}":   "only 1",
		"changes: {approve: {duration: 1h}}":                                    `unknown field "approve"`,
		"changes: petition":                                                     "",
	} {
		_, err := Compile("version: 1\n" + changes + rules)
		if approval.CodeOf(err) != approval.Invalid || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%s: got %v", changes, err)
		}
	}
	if _, err := Compile("version: 1\nrules: [{name: changes, approve: {duration: 1h}}]\n"); approval.CodeOf(err) != approval.Invalid {
		t.Errorf("a rule has the name of the section: %v", err)
	}
}

func TestAnExaminationHasAllThatWasFound(t *testing.T) {
	t.Parallel()
	const rule = "rules:\n  - name: all\n    require: {reviewers: {roles: [Owner]}}\n"
	x, err := documents().Examine(t.Context(), "version: 1\nrules:\n  - name: all\n    when: petition.raeson == ''\n    approve: {duration: 1h}\n")
	want := []approval.Finding{{Line: 4, Column: 19, Rule: "all", Message: x.Problems[0].Message}}
	if diff := cmp.Diff(want, x.Problems); diff != "" || err != nil || !strings.Contains(x.Problems[0].Message, "raeson") {
		t.Errorf("%v %s", err, diff)
	}
	x, err = documents().Examine(t.Context(), "version: 1\nname: x\n"+rule+"tests:\n"+
		"  - {name: good, petition: {resources: [{id: x}]}, expect: {verdict: review, rule: all}}\n"+
		"  - {name: bad, petition: {resources: [{id: x}]}, expect: {rule: all, verdict: approve}}\n")
	if err != nil || x.Name != "x" || len(x.Tests) != 2 || len(x.Failed()) != 1 || x.Tests[1].Line != 8 || !strings.Contains(x.Tests[1].Failures[0], "verdict") {
		t.Errorf("got %+v, %v", x, err)
	}
}

func TestADiffIsUnified(t *testing.T) {
	t.Parallel()
	from, to := approval.PolicyDocument{Version: 6, Text: "a\nb\nc"}, approval.PolicyDocument{Version: 7, Text: "a\nx\nc"}
	const want = "--- version-6\n+++ version-7\n@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n\\ No newline at end of file\n"
	if diff := cmp.Diff(want, documents().Diff(from, to)); diff != "" {
		t.Error(diff)
	}
	if got := documents().Diff(from, from); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestAnExplanationHasThePartsOfAConditionWithTheirValues(t *testing.T) {
	t.Parallel()
	in := asks()
	in.Document.Text = "version: 1\nrules:\n  - {name: one, when: petition.reason == 'x' || size(resources) == 1, deny: {reason: no}}\n"
	e, err := documents().Explain(t.Context(), in)
	if err != nil || e.Verdict.Rule != "one" || len(e.Rules) != 1 || !e.Rules[0].Matched || e.Rules[0].Line != 3 || e.Rules[0].Condition.Value != "true" ||
		len(e.Rules[0].Condition.Parts) != 2 || e.Rules[0].Condition.Parts[1].Text != "size(resources) == 1" {
		t.Errorf("got %+v, %v", e, err)
	}
}

func documents() Documents { return Documents{New()} }
