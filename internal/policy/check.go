package policy

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// Kinds of findings.
const (
	FindingStuck      = "stuck"       // a petition that may be made and that nobody, or too few, could ever approve
	FindingUnreached  = "unreached"   // a rule that is for nothing in the directory
	FindingContradict = "contradicts" // a rule that comes after one that is for all of the same and answers otherwise
	FindingRedundant  = "redundant"   // the same, with the same answer
	FindingNobody     = "nobody"      // a person, group or role in a rule that is nobody in the directory
	FindingIncomplete = "incomplete"  // there was too much to look at: what was found holds, and there may be more
)

// Finding is what a check found. Line and Column are where the rule begins, from 1; 0 when no rule is at fault.
type Finding struct {
	Kind    string   `json:"kind" enum:"stuck,unreached,contradicts,redundant,nobody,incomplete"`
	Rule    string   `json:"rule,omitempty"`
	Line    int      `json:"line,omitempty"`
	Column  int      `json:"column,omitempty"`
	Message string   `json:"message"`
	Example *Example `json:"example,omitempty"`
	// Key is what something stuck is about: its rule, stage and reviewers, and whether everybody is stuck whom the rule is for.
	Key string `json:"-"`
}

// String answers it in one line.
func (f Finding) String() string {
	return f.Kind + ": " + (&Problem{Rule: f.Rule, Line: f.Line, Column: f.Column, Message: f.Message}).Error()
}

// Example is a petition that shows it: who asks for what, when, and who could decide.
type Example struct {
	Who      string            `json:"who"`
	What     approval.Resource `json:"what"`
	When     time.Time         `json:"when"`
	Stage    int               `json:"stage"` // from 1
	Needs    int               `json:"needs"`
	Eligible []string          `json:"eligible"` // persons, those that time adds included
}

// Directory is who and what a space has, as a check looks at it.
type Directory struct {
	Members   []DirectoryMember
	Resources []approval.Resource // what may be asked for
	Away      []Away
	Now       time.Time
}

// DirectoryMember is a member with what the directory says of it.
type DirectoryMember struct {
	approval.Member
	Names  []string          // every other name of the person, in lower case
	Groups []string          // names of all groups that it is in, through whatever nesting
	Labels map[string]string // of its entry
}

// Away says that a person decides nothing for a time, and who stands in.
type Away = approval.Absence

// Limits of a check.
const (
	maxLooks     = 200_000           // conditions that are evaluated
	maxLooksCost = 10 * maxTotalCost // of all of them
	maxStuck     = 100               // findings
	halfHour     = 30 * time.Minute
	closely      = 8 * 24 * time.Hour // each half hour
	ahead        = 35 * 24 * time.Hour
)

// Check looks for what would go wrong with the document in a space: petitions that could wait for ever, rules that nothing
// reaches, and rules that contradict. It is pure. For each member, each resource and each time that makes a difference (the
// half hours of the next eight days, and the shifts and overrides of schedules in the next five weeks) it asks which rules could decide, whatever the petition
// gives as reason, params, labels and duration, and whether enough persons could agree before its time is up: who asks, who
// is suspended, who is away all the time and who is never on call taken out. It looks at petitions for one resource each, made
// by members for themselves, who describe it as the directory does.
func (d *Document) Check(ctx context.Context, dir Directory) ([]Finding, error) {
	c := newCheck(ctx, d, dir)
	if err := c.prepare(); err != nil {
		return nil, err
	}
	k := c.kinds()
	petitioners := k.petitioners(dir)
	for _, what := range k.resources(dir) {
		for _, who := range petitioners {
			c.ask(who, what)
			if err := ctx.Err(); err != nil {
				return nil, approval.Wrap(approval.Unavailable, err, "the call was cancelled before the check was done")
			}
		}
	}
	c.tellWholeRules()
	return slices.Concat(c.findings, c.aboutRules(), c.aboutNames()), nil
}

// check is one check of a document in a directory.
type check struct {
	ctx   context.Context
	d     *Document
	dir   Directory
	parts []*partial // of the conditions, by rule
	times []time.Time

	looks    int
	cost     uint64
	reached  []bool
	findings []Finding
	stuck    map[string]int // petitions that were found, by the key of the finding
	judged   map[string]int // petitions that were looked at, by rule
	people   *people
}

func newCheck(ctx context.Context, d *Document, dir Directory) *check {
	return &check{ctx: ctx, d: d, dir: dir, reached: make([]bool, len(d.rules)), stuck: map[string]int{}, judged: map[string]int{}, people: newPeople(&dir)}
}

func (c *check) prepare() error {
	for i := range c.d.rules {
		p, err := c.d.rules[i].partial()
		if err != nil {
			return err
		}
		c.parts = append(c.parts, p)
	}
	c.times = c.moments()
	return nil
}

// ask looks at the petitions of one member for one resource.
func (c *check) ask(who *DirectoryMember, what *approval.Resource) {
	in := c.input(who, what)
	could := c.d.index.candidates(&in)
	times := c.times
	if !c.timed(could) {
		times = times[:1]
	}
	for _, at := range times {
		in.Now = at
		seen := newScene(c.ctx, c.d, &in, nil)
		for i := could.next(0); i >= 0 && i < len(c.d.rules); i = could.next(i + 1) {
			if c.looks++; c.isTooMuch() {
				return
			}
			before := seen.cost
			answer := c.parts[i].look(seen, &c.d.rules[i])
			c.cost += seen.cost - before
			if answer == fails {
				c.judge(nil, who, what, at)
				break
			}
			if answer == isFalse {
				continue
			}
			c.reached[i] = true
			c.judge(&c.d.rules[i], who, what, at)
			if answer == isTrue {
				break
			}
		}
	}
}

func (c *check) isTooMuch() bool { return c.looks > maxLooks || c.cost > maxLooksCost }

// input is the petition of a member for a resource, as far as it is known.
func (c *check) input(who *DirectoryMember, what *approval.Resource) approval.PolicyInput {
	find := func(id string) *DirectoryMember {
		i := slices.IndexFunc(c.dir.Members, func(m DirectoryMember) bool { return m.ID == id })
		if i < 0 {
			return &DirectoryMember{}
		}
		return &c.dir.Members[i]
	}
	return approval.PolicyInput{Space: who.Space, Actor: who.Actor("", nil), Now: c.dir.Now,
		Petition: &approval.Petition{Petitioners: []approval.Resource{who.Resource()}, Resources: []approval.Resource{*what},
			Labels: map[string]string{approval.LabelBreakGlass: "true"}},
		Lookups: approval.Lookups{
			Known: func(context.Context, string, []approval.Resource) ([]approval.Resource, error) {
				return []approval.Resource{*what}, nil
			},
			Groups: func(_ context.Context, _, id string) ([]string, error) { return find(id).Groups, nil },
			Labels: func(_ context.Context, _, id string) (map[string]string, error) { return find(id).Labels, nil }}}
}

// timed answers whether the time makes a difference to one of the rules.
func (c *check) timed(could ruleSet) bool {
	for i := could.next(0); i >= 0 && i < len(c.d.rules); i = could.next(i + 1) {
		if len(c.dir.Away) > 0 || c.d.rules[i].turns(c.parts[i]) {
			return true
		}
	}
	return false
}

// Turns answers whether what a check finds may change with time alone: a rule names a schedule or looks at the time.
func (d *Document) Turns() (bool, error) {
	rules := d.rules
	if d.changes != nil {
		rules = append(slices.Clip(rules), *d.changes)
	}
	for i := range rules {
		p, err := rules[i].partial()
		if err != nil || rules[i].turns(p) {
			return err == nil, err
		}
	}
	return false, nil
}

// turns answers whether the time makes a difference to the rule.
func (r *rule) turns(p *partial) bool {
	return p.timed || slices.ContainsFunc(r.demanded(), asksOnCall) || r.who != nil && len(r.who.OnCall) > 0
}

func asksOnCall(r approval.Requirement) bool {
	return len(r.Reviewers.OnCall) > 0 || slices.ContainsFunc(r.Escalate, func(e approval.Escalation) bool { return len(e.Reviewers.OnCall) > 0 })
}

// demanded answers whose agreement the rule asks for, before or after.
func (r *rule) demanded() []approval.Requirement {
	if r.verdict.BreakGlass != nil {
		return r.verdict.BreakGlass.Requirements
	}
	return r.verdict.Requirements
}

// within answers how long they have.
func (r *rule) within() time.Duration {
	if r.verdict.BreakGlass != nil {
		return r.verdict.BreakGlass.Within
	}
	return r.verdict.DecideWithin
}

// moments are the times that may make a difference, the first now.
func (c *check) moments() []time.Time {
	now := c.dir.Now.UTC()
	list := []time.Time{now}
	for half := range int(closely / halfHour) {
		list = append(list, now.Truncate(halfHour).Add(time.Duration(half+1)*halfHour))
	}
	for _, s := range c.d.schedules {
		for _, o := range s.overrides {
			list = append(list, o.from, o.to)
		}
		for _, r := range s.rotations {
			first := max(int64(now.Sub(wallTime(r.start, s.zone))/r.every), 0)
			for n := range int64(len(r.persons)) + 1 {
				list = append(list, r.shift(first+n, s.zone))
			}
		}
	}
	for _, a := range c.dir.Away {
		list = append(list, a.From)
	}
	list = slices.DeleteFunc(list, func(t time.Time) bool { return t.Before(now) || t.After(now.Add(ahead)) })
	slices.SortFunc(list, time.Time.Compare)
	return slices.CompactFunc(list, time.Time.Equal)
}

// aboutRules answers what is wrong with rules apart from any petition.
func (c *check) aboutRules() (list []Finding) {
	if c.isTooMuch() {
		list = append(list, Finding{Kind: FindingIncomplete, Message: "there is too much to look at: what was found holds, and there may be more"})
	}
	shadowed := map[int]bool{}
	for i := range c.d.rules {
		for before := range i {
			if !c.parts[before].covers(c.parts[i], &c.d.rules[before], &c.d.rules[i]) {
				continue
			}
			shadowed[i] = true
			r, first := &c.d.rules[i], &c.d.rules[before]
			f := Finding{Kind: FindingRedundant, Rule: r.verdict.Rule, Line: r.row, Column: r.column,
				Message: fmt.Sprintf("nothing reaches it: rule %q before it is for all of the same, and answers the same", first.verdict.Rule)}
			if !sameAnswer(first, r) {
				f.Kind, f.Message = FindingContradict, fmt.Sprintf("nothing reaches it: rule %q before it is for all of the same, and answers %s instead of %s", first.verdict.Rule, first.verdict.Answer(), r.verdict.Answer())
			}
			list = append(list, f)
			break
		}
	}
	for i, reached := range c.reached {
		if r := &c.d.rules[i]; !reached && !shadowed[i] && !c.isTooMuch() {
			list = append(list, Finding{Kind: FindingUnreached, Rule: r.verdict.Rule, Line: r.row, Column: r.column,
				Message: "nobody and nothing in the directory reaches it"})
		}
	}
	return list
}

func sameAnswer(a, b *rule) bool {
	return a.verdict.Answer() == b.verdict.Answer() && a.verdict.MaxDuration == b.verdict.MaxDuration &&
		spellStages(a.demanded(), a.demanded()) == spellStages(b.demanded(), b.demanded())
}

// tell notes that a petition could wait for ever; the first example of each requirement stands for all.
func (c *check) tell(r *rule, example Example, asked string) {
	name, at := ruleError, place{}
	if r != nil {
		name, at = r.verdict.Rule, r.place
	}
	key := fmt.Sprint(name, " ", example.Stage, " ", asked)
	if c.stuck[key]++; c.stuck[key] > 1 || len(c.findings) >= maxStuck {
		return
	}
	could := "nobody could"
	if n := len(example.Eligible); n > 0 {
		could = fmt.Sprintf("only %s could", strings.Join(example.Eligible[:min(n, 10)], ", "))
	}
	message := fmt.Sprintf("%s, who asks for %s at %s, waits for %d of %s: %s", example.Who, example.What.Title(), example.When.Format(time.RFC3339), example.Needs, asked, could)
	if r == nil {
		message = "when a condition cannot be evaluated, the owners decide: " + message
	}
	c.findings = append(c.findings, Finding{Kind: FindingStuck, Rule: name, Line: at.row, Column: at.column, Message: readable(message), Example: &example, Key: key})
}

// tellWholeRules says of what is stuck whether that is so for every petition that the rule is for.
func (c *check) tellWholeRules() {
	for i := range c.findings {
		if f := &c.findings[i]; c.stuck[f.Key] == c.judged[f.Rule] && c.judged[f.Rule] > 1 {
			f.Key += " everybody"
			f.Message += "; so does everybody whom the rule is for"
		}
	}
}
