package approvaltest

import (
	"context"

	"github.com/indent-approvals/indent/internal/approval"
)

func (s *Store) putWebhookPolicy(tx *transaction, w approval.PutWebhookPolicy) error {
	k := key{w.Policy.Space, w.Policy.Name}
	policy := copied(w.Policy)
	policy.Version = w.Expect + 1
	return putVersion(tx, s.hooking, k, policy, s.hooking[k].Version, w.Expect, "webhook policy")
}

// WebhookPolicy implements approval.Store.
func (s *Store) WebhookPolicy(ctx context.Context, space, name string) (approval.WebhookPolicy, error) {
	return lookUp(s, ctx, s.hooking, key{space, name}, "WebhookPolicy", "webhook policy", space, name)
}

// WebhookPolicies implements approval.Store.
func (s *Store) WebhookPolicies(ctx context.Context, space string) ([]approval.WebhookPolicy, error) {
	return listed(s, ctx, s.hooking, space, "WebhookPolicies", func(p approval.WebhookPolicy) string { return p.Name })
}
