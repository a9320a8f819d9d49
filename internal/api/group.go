package api

import (
	"context"

	"github.com/indent-approvals/indent/internal/approval"
)

type listGroupMembersIn struct {
	wholeIn
	Name      string `path:"name" doc:"The group's name: its label indent.com/block."`
	Effective bool   `query:"effective" doc:"Every person who is in the group, through whatever nesting, instead of who is in it directly."`
}

type groupMembers struct {
	Members []approval.Resource `json:"members"`
	NextPage
}

func groupMembersOf(list []approval.Resource, err error) (*groupMembers, error) {
	if err != nil {
		return nil, err
	}
	return &groupMembers{Members: append([]approval.Resource{}, list...)}, nil
}

func (a *API) listGroupMembers(ctx context.Context, actor approval.Actor, in listGroupMembersIn) (*groupMembers, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	return groupMembersOf(a.Service.GroupMembers(ctx, actor, in.Name, in.Effective))
}

type groupMembersIn struct {
	Name string `path:"name" doc:"The group's name: its label indent.com/block."`
	Body groupMembersBody
}

type groupMembersBody struct {
	Members []approval.Resource `json:"members" maxItems:"10000" doc:"Persons and service accounts by id, groups by name; kind says which where both exist."`
}

func (a *API) setGroupMembers(ctx context.Context, actor approval.Actor, in groupMembersIn) (*groupMembers, error) {
	return groupMembersOf(a.Service.SetGroupMembers(ctx, actor, in.Name, in.Body.Members))
}

func (a *API) addGroupMembers(ctx context.Context, actor approval.Actor, in groupMembersIn) (*groupMembers, error) {
	return groupMembersOf(a.Service.AddGroupMembers(ctx, actor, in.Name, in.Body.Members))
}

type groupMemberIn struct {
	Name   string `path:"name" doc:"The group's name: its label indent.com/block."`
	Member string `path:"member" doc:"Id of a member, or name of a group."`
	Kind   string `query:"kind" enum:"user,serviceAccount,group" doc:"Needed only where a member and a group have the same name."`
}

func (a *API) deleteGroupMember(ctx context.Context, actor approval.Actor, in groupMemberIn) (empty, error) {
	return empty{}, a.Service.RemoveGroupMember(ctx, actor, in.Name, in.Kind, in.Member)
}
