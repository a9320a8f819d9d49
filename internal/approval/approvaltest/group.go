package approvaltest

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func (s *Store) putGroupMember(tx *transaction, g approval.GroupMember) error {
	if _, exists := s.resources[key{g.Space, g.Group}]; !exists {
		return missing("group", g.Space, g.Group)
	}
	_, exists := s.resources[key{g.Space, g.Member}]
	if g.Kind != approval.KindGroup {
		exists = s.members[key{g.Space, g.Member}].Kind == g.Kind
	}
	if !exists {
		return missing(g.Kind, g.Space, g.Member)
	}
	created := g.CreateTime
	g.CreateTime = time.Time{}
	if _, exists := s.groups[g]; !exists {
		put(tx, s.groups, g, created)
	}
	return nil
}

func (s *Store) deleteGroupMember(tx *transaction, g approval.GroupMember) error {
	g.CreateTime = time.Time{}
	if _, exists := s.groups[g]; !exists {
		return missing("member", g.Group, g.Member)
	}
	remove(tx, s.groups, g)
	return nil
}

// forgetGroup removes the memberships of and in a group.
func (s *Store) forgetGroup(tx *transaction, space, name string) {
	for g := range s.groups {
		if g.Space == space && (g.Group == name || g.Kind == approval.KindGroup && g.Member == name) {
			remove(tx, s.groups, g)
		}
	}
}

// GroupMembers implements approval.Store.
func (s *Store) GroupMembers(ctx context.Context, space, group string) ([]approval.GroupMember, error) {
	return s.memberships(ctx, "GroupMembers", func(g approval.GroupMember) bool { return g.Space == space && g.Group == group })
}

// Memberships implements approval.Store.
func (s *Store) Memberships(ctx context.Context, space, kind string, members []string) ([]approval.GroupMember, error) {
	return s.memberships(ctx, "Memberships", func(g approval.GroupMember) bool {
		return g.Space == space && g.Kind == kind && slices.Contains(members, g.Member)
	})
}

func (s *Store) memberships(ctx context.Context, method string, wanted func(approval.GroupMember) bool) (list []approval.GroupMember, err error) {
	if err := s.enter(ctx, method); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	for g, created := range s.groups {
		if wanted(g) {
			g.CreateTime = created
			list = append(list, g)
		}
	}
	slices.SortFunc(list, func(a, b approval.GroupMember) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Member, b.Member), cmp.Compare(a.Source, b.Source))
	})
	return list, nil
}
