package store

import (
	"context"
	"database/sql"

	"github.com/indent-approvals/indent/internal/approval"
)

const memberColumns = `space, id, kind, email, display_name, role, person, suspended, created_by, create_time`

var (
	insertMember = sqlText(`
		INSERT INTO members (` + memberColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`)
	putMember = sqlText(`
		INSERT INTO members (` + memberColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (space, id) DO UPDATE SET create_time = $10, created_by = $9, suspended = $8, person = $7, role = $6,
			display_name = $5, email = $4, kind = $3`)
	deleteMember  = sqlText(`DELETE FROM members WHERE space = $1 AND id = $2`)
	selectMember  = sqlText(`SELECT ` + memberColumns + ` FROM members WHERE space = $1 AND id = $2`)
	selectMembers = sqlText(`
		SELECT ` + memberColumns + ` FROM members WHERE space = $1 AND ($2 = '' OR kind = $2) ORDER BY id`)
)

func (p *plan) putMember(w approval.PutMember) {
	m, put := w.Member, putMember
	if w.MustBeNew {
		put = insertMember
	}
	p.inSpace(m.Space)
	s := p.add(put, m.Space, m.ID, m.Kind, m.Email, m.DisplayName, string(m.Role), m.Person, number(m.Suspended),
		m.CreatedBy, micros(m.CreateTime))
	s.taken = func(args []any) error {
		return approval.Errorf(approval.Conflict, "%s is a member of %s already", args[1], args[0])
	}
}

func (p *plan) deleteMember(id string) {
	s := p.add(deleteMember, p.space, id)
	s.missing = func(args []any) error { return noMember(args[0], args[1]) }
	p.add(deletePasskeys, p.space, id)
	p.add(deleteIdentities, p.space, id)
	p.add(deleteAliases, p.space, memberOwner(id))
	p.add(deletePersonsGroups, p.space, id)
	p.add(deleteDelegations, p.space, id)
	p.deleteMappedRole(id)
}

func noMember(space, id any) error {
	return approval.Errorf(approval.NotFound, "there is no member %.100q in %s", id, space)
}

func scanMember(rows *sql.Rows) (m approval.Member, err error) {
	var suspended, created int64
	err = rows.Scan(&m.Space, &m.ID, &m.Kind, &m.Email, &m.DisplayName, &m.Role, &m.Person, &suspended, &m.CreatedBy, &created)
	m.Suspended, m.CreateTime = suspended != 0, timeOf(created)
	return m, err
}

// Member implements [approval.Store].
func (s *Store) Member(ctx context.Context, space, id string) (approval.Member, error) {
	m, found, err := one(ctx, s, selectMember, scanMember, space, id)
	if err == nil && !found {
		err = noMember(space, id)
	}
	return m, err
}

// Members implements [approval.Store].
func (s *Store) Members(ctx context.Context, space, kind string) ([]approval.Member, error) {
	return list(ctx, s, selectMembers.in(s.dialect), []any{space, kind}, scanMember)
}
