package approval

import (
	"bytes"
	"context"
	"slices"
	"time"
)

// An extension is a petition of its own, with the label PetitionReplaces, for the same as one that is granted: it is decided as
// any other, and what it grants stands beside what is there, so that there is no gap. When it is granted the old one gets
// the label PetitionReplacedBy.

// mayExtend refuses an extension of what is not granted, not the actor's or not the same.
func (s *Service) mayExtend(ctx context.Context, a Actor, p *Petition, name string) error {
	const field = "petition.meta.labels." + LabelReplaces
	old, err := s.find(ctx, &a, name)
	switch {
	case CodeOf(err) == NotFound:
		return FieldError(field, "there is no petition %.100q in %s: name the granted petition that is to be extended", name, a.Space)
	case err != nil:
		return err
	case !old.AskedBy(a.Resource()):
		return Errorf(Forbidden, "only who asked may extend petition %s", old.Ref())
	case old.Phase == Open:
		return Errorf(Conflict, "petition %s is still open: to change it, replace it", old.Ref())
	case old.Phase != Granted:
		return Errorf(Conflict, "petition %s %s: there is nothing to extend, ask anew without the label", old.Ref(), old.Status())
	case !sameThings(old.Petitioners, p.Petitioners):
		return FieldError("petition.petitioners", "an extension is for who asked in petition %s", old.Ref())
	case !sameThings(old.Resources, p.Resources):
		return FieldError("petition.resources", "an extension asks for the same as petition %s", old.Ref())
	case !sameParams(old.Params, p.Params):
		return FieldError("petition.params", "an extension has the same params as petition %s: copy them, or ask anew without the label", old.Ref())
	}
	return nil
}

// sameThings answers whether two lists name the same, in whatever order.
func sameThings(a, b []Resource) bool {
	in := func(list []Resource) func(Resource) bool {
		return func(r Resource) bool { return !slices.ContainsFunc(list, r.sameAsked) }
	}
	return !slices.ContainsFunc(a, in(b)) && !slices.ContainsFunc(b, in(a))
}

// sameAsked is Same of what was asked for: without an id it is what its address and its name say.
func (r Resource) sameAsked(other Resource) bool {
	return r.Same(other) && (r.ID != "" || r.Email == other.Email && r.DisplayName == other.DisplayName)
}

// sameParams answers whether two params are the same by their canonical form, whichever way they were written and kept.
func sameParams(a, b RawJSON) bool {
	x, errX := CanonicalParams("", a)
	y, errY := CanonicalParams("", b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// extend adds to the change that grants p what that does to the petition that p extends. One that has ended meanwhile stays as it
// is: nothing of it is there to go on.
func (s *Service) extend(ctx context.Context, a Actor, p *Petition, change *Change) error {
	name, now := p.Labels[LabelReplaces], p.UpdateTime
	if name == "" || p.Phase != Granted {
		return nil
	}
	old, err := s.Store.Petition(ctx, p.Space, name)
	if CodeOf(err) == NotFound || err == nil && (old.Phase != Granted || old.Grant.over(now)) {
		return nil
	}
	if err != nil {
		return err
	}
	e := s.petitionEvent(ctx, a, &old, now, EventExtend, "by "+p.Ref(), map[string]string{LabelReplacedBy: p.Name})
	next, err := old.Apply(e, now)
	if err != nil {
		return err
	}
	change.Events = append(change.Events, e)
	change.Writes = append(change.Writes, PutPetition{Petition: &next, Expect: old.Version}, timerOf(&next, now))
	return nil
}

// over answers whether its time is up.
func (g Grant) over(now time.Time) bool { return !g.EndTime.IsZero() && !now.Before(g.EndTime) }
