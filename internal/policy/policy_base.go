package policy

import (
	"context"
	"errors"
	"sync"

	"cel.dev/cel-go/cel"
	"github.com/goccy/go-yaml/token"

	"github.com/indent-approvals/indent/internal/approval"
)

// Conditions implements [approval.Conditions]: it compiles each text once. They see no more than a rule that approves does (I13):
// a webhook must not be told of what somebody has talked it into.
type Conditions struct {
	mu       sync.Mutex
	compiled map[string]*baseCompilation
}

var _ approval.Conditions = (*Conditions)(nil)

// baseCompilation is a condition that is compiled by the first who needs it; the others wait for that.
type baseCompilation struct {
	once      sync.Once
	condition *condition
	err       error
}

// NewConditions answers conditions with nothing compiled yet.
func NewConditions() *Conditions { return &Conditions{compiled: map[string]*baseCompilation{}} }

// CheckCondition implements [approval.Conditions].
func (c *Conditions) CheckCondition(text string) error {
	_, err := compileBase(text)
	if all := mistakes(err); len(all) > 0 {
		return approval.Errorf(approval.Invalid, "%v", all[0])
	}
	return nil
}

// Holds implements [approval.Conditions].
func (c *Conditions) Holds(ctx context.Context, text string, in approval.ConditionInput) (bool, error) {
	compiled, err := c.condition(text, compileBase)
	if err != nil {
		return false, err
	}
	s := &baseScene{in: in, scene: scene{ctx: ctx}}
	s.scene.in.Petition = in.Petition
	return compiled.evaluate(ctx, s)
}

// listedKey keeps conditions over resource alone apart from the others: a text that is one of these may be none of those.
const listedKey = "listed\x00"

// CheckListed implements [approval.Conditions].
func (c *Conditions) CheckListed(text string) error {
	_, err := compileListed(text)
	if all := mistakes(err); len(all) > 0 {
		return approval.Errorf(approval.Invalid, "%v", all[0])
	}
	return nil
}

// Listed implements [approval.Conditions].
func (c *Conditions) Listed(ctx context.Context, text string, r approval.Resource) (bool, error) {
	compiled, err := c.condition(listedKey+text, func(string) (*condition, error) { return compileListed(text) })
	if err != nil {
		return false, err
	}
	return compiled.evaluate(ctx, &baseScene{in: approval.ConditionInput{Resource: r}, scene: scene{ctx: ctx}})
}

// evaluate answers whether the condition holds.
func (compiled *condition) evaluate(ctx context.Context, s *baseScene) (bool, error) {
	value, _, err := compiled.program.ContextEval(ctx, s)
	switch {
	case s.unavailable != nil: // CEL may have swallowed it
		return false, approval.Wrap(approval.Unavailable, s.unavailable, "the directory cannot be read")
	case ctx.Err() != nil:
		return false, approval.Wrap(approval.Unavailable, ctx.Err(), "the call was cancelled before the condition had answered")
	case err != nil:
		return false, errors.New(readable(err.Error()))
	}
	holds, ok := value.Value().(bool)
	if !ok {
		return false, errors.New("the condition is neither true nor false")
	}
	return holds, nil
}

func (c *Conditions) condition(text string, compile func(string) (*condition, error)) (*condition, error) {
	c.mu.Lock()
	known := c.compiled[text]
	if known == nil {
		if len(c.compiled) >= maxCompiled {
			clear(c.compiled)
		}
		known = &baseCompilation{}
		c.compiled[text] = known
	}
	c.mu.Unlock()
	known.once.Do(func() { known.condition, known.err = compile(text) })
	return known.condition, known.err
}

// compileBase compiles a condition that stands alone: its lines count from 1.
func compileBase(expression string) (*condition, error) {
	env, err := aboutResources()
	if err != nil {
		return nil, err
	}
	when := text{value: expression, style: token.LiteralType}
	return compileIn(env, when, "a condition", func(issue *cel.Error) error {
		at := when.at(issue.Location.Line(), issue.Location.Column())
		if loose, err := aboutAnything(); err == nil {
			if _, issues := loose.Compile(expression); issues.Err() == nil {
				return at.wrong("%s: a condition must not rest on what the petitioner says about itself; of a petition it may use params and duration", issue.Message)
			}
		}
		return at.wrong("%s", withHint(env, when, issue))
	})
}

// compileListed compiles a condition over resource alone.
func compileListed(expression string) (*condition, error) {
	env, err := aboutListed()
	if err != nil {
		return nil, err
	}
	when := text{value: expression, style: token.LiteralType}
	return compileIn(env, when, "a condition", func(issue *cel.Error) error {
		at := when.at(issue.Location.Line(), issue.Location.Column())
		if wide, err := aboutResources(); err == nil {
			if _, issues := wide.Compile(expression); issues.Err() == nil {
				return at.wrong("%s: what is listed is of no petition: a condition can look at resource alone", issue.Message)
			}
		}
		return at.wrong("%s", withHint(env, when, issue))
	})
}

var (
	aboutListed = sync.OnceValues(func() (*cel.Env, error) {
		return newEnvironment(true, cel.Variable("resource", objectTypes[typeResource]))
	})
	aboutResources = sync.OnceValues(func() (*cel.Env, error) { return baseConditions(true) })
	aboutAnything  = sync.OnceValues(func() (*cel.Env, error) { return baseConditions(false) }) // only to explain
)

func baseConditions(binding bool) (*cel.Env, error) {
	return newEnvironment(binding,
		cel.Variable("petition", objectTypes[typePetition]),
		cel.Variable("resource", objectTypes[typeResource]),
		cel.Variable("petitioner", objectTypes[typePetitioner]))
}

// baseScene is what one condition looks at. It is filled as the condition looks.
type baseScene struct {
	scene
	in    approval.ConditionInput
	asker *approval.Resource
}

// ResolveName answers a variable of the vocabulary.
func (s *baseScene) ResolveName(name string) (any, bool) {
	switch name {
	case "petition":
		return object{objectTypes[typePetition], &s.scene}, true
	case "resource":
		return object{objectTypes[typeResource], &s.in.Resource}, true
	case "petitioner":
		return object{objectTypes[typePetitioner], s}, true
	}
	return nil, false
}

// who answers who asks, read once.
func (s *baseScene) who() (*approval.Resource, error) {
	if s.asker == nil {
		who, err := s.in.Asker.Who(s.ctx)
		if err != nil {
			return nil, s.unread(err)
		}
		s.asker = &who
	}
	return s.asker, nil
}

// petitionerFields are what the space knows of a petitioner.
func petitionerFields() map[string]field {
	said := func(get func(*approval.Resource) string) func(any) (any, error) {
		return with(func(s *baseScene) (any, error) {
			who, err := s.who()
			if err != nil {
				return nil, err
			}
			return get(who), nil
		})
	}
	return map[string]field{
		"id":    {cel.StringType, said(func(r *approval.Resource) string { return r.ID }), false},
		"kind":  {cel.StringType, said(func(r *approval.Resource) string { return r.Kind }), false},
		"email": {cel.StringType, said(func(r *approval.Resource) string { return r.Email }), false},
		"groups": {stringList, with(func(s *baseScene) (any, error) {
			found, err := s.in.Asker.Groups(s.ctx)
			if err != nil {
				return nil, s.unread(err)
			}
			return found, nil
		}), false},
		"labels": {labels, with(func(s *baseScene) (any, error) {
			found, err := s.in.Asker.Labels(s.ctx)
			if err != nil {
				return nil, s.unread(err)
			}
			return found, nil
		}), false},
	}
}
