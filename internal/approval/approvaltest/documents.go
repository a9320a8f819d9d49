package approvaltest

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// Documents is an approval.PolicyDocuments that takes any text for a document with one rule, unless the text has one of
// these words: BROKEN is no document, FAILING has a test that fails, ODD has a warning, STUCK a rule that nobody can meet, PETITION demands that changes
// of it are granted, INCOMPLETE is too much to look at, UNTIL and a time (RFC 3339, a line) is stuck from then on, NEEDS and an id (a line) is stuck without that member, or while it is away without a deputy.
type Documents struct{}

// Examine implements approval.PolicyDocuments.
func (Documents) Examine(ctx context.Context, text string) (x approval.Examination, err error) {
	if err := ctx.Err(); err != nil {
		return x, approval.Wrap(approval.Unavailable, err, "the call was cancelled before it was done")
	}
	if strings.Contains(text, "BROKEN") {
		x.Problems = []approval.Finding{{Line: lineOf(text, "BROKEN"), Column: 3, Rule: "r1", Message: "the text is broken"}}
		return x, nil
	}
	x = approval.Examination{Name: "test", Rules: 1, Dev: strings.Contains(text, "DEV"), ByPetition: strings.Contains(text, "PETITION"), Tests: []approval.PolicyTest{{Name: "passes", Line: 1}}}
	if strings.Contains(text, "FAILING") {
		x.Tests = append(x.Tests, approval.PolicyTest{Name: "fails", Line: lineOf(text, "FAILING"), Failures: []string{"the rule is r1, not r2"}})
	}
	if strings.Contains(text, "ODD") {
		x.Warnings = []approval.Finding{{Line: lineOf(text, "ODD"), Message: "this is odd"}}
	}
	return x, nil
}

func lineOf(text, word string) int {
	before, _, _ := strings.Cut(text, word)
	return 1 + strings.Count(before, "\n")
}

// Explain implements approval.PolicyDocuments: one rule was tried, and it answers.
func (d Documents) Explain(ctx context.Context, in approval.PolicyInput) (approval.Explanation, error) {
	x, err := d.Examine(ctx, in.Document.Text)
	if err != nil || len(x.Problems) > 0 {
		return approval.Explanation{}, approval.Errorf(approval.Invalid, "the text is broken")
	}
	return approval.Explanation{Rules: []approval.RuleTried{{Rule: "r1", Line: 1, Answer: approval.VerdictReview, Matched: true,
		Condition: &approval.ConditionPart{Text: "petition.reason", Value: `"` + in.Petition.Reason + `"`}}}}, nil
}

// Check implements approval.PolicyDocuments.
func (d Documents) Check(ctx context.Context, text string, in approval.PolicyDirectory) ([]approval.PolicyFinding, error) {
	x, err := d.Examine(ctx, text)
	if err != nil || len(x.Problems) > 0 {
		return nil, approval.Errorf(approval.Invalid, "the text is broken")
	}
	var found []approval.PolicyFinding
	for line := range strings.Lines(text) {
		id, needs := strings.CutPrefix(strings.TrimSpace(line), "NEEDS ")
		there := func(id string) bool {
			return slices.ContainsFunc(in.Members, func(m approval.DirectoryMember) bool { return m.ID == id && !m.Suspended })
		}
		away := slices.ContainsFunc(in.Away, func(a approval.Absence) bool { return a.Person == id && !there(a.Deputy) && in.Now.Before(a.To) })
		if needs && (!there(id) || away) {
			found = append(found, approval.PolicyFinding{Kind: approval.FindingStuck, Key: "needs " + id, Finding: approval.Finding{Rule: id, Message: "it waits for " + id},
				Example: &approval.StuckExample{Who: id, When: in.Now, Eligible: []string{}}})
		}
	}
	if until, lasts := lasts(text); lasts && !in.Now.Before(until) {
		found = append(found, approval.PolicyFinding{Kind: approval.FindingStuck, Key: "until", Finding: approval.Finding{Rule: "until", Message: "its time is over"}})
	}
	if strings.Contains(text, "INCOMPLETE") {
		found = append(found, approval.PolicyFinding{Kind: "incomplete"})
	}
	if !strings.Contains(text, "STUCK") || len(in.Members) == 0 {
		return found, nil
	}
	return []approval.PolicyFinding{{Kind: approval.FindingStuck, Key: "r1", Finding: approval.Finding{Line: lineOf(text, "STUCK"), Rule: "r1", Message: "nobody could approve"},
		Example: &approval.StuckExample{Who: in.Members[0].ID, What: approval.Resource{ID: "x"}, When: in.Now, Stage: 1, Needs: 1}}}, nil
}

func lasts(text string) (until time.Time, ok bool) {
	for line := range strings.Lines(text) {
		if at, has := strings.CutPrefix(strings.TrimSpace(line), "UNTIL "); has {
			until, err := time.Parse(time.RFC3339, at)
			return until, err == nil
		}
	}
	return until, false
}

// Turns implements approval.PolicyDocuments.
func (Documents) Turns(_ context.Context, d approval.PolicyDocument) (bool, error) {
	_, ok := lasts(d.Text)
	return ok, nil
}

// Diff implements approval.PolicyDocuments.
func (Documents) Diff(from, to approval.PolicyDocument) string {
	if from.Text == to.Text {
		return ""
	}
	return "-" + from.Text + "\n+" + to.Text + "\n"
}
