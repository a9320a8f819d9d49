package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

const delegationColumns = `space, name, delegator, deputy, start_time, end_time, reason, created_by, create_time, revoke_time, revoked_by, last_use_time`

var (
	insertDelegation = sqlText(`
		INSERT INTO delegations (` + delegationColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`)
	endDelegation = sqlText(`
		UPDATE delegations SET revoke_time = $3, revoked_by = $4 WHERE space = $1 AND name = $2 AND revoke_time = 0 AND end_time > $3`)
	useDelegation = sqlText(`
		UPDATE delegations SET last_use_time = CASE WHEN last_use_time > $3 THEN last_use_time ELSE $3 END
		WHERE space = $1 AND name = $2 AND revoke_time = 0 AND start_time <= $3 AND end_time > $3`)
	deleteDelegations = sqlText(`DELETE FROM delegations WHERE space = $1 AND (delegator = $2 OR deputy = $2)`)
	selectDelegation  = sqlText(`SELECT ` + delegationColumns + ` FROM delegations WHERE space = $1 AND name = $2`)
	selectDelegations = sqlText(`
		SELECT ` + delegationColumns + ` FROM delegations WHERE space = $1 AND end_time > $2 AND revoke_time = 0 ORDER BY start_time, name LIMIT $3`)
	selectDelegationsOf = sqlText(`
		SELECT ` + delegationColumns + ` FROM delegations WHERE space = $1 AND (delegator = $4 OR deputy = $4) AND end_time > $2 AND revoke_time = 0
		ORDER BY start_time, name LIMIT $3`)
	selectDelegationsTo = sqlText(`
		SELECT ` + delegationColumns + ` FROM delegations WHERE space = $1 AND deputy = $2 AND end_time > $3 AND start_time <= $3 AND revoke_time = 0
		ORDER BY start_time, name`)
)

func (p *plan) putDelegation(d approval.Delegation) {
	p.inSpace(d.Space)
	s := p.add(insertDelegation, d.Space, d.Name, d.From, d.To, micros(d.StartTime), micros(d.EndTime), d.Reason, d.CreatedBy,
		micros(d.CreateTime), micros(d.RevokeTime), d.RevokedBy, micros(d.LastUseTime))
	s.taken = func([]any) error { return approval.Errorf(approval.Conflict, "the delegation exists already") }
}

func delegationOver([]any) error {
	return approval.Errorf(approval.Conflict, "the delegation is over already, or does not exist")
}

func (p *plan) endDelegation(w approval.EndDelegation) {
	if w.At.IsZero() {
		p.fail(approval.Errorf(approval.Internal, "a delegation ends at a time"))
	}
	p.add(endDelegation, p.space, w.Name, micros(w.At), w.By).missing = delegationOver
}

func (p *plan) useDelegation(w approval.UseDelegation) {
	p.add(useDelegation, p.space, w.Name, micros(w.At)).missing = delegationOver
}

func scanDelegation(rows *sql.Rows) (d approval.Delegation, err error) {
	var start, end, created, revoked, used int64
	err = rows.Scan(&d.Space, &d.Name, &d.From, &d.To, &start, &end, &d.Reason, &d.CreatedBy, &created, &revoked, &d.RevokedBy, &used)
	d.StartTime, d.EndTime, d.CreateTime, d.RevokeTime, d.LastUseTime = timeOf(start), timeOf(end), timeOf(created), timeOf(revoked), timeOf(used)
	return d, err
}

// Delegation implements [approval.Store].
func (s *Store) Delegation(ctx context.Context, space, name string) (approval.Delegation, error) {
	d, found, err := one(ctx, s, selectDelegation, scanDelegation, space, name)
	if err == nil && !found {
		err = approval.Errorf(approval.NotFound, "there is no delegation %.100q in %s", name, space)
	}
	return d, err
}

// Delegations implements [approval.Store].
func (s *Store) Delegations(ctx context.Context, space, member string, at time.Time) ([]approval.Delegation, error) {
	args := []any{space, micros(at), int64(approval.MaxDelegations)}
	if member == "" {
		return list(ctx, s, selectDelegations.in(s.dialect), args, scanDelegation)
	}
	return list(ctx, s, selectDelegationsOf.in(s.dialect), append(args, member), scanDelegation)
}

// DelegationsTo implements [approval.Store].
func (s *Store) DelegationsTo(ctx context.Context, space, deputy string, at time.Time) ([]approval.Delegation, error) {
	return list(ctx, s, selectDelegationsTo.in(s.dialect), []any{space, deputy, micros(at)}, scanDelegation)
}
