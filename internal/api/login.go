package api

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/identity"
)

// Logins let programs in that a person allows (identity.Logins).
type Logins interface {
	// Open answers the codes for a program that asks to be let in.
	Open(ctx context.Context, asked approval.Login) (identity.DeviceCode, error)
	// DeviceTokens answers the tokens of a device code once a person has let the program in, once.
	DeviceTokens(ctx context.Context, deviceCode string) (identity.Pair, error)
	// CodeTokens answers the tokens of a code that a browser has carried back, once.
	CodeTokens(ctx context.Context, code, verifier, redirect string) (identity.Pair, error)
	// RefreshTokens uses up a person's refresh token and answers the next pair.
	RefreshTokens(ctx context.Context, refresh string) (identity.Pair, error)
	// End ends the login of a refresh token, Unauthenticated when there was none to end.
	End(ctx context.Context, refresh string) error
}

// The grants of POST /v1/auth/token.
const (
	grantRefresh = "refresh_token"
	grantDevice  = "urn:ietf:params:oauth:grant-type:device_code"
	grantCode    = "authorization_code"
)

type exchangeTokenIn struct{ Body exchangeTokenBody }

type exchangeTokenBody struct {
	GrantType    string `json:"grantType" enum:"refresh_token,urn:ietf:params:oauth:grant-type:device_code,authorization_code,urn:ietf:params:oauth:grant-type:token-exchange,urn:ietf:params:oauth:grant-type:jwt-bearer" example:"refresh_token"`
	RefreshToken string `json:"refreshToken,omitempty" maxLength:"4096" doc:"A long-lived token of a service account, or a person's refresh token." example:"ind_…"`
	DeviceCode   string `json:"deviceCode,omitempty" maxLength:"128" doc:"As POST /v1/auth/device has answered it."`
	Code         string `json:"code,omitempty" maxLength:"128" doc:"As the browser has carried it back."`
	CodeVerifier string `json:"codeVerifier,omitempty" maxLength:"128" doc:"What the code's challenge is the SHA-256 of."`
	RedirectURI  string `json:"redirectUri,omitempty" maxLength:"128" doc:"Where the browser was sent with the code."`

	SubjectToken     string `json:"subjectToken,omitempty" maxLength:"16384" doc:"With token-exchange (RFC 8693): a JWT of an issuer that the service account trusts."`
	SubjectTokenType string `json:"subjectTokenType,omitempty" enum:"urn:ietf:params:oauth:token-type:jwt,urn:ietf:params:oauth:token-type:id_token" doc:"What subjectToken is; a JWT by default."`
	Assertion        string `json:"assertion,omitempty" maxLength:"16384" doc:"With jwt-bearer (RFC 7523): the same as subjectToken."`
	Space            string `json:"space,omitempty" maxLength:"63" doc:"With a token of an issuer elsewhere: the space of the service account."`
	ServiceAccountID string `json:"serviceAccountId,omitempty" maxLength:"128" doc:"With a token of an issuer elsewhere: the service account that it is to stand for."`
}

func (in exchangeTokenIn) credential() string {
	b := in.Body
	return cmp.Or(map[string]string{grantRefresh: b.RefreshToken, grantDevice: b.DeviceCode, grantCode: b.Code, grantExchange: b.SubjectToken, grantJWT: b.Assertion}[b.GrantType], "none")
}

func (a *API) exchangeToken(ctx context.Context, _ approval.Actor, in exchangeTokenIn) (*token, error) {
	b := in.Body
	switch b.GrantType {
	case grantRefresh:
		if b.RefreshToken == "" || len(b.RefreshToken) > maxBearer {
			return nil, approval.FieldError("refreshToken", "is required: send a long-lived token or a refresh token")
		}
		if identity.IsRefreshToken(b.RefreshToken) {
			return pair(a.Logins.RefreshTokens(ctx, b.RefreshToken))
		}
		return shortLived(a.Tokens.Exchange(ctx, b.RefreshToken))
	case grantDevice:
		if err := given("deviceCode", b.DeviceCode); err != nil {
			return nil, err
		}
		return pair(a.Logins.DeviceTokens(ctx, b.DeviceCode))
	case grantCode:
		for field, text := range map[string]string{"code": b.Code, "codeVerifier": b.CodeVerifier, "redirectUri": b.RedirectURI} {
			if err := given(field, text); err != nil {
				return nil, err
			}
		}
		return pair(a.Logins.CodeTokens(ctx, b.Code, b.CodeVerifier, b.RedirectURI))
	case grantExchange:
		return a.exchangeOutside(ctx, b, "subjectToken", b.SubjectToken)
	case grantJWT:
		return a.exchangeOutside(ctx, b, "assertion", b.Assertion)
	}
	return nil, approval.FieldError("grantType", "must be %s, %s, %s, %s or %s", grantRefresh, grantDevice, grantCode, grantExchange, grantJWT)
}

// given refuses a field that this grant needs and does not have.
func given(field, text string) error {
	if text == "" {
		return approval.FieldError(field, "is required with this grantType")
	}
	return approval.CheckLine(field, text, 128)
}

func pair(made identity.Pair, err error) (*token, error) {
	out, err := shortLived(made.Made, err)
	if err == nil {
		out.RefreshToken = made.Refresh
	}
	return out, err
}

type openLoginIn struct{ Body openLoginBody }

type openLoginBody struct {
	Client string `json:"client" maxLength:"100" doc:"What the program is called; people read it." example:"indent"`
	Host   string `json:"host,omitempty" maxLength:"100" doc:"The machine that it runs on; people read it." example:"ada-laptop"`
	Space  string `json:"space,omitempty" maxLength:"128" doc:"The one space that it wants; without it, that of the person's session."`
	Scope  string `json:"scope,omitempty" maxLength:"1024" doc:"Permissions separated by spaces; empty: all that the person has. The token gets those of them that the person has."`
}

// deviceCode is what RFC 8628, 3.2, demands, in the words of this API.
type deviceCode struct {
	DeviceCode              string `json:"deviceCode" doc:"The program keeps it secret and shows it to POST /v1/auth/token."`
	UserCode                string `json:"userCode" doc:"A person enters it, or compares it." example:"BCDF-GHJK"`
	VerificationURI         string `json:"verificationUri" doc:"The page on which a person enters the code."`
	VerificationURIComplete string `json:"verificationUriComplete" doc:"The same with the code in its field; nothing happens before the person has compared it and presses a button."`
	ExpiresIn               int    `json:"expiresIn" doc:"Seconds until the codes are of no use."`
	Interval                int    `json:"interval" doc:"Seconds between two questions for the tokens, at least."`
}

func (x *exchange) openLogin(in openLoginIn) (*deviceCode, error) {
	b := in.Body
	if err := approval.CheckLine("scope", b.Scope, approval.MaxID); err != nil {
		return nil, err
	}
	if err := x.Limits.Open(x.r); err != nil {
		return nil, err
	}
	made, err := x.Logins.Open(x.r.Context(), approval.Login{Client: b.Client, Host: b.Host, Source: x.Source(x.r), AskedSpace: b.Space, Scopes: identity.ParseScope(b.Scope)})
	if err != nil {
		return nil, err
	}
	page := x.BaseURL() + "/device"
	return &deviceCode{DeviceCode: made.Device, UserCode: made.User, VerificationURI: page, VerificationURIComplete: page + "?user_code=" + made.User,
		ExpiresIn: int(made.ExpireIn.Seconds()), Interval: int(made.Interval.Seconds())}, nil
}

// sourceOf answers the network address that the request came from. One customer has a whole /64 of the newer addresses, so
// they count as one.
func sourceOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if ip = ip.Unmap().WithZone(""); ip.Is6() && !ip.IsLoopback() {
		if net, err := ip.Prefix(64); err == nil {
			return net.String()
		}
	}
	return ip.String()
}

type endLoginIn struct{ Body endLoginBody }

type endLoginBody struct {
	Token string `json:"token" maxLength:"128" doc:"A person's refresh token, used or not." example:"indr_…"`
}

// endLogin answers success for a token that has ended or was none (RFC 7009, 2.2), and counts it as a wrong credential:
// who sends many of those is throttled as everywhere.
func (x *exchange) endLogin(in endLoginIn) (empty, error) {
	secret := in.Body.Token
	if err := given("token", secret); err != nil {
		return empty{}, err
	}
	look, err := x.Limits.Admit(x.r, secret)
	if err != nil {
		return empty{}, err
	}
	err = x.Limits.Judge(x.r, secret, look, x.Logins.End(x.r.Context(), secret))
	if approval.CodeOf(err) == approval.Unauthenticated {
		err = nil
	}
	return empty{}, err
}

// whoAmI is whom a token stands for.
type whoAmI struct {
	Space       string                `json:"space"`
	Member      string                `json:"member" doc:"The address of a person, the id of a service account."`
	Kind        string                `json:"kind" enum:"user,serviceAccount"`
	DisplayName string                `json:"displayName,omitempty"`
	Role        approval.Role         `json:"role" enum:"Viewer,Auditor,Petition Admin,Editor,Owner"`
	Scope       string                `json:"scope" doc:"What the token is bounded by; empty: it is not, and has all that the role has."`
	Permissions []approval.Permission `json:"permissions" doc:"What both the role and the scope allow."`
	Operator    bool                  `json:"operator" doc:"Whether the person operates the server and so makes spaces."`
	Token       string                `json:"token" doc:"The name by which the token, or the login that it belongs to, can be ended."`
	ExpireTime  time.Time             `json:"expireTime,omitzero" doc:"When the token ends by itself; absent: it does not."`
}

func (a *API) whoAmI(_ context.Context, actor approval.Actor, _ struct{}) (*whoAmI, error) {
	out := &whoAmI{Space: actor.Space, Member: actor.ID, Kind: actor.Kind, DisplayName: actor.DisplayName, Role: actor.Role, Scope: identity.ScopeText(actor.Scopes),
		Permissions: []approval.Permission{}, Operator: actor.Operator, Token: actor.TokenName, ExpireTime: actor.ExpireTime}
	for _, p := range approval.Permissions {
		if actor.Can(p) {
			out.Permissions = append(out.Permissions, p)
		}
	}
	return out, nil
}
