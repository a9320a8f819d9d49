package api

import (
	"context"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/identity"
)

// trust is a service account's trust in an outside issuer on the wire.
type trust struct {
	Issuer           string            `json:"issuer" example:"https://token.actions.githubusercontent.com"`
	Audience         string            `json:"audience" example:"https://indent.example.com"`
	Claims           map[string]string `json:"claims"`
	Scope            string            `json:"scope" doc:"Permissions separated by spaces; empty: all that the service account has."`
	ServiceAccountID string            `json:"serviceAccountId"`
	Meta             approval.Meta     `json:"meta" doc:"name ends it."`
	CreatedBy        approval.Resource `json:"createdBy"`
}

func trustOf(t approval.Trust) trust {
	return trust{Issuer: t.Issuer, Audience: t.Audience, Claims: t.Claims, Scope: identity.ScopeText(t.Scopes), ServiceAccountID: t.Account,
		CreatedBy: t.CreatedBy, Meta: approval.Meta{Name: t.Name, Space: t.Space, CreateTime: t.CreateTime}}
}

type trustList struct {
	Trusts []trust `json:"trusts"`
	NextPage
}

type listTrustsIn struct {
	accountIn
	wholeIn
}

func (a *API) listTrusts(ctx context.Context, actor approval.Actor, in listTrustsIn) (*trustList, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	found, err := a.Service.Trusts(ctx, actor, in.ID)
	if err != nil {
		return nil, err
	}
	out := &trustList{}
	for _, t := range found {
		out.Trusts = append(out.Trusts, trustOf(t))
	}
	return out, nil
}

type createTrustIn struct {
	accountIn
	Body createTrustBody
}

type createTrustBody struct {
	Issuer   string            `json:"issuer" maxLength:"500" doc:"The iss of its tokens, exactly. Its keys are found below it, by OpenID Connect Discovery." example:"https://token.actions.githubusercontent.com"`
	Audience string            `json:"audience" maxLength:"500" doc:"The one aud that the tokens must have." example:"https://indent.example.com"`
	Claims   map[string]string `json:"claims" doc:"Claims that a token must have, at least one: the exact text, or its beginning with a star at the end."`
	Scope    string            `json:"scope,omitempty" maxLength:"1024" doc:"What the tokens may do, as of a new token; empty: all that the caller may hand out." example:"petitions:create petitions:read"`
}

func (a *API) createTrust(ctx context.Context, actor approval.Actor, in createTrustIn) (*trust, error) {
	b := in.Body
	if err := approval.CheckLine("scope", b.Scope, approval.MaxID); err != nil {
		return nil, err
	}
	t, err := a.Service.CreateTrust(ctx, actor, approval.Trust{Account: in.ID, Issuer: b.Issuer, Audience: b.Audience, Claims: b.Claims, Scopes: identity.ParseScope(b.Scope)})
	if err != nil {
		return nil, err
	}
	out := trustOf(t)
	return &out, nil
}

type trustIn struct {
	accountIn
	Trust string `path:"trust" doc:"The trust's meta.name, a UUID."`
}

func (a *API) getTrust(ctx context.Context, actor approval.Actor, in trustIn) (*trust, error) {
	found, err := a.Service.Trust(ctx, actor, in.ID, in.Trust)
	if err != nil {
		return nil, err
	}
	out := trustOf(found)
	return &out, nil
}

func (a *API) deleteTrust(ctx context.Context, actor approval.Actor, in trustIn) (empty, error) {
	return empty{}, a.Service.DeleteTrust(ctx, actor, in.ID, in.Trust)
}
