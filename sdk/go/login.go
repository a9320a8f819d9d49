package indent

import (
	"context"
	"time"
)

// Logins speaks with a server before anybody is signed in: it lets a person allow a program to act for them, and renews and
// ends what came of it. It is for tools that have users; a service has a token of a service account instead.
type Logins struct{ c *Client }

// NewLogins answers one for the server at o.URL (INDENT_API_URL); space and token are not looked at. Nothing is sent, and
// nothing that is sent later is sent twice.
func NewLogins(o Options) (*Logins, error) {
	o.Space, o.Token, o.TokenSource = "-", "", func(context.Context) (string, error) { return "", nil }
	s, err := readSettings(o, machine())
	if err != nil {
		return nil, err
	}
	o.Retries = -1
	return &Logins{newClient(o, s)}, nil
}

// URL answers the server's address, without a slash at its end.
func (l *Logins) URL() string { return l.c.URL() }

// LoginRequest is what a program says of itself; the person is shown it.
type LoginRequest struct {
	Client string `json:"client"`          // what it is called
	Host   string `json:"host,omitempty"`  // the machine that it runs on
	Space  string `json:"space,omitempty"` // the one space that it wants, else that of the person's session
	Scope  string `json:"scope,omitempty"` // permissions, separated by blanks; default: all that the person has
}

// DeviceCode is what the program shows to the person, and what it fetches the tokens with.
type DeviceCode struct {
	DeviceCode              string `json:"deviceCode"`
	UserCode                string `json:"userCode"`
	VerificationURI         string `json:"verificationUri"`
	VerificationURIComplete string `json:"verificationUriComplete"`
	ExpiresIn               int    `json:"expiresIn"` // seconds
	Interval                int    `json:"interval"`  // seconds
}

// Open asks the server for codes (RFC 8628).
func (l *Logins) Open(ctx context.Context, r LoginRequest) (DeviceCode, error) {
	made, err := answered[DeviceCode](ctx, l.c, call{method: "POST", path: "/v1/auth/device", body: r, anonymous: true})
	if err == nil && (made.DeviceCode == "" || made.UserCode == "" || made.VerificationURI == "") {
		err = malformed("there is no code in it")
	}
	return made, err
}

// The words in [Error.Grant] of [Logins.DeviceTokens]: ask again, ask less often, it is over.
const (
	GrantPending  = "authorization_pending"
	GrantSlowDown = "slow_down"
	GrantExpired  = "expired_token"
	GrantDenied   = "access_denied"
	GrantInvalid  = "invalid_grant"
)

// DeviceTokens asks once for the tokens of a device code. Until a person has answered it is an [*Error] whose Grant says
// so; [Logins.Wait] asks until then.
func (l *Logins) DeviceTokens(ctx context.Context, deviceCode string) (Token, error) {
	return l.tokens(ctx, tokenRequest{GrantType: "urn:ietf:params:oauth:grant-type:device_code", DeviceCode: deviceCode})
}

// Wait asks for the tokens of a device code, as often as the server allows, until the person has answered or the code is
// too old. A server that cannot be reached meanwhile is asked again.
func (l *Logins) Wait(ctx context.Context, code DeviceCode) (Token, error) {
	interval := time.Duration(max(code.Interval, 1)) * time.Second
	for {
		if err := l.c.sleep(ctx, interval); err != nil {
			return Token{}, err
		}
		made, err := l.DeviceTokens(ctx, code.DeviceCode)
		e, refused := err.(*Error)
		switch {
		case err == nil:
			return made, nil
		case refused && e.Grant == GrantSlowDown:
			interval += 5 * time.Second // RFC 8628, 3.5
		case refused && e.Grant == GrantPending:
		case refused && (e.Is(ErrUnavailable) || e.Is(ErrTooMany)):
			interval += time.Second
		case !refused && isAway(err):
		default:
			return Token{}, err
		}
	}
}

func isAway(err error) bool {
	_, away := err.(*ConnectionError)
	return away
}

// CodeTokens answers the tokens of a code that a browser has carried back to redirectURI; verifier is what the login's
// challenge is the SHA-256 of (RFC 7636).
func (l *Logins) CodeTokens(ctx context.Context, code, verifier, redirectURI string) (Token, error) {
	return l.tokens(ctx, tokenRequest{GrantType: "authorization_code", Code: code, CodeVerifier: verifier, RedirectURI: redirectURI})
}

// Refresh uses up a refresh token and answers the next one with a new access token. It must be kept before it is used:
// one that is sent a second time ends the login, for both who have it. That it has ended is [ErrUnauthenticated].
func (l *Logins) Refresh(ctx context.Context, refreshToken string) (Token, error) {
	return l.tokens(ctx, tokenRequest{GrantType: "refresh_token", RefreshToken: refreshToken})
}

// End ends the login of a refresh token and its access tokens, everywhere within a second.
func (l *Logins) End(ctx context.Context, refreshToken string) error {
	body := struct {
		Token string `json:"token"`
	}{refreshToken}
	return l.c.do(ctx, call{method: "POST", path: "/v1/auth/revoke", body: body, anonymous: true})
}

type tokenRequest struct {
	GrantType    string `json:"grantType"`
	RefreshToken string `json:"refreshToken,omitempty"`
	DeviceCode   string `json:"deviceCode,omitempty"`
	Code         string `json:"code,omitempty"`
	CodeVerifier string `json:"codeVerifier,omitempty"`
	RedirectURI  string `json:"redirectUri,omitempty"`
}

func (l *Logins) tokens(ctx context.Context, r tokenRequest) (Token, error) {
	made, err := answered[Token](ctx, l.c, call{method: "POST", path: "/v1/auth/token", body: r, anonymous: true})
	if err == nil && (made.AccessToken == "" || made.RefreshToken == "") {
		err = malformed("it lacks a token")
	}
	return made, err
}

// Self is whom a token stands for.
type Self struct {
	Space       string    `json:"space"`
	Member      string    `json:"member"` // the address of a person, the id of a service account
	Kind        string    `json:"kind"`   // user or serviceAccount
	DisplayName string    `json:"displayName,omitempty"`
	Role        string    `json:"role"`
	Scope       string    `json:"scope"`               // what bounds the token; empty: nothing but the role
	Permissions []string  `json:"permissions"`         // what role and scope allow
	Operator    bool      `json:"operator"`            // operates the server, and so makes spaces
	Token       string    `json:"token"`               // the name that RevokeToken takes
	ExpireTime  time.Time `json:"expireTime,omitzero"` // zero: no end
}

// WhoAmI answers whom the client's token stands for; any valid token may ask.
func (c *Client) WhoAmI(ctx context.Context) (Self, error) {
	who, err := answered[Self](ctx, c, call{method: "GET", path: "/v1/auth/whoami", repeatable: true})
	if err == nil && (who.Member == "" || who.Space == "") {
		err = malformed("it names nobody")
	}
	return who, err
}
