package approval

import (
	"cmp"
	"context"
	"strings"
	"time"
)

// A pair is a person and a resource, by whatever names, at one webhook. Its calls are made by one job, one after the other: what
// was told last is what holds. The job looks at the pair as it is now, and does what is missing.

const (
	// looksAtOnce bounds how often a job looks at its pair before it comes again.
	looksAtOnce = 20
	// callRoom is how much of its lease a job must have left to begin a call: more than a call takes, so that no other node
	// begins one of the same pair meanwhile.
	callRoom = 30 * time.Second
)

// hookLook is what a job that calls a webhook sees of it.
type hookLook struct {
	*Service
	job     Job
	space   string
	webhook string
	now     time.Time
	hook    Webhook
	gone    bool // the webhook was deleted
	health  WebhookHealth
}

func (s *Service) lookAtHook(j Job, webhook string) hookLook {
	return hookLook{Service: s, job: j, space: j.Space, webhook: webhook, now: s.Clock.Now()}
}

// readHook looks up the webhook, and how it behaves.
func (l *hookLook) readHook(ctx context.Context) (err error) {
	if l.health, err = l.Store.WebhookHealth(ctx, l.space, l.webhook); err != nil {
		return err
	}
	l.hook, err = l.Store.Webhook(ctx, l.space, l.webhook)
	if CodeOf(err) == NotFound {
		l.gone, err = true, nil
	}
	return err
}

// hasRoom answers whether enough of the job's lease is left to begin a call.
func (l *hookLook) hasRoom() bool {
	until := l.job.LeaseUntil
	return until.IsZero() || until.Sub(l.now) >= callRoom
}

// pairLook is what one look at a pair sees.
type pairLook struct {
	hookLook
	pair      string
	rows      []Application
	petitions map[string]*Petition
	ends      *Lease // when access ends as things stand; nil before it was looked up
}

// afterLook is what a look came to: to look again, or to come again at a time, or (the zero value) that nothing is left to do.
type afterLook struct {
	again bool
	at    time.Time
}

// sooner answers the first of two times of which zero is none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// applyPair tells a webhook what it is to be told of a pair.
func (s *Service) applyPair(ctx context.Context, j Job) error {
	_, pair, _ := strings.Cut(strings.TrimPrefix(j.Key, "call/"), "/")
	webhook, pair, ok := strings.Cut(pair, "/")
	if !ok {
		return Errorf(Internal, "the job %q names no pair", j.Key)
	}
	for range looksAtOnce {
		done, err := s.lookAtPair(ctx, &pairLook{hookLook: s.lookAtHook(j, webhook), pair: pair})
		switch {
		case isStale(err) || err == nil && done.again:
			continue
		case err != nil:
			return err
		case done.at.IsZero():
			return nil
		}
		return Later{done.at}
	}
	return Later{s.Clock.Now().Add(time.Second)}
}

func (s *Service) lookAtPair(ctx context.Context, l *pairLook) (afterLook, error) {
	if err := l.read(ctx); err != nil || len(l.rows) == 0 {
		return afterLook{}, err
	}
	for i := range l.rows {
		if done, err := l.settle(ctx, &l.rows[i]); err != nil || done.again {
			return done, err
		}
	}
	return l.callNext(ctx)
}

// read looks up the pair, its petitions and its webhook.
func (l *pairLook) read(ctx context.Context) (err error) {
	l.rows, err = l.applications(ctx, ApplicationQuery{Space: l.space, Webhook: l.webhook, Pair: l.pair, Open: true})
	if err != nil || len(l.rows) == 0 {
		return err
	}
	l.petitions = map[string]*Petition{}
	var names []string
	for i := range l.rows {
		names = append(names, l.rows[i].Petition)
	}
	names = distinct(names)
	for len(names) > 0 {
		n := min(len(names), MaxBulk)
		found, err := l.Store.PetitionsByName(ctx, l.space, names[:n])
		if err != nil {
			return err
		}
		for i := range found {
			l.petitions[found[i].Name] = &found[i]
		}
		names = names[n:]
	}
	return l.readHook(ctx)
}

// granted answers whether the application's petition gives access: by what its events say, not by the clock.
func (l *pairLook) granted(a *Application) bool {
	p := l.petitions[a.Petition]
	return p != nil && p.Phase == Granted
}

// settle does with an application what takes no call.
func (l *pairLook) settle(ctx context.Context, a *Application) (afterLook, error) {
	switch {
	case l.granted(a) && l.gone && a.State == ApplicationPending:
		return l.fails(ctx, a, "the webhook was deleted before it was told")
	case l.granted(a) && a.State == ApplicationPending && l.now.Sub(a.Since) >= grantedWithin && (a.Attempts > 0 || !l.health.PausedSince.IsZero()):
		return l.fails(ctx, a, "the webhook could not be told within "+Span(grantedWithin)+": "+cmp.Or(a.Problem, l.health.Problem))
	case l.granted(a) && a.State == ApplicationPending && !l.health.DisabledSince.IsZero():
		return l.fails(ctx, a, "the webhook is disabled: its endpoint has asked for no more calls (410)")
	case l.granted(a):
		return afterLook{}, nil
	case !a.Holds && !(a.NotSent && l.hook.DryRun): // of a dry run the log says what would have been sent at the end
		next := *a
		next.begins(ApplicationEnded, l.now)
		return l.writeEnds(ctx, nil, next)
	case a.Holds:
		if keeper, err := l.keeperOf(ctx, a); err != nil || keeper != "" {
			if err != nil {
				return afterLook{}, err
			}
			return l.handOver(ctx, a, keeper)
		}
	}
	if a.State != ApplicationEnding {
		next := *a
		next.ending(l.petitions[a.Petition], l.now)
		return afterLook{again: true}, l.keep(ctx, Change{Space: l.space, Writes: []Write{PutApplication{Application: next, Expect: a.Version},
			overdueJob(l.space, l.webhook, l.now.Add(overdueAfter))}})
	}
	return afterLook{}, nil
}

// fails ends the wait for a grant that will not be applied.
func (l *pairLook) fails(ctx context.Context, a *Application, why string) (afterLook, error) {
	next := *a
	next.State, next.Problem, next.UpdateTime, next.NextTime = ApplicationFailed, why, l.now, time.Time{}
	e := l.applicationEvent(&next, l.petitions[a.Petition], l.now, EventWebhookFail, why)
	return afterLook{again: true}, l.commitRead(ctx, Change{Space: l.space, Events: []Event{e}, Writes: []Write{PutApplication{Application: next, Expect: a.Version}}})
}

// writeEnds writes applications that have ended, with what else belongs to it, and has their petitions looked at: the last of one
// closes it.
func (l *pairLook) writeEnds(ctx context.Context, change *Change, ended ...Application) (afterLook, error) {
	if change == nil {
		change = &Change{Space: l.space}
	}
	var later []string // petitions of which others are open: the last to end finds out
	for i := range ended {
		a := ended[i]
		open, err := l.openBeside(ctx, ended, a.Petition)
		if err != nil {
			return afterLook{}, err
		}
		at := l.now
		if open {
			at, later = l.now.Add(lookedAtAnyway), append(later, a.Petition)
		}
		change.Writes = append(change.Writes, PutApplication{Application: a, Expect: a.Version}, applyJob(&Petition{Space: l.space, Name: a.Petition}, at))
	}
	if err := l.keep(ctx, *change); err != nil {
		return afterLook{}, err
	}
	for _, petition := range distinct(later) {
		if open, err := l.openBeside(ctx, nil, petition); err != nil || open {
			continue // it is looked at anyway
		}
		_ = l.keep(ctx, Change{Space: l.space, Writes: []Write{applyJob(&Petition{Space: l.space, Name: petition}, l.now)}})
	}
	return afterLook{again: true}, nil
}

// lookedAtAnyway is how long after one of many applications has ended its petition is looked at even if the last of them, which
// has it looked at, could not say so.
const lookedAtAnyway = time.Minute

// openBeside answers whether the petition has open applications beside these.
func (l *pairLook) openBeside(ctx context.Context, these []Application, petition string) (bool, error) {
	q := ApplicationQuery{Space: l.space, Petitions: []string{petition}, Open: true, Page: PageRequest{Size: min(len(these)+1, MaxPageSize)}}
	page, err := l.Store.Applications(ctx, q)
	if err != nil || page.Next != "" {
		return true, err
	}
	for _, open := range page.Items {
		beside := true
		for i := range these {
			beside = beside && (these[i].Petition != petition || these[i].Webhook != open.Webhook || these[i].Name != open.Name)
		}
		if beside {
			return true, nil
		}
	}
	return false, nil
}
