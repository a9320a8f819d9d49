package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

const (
	loginColumns   = `hash, user_hash, client, host, source, asked_space, scopes, challenge, redirect, state, space, member, session, create_time, expire_time`
	refreshColumns = `space, hash, family, create_time, expire_time, use_time`
)

var (
	insertLogin = sqlText(`
		INSERT INTO logins (` + loginColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`)
	// Two at once may both be the last one that is let in: the bound is against thousands.
	openLogin = sqlText(`
		INSERT INTO logins (` + loginColumns + `)
		SELECT CAST($1 AS text), CAST($2 AS text), CAST($3 AS text), CAST($4 AS text), CAST($5 AS text), CAST($6 AS text), CAST($7 AS text),
			CAST($8 AS text), CAST($9 AS text), CAST($10 AS text), CAST($11 AS text), CAST($12 AS text), CAST($13 AS text), CAST($14 AS bigint), CAST($15 AS bigint)
		WHERE (SELECT count(*) FROM logins WHERE source = $5 AND state = 'open' AND expire_time > $14) < $16`)
	forgetLogins = sqlText(`DELETE FROM logins WHERE expire_time < $1`)
	answerLogin  = sqlText(`UPDATE logins SET state = $2, space = $3, member = $4, scopes = $5, session = $6 WHERE hash = $1 AND state = 'open'`)
	useLogin     = sqlText(`UPDATE logins SET state = 'used' WHERE hash = $1 AND space = $2 AND state = 'allowed'`)
	// The table holds the logins of an hour.
	refuseLogins = sqlText(`UPDATE logins SET state = 'refused' WHERE space = $1 AND member = $2 AND state = 'allowed'`)

	selectLogin           = sqlText(`SELECT ` + loginColumns + ` FROM logins WHERE hash = $1`)
	selectLoginByUserHash = sqlText(`SELECT ` + loginColumns + ` FROM logins WHERE user_hash = $1 AND user_hash <> ''`)

	insertRefreshToken  = sqlText(`INSERT INTO refresh_tokens (` + refreshColumns + `) VALUES ($1, $2, $3, $4, $5, $6)`)
	forgetRefreshTokens = sqlText(`DELETE FROM refresh_tokens WHERE space = $1 AND family = $2 AND expire_time <= $3`)
	useRefreshToken     = sqlText(`UPDATE refresh_tokens SET use_time = $3 WHERE space = $1 AND hash = $2 AND use_time = 0`)
	selectRefreshToken  = sqlText(`SELECT ` + refreshColumns + ` FROM refresh_tokens WHERE hash = $1`)
)

// loginsAreKept is how long after its end a login is still known, so that a program that asks late is told what happened.
const loginsAreKept = time.Hour

func loginArgs(l approval.Login, scopes string) []any {
	return []any{l.Hash, l.UserHash, l.Client, l.Host, l.Source, l.AskedSpace, scopes, l.Challenge, l.Redirect, l.State, l.Space, l.Member, l.Session,
		micros(l.CreateTime), micros(l.ExpireTime)}
}

func loginTaken([]any) error { return approval.Errorf(approval.Conflict, "the login exists already") }

// OpenLogin implements [approval.Store].
func (s *Store) OpenLogin(ctx context.Context, l approval.Login, most int) error {
	scopes, err := document(l.Scopes)
	if err != nil {
		return err
	}
	tooMany := func([]any) error {
		return approval.Errorf(approval.TooMany, "too many logins of %s are open", l.Source)
	}
	return s.write(ctx, []statement{
		{text: forgetLogins, args: []any{micros(l.CreateTime.Add(-loginsAreKept))}},
		{text: openLogin, args: append(loginArgs(l, scopes), int64(most)), taken: loginTaken, missing: tooMany},
	})
}

func (p *plan) putLogin(l approval.Login) {
	p.inSpace(l.Space)
	p.add(insertLogin, loginArgs(l, p.document(l.Scopes))...).taken = loginTaken
}

func (p *plan) answerLogin(l approval.Login) {
	p.inSpace(l.Space)
	s := p.add(answerLogin, l.Hash, l.State, l.Space, l.Member, p.document(l.Scopes), l.Session)
	s.missing = func([]any) error { return approval.Errorf(approval.Conflict, "the login was answered before") }
}

func (p *plan) useLogin(hash string) {
	s := p.add(useLogin, hash, p.space)
	s.missing = func([]any) error {
		return approval.Errorf(approval.Conflict, "the login was used, or nobody has allowed it")
	}
}

func (p *plan) refuseLogins(member string) { p.add(refuseLogins, p.space, member) }

func (p *plan) putRefreshToken(r approval.RefreshToken) {
	p.inSpace(r.Space)
	p.add(forgetRefreshTokens, r.Space, r.Family, micros(r.CreateTime))
	s := p.add(insertRefreshToken, r.Space, r.Hash, r.Family, micros(r.CreateTime), micros(r.ExpireTime), micros(r.UseTime))
	s.taken = func([]any) error { return approval.Errorf(approval.Conflict, "the refresh token exists already") }
}

func (p *plan) useRefreshToken(w approval.UseRefreshToken) {
	if w.At.IsZero() {
		p.fail(approval.Errorf(approval.Internal, "a refresh token is used at a time"))
	}
	s := p.add(useRefreshToken, p.space, w.Hash, micros(w.At))
	s.missing = func([]any) error {
		return approval.Errorf(approval.Conflict, "the refresh token was used before, or does not exist")
	}
}

func scanLogin(rows *sql.Rows) (l approval.Login, err error) {
	var scopes []byte
	var created, expires int64
	err = rows.Scan(&l.Hash, &l.UserHash, &l.Client, &l.Host, &l.Source, &l.AskedSpace, &scopes, &l.Challenge, &l.Redirect, &l.State, &l.Space, &l.Member, &l.Session,
		&created, &expires)
	if err != nil {
		return l, err
	}
	l.CreateTime, l.ExpireTime = timeOf(created), timeOf(expires)
	return l, parse(scopes, &l.Scopes)
}

// Login implements [approval.Store].
func (s *Store) Login(ctx context.Context, hash string) (approval.Login, error) {
	return foundLogin(one(ctx, s, selectLogin, scanLogin, hash))
}

// LoginByUserHash implements [approval.Store].
func (s *Store) LoginByUserHash(ctx context.Context, userHash string) (approval.Login, error) {
	return foundLogin(one(ctx, s, selectLoginByUserHash, scanLogin, userHash))
}

func foundLogin(l approval.Login, found bool, err error) (approval.Login, error) {
	if err == nil && !found {
		err = approval.Errorf(approval.NotFound, "there is no such login")
	}
	return l, err
}

// RefreshToken implements [approval.Store].
func (s *Store) RefreshToken(ctx context.Context, hash string) (approval.RefreshToken, error) {
	r, found, err := one(ctx, s, selectRefreshToken, scanRefreshToken, hash)
	if err == nil && !found {
		err = approval.Errorf(approval.NotFound, "there is no such refresh token")
	}
	return r, err
}

func scanRefreshToken(rows *sql.Rows) (r approval.RefreshToken, err error) {
	var created, expires, used int64
	err = rows.Scan(&r.Space, &r.Hash, &r.Family, &created, &expires, &used)
	r.CreateTime, r.ExpireTime, r.UseTime = timeOf(created), timeOf(expires), timeOf(used)
	return r, err
}
