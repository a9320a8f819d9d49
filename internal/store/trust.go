package store

import (
	"context"
	"database/sql"

	"github.com/indent-approvals/indent/internal/approval"
)

const trustColumns = `space, name, account, issuer, audience, claims, scopes, created_by, create_time`

var (
	insertTrust  = sqlText(`INSERT INTO trusts (` + trustColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`)
	deleteTrust  = sqlText(`DELETE FROM trusts WHERE space = $1 AND name = $2`)
	selectTrusts = sqlText(`
		SELECT ` + trustColumns + ` FROM trusts WHERE space = $1 AND ($2 = '' OR account = $2) ORDER BY create_time, name`)
)

func (p *plan) putTrust(t approval.Trust) {
	p.inSpace(t.Space)
	s := p.add(insertTrust, t.Space, t.Name, t.Account, t.Issuer, t.Audience, p.document(t.Claims), p.document(t.Scopes),
		p.document(t.CreatedBy), micros(t.CreateTime))
	s.taken = func([]any) error { return approval.Errorf(approval.Conflict, "the trust exists already") }
}

func (p *plan) deleteTrust(name string) {
	s := p.add(deleteTrust, p.space, name)
	s.missing = func(args []any) error {
		return approval.Errorf(approval.NotFound, "there is no trust %.100q in %s", args[1], args[0])
	}
}

func scanTrust(rows *sql.Rows) (t approval.Trust, err error) {
	var claims, scopes, createdBy []byte
	var created int64
	err = rows.Scan(&t.Space, &t.Name, &t.Account, &t.Issuer, &t.Audience, &claims, &scopes, &createdBy, &created)
	if err != nil {
		return t, err
	}
	t.CreateTime = timeOf(created)
	if err = parse(claims, &t.Claims); err == nil {
		err = parse(scopes, &t.Scopes)
	}
	if err == nil {
		err = parse(createdBy, &t.CreatedBy)
	}
	return t, err
}

// Trusts implements [approval.Store].
func (s *Store) Trusts(ctx context.Context, space, account string) ([]approval.Trust, error) {
	return list(ctx, s, selectTrusts.in(s.dialect), []any{space, account}, scanTrust)
}
