package approval

import (
	"fmt"
	"slices"
	"strings"
)

// Eligibility is whether, and for what, an actor may decide a petition.
type Eligibility struct {
	// Requirements are the places of the requirements that the actor's approval counts for: those of the stage that decides now.
	Requirements []int
	// Reviews marks a reviewer of a stage that has begun, who may refuse and revoke, also where an approval counts for nothing.
	Reviews bool
	// Stage is the place of the stage that decides now.
	Stage int
	// Self marks that the actor is one of those who ask and that a rule allows it out loud (I6).
	Self bool
	// Why says, for people, why the actor may not approve; empty when it may.
	Why string

	approvesFor, refusesFor *Away // see [Eligibility.For]
}

// May answers whether the actor may approve.
func (e Eligibility) May() bool { return len(e.Requirements) > 0 }

// Facts are what was looked up about one actor for one petition (see [Service.Eligibility]): the terms of its reviewers that
// hold of the actor, beside its role and its id. What nobody has looked up holds of nobody.
type Facts struct {
	Groups   []string // ids of groups that the actor is in
	Managers []string // labels by which the actor is the manager of every petitioner
	Owners   []Owned
	OnCall   []string
	Where    []string
	// Askers are persons who were found to stand behind those who ask since the petition was made.
	Askers []string
	// For are those who are away and whose deputy the actor is now, oldest delegation first. It is looked up where the actor's
	// own right does not reach.
	For []Delegated
}

// Owned says that the actor is an owner, by the label, of the resource at that place counted from 1, or of all where it is 0.
type Owned struct {
	Label    string
	Resource int
}

func (f *Facts) holds(r *Reviewers, resource int) bool {
	return r.Managers != "" && slices.Contains(f.Managers, r.Managers) ||
		r.Owners != "" && slices.Contains(f.Owners, Owned{r.Owners, resource}) ||
		r.Where != "" && slices.Contains(f.Where, r.Where) ||
		slices.ContainsFunc(r.Groups, func(id string) bool { return slices.Contains(f.Groups, id) }) ||
		slices.ContainsFunc(r.OnCall, func(schedule string) bool { return slices.Contains(f.OnCall, schedule) })
}

// EligibilityOf is the one authorization function for decisions, for every channel (I8): the actor must be among the
// reviewers of a requirement of the stage that decides now, and must not be one of those who ask, across linked identities
// and the service accounts they own, unless the requirement allows it (I6). It looks at the actor as it is now (I14). Where its
// own right does not reach, that of somebody counts whose deputy it is.
func (p Petition) EligibilityOf(a Actor, f Facts) Eligibility { return p.eligibilityOf(&a, &f) }

// eligibilityOf is EligibilityOf without copies of what is large: every claim passes here.
func (p *Petition) eligibilityOf(a *Actor, f *Facts) Eligibility {
	if len(p.requirements()) == 0 {
		return Eligibility{Why: fmt.Sprintf("rule %q decides this petition, not a person", p.Verdict.Rule)}
	}
	own := p.rightOf(a, f, nil)
	if own.May() || len(f.For) == 0 {
		return own
	}
	return p.byDelegation(own, a, f)
}

// rightOf answers what the actor may decide by its own right or, where there is a deputy, what the deputy may by that right:
// then all that bars one of them bars both.
func (p *Petition) rightOf(a *Actor, f *Facts, deputy *Actor) Eligibility {
	for _, who := range []*Actor{a, deputy} {
		if who != nil && who.Unclear {
			return Eligibility{Why: fmt.Sprintf("%s is known by more than %d names, so that nobody can tell whether it is one of those who ask: an editor must take wrong altIds out of the directory", who.ID, MaxNames)}
		}
	}
	if deputy != nil && samePerson(a, deputy) {
		return Eligibility{Why: "nobody is their own deputy"}
	}
	e := Eligibility{Self: p.isOf(a, f) || deputy != nil && p.isOf(deputy, f), Stage: p.stage()}
	var barred, spent, later, earlier bool
	for i := range p.requirements() {
		r := &p.requirements()[i]
		switch {
		case !p.reviews(i, a, f):
			continue
		case e.Self && (!r.SelfApproval || deputy != nil):
			barred = true
			continue
		case r.Stage > e.Stage:
			later = true
			continue
		case r.Stage < e.Stage:
			earlier = true
		case p.votedIn(a, r.DistinctFrom) || deputy != nil && p.votedIn(deputy, r.DistinctFrom):
			spent = true
		default:
			e.Requirements = append(e.Requirements, i)
		}
		e.Reviews = true
	}
	switch {
	case e.May():
	case spent:
		e.Why = fmt.Sprintf("who approved an earlier stage does not count here: it waits for %s", p.waitsFor(e.Stage))
	case later:
		e.Why = fmt.Sprintf("it waits for %s first: a later stage is yours", p.waitsFor(e.Stage))
	case barred:
		e.Why = "whoever asks does not decide: another reviewer must"
	case earlier:
		e.Why = fmt.Sprintf("your stage is met: it waits for %s", p.waitsFor(e.Stage))
	default:
		e.Why = fmt.Sprintf("rule %q asks for %s", p.Verdict.Rule, p.askedFor())
	}
	return e
}

// reviews answers whether the actor is among the reviewers of the requirement at place i, those that escalation has added
// included.
func (p *Petition) reviews(i int, a *Actor, f *Facts) bool {
	r := &p.requirements()[i]
	if r.Reviewers.name(a) || r.Reviewers.looksUp() && f.holds(&r.Reviewers, r.Resource) {
		return true
	}
	for at := range p.level(i) {
		if more := &r.Escalate[at].Reviewers; more.name(a) || f.holds(more, r.Resource) {
			return true
		}
	}
	return false
}

// fits answers the places of all requirements, of whatever stage, that an approval of the actor counts for.
func (p *Petition) fits(a Actor, f Facts) (places []int) {
	if a.Unclear {
		return nil
	}
	self := p.isOf(&a, &f)
	for i := range p.requirements() {
		if p.reviews(i, &a, &f) && (!self || p.requirements()[i].SelfApproval) {
			places = append(places, i)
		}
	}
	return places
}

// isOf answers whether the actor is one of those who ask, by whatever name.
func (p *Petition) isOf(a *Actor, f *Facts) bool {
	id := strings.ToLower(a.ID)
	is := func(person string) bool {
		return person == a.Person || person == id || slices.Contains(a.Names, person)
	}
	return slices.ContainsFunc(p.Persons, is) || slices.ContainsFunc(f.Askers, is) || p.AskedBy(a.Resource())
}

// reviewersOf answers for people who reviews for the requirement at place i, those that escalation has added included.
func (p *Petition) reviewersOf(i int) string {
	r := &p.requirements()[i]
	names := []string{r.Reviewers.String()}
	for at := range p.level(i) {
		names = append(names, r.Escalate[at].Reviewers.String())
	}
	return strings.Join(names, " or ")
}

func (p *Petition) askedFor() string {
	var parts []string
	for i := range p.requirements() {
		parts = append(parts, p.reviewersOf(i))
	}
	return strings.Join(parts, ", and ")
}
