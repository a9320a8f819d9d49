package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

const deliveryColumns = `seq, space, name, webhook, petition, time, outcome, doc`

var (
	insertDelivery = sqlText(`
		INSERT INTO deliveries (space, name, webhook, petition, time, outcome, doc, attempt) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`)
	selectDelivery = sqlText(`SELECT ` + deliveryColumns + `, attempt FROM deliveries WHERE space = $1 AND name = $2`)
	// Both from the oldest on: what is too old, in the order in which it was written, and what lies behind the newest.
	forgetOldDeliveries = sqlText(`
		DELETE FROM deliveries WHERE space = $1 AND webhook = $2 AND time < $3`)
	forgetManyDeliveries = sqlText(`
		DELETE FROM deliveries WHERE space = $1 AND webhook = $2 AND seq <=
			(SELECT seq FROM deliveries WHERE space = $1 AND webhook = $2 ORDER BY seq DESC LIMIT 1 OFFSET $3)`)
	forgetDeliveries = sqlText(`DELETE FROM deliveries WHERE space = $1 AND webhook = $2`)

	insertWebhookHealth = sqlText(`INSERT INTO webhook_states (space, webhook, version, doc) VALUES ($1, $2, 1, $3)`)
	updateWebhookHealth = sqlText(`
		UPDATE webhook_states SET version = version + 1, doc = $3 WHERE space = $1 AND webhook = $2 AND version = $4`)
	deleteWebhookHealth  = sqlText(`DELETE FROM webhook_states WHERE space = $1 AND webhook = $2`)
	selectWebhookHealth  = sqlText(`SELECT space, webhook, version, doc FROM webhook_states WHERE space = $1 AND webhook = $2`)
	selectWebhookHealths = sqlText(`SELECT space, webhook, version, doc FROM webhook_states WHERE space = $1 ORDER BY webhook`)
)

func (p *plan) putDelivery(d approval.Delivery) {
	p.inSpace(d.Space)
	p.add(insertDelivery, d.Space, d.Name, d.Webhook, d.Petition, micros(d.Time), string(d.Outcome), p.document(d), p.document(d.Attempt))
}

func (p *plan) putWebhookHealth(w approval.PutWebhookHealth) {
	st := w.Health
	p.inSpace(st.Space)
	t, args := insertWebhookHealth, []any{st.Space, st.Webhook, p.document(st)}
	if w.Expect > 0 {
		t, args = updateWebhookHealth, append(args, w.Expect)
	}
	s := p.add(t, args...)
	changed := func(args []any) error {
		return approval.Errorf(approval.Conflict, "the state of webhook %s changed in the meantime", args[1])
	}
	s.taken, s.missing = changed, changed
}

// Delivery implements [approval.DeliveryStore].
func (s *Store) Delivery(ctx context.Context, space, name string) (approval.Delivery, error) {
	d, found, err := one(ctx, s, selectDelivery, func(rows *sql.Rows) (approval.Delivery, error) {
		var attempt []byte
		d, err := scanDelivery(rows, &attempt)
		if err == nil {
			err = parse(attempt, &d.Attempt)
		}
		return d, err
	}, space, name)
	if err == nil && !found {
		err = approval.Errorf(approval.NotFound, "there is no attempt %.100q of a call in %s: attempts are kept for %d days", name, space, approval.DeliveriesKept/(24*time.Hour))
	}
	return d, err
}

// Deliveries implements [approval.DeliveryStore].
func (s *Store) Deliveries(ctx context.Context, q approval.DeliveryQuery) (page approval.Page[approval.Delivery], err error) {
	request, err := q.Page.Check()
	if err != nil {
		return page, err
	}
	last, given, err := approval.ParsePageToken(request.Token)
	if err != nil {
		return page, err
	}
	c := &clause{}
	c.add("SELECT ", deliveryColumns, " FROM deliveries WHERE space = ", c.arg(q.Space))
	if q.Webhook != "" {
		c.add(" AND webhook = ", c.arg(q.Webhook))
	}
	if q.Petition != "" {
		c.add(" AND petition = ", c.arg(q.Petition))
	}
	if q.Outcome != "" {
		c.add(" AND outcome = ", c.arg(string(q.Outcome)))
	}
	if given {
		c.add(" AND seq < ", c.arg(last.Number))
	}
	c.add(" ORDER BY seq DESC")
	c.limit(request.Size + 1)
	rows, err := list(ctx, s, c.String(), c.args, func(rows *sql.Rows) (approval.Delivery, error) { return scanDelivery(rows) })
	if err != nil {
		return page, err
	}
	rows, end := cut(rows, request.Size)
	page.Items = rows
	if end != nil {
		page.Next = approval.PageKey{Number: end.Seq}.Token()
	}
	return page, nil
}

func scanDelivery(rows *sql.Rows, more ...any) (d approval.Delivery, err error) {
	var seq, at int64
	var space, name, webhook, petition, outcome string
	var doc []byte
	if err = rows.Scan(append([]any{&seq, &space, &name, &webhook, &petition, &at, &outcome, &doc}, more...)...); err == nil {
		err = parse(doc, &d)
	}
	d.Seq, d.Space, d.Name, d.Webhook, d.Petition, d.Time, d.Outcome = seq, space, name, webhook, petition, timeOf(at), approval.WebhookOutcome(outcome)
	return d, err
}

// ForgetDeliveries implements [approval.DeliveryStore].
func (s *Store) ForgetDeliveries(ctx context.Context, space, webhook string, before time.Time, most int) error {
	return s.write(ctx, []statement{
		{text: forgetOldDeliveries, args: []any{space, webhook, micros(before)}},
		{text: forgetManyDeliveries, args: []any{space, webhook, int64(most)}},
	})
}

func scanWebhookHealth(rows *sql.Rows) (st approval.WebhookHealth, err error) {
	st.Space, st.Webhook, st.Version, err = scanVersioned(rows, &st)
	return st, err
}

// WebhookHealth implements [approval.DeliveryStore].
func (s *Store) WebhookHealth(ctx context.Context, space, webhook string) (approval.WebhookHealth, error) {
	st, found, err := one(ctx, s, selectWebhookHealth, scanWebhookHealth, space, webhook)
	if err == nil && !found {
		st.Space, st.Webhook = space, webhook
	}
	return st, err
}

// WebhookHealths implements [approval.DeliveryStore].
func (s *Store) WebhookHealths(ctx context.Context, space string) ([]approval.WebhookHealth, error) {
	return list(ctx, s, selectWebhookHealths.in(s.dialect), []any{space}, scanWebhookHealth)
}
