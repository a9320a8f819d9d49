package store

import (
	"context"
	"database/sql"

	"github.com/indent-approvals/indent/internal/approval"
)

var (
	insertSpace = sqlText(`INSERT INTO spaces (name, display_name, version, create_time, delete_time) VALUES ($1, $2, 1, $3, $4)`)
	updateSpace = sqlText(`
		UPDATE spaces SET delete_time = $4, version = version + 1, display_name = $3 WHERE name = $1 AND version = $2`)
	selectSpace  = sqlText(`SELECT name, display_name, version, create_time, delete_time FROM spaces WHERE name = $1`)
	selectSpaces = sqlText(`SELECT name, display_name, version, create_time, delete_time FROM spaces ORDER BY name`)
	// Spaces of a suspended member, and spaces that were deleted, are not answered: to that person they do not exist.
	selectSpacesOf = sqlText(`
		SELECT s.name, s.display_name, s.version, s.create_time, s.delete_time FROM members m JOIN spaces s ON s.name = m.space
		WHERE m.id = $1 AND m.suspended = 0 AND s.delete_time = 0 ORDER BY s.name`)
)

func (p *plan) putSpace(w approval.PutSpace) {
	space := w.Space
	p.inSpace(space.Name)
	if w.Expect > 0 {
		s := p.add(updateSpace, space.Name, w.Expect, space.DisplayName, micros(space.DeleteTime))
		s.missing = func(args []any) error {
			return approval.Errorf(approval.Conflict, "the space %s was changed by somebody else at the same time: try again", args[0])
		}
		return
	}
	s := p.add(insertSpace, space.Name, space.DisplayName, micros(space.CreateTime), micros(space.DeleteTime))
	s.taken = func(args []any) error {
		return approval.Errorf(approval.Conflict, "the space %s exists already", args[0])
	}
}

func scanSpace(rows *sql.Rows) (space approval.Space, err error) {
	var created, deleted int64
	err = rows.Scan(&space.Name, &space.DisplayName, &space.Version, &created, &deleted)
	space.CreateTime, space.DeleteTime = timeOf(created), timeOf(deleted)
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

// Spaces implements [approval.Store].
func (s *Store) Spaces(ctx context.Context) ([]approval.Space, error) {
	return list(ctx, s, selectSpaces.in(s.dialect), nil, scanSpace)
}

// SpacesOf implements [approval.Store].
func (s *Store) SpacesOf(ctx context.Context, id string) ([]approval.Space, error) {
	return list(ctx, s, selectSpacesOf.in(s.dialect), []any{id}, scanSpace)
}
