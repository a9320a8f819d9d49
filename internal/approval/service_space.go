package approval

import (
	"context"
	"strings"
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

// NewSpace is what the operator gives to make a space.
type NewSpace struct {
	Name        string
	DisplayName string
	Owner       string // address
	OwnerName   string
	Policy      string // document text, checked by the caller
}

// CreateSpace makes a space with its owner and its policy. It is for the server's operator; a name that exists is a Conflict.
func (s *Service) CreateSpace(ctx context.Context, n NewSpace) (Space, error) {
	owner := strings.ToLower(n.Owner)
	if err := firstError(CheckSlug("space", n.Name), CheckEmail("owner", owner), checkLine("displayName", n.DisplayName, MaxDisplayName),
		checkLine("ownerName", n.OwnerName, MaxDisplayName)); err != nil {
		return Space{}, err
	}
	now := s.Clock.Now()
	operator := System(n.Name, "admin")
	space := Space{Name: n.Name, DisplayName: n.DisplayName, CreateTime: now}
	member := Member{Space: n.Name, ID: owner, Kind: KindUser, Email: owner, DisplayName: n.OwnerName, Role: Owner, Person: owner,
		CreatedBy: operator.ID, CreateTime: now}
	document := PolicyDocument{Space: n.Name, Version: 1, Text: n.Policy, CreatedBy: operator.ID, CreateTime: now}
	return space, s.commit(ctx, Change{
		Space:  n.Name,
		Writes: []Write{PutSpace{Space: space}, PutMember{Member: member, MustBeNew: true}, PutPolicy{document}},
		Events: []Event{
			s.event(operator, s.Clock.Now(), EventSpaceCreate, "", []Resource{{ID: n.Name, Kind: "space", DisplayName: n.DisplayName}}, nil),
			s.event(operator, s.Clock.Now(), EventMemberPut, "role Owner", []Resource{member.Resource()}, nil),
			s.event(operator, s.Clock.Now(), EventPolicySet, "version 1", nil, nil),
		},
	})
}

// CreateServiceAccount adds a non-human member, owned by the actor. Its role is at most the actor's (I7).
func (s *Service) CreateServiceAccount(ctx context.Context, a Actor, m Member) (Member, error) {
	if err := s.Authorize(ctx, a, ManageAccounts, "create service account"); err != nil {
		return Member{}, err
	}
	m.Space, m.Kind, m.Person, m.CreatedBy, m.CreateTime = a.Space, KindServiceAccount, a.Person, a.ID, s.Clock.Now()
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
