package store

import (
	"context"
	"database/sql"

	"github.com/indent-approvals/indent/internal/approval"
)

var (
	insertWebhook = sqlText(`INSERT INTO webhooks (space, name, version, doc) VALUES ($1, $2, 1, $3)`)
	updateWebhook = sqlText(`UPDATE webhooks SET version = version + 1, doc = $4 WHERE space = $1 AND name = $2 AND version = $3`)
	// Who deletes a webhook has its row before it looks whether it holds access; see unlessDeleted.
	lockWebhook   = sqlText(`UPDATE webhooks SET version = version WHERE space = $1 AND name = $2 AND version = $3`)
	deleteWebhook = sqlText(`
		DELETE FROM webhooks WHERE space = $1 AND name = $2 AND NOT EXISTS
			(SELECT 1 FROM applications WHERE space = $1 AND webhook = $2 AND state <> 'ended' AND holds = 1)`)
	selectWebhook  = sqlText(`SELECT space, name, version, doc FROM webhooks WHERE space = $1 AND name = $2`)
	selectWebhooks = sqlText(`SELECT space, name, version, doc FROM webhooks WHERE space = $1 ORDER BY name`)
)

func (p *plan) putWebhook(w approval.PutWebhook) {
	hook := w.Webhook
	p.inSpace(hook.Space)
	if w.Expect > 0 {
		s := p.add(updateWebhook, hook.Space, hook.Name, w.Expect, p.document(hook))
		s.missing = changedWebhook
		return
	}
	s := p.add(insertWebhook, hook.Space, hook.Name, p.document(hook))
	s.taken = func(args []any) error {
		return approval.Errorf(approval.Conflict, "there is a webhook %s in %s already: change it, or choose another name", args[1], args[0])
	}
}

func (p *plan) deleteWebhook(w approval.DeleteWebhook) {
	p.add(lockWebhook, p.space, w.Name, w.Expect).missing = changedWebhook
	p.add(deleteWebhook, p.space, w.Name).missing = func(args []any) error {
		return approval.Errorf(approval.Conflict, "webhook %s holds access that somebody has by it: try again when that has ended", args[1])
	}
	p.add(deleteWebhookHealth, p.space, w.Name)
	p.add(forgetDeliveries, p.space, w.Name)
}

func changedWebhook(args []any) error {
	return approval.Errorf(approval.Conflict, "the webhook %s was changed by somebody else at the same time: read it again and change that", args[1])
}

func noWebhook(space, name any) error {
	return approval.Errorf(approval.NotFound, "there is no webhook %.100q in %s", name, space)
}

func scanWebhook(rows *sql.Rows) (w approval.Webhook, err error) {
	w.Space, w.Name, w.Version, err = scanVersioned(rows, &w)
	return w, err
}

// Webhook implements [approval.Store].
func (s *Store) Webhook(ctx context.Context, space, name string) (approval.Webhook, error) {
	w, found, err := one(ctx, s, selectWebhook, scanWebhook, space, name)
	if err == nil && !found {
		err = noWebhook(space, name)
	}
	return w, err
}

// Webhooks implements [approval.Store].
func (s *Store) Webhooks(ctx context.Context, space string) ([]approval.Webhook, error) {
	return list(ctx, s, selectWebhooks.in(s.dialect), []any{space}, scanWebhook)
}
