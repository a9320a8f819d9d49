package approval

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// unratify adds to a change that the review of a grant that broke the glass has ended badly. The event names the person: the
// log is what says who may not break the glass any more.
func (s *Service) unratify(ctx context.Context, p Petition, change *Change, now time.Time) (Petition, error) {
	persons, err := s.brokeGlass(ctx, &p)
	if err != nil {
		return p, err
	}
	e := s.petitionEvent(ctx, System(p.Space, policyPart), &p, now, EventUnratified, "", map[string]string{LabelGlassPersons: strings.Join(persons, ",")})
	change.Events = append(change.Events, e)
	return p.Apply(e, now)
}

// brokeGlass answers the names of who made the petition. The others whom it is for had no say: nobody must be able to take the
// glass from a colleague by breaking it for both. Of whoever has left nobody can tell who that was but the petition.
func (s *Service) brokeGlass(ctx context.Context, p *Petition) ([]string, error) {
	who, err := s.looking(p.Space).actor(ctx, p.CreatedBy.ID)
	if err != nil || who.gone {
		return p.Persons, err
	}
	return lowered(append([]string{who.actor.Person}, who.actor.Names...)), nil
}

// glass has the owners decide where the verdict breaks the glass for somebody who did not answer for it before, until one of
// them lifts that.
func (s *Service) glass(ctx context.Context, p *Petition, v Verdict) (Verdict, error) {
	if v.BreakGlass == nil || v.Decision != VerdictApprove {
		return v, nil
	}
	for _, person := range p.Persons {
		frozen, err := s.frozen(ctx, p.Space, person)
		if err != nil {
			return Verdict{}, err
		}
		if frozen {
			return ownersDecide(v.PolicyVersion, fmt.Sprintf("rule %q breaks the glass, but %s did so before and nobody ratified it: the space's owners decide until one of them lifts that", v.Rule, person)), nil
		}
	}
	return v, nil
}

// frozen answers whether the newest that the log says of the person is that nobody ratified what broke the glass. When there is
// more than is looked at, it is.
func (s *Service) frozen(ctx context.Context, space, person string) (bool, error) {
	last, err := s.lastOf(ctx, space, EventUnratified, person)
	if err != nil || last == nil {
		return false, err
	}
	lifted, err := s.lastOf(ctx, space, EventGlassRestore, person)
	return lifted == nil || lifted.Cursor.Before(last.Cursor), err
}

// lastOf answers the newest event of the name that names the person, nil when there is none.
func (s *Service) lastOf(ctx context.Context, space, name, person string) (*Event, error) {
	q := EventQuery{Space: space, Event: name, Page: PageRequest{Size: MaxPageSize}}
	for {
		page, err := s.Store.Events(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			if slices.Contains(strings.Split(page.Items[i].Label(LabelGlassPersons), ","), person) {
				return &page.Items[i], nil
			}
		}
		if page.Next == "" {
			return nil, nil
		}
		q.Page.Token = page.Next
	}
}

// RestoreBreakGlass lets a member break the glass again who did not answer for it before. It is for owners; nobody does it for
// themselves. One who may break it is a Conflict.
func (s *Service) RestoreBreakGlass(ctx context.Context, a Actor, member, reason string) error {
	action := "restore break-glass of " + member
	if err := s.Authorize(ctx, a, WriteMembers, action); err != nil {
		return err
	}
	return s.liftBreakGlass(ctx, a, member, reason, func(names []string) error {
		if !slices.Contains(names, a.Person) {
			return nil
		}
		return s.refuse(ctx, a, action, "", s.notForThemselves(ctx, a))
	})
}

// LiftBreakGlass is RestoreBreakGlass for the server's operator: nobody else can lift it where a space has one owner. The reason
// is required, and stands in the log.
func (s *Service) LiftBreakGlass(ctx context.Context, operator Actor, member, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return FieldError("reason", "is required: say why, auditors read it")
	}
	if _, err := s.spaceInUse(ctx, operator.Space); err != nil {
		return err
	}
	return s.liftBreakGlass(ctx, operator, member, reason, func([]string) error { return nil })
}

// notForThemselves says who may do what nobody does for themselves.
func (s *Service) notForThemselves(ctx context.Context, a Actor) error {
	const operator = "the server's operator can, with `indent admin lift-break-glass`"
	if err := s.keepsAnOwner(ctx, Member{Space: a.Space, ID: a.ID}); CodeOf(err) == Conflict {
		return Errorf(Forbidden, "nobody lets themselves break the glass again, and %s has no other owner: make somebody else an owner, who lifts it, or %s", a.Space, operator)
	}
	return Errorf(Forbidden, "nobody lets themselves break the glass again: another owner must, or %s", operator)
}

// liftBreakGlass lets the member break the glass again unless the check of its names refuses that.
func (s *Service) liftBreakGlass(ctx context.Context, a Actor, member, reason string, check func(names []string) error) error {
	if err := checkProse("reason", reason, MaxReason); err != nil {
		return err
	}
	m, err := s.Store.Member(ctx, a.Space, memberID(member))
	if err != nil {
		return err
	}
	who, err := s.personOf(ctx, m)
	if err != nil {
		return err
	}
	names := lowered(append([]string{who.id, m.ID, m.Person}, who.names...))
	if err := check(names); err != nil {
		return err
	}
	any := false
	for _, name := range names {
		frozen, err := s.frozen(ctx, a.Space, name)
		if err != nil {
			return err
		}
		any = any || frozen
	}
	if !any {
		return Errorf(Conflict, "%s may break the glass: there is nothing to lift", m.ID)
	}
	e := s.event(a, s.Clock.Now(), EventGlassRestore, reason, []Resource{m.Resource()}, map[string]string{LabelGlassPersons: strings.Join(names, ",")})
	return s.commit(ctx, Change{Space: a.Space, Events: []Event{e}})
}
