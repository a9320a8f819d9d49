package policy

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/indent-approvals/indent/internal/approval"
)

// reviewers are who a document names, with the condition among them compiled.
type reviewers struct {
	approval.Reviewers
	where *selector // nil: none
}

// include answers whether who calls is one of them, as it is now. A service account counts by its own id and role.
func (r *reviewers) include(s *scene) (bool, error) {
	a := &s.in.Actor
	if r.Include(*a) {
		return true, nil
	}
	if len(r.Groups) > 0 {
		groups, err := s.groupsOf(a.ID)
		if err != nil || slices.ContainsFunc(groups, func(g string) bool { return slices.Contains(r.Groups, g) }) {
			return err == nil, err
		}
	}
	for _, name := range r.OnCall {
		if on, err := s.isOnCall(name, a.ID); err != nil || on {
			return on, err
		}
	}
	if r.where == nil {
		return false, nil
	}
	return r.where.picks(s.ctx, Candidate{ID: a.ID, Address: a.Address, Role: a.Role,
		Groups: func(context.Context) ([]string, error) { return s.groupsOf(a.ID) },
		Labels: func(context.Context) (map[string]string, error) { return s.labelsOf(a.ID) }})
}

// names reads who is meant. Nobody at all is refused.
func (c *compiler) names(s *sourceReviewers) (approval.Reviewers, error) {
	r, err := c.reviewers(s)
	return r.Reviewers, err
}

func (c *compiler) reviewers(s *sourceReviewers) (r reviewers, err error) {
	for _, list := range [][]text{s.Roles, s.Persons, s.Groups, s.OnCall} {
		if len(list) > maxReviewers {
			return r, list[maxReviewers].wrong("at most %d can be named here", maxReviewers)
		}
	}
	var wrong [7]error
	r.Roles, wrong[0] = roles(s.Roles)
	r.Persons, wrong[1] = persons(s.Persons)
	r.Groups, wrong[2] = each(s.Groups, "group", func(t text) error { return t.id(approval.MaxID) })
	r.OnCall, wrong[3] = each(s.OnCall, "schedule", c.knowsSchedule)
	r.Managers, wrong[4] = s.Managers.label()
	r.Owners, wrong[5] = s.Owners.label()
	if s.Where != nil {
		r.Where = s.Where.value
		r.where, wrong[6] = c.selector(*s.Where)
	}
	if err := errors.Join(wrong[:]...); err != nil {
		return r, err
	}
	if len(r.Roles)+len(r.Persons)+len(r.Groups)+len(r.OnCall) == 0 && r.Managers == "" && r.Owners == "" && r.Where == "" {
		return r, s.wrong("this names nobody, and nothing is approved by nobody: give it one of roles, persons, groups, managers, owners, onCall and where")
	}
	return r, nil
}

func roles(list []text) (all []approval.Role, err error) {
	var wrong []error
	for _, t := range list {
		role := approval.Role(t.value)
		switch {
		case !role.Known():
			wrong = append(wrong, t.wrong("there is no role %q; there are %s", t.value, approval.Joined(approval.Roles)))
		case slices.Contains(all, role):
			wrong = append(wrong, t.wrong("the role %q stands here twice", t.value))
		}
		all = append(all, role)
	}
	return all, errors.Join(wrong...)
}

func persons(list []text) (all []string, err error) {
	var wrong []error
	for _, t := range list {
		person, err := t.person()
		if err == nil && slices.Contains(all, person) {
			err = t.wrong("%s stands here twice: each person counts once", person)
		}
		wrong, all = append(wrong, err), append(all, person)
	}
	return all, errors.Join(wrong...)
}

// person reads an address. Members are known by theirs in lower case.
func (t text) person() (string, error) {
	person := strings.ToLower(t.value)
	if approval.CheckEmail("", person) != nil {
		return "", t.wrong("%q must be an address such as ada@example.com", t.value)
	}
	return person, nil
}

// each answers names that pass a check, each once.
func each(list []text, what string, check func(text) error) (all []string, err error) {
	var wrong []error
	for _, t := range list {
		err := check(t)
		if err == nil && slices.Contains(all, t.value) {
			err = t.wrong("the %s %q stands here twice", what, t.value)
		}
		wrong, all = append(wrong, err), append(all, t.value)
	}
	return all, errors.Join(wrong...)
}

// id refuses text that is no identifier of at most so many characters.
func (t text) id(most int) error {
	if strings.TrimSpace(t.value) != t.value || t.value == "" {
		return t.wrong("this is empty, or begins or ends with a space")
	}
	return t.line(most)
}

// label reads the key of a label; one that is not given is "".
func (t *text) label() (string, error) {
	if t == nil {
		return "", nil
	}
	return t.value, t.id(approval.MaxLabelKey)
}

func (c *compiler) knowsSchedule(t text) error {
	if c.schedules[t.value] == nil {
		return t.wrong("the document has no schedule %q", t.value)
	}
	return nil
}
