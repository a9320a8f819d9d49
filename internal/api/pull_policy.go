package api

import (
	"context"

	"github.com/indent-approvals/indent/internal/approval"
)

// pullPolicy is a pull policy on the wire.
type pullPolicy struct {
	Name        string              `json:"name" example:"roles"`
	SpaceName   string              `json:"spaceName"`
	DisplayName string              `json:"displayName"`
	Base        approval.PolicyBase `json:"base" doc:"Which of the listed resources are taken."`
	Webhook     string              `json:"webhook" doc:"The name of the webhook that lists them." example:"postgres-roles"`
	Kinds       []string            `json:"kinds" doc:"That are asked for."`
	Flags       map[string]string   `json:"flags" doc:"That are sent beside the kinds."`
	Schedule    string              `json:"schedule" doc:"Five fields of cron; empty where it is pulled only when somebody asks." example:"0 3 * * *"`
	Labels      map[string]string   `json:"labels" doc:"That every resource gets which the policy brings."`
	TakeLabels  []string            `json:"takeLabels" doc:"The labels that are taken from the endpoint."`
	// TakeIdentities has no omitempty: what an endpoint is believed stands where it is looked for.
	TakeIdentities bool              `json:"takeIdentities" doc:"Whether email and altIds are taken from the endpoint."`
	Status         pullStatus        `json:"status"`
	Meta           approval.Meta     `json:"meta"`
	CreatedBy      approval.Resource `json:"createdBy"`
}

// pullPolicyOf answers a policy with how its pulls stand.
func pullPolicyOf(p approval.PullPolicy, pull approval.Pull) *pullPolicy {
	out := &pullPolicy{Name: p.Name, SpaceName: p.Space, DisplayName: p.DisplayName, Base: p.Base, Webhook: p.Webhook, Kinds: p.Kinds, Flags: p.Flags, Schedule: p.Schedule, Labels: p.Labels,
		TakeLabels: p.TakeLabels, TakeIdentities: p.TakeIdentities, Status: pullStatusOf(&pull), CreatedBy: p.CreatedBy,
		Meta: approval.Meta{Name: p.Name, Space: p.Space, DisplayName: p.DisplayName, CreateTime: p.CreateTime, UpdateTime: p.UpdateTime}}
	if out.Flags == nil {
		out.Flags = map[string]string{}
	}
	if out.Labels == nil {
		out.Labels = map[string]string{}
	}
	if out.TakeLabels == nil {
		out.TakeLabels = []string{}
	}
	return out
}

// withPulls answers a policy as it stands.
func (a *API) withPulls(ctx context.Context, actor approval.Actor, p approval.PullPolicy, err error) (*pullPolicy, error) {
	if err != nil {
		return nil, below(err, "pullPolicy")
	}
	pull, err := a.Service.Pull(ctx, actor, p.Name)
	if err != nil {
		return nil, err
	}
	return pullPolicyOf(p, pull), nil
}

type pullPolicyList struct {
	PullPolicies []pullPolicy `json:"pullPolicies"`
	NextPage
}

func (a *API) listPullPolicies(ctx context.Context, actor approval.Actor, in wholeIn) (*pullPolicyList, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	found, err := a.Service.PullPolicies(ctx, actor)
	if err != nil {
		return nil, err
	}
	pulls, err := a.Service.Pulls(ctx, actor)
	if err != nil {
		return nil, err
	}
	stand := map[string]approval.Pull{}
	for _, p := range pulls {
		stand[p.Policy] = p
	}
	out := &pullPolicyList{PullPolicies: []pullPolicy{}}
	for _, p := range found {
		out.PullPolicies = append(out.PullPolicies, *pullPolicyOf(p, stand[p.Name]))
	}
	return out, nil
}

type pullPolicyIn struct {
	Name string `path:"name" doc:"The policy's name."`
}

func (a *API) getPullPolicy(ctx context.Context, actor approval.Actor, in pullPolicyIn) (*pullPolicy, error) {
	p, err := a.Service.PullPolicy(ctx, actor, in.Name)
	return a.withPulls(ctx, actor, p, err)
}

type createPullPolicyIn struct{ Body createPullPolicyBody }

type createPullPolicyBody struct {
	PullPolicy pullPolicyInput `json:"pullPolicy"`
}

type pullPolicyInput struct {
	Name string `json:"name" maxLength:"60" doc:"1 to 60 letters, digits, '.', '_', '@' or '-'. The names of what it brings begin with it." example:"roles"`

	PullPolicyFields
}

// PullPolicyFields are what somebody says of a pull policy, besides its name.
type PullPolicyFields struct {
	DisplayName    string              `json:"displayName,omitempty" maxLength:"500"`
	Base           approval.PolicyBase `json:"base,omitzero" doc:"Which of the listed resources are taken: all by default. Conditions look at resource alone, as the endpoint describes it."`
	Webhook        string              `json:"webhook" maxLength:"128" doc:"The name of the webhook that lists them." example:"postgres-roles"`
	Kinds          []string            `json:"kinds" minItems:"1" maxItems:"50" maxLength:"200" doc:"The kinds of resources to ask for, and the only ones that are taken; none of the server's own."`
	Flags          map[string]string   `json:"flags,omitempty" doc:"Sent to the endpoint beside the kinds, at most 50."`
	Schedule       string              `json:"schedule,omitempty" maxLength:"200" doc:"Five fields of cron, at least 5 minutes apart, in UTC or behind CRON_TZ=Zone; left out: only when somebody asks." example:"0 3 * * *"`
	Labels         map[string]string   `json:"labels,omitempty" doc:"That every resource gets which the policy brings, whatever the endpoint says."`
	TakeLabels     []string            `json:"takeLabels,omitempty" maxItems:"64" maxLength:"200" doc:"The labels that are taken from the endpoint, by key; * is all but those below indent.com/. None by default: rules may grant by any of them."`
	TakeIdentities bool                `json:"takeIdentities,omitempty" doc:"Take email and altIds from the endpoint. They say who and what is the same: only for an endpoint that may say who is who."`

	SpaceName ignored `json:"spaceName,omitzero"`
	Status    ignored `json:"status,omitzero"`
	Meta      ignored `json:"meta,omitzero"`
	CreatedBy ignored `json:"createdBy,omitzero"`
}

func (in PullPolicyFields) policy(name string) approval.PullPolicy {
	return approval.PullPolicy{Name: name, DisplayName: in.DisplayName, Base: in.Base, Webhook: in.Webhook, Kinds: in.Kinds, Flags: in.Flags, Schedule: in.Schedule, Labels: in.Labels,
		TakeLabels: in.TakeLabels, TakeIdentities: in.TakeIdentities}
}

func (a *API) createPullPolicy(ctx context.Context, actor approval.Actor, in createPullPolicyIn) (*pullPolicy, error) {
	p, err := a.Service.CreatePullPolicy(ctx, actor, in.Body.PullPolicy.policy(in.Body.PullPolicy.Name))
	return a.withPulls(ctx, actor, p, err)
}

type putPullPolicyIn struct {
	pullPolicyIn
	Body putPullPolicyBody
}

type putPullPolicyBody struct {
	PullPolicy pullPolicyInPlace `json:"pullPolicy"`
}

// pullPolicyInPlace has the name of the path.
type pullPolicyInPlace struct {
	Name ignored `json:"name,omitzero"`

	PullPolicyFields
}

func (a *API) putPullPolicy(ctx context.Context, actor approval.Actor, in putPullPolicyIn) (*pullPolicy, error) {
	p, err := a.Service.PutPullPolicy(ctx, actor, in.Name, in.Body.PullPolicy.policy(in.Name))
	return a.withPulls(ctx, actor, p, err)
}

func (a *API) deletePullPolicy(ctx context.Context, actor approval.Actor, in pullPolicyIn) (empty, error) {
	return empty{}, a.Service.DeletePullPolicy(ctx, actor, in.Name)
}
