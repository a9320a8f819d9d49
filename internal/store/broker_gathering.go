package store

import (
	"maps"
	"slices"
	"sync"

	"github.com/indent-approvals/indent/internal/approval"
)

// gathering is a subscriber to many topics. A topic costs an entry in its shard; one that was published costs another
// until it is taken, however often it was.
type gathering struct {
	broker *Broker
	self   subscriber

	mu        sync.Mutex
	published map[string]struct{}
	any       bool
}

// Gather implements [approval.Broker].
func (b *Broker) Gather() approval.Gathering {
	g := &gathering{broker: b}
	g.self = subscriber{hints: make(chan struct{}, 1), gathering: g}
	return g
}

// Add implements [approval.Gathering].
func (g *gathering) Add(topic string) { g.broker.shard(topic).add(topic, &g.self) }

// Remove implements [approval.Gathering].
func (g *gathering) Remove(topic string) { g.broker.shard(topic).remove(topic, &g.self) }

// Hints implements [approval.Gathering].
func (g *gathering) Hints() <-chan struct{} { return g.self.hints }

// Take implements [approval.Gathering].
func (g *gathering) Take() ([]string, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	topics, lost := slices.Collect(maps.Keys(g.published)), g.any
	g.published, g.any = nil, false
	return topics, lost
}

func (g *gathering) note(topic string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if topic == "" {
		g.any = true
		return
	}
	if g.published == nil {
		g.published = map[string]struct{}{}
	}
	g.published[topic] = struct{}{}
}
