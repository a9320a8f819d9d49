package store

import (
	"slices"
	"sync"

	"github.com/indent-approvals/indent/internal/approval"
)

// petitionCache keeps the petitions that were written last, as they were written, so that who waits and who decides
// right after need not read and parse them. It is for an engine with one writer, which calls it in the order of commits:
// changing before a changed petition becomes durable, so that nobody reads the old one from here while others read the
// new one from the file, and written when it is durable. Whatever fails in between leaves the petition out of the cache.
//
// A petition is a value that nobody changes (see [approval.Petition]), so one can be handed to many.
type petitionCache struct {
	mu sync.Mutex
	// Two generations are an approximation of "least recently used" that costs one lookup more: when young is full it
	// becomes old, and what of old was not asked for since is gone.
	young, old map[petitionKey]*approval.Petition
}

type petitionKey struct{ space, name string }

// mostYoung bounds a generation: petitions of a usual size fill some 5 MiB.
const mostYoung = 2048

func newPetitionCache() *petitionCache {
	return &petitionCache{young: map[petitionKey]*approval.Petition{}, old: map[petitionKey]*approval.Petition{}}
}

// get answers the petition, or nil when the file must be asked. On an engine without a cache c is nil.
func (c *petitionCache) get(space, name string) *approval.Petition {
	if c == nil {
		return nil
	}
	key := petitionKey{space, name}
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.young[key]; p != nil {
		return p
	}
	p := c.old[key]
	if p != nil {
		delete(c.old, key)
		c.add(key, p)
	}
	return p
}

// changing forgets the petitions that these statements are about to change.
func (c *petitionCache) changing(statements []statement) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range statements {
		if p := statements[i].petition; p != nil {
			key := petitionKey{p.Space, p.Name}
			delete(c.young, key)
			delete(c.old, key)
		}
	}
}

// written keeps the petitions that these statements have written.
func (c *petitionCache) written(statements []statement) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range statements {
		if p := statements[i].petition; p != nil {
			p.Claims = slices.Clip(p.Claims) // who appends to them copies them
			c.add(petitionKey{p.Space, p.Name}, p)
		}
	}
}

func (c *petitionCache) add(key petitionKey, p *approval.Petition) {
	if len(c.young) >= mostYoung {
		c.young, c.old = c.old, c.young
		clear(c.young)
	}
	c.young[key] = p
}
