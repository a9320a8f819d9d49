package approval

import "context"

// ReplacePetition answers a new petition in place of an open one, which is withdrawn: a petition is never edited, so
// that what was shown stays what is decided (I1). Only who asked may replace.
func (s *Service) ReplacePetition(ctx context.Context, a Actor, name string, n NewPetition) (Petition, error) {
	if err := s.Authorize(ctx, a, CreatePetitions, "replace petition"); err != nil {
		return Petition{}, err
	}
	// The old petition is withdrawn, which is a claim.
	if err := s.Authorize(ctx, a, CreateClaims, "replace petition"); err != nil {
		return Petition{}, err
	}
	n, err := n.Check()
	if _, given := n.Labels[LabelReplaces]; err == nil && given {
		err = FieldError("petition.meta.labels."+LabelReplaces, "is set by the server: leave it out")
	}
	if err == nil {
		err = n.mayBeAsked()
	}
	if err != nil {
		return Petition{}, err
	}
	p, err := again(func() (Petition, error) {
		old, err := s.find(ctx, &a, name)
		if err != nil {
			return Petition{}, err
		}
		if !old.AskedBy(a.Resource()) {
			return Petition{}, Errorf(Forbidden, "only who asked may replace petition %s", old.Ref())
		}
		if old.Phase != Open {
			return Petition{}, old.conflict("a replacement")
		}
		return s.replace(ctx, a, old, n)
	})
	if code := CodeOf(err); code == Forbidden || code == Conflict {
		return Petition{}, s.refuse(ctx, a, "replace petition", name, err)
	}
	return p, err
}

// replace makes the new petition and withdraws the old one in one change: there is never a moment with both or none.
func (s *Service) replace(ctx context.Context, a Actor, old Petition, n NewPetition) (Petition, error) {
	p, change, err := s.draft(ctx, a, &n, old.Name)
	if err != nil {
		return Petition{}, err
	}
	now := p.CreateTime
	withdrawal := s.petitionEvent(ctx, a, &old, now, EventDeny, "replaced by "+p.Ref(), map[string]string{LabelReplacedBy: p.Name, LabelPerson: a.Person})
	gone, err := old.Apply(withdrawal, now)
	if err != nil {
		return Petition{}, err
	}
	change.Events = append(change.Events, withdrawal)
	change.Writes = append(change.Writes, PutPetition{Petition: &gone, Expect: old.Version}, timerOf(&gone, now))
	return *p, s.commitRead(ctx, change)
}

// WithdrawPetition closes an open petition on behalf of who asked; anybody else is refused.
func (s *Service) WithdrawPetition(ctx context.Context, a Actor, name string) (Petition, error) {
	p, err := s.find(ctx, &a, name)
	if CodeOf(err) == Forbidden {
		return Petition{}, s.refuse(ctx, a, "withdraw petition", name, err)
	}
	if err != nil {
		return Petition{}, err
	}
	if !p.AskedBy(a.Resource()) {
		return Petition{}, s.refuse(ctx, a, "withdraw petition", name, Errorf(Forbidden, "only who asked may withdraw petition %s; a reviewer denies it", p.Ref()))
	}
	p, _, err = s.Decide(ctx, a, name, NewClaim{Event: EventDeny, Reason: "withdrawn"}, "")
	return p, err
}
