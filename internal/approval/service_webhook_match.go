package approval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// WebhookPolicyError says that nobody can tell whether a policy is about a resource.
type WebhookPolicyError struct {
	Policy WebhookPolicy
	err    error
}

// Error names the policy and what is wrong with it.
func (e *WebhookPolicyError) Error() string {
	return fmt.Sprintf("webhook policy %s: %v", e.Policy.Name, e.err)
}

// Unwrap answers why; Unavailable means that it can be tried again.
func (e *WebhookPolicyError) Unwrap() error { return e.err }

// webhooksFor answers the policies that give their webhook a call for a resource of a petition. A condition on petitioner must hold
// of everybody who asks: who looks at one of them hands in the petition with that one alone. Policies of which nobody can tell are
// joined in the error, each a [WebhookPolicyError]; those that match are answered beside it. What is Unavailable can be tried again.
func (s *Service) webhooksFor(ctx context.Context, p *Petition, r Resource, call WebhookKind) (matching []WebhookPolicy, err error) {
	all, err := s.webhookPolicies(ctx, p.Space)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(slices.Clone(all), func(policy WebhookPolicy) bool { return !policy.Has(call) })
	return s.policiesFor(ctx, p, r, all)
}

// policiesFor is webhooksFor of these policies alone.
func (s *Service) policiesFor(ctx context.Context, p *Petition, r Resource, policies []WebhookPolicy) (matching []WebhookPolicy, err error) {
	var about asked
	var wrong []error
	for _, policy := range policies {
		if about.petition == nil {
			if about, err = s.askedFor(ctx, p, r); err != nil {
				return nil, err
			}
		}
		takes, err := s.takes(ctx, policy.Base, about)
		switch {
		case err != nil:
			wrong = append(wrong, &WebhookPolicyError{policy, err})
		case takes:
			matching = append(matching, policy)
		}
	}
	return matching, errors.Join(wrong...)
}

// webhookPolicies answers the webhook policies of a space, by name. They are read once a second, and anew after a change of this
// node. Nobody may change what is answered.
func (s *Service) webhookPolicies(ctx context.Context, space string) ([]WebhookPolicy, error) {
	now := s.Clock.Now()
	list, ok, changes := s.hooking.get(space, now)
	if ok {
		return list, nil
	}
	list, err := s.Store.WebhookPolicies(ctx, space)
	if err == nil {
		s.hooking.put(space, list, now, changes)
	}
	return list, err
}

// webhookPolicyCache keeps each space's webhook policies for a second, also that there are none.
type webhookPolicyCache struct {
	mu      sync.Mutex
	entries map[string]cachedHooking
	changes int // that were made on this node: what was read before one is not kept after it
}

type cachedHooking struct {
	policies    []WebhookPolicy
	from, until time.Time
}

func (c *webhookPolicyCache) get(space string, now time.Time) (list []WebhookPolicy, ok bool, changes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[space]
	// A clock that was set back must not make an entry live longer.
	return e.policies, ok && now.Before(e.until) && !now.Before(e.from), c.changes
}

func (c *webhookPolicyCache) put(space string, list []WebhookPolicy, now time.Time, changes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if changes != c.changes {
		return
	}
	if c.entries == nil || len(c.entries) > 10_000 {
		c.entries = map[string]cachedHooking{}
	}
	c.entries[space] = cachedHooking{list, now, now.Add(time.Second)}
}

func (c *webhookPolicyCache) forget(space string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes++
	delete(c.entries, space)
}
