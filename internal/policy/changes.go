package policy

import (
	"slices"

	"github.com/goccy/go-yaml/ast"

	"github.com/indent-approvals/indent/internal/approval"
)

// UnmarshalYAML keeps where the section begins.
func (s *sourceChanges) UnmarshalYAML(node ast.Node) error {
	type plain sourceChanges
	return placed(node, (*plain)(s), &s.place)
}

// changes reads who must agree to a change of the document. No rule is asked about one: a rule for all petitions would
// approve its own end. So the section asks people, and nothing else can stand in it.
func (c *compiler) changes(s *sourceChanges) (*rule, error) {
	if s == nil {
		return nil, nil
	}
	if s.Require == nil {
		return nil, s.wrong("changes needs require, such as require: {reviewers: {roles: [Owner]}}")
	}
	r, err := c.rule(&sourceRule{place: s.place, Name: text{place: s.place, value: ruleChanges}, Require: s.Require, DecideWithin: s.DecideWithin})
	if err != nil {
		return nil, err
	}
	if r.owned {
		return nil, s.wrong("the policy is no entry of the directory and has no owners there: name roles, persons, groups or who is on call")
	}
	if slices.ContainsFunc(r.verdict.Requirements, func(q approval.Requirement) bool { return q.SelfApproval }) {
		return nil, s.wrong("selfApproval would let one person change the policy alone: leave changes out to allow that")
	}
	return &r, nil
}

// asksForPolicy answers whether the petition is for another policy of its space.
func asksForPolicy(p *approval.Petition) bool {
	return len(p.Resources) == 1 && p.Resources[0].Kind == approval.KindPolicy
}
