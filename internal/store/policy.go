package store

import (
	"context"
	"database/sql"
	"math"

	"github.com/indent-approvals/indent/internal/approval"
)

const policyColumns = `space, version, digest, reason, petition, created_by, create_time`

var (
	insertPolicy = sqlText(`
		INSERT INTO policies (` + policyColumns + `, document) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`)
	selectPolicy = sqlText(`
		SELECT ` + policyColumns + `, document FROM policies WHERE space = $1 AND version <= $2
		ORDER BY version DESC LIMIT 1`)
	// The texts may be large, so a list has them only where the digest was not kept yet.
	selectPolicies = sqlText(`
		SELECT ` + policyColumns + `, CASE WHEN digest = '' THEN document ELSE '' END FROM policies
		WHERE space = $1 AND version < $2 ORDER BY version DESC LIMIT $3`)
)

func (p *plan) putPolicy(d approval.PolicyDocument) {
	p.inSpace(d.Space)
	s := p.add(insertPolicy, d.Space, d.Version, approval.PolicyDigest(d.Text), d.Reason, d.Petition, d.CreatedBy, micros(d.CreateTime), d.Text)
	s.taken = func(args []any) error {
		return approval.Errorf(approval.Conflict, "version %d of the policy of %s exists already: read the newest and change that", args[1], args[0])
	}
}

// scanPolicy fills in the digest of a version that was written before digests were kept.
func scanPolicy(rows *sql.Rows) (d approval.PolicyDocument, err error) {
	var created int64
	err = rows.Scan(&d.Space, &d.Version, &d.Digest, &d.Reason, &d.Petition, &d.CreatedBy, &created, &d.Text)
	d.CreateTime = timeOf(created)
	if d.Digest == "" {
		d.Digest = approval.PolicyDigest(d.Text)
	}
	return d, err
}

// Policy implements [approval.Store].
func (s *Store) Policy(ctx context.Context, space string) (approval.PolicyDocument, error) {
	d, found, err := one(ctx, s, selectPolicy, scanPolicy, space, int64(math.MaxInt64))
	if err == nil && !found {
		err = approval.Errorf(approval.NotFound, "the space %s has no policy", space)
	}
	return d, err
}

// PolicyVersion implements [approval.Store].
func (s *Store) PolicyVersion(ctx context.Context, space string, version int64) (approval.PolicyDocument, error) {
	d, found, err := one(ctx, s, selectPolicy, scanPolicy, space, version)
	if err == nil && (!found || d.Version != version) {
		return approval.PolicyDocument{}, approval.Errorf(approval.NotFound, "the policy of %s has no version %d", space, version)
	}
	return d, err
}

// Policies implements [approval.Store].
func (s *Store) Policies(ctx context.Context, space string, r approval.PageRequest) (page approval.Page[approval.PolicyDocument], err error) {
	if r, err = r.Check(); err != nil {
		return page, err
	}
	key, given, err := approval.ParsePageToken(r.Token)
	if err != nil {
		return page, err
	}
	if !given {
		key.Number = math.MaxInt64
	}
	rows, err := list(ctx, s, selectPolicies.in(s.dialect), []any{space, key.Number, int64(r.Size + 1)}, scanPolicy)
	if err != nil {
		return page, err
	}
	rows, last := cut(rows, r.Size)
	for i := range rows {
		rows[i].Text = ""
	}
	page.Items = rows
	if last != nil {
		page.Next = approval.PageKey{Number: last.Version}.Token()
	}
	return page, nil
}
