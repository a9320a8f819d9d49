package approvaltest

import (
	"cmp"
	"context"
	"slices"

	"github.com/indent-approvals/indent/internal/approval"
)

func (s *Store) putWebhookPolicy(tx *transaction, w approval.PutWebhookPolicy) error {
	k := key{w.Policy.Space, w.Policy.Name}
	policy := copied(w.Policy)
	policy.Version = w.Expect + 1
	if w.Expect == 0 {
		return insert(tx, s.hooking, k, policy)
	}
	if s.hooking[k].Version != w.Expect {
		return approval.Errorf(approval.Conflict, "webhook policy %s changed in the meantime", k.name)
	}
	put(tx, s.hooking, k, policy)
	return nil
}

// WebhookPolicy implements approval.Store.
func (s *Store) WebhookPolicy(ctx context.Context, space, name string) (approval.WebhookPolicy, error) {
	return lookUp(s, ctx, s.hooking, key{space, name}, "WebhookPolicy", "webhook policy", space, name)
}

// WebhookPolicies implements approval.Store.
func (s *Store) WebhookPolicies(ctx context.Context, space string) (list []approval.WebhookPolicy, err error) {
	if err := s.enter(ctx, "WebhookPolicies"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	for k, p := range s.hooking {
		if k.space == space {
			list = append(list, copied(p))
		}
	}
	slices.SortFunc(list, func(a, b approval.WebhookPolicy) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}
