package store

import (
	"context"
	"database/sql"

	"github.com/indent-approvals/indent/internal/approval"
)

var (
	insertSpace = sqlText(`INSERT INTO spaces (name, display_name, create_time) VALUES ($1, $2, $3)`)
	selectSpace = sqlText(`SELECT name, display_name, create_time FROM spaces WHERE name = $1`)
	// Spaces of a suspended member are not answered: to that person they do not exist.
	selectSpacesOf = sqlText(`
		SELECT s.name, s.display_name, s.create_time FROM members m JOIN spaces s ON s.name = m.space
		WHERE m.id = $1 AND m.suspended = 0 ORDER BY s.name`)
)

func (p *plan) putSpace(space approval.Space) {
	p.inSpace(space.Name)
	s := p.add(insertSpace, space.Name, space.DisplayName, micros(space.CreateTime))
	s.taken = func(args []any) error {
		return approval.Errorf(approval.Conflict, "the space %s exists already", args[0])
	}
}

func scanSpace(rows *sql.Rows) (space approval.Space, err error) {
	var created int64
	err = rows.Scan(&space.Name, &space.DisplayName, &created)
	space.CreateTime = timeOf(created)
	return space, err
}

// Space implements [approval.Store].
func (s *Store) Space(ctx context.Context, name string) (approval.Space, error) {
	space, found, err := one(ctx, s, selectSpace, scanSpace, name)
	if err == nil && !found {
		err = approval.Errorf(approval.NotFound, "there is no space %.100q", name)
	}
	return space, err
}

// SpacesOf implements [approval.Store].
func (s *Store) SpacesOf(ctx context.Context, id string) ([]approval.Space, error) {
	return list(ctx, s, selectSpacesOf.in(s.dialect), []any{id}, scanSpace)
}
