package approval

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A webhook that says who really has access (GetState) is asked after it has given or taken it, and then once in a while. The job
// of a webhook asks about a few applications at a time, those first whose time came first, in a lane of its own: it delays no other call.

const (
	// checkAfter is after what a webhook is asked that has just been told something; doubtAfter, what was seen once that should not
	// be; settleAfter, what is on its way at the moment; failAfter, after a failure; checkEvery, what is as it should be, or told.
	checkAfter  = 10 * time.Second
	doubtAfter  = 15 * time.Second
	settleAfter = time.Minute
	failAfter   = 10 * time.Minute
	checkEvery  = 6 * time.Hour
	// checkEnded is how long what has ended is looked at.
	checkEnded   = 7 * 24 * time.Hour
	checksAtOnce = 50
	shownDrifts  = 20
	statePrefix  = "state/"
	adoptSuffix  = "/adopt"
)

// stateJob answers the job that asks a webhook about what is due.
func stateJob(space, webhook string, at time.Time) WakeJob {
	return WakeJob{Job{Key: statePrefix + space + "/" + webhook, Kind: JobState, Lane: callLane(space, webhook) + "/state", Space: space, RunTime: at}}
}

// adoptJob answers the job that has a webhook asked about what it was told before a policy said so.
func adoptJob(space, webhook string, at time.Time) WakeJob {
	j := stateJob(space, webhook, at)
	j.Job.Key += adoptSuffix
	return j
}

// watches has the webhook asked about applications that it has just been told of, if it is asked at all; whether a policy takes them
// is found out then.
func (l *hookLook) watches(ctx context.Context, change *Change, told ...*Application) {
	policies, err := l.webhookPolicies(ctx, l.space)
	if err == nil && !slices.ContainsFunc(policies, func(p WebhookPolicy) bool { return p.Webhook == l.webhook && p.Has(WebhookState) }) {
		return
	}
	for _, a := range told {
		if !a.NotSent {
			a.CheckTime = l.now.Add(checkAfter)
		}
	}
	change.Writes = append(change.Writes, stateJob(l.space, l.webhook, l.now.Add(checkAfter)))
}

// checkStates asks a webhook about what is due.
func (s *Service) checkStates(ctx context.Context, j Job) error {
	webhook, adopt := strings.CutSuffix(strings.TrimPrefix(j.Key, statePrefix+j.Space+"/"), adoptSuffix)
	l := s.lookAtHook(j, webhook)
	if err := l.readHook(ctx); err != nil || l.gone {
		return err
	}
	if adopt {
		return l.adopt(ctx)
	}
	most := checksAtOnce
	switch {
	case !l.health.DisabledSince.IsZero():
		return Later{l.now.Add(lastRetry)}
	case !l.health.PausedSince.IsZero():
		if at, err := l.probe(ctx, j.Key); err != nil || !at.IsZero() {
			return laterOr(at, err)
		}
		most = 1
	}
	due, err := s.Store.Checks(ctx, l.space, l.webhook, most)
	if err != nil {
		return err
	}
	for i := range due {
		if l.now = s.Clock.Now(); l.now.Before(due[i].CheckTime) || !l.hasRoom() {
			break
		}
		if err := l.check(ctx, &due[i]); err != nil && !isStale(err) { // what somebody else has changed is looked at again
			return err
		}
	}
	next, err := s.Store.Checks(ctx, l.space, l.webhook, 1)
	if err != nil || len(next) == 0 {
		return err
	}
	if now := s.Clock.Now(); next[0].CheckTime.Before(now) {
		return Later{now.Add(time.Second)}
	}
	return Later{next[0].CheckTime}
}

func laterOr(at time.Time, err error) error {
	if err != nil {
		return err
	}
	return Later{at}
}

// adopt has the webhook asked about all that it has applied.
func (l *hookLook) adopt(ctx context.Context) error {
	q := ApplicationQuery{Space: l.space, Webhook: l.webhook, Open: true, Page: PageRequest{Size: MaxPageSize}}
	for {
		page, err := l.Store.Applications(ctx, q)
		if err != nil {
			return err
		}
		for _, a := range page.Items {
			if !a.CheckTime.IsZero() || !a.Holds {
				continue
			}
			a.CheckTime = l.now.Add(checkAfter)
			err := l.keep(ctx, Change{Space: l.space, Writes: []Write{PutApplication{Application: a, Expect: a.Version}, stateJob(l.space, l.webhook, a.CheckTime)}})
			if err != nil && !isStale(err) { // what is told meanwhile is asked about anyway
				return err
			}
		}
		if q.Page.Token = page.Next; page.Next == "" {
			return nil
		}
	}
}

// check asks about one application. What should be is looked up before and after: an answer to what has changed meanwhile says nothing.
func (l *hookLook) check(ctx context.Context, a *Application) error {
	want, settled, err := l.shouldHave(ctx, a)
	switch {
	case err != nil:
		return err
	case !settled:
		return l.asksAgain(ctx, a, settleAfter)
	case !want && a.State != ApplicationEnded:
		return l.asksNoMore(ctx, a) // a grant that was refused: there is nothing to look for
	}
	if asked, err := l.asked(ctx, a); err != nil || !asked {
		if err != nil {
			return err
		}
		return l.asksNoMore(ctx, a)
	}
	answer, err := l.askState(ctx, a)
	if err != nil {
		return err
	}
	// What came back is written also when the server stops meanwhile.
	ctx, l.now = context.WithoutCancel(ctx), l.Clock.Now()
	d := Delivery{Space: l.space, Name: l.IDs.UUID(), Webhook: l.webhook, Petition: a.Petition, Time: l.now, Outcome: answer.Outcome, Kind: WebhookState, Application: a.Name,
		Attempts: 1, Code: answer.Code, Problem: answer.Problem, Attempt: answer.Attempt}
	l.delivered.count(d)
	if err := l.noteHealth(ctx, answer); err != nil && !isStale(err) {
		return err
	}
	unknown := answer.Outcome == WebhookRefused && answer.Code == rpcNotFound // who does not know the account does not have it
	if answer.Outcome != WebhookDone && !unknown {
		l.forgetDeliveries(ctx, l.space, l.webhook)
		wait := checkEvery
		if answer.Outcome == WebhookAgain {
			wait = max(failAfter, min(answer.RetryAfter, longestAsked))
		}
		return l.asksAgain(ctx, a, wait, d.writes()...)
	}
	now, settled, err := l.shouldHave(ctx, a)
	if err != nil {
		return err
	}
	if !settled || now != want {
		return l.asksAgain(ctx, a, settleAfter)
	}
	return l.saw(ctx, a, want, answer.Access && !unknown, d)
}

// shouldHave answers whether the person should have access at the webhook by any grant, under whatever names. It is not settled while
// something is on its way.
func (l *hookLook) shouldHave(ctx context.Context, a *Application) (has, settled bool, err error) {
	rows, err := l.applications(ctx, ApplicationQuery{Space: l.space, Webhook: l.webhook, Pair: a.Pair, Open: true})
	if err != nil {
		return false, false, err
	}
	for i := range rows {
		b := &rows[i]
		p, err := l.Store.Petition(ctx, l.space, b.Petition)
		switch {
		case err != nil:
			return false, false, err
		case b.State == ApplicationPending || b.State == ApplicationEnding || p.Phase != Granted || p.Grant.over(l.now):
			return false, false, nil
		case b.Holds && !b.NotSent:
			has = true
		}
	}
	return has, true, nil
}

// asked answers whether a policy has the webhook asked about the application. Not knowing is not "no".
func (l *hookLook) asked(ctx context.Context, a *Application) (bool, error) {
	policies, err := l.webhookPolicies(ctx, l.space)
	if err != nil {
		return false, err
	}
	policies = slices.DeleteFunc(slices.Clone(policies), func(p WebhookPolicy) bool { return p.Webhook != l.webhook || !p.Has(WebhookState) })
	p, err := l.Store.Petition(ctx, l.space, a.Petition)
	if err != nil || len(policies) == 0 {
		return false, err
	}
	p.Petitioners = []Resource{a.Person}
	matching, err := l.policiesFor(ctx, &p, a.Resource, policies)
	unsure, err := unsureOf(err)
	return len(matching)+len(unsure) > 0, err
}

func (l *hookLook) askState(ctx context.Context, a *Application) (WebhookAnswer, error) {
	target, err := l.target(l.hook, l.now)
	if err != nil {
		return WebhookAnswer{Outcome: WebhookAgain, Problem: err.Error()}, nil
	}
	id := "msg_" + shortDigest(statePrefix, l.space, l.webhook, a.Petition, a.Name, strconv.FormatInt(a.CheckTime.UnixMicro(), 10))
	return l.Endpoints.Call(ctx, target, WebhookCall{ID: id, Kind: WebhookState, State: []Resource{a.Person, a.Resource}})
}

// saw writes what the webhook says. What is not as it should be is told when it is seen twice, and so is its end, once. The log of calls has
// what says something new.
func (l *hookLook) saw(ctx context.Context, a *Application, want, has bool, d Delivery) error {
	change, next := Change{Space: l.space}, *a
	var kind StateDrift
	switch {
	case has && !want:
		kind = DriftLeft
	case want && !has:
		kind = DriftLost
	}
	wait, news := checkEvery+time.Duration(spread(a.Petition+a.Name)*float64(checkEvery/12)), kind != ""
	switch {
	case kind == "":
		if next.Drift != "" {
			change.Events, news = append(change.Events, l.driftEvent(a, EventWebhookDriftEnd, "it is as it should be")), true
		}
		next.Drift, next.Suspect, next.DriftSince = "", "", time.Time{}
		if !want && a.KeptBy == "" && a.ConfirmTime.IsZero() {
			next.ConfirmTime, news = l.now, true
		}
		if !want && l.now.Sub(a.UpdateTime) >= checkEnded {
			wait = 0
		}
	case a.Suspect != kind:
		next.Suspect, wait = kind, doubtAfter
		if next.Drift == "" {
			next.DriftSince = l.now
		}
	case a.Drift != kind:
		next.Drift, next.ConfirmTime = kind, time.Time{}
		change.Events = append(change.Events, l.driftEvent(a, EventWebhookDrift, kind.sentence()))
	}
	if next.CheckTime = (time.Time{}); wait > 0 {
		next.CheckTime = l.now.Add(wait)
	}
	if news {
		change.Writes = append(change.Writes, d.writes()...)
		l.forgetDeliveries(ctx, l.space, l.webhook)
	}
	change.Writes = append(change.Writes, PutApplication{Application: next, Expect: a.Version})
	return l.keep(ctx, change)
}

func (d StateDrift) sentence() string {
	if d == DriftLeft {
		return "there is access in the real system, and no grant gives it"
	}
	return "there is a grant, and no access in the real system"
}

func (l *hookLook) driftEvent(a *Application, name, reason string) Event {
	return l.applicationEvent(a, nil, l.now, name, reason)
}

// asksAgain has the webhook asked later; what is known stays.
func (l *hookLook) asksAgain(ctx context.Context, a *Application, wait time.Duration, more ...Write) error {
	next := *a
	next.CheckTime = l.now.Add(wait)
	return l.keep(ctx, Change{Space: l.space, Writes: append(more, PutApplication{Application: next, Expect: a.Version})})
}

// asksNoMore ends the checks of an application that no policy has asked about any more.
func (l *hookLook) asksNoMore(ctx context.Context, a *Application) error {
	change, next := Change{Space: l.space}, *a
	if a.Drift != "" {
		change.Events = append(change.Events, l.driftEvent(a, EventWebhookDriftEnd, "it is not asked about any more"))
	}
	next.CheckTime, next.Drift, next.Suspect, next.DriftSince = time.Time{}, "", "", time.Time{}
	change.Writes = append(change.Writes, PutApplication{Application: next, Expect: a.Version})
	return l.keep(ctx, change)
}

// DriftedAccess answers of how many persons and resources, of all spaces, webhooks say that access is not as it should be.
func (s *Service) DriftedAccess(ctx context.Context) (int, error) {
	_, n, err := s.Store.Drifts(ctx, "", "", 0)
	return n, err
}
