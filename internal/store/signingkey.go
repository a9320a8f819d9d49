package store

import (
	"context"
	"database/sql"

	"github.com/indent-approvals/indent/internal/approval"
)

var (
	insertSigningKey  = sqlText(`INSERT INTO signing_keys (id, private_pem, create_time, sign_time) VALUES ($1, $2, $3, $4)`)
	deleteSigningKey  = sqlText(`DELETE FROM signing_keys WHERE id = $1`)
	selectSigningKeys = sqlText(`SELECT id, private_pem, create_time, sign_time FROM signing_keys ORDER BY create_time DESC, id`)
)

func (p *plan) putSigningKey(k approval.SigningKey) {
	s := p.add(insertSigningKey, k.ID, k.PrivatePEM, micros(k.CreateTime), micros(k.SignTime))
	s.taken = func([]any) error { return approval.Errorf(approval.Conflict, "the signing key exists already") }
}

func (p *plan) deleteSigningKey(id string) {
	s := p.add(deleteSigningKey, id)
	s.missing = func([]any) error { return approval.Errorf(approval.Conflict, "the signing key has ended already") }
}

// SigningKeys implements [approval.Store].
func (s *Store) SigningKeys(ctx context.Context) ([]approval.SigningKey, error) {
	return list(ctx, s, selectSigningKeys.in(s.dialect), nil, func(rows *sql.Rows) (k approval.SigningKey, err error) {
		var created, signs int64
		err = rows.Scan(&k.ID, &k.PrivatePEM, &created, &signs)
		k.CreateTime, k.SignTime = timeOf(created), timeOf(signs)
		return k, err
	})
}
