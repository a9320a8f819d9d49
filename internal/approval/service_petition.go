package approval

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
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
	if err := firstError(checkKey(key), n.mayBeAsked()); err != nil {
		return Petition{}, false, err
	}
	var made *Petition
	if _, extends := n.Labels[LabelReplaces]; !extends {
		made, replayed, err = s.create(ctx, a, &n, key, s.commit)
	} else { // What it extends may change at the same moment: then it is looked at again.
		made, err = again(func() (p *Petition, err error) {
			p, replayed, err = s.create(ctx, a, &n, key, s.commitRead)
			return p, err
		})
	}
	if err != nil {
		return Petition{}, false, err
	}
	return *made, replayed, nil
}

func (s *Service) create(ctx context.Context, a Actor, n *NewPetition, key string, commit func(context.Context, Change) error) (p *Petition, replayed bool, err error) {
	p, change, err := s.draft(ctx, a, n, "")
	if CodeOf(err) == Forbidden {
		return nil, false, s.refuse(ctx, a, "create petition", "", err)
	}
	if key == "" {
		if err == nil {
			err = commit(ctx, change)
		}
		return p, false, err
	}
	record, failed := s.idempotency(a, n, key, p)
	if failed != nil {
		return nil, false, failed
	}
	if err == nil {
		change.Writes = append([]Write{PutIdempotency{record}}, change.Writes...)
		err = commit(ctx, change)
	}
	if code := CodeOf(err); code == Conflict || code == Invalid {
		return s.replay(ctx, a, record, err)
	}
	return p, false, err
}

// checkKey refuses an idempotency key that no header could carry; none at all is fine.
func checkKey(key string) error {
	if len(key) > 200 || strings.ContainsFunc(key, func(r rune) bool { return r < 0x21 || r > 0x7e }) {
		return FieldError("Idempotency-Key", "must be 1 to 200 visible ASCII characters, such as a UUID")
	}
	return nil
}

func (s *Service) idempotency(a Actor, n *NewPetition, key string, p *Petition) (Idempotency, error) {
	content, err := json.Marshal(n)
	if err != nil {
		return Idempotency{}, Wrap(Internal, err, "the petition cannot be written")
	}
	sum := sha256.Sum256(content)
	return Idempotency{Actor: a.ID, Key: key, Hash: hex.EncodeToString(sum[:]), Petition: p.Name, Time: p.CreateTime}, nil
}

// replay answers the petition that the key made before, whatever policy would say to it now (I16), or else why none
// could be made.
func (s *Service) replay(ctx context.Context, a Actor, asked Idempotency, why error) (*Petition, bool, error) {
	made, err := s.Store.Idempotency(ctx, a.Space, a.ID, asked.Key)
	switch {
	case CodeOf(err) == NotFound:
		return nil, false, why
	case err != nil:
		return nil, false, err
	case made.Hash != asked.Hash:
		return nil, false, s.refuse(ctx, a, "create petition", made.Petition,
			Errorf(Conflict, "the idempotency key was used for another petition, #%s/%s: use a new key for a new request", a.Space, made.Petition))
	}
	p, err := s.load(ctx, a.Space, made.Petition)
	return &p, true, err
}

// draft answers the petition as policy leaves it and the change that makes it so. It may replace another one.
func (s *Service) draft(ctx context.Context, a Actor, n *NewPetition, replaces string) (p *Petition, change Change, err error) {
	p = new(Petition)
	if err := s.Limits.Petition(a); err != nil {
		return p, change, err
	}
	now := s.Clock.Now()
	name := s.IDs.UUID()
	if err := CheckStart(n.StartTime, now); err != nil {
		return p, change, err
	}
	stranger, err := s.outline(ctx, a, n, p)
	if err != nil {
		return p, change, err
	}
	p.Name = name
	if p.Verdict, err = s.verdict(ctx, a, p, stranger, now); err != nil {
		return p, change, err
	}
	if replaces != "" { // behind the rules, to which the label says that this goes on with what was granted
		p.Labels[LabelReplaces] = replaces
	}
	p.ExpireTime = now.Add(p.Verdict.DecideWithin).Truncate(time.Microsecond)
	if change, err = s.begin(ctx, a, p, s.unsatisfiable(ctx, p, now), now); err != nil {
		return p, change, err
	}
	asks, err := s.decideJobs(ctx, p)
	change.Writes = append(change.Writes, asks...)
	if err == nil {
		err = s.extend(ctx, System(a.Space, policyPart), p, &change)
	}
	return p, change, err
}

// outline makes p the petition before policy is asked, without a name. Stranger is as [Service.setPetitioners] answers it.
func (s *Service) outline(ctx context.Context, a Actor, n *NewPetition, p *Petition) (stranger string, err error) {
	*p = Petition{Space: a.Space, Resources: n.Resources, CreatedBy: a.Resource(), Reason: n.Reason,
		Params: n.Params, Labels: n.labels(a.Space), DisplayName: n.DisplayName, Duration: n.Duration, StartTime: n.StartTime}
	if stranger, err = s.setPetitioners(ctx, a, n.Petitioners, p); err != nil {
		return "", err
	}
	if extends, given := n.Labels[LabelReplaces]; given {
		if err := s.mayExtend(ctx, a, p, extends); err != nil {
			return "", err
		}
	}
	p.Digest, err = digestFor(p)
	return stranger, err
}

// labels answers the labels of the petition: what was sent, and what the server says.
func (n *NewPetition) labels(space string) map[string]string {
	labels := make(map[string]string, len(n.Labels)+1)
	maps.Copy(labels, n.Labels)
	labels[LabelConfigID] = "space:" + space
	if n.Duration > 0 {
		labels[LabelAskedDuration] = n.Duration.String()
	}
	return labels
}

// policyPart is who decides when a rule does, see [System].
const policyPart = "policy"

// begin applies the request and what policy answered. stuck says why too few people may grant it, "" when enough may.
func (s *Service) begin(ctx context.Context, a Actor, p *Petition, stuck string, now time.Time) (Change, error) {
	request := s.petitionEvent(ctx, a, p, now, EventRequest, p.Reason, map[string]string{LabelDigest: p.Digest})
	events := []Event{request}
	if stuck != "" {
		events = append(events, s.petitionEvent(ctx, System(a.Space, policyPart), p, now, EventUnsatisfiable, stuck, nil))
	}
	switch p.Verdict.Decision {
	case VerdictApprove:
		grant, err := grantFor(p, Term{}, now)
		if err != nil {
			return Change{}, err
		}
		events = append(events, s.petitionEvent(ctx, System(a.Space, policyPart), p, now, EventGrant, p.Verdict.Explanation, grant.labels()))
	case VerdictDeny:
		events = append(events, s.petitionEvent(ctx, System(a.Space, policyPart), p, now, EventDeny, p.Verdict.Explanation, nil))
	}
	for i := range events {
		next, err := p.Apply(events[i], now)
		if err != nil {
			return Change{}, err
		}
		*p = next
	}
	p.Version = 1
	return Change{Space: a.Space, Events: events, Writes: []Write{PutPetition{Petition: p}, timerOf(p, now)}}, nil
}

// petitionEvent makes an event of the petition, with the rule that its verdict came from. Its resources are the
// petitioners and the things asked for; the labels belong to it from now on.
func (s *Service) petitionEvent(ctx context.Context, a Actor, p *Petition, now time.Time, name, reason string, labels map[string]string) Event {
	if labels == nil {
		labels = map[string]string{}
	}
	labels[LabelPetition] = p.Name
	if p.Verdict.Dev {
		labels[LabelPolicyDev] = "true"
	}
	if name == EventRequest || a.Kind == KindSystem {
		labels[LabelRule] = p.Verdict.Rule
	}
	if name == EventGrant || name == EventStart {
		s.markWebhooks(ctx, p, labels)
	}
	return s.event(a, now, name, reason, slices.Concat(p.Petitioners, p.Resources), labels)
}

// Petition answers one petition of the actor's space, its approvals as they count now.
func (s *Service) Petition(ctx context.Context, a Actor, name string) (Petition, error) {
	p, err := s.find(ctx, &a, name)
	if err == nil && p.mayLapse() {
		p = s.looking(a.Space).asItCounts(ctx, p)
	}
	return p, err
}

// find answers the petition as its events have made it, for what changes it.
func (s *Service) find(ctx context.Context, a *Actor, name string) (Petition, error) {
	if err := a.require(ReadPetitions); err != nil {
		return Petition{}, err
	}
	if err := checkName("name", name); err != nil {
		return Petition{}, Errorf(NotFound, "there is no petition %.100q in %s", name, a.Space)
	}
	return s.load(ctx, a.Space, name)
}

// recent answers the petition as this node knows it, if the actor may read it and time has done nothing to it since; nil otherwise.
func (s *Service) recent(a *Actor, name string) *Petition {
	if a.require(ReadPetitions) != nil {
		return nil
	}
	p := s.Store.RecentPetition(a.Space, name)
	if p == nil {
		return nil
	}
	if _, late := p.overdue(s.Clock.Now()); late {
		return nil
	}
	return p
}

// load answers the petition as it is now. Where its timer is late, what time has done to it is done first: nobody
// decides a petition that has expired, and nobody reads as granted what has ended (I3).
func (s *Service) load(ctx context.Context, space, name string) (Petition, error) {
	for range mostLate {
		p, err := s.Store.Petition(ctx, space, name)
		if err != nil {
			return Petition{}, err
		}
		j, late := p.overdue(s.Clock.Now())
		if !late {
			return p, nil
		}
		if err := s.RunJob(ctx, j); err != nil {
			return Petition{}, err
		}
	}
	return Petition{}, Errorf(Unavailable, "what time has done to petition #%s/%s is not done yet: try again", space, name)
}

// mostLate bounds what time can have done to a petition one after the other, with room: a grant that broke the glass begins, is
// escalated, warned of and ends, and then its review ends.
const mostLate = 20

// History answers all events of a petition, oldest first. Of refused attempts, which anybody can make as often as
// they like, it answers the first ones only, so that they cannot push out what happened.
func (s *Service) History(ctx context.Context, a Actor, name string) ([]Event, error) {
	if err := a.require(ReadPetitions); err != nil {
		return nil, err
	}
	q := EventQuery{Space: a.Space, Petition: name, Page: PageRequest{Size: MaxPageSize, Ascending: true}}
	page, err := s.Store.Events(ctx, q)
	if err != nil || page.Next == "" {
		return fewRefusals(page.Items), err
	}
	// Somebody has filled the history: only attempts can be that many. They are read apart, and not all.
	var history []Event
	for _, event := range append([]string{EventRefused}, lifecycle()...) {
		q.Event, q.Page.Size = event, MaxPageSize
		if event == EventRefused {
			q.Page.Size = mostRefusals
		}
		page, err := s.Store.Events(ctx, q)
		if err != nil {
			return nil, err
		}
		history = append(history, page.Items...)
	}
	slices.SortFunc(history, func(x, y Event) int {
		return cmp.Or(cmp.Compare(x.Cursor.Tx, y.Cursor.Tx), cmp.Compare(x.Cursor.Seq, y.Cursor.Seq))
	})
	return history, nil
}

// lifecycle names the events that a petition changes by, each once.
func lifecycle() []string {
	var names []string
	for _, t := range Transitions {
		names = append(names, t.Event)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func fewRefusals(events []Event) []Event {
	refusals := 0
	return slices.DeleteFunc(events, func(e Event) bool {
		if e.Event == EventRefused {
			refusals++
		}
		return e.Event == EventRefused && refusals > mostRefusals
	})
}

// mostRefusals is how many refused attempts a petition's history has.
const mostRefusals = 100

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
		page, err := s.Store.Petitions(ctx, q)
		l := s.looking(a.Space)
		for i := range page.Items {
			page.Items[i] = l.asItCounts(ctx, page.Items[i])
		}
		return page, err
	}
	if len(q.Phases) > 0 && !slices.Contains(q.Phases, Open) {
		return Page[Petition]{}, nil // only open ones wait for a decision
	}
	return s.waitingFor(ctx, a, q)
}

// waitingFor reads on through the open petitions until it has one page of those that the actor may decide.
func (s *Service) waitingFor(ctx context.Context, a Actor, q PetitionQuery) (Page[Petition], error) {
	var out Page[Petition]
	l := s.looking(a.Space)
	if len(q.Phases) == 0 && q.Page.Token == "" {
		var err error
		if out.Items, err = l.reviewsFor(ctx, a, q); err != nil {
			return out, err
		}
	}
	q.Phases = []Phase{Open}
	for want, round := q.Page.Size, 0; round < 20; round++ {
		q.Page.Size = want - len(out.Items)
		page, err := s.Store.Petitions(ctx, q)
		if err != nil {
			return out, err
		}
		for _, p := range page.Items {
			p = l.asItCounts(ctx, p)
			waits, err := l.waitsFor(ctx, &a, &p)
			if err != nil {
				return out, err
			}
			if waits {
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

// reviewsFor answers what broke the glass and waits for the actor to answer for it, which is before all else on the first page.
func (l *looking) reviewsFor(ctx context.Context, a Actor, q PetitionQuery) (list []Petition, err error) {
	most := q.Page.Size - 1 // there is always room for what follows
	q.Phases, q.Page = []Phase{Granted, Revoked}, PageRequest{Size: MaxPageSize}
	q.Selector = append(slices.Clone(q.Selector), SelectorTerm{Key: LabelBreakGlass, Operator: In, Values: []string{"true"}})
	page, err := l.s.Store.Petitions(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, p := range page.Items {
		p = l.asItCounts(ctx, p)
		waits, err := l.waitsFor(ctx, &a, &p)
		if err != nil {
			return nil, err
		}
		if waits && len(list) < most {
			list = append(list, p)
		}
	}
	return list, nil
}

// waitsFor answers whether the petition waits for the actor's own decision. One whose look-up fails is not hidden in silence:
// the list is refused.
func (l *looking) waitsFor(ctx context.Context, a *Actor, p *Petition) (bool, error) {
	if p.Phase == Open && !l.now.Before(p.ExpireTime) || p.Phase != Open && !(p.reviewing() && l.now.Before(p.Review.ExpireTime)) {
		return false, nil
	}
	e, err := l.eligibility(ctx, a, p)
	return err == nil && e.May() && !p.hasDecidedAs(a, &e), err
}
