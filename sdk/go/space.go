package indent

import (
	"context"
	"iter"
)

// Space is a tenant: members, resources, policies, petitions and one audit log.
type Space struct {
	Name        string `json:"name"` // slug, such as acmecorp
	Parent      string `json:"parent,omitempty"`
	DisplayName string `json:"displayName,omitempty"`
}

func (s *Space) check() error {
	if s.Name == "" {
		return malformed("a space has no name")
	}
	return nil
}

// Spaces lists the spaces that the token reaches.
func (c *Client) Spaces(ctx context.Context) iter.Seq2[Space, error] {
	return listed[Space](ctx, c, "/v1/spaces", "spaces", nil)
}

// Space answers the client's space: the cheapest call that proves address, space and token.
func (c *Client) Space(ctx context.Context) (Space, error) {
	return answered[Space](ctx, c, call{method: "GET", path: c.inSpace(""), repeatable: true})
}
