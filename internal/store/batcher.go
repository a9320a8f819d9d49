package store

import (
	"sync"
	"time"
)

// batcher runs together what many callers want at once: while a run is under way, what comes waits, and is one run
// afterwards. A caller alone waits for nobody.
type batcher[T any] struct {
	run func([]T)
	// atOnce is how many runs there are at most. There is a second one only when enough waits: few long runs cost less
	// than many short ones.
	atOnce, enough int
	size           int // how many items a run has at most
	queue          int // how many items wait at most
	// others answers whether others run what this does, elsewhere and with the same processors or disk; nil: nobody does.
	others func() bool

	mu      sync.Mutex
	waiting []T
	running int
	// back is closed when wanted items wait; nil when nobody waits for them.
	back   chan struct{}
	wanted int
}

const (
	// Whoever was answered usually comes back at once with the next. Alone, a run that does not wait for them leaves their
	// processor time to them; where others have it meanwhile, half as many runs cost half as much.
	fewToWaitFor = 8
	patienceBack = 4 * time.Millisecond
)

// add has the item run soon. It refuses one that would make the queue too long.
func (b *batcher[T]) add(item T) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) >= b.queue {
		return unavailable(errQueueFull, "too many requests wait for the database: try again in a moment")
	}
	b.waiting = append(b.waiting, item)
	if b.back != nil && len(b.waiting) >= b.wanted {
		close(b.back)
		b.back = nil
	}
	if b.running == 0 || b.running < b.atOnce && len(b.waiting) >= b.enough {
		b.running++
		go b.work()
	}
	return nil
}

// work runs what waits until nothing does.
func (b *batcher[T]) work() {
	for items := b.take(); items != nil; items = b.take() {
		b.run(items)
		if len(items) >= fewToWaitFor && b.others != nil && b.others() {
			b.awaitBack(len(items))
		}
	}
}

// awaitBack waits a moment for as many as were just answered, beside those who wait already.
func (b *batcher[T]) awaitBack(answered int) {
	b.mu.Lock()
	if b.running > 1 || len(b.waiting)+answered > b.size {
		b.mu.Unlock()
		return
	}
	back := make(chan struct{})
	b.back, b.wanted = back, len(b.waiting)+answered
	b.mu.Unlock()
	timer := time.NewTimer(patienceBack)
	defer timer.Stop()
	select {
	case <-back:
	case <-timer.C:
		b.mu.Lock()
		defer b.mu.Unlock()
		b.back = nil
	}
}

func (b *batcher[T]) take() []T {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(len(b.waiting), b.size)
	if n == 0 {
		b.waiting = nil
		b.running--
		return nil
	}
	items := b.waiting[:n:n]
	b.waiting = b.waiting[n:]
	return items
}
