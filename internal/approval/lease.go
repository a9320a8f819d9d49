package approval

import (
	"cmp"
	"math"
	"strconv"
	"strings"
	"time"
)

// Lease is what a grant gives: one person may use one resource from its start until its end. Every pair of a granted
// petition has one. Several leases of a pair are a union: access ends when the last of them ends (I15).
type Lease struct {
	Petition string
	Place    int // of the pair in its petition
	// Person is the petitioner's address, or else its id, in lower case.
	Person string
	// Kind and Resource are the kind and the id of what is granted, or what stands for an id, in lower case: whatever is asked
	// for in capitals is the same thing. The petition has them as they were written.
	Kind, Resource string
	StartTime      time.Time
	EndTime        time.Time // zero: until revoked
}

// Lasts answers whether the lease holds at a time.
func (l Lease) Lasts(at time.Time) bool {
	return !at.Before(l.StartTime) && (l.EndTime.IsZero() || at.Before(l.EndTime))
}

// LeaseQuery selects leases of a space: those that end first come first, and those without an end last.
type LeaseQuery struct {
	Space     string
	Persons   []string // nil: all; else of one of these, as Lease.Person is written
	Resources []string // nil: all; else of one of these, as Lease.Resource is written
	Kinds     []string // nil: all; else of one of these, as Lease.Kind is written
	// At selects what holds at a time; with Coming, also what begins later.
	At     time.Time
	Coming bool
	// Longest turns the order: what ends last comes first.
	Longest bool
	// AnyOrder is for who reads one page of few leases by many names: in no order, it is found by the names, and not along all
	// that have not ended.
	AnyOrder bool
	Page     PageRequest // Ascending is not looked at
}

// forever stands for the end of a lease that has none, so that ends have an order.
const forever = math.MaxInt64

// Ends answers when the lease ends in microseconds, the greatest number for never.
func (l Lease) Ends() int64 {
	if l.EndTime.IsZero() {
		return forever
	}
	return l.EndTime.UnixMicro()
}

// PageToken answers the token of a page that begins behind the lease.
func (l Lease) PageToken() string {
	return PageKey{Number: l.Ends(), Text: l.Petition + " " + strconv.Itoa(l.Place)}.Token()
}

// ParseLeaseToken reads what [Lease.PageToken] wrote: the end, the petition and the place of the lease that the page begins
// behind; an empty token is none.
func ParseLeaseToken(token string) (last Lease, given bool, err error) {
	key, given, err := ParsePageToken(token)
	if err != nil || !given {
		return Lease{}, false, err
	}
	petition, place, _ := strings.Cut(key.Text, " ")
	if last.Place, err = strconv.Atoi(place); err != nil {
		return Lease{}, false, badPageToken()
	}
	last.Petition = petition
	if key.Number != forever {
		last.EndTime = time.UnixMicro(key.Number).UTC()
	}
	return last, true, nil
}

// LeasePerson answers the name that a lease has for a petitioner.
func LeasePerson(r Resource) string { return strings.ToLower(cmp.Or(r.Email, r.ID, r.DisplayName)) }

// namesGiven answers the names by which a petition knows a petitioner.
func namesGiven(r Resource) []string { return append([]string{LeasePerson(r), r.ID}, r.AltIDs...) }

// LeaseResource answers the name that a lease has for what is granted.
func LeaseResource(r Resource) string { return strings.ToLower(cmp.Or(r.ID, r.Email, r.DisplayName)) }

type (
	// PutLeases inserts the leases of a petition of the change's space that is granted.
	PutLeases struct{ Leases []Lease }
	// EndLeases lets those leases of a petition that end after At, or never, end at At. Persons are those of all of them.
	EndLeases struct {
		Petition string
		Persons  []string
		At       time.Time
	}
)

func (PutLeases) write() {}
func (EndLeases) write() {}

// Leases answers the leases that the petition's grant gives: none before it is granted, and none of a change of the policy,
// which nobody takes away again.
func (p *Petition) Leases() (leases []Lease) {
	if p.Grant == nil || p.changesPolicy() {
		return nil
	}
	type pair struct{ person, kind, resource string }
	var seen map[pair]bool
	if len(p.Petitioners)*len(p.Resources) > 1 {
		seen = map[pair]bool{}
	}
	for i := range p.Petitioners {
		person := LeasePerson(p.Petitioners[i])
		for j := range p.Resources {
			r := &p.Resources[j]
			k := pair{person, strings.ToLower(r.Kind), LeaseResource(*r)}
			if seen[k] {
				continue
			}
			if seen != nil {
				seen[k] = true
			}
			leases = append(leases, Lease{Petition: p.Name, Place: i*len(p.Resources) + j, Person: person, Kind: k.kind,
				Resource: k.resource, StartTime: p.Grant.StartTime, EndTime: p.Grant.EndTime})
		}
	}
	return leases
}

// pairAt answers who and what the lease at a place is for.
func (p *Petition) pairAt(place int) (person, resource Resource, ok bool) {
	n := len(p.Resources)
	if n == 0 || place < 0 || place/n >= len(p.Petitioners) {
		return Resource{}, Resource{}, false
	}
	return p.Petitioners[place/n], p.Resources[place%n], true
}

// withLeases answers the change with what its events do to leases: a grant gives them, and what takes a grant away before
// its time ends them. A grant whose time is up needs nothing: its leases have ended then. Every change passes here, so that
// no grant can be without its leases.
func (c Change) withLeases() Change {
	writes := c.Writes
	for _, w := range writes {
		put, ok := w.(PutPetition)
		if !ok || put.Petition.Grant == nil {
			continue
		}
		for i := range c.Events {
			e := &c.Events[i]
			if w := put.Petition.leaseWrite(e.Event); w != nil && e.Petition() == put.Petition.Name {
				c.Writes = append(c.Writes, w)
			}
		}
	}
	return c
}

// leaseWrite answers what an event of the petition, which is granted, does to leases; nil for nothing.
func (p *Petition) leaseWrite(event string) Write {
	switch event {
	case EventGrant:
		if leases := p.Leases(); len(leases) > 0 {
			return PutLeases{leases}
		}
	case EventRevoke, EventUnratified:
		if !p.changesPolicy() && !p.Grant.EndTime.IsZero() {
			persons := make([]string, 0, len(p.Petitioners))
			for _, r := range p.Petitioners {
				persons = append(persons, LeasePerson(r))
			}
			return EndLeases{p.Name, asWritten(persons), p.Grant.EndTime}
		}
	}
	return nil
}
