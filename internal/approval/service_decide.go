package approval

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// A webhook decides as somebody who is asked: by a job behind the petition, through the one door, as the service account that its
// policy names, if that may review the petition at that moment. Whatever else comes of it, people decide, and the log says why.

const (
	// decideRetry is after what a call that failed is made again, at first: a decision has a minute at most.
	decideRetry     = time.Second
	lastDecideRetry = 10 * time.Second
	decidePrefix    = "decide/"
)

// decideJobs answers the jobs that ask webhooks to decide a petition which waits for people. Whether a policy takes the petition is
// found out by the job, so that no condition holds up who asks.
func (s *Service) decideJobs(ctx context.Context, p *Petition) (jobs []Write, err error) {
	if p.Phase != Open || p.changesPolicy() {
		return nil, nil
	}
	policies, err := s.webhookPolicies(ctx, p.Space)
	if err != nil {
		return nil, err
	}
	var hooks []string
	for i := range policies {
		if policies[i].Has(WebhookDecide) {
			hooks = append(hooks, policies[i].Webhook)
		}
	}
	for _, hook := range distinct(hooks) {
		jobs = append(jobs, WakeJob{Job{Key: decidePrefix + p.Space + "/" + hook + "/" + p.Name, Kind: JobDecide, Lane: decideLane(p.Space, hook), Space: p.Space,
			Petition: p.Name, RunTime: p.CreateTime}})
	}
	return jobs, nil
}

// decideLane is beside that of the webhook's other calls: who is slow to decide must not delay the end of access.
func decideLane(space, webhook string) string { return callLane(space, webhook) + "/decide" }

// decisionLook is what a webhook is asked about one petition.
type decisionLook struct {
	hookLook
	petition Petition
	policy   WebhookPolicy
	bot      Actor
	id       string // of the call, and the key of the claim that comes of it
}

// askDecision asks a webhook to decide a petition, and decides as it says. The claim is made once: who comes after a crash, or beside
// another node, finds it in the petition.
func (s *Service) askDecision(ctx context.Context, j Job) error {
	webhook, _, ok := strings.Cut(strings.TrimPrefix(j.Key, decidePrefix+j.Space+"/"), "/")
	if !ok {
		return Errorf(Internal, "the job %q names no webhook", j.Key)
	}
	d := &decisionLook{hookLook: s.lookAtHook(j, webhook), id: "msg_" + shortDigest(decidePrefix, j.Space, webhook, j.Petition)}
	var err error
	if d.petition, err = s.load(ctx, j.Space, j.Petition); err != nil {
		if CodeOf(err) == NotFound {
			return nil
		}
		return err
	}
	if slices.ContainsFunc(d.petition.Claims, func(c Event) bool { return c.ExternalID == d.id && c.Label(LabelWebhook) == webhook }) {
		return nil
	}
	chosen, why, err := d.choose(ctx)
	if err != nil || !chosen && why == "" {
		return err
	}
	if why == "" {
		if why, err = d.bars(ctx); err != nil {
			return err
		}
	}
	if why != "" {
		return d.undecided(ctx, why)
	}
	if !d.hasRoom() {
		return Later{d.now} // by who has time for it
	}
	return d.ask(ctx)
}

// choose finds the policy that gives the webhook the decision on all that is asked for, the first by name; none where it has
// nothing to do with the petition. Why is said where nobody can tell.
func (d *decisionLook) choose(ctx context.Context) (chosen bool, why string, err error) {
	policies, err := d.webhookPolicies(ctx, d.space)
	if err != nil {
		return false, "", err
	}
	policies = slices.DeleteFunc(slices.Clone(policies), func(p WebhookPolicy) bool { return p.Webhook != d.webhook || !p.Has(WebhookDecide) })
	for _, r := range d.petition.Resources {
		matching, err := d.policiesFor(ctx, &d.petition, r, policies)
		unsure, err := unsureOf(err)
		if err != nil {
			return false, "", err
		}
		policies, why = matching, cmp.Or(why, unsure[d.webhook])
	}
	if len(policies) == 0 {
		return false, why, nil
	}
	d.policy = policies[0]
	return true, "", nil
}

// bars answers why the webhook is not asked, "" for nothing.
func (d *decisionLook) bars(ctx context.Context) (why string, err error) {
	if err := d.readHook(ctx); err != nil {
		return "", err
	}
	switch {
	case d.petition.Phase != Open:
		return "before it was asked, the petition " + d.petition.Status(), nil
	case !d.now.Before(d.deadline()):
		return "it could not be asked within " + Span(d.policy.DecideWithin), nil
	case d.gone:
		return "the webhook was deleted", nil
	case !d.health.DisabledSince.IsZero():
		return "the webhook is disabled: its endpoint has asked for no more calls (410)", nil
	}
	if why, err = d.findBot(ctx); err != nil || why != "" {
		return why, err
	}
	e, err := d.Eligibility(ctx, d.bot, d.petition)
	if err != nil {
		return "", err
	}
	if !e.Reviews {
		return d.bot.ID + " may not decide it: " + e.Why, nil
	}
	if d.health.PausedSince.IsZero() {
		return "", nil
	}
	at, err := d.probe(ctx, d.job.Key)
	if isStale(err) || err == nil && !at.IsZero() { // somebody else tries it
		return "the webhook is paused: " + d.health.Problem, nil
	}
	return "", err
}

// findBot looks up whose claims the webhook's are: the service account that was named, and its owner's still.
func (d *decisionLook) findBot(ctx context.Context) (why string, err error) {
	m, err := d.Store.Member(ctx, d.space, d.policy.ServiceAccount)
	if CodeOf(err) == NotFound || err == nil && (m.Kind != KindServiceAccount || m.Person != d.policy.AccountOwner) {
		return "the service account " + d.policy.ServiceAccount + " that webhook policy " + d.policy.Name + " names is gone: change or delete that policy", nil
	}
	if err != nil {
		return "", err
	}
	d.bot, err = d.ActorOf(ctx, m, "", []Permission{ReadPetitions, CreateClaims})
	if CodeOf(err) == Unauthenticated {
		return err.Error(), nil
	}
	return "", err
}

// deadline is when people decide alone.
func (d *decisionLook) deadline() time.Time {
	return d.petition.CreateTime.Add(d.policy.DecideWithin)
}

// ask makes the call, writes the attempt to the log of calls, and does as the answer says.
func (d *decisionLook) ask(ctx context.Context) error {
	events, decided := []Event(nil), false
	err := d.accessEvents(ctx, d.space, d.petition.Name, func(e Event) {
		events, decided = append(events, e), decided || e.Event == EventGrant || e.Event == EventRevoke
	})
	if err != nil {
		return err
	}
	if decided {
		return d.undecided(ctx, "before it was asked, somebody else decided")
	}
	answer, err := d.call(ctx, events)
	if err != nil {
		return err
	}
	// What came back is written also when the server stops meanwhile.
	ctx, d.now = context.WithoutCancel(ctx), d.Clock.Now()
	attempt := Delivery{Space: d.space, Name: d.IDs.UUID(), Webhook: d.webhook, Petition: d.petition.Name, Time: d.now, Outcome: answer.Outcome, Kind: WebhookDecide,
		Attempts: max(d.job.Attempts, 1), Code: answer.Code, Problem: answer.Problem, Attempt: answer.Attempt}
	d.delivered.count(attempt)
	if err := d.keep(ctx, Change{Space: d.space, Writes: attempt.writes()}); err != nil {
		return err
	}
	if err := d.noteHealth(ctx, answer); err != nil {
		return err
	}
	d.forgetDeliveries(ctx, d.space, d.webhook)
	switch answer.Outcome {
	case WebhookDone:
		return d.take(ctx, answer.Claims)
	case WebhookAgain:
		next := d.now.Add(max(min(decideRetry<<min(max(d.job.Attempts-1, 0), 10), lastDecideRetry), answer.RetryAfter))
		if next.Before(d.deadline()) && d.health.PausedSince.IsZero() {
			return Later{next}
		}
		return d.undecided(ctx, "it has not decided within "+Span(d.policy.DecideWithin)+": "+answer.Problem)
	}
	return d.undecided(ctx, answer.Problem)
}

// call makes the call, which ends when people decide alone.
func (d *decisionLook) call(ctx context.Context, events []Event) (WebhookAnswer, error) {
	target, err := d.target(d.hook, d.now)
	if err != nil {
		return WebhookAnswer{Outcome: WebhookAgain, Problem: err.Error()}, nil
	}
	within, cancel := context.WithTimeout(ctx, d.deadline().Sub(d.now))
	defer cancel()
	return d.Endpoints.Call(within, target, WebhookCall{ID: d.id, Kind: WebhookDecide, Events: events})
}

// take decides as the webhook says, if what it says is one thing, about this petition, and in time.
func (d *decisionLook) take(ctx context.Context, claims []Event) error {
	switch {
	case len(claims) == 0:
		return d.undecided(ctx, "it leaves the decision to people")
	case !d.now.Before(d.deadline()):
		return d.undecided(ctx, "it answered later than "+Span(d.policy.DecideWithin)+" after the request")
	case slices.ContainsFunc(claims, func(c Event) bool { return c.Event != claims[0].Event }):
		return d.undecided(ctx, "its claims contradict one another")
	}
	said := claims[0]
	if about := said.Petition(); about != "" && about != d.petition.Name {
		return d.undecided(ctx, "its claim is about another petition, "+about)
	}
	c := NewClaim{Event: said.Event, Reason: said.Reason, Labels: map[string]string{LabelDigest: d.petition.Digest}, Resources: said.Resources, answers: &answered{d.webhook, d.job}}
	maps.Copy(c.Labels, said.Meta.Labels)
	if why, err := d.stands(ctx); err != nil || why != "" {
		if err == nil {
			err = d.undecided(ctx, why)
		}
		return err
	}
	_, _, err := d.Decide(ctx, d.bot, d.petition.Name, c, d.id)
	if code := CodeOf(err); err == nil || code == Unavailable || code == Internal {
		return err
	}
	return d.undecided(ctx, "its claim does not count: "+err.Error())
}

// stands answers why the answer does not count that was on its way while the policy or the account changed, "" where it does.
func (d *decisionLook) stands(ctx context.Context) (why string, err error) {
	account := d.policy.ServiceAccount
	chosen, why, err := d.choose(ctx)
	if err != nil || why != "" {
		return why, err
	}
	if !chosen || d.policy.ServiceAccount != account {
		return "no webhook policy has it decide any more as " + account, nil
	}
	return d.findBot(ctx)
}

// undecided writes to the log why the webhook does not decide, and ends the job with it: it is said once.
func (d *decisionLook) undecided(ctx context.Context, why string) error {
	p := &d.petition
	e := d.petitionEvent(ctx, System(d.space, "webhooks"), p, d.now, EventWebhookUndecided, printable(why, MaxReason-1), map[string]string{LabelWebhook: d.webhook})
	e.Resources = append(e.Resources, Webhook{Name: d.webhook}.resource())
	err := d.commit(ctx, Change{Space: d.space, Events: []Event{e}, Writes: []Write{EndJob{d.job}}})
	if CodeOf(err) == Conflict {
		return nil // another node goes on with it
	}
	return err
}
