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

// NewSpace is a space to be made.
type NewSpace struct {
	Name        string `json:"name"` // slug; it stays for ever
	DisplayName string `json:"displayName,omitempty"`
	Owner       string `json:"owner,omitempty"` // address; the caller unless another is named
}

// CreateSpace makes a space, for the people who operate the server. A name that exists is [ErrConflict].
func (c *Client) CreateSpace(ctx context.Context, n NewSpace) (Space, error) {
	body := struct {
		Space NewSpace `json:"space"`
	}{n}
	return answered[Space](ctx, c, call{method: "POST", path: "/v1/spaces", body: body})
}

// RenameSpace changes what people call the client's space; its name stays.
func (c *Client) RenameSpace(ctx context.Context, displayName string) (Space, error) {
	var body struct {
		Space struct {
			DisplayName string `json:"displayName"`
		} `json:"space"`
	}
	body.Space.DisplayName = displayName
	return answered[Space](ctx, c, call{method: "PATCH", path: c.inSpace(""), body: body, repeatable: true})
}

// DeleteSpace ends the client's space: nobody gets in any more. Its log and its name are kept.
func (c *Client) DeleteSpace(ctx context.Context) error {
	return c.do(ctx, call{method: "DELETE", path: c.inSpace("")})
}
