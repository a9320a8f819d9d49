package api

import (
	"context"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/indent-approvals/indent/internal/approval"
)

// webhookPolicy is a webhook policy on the wire.
type webhookPolicy struct {
	Name           string              `json:"name" example:"production-databases"`
	SpaceName      string              `json:"spaceName"`
	DisplayName    string              `json:"displayName"`
	Labels         map[string]string   `json:"labels"`
	Base           approval.PolicyBase `json:"base" doc:"Which resources it is about."`
	Webhook        string              `json:"webhook" doc:"The name of the webhook that gets the calls." example:"postgres-roles"`
	Calls          []string            `json:"calls" doc:"ApplyUpdate, GetDecision, GetState."`
	ServiceAccount string              `json:"serviceAccount,omitempty" doc:"Whose claims count that the webhook answers to GetDecision." example:"on-call-bot"`
	DecideWithin   string              `json:"decideWithin,omitempty" doc:"How long the webhook has to decide." example:"10s"`
	Meta           approval.Meta       `json:"meta"`
	CreatedBy      approval.Resource   `json:"createdBy"`
}

func webhookPolicyOf(p approval.WebhookPolicy) *webhookPolicy {
	out := &webhookPolicy{Name: p.Name, SpaceName: p.Space, DisplayName: p.DisplayName, Labels: p.Labels, Base: p.Base, Webhook: p.Webhook, Calls: textsOfCalls(p.Calls),
		ServiceAccount: p.ServiceAccount, DecideWithin: durationIf(p.DecideWithin), CreatedBy: p.CreatedBy,
		Meta: approval.Meta{Name: p.Name, Space: p.Space, DisplayName: p.DisplayName, Labels: p.Labels, CreateTime: p.CreateTime, UpdateTime: p.UpdateTime}}
	if out.Labels == nil {
		out.Labels = map[string]string{}
	}
	return out
}

func textsOfCalls(calls []approval.WebhookKind) []string {
	out := make([]string, len(calls))
	for i, c := range calls {
		out[i] = string(c)
	}
	return out
}

// callsOf answers nil for nil.
func callsOf(texts []string) (calls []approval.WebhookKind) {
	for _, t := range texts {
		calls = append(calls, approval.WebhookKind(t))
	}
	if texts != nil && calls == nil {
		calls = []approval.WebhookKind{}
	}
	return calls
}

type webhookPolicyList struct {
	WebhookPolicies []webhookPolicy `json:"webhookPolicies"`
	NextPage
}

func (a *API) listWebhookPolicies(ctx context.Context, actor approval.Actor, in wholeIn) (*webhookPolicyList, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	found, err := a.Service.WebhookPolicies(ctx, actor)
	if err != nil {
		return nil, err
	}
	out := &webhookPolicyList{WebhookPolicies: []webhookPolicy{}}
	for _, p := range found {
		out.WebhookPolicies = append(out.WebhookPolicies, *webhookPolicyOf(p))
	}
	return out, nil
}

type webhookPolicyIn struct {
	Name string `path:"name" doc:"The policy's name."`
}

func (a *API) getWebhookPolicy(ctx context.Context, actor approval.Actor, in webhookPolicyIn) (*webhookPolicy, error) {
	p, err := a.Service.WebhookPolicy(ctx, actor, in.Name)
	if err != nil {
		return nil, err
	}
	return webhookPolicyOf(p), nil
}

type createWebhookPolicyIn struct{ Body webhookPolicyBody }

type webhookPolicyBody struct {
	WebhookPolicy webhookPolicyInput `json:"webhookPolicy"`
}

type webhookPolicyInput struct {
	Name string `json:"name,omitempty" maxLength:"128" doc:"1 to 128 letters, digits, '.', '_', '@' or '-'; the server makes one where it is left out." example:"production-databases"`

	WebhookPolicyFields
}

// WebhookPolicyFields are what somebody says of a webhook policy, besides its name.
type WebhookPolicyFields struct {
	DisplayName    string              `json:"displayName,omitempty" maxLength:"500"`
	Labels         map[string]string   `json:"labels,omitempty"`
	Base           approval.PolicyBase `json:"base,omitzero" doc:"Which resources it is about: all by default."`
	Webhook        string              `json:"webhook,omitempty" maxLength:"128" doc:"The name of the webhook that gets the calls." example:"postgres-roles"`
	Calls          []string            `json:"calls,omitempty" maxItems:"3" maxLength:"100" doc:"ApplyUpdate, GetDecision, GetState; ApplyUpdate by default."`
	ServiceAccount string              `json:"serviceAccount,omitempty" maxLength:"128" doc:"For GetDecision: whose claims count that the webhook answers. Only who may make its tokens names it."`
	DecideWithin   string              `json:"decideWithin,omitempty" pattern:"^[0-9]{1,9}(\\.[0-9]{1,6})?s$" doc:"For GetDecision: how long the webhook has to decide, from 1s to 60s; 10s by default." example:"10s"`

	SpaceName ignored `json:"spaceName,omitzero"`
	Meta      ignored `json:"meta,omitzero"`
	CreatedBy ignored `json:"createdBy,omitzero"`
}

func (in WebhookPolicyFields) policy(name string) (n approval.NewWebhookPolicy, err error) {
	n = approval.NewWebhookPolicy{Name: name, DisplayName: in.DisplayName, Labels: in.Labels, Base: in.Base, Webhook: in.Webhook, Calls: callsOf(in.Calls),
		ServiceAccount: in.ServiceAccount}
	n.DecideWithin, err = typedDuration("decideWithin", in.DecideWithin)
	return n, err
}

// typedDuration reads a duration that may be left out.
func typedDuration(field, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	return parseDuration(field, text)
}

func (a *API) createWebhookPolicy(ctx context.Context, actor approval.Actor, in createWebhookPolicyIn) (*webhookPolicy, error) {
	n, err := in.Body.WebhookPolicy.policy(in.Body.WebhookPolicy.Name)
	if err != nil {
		return nil, below(err, "webhookPolicy")
	}
	p, err := a.Service.CreateWebhookPolicy(ctx, actor, n)
	if err != nil {
		return nil, below(err, "webhookPolicy")
	}
	return webhookPolicyOf(p), nil
}

type putWebhookPolicyIn struct {
	webhookPolicyIn
	Body putWebhookPolicyBody
}

type putWebhookPolicyBody struct {
	WebhookPolicy webhookPolicyInPlace `json:"webhookPolicy"`
}

// webhookPolicyInPlace keeps the name that it has.
type webhookPolicyInPlace struct {
	Name ignored `json:"name,omitzero"`

	WebhookPolicyFields
}

// putWebhookPolicy replaces one that is there: what is left out is as it is by default.
func (a *API) putWebhookPolicy(ctx context.Context, actor approval.Actor, in putWebhookPolicyIn) (*webhookPolicy, error) {
	said := in.Body.WebhookPolicy
	n, err := said.policy(in.Name)
	if err != nil {
		return nil, below(err, "webhookPolicy")
	}
	if len(n.Calls) == 0 {
		n.Calls = approval.PolicyCalls[:1]
	}
	if n.Labels == nil {
		n.Labels = map[string]string{}
	}
	change := approval.WebhookPolicyChange{DisplayName: &n.DisplayName, Labels: n.Labels, Base: &n.Base, Webhook: &n.Webhook, Calls: n.Calls, ServiceAccount: &n.ServiceAccount}
	if said.DecideWithin != "" {
		change.DecideWithin = &n.DecideWithin
	}
	return a.changeWebhookPolicy(ctx, actor, in.Name, change)
}

func (a *API) changeWebhookPolicy(ctx context.Context, actor approval.Actor, name string, change approval.WebhookPolicyChange) (*webhookPolicy, error) {
	p, err := a.Service.ChangeWebhookPolicy(ctx, actor, name, change)
	if err != nil {
		return nil, below(err, "webhookPolicy")
	}
	return webhookPolicyOf(p), nil
}

type updateWebhookPolicyIn struct {
	webhookPolicyIn
	Body updateWebhookPolicyBody
}

type updateWebhookPolicyBody struct {
	WebhookPolicy webhookPolicyChange `json:"webhookPolicy"`
}

type webhookPolicyChange struct {
	DisplayName    *string              `json:"displayName,omitzero" maxLength:"500"`
	Labels         map[string]string    `json:"labels,omitzero" doc:"The whole of them."`
	Base           *approval.PolicyBase `json:"base,omitzero" doc:"The whole of it."`
	Webhook        *string              `json:"webhook,omitzero" maxLength:"128"`
	Calls          []string             `json:"calls,omitzero" maxItems:"3" maxLength:"100" doc:"The whole of them. Without GetDecision, what is only for it goes."`
	ServiceAccount *string              `json:"serviceAccount,omitzero" maxLength:"128"`
	DecideWithin   *string              `json:"decideWithin,omitzero" pattern:"^[0-9]{1,9}(\\.[0-9]{1,6})?s$"`

	Name      ignored `json:"name,omitzero"`
	SpaceName ignored `json:"spaceName,omitzero"`
	Meta      ignored `json:"meta,omitzero"`
	CreatedBy ignored `json:"createdBy,omitzero"`
}

func (a *API) updateWebhookPolicy(ctx context.Context, actor approval.Actor, in updateWebhookPolicyIn) (*webhookPolicy, error) {
	c := in.Body.WebhookPolicy
	change := approval.WebhookPolicyChange{DisplayName: c.DisplayName, Labels: c.Labels, Base: c.Base, Webhook: c.Webhook, Calls: callsOf(c.Calls), ServiceAccount: c.ServiceAccount}
	if c.DecideWithin != nil {
		within, err := parseDuration("decideWithin", *c.DecideWithin)
		if err != nil {
			return nil, below(err, "webhookPolicy")
		}
		change.DecideWithin = &within
	}
	return a.changeWebhookPolicy(ctx, actor, in.Name, change)
}

func (a *API) deleteWebhookPolicy(ctx context.Context, actor approval.Actor, in webhookPolicyIn) (empty, error) {
	return empty{}, a.Service.DeleteWebhookPolicy(ctx, actor, in.Name)
}

type testWebhookPolicyIn struct{ Body testWebhookPolicyBody }

type testWebhookPolicyBody struct {
	Policy        string              `json:"policy,omitempty" maxLength:"128" doc:"The name of a webhook policy of the space; or webhookPolicy."`
	WebhookPolicy *webhookPolicyInput `json:"webhookPolicy,omitzero" doc:"One that need not be there."`
	Petition      string              `json:"petition,omitempty" maxLength:"128" doc:"The name of a petition that was made; or resources, for what somebody would ask for."`
	Resources     []approval.Resource `json:"resources,omitempty" maxItems:"100"`
	Petitioners   []approval.Resource `json:"petitioners,omitempty" maxItems:"20" doc:"Who would ask; the caller by default."`
	Params        jsontext.Value      `json:"params,omitzero" doc:"A JSON object."`
	Duration      string              `json:"defaultDuration,omitempty" pattern:"^[0-9]{1,9}(\\.[0-9]{1,6})?s$" example:"3600s"`
}

type testWebhookPolicyOut struct {
	Policy    string          `json:"policy" doc:"The name of the policy."`
	Webhook   string          `json:"webhook"`
	Resources []resourceTrial `json:"resources" doc:"Those that are asked for, in their order."`
}

// resourceTrial is what a policy makes of one resource.
type resourceTrial struct {
	Resource approval.Resource   `json:"resource"`
	Seen     []approval.Resource `json:"seen" doc:"What the directory has of it, with the labels that a selector looks at."`
	Matches  bool                `json:"matches"`
	Calls    []string            `json:"calls" doc:"That the webhook would get. A decision is on the whole of a petition: GetDecision goes only where the policy takes all of it."`
	Problem  string              `json:"problem,omitempty" doc:"Why nobody can tell."`
}

func (a *API) testWebhookPolicy(ctx context.Context, actor approval.Actor, in testWebhookPolicyIn) (*testWebhookPolicyOut, error) {
	b := in.Body
	t := approval.WebhookPolicyTest{Name: b.Policy, Petition: b.Petition}
	if b.WebhookPolicy != nil {
		n, err := b.WebhookPolicy.policy(b.WebhookPolicy.Name)
		if err != nil {
			return nil, below(err, "webhookPolicy")
		}
		t.Policy = &n
	}
	if b.Petition == "" || len(b.Resources) > 0 {
		asked := approval.NewPetition{Resources: b.Resources, Petitioners: b.Petitioners}
		if b.Params.Kind() != 'n' {
			asked.Params = approval.RawJSON(b.Params)
		}
		var err error
		if asked.Duration, err = typedDuration("defaultDuration", b.Duration); err != nil {
			return nil, err
		}
		t.Asked = &asked
	}
	got, err := a.Service.TryWebhookPolicy(ctx, actor, t)
	if err != nil {
		return nil, placed(err, func(field string) string { return strings.TrimPrefix(field, "petition.") })
	}
	out := &testWebhookPolicyOut{Policy: got.Policy.Name, Webhook: got.Policy.Webhook, Resources: []resourceTrial{}}
	for _, r := range got.Resources {
		out.Resources = append(out.Resources, resourceTrial{Resource: r.Resource, Seen: r.Seen, Matches: r.Matches, Calls: textsOfCalls(r.Calls), Problem: r.Problem})
	}
	return out, nil
}
