package policy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// TestResult is what became of one of a document's own tests.
type TestResult struct {
	Name string `json:"name"`
	// Line and Column are where the test begins, from 1.
	Line   int  `json:"line"`
	Column int  `json:"column"`
	Passed bool `json:"passed"`
	// Differences are what the test wants otherwise; none of one that passed.
	Differences []Difference     `json:"differences,omitempty"`
	Verdict     approval.Verdict `json:"verdict"`
}

// Difference is one thing that is not as a test wants it.
type Difference struct {
	What string `json:"what"` // such as rule, or stages
	Got  string `json:"got"`
	Want string `json:"want"`
}

// String answers it in one line.
func (d Difference) String() string { return fmt.Sprintf("%s: got %s, want %s", d.What, d.Got, d.Want) }

// selfTest is one test of a document: a petition and what is expected.
type selfTest struct {
	place
	name   string
	in     approval.PolicyInput
	onCall answers
	want   []expectation
	// duty is who must be on call then, by schedule.
	duty map[string][]string
}

// expectation is one thing that a test wants: its name, what it must be, and how to see what it is.
type expectation struct {
	what string
	want string
	got  func(approval.Verdict) string
}

// answers are what the sources of schedules say in a test, by schedule.
type answers map[string][]string

// OnCall answers what the test says; a source of which it says nothing cannot be read.
func (a answers) OnCall(_ context.Context, schedule string, _ Source, _ time.Time) ([]string, error) {
	persons, ok := a[schedule]
	if !ok {
		return nil, approval.Errorf(approval.Unavailable, "the test does not say what the source of %q answers", schedule)
	}
	return persons, nil
}

// maxTestsCost bounds what all tests of a document cost, in the unit of conditions: a few seconds. A test of a document that
// is not made to be slow costs a hundred.
const maxTestsCost = 5 * maxTotalCost

// RunTests runs the document's own tests, in their order. Those that are left when they have cost too much fail.
func (d *Document) RunTests(ctx context.Context) []TestResult {
	results := make([]TestResult, len(d.tests))
	var cost uint64
	for i, t := range d.tests {
		if cost > maxTestsCost {
			results[i] = t.failed("nothing: the tests before this one cost too much")
			continue
		}
		var spent uint64
		results[i], spent = d.run(ctx, t)
		cost += spent
	}
	return results
}

// failed is the result of a test to which there was no answer.
func (t selfTest) failed(got string) TestResult {
	return TestResult{Name: t.name, Line: t.row, Column: t.column, Differences: []Difference{{"verdict", got, t.want[0].want}}}
}

func (d *Document) run(ctx context.Context, t selfTest) (r TestResult, cost uint64) {
	v, cost, err := d.asBegun(ctx, &t)
	if err != nil {
		return t.failed("an error: " + readable(err.Error())), cost
	}
	v, refused := t.taken(v)
	r = TestResult{Name: t.name, Line: t.row, Column: t.column}
	r.Verdict = v
	for _, w := range t.want {
		if got := w.got(v); got != w.want {
			r.Differences = append(r.Differences, Difference{w.what, got, w.want})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.duty)) {
		who, err := d.onCall(ctx, name, t.in.Now, t.onCall)
		got, want := spellDuty(who), spellDuty(OnCall{Persons: t.duty[name]})
		if err != nil || got != want {
			r.Differences = append(r.Differences, Difference{"onCall." + name, got, want})
		}
	}
	if len(r.Differences) > 0 && v.Rule == ruleError {
		r.Differences[0].Got += ", because " + v.Explanation
	}
	r.Differences = append(r.Differences, refused...)
	r.Passed = len(r.Differences) == 0
	return r, cost
}

// taken answers what becomes of the verdict where the petition is made, and why it would be refused.
func (t *selfTest) taken(v approval.Verdict) (_ approval.Verdict, refused []Difference) {
	refuse := func(err error, what string) {
		if err != nil {
			refused = append(refused, Difference{"petition", "a refusal: " + readable(err.Error()), "one that can be made" + what})
		}
	}
	if v.Decision != approval.VerdictDeny {
		refuse(v.CheckInputs(t.in.Petition.Labels), ": fill in what the rule asks for in petition.labels")
	}
	if start := t.in.Petition.StartTime; !start.IsZero() {
		later, err := v.NotLater(start)
		refuse(err, "")
		v = later
	}
	return v, refused
}

// asBegun decides the test's petition as a space does: one that begins later is looked at for its beginning as well.
func (d *Document) asBegun(ctx context.Context, t *selfTest) (v approval.Verdict, cost uint64, err error) {
	v, cost, err = d.decideAt(ctx, &t.in, t.onCall)
	if err != nil || t.in.Petition.StartTime.IsZero() || v.Decision == approval.VerdictDeny {
		return v, cost, err
	}
	begins := t.in
	begins.Now = begins.Petition.StartTime
	then, more, err := d.decideAt(ctx, &begins, t.onCall)
	return v.AsBegun(then, begins.Now), cost + more, err
}

// spellStages writes what the requirements ask for, as far as the wanted ones say: each but the first with how it is tied
// to the one before. What is asked of the owners of each resource counts once.
func spellStages(all, wanted []approval.Requirement) string {
	var parts []string
	stage := 0
	for _, r := range all {
		if r.Resource > 1 {
			continue
		}
		joint := ""
		if len(parts) > 0 {
			joint = "and "
			if r.Stage != stage {
				joint = "then "
			}
		}
		stage = r.Stage
		var want approval.Requirement
		if len(parts) < len(wanted) {
			want = wanted[len(parts)]
		}
		parts = append(parts, joint+spellRequirement(r, want))
	}
	if len(parts) == 0 {
		return "nobody"
	}
	return strings.Join(parts, ", ")
}

// spellRequirement writes a requirement; what the wanted one does not say is left out.
func spellRequirement(r, want approval.Requirement) string {
	out := fmt.Sprintf("%d of %s", r.Count, spellReviewers(r.Reviewers))
	if r.SelfApproval {
		out += ", also who asks"
	}
	if r.Confirm != "" {
		out += ", confirmed with a " + r.Confirm
	}
	if len(want.DistinctFrom) > 0 {
		out += fmt.Sprintf(", others than in stage %v", places(r.DistinctFrom))
	}
	if want.Notify != nil {
		told := "nobody apart"
		if r.Notify != nil {
			told = spellReviewers(*r.Notify)
		}
		out += ", telling " + told
	}
	if want.RemindAfter > 0 {
		out += fmt.Sprintf(", reminding after %s", approval.Span(r.RemindAfter))
	}
	if len(want.Escalate) > 0 {
		for _, e := range r.Escalate {
			out += fmt.Sprintf(", after %s also %s", approval.Span(e.After), spellReviewers(e.Reviewers))
		}
	}
	return out
}

// places counts from 1, as people do.
func places(stages []int) string {
	var out []string
	for _, s := range stages {
		out = append(out, fmt.Sprint(s+1))
	}
	return strings.Join(out, ", ")
}

// spellReviewers writes who may review, whatever their order.
func spellReviewers(r approval.Reviewers) string {
	var parts []string
	add := func(what string, names []string) {
		if len(names) > 0 {
			sorted := slices.Sorted(slices.Values(names))
			parts = append(parts, what+" ["+strings.Join(sorted, ", ")+"]")
		}
	}
	var roles []string
	for _, role := range r.Roles {
		roles = append(roles, string(role))
	}
	add("roles", roles)
	add("persons", r.Persons)
	add("groups", r.Groups)
	add("onCall", r.OnCall)
	for _, one := range [][2]string{{"managers", r.Managers}, {"owners", r.Owners}, {"where", r.Where}} {
		if one[1] != "" {
			parts = append(parts, one[0]+" "+one[1])
		}
	}
	return strings.Join(parts, " or ")
}

func spellDuty(who OnCall) string {
	switch {
	case len(who.Persons) > 0:
		return "[" + strings.Join(slices.Sorted(slices.Values(who.Persons)), ", ") + "]"
	case who.Group != "":
		return "the group " + who.Group
	}
	return "nobody"
}
