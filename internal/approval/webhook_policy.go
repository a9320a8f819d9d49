package approval

import (
	"slices"
	"time"
)

// WebhookPolicy says which calls a webhook gets, and for which resources.
type WebhookPolicy struct {
	Space       string
	Name        string
	DisplayName string
	Labels      map[string]string
	Base        PolicyBase
	Webhook     string // its name
	Calls       []WebhookKind
	// ServiceAccount is whose claims count that the webhook answers to GetDecision; "" where it is not asked.
	ServiceAccount string
	// AccountOwner is who owned that account when it was named: an account of the same id that somebody else owns is another.
	AccountOwner string
	// DecideWithin is how long the webhook has to decide; 0 where it is not asked.
	DecideWithin time.Duration
	CreatedBy    Resource
	CreateTime   time.Time
	UpdateTime   time.Time
	Version      int64 // grows with each change
}

// Limits of webhook policies.
const (
	MaxWebhookPolicies = 100 // of a space
	// DefaultDecideWithin and MaxDecideWithin are how long a webhook has to decide.
	DefaultDecideWithin = 10 * time.Second
	MaxDecideWithin     = time.Minute
	minDecideWithin     = time.Second
)

// PolicyCalls are the calls that a webhook policy can name, the default first.
var PolicyCalls = []WebhookKind{WebhookApply, WebhookDecide, WebhookState}

// Has answers whether the policy names the call.
func (p WebhookPolicy) Has(call WebhookKind) bool { return slices.Contains(p.Calls, call) }

// Check refuses a policy that is out of its limits. Whether its conditions compile and its names exist is not looked at.
func (p WebhookPolicy) Check() error {
	if err := firstError(checkName("name", p.Name), checkLine("displayName", p.DisplayName, MaxDisplayName), checkLabels("labels", p.Labels), checkName("webhook", p.Webhook),
		checkOptionalName("serviceAccount", p.ServiceAccount)); err != nil {
		return err
	}
	if len(p.Calls) == 0 {
		return FieldError("calls", "is required: at least one of %s", Joined(PolicyCalls))
	}
	for i, c := range p.Calls {
		switch {
		case !slices.Contains(PolicyCalls, c):
			return FieldError("calls", "has %.100q; there are %s", c, Joined(PolicyCalls))
		case slices.Contains(p.Calls[:i], c):
			return FieldError("calls", "has %s twice", c)
		}
	}
	switch decides := p.Has(WebhookDecide); {
	case decides && p.ServiceAccount == "":
		return FieldError("serviceAccount", "is required for %s: the claims that the webhook answers are those of this service account", WebhookDecide)
	case !decides && p.ServiceAccount != "":
		return FieldError("serviceAccount", "is only for %s: add it to calls, or leave the account out", WebhookDecide)
	case !decides && p.DecideWithin != 0:
		return FieldError("decideWithin", "is only for %s: add it to calls, or leave it out", WebhookDecide)
	case decides && (p.DecideWithin < minDecideWithin || p.DecideWithin > MaxDecideWithin):
		return FieldError("decideWithin", "must be from %s to %s, such as %s", Span(minDecideWithin), Span(MaxDecideWithin), Span(DefaultDecideWithin))
	}
	return nil
}

// resource answers the policy as it appears in events.
func (p WebhookPolicy) resource() Resource {
	return Resource{ID: p.Name, Kind: "webhookPolicy", DisplayName: p.DisplayName}
}

type (
	// PutWebhookPolicy inserts the policy (Expect 0; a name that exists is a Conflict) or replaces it if its version is Expect; the
	// store writes Expect+1.
	PutWebhookPolicy struct {
		Policy WebhookPolicy
		Expect int64
	}
	// DeleteWebhookPolicy deletes by name; a name that does not exist is NotFound.
	DeleteWebhookPolicy struct{ Name string }
)

func (PutWebhookPolicy) write()    {}
func (DeleteWebhookPolicy) write() {}
