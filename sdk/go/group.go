package indent

import (
	"context"
	"iter"
)

// GroupMembers lists who is in a group, which is a resource of the kind group, by the group's name. With effective, every
// person who is in it through whatever nesting.
func (c *Client) GroupMembers(ctx context.Context, group string, effective bool) iter.Seq2[Resource, error] {
	path, err := c.groupPath(group, "")
	if err != nil {
		return failed[Resource](err)
	}
	query := map[string]string{}
	if effective {
		query["effective"] = "true"
	}
	return listed[Resource](ctx, c, path, "members", parameters(query))
}

// AddGroupMembers puts persons and service accounts, by id, and groups, by name, into a group, all or none.
func (c *Client) AddGroupMembers(ctx context.Context, group string, members []Resource) error {
	path, err := c.groupPath(group, "")
	if err != nil {
		return err
	}
	body := struct {
		Members []Resource `json:"members"`
	}{append([]Resource{}, members...)}
	return c.do(ctx, call{method: "POST", path: path, body: body, repeatable: true})
}

// RemoveGroupMember takes a member out of a group, or answers [ErrNotFound].
func (c *Client) RemoveGroupMember(ctx context.Context, group, member string) error {
	name, err := segment("member", member)
	if err != nil {
		return err
	}
	path, err := c.groupPath(group, "/"+name)
	if err != nil {
		return err
	}
	return c.do(ctx, call{method: "DELETE", path: path})
}

func (c *Client) groupPath(group, below string) (string, error) {
	name, err := segment("group", group)
	return c.inSpace("/resources/" + name + "/members" + below), err
}
