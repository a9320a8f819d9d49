package approval

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// PullPolicies answers all pull policies of the space, by name.
func (s *Service) PullPolicies(ctx context.Context, a Actor) ([]PullPolicy, error) {
	if err := s.Authorize(ctx, a, ReadWebhooks, "list pull policies"); err != nil {
		return nil, err
	}
	return s.Store.PullPolicies(ctx, a.Space)
}

// PullPolicy answers one pull policy.
func (s *Service) PullPolicy(ctx context.Context, a Actor, name string) (PullPolicy, error) {
	if err := s.Authorize(ctx, a, ReadWebhooks, "get pull policy"); err != nil {
		return PullPolicy{}, err
	}
	return s.pullPolicy(ctx, a.Space, name)
}

func (s *Service) pullPolicy(ctx context.Context, space, name string) (PullPolicy, error) {
	if checkName("name", name) != nil {
		return PullPolicy{}, Errorf(NotFound, "there is no pull policy %.100q in %s", name, space)
	}
	return s.Store.PullPolicy(ctx, space, name)
}

// Pull answers how the pulls of a policy stand.
func (s *Service) Pull(ctx context.Context, a Actor, policy string) (Pull, error) {
	if err := s.Authorize(ctx, a, ReadWebhooks, "get pull policy"); err != nil {
		return Pull{}, err
	}
	return s.Store.Pull(ctx, a.Space, policy)
}

// Pulls answers how the pulls of all policies of the space stand, by policy.
func (s *Service) Pulls(ctx context.Context, a Actor) ([]Pull, error) {
	if err := s.Authorize(ctx, a, ReadWebhooks, "list pull policies"); err != nil {
		return nil, err
	}
	return s.Store.Pulls(ctx, a.Space)
}

// CreatePullPolicy makes a pull policy; a name that exists is a Conflict. What it brings is written to the directory, so whoever makes
// one needs the right to write there, too (I7).
func (s *Service) CreatePullPolicy(ctx context.Context, a Actor, p PullPolicy) (PullPolicy, error) {
	return s.putPullPolicy(ctx, a, p, "create pull policy", func(before PullPolicy, has bool) error {
		if has {
			return Errorf(Conflict, "there is a pull policy %s in %s already: change it, or choose another name", before.Name, a.Space)
		}
		return nil
	})
}

// PutPullPolicy adds or replaces the pull policy of that name. A pull of it that is going on ends, and changes nothing more. With a Version it
// replaces that one only: another is a Conflict, as somebody has changed it since.
func (s *Service) PutPullPolicy(ctx context.Context, a Actor, name string, p PullPolicy) (PullPolicy, error) {
	if p.Name != "" && p.Name != name {
		return PullPolicy{}, FieldError("name", "is %.100q but the path says %.100q: make them equal, or leave it out", p.Name, name)
	}
	p.Name = name
	return s.putPullPolicy(ctx, a, p, "change pull policy", func(before PullPolicy, _ bool) error {
		if p.Version != 0 && p.Version != before.Version {
			return changedSince("pull policy", name)
		}
		return nil
	})
}

func (s *Service) mayWritePulls(ctx context.Context, a Actor, action string) error {
	if err := s.Authorize(ctx, a, WriteWebhooks, action); err != nil {
		return err
	}
	return s.Authorize(ctx, a, WriteResources, action)
}

func (s *Service) putPullPolicy(ctx context.Context, a Actor, p PullPolicy, action string, check func(before PullPolicy, has bool) error) (PullPolicy, error) {
	if err := s.mayWritePulls(ctx, a, action); err != nil {
		return PullPolicy{}, err
	}
	p.Space = a.Space
	if err := firstError(p.Check(), s.checkPullBase(p.Base)); err != nil {
		return PullPolicy{}, err
	}
	return again(func() (PullPolicy, error) {
		hook, err := s.webhook(ctx, a.Space, p.Webhook)
		if CodeOf(err) == NotFound {
			return PullPolicy{}, FieldError("webhook", "is %.100q, which there is not in %s: make the webhook first", p.Webhook, a.Space)
		}
		if err != nil {
			return PullPolicy{}, err
		}
		before, err := s.Store.PullPolicy(ctx, a.Space, p.Name)
		has := err == nil
		if !has && CodeOf(err) != NotFound {
			return PullPolicy{}, err
		}
		if err := check(before, has); err != nil {
			return PullPolicy{}, err
		}
		return s.commitPullPolicy(ctx, a, hook, p, before, has)
	})
}

// commitPullPolicy writes the policy, and its webhook with it, so that nobody deletes it, or sends it elsewhere, at the same moment.
func (s *Service) commitPullPolicy(ctx context.Context, a Actor, hook Webhook, p, before PullPolicy, has bool) (PullPolicy, error) {
	now := s.Clock.Now()
	pull, event, told := Pull{Space: a.Space, Policy: p.Name}, EventPullPolicyCreate, ""
	p.CreatedBy, p.CreateTime, p.UpdateTime, p.Version = a.madeBy(), now, now, before.Version
	if has {
		p.CreatedBy, p.CreateTime = before.CreatedBy, before.CreateTime
		event, told = EventPullPolicyUpdate, strings.Join(p.unlike(before), ", ")
		var err error
		if pull, err = s.Store.Pull(ctx, a.Space, p.Name); err != nil {
			return PullPolicy{}, err
		}
	} else if all, err := s.Store.PullPolicies(ctx, a.Space); err != nil {
		return PullPolicy{}, err
	} else if len(all) >= MaxPullPolicies {
		return PullPolicy{}, Errorf(Conflict, "the space has %d pull policies, more cannot be: delete one", MaxPullPolicies)
	}
	// What was asked of the policy before it changed was asked of another one.
	pull.Run, pull.Until, pull.Begun, pull.Asked, pull.Next = "", time.Time{}, time.Time{}, nil, p.next(now)
	change := Change{Space: a.Space, Events: []Event{s.event(a, now, event, told, []Resource{p.resource(), hook.resource()}, nil)},
		Writes: []Write{PutPullPolicy{Policy: p, Expect: p.Version}, PutWebhook{Webhook: hook, Expect: hook.Version}, PutPull{Pull: pull, Expect: pull.Version}, pullTimer(p, pull.Next)}}
	err := s.commitRead(ctx, change)
	p.Version++
	return p, err
}

// unlike names what is other than before.
func (p PullPolicy) unlike(before PullPolicy) (fields []string) {
	for _, f := range []struct {
		name string
		same bool
	}{
		{"displayName", p.DisplayName == before.DisplayName}, {"base", p.Base.equal(before.Base)}, {"webhook", p.Webhook == before.Webhook}, {"kinds", slices.Equal(p.Kinds, before.Kinds)},
		{"flags", maps.Equal(p.Flags, before.Flags)}, {"schedule", p.Schedule == before.Schedule}, {"labels", maps.Equal(p.Labels, before.Labels)},
		{"takeLabels", slices.Equal(p.TakeLabels, before.TakeLabels)}, {"takeIdentities", p.TakeIdentities == before.TakeIdentities},
	} {
		if !f.same {
			fields = append(fields, f.name)
		}
	}
	return fields
}

// DeletePullPolicy deletes a pull policy. What it brought stays as it is: nothing that petitions name goes away.
func (s *Service) DeletePullPolicy(ctx context.Context, a Actor, name string) error {
	if err := s.mayWritePulls(ctx, a, "delete pull policy"); err != nil {
		return err
	}
	p, err := s.pullPolicy(ctx, a.Space, name)
	if err != nil {
		return err
	}
	e := s.event(a, s.Clock.Now(), EventPullPolicyDelete, "", []Resource{p.resource()}, map[string]string{LabelWebhook: p.Webhook})
	return s.commit(ctx, Change{Space: a.Space, Writes: []Write{DeletePullPolicy{Name: name}, DeleteJob{Key: pullKey(a.Space, name)}}, Events: []Event{e}})
}

// unpulled refuses to delete a webhook that a pull policy asks.
func (s *Service) unpulled(ctx context.Context, w Webhook) error {
	names, err := s.pullsOf(ctx, w.Space, w.Name)
	if err == nil && len(names) > 0 {
		err = Errorf(Conflict, "the pull policy %s asks the webhook %s: delete it, or give it another webhook first", names[0], w.Name)
	}
	return err
}

// pullsOf answers the names of the pull policies that use a webhook.
func (s *Service) pullsOf(ctx context.Context, space, webhook string) (names []string, err error) {
	all, err := s.Store.PullPolicies(ctx, space)
	for _, p := range all {
		if p.Webhook == webhook {
			names = append(names, p.Name)
		}
	}
	return names, err
}

// mayMovePulls refuses that somebody who may not write to the directory has another endpoint fill it.
func (s *Service) mayMovePulls(ctx context.Context, a Actor, before, after Webhook) error {
	if before.URL == after.URL && slices.Equal(before.Headers, after.Headers) || a.Can(WriteResources) {
		return nil
	}
	names, err := s.pullsOf(ctx, a.Space, before.Name)
	if err != nil || len(names) == 0 {
		return err
	}
	return s.refuse(ctx, a, "change webhook", "", Errorf(Forbidden, "the webhook %s fills the directory (pull policy %s): who changes its URL or headers needs %s, too", before.Name, names[0], WriteResources))
}
