package limits

import (
	"sync"
	"time"
)

// buckets are token buckets, one for each key: burst at once, and one more after each period. A bucket is kept as the time
// at which it will be full again (the generic cell rate algorithm), so a key that is not in the table is a full bucket,
// and a place that is taken from who was not seen for longest forgets at most one burst.
type buckets struct {
	period, room time.Duration // room is what a full bucket holds: burst periods
	table
}

// perSecond answers nil, which is no limit, for a rate of 0.
func perSecond(rate, burst int) *buckets {
	if rate <= 0 {
		return nil
	}
	return newBuckets(time.Second/time.Duration(rate), rate*burst)
}

func newBuckets(period time.Duration, burst int) *buckets {
	b := &buckets{period: period, room: time.Duration(burst) * period}
	b.init(many)
	return b
}

// take takes one, or answers how long until there is one.
func (b *buckets) take(key uint64, now time.Time) (wait time.Duration) {
	s := b.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.place(key)
	full := b.full(p, now) + b.period
	if wait = full - b.room; wait > 0 {
		return wait
	}
	p.full = now.UnixNano() + int64(full)
	return 0
}

// look is take that takes nothing, and makes no place for a key that has none.
func (b *buckets) look(key uint64, now time.Time) (wait time.Duration) {
	s := b.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	at, known := s.index[key]
	if !known {
		return 0
	}
	return max(0, b.full(&s.places[at], now)+b.period-b.room)
}

// back gives one back.
func (b *buckets) back(key uint64, now time.Time) {
	s := b.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, known := s.index[key]; known {
		p := &s.places[at]
		p.full = now.UnixNano() + int64(max(0, b.full(p, now)-b.period))
	}
}

// full answers how long until the bucket is full. A clock that was set back must not make that longer than an empty one's.
func (b *buckets) full(p *place, now time.Time) time.Duration {
	left := min(max(0, time.Duration(p.full-now.UnixNano())), b.room)
	p.full = now.UnixNano() + int64(left)
	return left
}

// shards spread the keys, so that two calls seldom meet at one lock.
const shards = 64

// table has so many places for keys and never more.
type table struct{ shards [shards]shard }

type shard struct {
	mu     sync.Mutex
	most   int
	index  map[uint64]int32
	places []place
	// The places are a ring by when they were last seen; first is the last seen.
	first int32
}

type place struct {
	key         uint64
	full        int64 // when, in nanoseconds since 1970
	newer, aged int32
}

func (t *table) init(most int) {
	for i := range t.shards {
		t.shards[i].most = max(1, most/shards)
		t.shards[i].index = map[uint64]int32{}
	}
}

func (t *table) shard(key uint64) *shard { return &t.shards[key%shards] }

// size answers how many keys have a place.
func (t *table) size() (n int) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		n += len(s.index)
		s.mu.Unlock()
	}
	return n
}

// place answers the key's place, which is the last seen from now on.
func (s *shard) place(key uint64) *place {
	at, known := s.index[key]
	switch {
	case known:
		s.touch(at)
	case len(s.places) < s.most:
		at = s.add(key)
	default: // the ring turns: who was not seen for longest is first, and its place is the key's
		at = s.places[s.first].newer
		if old := s.places[at].key; s.index[old] == at {
			delete(s.index, old)
		}
		s.places[at].key, s.places[at].full = key, 0
		s.index[key], s.first = at, at
	}
	return &s.places[at]
}

func (s *shard) add(key uint64) int32 {
	at := int32(len(s.places))
	s.places = append(s.places, place{key: key, newer: at, aged: at})
	s.index[key] = at
	if at > 0 {
		s.before(at, s.first)
	}
	s.first = at
	return at
}

// touch moves a place to the front.
func (s *shard) touch(at int32) {
	if at == s.first {
		return
	}
	p := &s.places[at]
	s.places[p.newer].aged, s.places[p.aged].newer = p.aged, p.newer
	s.before(at, s.first)
	s.first = at
}

// before links a place into the ring before another, which is older.
func (s *shard) before(at, older int32) {
	newer := s.places[older].newer
	s.places[at].newer, s.places[at].aged = newer, older
	s.places[newer].aged, s.places[older].newer = at, at
}

// has answers whether the key has a place, and then it is the last seen.
func (t *table) has(key uint64) bool {
	s := t.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	at, known := s.index[key]
	if known {
		s.touch(at)
	}
	return known
}

// remember makes a place for the key.
func (t *table) remember(key uint64) {
	s := t.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.place(key)
}

// forget makes the key unknown; its place stays, for nobody.
func (t *table) forget(key uint64) {
	s := t.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.index, key)
}
