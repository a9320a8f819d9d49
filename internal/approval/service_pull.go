package approval

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
)

// JobPull is a pull of a policy.
const JobPull = "pull"

const (
	// pullHold is how long a pull holds its policy without a sign of life: longer than a page of an answer may take.
	pullHold = 3 * time.Minute
	// pullBeat is how often it gives one.
	pullBeat = 30 * time.Second
	// maxPullTime bounds a whole pull.
	maxPullTime = 30 * time.Minute
	// A failing pull is tried again sooner than its schedule says.
	minPullRetry, maxPullRetry = time.Minute, time.Hour
	// pullRest is how long a pull waits for its turn on the node.
	pullRest = 5 * time.Second
	// pullsAtOnce bounds how many pulls a node does at once: each holds what the endpoint lists.
	pullsAtOnce = 4
)

// Limits of what an endpoint lists in one pull, over all its pages.
const (
	MaxPullResources = 100_000
	MaxPullBytes     = 64 << 20
	MaxPullPages     = 1000
	MaxPageToken     = 4000 // bytes
)

// pullPart is who writes what a pull brings, see [System].
const pullPart = "pull"

func pullKey(space, policy string) string { return JobPull + "/" + space + "/" + policy }

// pullTimer answers the write that has the policy pulled at a time; zero: at none.
func pullTimer(p PullPolicy, at time.Time) Write {
	if at.IsZero() {
		return DeleteJob{Key: pullKey(p.Space, p.Name)}
	}
	return PutJob{p.job(at)}
}

func (p PullPolicy) job(at time.Time) Job {
	return Job{Key: pullKey(p.Space, p.Name), Kind: JobPull, Lane: pullLane(p.Space, p.Webhook), Space: p.Space, RunTime: at}
}

// pullLane is beside that of the webhook's other calls: who lists for half an hour must not delay the end of access.
func pullLane(space, webhook string) string { return callLane(space, webhook) + "/pull" }

// pullTopic is the broker's topic of pulls of the space that ended.
func pullTopic(space string) string { return "pulls/" + space }

// pulling is one pull that goes on.
type pulling struct {
	s      *Service
	policy PullPolicy
	pull   Pull // as it was written last
	asked  PullAsked
	kinds  []string
	flags  map[string]string
	result PullResult
	spool  spool
	things map[Thing]bool // what is listed: whether the endpoint says that it is there, or that it is out of use
	// retryAfter is how long the endpoint asks to wait.
	retryAfter time.Duration
}

// runPull does a pull that is due, and answers [Later] where there is a next one. To do it twice is as good as once: it rests on what the
// endpoint lists now. A pull that fails is no error, but told with the policy.
func (s *Service) runPull(ctx context.Context, j Job) error {
	leave, err := s.pulls.enter(j.Space)
	if err != nil {
		return Later{s.Clock.Now().Add(pullRest)}
	}
	defer leave()
	policy, err := s.Store.PullPolicy(ctx, j.Space, strings.TrimPrefix(j.Key, pullKey(j.Space, "")))
	if err != nil {
		return unlessGone(err)
	}
	if _, err := s.spaceInUse(ctx, j.Space); err != nil {
		if CodeOf(err) == NotFound {
			return s.passOver(ctx, policy)
		}
		return err
	}
	p, err := again(func() (*pulling, error) { return s.beginPull(ctx, policy) })
	if p == nil || err != nil {
		return unlessGone(err)
	}
	failed := p.run(ctx)
	// A server that stops has told what runs to end: that is written all the same.
	next, err := again(func() (time.Time, error) { return p.end(context.WithoutCancel(ctx), failed) })
	if err != nil {
		return unlessGone(err)
	}
	return at(next)
}

// at answers that the job comes again at a time, zero for never.
func at(next time.Time) error {
	if next.IsZero() {
		return nil
	}
	return Later{next}
}

// passOver leaves a pull out, as the space is deleted: it may be restored.
func (s *Service) passOver(ctx context.Context, policy PullPolicy) error {
	pull, err := s.Store.Pull(ctx, policy.Space, policy.Name)
	if err != nil {
		return unlessGone(err)
	}
	pull.Next, pull.Asked = policy.next(s.Clock.Now()), nil
	if err := s.Store.Note(ctx, pull.Space, PutPull{Pull: pull, Expect: pull.Version}); err != nil {
		return err
	}
	return at(pull.Next)
}

// unlessGone answers nil for what was deleted: there is nothing to do.
func unlessGone(err error) error {
	if CodeOf(err) == NotFound {
		return nil
	}
	return err
}

// beginPull takes the policy for a pull. It answers nil when none is due, and [Later] when it is not the time.
func (s *Service) beginPull(ctx context.Context, policy PullPolicy) (*pulling, error) {
	pull, err := s.Store.Pull(ctx, policy.Space, policy.Name)
	if err != nil {
		return nil, err
	}
	now := s.Clock.Now()
	if pull.Run != "" && now.Before(pull.Until) {
		return nil, Later{earlier(pull.Until, now.Add(pullBeat))}
	}
	if pull.Asked == nil && (pull.Next.IsZero() || now.Before(pull.Next)) {
		return nil, at(pull.Next)
	}
	p := &pulling{s: s, policy: policy, kinds: policy.Kinds, flags: policy.Flags, things: map[Thing]bool{}}
	pull.Run, pull.Begun, pull.Until = s.IDs.UUID(), now, now.Add(pullHold)
	p.result = PullResult{ID: pull.Run, Begin: now}
	if pull.Asked != nil {
		p.asked = *pull.Asked
		p.result.ID = p.asked.ID
		p.narrow()
	}
	p.pull = pull
	return p, p.move(ctx)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// narrow makes the pull what somebody has asked for.
func (p *pulling) narrow() {
	if p.asked.Kinds != nil {
		p.kinds = slices.DeleteFunc(slices.Clone(p.policy.Kinds), func(kind string) bool { return !slices.Contains(p.asked.Kinds, kind) })
	}
	if len(p.asked.Flags) > 0 {
		p.flags = maps.Clone(p.policy.Flags)
		if p.flags == nil {
			p.flags = map[string]string{}
		}
		maps.Copy(p.flags, p.asked.Flags)
	}
	p.result.Partial = len(p.kinds) < len(p.policy.Kinds) || !maps.Equal(p.flags, p.policy.Flags)
}

// marks answers whether what the endpoint does not list is gone: with flags of somebody's own it may list a part.
func (p *pulling) marks() bool { return maps.Equal(p.flags, p.policy.Flags) }

// move writes the bookkeeping.
func (p *pulling) move(ctx context.Context) error {
	err := p.s.Store.Note(ctx, p.policy.Space, PutPull{Pull: p.pull, Expect: p.pull.Version})
	if CodeOf(err) == Conflict {
		return stale{err}
	}
	p.pull.Version++
	return err
}

// errPullLost ends a pull whose policy another one has, or that was changed or deleted meanwhile.
var errPullLost = Errorf(Conflict, "the pull policy was changed, or is being pulled elsewhere: this pull has ended")

// errPullStopped ends a pull because the server stops: another node, or the next start, begins it anew.
var errPullStopped = Errorf(Unavailable, "the server stops")

// beat says that the pull still goes on. It is an error when it must not.
func (p *pulling) beat(ctx context.Context) error {
	select {
	case <-p.s.Broker.Done():
		return errPullStopped
	default:
	}
	now := p.s.Clock.Now()
	if now.Sub(p.pull.Begun) > maxPullTime {
		return Errorf(Conflict, "it takes longer than %s: let the endpoint list less, or answer sooner", Span(maxPullTime))
	}
	if p.pull.Until.Sub(now) > pullHold-pullBeat {
		return nil
	}
	_, err := again(func() (none struct{}, err error) {
		fresh, err := p.s.Store.Pull(ctx, p.policy.Space, p.policy.Name)
		if err != nil {
			return none, err
		}
		if fresh.Run != p.pull.Run {
			return none, errPullLost
		}
		p.pull = fresh
		p.pull.Until = now.Add(pullHold)
		return none, p.move(ctx)
	})
	return err
}

// run asks the endpoint, and when it has listed everything writes what that changes.
func (p *pulling) run(ctx context.Context) error {
	w, err := p.s.webhook(ctx, p.policy.Space, p.policy.Webhook)
	if CodeOf(err) == NotFound {
		err = Errorf(Conflict, "the webhook %s is deleted: give the policy another one", p.policy.Webhook)
	}
	if err != nil {
		return err
	}
	health, err := p.s.Store.WebhookHealth(ctx, w.Space, w.Name)
	if err != nil {
		return err
	}
	if !health.DisabledSince.IsZero() {
		return Errorf(Conflict, "the webhook %s has asked for no more calls (410): change it, or give the policy another one", w.Name)
	}
	target, err := p.s.target(w, p.s.Clock.Now())
	if err != nil {
		return err
	}
	if err := p.fetch(ctx, target); err != nil || p.result.State == PullNotSent {
		return err
	}
	gone, err := p.missing(ctx)
	if err != nil || p.result.State == PullRefused {
		return err
	}
	if err := p.apply(ctx); err != nil {
		return err
	}
	return p.markGone(ctx, gone)
}

// end writes what came of the pull, and answers when the next one is.
func (p *pulling) end(ctx context.Context, failed error) (next time.Time, err error) {
	s := p.s
	pull, err := s.Store.Pull(ctx, p.policy.Space, p.policy.Name)
	if err != nil {
		return next, err
	}
	if pull.Run != p.pull.Run {
		return pull.Next, nil // what it did is in the log; how the policy stands is another's to say
	}
	now := s.Clock.Now()
	pull.Run, pull.Until, pull.Begun = "", time.Time{}, time.Time{}
	if errors.Is(failed, errPullStopped) {
		p.pull = pull
		return now, p.move(ctx)
	}
	result := p.result
	result.End = now
	if result.State == "" {
		result.State = PullDone
	}
	if failed != nil {
		result.State, result.Problem = PullFailed, problemOf(failed)
		s.Logger.WarnContext(ctx, "a pull failed", "space", pull.Space, "policy", pull.Policy, "error", failed)
	}
	pull.Last = result
	if pull.Asked != nil && pull.Asked.ID == p.asked.ID {
		pull.Asked = nil
	}
	event := p.judge(&pull, result, failed, now)
	p.pull = pull
	if err := p.writeEnd(ctx, event, now); err != nil {
		return next, err
	}
	s.Logger.InfoContext(ctx, "a pull ended", "space", pull.Space, "policy", pull.Policy, "state", result.State, "listed", result.Listed, "created", result.Created, "changed", result.Changed, "gone", result.Gone,
		"conflicts", result.Conflicts)
	s.pulled.count(result.State)
	s.Broker.Publish(pullTopic(pull.Space))
	if pull.Asked != nil {
		return now, nil
	}
	return pull.Next, nil
}

// judge says whether the policy works, and when it is pulled next. It answers the event that says that this has changed, "" for none.
func (p *pulling) judge(pull *Pull, result PullResult, failed error, now time.Time) (event string) {
	scheduled := p.policy.next(now)
	if result.Partial || result.State == PullNotSent {
		if pull.Next.IsZero() || !now.Before(pull.Next) {
			pull.Next = scheduled
		}
		return ""
	}
	pull.Next = scheduled
	if result.State == PullDone {
		pull.Good = result
		if pull.Failures > 0 {
			event = EventPullRecover
		}
		pull.Failures, pull.FailingSince = 0, time.Time{}
		return event
	}
	if pull.Failures++; pull.Failures == 1 {
		pull.FailingSince, event = now, EventPullFail
	}
	if failed != nil && !scheduled.IsZero() {
		wait := min(minPullRetry<<min(pull.Failures-1, 10), maxPullRetry)
		if retry := now.Add(max(wait, p.retryAfter)); retry.Before(scheduled) {
			pull.Next = retry
		}
	}
	return event
}

func (p *pulling) writeEnd(ctx context.Context, event string, now time.Time) error {
	if event == "" {
		return p.move(ctx)
	}
	e := p.s.event(System(p.policy.Space, pullPart), now, event, printable(p.pull.Last.Problem, MaxReason-1), []Resource{p.policy.resource()}, map[string]string{LabelWebhook: p.policy.Webhook})
	return p.s.commitRead(ctx, Change{Space: p.policy.Space, Writes: []Write{PutPull{Pull: p.pull, Expect: p.pull.Version}}, Events: []Event{e}})
}

// problemOf answers what people are told of a pull that failed.
func problemOf(err error) string {
	if CodeOf(err) == Internal {
		return "the server made a mistake: its log says which"
	}
	return printable(err.Error(), MaxReason-1)
}
