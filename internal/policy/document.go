package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// Limits of a document.
const (
	maxDocument  = 256 << 10 // bytes
	maxRules     = 1000
	maxWhen      = 10_000 // characters of one condition
	maxRuleName  = 100
	maxSentence  = 500
	maxReviewers = 100
)

// What holds where a rule does not say.
const (
	defaultDecideWithin = 7 * 24 * time.Hour
	defaultGrant        = time.Hour
)

// Document is a compiled rule document. It is safe for concurrent use; nobody changes the verdicts that it answers.
type Document struct {
	Name  string
	Dev   bool
	rules []rule
}

// rule is one compiled rule: an optional condition and the verdict that it gives.
type rule struct {
	condition *condition // nil: always
	verdict   approval.Verdict
}

func (r *rule) matches(s *scene) (bool, error) {
	holds, err := r.condition.holds(s)
	if err != nil || !holds || r.verdict.Decision != approval.VerdictApprove || !r.condition.known {
		return holds, err
	}
	// known.all(…) is true of nothing at all. What the directory does not have, it has not vouched for (I13).
	return s.allKnown(), nil
}

// Compile reads and checks a document. What is wrong is Invalid; its cause is a [*Problem] with the place.
func Compile(text string) (*Document, error) {
	src, err := read(text)
	if err != nil {
		return nil, refuse("policy", err)
	}
	d := &Document{Name: src.Name.value, Dev: src.Dev}
	names := map[string]bool{ruleNone: true, ruleError: true}
	for i, s := range src.Rules {
		r, err := s.compile()
		if err == nil && names[s.Name.value] {
			err = s.Name.wrong("the name is taken: another rule or the product itself uses it")
		}
		if err != nil {
			return nil, refuse(fmt.Sprintf("policy.rules[%d]", i), s.blame(err))
		}
		names[s.Name.value] = true
		d.rules = append(d.rules, r)
	}
	return d, nil
}

// refuse makes what is wrong an Invalid that says it all; field is the place in terms of the API.
func refuse(field string, problem error) error {
	e := approval.Wrap(approval.Invalid, problem, "%v", problem)
	e.Field = field
	return e
}

func (s *sourceRule) compile() (r rule, err error) {
	if s.Name.value == "" {
		return r, s.wrong("a rule needs a name")
	}
	if err := s.Name.line(maxRuleName); err != nil {
		return r, err
	}
	description, err := s.Description.sentence()
	if err != nil {
		return r, err
	}
	r.verdict = approval.Verdict{Rule: s.Name.value, Explanation: description, DecideWithin: defaultDecideWithin, DefaultDuration: defaultGrant}
	if err := s.answer(&r.verdict); err != nil {
		return r, err
	}
	if s.When != nil {
		r.condition, err = compileCondition(*s.When, r.verdict.Decision == approval.VerdictApprove)
	}
	return r, err
}

// answer reads the one of approve, deny and require that the rule has.
func (s *sourceRule) answer(v *approval.Verdict) error {
	given := 0
	for _, has := range []bool{s.Approve != nil, s.Deny != nil, s.Require != nil} {
		if has {
			given++
		}
	}
	switch {
	case given != 1:
		return s.wrong("a rule needs exactly one of approve, deny and require, it has %d", given)
	case s.Approve != nil:
		return s.approves(v)
	case s.Deny != nil:
		return s.denies(v)
	}
	return s.reviews(v)
}

// approves lets the rule grant for at most the duration it says, by default for all of it.
func (s *sourceRule) approves(v *approval.Verdict) (err error) {
	if s.DecideWithin != nil {
		return s.DecideWithin.wrong("nobody decides what a rule approves: leave decideWithin out")
	}
	if s.MaxDuration != nil {
		return s.MaxDuration.wrong("a rule approves for at most its approve.duration: leave maxDuration out")
	}
	if s.Approve.Duration == nil {
		return s.wrong("approve needs a duration, such as approve: {duration: 1h}")
	}
	v.Decision = approval.VerdictApprove
	if err = s.Approve.Duration.duration(&v.MaxDuration); err != nil {
		return err
	}
	v.DefaultDuration = v.MaxDuration
	if v.Explanation == "" {
		v.Explanation = fmt.Sprintf("rule %q approves for at most %s", v.Rule, v.MaxDuration)
	}
	return s.defaultWithin(v)
}

func (s *sourceRule) denies(v *approval.Verdict) error {
	for _, d := range []*text{s.DecideWithin, s.DefaultDuration, s.MaxDuration} {
		if d != nil {
			return d.wrong("a rule that denies grants nothing: leave durations out")
		}
	}
	reason, err := s.Deny.Reason.sentence()
	if err != nil {
		return err
	}
	if reason == "" {
		return s.wrong("deny needs a reason, which the petitioner reads, such as deny: {reason: ask the data team first}")
	}
	v.Decision, v.Explanation = approval.VerdictDeny, reason
	return nil
}

func (s *sourceRule) reviews(v *approval.Verdict) error {
	requirement, err := s.requirement()
	if err != nil {
		return err
	}
	v.Decision, v.Requirements = approval.VerdictReview, []approval.Requirement{requirement}
	if v.Explanation == "" {
		v.Explanation = fmt.Sprintf("rule %q asks for %d approvals by %s", v.Rule, requirement.Count, requirement.Reviewers)
	}
	if s.DecideWithin != nil {
		if err := s.DecideWithin.duration(&v.DecideWithin); err != nil {
			return err
		}
	}
	if s.MaxDuration != nil {
		if err := s.MaxDuration.duration(&v.MaxDuration); err != nil {
			return err
		}
		v.DefaultDuration = min(v.DefaultDuration, v.MaxDuration)
	}
	return s.defaultWithin(v)
}

// defaultWithin reads defaultDuration, which must fit into the maximum.
func (s *sourceRule) defaultWithin(v *approval.Verdict) error {
	if s.DefaultDuration == nil {
		return nil
	}
	if err := s.DefaultDuration.duration(&v.DefaultDuration); err != nil {
		return err
	}
	if v.MaxDuration > 0 && v.DefaultDuration > v.MaxDuration {
		return s.DefaultDuration.wrong("defaultDuration %s is longer than the maximum %s", v.DefaultDuration, v.MaxDuration)
	}
	return nil
}

// requirement reads require. It refuses what nobody, or not enough people, could ever meet.
func (s *sourceRule) requirement() (r approval.Requirement, err error) {
	q := s.Require
	r = approval.Requirement{Count: 1, SelfApproval: q.SelfApproval}
	if q.Count != nil {
		r.Count = q.Count.value
	}
	if r.Reviewers, err = q.Reviewers.compile(); err != nil {
		return r, err
	}
	if q.Confirm != nil {
		if r.Confirm = q.Confirm.value; r.Confirm != approval.ConfirmPasskey {
			return r, q.Confirm.wrong("there is no confirm %q; there is %s", q.Confirm.value, approval.ConfirmPasskey)
		}
	}
	roles, persons := len(r.Reviewers.Roles), len(r.Reviewers.Persons)
	switch {
	case roles+persons == 0:
		return r, s.wrong("require.reviewers needs roles or persons: nothing is approved by nobody")
	case r.Count < 1 || r.Count > maxReviewers:
		return r, q.Count.wrong("count must be 1 to %d, it is %d", maxReviewers, r.Count)
	case roles == 0 && r.Count > persons:
		return r, q.Count.wrong("count is %d but only %d persons may review: nobody could ever approve this", r.Count, persons)
	}
	return r, nil
}

func (q sourceReviewers) compile() (r approval.Reviewers, err error) {
	if len(q.Persons) > maxReviewers {
		return r, q.Persons[maxReviewers].wrong("at most %d persons can be named", maxReviewers)
	}
	for _, t := range q.Roles {
		role := approval.Role(t.value)
		switch {
		case !role.Known():
			return r, t.wrong("there is no role %q; there are %s", t.value, approval.Joined(approval.Roles))
		case slices.Contains(r.Roles, role):
			return r, t.wrong("the role %q stands here twice", t.value)
		}
		r.Roles = append(r.Roles, role)
	}
	for _, t := range q.Persons {
		// Members are known by their address in lower case.
		person := strings.ToLower(t.value)
		if approval.CheckEmail("", person) != nil {
			return r, t.wrong("%q must be an address such as ada@example.com", t.value)
		}
		if slices.Contains(r.Persons, person) {
			return r, t.wrong("%s stands here twice: each person counts once", person)
		}
		r.Persons = append(r.Persons, person)
	}
	return r, nil
}
