package store

import (
	"context"
	"database/sql"

	"github.com/indent-approvals/indent/internal/approval"
)

var (
	insertProposal = sqlText(`
		INSERT INTO policy_proposals (space, petition, base, document, create_time) VALUES ($1, $2, $3, $4, $5)`)
	selectProposal = sqlText(`
		SELECT space, petition, base, document, create_time FROM policy_proposals WHERE space = $1 AND petition = $2`)
)

func (p *plan) putProposal(r approval.PolicyProposal) {
	p.inSpace(r.Space)
	s := p.add(insertProposal, r.Space, r.Petition, r.Base, r.Text, micros(r.CreateTime))
	s.taken = func(args []any) error {
		return approval.Errorf(approval.Conflict, "petition %s asks for another policy already", args[1])
	}
}

// PolicyProposal implements [approval.Store].
func (s *Store) PolicyProposal(ctx context.Context, space, petition string) (approval.PolicyProposal, error) {
	r, found, err := one(ctx, s, selectProposal, func(rows *sql.Rows) (r approval.PolicyProposal, err error) {
		var created int64
		err = rows.Scan(&r.Space, &r.Petition, &r.Base, &r.Text, &created)
		r.CreateTime, r.Digest = timeOf(created), approval.PolicyDigest(r.Text)
		return r, err
	}, space, petition)
	if err == nil && !found {
		err = approval.Errorf(approval.NotFound, "there is no petition %.100q for another policy in %s", petition, space)
	}
	return r, err
}
