package api

import (
	"context"

	"github.com/indent-approvals/indent/internal/approval"
)

// serviceAccount is a service account on the wire.
type serviceAccount struct {
	ServiceAccountID string            `json:"serviceAccountId" example:"quickstart"`
	Role             approval.Role     `json:"role" enum:"Viewer,Auditor,Petition Admin,Editor,Owner"`
	Suspended        bool              `json:"suspended,omitempty" doc:"It stands for nobody; its tokens have ended."`
	Owner            approval.Resource `json:"owner" doc:"The person whom it belongs to: it never has more than that person, who alone makes its tokens."`
	Meta             approval.Meta     `json:"meta"`
	CreatedBy        approval.Resource `json:"createdBy"`
}

func serviceAccountOf(m approval.Member) serviceAccount {
	return serviceAccount{ServiceAccountID: m.ID, Role: m.Role, Suspended: m.Suspended, Owner: approval.Resource{ID: m.Person, Kind: approval.KindUser},
		CreatedBy: approval.Resource{ID: m.CreatedBy},
		Meta:      approval.Meta{Name: m.ID, Space: m.Space, DisplayName: m.DisplayName, CreateTime: m.CreateTime}}
}

type serviceAccountList struct {
	ServiceAccounts []serviceAccount `json:"serviceAccounts"`
	NextPage
}

func (a *API) listServiceAccounts(ctx context.Context, actor approval.Actor, in wholeIn) (*serviceAccountList, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	members, err := a.Service.ServiceAccounts(ctx, actor)
	if err != nil {
		return nil, err
	}
	out := &serviceAccountList{}
	for _, m := range members {
		out.ServiceAccounts = append(out.ServiceAccounts, serviceAccountOf(m))
	}
	return out, nil
}

type createServiceAccountIn struct{ Body createServiceAccountBody }

type createServiceAccountBody struct {
	ServiceAccount serviceAccountInput `json:"serviceAccount"`
}

type serviceAccountInput struct {
	ServiceAccountID string                  `json:"serviceAccountId" maxLength:"128" doc:"1 to 128 letters, digits, '.', '_' or '-'." example:"deploy-bot"`
	Role             approval.Role           `json:"role,omitempty" enum:"Viewer,Auditor,Petition Admin,Editor,Owner" doc:"At most the caller's own; Petition Admin by default."`
	Meta             serviceAccountInputMeta `json:"meta,omitzero"`

	Suspended ignored `json:"suspended,omitzero"`
	Owner     ignored `json:"owner,omitzero"`
	CreatedBy ignored `json:"createdBy,omitzero"`
}

type serviceAccountInputMeta struct {
	DisplayName string `json:"displayName,omitempty" maxLength:"500"`

	Labels ignored `json:"labels,omitzero"`
	IgnoredMeta
}

func (a *API) createServiceAccount(ctx context.Context, actor approval.Actor, in createServiceAccountIn) (*serviceAccount, error) {
	asked := in.Body.ServiceAccount
	m, err := a.Service.CreateServiceAccount(ctx, actor, approval.Member{ID: asked.ServiceAccountID, Role: asked.Role, DisplayName: asked.Meta.DisplayName})
	if err != nil {
		return nil, inFields(err, accountFields)
	}
	out := serviceAccountOf(m)
	return &out, nil
}

// accountFields is where the body has what the centre calls by a shorter name.
var accountFields = map[string]string{"serviceAccountId": "serviceAccount.serviceAccountId", "role": "serviceAccount.role", "displayName": "serviceAccount.meta.displayName"}

type accountIn struct {
	ID string `path:"id" doc:"The service account's serviceAccountId."`
}

func (a *API) getServiceAccount(ctx context.Context, actor approval.Actor, in accountIn) (*serviceAccount, error) {
	m, err := a.Service.ServiceAccount(ctx, actor, in.ID)
	if err != nil {
		return nil, err
	}
	out := serviceAccountOf(m)
	return &out, nil
}

type updateServiceAccountIn struct {
	accountIn
	Body updateServiceAccountBody
}

type updateServiceAccountBody struct {
	ServiceAccount serviceAccountChange `json:"serviceAccount"`
}

type serviceAccountChange struct {
	Role      *approval.Role           `json:"role,omitzero" enum:"Viewer,Auditor,Petition Admin,Editor,Owner" doc:"At most the caller's own."`
	Suspended *bool                    `json:"suspended,omitzero" doc:"A suspended service account stands for nobody, and its tokens have ended."`
	Meta      serviceAccountChangeMeta `json:"meta,omitzero"`

	ServiceAccountID ignored `json:"serviceAccountId,omitzero"`
	Owner            ignored `json:"owner,omitzero"`
	CreatedBy        ignored `json:"createdBy,omitzero"`
}

type serviceAccountChangeMeta struct {
	DisplayName *string `json:"displayName,omitzero" maxLength:"500"`

	Labels ignored `json:"labels,omitzero"`
	IgnoredMeta
}

func (a *API) updateServiceAccount(ctx context.Context, actor approval.Actor, in updateServiceAccountIn) (*serviceAccount, error) {
	change := in.Body.ServiceAccount
	m, err := a.Service.ChangeServiceAccount(ctx, actor, in.ID, approval.AccountChange{Role: change.Role, DisplayName: change.Meta.DisplayName, Suspended: change.Suspended})
	if err != nil {
		return nil, inFields(err, accountFields)
	}
	out := serviceAccountOf(m)
	return &out, nil
}

func (a *API) deleteServiceAccount(ctx context.Context, actor approval.Actor, in accountIn) (empty, error) {
	return empty{}, a.Service.DeleteServiceAccount(ctx, actor, in.ID)
}
