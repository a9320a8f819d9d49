package approval

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Whether enough people could grant a petition is looked at when it is made, so that who asks knows at once and not after a
// week. It is advice: it refuses nothing, and where it cannot be told it says nothing.
const (
	// maxRoster is how many members a space may have for the list of them to be read anew each second; that of a larger
	// space may be a minute old.
	maxRoster = 1_000
	// maxSelected is how many members a condition over reviewers is asked about.
	maxSelected = 1_000
	// maxTries bounds the search for a way to give every stage persons of its own.
	maxTries = 20_000
)

// unsatisfiable answers one sentence on why too few people may grant the petition as things are, "" when enough may.
func (s *Service) unsatisfiable(ctx context.Context, p *Petition, now time.Time) string {
	return s.unsatisfiableSeen(ctx, s.looking(p.Space), p, now)
}

// unsatisfiableSeen is unsatisfiable as l sees the space, which may know a document that is not kept.
func (s *Service) unsatisfiableSeen(ctx context.Context, l *looking, p *Petition, now time.Time) string {
	if len(p.requirements()) == 0 {
		return ""
	}
	members, err := s.rosterOf(ctx, p.Space, now)
	if err != nil {
		return ""
	}
	if members.plainlyEnough(p) {
		return ""
	}
	c := counting{looking: l, p: p.escalated(), members: members, of: make([][]string, len(p.requirements()))}
	for i := range p.requirements() {
		r := &p.requirements()[i]
		if c.of[i], err = c.eligibleFor(ctx, i, c.enough(i)); err != nil {
			s.Logger.WarnContext(ctx, "whether enough people may approve cannot be told", "petition", p.Ref(), "error", err)
			return ""
		}
		if have := len(c.of[i]); have < r.Count {
			return fmt.Sprintf("rule %q asks for %s%s by %s, and only %d may give one as things are: nobody can %s this until an owner of the space changes that",
				p.Verdict.Rule, stageName(r.Stage, p.stages()), counted(r.Count, "approval"), c.p.reviewersOf(i), have, p.agreeing())
		}
	}
	tries := maxTries
	if !c.assign(0, make([][]string, len(c.of)), &tries) {
		return fmt.Sprintf("the stages of rule %q ask for different persons, and there are too few who may approve: nobody can %s this until an owner of the space changes that", p.Verdict.Rule, p.agreeing())
	}
	return ""
}

// agreeing says what those do who agree: what broke the glass was granted already.
func (p *Petition) agreeing() string {
	if p.Verdict.BreakGlass != nil {
		return "ratify"
	}
	return "grant"
}

// plainlyEnough answers whether each requirement needs one person only, by role, whom the roster knows already: so it is with
// nearly all petitions, and then nothing else is looked at.
func (r *roster) plainlyEnough(p *Petition) bool {
	for i := range p.requirements() {
		q := &p.requirements()[i]
		if q.Count != 1 || len(q.DistinctFrom) > 0 || !r.knowsOne(p, q) {
			return false
		}
	}
	return true
}

func (r *roster) knowsOne(p *Petition, q *Requirement) bool {
	const few = 8
	var none Facts
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, role := range q.Reviewers.Roles {
		ids := r.byRole[role]
		for _, id := range ids[:min(len(ids), few)] {
			if who := r.actors[id]; who != nil && !who.gone && !who.actor.Unclear && who.actor.Role == role && (q.SelfApproval || !p.isOf(&who.actor, &none)) {
				return true
			}
		}
	}
	return false
}

// escalated answers the petition as it will be when all escalations have come that come in time.
func (p Petition) escalated() Petition {
	within := p.Verdict.DecideWithin
	if p.Verdict.BreakGlass != nil {
		within = p.Verdict.BreakGlass.Within
	}
	progress := Progress{Levels: make([]int, len(p.requirements()))}
	for i := range p.requirements() {
		for _, e := range p.requirements()[i].Escalate {
			if e.After < within {
				progress.Levels[i]++
			}
		}
	}
	p.Progress = &progress
	return p
}

// counting counts who may approve.
type counting struct {
	*looking
	p       Petition
	members *roster
	of      [][]string // for each requirement, persons who may approve; no more than are enough in any case
}

// apart answers whether nobody counts for both requirements.
func (c *counting) apart(i, j int) bool {
	a, b := &c.p.requirements()[i], &c.p.requirements()[j]
	return slices.Contains(a.DistinctFrom, b.Stage) || slices.Contains(b.DistinctFrom, a.Stage)
}

// enough answers how many persons are enough for the requirement at place i, whoever else is taken by those that ask for others.
func (c *counting) enough(i int) int {
	n := c.p.requirements()[i].Count
	for j := range c.p.requirements() {
		if j != i && c.apart(i, j) {
			n += c.p.requirements()[j].Count
		}
	}
	return n
}

// assign answers whether the requirements from place i on can be met by persons who are not taken by those that ask for others.
// When it has tried too often it answers true: it must not frighten anybody for nothing.
func (c *counting) assign(i int, taken [][]string, tries *int) bool {
	if i == len(c.of) {
		return true
	}
	if len(c.of[i]) >= c.enough(i) { // whatever the others take, enough are left
		return c.assign(i+1, taken, tries)
	}
	var free []string
	for _, person := range c.of[i] {
		if !c.isTaken(i, person, taken) {
			free = append(free, person)
		}
	}
	return c.choose(i, c.p.requirements()[i].Count, free, nil, taken, tries)
}

func (c *counting) isTaken(i int, person string, taken [][]string) bool {
	for j := range taken {
		if c.apart(i, j) && slices.Contains(taken[j], person) {
			return true
		}
	}
	return false
}

// choose tries each choice of n of the free persons for the requirement at place i.
func (c *counting) choose(i, n int, free, chosen []string, taken [][]string, tries *int) bool {
	if *tries--; *tries < 0 {
		return true
	}
	if n == 0 {
		taken[i] = chosen
		ok := c.assign(i+1, taken, tries)
		taken[i] = nil
		return ok
	}
	for at := range free {
		if len(free)-at < n {
			break
		}
		if c.choose(i, n-1, free[at+1:], append(slices.Clone(chosen), free[at]), taken, tries) {
			return true
		}
	}
	return false
}

// eligibleFor answers the first distinct persons, so many, who may approve for the requirement at place i.
func (c *counting) eligibleFor(ctx context.Context, i, enough int) (persons []string, err error) {
	candidates, err := c.candidates(ctx, i)
	if err != nil {
		return nil, err
	}
	for _, id := range candidates {
		who, err := c.members.actor(ctx, c.looking, id)
		if err != nil {
			return nil, err
		}
		if who.gone || slices.Contains(persons, who.actor.Person) || slices.Contains(c.p.Persons, who.actor.Person) && !c.p.requirements()[i].SelfApproval {
			continue
		}
		f, err := c.facts(ctx, &who.actor, &c.p, c.now)
		if err != nil {
			return nil, err
		}
		if slices.Contains(c.p.fits(who.actor, f), i) {
			if persons = append(persons, who.actor.Person); len(persons) == enough {
				break
			}
		}
	}
	return persons, nil
}

// candidates answers the ids of members among whom the reviewers of the requirement at place i are.
func (c *counting) candidates(ctx context.Context, i int) (ids []string, err error) {
	r := &c.p.requirements()[i]
	list := []*Reviewers{&r.Reviewers}
	for level := range c.p.level(i) {
		list = append(list, &r.Escalate[level].Reviewers)
	}
	for _, reviewers := range list {
		for _, role := range reviewers.Roles {
			ids = append(ids, c.members.byRole[role]...)
		}
		if len(reviewers.Roles) > 0 { // an account has its owner's role where that is less
			ids = append(ids, c.members.accounts...)
		}
		ids = append(ids, reviewers.Persons...)
		if reviewers.looksUp() {
			more, err := c.lookedUp(ctx, reviewers, r.Resource)
			if err != nil {
				return nil, err
			}
			ids = append(ids, more...)
		}
	}
	return ids, nil
}

// lookedUp answers members whom the terms may mean that must be looked up; who is meant is then asked one by one.
func (c *counting) lookedUp(ctx context.Context, r *Reviewers, resource int) (ids []string, err error) {
	groups, names := slices.Clone(r.Groups), []string(nil)
	for _, schedule := range r.OnCall {
		who, err := c.whoIsOnCall(ctx, &c.p, schedule, c.now)
		if CodeOf(err) == Unavailable {
			return nil, err
		}
		if names = append(names, who.Persons...); who.Group != "" {
			groups = append(groups, who.Group)
		}
	}
	if r.Managers != "" {
		for _, asks := range c.p.Petitioners {
			managers, err := c.s.managersOf(ctx, c.space, asks, r.Managers)
			if err != nil {
				return nil, err
			}
			names = append(names, managers...)
		}
	}
	if r.Owners != "" {
		for _, asked := range c.p.Resources {
			entries, err := c.known(ctx, asked.ID)
			if err != nil {
				return nil, err
			}
			for _, e := range entries {
				owners := ownersIn(e.Labels[r.Owners])
				names, groups = append(names, owners...), append(groups, owners...)
			}
		}
	}
	if r.Where != "" {
		ids = append(ids, c.members.ids[:min(len(c.members.ids), maxSelected)]...)
	}
	more, err := c.membersOf(ctx, names, groups)
	return append(ids, more...), err
}

// membersOf answers the ids of members with one of the names, or in one of the groups.
func (c *counting) membersOf(ctx context.Context, names, groups []string) (ids []string, err error) {
	for _, name := range lowered(names) {
		all, _, err := c.s.namesBeside(ctx, c.space, []string{name})
		if err != nil {
			return nil, err
		}
		ids = append(ids, all...)
	}
	for _, group := range groups {
		list := []string{group}
		entries, err := c.known(ctx, group)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if e.IsGroup() {
				list = append(list, e.Name())
			}
		}
		inside, err := c.s.everybodyIn(ctx, c.space, list)
		if err != nil {
			return nil, err
		}
		ids = append(ids, inside...)
	}
	return ids, nil
}

// everybodyIn answers the ids of persons and service accounts in the groups and in the groups in them.
func (s *Service) everybodyIn(ctx context.Context, space string, groups []string) (ids []string, err error) {
	for i := 0; i < len(groups) && i < MaxGroups && len(ids) < MaxGroupMembers; i++ {
		list, err := s.Store.GroupMembers(ctx, space, groups[i])
		if err != nil {
			return nil, err
		}
		for _, g := range list {
			if g.Kind != KindGroup {
				ids = append(ids, g.Member)
			} else if !slices.Contains(groups, g.Member) {
				groups = append(groups, g.Member)
			}
		}
	}
	return ids, nil
}
