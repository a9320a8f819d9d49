package store

import (
	"hash/maphash"
	"sync"

	"github.com/indent-approvals/indent/internal/approval"
)

// Broker tells waiters of this process that something may have changed, and on PostgreSQL those of other nodes too.
// A hint is a full place in a channel: many publications before a waiter looks are one. A parked waiter costs its
// channel and an entry in a map.
type Broker struct {
	shards [64]shard
	seed   maphash.Seed
	// forward tells other nodes; nil: there are none.
	forward func(topics []string)
	done    chan struct{}
	once    sync.Once
}

var _ approval.Broker = (*Broker)(nil)

// shard holds a part of the topics, so that ten thousand waiters do not queue at one lock.
type shard struct {
	mu     sync.Mutex
	topics map[string]subscribers
}

// subscribers of one topic: nearly always there is one, which then costs no map.
type subscribers struct {
	one  *subscriber
	more map[*subscriber]struct{}
}

type subscriber struct {
	hints chan struct{}
	// gathering is told which topic it was; nil when there is only one.
	gathering *gathering
}

// NewBroker answers a broker for this process alone.
func NewBroker() *Broker {
	b := &Broker{seed: maphash.MakeSeed(), done: make(chan struct{})}
	for i := range b.shards {
		b.shards[i].topics = map[string]subscribers{}
	}
	return b
}

func (b *Broker) shard(topic string) *shard {
	return &b.shards[maphash.String(b.seed, topic)%uint64(len(b.shards))]
}

// Subscribe implements [approval.Broker].
func (b *Broker) Subscribe(topic string) (<-chan struct{}, func()) {
	s := &subscriber{hints: make(chan struct{}, 1)}
	in := b.shard(topic)
	in.add(topic, s)
	return s.hints, func() { in.remove(topic, s) }
}

func (in *shard) add(topic string, s *subscriber) {
	in.mu.Lock()
	defer in.mu.Unlock()
	list := in.topics[topic]
	switch {
	case list.one == nil || list.one == s:
		list.one = s
	case list.more == nil:
		list.more = map[*subscriber]struct{}{s: {}}
	default:
		list.more[s] = struct{}{}
	}
	in.topics[topic] = list
}

func (in *shard) remove(topic string, s *subscriber) {
	in.mu.Lock()
	defer in.mu.Unlock()
	list := in.topics[topic]
	delete(list.more, s)
	if list.one == s {
		list.one = nil
		for other := range list.more {
			list.one = other
			delete(list.more, other)
			break
		}
	}
	if list.one == nil {
		delete(in.topics, topic)
		return
	}
	in.topics[topic] = list
}

// Publish implements [approval.Broker].
func (b *Broker) Publish(topics ...string) {
	b.wake(topics)
	if b.forward != nil {
		b.forward(topics)
	}
}

// wake wakes the subscribers of this process.
func (b *Broker) wake(topics []string) {
	for _, topic := range topics {
		in := b.shard(topic)
		in.mu.Lock()
		in.topics[topic].wake(topic)
		in.mu.Unlock()
	}
}

// wakeAll wakes everybody: hints may have got lost.
func (b *Broker) wakeAll() {
	for i := range b.shards {
		in := &b.shards[i]
		in.mu.Lock()
		for _, s := range in.topics {
			s.wake("")
		}
		in.mu.Unlock()
	}
}

// wake tells all that the topic was published; "" means that any may have been.
func (list subscribers) wake(topic string) {
	if list.one != nil {
		list.one.wake(topic)
	}
	for s := range list.more {
		s.wake(topic)
	}
}

func (s *subscriber) wake(topic string) {
	if s.gathering != nil {
		s.gathering.note(topic)
	}
	select {
	case s.hints <- struct{}{}:
	default: // it has one to look at already
	}
}

// Done implements [approval.Broker].
func (b *Broker) Done() <-chan struct{} { return b.done }

// Close tells all waiters that the server stops.
func (b *Broker) Close() { b.once.Do(func() { close(b.done) }) }
