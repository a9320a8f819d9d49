package indent

import (
	"context"
	"iter"
	"time"
)

// Token is a credential. Only the answer that made it carries the secret; a list never does.
type Token struct {
	AccessToken      string    `json:"accessToken,omitempty"`  // short-lived user token (JWT)
	RefreshToken     string    `json:"refreshToken,omitempty"` // long-lived service token (ind_…), answered once
	Scope            string    `json:"scope,omitempty"`
	ServiceAccountID string    `json:"serviceAccountId,omitempty"`
	LastUseTime      time.Time `json:"lastUseTime,omitzero"` // zero: never used
	Ended            bool      `json:"ended,omitempty"`      // revoked, or its time is up
	Meta             Meta      `json:"meta"`                 // Name is what RevokeToken takes
	CreatedBy        Resource  `json:"createdBy,omitzero"`
}

// NewToken is a token to be made; the zero value is a short-lived token of the caller.
type NewToken struct {
	ServiceAccountID string `json:"serviceAccountId,omitempty"` // set: a long-lived token of that service account
	DisplayName      string `json:"displayName,omitempty"`
	Scope            string `json:"scope,omitempty"`      // permissions, separated by blanks; default: all that the role may
	ExpiryDays       int    `json:"expiryDays,omitempty"` // 0: a service token has no end, a user token ends after an hour
}

// Tokens lists tokens without their secrets: all of the space for who manages them, else the caller's own.
func (c *Client) Tokens(ctx context.Context) iter.Seq2[Token, error] {
	return listed[Token](ctx, c, c.inSpace("/tokens"), "tokens", nil)
}

// CreateToken makes a token. Its secret is in the answer and never shown again: RefreshToken of a service account,
// AccessToken of the caller. Nobody can hand out more than they have: that is [ErrForbidden].
func (c *Client) CreateToken(ctx context.Context, n NewToken) (Token, error) {
	made, err := answered[Token](ctx, c, call{method: "POST", path: c.inSpace("/tokens"), body: n})
	if err == nil && made.AccessToken == "" && made.RefreshToken == "" {
		err = malformed("a new token has no secret")
	}
	return made, err
}

// RotateToken makes a token in the place of a service account's: it has the scope and the length of life of the old one, which
// goes on for the grace (at most a day, in whole seconds). One that has ended is [ErrConflict].
func (c *Client) RotateToken(ctx context.Context, name string, grace time.Duration) (Token, error) {
	name, err := segment("token", name)
	if err != nil {
		return Token{}, err
	}
	body := struct {
		GraceSeconds int `json:"graceSeconds"`
	}{int(grace / time.Second)}
	made, err := answered[Token](ctx, c, call{method: "POST", path: c.inSpace("/tokens/" + name + ":rotate"), body: body})
	if err == nil && made.RefreshToken == "" {
		err = malformed("a new token has no secret")
	}
	return made, err
}

// RevokeToken ends a token at once, by its name. An unknown one is [ErrNotFound], one that has ended [ErrConflict].
func (c *Client) RevokeToken(ctx context.Context, name string) error {
	name, err := segment("token", name)
	if err != nil {
		return err
	}
	return c.do(ctx, call{method: "DELETE", path: c.inSpace("/tokens/" + name)})
}

// ExchangeToken answers a short-lived token (AccessToken) for a service account's long-lived one. The client's own token
// is not sent.
func (c *Client) ExchangeToken(ctx context.Context, refreshToken string) (Token, error) {
	body := struct {
		GrantType    string `json:"grantType"`
		RefreshToken string `json:"refreshToken"`
	}{"refresh_token", refreshToken}
	made, err := answered[Token](ctx, c, call{method: "POST", path: "/v1/auth/token", body: body, anonymous: true})
	if err == nil && made.AccessToken == "" {
		err = malformed("a new token has no secret")
	}
	return made, err
}
