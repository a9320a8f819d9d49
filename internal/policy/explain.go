package policy

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
	"cel.dev/cel-go/parser"

	"github.com/indent-approvals/indent/internal/approval"
)

// Limits of an explanation.
const (
	maxParts     = 2000 // of all conditions
	maxPartText  = 300  // characters
	maxPartValue = 200  // characters
	maxPartDepth = 12
	maxPartItems = 10 // of a list that is shown
)

// Explanation is how a document comes to its verdict on one petition.
type Explanation struct {
	Verdict approval.Verdict `json:"verdict"`
	// Rules are those that were tried, in order; the last one decided, unless none matches.
	Rules []RuleTried `json:"rules"`
	// Truncated says that there was too much to show: later rules come without parts.
	Truncated bool `json:"truncated,omitempty"`
}

// RuleTried is what became of one rule.
type RuleTried struct {
	Rule    string `json:"rule"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Answer  string `json:"answer" enum:"approve,deny,review,breakGlass"` // what it answers to those it is for
	Matched bool   `json:"matched"`
	Why     string `json:"why,omitempty"`       // one sentence, where the condition does not say it all
	Error   string `json:"error,omitempty"`     // why the condition could not be evaluated: then the owners decide
	When    *Part  `json:"condition,omitempty"` // nil: the rule has no condition, or there was too much to show
}

// Part is a part of a condition, what it came to, and the parts that it is made of.
type Part struct {
	Text  string `json:"text"`
	Value string `json:"value"` // as CEL writes it, cut and without secrets; "error: …" when it could not be evaluated
	Parts []Part `json:"parts,omitempty"`
}

// Explain answers how the input's document decides; see [Document.Explain].
func (e *Engine) Explain(ctx context.Context, in approval.PolicyInput) (Explanation, error) {
	d, err := e.document(in.Document)
	if err != nil {
		return Explanation{}, err
	}
	return d.explainWith(ctx, &in, e.sourcesFor(in.Document))
}

// Explain answers how the document decides: each rule that it tries, whether it matches and what each part of its condition
// comes to. It evaluates everything, also what a decision would not look at, and so costs much more than one. An error means
// what it means from Decide.
func (d *Document) Explain(ctx context.Context, in approval.PolicyInput) (Explanation, error) {
	return d.explainWith(ctx, &in, nil)
}

func (d *Document) explainWith(ctx context.Context, in *approval.PolicyInput, from Sources) (e Explanation, err error) {
	if e.Verdict, err = d.decideWith(ctx, in, from); err != nil {
		return e, err
	}
	// A scene of its own for the parts: what only they look at must not change what a rule comes to.
	seen, whole := newScene(ctx, d, in, from), newScene(ctx, d, in, from)
	left := maxParts
	for i := range d.rules {
		r := &d.rules[i]
		tried := RuleTried{Rule: r.verdict.Rule, Line: r.row, Column: r.column, Answer: r.verdict.Answer()}
		match, failed := r.tries(seen, &tried)
		if r.condition != nil {
			tried.When = r.condition.explain(whole, &left)
			e.Truncated = e.Truncated || tried.When == nil
		}
		e.Rules = append(e.Rules, tried)
		if match || failed {
			break
		}
	}
	return e, ctx.Err()
}

// tries evaluates the rule as a decision does, and notes what became of it.
func (r *rule) tries(s *scene, tried *RuleTried) (match, failed bool) {
	if r.isCatchAll() {
		tried.Matched, tried.Why = true, "it is for every petition"
		return true, false
	}
	match, err := r.matches(s)
	switch {
	case err != nil:
		tried.Error = readable(err.Error())
		return false, true
	case r.who != nil && s.in.Petition.Labels[approval.LabelBreakGlass] != "true":
		tried.Why = "the petition does not carry the label " + approval.LabelBreakGlass + ` with the value "true"`
	case r.who != nil && !match:
		tried.Why = "it is for " + spellReviewers(r.who.Reviewers)
	case !match && r.condition.known && r.verdict.Decision == approval.VerdictApprove && !s.allKnown():
		tried.Why = "it looks at known, and the directory does not have all that is asked for, or has it as out of use"
	}
	tried.Matched = match
	return match, false
}

// explain evaluates all parts of the condition, at most left of them; nil when there are none left.
func (c *condition) explain(s *scene, left *int) *Part {
	env, err := environment(false)
	if err != nil || *left <= 0 || s.cost > maxTotalCost {
		return nil
	}
	program, err := env.Program(c.checked, cel.EvalOptions(cel.OptTrackState|cel.OptExhaustiveEval), cel.CostLimit(maxCost), cel.InterruptCheckFrequency(interruptEach))
	if err != nil {
		return nil
	}
	_, details, err := program.ContextEval(s.ctx, s)
	if cost := details.ActualCost(); cost != nil {
		s.cost += *cost
	}
	whole := &partsOf{checked: c.checked.NativeRep(), state: details.State(), left: left, in: s}
	part := whole.part(whole.checked.Expr(), 0)
	if part.Value == "" && err != nil {
		part.Value = "error: " + short(readable(err.Error()), maxPartValue)
	}
	return &part
}

// partsOf takes a condition apart.
type partsOf struct {
	checked *celast.AST
	state   interpreter.EvalState
	left    *int
	in      *scene
}

func (w *partsOf) part(e celast.Expr, depth int) Part {
	*w.left--
	text, err := parser.Unparse(e, w.checked.SourceInfo(), parser.WrapOnColumn(maxWhen))
	if err != nil {
		text = "…"
	}
	p := Part{Text: short(approval.Redact(readable(text)), maxPartText)}
	if value, ok := w.state.Value(e.ID()); ok && value != nil {
		p.Value = w.show(e, value)
	}
	if depth >= maxPartDepth {
		return p
	}
	p.Parts = w.each(e, depth)
	for _, child := range w.children(e) {
		if *w.left <= 0 {
			break
		}
		p.Parts = append(p.Parts, w.part(child, depth+1))
	}
	return p
}

// children answers the parts of an expression whose values say something. Those of a && b && c are three, whatever tree they
// make. What all(…) and exists(…) evaluate once for each element has no one value: see each.
func (w *partsOf) children(e celast.Expr) (list []celast.Expr) {
	if e.Kind() != celast.CallKind {
		return nil
	}
	call := e.AsCall()
	if call.FunctionName() == operators.Index {
		return nil
	}
	all := call.Args()
	if call.IsMemberFunction() {
		all = append([]celast.Expr{call.Target()}, all...)
	}
	for _, child := range all {
		switch child.Kind() {
		case celast.LiteralKind, celast.ListKind, celast.MapKind, celast.StructKind, celast.UnspecifiedExprKind:
			continue
		case celast.IdentKind:
			if isObject(w.checked.GetType(child.ID())) {
				continue
			}
		case celast.CallKind:
			name := child.AsCall().FunctionName()
			if name == call.FunctionName() && (name == operators.LogicalAnd || name == operators.LogicalOr) {
				list = append(list, w.children(child)...)
				continue
			}
			if isConstant(child) {
				continue // such as duration("2h")
			}
		}
		list = append(list, child)
	}
	return list
}

func isConstant(e celast.Expr) bool {
	looks := false
	celast.PostOrderVisit(e, celast.NewExprVisitor(func(part celast.Expr) { looks = looks || part.Kind() == celast.IdentKind }))
	return !looks
}

func isObject(t *types.Type) bool {
	return t.Kind() == types.StructKind || t.Kind() == types.ListKind
}

// secretive are names of params whose values nobody but the reviewer of the petition needs to see.
var secretive = regexp.MustCompile(`(?i)pass(word|phrase)|secret|token|credential|private|api_?key`)

// show writes a value as far as it may be seen.
func (w *partsOf) show(e celast.Expr, value ref.Val) string {
	if _, isBool := value.(types.Bool); !isBool && w.namesSecret(e) {
		return "(hidden)"
	}
	return short(approval.Redact(shown(value)), maxPartValue)
}

func (w *partsOf) namesSecret(e celast.Expr) bool {
	found := false
	celast.PostOrderVisit(e, celast.NewExprVisitor(func(part celast.Expr) {
		switch part.Kind() {
		case celast.SelectKind:
			found = found || secretive.MatchString(part.AsSelect().FieldName())
		case celast.LiteralKind:
			name, isText := part.AsLiteral().Value().(string)
			found = found || isText && secretive.MatchString(name)
		}
	}))
	return found
}

func shown(value ref.Val) string {
	switch v := value.(type) {
	case *types.Err:
		return "error: " + readable(v.String())
	case types.String:
		return fmt.Sprintf("%q", short(readable(string(v)), maxPartValue))
	case types.Bool, types.Int, types.Uint, types.Double:
		return fmt.Sprint(v.Value())
	case types.Null:
		return "null"
	case types.Timestamp:
		return v.UTC().Format(time.RFC3339)
	case types.Duration:
		return v.Duration.String()
	case traits.Lister:
		return shownList(v)
	case traits.Mapper:
		return fmt.Sprintf("{%v keys}", v.Size().Value())
	}
	return "(" + value.Type().TypeName() + ")"
}

func shownList(list traits.Lister) string {
	var items []string
	for it := list.Iterator(); it.HasNext() == types.True; {
		if len(items) == maxPartItems {
			items = append(items, "…")
			break
		}
		items = append(items, shown(it.Next()))
	}
	return "[" + strings.Join(items, ", ") + "]"
}

// short cuts text to so many characters.
func short(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}
