package approval

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Grants end in crowds: a shift, a change window, an incident. What each end needs is the same as when it is alone, but it is
// looked up for all of them at once, and one change writes it.

// RunTogether does what [Service.RunJob] does of each of the timers, which go together (see [Job.With]), and answers how each ended.
// What cannot be written together is done one by one, so that one of them holds up no other.
func (s *Service) RunTogether(ctx context.Context, jobs []Job) []error {
	errs := make([]error, len(jobs))
	done, err := s.endTogether(ctx, jobs)
	for i, j := range jobs {
		switch {
		case CodeOf(err) == Unavailable: // for each of them alone as well
			errs[i] = err
		case !done[j.Petition]:
			errs[i] = s.RunJob(ctx, j)
		}
	}
	return errs
}

// ends is a petition whose grant ends, and what becomes of it.
type ends struct {
	before, now Petition
	events      []Event
}

// endTogether ends the grants whose time is up and answers the names of their petitions. With an error nothing is written, as far
// as anybody knows.
func (s *Service) endTogether(ctx context.Context, jobs []Job) (done map[string]bool, err error) {
	if len(jobs) < 2 {
		return nil, nil
	}
	all, now, err := s.endsOf(ctx, jobs)
	if err != nil || len(all) < 2 {
		return nil, err
	}
	s.closeWithEnds(ctx, all, now)
	change := Change{Space: jobs[0].Space}
	for i := range all {
		change.Events = append(change.Events, all[i].events...)
	}
	// Rows in one order: another change that writes some of them does not wait for this one while this one waits for it.
	slices.SortFunc(all, func(a, b ends) int { return cmp.Compare(a.now.Name, b.now.Name) })
	done = make(map[string]bool, len(all))
	for i := range all {
		e := &all[i]
		change.Writes = append(change.Writes, PutPetition{Petition: &e.now, Expect: e.before.Version, SameLabels: true}, timerOf(&e.now, now))
		done[e.now.Name] = true
	}
	if err := s.commitRead(ctx, change); err != nil {
		return nil, err
	}
	return done, nil
}

// endsOf answers those of the petitions whose grant ends now, in the order of the jobs. Any other is for who does it alone.
func (s *Service) endsOf(ctx context.Context, jobs []Job) (all []ends, now time.Time, err error) {
	names := make([]string, len(jobs))
	for i, j := range jobs {
		names[i] = j.Petition
	}
	found, err := s.Store.PetitionsByName(ctx, jobs[0].Space, distinct(names))
	if err != nil {
		return nil, now, err
	}
	named := make(map[string]Petition, len(found))
	for _, p := range found {
		named[p.Name] = p
	}
	now = s.Clock.Now()
	for _, name := range names {
		p, exists := named[name]
		delete(named, name)
		if due, any := p.next(now); !exists || !any || due.event != EventEnd || now.Before(due.at) {
			continue
		}
		var alone Change
		if next, err := s.passes(ctx, p, EventEnd, nil, &alone, now); err == nil {
			all = append(all, ends{p, next, alone.Events})
		}
	}
	return all, now, nil
}

// closeWithEnds is closeWithEnd of many: of what surely nothing keeps. Where something may, or nobody can tell, the close is left
// to its timer.
func (s *Service) closeWithEnds(ctx context.Context, all []ends, now time.Time) {
	var closing []*ends
	for i := range all {
		if due, _ := all[i].now.next(now); due.kind == JobClose {
			closing = append(closing, &all[i])
		}
	}
	held, err := s.heldBeside(ctx, closing, now)
	if err != nil {
		return
	}
	for _, e := range closing {
		var labels map[string]string
		if len(e.now.Leases()) > 0 {
			labels = map[string]string{LabelAccessEnded: accessEnded}
		}
		if held(&e.now) {
			continue
		}
		var alone Change
		if next, err := s.passes(ctx, e.now, EventClose, labels, &alone, now); err == nil {
			e.now, e.events = next, append(e.events, alone.Events...)
		}
	}
}

// heldBeside answers who tells of each of the petitions whether one of its pairs may be held by what else has been granted: the leases
// are looked up by every name of every pair.
func (s *Service) heldBeside(ctx context.Context, all []*ends, now time.Time) (held func(*Petition) bool, err error) {
	var persons, things, kinds []string
	for _, e := range all {
		for _, l := range e.now.Leases() {
			things, kinds = append(things, l.Resource), append(kinds, l.Kind)
		}
		for _, r := range e.now.Petitioners {
			persons = append(persons, namesGiven(r)...)
		}
	}
	if len(things) == 0 {
		return func(*Petition) bool { return false }, nil
	}
	persons = lowered(persons)
	beside, err := s.eachBeside(ctx, all[0].now.Space, slices.Concat(persons, things))
	if err != nil {
		return nil, err
	}
	everyOf := func(names []string) (every []string) {
		for _, name := range names {
			every = append(every, beside[name]...)
		}
		return distinct(every)
	}
	q := LeaseQuery{Space: all[0].now.Space, At: now, Persons: everyOf(persons), Resources: everyOf(things), Kinds: distinct(kinds), AnyOrder: true, Page: PageRequest{Size: MaxPageSize}}
	if len(q.Persons)+len(q.Resources) > mostNames {
		return func(*Petition) bool { return true }, nil
	}
	page, err := s.Store.Leases(ctx, q)
	if err != nil || page.Next != "" {
		return func(*Petition) bool { return true }, err
	}
	found, err := s.stillGranted(ctx, q.Space, page.Items)
	leases := make(map[Lease]bool, len(found))
	for _, l := range found {
		leases[Lease{Person: l.Person, Kind: l.Kind, Resource: l.Resource}] = true
	}
	return func(p *Petition) bool {
		return len(leases) > 0 && slices.ContainsFunc(p.Leases(), func(l Lease) bool {
			for _, person := range everyOf(lowered(namesGiven(p.Petitioners[l.Place/len(p.Resources)]))) {
				for _, thing := range beside[l.Resource] {
					if leases[Lease{Person: person, Kind: l.Kind, Resource: thing}] {
						return true
					}
				}
			}
			return false
		})
	}, err
}
