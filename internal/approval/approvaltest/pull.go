package approvaltest

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/indent-approvals/indent/internal/approval"
)

// pullRows are what the store keeps of pulls.
type pullRows struct {
	pullPolicies map[key]approval.PullPolicy
	pulls        map[key]approval.Pull
	pulled       map[key]pulledRow // by the entry's name
}

type pulledRow struct {
	policy string
	approval.Pulled
}

func newPullRows() pullRows {
	return pullRows{map[key]approval.PullPolicy{}, map[key]approval.Pull{}, map[key]pulledRow{}}
}

// writePull writes what a pull writes, or answers false.
func (s *Store) writePull(tx *transaction, space string, w approval.Write) (bool, error) {
	switch w := w.(type) {
	case approval.PutPullPolicy:
		return true, s.putPullPolicy(tx, space, w)
	case approval.DeletePullPolicy:
		if _, exists := s.pullPolicies[key{space, w.Name}]; !exists {
			return true, missing("pull policy", space, w.Name)
		}
		remove(tx, s.pullPolicies, key{space, w.Name})
		remove(tx, s.pulls, key{space, w.Name})
	case approval.PutPull:
		return true, s.putPull(tx, space, w)
	case approval.HoldPull:
		if s.pulls[key{space, w.Policy}].Run != w.Run {
			return true, approval.Errorf(approval.Conflict, "the pull %s has not the policy %s any more", w.Run, w.Policy)
		}
	case approval.PutPulled:
		return true, s.putPulled(tx, space, w)
	default:
		return false, nil
	}
	return true, nil
}

func elsewhere(space, in string) error {
	if space == in {
		return nil
	}
	return approval.Errorf(approval.Internal, "a change of space %q has a row of space %q", space, in)
}

func (s *Store) putPullPolicy(tx *transaction, space string, w approval.PutPullPolicy) error {
	if err := elsewhere(space, w.Policy.Space); err != nil {
		return err
	}
	k, policy := key{space, w.Policy.Name}, copied(w.Policy)
	policy.Version = w.Expect + 1
	return putVersion(tx, s.pullPolicies, k, policy, s.pullPolicies[k].Version, w.Expect, "pull policy")
}

func (s *Store) putPull(tx *transaction, space string, w approval.PutPull) error {
	if err := elsewhere(space, w.Pull.Space); err != nil {
		return err
	}
	k, pull := key{space, w.Pull.Policy}, copied(w.Pull)
	if s.pulls[k].Version != w.Expect {
		return approval.Errorf(approval.Conflict, "the pulls of %s have gone on meanwhile", k.name)
	}
	pull.Version = w.Expect + 1
	put(tx, s.pulls, k, pull)
	return nil
}

func (s *Store) putPulled(tx *transaction, space string, w approval.PutPulled) error {
	k, r := key{space, w.Resource.Name()}, copied(w.Resource)
	row := pulledRow{w.Policy, approval.Pulled{Name: k.name, Kind: r.Kind, Thing: w.Thing, Gone: r.Labels[approval.LabelDeactivated] == "true"}}
	for other, was := range s.pulled {
		if other.space == space && other != k && was.policy == w.Policy && was.Thing == w.Thing {
			return approval.Errorf(approval.Conflict, "the policy has that thing as %s", other.name)
		}
	}
	if w.New {
		if err := insert(tx, s.resources, k, r); err != nil {
			return err
		}
		return insert(tx, s.pulled, k, row)
	}
	if was, exists := s.pulled[k]; !exists || was.policy != w.Policy {
		return approval.Errorf(approval.Conflict, "%s is not what the pull policy %s brought any more", k.name, w.Policy)
	}
	put(tx, s.pulled, k, row)
	put(tx, s.resources, k, r)
	if !r.IsGroup() {
		s.forgetGroup(tx, space, k.name)
	}
	return nil
}

// PullPolicy implements approval.Store.
func (s *Store) PullPolicy(ctx context.Context, space, name string) (approval.PullPolicy, error) {
	return lookUp(s, ctx, s.pullPolicies, key{space, name}, "PullPolicy", "pull policy", space, name)
}

// PullPolicies implements approval.Store.
func (s *Store) PullPolicies(ctx context.Context, space string) (list []approval.PullPolicy, err error) {
	return listed(s, ctx, s.pullPolicies, space, "PullPolicies", func(p approval.PullPolicy) string { return p.Name })
}

// Pull implements approval.Store.
func (s *Store) Pull(ctx context.Context, space, policy string) (approval.Pull, error) {
	return lookUp(s, ctx, s.pulls, key{space, policy}, "Pull", "pull policy", space, policy)
}

// Pulls implements approval.Store.
func (s *Store) Pulls(ctx context.Context, space string) (list []approval.Pull, err error) {
	return listed(s, ctx, s.pulls, space, "Pulls", func(p approval.Pull) string { return p.Policy })
}

// Pulled implements approval.Store.
func (s *Store) Pulled(ctx context.Context, space, policy, after string, limit int) (list []approval.Pulled, err error) {
	if err := s.enter(ctx, "Pulled"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	for k, row := range s.pulled {
		if k.space == space && row.policy == policy && k.name > after {
			list = append(list, row.Pulled)
		}
	}
	slices.SortFunc(list, func(a, b approval.Pulled) int { return cmp.Compare(a.Name, b.Name) })
	return list[:min(len(list), limit)], nil
}

// PulledEntries implements approval.Store.
func (s *Store) PulledEntries(ctx context.Context, space, policy string, names []string, things []approval.Thing) (list []approval.PulledEntry, err error) {
	if err := s.enter(ctx, "PulledEntries"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	for k, r := range s.resources {
		row, brought := s.pulled[k]
		sought := slices.Contains(names, k.name) || brought && row.policy == policy && slices.Contains(things, row.Thing)
		if k.space == space && sought {
			list = append(list, approval.PulledEntry{Resource: copied(r), Policy: row.policy, Thing: row.Thing})
		}
	}
	return list, nil
}

// NameOwners implements approval.Store.
func (s *Store) NameOwners(ctx context.Context, space string, names []string) (list []approval.NameOwner, err error) {
	if err := s.enter(ctx, "NameOwners"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	add := func(owner approval.NameOwner, all ...string) {
		for _, name := range all {
			if owner.Name = strings.ToLower(name); slices.Contains(names, owner.Name) && !slices.Contains(list, owner) {
				list = append(list, owner)
			}
		}
	}
	for k, r := range s.resources {
		if k.space == space {
			add(approval.NameOwner{Resource: k.name}, append([]string{r.ID, r.Email}, r.AltIDs...)...)
		}
	}
	for k := range s.members {
		if k.space == space {
			add(approval.NameOwner{Member: k.name}, k.name)
		}
	}
	for k, i := range s.identities {
		if k.space == space {
			add(approval.NameOwner{Member: i.Member}, i.Identity)
		}
	}
	return list, nil
}

// FailingPulls implements approval.Store.
func (s *Store) FailingPulls(ctx context.Context) (n int64, err error) {
	if err := s.enter(ctx, "FailingPulls"); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	for _, p := range s.pulls {
		if p.Failures > 0 {
			n++
		}
	}
	return n, nil
}
