// Package policy turns a space's rule document into a verdict: approve, deny, or review by whom and how many.
//
// Its promise: rules are tried in order and the first that matches decides; no match is a denial; an error never
// approves, the caller falls back to review by the owners. It imports the centre, the CEL library and the YAML library.
package policy

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"github.com/goccy/go-yaml"

	"github.com/indent-approvals/indent/internal/approval"
)

// Limits of a document.
const (
	maxDocument = 256 << 10 // bytes
	maxRules    = 1000
	maxWhen     = 10_000 // bytes of one condition
)

// Document is a compiled rule document.
type Document struct {
	Name  string
	Dev   bool
	rules []rule
}

// rule is one compiled rule: an optional condition and the verdict that it gives.
type rule struct {
	name      string
	condition cel.Program // nil: always
	needs     needs
	verdict   approval.Verdict
}

// source is the document as it is written. JSON is YAML, so both are read.
type source struct {
	Version int          `yaml:"version"`
	Name    string       `yaml:"name"`
	Dev     bool         `yaml:"dev"`
	Rules   []sourceRule `yaml:"rules"`
}

type sourceRule struct {
	Name            string   `yaml:"name"`
	Description     string   `yaml:"description"`
	When            string   `yaml:"when"`
	Approve         *approve `yaml:"approve"`
	Deny            *deny    `yaml:"deny"`
	Require         *require `yaml:"require"`
	DecideWithin    string   `yaml:"decideWithin"`
	DefaultDuration string   `yaml:"defaultDuration"`
	MaxDuration     string   `yaml:"maxDuration"`
}

type approve struct {
	Duration string `yaml:"duration"`
}

type deny struct {
	Reason string `yaml:"reason"`
}

type require struct {
	Reviewers struct {
		Roles   []string `yaml:"roles"`
		Persons []string `yaml:"persons"`
	} `yaml:"reviewers"`
	Count        *int `yaml:"count"`
	SelfApproval bool `yaml:"selfApproval"`
}

// Compile reads and checks a document. Errors are Invalid and name the line, or the rule with line and column of its condition.
func Compile(text string) (*Document, error) {
	if len(text) > maxDocument {
		return nil, approval.FieldError("policy", "is %d bytes long, at most %d are allowed", len(text), maxDocument)
	}
	var src source
	decoder := yaml.NewDecoder(bytes.NewReader([]byte(text)), yaml.Strict())
	if err := decoder.Decode(&src); err != nil {
		return nil, approval.FieldError("policy", "cannot be read: %s", yaml.FormatError(err, false, false))
	}
	if src.Version != 1 {
		return nil, approval.FieldError("policy.version", "must be 1")
	}
	if len(src.Rules) == 0 || len(src.Rules) > maxRules {
		return nil, approval.FieldError("policy.rules", "needs 1 to %d rules, it has %d", maxRules, len(src.Rules))
	}
	d := &Document{Name: src.Name, Dev: src.Dev}
	for i, s := range src.Rules {
		r, err := s.compile(src.Dev)
		if err == nil && slices.ContainsFunc(d.rules, func(o rule) bool { return o.name == r.name }) {
			err = fmt.Errorf("its name %q is taken by a rule before it", r.name)
		}
		if err != nil {
			return nil, approval.FieldError(fmt.Sprintf("policy.rules[%d]", i), "rule %q: %v", s.Name, err)
		}
		d.rules = append(d.rules, r)
	}
	return d, nil
}

func (s sourceRule) compile(dev bool) (rule, error) {
	r := rule{name: s.Name, verdict: approval.Verdict{Rule: s.Name, Explanation: s.Description, Dev: dev}}
	if s.Name == "" || len(s.Name) > 100 {
		return r, fmt.Errorf("needs a name of at most 100 characters")
	}
	if err := s.durations(&r.verdict); err != nil {
		return r, err
	}
	if err := s.answer(&r.verdict); err != nil {
		return r, err
	}
	if s.When == "" {
		return r, nil
	}
	var err error
	r.needs = needsOf(s.When)
	r.condition, err = condition(s.When)
	return r, err
}

// answer reads the one of approve, deny and require that the rule has.
func (s sourceRule) answer(v *approval.Verdict) error {
	given := 0
	if s.Approve != nil {
		given++
		v.Decision = approval.VerdictApprove
		if s.Approve.Duration != "" {
			d, err := duration("approve.duration", s.Approve.Duration, 0)
			if err != nil {
				return err
			}
			v.DefaultDuration, v.MaxDuration = d, d
		}
	}
	if s.Deny != nil {
		given++
		v.Decision = approval.VerdictDeny
		if s.Deny.Reason != "" {
			v.Explanation = s.Deny.Reason
		}
	}
	if s.Require != nil {
		given++
		v.Decision = approval.VerdictReview
		requirement, err := s.Require.compile()
		if err != nil {
			return err
		}
		v.Requirements = []approval.Requirement{requirement}
	}
	if given != 1 {
		return fmt.Errorf("needs exactly one of approve, deny and require")
	}
	return nil
}

func (q require) compile() (approval.Requirement, error) {
	r := approval.Requirement{Count: 1, SelfApproval: q.SelfApproval}
	if q.Count != nil {
		r.Count = *q.Count
	}
	if r.Count < 1 || r.Count > 50 {
		return r, fmt.Errorf("require.count must be 1 to 50: nothing is approved by nobody")
	}
	for _, name := range q.Reviewers.Roles {
		role := approval.Role(name)
		if role.Rank() < 0 {
			return r, fmt.Errorf("there is no role %q; there are %v", name, approval.Roles)
		}
		r.Reviewers.Roles = append(r.Reviewers.Roles, role)
	}
	for _, person := range q.Reviewers.Persons {
		person = strings.ToLower(person)
		if err := approval.CheckEmail("require.reviewers.persons", person); err != nil {
			return r, err
		}
		r.Reviewers.Persons = append(r.Reviewers.Persons, person)
	}
	if len(r.Reviewers.Roles)+len(r.Reviewers.Persons) == 0 {
		return r, fmt.Errorf("require.reviewers needs roles or persons")
	}
	return r, nil
}

func (s sourceRule) durations(v *approval.Verdict) (err error) {
	if v.DecideWithin, err = duration("decideWithin", s.DecideWithin, 7*24*time.Hour); err != nil {
		return err
	}
	if v.MaxDuration, err = duration("maxDuration", s.MaxDuration, 0); err != nil {
		return err
	}
	if v.DefaultDuration, err = duration("defaultDuration", s.DefaultDuration, time.Hour); err != nil {
		return err
	}
	if s.DefaultDuration == "" && v.MaxDuration > 0 {
		v.DefaultDuration = min(v.DefaultDuration, v.MaxDuration)
	}
	if v.MaxDuration > 0 && v.DefaultDuration > v.MaxDuration {
		return fmt.Errorf("defaultDuration %s is longer than maxDuration %s", v.DefaultDuration, v.MaxDuration)
	}
	return nil
}

func duration(field, text string, fallback time.Duration) (time.Duration, error) {
	if text == "" {
		return fallback, nil
	}
	return approval.ParseDuration(field, text)
}
