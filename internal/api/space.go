package api

import (
	"context"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// space is a space on the wire.
type space struct {
	Name        string    `json:"name" example:"acmecorp"`
	DisplayName string    `json:"displayName" example:"Acme Corp"`
	CreateTime  time.Time `json:"createTime,omitzero"`
}

func spaceOf(s approval.Space) *space { return &space{s.Name, s.DisplayName, s.CreateTime} }

type spaceList struct {
	Spaces []space `json:"spaces"`
	NextPage
}

func (a *API) listSpaces(ctx context.Context, actor approval.Actor, in wholeIn) (*spaceList, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	found, err := a.Service.Spaces(ctx, actor)
	if err != nil {
		return nil, err
	}
	out := &spaceList{}
	for _, s := range found {
		out.Spaces = append(out.Spaces, *spaceOf(s))
	}
	return out, nil
}

func (a *API) getSpace(ctx context.Context, actor approval.Actor, _ struct{}) (*space, error) {
	s, err := a.Service.Space(ctx, actor)
	if err != nil {
		return nil, err
	}
	return spaceOf(s), nil
}

type createSpaceIn struct{ Body createSpaceBody }

type createSpaceBody struct {
	Space newSpace `json:"space"`
}

type newSpace struct {
	Name        string `json:"name" maxLength:"63" doc:"Lower-case letters, digits and inner hyphens. It stays for ever." example:"acmecorp"`
	DisplayName string `json:"displayName,omitempty" maxLength:"500" example:"Acme Corp"`
	Owner       string `json:"owner,omitempty" maxLength:"320" doc:"Address of the first owner; the caller unless another is named." example:"ada@acmecorp.example"`

	Parent     ignored `json:"parent,omitzero"`
	CreateTime ignored `json:"createTime,omitzero"`
}

func (a *API) createSpace(ctx context.Context, actor approval.Actor, in createSpaceIn) (*space, error) {
	asked := in.Body.Space
	s, err := a.Service.MakeSpace(ctx, actor, approval.NewSpace{Name: asked.Name, DisplayName: asked.DisplayName, Owner: asked.Owner})
	if err != nil {
		return nil, inFields(err, map[string]string{"space": "space.name", "displayName": "space.displayName", "owner": "space.owner"})
	}
	return spaceOf(s), nil
}

type updateSpaceIn struct{ Body updateSpaceBody }

type updateSpaceBody struct {
	Space spaceChange `json:"space"`
}

type spaceChange struct {
	DisplayName string `json:"displayName" maxLength:"500" doc:"What people call the space; its name stays."`

	Name       ignored `json:"name,omitzero"`
	Parent     ignored `json:"parent,omitzero"`
	CreateTime ignored `json:"createTime,omitzero"`
}

func (a *API) updateSpace(ctx context.Context, actor approval.Actor, in updateSpaceIn) (*space, error) {
	s, err := a.Service.RenameSpace(ctx, actor, in.Body.Space.DisplayName)
	if err != nil {
		return nil, inFields(err, map[string]string{"displayName": "space.displayName"})
	}
	return spaceOf(s), nil
}

func (a *API) deleteSpace(ctx context.Context, actor approval.Actor, _ struct{}) (empty, error) {
	return empty{}, a.Service.DeleteSpace(ctx, actor)
}

// roleBinding gives a role to persons, on the wire.
type roleBinding struct {
	Role    approval.Role `json:"role" enum:"Viewer,Auditor,Petition Admin,Editor,Owner"`
	Members []string      `json:"members" maxItems:"10000" maxLength:"320" doc:"Addresses."`
}

// spacePolicy is who has which role, on the wire.
type spacePolicy struct {
	Bindings []roleBinding `json:"bindings" maxItems:"20"`
	ETag     string        `json:"etag,omitempty" maxLength:"64" doc:"Send it back to be refused (409) when the roles have changed since."`
}

func spacePolicyOf(p approval.RolePolicy, err error) (*spacePolicy, error) {
	if err != nil {
		return nil, err
	}
	out := &spacePolicy{Bindings: []roleBinding{}, ETag: p.ETag}
	for _, b := range p.Bindings {
		out.Bindings = append(out.Bindings, roleBinding(b))
	}
	return out, nil
}

func (a *API) getSpacePolicy(ctx context.Context, actor approval.Actor, _ struct{}) (*spacePolicy, error) {
	return spacePolicyOf(a.Service.RolePolicy(ctx, actor))
}

type setPolicyIn struct{ Body spacePolicy }

func (a *API) setSpacePolicy(ctx context.Context, actor approval.Actor, in setPolicyIn) (*spacePolicy, error) {
	p := approval.RolePolicy{ETag: in.Body.ETag}
	for _, b := range in.Body.Bindings {
		p.Bindings = append(p.Bindings, approval.Binding(b))
	}
	if err := approval.CheckLine("etag", p.ETag, 64); err != nil {
		return nil, err
	}
	return spacePolicyOf(a.Service.SetRolePolicy(ctx, actor, p))
}

type roleIn struct{ Body roleBody }

type roleBody struct {
	Role    approval.Role `json:"role" enum:"Viewer,Auditor,Petition Admin,Editor,Owner"`
	Member  string        `json:"member,omitempty" maxLength:"320" doc:"An address; or send members." example:"ada@acmecorp.example"`
	Members []string      `json:"members,omitempty" maxItems:"1000" maxLength:"320" doc:"Addresses, all or nothing."`
}

// members answers who is meant. An error of the only one is about member.
func (b roleBody) members() (ids []string, named func(error) error, err error) {
	if b.Member == "" {
		return b.Members, func(err error) error { return err }, nil
	}
	if len(b.Members) > 0 {
		return nil, nil, approval.FieldError("members", "cannot be sent beside member: send one of them")
	}
	return []string{b.Member}, func(err error) error { return inFields(err, map[string]string{"members[0]": "member"}) }, nil
}

func (a *API) addToRole(ctx context.Context, actor approval.Actor, in roleIn) (*spacePolicy, error) {
	return moveRole(ctx, actor, in.Body, a.Service.AddToRole)
}

func (a *API) removeFromRole(ctx context.Context, actor approval.Actor, in roleIn) (*spacePolicy, error) {
	return moveRole(ctx, actor, in.Body, a.Service.RemoveFromRole)
}

func moveRole(ctx context.Context, actor approval.Actor, b roleBody, move func(context.Context, approval.Actor, approval.Role, []string) (approval.RolePolicy, error)) (*spacePolicy, error) {
	ids, named, err := b.members()
	if err != nil {
		return nil, err
	}
	p, err := move(ctx, actor, b.Role, ids)
	return spacePolicyOf(p, named(err))
}
