package approval

import (
	"context"
	"crypto/subtle"
)

// UsedRefreshToken answers the refresh token and its family, both fit for use. One that was used before ends its family:
// whoever has it, and whoever has what came after it, cannot both be the person's program (RFC 9700, 4.14.2). There is no
// grace for an answer that got lost (docs/decisions/0017).
func (s *Service) UsedRefreshToken(ctx context.Context, hash string) (RefreshToken, Token, error) {
	gone := Errorf(Unauthenticated, "you are not signed in any more: this login has ended; sign in again with `indent login`")
	r, err := s.Store.RefreshToken(ctx, hash)
	if CodeOf(err) == NotFound || err == nil && !sameSecret(r.Hash, hash) {
		return r, Token{}, gone
	}
	if err != nil {
		return r, Token{}, err
	}
	family, err := s.Store.Token(ctx, r.Space, r.Family)
	switch {
	case err != nil:
		return r, family, err
	case !r.UseTime.IsZero():
		return r, family, s.reused(ctx, family)
	case !family.Usable(s.Clock.Now()), !s.Clock.Now().Before(r.ExpireTime):
		return r, family, gone
	}
	return r, family, nil
}

// reused ends the family of a refresh token that came again.
func (s *Service) reused(ctx context.Context, family Token) error {
	why := Errorf(Unauthenticated, "this login has ended because its refresh token came a second time, as from a thief: sign in again with `indent login`")
	if !family.Usable(s.Clock.Now()) {
		return why
	}
	if err := s.endFamily(ctx, System(family.Space, "login"), family, EventTokenReuse, "a refresh token that was used came again"); err != nil {
		return err
	}
	return why
}

// Refresh uses up a refresh token and stores the next. Of many who use one at once, one gets in, and the family ends.
func (s *Service) Refresh(ctx context.Context, a Actor, family Token, used, next RefreshToken) error {
	if err := s.Limits.Call(a); err != nil {
		return err
	}
	now := s.Clock.Now()
	next.Space, next.Family, next.CreateTime = used.Space, used.Family, now
	e := s.event(a, now, EventTokenExchange, "", []Resource{family.resource()}, nil)
	err := s.commit(ctx, Change{Space: used.Space, Events: []Event{e}, Writes: []Write{UseRefreshToken{used.Hash, now}, PutRefreshToken{next}}})
	if CodeOf(err) == Conflict {
		return s.reused(ctx, family)
	}
	return err
}

// EndLogin ends the login of a refresh token, used or not, and all that came of it: who has the token may give it up
// (RFC 7009). One that is unknown, or whose login has ended, is Unauthenticated: there is nothing to do.
func (s *Service) EndLogin(ctx context.Context, hash string) error {
	ended := Errorf(Unauthenticated, "there is no such login, or it has ended already")
	r, err := s.Store.RefreshToken(ctx, hash)
	if CodeOf(err) == NotFound {
		return ended
	}
	if err != nil {
		return err
	}
	t, err := s.Store.Token(ctx, r.Space, r.Family)
	if err != nil {
		return err
	}
	if !t.RevokeTime.IsZero() {
		return ended
	}
	m, err := s.Store.Member(ctx, t.Space, t.Member)
	a := m.Actor(t.Name, nil)
	if CodeOf(err) == NotFound {
		a, err = System(t.Space, "login"), nil
	}
	if err != nil {
		return err
	}
	return s.endFamily(ctx, a, t, EventTokenRevoke, "signed out")
}

// endFamily ends a login and the tokens that were made with it. One that somebody else has ended meanwhile has ended.
func (s *Service) endFamily(ctx context.Context, a Actor, family Token, event, reason string) error {
	others, err := s.Store.Tokens(ctx, family.Space, family.Member, TokenUser)
	if err != nil {
		return err
	}
	now := s.Clock.Now()
	change := Change{Space: family.Space}
	ended := []Resource{{ID: family.Member, Kind: KindUser}}
	for _, t := range descendants(family, others) {
		if t.RevokeTime.IsZero() {
			change.Writes = append(change.Writes, EndToken{Name: t.Name, At: now})
			ended = append(ended, t.resource())
		}
	}
	change.Events = []Event{s.event(a, now, event, reason, ended, nil)}
	if err := s.commit(ctx, change); CodeOf(err) != Conflict {
		return err
	}
	// A token was made or ended at the same time: what is left is looked at again.
	t, err := s.Store.Token(ctx, family.Space, family.Name)
	if err != nil || !t.RevokeTime.IsZero() {
		return err
	}
	return s.endFamily(ctx, a, t, event, reason)
}

// sameSecret compares in a time that does not tell how much is equal.
func sameSecret(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
