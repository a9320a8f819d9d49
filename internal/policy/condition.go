package policy

import (
	"errors"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"

	"github.com/indent-approvals/indent/internal/approval"
)

// Limits of conditions. The unit of cost is CEL's: about one for each step, and for each ten characters touched.
const (
	maxCost       = 100_000   // of one condition
	maxTotalCost  = 1_000_000 // of all conditions of one decision
	maxNesting    = 3         // of all, exists, map … in one another
	maxPattern    = 5_000     // size of a compiled regular expression
	interruptEach = 100       // steps of a loop between two looks at the caller's context
)

// condition is a compiled "when".
type condition struct {
	program cel.Program
	checked *cel.Ast
	known   bool // it looks at the directory
}

// condition compiles the text of a "when"; its type must be bool. The condition of a rule that approves sees less: only
// what binds, not what the requester says about itself (I13, see vocabulary.go).
func (c *compiler) condition(when text, approves bool) (*condition, error) {
	when.lines = c.lines
	env, err := environment(approves)
	if err != nil {
		return nil, err
	}
	out, err := compileIn(env, when, "when", func(issue *cel.Error) error { return explainIssue(env, when, issue, approves) })
	if err != nil {
		return nil, err
	}
	if name := out.strangeSchedule(c.schedules); name != "" {
		return nil, when.wrong("the document has no schedule %q, so that nobody is ever on call there", name)
	}
	out.known = reads(out.checked, "known")
	return out, nil
}

// compileIn compiles an expression of type bool; key is what the document calls it.
func compileIn(env *cel.Env, when text, key string, explain func(*cel.Error) error) (*condition, error) {
	if err := checkConditionText(when, key); err != nil {
		return nil, err
	}
	parsed, issues := env.Parse(when.value)
	if issues.Err() != nil {
		return nil, explain(issues.Errors()[0]) // what follows one mistake of the syntax is no other mistake
	}
	checked, issues := env.Check(parsed)
	if issues.Err() != nil {
		var wrong []error
		for _, issue := range issues.Errors() {
			wrong = append(wrong, explain(issue))
		}
		return nil, errors.Join(wrong...)
	}
	if !checked.OutputType().IsExactType(cel.BoolType) {
		return nil, when.wrong("%s must be true or false, it is of type %s: compare it with something", key, checked.OutputType())
	}
	program, err := env.Program(checked, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(maxCost), cel.InterruptCheckFrequency(interruptEach))
	if err != nil {
		return nil, when.wrong("%v", err)
	}
	return &condition{program: program, checked: checked}, nil
}

func checkConditionText(when text, key string) error {
	if strings.TrimSpace(when.value) == "" {
		return when.wrong("%s is empty: leave it out", key)
	}
	shown := when
	shown.value = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r == '\r' {
			return ' '
		}
		return r
	}, when.value)
	return shown.line(maxWhen)
}

// explainIssue answers what the compiler found, at its place in the document.
func explainIssue(env *cel.Env, when text, issue *cel.Error, approves bool) error {
	at := when.at(issue.Location.Line(), issue.Location.Column())
	if approves && compiles(when.value) {
		return at.wrong("%s: a rule that approves must not rest on what the requester says about itself; "+
			"it may use actor, known, now, petition.params, petition.duration, the id and kind of resources, and the id, kind, groups and onCall of petitioners", issue.Message)
	}
	return at.wrong("%s", withHint(env, when, issue))
}

func withHint(env *cel.Env, when text, issue *cel.Error) string {
	if hint := hintFor(env, when.value, issue); hint != "" {
		return issue.Message + ": " + hint
	}
	return issue.Message
}

func compiles(expression string) bool {
	env, err := environment(false)
	if err != nil {
		return false
	}
	_, issues := env.Compile(expression)
	return issues.Err() == nil
}

// reads answers whether the checked expression refers to the variable.
func reads(checked *cel.Ast, variable string) bool {
	for _, r := range checked.NativeRep().ReferenceMap() {
		if r.Name == variable {
			return true
		}
	}
	return false
}

// holds evaluates the condition. An error, a cost overrun and an answer that is not a bool are all errors.
func (c *condition) holds(s *scene) (bool, error) {
	value, details, err := c.program.ContextEval(s.ctx, s)
	if details != nil {
		if cost := details.ActualCost(); cost != nil {
			s.cost += *cost
		}
	}
	if err != nil {
		return false, err
	}
	if s.cost > maxTotalCost {
		return false, errors.New("the conditions up to here cost too much")
	}
	answer, ok := value.Value().(bool)
	if !ok {
		return false, errors.New("the condition is neither true nor false")
	}
	return answer, nil
}

// allKnown answers whether the directory has an entry for every resource that is asked for, of which it does not say that it is out of use.
func (s *scene) allKnown() bool {
	entries, err := s.directory()
	if err != nil {
		return false
	}
	for _, asked := range s.in.Petition.Resources {
		if !slices.ContainsFunc(entries, func(r approval.Resource) bool {
			return r.Same(asked) && r.Labels[approval.LabelDeactivated] != "true"
		}) {
			return false
		}
	}
	return true
}
