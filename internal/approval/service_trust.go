package approval

import (
	"context"
	"slices"
	"strings"
	"time"
)

// CreateTrust lets the tokens of an issuer elsewhere stand for a service account. It hands out what a token of the account
// would, so it is for who may make one: the account's owner, with the role for it (I6, I7).
func (s *Service) CreateTrust(ctx context.Context, a Actor, t Trust) (Trust, error) {
	now := s.Clock.Now() // before the account is read: see [Service.TrustedToken]
	m, err := s.tokenHolder(ctx, a, TokenRequest{Kind: TokenService, Member: t.Account})
	if err != nil {
		return Trust{}, err
	}
	if err := t.Check(); err != nil {
		return Trust{}, err
	}
	scopes, err := narrow(a, m, t.Scopes)
	if CodeOf(err) == Forbidden {
		return Trust{}, s.refuse(ctx, a, "create trust", "", err)
	}
	if err != nil {
		return Trust{}, err
	}
	others, err := s.Store.Trusts(ctx, a.Space, m.ID)
	if err != nil {
		return Trust{}, err
	}
	if len(others) >= MaxTrusts {
		return Trust{}, Errorf(Conflict, "service account %s has %d trusts, more cannot be: remove one, or make another service account", m.ID, MaxTrusts)
	}
	t.Space, t.Name, t.Account, t.Scopes, t.CreatedBy, t.CreateTime = a.Space, s.IDs.UUID(), m.ID, scopes, a.madeBy(), now
	e := s.event(a, now, EventTrustCreate, "", []Resource{m.Resource(), t.resource()}, nil)
	return t, s.commit(ctx, Change{Space: a.Space, Writes: []Write{PutTrust{t}}, Events: []Event{e}})
}

// Trusts answers whom a service account trusts, oldest first.
func (s *Service) Trusts(ctx context.Context, a Actor, account string) ([]Trust, error) {
	m, err := s.ServiceAccount(ctx, a, account)
	if err != nil {
		return nil, err
	}
	return s.Store.Trusts(ctx, a.Space, m.ID)
}

// Trust answers one of the trusts of a service account.
func (s *Service) Trust(ctx context.Context, a Actor, account, name string) (Trust, error) {
	m, err := s.ServiceAccount(ctx, a, account)
	if err != nil {
		return Trust{}, err
	}
	return s.namedTrust(ctx, m, name)
}

// DeleteTrust ends a trust and every token that came of it. Whoever manages tokens may: it only takes away.
func (s *Service) DeleteTrust(ctx context.Context, a Actor, account, name string) error {
	if err := s.Authorize(ctx, a, ManageTokens, "delete trust"); err != nil {
		return err
	}
	_, err := again(func() (struct{}, error) { return struct{}{}, s.deleteTrust(ctx, a, account, name) })
	return err
}

func (s *Service) deleteTrust(ctx context.Context, a Actor, account, name string) error {
	m, err := s.account(ctx, a.Space, account)
	if err != nil {
		return err
	}
	t, err := s.namedTrust(ctx, m, name)
	if err != nil {
		return err
	}
	now := s.Clock.Now()
	c := Change{Space: a.Space, Writes: []Write{DeleteTrust{Name: name}},
		Events: []Event{s.event(a, now, EventTrustDelete, "", []Resource{m.Resource(), t.resource()}, nil)}}
	tokens, err := s.Store.Tokens(ctx, a.Space, m.ID, TokenUser)
	if err != nil {
		return err
	}
	for _, token := range cameOf(name, tokens) {
		if token.Usable(now) {
			c.Writes = append(c.Writes, EndToken{Name: token.Name, At: now})
		}
	}
	return s.commitRead(ctx, c)
}

// namedTrust answers one of an account's trusts.
func (s *Service) namedTrust(ctx context.Context, m Member, name string) (Trust, error) {
	trusts, err := s.Store.Trusts(ctx, m.Space, m.ID)
	if err != nil {
		return Trust{}, err
	}
	for _, t := range trusts {
		if t.Name == name {
			return t, nil
		}
	}
	return Trust{}, Errorf(NotFound, "there is no trust %.100q of service account %s", name, m.ID)
}

// cameOf answers the tokens that came of a trust, and those that were made with them, each once.
func cameOf(trust string, tokens []Token) (family []Token) {
	for _, token := range tokens {
		if token.CreatedBy.Labels[LabelTrust] == trust {
			family = append(family, descendants(token, tokens)...)
		}
	}
	slices.SortFunc(family, func(a, b Token) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(family, func(a, b Token) bool { return a.Name == b.Name })
}

// Outside is a token from outside that was checked: it is the issuer's, for the trust's audience, has not ended and says
// what the trust demands.
type Outside struct {
	Subject string
	ID      string    // its "jti", "" when it has none
	End     time.Time // when the new token ends
}

// TrustedToken stores the short-lived token of a service account that came of an outside token, named by the caller
// because a JWT carries it. An account that is suspended, or whose owner is, stands for nobody (Unauthenticated).
func (s *Service) TrustedToken(ctx context.Context, t Trust, name string, o Outside) (Token, error) {
	m, err := s.account(ctx, t.Space, t.Account)
	if CodeOf(err) == NotFound || err == nil && t.CreateTime.Before(m.CreateTime) {
		// The account was deleted and is another one now.
		return Token{}, Errorf(Unauthenticated, "the trust has ended with its service account")
	}
	if err != nil {
		return Token{}, err
	}
	a, err := s.ActorOf(ctx, m, "", t.Scopes)
	if err != nil {
		return Token{}, err
	}
	if err := s.Limits.Call(a); err != nil {
		return Token{}, err
	}
	now := s.Clock.Now()
	token := Token{Space: t.Space, Name: name, Kind: TokenUser, Member: m.ID, DisplayName: "workload", Scopes: t.Scopes,
		CreatedBy: m.Resource().withLabel(LabelTrust, t.Name), CreateTime: now, ExpireTime: o.End}
	labels := map[string]string{LabelTrust: t.Name, LabelTrustIssuer: t.Issuer, LabelTrustSubject: printable(o.Subject, MaxLabelValue-1)}
	if o.ID != "" {
		labels[LabelTrustToken] = printable(o.ID, MaxLabelValue-1)
	}
	e := s.event(a, now, EventTokenExchange, "", []Resource{m.Resource(), token.resource(), t.resource()}, labels)
	return token, s.commit(ctx, Change{Space: t.Space, Writes: []Write{PutToken{token}}, Events: []Event{e}})
}

// RefuseOutside writes to the log of a service account's space that a token of an issuer that it trusts did not fit, and
// answers why.
func (s *Service) RefuseOutside(ctx context.Context, t Trust, o Outside, why error) error {
	a := System(t.Space, "trust")
	return s.refuse(ctx, a, printable("exchange for "+t.Account+": "+t.Issuer+" "+o.Subject, MaxLabelValue-1), "", why)
}
