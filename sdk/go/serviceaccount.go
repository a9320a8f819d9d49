package indent

import (
	"context"
	"iter"
)

// ServiceAccount is a non-human member with long-lived tokens.
type ServiceAccount struct {
	ServiceAccountID string   `json:"serviceAccountId"`
	Role             string   `json:"role,omitempty"` // Viewer, Petition Admin, Editor or Owner
	Suspended        bool     `json:"suspended,omitempty"`
	Owner            Resource `json:"owner,omitzero"` // the person whom it belongs to
	Meta             Meta     `json:"meta"`
	CreatedBy        Resource `json:"createdBy,omitzero"`
}

func (a *ServiceAccount) check() error {
	if a.ServiceAccountID == "" {
		return malformed("a service account has no id")
	}
	return nil
}

// NewServiceAccount is a service account to be made.
type NewServiceAccount struct {
	ID          string // 1 to 128 letters, digits, '.', '_' or '-'
	DisplayName string
	Role        string // at most the caller's; default Petition Admin
}

// ServiceAccounts lists the space's service accounts.
func (c *Client) ServiceAccounts(ctx context.Context) iter.Seq2[ServiceAccount, error] {
	return listed[ServiceAccount](ctx, c, c.inSpace("/serviceAccounts"), "serviceAccounts", nil)
}

// CreateServiceAccount adds a service account, owned by the caller. An id that exists is [ErrConflict].
func (c *Client) CreateServiceAccount(ctx context.Context, n NewServiceAccount) (ServiceAccount, error) {
	var body struct {
		ServiceAccount struct {
			Meta             Meta   `json:"meta,omitzero"`
			ServiceAccountID string `json:"serviceAccountId"`
			Role             string `json:"role,omitempty"`
		} `json:"serviceAccount"`
	}
	body.ServiceAccount.Meta.DisplayName = n.DisplayName
	body.ServiceAccount.ServiceAccountID, body.ServiceAccount.Role = n.ID, n.Role
	return answered[ServiceAccount](ctx, c, call{method: "POST", path: c.inSpace("/serviceAccounts"), body: body})
}

// ServiceAccount answers one service account; an unknown one is [ErrNotFound].
func (c *Client) ServiceAccount(ctx context.Context, id string) (ServiceAccount, error) {
	path, err := c.accountPath(id)
	if err != nil {
		return ServiceAccount{}, err
	}
	return answered[ServiceAccount](ctx, c, call{method: "GET", path: path})
}

// ServiceAccountChange is what to change of a service account; nil leaves a field as it is.
type ServiceAccountChange struct {
	DisplayName *string
	Role        *string // at most the caller's
	Suspended   *bool   // true: it stands for nobody, and its tokens end
}

// UpdateServiceAccount changes a service account.
func (c *Client) UpdateServiceAccount(ctx context.Context, id string, change ServiceAccountChange) (ServiceAccount, error) {
	path, err := c.accountPath(id)
	if err != nil {
		return ServiceAccount{}, err
	}
	account := map[string]any{}
	if change.Role != nil {
		account["role"] = *change.Role
	}
	if change.Suspended != nil {
		account["suspended"] = *change.Suspended
	}
	if change.DisplayName != nil {
		account["meta"] = map[string]string{"displayName": *change.DisplayName}
	}
	return answered[ServiceAccount](ctx, c, call{method: "PATCH", path: path, body: map[string]any{"serviceAccount": account}})
}

// DeleteServiceAccount deletes a service account and ends its tokens and trusts.
func (c *Client) DeleteServiceAccount(ctx context.Context, id string) error {
	path, err := c.accountPath(id)
	if err != nil {
		return err
	}
	return c.do(ctx, call{method: "DELETE", path: path})
}

func (c *Client) accountPath(id string) (string, error) {
	id, err := segment("service account", id)
	return c.inSpace("/serviceAccounts/" + id), err
}
