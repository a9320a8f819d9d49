package approval

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Whether enough people could grant a petition is looked at when it is made, so that who asks knows at once and not after a
// week, and again when the directory has changed ([JobQuorum]). It is advice: it refuses nothing, and where it cannot be told
// it says nothing.
const (
	// maxRoster is how many members a space may have for the list of them to be read anew each second; that of a larger
	// space may be a minute old.
	maxRoster = 1_000
	// maxSelected is how many members a condition over reviewers is asked about.
	maxSelected = 1_000
	// maxTries bounds the search for a way to give every stage persons of its own.
	maxTries = 20_000
	// maxDutyAhead is how far ahead it is looked who will be on call, each halfHour.
	maxDutyAhead = 35 * 24 * time.Hour
	halfHour     = 30 * time.Minute
)

// unsatisfiable answers one sentence on why too few people may grant the petition as things are, "" when enough may.
func (s *Service) unsatisfiable(ctx context.Context, p *Petition, now time.Time) string {
	members, err := s.rosterOf(ctx, p.Space, now)
	if err != nil {
		return s.untold(ctx, p, err)
	}
	if len(p.Claims) == 0 && members.plainlyEnough(p) {
		return "" // as nearly always
	}
	return s.unsatisfiableSeen(ctx, s.looking(p.Space), p, now)
}

// unsatisfiableSeen is unsatisfiable as l sees the space, which may know a document that is not kept.
func (s *Service) unsatisfiableSeen(ctx context.Context, l *looking, p *Petition, now time.Time) string {
	why, err := l.tooFew(ctx, p, now)
	if err != nil {
		return s.untold(ctx, p, err)
	}
	return why
}

// untold is the answer where nobody can tell whether enough people may approve.
func (s *Service) untold(ctx context.Context, p *Petition, why error) string {
	s.Logger.WarnContext(ctx, "whether enough people may approve cannot be told", "petition", p.Ref(), "error", why)
	return ""
}

// tooFew answers one sentence on why too few people may grant the petition as things are, or ratify it, "" when enough may.
// Approvals that count now count, whoever has refused approves no more, and who is on call until its time is up may review.
func (l *looking) tooFew(ctx context.Context, p *Petition, now time.Time) (string, error) {
	if len(p.requirements()) == 0 {
		return "", nil
	}
	members, err := l.s.rosterOf(ctx, p.Space, now)
	if err != nil {
		return "", err
	}
	if len(p.Claims) == 0 && members.plainlyEnough(p) {
		return "", nil
	}
	standing := *p
	if len(p.Claims) > 0 {
		if standing, err = l.standing(ctx, *p, len(p.Claims)); err != nil {
			return "", err
		}
	}
	c := newCounting(l, standing.escalated(now), members)
	c.until = standing.lastMoment(now)
	for i := range c.need {
		counted := standing.Counted(i)
		for _, e := range counted {
			c.given[i] = append(c.given[i], e.persons()...)
		}
		c.need[i] = max(c.need[i]-len(counted), 0)
	}
	for i := range p.requirements() {
		r := &p.requirements()[i]
		if c.of[i], err = c.eligibleFor(ctx, i, c.enough(i)); err != nil {
			return "", err
		}
		if have := len(c.of[i]); have < c.need[i] {
			return fmt.Sprintf("rule %q asks for %s%s by %s, and only %d may give one as things are: nobody can %s this until an owner of the space changes that",
				p.Verdict.Rule, stageName(r.Stage, p.stages()), counted(r.Count, "approval"), c.p.reviewersOf(i), have+r.Count-c.need[i], p.agreeing()), nil
		}
	}
	tries := maxTries
	if !c.assign(0, make([][]string, len(c.of)), &tries) {
		return fmt.Sprintf("the stages of rule %q ask for different persons, and there are too few who may approve: nobody can %s this until an owner of the space changes that", p.Verdict.Rule, p.agreeing()), nil
	}
	return "", nil
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

// lastMoment answers when the time to agree is up.
func (p *Petition) lastMoment(now time.Time) time.Time {
	switch {
	case p.reviewing():
		return p.Review.ExpireTime
	case p.Verdict.BreakGlass != nil:
		return now.Add(p.Verdict.BreakGlass.Within)
	case p.ExpireTime.IsZero():
		return now.Add(p.Verdict.DecideWithin)
	}
	return p.ExpireTime
}

// escalated answers the petition as it will be when all escalations have come that come in time. Those of a later stage come
// so long after now at the earliest.
func (p Petition) escalated(now time.Time) Petition {
	until, progress := p.lastMoment(now), Progress{Levels: make([]int, len(p.requirements()))}
	for i := range p.requirements() {
		r, since := &p.requirements()[i], now
		if p.Progress != nil && r.Stage <= p.Progress.Stage {
			since = p.Progress.Since
		}
		progress.Levels[i] = p.level(i)
		for level := p.level(i); level < len(r.Escalate); level++ {
			if since.Add(r.Escalate[level].After).Before(until) {
				progress.Levels[i] = level + 1
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
	until   time.Time // who comes to be on call until then counts, too
	members *roster
	need    []int      // for each requirement, how many approvals are missing
	given   [][]string // persons whose approvals count, those included for whom a deputy gave one
	of      [][]string // other persons who may approve; no more than are enough in any case
}

// newCounting counts who may approve now, for a petition that nobody has approved.
func newCounting(l *looking, p Petition, members *roster) counting {
	places := len(p.requirements())
	c := counting{looking: l, p: p, members: members, need: make([]int, places), given: make([][]string, places), of: make([][]string, places)}
	for i := range places {
		c.need[i] = p.requirements()[i].Count
	}
	return c
}

// apart answers whether nobody counts for both requirements.
func (c *counting) apart(i, j int) bool {
	a, b := &c.p.requirements()[i], &c.p.requirements()[j]
	return slices.Contains(a.DistinctFrom, b.Stage) || slices.Contains(b.DistinctFrom, a.Stage)
}

// enough answers how many persons are enough for the requirement at place i, whoever else is taken by those that ask for others.
func (c *counting) enough(i int) int {
	n := c.need[i]
	for j := range c.need {
		if j != i && c.apart(i, j) {
			n += c.need[j]
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
	return c.choose(i, c.need[i], free, nil, taken, tries)
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

// eligibleFor answers the first distinct persons, so many, who may approve for the requirement at place i and have not. Those
// who come to be on call are looked for only where too few are now.
func (c *counting) eligibleFor(ctx context.Context, i, enough int) (persons []string, err error) {
	if c.need[i] == 0 {
		return nil, nil
	}
	for _, later := range []bool{false, true} {
		if later && (len(persons) >= enough || !c.asksOnCall(i)) {
			break
		}
		candidates, err := c.candidates(ctx, i, later)
		if err != nil {
			return nil, err
		}
		for _, id := range candidates {
			who, err := c.members.actor(ctx, c.looking, id)
			if err != nil {
				return nil, err
			}
			if who.gone || slices.Contains(persons, who.actor.Person) || c.hasSpoken(i, &who.actor) {
				continue
			}
			f, err := c.facts(ctx, &who.actor, &c.p, c.now)
			if err == nil && later {
				err = c.comesOnCall(ctx, i, &who.actor, &f)
			}
			if err != nil {
				return nil, err
			}
			if slices.Contains(c.p.fits(who.actor, f), i) {
				if persons = append(persons, who.actor.Person); len(persons) == enough {
					break
				}
			}
		}
	}
	return persons, nil
}

// hasSpoken answers whether the actor asks, has refused, or has approved where the requirement at place i asks for others, or
// approved it already.
func (c *counting) hasSpoken(i int, a *Actor) bool {
	if slices.Contains(c.p.Persons, a.Person) && !c.p.requirements()[i].SelfApproval || c.p.hasDenied(a.Person) || c.p.claimedAs(a, EventDeny, -1) {
		return true
	}
	return slices.ContainsFunc(c.given[i], a.isPerson) || c.givenApart(i, a)
}

func (c *counting) givenApart(i int, a *Actor) bool {
	for j := range c.given {
		if j != i && c.apart(i, j) && slices.ContainsFunc(c.given[j], a.isPerson) {
			return true
		}
	}
	return false
}

// isPerson answers whether the canonical name is the actor's, or one that its person has as well.
func (a *Actor) isPerson(name string) bool {
	return name == a.Person || slices.Contains(a.Names, strings.ToLower(name))
}

// reviewersFor answers whom the requirement at place i names, escalations that come in time included.
func (c *counting) reviewersFor(i int) []*Reviewers {
	r := &c.p.requirements()[i]
	list := []*Reviewers{&r.Reviewers}
	for level := range c.p.level(i) {
		list = append(list, &r.Escalate[level].Reviewers)
	}
	return list
}

// candidates answers the ids of members among whom the reviewers of the requirement at place i are; later, only those who come to
// be on call.
func (c *counting) candidates(ctx context.Context, i int, later bool) (ids []string, err error) {
	r := &c.p.requirements()[i]
	if later {
		names, groups, err := c.onCallUntil(ctx, i)
		if err != nil {
			return nil, err
		}
		return c.membersOf(ctx, names, groups)
	}
	for _, reviewers := range c.reviewersFor(i) {
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
