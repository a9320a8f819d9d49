package policy

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/indent-approvals/indent/internal/approval"
)

// Documents implements [approval.PolicyDocuments] over an engine.
type Documents struct{ Engine *Engine }

var _ approval.PolicyDocuments = Documents{}

// Examine implements [approval.PolicyDocuments]: it compiles the document and runs its own tests.
func (d Documents) Examine(ctx context.Context, text string) (x approval.Examination, err error) {
	c, wrong := compile(text)
	for _, err := range wrong {
		var problem *Problem
		if !errors.As(err, &problem) {
			return x, err
		}
		x.Problems = append(x.Problems, finding(problem))
	}
	if len(wrong) > 0 {
		return x, nil
	}
	x.Name, x.Rules, x.Dev, x.ByPetition = c.Name, len(c.rules), c.Dev, c.changes != nil
	for _, w := range c.Warnings {
		x.Warnings = append(x.Warnings, approval.Finding{Line: w.Line, Column: w.Column, Rule: w.Rule, Message: w.Message})
	}
	for _, r := range c.RunTests(ctx) {
		t := approval.PolicyTest{Name: r.Name, Line: r.Line}
		for _, difference := range r.Differences {
			t.Failures = append(t.Failures, difference.String())
		}
		x.Tests = append(x.Tests, t)
	}
	if err := ctx.Err(); err != nil {
		return x, approval.Wrap(approval.Unavailable, err, "the call was cancelled before the tests had run")
	}
	return x, nil
}

func finding(p *Problem) approval.Finding {
	return approval.Finding{Line: p.Line, Column: p.Column, Rule: p.Rule, Test: p.Test, Message: p.Message}
}

// Explain implements [approval.PolicyDocuments].
func (d Documents) Explain(ctx context.Context, in approval.PolicyInput) (out approval.Explanation, err error) {
	e, err := d.Engine.Explain(ctx, in)
	if err != nil {
		return out, err
	}
	out = approval.Explanation{Verdict: e.Verdict, Truncated: e.Truncated}
	for _, r := range e.Rules {
		out.Rules = append(out.Rules, approval.RuleTried{Rule: r.Rule, Line: r.Line, Column: r.Column, Answer: r.Answer, Matched: r.Matched,
			Why: r.Why, Error: r.Error, Condition: conditionPart(r.When)})
	}
	return out, nil
}

func conditionPart(p *Part) *approval.ConditionPart {
	if p == nil {
		return nil
	}
	out := &approval.ConditionPart{Text: p.Text, Value: p.Value}
	for i := range p.Parts {
		out.Parts = append(out.Parts, *conditionPart(&p.Parts[i]))
	}
	return out
}

// Check implements [approval.PolicyDocuments]; see [Document.Check].
func (Documents) Check(ctx context.Context, text string, in approval.PolicyDirectory) (out []approval.PolicyFinding, err error) {
	d, err := Compile(text)
	if err != nil {
		return nil, err
	}
	dir := Directory{Resources: in.Resources, Away: in.Away, Now: in.Now}
	for _, m := range in.Members {
		dir.Members = append(dir.Members, DirectoryMember(m))
	}
	found, err := d.Check(ctx, dir)
	for _, f := range found {
		one := approval.PolicyFinding{Kind: f.Kind, Key: f.Key, Finding: approval.Finding{Line: f.Line, Column: f.Column, Rule: f.Rule, Message: f.Message}}
		if f.Example != nil {
			e := approval.StuckExample(*f.Example)
			one.Example = &e
		}
		out = append(out, one)
	}
	return out, err
}

// Turns implements [approval.PolicyDocuments]; see [Document.Turns].
func (d Documents) Turns(_ context.Context, in approval.PolicyDocument) (bool, error) {
	c, err := d.Engine.document(in)
	if err != nil {
		return false, err
	}
	return c.Turns()
}

// Diff implements [approval.PolicyDocuments]: a unified diff with three lines around each change.
func (d Documents) Diff(from, to approval.PolicyDocument) string {
	name := func(v approval.PolicyDocument) string { return "version-" + strconv.FormatInt(v.Version, 10) }
	text := string(diff.Diff(name(from), []byte(from.Text), name(to), []byte(to.Text)))
	_, text, _ = strings.Cut(text, "\n") // "diff version-1 version-2" is no part of the format
	return text
}
