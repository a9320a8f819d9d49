package approvaltest

import (
	"context"

	"github.com/indent-approvals/indent/internal/approval"
)

// PetitionsByName implements approval.Store.
func (s *Store) PetitionsByName(ctx context.Context, space string, names []string) (list []approval.Petition, err error) {
	err = s.named(ctx, "PetitionsByName", space, names, func(p approval.Petition) { list = append(list, p) })
	return list, err
}

// PhasesByName implements approval.Store.
func (s *Store) PhasesByName(ctx context.Context, space string, names []string) (map[string]approval.Phase, error) {
	phases := map[string]approval.Phase{}
	err := s.named(ctx, "PhasesByName", space, names, func(p approval.Petition) { phases[p.Name] = p.Phase })
	return phases, err
}

func (s *Store) named(ctx context.Context, method, space string, names []string, each func(approval.Petition)) error {
	if len(names) > approval.MaxBulk {
		return approval.Errorf(approval.Internal, "%d names at once are more than %d", len(names), approval.MaxBulk)
	}
	if err := s.enter(ctx, method); err != nil {
		return err
	}
	defer s.mu.Unlock()
	told := map[string]bool{}
	for _, name := range names {
		if row, exists := s.petitions[key{space, name}]; exists && !told[name] {
			told[name] = true
			each(row.read())
		}
	}
	return nil
}
