package policy

import (
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"

	"github.com/indent-approvals/indent/internal/approval"
)

// The CEL library says what it met in a condition. What to do about it is said here.

// hintFor answers what to do about an issue, "" when there is nothing to add.
func hintFor(env *cel.Env, expression string, issue *cel.Error) string {
	m := issue.Message
	switch {
	case strings.Contains(m, "token recognition error at: '='"), strings.Contains(m, "token recognition error at: '= "):
		return "== compares"
	case strings.Contains(m, "missing ')'"):
		return "a bracket ( is not closed"
	case strings.Contains(m, "extraneous input ')'"):
		return "a bracket ) is not opened"
	case strings.Contains(m, "<EOF>"):
		return "the condition ends too early"
	case strings.HasPrefix(m, "found no matching overload"):
		return overloadHint(m)
	case strings.HasPrefix(m, "undefined field"):
		if fields := fieldsAt(env, expression, issue); len(fields) > 0 {
			return thereAre(quoted(m), fields)
		}
	case strings.HasPrefix(m, "undeclared reference"):
		if name := quoted(m); !strings.Contains(expression, name+"(") {
			return "there are " + strings.Join(variables(env), ", ") + "; a text stands in quotes"
		}
	}
	return ""
}

// overloadHint is about two that do not fit together.
func overloadHint(message string) string {
	_, types, _ := strings.Cut(message, "applied to '(")
	has := func(t string) bool { return strings.Contains(types, t) }
	switch {
	case strings.Contains(types, "list(string), string"):
		return `"name" in a list asks whether it is in there`
	case has("duration") && (has("int") || has("double") || has("string")):
		return `a length of time is written duration("5h")`
	case has("timestamp") && (has("int") || has("double") || has("string")):
		return `a time is written timestamp("2030-01-02T15:04:05Z")`
	case has("string") && (has("int") || has("double")):
		return "a text is compared with a text in quotes, a number with a number"
	case has("string") && has("bool"):
		return "compare the text with another in quotes"
	}
	return ""
}

// quoted answers what stands between the first single quotes of a message.
func quoted(message string) string {
	_, after, _ := strings.Cut(message, "'")
	name, _, _ := strings.Cut(after, "'")
	return name
}

// thereAre names what there is, the nearest first.
func thereAre(name string, names []string) string {
	best, least := "", 3
	for _, n := range names {
		if d := distance(name, n); d < least {
			best, least = n, d
		}
	}
	hint := "there are " + strings.Join(names, ", ")
	if best != "" {
		hint = "is it " + best + "? " + hint
	}
	return hint
}

// distance is how many characters must change to make one of the other, letters of either case being the same.
func distance(a, b string) int {
	x, y := []rune(strings.ToLower(a)), []rune(strings.ToLower(b))
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		before := row[0]
		row[0] = i + 1
		for j := range y {
			change := before
			if x[i] != y[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(y)]
}

func variables(env *cel.Env) (names []string) {
	for _, v := range env.Variables() {
		if _, ok := variableTypes[v.Name()]; ok {
			names = append(names, v.Name())
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// variableTypes are the types of what conditions look at: of a list, of its elements.
var variableTypes = map[string]string{"petition": typePetition, "actor": typeActor, "reviewer": typeReviewer, "known": typeResource,
	"resources": typeRequested, "petitioners": typeRequested, "now": "", "resource": typeResource, "petitioner": typePetitioner}

// fieldsAt answers the fields of what the issue is about.
func fieldsAt(env *cel.Env, expression string, issue *cel.Error) []string {
	parsed, issues := env.Parse(expression)
	if issues.Err() != nil {
		return nil
	}
	over := map[string]string{} // what the variable of a loop goes over
	var operand celast.Expr
	celast.PreOrderVisit(parsed.NativeRep().Expr(), celast.NewExprVisitor(func(e celast.Expr) {
		switch {
		case e.Kind() == celast.ComprehensionKind:
			if list := e.AsComprehension().IterRange(); list.Kind() == celast.IdentKind {
				over[e.AsComprehension().IterVar()] = list.AsIdent()
			}
		case e.Kind() == celast.SelectKind && e.ID() == issue.ExprID:
			operand = e.AsSelect().Operand()
		}
	}))
	if operand != nil && operand.Kind() == celast.CallKind && operand.AsCall().FunctionName() == operators.Index {
		operand = operand.AsCall().Args()[0]
	}
	if operand == nil || operand.Kind() != celast.IdentKind {
		return nil
	}
	name := operand.AsIdent()
	if list := over[name]; list != "" {
		name = list
	}
	provider := env.CELTypeProvider()
	fields, _ := provider.FindStructFieldNames(variableTypes[name])
	slices.Sort(fields)
	return fields
}

// closedFields are the fields of who asks and who reviews that have few values.
var closedFields = func() map[string]map[string][]string {
	var roles []string
	for _, r := range approval.Roles {
		roles = append(roles, string(r))
	}
	kinds := []string{approval.KindUser, approval.KindServiceAccount}
	return map[string]map[string][]string{typeActor: {"role": roles, "kind": kinds}, typeReviewer: {"role": roles}}
}()

// looksForNothing warns of a role or a kind that nobody can have: the comparison has the same answer always.
func (c *compiler) looksForNothing(rule string, when text, of *condition) {
	when.lines = c.lines
	checked := of.checked.NativeRep()
	celast.PreOrderVisit(checked.Expr(), celast.NewExprVisitor(func(e celast.Expr) {
		if e.Kind() != celast.CallKind || len(e.AsCall().Args()) != 2 {
			return
		}
		for i, side := range e.AsCall().Args() {
			if side.Kind() != celast.SelectKind {
				continue
			}
			field := side.AsSelect().FieldName()
			there := closedFields[checked.GetType(side.AsSelect().Operand().ID()).TypeName()][field]
			if there == nil {
				continue
			}
			for _, value := range literals(e.AsCall(), 1-i) {
				if name, isText := value.AsLiteral().Value().(string); isText && !slices.Contains(there, name) {
					from := checked.SourceInfo().GetStartLocation(value.ID())
					c.warn(when.at(from.Line(), from.Column()), rule, readable("there is no "+field+" \""+name+"\": "+thereAre(name, there)))
				}
			}
		}
	}))
}

// literals answers what one side of a comparison is compared with.
func literals(call celast.CallExpr, side int) (list []celast.Expr) {
	with := call.Args()[side]
	switch name := call.FunctionName(); {
	case with.Kind() == celast.LiteralKind && (name == operators.Equals || name == operators.NotEquals):
		return []celast.Expr{with}
	case with.Kind() == celast.ListKind && name == operators.In && side == 1:
		for _, e := range with.AsList().Elements() {
			if e.Kind() == celast.LiteralKind {
				list = append(list, e)
			}
		}
	}
	return list
}
