package approval

import (
	"context"
	"slices"
	"strings"
)

// Decide is the one door for a decision: what the API, the pages, the CLI and every other channel call. It answers the
// petition after the claim, and the claim.
//
// Refused, and logged: Forbidden when policy does not name the actor, when it is one of those who ask and no rule
// allows that, when its token may not claim, or when an approval is to be confirmed and is not; Conflict when the petition
// is not in a phase for it, when the person has approved in the stage or refused before, or when the claim names another
// digest; Unavailable when who may review cannot be looked up. A claim that is sent again with the same key (a client's
// retry) answers the first one.
func (s *Service) Decide(ctx context.Context, a Actor, name string, c NewClaim, key string) (Petition, Event, error) {
	if err := firstError(c.Check(), checkKey(key)); err != nil {
		return Petition{}, Event{}, err
	}
	on := func(p *Petition) (decided, error) {
		if made := p.claimOf(&a, &c, key); made != nil {
			return decided{p, made}, c.repeats(made, p)
		}
		return s.decide(ctx, &a, p, &c, key)
	}
	r, done, err := s.decideRecent(&a, name, on)
	if !done {
		r, err = again(func() (decided, error) {
			p, err := s.find(ctx, &a, name)
			if err != nil {
				return decided{}, err
			}
			return on(&p)
		})
	}
	if code := CodeOf(err); code == Forbidden || code == Conflict {
		return Petition{}, Event{}, s.refuse(ctx, a, c.Event, name, err)
	}
	if err != nil {
		return Petition{}, Event{}, err
	}
	if len(r.petition.Claims) > 1 { // the one that was just made counts
		return s.looking(a.Space).asItCounts(ctx, *r.petition), *r.claim, nil
	}
	return *r.petition, *r.claim, nil
}

// decided is a petition after a claim, and the claim. Others may hold them, too: nobody changes them.
type decided struct {
	petition *Petition
	claim    *Event
}

// decideRecent decides on the petition as this node knows it, which nearly always is how it is: the commit finds out. Whoever would be
// refused by it has not been decided on (done is false), nor has anybody whose commit found that it is not.
func (s *Service) decideRecent(a *Actor, name string, on func(*Petition) (decided, error)) (r decided, done bool, err error) {
	p := s.recent(a, name)
	if p == nil {
		return r, false, nil
	}
	r, err = on(p)
	code := CodeOf(err)
	return r, err == nil || code == Unavailable || code == Internal, err
}

// claimOf answers the claim that the actor made with the key before: the same, or whatever a webhook had answered; nil for none.
func (p *Petition) claimOf(a *Actor, c *NewClaim, key string) *Event {
	for i := range p.Claims {
		made := &p.Claims[i]
		if key != "" && made.ExternalID == key && (made.Event == c.Event || c.answers != nil) && made.Actor.Same(a.Resource()) {
			return made
		}
	}
	return nil
}

// repeats answers nil if the claim is the one that was made, sent again; with the same key but another reason, term or
// digest it is another claim, and a Conflict.
func (c *NewClaim) repeats(made *Event, p *Petition) error {
	if c.answers != nil {
		return nil
	}
	same := c.Reason == made.Reason
	for _, key := range termLabels {
		same = same && (c.Event != EventApprove || c.Labels[key] == made.Label(key)) // other claims keep no term
	}
	if !same {
		return Errorf(Conflict, "the idempotency key was used for another claim on petition %s: use a new key for a new claim", p.Ref())
	}
	return c.checkDigest(p)
}

func (s *Service) decide(ctx context.Context, a *Actor, p *Petition, c *NewClaim, key string) (r decided, err error) {
	if err := a.require(CreateClaims); err != nil {
		return r, err
	}
	if err := p.admitsClaim(c.Event); err != nil {
		return r, err
	}
	l := s.looking(a.Space)
	if c.Event == EventApprove {
		if r, err := l.settle(ctx, a, p, c); r.petition != nil || err != nil {
			return r, err
		}
	}
	who, err := l.mayClaim(ctx, a, p, c.Event)
	if err != nil {
		return r, err
	}
	if err := firstError(c.checkDigest(p), c.checkTerm(p, l.now)); err != nil {
		return r, err
	}
	labels := claimLabels(c, p, a, &who)
	votes, err := l.votes(ctx, a, p, c.Event, &who, labels)
	if err != nil {
		return r, err
	}
	confirmed, err := s.confirm(ctx, a, p, c, &who, labels, l.now)
	if err != nil {
		return r, err
	}
	change := Change{Space: p.Space, Events: make([]Event, 1, 2), Writes: append(c.ends(append(make([]Write, 0, 6), confirmed...)), votes...)}
	r = decided{new(Petition), &change.Events[0]}
	*r.claim = s.petitionEvent(ctx, *a, p, l.now, c.Event, c.Reason, labels)
	r.claim.ExternalID = key
	if *r.petition, err = p.Apply(*r.claim, l.now); err != nil {
		return r, err
	}
	return r, l.commitClaim(ctx, a, p, r, &change)
}

// commitClaim commits the claim that was made on a petition, with what it leads to.
func (l *looking) commitClaim(ctx context.Context, a *Actor, p *Petition, r decided, change *Change) (err error) {
	next := r.petition
	if r.claim.Event == EventApprove {
		err = l.grantIfMet(ctx, a, next, len(p.Claims), change)
	} else if r.claim.Event == EventDeny && next.reviewing() && next.refusedEnough() {
		*next, err = l.s.unratify(ctx, *next, change, l.now)
	}
	if err != nil {
		return err
	}
	next.Version = p.Version + 1
	change.Writes = append(change.Writes, PutPetition{Petition: next, Expect: p.Version, SameLabels: true})
	if next.decides() && next.spendsReviewers() {
		change.Writes = append(change.Writes, l.s.quorumOf(p.Space, p.Name))
	}
	if next.Phase != p.Phase || next.Progress != nil || next.Review != nil {
		change.Writes = append(change.Writes, timerOf(next, l.now))
	}
	return l.s.commitRead(ctx, *change)
}

// votes answers the votes of an approval in the stage, and adds to its labels what it stands in the place of. It refuses a claim
// by who has refused, under any of its names, and a second approval; of a deputy it asks both of itself and of who is away.
func (l *looking) votes(ctx context.Context, a *Actor, p *Petition, event string, e *Eligibility, labels map[string]string) (writes []Write, err error) {
	persons, away := []*Actor{a}, e.For(event)
	if away != nil {
		persons = append(persons, away.actor)
		writes = append(writes, UseDelegation{Name: away.Delegation, At: l.now})
	}
	if event == EventRevoke || event == EventDeny && p.Phase == Open && p.AskedBy(a.Resource()) { // a withdrawal, which Apply tells from a refusal
		return writes, nil
	}
	for _, who := range persons {
		if p.claimedAs(who, EventDeny, -1) {
			return nil, p.deniedBefore(who.Person)
		}
	}
	if event != EventApprove {
		return writes, nil
	}
	votes, err := l.anew(ctx, p, e.Stage, labels, persons...)
	return append(writes, votes...), err
}

// admitsClaim is admits that refuses to take back a change of the policy.
func (p *Petition) admitsClaim(event string) error {
	err := p.admits(event)
	if err == nil && event == EventRevoke && p.changesPolicy() {
		err = Errorf(Conflict, "petition %s has changed the policy, which a revoke does not take back: roll the policy back", p.Ref())
	}
	return err
}

// mayClaim answers for what the actor's claim counts, or Forbidden. Who has a right of its own needs no look-up of reviewers, so one
// that fails keeps nobody from taking away what was granted.
func (l *looking) mayClaim(ctx context.Context, a *Actor, p *Petition, event string) (Eligibility, error) {
	own := (event == EventRevoke || event == EventDeny && p.Phase == Open) && p.AskedBy(a.Resource()) // Whoever asks may always withdraw, and give back what was granted.
	byRole := event == EventRevoke && a.Role.Covers(Editor)
	if own || byRole {
		return Eligibility{}, nil
	}
	e, err := l.eligibility(ctx, a, p)
	switch {
	case err != nil:
		return e, err
	case event == EventApprove && e.May() || event != EventApprove && e.Reviews:
		return e, nil
	}
	return e, Errorf(Forbidden, "%s may not %s petition %s: %s", a.ID, verb(event), p.Ref(), e.Why)
}

func verb(event string) string {
	return map[string]string{EventApprove: "approve", EventDeny: "deny", EventRevoke: "revoke"}[event]
}

// grantIfMet grants the petition, which is in nobody else's hands yet, if its requirements are met by persons who may still review (I14). The claims after the
// first, so many, are being made; what is said beside them bounds the grant.
func (l *looking) grantIfMet(ctx context.Context, a *Actor, p *Petition, first int, change *Change, said ...Event) (err error) {
	whole := len(p.Unmet()) == 0
	if !whole && !p.asksForOthers() {
		return nil
	}
	standing, met := p, whole
	if first > 0 {
		now, err := l.standing(ctx, *p, first)
		if err != nil {
			return err
		}
		standing, met = &now, len(now.Unmet()) == 0
	}
	if !met {
		return nil
	}
	if p.changesPolicy() {
		if why, err := l.s.applyProposal(ctx, *a, *p, change, l.now); err != nil || why != "" {
			*p, err = l.s.closeProposal(ctx, *p, why, change, l.now, err)
			return err
		}
	}
	if p.reviewing() {
		e := l.s.petitionEvent(ctx, System(p.Space, policyPart), p, l.now, EventRatify, "", lapsedIn(p, standing, whole, nil))
		change.Events = append(change.Events, e)
		*p, err = p.Apply(e, l.now)
		return err
	}
	bounded := standing
	if len(said) > 0 {
		more := *standing
		more.Claims = slices.Concat(standing.Claims, said)
		bounded = &more
	}
	grant, err := bounded.shortestGrant(l.now)
	if err != nil {
		return err
	}
	e := l.s.petitionEvent(ctx, *a, p, l.now, EventGrant, "", lapsedIn(p, standing, whole, grant.labels()))
	change.Events = append(change.Events, e)
	if *p, err = p.Apply(e, l.now); err != nil {
		return err
	}
	return l.s.extend(ctx, *a, p, change)
}

// lapsedIn adds to the labels of a grant the approvals that count for nothing, where it would not stand beside them: who approved a
// stage, left and came again may be asked in the next as somebody else. whole says that it would.
func lapsedIn(p, standing *Petition, whole bool, labels map[string]string) map[string]string {
	if whole {
		return labels
	}
	var ids []string
	for _, c := range p.Claims {
		if !slices.ContainsFunc(standing.Claims, func(s Event) bool { return s.ID == c.ID }) {
			ids = append(ids, c.ID)
		}
	}
	if labels == nil {
		labels = map[string]string{}
	}
	labels[LabelLapsed] = strings.Join(ids, ",")
	return labels
}

// Claims answers the claims of a petition, oldest first.
func (s *Service) Claims(ctx context.Context, a Actor, petition string) ([]Event, error) {
	p, err := s.Petition(ctx, a, petition)
	return p.Claims, err
}

// Claim answers one claim of a petition by its event id.
func (s *Service) Claim(ctx context.Context, a Actor, petition, id string) (Event, error) {
	claims, err := s.Claims(ctx, a, petition)
	if err != nil {
		return Event{}, err
	}
	for _, c := range claims {
		if c.ID == id {
			return c, nil
		}
	}
	return Event{}, Errorf(NotFound, "petition #%s/%s has no claim %.100q", a.Space, petition, id)
}
