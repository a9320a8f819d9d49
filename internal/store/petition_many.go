package store

import (
	"context"
	"database/sql"

	"github.com/indent-approvals/indent/internal/approval"
)

// However many names there are, the text is the same and stays prepared: they go as one JSON array.
var (
	selectPetitionsByName = sqlText(`
		SELECT space, name, version, doc, seq FROM petitions WHERE space = $1 AND name IN {list $2}`)
	selectPhasesByName = sqlText(`
		SELECT name, phase FROM petitions WHERE space = $1 AND name IN {list $2}`)
)

// PetitionsByName implements [approval.Store].
func (s *Store) PetitionsByName(ctx context.Context, space string, names []string) ([]approval.Petition, error) {
	var found []approval.Petition
	var rest []string
	for _, name := range names {
		if p := s.cache.get(space, name); p != nil && !s.closed.Load() {
			found = append(found, *p)
		} else {
			rest = append(rest, name)
		}
	}
	if len(rest) == 0 {
		return found, nil
	}
	rows, err := byName(ctx, s, selectPetitionsByName, space, rest, scanPetition)
	for i := range rows {
		found = append(found, rows[i].Petition)
	}
	return found, err
}

// PhasesByName implements [approval.Store].
func (s *Store) PhasesByName(ctx context.Context, space string, names []string) (map[string]approval.Phase, error) {
	type row struct {
		name  string
		phase approval.Phase
	}
	rows, err := byName(ctx, s, selectPhasesByName, space, names, func(rows *sql.Rows) (r row, err error) {
		err = rows.Scan(&r.name, &r.phase)
		return r, err
	})
	phases := make(map[string]approval.Phase, len(rows))
	for _, r := range rows {
		phases[r.name] = r.phase
	}
	return phases, err
}

func byName[T any](ctx context.Context, s *Store, t *text, space string, names []string, scan func(*sql.Rows) (T, error)) ([]T, error) {
	if len(names) > approval.MaxBulk {
		return nil, approval.Errorf(approval.Internal, "%d names at once are more than %d", len(names), approval.MaxBulk)
	}
	array, err := arrayOf(names)
	if err != nil {
		return nil, err
	}
	return list(ctx, s, t.in(s.dialect), []any{space, array}, scan)
}

// arrayOf answers the JSON array that {list $2} and {each $2} read.
func arrayOf(values []string) (string, error) {
	if len(values) == 0 {
		return "[]", nil
	}
	return document(values)
}
