package approval

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// Access is a lease as people look at it: who may use what, until when and why.
type Access struct {
	Lease    Lease
	Person   Resource // the petitioner
	Resource Resource // what is granted
	Petition Petition // why
	// Until is when access ends if nobody revokes anything: when the last of the pair's leases ends that follow this one without
	// a gap; zero: never.
	Until time.Time
}

// AccessQuery selects what people have. The zero query is all that holds now.
type AccessQuery struct {
	// Person is an address or an id, and means whoever is known by it; "": all.
	Person string
	// Resource is an id, or the name of an entry of the directory; "": all.
	Resource string
	// At is a time, past or to come; zero: now.
	At time.Time
	// Coming adds what begins later.
	Coming bool
	Page   PageRequest
}

// Grants answers a page of who has what, what ends first before the rest. Who may see petitions may see what they gave.
func (s *Service) Grants(ctx context.Context, a Actor, q AccessQuery) (Page[Access], error) {
	if err := a.require(ReadPetitions); err != nil {
		return Page[Access]{}, err
	}
	page, _, err := s.accesses(ctx, a.Space, q)
	if err == nil {
		err = s.unite(ctx, a.Space, page.Items, q.at(s.Clock.Now()))
	}
	return page, err
}

func (q AccessQuery) at(now time.Time) time.Time {
	if q.At.IsZero() {
		return now
	}
	return q.At.UTC().Truncate(time.Microsecond)
}

func (q AccessQuery) check() error {
	return firstError(checkLine("person", q.Person, MaxID), checkLine("resource", q.Resource, MaxID))
}

// accesses answers the page without when access ends, and the petitions that it comes from in its order.
func (s *Service) accesses(ctx context.Context, space string, q AccessQuery) (page Page[Access], petitions []Petition, err error) {
	if err := q.check(); err != nil {
		return page, nil, err
	}
	now := s.Clock.Now()
	lq := LeaseQuery{Space: space, At: q.at(now), Coming: q.Coming, Page: q.Page}
	if lq.Persons, err = s.leasePersons(ctx, space, q.Person); err != nil {
		return page, nil, err
	}
	if lq.Resources, err = s.leaseResources(ctx, space, q.Resource); err != nil {
		return page, nil, err
	}
	leases, err := s.Store.Leases(ctx, lq)
	if err != nil {
		return page, nil, err
	}
	named, order, err := s.petitionsOf(ctx, space, leases.Items)
	if err != nil {
		return page, nil, err
	}
	page.Next = leases.Next
	for _, l := range leases.Items {
		p, ok := named[l.Petition]
		person, resource, has := p.pairAt(l.Place)
		// Whoever asks for now must not be told of what has ended, also if the clock was set back since.
		if ok && has && (!q.At.IsZero() || p.Phase == Granted) {
			page.Items = append(page.Items, Access{Lease: l, Person: person, Resource: resource, Petition: p})
		}
	}
	for _, name := range order {
		if p, ok := named[name]; ok {
			petitions = append(petitions, p)
		}
	}
	return page, petitions, nil
}

func (s *Service) petitionsOf(ctx context.Context, space string, leases []Lease) (named map[string]Petition, order []string, err error) {
	named = map[string]Petition{}
	for _, l := range leases {
		if !slices.Contains(order, l.Petition) {
			order = append(order, l.Petition)
		}
	}
	if len(order) == 0 {
		return named, nil, nil
	}
	list, err := s.Store.PetitionsByName(ctx, space, order)
	for _, p := range list {
		named[p.Name] = p
	}
	return named, order, err
}

// leasePersons answers the names that leases of a person may have, nil for everybody's.
func (s *Service) leasePersons(ctx context.Context, space, person string) ([]string, error) {
	if person == "" {
		return nil, nil
	}
	return s.namesOf(ctx, space, []string{person})
}

// leaseResources answers the ids that are meant by an id or by the name of an entry of the directory, nil for all.
func (s *Service) leaseResources(ctx context.Context, space, resource string) ([]string, error) {
	if resource == "" {
		return nil, nil
	}
	ids := []string{resource}
	if entry, err := s.entry(ctx, space, resource); err == nil {
		ids = append(ids, LeaseResource(entry))
	} else if CodeOf(err) != NotFound {
		return nil, err
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// unite sets when access ends.
func (s *Service) unite(ctx context.Context, space string, list []Access, at time.Time) error {
	if len(list) == 0 {
		return nil
	}
	q := LeaseQuery{Space: space, At: at, Coming: true}
	for i := range list {
		q.Persons, q.Resources = append(q.Persons, list[i].Lease.Person), append(q.Resources, list[i].Lease.Resource)
	}
	q.Persons, q.Resources = distinct(q.Persons), distinct(q.Resources)
	all, err := s.allLeases(ctx, q)
	if err != nil {
		return err
	}
	for i := range list {
		list[i].Until = until(list[i].Lease, all)
	}
	return nil
}

func distinct(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// allLeases answers every page, by when they begin.
func (s *Service) allLeases(ctx context.Context, q LeaseQuery) (all []Lease, err error) {
	for q.Page.Size = MaxPageSize; ; {
		page, err := s.Store.Leases(ctx, q)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if q.Page.Token = page.Next; page.Next == "" {
			break
		}
	}
	slices.SortFunc(all, func(a, b Lease) int { return cmp.Compare(a.StartTime.UnixMicro(), b.StartTime.UnixMicro()) })
	return all, nil
}

// until answers when the last of the leases ends that follow l without a gap, of all by when they begin; zero: never.
func until(l Lease, all []Lease) time.Time {
	for i := range all {
		next := &all[i]
		if next.Person != l.Person || next.Resource != l.Resource || next.Kind != l.Kind || l.EndTime.IsZero() || next.StartTime.After(l.EndTime) {
			continue
		}
		if next.Ends() > l.Ends() {
			l.EndTime = next.EndTime
		}
	}
	return l.EndTime
}

// What the label of an access/close says: whether its persons have lost what it gave.
const (
	accessEnded  = "true"
	accessKept   = "false"
	accessPartly = "partly" // some pairs are kept
)

// accessAfter answers the labels of the access/close of a petition: whether access has really ended, or which other grants
// keep it (I15). It looks after the end of this grant was committed: of two that end at once, at least the second to look
// sees that both have ended.
func (s *Service) accessAfter(ctx context.Context, p *Petition, now time.Time) (map[string]string, error) {
	kept, pairs := 0, p.Leases()
	var by []string
	if len(pairs) == 0 {
		return nil, nil
	}
	others, err := s.othersOf(ctx, p, now)
	if err != nil {
		return nil, err
	}
	for i := range pairs {
		keeps := false
		for _, o := range others {
			if o.place == pairs[i].Place/len(p.Resources) && o.Resource == pairs[i].Resource && o.Kind == pairs[i].Kind {
				keeps, by = true, append(by, o.Petition)
			}
		}
		if keeps {
			kept++
		}
	}
	labels := map[string]string{LabelAccessEnded: accessEnded}
	switch {
	case kept == len(pairs):
		labels[LabelAccessEnded] = accessKept
	case kept > 0:
		labels[LabelAccessEnded] = accessPartly
	}
	if by = distinct(by); len(by) > 0 {
		labels[LabelAccessKeptBy] = strings.Join(by[:min(len(by), mostKeepers)], ",")
	}
	return labels, nil
}

// mostKeepers is how many petitions a label names.
const mostKeepers = 20

// otherLease is a lease of another petition that one of the petitioners has, by whatever name.
type otherLease struct {
	Lease
	place int // of the petitioner
}

// othersOf answers what the petitioners have by other petitions that are granted. That a lease has not ended by its time is
// not enough: the clock may have been set back since its end was written.
func (s *Service) othersOf(ctx context.Context, p *Petition, now time.Time) (others []otherLease, err error) {
	q := LeaseQuery{Space: p.Space, At: now}
	for i := range p.Resources {
		q.Resources = append(q.Resources, LeaseResource(p.Resources[i]))
	}
	q.Resources = distinct(q.Resources)
	for i, r := range p.Petitioners {
		if q.Persons, _, err = s.namesBeside(ctx, p.Space, append([]string{LeasePerson(r), r.ID}, r.AltIDs...)); err != nil {
			return nil, err
		}
		all, err := s.allLeases(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, l := range all {
			if l.Petition != p.Name {
				others = append(others, otherLease{l, i})
			}
		}
	}
	return s.stillGranted(ctx, p.Space, others)
}

func (s *Service) stillGranted(ctx context.Context, space string, others []otherLease) ([]otherLease, error) {
	phases := map[string]Phase{}
	var names []string
	for _, o := range others {
		names = append(names, o.Petition)
	}
	for part := range slices.Chunk(distinct(names), MaxBulk) {
		found, err := s.Store.PhasesByName(ctx, space, part)
		if err != nil {
			return nil, err
		}
		for name, phase := range found {
			phases[name] = phase
		}
	}
	return slices.DeleteFunc(others, func(o otherLease) bool { return phases[o.Petition] != Granted }), nil
}
