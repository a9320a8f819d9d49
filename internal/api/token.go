package api

import (
	"context"
	"net/http"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/identity"
)

// Tokens makes and ends credentials (identity.Identity).
type Tokens interface {
	// CreateServiceToken makes a long-lived token of a service account; the zero expire is no end.
	CreateServiceToken(ctx context.Context, a approval.Actor, account, displayName string, scopes []approval.Permission, expire time.Time) (identity.Made, error)
	// CreateUserToken makes a short-lived token that acts as the actor.
	CreateUserToken(ctx context.Context, a approval.Actor, displayName string, scopes []approval.Permission) (identity.Made, error)
	// RotateToken makes a token in the place of one of a service account, which goes on for the grace.
	RotateToken(ctx context.Context, a approval.Actor, name string, grace time.Duration) (identity.Made, error)
	// ExchangeOutside answers a short-lived token of a service account for a token of an issuer that it trusts.
	ExchangeOutside(ctx context.Context, space, account, token string) (identity.Made, error)
	// Exchange answers a short-lived token for a long-lived one.
	Exchange(ctx context.Context, refreshToken string) (identity.Made, error)
	// RevokeToken ends a token, everywhere within a second.
	RevokeToken(ctx context.Context, a approval.Actor, name string) error
}

// Keys answers the public keys that verify user tokens, as what JSON writes as a JWKS (RFC 7517).
type Keys func() any

// token is a token on the wire. A list has no secrets; making or exchanging one answers its secret, once.
type token struct {
	AccessToken      string            `json:"accessToken,omitempty" doc:"A short-lived user token (JWT, ES256)."`
	RefreshToken     string            `json:"refreshToken,omitempty" doc:"A long-lived token of a service account (ind_…), which works as a bearer token as it is; or a person's refresh token (indr_…), which gives the next access token, once." pattern:"^indr?_[0-9A-Za-z]{38}$"`
	Scope            string            `json:"scope" doc:"Permissions separated by spaces; empty: all that the role has."`
	ServiceAccountID string            `json:"serviceAccountId,omitempty"`
	LastUseTime      time.Time         `json:"lastUseTime,omitzero" doc:"When it was last used, give or take a minute; absent: never."`
	Ended            bool              `json:"ended,omitempty" doc:"It was revoked, or its time is up: it works no more."`
	Meta             approval.Meta     `json:"meta" doc:"name revokes it; without expireTime it does not end by itself."`
	CreatedBy        approval.Resource `json:"createdBy"`
}

func tokenOf(t approval.Token) token {
	out := token{Scope: identity.ScopeText(t.Scopes), CreatedBy: t.CreatedBy, LastUseTime: t.LastUseTime,
		Meta: approval.Meta{Name: t.Name, Space: t.Space, DisplayName: t.DisplayName, CreateTime: t.CreateTime, ExpireTime: t.ExpireTime, DeleteTime: t.RevokeTime}}
	if t.Kind == approval.TokenService {
		out.ServiceAccountID = t.Member
	}
	return out
}

type tokenList struct {
	Tokens []token `json:"tokens"`
	NextPage
}

func (a *API) listTokens(ctx context.Context, actor approval.Actor, in wholeIn) (*tokenList, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	found, err := a.Service.Tokens(ctx, actor)
	if err != nil {
		return nil, err
	}
	out := &tokenList{}
	for _, t := range found {
		wire := tokenOf(t)
		wire.Ended = !t.Usable(a.Service.Clock.Now())
		out.Tokens = append(out.Tokens, wire)
	}
	return out, nil
}

type createTokenIn struct {
	Body createTokenBody `required:"false"`
}

type createTokenBody struct {
	ServiceAccountID string `json:"serviceAccountId,omitempty" maxLength:"128" doc:"Whose token: a long-lived one is answered as refreshToken. Without it: a short-lived one of the caller, as accessToken."`
	DisplayName      string `json:"displayName,omitempty" maxLength:"500" doc:"What it is for."`
	Scope            string `json:"scope,omitempty" maxLength:"1024" doc:"Permissions separated by spaces, at most the caller's own; empty: all that the caller may hand out. A noun with a star (petitions:*) and admin stand for what they mean when the token is made." example:"petitions:create petitions:read"`
	ExpiryDays       *int   `json:"expiryDays,omitzero" minimum:"1" maximum:"3650" doc:"When a long-lived token ends; without it: never."`
}

const maxExpiryDays = 3650

func (a *API) createToken(ctx context.Context, actor approval.Actor, in createTokenIn) (*token, error) {
	b := in.Body
	if err := approval.CheckLine("scope", b.Scope, approval.MaxID); err != nil {
		return nil, err
	}
	scopes := identity.ParseScope(b.Scope)
	if b.ServiceAccountID == "" {
		if b.ExpiryDays != nil {
			return nil, approval.FieldError("expiryDays", "is for tokens of service accounts: leave it out, a user token is short-lived")
		}
		return shortLived(a.Tokens.CreateUserToken(ctx, actor, b.DisplayName, scopes))
	}
	var expire time.Time
	if b.ExpiryDays != nil {
		if *b.ExpiryDays < 1 || *b.ExpiryDays > maxExpiryDays {
			return nil, approval.FieldError("expiryDays", "must be between 1 and %d", maxExpiryDays)
		}
		expire = a.Service.Clock.Now().AddDate(0, 0, *b.ExpiryDays)
	}
	return longLived(a.Tokens.CreateServiceToken(ctx, actor, b.ServiceAccountID, b.DisplayName, scopes, expire))
}

func shortLived(made identity.Made, err error) (*token, error) {
	if err != nil {
		return nil, err
	}
	out := tokenOf(made.Token)
	out.AccessToken = made.Secret
	return &out, nil
}

func longLived(made identity.Made, err error) (*token, error) {
	if err != nil {
		return nil, err
	}
	out := tokenOf(made.Token)
	out.RefreshToken = made.Secret
	return &out, nil
}

type tokenNameIn struct {
	Name string `path:"name" doc:"The token's meta.name, a UUID."`
}

func (a *API) deleteToken(ctx context.Context, actor approval.Actor, in tokenNameIn) (empty, error) {
	return empty{}, a.Tokens.RevokeToken(ctx, actor, in.Name)
}

type rotateTokenIn struct {
	tokenNameIn
	Body rotateTokenBody `required:"false"`
}

type rotateTokenBody struct {
	GraceSeconds *int `json:"graceSeconds,omitzero" minimum:"0" maximum:"86400" doc:"For how long the old token, and all that was made with it, goes on; 0 by default: it has ended when the new one is answered."`
}

func (a *API) rotateToken(ctx context.Context, actor approval.Actor, in rotateTokenIn) (*token, error) {
	grace := 0
	if in.Body.GraceSeconds != nil {
		grace = *in.Body.GraceSeconds
	}
	if most := int(approval.MaxGrace / time.Second); grace < 0 || grace > most {
		return nil, approval.FieldError("graceSeconds", "must be between 0 and %d", most)
	}
	return longLived(a.Tokens.RotateToken(ctx, actor, in.Name, time.Duration(grace)*time.Second))
}

// sendKeys answers the JWKS; clients may keep it for a few minutes.
func (a *API) sendKeys(x *exchange) error {
	x.w.Header().Set("Cache-Control", "public, max-age=300")
	x.sendJSON(http.StatusOK, "application/json", a.Keys())
	return nil
}
