package policy

import (
	"fmt"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/parser"
)

// unfoldingCosts is how many parts of an explanation a loop counts for: its inner condition is compiled once more.
const unfoldingCosts = 10

// each answers what resources.all(r, …) and its kind come to for each element of the list, for at most so many as a list is
// shown with. None when it is no such loop, or goes over what nobody needs to see.
func (w *partsOf) each(e celast.Expr, depth int) (list []Part) {
	macro, ok := w.checked.SourceInfo().GetMacroCall(e.ID())
	if !ok || e.Kind() != celast.ComprehensionKind || macro.Kind() != celast.CallKind || *w.left <= unfoldingCosts || w.in.cost > maxTotalCost {
		return nil
	}
	call := macro.AsCall()
	switch call.FunctionName() {
	case operators.All, operators.Exists, operators.ExistsOne:
	default:
		return nil
	}
	over := e.AsComprehension().IterRange()
	value, _ := w.state.Value(over.ID())
	elements, isList := value.(traits.Lister)
	if !isList || len(call.Args()) != 2 || over.Kind() != celast.IdentKind && over.Kind() != celast.SelectKind || w.namesSecret(over) {
		return nil
	}
	one, err := w.inner(over, call.Args()[0].AsIdent(), call.Args()[1])
	if err != nil {
		return nil // inside of another loop, whose variable it looks at
	}
	*w.left -= unfoldingCosts
	name, _ := parser.Unparse(over, w.checked.SourceInfo())
	n := 0
	for it := elements.Iterator(); it.HasNext() == types.True; n++ {
		element := it.Next()
		if n >= maxPartItems || *w.left <= 0 {
			continue
		}
		part := one.of(w, element, depth)
		part.Text = short(fmt.Sprintf("%s[%d]: %s", name, n, part.Text), maxPartText)
		list = append(list, part)
	}
	if more := n - len(list); more > 0 {
		list = append(list, Part{Text: "…", Value: fmt.Sprintf("%d more", more)})
	}
	return list
}

// innerCondition is the condition on one element.
type innerCondition struct {
	name    string
	checked *cel.Ast
	program cel.Program
}

func (w *partsOf) inner(over celast.Expr, name string, condition celast.Expr) (*innerCondition, error) {
	text, err := parser.Unparse(condition, w.checked.SourceInfo(), parser.WrapOnColumn(maxWhen))
	if err != nil {
		return nil, err
	}
	env, err := environment(false)
	if err != nil {
		return nil, err
	}
	element := cel.DynType
	if of := w.checked.GetType(over.ID()); of.Kind() == cel.ListType(cel.DynType).Kind() {
		element = of.Parameters()[0]
	}
	if env, err = env.Extend(cel.Variable(name, element)); err != nil {
		return nil, err
	}
	checked, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, issues.Err()
	}
	program, err := env.Program(checked, cel.EvalOptions(cel.OptTrackState|cel.OptExhaustiveEval), cel.CostLimit(maxCost), cel.InterruptCheckFrequency(interruptEach))
	return &innerCondition{name, checked, program}, err
}

// of answers what the condition comes to for an element.
func (c *innerCondition) of(w *partsOf, element ref.Val, depth int) Part {
	_, details, err := c.program.ContextEval(w.in.ctx, &elementOf{w.in, c.name, element})
	if details == nil {
		return Part{Text: "…", Value: "error"}
	}
	if cost := details.ActualCost(); cost != nil {
		w.in.cost += *cost
	}
	whole := &partsOf{checked: c.checked.NativeRep(), state: details.State(), left: w.left, in: w.in}
	part := whole.part(whole.checked.Expr(), depth+1)
	if part.Value == "" && err != nil {
		part.Value = "error: " + short(readable(err.Error()), maxPartValue)
	}
	return part
}

// elementOf is a scene in which the variable of a loop is one element.
type elementOf struct {
	*scene
	name    string
	element ref.Val
}

// ResolveName answers the element by the name of the loop's variable.
func (e *elementOf) ResolveName(name string) (any, bool) {
	if name == e.name {
		return e.element, true
	}
	return e.scene.ResolveName(name)
}
