package approval

import "time"

// Kinds of credentials. Only their SHA-256 is stored, except of a user token, which is a signed JWT known by its
// id, and of a login, whose secrets are [RefreshToken]s.
const (
	TokenService = "service" // long-lived, of a service account
	TokenUser    = "user"    // short-lived JWT
	TokenSession = "session" // a browser's
	TokenHalf    = "half"    // a browser's that waits for its passkey: it opens nothing but the page that asks for that
	TokenLink    = "link"    // one-time sign-in link
	TokenLogin   = "login"   // a program's that a person has let in: the family of its refresh tokens
)

// TokenKinds lists every kind: whoever is suspended or leaves loses them all.
var TokenKinds = []string{TokenService, TokenUser, TokenSession, TokenHalf, TokenLink, TokenLogin}

// Token is a credential of a member: what the store keeps of it, never the secret.
type Token struct {
	Space       string
	Name        string // UUID; the jti of a user token
	Kind        string
	Hash        string // hex SHA-256 of the secret; empty for a user token
	Member      string // Member.ID
	DisplayName string
	Scopes      []Permission // nil: all that the role may
	CreatedBy   Resource
	CreateTime  time.Time
	ExpireTime  time.Time // zero: no end
	RevokeTime  time.Time // zero: valid; of a link: when it was used
	// LastUseTime is when it was last used, give or take a minute; zero: never.
	LastUseTime time.Time
}

// TokenUse says when a token was used.
type TokenUse struct {
	Space, Name string
	Time        time.Time
}

// Usable answers whether the token is neither revoked, used nor expired.
func (t Token) Usable(now time.Time) bool {
	return t.RevokeTime.IsZero() && (t.ExpireTime.IsZero() || now.Before(t.ExpireTime))
}

// resource answers the token as it appears in events: what was made or ended. The credential with which that was done is
// the event's label indent.com/token/name.
func (t Token) resource() Resource {
	return Resource{ID: t.Name, Kind: "token", DisplayName: t.DisplayName}
}

// SigningKey is an ES256 key that user tokens are signed with.
type SigningKey struct {
	ID         string // kid
	PrivatePEM string // PKCS #8
	CreateTime time.Time
	// SignTime is when it begins to sign: it is published before, so that whoever keeps the list knows it by then.
	SignTime time.Time
}
