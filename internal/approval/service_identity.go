package approval

import (
	"context"
	"strings"
)

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
