package approval

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// PullRequest is what somebody wants to be pulled at once.
type PullRequest struct {
	Policy string            // "": all that match
	Kinds  []string          // nil: all
	Flags  map[string]string // beside those of the policies; what the endpoint does not list is then not marked as gone
	// Force takes a pull that would mark too much as gone.
	Force bool
	// AtOnce wants no answer that waits for what comes of it.
	AtOnce bool
}

// PullOutcome is what came of a pull of one policy.
type PullOutcome struct {
	Policy string
	PullResult
	Next time.Time // of its schedule
}

const (
	// pullWait is how long an answer to somebody waits for the pulls.
	pullWait = 20 * time.Second
	// pullLook is how often it is looked whether they have ended.
	pullLook = time.Second
)

// PullNow pulls the policies that ask for one of the kinds, and waits for a while for what comes of it: a pull that takes longer is answered as
// running, and [Service.Pull] tells later how it ended.
func (s *Service) PullNow(ctx context.Context, a Actor, in PullRequest) ([]PullOutcome, error) {
	if err := s.Authorize(ctx, a, WriteResources, "pull resources"); err != nil {
		return nil, err
	}
	if in.Policy != "" {
		if err := checkName("policy", in.Policy); err != nil {
			return nil, err
		}
	}
	if in.Kinds != nil {
		if err := checkPullKinds("kinds", in.Kinds); err != nil {
			return nil, err
		}
	}
	if err := checkPullFlags(in.Flags); err != nil {
		return nil, err
	}
	all, err := s.Store.PullPolicies(ctx, a.Space)
	if err != nil {
		return nil, err
	}
	if in.Policy != "" && !slices.ContainsFunc(all, func(p PullPolicy) bool { return p.Name == in.Policy }) {
		return nil, Errorf(NotFound, "there is no pull policy %.100q in %s", in.Policy, a.Space)
	}
	matching := slices.DeleteFunc(all, func(p PullPolicy) bool {
		return in.Policy != "" && p.Name != in.Policy || in.Kinds != nil && !slices.ContainsFunc(p.Kinds, func(kind string) bool { return slices.Contains(in.Kinds, kind) })
	})
	if len(matching) == 0 {
		return nil, Errorf(NotFound, "no pull policy of %s asks for %s: make one (indent pull set)", a.Space, in.text())
	}
	var out []PullOutcome
	for _, p := range matching {
		o, err := s.askPull(ctx, a, p, in)
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	if in.AtOnce {
		return out, nil
	}
	return s.awaitPulls(ctx, a.Space, out)
}

// text says what is wanted.
func (in PullRequest) text() string {
	switch {
	case in.Policy != "":
		return "what " + in.Policy + " would"
	case in.Kinds == nil:
		return "anything"
	}
	return strings.Join(in.Kinds, ", ")
}

// askPull notes that a policy is to be pulled at once. Who asks for what is asked for already gets the same answer.
func (s *Service) askPull(ctx context.Context, a Actor, p PullPolicy, in PullRequest) (PullOutcome, error) {
	return again(func() (PullOutcome, error) {
		pull, err := s.Store.Pull(ctx, a.Space, p.Name)
		if err != nil {
			return PullOutcome{}, err
		}
		out := PullOutcome{Policy: p.Name, PullResult: PullResult{State: PullRunning}, Next: pull.Next}
		if was := pull.Asked; was != nil {
			out.ID, out.Begin = was.ID, was.Time
			if !was.same(in) {
				out.ID, out.Problem = "", "another pull of it that "+was.By+" has asked for goes on: ask again when it is over"
			}
			return out, nil
		}
		now := s.Clock.Now()
		pull.Asked = &PullAsked{ID: s.IDs.UUID(), By: a.ID, Kinds: in.Kinds, Flags: in.Flags, Force: in.Force, Time: now}
		out.ID, out.Begin = pull.Asked.ID, now
		labels := map[string]string{LabelWebhook: p.Webhook, LabelPullRun: pull.Asked.ID}
		if in.Force {
			labels[LabelPullForce] = "true"
		}
		e := s.event(a, now, EventPullRequest, "", []Resource{p.resource()}, labels)
		return out, s.commitRead(ctx, Change{Space: a.Space, Writes: []Write{PutPull{Pull: pull, Expect: pull.Version}, WakeJob{p.job(now)}}, Events: []Event{e}})
	})
}

func (p *PullAsked) same(in PullRequest) bool {
	return slices.Equal(p.Kinds, in.Kinds) && maps.Equal(p.Flags, in.Flags) && p.Force == in.Force
}

// awaitPulls waits until the pulls have ended, but not for long.
func (s *Service) awaitPulls(ctx context.Context, space string, list []PullOutcome) ([]PullOutcome, error) {
	hints, unsubscribe := s.Broker.Subscribe(pullTopic(space))
	defer unsubscribe()
	deadline, stop := s.Clock.After(pullWait)
	defer stop()
	for {
		left, err := s.lookAtPulls(ctx, space, list)
		if err != nil || left == 0 {
			return list, err
		}
		if goOn, err := s.waitForPull(ctx, hints, deadline); !goOn || err != nil {
			return list, err
		}
	}
}

func (s *Service) waitForPull(ctx context.Context, hints <-chan struct{}, deadline <-chan time.Time) (goOn bool, err error) {
	look, stop := s.Clock.After(pullLook)
	defer stop()
	select {
	case <-hints:
	case <-look:
	case <-deadline:
		return false, nil
	case <-s.Broker.Done():
		return false, nil
	case <-ctx.Done():
		return false, Wrap(Unavailable, ctx.Err(), "the call was cancelled before it was done")
	}
	return true, nil
}

// lookAtPulls takes down which pulls have ended, and answers how many have not.
func (s *Service) lookAtPulls(ctx context.Context, space string, list []PullOutcome) (left int, err error) {
	for i := range list {
		o := &list[i]
		if o.State != PullRunning || o.ID == "" {
			continue
		}
		pull, err := s.Store.Pull(ctx, space, o.Policy)
		switch {
		case CodeOf(err) == NotFound:
			o.State, o.Problem = PullFailed, "the policy was deleted meanwhile"
		case err != nil:
			return 0, err
		case pull.Last.ID == o.ID:
			o.PullResult, o.Next = pull.Last, pull.Next
		case pull.Asked == nil || pull.Asked.ID != o.ID:
			o.State, o.Problem = PullFailed, "the policy was changed meanwhile: ask again"
		default:
			left++
		}
	}
	return left, nil
}
