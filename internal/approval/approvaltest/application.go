package approvaltest

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// applicationRows are what webhooks were told, every attempt, and how they behave.
type applicationRows struct {
	applications  map[applicationKey]approval.Application
	deliveries    map[key]approval.Delivery // by their name
	webhookHealth map[key]approval.WebhookHealth
	attempts      int64
}

type applicationKey struct{ space, petition, webhook, name string }

func newApplicationRows() applicationRows {
	return applicationRows{applications: map[applicationKey]approval.Application{}, deliveries: map[key]approval.Delivery{},
		webhookHealth: map[key]approval.WebhookHealth{}}
}

// writeApplication answers false for a write that is of another kind.
func (s *Store) writeApplication(tx *transaction, w approval.Write) (ok bool, err error) {
	switch w := w.(type) {
	case approval.PutApplication:
		return true, s.putApplication(tx, w)
	case approval.PutDelivery:
		s.attempts++
		w.Delivery.Seq = s.attempts
		return true, insert(tx, s.deliveries, key{w.Delivery.Space, w.Delivery.Name}, w.Delivery)
	case approval.PutWebhookHealth:
		k, st := key{w.Health.Space, w.Health.Webhook}, w.Health
		if s.webhookHealth[k].Version != w.Expect {
			return true, approval.Errorf(approval.Conflict, "the state of webhook %s changed in the meantime", k.name)
		}
		st.Version = w.Expect + 1
		put(tx, s.webhookHealth, k, st)
		return true, nil
	}
	return false, nil
}

func (s *Store) putApplication(tx *transaction, w approval.PutApplication) error {
	a := w.Application
	k := applicationKey{a.Space, a.Petition, a.Webhook, a.Name}
	if s.applications[k].Version != w.Expect {
		return approval.Errorf(approval.Conflict, "what webhook %s was told of petition %s changed in the meantime", a.Webhook, a.Petition)
	}
	if _, exists := s.webhooks[key{a.Space, a.Webhook}]; a.Holds && !exists {
		return approval.Errorf(approval.Conflict, "there is no webhook %s any more", a.Webhook)
	}
	a.Version = w.Expect + 1
	put(tx, s.applications, k, a)
	return nil
}

// Note implements approval.ApplicationStore.
func (s *Store) Note(ctx context.Context, space string, writes ...approval.Write) error {
	if err := s.enter(ctx, "Note"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if s.BeforeNote != nil {
		if err := s.BeforeNote(writes); err != nil {
			return err
		}
	}
	var tx transaction
	for _, w := range writes {
		err := s.write(&tx, space, w)
		if in, has := spaceOf(w); has && in != space || !approval.IsNote(w) {
			err = approval.Errorf(approval.Internal, "%T of space %q is no bookkeeping of space %q", w, in, space)
		}
		if err != nil {
			tx.rollBack()
			return err
		}
	}
	return nil
}

// Applications implements approval.ApplicationStore.
func (s *Store) Applications(ctx context.Context, q approval.ApplicationQuery) (page approval.Page[approval.Application], err error) {
	request, err := q.Page.Check()
	if err != nil {
		return page, err
	}
	last, given, err := approval.ParseApplicationToken(request.Token)
	if err != nil {
		return page, err
	}
	if err := s.enter(ctx, "Applications"); err != nil {
		return page, err
	}
	defer s.mu.Unlock()
	is := func(wanted, has string) bool { return wanted == "" || wanted == has }
	var all []approval.Application
	for _, a := range s.applications {
		if a.Space == q.Space && (len(q.Petitions) == 0 || slices.Contains(q.Petitions, a.Petition)) && is(q.Webhook, a.Webhook) && is(q.Pair, a.Pair) &&
			(!q.Open || a.State != approval.ApplicationEnded) && (!given || byApplication(a, last) > 0) {
			all = append(all, a)
		}
	}
	slices.SortFunc(all, byApplication)
	page.Items = all
	if size := request.Size; len(all) > size {
		page.Items, page.Next = all[:size], all[size-1].PageToken()
	}
	return page, nil
}

func byApplication(a, b approval.Application) int {
	return cmp.Or(cmp.Compare(a.Petition, b.Petition), cmp.Compare(a.Webhook, b.Webhook), cmp.Compare(a.Name, b.Name))
}

// Holding implements approval.ApplicationStore.
func (s *Store) Holding(ctx context.Context, space, webhook string) (n int, err error) {
	if err := s.enter(ctx, "Holding"); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	for _, a := range s.applications {
		if a.Space == space && a.Webhook == webhook && a.Holds && a.State != approval.ApplicationEnded {
			n++
		}
	}
	return n, nil
}

// HeldByEach implements approval.ApplicationStore.
func (s *Store) HeldByEach(ctx context.Context, space string, before time.Time) (map[string]approval.Held, error) {
	if err := s.enter(ctx, "HeldByEach"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	held := map[string]approval.Held{}
	for _, a := range s.applications {
		if a.Space != space || a.State == approval.ApplicationEnded {
			continue
		}
		h := held[a.Webhook]
		if a.Holds {
			h.Holding++
		}
		addOverdue(&h.Overdue, &a, before)
		held[a.Webhook] = h
	}
	return held, nil
}

// Checks implements approval.ApplicationStore.
func (s *Store) Checks(ctx context.Context, space, webhook string, most int) ([]approval.Application, error) {
	list, err := s.applicationsThat(ctx, "Checks", func(a approval.Application) bool {
		return a.Space == space && a.Webhook == webhook && !a.CheckTime.IsZero()
	})
	slices.SortStableFunc(list, func(a, b approval.Application) int { return a.CheckTime.Compare(b.CheckTime) })
	return list[:min(most, len(list))], err
}

// Drifts implements approval.ApplicationStore.
func (s *Store) Drifts(ctx context.Context, space, webhook string, most int) ([]approval.Application, int, error) {
	list, err := s.applicationsThat(ctx, "Drifts", func(a approval.Application) bool {
		return a.Drift != "" && (webhook == "" || a.Space == space && a.Webhook == webhook)
	})
	if webhook == "" {
		most = 0
	}
	return list[:min(most, len(list))], len(list), err
}

// DriftsByEach implements approval.ApplicationStore.
func (s *Store) DriftsByEach(ctx context.Context, space string) (map[string]int, error) {
	list, err := s.applicationsThat(ctx, "DriftsByEach", func(a approval.Application) bool { return a.Space == space && a.Drift != "" })
	drifts := map[string]int{}
	for _, a := range list {
		drifts[a.Webhook]++
	}
	return drifts, err
}

// applicationsThat answers all for which is holds, by their names.
func (s *Store) applicationsThat(ctx context.Context, call string, is func(approval.Application) bool) (list []approval.Application, err error) {
	if err := s.enter(ctx, call); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	for _, a := range s.applications {
		if is(a) {
			list = append(list, a)
		}
	}
	slices.SortFunc(list, byApplication)
	return list, nil
}

// Overdue implements approval.ApplicationStore.
func (s *Store) Overdue(ctx context.Context, space, webhook string, before time.Time) (o approval.Overdue, err error) {
	if err := s.enter(ctx, "Overdue"); err != nil {
		return o, err
	}
	defer s.mu.Unlock()
	for _, a := range s.applications {
		if webhook == "" || a.Space == space && a.Webhook == webhook {
			addOverdue(&o, &a, before)
		}
	}
	return o, nil
}

func addOverdue(o *approval.Overdue, a *approval.Application, before time.Time) {
	if a.EndingSince.IsZero() || !a.EndingSince.Before(before) {
		return
	}
	if o.Count++; o.Since.IsZero() || a.EndingSince.Before(o.Since) {
		o.Since = a.EndingSince
	}
}

// Delivery implements approval.DeliveryStore.
func (s *Store) Delivery(ctx context.Context, space, name string) (approval.Delivery, error) {
	return lookUp(s, ctx, s.deliveries, key{space, name}, "Delivery", "attempt", space, name)
}

// Deliveries implements approval.DeliveryStore.
func (s *Store) Deliveries(ctx context.Context, q approval.DeliveryQuery) (page approval.Page[approval.Delivery], err error) {
	after, size, err := start(q.Page)
	if err != nil {
		return page, err
	}
	if err := s.enter(ctx, "Deliveries"); err != nil {
		return page, err
	}
	defer s.mu.Unlock()
	var all []approval.Delivery
	for k, d := range s.deliveries {
		if k.space == q.Space && (q.Webhook == "" || d.Webhook == q.Webhook) && (q.Petition == "" || d.Petition == q.Petition) &&
			(q.Outcome == "" || d.Outcome == q.Outcome) && (after == nil || d.Seq < after.Number) {
			d.Attempt = approval.WebhookAttempt{}
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(a, b approval.Delivery) int { return cmp.Compare(b.Seq, a.Seq) })
	page.Items = all
	if len(all) > size {
		page.Items, page.Next = all[:size], approval.PageKey{Number: all[size-1].Seq}.Token()
	}
	return page, nil
}

// ForgetDeliveries implements approval.DeliveryStore.
func (s *Store) ForgetDeliveries(ctx context.Context, space, webhook string, before time.Time, most int) error {
	if err := s.enter(ctx, "ForgetDeliveries"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	var kept []int64
	for k, d := range s.deliveries {
		if k.space != space || d.Webhook != webhook {
			continue
		}
		if d.Time.Before(before) {
			delete(s.deliveries, k)
			continue
		}
		kept = append(kept, d.Seq)
	}
	slices.Sort(kept)
	for k, d := range s.deliveries {
		if len(kept) > most && k.space == space && d.Webhook == webhook && d.Seq < kept[len(kept)-most] {
			delete(s.deliveries, k)
		}
	}
	return nil
}

// WebhookHealth implements approval.DeliveryStore.
func (s *Store) WebhookHealth(ctx context.Context, space, webhook string) (approval.WebhookHealth, error) {
	if err := s.enter(ctx, "WebhookHealth"); err != nil {
		return approval.WebhookHealth{}, err
	}
	defer s.mu.Unlock()
	st := s.webhookHealth[key{space, webhook}]
	st.Space, st.Webhook = space, webhook
	return st, nil
}

// WebhookHealths implements approval.DeliveryStore.
func (s *Store) WebhookHealths(ctx context.Context, space string) (list []approval.WebhookHealth, err error) {
	if err := s.enter(ctx, "WebhookHealths"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	for k, st := range s.webhookHealth {
		if k.space == space {
			list = append(list, st)
		}
	}
	slices.SortFunc(list, func(a, b approval.WebhookHealth) int { return cmp.Compare(a.Webhook, b.Webhook) })
	return list, nil
}
