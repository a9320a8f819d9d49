package approval

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// CreatePetition makes a petition for the actor, or for others if its role allows that, and answers it as policy left
// it: open, granted or closed. With an idempotency key the same request answers the same petition, replayed true; the
// same key with another request is a Conflict.
func (s *Service) CreatePetition(ctx context.Context, a Actor, n NewPetition, key string) (p Petition, replayed bool, err error) {
	if err := s.Authorize(ctx, a, CreatePetitions, "create petition"); err != nil {
		return Petition{}, false, err
	}
	if n, err = n.Check(); err != nil {
		return Petition{}, false, err
	}
	p, change, err := s.draft(ctx, a, n)
	if err != nil {
		return Petition{}, false, err
	}
	if key == "" {
		return p, false, s.commit(ctx, change)
	}
	record, err := s.idempotency(a, n, key, p)
	if err != nil {
		return Petition{}, false, err
	}
	change.Writes = append([]Write{PutIdempotency{record}}, change.Writes...)
	if err = s.commit(ctx, change); CodeOf(err) == Conflict {
		return s.replay(ctx, a, record)
	}
	return p, false, err
}

func (s *Service) idempotency(a Actor, n NewPetition, key string, p Petition) (Idempotency, error) {
	if len(key) > 200 || strings.ContainsFunc(key, func(r rune) bool { return r < 0x21 || r > 0x7e }) {
		return Idempotency{}, FieldError("Idempotency-Key", "must be 1 to 200 visible ASCII characters, such as a UUID")
	}
	content, err := json.Marshal(n)
	if err != nil {
		return Idempotency{}, Wrap(Internal, err, "the petition cannot be written")
	}
	sum := sha256.Sum256(content)
	return Idempotency{Actor: a.ID, Key: key, Hash: hex.EncodeToString(sum[:]), Petition: p.Name, Time: p.CreateTime}, nil
}

// replay answers the petition that the key made before.
func (s *Service) replay(ctx context.Context, a Actor, asked Idempotency) (Petition, bool, error) {
	made, err := s.Store.Idempotency(ctx, a.Space, a.ID, asked.Key)
	if err != nil {
		return Petition{}, false, err
	}
	if made.Hash != asked.Hash {
		return Petition{}, false, Errorf(Conflict, "the idempotency key was used for another petition, #%s/%s: use a new key for a new request", a.Space, made.Petition)
	}
	p, err := s.Store.Petition(ctx, a.Space, made.Petition)
	return p, true, err
}

// draft answers the petition as policy leaves it and the change that makes it so.
func (s *Service) draft(ctx context.Context, a Actor, n NewPetition) (Petition, Change, error) {
	now := s.Clock.Now()
	p := Petition{Space: a.Space, Name: s.IDs.UUID(), Resources: n.Resources, CreatedBy: a.Resource(), Reason: n.Reason,
		Params: n.Params, Labels: n.Labels, DisplayName: n.DisplayName, Duration: n.Duration}
	p = p.withLabel(LabelConfigID, "space:"+a.Space)
	if n.Duration > 0 {
		p = p.withLabel(LabelAskedDuration, n.Duration.String())
	}
	if err := s.setPetitioners(ctx, a, n.Petitioners, &p); err != nil {
		return p, Change{}, err
	}
	digest, err := Digest(p.Petitioners, p.Resources, p.Params, p.Reason, p.Duration)
	if err != nil {
		return p, Change{}, err
	}
	p.Digest = digest
	if p.Verdict, err = s.verdict(ctx, a, p, now); err != nil {
		return p, Change{}, err
	}
	p.ExpireTime = now.Add(p.Verdict.DecideWithin)
	return s.begin(a, p, now)
}

// begin applies the request and what policy answered.
func (s *Service) begin(a Actor, p Petition, now time.Time) (Petition, Change, error) {
	request := s.petitionEvent(a, p, EventRequest, p.Reason, map[string]string{LabelDigest: p.Digest})
	events := []Event{request}
	rule := System(a.Space, "policy")
	switch p.Verdict.Decision {
	case VerdictApprove:
		grant, err := grantFor(p, Term{}, now)
		if err != nil {
			return p, Change{}, err
		}
		events = append(events, s.petitionEvent(rule, p, EventGrant, p.Verdict.Explanation, grant.labels()))
	case VerdictDeny:
		events = append(events, s.petitionEvent(rule, p, EventDeny, p.Verdict.Explanation, nil))
	}
	var err error
	for _, e := range events {
		if p, err = p.Apply(e, now); err != nil {
			return p, Change{}, err
		}
	}
	p.Version = 1
	return p, Change{Space: a.Space, Events: events, Writes: []Write{PutPetition{Petition: p}, timerOf(p, now)}}, nil
}

// petitionEvent makes an event of the petition, with the rule that its verdict came from. Its resources are the
// petitioners and the things asked for.
func (s *Service) petitionEvent(a Actor, p Petition, name, reason string, labels map[string]string) Event {
	all := map[string]string{LabelPetition: p.Name}
	for k, v := range labels {
		all[k] = v
	}
	if p.Verdict.Dev {
		all[LabelPolicyDev] = "true"
	}
	if name == EventRequest || a.Kind == KindSystem {
		all[LabelRule] = p.Verdict.Rule
	}
	return s.event(a, name, reason, slices.Concat(p.Petitioners, p.Resources), all)
}

// setPetitioners fills in who asks and the canonical persons behind them. Asking for somebody else needs a permission.
func (s *Service) setPetitioners(ctx context.Context, a Actor, asked []Resource, p *Petition) error {
	if len(asked) == 0 {
		asked = []Resource{a.Resource()}
	}
	persons := []string{a.Person}
	for _, r := range asked {
		if r.ID == a.ID || r.Email != "" && strings.EqualFold(r.Email, a.Email) {
			p.Petitioners = append(p.Petitioners, a.Resource())
			continue
		}
		if err := s.Authorize(ctx, a, AskForOthers, "create petition for "+r.Title()); err != nil {
			return err
		}
		member, ids, err := s.personsOf(ctx, a.Space, r)
		if err != nil {
			return err
		}
		p.Petitioners = append(p.Petitioners, member)
		persons = append(persons, ids...)
	}
	slices.Sort(persons)
	p.Persons = slices.Compact(persons)
	return nil
}

// personsOf answers the petitioner as the space knows it and every id under which that person could review.
func (s *Service) personsOf(ctx context.Context, space string, r Resource) (Resource, []string, error) {
	ids := []string{strings.ToLower(r.ID), strings.ToLower(r.Email)}
	for _, id := range []string{r.ID, strings.ToLower(r.ID), strings.ToLower(r.Email)} {
		if id == "" {
			continue
		}
		m, err := s.Store.Member(ctx, space, id)
		if err == nil {
			return m.Resource(), append(ids, m.Person), nil
		}
		if CodeOf(err) != NotFound {
			return r, nil, err
		}
	}
	return r, slices.DeleteFunc(ids, func(id string) bool { return id == "" }), nil
}

// timerOf answers the write that keeps the petition's one timer right for its phase.
func timerOf(p Petition, now time.Time) Write {
	switch {
	case p.Phase == Open:
		return timer(p, JobExpire, p.ExpireTime)
	case p.Phase == Granted && !p.Grant.EndTime.IsZero():
		return timer(p, JobEnd, p.Grant.EndTime)
	case p.Phase == Revoked:
		return timer(p, JobClose, now)
	}
	return DeleteJob{Key: timerKey(p)}
}

// Petition answers one petition of the actor's space.
func (s *Service) Petition(ctx context.Context, a Actor, name string) (Petition, error) {
	if err := a.require(ReadPetitions); err != nil {
		return Petition{}, err
	}
	if err := checkName("name", name); err != nil {
		return Petition{}, Errorf(NotFound, "there is no petition %.100q in %s", name, a.Space)
	}
	return s.Store.Petition(ctx, a.Space, name)
}

// History answers all events of a petition, oldest first.
func (s *Service) History(ctx context.Context, a Actor, name string) ([]Event, error) {
	if err := a.require(ReadPetitions); err != nil {
		return nil, err
	}
	page, err := s.Store.Events(ctx, EventQuery{Space: a.Space, Petition: name, Page: PageRequest{Size: MaxPageSize, Ascending: true}})
	return page.Items, err
}

// WaitPetition answers the petition the moment it is not open, or as it is after at most wait. It subscribes before it
// reads, so that no decision falls between.
func (s *Service) WaitPetition(ctx context.Context, a Actor, name string, wait time.Duration) (Petition, error) {
	if wait < 0 || wait > MaxWait {
		return Petition{}, FieldError("wait", "must be a duration between 0s and %s, such as 30s", MaxWait)
	}
	if wait == 0 {
		return s.Petition(ctx, a, name)
	}
	hints, cancel := s.Broker.Subscribe(petitionTopic(a.Space, name))
	defer cancel()
	end := s.Clock.Now().Add(wait)
	for {
		p, err := s.Petition(ctx, a, name)
		if err != nil || p.Phase != Open {
			return p, err
		}
		left := end.Sub(s.Clock.Now())
		if left <= 0 || !s.sleep(ctx, hints, left) {
			return p, nil
		}
	}
}

// sleep waits for a hint, at most d, and answers whether it makes sense to go on waiting.
func (s *Service) sleep(ctx context.Context, hints <-chan struct{}, d time.Duration) bool {
	if s.WaitPoll > 0 && s.WaitPoll < d {
		d = s.WaitPoll
	}
	timeout, stop := s.Clock.After(d)
	defer stop()
	select {
	case <-hints:
	case <-timeout:
	case <-ctx.Done():
		return false
	case <-s.Broker.Done():
		return false
	}
	return true
}

// Petitions answers a page of the space's petitions, newest first. With reviewer, only those that wait for the actor's
// own decision; such a page may be shorter than asked although there are more.
func (s *Service) Petitions(ctx context.Context, a Actor, q PetitionQuery, reviewer bool) (Page[Petition], error) {
	if err := a.require(ReadPetitions); err != nil {
		return Page[Petition]{}, err
	}
	page, err := q.Page.Check()
	if err != nil {
		return Page[Petition]{}, err
	}
	q.Space, q.Page = a.Space, page
	for _, phase := range q.Phases {
		if !slices.Contains(Phases, phase) {
			return Page[Petition]{}, FieldError("phase", "must be open, granted, revoked or closed")
		}
	}
	if !reviewer {
		return s.Store.Petitions(ctx, q)
	}
	return s.waitingFor(ctx, a, q)
}

// waitingFor reads on through the open petitions until it has one page of those that the actor may decide.
func (s *Service) waitingFor(ctx context.Context, a Actor, q PetitionQuery) (Page[Petition], error) {
	q.Phases = []Phase{Open}
	var out Page[Petition]
	for want, round := q.Page.Size, 0; round < 20; round++ {
		q.Page.Size = want - len(out.Items)
		page, err := s.Store.Petitions(ctx, q)
		if err != nil {
			return out, err
		}
		for _, p := range page.Items {
			if p.EligibilityOf(a).May() && !p.hasVoted(a.Person) {
				out.Items = append(out.Items, p)
			}
		}
		out.Next, q.Page.Token = page.Next, page.Next
		if out.Next == "" || len(out.Items) == want {
			break
		}
	}
	return out, nil
}

// ReplacePetition answers a new petition in place of an open one, which is withdrawn: a petition is never edited, so
// that what was shown stays what is decided (I1). Only who asked may replace.
func (s *Service) ReplacePetition(ctx context.Context, a Actor, name string, n NewPetition) (Petition, error) {
	if err := s.Authorize(ctx, a, CreatePetitions, "replace petition"); err != nil {
		return Petition{}, err
	}
	n, err := n.Check()
	if err != nil {
		return Petition{}, err
	}
	return again(func() (Petition, error) {
		old, err := s.Petition(ctx, a, name)
		if err != nil {
			return Petition{}, err
		}
		if !old.AskedBy(a.Resource()) {
			return Petition{}, s.refuse(ctx, a, "replace petition", name, Errorf(Forbidden, "only who asked may replace petition %s", old.Ref()))
		}
		if old.Phase != Open {
			return Petition{}, old.conflict("a replacement")
		}
		return s.replace(ctx, a, old, n)
	})
}

func (s *Service) replace(ctx context.Context, a Actor, old Petition, n NewPetition) (Petition, error) {
	p, change, err := s.draft(ctx, a, n)
	if err != nil {
		return Petition{}, err
	}
	p = p.withLabel(LabelReplaces, old.Name)
	change.Writes[0] = PutPetition{Petition: p}
	withdrawal := s.petitionEvent(a, old, EventDeny, "replaced by "+p.Ref(), map[string]string{LabelReplacedBy: p.Name, LabelPerson: a.Person})
	gone, err := old.Apply(withdrawal, s.Clock.Now())
	if err != nil {
		return Petition{}, err
	}
	gone = gone.withLabel(LabelReplacedBy, p.Name)
	change.Events = append(change.Events, withdrawal)
	change.Writes = append(change.Writes, PutPetition{Petition: gone, Expect: old.Version}, timerOf(gone, s.Clock.Now()))
	return p, s.commitPetition(ctx, change)
}

// WithdrawPetition closes an open petition on behalf of who asked; anybody else is refused.
func (s *Service) WithdrawPetition(ctx context.Context, a Actor, name string) (Petition, error) {
	p, err := s.Petition(ctx, a, name)
	if err != nil {
		return Petition{}, err
	}
	if !p.AskedBy(a.Resource()) {
		return Petition{}, s.refuse(ctx, a, "withdraw petition", name, Errorf(Forbidden, "only who asked may withdraw petition %s; a reviewer denies it", p.Ref()))
	}
	p, _, err = s.Decide(ctx, a, name, NewClaim{Event: EventDeny, Reason: "withdrawn"}, "")
	return p, err
}
