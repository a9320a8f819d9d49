package store

import (
	"context"
	"database/sql"

	"github.com/indent-approvals/indent/internal/approval"
)

var (
	insertPolicy = sqlText(`
		INSERT INTO policies (space, version, document, created_by, create_time) VALUES ($1, $2, $3, $4, $5)`)
	selectPolicy = sqlText(`
		SELECT space, version, document, created_by, create_time FROM policies WHERE space = $1
		ORDER BY version DESC LIMIT 1`)
)

func (p *plan) putPolicy(d approval.PolicyDocument) {
	p.inSpace(d.Space)
	s := p.add(insertPolicy, d.Space, d.Version, d.Text, d.CreatedBy, micros(d.CreateTime))
	s.taken = func(args []any) error {
		return approval.Errorf(approval.Conflict, "version %d of the policy of %s exists already: read the newest and change that", args[1], args[0])
	}
}

// Policy implements [approval.Store].
func (s *Store) Policy(ctx context.Context, space string) (approval.PolicyDocument, error) {
	d, found, err := one(ctx, s, selectPolicy, func(rows *sql.Rows) (d approval.PolicyDocument, err error) {
		var created int64
		err = rows.Scan(&d.Space, &d.Version, &d.Text, &d.CreatedBy, &created)
		d.CreateTime = timeOf(created)
		return d, err
	}, space)
	if err == nil && !found {
		err = approval.Errorf(approval.NotFound, "the space %s has no policy", space)
	}
	return d, err
}
