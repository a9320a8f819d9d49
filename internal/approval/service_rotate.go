package approval

import (
	"context"
	"slices"
	"time"
)

// MaxGrace bounds how long a token goes on after it was rotated.
const MaxGrace = 24 * time.Hour

// Rotation asks for a new token in the place of one.
type Rotation struct {
	Name  string // UUID of the new token
	Hash  string // hex SHA-256 of the new secret
	Grace time.Duration
}

// RotateToken stores a new token with the scopes and the length of life of an old one, which ends after the grace with all
// that was made with it. It is for who may make such a token: a token that has more than the actor's credential is
// Forbidden, as is the token of another person's account (I5, I6, I7). One that has ended is a Conflict.
func (s *Service) RotateToken(ctx context.Context, a Actor, name string, r Rotation) (Token, error) {
	if err := s.Authorize(ctx, a, ManageTokens, "rotate token"); err != nil {
		return Token{}, err
	}
	if r.Grace < 0 || r.Grace > MaxGrace {
		return Token{}, FieldError("grace", "must be between 0s and %s", MaxGrace)
	}
	return again(func() (Token, error) { return s.rotate(ctx, a, name, r) })
}

func (s *Service) rotate(ctx context.Context, a Actor, name string, r Rotation) (Token, error) {
	now := s.Clock.Now()
	space, err := s.Store.Space(ctx, a.Space) // before the tokens: of two rotations at once, one is decided again
	if err != nil {
		return Token{}, err
	}
	old, err := s.namedToken(ctx, a, name)
	if err != nil {
		return Token{}, err
	}
	if old.Kind != TokenService {
		return Token{}, Errorf(Conflict, "only tokens of service accounts are rotated: a user token is short-lived, make another one")
	}
	member, err := s.tokenHolder(ctx, a, TokenRequest{Kind: TokenService, Member: old.Member})
	if err == nil {
		err = s.mayRotate(ctx, a, old, now)
	}
	if err != nil {
		return Token{}, err
	}
	t := Token{Space: a.Space, Name: r.Name, Kind: TokenService, Hash: r.Hash, Member: member.ID, DisplayName: old.DisplayName,
		Scopes: old.Scopes, CreatedBy: a.madeBy(), CreateTime: now}
	if !old.ExpireTime.IsZero() {
		t.ExpireTime = now.Add(old.ExpireTime.Sub(old.CreateTime))
	}
	t.CreatedBy = t.CreatedBy.withLabel(LabelRotated, old.Name)
	c, err := s.ending(ctx, old, now, r.Grace)
	if err != nil {
		return Token{}, err
	}
	c.Writes = append(c.Writes, PutSpace{Space: space, Expect: space.Version}, PutToken{t})
	c.Events = []Event{s.event(a, now, EventTokenRotate, "the old one ends after "+r.Grace.String(), []Resource{member.Resource(), old.resource(), t.resource()}, nil)}
	return t, s.commitRead(ctx, c.Change)
}

// mayRotate refuses a token that has ended, one that has more than the actor can hand out, and one in whose place there
// is another already: what its own length of life was is no longer known.
func (s *Service) mayRotate(ctx context.Context, a Actor, old Token, now time.Time) error {
	if !old.Usable(now) {
		return Errorf(Conflict, "the token has ended: make a new one")
	}
	if !a.coversScopes(old.Scopes) {
		return s.refuse(ctx, a, "rotate token", "", Errorf(Forbidden, "the token has more than yours, so you cannot make another like it: use a token without a scope"))
	}
	others, err := s.Store.Tokens(ctx, a.Space, old.Member, TokenService)
	if slices.ContainsFunc(others, func(t Token) bool { return t.CreatedBy.Labels[LabelRotated] == old.Name }) {
		return Errorf(Conflict, "the token was rotated before: rotate the one that came in its place")
	}
	return err
}

// ending is the change by which tokens end, and which those are.
type ending struct {
	Change
	ended []Token
}

// ending answers the change by which a token and all that was made with it end after the grace.
func (s *Service) ending(ctx context.Context, t Token, now time.Time, grace time.Duration) (ending, error) {
	others, err := s.Store.Tokens(ctx, t.Space, t.Member, TokenUser)
	c := ending{Change: Change{Space: t.Space}}
	for _, t := range descendants(t, others) {
		if t.RevokeTime.IsZero() {
			c.ended = append(c.ended, t)
		}
		switch {
		case !t.RevokeTime.IsZero():
		case grace == 0:
			c.Writes = append(c.Writes, EndToken{Name: t.Name, At: now})
		default:
			c.Writes = append(c.Writes, ShortenToken{Name: t.Name, End: now.Add(grace)})
		}
	}
	return c, err
}

// namedToken answers a token that the actor may know of: a link or another's, for who does not manage tokens, is NotFound.
func (s *Service) namedToken(ctx context.Context, a Actor, name string) (Token, error) {
	missing := Errorf(NotFound, "there is no token %.100q", name)
	if checkName("token", name) != nil {
		return Token{}, missing
	}
	t, err := s.Store.Token(ctx, a.Space, name)
	switch {
	case err == nil && t.Kind == TokenLink:
		err = missing
	case err == nil && t.Member != a.ID && !a.Can(ManageTokens): // it looks like none, but the attempt is in the log
		err = s.refuse(ctx, a, "change token", "", missing)
	}
	return t, err
}

// madeBy answers the actor as what it makes names its maker: with the credential that it used.
func (a Actor) madeBy() Resource {
	if a.TokenName == "" {
		return a.Resource()
	}
	return a.Resource().withLabel(LabelToken, a.TokenName)
}
