package approval

import (
	"context"
	"slices"
	"time"
)

// TokenRequest asks for a credential; identity has made the secret and sends its hash.
type TokenRequest struct {
	Kind        string // TokenService or TokenUser
	Name        string // UUID; made by the caller because a JWT carries it
	Member      string
	DisplayName string
	Scopes      []Permission // nil: all that the role may
	Hash        string       // hex SHA-256; empty for a user token
	ExpireTime  time.Time
}

// IssueToken stores a credential for the actor itself (TokenUser) or for a service account (TokenService). A token
// never has more than its maker (I7): a service account above the maker's role, or a scope that the maker's own
// credential lacks, is Forbidden. So is the service account of another person: who holds its token acts as that person
// where persons are counted, and would so approve what they asked for themselves (I5, I6).
func (s *Service) IssueToken(ctx context.Context, a Actor, r TokenRequest) (Token, error) {
	now := s.Clock.Now() // before the holder is read: see [Service.ActorOf]
	member, err := s.tokenHolder(ctx, a, r)
	if err != nil {
		return Token{}, err
	}
	if err := checkLine("displayName", r.DisplayName, MaxDisplayName); err != nil {
		return Token{}, err
	}
	r, by, err := s.bounded(ctx, a, r)
	if err != nil {
		return Token{}, err
	}
	scopes, err := narrow(a, member, r.Scopes)
	if CodeOf(err) == Forbidden {
		return Token{}, s.refuse(ctx, a, "create token", "", err)
	}
	if err != nil {
		return Token{}, err
	}
	t := Token{Space: a.Space, Name: r.Name, Kind: r.Kind, Hash: r.Hash, Member: member.ID, DisplayName: r.DisplayName, Scopes: scopes,
		CreatedBy: by, CreateTime: now, ExpireTime: r.ExpireTime}
	if err := s.Complete(member.Actor("", nil), t); err != nil {
		return Token{}, s.refuse(ctx, a, "create token", "", err)
	}
	e := s.event(a, now, EventTokenCreate, "", []Resource{member.Resource(), t.resource()}, nil)
	return t, s.commit(ctx, Change{Space: a.Space, Writes: []Write{PutToken{t}}, Events: []Event{e}})
}

// bounded answers the request with an end that is not behind that of the credential which makes it: a short-lived token
// that leaked must not be able to renew itself for ever. by is who makes it, with what was proved by that credential.
func (s *Service) bounded(ctx context.Context, a Actor, r TokenRequest) (bounded TokenRequest, by Resource, err error) {
	by = a.madeBy()
	if r.Kind != TokenUser || a.TokenName == "" {
		return r, by, nil
	}
	maker, err := s.Store.Token(ctx, a.Space, a.TokenName)
	if err != nil {
		return r, by, err
	}
	if !maker.ExpireTime.IsZero() && (r.ExpireTime.IsZero() || maker.ExpireTime.Before(r.ExpireTime)) {
		r.ExpireTime = maker.ExpireTime
	}
	return r, by.provedWith(maker), nil
}

// tokenHolder answers whose credential it will be, after asking whether the actor may make it.
func (s *Service) tokenHolder(ctx context.Context, a Actor, r TokenRequest) (Member, error) {
	if r.Kind == TokenUser {
		if err := s.Authorize(ctx, a, ManageOwnTokens, "create own token"); err != nil {
			return Member{}, err
		}
		if r.Member != a.ID {
			return Member{}, s.refuse(ctx, a, "create token", "", Errorf(Forbidden, "a user token can only be made by the user itself"))
		}
		return s.Store.Member(ctx, a.Space, a.ID)
	}
	if err := s.Authorize(ctx, a, ManageTokens, "create token of service account "+r.Member); err != nil {
		return Member{}, err
	}
	if checkName("serviceAccountId", r.Member) != nil {
		return Member{}, Errorf(NotFound, "there is no service account %.100q in %s", r.Member, a.Space)
	}
	m, err := s.Store.Member(ctx, a.Space, r.Member)
	switch {
	case err != nil:
	case m.Kind != KindServiceAccount:
		err = FieldError("serviceAccountId", "%q is not a service account", r.Member)
	case m.Suspended:
		err = Errorf(NotFound, "there is no service account %.100q in %s", r.Member, a.Space)
	case !a.Owns(m):
		err = s.refuse(ctx, a, "create token", "", Errorf(Forbidden, "service account %s belongs to %s, who alone makes its tokens: make a service account of your own", m.ID, m.Person))
	case !a.Role.Covers(m.Role):
		err = s.refuse(ctx, a, "create token", "", Errorf(Forbidden, "service account %s has the role %q, more than yours: ask an owner of the space for that role", m.ID, m.Role))
	}
	return m, err
}

// Owns answers whether a service account is the actor's own. What else the person is called does not count: that is in the
// directory, and whoever writes it must not make another's account their own by it.
func (a Actor) Owns(m Member) bool { return a.Address != "" && m.Person == a.Address }

// ActorOf answers whom a member's credential stands for now. A service account is never more than the person who owns
// it (I7): it has at most the owner's role, and when the owner is suspended or gone it stands for nobody.
func (s *Service) ActorOf(ctx context.Context, m Member, token string, scopes []Permission) (Actor, error) {
	if m.Suspended {
		return Actor{}, Errorf(Unauthenticated, "%s is suspended in %s: ask an owner of the space", m.ID, m.Space)
	}
	space, err := s.Store.Space(ctx, m.Space)
	if CodeOf(err) == NotFound || err == nil && !space.DeleteTime.IsZero() {
		return Actor{}, Errorf(Unauthenticated, "the space %s was deleted: ask the server's operator, who can bring it back (`indent admin space restore`)", m.Space)
	}
	if err != nil {
		return Actor{}, err
	}
	who, err := s.personOf(ctx, m)
	if err != nil {
		return Actor{}, err
	}
	a := m.Actor(token, scopes)
	a.Person, a.Names, a.Unclear = who.id, who.names, who.unclear
	if m.Kind != KindServiceAccount {
		return a, nil
	}
	owner, err := s.Store.Member(ctx, m.Space, m.Person)
	switch {
	case CodeOf(err) == NotFound:
		return Actor{}, Errorf(Unauthenticated, "service account %s stands for nobody: %s, who owns it, is not a member of %s any more; make another one", m.ID, m.Person, m.Space)
	case err != nil:
		return Actor{}, err
	case owner.Suspended:
		return Actor{}, Errorf(Unauthenticated, "service account %s stands for nobody: %s, who owns it, is suspended in %s; ask an owner of the space", m.ID, m.Person, m.Space)
	}
	return a.within(owner.Role), nil
}

// within answers the actor with the role of its owner, unless that covers its own, and then with no permission that its
// own role lacks: an Auditor's account is no Petition Admin, and no more than one either.
func (a Actor) within(owner Role) Actor {
	if owner.Covers(a.Role) {
		return a
	}
	own := a
	a.Role = owner
	if !own.Role.Covers(owner) {
		a.Scopes = slices.DeleteFunc(slices.Clone(Permissions), func(p Permission) bool { return !own.Can(p) })
	}
	return a
}

// RecordExchange writes to the log that the actor's long-lived token was exchanged for a short-lived one, which names it
// and so ends with it.
func (s *Service) RecordExchange(ctx context.Context, a Actor) error {
	if err := s.Limits.Call(a); err != nil {
		return err
	}
	e := s.event(a, s.Clock.Now(), EventTokenExchange, "", nil, nil)
	return s.commit(ctx, Change{Space: a.Space, Events: []Event{e}})
}

// Tokens answers the space's service and user tokens and logins, newest first: all for who manages them, else the actor's own.
func (s *Service) Tokens(ctx context.Context, a Actor) ([]Token, error) {
	member := ""
	if !a.Can(ManageTokens) && !a.Can(ReadTokens) {
		if err := s.Authorize(ctx, a, ManageOwnTokens, "list tokens"); err != nil {
			return nil, err
		}
		member = a.ID
	}
	return s.Store.Tokens(ctx, a.Space, member, TokenService, TokenUser, TokenLogin)
}

// RevokeToken ends a token: any for who manages them, else the actor's own; another one is NotFound, and one that has
// ended before is a Conflict.
func (s *Service) RevokeToken(ctx context.Context, a Actor, name string) error {
	if !a.Can(ManageTokens) {
		if err := s.Authorize(ctx, a, ManageOwnTokens, "revoke token"); err != nil {
			return err
		}
	}
	_, err := again(func() (struct{}, error) {
		t, err := s.namedToken(ctx, a, name)
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, s.revoke(ctx, a, t)
	})
	return err
}

// revoke ends the token and every user token that was made with it, or with one of those: who has found a lost token
// and ends it has ended all that came of it.
func (s *Service) revoke(ctx context.Context, a Actor, t Token) error {
	if !t.RevokeTime.IsZero() {
		return Errorf(Conflict, "the token was used or revoked before")
	}
	now := s.Clock.Now()
	c, err := s.ending(ctx, t, now, 0)
	if err != nil {
		return err
	}
	var ended []Resource
	for _, t := range c.ended {
		ended = append(ended, t.resource())
	}
	c.Events = []Event{s.event(a, now, EventTokenRevoke, "", ended, nil)}
	return s.commitRead(ctx, c.Change)
}

// descendants answers t and those of the others that were made with it, or with one of those; of a session also the logins
// that were allowed in it.
func descendants(t Token, others []Token) []Token {
	family := []Token{t}
	for i := 0; i < len(family); i++ {
		for _, o := range others {
			made := o.CreatedBy.Labels[LabelToken] == family[i].Name || o.CreatedBy.Labels[LabelLoginSession] == family[i].Name
			if o.Name != t.Name && made {
				family = append(family, o)
			}
		}
	}
	return family
}

func (s *Service) endToken(ctx context.Context, a Actor, t Token, event string) error {
	e := s.event(a, s.Clock.Now(), event, "", []Resource{t.resource()}, nil)
	return s.commit(ctx, Change{Space: t.Space, Writes: []Write{EndToken{Name: t.Name, At: s.Clock.Now()}}, Events: []Event{e}})
}

// CreateLink stores a one-time sign-in link for a member. It is for the server's operator, who acts as System. For who would
// not get in with it - suspended, no person, in a deleted space - it is a Conflict or NotFound.
func (s *Service) CreateLink(ctx context.Context, operator Actor, t Token) error {
	if _, err := s.spaceInUse(ctx, operator.Space); err != nil {
		return err
	}
	m, err := s.Store.Member(ctx, operator.Space, t.Member)
	if err != nil {
		return err
	}
	if err := signsIn(m); err != nil {
		return err
	}
	t.Space, t.Kind, t.CreatedBy, t.CreateTime = operator.Space, TokenLink, operator.Resource(), s.Clock.Now()
	e := s.event(operator, s.Clock.Now(), EventLinkCreate, "", []Resource{m.Resource(), t.resource()}, nil)
	return s.commit(ctx, Change{Space: t.Space, Writes: []Write{PutToken{t}}, Events: []Event{e}})
}

// signsIn refuses (Conflict) a member whom no sign-in lets in.
func signsIn(m Member) error {
	switch {
	case m.Kind != KindUser:
		return Errorf(Conflict, "%s is a service account, and only people sign in: make it a token instead", m.ID)
	case m.Suspended:
		return Errorf(Conflict, "%s is suspended in %s: an owner of the space lets them in again first (indent member resume)", m.ID, m.Space)
	}
	return nil
}
