package approval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// What webhooks are told of a petition is found out after it was granted or has ended: by a job that the same commit writes.
// Nothing is looked up at that moment, and where no webhook applies grants nothing more is written.

// applyEvents are those after which webhooks may have to be told something, or the petition can be closed.
var applyEvents = []string{EventGrant, EventStart, EventRevoke, EventEnd, EventUnratified, EventRatify}

// markWebhooks marks a grant that begins, in a space where webhooks may be told of it. Where that cannot be looked up they may.
func (s *Service) markWebhooks(ctx context.Context, p *Petition, labels map[string]string) {
	if labels[LabelTimeStarts] != "" || p.changesPolicy() {
		return
	}
	policies, err := s.webhookPolicies(ctx, p.Space)
	if err != nil {
		s.Logger.WarnContext(ctx, "whether webhooks apply grants cannot be looked up: it is looked at again", "space", p.Space, "error", err)
	}
	if err != nil || slices.ContainsFunc(policies, func(w WebhookPolicy) bool { return slices.Contains(w.Calls, WebhookApply) }) {
		labels[LabelWebhooks] = "true"
	}
}

// withApplications answers the change with the job that tells webhooks, where its events are such. Every change passes here.
func (c Change) withApplications() Change {
	for _, w := range c.Writes {
		put, ok := w.(PutPetition)
		if !ok || put.Petition.Grant == nil || !put.Petition.Grant.Webhooks {
			continue
		}
		for i := range c.Events {
			if e := &c.Events[i]; slices.Contains(applyEvents, e.Event) && e.Petition() == put.Petition.Name {
				c.Writes = append(c.Writes, applyJob(put.Petition, e.Timestamp))
				break
			}
		}
	}
	return c
}

// applyJob answers the job that finds out what webhooks are to be told of a petition. Its lane is the space's own.
func applyJob(p *Petition, at time.Time) WakeJob {
	return WakeJob{Job{Key: "apply/" + p.Space + "/" + p.Name, Kind: JobApply, Lane: p.Space, Space: p.Space, Petition: p.Name, RunTime: at}}
}

// callJob answers the job that tells a webhook of a pair. Its lane is the webhook's own.
func callJob(a *Application, at time.Time) WakeJob {
	return WakeJob{Job{Key: "call/" + a.Space + "/" + a.Webhook + "/" + a.Pair, Kind: JobCall, Lane: callLane(a.Space, a.Webhook), Space: a.Space, RunTime: at}}
}

func callLane(space, webhook string) string { return space + "/" + webhook }

// applyPetition finds out which webhooks are to be told of a petition as it stands, and closes one that has ended when they
// have taken away what they gave. It may run twice, or for nothing.
func (s *Service) applyPetition(ctx context.Context, j Job) error {
	_, err := again(func() (struct{}, error) { return struct{}{}, s.applyOnce(ctx, j) })
	return err
}

func (s *Service) applyOnce(ctx context.Context, j Job) error {
	p, err := s.Store.Petition(ctx, j.Space, j.Petition)
	if CodeOf(err) == NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	told, err := s.applications(ctx, ApplicationQuery{Space: p.Space, Petitions: []string{p.Name}})
	switch {
	case err != nil:
		return err
	case p.Phase == Granted && !p.Grant.Pending:
		return s.applyGrant(ctx, &p, told)
	case p.Phase == Revoked, p.Phase == Closed:
		return s.applyEnd(ctx, &p, told)
	}
	return nil
}

// applications answers all pages.
func (s *Service) applications(ctx context.Context, q ApplicationQuery) (all []Application, err error) {
	q.Page.Size = MaxPageSize
	for {
		page, err := s.Store.Applications(ctx, q)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if q.Page.Token = page.Next; page.Next == "" {
			return all, nil
		}
	}
}

// applyGrant makes an application for each pair and each webhook that a policy chooses for it.
func (s *Service) applyGrant(ctx context.Context, p *Petition, told []Application) error {
	now := s.Clock.Now()
	change := Change{Space: p.Space}
	for _, l := range p.Leases() {
		person, resource, _ := p.pairAt(l.Place)
		alone := *p
		alone.Petitioners = []Resource{person}
		policies, err := s.webhooksFor(ctx, &alone, resource, WebhookApply)
		unsure, err := unsureOf(err)
		if err != nil {
			return err
		}
		if len(policies)+len(unsure) == 0 {
			continue
		}
		pair, err := s.pairOf(ctx, p.Space, person, l.Kind, resource)
		if err != nil {
			return err
		}
		for _, webhook := range webhooksOf(policies, unsure) {
			a := Application{Space: p.Space, Petition: p.Name, Webhook: webhook, Name: nameOf(l), Pair: pair, Person: person, Resource: resource,
				State: ApplicationPending, Since: now, CreateTime: now, UpdateTime: now}
			s.addApplication(p, &change, told, a, unsure[webhook], now)
		}
	}
	return s.keep(ctx, change)
}

// unsureOf answers of which webhooks nobody can tell whether they are to be told, with why; any other error is answered.
func unsureOf(err error) (map[string]string, error) {
	if err == nil {
		return nil, nil
	}
	list := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		list = joined.Unwrap()
	}
	unsure := map[string]string{}
	for _, e := range list {
		var policy *WebhookPolicyError
		if code := CodeOf(e); code == Unavailable || !errors.As(e, &policy) {
			return nil, err
		}
		unsure[policy.Policy.Webhook] = policy.Error()
	}
	return unsure, nil
}

// webhooksOf answers each webhook once, by name. One that a policy chooses is sure, whatever another says.
func webhooksOf(policies []WebhookPolicy, unsure map[string]string) (names []string) {
	for _, policy := range policies {
		names = append(names, policy.Webhook)
		delete(unsure, policy.Webhook)
	}
	for name := range unsure {
		names = append(names, name)
	}
	return distinct(names)
}

// addApplication adds to the change what makes the application be told, unless it was or is about to be.
func (s *Service) addApplication(p *Petition, change *Change, told []Application, a Application, problem string, now time.Time) {
	if i := slices.IndexFunc(told, func(t Application) bool { return t.Webhook == a.Webhook && t.Name == a.Name }); i >= 0 {
		// It holds what another petition gave, or nobody could tell before: now it is told for itself.
		if a = told[i]; a.State != ApplicationKept && !(a.Unsure && problem == "") {
			return
		}
		a.begins(ApplicationPending, now)
	}
	if problem != "" {
		a.State, a.Unsure, a.Problem = ApplicationFailed, true, printable(problem, MaxReason/4)
		change.Events = append(change.Events, s.applicationEvent(&a, p, now, EventWebhookFail, a.Problem))
	}
	change.Writes = append(change.Writes, PutApplication{Application: a, Expect: a.Version})
	if problem == "" {
		change.Writes = append(change.Writes, callJob(&a, now))
	}
}

// applyEnd has webhooks take away what they gave. Of what none was told nothing is left to do; when nothing else is the petition is
// closed, unless somebody still has to answer for it.
func (s *Service) applyEnd(ctx context.Context, p *Petition, told []Application) error {
	now, left := s.Clock.Now(), 0
	change := Change{Space: p.Space}
	webhooks := map[string]bool{}
	for _, a := range told {
		switch {
		case !a.open():
			continue
		case !a.Holds && !a.NotSent:
			a.begins(ApplicationEnded, now)
			change.Writes = append(change.Writes, PutApplication{Application: a, Expect: a.Version})
			continue
		case a.State != ApplicationEnding:
			a.ending(p, now)
			change.Writes = append(change.Writes, PutApplication{Application: a, Expect: a.Version}, callJob(&a, now))
			if !webhooks[a.Webhook] {
				webhooks[a.Webhook] = true
				change.Writes = append(change.Writes, overdueJob(a.Space, a.Webhook, now.Add(overdueAfter)))
			}
		}
		left++
	}
	if left > 0 || p.Phase != Revoked || p.reviewing() {
		return s.keep(ctx, change)
	}
	labels, err := s.accessAfter(ctx, p, now)
	if err != nil {
		return err
	}
	next, err := s.passes(ctx, *p, EventClose, labels, &change, now)
	if err != nil {
		return err
	}
	change.Writes = append(change.Writes, PutPetition{Petition: &next, Expect: p.Version, SameLabels: true}, timerOf(&next, now))
	return s.keep(ctx, change)
}

// keptAtOnce bounds how much bookkeeping is written at once.
const keptAtOnce = 200

// keep writes what was found out: with an event as a change, else as bookkeeping, a part at a time. Who was faster makes it stale.
func (s *Service) keep(ctx context.Context, c Change) error {
	if len(c.Events) > 0 {
		return s.commitRead(ctx, c)
	}
	if err := ctx.Err(); err != nil {
		return Wrap(Unavailable, err, "the call was cancelled before it was done")
	}
	for rest := c.Writes; len(rest) > 0; {
		n := min(keptAtOnce, len(rest))
		for n < len(rest) && !isApplication(rest[n]) { // the job of an application is written with it
			n++
		}
		err := s.Store.Note(context.WithoutCancel(ctx), c.Space, rest[:n]...)
		if CodeOf(err) == Conflict {
			return stale{err}
		}
		if err != nil {
			return err
		}
		s.Broker.Publish(LanesTopic)
		rest = rest[n:]
	}
	return nil
}

func isApplication(w Write) bool {
	_, is := w.(PutApplication)
	return is
}

// applicationEvent makes an event of the petition about what a webhook was told.
func (s *Service) applicationEvent(a *Application, p *Petition, now time.Time, name, reason string) Event {
	labels := map[string]string{LabelPetition: a.Petition, LabelWebhook: a.Webhook}
	if p != nil && p.Verdict.Dev {
		labels[LabelPolicyDev] = "true"
	}
	return s.event(System(a.Space, "webhooks"), now, name, reason, []Resource{a.Person, a.Resource, Webhook{Name: a.Webhook}.resource()}, labels)
}

// pairOf answers what stands for a person and a resource by whatever of their names: calls of one pair come one after the other.
func (s *Service) pairOf(ctx context.Context, space string, person Resource, kind string, resource Resource) (string, error) {
	persons, err := s.personNames(ctx, space, person)
	if err != nil {
		return "", err
	}
	things, err := s.eachBeside(ctx, space, []string{LeaseResource(resource)})
	if err != nil {
		return "", err
	}
	return shortDigest(slices.Min(persons), kind, slices.Min(things[LeaseResource(resource)])), nil
}

// personNames answers all names of a petitioner.
func (s *Service) personNames(ctx context.Context, space string, r Resource) ([]string, error) {
	names, _, err := s.namesBeside(ctx, space, namesGiven(r))
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("a petitioner has no name")
	}
	return names, err
}

// nameOf answers what stands for a pair as it is told.
func nameOf(l Lease) string { return shortDigest(l.Person, l.Kind, l.Resource) }
