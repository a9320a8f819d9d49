package indent

import (
	"context"
	"iter"
	"strings"
)

// Member is somebody who may act in a space: a person by address, or a service account by id.
type Member struct {
	ID          string   `json:"id"`
	Kind        string   `json:"kind"` // user or serviceAccount
	Email       string   `json:"email,omitempty"`
	DisplayName string   `json:"displayName,omitempty"`
	Role        string   `json:"role"` // Viewer, Auditor, Petition Admin, Editor or Owner
	Suspended   bool     `json:"suspended"`
	Owner       string   `json:"owner,omitempty"` // of a service account
	Meta        Meta     `json:"meta"`
	CreatedBy   Resource `json:"createdBy,omitzero"`
}

func (m *Member) check() error {
	if m.ID == "" {
		return malformed("a member has no id")
	}
	return nil
}

// MemberChange says what changes of a person; nil leaves it as it is.
type MemberChange struct {
	Role        *string `json:"role,omitempty"`
	DisplayName *string `json:"displayName,omitempty"`
	Suspended   *bool   `json:"suspended,omitempty"` // true ends every token and session of the person
}

// Members lists the members of the space of one kind, "" for all.
func (c *Client) Members(ctx context.Context, kind string) iter.Seq2[Member, error] {
	return listed[Member](ctx, c, c.inSpace("/members"), "members", parameters(map[string]string{"kind": kind}))
}

// Member answers one member, or [ErrNotFound].
func (c *Client) Member(ctx context.Context, id string) (Member, error) {
	path, err := c.memberPath(id, "")
	if err != nil {
		return Member{}, err
	}
	return answered[Member](ctx, c, call{method: "GET", path: path, repeatable: true})
}

// PutMember adds a person by address, or changes what is named of one. To take the last owner's role is [ErrConflict].
func (c *Client) PutMember(ctx context.Context, email string, change MemberChange) (Member, error) {
	path, err := c.memberPath(email, "")
	if err != nil {
		return Member{}, err
	}
	body := struct {
		Member MemberChange `json:"member"`
	}{change}
	return answered[Member](ctx, c, call{method: "PUT", path: path, body: body, repeatable: true})
}

// RemoveMember takes a person out of the space, with every token and session; the person's service accounts are suspended.
func (c *Client) RemoveMember(ctx context.Context, email string) error {
	path, err := c.memberPath(email, "")
	if err != nil {
		return err
	}
	return c.do(ctx, call{method: "DELETE", path: path})
}

// Identity is another name of a person: an address, or an account elsewhere such as "slack:T01/U02".
type Identity struct {
	Identity  string   `json:"identity"`
	Member    string   `json:"member"`
	Meta      Meta     `json:"meta"`
	CreatedBy Resource `json:"createdBy,omitzero"`
}

func (i *Identity) check() error {
	if i.Identity == "" {
		return malformed("an identity has no name")
	}
	return nil
}

// Identities lists the identities of a person.
func (c *Client) Identities(ctx context.Context, email string) iter.Seq2[Identity, error] {
	path, err := c.memberPath(email, "/identities")
	if err != nil {
		return failed[Identity](err)
	}
	return listed[Identity](ctx, c, path, "identities", nil)
}

// LiftBreakGlass lets a person break the glass again who did not answer for it. Nobody does it for themselves ([ErrForbidden]);
// where there is nothing to lift it is [ErrConflict].
func (c *Client) LiftBreakGlass(ctx context.Context, email string) error {
	path, err := c.memberPath(email, "/breakGlassFreeze")
	if err != nil {
		return err
	}
	return c.do(ctx, call{method: "DELETE", path: path})
}

// LinkIdentity says that an identity is the person's. One that is somebody's is [ErrConflict].
func (c *Client) LinkIdentity(ctx context.Context, email, identity string) (Identity, error) {
	path, err := c.memberPath(email, "/identities")
	if err != nil {
		return Identity{}, err
	}
	body := struct {
		Identity string `json:"identity"`
	}{identity}
	return answered[Identity](ctx, c, call{method: "POST", path: path, body: body})
}

// UnlinkIdentity takes an identity from the person.
func (c *Client) UnlinkIdentity(ctx context.Context, email, identity string) error {
	name, err := segment("identity", identity)
	if err != nil {
		return err
	}
	path, err := c.memberPath(email, "/identities/"+strings.ReplaceAll(name, ":", "%3A"))
	if err != nil {
		return err
	}
	return c.do(ctx, call{method: "DELETE", path: path})
}

func (c *Client) memberPath(id, below string) (string, error) {
	id, err := segment("member", id)
	return c.inSpace("/members/" + id + below), err
}
