package approval

import (
	"context"
	"slices"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	// An endpoint that fails so often in a row, and for so long, is called only once in a while until it answers again.
	failuresToPause = 20
	failingToPause  = 15 * time.Minute
	probeEvery      = 5 * time.Minute
	probeGrace      = time.Minute // for the one whose turn it is
	probeRest       = 15 * time.Minute
	// overdueAfter is when the log tells of access that a webhook has not taken away, overdueAgain when it does again, and then
	// once a day.
	overdueAfter = 5 * time.Minute
	overdueAgain = time.Hour
	overdueDaily = 24 * time.Hour
	// overdueCounted is how late access is taken away that is counted as overdue.
	overdueCounted = time.Minute
)

// probe answers when a paused webhook is tried again, zero for now: then this call is the one that tries, and no other for a while.
// Who waits is spread by the text.
func (l *hookLook) probe(ctx context.Context, who string) (time.Time, error) {
	h := l.health
	switch {
	case l.now.Before(h.ProbeTime):
		// Others come later, each at its time; all are woken when the endpoint answers.
		rest := probeEvery + time.Duration(spread(who)*float64(lastRetry))
		return h.ProbeTime.Add(rest), nil
	case h.ProbeBy != "" && h.ProbeBy != who && l.now.Before(h.ProbeTime.Add(probeGrace)):
		return h.ProbeTime.Add(probeGrace), nil // in case that one has nothing to do any more
	}
	h.ProbeTime, h.ProbeBy = l.now.Add(probeEvery), ""
	return time.Time{}, l.keepHealth(ctx, h)
}

// turn is probe for a call that was tried last at a time. One that finds another under way is the next to try, unless it was tried lately: a
// call that always fails must keep none of the others from showing that the endpoint answers.
func (l *hookLook) turn(ctx context.Context, who string, tried time.Time) (time.Time, error) {
	at, err := l.probe(ctx, who)
	h, rested := l.health, l.now.Sub(tried)
	switch {
	case err != nil, at.IsZero(), !l.now.Before(h.ProbeTime):
		return at, err
	case h.ProbeBy == who, rested < probeEvery: // it has its turn, or was the last
		return h.ProbeTime, nil
	case h.ProbeBy != "", rested < probeRest:
		return at, nil
	}
	h.ProbeBy = who
	return h.ProbeTime, l.keepHealth(ctx, h)
}

func (l *hookLook) keepHealth(ctx context.Context, h WebhookHealth) error {
	err := l.keep(ctx, Change{Space: l.space, Writes: []Write{PutWebhookHealth{Health: h, Expect: h.Version}}})
	h.Version++
	l.health = h
	return err
}

// noteHealth keeps how the endpoint behaves: failures in a row, the pause that follows many, and its end.
func (l *hookLook) noteHealth(ctx context.Context, answer WebhookAnswer) error {
	h := l.health
	switch {
	case answer.Attempt.ID == "", answer.Outcome == WebhookNotSent:
		return nil
	case answer.Outcome != WebhookAgain && answer.Outcome != WebhookGone && h.Failures == 0 && h.PausedSince.IsZero():
		return nil
	}
	_, err := again(func() (struct{}, error) {
		h, err := l.Store.WebhookHealth(ctx, l.space, l.webhook)
		if err == nil {
			err = l.putHealth(ctx, h, answer)
		}
		return struct{}{}, err
	})
	return err
}

func (l *hookLook) putHealth(ctx context.Context, h WebhookHealth, answer WebhookAnswer) error {
	change, expect := Change{Space: l.space}, h.Version
	tell := func(event, reason string) {
		change.Events = append(change.Events, l.event(System(l.space, "webhooks"), l.now, event, reason, []Resource{l.hook.resource()}, nil))
	}
	switch answer.Outcome {
	case WebhookGone:
		if !h.DisabledSince.IsZero() {
			return nil
		}
		h.DisabledSince, h.PausedSince, h.Problem = l.now, time.Time{}, answer.Problem
		tell(EventWebhookDisable, answer.Problem)
		change.Writes = append(change.Writes, wakeCalls(l.space, l.webhook, l.now)) // grants fail at once
	case WebhookAgain:
		if h.Failures++; h.Failures == 1 {
			h.FailingSince = l.now
		}
		h.Problem = answer.Problem
		if h.PausedSince.IsZero() && h.Failures >= failuresToPause && l.now.Sub(h.FailingSince) >= failingToPause {
			h.PausedSince, h.ProbeTime = l.now, l.now.Add(probeEvery)
			tell(EventWebhookPause, printable(strconv.Itoa(h.Failures)+" failures in a row: "+answer.Problem, MaxReason-1))
		}
	default:
		paused := !h.PausedSince.IsZero()
		h = h.well(l.now)
		if paused {
			tell(EventWebhookResume, "the endpoint answers again")
			change.Writes = append(change.Writes, wakeCalls(l.space, l.webhook, l.now))
		}
	}
	change.Writes = append(change.Writes, PutWebhookHealth{Health: h, Expect: expect})
	if err := l.keep(ctx, change); err != nil {
		return err
	}
	h.Version = expect + 1
	l.health = h
	return nil
}

// well answers the health of a webhook that is called again, and at once what has waited.
func (h WebhookHealth) well(now time.Time) WebhookHealth {
	return WebhookHealth{Space: h.Space, Webhook: h.Webhook, Version: h.Version, OverdueTold: h.OverdueTold, ResumedTime: now}
}

// resumes answers the writes that end a pause, or the end of calls; none where the webhook is called.
func (s *Service) resumes(ctx context.Context, w Webhook, now time.Time) (writes []Write, was string, err error) {
	h, err := s.Store.WebhookHealth(ctx, w.Space, w.Name)
	if err != nil || h.Failures == 0 && h.PausedSince.IsZero() && h.DisabledSince.IsZero() {
		return nil, "", err
	}
	switch {
	case !h.DisabledSince.IsZero():
		was = "disabled"
	case !h.PausedSince.IsZero():
		was = "paused"
	}
	return []Write{PutWebhookHealth{Health: h.well(now), Expect: h.Version}, wakeCalls(w.Space, w.Name, now)}, was, nil
}

// wokenAtOnce bounds how many jobs are woken by one write: others wait for it.
const wokenAtOnce = 500

// wakeCalls answers the job that lets all calls of a webhook that wait be made at once.
func wakeCalls(space, webhook string, at time.Time) WakeJob {
	return WakeJob{Job{Key: "wake/" + space + "/" + webhook, Kind: JobWake, Lane: space, Space: space, RunTime: at}}
}

// wakeCalls wakes a part of them, and comes again until it has found fewer than a part.
func (s *Service) wakeCalls(ctx context.Context, j Job) error {
	now := s.Clock.Now()
	n, err := s.Store.WakeLane(ctx, j.Space, callLane(j.Space, j.Key[len("wake/"+j.Space+"/"):]), now, wokenAtOnce)
	if err != nil {
		return err
	}
	s.Broker.Publish(LanesTopic)
	if n == wokenAtOnce {
		return Later{now}
	}
	return nil
}

// overdueJob looks whether a webhook has taken away by then what it should have.
func overdueJob(space, webhook string, at time.Time) WakeJob {
	return WakeJob{Job{Key: "overdue/" + space + "/" + webhook, Kind: JobOverdue, Lane: space, Space: space, RunTime: at}}
}

// overdueLevel answers how often the log tells of what has waited so long, and after what wait it tells the next time.
func overdueLevel(wait time.Duration) (level int, next time.Duration) {
	switch {
	case wait < overdueAfter:
		return 0, overdueAfter
	case wait < overdueAgain:
		return 1, overdueAgain
	}
	days := (wait - overdueAgain) / overdueDaily
	return 2 + int(days), overdueAgain + (days+1)*overdueDaily
}

// tellOverdue tells the log of access that a webhook should have taken away: more often, the longer it takes.
func (s *Service) tellOverdue(ctx context.Context, j Job) error {
	webhook := j.Key[len("overdue/"+j.Space+"/"):]
	_, err := again(func() (struct{}, error) { return struct{}{}, s.tellOverdueOnce(ctx, j.Space, webhook) })
	return err
}

func (s *Service) tellOverdueOnce(ctx context.Context, space, webhook string) error {
	now := s.Clock.Now()
	all, err := s.Store.Overdue(ctx, space, webhook, now.Add(time.Microsecond))
	if err != nil {
		return err
	}
	h, err := s.Store.WebhookHealth(ctx, space, webhook)
	if err != nil {
		return err
	}
	level, next := 0, time.Duration(0)
	if all.Count > 0 {
		level, next = overdueLevel(now.Sub(all.Since))
	}
	change := Change{Space: space}
	if level > h.OverdueTold {
		late, err := s.Store.Overdue(ctx, space, webhook, now.Add(-overdueAfter+time.Microsecond))
		if err != nil {
			return err
		}
		change.Events = append(change.Events, s.event(System(space, "webhooks"), now, EventWebhookOverdue, "not taken away since "+stamp(all.Since), []Resource{Webhook{Name: webhook}.resource()},
			map[string]string{LabelWebhookOverdue: strconv.Itoa(late.Count)}))
	}
	if level != h.OverdueTold {
		expect := h.Version
		h.OverdueTold = level
		change.Writes = append(change.Writes, PutWebhookHealth{Health: h, Expect: expect})
		if err := s.keep(ctx, change); err != nil {
			return err
		}
	}
	if all.Count == 0 {
		return nil
	}
	return Later{all.Since.Add(next)}
}

// deliveryCounts counts attempts by what came of them.
type deliveryCounts [5]atomic.Int64

// WebhookOutcomes are all outcomes of an attempt.
var WebhookOutcomes = []WebhookOutcome{WebhookDone, WebhookRefused, WebhookAgain, WebhookGone, WebhookNotSent}

func (c *deliveryCounts) count(d Delivery) {
	if i := slices.Index(WebhookOutcomes, d.Outcome); i >= 0 && d.Attempt.ID != "" {
		c[i].Add(1)
	}
}

// Delivered answers how many attempts of calls this node has made since it started that came to the outcome.
func (s *Service) Delivered(o WebhookOutcome) int64 {
	if i := slices.Index(WebhookOutcomes, o); i >= 0 {
		return s.delivered[i].Load()
	}
	return 0
}

// OverdueRevocations answers how many revocations of all spaces no webhook has carried out for more than a minute.
func (s *Service) OverdueRevocations(ctx context.Context) (int, error) {
	o, err := s.Store.Overdue(ctx, "", "", s.Clock.Now().Add(-overdueCounted))
	return o.Count, err
}
