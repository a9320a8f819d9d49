package approval

import (
	"context"
	"regexp"
	"slices"
	"strings"
)

// maxIdentities bounds how many identities a person is linked to.
const maxIdentities = 50

// Identities answers the identities of a member; everybody may look at their own. Who was linked with another member sees
// that one among them, whichever of the two the other's address was linked to.
func (s *Service) Identities(ctx context.Context, a Actor, member string) ([]Identity, error) {
	m, err := s.Member(ctx, a, member)
	if err != nil {
		return nil, err
	}
	list, err := s.Store.Identities(ctx, a.Space, m.ID)
	if err != nil {
		return nil, err
	}
	other, err := s.linkedTo(ctx, m)
	if err == nil && other.Identity != "" && !slices.ContainsFunc(list, func(i Identity) bool { return i.Identity == other.Member }) {
		list = append(list, Identity{Space: m.Space, Identity: other.Member, Member: m.ID, CreatedBy: other.CreatedBy, CreateTime: other.CreateTime})
		slices.SortFunc(list, func(a, b Identity) int { return strings.Compare(a.Identity, b.Identity) })
	}
	return list, err
}

// linkedTo answers the identity by which the member's own address is another member's, none when it is nobody's.
func (s *Service) linkedTo(ctx context.Context, m Member) (Identity, error) {
	i, err := s.Store.Identity(ctx, m.Space, m.ID)
	if CodeOf(err) == NotFound || err == nil && i.Member == m.ID {
		return Identity{}, nil
	}
	return i, err
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
	if other, err := s.linkedTo(ctx, m); err != nil {
		return Identity{}, err
	} else if other.Member == i.Identity {
		return Identity{}, Errorf(Conflict, "%s and %s are linked already", m.ID, i.Identity)
	}
	if _, err := s.namesOf(ctx, a.Space, []string{m.ID, i.Identity}); err != nil {
		return Identity{}, err
	}
	return i, s.commit(ctx, Change{Space: a.Space, Writes: []Write{PutIdentity{i}}, Events: []Event{s.identityEvent(a, EventIdentityLink, m, i)}})
}

// UnlinkIdentity takes an identity from the person. What was asked for under it stays the person's own. Two members who are
// linked are two persons again, whichever of them the other is taken from; the actor must cover both.
func (s *Service) UnlinkIdentity(ctx context.Context, a Actor, member, identity string) error {
	m, err := s.personToLink(ctx, a, "unlink identity of "+member, member)
	if err != nil {
		return err
	}
	identity = normalIdentity(identity)
	var links []Identity
	i, err := s.Store.Identity(ctx, a.Space, identity)
	if err == nil && i.Member == m.ID {
		links = append(links, i)
	} else if err != nil && CodeOf(err) != NotFound {
		return err
	}
	other, err := s.linkedTo(ctx, m)
	if err != nil {
		return err
	}
	if other.Identity != "" && other.Member == identity {
		links = append(links, other)
	}
	if links == nil {
		return Errorf(NotFound, "%.200q is no identity of %s", identity, m.ID)
	}
	c := Change{Space: a.Space}
	for _, i := range links {
		of := m
		if i.Member != m.ID {
			if of, err = s.personToLink(ctx, a, "unlink identity of "+i.Member, i.Member); err != nil {
				return err
			}
		}
		c.Writes = append(c.Writes, DeleteIdentity{i.Identity})
		c.Events = append(c.Events, s.identityEvent(a, EventIdentityUnlink, of, i))
	}
	return s.commit(ctx, c)
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

// Forms of identities. Of a system that is not known here by more, the id has no blank, quote or bracket.
var (
	accountElsewhere = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}:[0-9A-Za-z._~@/|+=:,#-]{1,512}$`)
	slackAccount     = regexp.MustCompile(`^[TE][0-9A-Z]{1,31}/[UW][0-9A-Z]{1,31}$`)
	oidcSubject      = regexp.MustCompile(`^[!-~]{1,255}$`) // OpenID Connect Core, 2
)

// checkIdentity refuses what is neither an address nor an account elsewhere. One that is not written as its system writes
// it would be nobody's for ever, and look as if it were somebody's.
func checkIdentity(identity string) error {
	system, id, elsewhere := strings.Cut(identity, ":")
	must := func(form, example string) error {
		return FieldError("identity", "must be %s, such as %s", form, example)
	}
	switch {
	case elsewhere && system == "oidc":
		issuer, subject, _ := strings.Cut(id, "|")
		if checkIssuer(issuer) != nil || !oidcSubject.MatchString(subject) {
			return must("oidc:, the provider's issuer, a bar and the subject there", "oidc:https://login.example.com|248289761001")
		}
	case elsewhere && system == "slack":
		if !slackAccount.MatchString(id) {
			return must("slack:, the team's id, a slash and the user's id", "slack:T01ACME/U024BE7LH")
		}
	case !accountElsewhere.MatchString(identity) && (elsewhere || CheckEmail("identity", identity) != nil):
		return must("an address such as ada.l@example.com, or a system in small letters, a colon and the id there without blanks", "slack:T01ACME/U024BE7LH or github:ada-l")
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
