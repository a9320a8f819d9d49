package approval

import (
	"context"
	"sync"
	"time"
)

// roster is who is in a space, as it was a moment ago, and those of them whom somebody has looked at.
type roster struct {
	ids      []string
	byRole   map[Role][]string // of persons
	accounts []string
	from     time.Time
	until    time.Time

	mu     sync.Mutex
	actors map[string]*actorNow
}

// actor answers a member as it counted when the roster was made, or a moment later.
func (r *roster) actor(ctx context.Context, l *looking, id string) (actorNow, error) {
	r.mu.Lock()
	known := r.actors[id]
	r.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	who, err := l.actor(ctx, id)
	if err == nil {
		r.mu.Lock()
		r.actors[id] = &who
		r.mu.Unlock()
	}
	return who, err
}

// rosterOf answers the space's roster. It is read once a second, once a minute where the space has many members, and anew
// after a change of this node.
func (s *Service) rosterOf(ctx context.Context, space string, now time.Time) (*roster, error) {
	if r := s.rosters.get(space, now); r != nil {
		return r, nil
	}
	members, err := s.Store.Members(ctx, space, "")
	if err != nil {
		return nil, err
	}
	r := &roster{byRole: map[Role][]string{}, actors: map[string]*actorNow{}, from: now, until: now.Add(time.Second)}
	if len(members) > maxRoster {
		r.until = now.Add(time.Minute)
	}
	for _, m := range members {
		if m.Suspended {
			continue
		}
		r.ids = append(r.ids, m.ID)
		if m.Kind == KindServiceAccount {
			r.accounts = append(r.accounts, m.ID)
		} else {
			r.byRole[m.Role] = append(r.byRole[m.Role], m.ID)
		}
	}
	s.rosters.put(space, r)
	return r, nil
}

type rosterCache struct {
	mu      sync.Mutex
	entries map[string]*roster
}

func (c *rosterCache) get(space string, now time.Time) *roster {
	c.mu.Lock()
	defer c.mu.Unlock()
	// A clock that was set back must not make an entry live longer.
	if r := c.entries[space]; r != nil && now.Before(r.until) && !now.Before(r.from) {
		return r
	}
	return nil
}

func (c *rosterCache) put(space string, r *roster) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries == nil || len(c.entries) > 1_000 {
		c.entries = map[string]*roster{}
	}
	c.entries[space] = r
}

func (c *rosterCache) forget(space string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, space)
}
