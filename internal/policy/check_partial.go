package policy

import (
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/parser"

	"github.com/indent-approvals/indent/internal/approval"
)

// certainty is what is known of a condition when the petition's own words are not.
type certainty int

const (
	isFalse certainty = iota // whatever the petition says
	isTrue
	maybe
	fails
)

// partial is a condition that is evaluated without the petition's reason, params, labels and duration.
type partial struct {
	program cel.Program // nil: there is no condition
	timed   bool        // it looks at the time, or at who is on call
	terms   []string    // a && b, as they are written: what each must be; sorted
}

func (r *rule) partial() (*partial, error) {
	if r.condition == nil {
		return &partial{}, nil
	}
	env, err := environment(false)
	if err != nil {
		return nil, err
	}
	program, err := env.Program(r.condition.checked, cel.EvalOptions(cel.OptPartialEval), cel.CostLimit(maxCost), cel.InterruptCheckFrequency(interruptEach))
	if err != nil {
		return nil, err
	}
	p := &partial{program: program, timed: reads(r.condition.checked, "now")}
	checked := r.condition.checked.NativeRep()
	celast.PostOrderVisit(checked.Expr(), celast.NewExprVisitor(func(e celast.Expr) {
		p.timed = p.timed || e.Kind() == celast.SelectKind && e.AsSelect().FieldName() == "onCall"
	}))
	p.terms = termsOf(checked.Expr(), checked.SourceInfo())
	slices.Sort(p.terms)
	p.terms = slices.Compact(p.terms)
	return p, nil
}

// termsOf answers the parts of a && b && c.
func termsOf(e celast.Expr, info *celast.SourceInfo) []string {
	if _, macro := info.GetMacroCall(e.ID()); !macro && e.Kind() == celast.CallKind && e.AsCall().FunctionName() == operators.LogicalAnd {
		return append(termsOf(e.AsCall().Args()[0], info), termsOf(e.AsCall().Args()[1], info)...)
	}
	text, err := parser.Unparse(e, info, parser.WrapOnColumn(maxWhen))
	if err != nil {
		return nil
	}
	return []string{strings.Join(strings.Fields(text), " ")}
}

// covers answers whether the rule of p, which comes before, is for all that the rule of later is for: what it demands is a
// part of what the later one demands.
func (p *partial) covers(later *partial, before, after *rule) bool {
	if before.who != nil || len(p.terms) == 0 && p.program != nil {
		return false
	}
	// A rule that approves and looks at known is passed over when the directory does not have everything.
	if before.condition != nil && before.condition.known && before.verdict.Decision == approval.VerdictApprove && after.verdict.Decision != approval.VerdictApprove {
		return false
	}
	return !slices.ContainsFunc(p.terms, func(t string) bool { return !slices.Contains(later.terms, t) })
}

// look evaluates the rule for a petition of which only who asks for what, and when, is known.
func (p *partial) look(s *scene, r *rule) certainty {
	known := isTrue
	if r.who != nil {
		if may, err := r.who.include(s); err != nil || !may {
			return isFalse
		}
		known = maybe // it is for who says so
	}
	if p.program == nil {
		return known
	}
	unknown, err := cel.PartialVars(s, cel.AttributePattern("petition"))
	if err != nil {
		return maybe
	}
	value, details, err := p.program.ContextEval(s.ctx, unknown)
	if cost := details.ActualCost(); cost != nil {
		s.cost += *cost
	}
	switch {
	case types.IsUnknown(value):
		return maybe
	case err != nil:
		return fails
	case value == types.True:
		return known
	}
	return isFalse
}
