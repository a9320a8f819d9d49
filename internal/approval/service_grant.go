package approval

import (
	"context"
	"slices"
	"time"
)

// Access is a lease as people look at it: who may use what, until when and why.
type Access struct {
	Lease    Lease
	Person   Resource // the petitioner
	Resource Resource // what is granted
	Petition Petition // why
	// Until is when access ends if nobody revokes anything: when the last of the pair's leases ends that follow this one without
	// a gap; zero: never. Where more than [mostSteps] go on with one another it is the end of one of them: access ends not before.
	Until time.Time
	// Told is what webhooks were told of it, empty where none applies it and in a list of another time.
	Told []Application
}

// AccessQuery selects what people have. The zero query is all that holds now.
type AccessQuery struct {
	// Person is an address or an id, and means whoever is known by it; "": all.
	Person string
	// Resource is any of the ids of a thing, or the name of its entry in the directory; "": all.
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
	if err == nil && q.At.IsZero() {
		err = s.addTold(ctx, a.Space, page.Items)
	}
	return page, err
}

// addTold adds what webhooks were told: what is granted is had only when it is applied.
func (s *Service) addTold(ctx context.Context, space string, list []Access) error {
	var names []string
	for i := range list {
		if p := &list[i].Petition; p.Grant.Webhooks {
			names = append(names, p.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	told, err := s.applications(ctx, ApplicationQuery{Space: space, Petitions: distinct(names)})
	if err != nil {
		return err
	}
	if err := s.explain(ctx, space, told); err != nil {
		return err
	}
	type pair struct{ petition, name string }
	of := map[pair][]Application{}
	for _, t := range told {
		of[pair{t.Petition, t.Name}] = append(of[pair{t.Petition, t.Name}], t)
	}
	for i := range list {
		list[i].Told = of[pair{list[i].Lease.Petition, nameOf(list[i].Lease)}]
	}
	return nil
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
	names, err := s.namesOf(ctx, space, []string{person})
	if err != nil || len(names) > 1 {
		return names, err
	}
	if _, err := s.Store.Member(ctx, space, names[0]); CodeOf(err) != NotFound {
		return names, err
	}
	said, err := s.saidBeside(ctx, space, person)
	return distinct(append(names, said...)), err
}

// saidBeside answers the names that leases have for somebody whom only petitions know: they are under the address where a
// petition said an id and an address, and who is asked about by the id must not keep what such a petition gave.
func (s *Service) saidBeside(ctx context.Context, space, person string) (names []string, err error) {
	for _, id := range asWritten([]string{person}) {
		q := PetitionQuery{Space: space, Phases: []Phase{Granted}, Petitioner: id, Page: PageRequest{Size: MaxPageSize}}
		for range mostLooked {
			page, err := s.Store.Petitions(ctx, q)
			if err != nil {
				return nil, err
			}
			for _, p := range page.Items {
				for _, r := range p.Petitioners {
					if r.ID == id {
						names = append(names, LeasePerson(r))
					}
				}
			}
			if q.Page.Token = page.Next; page.Next == "" {
				break
			}
		}
	}
	return names, nil
}

// leaseResources answers the names that leases of a resource may have, nil for those of all: it is meant by an id, by another
// id that the directory has beside it, in whatever case, or by the name of an entry. Whoever locks it down must not leave out
// what was asked for under another of its names.
func (s *Service) leaseResources(ctx context.Context, space, resource string) ([]string, error) {
	if resource == "" {
		return nil, nil
	}
	said := []string{resource}
	for _, name := range asWritten(said) {
		if entry, err := s.entry(ctx, space, name); err == nil {
			said = append(said, LeaseResource(entry))
		} else if CodeOf(err) != NotFound {
			return nil, err
		}
	}
	return s.namesOf(ctx, space, said)
}
