package policy

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// people finds the members that reviewers name.
type people struct {
	byName  map[string][]*DirectoryMember // in lower case
	byGroup map[string][]*DirectoryMember
	always  map[*approval.Requirement][]*DirectoryMember // those who may whatever is asked for, and whenever
	duties  map[string]*dutyRoster                       // by schedule
}

func newPeople(dir *Directory) *people {
	p := &people{byName: map[string][]*DirectoryMember{}, byGroup: map[string][]*DirectoryMember{}, always: map[*approval.Requirement][]*DirectoryMember{}, duties: map[string]*dutyRoster{}}
	for i := range dir.Members {
		m := &dir.Members[i]
		for _, name := range append([]string{strings.ToLower(m.ID)}, m.Names...) {
			p.byName[name] = append(p.byName[name], m)
		}
		for _, group := range m.Groups {
			p.byGroup[group] = append(p.byGroup[group], m)
		}
	}
	return p
}

// candidates goes over the members who are among the reviewers of the requirement at some moment before the time is up, those
// whom time adds included. Some come twice.
func (c *check) candidates(q *approval.Requirement, who *DirectoryMember, what *approval.Resource, at time.Time, within time.Duration) iter.Seq[*DirectoryMember] {
	return func(yield func(*DirectoryMember) bool) {
		all := func(list []*DirectoryMember) bool {
			return !slices.ContainsFunc(list, func(m *DirectoryMember) bool { return !yield(m) })
		}
		if !all(c.alwaysMay(q)) {
			return
		}
		for _, r := range reviewersOf(q) {
			if r.Managers != "" && !all(c.people.byName[trimmed(who.Labels[r.Managers])]) {
				return
			}
			if r.Owners != "" {
				for owner := range strings.SplitSeq(what.Labels[r.Owners], ",") {
					if !all(c.people.byName[trimmed(owner)]) || !all(c.people.byGroup[strings.TrimSpace(owner)]) {
						return
					}
				}
			}
			for _, name := range r.OnCall {
				persons, groups := c.duty(name).between(at, at.Add(within))
				for _, person := range persons {
					if !all(c.people.byName[person]) {
						return
					}
				}
				for _, group := range groups {
					if !all(c.people.byGroup[group]) {
						return
					}
				}
			}
		}
	}
}

func trimmed(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

func reviewersOf(q *approval.Requirement) []approval.Reviewers {
	all := []approval.Reviewers{q.Reviewers}
	for _, e := range q.Escalate {
		all = append(all, e.Reviewers)
	}
	return all
}

// alwaysMay answers those whom a role, a name, a group or a condition makes reviewers.
func (c *check) alwaysMay(q *approval.Requirement) []*DirectoryMember {
	list, known := c.people.always[q]
	if known {
		return list
	}
	for i := range c.dir.Members {
		m := &c.dir.Members[i]
		if slices.ContainsFunc(reviewersOf(q), func(r approval.Reviewers) bool {
			return slices.Contains(r.Roles, m.Role) || slices.ContainsFunc(r.Persons, m.isCalled) ||
				slices.ContainsFunc(r.Groups, func(g string) bool { return slices.Contains(m.Groups, g) }) || r.Where != "" && c.selects(m, r.Where)
		}) {
			list = append(list, m)
		}
	}
	c.people.always[q] = list
	return list
}

func (c *check) selects(m *DirectoryMember, where string) bool {
	selected, err := c.d.Selects(c.ctx, where, Candidate{ID: m.ID, Address: m.Person, Role: m.Role,
		Groups: func(context.Context) ([]string, error) { return m.Groups, nil },
		Labels: func(context.Context) (map[string]string, error) { return m.Labels, nil }})
	return selected && err == nil
}

// dutyRoster is who is on call in a schedule in the next weeks, by half hours.
type dutyRoster struct {
	begin time.Time
	slots map[string][]int // of a person: the half hours in order
	group map[string][]int // of a group that stands in
}

// duty answers who is on call in the next weeks.
func (c *check) duty(name string) *dutyRoster {
	if d := c.people.duties[name]; d != nil {
		return d
	}
	d := &dutyRoster{begin: c.dir.Now.Truncate(halfHour), slots: map[string][]int{}, group: map[string][]int{}}
	for slot := range 2 * int(ahead/halfHour) {
		who, err := c.d.OnCall(name, d.begin.Add(time.Duration(slot)*halfHour))
		if err != nil {
			break // such a document does not compile
		}
		for _, person := range who.Persons {
			d.slots[person] = append(d.slots[person], slot)
		}
		if len(who.Persons) == 0 && who.Group != "" {
			d.group[who.Group] = append(d.group[who.Group], slot)
		}
	}
	c.people.duties[name] = d
	return d
}

// between answers who is on call at some moment of a time.
func (d *dutyRoster) between(from, to time.Time) (persons, groups []string) {
	first := int(from.Sub(d.begin) / halfHour)
	last := int((to.Sub(d.begin) - 1) / halfHour)
	pick := func(slots map[string][]int) (names []string) {
		for name, list := range slots {
			if i, _ := slices.BinarySearch(list, first); i < len(list) && list[i] <= last {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return names
	}
	return pick(d.slots), pick(d.group)
}

// aboutNames answers what rules and schedules name that is nobody: misspelt, renamed or gone.
func (c *check) aboutNames() (list []Finding) {
	told := map[string]bool{}
	tell := func(at place, rule, message string) {
		if !told[rule+" "+message] {
			told[rule+" "+message] = true
			list = append(list, Finding{Kind: FindingNobody, Rule: rule, Line: at.row, Column: at.column, Message: message})
		}
	}
	for i := range c.d.rules {
		r := &c.d.rules[i]
		for _, named := range r.namesAll() {
			for _, name := range named.Persons {
				if len(c.people.byName[name]) == 0 {
					tell(r.place, r.verdict.Rule, name+" is no member of the space")
				}
			}
			for _, name := range named.Groups {
				if len(c.people.byGroup[name]) == 0 {
					tell(r.place, r.verdict.Rule, "nobody is in the group "+name)
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.d.schedules)) {
		s := c.d.schedules[name]
		if s.fallback != "" && len(c.people.byGroup[s.fallback]) == 0 {
			tell(s.place, "", "nobody is in the group "+s.fallback+", which stands in for the schedule "+name)
		}
		for _, person := range s.persons() {
			if len(c.people.byName[person]) == 0 {
				tell(s.place, "", person+", of the schedule "+name+", is no member of the space")
			}
		}
	}
	return list
}

// namesAll answers everybody whom the rule names, with or without a say.
func (r *rule) namesAll() (all []approval.Reviewers) {
	if r.who != nil {
		all = append(all, r.who.Reviewers)
	}
	for _, q := range r.demanded() {
		all = append(all, reviewersOf(&q)...)
		if q.Notify != nil {
			all = append(all, *q.Notify)
		}
	}
	return all
}

func (s *schedule) persons() (all []string) {
	for _, r := range s.rotations {
		all = append(all, r.persons...)
	}
	for _, o := range s.overrides {
		all = append(all, o.person)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
