package approvaltest

import (
	"slices"
	"sync"
)

// Broker is an approval.Broker of one process.
type Broker struct {
	mu      sync.Mutex
	changed *sync.Cond
	topics  map[string][]chan struct{}
	done    chan struct{}
	deaf    bool
}

// NewBroker answers a broker that nobody listens to yet.
func NewBroker() *Broker {
	b := &Broker{topics: map[string][]chan struct{}{}, done: make(chan struct{})}
	b.changed = sync.NewCond(&b.mu)
	return b
}

// Subscribe implements approval.Broker.
func (b *Broker) Subscribe(topic string) (<-chan struct{}, func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	hints := make(chan struct{}, 1)
	b.topics[topic] = append(b.topics[topic], hints)
	b.changed.Broadcast()
	return hints, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.topics[topic] = slices.DeleteFunc(b.topics[topic], func(c chan struct{}) bool { return c == hints })
		if len(b.topics[topic]) == 0 {
			delete(b.topics, topic)
		}
		b.changed.Broadcast()
	}
}

// Publish implements approval.Broker.
func (b *Broker) Publish(topics ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.deaf {
		return
	}
	for _, topic := range topics {
		for _, hints := range b.topics[topic] {
			select {
			case hints <- struct{}{}:
			default:
			}
		}
	}
}

// Done implements approval.Broker.
func (b *Broker) Done() <-chan struct{} { return b.done }

// Close tells all waiters that the server stops.
func (b *Broker) Close() { close(b.done) }

// Lose makes every later hint get lost, as between nodes that cannot hear each other.
func (b *Broker) Lose() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.deaf = true
}

// WaitForSubscribers blocks until exactly n subscriptions stand, on whatever topics.
func (b *Broker) WaitForSubscribers(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.subscribers() != n {
		b.changed.Wait()
	}
}

func (b *Broker) subscribers() (n int) {
	for _, list := range b.topics {
		n += len(list)
	}
	return n
}
