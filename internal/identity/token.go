package identity

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/indent-approvals/indent/internal/approval"
)

// maxBearer bounds what is looked at as a token.
const maxBearer = 4096

// Made is a new credential: what is stored of it, and its secret, which is never shown again.
type Made struct {
	Token  approval.Token
	Secret string
}

// userClaims are the claims of a user token besides the registered ones.
type userClaims struct {
	Space string `json:"space"`
	Scope string `json:"scope,omitempty"` // for people and clients; what counts is the stored token
}

// Authenticate answers whom a bearer token stands for: a service token or a user token. It is Unauthenticated for
// anything else, with a message that says what to do and does not tell an unknown secret from one that has ended.
func (i *Identity) Authenticate(ctx context.Context, bearer string) (approval.Actor, error) {
	switch {
	case bearer == "":
		return approval.Actor{}, approval.Errorf(approval.Unauthenticated, "the call has no token: send Authorization: Bearer <token>; get one from the page /api-keys")
	case len(bearer) > maxBearer:
		return approval.Actor{}, malformed()
	case strings.HasPrefix(bearer, prefix):
		return i.cached(ctx, approval.TokenService, bearer, func(ctx context.Context) (approval.Actor, time.Time, error) {
			if !wellFormed(bearer) {
				return approval.Actor{}, time.Time{}, malformed()
			}
			return i.byHash(ctx, approval.TokenService, bearer)
		})
	}
	return i.cached(ctx, approval.TokenUser, bearer, func(ctx context.Context) (approval.Actor, time.Time, error) { return i.byJWT(ctx, bearer) })
}

func malformed() error {
	return approval.Errorf(approval.Unauthenticated, "the token is malformed: copy it again, whole")
}

func ended() error {
	return approval.Errorf(approval.Unauthenticated, "the token is not valid: it is unknown, revoked or expired; get a new one from the page /api-keys")
}

// byHash answers whom a stored secret stands for, and when it ends by itself.
func (i *Identity) byHash(ctx context.Context, kind, secret string) (approval.Actor, time.Time, error) {
	t, err := i.stored(ctx, kind, secret)
	if err == nil && !t.Usable(i.clock.Now()) {
		err = ended()
	}
	if err != nil {
		return approval.Actor{}, time.Time{}, err
	}
	a, err := i.whole(ctx, t)
	return a, t.ExpireTime, err
}

// stored answers the token whose secret this is, used up or not.
func (i *Identity) stored(ctx context.Context, kind, secret string) (approval.Token, error) {
	h := hash(secret)
	t, err := i.store.TokenByHash(ctx, kind, h)
	if approval.CodeOf(err) == approval.NotFound || err == nil && !sameText(t.Hash, h) {
		return approval.Token{}, ended()
	}
	return t, err
}

// byJWT checks a user token: the algorithm is pinned (RFC 8725, 3.1), the signature is this server's, issuer and times
// hold, and the credential that it names by "jti" has not ended.
func (i *Identity) byJWT(ctx context.Context, bearer string) (approval.Actor, time.Time, error) {
	none := time.Time{}
	registered, custom, err := i.verify(ctx, bearer)
	if err != nil {
		return approval.Actor{}, none, err
	}
	t, err := i.store.Token(ctx, custom.Space, registered.ID)
	if approval.CodeOf(err) == approval.NotFound {
		return approval.Actor{}, none, ended()
	}
	if err != nil {
		return approval.Actor{}, none, err
	}
	fits := t.Kind == approval.TokenUser || t.Kind == approval.TokenService || t.Kind == approval.TokenLogin
	if !fits || t.Member != registered.Subject || !t.Usable(i.clock.Now()) {
		return approval.Actor{}, none, ended()
	}
	a, err := i.whole(ctx, t)
	return a, registered.Expiry.Time(), err
}

func (i *Identity) verify(ctx context.Context, bearer string) (registered jwt.Claims, custom userClaims, err error) {
	token, err := jwt.ParseSigned(bearer, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || len(token.Headers) != 1 {
		return registered, custom, malformed()
	}
	key, err := i.keys.public(ctx, token.Headers[0].KeyID)
	if err != nil {
		return registered, custom, err
	}
	if err := token.Claims(key, &registered, &custom); errors.Is(err, jose.ErrCryptoFailure) {
		return registered, custom, foreign()
	} else if err != nil {
		return registered, custom, malformed()
	}
	now := i.clock.Now()
	if registered.Expiry == nil || registered.IssuedAt == nil || !now.Before(registered.Expiry.Time()) {
		return registered, custom, approval.Errorf(approval.Unauthenticated, "the token has expired: get a new one from the page /api-keys, or exchange a service token")
	}
	if registered.ValidateWithLeeway(jwt.Expected{Issuer: i.Issuer(), Time: now}, time.Minute) != nil {
		return registered, custom, approval.Errorf(approval.Unauthenticated, "the token was made by or for another server, or is not valid yet: get a new one from the page /api-keys")
	}
	return registered, custom, nil
}

// CreateServiceToken makes a long-lived token of a service account; the zero expire means without end.
func (i *Identity) CreateServiceToken(ctx context.Context, a approval.Actor, account, displayName string, scopes []approval.Permission, expire time.Time) (Made, error) {
	secret := serviceToken(i.ids.Secret(randomLength))
	t, err := i.service.IssueToken(ctx, a, approval.TokenRequest{Kind: approval.TokenService, Name: i.ids.UUID(), Member: account,
		DisplayName: displayName, Scopes: scopes, Hash: hash(secret), ExpireTime: expire})
	if err != nil {
		return Made{}, err
	}
	return Made{t, secret}, nil
}

// CreateUserToken makes a short-lived JWT that acts as the actor.
func (i *Identity) CreateUserToken(ctx context.Context, a approval.Actor, displayName string, scopes []approval.Permission) (Made, error) {
	t, err := i.service.IssueToken(ctx, a, approval.TokenRequest{Kind: approval.TokenUser, Name: i.ids.UUID(), Member: a.ID,
		DisplayName: displayName, Scopes: scopes, ExpireTime: i.clock.Now().Add(i.TokenTTL)})
	if err != nil {
		return Made{}, err
	}
	secret, err := i.sign(ctx, t, t.ExpireTime)
	return Made{t, secret}, err
}

// MintUserToken is CreateUserToken for a page: the secret and when it ends.
func (i *Identity) MintUserToken(ctx context.Context, a approval.Actor, displayName string) (secret string, end time.Time, err error) {
	made, err := i.CreateUserToken(ctx, a, displayName, nil)
	return made.Secret, made.Token.ExpireTime, err
}

// Exchange answers a short-lived JWT for a service token. The JWT names the service token, so that both end together.
func (i *Identity) Exchange(ctx context.Context, refreshToken string) (Made, error) {
	if !wellFormed(refreshToken) {
		return Made{}, malformed()
	}
	a, _, err := i.byHash(ctx, approval.TokenService, refreshToken)
	if err != nil {
		return Made{}, err
	}
	t, err := i.store.Token(ctx, a.Space, a.TokenName)
	if err != nil {
		return Made{}, err
	}
	end := i.clock.Now().Add(i.TokenTTL)
	if !t.ExpireTime.IsZero() && t.ExpireTime.Before(end) {
		end = t.ExpireTime
	}
	if err := i.service.RecordExchange(ctx, a); err != nil {
		return Made{}, err
	}
	secret, err := i.sign(ctx, t, end)
	t.ExpireTime = end
	return Made{t, secret}, err
}

// RotateToken makes a token in the place of one of a service account, which goes on for the grace.
func (i *Identity) RotateToken(ctx context.Context, a approval.Actor, name string, grace time.Duration) (Made, error) {
	secret := serviceToken(i.ids.Secret(randomLength))
	t, err := i.service.RotateToken(ctx, a, name, approval.Rotation{Name: i.ids.UUID(), Hash: hash(secret), Grace: grace})
	if err != nil {
		return Made{}, err
	}
	return Made{t, secret}, nil
}

// RevokeToken ends a token, on this node at once.
func (i *Identity) RevokeToken(ctx context.Context, a approval.Actor, name string) error {
	defer i.Forget()
	return i.service.RevokeToken(ctx, a, name)
}

func (i *Identity) sign(ctx context.Context, t approval.Token, end time.Time) (string, error) {
	// A key that could not be read again signs nothing that is believed if it is gone; what was used up for this token is not lost.
	_ = i.keys.fresh(ctx)
	key := i.keys.signing()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key.private, KeyID: key.id}},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", approval.Wrap(approval.Internal, err, "the token cannot be signed")
	}
	text, err := jwt.Signed(signer).Claims(jwt.Claims{Issuer: i.Issuer(), Subject: t.Member, ID: t.Name,
		IssuedAt: jwt.NewNumericDate(i.clock.Now()), Expiry: jwt.NewNumericDate(end)}).
		Claims(userClaims{Space: t.Space, Scope: ScopeText(t.Scopes)}).Serialize()
	if err != nil {
		return "", approval.Wrap(approval.Internal, err, "the token cannot be signed")
	}
	return text, nil
}

// ScopeText writes scopes as one text, separated by spaces (RFC 6749, 3.3).
func ScopeText(scopes []approval.Permission) string {
	words := make([]string, len(scopes))
	for i, p := range scopes {
		words[i] = string(p)
	}
	return strings.Join(words, " ")
}

// ParseScope reads what ScopeText wrote; an empty text is no bound at all.
func ParseScope(text string) []approval.Permission {
	var scopes []approval.Permission
	for word := range strings.FieldsSeq(text) {
		scopes = append(scopes, approval.Permission(word))
	}
	return scopes
}
