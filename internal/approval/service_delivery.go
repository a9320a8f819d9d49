package approval

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Applications answers what webhooks were told of a petition, by webhook: for whoever may see the petition. It has no address, no
// header and no body.
func (s *Service) Applications(ctx context.Context, a Actor, petition string) ([]Application, error) {
	p, err := s.find(ctx, &a, petition)
	if err != nil || p.Grant == nil || !p.Grant.Webhooks {
		return nil, err
	}
	list, err := s.applications(ctx, ApplicationQuery{Space: a.Space, Petitions: []string{p.Name}})
	if err != nil {
		return nil, err
	}
	return list, s.explain(ctx, a.Space, list)
}

// explain says of what waits for its webhook why it does.
func (s *Service) explain(ctx context.Context, space string, list []Application) (err error) {
	health := map[string]WebhookHealth{}
	for i := range list {
		t := &list[i]
		if t.State != ApplicationPending && t.State != ApplicationEnding {
			continue
		}
		h, known := health[t.Webhook]
		if !known {
			if h, err = s.Store.WebhookHealth(ctx, space, t.Webhook); err != nil {
				return err
			}
			health[t.Webhook] = h
		}
		h.explain(t)
	}
	return nil
}

// explain says of an application that waits for its webhook why it does.
func (h WebhookHealth) explain(t *Application) {
	switch {
	case !h.DisabledSince.IsZero():
		t.Problem, t.NextTime = "the webhook is disabled: its endpoint has asked for no more calls (410)", time.Time{}
	case !h.PausedSince.IsZero():
		t.NextTime = h.ProbeTime
		if t.Problem == "" {
			t.Problem = "the webhook is paused: " + h.Problem
		}
	}
}

// Deliveries answers a page of the log of attempts, the newest first, without what was sent and answered. The query names a webhook
// or a petition.
func (s *Service) Deliveries(ctx context.Context, a Actor, q DeliveryQuery) (Page[Delivery], error) {
	if err := s.Authorize(ctx, a, ReadWebhooks, "list webhook deliveries"); err != nil {
		return Page[Delivery]{}, err
	}
	page, err := q.Page.Check()
	switch {
	case err != nil:
		return Page[Delivery]{}, err
	case q.Webhook == "" && q.Petition == "":
		return Page[Delivery]{}, FieldError("webhook", "name a webhook or a petition")
	case q.Outcome != "" && !slices.Contains(WebhookOutcomes, q.Outcome):
		return Page[Delivery]{}, FieldError("outcome", "must be one of %s", Joined(WebhookOutcomes))
	}
	if q.Webhook != "" {
		if _, err := s.webhook(ctx, a.Space, q.Webhook); err != nil {
			return Page[Delivery]{}, err
		}
	}
	if err := checkLine("petition", q.Petition, MaxName); err != nil {
		return Page[Delivery]{}, err
	}
	q.Space, q.Page = a.Space, page
	return s.Store.Deliveries(ctx, q)
}

// Delivery answers one attempt of a call to a webhook with what was sent and answered, without secrets.
func (s *Service) Delivery(ctx context.Context, a Actor, webhook, name string) (Delivery, error) {
	if err := s.Authorize(ctx, a, ReadWebhooks, "get webhook delivery"); err != nil {
		return Delivery{}, err
	}
	return s.delivery(ctx, a.Space, webhook, name)
}

func (s *Service) delivery(ctx context.Context, space, webhook, name string) (Delivery, error) {
	none := Errorf(NotFound, "there is no attempt %.100q of a call to webhook %.100q in %s: attempts are kept for %d days", name, webhook, space, DeliveriesKept/(24*time.Hour))
	if checkName("name", name) != nil {
		return Delivery{}, none
	}
	d, err := s.Store.Delivery(ctx, space, name)
	if err == nil && d.Webhook != webhook || CodeOf(err) == NotFound {
		return Delivery{}, none
	}
	return d, err
}

// ReplayDelivery has the call of an attempt made again at once, as it stands now and with another id. A grant that has ended, and an
// end that another petition has gone on with, are not told again (Conflict).
func (s *Service) ReplayDelivery(ctx context.Context, a Actor, webhook, name string) (Application, error) {
	if err := s.Authorize(ctx, a, WriteWebhooks, "replay webhook delivery"); err != nil {
		return Application{}, err
	}
	d, err := s.delivery(ctx, a.Space, webhook, name)
	if err != nil {
		return Application{}, err
	}
	if d.Kind != WebhookApply {
		return Application{}, Errorf(Conflict, "only calls %s are made again: this was %s", WebhookApply, d.Kind)
	}
	return again(func() (Application, error) { return s.replayDelivery(ctx, a, d) })
}

func (s *Service) replayDelivery(ctx context.Context, a Actor, d Delivery) (Application, error) {
	p, err := s.Store.Petition(ctx, a.Space, d.Petition)
	if err != nil {
		return Application{}, err
	}
	told, err := s.applications(ctx, ApplicationQuery{Space: a.Space, Petitions: []string{d.Petition}, Webhook: d.Webhook})
	if err != nil {
		return Application{}, err
	}
	i := slices.IndexFunc(told, func(t Application) bool { return t.Name == d.Application })
	switch {
	case i < 0:
		return Application{}, Errorf(NotFound, "nothing is known of what webhook %s was told of petition %s", d.Webhook, p.Ref())
	case d.Command == EventGrant && p.Phase != Granted:
		return Application{}, Errorf(Conflict, "petition %s %s: what it granted is not told again", p.Ref(), p.Status())
	case d.Command == EventRevoke && told[i].KeptBy != "":
		return Application{}, Errorf(Conflict, "petition %s goes on with this access: it is not taken away", told[i].KeptBy)
	}
	now, t := s.Clock.Now(), told[i]
	if d.Command == EventGrant {
		t.begins(ApplicationPending, now)
	} else {
		t.Holds = true // whoever has it sent again believes so
		t.ending(&p, now)
		t.EndingSince = now
	}
	t.Replays++
	labels := map[string]string{LabelPetition: p.Name, LabelWebhook: t.Webhook}
	e := s.event(a, now, EventWebhookReplay, d.Name, []Resource{t.Person, t.Resource, Webhook{Name: t.Webhook}.resource()}, labels)
	err = s.commitRead(ctx, Change{Space: a.Space, Events: []Event{e}, Writes: []Write{PutApplication{Application: t, Expect: t.Version}, callJob(&t, now)}})
	t.Version++
	return t, err
}

// ResumeWebhook has a webhook called again that is paused or disabled, and at once what has waited. One that is called is a Conflict.
func (s *Service) ResumeWebhook(ctx context.Context, a Actor, name string) (Webhook, error) {
	if err := s.Authorize(ctx, a, WriteWebhooks, "resume webhook"); err != nil {
		return Webhook{}, err
	}
	return again(func() (Webhook, error) {
		w, err := s.webhook(ctx, a.Space, name)
		if err != nil {
			return Webhook{}, err
		}
		now := s.Clock.Now()
		writes, was, err := s.resumes(ctx, w, now)
		if err != nil {
			return Webhook{}, err
		}
		if was == "" {
			return Webhook{}, Errorf(Conflict, "webhook %s is neither paused nor disabled", name)
		}
		e := s.event(a, now, EventWebhookResume, "it was "+was, []Resource{w.resource()}, nil)
		return w, s.commitRead(ctx, Change{Space: a.Space, Events: []Event{e}, Writes: writes})
	})
}

// SettleWebhook takes the word of who says that all access was taken away by hand that the webhook could not take away, and answers
// of how many. It is for an endpoint that does not come back.
func (s *Service) SettleWebhook(ctx context.Context, a Actor, name, reason string) (settled int, err error) {
	if err := s.Authorize(ctx, a, WriteWebhooks, "settle webhook"); err != nil {
		return 0, err
	}
	if reason == "" {
		return 0, FieldError("reason", "is required: say who has taken the access away, and where")
	}
	if err := checkProse("reason", reason, MaxReason); err != nil {
		return 0, err
	}
	if _, err := s.webhook(ctx, a.Space, name); err != nil {
		return 0, err
	}
	open, err := s.applications(ctx, ApplicationQuery{Space: a.Space, Webhook: name, Open: true})
	if err != nil {
		return 0, err
	}
	now := s.Clock.Now()
	for _, t := range open {
		if t.State != ApplicationEnding {
			continue
		}
		t.begins(ApplicationEnded, now)
		labels := map[string]string{LabelPetition: t.Petition, LabelWebhook: name}
		e := s.event(a, now, EventWebhookSettle, reason, []Resource{t.Person, t.Resource, Webhook{Name: name}.resource()}, labels)
		err := s.commit(ctx, Change{Space: a.Space, Events: []Event{e},
			Writes: []Write{PutApplication{Application: t, Expect: t.Version}, applyJob(&Petition{Space: a.Space, Name: t.Petition}, now)}})
		if CodeOf(err) == Conflict {
			continue // it was taken away meanwhile
		}
		if err != nil {
			return settled, err
		}
		settled++
	}
	return settled, nil
}

// WebhookCondition is how a webhook stands: how its endpoint behaves, how many pairs have access by it, and what it has not taken
// away for more than a minute.
type WebhookCondition struct {
	WebhookHealth
	Held
	// Drifts are of how many it says that access is not as it should be, and Drifted the first of them, where one webhook is asked for.
	Drifts  int
	Drifted []Application
}

// WebhookCondition answers how a webhook stands.
func (s *Service) WebhookCondition(ctx context.Context, a Actor, name string) (c WebhookCondition, err error) {
	if err := s.Authorize(ctx, a, ReadWebhooks, "get webhook condition"); err != nil {
		return c, err
	}
	if _, err := s.webhook(ctx, a.Space, name); err != nil {
		return c, err
	}
	if c.WebhookHealth, err = s.Store.WebhookHealth(ctx, a.Space, name); err != nil {
		return c, err
	}
	if c.Holding, err = s.Store.Holding(ctx, a.Space, name); err == nil {
		c.Overdue, err = s.Store.Overdue(ctx, a.Space, name, s.Clock.Now().Add(-overdueCounted))
	}
	if err == nil {
		c.Drifted, c.Drifts, err = s.Store.Drifts(ctx, a.Space, name, shownDrifts)
	}
	return c, err
}

// WebhookConditions answers how all webhooks of the space stand, by name.
func (s *Service) WebhookConditions(ctx context.Context, a Actor) ([]WebhookCondition, error) {
	if err := s.Authorize(ctx, a, ReadWebhooks, "list webhook conditions"); err != nil {
		return nil, err
	}
	hooks, err := s.Store.Webhooks(ctx, a.Space)
	if err != nil {
		return nil, err
	}
	health, err := s.Store.WebhookHealths(ctx, a.Space)
	if err != nil {
		return nil, err
	}
	held, err := s.Store.HeldByEach(ctx, a.Space, s.Clock.Now().Add(-overdueCounted))
	if err != nil {
		return nil, err
	}
	drifts, err := s.Store.DriftsByEach(ctx, a.Space)
	if err != nil {
		return nil, err
	}
	list := make([]WebhookCondition, len(hooks))
	for i, w := range hooks {
		list[i].Space, list[i].Webhook, list[i].Held, list[i].Drifts = w.Space, w.Name, held[w.Name], drifts[w.Name]
		if n := slices.IndexFunc(health, func(h WebhookHealth) bool { return h.Webhook == w.Name }); n >= 0 {
			list[i].WebhookHealth = health[n]
		}
	}
	return list, nil
}

// forgetEvery is after how many attempts of a webhook on a node old ones are deleted.
const forgetEvery = 200

// forgetting counts attempts of webhooks, so that old ones are deleted once in a while.
type forgetting struct {
	mu   sync.Mutex
	made map[string]int
}

// due counts an attempt: the first of a node is due, and then one of many.
func (f *forgetting) due(webhook string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.made == nil || len(f.made) > 10_000 {
		f.made = map[string]int{}
	}
	f.made[webhook]++
	return f.made[webhook]%forgetEvery == 1
}

func (s *Service) forgetDeliveries(ctx context.Context, space, webhook string) {
	if !s.forgetting.due(space + "/" + webhook) {
		return
	}
	if err := s.Store.ForgetDeliveries(ctx, space, webhook, s.Clock.Now().Add(-DeliveriesKept), MostDeliveries); err != nil {
		s.Logger.WarnContext(ctx, "old attempts of calls cannot be deleted: it is tried again", "space", space, "webhook", webhook, "error", err)
	}
}

// writes answers the write of an attempt; none where nothing was tried.
func (d Delivery) writes() []Write {
	if d.Attempt.ID == "" {
		return nil
	}
	return []Write{PutDelivery{d}}
}
