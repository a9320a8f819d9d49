package identity

import (
	"context"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// Sessions are the browser's side of identity: one-time sign-in links, sign-in providers and what a cookie stands for. A
// session ends at a fixed time after sign-in, and sooner when it is not used; every sign-in makes a new one.
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
	if err == nil {
		_, err = s.service.ActorOf(ctx, m, t.Name, nil) // who is suspended, or in a deleted space, is nobody
	}
	if code := approval.CodeOf(err); code == approval.NotFound || code == approval.Unauthenticated {
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
// signed in. browser is what it says it is.
func (s Sessions) SignIn(ctx context.Context, link, browser string) (secret string, end time.Time, err error) {
	t, err := s.link(ctx, link)
	if err != nil {
		return "", end, err
	}
	secret, session := s.newSession()
	err = s.service.StartSession(ctx, t, session, browser)
	if code := approval.CodeOf(err); code == approval.Conflict || code == approval.NotFound {
		err = usedUp()
	}
	return secret, session.ExpireTime, err
}

func (s Sessions) newSession() (secret string, t approval.Token) {
	secret = s.ids.Secret(sessionLength)
	return secret, approval.Token{Name: s.ids.UUID(), Hash: hash(secret), DisplayName: "browser", ExpireTime: s.clock.Now().Add(s.SessionTTL)}
}

// admit answers a session for a person for whom a provider has vouched: in the space where they wanted to go, else in
// the first where they are a member.
func (s Sessions) admit(ctx context.Context, p *provider, a attempt, v approval.Verified, browser string) (SignedIn, error) {
	rules := approval.Admission{Spaces: p.Spaces, Domains: p.Domains, Roles: p.Roles, SyncGroups: p.SyncGroups}
	members, err := s.service.Admit(ctx, v, rules)
	if err != nil {
		return SignedIn{}, err
	}
	defer s.Forget() // roles may have changed
	in, named := 0, false
	for i, m := range members {
		if a.back == "/access/"+m.Space || strings.HasPrefix(a.back, "/access/"+m.Space+"/") {
			in, named = i, true
		}
	}
	secret, session := s.newSession()
	err = s.service.BeginSession(ctx, members[in], session, approval.Session{Method: approval.MethodOIDC, Provider: p.Name, Verified: v.Identity,
		Address: rules.Proved(v), Browser: browser, SignIn: hash(a.part("session"))})
	return SignedIn{Secret: secret, End: session.ExpireTime, Return: a.back, Several: len(members) > 1 && !named}, err
}

// Authenticate answers who the session's secret stands for, Unauthenticated when it stands for nobody any more. It is no
// use of the session: pages that are only open ask, too.
func (s Sessions) Authenticate(ctx context.Context, secret string) (approval.Actor, error) {
	a, err := approval.Actor{}, notSignedIn()
	if len(secret) == sessionLength {
		a, err = s.cached(ctx, approval.TokenSession, secret, func(ctx context.Context) (approval.Actor, time.Time, error) {
			return s.alive(ctx, secret)
		})
	}
	return a, nobodys(err)
}

// alive is byHash for a session, which ends when it is not used.
func (s Sessions) alive(ctx context.Context, secret string) (approval.Actor, time.Time, error) {
	a, end, err := s.byHash(ctx, approval.TokenSession, secret)
	if err != nil {
		return a, end, err
	}
	v, err := s.store.Session(ctx, a.Space, a.TokenName)
	if approval.CodeOf(err) == approval.NotFound || err == nil && v.Idle(s.clock.Now(), s.SessionIdle) {
		err = ended()
	}
	if err != nil {
		return approval.Actor{}, end, err
	}
	if idle := v.LastUse.Add(s.SessionIdle); idle.Before(end) {
		end = idle
	}
	return a, end, nil
}

// Use is Authenticate for what a person does, which keeps the session from ending for want of use. When it was used is
// known to a minute and written down beside the calls; while that cannot be written the session ends the sooner.
func (s Sessions) Use(ctx context.Context, secret string) (approval.Actor, error) {
	a, err := s.Authenticate(ctx, secret)
	if err == nil {
		s.uses.note(approval.Token{Space: a.Space, Name: a.TokenName}, s.clock.Now())
	}
	return a, err
}

// nobodys says the same of every session that stands for nobody, whatever it once was.
func nobodys(err error) error {
	if approval.CodeOf(err) == approval.Unauthenticated {
		return notSignedIn()
	}
	return err
}

func notSignedIn() error {
	return approval.Errorf(approval.Unauthenticated, "you are not signed in, or not any more: sign in again")
}

// List answers the person's sessions that are alive, those that were used last first.
func (s Sessions) List(ctx context.Context, a approval.Actor) ([]approval.Session, error) {
	return s.service.Sessions(ctx, a, s.SessionIdle)
}

// End ends one of the person's sessions by name, or all but the one in use when there is no name, with what was made in
// them; on this node at once.
func (s Sessions) End(ctx context.Context, a approval.Actor, name string) error {
	defer s.Forget()
	return s.service.EndSessions(ctx, a, name)
}

// Places answers as whom the session's person may come in, by space.
func (s Sessions) Places(ctx context.Context, a approval.Actor) ([]approval.Member, error) {
	from, spaces, err := s.origin(ctx, a)
	if err != nil {
		return nil, err
	}
	return s.service.Memberships(ctx, from, spaces)
}

// origin answers how the session began, and the spaces that its provider signs in to now.
func (s Sessions) origin(ctx context.Context, a approval.Actor) (from approval.Session, spaces []string, err error) {
	from, err = s.store.Session(ctx, a.Space, a.TokenName)
	if err == nil && from.Method == approval.MethodOIDC {
		if p, err := s.provider(from.Provider); err == nil && strings.HasPrefix(from.Verified, "oidc:"+p.Issuer+"|") {
			spaces = p.Spaces
		}
	}
	return from, spaces, err
}

// Switch answers a new session of the same person in another space, and ends the one that is used.
func (s Sessions) Switch(ctx context.Context, a approval.Actor, space string) (secret string, end time.Time, err error) {
	from, spaces, err := s.origin(ctx, a)
	if err != nil {
		return "", end, err
	}
	secret, session := s.newSession()
	if err := s.service.SwitchSpace(ctx, a, from, space, spaces, session); err != nil {
		return "", end, err
	}
	defer s.Forget()
	// The person is in the other space already: a session that cannot be ended now ends for want of use.
	err = s.service.EndSession(ctx, a, approval.Token{Space: a.Space, Name: a.TokenName})
	if err != nil && approval.CodeOf(err) != approval.Conflict {
		s.service.Logger.WarnContext(ctx, "the session in the other space could not be ended", "member", a.ID, "space", a.Space, "error", err)
	}
	return secret, from.ExpireTime, nil
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
