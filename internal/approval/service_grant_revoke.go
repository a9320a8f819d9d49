package approval

import (
	"context"
	"slices"
)

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
	// Refused says why it was not revoked, or would not be; "": it was, or would be.
	Refused string
	// Failed marks one that the actor may have the right to revoke, but could not be revoked now: the same call again may.
	Failed bool
}

// RevokeGrants revokes a page of the granted petitions by which a person has something, or by which something is had, those
// that have not begun too; each as [Service.Decide] does, and with its own answer. Whoever calls again with the next page's
// token until there is none has revoked all that the actor may. One that fails keeps none of the others, unless ten fail in a
// row. Forbidden, and logged, when there are some and the actor may revoke none of the page; where none was revoked and one
// failed, that failure.
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
	var refused, failed error
	l, inARow := s.looking(a.Space), 0
	for _, p := range petitions {
		done, err := s.revokeOne(ctx, l, a, p, r)
		switch CodeOf(err) {
		case "":
			inARow = 0
			out.Items = append(out.Items, done)
		case Forbidden:
			refused = err
			out.Items = append(out.Items, RevokedGrant{Petition: p, Refused: err.Error()})
		case Conflict, NotFound: // it has ended meanwhile
		default:
			if inARow++; ctx.Err() != nil || inARow == mostFailures {
				return out, err
			}
			s.Logger.WarnContext(ctx, "a grant could not be revoked with others", "space", a.Space, "petition", p.Name, "error", err)
			failed = err
			out.Items = append(out.Items, failedToRevoke(p, err))
		}
	}
	err = s.refuseSome(ctx, a, action, out.Items, refused, r.Preview)
	if failed != nil && !r.Preview && !someRevoked(out.Items) {
		return out, failed
	}
	return out, err
}

// mostFailures is how many may fail in a row before the call breaks off: then it is not the petitions, and each may take its time.
const mostFailures = 10

// failedToRevoke says why to the actor; what failed inside the server is for its log alone.
func failedToRevoke(p Petition, err error) RevokedGrant {
	why := "it cannot be revoked now: try again"
	if CodeOf(err) != Internal {
		why = err.Error()
	}
	return RevokedGrant{Petition: p, Refused: why, Failed: true}
}

func someRevoked(items []RevokedGrant) bool {
	return slices.ContainsFunc(items, func(item RevokedGrant) bool { return item.Refused == "" })
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
	if someRevoked(items) {
		return nil
	}
	return err
}
