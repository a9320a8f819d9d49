package approval

import (
	"cmp"
	"context"
	"slices"
)

// WebhookPolicyTest asks which calls a policy would give its webhook.
type WebhookPolicyTest struct {
	Name   string            // of a policy of the space; or
	Policy *NewWebhookPolicy // one that need not be there
	// Petition is the name of one that was made; or Asked is what somebody would ask for.
	Petition string
	Asked    *NewPetition
}

// WebhookPolicyTrial is what came of it.
type WebhookPolicyTrial struct {
	Policy    WebhookPolicy
	Resources []ResourceTrial // those of the petition, in its order
}

// ResourceTrial is what a policy makes of one resource of a petition.
type ResourceTrial struct {
	Resource Resource // as it is asked for
	// Seen are the entries that the directory has of it, with the labels that a selector looks at; where it has none, the kind and
	// the id that were asked for.
	Seen    []Resource
	Matches bool
	Calls   []WebhookKind // that the webhook would get
	// Problem says why nobody can tell, "" when somebody can.
	Problem string
}

// TryWebhookPolicy answers which resources of a petition a policy is about, and which calls would go. Nothing is written or sent. It
// shows, and a condition asks for, what the directory has of them: who tries needs the right to read that.
func (s *Service) TryWebhookPolicy(ctx context.Context, a Actor, t WebhookPolicyTest) (WebhookPolicyTrial, error) {
	for _, need := range []Permission{ReadWebhooks, ReadResources} {
		if err := s.Authorize(ctx, a, need, "test webhook policy"); err != nil {
			return WebhookPolicyTrial{}, err
		}
	}
	if err := firstError(checkOptionalName("policy", t.Name), checkOptionalName("petition", t.Petition)); err != nil {
		return WebhookPolicyTrial{}, err
	}
	leave, err := s.trying.enter(a.Space)
	if err != nil {
		return WebhookPolicyTrial{}, err
	}
	defer leave()
	policy, err := s.triedPolicy(ctx, a, t)
	if err != nil {
		return WebhookPolicyTrial{}, err
	}
	p, err := s.triedPetition(ctx, a, t)
	if err != nil {
		return WebhookPolicyTrial{}, err
	}
	out := WebhookPolicyTrial{Policy: policy}
	for _, r := range p.Resources {
		about, err := s.askedFor(ctx, &p, r)
		if err != nil {
			return WebhookPolicyTrial{}, err
		}
		trial := ResourceTrial{Resource: r, Seen: about.entries}
		trial.Matches, err = s.takes(ctx, policy.Base, about)
		if CodeOf(err) == Unavailable {
			return WebhookPolicyTrial{}, err
		}
		if err != nil {
			trial.Problem = err.Error()
		}
		out.Resources = append(out.Resources, trial)
	}
	all := !slices.ContainsFunc(out.Resources, func(r ResourceTrial) bool { return !r.Matches })
	for i := range out.Resources {
		for _, call := range policy.Calls {
			// A decision is on the whole of what is asked for.
			if out.Resources[i].Matches && (call != WebhookDecide || all) {
				out.Resources[i].Calls = append(out.Resources[i].Calls, call)
			}
		}
	}
	return out, nil
}

func (s *Service) triedPolicy(ctx context.Context, a Actor, t WebhookPolicyTest) (WebhookPolicy, error) {
	if (t.Name == "") == (t.Policy == nil) {
		return WebhookPolicy{}, FieldError("policy", "is required: the name of a webhook policy, or in webhookPolicy one to try, not both")
	}
	if t.Policy == nil {
		return s.webhookPolicy(ctx, a.Space, t.Name)
	}
	n := *t.Policy
	n.Name, n.Webhook = cmp.Or(n.Name, "tried"), cmp.Or(n.Webhook, "tried")
	p := n.policy(a, s.Clock.Now())
	if p.Has(WebhookDecide) {
		p.ServiceAccount = cmp.Or(p.ServiceAccount, "tried") // whose claims count changes nothing here
	}
	if err := p.Check(); err != nil {
		return p, under("webhookPolicy", err)
	}
	return p, under("webhookPolicy.base", s.checkBase(p.Base))
}

func (s *Service) triedPetition(ctx context.Context, a Actor, t WebhookPolicyTest) (p Petition, err error) {
	switch {
	case (t.Petition == "") == (t.Asked == nil):
		return p, FieldError("petition", "is required: the name of a petition that was made, or in asked what somebody would ask for, not both")
	case t.Asked == nil:
		return s.find(ctx, &a, t.Petition)
	}
	n := *t.Asked
	n.Reason = cmp.Or(n.Reason, "a test of a webhook policy") // which no condition looks at
	if n, err = n.Check(); err != nil {
		return p, err
	}
	_, err = s.outline(ctx, a, &n, &p)
	return p, err
}
