package approval

import (
	"context"
	"slices"
)

// awayFor answers those who are away and whose deputy the actor is at this moment, as they are now (I14). A space without
// delegations costs one look at an index, and only for an actor whose own right does not reach.
func (l *looking) awayFor(ctx context.Context, a *Actor, p *Petition) (list []Delegated, err error) {
	if a.Kind != KindUser || !a.Can(CreateClaims) {
		return nil, nil
	}
	delegations, err := remember(&l.deputies, a.ID, func() ([]Delegation, error) {
		return l.s.Store.DelegationsTo(ctx, l.space, a.ID, l.now)
	})
	if err != nil {
		return nil, l.cannot(p, err)
	}
	for _, d := range delegations {
		if d.State(l.now) != DelegationActive {
			continue
		}
		of, why, err := l.delegator(ctx, &d)
		if err != nil {
			return nil, l.cannot(p, err)
		}
		if why != "" {
			continue
		}
		f, err := l.facts(ctx, &of, p, l.now)
		if err != nil {
			return nil, err
		}
		list = append(list, Delegated{d, of, f})
	}
	return list, nil
}

// delegator answers who is away, as it counts now, or why nobody decides for it. What was made before one of both came to the
// space is not theirs.
func (l *looking) delegator(ctx context.Context, d *Delegation) (of Actor, why string, err error) {
	for _, id := range []string{d.To, d.From} {
		who, err := l.actor(ctx, id)
		switch {
		case err != nil:
			return of, "", err
		case who.gone && id == d.From:
			return of, "for " + id + ", who is " + who.why, nil
		case who.gone:
			return of, who.why, nil
		case d.CreateTime.Before(who.since):
			return of, "the delegation is older than " + id + " in the space", nil
		}
		of = who.actor
	}
	if of.Kind != KindUser || !of.allows(CreateClaims) {
		return of, "for " + of.ID + ", who may not decide any more", nil
	}
	return of, "", nil
}

// fitsNow answers for which requirements an approval by who counts now; of a deputy's also the person who is away, or why it
// counts for nothing. A delegation whose time is up keeps what was decided by it, as a shift does; one that somebody has ended
// takes it along.
func (l *looking) fitsNow(ctx context.Context, p *Petition, c *Event, who *actorNow) (fits []int, behalf, why string, err error) {
	f, err := l.facts(ctx, &who.actor, p, c.Timestamp)
	if err != nil {
		return nil, "", "", err
	}
	from := c.Label(LabelOnBehalfOf)
	if from == "" {
		return p.fits(who.actor, f), "", "", nil
	}
	d, err := l.s.Store.Delegation(ctx, l.space, c.Label(LabelClaimDelegated))
	switch {
	case p.replaced(c):
		return nil, "", "one of both has approved anew since", nil
	case CodeOf(err) == NotFound, err == nil && (d.From != from || d.To != who.actor.ID):
		return nil, "", "the delegation of " + from + " is gone", nil
	case err != nil:
		return nil, "", "", err
	case !d.RevokeTime.IsZero():
		return nil, "", "the delegation of " + from + " was ended", nil
	}
	of, why, err := l.delegator(ctx, &d)
	if err != nil || why != "" {
		return nil, "", why, err
	}
	if f, err = l.facts(ctx, &of, p, c.Timestamp); err != nil {
		return nil, "", "", err
	}
	return p.fitsFor(&who.actor, &of, &f), of.Person, "", nil
}

// mostDeputies bounds how many are looked at to say who may decide a petition for somebody else.
const mostDeputies = 100

// Deputy is somebody who may approve a petition now for somebody who is away.
type Deputy struct {
	Member, For Resource
	// Requirements are the places of the requirements that it counts for.
	Requirements []int
	Delegation   Delegation
}

// Deputies answers who may approve the petition now for somebody who is away, for people to look at: where more of those who are
// away are reviewers of it than are looked at, the first. A petition that nobody decides has none. The space's delegations are read
// at once, and of those who are away only reviewers are looked up.
func (s *Service) Deputies(ctx context.Context, a Actor, p Petition) (list []Deputy, err error) {
	if err := a.require(ReadPetitions); err != nil {
		return nil, err
	}
	if p.Space != a.Space || !p.decides() || len(p.requirements()) == 0 {
		return nil, nil
	}
	l := s.looking(a.Space)
	delegations, err := s.Store.Delegations(ctx, a.Space, "", l.now)
	delegations = slices.DeleteFunc(delegations, func(d Delegation) bool { return d.State(l.now) != DelegationActive })
	if err != nil || len(delegations) == 0 {
		return nil, err
	}
	reviewers, err := l.reviewersNow(ctx, &p)
	if err != nil {
		return nil, err
	}
	delegations = slices.DeleteFunc(delegations, func(d Delegation) bool { return !reviewers[d.From] })
	for _, d := range delegations[:min(len(delegations), mostDeputies)] {
		deputy, err := l.deputyBy(ctx, &p, d)
		if err != nil {
			return nil, err
		}
		if deputy != nil {
			list = append(list, *deputy)
		}
	}
	return list, nil
}

// reviewersNow answers the ids of members among whom the reviewers are of the stage that decides now: all of these, and maybe others.
func (l *looking) reviewersNow(ctx context.Context, p *Petition) (map[string]bool, error) {
	members, err := l.s.rosterOf(ctx, l.space, l.now)
	if err != nil {
		return nil, err
	}
	c, found := newCounting(l, *p, members), map[string]bool{}
	for i := range p.requirements() {
		if p.requirements()[i].Stage != p.stage() {
			continue
		}
		ids, err := c.candidates(ctx, i, false)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			found[id] = true
		}
	}
	return found, nil
}

// deputyBy answers whom a delegation makes somebody who may approve the petition, nil for nobody.
func (l *looking) deputyBy(ctx context.Context, p *Petition, d Delegation) (*Deputy, error) {
	of, why, err := l.delegator(ctx, &d)
	if err != nil || why != "" {
		return nil, err
	}
	deputy, err := l.actor(ctx, d.To)
	if err != nil {
		return nil, err
	}
	f, err := l.facts(ctx, &of, p, l.now)
	if err != nil {
		return nil, err
	}
	e := p.rightOf(&of, &f, &deputy.actor)
	if !e.May() || !deputy.actor.allows(CreateClaims) || p.decidedFor(&of) || p.decidedFor(&deputy.actor) {
		return nil, nil
	}
	return &Deputy{deputy.actor.Resource(), of.Resource(), e.Requirements, d}, nil
}
