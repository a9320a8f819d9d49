package approval

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// NewWebhookPolicy is what somebody who makes a webhook policy says.
type NewWebhookPolicy struct {
	Name           string // "": the server makes one
	DisplayName    string
	Labels         map[string]string
	Base           PolicyBase
	Webhook        string
	Calls          []WebhookKind // none: ApplyUpdate
	ServiceAccount string
	DecideWithin   time.Duration // 0: DefaultDecideWithin where the webhook decides
}

// WebhookPolicyChange is what to change of a webhook policy; nil leaves a field as it is. What is only for GetDecision goes with it.
type WebhookPolicyChange struct {
	DisplayName    *string
	Labels         map[string]string
	Base           *PolicyBase
	Webhook        *string
	Calls          []WebhookKind
	ServiceAccount *string
	DecideWithin   *time.Duration
	// Expect is the version that the change was made of, so that it does not undo what somebody else has changed since; 0 is whichever.
	Expect int64
}

// WebhookPolicy answers one webhook policy.
func (s *Service) WebhookPolicy(ctx context.Context, a Actor, name string) (WebhookPolicy, error) {
	if err := s.Authorize(ctx, a, ReadWebhooks, "get webhook policy"); err != nil {
		return WebhookPolicy{}, err
	}
	return s.webhookPolicy(ctx, a.Space, name)
}

func (s *Service) webhookPolicy(ctx context.Context, space, name string) (WebhookPolicy, error) {
	if checkName("name", name) != nil {
		return WebhookPolicy{}, Errorf(NotFound, "there is no webhook policy %.100q in %s", name, space)
	}
	return s.Store.WebhookPolicy(ctx, space, name)
}

// WebhookPolicies answers all webhook policies of the space, by name.
func (s *Service) WebhookPolicies(ctx context.Context, a Actor) ([]WebhookPolicy, error) {
	if err := s.Authorize(ctx, a, ReadWebhooks, "list webhook policies"); err != nil {
		return nil, err
	}
	return s.Store.WebhookPolicies(ctx, a.Space)
}

// CreateWebhookPolicy makes a webhook policy. Its webhook must exist. Who names a service account must be able to make tokens of
// it, for who answers the webhook's calls decides as that account (I7).
func (s *Service) CreateWebhookPolicy(ctx context.Context, a Actor, n NewWebhookPolicy) (WebhookPolicy, error) {
	if err := s.Authorize(ctx, a, WriteWebhooks, "create webhook policy"); err != nil {
		return WebhookPolicy{}, err
	}
	p := n.policy(a, s.Clock.Now())
	if p.Name == "" {
		p.Name = s.IDs.UUID()
	}
	return again(func() (WebhookPolicy, error) {
		others, err := s.Store.WebhookPolicies(ctx, a.Space)
		if err != nil {
			return WebhookPolicy{}, err
		}
		if len(others) >= MaxWebhookPolicies {
			return WebhookPolicy{}, Errorf(Conflict, "the space has %d webhook policies, more cannot be: delete one", MaxWebhookPolicies)
		}
		if slices.ContainsFunc(others, func(o WebhookPolicy) bool { return o.Name == p.Name }) {
			return WebhookPolicy{}, Errorf(Conflict, "there is a webhook policy %s in %s already: change it, or choose another name", p.Name, a.Space)
		}
		return s.putWebhookPolicy(ctx, a, p, EventWebhookPolicyCreate, "")
	})
}

// policy answers the policy as it was said, with what is left out.
func (n NewWebhookPolicy) policy(a Actor, now time.Time) WebhookPolicy {
	p := WebhookPolicy{Space: a.Space, Name: n.Name, DisplayName: n.DisplayName, Labels: n.Labels, Base: n.Base, Webhook: n.Webhook, Calls: n.Calls,
		ServiceAccount: n.ServiceAccount, DecideWithin: n.DecideWithin, CreatedBy: a.madeBy(), CreateTime: now, UpdateTime: now}
	if len(p.Calls) == 0 {
		p.Calls = PolicyCalls[:1]
	}
	if p.DecideWithin == 0 && p.Has(WebhookDecide) {
		p.DecideWithin = DefaultDecideWithin
	}
	return p
}

// ChangeWebhookPolicy changes a webhook policy. Where a service account decides after the change, it is as if it were named anew.
func (s *Service) ChangeWebhookPolicy(ctx context.Context, a Actor, name string, change WebhookPolicyChange) (WebhookPolicy, error) {
	if err := s.Authorize(ctx, a, WriteWebhooks, "change webhook policy"); err != nil {
		return WebhookPolicy{}, err
	}
	return again(func() (WebhookPolicy, error) {
		p, err := s.webhookPolicy(ctx, a.Space, name)
		if err != nil {
			return WebhookPolicy{}, err
		}
		if change.Expect != 0 && change.Expect != p.Version {
			return WebhookPolicy{}, changedSince("webhook policy", name)
		}
		told := change.apply(&p)
		p.UpdateTime = s.Clock.Now()
		return s.putWebhookPolicy(ctx, a, p, EventWebhookPolicyUpdate, strings.Join(told, ", "))
	})
}

// apply changes the policy and answers what was named.
func (c WebhookPolicyChange) apply(p *WebhookPolicy) (told []string) {
	if c.DisplayName != nil {
		p.DisplayName, told = *c.DisplayName, append(told, "displayName")
	}
	if c.Labels != nil {
		p.Labels, told = maps.Clone(c.Labels), append(told, "labels")
	}
	if c.Base != nil {
		p.Base, told = *c.Base, append(told, "base")
	}
	if c.Webhook != nil {
		p.Webhook, told = *c.Webhook, append(told, "webhook")
	}
	if c.Calls != nil {
		p.Calls, told = slices.Clone(c.Calls), append(told, "calls")
	}
	if !p.Has(WebhookDecide) {
		p.ServiceAccount, p.AccountOwner, p.DecideWithin = "", "", 0
	} else if p.DecideWithin == 0 {
		p.DecideWithin = DefaultDecideWithin
	}
	if c.ServiceAccount != nil {
		p.ServiceAccount, told = *c.ServiceAccount, append(told, "serviceAccount")
	}
	if c.DecideWithin != nil {
		p.DecideWithin, told = *c.DecideWithin, append(told, "decideWithin")
	}
	return told
}

// putWebhookPolicy checks the policy and writes it. Its webhook is written with it, so that nobody deletes it, or sends it elsewhere,
// at the same moment.
func (s *Service) putWebhookPolicy(ctx context.Context, a Actor, p WebhookPolicy, event, reason string) (WebhookPolicy, error) {
	if err := p.Check(); err != nil {
		return WebhookPolicy{}, err
	}
	if err := s.checkBase(p.Base); err != nil {
		return WebhookPolicy{}, under("base", err)
	}
	hook, err := s.webhook(ctx, a.Space, p.Webhook)
	if CodeOf(err) == NotFound {
		return WebhookPolicy{}, FieldError("webhook", "names %q, and there is no such webhook in %s: make it first", p.Webhook, a.Space)
	}
	if err != nil {
		return WebhookPolicy{}, err
	}
	about := []Resource{p.resource(), hook.resource()}
	if p.ServiceAccount != "" {
		account, err := s.mayActAs(ctx, a, p.ServiceAccount)
		if err != nil {
			return WebhookPolicy{}, err
		}
		p.AccountOwner, about = account.Person, append(about, account.Resource())
	}
	e := s.event(a, p.UpdateTime, event, reason, about, nil)
	writes := []Write{PutWebhookPolicy{Policy: p, Expect: p.Version}, PutWebhook{Webhook: hook, Expect: hook.Version}}
	if p.Has(WebhookState) {
		writes = append(writes, adoptJob(a.Space, p.Webhook, p.UpdateTime))
	}
	err = s.commitRead(ctx, Change{Space: a.Space, Events: []Event{e}, Writes: writes})
	p.Version++
	return p, err
}

// mayActAs answers the service account if the actor may make a token of it that claims; otherwise it is refused as that token would be.
func (s *Service) mayActAs(ctx context.Context, a Actor, account string) (Member, error) {
	m, err := s.tokenHolder(ctx, a, TokenRequest{Kind: TokenService, Member: account})
	if code := CodeOf(err); code == NotFound || code == Invalid {
		return m, FieldError("serviceAccount", "names %.100q, which is no service account of %s: make one first", account, a.Space)
	}
	if err != nil {
		return m, err
	}
	if _, err = narrow(a, m, []Permission{CreateClaims}); CodeOf(err) == Forbidden {
		err = s.refuse(ctx, a, "decide as service account "+m.ID, "", err)
	}
	return m, err
}

// DeleteWebhookPolicy deletes a webhook policy. What it has granted by a webhook is taken away by it as before.
func (s *Service) DeleteWebhookPolicy(ctx context.Context, a Actor, name string) error {
	if err := s.Authorize(ctx, a, WriteWebhooks, "delete webhook policy"); err != nil {
		return err
	}
	p, err := s.webhookPolicy(ctx, a.Space, name)
	if err != nil {
		return err
	}
	e := s.event(a, s.Clock.Now(), EventWebhookPolicyDelete, "", []Resource{p.resource()}, nil)
	return s.commit(ctx, Change{Space: a.Space, Writes: []Write{DeleteWebhookPolicy{Name: name}}, Events: []Event{e}})
}

// unused refuses (Conflict) to lose a webhook that a policy names.
func (s *Service) unused(ctx context.Context, w Webhook) error {
	by, err := s.policiesOf(ctx, w)
	if err != nil || len(by) == 0 {
		return err
	}
	return Errorf(Conflict, "the webhook %s is named by the webhook policy %s: change or delete that first", w.Name, by[0].Name)
}

func (s *Service) policiesOf(ctx context.Context, w Webhook) ([]WebhookPolicy, error) {
	all, err := s.Store.WebhookPolicies(ctx, w.Space)
	return slices.DeleteFunc(all, func(p WebhookPolicy) bool { return p.Webhook != w.Name }), err
}

// mayMove refuses to lead elsewhere, or to another's account there, the calls of a webhook that decides as a service account, unless
// the actor may make tokens of that: whoever answers the calls decides (I7).
func (s *Service) mayMove(ctx context.Context, a Actor, before, after Webhook) error {
	if before.URL == after.URL && slices.Equal(before.Headers, after.Headers) {
		return nil
	}
	by, err := s.policiesOf(ctx, before)
	if err != nil {
		return err
	}
	for _, p := range by {
		if p.ServiceAccount == "" {
			continue
		}
		_, err := s.mayActAs(ctx, a, p.ServiceAccount)
		if CodeOf(err) == Invalid {
			err = Errorf(Conflict, "the webhook policy %s decides as the service account %s, which is gone: change or delete that policy first", p.Name, p.ServiceAccount)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
