package approval

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Binding gives a role to persons.
type Binding struct {
	Role    Role
	Members []string // addresses
}

// RolePolicy is who has which role in a space: the whole of the persons, suspended ones too. Service accounts have their
// own place.
type RolePolicy struct {
	Bindings []Binding // by role, from least to most; only roles that somebody has
	ETag     string    // changes whenever a binding does
}

// RolePolicy answers who has which role.
func (s *Service) RolePolicy(ctx context.Context, a Actor) (RolePolicy, error) {
	if err := s.Authorize(ctx, a, ReadMembers, "read roles"); err != nil {
		return RolePolicy{}, err
	}
	members, err := s.Store.Members(ctx, a.Space, KindUser)
	if err != nil {
		return RolePolicy{}, err
	}
	return rolePolicyOf(members)
}

func rolePolicyOf(members []Member) (p RolePolicy, err error) {
	for _, role := range Roles {
		b := Binding{Role: role}
		for _, m := range members {
			if m.Role == role {
				b.Members = append(b.Members, m.ID)
			}
		}
		if len(b.Members) > 0 {
			p.Bindings = append(p.Bindings, b)
		}
	}
	text, err := json.Marshal(p.Bindings)
	if err != nil {
		return p, Wrap(Internal, err, "the roles cannot be written")
	}
	sum := sha256.Sum256(text)
	p.ETag = hex.EncodeToString(sum[:16])
	return p, nil
}

// mostPersons bounds a role policy: as many as one change can add or remove.
const mostPersons = 10_000

// SetRolePolicy makes these the persons of the space and their roles, all or nothing: whoever is not named is removed. With
// an ETag it is refused (Conflict) when the roles are not those that the ETag was read with. At least one owner, who is
// not suspended, must be left.
func (s *Service) SetRolePolicy(ctx context.Context, a Actor, p RolePolicy) (RolePolicy, error) {
	if err := s.Authorize(ctx, a, WriteMembers, "set roles"); err != nil {
		return RolePolicy{}, err
	}
	roles, err := p.roles()
	if err != nil {
		return RolePolicy{}, err
	}
	return s.changeRoles(ctx, a, "set roles", func(members []Member) (map[string]Role, error) {
		now, err := rolePolicyOf(members)
		if err == nil && p.ETag != "" && p.ETag != now.ETag {
			err = Errorf(Conflict, "the roles have changed since they were read: read them again (getPolicy) and decide on that")
		}
		return roles, err
	})
}

// AddToRole gives persons a role, all or nothing; who is no member becomes one.
func (s *Service) AddToRole(ctx context.Context, a Actor, role Role, ids []string) (RolePolicy, error) {
	return s.moveRoles(ctx, a, "add to role", role, ids, func(roles map[string]Role, id string) error {
		roles[id] = role
		return nil
	})
}

// RemoveFromRole takes a role from persons, all or nothing: who had it becomes a Viewer, and who was a Viewer leaves the
// space. Who has another role is a Conflict.
func (s *Service) RemoveFromRole(ctx context.Context, a Actor, role Role, ids []string) (RolePolicy, error) {
	return s.moveRoles(ctx, a, "remove from role", role, ids, func(roles map[string]Role, id string) error {
		has, isMember := roles[id]
		switch {
		case !isMember:
			return Errorf(NotFound, "there is no member %.100q in %s", id, a.Space)
		case has != role:
			return Errorf(Conflict, "%s has the role %q, not %q", id, has, role)
		case role == Viewer:
			delete(roles, id)
		default:
			roles[id] = Viewer
		}
		return nil
	})
}

// moveRoles changes the roles of some persons.
func (s *Service) moveRoles(ctx context.Context, a Actor, action string, role Role, ids []string, move func(map[string]Role, string) error) (RolePolicy, error) {
	if err := s.Authorize(ctx, a, WriteMembers, action); err != nil {
		return RolePolicy{}, err
	}
	asked := RolePolicy{Bindings: []Binding{{role, ids}}}
	if _, err := asked.roles(); err != nil {
		return RolePolicy{}, unbound(err)
	}
	if len(ids) == 0 || len(ids) > MaxBulk {
		return RolePolicy{}, FieldError("members", "needs 1 to %d entries, it has %d", MaxBulk, len(ids))
	}
	return s.changeRoles(ctx, a, action, func(members []Member) (map[string]Role, error) {
		roles := map[string]Role{}
		for _, m := range members {
			roles[m.ID] = m.Role
		}
		for _, id := range ids {
			if err := move(roles, memberID(id)); err != nil {
				return nil, err
			}
		}
		return roles, nil
	})
}

// unbound answers an error of the only binding with its field as the caller knows it.
func unbound(err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	moved := *e
	moved.Field = strings.TrimPrefix(e.Field, "bindings[0].")
	return &moved
}

// changeRoles makes the persons and their roles what wanted answers for those who are there now.
func (s *Service) changeRoles(ctx context.Context, a Actor, action string, wanted func([]Member) (map[string]Role, error)) (RolePolicy, error) {
	p, err := again(func() (RolePolicy, error) {
		space, err := s.spaceInUse(ctx, a.Space)
		if err != nil {
			return RolePolicy{}, err
		}
		members, err := s.Store.Members(ctx, a.Space, KindUser)
		if err != nil {
			return RolePolicy{}, err
		}
		roles, err := wanted(members)
		if err != nil {
			return RolePolicy{}, err
		}
		return s.writeRoles(ctx, a, space, members, roles)
	})
	if code := CodeOf(err); code == Forbidden || code == Conflict {
		return RolePolicy{}, s.refuse(ctx, a, action, "", err)
	}
	return p, err
}

// roles answers the role of each person that is named. One person has one role.
func (p RolePolicy) roles() (map[string]Role, error) {
	roles := map[string]Role{}
	for i, b := range p.Bindings {
		at := fmt.Sprintf("bindings[%d]", i)
		if !b.Role.Known() {
			return nil, FieldError(at+".role", "must be one of %s, written so", Joined(Roles))
		}
		for j, id := range b.Members {
			at := fmt.Sprintf("%s.members[%d]", at, j)
			id = memberID(id)
			if err := CheckEmail(at, id); err != nil {
				return nil, err
			}
			if other, twice := roles[id]; twice && other != b.Role {
				return nil, FieldError(at, "%s has the role %q already: a person has one role", id, other)
			}
			roles[id] = b.Role
		}
	}
	if len(roles) > mostPersons {
		return nil, FieldError("bindings", "name %d persons, at most %d are allowed", len(roles), mostPersons)
	}
	return roles, nil
}

func (s *Service) writeRoles(ctx context.Context, a Actor, space Space, members []Member, roles map[string]Role) (RolePolicy, error) {
	change := Change{Space: a.Space, Writes: []Write{PutSpace{space, space.Version}}}
	var left []Member
	owned := false
	for _, m := range members {
		role, stays := roles[m.ID]
		if err := s.giveRole(ctx, a, m, role, stays, &change); err != nil {
			return RolePolicy{}, err
		}
		if m.Role = role; stays {
			left = append(left, m)
			owned = owned || m.owns()
		}
	}
	for _, id := range newPersons(roles, members) {
		m, err := s.addPerson(ctx, a, id, roles[id], &change)
		if err != nil {
			return RolePolicy{}, err
		}
		left = append(left, m)
		owned = owned || m.owns()
	}
	if !owned {
		return RolePolicy{}, Errorf(Conflict, "%s would have no owner left: name at least one, who is not suspended", a.Space)
	}
	slices.SortFunc(left, func(a, b Member) int { return cmp.Compare(a.ID, b.ID) })
	p, err := rolePolicyOf(left)
	if err != nil || len(change.Events) == 0 {
		return p, err
	}
	return p, s.commitRead(ctx, change)
}

// newPersons answers who is named and no member, in order.
func newPersons(roles map[string]Role, members []Member) (ids []string) {
	for id := range roles {
		if _, found := slices.BinarySearchFunc(members, id, func(m Member, id string) int { return cmp.Compare(m.ID, id) }); !found {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// giveRole adds to a change what a member's new role, or none, makes of the member.
func (s *Service) giveRole(ctx context.Context, a Actor, m Member, role Role, stays bool, change *Change) error {
	if stays && role == m.Role {
		return nil
	}
	if err := a.covers(m.Role); err != nil {
		return err
	}
	if !stays {
		return s.leave(ctx, a, m, change)
	}
	if err := a.covers(role); err != nil {
		return err
	}
	before := m
	m.Role = role
	change.Writes = append(change.Writes, PutMember{Member: m})
	change.Events = append(change.Events, s.memberEvents(a, before, m, false)...)
	return nil
}

func (s *Service) addPerson(ctx context.Context, a Actor, id string, role Role, change *Change) (Member, error) {
	m := newPerson(a, id, role, s.Clock.Now())
	if err := firstError(a.covers(role), m.Check()); err != nil {
		return m, err
	}
	// Of who comes nothing may be left from before.
	ends, err := s.endCredentials(ctx, m)
	if err != nil {
		return m, err
	}
	change.Writes = append(append(change.Writes, PutMember{Member: m, MustBeNew: true}), ends...)
	change.Events = append(change.Events, s.memberEvents(a, m, m, true)...)
	return m, s.suspendAccountsOf(ctx, a, m, change)
}
