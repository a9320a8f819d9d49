package policy

import (
	"slices"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// ownersReview is what holds when a condition fails.
var ownersReview = []approval.Requirement{{Reviewers: approval.Reviewers{Roles: []approval.Role{approval.Owner}}, Count: 1}}

// judge looks whether a petition that the rule may decide could ever be approved; no rule is the owners' review that holds
// when a condition fails.
func (c *check) judge(r *rule, who *DirectoryMember, what *approval.Resource, at time.Time) {
	all, within := ownersReview, defaultDecideWithin
	if r != nil {
		all, within = r.demanded(), r.within()
	}
	if len(all) == 0 {
		return
	}
	name := ruleError
	if r != nil {
		name = r.verdict.Rule
	}
	c.judged[name]++
	var may [][]string // persons, by requirement
	for i := range all {
		q, enough := &all[i], all[i].Count
		if slices.ContainsFunc(all, func(r approval.Requirement) bool { return len(r.DistinctFrom) > 0 }) {
			enough = len(c.dir.Members)
		}
		persons := c.eligible(q, enough, who, what, at, within)
		may = append(may, persons)
		if len(persons) < q.Count {
			c.tell(r, Example{Who: who.ID, What: *what, When: at, Stage: q.Stage + 1, Needs: q.Count, Eligible: persons}, spellReviewers(q.Reviewers))
			return
		}
	}
	for i := range all {
		if persons, short := tooFew(all, may, i); short {
			c.tell(r, Example{Who: who.ID, What: *what, When: at, Stage: all[i].Stage + 1, Needs: all[i].Count, Eligible: persons},
				spellReviewers(all[i].Reviewers)+", others than in stage "+places(all[i].DistinctFrom))
			return
		}
	}
}

// tooFew answers whether the requirement at place i cannot be met beside those that it must have other people than: there is
// no way to give each as many persons as it needs. One requirement of each of those stages is looked at, the one with the
// fewest to choose from.
func tooFew(all []approval.Requirement, may [][]string, i int) (persons []string, short bool) {
	if len(all[i].DistinctFrom) == 0 {
		return nil, false
	}
	together := []int{i}
	for _, stage := range all[i].DistinctFrom {
		tightest := -1
		for j := range all[:i] {
			if all[j].Stage == stage && (tightest < 0 || len(may[j])-all[j].Count < len(may[tightest])-all[tightest].Count) {
				tightest = j
			}
		}
		if tightest >= 0 {
			together = append(together, tightest)
		}
	}
	// The earlier stages need not be distinct from one another: only then is every one of them looked at with this one alone.
	if !mutuallyDistinct(all, together[1:]) {
		for _, j := range together[1:] {
			if !matches(all, may, []int{i, j}) {
				return may[i], true
			}
		}
		return nil, false
	}
	return may[i], !matches(all, may, together)
}

func mutuallyDistinct(all []approval.Requirement, list []int) bool {
	for _, a := range list {
		for _, b := range list {
			if all[a].Stage < all[b].Stage && !slices.Contains(all[b].DistinctFrom, all[a].Stage) {
				return false
			}
		}
	}
	return true
}

// matches answers whether each requirement can have as many persons as it needs, nobody in two of them (Kuhn's algorithm).
func matches(all []approval.Requirement, may [][]string, list []int) bool {
	taken := map[string]int{} // by person: the place, in slots
	var slots []int
	for _, i := range list {
		for range all[i].Count {
			slots = append(slots, i)
		}
	}
	var find func(slot int, tried map[string]bool) bool
	find = func(slot int, tried map[string]bool) bool {
		for _, person := range may[slots[slot]] {
			if tried[person] {
				continue
			}
			tried[person] = true
			if other, has := taken[person]; !has || find(other, tried) {
				taken[person] = slot
				return true
			}
		}
		return false
	}
	for slot := range slots {
		if !find(slot, map[string]bool{}) {
			return false
		}
	}
	return true
}

// eligible answers persons who could approve for the requirement before its time is up: all of them, or the first enough when
// more make no difference.
func (c *check) eligible(q *approval.Requirement, enough int, who *DirectoryMember, what *approval.Resource, at time.Time, within time.Duration) (persons []string) {
	for m := range c.candidates(q, who, what, at, within) {
		if m.Suspended || !q.SelfApproval && who.isPersonOf(m) {
			continue
		}
		if c.away(m.ID, at, at.Add(within)) {
			if m = c.deputy(m, who, at, at.Add(within)); m == nil {
				continue
			}
		}
		person := strings.ToLower(m.Person)
		if slices.Contains(persons, person) {
			continue
		}
		if persons = append(persons, person); len(persons) == enough {
			break
		}
	}
	slices.Sort(persons)
	return persons
}

// isPersonOf answers whether the other member is, or is owned by, the same person.
func (m *DirectoryMember) isPersonOf(other *DirectoryMember) bool {
	return strings.EqualFold(m.Person, other.Person) || m.isCalled(other.ID) || other.isCalled(m.ID) ||
		slices.ContainsFunc(m.Names, other.isCalled)
}

func (m *DirectoryMember) isCalled(name string) bool {
	return strings.EqualFold(m.ID, name) || slices.Contains(m.Names, strings.ToLower(name))
}

func (c *check) away(person string, from, to time.Time) bool {
	return slices.ContainsFunc(c.dir.Away, func(a Away) bool { return strings.EqualFold(a.Person, person) && during(a, from, to) })
}

func during(a Away, from, to time.Time) bool { return !a.From.After(from) && !a.To.Before(to) }

// deputy answers who decides in that time for somebody who is away, nil for nobody: whoever is away, too, is suspended or decides
// nothing does not. What either of both asks for is not decided by a deputy.
func (c *check) deputy(of, who *DirectoryMember, from, to time.Time) *DirectoryMember {
	if who.isPersonOf(of) {
		return nil
	}
	for _, a := range c.dir.Away {
		if a.Deputy == "" || !strings.EqualFold(a.Person, of.ID) || !during(a, from, to) {
			continue
		}
		i := slices.IndexFunc(c.dir.Members, func(m DirectoryMember) bool { return strings.EqualFold(m.ID, a.Deputy) })
		if i < 0 {
			continue
		}
		m := &c.dir.Members[i]
		if !m.Suspended && m.Role.Has(approval.CreateClaims) && !who.isPersonOf(m) && !of.isPersonOf(m) && !c.away(m.ID, from, to) {
			return m
		}
	}
	return nil
}
