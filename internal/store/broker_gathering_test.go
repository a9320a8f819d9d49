package store

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
)

func TestAGatheringSaysWhichTopicItWas(t *testing.T) {
	t.Parallel()
	b := NewBroker()
	g := b.Gather()
	alone, leave := b.Subscribe("b")
	for _, topic := range []string{"a", "b", "c", "c"} {
		g.Add(topic)
	}
	b.Publish("a", "b", "x")
	b.Publish("a")
	if topics, lost := g.Take(); !woken(g.Hints()) || woken(g.Hints()) || lost || !slices.Equal(slices.Sorted(slices.Values(topics)), []string{"a", "b"}) {
		t.Errorf("%q %v: want a and b, each once", topics, lost)
	}
	if !woken(alone) {
		t.Error("who listens to b alone was not woken")
	}
	g.Remove("a")
	g.Remove("a")
	leave()
	b.Publish("a", "c")
	if topics, _ := g.Take(); !slices.Equal(topics, []string{"c"}) {
		t.Errorf("%q: want c, a was removed", topics)
	}
	b.wakeAll()
	if topics, lost := g.Take(); len(topics) != 0 || !lost {
		t.Errorf("%q %v: want that hints may have got lost", topics, lost)
	}
	if topics, lost := g.Take(); len(topics) != 0 || lost {
		t.Errorf("%q %v: taken is taken", topics, lost)
	}
	g.Remove("b")
	g.Remove("c")
	for i := range b.shards {
		if n := len(b.shards[i].topics); n != 0 {
			t.Errorf("%d topics are kept after their last subscriber left", n)
		}
	}
}

// Whoever is the first of a topic's subscribers to leave, the others are still woken.
func TestSubscribersOfOneTopicLeaveInAnyOrder(t *testing.T) {
	t.Parallel()
	b := NewBroker()
	const many = 5
	for first := range many {
		var hints [many]<-chan struct{}
		var leave [many]func()
		for i := range many {
			hints[i], leave[i] = b.Subscribe("x")
		}
		for gone := range many {
			leave[(first+gone)%many]()
			b.Publish("x")
			for stays := range many {
				if is, want := woken(hints[(first+stays)%many]), stays > gone; is != want {
					t.Errorf("first %d, %d gone: %d woken %v, want %v", first, gone+1, stays, is, want)
				}
			}
		}
	}
}

// What a name on a stream costs in the broker; go test -bench Gathering -benchtime 10000x shows it.
func BenchmarkGathering(b *testing.B) {
	broker := NewBroker()
	g := broker.Gather()
	topics := make([]string, b.N)
	for i := range topics {
		topics[i] = fmt.Sprintf("petition/acmecorp/aec1b116-42b3-41ee-824e-%012x", i)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for _, topic := range topics {
		g.Add(topic)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(b.N), "B/topic")
	runtime.KeepAlive(topics)
	runtime.KeepAlive(broker)
}
