package approval

import (
	"context"
	"regexp"
	"strings"
)

// maxIdentities bounds how many identities a person is linked to.
const maxIdentities = 50

// Identities answers the identities of a member; everybody may look at their own.
func (s *Service) Identities(ctx context.Context, a Actor, member string) ([]Identity, error) {
	m, err := s.Member(ctx, a, member)
	if err != nil {
		return nil, err
	}
	return s.Store.Identities(ctx, a.Space, m.ID)
}

// LinkIdentity says that an identity is the person's: an address, or an account elsewhere. Linking the address of another
// member makes both one person, who counts once and does not decide what either asks for (I5, I6). An identity that is
// somebody's is a Conflict.
func (s *Service) LinkIdentity(ctx context.Context, a Actor, member, identity string) (Identity, error) {
	m, err := s.personToLink(ctx, a, "link identity of "+member, member)
	if err != nil {
		return Identity{}, err
	}
	i := Identity{Space: a.Space, Identity: normalIdentity(identity), Member: m.ID, CreatedBy: a.ID, CreateTime: s.Clock.Now()}
	if err := firstError(i.Check(), checkIdentity(i.Identity)); err != nil {
		return Identity{}, err
	}
	if i.Identity == m.ID {
		return Identity{}, FieldError("identity", "is %s's own address already", m.ID)
	}
	list, err := s.Store.Identities(ctx, a.Space, m.ID)
	if err != nil {
		return Identity{}, err
	}
	if len(list) >= maxIdentities {
		return Identity{}, Errorf(Conflict, "%s has %d identities, and more are not kept: unlink one first", m.ID, maxIdentities)
	}
	if _, err := s.namesOf(ctx, a.Space, []string{m.ID, i.Identity}); err != nil {
		return Identity{}, err
	}
	return i, s.commit(ctx, Change{Space: a.Space, Writes: []Write{PutIdentity{i}}, Events: []Event{s.identityEvent(a, EventIdentityLink, m, i)}})
}

// UnlinkIdentity takes an identity from the person. What was asked for under it stays the person's own.
func (s *Service) UnlinkIdentity(ctx context.Context, a Actor, member, identity string) error {
	m, err := s.personToLink(ctx, a, "unlink identity of "+member, member)
	if err != nil {
		return err
	}
	i, err := s.Store.Identity(ctx, a.Space, normalIdentity(identity))
	if err == nil && i.Member != m.ID || CodeOf(err) == NotFound {
		return Errorf(NotFound, "%.200q is no identity of %s", identity, m.ID)
	}
	if err != nil {
		return err
	}
	return s.commit(ctx, Change{Space: a.Space, Writes: []Write{DeleteIdentity{i.Identity}}, Events: []Event{s.identityEvent(a, EventIdentityUnlink, m, i)}})
}

// personToLink answers the person whose identities the actor may change.
func (s *Service) personToLink(ctx context.Context, a Actor, action, member string) (Member, error) {
	if err := s.Authorize(ctx, a, WriteMembers, action); err != nil {
		return Member{}, err
	}
	m, err := s.Store.Member(ctx, a.Space, memberID(member))
	if err == nil && m.Kind != KindUser {
		err = FieldError("member", "%s is a service account: it is its owner where persons are counted", m.ID)
	}
	if err != nil {
		return Member{}, err
	}
	// Whoever signs in by an identity has the role of the person: to link one hands that role out (I7).
	if err := a.covers(m.Role); err != nil {
		return Member{}, s.refuse(ctx, a, action, "", err)
	}
	return m, nil
}

func (s *Service) identityEvent(a Actor, name string, m Member, i Identity) Event {
	return s.event(a, s.Clock.Now(), name, "", []Resource{m.Resource(), {ID: i.Identity, Kind: "identity"}}, nil)
}

var accountElsewhere = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}:[^\s].*$`)

// checkIdentity refuses what is neither an address nor an account elsewhere.
func checkIdentity(identity string) error {
	if !accountElsewhere.MatchString(identity) && CheckEmail("identity", identity) != nil {
		return FieldError("identity", "must be an address such as ada.l@example.com, or a system, a colon and the id there, such as slack:T01/U02")
	}
	return nil
}

// normalIdentity answers an identity as it is kept: an address in lower case, anything else as it is.
func normalIdentity(identity string) string {
	if !strings.Contains(identity, ":") {
		return strings.ToLower(identity)
	}
	return identity
}

// MemberForIdentity answers the member whose identity this is: the member of that address, else the one that it was linked
// to. It is NotFound when it is nobody's, or the space was deleted; who asks looks at Suspended.
func (s *Service) MemberForIdentity(ctx context.Context, space, identity string) (Member, error) {
	nobody := Errorf(NotFound, "%.200q is nobody's in %.63q", identity, space)
	identity = normalIdentity(identity)
	if (Identity{Identity: identity}).Check() != nil {
		return Member{}, nobody
	}
	if _, err := s.spaceInUse(ctx, space); err != nil {
		return Member{}, err
	}
	if strings.Contains(identity, "@") {
		m, err := s.Store.Member(ctx, space, identity)
		if err == nil && m.Kind == KindUser {
			return m, nil
		}
		if err != nil && CodeOf(err) != NotFound {
			return Member{}, err
		}
	}
	i, err := s.Store.Identity(ctx, space, identity)
	if CodeOf(err) == NotFound {
		return Member{}, nobody
	}
	if err != nil {
		return Member{}, err
	}
	return s.Store.Member(ctx, space, i.Member)
}
