package api

import (
	"context"

	"github.com/indent-approvals/indent/internal/approval"
)

// space is a space on the wire.
type space struct {
	Name        string `json:"name" example:"acmecorp"`
	DisplayName string `json:"displayName" example:"Acme Corp"`
}

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
		out.Spaces = append(out.Spaces, space{s.Name, s.DisplayName})
	}
	return out, nil
}

func (a *API) getSpace(ctx context.Context, actor approval.Actor, _ struct{}) (*space, error) {
	s, err := a.Service.Space(ctx, actor)
	if err != nil {
		return nil, err
	}
	return &space{s.Name, s.DisplayName}, nil
}
