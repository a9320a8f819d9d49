package indent

import (
	"context"
	"encoding/json"
	"iter"
	"time"
)

// PolicyBase says which resources a webhook policy is about: those that the selector takes and of which all conditions hold. An
// empty one is about everything.
type PolicyBase struct {
	Selector   LabelSelector `json:"selector,omitzero"`
	Conditions []string      `json:"conditions,omitempty"` // CEL over petition, resource and petitioner
}

// LabelSelector is a label selector with the fields of Kubernetes: all of it must hold.
type LabelSelector struct {
	MatchLabels      map[string]string `json:"matchLabels,omitempty"`
	MatchExpressions []LabelExpression `json:"matchExpressions,omitempty"`
}

// LabelExpression is one term of a selector.
type LabelExpression struct {
	Key      string   `json:"key"`
	Operator string   `json:"operator"` // In, NotIn, Exists or DoesNotExist
	Values   []string `json:"values,omitempty"`
}

// The calls that a webhook policy can name.
const (
	CallApplyUpdate = "ApplyUpdate" // grant and revoke
	CallGetDecision = "GetDecision" // decide a petition, or leave it to people
	CallGetState    = "GetState"    // say whether somebody has access
)

// WebhookPolicy says which calls a webhook gets, and for which resources.
type WebhookPolicy struct {
	Name           string            `json:"name"`
	SpaceName      string            `json:"spaceName,omitempty"`
	DisplayName    string            `json:"displayName,omitempty"`
	Labels         map[string]string `json:"labels,omitempty"`
	Base           PolicyBase        `json:"base"`
	Webhook        string            `json:"webhook"` // its name
	Calls          []string          `json:"calls"`
	ServiceAccount string            `json:"serviceAccount,omitempty"` // whose claims count that the webhook answers to GetDecision
	DecideWithin   Seconds           `json:"decideWithin,omitzero"`    // how long the webhook has to decide
	Meta           Meta              `json:"meta,omitzero"`
	CreatedBy      Resource          `json:"createdBy,omitzero"`
}

func (p *WebhookPolicy) check() error {
	if p.Name == "" || p.Webhook == "" {
		return malformed("a webhook policy has no name, or no webhook")
	}
	return nil
}

// Seconds is a length of time that is written as protobuf writes it in JSON, such as "10s" or "2.5s".
type Seconds time.Duration

// MarshalJSON implements [json.Marshaler].
func (s Seconds) MarshalJSON() ([]byte, error) { return json.Marshal(writeDuration(time.Duration(s))) }

// UnmarshalJSON implements [json.Unmarshaler].
func (s *Seconds) UnmarshalJSON(text []byte) error {
	var written string
	if err := json.Unmarshal(text, &written); err != nil {
		return err
	}
	d, err := readDuration(written)
	*s = Seconds(d)
	return err
}

// NewWebhookPolicy is a webhook policy to be made, or what is to be in the place of one.
type NewWebhookPolicy struct {
	Name           string            `json:"name,omitempty"` // default: the server makes one
	DisplayName    string            `json:"displayName,omitempty"`
	Labels         map[string]string `json:"labels,omitempty"`
	Base           PolicyBase        `json:"base,omitzero"`     // default: everything
	Webhook        string            `json:"webhook,omitempty"` // the name of one that is there
	Calls          []string          `json:"calls,omitempty"`
	ServiceAccount string            `json:"serviceAccount,omitempty"` // for GetDecision
	DecideWithin   Seconds           `json:"decideWithin,omitzero"`    // for GetDecision, 1 to 60 seconds; default 10
}

// WebhookPolicyChange is what to change of a webhook policy; nil leaves a field as it is. Labels, Base and Calls are changed as a
// whole.
type WebhookPolicyChange struct {
	DisplayName    *string           `json:"displayName,omitzero"`
	Labels         map[string]string `json:"labels,omitzero"`
	Base           *PolicyBase       `json:"base,omitzero"`
	Webhook        *string           `json:"webhook,omitzero"`
	Calls          []string          `json:"calls,omitzero"`
	ServiceAccount *string           `json:"serviceAccount,omitzero"`
	DecideWithin   *Seconds          `json:"decideWithin,omitzero"`
}

// WebhookPolicyTest asks which calls a policy would let its webhook have.
type WebhookPolicyTest struct {
	Policy        string            `json:"policy,omitempty"`       // the name of one of the space, or
	WebhookPolicy *NewWebhookPolicy `json:"webhookPolicy,omitzero"` // one that need not be there
	Petition      string            `json:"petition,omitempty"`     // the name of one that was made, or
	Resources     []Resource        `json:"resources,omitempty"`    // what somebody would ask for
	Petitioners   []Resource        `json:"petitioners,omitempty"`  // default: the caller
	Params        any               `json:"params,omitempty"`       // what encoding/json writes as an object
	Duration      Seconds           `json:"defaultDuration,omitzero"`
}

// WebhookPolicyTrial is what came of it.
type WebhookPolicyTrial struct {
	Policy    string          `json:"policy"`
	Webhook   string          `json:"webhook"`
	Resources []ResourceTrial `json:"resources"`
}

// ResourceTrial is what a policy makes of one resource.
type ResourceTrial struct {
	Resource Resource   `json:"resource"` // as it is asked for
	Seen     []Resource `json:"seen"`     // what the directory has of it, with the labels that a selector looks at
	Matches  bool       `json:"matches"`
	Calls    []string   `json:"calls"`             // that would go
	Problem  string     `json:"problem,omitempty"` // why nobody can tell
}

// WebhookPolicies lists the space's webhook policies by name.
func (c *Client) WebhookPolicies(ctx context.Context) iter.Seq2[WebhookPolicy, error] {
	return listed[WebhookPolicy](ctx, c, c.inSpace("/webhookPolicies"), "webhookPolicies", nil)
}

// WebhookPolicy answers one webhook policy; an unknown one is [ErrNotFound].
func (c *Client) WebhookPolicy(ctx context.Context, name string) (WebhookPolicy, error) {
	path, err := c.webhookPolicyPath(name)
	if err != nil {
		return WebhookPolicy{}, err
	}
	return answered[WebhookPolicy](ctx, c, call{method: "GET", path: path, repeatable: true})
}

// CreateWebhookPolicy makes a webhook policy. A webhook that is not there, or a condition that does not compile, is [ErrInvalid];
// a service account whose tokens the caller may not make is [ErrForbidden], and a name that exists [ErrConflict].
func (c *Client) CreateWebhookPolicy(ctx context.Context, n NewWebhookPolicy) (WebhookPolicy, error) {
	body := map[string]NewWebhookPolicy{"webhookPolicy": n}
	return answered[WebhookPolicy](ctx, c, call{method: "POST", path: c.inSpace("/webhookPolicies"), body: body})
}

// ReplaceWebhookPolicy puts n, but for its name, in the place of a webhook policy: what it leaves out is as it is by default.
func (c *Client) ReplaceWebhookPolicy(ctx context.Context, name string, n NewWebhookPolicy) (WebhookPolicy, error) {
	path, err := c.webhookPolicyPath(name)
	if err != nil {
		return WebhookPolicy{}, err
	}
	body := map[string]NewWebhookPolicy{"webhookPolicy": n}
	return answered[WebhookPolicy](ctx, c, call{method: "PUT", path: path, body: body, repeatable: true})
}

// UpdateWebhookPolicy changes a webhook policy. Where a service account decides afterwards, only who may make its tokens does.
func (c *Client) UpdateWebhookPolicy(ctx context.Context, name string, change WebhookPolicyChange) (WebhookPolicy, error) {
	path, err := c.webhookPolicyPath(name)
	if err != nil {
		return WebhookPolicy{}, err
	}
	body := map[string]WebhookPolicyChange{"webhookPolicy": change}
	return answered[WebhookPolicy](ctx, c, call{method: "PATCH", path: path, body: body})
}

// DeleteWebhookPolicy deletes a webhook policy.
func (c *Client) DeleteWebhookPolicy(ctx context.Context, name string) error {
	path, err := c.webhookPolicyPath(name)
	if err != nil {
		return err
	}
	return c.do(ctx, call{method: "DELETE", path: path})
}

// TestWebhookPolicy answers which calls a webhook policy would let its webhook have. Nothing is written or sent.
func (c *Client) TestWebhookPolicy(ctx context.Context, t WebhookPolicyTest) (WebhookPolicyTrial, error) {
	return answered[WebhookPolicyTrial](ctx, c, call{method: "POST", path: c.inSpace("/webhooks:testPolicy"), body: t, repeatable: true})
}

func (c *Client) webhookPolicyPath(name string) (string, error) {
	name, err := segment("webhook policy", name)
	return c.inSpace("/webhookPolicies/" + name), err
}
