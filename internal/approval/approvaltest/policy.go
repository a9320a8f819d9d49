package approvaltest

import (
	"context"
	"slices"

	"github.com/indent-approvals/indent/internal/approval"
)

func (s *Store) putPolicy(tx *transaction, space string, d approval.PolicyDocument) error {
	versions := s.policies[space]
	if d.Version != int64(len(versions)+1) {
		return approval.Errorf(approval.Conflict, "version %d of the policy exists already", d.Version)
	}
	d.Digest = approval.PolicyDigest(d.Text)
	put(tx, s.policies, space, append(slices.Clone(versions), d))
	return nil
}

// Policy implements approval.Store.
func (s *Store) Policy(ctx context.Context, space string) (approval.PolicyDocument, error) {
	versions, err := lookUp(s, ctx, s.policies, space, "Policy", "policy", space, "newest")
	if err != nil {
		return approval.PolicyDocument{}, err
	}
	return versions[len(versions)-1], nil
}

// PolicyVersion implements approval.Store.
func (s *Store) PolicyVersion(ctx context.Context, space string, version int64) (approval.PolicyDocument, error) {
	if err := s.enter(ctx, "PolicyVersion"); err != nil {
		return approval.PolicyDocument{}, err
	}
	defer s.mu.Unlock()
	versions := s.policies[space]
	if version < 1 || version > int64(len(versions)) {
		return approval.PolicyDocument{}, approval.Errorf(approval.NotFound, "the policy of %s has no version %d", space, version)
	}
	return versions[version-1], nil
}

// Policies implements approval.Store.
func (s *Store) Policies(ctx context.Context, space string, r approval.PageRequest) (page approval.Page[approval.PolicyDocument], err error) {
	after, size, err := start(r)
	if err != nil {
		return page, err
	}
	if err := s.enter(ctx, "Policies"); err != nil {
		return page, err
	}
	defer s.mu.Unlock()
	for _, d := range slices.Backward(s.policies[space]) {
		if after != nil && d.Version >= after.Number {
			continue
		}
		if len(page.Items) == size {
			page.Next = approval.PageKey{Number: page.Items[size-1].Version}.Token()
			break
		}
		d.Text = ""
		page.Items = append(page.Items, d)
	}
	return page, nil
}

// PolicyProposal implements approval.Store.
func (s *Store) PolicyProposal(ctx context.Context, space, petition string) (approval.PolicyProposal, error) {
	return lookUp(s, ctx, s.proposals, key{space, petition}, "PolicyProposal", "petition for another policy", space, petition)
}

func (s *Store) putHealth(tx *transaction, w approval.PutPolicyHealth) error {
	h := copied(w.Health)
	h.Space, h.Version = w.Health.Space, w.Expect+1
	if s.health[h.Space].Version != w.Expect {
		return approval.Errorf(approval.Conflict, "what is stuck in the policy of %s was found out by somebody else at the same time", h.Space)
	}
	put(tx, s.health, h.Space, h)
	return nil
}

// PolicyHealth implements approval.Store.
func (s *Store) PolicyHealth(ctx context.Context, space string) (approval.PolicyHealth, error) {
	return lookUp(s, ctx, s.health, space, "PolicyHealth", "finding about the policy", space, "")
}
