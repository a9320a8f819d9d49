package approval

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Eligibility answers whether, and for what, the actor may decide the petition now: what the petition's requirements name
// about it is looked up, and then [Petition.EligibilityOf] decides. A look-up that fails is Unavailable; nobody is eligible by it.
func (s *Service) Eligibility(ctx context.Context, a Actor, p Petition) (Eligibility, error) {
	return s.looking(a.Space).eligibility(ctx, &a, &p)
}

// Eligibilities answers the eligibility for each of the petitions. What several of them name is looked up once.
func (s *Service) Eligibilities(ctx context.Context, a Actor, list []Petition) ([]Eligibility, error) {
	l, all := s.looking(a.Space), make([]Eligibility, len(list))
	for i := range list {
		var err error
		if all[i], err = l.eligibility(ctx, &a, &list[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Tells answers for each of the petitions whether a rule tells the actor of it (notify of a requirement of the stage that decides
// now), which gives it no say.
func (s *Service) Tells(ctx context.Context, a Actor, list []Petition) ([]bool, error) {
	l, all := s.looking(a.Space), make([]bool, len(list))
	for i := range list {
		p := &list[i]
		for at := range p.requirements() {
			r := &p.requirements()[at]
			if all[i] || r.Notify == nil || !p.decides() || r.Stage != p.stage() {
				continue
			}
			var f Facts
			if err := l.find(ctx, &f, &a, p, r.Notify, r.Resource, l.now); err != nil {
				return nil, l.cannot(p, err)
			}
			all[i] = r.Notify.name(&a) || f.holds(r.Notify, r.Resource)
		}
	}
	return all, nil
}

// looking is what one call looks up about reviewers, each thing once.
type looking struct {
	s     *Service
	space string
	now   time.Time

	documents map[int64]PolicyDocument
	groupsOf  map[string][]string   // names of the groups that an actor is in, by its id
	entries   map[string][]Resource // by the id that was asked for
	managers  map[string][]string   // who manages a petitioner by a label
	onCall    map[string]OnCall
	selected  map[string]bool
	actors    map[string]actorNow
	duties    map[string][]dutySlot   // by version and schedule, each half hour from now
	deputies  map[string][]Delegation // that a deputy has now, by its id
}

// actorNow is a member as it counts now; gone when it is none any more, and why, for people. Since is when it came to the space.
type actorNow struct {
	actor Actor
	gone  bool
	why   string
	since time.Time
}

func (s *Service) looking(space string) *looking {
	return &looking{s: s, space: space, now: s.Clock.Now()}
}

// remember answers what was found before under the key, or finds it.
func remember[K comparable, V any](found *map[K]V, key K, find func() (V, error)) (V, error) {
	if v, ok := (*found)[key]; ok {
		return v, nil
	}
	v, err := find()
	if err != nil {
		return v, err
	}
	if *found == nil {
		*found = map[K]V{}
	}
	(*found)[key] = v
	return v, nil
}

func (l *looking) eligibility(ctx context.Context, a *Actor, p *Petition) (Eligibility, error) {
	if p.Progress != nil && p.standing == nil && p.decides() && len(p.Claims) > 0 {
		standing, err := l.standing(ctx, *p, len(p.Claims))
		if err != nil {
			return Eligibility{}, err
		}
		p = &standing
	}
	f, err := l.facts(ctx, a, p, l.now)
	if err != nil {
		return Eligibility{}, err
	}
	e := p.eligibilityOf(a, &f)
	if e.May() || len(p.requirements()) == 0 || p.Phase == Closed {
		return e, nil
	}
	if f.For, err = l.awayFor(ctx, a, p); err != nil || len(f.For) == 0 {
		return e, err
	}
	if p.standing == nil && p.decides() && len(p.Claims) > 0 { // who of those who are away has decided, as it counts now
		standing, err := l.standing(ctx, *p, len(p.Claims))
		if err != nil {
			return Eligibility{}, err
		}
		p = &standing
	}
	return p.eligibilityOf(a, &f), nil
}

// facts looks up what the petition's requirements name about the actor. at is the moment of its claim: whoever was on call
// then had the right, also when the shift has ended since.
func (l *looking) facts(ctx context.Context, a *Actor, p *Petition, at time.Time) (f Facts, err error) {
	if len(p.requirements()) == 0 {
		return f, nil
	}
	if f.Askers, err = l.s.askersNow(ctx, p, l.now); err != nil {
		return f, l.cannot(p, err)
	}
	for i := range p.requirements() {
		r := &p.requirements()[i]
		if err := l.find(ctx, &f, a, p, &r.Reviewers, r.Resource, at); err != nil {
			return f, l.cannot(p, err)
		}
		for level := range p.level(i) {
			if err := l.find(ctx, &f, a, p, &r.Escalate[level].Reviewers, r.Resource, at); err != nil {
				return f, l.cannot(p, err)
			}
		}
	}
	return f, nil
}

func (l *looking) cannot(p *Petition, err error) error {
	return Wrap(Unavailable, err, "who may review petition %s cannot be looked up now: try again", p.Ref())
}

// find adds to the facts those terms of the reviewers that hold. It looks no further than to the first: one is enough.
func (l *looking) find(ctx context.Context, f *Facts, a *Actor, p *Petition, r *Reviewers, resource int, at time.Time) error {
	if !r.looksUp() || r.name(a) || f.holds(r, resource) {
		return nil
	}
	for _, term := range []func() (bool, error){
		func() (bool, error) { return l.inGroups(ctx, f, a, r.Groups) },
		func() (bool, error) { return l.manages(ctx, f, a, p, r.Managers) },
		func() (bool, error) { return l.owns(ctx, f, a, p, r.Owners, resource) },
		func() (bool, error) { return l.isOnCall(ctx, f, a, p, r.OnCall, at) },
		func() (bool, error) { return l.isSelected(ctx, f, a, p, r.Where) },
	} {
		found, err := term()
		if CodeOf(err) == Unavailable {
			return err
		}
		if err != nil {
			l.s.Logger.ErrorContext(ctx, "a term of reviewers names nobody", "petition", p.Ref(), "rule", p.Verdict.Rule, "actor", a.ID, "error", err)
		}
		if found && err == nil {
			return nil
		}
	}
	return nil
}

func (l *looking) inGroups(ctx context.Context, f *Facts, a *Actor, ids []string) (bool, error) {
	for _, id := range ids {
		in, err := l.inGroup(ctx, a, id)
		if err != nil {
			return false, err
		}
		if in {
			f.Groups = append(f.Groups, id)
			return true, nil
		}
	}
	return false, nil
}

// inGroup answers whether the actor is in the group with that name or id, through whatever nesting. A group that was deleted
// has nobody in it.
func (l *looking) inGroup(ctx context.Context, a *Actor, group string) (bool, error) {
	in, err := l.groupsOfActor(ctx, a.ID)
	if err != nil || len(in) == 0 {
		return false, err
	}
	if slices.Contains(in, group) {
		return true, nil
	}
	entries, err := l.known(ctx, group)
	return slices.ContainsFunc(entries, func(e Resource) bool { return e.IsGroup() && slices.Contains(in, e.Name()) }), err
}

// groupsOfActor answers the names of all groups that a member is in.
func (l *looking) groupsOfActor(ctx context.Context, id string) ([]string, error) {
	return remember(&l.groupsOf, id, func() ([]string, error) { return l.s.GroupsOf(ctx, l.space, id) })
}

func (l *looking) known(ctx context.Context, id string) ([]Resource, error) {
	if id == "" {
		return nil, nil
	}
	return remember(&l.entries, id, func() ([]Resource, error) { return l.s.Store.ResourcesByID(ctx, l.space, []string{id}) })
}

// manages answers whether the actor is the manager, by the label, of everybody who asks.
func (l *looking) manages(ctx context.Context, f *Facts, a *Actor, p *Petition, label string) (bool, error) {
	if label == "" {
		return false, nil
	}
	for _, r := range p.Petitioners {
		managers, err := remember(&l.managers, label+"\x00"+r.Kind+"\x00"+r.ID+"\x00"+r.Email, func() ([]string, error) { return l.s.managersOf(ctx, l.space, r, label) })
		if err != nil || !slices.ContainsFunc(managers, a.isCalled) {
			return false, err
		}
	}
	f.Managers = append(f.Managers, label)
	return len(p.Petitioners) > 0, nil
}

// isCalled answers whether the name, in lower case, is one of the actor's. A service account has its own id only, not the
// names of its owner.
func (a *Actor) isCalled(name string) bool {
	return name == strings.ToLower(a.ID) || a.Kind == KindUser && (name == strings.ToLower(a.Person) || slices.Contains(a.Names, name))
}

// managersOf answers the names, in lower case, of those whom the directory calls the manager of a petitioner by the label.
// Nobody is their own. A service account that has none is its owner's to answer for. Other ids count as far as the directory
// has them: of a stranger they are the words of who asks (I13).
func (s *Service) managersOf(ctx context.Context, space string, r Resource, label string) ([]string, error) {
	said := []string{cmp.Or(r.ID, r.Email)}
	names, err := s.namesOf(ctx, space, said)
	if err != nil {
		return nil, err
	}
	managers, err := s.saidOf(ctx, space, asWritten(append(said, names...)), label)
	if err != nil || len(managers) > 0 || r.Kind != KindServiceAccount {
		return managers, err
	}
	owner, err := s.ownerOf(ctx, space, r.ID, s.Clock.Now())
	if err != nil || owner == "" {
		return nil, err
	}
	if names, err = s.namesOf(ctx, space, []string{owner}); err != nil {
		return nil, err
	}
	return s.saidOf(ctx, space, names, label)
}

// saidOf answers what the label says, in lower case, on the directory's entries of somebody with these names, but none of the
// names themselves.
func (s *Service) saidOf(ctx context.Context, space string, names []string, label string) (values []string, err error) {
	entries, err := s.Store.ResourcesNamed(ctx, space, names)
	for _, e := range entries {
		if v := strings.ToLower(strings.TrimSpace(e.Labels[label])); v != "" && !slices.Contains(names, v) && !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	return values, err
}

// owns answers whether the actor owns, by the label, the resource at the place counted from 1, or all where it is 0.
func (l *looking) owns(ctx context.Context, f *Facts, a *Actor, p *Petition, label string, resource int) (bool, error) {
	asked := p.Resources
	if resource > len(asked) {
		return false, nil
	}
	if resource > 0 {
		asked = asked[resource-1 : resource]
	}
	if label == "" || len(asked) == 0 {
		return false, nil
	}
	for _, r := range asked {
		owns, err := l.ownsOne(ctx, a, r, label)
		if err != nil || !owns {
			return false, err
		}
	}
	f.Owners = append(f.Owners, Owned{label, resource})
	return true, nil
}

// ownsOne looks at the directory's own record of the resource: what the petitioner says of it counts for nothing (I13).
func (l *looking) ownsOne(ctx context.Context, a *Actor, r Resource, label string) (bool, error) {
	entries, err := l.known(ctx, r.ID)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if !e.Same(r) {
			continue
		}
		for _, owner := range ownersIn(e.Labels[label]) {
			if a.isCalled(strings.ToLower(owner)) {
				return true, nil
			}
			if in, err := l.inGroup(ctx, a, owner); err != nil || in {
				return in, err
			}
		}
	}
	return false, nil
}

// ownersIn answers the addresses and ids that a label names, between commas.
func ownersIn(label string) (owners []string) {
	for owner := range strings.SplitSeq(label, ",") {
		if owner = strings.TrimSpace(owner); owner != "" {
			owners = append(owners, owner)
		}
	}
	return owners
}

func (l *looking) isOnCall(ctx context.Context, f *Facts, a *Actor, p *Petition, schedules []string, at time.Time) (bool, error) {
	for _, schedule := range schedules {
		who, err := l.whoIsOnCall(ctx, p, schedule, at)
		on := slices.ContainsFunc(who.Persons, func(person string) bool { return a.isCalled(strings.ToLower(person)) })
		if err == nil && len(who.Persons) == 0 && who.Group != "" {
			on, err = l.inGroup(ctx, a, who.Group)
		}
		if err != nil {
			return false, err
		}
		if on {
			f.OnCall = append(f.OnCall, schedule)
			return true, nil
		}
	}
	return false, nil
}

func (l *looking) whoIsOnCall(ctx context.Context, p *Petition, schedule string, at time.Time) (OnCall, error) {
	key := fmt.Sprintf("%d %d %s", p.Verdict.PolicyVersion, at.UnixMicro(), schedule)
	return remember(&l.onCall, key, func() (OnCall, error) {
		document, err := l.document(ctx, p.Verdict.PolicyVersion)
		if err != nil {
			return OnCall{}, err
		}
		return l.s.Policy.OnCall(ctx, document, schedule, at)
	})
}

// document answers the version of the policy that the petition was frozen with.
func (l *looking) document(ctx context.Context, version int64) (PolicyDocument, error) {
	return remember(&l.documents, version, func() (PolicyDocument, error) { return l.s.policyVersion(ctx, l.space, version, l.now) })
}

func (l *looking) isSelected(ctx context.Context, f *Facts, a *Actor, p *Petition, where string) (bool, error) {
	if where == "" {
		return false, nil
	}
	key := fmt.Sprintf("%d %s %s", p.Verdict.PolicyVersion, a.ID, where)
	selected, err := remember(&l.selected, key, func() (bool, error) {
		document, err := l.document(ctx, p.Verdict.PolicyVersion)
		if err != nil {
			return false, err
		}
		return l.s.Policy.Selects(ctx, document, where, l.candidate(a))
	})
	if selected && err == nil {
		f.Where = append(f.Where, where)
	}
	return selected, err
}

// candidate answers what a condition over reviewers may look at.
func (l *looking) candidate(a *Actor) Candidate {
	id := a.ID
	return Candidate{ID: id, Address: a.Address, Role: a.Role,
		Groups: func(ctx context.Context) ([]string, error) { return l.groupsOfActor(ctx, id) },
		Labels: func(ctx context.Context) (map[string]string, error) { return l.s.labelsOf(ctx, l.space, id) }}
}

// actor answers a member as it counts now.
func (l *looking) actor(ctx context.Context, id string) (actorNow, error) {
	return remember(&l.actors, id, func() (actorNow, error) {
		m, err := l.s.Store.Member(ctx, l.space, id)
		if CodeOf(err) == NotFound {
			return actorNow{gone: true, why: "no member any more"}, nil
		}
		if err != nil {
			return actorNow{}, err
		}
		who, err := l.s.ActorOf(ctx, m, "", nil)
		if CodeOf(err) == Unauthenticated {
			return actorNow{gone: true, why: "suspended"}, nil
		}
		return actorNow{actor: who, since: m.CreateTime}, err
	})
}
