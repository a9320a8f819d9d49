package approvaltest

import (
	"context"
	"slices"
	"strings"

	"github.com/indent-approvals/indent/internal/approval"
)

func (s *Store) putSpace(tx *transaction, w approval.PutSpace) error {
	space := w.Space
	space.Version = w.Expect + 1
	if w.Expect == 0 {
		return insert(tx, s.spaces, space.Name, space)
	}
	before := s.spaces[space.Name]
	if before.Version != w.Expect {
		return approval.Errorf(approval.Conflict, "the space %s was changed by somebody else at the same time", space.Name)
	}
	space.CreateTime = before.CreateTime
	put(tx, s.spaces, space.Name, space)
	return nil
}

func (s *Store) deleteMember(tx *transaction, space, id string) error {
	if _, exists := s.members[key{space, id}]; !exists {
		return missing("member", space, id)
	}
	remove(tx, s.members, key{space, id})
	s.deletePasskeys(tx, space, id)
	s.forgetDelegations(tx, space, id)
	remove(tx, s.mapped, key{space, id})
	for k, i := range s.identities {
		if k.space == space && i.Member == id {
			remove(tx, s.identities, k)
		}
	}
	for g := range s.groups {
		if g.Space == space && g.Member == id && g.Kind != approval.KindGroup {
			remove(tx, s.groups, g)
		}
	}
	return nil
}

// Identity implements approval.Store.
func (s *Store) Identity(ctx context.Context, space, identity string) (approval.Identity, error) {
	return lookUp(s, ctx, s.identities, key{space, identity}, "Identity", "identity", space, identity)
}

// Identities implements approval.Store.
func (s *Store) Identities(ctx context.Context, space, member string) (list []approval.Identity, err error) {
	if err := s.enter(ctx, "Identities"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	for k, i := range s.identities {
		if k.space == space && i.Member == member {
			list = append(list, i)
		}
	}
	slices.SortFunc(list, byName(func(i approval.Identity) string { return i.Identity }))
	return list, nil
}

// Aliases implements approval.Store.
func (s *Store) Aliases(ctx context.Context, space string, names []string) (found []string, err error) {
	if err := s.enter(ctx, "Aliases"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	for _, beside := range s.aliases(space, names) {
		found = append(found, beside...)
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

// AliasesOfEach implements approval.Store.
func (s *Store) AliasesOfEach(ctx context.Context, space string, names []string) (map[string][]string, error) {
	if err := s.enter(ctx, "AliasesOfEach"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	return s.aliases(space, names), nil
}

func (s *Store) aliases(space string, names []string) map[string][]string {
	beside := map[string][]string{}
	asked := func(name string) bool { return slices.Contains(names, strings.ToLower(name)) }
	stand := func(record []string) {
		for i := range record {
			record[i] = strings.ToLower(record[i])
		}
		slices.Sort(record)
		record = slices.DeleteFunc(slices.Compact(record), func(name string) bool { return name == "" })
		for _, name := range record {
			if len(record) > 1 && asked(name) {
				beside[name] = append(beside[name], record...)
			}
		}
	}
	for k, r := range s.resources {
		if k.space == space && (asked(r.ID) || asked(r.Email) || slices.ContainsFunc(r.AltIDs, asked)) {
			stand(append([]string{r.ID, r.Email}, r.AltIDs...))
		}
	}
	for k, i := range s.identities {
		if k.space == space && (asked(i.Member) || asked(i.Identity)) {
			stand([]string{i.Member, i.Identity})
		}
	}
	return beside
}
