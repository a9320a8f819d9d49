package approvaltest

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// writeDelegation does what a write of a delegation says; ok is false when w is none.
func (s *Store) writeDelegation(tx *transaction, space string, w approval.Write) (ok bool, err error) {
	switch w := w.(type) {
	case approval.PutDelegation:
		return true, insert(tx, s.delegations, key{space, w.Delegation.Name}, w.Delegation)
	case approval.EndDelegation:
		d, exists := s.delegations[key{space, w.Name}]
		if w.At.IsZero() {
			return true, approval.Errorf(approval.Internal, "a delegation ends at a time")
		}
		if !exists || over(d, w.At) {
			return true, approval.Errorf(approval.Conflict, "the delegation is over already, or does not exist")
		}
		d.RevokeTime, d.RevokedBy = w.At, w.By
		put(tx, s.delegations, key{space, w.Name}, d)
		return true, nil
	case approval.UseDelegation:
		d, exists := s.delegations[key{space, w.Name}]
		if !exists || d.State(w.At) != approval.DelegationActive {
			return true, approval.Errorf(approval.Conflict, "the delegation is over already, or does not exist")
		}
		if d.LastUseTime.Before(w.At) {
			d.LastUseTime = w.At
		}
		put(tx, s.delegations, key{space, w.Name}, d)
		return true, nil
	}
	return false, nil
}

func over(d approval.Delegation, at time.Time) bool {
	state := d.State(at)
	return state == approval.DelegationOver || state == approval.DelegationEnded
}

// forgetDelegations deletes those of a member who goes.
func (s *Store) forgetDelegations(tx *transaction, space, id string) {
	for k, d := range s.delegations {
		if k.space == space && (d.From == id || d.To == id) {
			remove(tx, s.delegations, k)
		}
	}
}

// Delegation implements approval.Store.
func (s *Store) Delegation(ctx context.Context, space, name string) (approval.Delegation, error) {
	return lookUp(s, ctx, s.delegations, key{space, name}, "Delegation", "delegation", space, name)
}

// Delegations implements approval.Store.
func (s *Store) Delegations(ctx context.Context, space, member string, at time.Time) ([]approval.Delegation, error) {
	return s.delegationsOf(ctx, "Delegations", func(k key, d approval.Delegation) bool {
		return k.space == space && (member == "" || d.From == member || d.To == member) && !over(d, at)
	})
}

// DelegationsTo implements approval.Store.
func (s *Store) DelegationsTo(ctx context.Context, space, deputy string, at time.Time) ([]approval.Delegation, error) {
	return s.delegationsOf(ctx, "DelegationsTo", func(k key, d approval.Delegation) bool {
		return k.space == space && d.To == deputy && d.State(at) == approval.DelegationActive
	})
}

func (s *Store) delegationsOf(ctx context.Context, method string, wanted func(key, approval.Delegation) bool) (list []approval.Delegation, err error) {
	if err := s.enter(ctx, method); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	for k, d := range s.delegations {
		if wanted(k, d) {
			list = append(list, d)
		}
	}
	slices.SortFunc(list, func(a, b approval.Delegation) int {
		return cmp.Or(a.StartTime.Compare(b.StartTime), cmp.Compare(a.Name, b.Name))
	})
	return list[:min(len(list), approval.MaxDelegations)], nil
}
