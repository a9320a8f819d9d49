package approval

import (
	"context"
	"strings"
	"time"
)

// Spaces answers the spaces that the actor is a member of, as far as its credential reaches: its own.
func (s *Service) Spaces(ctx context.Context, a Actor) ([]Space, error) {
	space, err := s.Space(ctx, a)
	if err != nil {
		return nil, err
	}
	return []Space{space}, nil
}

// Space answers the actor's space.
func (s *Service) Space(ctx context.Context, a Actor) (Space, error) {
	if err := a.require(ReadSpaces); err != nil {
		return Space{}, err
	}
	return s.Store.Space(ctx, a.Space)
}

// NewSpace is what makes a space.
type NewSpace struct {
	Name        string
	DisplayName string
	Owner       string // address
	OwnerName   string
	Policy      string // document text, checked by the caller
}

// CreateSpace makes a space with its owner and its policy. It is for the server's operator; a name that exists is a Conflict.
func (s *Service) CreateSpace(ctx context.Context, n NewSpace) (Space, error) {
	return s.createSpace(ctx, System(n.Name, "admin"), n)
}

// MakeSpace is CreateSpace for a person who operates the server, who becomes the owner unless another is named. A name that
// exists, or that a deleted space had, is a Conflict.
func (s *Service) MakeSpace(ctx context.Context, a Actor, n NewSpace) (Space, error) {
	if err := s.Authorize(ctx, a, CreateSpaces, "create space "+n.Name); err != nil {
		return Space{}, err
	}
	if n.Owner == "" {
		n.Owner, n.OwnerName = a.Email, a.DisplayName
	}
	n.Policy = s.SpacePolicy
	a.Space = n.Name
	return s.createSpace(ctx, a, n)
}

func (s *Service) createSpace(ctx context.Context, maker Actor, n NewSpace) (Space, error) {
	owner := strings.ToLower(n.Owner)
	if err := firstError(CheckSlug("space", n.Name), CheckEmail("owner", owner), checkLine("displayName", n.DisplayName, MaxDisplayName),
		checkLine("ownerName", n.OwnerName, MaxDisplayName)); err != nil {
		return Space{}, err
	}
	now := s.Clock.Now()
	space := Space{Name: n.Name, DisplayName: n.DisplayName, Version: 1, CreateTime: now}
	member := Member{Space: n.Name, ID: owner, Kind: KindUser, Email: owner, DisplayName: n.OwnerName, Role: Owner, Person: owner,
		CreatedBy: maker.ID, CreateTime: now}
	document := PolicyDocument{Space: n.Name, Version: 1, Text: n.Policy, CreatedBy: maker.ID, CreateTime: now}
	err := s.commit(ctx, Change{
		Space:  n.Name,
		Writes: []Write{PutSpace{Space: space}, PutMember{Member: member, MustBeNew: true}, PutPolicy{document}},
		Events: []Event{
			s.event(maker, now, EventSpaceCreate, "", []Resource{space.resource()}, nil),
			s.event(maker, now, EventMemberPut, "role Owner", []Resource{member.Resource()}, nil),
			s.event(maker, now, EventPolicySet, "version 1", nil, nil),
		},
	})
	if CodeOf(err) == Conflict {
		if before, errBefore := s.Store.Space(ctx, n.Name); errBefore == nil && !before.DeleteTime.IsZero() {
			err = Errorf(Conflict, "the space %s was deleted, and its name stays taken: `indent admin space restore --space %s` brings it back; or choose another name", n.Name, n.Name)
		}
	}
	return space, err
}

// resource answers the space as it appears in events.
func (s Space) resource() Resource {
	return Resource{ID: s.Name, Kind: "space", DisplayName: s.DisplayName}
}

// RenameSpace changes what people call the space; its name, which links and logs have, stays.
func (s *Service) RenameSpace(ctx context.Context, a Actor, displayName string) (Space, error) {
	if err := s.Authorize(ctx, a, WriteSpaces, "rename space"); err != nil {
		return Space{}, err
	}
	if strings.TrimSpace(displayName) == "" {
		return Space{}, FieldError("displayName", "is empty: say what people shall call the space")
	}
	if err := checkLine("displayName", displayName, MaxDisplayName); err != nil {
		return Space{}, err
	}
	return s.changeSpace(ctx, a, EventSpaceUpdate, func(space Space) (Space, error) {
		space.DisplayName = displayName
		return space, nil
	})
}

// DeleteSpace ends a space: nobody gets in any more, with whatever credential. Its log and its name are kept, and the
// server's operator can bring it back.
func (s *Service) DeleteSpace(ctx context.Context, a Actor) error {
	if err := s.Authorize(ctx, a, WriteSpaces, "delete space"); err != nil {
		return err
	}
	// The right to end it is an owner's whole right: a credential that has less of it may not (I7).
	if err := a.covers(Owner); err != nil {
		return s.refuse(ctx, a, "delete space", "", err)
	}
	_, err := s.changeSpace(ctx, a, EventSpaceDelete, func(space Space) (Space, error) {
		space.DeleteTime = s.Clock.Now()
		return space, nil
	})
	return err
}

// changeSpace changes a space that is in use.
func (s *Service) changeSpace(ctx context.Context, a Actor, event string, f func(Space) (Space, error)) (Space, error) {
	return again(func() (Space, error) {
		before, err := s.spaceInUse(ctx, a.Space)
		if err != nil {
			return Space{}, err
		}
		after, err := f(before)
		if err != nil {
			return Space{}, err
		}
		return s.commitSpace(ctx, a, event, before, after)
	})
}

func (s *Service) commitSpace(ctx context.Context, a Actor, event string, before, after Space) (Space, error) {
	writes := []Write{PutSpace{after, before.Version}}
	if event == EventSpaceRestore {
		writes = append(writes, hourly(a.Space, s.Clock.Now()))
	}
	err := s.commitRead(ctx, Change{Space: a.Space, Writes: writes,
		Events: []Event{s.event(a, s.Clock.Now(), event, "", []Resource{after.resource()}, nil)}})
	after.Version = before.Version + 1
	return after, err
}

// RestoreSpace brings a deleted space back, with its members and their credentials. It is for the server's operator.
func (s *Service) RestoreSpace(ctx context.Context, operator Actor) (Space, error) {
	return again(func() (Space, error) {
		before, err := s.Store.Space(ctx, operator.Space)
		if err != nil {
			return Space{}, err
		}
		if before.DeleteTime.IsZero() {
			return Space{}, Errorf(Conflict, "the space %s is in use: it was not deleted", before.Name)
		}
		after := before
		after.DeleteTime = time.Time{}
		return s.commitSpace(ctx, operator, EventSpaceRestore, before, after)
	})
}

// AllSpaces answers every space of the server, those that were deleted too, by name. It is for the server's operator.
func (s *Service) AllSpaces(ctx context.Context) ([]Space, error) { return s.Store.Spaces(ctx) }

// CreateServiceAccount adds a non-human member, owned by the actor. Its role is at most the actor's (I7).
func (s *Service) CreateServiceAccount(ctx context.Context, a Actor, m Member) (Member, error) {
	if err := s.Authorize(ctx, a, ManageAccounts, "create service account"); err != nil {
		return Member{}, err
	}
	m.Space, m.Kind, m.Person, m.CreatedBy, m.CreateTime = a.Space, KindServiceAccount, a.Address, a.ID, s.Clock.Now()
	m.Email = ""
	if m.Role == "" {
		m.Role = PetitionAdmin
	}
	if err := m.Check(); err != nil {
		return Member{}, err
	}
	if strings.Contains(m.ID, "@") {
		return Member{}, FieldError("serviceAccountId", "must not look like an address")
	}
	if !a.Role.Covers(m.Role) {
		return Member{}, s.refuse(ctx, a, "create service account", "", Errorf(Forbidden, "a service account cannot have a role above yours (%q)", a.Role))
	}
	e := s.event(a, s.Clock.Now(), EventAccountCreate, "role "+string(m.Role), []Resource{m.Resource()}, nil)
	return m, s.commit(ctx, Change{Space: a.Space, Writes: []Write{PutMember{Member: m, MustBeNew: true}}, Events: []Event{e}})
}

// ServiceAccounts answers the space's service accounts, by id, also those that are suspended.
func (s *Service) ServiceAccounts(ctx context.Context, a Actor) ([]Member, error) {
	if err := s.Authorize(ctx, a, ReadServiceAccounts, "list service accounts"); err != nil {
		return nil, err
	}
	return s.Store.Members(ctx, a.Space, KindServiceAccount)
}
