package store

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/indent-approvals/indent/internal/approval"
)

var (
	insertHealth = sqlText(`INSERT INTO policy_health (space, version, document) VALUES ($1, 1, $2)`)
	updateHealth = sqlText(`UPDATE policy_health SET version = version + 1, document = $3 WHERE space = $1 AND version = $2`)
	selectHealth = sqlText(`SELECT space, version, document FROM policy_health WHERE space = $1`)
)

func (p *plan) putHealth(w approval.PutPolicyHealth) {
	p.inSpace(w.Health.Space)
	faster := func(args []any) error {
		return approval.Errorf(approval.Conflict, "what is stuck in the policy of %s was found out by somebody else at the same time", args[0])
	}
	if w.Expect == 0 {
		p.add(insertHealth, w.Health.Space, p.document(w.Health)).taken = faster
		return
	}
	p.add(updateHealth, w.Health.Space, w.Expect, p.document(w.Health)).missing = faster
}

// PolicyHealth implements [approval.Store].
func (s *Store) PolicyHealth(ctx context.Context, space string) (approval.PolicyHealth, error) {
	h, found, err := one(ctx, s, selectHealth, func(rows *sql.Rows) (h approval.PolicyHealth, err error) {
		var document string
		if err = rows.Scan(&h.Space, &h.Version, &document); err == nil {
			err = json.Unmarshal([]byte(document), &h)
		}
		return h, err
	}, space)
	if err == nil && !found {
		err = approval.Errorf(approval.NotFound, "nothing was ever found stuck in the policy of %.100q", space)
	}
	return h, err
}
