package approval

import (
	"context"
	"slices"
	"strconv"
	"strings"
)

// standing answers the petition with the first claims, so many, as they count now: a person who has left or lost a role
// counts for nothing or for less, and so does one who agreed to an end that has come. Its stage is the one that these reach.
func (l *looking) standing(ctx context.Context, p Petition, first int) (Petition, error) {
	kept, _, err := l.stillCounting(ctx, &p, first)
	if err != nil {
		return p, err
	}
	p.Claims, p.standing = kept, nil
	if p.Progress != nil && len(p.Progress.Lapsed) > 0 { // some of them count again
		at := *p.Progress
		at.Lapsed = nil
		p.Progress = &at
	}
	p.advance(l.now)
	return p, nil
}

// stillCounting answers the claims as they count now, and those that do not.
func (l *looking) stillCounting(ctx context.Context, p *Petition, first int) (kept []Event, lapses []Lapse, err error) {
	for i, c := range p.Claims {
		if i >= first || c.Event != EventApprove {
			kept = append(kept, c)
			continue
		}
		now, why, err := l.countsNow(ctx, p, c)
		if err != nil {
			return nil, nil, err
		}
		if why == "" {
			kept = append(kept, now)
		} else {
			lapses = append(lapses, Lapse{c, why})
		}
	}
	return kept, lapses, nil
}

// countsNow answers an approval as it counts now, or why it counts for nothing.
func (l *looking) countsNow(ctx context.Context, p *Petition, c Event) (now Event, why string, err error) {
	who, err := l.actor(ctx, c.Actor.ID)
	switch {
	case err != nil:
		return c, "", err
	case who.gone:
		return c, who.why, nil
	case c.Timestamp.Before(who.since): // what somebody did who was removed is not done by who was added since
		return c, "it was given before " + c.Actor.ID + " came to the space again", nil
	case c.lapsed(l.now):
		return c, "the end that it was given for has come", nil
	}
	fits, behalf, why, err := l.fitsNow(ctx, p, &c, &who)
	if err != nil || why != "" {
		return c, why, err
	}
	counts, err := l.s.stillConfirmed(ctx, *p, c, fits)
	if err != nil {
		return c, "", err
	}
	// Two who were found to be one person since then count once.
	if now = c.countingFor(counts, who.actor.Person, behalf); len(now.requirements()) > 0 {
		return now, "", nil
	}
	if unconfirmed := c.countingFor(fits, who.actor.Person, behalf); len(unconfirmed.requirements()) > 0 {
		return c, "the passkey that confirmed it was removed", nil
	}
	return c, "may not approve it any more", nil
}

// mayLapse answers whether there are approvals that somebody's leaving could undo.
func (p *Petition) mayLapse() bool {
	return p.decides() && slices.ContainsFunc(p.Claims, func(c Event) bool { return c.Event == EventApprove })
}

// asItCounts answers the petition for whoever reads it: its approvals as they count now. One that nobody has approved, or decides
// any more, costs nothing. Where it cannot be looked up the petition is shown as its claims are; no decision rests on that.
func (l *looking) asItCounts(ctx context.Context, p Petition) Petition {
	if !p.mayLapse() {
		return p
	}
	kept, lapses, err := l.stillCounting(ctx, &p, len(p.Claims))
	if err != nil {
		l.s.Logger.WarnContext(ctx, "whether approvals still count cannot be told", "petition", p.Ref(), "error", err)
		return p
	}
	p.standing = &standing{claims: kept, lapses: lapses}
	if p.Progress != nil {
		at := *p.Progress
		at.Stage, at.Lapsed = p.reached(), idsOf(lapses)
		p.Progress = &at
	}
	return p
}

func idsOf(lapses []Lapse) (ids []string) {
	for _, l := range lapses {
		ids = append(ids, l.Claim.ID)
	}
	return ids
}

// approvedBefore answers the actor's newest approval in a stage, of any where stage is -1, nil when there is none.
func (p *Petition) approvedBefore(a *Actor, stage int) (newest *Event, many int) {
	for i := range p.Claims {
		c := &p.Claims[i]
		if c.Event == EventApprove && (c.isOf(a.Person) || c.isNamed(a.Names)) && (stage < 0 || p.inStage(c, stage)) {
			newest, many = c, many+1
		}
	}
	return newest, many
}

// anew answers the votes of those who approve in the stage: the actor and, of a deputy, who is away. One who has approved there
// is refused, unless that counts for nothing any more: then it does so anew, which the labels say.
func (l *looking) anew(ctx context.Context, p *Petition, stage int, labels map[string]string, approving ...*Actor) (votes []Write, err error) {
	var anew []string
	var at *Petition
	for _, a := range approving {
		vote := PutVote{Petition: p.Name, Person: a.Person, Stage: stage}
		if earlier, many := p.approvedBefore(a, stage); earlier != nil {
			if at == nil {
				standing, err := l.standing(ctx, *p, len(p.Claims))
				if err != nil {
					return nil, err
				}
				at = &standing
			}
			if still, _ := at.approvedBefore(a, stage); still != nil {
				return nil, p.votedBefore(a.Person)
			}
			if !slices.Contains(anew, earlier.ID) {
				anew = append(anew, earlier.ID)
			}
			vote.Person += "#" + strconv.Itoa(many) // each person counts once for each time that what it said counts for nothing
		}
		votes = append(votes, vote)
	}
	if anew != nil {
		labels[LabelAnew] = strings.Join(anew, ",")
	}
	return votes, nil
}

// settle grants a petition that enough have approved, and that nothing was granted for because one of them could not approve for
// a while: who approved before and does so again makes no claim, it grants. It answers no petition where there is nothing to settle.
func (l *looking) settle(ctx context.Context, a *Actor, p *Petition, c *NewClaim) (r decided, err error) {
	if before, _ := p.approvedBefore(a, -1); before == nil || p.hasDenied(a.Person) || p.claimedAs(a, EventDeny, -1) {
		return r, nil
	}
	at, err := l.standing(ctx, *p, len(p.Claims))
	if err != nil || len(at.Unmet()) > 0 {
		return r, err
	}
	still, _ := at.approvedBefore(a, -1)
	if still == nil {
		return r, nil
	}
	if err := firstError(c.checkDigest(p), c.checkTerm(p, l.now)); err != nil {
		return r, err
	}
	said := *still // how long is said now counts beside what was said before
	said.Timestamp, said.Meta.Labels = l.now, c.Labels
	change := Change{Space: p.Space}
	next := *p
	if err := l.grantIfMet(ctx, a, &next, len(p.Claims), &change, said); err != nil {
		return r, err
	}
	next.Version = p.Version + 1
	change.Writes = append(change.Writes, PutPetition{Petition: &next, Expect: p.Version, SameLabels: true}, timerOf(&next, l.now))
	return decided{&next, still}, l.s.commitRead(ctx, change)
}
