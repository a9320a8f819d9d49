package identity

import (
	"context"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// Sessions are the browser's side of identity: one-time sign-in links and what a cookie stands for. A session ends at a
// fixed time after sign-in, whether it is used or not; every sign-in makes a new one.
type Sessions struct{ *Identity }

// Sessions answers the browser's side.
func (i *Identity) Sessions() Sessions { return Sessions{i} }

const sessionLength = 32

// CreateLink makes a one-time sign-in link for a member and answers its secret. operator is System: whoever holds the
// database may do this.
func (s Sessions) CreateLink(ctx context.Context, operator approval.Actor, member string, ttl time.Duration) (string, error) {
	secret := s.ids.Secret(sessionLength)
	return secret, s.service.CreateLink(ctx, operator, approval.Token{Name: s.ids.UUID(), Hash: hash(secret), Member: member,
		DisplayName: "sign-in link", ExpireTime: s.clock.Now().Add(ttl)})
}

// Look answers whom a link would sign in and leaves it unused. A link that is wrong is Unauthenticated, one that was
// used or is too old is Expired.
func (s Sessions) Look(ctx context.Context, link string) (approval.Member, error) {
	t, err := s.link(ctx, link)
	if err != nil {
		return approval.Member{}, err
	}
	m, err := s.store.Member(ctx, t.Space, t.Member)
	if approval.CodeOf(err) == approval.NotFound || err == nil && m.Suspended {
		return approval.Member{}, usedUp()
	}
	return m, err
}

func (s Sessions) link(ctx context.Context, secret string) (approval.Token, error) {
	wrong := approval.Errorf(approval.Unauthenticated, "this sign-in link is not one of this server's: copy it again, whole, or ask for a new one")
	if len(secret) != sessionLength {
		return approval.Token{}, wrong
	}
	t, err := s.stored(ctx, approval.TokenLink, secret)
	if approval.CodeOf(err) == approval.Unauthenticated {
		return approval.Token{}, wrong
	}
	if err == nil && !t.Usable(s.clock.Now()) {
		err = usedUp()
	}
	return t, err
}

func usedUp() error {
	return approval.Errorf(approval.Expired, "this sign-in link was used or has expired: ask the operator for a new one (indent admin link)")
}

// SignIn uses up the link and answers a new session's secret and its end. Of many who use one link at once, one is
// signed in.
func (s Sessions) SignIn(ctx context.Context, link string) (secret string, end time.Time, err error) {
	t, err := s.link(ctx, link)
	if err != nil {
		return "", end, err
	}
	secret, end = s.ids.Secret(sessionLength), s.clock.Now().Add(s.SessionTTL)
	err = s.service.StartSession(ctx, t, approval.Token{Name: s.ids.UUID(), Hash: hash(secret), DisplayName: "browser", ExpireTime: end})
	if approval.CodeOf(err) == approval.Conflict {
		err = usedUp()
	}
	return secret, end, err
}

// Authenticate answers who the session's secret stands for, Unauthenticated when it stands for nobody any more.
func (s Sessions) Authenticate(ctx context.Context, secret string) (approval.Actor, error) {
	a, err := approval.Actor{}, notSignedIn()
	if len(secret) == sessionLength {
		a, err = s.cached(ctx, approval.TokenSession, secret, func(ctx context.Context) (approval.Actor, time.Time, error) {
			return s.byHash(ctx, approval.TokenSession, secret)
		})
	}
	if approval.CodeOf(err) == approval.Unauthenticated {
		err = notSignedIn()
	}
	return a, err
}

func notSignedIn() error {
	return approval.Errorf(approval.Unauthenticated, "you are not signed in, or not any more: ask the operator for a sign-in link (indent admin link)")
}

// SignOut ends the session, on this node at once. One that has ended stays ended; an error means that it may go on.
func (s Sessions) SignOut(ctx context.Context, secret string) error {
	defer s.Forget()
	a, err := s.Authenticate(ctx, secret)
	if err == nil {
		err = s.service.EndSession(ctx, a, approval.Token{Space: a.Space, Name: a.TokenName})
	}
	if code := approval.CodeOf(err); code == approval.Unauthenticated || code == approval.Conflict {
		return nil
	}
	return err
}
