package approval

import "context"

// RevokeGrants asks to take away all that a person has, all that anybody has of a resource, or both.
type RevokeGrants struct {
	Person   string // as in AccessQuery
	Resource string
	Reason   string
	// Preview looks at what would be revoked, and changes nothing.
	Preview bool
	Page    PageRequest
}

// Check refuses what would take away everything, or is out of its limits.
func (r RevokeGrants) Check() error {
	if r.Person == "" && r.Resource == "" {
		return FieldError("person", "name a person or a resource: all grants of a space are not revoked at once")
	}
	return firstError(AccessQuery{Person: r.Person, Resource: r.Resource}.check(), checkProse("reason", r.Reason, MaxReason))
}

// RevokedGrant is one petition of [Service.RevokeGrants]: it is revoked as a whole, for all that asked in it.
type RevokedGrant struct {
	Petition Petition
	// Refused says why the actor may not revoke it; "": it was revoked, or would be.
	Refused string
}

// RevokeGrants revokes a page of the granted petitions by which a person has something, or by which something is had, those
// that have not begun too; each as [Service.Decide] does, and with its own answer. Whoever calls again with the next page's
// token until there is none has revoked all that the actor may. Forbidden, and logged, when there are some and the actor may
// revoke none of the page.
func (s *Service) RevokeGrants(ctx context.Context, a Actor, r RevokeGrants) (Page[RevokedGrant], error) {
	const action = "revoke grants"
	var out Page[RevokedGrant]
	for _, need := range []Permission{ReadPetitions, CreateClaims} {
		if err := s.Authorize(ctx, a, need, action); err != nil {
			return out, err
		}
	}
	if err := r.Check(); err != nil {
		return out, err
	}
	page, petitions, err := s.accesses(ctx, a.Space, AccessQuery{Person: r.Person, Resource: r.Resource, Coming: true, Page: r.Page})
	if err != nil {
		return out, err
	}
	out.Next = page.Next
	var refused error
	l := s.looking(a.Space)
	for _, p := range petitions {
		done, err := s.revokeOne(ctx, l, a, p, r)
		switch CodeOf(err) {
		case "":
			out.Items = append(out.Items, done)
		case Forbidden:
			refused = err
			out.Items = append(out.Items, RevokedGrant{Petition: p, Refused: err.Error()})
		case Conflict, NotFound: // it has ended meanwhile
		default:
			return out, err
		}
	}
	return out, s.refuseSome(ctx, a, action, out.Items, refused, r.Preview)
}

func (s *Service) revokeOne(ctx context.Context, l *looking, a Actor, p Petition, r RevokeGrants) (RevokedGrant, error) {
	if _, late := p.overdue(s.Clock.Now()); late {
		now, err := s.load(ctx, p.Space, p.Name)
		if err != nil {
			return RevokedGrant{}, err
		}
		p = now
	}
	if err := p.admitsClaim(EventRevoke); err != nil {
		return RevokedGrant{}, err
	}
	if _, err := l.mayClaim(ctx, &a, &p, EventRevoke); err != nil || r.Preview {
		return RevokedGrant{Petition: p}, err
	}
	p, _, err := s.Decide(ctx, a, p.Name, NewClaim{Event: EventRevoke, Reason: r.Reason}, "")
	return RevokedGrant{Petition: p}, err
}

// refuseSome writes one entry to the log for all that the actor may not revoke; where that is everything it is the answer.
func (s *Service) refuseSome(ctx context.Context, a Actor, action string, items []RevokedGrant, refused error, preview bool) error {
	if refused == nil || preview {
		return nil
	}
	err := s.refuse(ctx, a, action, "", refused)
	for _, item := range items {
		if item.Refused == "" {
			return nil
		}
	}
	return err
}
