package approval

import (
	"context"
	"time"
)

// OpenLogin stores that a program asks to be let in (RFC 8628, 3.1). Anybody may ask, so nothing is logged before a person
// answers, and one address may have [MaxOpenLogins] open.
func (s *Service) OpenLogin(ctx context.Context, l Login) (Login, error) {
	if err := l.Check(); err != nil {
		return Login{}, err
	}
	now := s.Clock.Now()
	l.State, l.CreateTime, l.ExpireTime = LoginOpen, now, now.Add(LoginTTL)
	err := s.Store.OpenLogin(ctx, l, MaxOpenLogins)
	if CodeOf(err) == TooMany {
		e := Errorf(TooMany, "%d programs of your network address wait to be let in already: wait a few minutes", MaxOpenLogins)
		e.RetryAfter, err = time.Minute, e
	}
	return l, err
}

// AskedLogin answers the open login whose code the person has entered, as it would be allowed. It changes nothing. Wrong
// codes are in the log; how many may be tried the page bounds.
func (s *Service) AskedLogin(ctx context.Context, a Actor, userHash string) (Login, error) {
	if err := s.mayLetIn(ctx, a); err != nil {
		return Login{}, err
	}
	l, err := s.Store.LoginByUserHash(ctx, userHash)
	switch {
	case CodeOf(err) == NotFound, err == nil && (l.State != LoginOpen || !s.Clock.Now().Before(l.ExpireTime)):
		return Login{}, s.refuse(ctx, a, "enter a code", "", Errorf(Expired, "no program waits with this code: it is mistyped, was used, or is older than ten minutes. Compare it once more, or begin again where you got it"))
	case err != nil:
		return Login{}, err
	}
	return s.ofActor(ctx, a, l)
}

// mayLetIn answers nil for a person: a program lets no program in.
func (s *Service) mayLetIn(ctx context.Context, a Actor) error {
	if err := s.Authorize(ctx, a, ManageOwnTokens, "let a program in"); err != nil {
		return err
	}
	if a.Kind != KindUser {
		return s.refuse(ctx, a, "let a program in", "", Errorf(Forbidden, "only a person lets a program in"))
	}
	return nil
}

// ofActor answers the login as the actor may allow it: in its own space, with no scope that it lacks (I7).
func (s *Service) ofActor(ctx context.Context, a Actor, l Login) (Login, error) {
	if l.AskedSpace != "" && l.AskedSpace != a.Space {
		return Login{}, s.refuse(ctx, a, "let a program in", "", Errorf(Forbidden, "the program asks for the space %s, and you are signed in to %s: sign in there first", l.AskedSpace, a.Space))
	}
	given, err := grantable(a, l.Scopes)
	if err != nil {
		return Login{}, s.refuse(ctx, a, "let a program in", "", err)
	}
	l.Space, l.Member, l.Scopes, l.Session = a.Space, a.ID, given, a.TokenName
	return l, nil
}

// AnswerLogin lets the program in, or does not, as the person says who has entered its code. The first answer counts.
func (s *Service) AnswerLogin(ctx context.Context, a Actor, userHash string, allow bool) (Login, error) {
	l, err := s.AskedLogin(ctx, a, userHash)
	if err != nil {
		return Login{}, err
	}
	event := EventDeviceRefuse
	if l.State = LoginRefused; allow {
		l.State, event = LoginAllowed, EventDeviceAllow
	}
	e := s.event(a, s.Clock.Now(), event, "", []Resource{l.resource()}, nil)
	err = s.commit(ctx, Change{Space: a.Space, Writes: []Write{AnswerLogin{l}}, Events: []Event{e}})
	if CodeOf(err) == Conflict {
		err = Errorf(Conflict, "the program was answered before: begin again where you got the code if it was not you")
	}
	return l, err
}

// CheckBrowserLogin answers a login that began in the person's browser as it would be allowed. It changes nothing.
func (s *Service) CheckBrowserLogin(ctx context.Context, a Actor, l Login) (Login, error) {
	if err := s.mayLetIn(ctx, a); err != nil {
		return Login{}, err
	}
	if err := l.Check(); err != nil {
		return Login{}, err
	}
	return s.ofActor(ctx, a, l)
}

// AllowBrowserLogin stores that the person lets the program in; l.Hash is of the code that its browser carries back.
func (s *Service) AllowBrowserLogin(ctx context.Context, a Actor, l Login) (Login, error) {
	l, err := s.CheckBrowserLogin(ctx, a, l)
	if err != nil {
		return Login{}, err
	}
	now := s.Clock.Now()
	l.State, l.CreateTime, l.ExpireTime = LoginAllowed, now, now.Add(LoginCodeTTL)
	e := s.event(a, now, EventLoginAllow, "", []Resource{l.resource()}, nil)
	return l, s.commit(ctx, Change{Space: a.Space, Writes: []Write{PutLogin{l}}, Events: []Event{e}})
}

// RefuseBrowserLogin writes to the log that the person did not.
func (s *Service) RefuseBrowserLogin(ctx context.Context, a Actor, l Login) error {
	if err := l.Check(); err != nil {
		return err
	}
	e := s.event(a, s.Clock.Now(), EventLoginRefuse, l.Title(), nil, nil)
	return s.commit(ctx, Change{Space: a.Space, Events: []Event{e}})
}

// The words of OAuth for what is wrong with a request for a token.
const (
	GrantPending  = "authorization_pending"
	GrantSlowDown = "slow_down"
	GrantExpired  = "expired_token"
	GrantDenied   = "access_denied"
	GrantInvalid  = "invalid_grant"
)

// grantError is an error that a client of OAuth understands, too: whatever is wrong, it is 400 there (RFC 6749, 5.2).
func grantError(grant, format string, args ...any) *Error {
	e := Errorf(Invalid, format, args...)
	e.Grant = grant
	return e
}

// FetchedLogin answers the login of a device code when a person has allowed it, and otherwise why not (RFC 8628, 3.5).
func (s *Service) FetchedLogin(ctx context.Context, hash string) (Login, error) {
	l, err := s.Store.Login(ctx, hash)
	if CodeOf(err) == NotFound || err == nil && l.UserHash == "" {
		return Login{}, grantError(GrantInvalid, "there is no such device code: begin again")
	}
	if err != nil {
		return Login{}, err
	}
	now := s.Clock.Now()
	switch {
	case l.State == LoginUsed:
		return Login{}, grantError(GrantInvalid, "the device code was used: begin again")
	case l.State == LoginRefused:
		return Login{}, grantError(GrantDenied, "the person has refused")
	case !now.Before(l.ExpireTime):
		return Login{}, grantError(GrantExpired, "nobody has entered the code within ten minutes: begin again")
	case l.State == LoginAllowed:
		return l, nil
	case s.polls.early(hash, now):
		e := grantError(GrantSlowDown, "you ask too often: wait %s longer between two questions", LoginInterval)
		e.RetryAfter = 2 * LoginInterval
		return Login{}, e
	}
	e := grantError(GrantPending, "nobody has answered yet: ask again in %s", LoginInterval)
	e.RetryAfter = LoginInterval
	return Login{}, e
}

// CodeLogin answers the login of a code that a browser has carried back; who shows the code must prove by challenge and
// redirect that it began the login (RFC 7636, 4.6). A code that comes again, or with a wrong proof, is used up, and the
// tokens that were fetched with it end (RFC 6749, 4.1.2).
func (s *Service) CodeLogin(ctx context.Context, hash, challenge, redirect string) (Login, error) {
	none := grantError(GrantInvalid, "the code is wrong, was used, or is older than a minute: begin again")
	l, err := s.Store.Login(ctx, hash)
	if CodeOf(err) == NotFound || err == nil && l.UserHash != "" {
		return Login{}, none
	}
	if err != nil {
		return Login{}, err
	}
	a := Actor{Space: l.Space, ID: l.Member, Kind: KindUser}
	if l.State == LoginUsed {
		return Login{}, s.endTwice(ctx, a, l, none)
	}
	if !s.Clock.Now().Before(l.ExpireTime) {
		return Login{}, none
	}
	if !sameSecret(l.Challenge, challenge) || !sameSecret(l.Redirect, redirect) {
		e := s.event(a, s.Clock.Now(), EventRefused, "a code was shown by who had not begun the login", []Resource{l.resource()}, map[string]string{LabelRefusedCode: string(Unauthenticated), LabelRefusedAction: "fetch tokens"})
		if err := s.commit(ctx, Change{Space: l.Space, Writes: []Write{UseLogin{l.Hash}}, Events: []Event{e}}); err != nil && CodeOf(err) != Conflict {
			return Login{}, err
		}
		return Login{}, none
	}
	return l, nil
}

// StartLogin uses up an allowed login and stores what it gives: a family and its first refresh token. Of many who fetch
// at once, one gets them.
func (s *Service) StartLogin(ctx context.Context, l Login, family Token, first RefreshToken) (Token, error) {
	m, err := s.Store.Member(ctx, l.Space, l.Member)
	if err != nil && CodeOf(err) != NotFound {
		return Token{}, err
	}
	gone := grantError(GrantDenied, "who has let the program in is not a member of %s any more", l.Space)
	if err != nil {
		return Token{}, gone
	}
	a, err := s.ActorOf(ctx, m, family.Name, l.Scopes)
	if CodeOf(err) == Unauthenticated {
		return Token{}, gone
	}
	if err != nil {
		return Token{}, err
	}
	family.Space, family.Kind, family.Member, family.Scopes, family.DisplayName = l.Space, TokenLogin, l.Member, l.Scopes, l.Title()
	family.CreateTime = s.Clock.Now()
	if family.CreatedBy, err = s.allowedBy(ctx, m, l); err != nil {
		return Token{}, err
	}
	if err := firstError(s.Limits.Call(a), s.Complete(a, family)); CodeOf(err) == Unauthenticated {
		return Token{}, grantError(GrantDenied, "%s", err.Error())
	} else if err != nil {
		return Token{}, err
	}
	first.Space, first.Family, first.CreateTime = l.Space, family.Name, family.CreateTime
	e := s.event(a, family.CreateTime, EventTokenCreate, "", []Resource{m.Resource(), family.resource(), l.resource()}, nil)
	err = s.commit(ctx, Change{Space: l.Space, Events: []Event{e}, Writes: []Write{UseLogin{l.Hash}, PutToken{family}, PutRefreshToken{first}}})
	if CodeOf(err) == Conflict {
		err = grantError(GrantInvalid, "the code was used: begin again")
	}
	return family, err
}

// allowedBy answers a login's member as who made it, with the session in which that was, and what was proved in it.
func (s *Service) allowedBy(ctx context.Context, m Member, l Login) (Resource, error) {
	by := m.Resource().withLabel(LabelLogin, l.resource().ID)
	if l.Session == "" {
		return by, nil
	}
	session, err := s.Store.Token(ctx, l.Space, l.Session)
	if CodeOf(err) == NotFound {
		return by, nil
	}
	return by.withLabel(LabelLoginSession, l.Session).provedWith(session), err
}

// endTwice ends what a code gave that has come a second time: one of the two who showed it has stolen it.
func (s *Service) endTwice(ctx context.Context, a Actor, l Login, why error) error {
	families, err := s.Store.Tokens(ctx, l.Space, l.Member, TokenLogin)
	if err != nil {
		return err
	}
	for _, t := range families {
		if t.CreatedBy.Labels[LabelLogin] == l.resource().ID && t.RevokeTime.IsZero() {
			if err := s.endFamily(ctx, System(a.Space, "login"), t, EventTokenReuse, "the code of this login was shown a second time"); err != nil {
				return err
			}
		}
	}
	return why
}
