package indent

import (
	"context"
	"iter"
)

// ServiceAccount is a non-human member with long-lived tokens.
type ServiceAccount struct {
	ServiceAccountID string   `json:"serviceAccountId"`
	Role             string   `json:"role,omitempty"` // Viewer, Petition Admin, Editor or Owner
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
