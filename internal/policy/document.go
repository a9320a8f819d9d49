package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// Limits of a document.
const (
	maxDocument     = 256 << 10 // bytes
	maxRules        = 1000
	maxSchedules    = 50
	maxTests        = 1000
	maxWhen         = 10_000 // characters of one condition
	maxRuleName     = 100
	maxSentence     = 500
	maxReviewers    = 100 // of one kind in one place
	maxStages       = 10  // of one rule
	maxRequirements = 20  // of one rule
	maxOwned        = 3   // requirements of one rule that become one for each resource
	maxEscalations  = 10  // of one requirement
	maxInputs       = 20  // of one rule
	maxChoices      = 50  // of one input
)

// What holds where a rule does not say.
const (
	defaultDecideWithin = 7 * 24 * time.Hour
	defaultGrant        = time.Hour
)

// Document is a compiled rule document. It is safe for concurrent use; nobody changes the verdicts that it answers.
type Document struct {
	Name string
	Dev  bool
	// Warnings are what is allowed and probably not meant.
	Warnings []Warning

	text      string
	rules     []rule
	index     *index // nil: every rule is tried
	changes   *rule  // what a change of the document is asked for by; nil: nobody is asked
	schedules map[string]*schedule
	selectors map[string]*selector // by their text
	tests     []selfTest
}

// Warning is what a document may say and whoever wrote it probably did not mean. Line and column count from 1.
type Warning struct {
	Rule    string `json:"rule,omitempty"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

// String answers it in one line, as a [Problem] is.
func (w Warning) String() string {
	return (&Problem{Rule: w.Rule, Line: w.Line, Column: w.Column, Message: w.Message}).Error()
}

// rule is one compiled rule: an optional condition and the verdict that it gives.
type rule struct {
	place
	condition *condition // nil: always
	who       *reviewers // of a breakGlass: who may; else nil
	verdict   approval.Verdict
	owned     bool // a requirement becomes one for each resource that is asked for
}

// compiler is what the parts of one document share while it is compiled.
type compiler struct {
	lines     []string // of the text, to which the columns of conditions refer
	schedules map[string]*schedule
	selectors map[string]*selector
	warnings  []Warning
	taken     map[string]int // the lines on which rules got their names; 0: the product's own
	wrong     []error
}

// maxWrong bounds how much is told of what is wrong with one document.
const maxWrong = 20

// Compile reads and checks a document. What is wrong first is Invalid; its cause is a [*Problem] with the place. It does not run
// the document's tests: see [Examine].
func Compile(text string) (*Document, error) {
	d, wrong := compile(text)
	if len(wrong) > 0 {
		return nil, wrong[0]
	}
	return d, nil
}

// compile answers the document, or what is wrong with it, in the order of the text: of a rule all mistakes that do not follow from
// one another, of a schedule and a test the first.
func compile(text string) (*Document, []error) {
	src, unread, wrong := read(text)
	c := &compiler{lines: strings.Split(text, "\n"), schedules: map[string]*schedule{}, selectors: map[string]*selector{},
		taken: map[string]int{ruleNone: 0, ruleError: 0, ruleChanges: 0}}
	for _, err := range wrong {
		c.refuse("policy", err)
	}
	if src == nil {
		c.unread(unread)
		return nil, c.told()
	}
	d := &Document{Name: src.Name.value, Dev: src.Dev, text: text, schedules: c.schedules, selectors: c.selectors}
	c.parts(src, d)
	if len(c.wrong) > 0 {
		return nil, c.told()
	}
	d.index = newIndex(d.rules)
	c.looksOdd(d.rules)
	d.Warnings = c.warnings
	return d, nil
}

// told answers what is wrong, in the order of the text.
func (c *compiler) told() []error {
	slices.SortStableFunc(c.wrong, func(a, b error) int { return placeOfError(a).compare(placeOfError(b)) })
	return c.wrong[:min(len(c.wrong), maxWrong)]
}

// unread tells what is wrong with the form of the parts of a document that is not of its own; src may be nil.
func (c *compiler) unread(src *source) {
	if src == nil {
		return
	}
	for i := range src.Schedules {
		c.refuse(fmt.Sprintf("policy.schedules[%d]", i), src.Schedules[i].broken)
	}
	for i := range src.Rules {
		c.refuse(fmt.Sprintf("policy.rules[%d]", i), src.Rules[i].broken)
	}
	for i := range src.Tests {
		c.refuse(fmt.Sprintf("policy.tests[%d]", i), src.Tests[i].broken)
	}
}

// parts compiles each part of the document, whatever is wrong with the others.
func (c *compiler) parts(src *source, d *Document) {
	for i := range src.Schedules {
		s := &src.Schedules[i]
		err := s.broken
		if err == nil {
			err = c.schedule(s)
		}
		if err != nil {
			c.refuse(fmt.Sprintf("policy.schedules[%d]", i), err)
			c.schedules[s.Name.value] = &schedule{} // so that who names it is not at fault as well
		}
	}
	changes, err := c.changes(src.Changes)
	if d.changes = changes; err != nil {
		c.refuse("policy.changes", err)
	}
	for i := range src.Rules {
		s := &src.Rules[i]
		r, err := c.named(s)
		if err != nil {
			c.refuse(fmt.Sprintf("policy.rules[%d]", i), s.blame(err))
		}
		d.rules = append(d.rules, r)
	}
	for i := range src.Tests {
		s := &src.Tests[i]
		t, err := selfTest{}, s.broken
		if err == nil {
			t, err = c.test(s)
		}
		if err != nil {
			c.refuse(fmt.Sprintf("policy.tests[%d]", i), s.blame(err))
		}
		d.tests = append(d.tests, t)
	}
}

// named compiles a rule whose name no other has.
func (c *compiler) named(s *sourceRule) (r rule, err error) {
	line, taken := c.taken[s.Name.value]
	if !taken {
		c.taken[s.Name.value] = s.Name.row
	}
	if s.broken != nil {
		return r, s.broken
	}
	r, err = c.rule(s)
	switch {
	case !taken || s.Name.value == "":
	case line == 0:
		err = errors.Join(s.Name.wrong("the name is taken: the product itself uses it"), err)
	default:
		err = errors.Join(s.Name.wrong("the name is taken: the rule on line %d has it", line), err)
	}
	return r, err
}

func (c *compiler) refuse(field string, problem error) {
	for _, one := range mistakes(problem) {
		c.wrong = append(c.wrong, refuse(field, one))
	}
}

// refuse makes what is wrong an Invalid that says it all; field is the place in terms of the API.
func refuse(field string, problem error) error {
	e := approval.Wrap(approval.Invalid, problem, "%v", problem)
	e.Field = field
	return e
}

// looksOdd warns of rules that nothing reaches, and of a document that leaves petitions without a rule.
func (c *compiler) looksOdd(rules []rule) {
	last := len(rules) - 1
	for i, r := range rules {
		if r.isCatchAll() && i < last {
			c.warn(rules[i+1].place, rules[i+1].verdict.Rule, fmt.Sprintf("nothing reaches this rule: rule %q before it is for every petition", r.verdict.Rule))
			return
		}
	}
	if r := rules[last]; !r.isCatchAll() {
		c.warn(r.place, r.verdict.Rule, "the last rule is not for every petition: what no rule matches is denied; say so with a rule without when")
	}
}

func (r *rule) isCatchAll() bool { return r.condition == nil && r.who == nil }

func (c *compiler) warn(at place, rule, message string) {
	c.warnings = append(c.warnings, Warning{Rule: rule, Line: at.row, Column: at.column, Message: message})
}

func (c *compiler) rule(s *sourceRule) (r rule, err error) {
	r.place = s.place
	var wrong [5]error
	if s.Name.value == "" {
		wrong[0] = s.wrong("a rule needs a name")
	} else {
		wrong[0] = s.Name.line(maxRuleName)
	}
	description, err := s.Description.sentence()
	wrong[1] = err
	r.verdict = approval.Verdict{Rule: s.Name.value, Explanation: description, DecideWithin: defaultDecideWithin, DefaultDuration: defaultGrant}
	wrong[2] = c.answer(s, &r)
	r.verdict.Inputs, wrong[3] = s.inputs()
	if s.When != nil {
		if r.condition, err = c.condition(*s.When, s.Approve != nil || s.BreakGlass != nil); err == nil {
			c.looksForNothing(s.Name.value, *s.When, r.condition)
		}
		wrong[4] = err
	}
	return r, errors.Join(wrong[:]...)
}

// answer reads the one of approve, deny, require and breakGlass that the rule has.
func (c *compiler) answer(s *sourceRule, r *rule) error {
	given := 0
	for _, has := range []bool{s.Approve != nil, s.Deny != nil, s.Require != nil, s.BreakGlass != nil} {
		if has {
			given++
		}
	}
	if given != 1 {
		return s.wrong("a rule needs exactly one of approve, deny, require and breakGlass, it has %d", given)
	}
	var odd error
	if s.Denials != nil && s.Require == nil {
		odd = s.Denials.wrong("denials is about people who decide: only a rule with require has it")
	}
	switch {
	case s.Approve != nil:
		return errors.Join(odd, s.approves(&r.verdict))
	case s.Deny != nil:
		return errors.Join(odd, s.denies(&r.verdict))
	case s.BreakGlass != nil:
		return errors.Join(odd, c.breaksGlass(s, r))
	}
	return c.reviews(s, r)
}

// approves lets the rule grant for at most the duration it says, by default for all of it.
func (s *sourceRule) approves(v *approval.Verdict) error {
	if s.Approve.Duration == nil {
		return s.wrong("approve needs a duration, such as approve: {duration: 1h}")
	}
	if err := s.grantsFor(v, s.Approve.Duration, "approve"); err != nil {
		return err
	}
	if v.Explanation == "" {
		v.Explanation = fmt.Sprintf("rule %q approves for at most %s", v.Rule, approval.Span(v.MaxDuration))
	}
	return nil
}

// grantsFor is what approve and breakGlass have in common.
func (s *sourceRule) grantsFor(v *approval.Verdict, duration *text, by string) error {
	var odd error
	if s.DecideWithin != nil {
		odd = s.DecideWithin.wrong("nobody decides what a rule approves: leave decideWithin out")
	}
	if s.MaxDuration != nil {
		odd = errors.Join(odd, s.MaxDuration.wrong("a rule approves for at most its %s.duration: leave maxDuration out", by))
	}
	v.Decision = approval.VerdictApprove
	if err := duration.duration(&v.MaxDuration); err != nil {
		return errors.Join(odd, err)
	}
	v.DefaultDuration = v.MaxDuration
	return errors.Join(odd, s.defaultWithin(v))
}

func (s *sourceRule) denies(v *approval.Verdict) error {
	var wrong []error
	for _, d := range []*text{s.DecideWithin, s.DefaultDuration, s.MaxDuration} {
		if d != nil {
			wrong = append(wrong, d.wrong("a rule that denies grants nothing: leave durations out"))
		}
	}
	if len(s.Inputs) > 0 {
		wrong = append(wrong, s.Inputs[0].wrong("a rule that denies asks for nothing: leave inputs out"))
	}
	reason, err := s.Deny.Reason.sentence()
	if err == nil && reason == "" {
		err = s.wrong("deny needs a reason, which the petitioner reads, such as deny: {reason: ask the data team first}")
	}
	v.Decision, v.Explanation = approval.VerdictDeny, reason
	return errors.Join(append(wrong, err)...)
}

// breaksGlass reads a rule that grants at once in an emergency.
func (c *compiler) breaksGlass(s *sourceRule, r *rule) error {
	b, v := s.BreakGlass, &r.verdict
	switch {
	case b.Who == nil:
		return b.wrong("breakGlass needs who, such as who: {groups: [on-call]}")
	case b.Duration == nil:
		return b.wrong("breakGlass needs a duration, such as 1h")
	case b.Review == nil || b.Review.Require == nil || b.Review.Within == nil:
		return b.wrong("breakGlass needs a review that follows, such as review: {require: {reviewers: {roles: [Owner]}}, within: 24h}")
	case b.Who.Managers != nil:
		return b.Who.Managers.wrong("who may break the glass is said by roles, persons, groups, onCall or where")
	case b.Who.Owners != nil:
		return b.Who.Owners.wrong("who may break the glass is said by roles, persons, groups, onCall or where")
	}
	who, unknown := c.reviewers(b.Who)
	r.who = &who
	wrong := errors.Join(unknown, s.grantsFor(v, b.Duration, "breakGlass"))
	v.BreakGlass = &approval.BreakGlass{Within: approval.MaxDuration} // so that nothing comes too late for what cannot be read
	wrong = errors.Join(wrong, b.Review.Within.duration(&v.BreakGlass.Within))
	stages, err := c.stages(b.Review.Require, v.BreakGlass.Within)
	if wrong = errors.Join(wrong, err); wrong != nil {
		return wrong
	}
	v.BreakGlass.Requirements = stages
	r.owned = slices.ContainsFunc(stages, owned)
	if v.Explanation == "" {
		v.Explanation = fmt.Sprintf("rule %q lets people break the glass for at most %s; they answer for it within %s", v.Rule, approval.Span(v.MaxDuration), approval.Span(v.BreakGlass.Within))
	}
	return nil
}

func (c *compiler) reviews(s *sourceRule, r *rule) (err error) {
	v := &r.verdict
	v.Decision = approval.VerdictReview
	wrong := s.DecideWithin.duration(&v.DecideWithin)
	within := v.DecideWithin
	if wrong != nil {
		within = approval.MaxDuration // so that nothing comes too late for what cannot be read
	}
	if v.Requirements, err = c.stages(s.Require, within); err == nil {
		r.owned = slices.ContainsFunc(v.Requirements, owned)
		if v.Explanation == "" {
			v.Explanation = asksFor(v.Rule, v.Requirements)
		}
	}
	wrong = errors.Join(wrong, err)
	if s.Denials != nil {
		v.Denials = s.Denials.value
		if v.Denials < 1 || v.Denials > maxReviewers {
			wrong = errors.Join(wrong, s.Denials.wrong("denials must be 1 to %d, it is %d", maxReviewers, v.Denials))
		} else if n, bounded := fewest(v.Requirements); err == nil && bounded && v.Denials > n {
			wrong = errors.Join(wrong, s.Denials.wrong("denials is %d but only %s may review: nobody could ever refuse this", v.Denials, countedPersons(n)))
		}
	}
	if s.MaxDuration != nil {
		if err := s.MaxDuration.duration(&v.MaxDuration); err != nil {
			return errors.Join(wrong, err)
		}
		v.DefaultDuration = min(v.DefaultDuration, v.MaxDuration)
	}
	return errors.Join(wrong, s.defaultWithin(v))
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
		return s.DefaultDuration.wrong("defaultDuration %s is longer than the maximum %s", approval.Span(v.DefaultDuration), approval.Span(v.MaxDuration))
	}
	return nil
}
