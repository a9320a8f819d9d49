package approvaltest

import (
	"slices"
	"sync"

	"github.com/indent-approvals/indent/internal/approval"
)

// Broker is an approval.Broker of one process.
type Broker struct {
	mu      sync.Mutex
	changed *sync.Cond
	topics  map[string][]*subscriber
	done    chan struct{}
	deaf    bool
}

// NewBroker answers a broker that nobody listens to yet.
func NewBroker() *Broker {
	b := &Broker{topics: map[string][]*subscriber{}, done: make(chan struct{})}
	b.changed = sync.NewCond(&b.mu)
	return b
}

// Subscribe implements approval.Broker.
func (b *Broker) Subscribe(topic string) (<-chan struct{}, func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	it := &subscriber{broker: b, hints: make(chan struct{}, 1)}
	b.add(topic, it)
	return it.hints, func() { it.Remove(topic) }
}

// subscriber listens to one topic, or to many.
type subscriber struct {
	broker    *Broker
	hints     chan struct{}
	published []string
}

var _ approval.Broker = (*Broker)(nil)

// Gather implements approval.Broker.
func (b *Broker) Gather() approval.Gathering {
	return &subscriber{broker: b, hints: make(chan struct{}, 1)}
}

// add is called with the lock held.
func (b *Broker) add(topic string, s *subscriber) {
	b.topics[topic] = append(b.topics[topic], s)
	b.changed.Broadcast()
}

// Add implements approval.Gathering.
func (s *subscriber) Add(topic string) {
	s.broker.mu.Lock()
	defer s.broker.mu.Unlock()
	s.broker.add(topic, s)
}

// Remove implements approval.Gathering.
func (s *subscriber) Remove(topic string) {
	b := s.broker
	b.mu.Lock()
	defer b.mu.Unlock()
	b.topics[topic] = slices.DeleteFunc(b.topics[topic], func(other *subscriber) bool { return other == s })
	if len(b.topics[topic]) == 0 {
		delete(b.topics, topic)
	}
	b.changed.Broadcast()
}

// Hints implements approval.Gathering.
func (s *subscriber) Hints() <-chan struct{} { return s.hints }

// Take implements approval.Gathering.
func (s *subscriber) Take() ([]string, bool) {
	s.broker.mu.Lock()
	defer s.broker.mu.Unlock()
	topics := s.published
	s.published = nil
	return topics, false
}

// Publish implements approval.Broker.
func (b *Broker) Publish(topics ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.deaf {
		return
	}
	for _, topic := range topics {
		for _, s := range b.topics[topic] {
			if !slices.Contains(s.published, topic) {
				s.published = append(s.published, topic)
			}
			select {
			case s.hints <- struct{}{}:
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
