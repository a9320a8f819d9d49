package limits

import "sync"

// crowd counts what each key holds open. It knows only keys that hold something, so it is as small as what is held.
type crowd struct {
	most   int
	shards [shards]struct {
		mu   sync.Mutex
		open map[uint64]int
	}
}

// newCrowd answers nil, which is no limit, for 0.
func newCrowd(most int) *crowd {
	if most <= 0 {
		return nil
	}
	c := &crowd{most: most}
	for i := range c.shards {
		c.shards[i].open = map[uint64]int{}
	}
	return c
}

// enter answers whether there was room for n more.
func (c *crowd) enter(key uint64, n int) bool {
	s := &c.shards[key%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[key]+n > c.most {
		return false
	}
	s.open[key] += n
	return true
}

func (c *crowd) leave(key uint64, n int) {
	s := &c.shards[key%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[key] -= n; s.open[key] <= 0 {
		delete(s.open, key)
	}
}
