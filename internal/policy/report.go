package policy

import (
	"context"
	"fmt"

	"github.com/indent-approvals/indent/internal/approval"
)

// Report is what there is to say about a document before it is taken.
type Report struct {
	Name     string       `json:"name,omitempty"`
	Rules    int          `json:"rules"`
	Warnings []Warning    `json:"warnings,omitempty"`
	Tests    []TestResult `json:"tests,omitempty"`
}

// Passed answers how many of the document's tests passed.
func (r Report) Passed() (n int) {
	for _, t := range r.Tests {
		if t.Passed {
			n++
		}
	}
	return n
}

// Examine compiles a document and runs its own tests. An Invalid whose cause is a [*Problem] says why it must not be taken:
// it does not compile, or one of its tests failed; then the report has all results.
func Examine(text string) (Report, error) {
	return ExamineContext(context.Background(), text)
}

// ExamineContext is Examine that ends with ctx.
func ExamineContext(ctx context.Context, text string) (Report, error) {
	d, err := Compile(text)
	if err != nil {
		return Report{}, err
	}
	r := Report{Name: d.Name, Rules: len(d.rules), Warnings: d.Warnings, Tests: d.RunTests(ctx)}
	if err := ctx.Err(); err != nil {
		return r, approval.Wrap(approval.Unavailable, err, "the call was cancelled before the tests had run")
	}
	for i, t := range r.Tests {
		if !t.Passed {
			return r, refuse(fmt.Sprintf("policy.tests[%d]", i), &Problem{Test: t.Name, Line: t.Line, Column: t.Column,
				Message: fmt.Sprintf("it failed (%d of %d passed): %s", r.Passed(), len(r.Tests), t.Differences[0])})
		}
	}
	return r, nil
}
