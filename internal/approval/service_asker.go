package approval

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// askersNow answers the persons who own the service accounts that ask, as it is now, beside those who did when the petition
// was made: who comes to own one does not decide what it asks for (I6). Persons who were linked since then are found by the
// names of who reviews.
func (s *Service) askersNow(ctx context.Context, p *Petition, now time.Time) (persons []string, err error) {
	owner := func(r *Resource) error {
		if r.Kind != KindServiceAccount {
			return nil
		}
		person, err := s.ownerOf(ctx, p.Space, r.ID, now)
		if err == nil && person != "" && !slices.Contains(p.Persons, person) && !slices.Contains(persons, person) {
			persons = append(persons, person)
		}
		return err
	}
	if err := owner(&p.CreatedBy); err != nil {
		return nil, err
	}
	for i := range p.Petitioners {
		if p.Petitioners[i].ID == p.CreatedBy.ID {
			continue
		}
		if err := owner(&p.Petitioners[i]); err != nil {
			return nil, err
		}
	}
	return persons, nil
}

// ownerOf answers the person, in lower case, who owns a service account now, "" when there is no such account. It is read
// once a second, and anew after a change of this node: most petitions are asked for by a few accounts.
func (s *Service) ownerOf(ctx context.Context, space, account string, now time.Time) (string, error) {
	if person, ok := s.owners.get(space, account, now); ok {
		return person, nil
	}
	m, err := s.Store.Member(ctx, space, account)
	if err != nil && CodeOf(err) != NotFound {
		return "", err
	}
	person := strings.ToLower(m.Person)
	if err != nil || m.Kind != KindServiceAccount {
		person = ""
	}
	s.owners.put(space, account, person, now)
	return person, nil
}

// ownersCache remembers for a second who owns a service account.
type ownersCache struct {
	mu      sync.Mutex
	entries map[ownedAccount]cachedOwner
}

type ownedAccount struct{ space, account string }

type cachedOwner struct {
	person      string
	from, until time.Time
}

func (c *ownersCache) get(space, account string, now time.Time) (person string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[ownedAccount{space, account}]
	// A clock that was set back must not make an entry live longer than its second.
	return e.person, ok && now.Before(e.until) && !now.Before(e.from)
}

func (c *ownersCache) put(space, account, person string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries == nil || len(c.entries) > 10_000 {
		c.entries = map[ownedAccount]cachedOwner{}
	}
	c.entries[ownedAccount{space, account}] = cachedOwner{person, now, now.Add(time.Second)}
}

func (c *ownersCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.entries)
}
