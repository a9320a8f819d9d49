package store

import (
	"context"
	"database/sql"

	"github.com/indent-approvals/indent/internal/approval"
)

var (
	insertWebhookPolicy   = sqlText(`INSERT INTO webhook_policies (space, name, version, doc) VALUES ($1, $2, 1, $3)`)
	updateWebhookPolicy   = sqlText(`UPDATE webhook_policies SET version = version + 1, doc = $4 WHERE space = $1 AND name = $2 AND version = $3`)
	deleteWebhookPolicy   = sqlText(`DELETE FROM webhook_policies WHERE space = $1 AND name = $2`)
	selectWebhookPolicy   = sqlText(`SELECT space, name, version, doc FROM webhook_policies WHERE space = $1 AND name = $2`)
	selectWebhookPolicies = sqlText(`SELECT space, name, version, doc FROM webhook_policies WHERE space = $1 ORDER BY name`)
)

func (p *plan) putWebhookPolicy(w approval.PutWebhookPolicy) {
	policy := w.Policy
	p.inSpace(policy.Space)
	if w.Expect > 0 {
		s := p.add(updateWebhookPolicy, policy.Space, policy.Name, w.Expect, p.document(policy))
		s.missing = func(args []any) error {
			return approval.Errorf(approval.Conflict, "the webhook policy %s was changed by somebody else at the same time: read it again and change that", args[1])
		}
		return
	}
	s := p.add(insertWebhookPolicy, policy.Space, policy.Name, p.document(policy))
	s.taken = func(args []any) error {
		return approval.Errorf(approval.Conflict, "there is a webhook policy %s in %s already: change it, or choose another name", args[1], args[0])
	}
}

func (p *plan) deleteWebhookPolicy(name string) {
	s := p.add(deleteWebhookPolicy, p.space, name)
	s.missing = func(args []any) error { return noWebhookPolicy(args[0], args[1]) }
}

func noWebhookPolicy(space, name any) error {
	return approval.Errorf(approval.NotFound, "there is no webhook policy %.100q in %s", name, space)
}

func scanWebhookPolicy(rows *sql.Rows) (w approval.WebhookPolicy, err error) {
	w.Space, w.Name, w.Version, err = scanVersioned(rows, &w)
	return w, err
}

// WebhookPolicy implements [approval.Store].
func (s *Store) WebhookPolicy(ctx context.Context, space, name string) (approval.WebhookPolicy, error) {
	w, found, err := one(ctx, s, selectWebhookPolicy, scanWebhookPolicy, space, name)
	if err == nil && !found {
		err = noWebhookPolicy(space, name)
	}
	return w, err
}

// WebhookPolicies implements [approval.Store].
func (s *Store) WebhookPolicies(ctx context.Context, space string) ([]approval.WebhookPolicy, error) {
	return list(ctx, s, selectWebhookPolicies.in(s.dialect), []any{space}, scanWebhookPolicy)
}
