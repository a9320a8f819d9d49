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
	known   bool // it looks at the directory
}

// compileCondition compiles the text of a "when"; its type must be bool. The condition of a rule that approves sees less:
// only what binds, not what the requester says about itself (I13, see vocabulary.go).
func compileCondition(when text, approves bool) (*condition, error) {
	if err := checkConditionText(when); err != nil {
		return nil, err
	}
	env, err := environment(approves)
	if err != nil {
		return nil, err
	}
	ast, issues := env.Compile(when.value)
	if issues.Err() != nil {
		return nil, explainIssue(when, issues.Errors()[0], approves)
	}
	if !ast.OutputType().IsExactType(cel.BoolType) {
		return nil, when.wrong("when must be true or false, it is of type %s: compare it with something", ast.OutputType())
	}
	program, err := env.Program(ast, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(maxCost), cel.InterruptCheckFrequency(interruptEach))
	if err != nil {
		return nil, when.wrong("%v", err)
	}
	return &condition{program: program, known: reads(ast, "known")}, nil
}

func checkConditionText(when text) error {
	if strings.TrimSpace(when.value) == "" {
		return when.wrong("when is empty: leave it out of a rule that is for every petition")
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
func explainIssue(when text, issue *cel.Error, approves bool) error {
	at := when.at(issue.Location.Line(), issue.Location.Column())
	if approves && compiles(when.value) {
		return at.wrong("%s: a rule that approves must not rest on what the requester says about itself; "+
			"it may use actor, known, now, petition.params, petition.duration and the id and kind of resources and petitioners", issue.Message)
	}
	return at.wrong("%s", issue.Message)
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

// allKnown answers whether the directory has an entry for every resource that is asked for.
func (s *scene) allKnown() bool {
	entries, err := s.directory()
	if err != nil {
		return false
	}
	for _, asked := range s.in.Petition.Resources {
		if !slices.ContainsFunc(entries, func(r approval.Resource) bool { return r.Same(asked) }) {
			return false
		}
	}
	return true
}
