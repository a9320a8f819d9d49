package approval

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// A pair may have any number of leases. Whatever asks about their union reads what lasts longest first, and no more of it than
// it needs.
const (
	// mostKeepers is how many petitions a label names.
	mostKeepers = 20
	// mostLooked bounds how many pages are looked through for a lease that is still granted.
	mostLooked = 25
	// mostPages and mostNames bound what is read for a list at once, before each pair is looked up alone.
	mostPages, mostNames = 3, 2000
	// mostSteps bounds how many leases are followed that go on with one another.
	mostSteps = 20
)

// union is what is known of the leases of the pairs in a list.
type union struct {
	s                  *Service
	space              string
	persons, resources map[string][]string // the names that stand beside each
	known              map[Lease][]Lease   // of each pair, by when they begin
	whole              bool                // those are all
	found              map[Lease]time.Time // what was looked up: until when access goes on that lasts until an end
}

// unite sets when access ends.
func (s *Service) unite(ctx context.Context, space string, list []Access, at time.Time) (err error) {
	if len(list) == 0 {
		return nil
	}
	u := union{s: s, space: space, found: map[Lease]time.Time{}}
	var persons, resources []string
	leases := make([]Lease, len(list))
	for i := range list {
		l := list[i].Lease
		leases[i], persons, resources = l, append(persons, l.Person), append(resources, l.Resource)
	}
	if u.persons, err = s.eachBeside(ctx, space, persons); err != nil {
		return err
	}
	if u.resources, err = s.eachBeside(ctx, space, resources); err != nil {
		return err
	}
	if err = u.read(ctx, leases, at); err != nil {
		return err
	}
	for i := range list {
		if list[i].Until, err = u.until(ctx, list[i].Lease); err != nil {
			return err
		}
	}
	return nil
}

func distinct(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

// pair answers the key of the lease's pair: each of its names by the first that stands beside it.
func (u *union) pair(l Lease) Lease {
	first := func(beside map[string][]string, name string) string {
		if all := beside[name]; len(all) > 0 {
			return all[0]
		}
		return name
	}
	return Lease{Person: first(u.persons, l.Person), Kind: l.Kind, Resource: first(u.resources, l.Resource)}
}

// read looks up a few pages of all that the pairs have from a time on, which nearly always is all.
func (u *union) read(ctx context.Context, list []Lease, at time.Time) error {
	all := slices.Clone(list)
	q := LeaseQuery{Space: u.space, At: at, Coming: true, Persons: everyName(u.persons), Resources: everyName(u.resources),
		Page: PageRequest{Size: MaxPageSize}}
	if len(q.Persons)+len(q.Resources) <= mostNames {
		for range mostPages {
			page, err := u.s.Store.Leases(ctx, q)
			if err != nil {
				return err
			}
			all = append(all, page.Items...)
			if q.Page.Token = page.Next; page.Next == "" {
				u.whole = true
				break
			}
		}
	}
	slices.SortFunc(all, func(a, b Lease) int { return cmp.Compare(a.StartTime.UnixMicro(), b.StartTime.UnixMicro()) })
	u.known = map[Lease][]Lease{}
	for _, l := range all {
		u.known[u.pair(l)] = append(u.known[u.pair(l)], l)
	}
	return nil
}

func everyName(beside map[string][]string) (names []string) {
	for all := range maps.Values(beside) {
		names = append(names, all...)
	}
	return distinct(names)
}

// until answers when the last of the leases ends that follow l without a gap; zero: never.
func (u *union) until(ctx context.Context, l Lease) (time.Time, error) {
	pair := u.pair(l)
	end := until(l, u.known[pair])
	if u.whole || end.IsZero() {
		return end, nil
	}
	pair.EndTime = end
	if known, ok := u.found[pair]; ok {
		return known, nil
	}
	q := LeaseQuery{Space: u.space, Persons: u.persons[l.Person], Resources: u.resources[l.Resource], Kinds: []string{l.Kind},
		Longest: true, Page: PageRequest{Size: 1}}
	for range mostSteps {
		q.At = end
		page, err := u.s.Store.Leases(ctx, q)
		if err != nil {
			return end, err
		}
		if len(page.Items) == 0 {
			break
		}
		if end = page.Items[0].EndTime; end.IsZero() {
			break
		}
	}
	u.found[pair] = end
	return end, nil
}

// until answers when the last of the leases ends that follow l without a gap, of all of its pair by when they begin; zero: never.
func until(l Lease, all []Lease) time.Time {
	for i := range all {
		next := &all[i]
		if l.EndTime.IsZero() || next.StartTime.After(l.EndTime) {
			break
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
	things := make([]string, len(p.Resources))
	for i := range p.Resources {
		things[i] = LeaseResource(p.Resources[i])
	}
	named, err := s.eachBeside(ctx, p.Space, things)
	if err != nil {
		return nil, err
	}
	others, err := s.othersOf(ctx, p, pairs, named, now)
	if err != nil {
		return nil, err
	}
	for i := range pairs {
		keeps := false
		for _, o := range others {
			if o.place == pairs[i].Place/len(p.Resources) && o.Kind == pairs[i].Kind && slices.Contains(named[pairs[i].Resource], o.Resource) {
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

// otherLease is a lease of another petition that one of the petitioners has, by whatever name.
type otherLease struct {
	Lease
	place int // of the petitioner
}

// othersOf answers what the petitioners have of the pairs by other petitions that are granted: of each pair at least something,
// if there is something. named has the names beside each thing.
func (s *Service) othersOf(ctx context.Context, p *Petition, pairs []Lease, named map[string][]string, now time.Time) (others []otherLease, err error) {
	q := LeaseQuery{Space: p.Space, At: now}
	for i, r := range p.Petitioners {
		names, _, err := s.namesBeside(ctx, p.Space, namesGiven(r))
		if err != nil {
			return nil, err
		}
		own := slices.DeleteFunc(slices.Clone(pairs), func(l Lease) bool { return l.Place/len(p.Resources) != i })
		// One name at a time, as leases are in the order of ends for each.
		for _, name := range names {
			if len(own) == 0 {
				break
			}
			q.Persons = []string{name}
			found, err := s.keepers(ctx, q, p.Name, own, named)
			if err != nil {
				return nil, err
			}
			for _, l := range found {
				others = append(others, otherLease{l, i})
			}
		}
	}
	return others, nil
}

// keepers looks at all pairs of a name together, and where that is more than a page, at each.
func (s *Service) keepers(ctx context.Context, q LeaseQuery, petition string, pairs []Lease, named map[string][]string) ([]Lease, error) {
	for _, l := range pairs {
		q.Resources, q.Kinds = append(q.Resources, named[l.Resource]...), append(q.Kinds, l.Kind)
	}
	q.Resources, q.Kinds = distinct(q.Resources), distinct(q.Kinds)
	found, whole, err := s.longest(ctx, q, petition)
	if err != nil || whole || len(pairs) == 1 {
		return found, err
	}
	for _, l := range pairs {
		q.Resources, q.Kinds = named[l.Resource], []string{l.Kind}
		more, _, err := s.longest(ctx, q, petition)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	return found, nil
}

// longest answers the first page with a lease of another petition that is granted, what lasts longest first, and whether it
// has all of them. That a lease has not ended by its time is not enough: the clock may have been set back since its end was
// written. Behind so many that have ended it does not look further: that access has ended may be said too often, not too seldom.
func (s *Service) longest(ctx context.Context, q LeaseQuery, petition string) (list []Lease, whole bool, err error) {
	q.Longest, q.Page = true, PageRequest{Size: 2 * mostKeepers}
	for range mostLooked {
		page, err := s.Store.Leases(ctx, q)
		if err != nil {
			return nil, false, err
		}
		list = slices.DeleteFunc(page.Items, func(l Lease) bool { return l.Petition == petition })
		if list, err = s.stillGranted(ctx, q.Space, list); err != nil || len(list) > 0 || page.Next == "" {
			return list, page.Next == "", err
		}
		q.Page.Token = page.Next
	}
	return nil, false, nil
}

func (s *Service) stillGranted(ctx context.Context, space string, list []Lease) ([]Lease, error) {
	if len(list) == 0 {
		return nil, nil
	}
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].Petition
	}
	phases, err := s.Store.PhasesByName(ctx, space, distinct(names))
	return slices.DeleteFunc(list, func(l Lease) bool { return phases[l.Petition] != Granted }), err
}
