package approval

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Deps are what the use cases stand on; all are required except Documents, Logger, Limits, Authenticators and Passkeys.
type Deps struct {
	Store  Store
	Policy Policy
	// Documents reads rule documents before they are taken; without it none is.
	Documents PolicyDocuments
	Clock     Clock
	IDs       IDs
	Broker    Broker
	Logger    *slog.Logger
	// Limits bounds what one actor may cost; without it nothing does.
	Limits Limits
	// Authenticators checks passkeys; without it nothing can be confirmed with one. Passkeys say of whom one is demanded.
	Authenticators Authenticators
	Passkeys       PasskeyRules
	// Vault keeps secrets of webhooks, and Endpoints calls them; without either there are none.
	Vault     Vault
	Endpoints Endpoints
	// Conditions evaluates the conditions of webhook policies; without it none has any.
	Conditions Conditions
	// WaitPoll is how often a waiter reads the store although no hint came; 0 where hints cannot get lost (one node).
	WaitPoll time.Duration
	// SpacePolicy is the document of a space that somebody makes; "": its owners decide.
	SpacePolicy string
}

// Service is every use case. Each one does the same: authorize, load, decide, Apply, Commit; nothing else changes state.
// The actor's space is the only space that a call can touch.
type Service struct {
	Deps
	policies policyCache
	labelled labelledCache
	owners   ownersCache
	rosters  rosterCache
	hooking  webhookPolicyCache
	lookups  Lookups
	forget   []func()
	polls    polls
	looks    looks
	changing seats // for rule documents that are to hold
	trying   seats // for those that are only tried
	testing  seats // for tests of webhooks, by space
	tested   seats // and of the same webhook
	pulls    seats
	pulled   pullCounts

	delivered  deliveryCounts
	forgetting forgetting
}

// NewService answers the use cases over deps.
func NewService(deps Deps) *Service {
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	if deps.Limits == nil {
		deps.Limits = noLimits{}
	}
	if deps.Vault == nil {
		deps.Vault = noVault{}
	}
	if deps.Endpoints == nil {
		deps.Endpoints = noEndpoints{}
	}
	if deps.Conditions == nil {
		deps.Conditions = noConditions{}
	}
	s := &Service{Deps: deps, changing: examinations(), trying: examinations(), testing: webhookTests(), tested: sameWebhook(), pulls: pullSeats(), policies: policyCache{entries: map[string]cachedPolicy{}}, labelled: labelledCache{entries: map[string]cachedLabelled{}}}
	s.lookups = Lookups{Known: s.known, Groups: s.GroupsOf, Labels: s.labelsOf}
	return s
}

// WhenRightsChange has f called whenever a commit of this node has changed who is let in, or as whom, so that nothing that
// was looked up before is believed any more. It is for wiring, before the first call.
func (s *Service) WhenRightsChange(f func()) { s.forget = append(s.forget, f) }

// Authorize answers nil if the actor has the permission. Otherwise the attempt is written to the log as access/refused
// and the answer is Forbidden. action is what was tried, such as "PUT /v1/spaces/{space}/resources/{name}".
func (s *Service) Authorize(ctx context.Context, a Actor, p Permission, action string) error {
	if err := a.require(p); err != nil {
		return s.refuse(ctx, a, action, "", err)
	}
	return nil
}

// Refuse writes to the log of the actor's own space that it tried what an edge refused, and answers why: an edge calls it
// where no use case is reached, such as for a path into another space.
func (s *Service) Refuse(ctx context.Context, a Actor, action string, why error) error {
	return s.refuse(ctx, a, action, "", why)
}

// refuse writes the refused attempt to the log and answers why it was refused. Who hangs up at once is in the log too.
// An actor who is refused without end cannot fill the log: beyond its budget it is told to come back, whatever it tried,
// and the log has one entry that says so.
func (s *Service) refuse(ctx context.Context, a Actor, action, petition string, why error) error {
	tell, over := s.Limits.Refusal(a)
	if over != nil {
		if !tell {
			return over
		}
		why = over
	}
	labels := map[string]string{LabelRefusedCode: string(CodeOf(why)), LabelRefusedAction: printable(action, MaxLabelValue-1)}
	if petition != "" {
		labels[LabelPetition] = petition
	}
	ctx = context.WithoutCancel(ctx)
	e := s.event(a, s.Clock.Now(), EventRefused, printable(why.Error(), MaxReason-1), nil, labels)
	if err := s.commit(ctx, Change{Space: a.Space, Events: []Event{e}}); err != nil {
		s.Logger.ErrorContext(ctx, "a refused attempt could not be written to the log", "actor", a.ID, "action", action, "error", err)
	}
	return why
}

// event makes an entry of the actor's space, to which the labels belong from now on. A use case takes the time once, so
// that what it writes agrees.
func (s *Service) event(a Actor, now time.Time, name, reason string, resources []Resource, labels map[string]string) Event {
	if a.TokenName != "" {
		if labels == nil {
			labels = map[string]string{}
		}
		labels[LabelToken] = a.TokenName
	}
	return Event{Event: name, ID: s.IDs.UUID(), Timestamp: now, Actor: a.Resource(), Reason: reason, Resources: resources,
		Meta: Meta{Space: a.Space, Labels: labels, CreateTime: now}}
}

// soon is how near a job must be for its runner to be woken; its poll finds later ones.
const soon = time.Second

// commit writes the change and wakes whoever waits for it. It outlives the caller's cancellation once it has begun:
// an answer may get lost, a half-told change may not. A store that fails may have written all the same, so waiters are
// woken then too: they look for themselves.
func (s *Service) commit(ctx context.Context, c Change) error {
	if err := ctx.Err(); err != nil {
		return Wrap(Unavailable, err, "the call was cancelled before it was done")
	}
	if looks := s.looksAfter(c); looks != nil {
		c.Writes = append(slices.Clip(c.Writes), looks...)
	}
	c = c.withLeases().withApplications()
	err := s.Store.Commit(context.WithoutCancel(ctx), c)
	if code := CodeOf(err); code == Conflict || code == NotFound {
		return err
	}
	s.Broker.Publish(s.topics(c)...)
	return err
}

// topics answers what a change is about, and has forgotten what it makes wrong.
func (s *Service) topics(c Change) []string {
	topics := append(make([]string, 0, 1+len(c.Writes)), eventsTopic(c.Space))
	due := s.Clock.Now().Add(soon)
	rights := false
	for _, w := range c.Writes {
		rights = rights || changesRights(w)
		switch w := w.(type) {
		case PutPetition:
			if w.Expect > 0 {
				topics = append(topics, petitionTopic(c.Space, w.Petition.Name))
			}
		case PutJob:
			if w.Job.RunTime.Before(due) {
				topics = append(topics, w.Job.topic())
			}
		case WakeJob:
			if w.Job.RunTime.Before(due) {
				topics = append(topics, w.Job.topic())
			}
		case PutPolicy:
			s.policies.forget(c.Space)
		case PutMember, DeleteMember, PutIdentity, DeleteIdentity:
			s.rosters.forget(c.Space)
		case PutWebhookPolicy, DeleteWebhookPolicy:
			s.hooking.forget(c.Space)
		case PutResource, PutPulled:
			s.labelled.forget(c.Space)
		}
	}
	if rights {
		s.owners.forget()
		for _, f := range s.forget {
			f()
		}
	}
	return topics
}

// changesRights answers whether a write changes who is let in, or as whom.
func changesRights(w Write) bool {
	switch w := w.(type) {
	case PutSpace:
		return w.Expect > 0
	case PutMember:
		return !w.MustBeNew
	case DeleteMember, EndToken, ShortenToken, DeleteTrust, PutIdentity, DeleteIdentity, PutResource, PutPulled, DeleteResource:
		return true
	}
	return false
}

// retries is how often a use case decides again after somebody else was faster.
const retries = 10

// again runs use case f until it answers something other than a stale version.
func again[T any](f func() (T, error)) (T, error) {
	for try := 1; ; try++ {
		v, err := f()
		if err == nil || try == retries || !isStale(err) {
			return v, err
		}
	}
}

// stale marks a Commit that lost the race, so that the use case decides again; every other Conflict is final.
type stale struct{ error }

func (e stale) Unwrap() error { return e.error }

func isStale(err error) bool {
	_, ok := err.(stale)
	return ok
}

// commitRead commits a change that rests on what was read before; losing the race answers stale.
func (s *Service) commitRead(ctx context.Context, c Change) error {
	err := s.commit(ctx, c)
	if CodeOf(err) == Conflict {
		return stale{err}
	}
	return err
}

// policyCache keeps each space's document for a second, so that creating a petition does not read it every time.
type policyCache struct {
	mu      sync.Mutex
	entries map[string]cachedPolicy
}

type cachedPolicy struct {
	document PolicyDocument
	until    time.Time
}

func (c *policyCache) forget(space string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, space)
}

func (c *policyCache) get(space string, now time.Time) (PolicyDocument, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[space]
	// A clock that was set back must not make an entry live longer than its second.
	return e.document, ok && now.Before(e.until) && now.Add(time.Second).After(e.until.Add(-time.Nanosecond))
}

func (c *policyCache) put(d PolicyDocument, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.entries) > 10_000 {
		clear(c.entries)
	}
	c.entries[d.Space] = cachedPolicy{d, now.Add(time.Second)}
}
