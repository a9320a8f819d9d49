package api

import (
	"context"
	"fmt"

	"github.com/indent-approvals/indent/internal/approval"
)

type listResourcesIn struct {
	pageIn
	LabelSelector string `query:"labelSelector" maxLength:"2000" doc:"Only resources whose labels match (Kubernetes syntax)." example:"indent.com/requestable=true"`
	View          string `query:"view" enum:"requestable,requestable:modal,recipients,people,email" doc:"A named selection; it wins over labelSelector."`
	Search        string `query:"search" maxLength:"200" doc:"Only resources that have all these words."`
}

type resourceList struct {
	Resources []approval.Resource `json:"resources"`
	NextPage
}

func (a *API) listResources(ctx context.Context, actor approval.Actor, in listResourcesIn) (*resourceList, error) {
	q := approval.ResourceQuery{View: approval.View(in.View), Page: in.request()}
	var err error
	if q.Words, err = searchWords(in.Search); err != nil {
		return nil, err
	}
	if q.Selector, err = approval.ParseSelector("labelSelector", in.LabelSelector); err != nil {
		return nil, err
	}
	page, err := a.Service.Resources(ctx, actor, q)
	if err != nil {
		return nil, err
	}
	return &resourceList{page.Items, NextPage{page.Next}}, nil
}

type resourceNameIn struct {
	Name string `path:"name" doc:"The resource's name: its label indent.com/block."`
}

func (a *API) getResource(ctx context.Context, actor approval.Actor, in resourceNameIn) (*approval.Resource, error) {
	return pointer(a.Service.Resource(ctx, actor, in.Name))
}

type resourceBody struct {
	Resource approval.Resource `json:"resource"`
}

type createResourceIn struct{ Body resourceBody }

func (a *API) createResource(ctx context.Context, actor approval.Actor, in createResourceIn) (*approval.Resource, error) {
	return pointer(a.Service.CreateResource(ctx, actor, in.Body.Resource))
}

type putResourceIn struct {
	Name string `path:"name" doc:"The resource's name: its label indent.com/block."`
	Body resourceBody
}

func (a *API) putResource(ctx context.Context, actor approval.Actor, in putResourceIn) (*approval.Resource, error) {
	return pointer(a.Service.PutResource(ctx, actor, in.Name, in.Body.Resource))
}

// empty is the answer of what leaves nothing to say.
type empty struct{}

func (a *API) deleteResource(ctx context.Context, actor approval.Actor, in resourceNameIn) (empty, error) {
	return empty{}, a.Service.DeleteResources(ctx, actor, []string{in.Name})
}

type bulkUpdateIn struct{ Body bulkUpdateBody }

type bulkUpdateBody struct {
	Resources []approval.Resource `json:"resources" minItems:"1" maxItems:"1000" doc:"All or nothing. An entry without the label indent.com/block gets a new name."`
}

type resourcesBody struct {
	Resources []approval.Resource `json:"resources"`
}

func (a *API) bulkUpdateResources(ctx context.Context, actor approval.Actor, in bulkUpdateIn) (*resourcesBody, error) {
	list, err := a.Service.PutResources(ctx, actor, in.Body.Resources)
	if err != nil {
		return nil, err
	}
	return &resourcesBody{list}, nil
}

type bulkDeleteIn struct{ Body bulkDeleteBody }

type bulkDeleteBody struct {
	Names     []string            `json:"names,omitempty" maxItems:"1000" doc:"Names of the resources; or send the resources themselves."`
	Resources []approval.Resource `json:"resources,omitempty" maxItems:"1000" doc:"The resources, each with its label indent.com/block."`
}

func (a *API) bulkDeleteResources(ctx context.Context, actor approval.Actor, in bulkDeleteIn) (empty, error) {
	names := in.Body.Names
	if len(names) > 0 && len(in.Body.Resources) > 0 {
		return empty{}, approval.FieldError("resources", "cannot be sent beside names: send one of them")
	}
	for i, r := range in.Body.Resources {
		if r.Name() == "" {
			return empty{}, approval.FieldError(fmt.Sprintf("resources[%d].labels.%s", i, approval.LabelBlock), "is required: it is the resource's name")
		}
		names = append(names, r.Name())
	}
	return empty{}, a.Service.DeleteResources(ctx, actor, names)
}

// pointer answers a use case's value as the pointer that an endpoint answers.
func pointer[T any](v T, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	return &v, nil
}
