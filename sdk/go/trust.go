package indent

import (
	"context"
	"iter"
)

// Trust lets the tokens of an issuer elsewhere stand for a service account, such as those that GitHub Actions gives its jobs.
type Trust struct {
	Issuer           string            `json:"issuer"`
	Audience         string            `json:"audience"`
	Claims           map[string]string `json:"claims"` // an exact text, or the beginning of one with a star behind it
	Scope            string            `json:"scope,omitempty"`
	ServiceAccountID string            `json:"serviceAccountId,omitempty"`
	Meta             Meta              `json:"meta,omitzero"` // Name is what DeleteTrust takes
	CreatedBy        Resource          `json:"createdBy,omitzero"`
}

// Trusts lists whom a service account trusts, oldest first.
func (c *Client) Trusts(ctx context.Context, account string) iter.Seq2[Trust, error] {
	path, err := c.accountPath(account)
	if err != nil {
		return failed[Trust](err)
	}
	return listed[Trust](ctx, c, path+"/trusts", "trusts", nil)
}

// Trust gets one of the trusts of a service account.
func (c *Client) Trust(ctx context.Context, account, name string) (Trust, error) {
	path, err := c.accountPath(account)
	if err != nil {
		return Trust{}, err
	}
	if name, err = segment("trust", name); err != nil {
		return Trust{}, err
	}
	return answered[Trust](ctx, c, call{method: "GET", path: path + "/trusts/" + name})
}

// CreateTrust lets tokens of an issuer stand for a service account of the caller's. Of t the Issuer, Audience, Claims and Scope
// count; at least one claim besides iss and aud must be demanded.
func (c *Client) CreateTrust(ctx context.Context, account string, t Trust) (Trust, error) {
	path, err := c.accountPath(account)
	if err != nil {
		return Trust{}, err
	}
	body := struct {
		Issuer   string            `json:"issuer"`
		Audience string            `json:"audience"`
		Claims   map[string]string `json:"claims"`
		Scope    string            `json:"scope,omitempty"`
	}{t.Issuer, t.Audience, t.Claims, t.Scope}
	return answered[Trust](ctx, c, call{method: "POST", path: path + "/trusts", body: body})
}

// DeleteTrust ends a trust and the tokens that came of it.
func (c *Client) DeleteTrust(ctx context.Context, account, name string) error {
	path, err := c.accountPath(account)
	if err != nil {
		return err
	}
	if name, err = segment("trust", name); err != nil {
		return err
	}
	return c.do(ctx, call{method: "DELETE", path: path + "/trusts/" + name})
}
