package api

import (
	"context"
	"errors"

	"github.com/indent-approvals/indent/internal/approval"
)

// serviceAccount is a service account on the wire.
type serviceAccount struct {
	ServiceAccountID string            `json:"serviceAccountId" example:"quickstart"`
	Role             approval.Role     `json:"role" enum:"Viewer,Auditor,Petition Admin,Editor,Owner"`
	Meta             approval.Meta     `json:"meta"`
	CreatedBy        approval.Resource `json:"createdBy"`
}

func serviceAccountOf(m approval.Member) serviceAccount {
	return serviceAccount{ServiceAccountID: m.ID, Role: m.Role, CreatedBy: approval.Resource{ID: m.CreatedBy},
		Meta: approval.Meta{Name: m.ID, Space: m.Space, DisplayName: m.DisplayName, CreateTime: m.CreateTime}}
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
		return nil, inBody(err)
	}
	out := serviceAccountOf(m)
	return &out, nil
}

// accountFields is where the body has what the centre calls by a shorter name.
var accountFields = map[string]string{"serviceAccountId": "serviceAccount.serviceAccountId", "role": "serviceAccount.role", "displayName": "serviceAccount.meta.displayName"}

func inBody(err error) error {
	var e *approval.Error
	if !errors.As(err, &e) || accountFields[e.Field] == "" {
		return err
	}
	moved := *e
	moved.Field = accountFields[e.Field]
	return &moved
}
