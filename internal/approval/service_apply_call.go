package approval

import (
	"context"
	"hash/fnv"
	"maps"
	"strconv"
	"strings"
	"time"
)

const (
	// grantedWithin is how long a grant is tried before it is said to have failed. The end of one is tried for ever.
	grantedWithin = 3 * 24 * time.Hour
	firstRetry    = 5 * time.Second
	lastRetry     = time.Hour
	longestAsked  = 24 * time.Hour // that an endpoint may ask to wait
	// parked is how long what waits for somebody rests: it is woken before.
	parked = 24 * time.Hour
)

// command is what a webhook is to be told next of an application.
type command struct {
	of      *Application
	event   string    // access/grant or access/revoke
	expires time.Time // of a grant: when access ends as things stand; zero: never
}

// callNext makes the first call that is due. Of a pair there is either something to give or something to take away.
func (l *pairLook) callNext(ctx context.Context) (afterLook, error) {
	var next afterLook
	var due []command
	probing := !l.health.PausedSince.IsZero()
	for i := range l.rows {
		a := &l.rows[i]
		c, err := l.commandFor(ctx, a)
		if err != nil {
			return afterLook{}, err
		}
		switch {
		case c.of == nil:
		case probing || !l.now.Before(a.NextTime) || a.TriedTime.Before(l.health.ResumedTime):
			due = append(due, c)
		default:
			next.at = sooner(next.at, a.NextTime)
		}
	}
	switch {
	case len(due) == 0:
		return next, nil
	case l.gone, !l.health.DisabledSince.IsZero():
		return afterLook{at: l.now.Add(parked)}, nil
	case probing:
		if at, err := l.turn(ctx, l.pair, due[0].of.TriedTime); err != nil || !at.IsZero() {
			return afterLook{at: at}, err
		}
	}
	if !l.hasRoom() {
		return afterLook{at: l.now}, nil // by who has time for it
	}
	at, err := l.call(ctx, due[0])
	if len(due) > 1 && err == nil && (!probing || l.health.PausedSince.IsZero()) {
		return afterLook{again: true}, nil // whoever wakes the others finds no job of this pair if this one ends
	}
	return afterLook{at: sooner(next.at, at)}, err
}

// commandFor answers what is to be told of an application; nothing where all was.
func (l *pairLook) commandFor(ctx context.Context, a *Application) (command, error) {
	if !l.granted(a) {
		return command{of: a, event: EventRevoke}, nil
	}
	p := l.petitions[a.Petition]
	if a.State == ApplicationKept || a.State == ApplicationFailed || p.Grant.over(l.now) {
		return command{}, nil
	}
	until, err := l.until(ctx)
	if err != nil || a.State == ApplicationApplied && (a.NotSent || a.Told && a.Expires.Equal(until)) {
		return command{}, err
	}
	return command{of: a, event: EventGrant, expires: until}, nil
}

// call tells the webhook, and answers when it is told again, zero for not at all. That it is about to be told is noted before:
// whoever comes after a crash must know that access may have been given.
func (l *pairLook) call(ctx context.Context, c command) (time.Time, error) {
	a, held := *c.of, c.of.Holds
	if a.State == ApplicationApplied && a.Attempts == 0 {
		a.Since = l.now // it is told another end
	}
	a.Attempts, a.TriedTime = a.Attempts+1, l.now
	if c.event == EventGrant && !l.hook.DryRun {
		a.Holds = true
	}
	if err := l.keep(ctx, Change{Space: l.space, Writes: []Write{PutApplication{Application: a, Expect: a.Version}}}); err != nil {
		return time.Time{}, err
	}
	a.Version++
	*c.of = a
	answer, err := l.ask(ctx, c)
	if err != nil {
		return time.Time{}, err
	}
	// What came back is written also when the server stops meanwhile.
	ctx, l.now = context.WithoutCancel(ctx), l.Clock.Now()
	d := l.attemptOf(c, answer)
	l.delivered.count(d)
	change := Change{Space: l.space, Writes: d.writes()}
	at, err := l.took(ctx, &change, c, held, answer)
	if isStale(err) { // somebody has changed it meanwhile: it is looked at again, and the attempt is in the log all the same
		if failed := l.keep(ctx, Change{Space: l.space, Writes: d.writes()}); failed != nil {
			l.Logger.WarnContext(ctx, "an attempt of a call is not in its log", "space", l.space, "webhook", l.webhook, "error", failed)
		}
	}
	if noted := l.noteHealth(ctx, answer); err == nil && noted != nil {
		return at, noted
	}
	if !l.health.PausedSince.IsZero() && answer.Outcome == WebhookAgain {
		at = l.health.ProbeTime // this one tries again
	}
	l.forgetDeliveries(ctx, l.space, l.webhook)
	return at, err
}

// ask makes the call. What keeps it from being made is said like an answer that asks to come again.
func (l *pairLook) ask(ctx context.Context, c command) (WebhookAnswer, error) {
	events, err := l.toldEvents(ctx, c)
	if err != nil {
		return WebhookAnswer{}, err
	}
	target, err := l.target(l.hook, l.now)
	if err != nil {
		return WebhookAnswer{Outcome: WebhookAgain, Problem: err.Error()}, nil
	}
	id := c.of.callID(events[len(events)-1], c.expires)
	return l.Endpoints.Call(ctx, target, WebhookCall{ID: id, Kind: WebhookApply, Events: events})
}

// toldEvents answers the events of the application's petition so far, the command last: of the pair, with the end of access.
func (l *pairLook) toldEvents(ctx context.Context, c command) (events []Event, err error) {
	var command Event
	err = l.accessEvents(ctx, l.space, c.of.Petition, func(e Event) {
		if isEnd := e.Event == EventRevoke || e.Event == EventEnd || e.Event == EventUnratified; e.Event == c.event || c.event == EventRevoke && isEnd {
			command = e
			if e.Event == c.event {
				return
			}
		}
		events = append(events, e)
	})
	if err != nil {
		return nil, err
	}
	if command.Event == "" {
		return nil, Errorf(Internal, "petition #%s/%s has no event that is told as %s", l.space, c.of.Petition, c.event)
	}
	command.Event, command.Resources = c.event, []Resource{c.of.Person, c.of.Resource}
	command.Meta.Labels = maps.Clone(command.Meta.Labels)
	if c.event == EventGrant {
		for _, label := range []string{LabelTimeExpires, LabelTimeDuration, LabelTimeIndefinite, LabelTimeStarts, LabelWebhooks} {
			delete(command.Meta.Labels, label)
		}
		begins := l.petitions[c.of.Petition].Grant.StartTime
		maps.Copy(command.Meta.Labels, Grant{StartTime: begins, EndTime: c.expires}.labels())
	}
	return append(events, command), nil
}

// accessEvents hands over the events of a petition so far that webhooks are told of, oldest first.
func (s *Service) accessEvents(ctx context.Context, space, petition string, take func(Event)) error {
	q := EventQuery{Space: space, Petition: petition, Page: PageRequest{Size: MaxPageSize, Ascending: true}}
	for {
		page, err := s.Store.Events(ctx, q)
		if err != nil {
			return err
		}
		for _, e := range page.Items {
			if strings.HasPrefix(e.Event, "access/") && e.Event != EventRefused && e.Event != EventInherit {
				take(e)
			}
		}
		if q.Page.Token = page.Next; page.Next == "" {
			return nil
		}
	}
}

// took writes what came of a call into the change and commits it.
func (l *pairLook) took(ctx context.Context, change *Change, c command, held bool, answer WebhookAnswer) (again time.Time, err error) {
	a := *c.of
	a.UpdateTime = l.now
	done := answer.Outcome == WebhookDone
	switch {
	case c.event == EventRevoke && (done || answer.Outcome == WebhookRefused && answer.Code == rpcNotFound || answer.Outcome == WebhookNotSent && !a.Holds):
		ends := l.sameEnding(c)
		for i := range ends {
			l.watches(ctx, change, &ends[i])
		}
		_, err := l.writeEnds(ctx, l.ended(change, c), ends...)
		return time.Time{}, err
	case c.event == EventGrant && (done || answer.Outcome == WebhookNotSent):
		return time.Time{}, l.applied(ctx, change, c, a, answer)
	case c.event == EventGrant && (answer.Outcome == WebhookRefused || answer.Outcome == WebhookGone):
		a.Holds = held // it has said that it has not given access; whether it had before is as it was
		return time.Time{}, l.refused(ctx, change, c, a, answer.Problem)
	case c.event == EventGrant && l.now.Sub(a.Since) >= grantedWithin:
		return time.Time{}, l.refused(ctx, change, c, a, "the webhook could not be told within "+Span(grantedWithin)+": "+answer.Problem)
	}
	wait := retryIn(a.Attempts, answer.RetryAfter, a.Pair)
	if answer.Outcome == WebhookNotSent {
		wait = lastRetry
	}
	a.Problem, a.NextTime = answer.Problem, l.now.Add(wait)
	change.Writes = append(change.Writes, PutApplication{Application: a, Expect: a.Version})
	return a.NextTime, l.keep(ctx, *change)
}

// applied writes that the webhook has given access, or has been told until when: that holds for all that are told as the same.
func (l *pairLook) applied(ctx context.Context, change *Change, c command, a Application, answer WebhookAnswer) error {
	first := a.State != ApplicationApplied
	a.begins(ApplicationApplied, l.now)
	a.Told, a.Expires, a.NotSent = true, c.expires, answer.Outcome == WebhookNotSent
	l.watches(ctx, change, &a)
	change.Writes = append(change.Writes, PutApplication{Application: a, Expect: a.Version})
	for _, b := range l.rows {
		if b.Name == a.Name && b.Petition != a.Petition && b.Told && l.granted(&b) && !a.NotSent {
			b.Expires = c.expires
			change.Writes = append(change.Writes, PutApplication{Application: b, Expect: b.Version})
		}
	}
	if first {
		e := l.applicationEvent(&a, l.petitions[a.Petition], l.now, EventWebhookApply, "")
		if a.NotSent {
			e.Reason, e.Meta.Labels[LabelWebhookDryRun] = answer.Problem, "true"
		}
		change.Events = append(change.Events, e)
	}
	return l.keep(ctx, *change)
}

// refused writes that a grant is not applied and not tried again. One that was applied stays so: only its end was told in vain.
func (l *pairLook) refused(ctx context.Context, change *Change, c command, a Application, problem string) error {
	a.Problem, a.NextTime = problem, time.Time{}
	if a.State == ApplicationApplied {
		a.Expires = c.expires
	} else {
		a.State = ApplicationFailed
		change.Events = append(change.Events, l.applicationEvent(&a, l.petitions[a.Petition], l.now, EventWebhookFail, printable(problem, MaxReason-1)))
	}
	change.Writes = append(change.Writes, PutApplication{Application: a, Expect: a.Version})
	return l.keep(ctx, *change)
}

// sameEnding answers the applications that end with the call: all that are over and were told as the same.
func (l *pairLook) sameEnding(c command) (ended []Application) {
	for _, b := range l.rows {
		if b.Name == c.of.Name && !l.granted(&b) {
			b.begins(ApplicationEnded, l.now)
			ended = append(ended, b)
		}
	}
	return ended
}

// ended adds the events of their ends.
func (l *pairLook) ended(change *Change, c command) *Change {
	for _, b := range l.sameEnding(c) {
		change.Events = append(change.Events, l.applicationEvent(&b, l.petitions[b.Petition], l.now, EventWebhookEnd, ""))
	}
	return change
}

// attemptOf answers the record of an attempt.
func (l *pairLook) attemptOf(c command, answer WebhookAnswer) Delivery {
	return Delivery{Space: l.space, Name: l.IDs.UUID(), Webhook: l.webhook, Petition: c.of.Petition, Time: l.now, Outcome: answer.Outcome,
		Kind: WebhookApply, Command: c.event, Application: c.of.Name, Attempts: c.of.Attempts, Code: answer.Code, Problem: answer.Problem, Attempt: answer.Attempt}
}

// retryIn doubles from 5 seconds to an hour, of which half is spread, and is at least what the endpoint asks for. The spread is of
// the pair, so that those that failed together do not come together.
func retryIn(attempts int, asked time.Duration, pair string) time.Duration {
	wait := min(firstRetry<<min(max(attempts-1, 0), 20), lastRetry)
	wait = wait/2 + time.Duration(spread(pair+strconv.Itoa(attempts))*float64(wait/2))
	wait = wait.Truncate(time.Microsecond) // what the engines keep: else its job comes before its time, and finds nothing due
	return max(wait, min(asked, longestAsked))
}

// spread answers a number in [0,1) that depends on the text alone.
func spread(text string) float64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text))
	sum := h.Sum64()
	sum ^= sum >> 33 // the last characters differ: they are to count for the highest bits
	sum *= 0xff51afd7ed558ccd
	sum ^= sum >> 33
	return float64(sum>>11) / (1 << 53)
}
