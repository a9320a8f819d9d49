package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

const selectingSessions = `
	SELECT s.space, s.name, s.method, s.provider, s.verified, s.address, s.browser, s.sign_in, t.member, t.create_time, t.expire_time, t.last_use_time
	FROM sessions s JOIN tokens t ON t.space = s.space AND t.name = s.name `

var (
	insertSession = sqlText(`
		INSERT INTO sessions (space, name, method, provider, verified, address, browser, sign_in) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`)
	selectSession = sqlText(selectingSessions + `WHERE s.space = $1 AND s.name = $2`)
	// A member's tokens are found by the index on their members.
	selectSessions = sqlText(selectingSessions + `
		WHERE t.space = $1 AND t.member = $2 AND t.kind = 'session' AND t.revoke_time = 0 AND (t.expire_time = 0 OR t.expire_time > $3)
		ORDER BY CASE WHEN t.last_use_time > t.create_time THEN t.last_use_time ELSE t.create_time END DESC, s.name`)

	putMappedRole = sqlText(`
		INSERT INTO mapped_roles (space, member, provider, role, before_role) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (space, member) DO UPDATE SET before_role = $5, role = $4, provider = $3`)
	deleteMappedRole = sqlText(`DELETE FROM mapped_roles WHERE space = $1 AND member = $2`)
	selectMappedRole = sqlText(`SELECT space, member, provider, role, before_role FROM mapped_roles WHERE space = $1 AND member = $2`)
)

func (p *plan) putSession(v approval.Session) {
	p.inSpace(v.Space)
	s := p.add(insertSession, v.Space, v.Name, v.Method, v.Provider, v.Verified, v.Address, v.Browser, v.SignIn)
	s.taken = func([]any) error { return approval.Errorf(approval.Conflict, "this sign-in was used before") }
}

func (p *plan) putMappedRole(r approval.MappedRole) {
	p.inSpace(r.Space)
	p.add(putMappedRole, r.Space, r.Member, r.Provider, string(r.Role), string(r.Before))
}

func (p *plan) deleteMappedRole(member string) { p.add(deleteMappedRole, p.space, member) }

func scanSession(rows *sql.Rows) (s approval.Session, err error) {
	var created, expires, used int64
	err = rows.Scan(&s.Space, &s.Name, &s.Method, &s.Provider, &s.Verified, &s.Address, &s.Browser, &s.SignIn, &s.Member, &created, &expires, &used)
	s.CreateTime, s.ExpireTime, s.LastUse = timeOf(created), timeOf(expires), timeOf(max(used, created))
	return s, err
}

// Session implements [approval.Store].
func (s *Store) Session(ctx context.Context, space, name string) (approval.Session, error) {
	v, found, err := one(ctx, s, selectSession, scanSession, space, name)
	if err == nil && !found {
		err = approval.Errorf(approval.NotFound, "there is no such session")
	}
	return v, err
}

// Sessions implements [approval.Store].
func (s *Store) Sessions(ctx context.Context, space, member string, now time.Time) ([]approval.Session, error) {
	return list(ctx, s, selectSessions.in(s.dialect), []any{space, member, micros(now)}, scanSession)
}

// MappedRole implements [approval.Store].
func (s *Store) MappedRole(ctx context.Context, space, member string) (approval.MappedRole, error) {
	r, found, err := one(ctx, s, selectMappedRole, func(rows *sql.Rows) (r approval.MappedRole, err error) {
		err = rows.Scan(&r.Space, &r.Member, &r.Provider, &r.Role, &r.Before)
		return r, err
	}, space, member)
	if err == nil && !found {
		err = approval.Errorf(approval.NotFound, "%.200q has no role by a group in %s", member, space)
	}
	return r, err
}
