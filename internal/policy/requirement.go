package policy

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// stages reads a require: its stages in order, each one requirement or several. It refuses what nobody, or not enough
// people, could ever meet; within is how long they have.
func (c *compiler) stages(s *sourceStages, within time.Duration) (all []approval.Requirement, err error) {
	switch {
	case len(s.list) == 0:
		return nil, s.wrong("require needs at least one stage: nothing is approved by nobody")
	case len(s.list) > maxStages:
		return nil, s.list[maxStages].wrong("at most %d stages are allowed", maxStages)
	}
	names, wrong := map[string]int{}, []error(nil)
	for i := range s.list {
		stage := &s.list[i]
		list, err := stage.requirements()
		wrong = append(wrong, err)
		for _, q := range list {
			q.DistinctFrom = slices.Concat(q.DistinctFrom, stage.DistinctFrom)
			r, err := c.requirement(q, names, within)
			if r.Stage = i; err == nil {
				err = q.possible(r, all)
			}
			if wrong = append(wrong, err); err == nil {
				all = append(all, r)
			}
		}
		wrong = append(wrong, stage.call(names, i))
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	if len(all) > maxRequirements {
		return nil, s.wrong("require has %d requirements, at most %d are allowed", len(all), maxRequirements)
	}
	if n := len(slices.DeleteFunc(slices.Clone(all), func(r approval.Requirement) bool { return !owned(r) })); n > maxOwned {
		return nil, s.wrong("%d requirements name owners, at most %d may: each becomes one for each resource", n, maxOwned)
	}
	return all, nil
}

// call lets later stages refer to this one.
func (s *sourceStage) call(names map[string]int, at int) error {
	if s.Name == nil {
		return nil
	}
	if s.Name.value == "" {
		return s.Name.wrong("the name of a stage is empty: leave it out")
	}
	if err := s.Name.line(maxRuleName); err != nil {
		return err
	}
	if _, taken := names[s.Name.value]; taken {
		return s.Name.wrong("another stage of this rule has the name %q", s.Name.value)
	}
	names[s.Name.value] = at
	return nil
}

// requirements answers those of the stage: of all, or the one that its own keys say.
func (s *sourceStage) requirements() ([]sourceRequirement, error) {
	own := sourceRequirement{place: s.place, Reviewers: s.Reviewers, Count: s.Count, SelfApproval: s.SelfApproval, Confirm: s.Confirm,
		Notify: s.Notify, RemindAfter: s.RemindAfter, Escalate: s.Escalate}
	if s.All == nil {
		return []sourceRequirement{own}, nil
	}
	switch {
	case len(s.All) == 0:
		return nil, s.wrong("all is empty: nothing is approved by nobody")
	case s.Reviewers != nil || s.Count != nil || s.SelfApproval || s.Confirm != nil || s.Notify != nil || s.RemindAfter != nil || len(s.Escalate) > 0:
		return nil, s.wrong("a stage has either all or the keys of one requirement, such as reviewers: move these into all")
	}
	return s.All, nil
}

func (c *compiler) requirement(q sourceRequirement, stages map[string]int, within time.Duration) (r approval.Requirement, err error) {
	r = approval.Requirement{Count: 1, SelfApproval: q.SelfApproval}
	var wrong []error
	if q.Count != nil {
		r.Count = q.Count.value
		if r.Count < 1 || r.Count > maxReviewers {
			wrong = append(wrong, q.Count.wrong("count must be 1 to %d, it is %d", maxReviewers, r.Count))
		}
	}
	if q.Reviewers == nil {
		wrong = append(wrong, q.wrong("require.reviewers is missing: nothing is approved by nobody"))
	} else if r.Reviewers, err = c.names(q.Reviewers); err != nil {
		wrong = append(wrong, err)
	}
	if q.Confirm != nil {
		if r.Confirm = q.Confirm.value; r.Confirm != approval.ConfirmPasskey {
			wrong = append(wrong, q.Confirm.wrong("there is no confirm %q; there is %s", q.Confirm.value, approval.ConfirmPasskey))
		}
	}
	for _, name := range q.DistinctFrom {
		at, known := stages[name.value]
		if !known {
			wrong = append(wrong, name.wrong("no earlier stage of this rule has the name %q", name.value))
		}
		r.DistinctFrom = append(r.DistinctFrom, at)
	}
	slices.Sort(r.DistinctFrom)
	r.DistinctFrom = slices.Compact(r.DistinctFrom)
	if q.Notify != nil {
		told, err := c.names(q.Notify)
		wrong, r.Notify = append(wrong, err), &told
	}
	wrong = append(wrong, q.RemindAfter.before(within, &r.RemindAfter))
	if r.Escalate, err = c.escalations(q.Escalate, within); err != nil {
		wrong = append(wrong, err)
	}
	return r, errors.Join(wrong...)
}

// before reads a duration after which something is done while people decide; later it would never be.
func (t *text) before(end time.Duration, to *time.Duration) error {
	if err := t.duration(to); err != nil {
		return err
	}
	if t != nil && *to >= end {
		return t.wrong("%s is never reached: the time to decide is up after %s", *to, end)
	}
	return nil
}

func (c *compiler) escalations(list []sourceEscalation, within time.Duration) (all []approval.Escalation, err error) {
	if len(list) > maxEscalations {
		return nil, list[maxEscalations].wrong("at most %d escalations are allowed", maxEscalations)
	}
	var wrong []error
	for _, s := range list {
		if s.After == nil || s.Reviewers == nil {
			wrong = append(wrong, s.wrong("an escalation needs after and reviewers, such as {after: 4h, reviewers: {roles: [Owner]}}"))
			continue
		}
		var e approval.Escalation
		timed := s.After.before(within, &e.After)
		if n := len(all); timed == nil && n > 0 && e.After <= all[n-1].After {
			timed = s.After.wrong("escalations stand in the order of their time: %s is not after %s", e.After, all[n-1].After)
		}
		e.Reviewers, err = c.names(s.Reviewers)
		if wrong = append(wrong, timed, err); timed == nil {
			all = append(all, e)
		}
	}
	return all, errors.Join(wrong...)
}

// possible refuses a count that the named persons cannot reach, those who must be others than before taken out.
func (q sourceRequirement) possible(r approval.Requirement, before []approval.Requirement) error {
	may, bounded := named(r)
	if !bounded {
		return nil
	}
	if r.Count > len(may) {
		return q.Count.at(q.place).wrong("count is %d but only %s may review: nobody could ever approve this", r.Count, countedPersons(len(may)))
	}
	for _, b := range before {
		if !slices.Contains(r.DistinctFrom, b.Stage) {
			continue
		}
		others, bounded := named(b)
		if !bounded {
			continue
		}
		elsewhere := slices.DeleteFunc(slices.Clone(others), func(p string) bool { return slices.Contains(may, p) })
		if used := max(b.Count-len(elsewhere), 0); r.Count > len(may)-used {
			return q.Count.at(q.place).wrong("an earlier stage uses %d of the %s who may review: nobody could ever approve this", used, countedPersons(len(may)))
		}
	}
	return nil
}

// at answers the place of the number, or where it is missing.
func (w *whole) at(otherwise place) place {
	if w == nil {
		return otherwise
	}
	return w.place
}

// named answers the persons who may ever review, and whether nobody else may.
func named(r approval.Requirement) (persons []string, bounded bool) {
	all := []approval.Reviewers{r.Reviewers}
	for _, e := range r.Escalate {
		all = append(all, e.Reviewers)
	}
	for _, w := range all {
		if len(w.Roles)+len(w.Groups)+len(w.OnCall) > 0 || w.Managers != "" || w.Owners != "" || w.Where != "" {
			return nil, false
		}
		persons = append(persons, w.Persons...)
	}
	slices.Sort(persons)
	return slices.Compact(persons), true
}

// fewest answers how many persons may review any of the requirements, and whether that is bounded.
func fewest(all []approval.Requirement) (n int, bounded bool) {
	var persons []string
	for _, r := range all {
		may, bounded := named(r)
		if !bounded {
			return 0, false
		}
		persons = append(persons, may...)
	}
	slices.Sort(persons)
	return len(slices.Compact(persons)), true
}

// owned answers whether the requirement is one for each resource: its owners are asked, now or later.
func owned(r approval.Requirement) bool {
	return r.Reviewers.Owners != "" || slices.ContainsFunc(r.Escalate, func(e approval.Escalation) bool { return e.Reviewers.Owners != "" })
}

// forEach answers the requirements with each that asks owners once for each of so many resources.
func forEach(resources int, all []approval.Requirement) (out []approval.Requirement) {
	for _, r := range all {
		if !owned(r) {
			out = append(out, r)
			continue
		}
		for i := range resources {
			r.Resource = i + 1
			out = append(out, r)
		}
	}
	return out
}

// asksFor says for people what the requirements ask for.
func asksFor(rule string, all []approval.Requirement) string {
	var parts []string
	for i, r := range all {
		joint := ""
		switch {
		case i == 0:
		case r.Stage != all[i-1].Stage:
			joint = "then "
		default:
			joint = "and "
		}
		approvals := "approvals"
		if r.Count == 1 {
			approvals = "approval"
		}
		parts = append(parts, fmt.Sprintf("%s%d %s by %s", joint, r.Count, approvals, r.Reviewers))
	}
	return readable(fmt.Sprintf("rule %q asks for %s", rule, strings.Join(parts, ", ")))
}

// countedPersons answers "1 person" and "2 persons".
func countedPersons(n int) string {
	if n == 1 {
		return "1 person"
	}
	return strconv.Itoa(n) + " persons"
}
