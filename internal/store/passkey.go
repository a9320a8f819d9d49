package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

const passkeyColumns = `space, id, member, name, public_key, user_handle, counter, backed, unconfirmed, create_time, last_used`

var (
	insertPasskey = sqlText(`INSERT INTO passkeys (` + passkeyColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`)
	usePasskey    = sqlText(`
		UPDATE passkeys SET counter = $4, last_used = $5 WHERE space = $1 AND id = $2 AND counter = $3`)
	deletePasskey   = sqlText(`DELETE FROM passkeys WHERE space = $1 AND id = $2`)
	deletePasskeys  = sqlText(`DELETE FROM passkeys WHERE space = $1 AND member = $2`)
	selectPasskey   = sqlText(`SELECT ` + passkeyColumns + ` FROM passkeys WHERE space = $1 AND id = $2`)
	selectPasskeys  = sqlText(`SELECT ` + passkeyColumns + ` FROM passkeys WHERE space = $1 AND member = $2 ORDER BY create_time, id`)
	forgetChallenge = sqlText(`DELETE FROM passkey_challenges WHERE space = $1 AND expire_time <= $2`)
	putChallenge    = sqlText(`
		INSERT INTO passkey_challenges (space, session, purpose, hash, expire_time) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (space, session, purpose) DO UPDATE SET hash = $4, expire_time = $5`)
	useChallenge = sqlText(`
		DELETE FROM passkey_challenges WHERE space = $1 AND session = $2 AND purpose = $3 AND hash = $4 AND expire_time > $5`)
	insertConfirmation = sqlText(`INSERT INTO confirmations (space, use) VALUES ($1, $2)`)
)

func (p *plan) writePasskey(w approval.Write) {
	switch w := w.(type) {
	case approval.PutPasskey:
		p.putPasskey(w.Passkey)
	case approval.UsePasskey:
		p.usePasskey(w)
	case approval.DeletePasskey:
		p.deletePasskey(w.ID)
	case approval.PutChallenge:
		p.putChallenge(w.Challenge, w.Now)
	case approval.UseChallenge:
		p.useChallenge(w)
	case approval.PutConfirmation:
		p.putConfirmation(w.Use)
	default:
		p.fail(approval.Errorf(approval.Internal, "a write of type %T is not known", w))
	}
}

func (p *plan) putPasskey(k approval.Passkey) {
	p.inSpace(k.Space)
	s := p.add(insertPasskey, k.Space, k.ID, k.Member, k.Name, k.PublicKey, k.UserHandle, k.Counter, number(k.Backed), number(k.First),
		micros(k.CreateTime), micros(k.LastUsed))
	s.taken = func([]any) error {
		return approval.Errorf(approval.Conflict, "this passkey is registered already, or another one was added at the same moment: look at your passkeys, and choose another device or confirm with the one that is there")
	}
}

func (p *plan) usePasskey(w approval.UsePasskey) {
	s := p.add(usePasskey, p.space, w.ID, w.Expect, w.Counter, micros(w.At))
	s.missing = func([]any) error {
		return approval.Errorf(approval.Conflict, "the passkey was used or removed at the same time: try again")
	}
}

func (p *plan) deletePasskey(id string) {
	s := p.add(deletePasskey, p.space, id)
	s.missing = func(args []any) error { return noPasskey(args[0]) }
}

func noPasskey(space any) error {
	return approval.Errorf(approval.NotFound, "there is no such passkey in %s", space)
}

func (p *plan) putChallenge(c approval.Challenge, now time.Time) {
	p.inSpace(c.Space)
	p.add(forgetChallenge, c.Space, micros(now))
	p.add(putChallenge, c.Space, c.Session, c.Purpose, c.Hash, micros(c.ExpireTime))
}

func (p *plan) useChallenge(w approval.UseChallenge) {
	s := p.add(useChallenge, p.space, w.Session, w.Purpose, w.Hash, micros(w.Now))
	s.missing = func([]any) error {
		return approval.Errorf(approval.Conflict, "the page has waited too long, or its answer was used before: begin again")
	}
}

func (p *plan) putConfirmation(use string) {
	s := p.add(insertConfirmation, p.space, use)
	s.taken = func([]any) error {
		return approval.Errorf(approval.Conflict, "this signature of the passkey has confirmed another petition already: confirm this one by itself, on its page")
	}
}

func scanPasskey(rows *sql.Rows) (k approval.Passkey, err error) {
	var backed, first, created, used int64
	err = rows.Scan(&k.Space, &k.ID, &k.Member, &k.Name, &k.PublicKey, &k.UserHandle, &k.Counter, &backed, &first, &created, &used)
	k.Backed, k.First, k.CreateTime, k.LastUsed = backed != 0, first != 0, timeOf(created), timeOf(used)
	return k, err
}

// Passkey implements [approval.Store].
func (s *Store) Passkey(ctx context.Context, space, id string) (approval.Passkey, error) {
	k, found, err := one(ctx, s, selectPasskey, scanPasskey, space, id)
	if err == nil && !found {
		err = noPasskey(space)
	}
	return k, err
}

// Passkeys implements [approval.Store].
func (s *Store) Passkeys(ctx context.Context, space, member string) ([]approval.Passkey, error) {
	return list(ctx, s, selectPasskeys.in(s.dialect), []any{space, member}, scanPasskey)
}
