package policy

import (
	"context"

	"cel.dev/cel-go/cel"

	"github.com/indent-approvals/indent/internal/approval"
)

// selector is a compiled where: a condition over reviewer.
type selector struct{ condition *condition }

func (c *compiler) selector(where text) (*selector, error) {
	if same := c.selectors[where.value]; same != nil {
		return same, nil
	}
	where.lines = c.lines
	env, err := selecting()
	if err != nil {
		return nil, err
	}
	out, err := compileIn(env, where, "where", func(issue *cel.Error) error {
		return where.at(issue.Location.Line(), issue.Location.Column()).wrong("%s: a where looks at reviewer: its id, address, role, groups and labels", withHint(env, where, issue))
	})
	if err != nil {
		return nil, err
	}
	c.looksForNothing("", where, out)
	c.selectors[where.value] = &selector{out}
	return c.selectors[where.value], nil
}

// Candidate is a member who may be one of the reviewers, as a where sees it.
type Candidate = approval.Candidate

// candidate is one that is looked at.
type candidate struct {
	Candidate
	ctx    context.Context
	failed error
}

func (c *candidate) groups() (any, error) {
	if c.Groups == nil {
		return nil, c.unread(approval.Errorf(approval.Internal, "policy was given no groups"))
	}
	groups, err := c.Groups(c.ctx)
	return groups, c.unread(err)
}

func (c *candidate) labels() (any, error) {
	if c.Labels == nil {
		return nil, c.unread(approval.Errorf(approval.Internal, "policy was given no labels"))
	}
	found, err := c.Labels(c.ctx)
	return found, c.unread(err)
}

func (c *candidate) unread(err error) error {
	if err != nil && c.failed == nil {
		c.failed = err
	}
	return err
}

// ResolveName answers the one variable of a where.
func (c *candidate) ResolveName(name string) (any, bool) {
	return object{objectTypes[typeReviewer], c}, name == "reviewer"
}

// Parent answers that there is nothing behind.
func (c *candidate) Parent() cel.Activation { return nil }

// Selects answers whether a where of the document holds of the candidate. An error means that nobody can tell: then it is no
// reviewer. A where that the document does not have is NotFound.
func (d *Document) Selects(ctx context.Context, where string, who Candidate) (bool, error) {
	s := d.selectors[where]
	if s == nil {
		return false, approval.Errorf(approval.NotFound, "the document has no where %.200q", where)
	}
	return s.picks(ctx, who)
}

// picks answers whether the condition holds of the candidate. An error means that nobody can tell: then it is no reviewer.
func (s *selector) picks(ctx context.Context, who Candidate) (bool, error) {
	c := &candidate{Candidate: who, ctx: ctx}
	value, _, err := s.condition.program.ContextEval(ctx, c)
	if c.failed != nil {
		return false, c.failed
	}
	if err != nil {
		return false, err
	}
	answer, _ := value.Value().(bool)
	return answer, nil
}
