package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

const tokenColumns = `space, name, kind, hash, member, display_name, scopes, created_by, create_time, expire_time, revoke_time, last_use_time`

var (
	insertToken = sqlText(`
		INSERT INTO tokens (` + tokenColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`)
	endToken     = sqlText(`UPDATE tokens SET revoke_time = $3 WHERE space = $1 AND name = $2 AND revoke_time = 0`)
	shortenToken = sqlText(`
		UPDATE tokens SET expire_time = CASE WHEN expire_time = 0 OR expire_time > $3 THEN $3 ELSE expire_time END
		WHERE space = $1 AND name = $2 AND revoke_time = 0`)
	touchToken        = sqlText(`UPDATE tokens SET last_use_time = $3 WHERE space = $1 AND name = $2 AND last_use_time < $3`)
	selectToken       = sqlText(`SELECT ` + tokenColumns + ` FROM tokens WHERE space = $1 AND name = $2`)
	selectTokenByHash = sqlText(`SELECT ` + tokenColumns + ` FROM tokens WHERE kind = $1 AND hash = $2 AND hash <> ''`)
)

func (p *plan) putToken(t approval.Token) {
	p.inSpace(t.Space)
	s := p.add(insertToken, t.Space, t.Name, t.Kind, t.Hash, t.Member, t.DisplayName, p.document(t.Scopes),
		p.document(t.CreatedBy), micros(t.CreateTime), micros(t.ExpireTime), micros(t.RevokeTime), micros(t.LastUseTime))
	// The text does not say whether the name or the secret is taken.
	s.taken = func([]any) error { return approval.Errorf(approval.Conflict, "the token exists already") }
}

func (p *plan) endToken(w approval.EndToken) {
	p.tokenEnds(endToken, w.Name, w.At)
}

func (p *plan) tokenEnds(t *text, name string, at time.Time) {
	if at.IsZero() {
		p.fail(approval.Errorf(approval.Internal, "a token ends at a time"))
	}
	s := p.add(t, p.space, name, micros(at))
	s.missing = func([]any) error {
		return approval.Errorf(approval.Conflict, "the token was used or revoked before, or does not exist")
	}
}

// TouchTokens implements [approval.Store].
func (s *Store) TouchTokens(ctx context.Context, uses []approval.TokenUse) error {
	if len(uses) == 0 {
		return nil
	}
	statements := make([]statement, len(uses))
	for i, u := range uses {
		statements[i] = statement{text: touchToken, args: []any{u.Space, u.Name, micros(u.Time)}}
	}
	return s.write(ctx, statements)
}

func scanToken(rows *sql.Rows) (t approval.Token, err error) {
	var scopes, createdBy []byte
	var created, expires, revoked, used int64
	err = rows.Scan(&t.Space, &t.Name, &t.Kind, &t.Hash, &t.Member, &t.DisplayName, &scopes, &createdBy, &created, &expires, &revoked, &used)
	if err != nil {
		return t, err
	}
	t.CreateTime, t.ExpireTime, t.RevokeTime, t.LastUseTime = timeOf(created), timeOf(expires), timeOf(revoked), timeOf(used)
	// nil scopes are all scopes and an empty list is none: JSON's null and [] keep them apart.
	if err = parse(scopes, &t.Scopes); err == nil {
		err = parse(createdBy, &t.CreatedBy)
	}
	return t, err
}

// Token implements [approval.Store].
func (s *Store) Token(ctx context.Context, space, name string) (approval.Token, error) {
	return foundToken(one(ctx, s, selectToken, scanToken, space, name))
}

// TokenByHash implements [approval.Store].
func (s *Store) TokenByHash(ctx context.Context, kind, hash string) (approval.Token, error) {
	return foundToken(one(ctx, s, selectTokenByHash, scanToken, kind, hash))
}

func foundToken(t approval.Token, found bool, err error) (approval.Token, error) {
	if err == nil && !found {
		err = approval.Errorf(approval.NotFound, "there is no such token")
	}
	return t, err
}

// Tokens implements [approval.Store].
func (s *Store) Tokens(ctx context.Context, space, member string, kinds ...string) ([]approval.Token, error) {
	if len(kinds) == 0 {
		return nil, nil
	}
	var c clause
	c.add("SELECT ", tokenColumns, " FROM tokens WHERE space = ", c.arg(space), " AND kind IN ", c.in(kinds))
	if member != "" {
		c.add(" AND member = ", c.arg(member))
	}
	c.add(" ORDER BY create_time DESC, name")
	return list(ctx, s, c.String(), c.args, scanToken)
}
