package store

import "sync"

// batcher runs together what many callers want at once: while a run is under way, what comes waits, and is one run
// afterwards. A caller alone waits for nobody.
type batcher[T any] struct {
	run func([]T)
	// atOnce is how many runs there are at most. There is a second one only when enough waits: few long runs cost less
	// than many short ones.
	atOnce, enough int
	size           int // how many items a run has at most
	queue          int // how many items wait at most

	mu      sync.Mutex
	waiting []T
	running int
}

// add has the item run soon. It refuses one that would make the queue too long.
func (b *batcher[T]) add(item T) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) >= b.queue {
		return unavailable(errQueueFull, "too many requests wait for the database: try again in a moment")
	}
	b.waiting = append(b.waiting, item)
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
