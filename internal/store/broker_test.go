package store

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/indent-approvals/indent/internal/store/storetest"
)

func woken(hints <-chan struct{}) bool {
	select {
	case <-hints:
		return true
	default:
		return false
	}
}

func TestBrokerWakesWhoSubscribed(t *testing.T) {
	t.Parallel()
	b := NewBroker()
	one, leave := b.Subscribe("petition/a/1")
	two, leaveToo := b.Subscribe("petition/a/1")
	other, leaveOther := b.Subscribe("petition/a/2")
	defer leaveToo()
	defer leaveOther()
	b.Publish("petition/a/1", "nobody")
	b.Publish("petition/a/1")
	if !woken(one) || !woken(two) || woken(other) {
		t.Error("want the topic's own subscribers woken and no other")
	}
	if woken(one) {
		t.Error("hints that nobody looked at are one hint")
	}
	leave()
	leave() // twice is as good as once
	b.Publish("petition/a/1")
	if woken(one) || !woken(two) {
		t.Error("who has left is not woken, who stays is")
	}
	leaveToo()
	leaveOther()
	for i := range b.shards {
		if n := len(b.shards[i].topics); n != 0 {
			t.Errorf("%d topics are kept after their last subscriber left", n)
		}
	}
}

func TestBrokerCloseTellsWaiters(t *testing.T) {
	t.Parallel()
	b := NewBroker()
	select {
	case <-b.Done():
		t.Fatal("done before its time")
	default:
	}
	b.Close()
	b.Close()
	<-b.Done()
}

// A waiter on one node is woken by another node, and by a lost connection; its own node's news come back to nobody.
func TestPostgresNodesWakeEachOther(t *testing.T) {
	t.Parallel()
	if !havePostgres(t) {
		return
	}
	url := postgresURL(t)
	here, there := openStore(t, Options{URL: url, Conns: 2}), openStore(t, Options{URL: url, Conns: 2})
	x, leaveX := there.Broker().Subscribe("x")
	y, leaveY := there.Broker().Subscribe("y")
	defer leaveX()
	defer leaveY()
	reached := func() bool {
		here.Broker().Publish("x")
		return woken(x)
	}
	storetest.Eventually(t, reached)
	woken(y) // the first connection wakes all
	storetest.Eventually(t, reached)
	if woken(y) {
		t.Error("woken for another topic's news")
	}

	admin, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close(context.WithoutCancel(t.Context())) }()
	if _, err := admin.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND (query LIKE 'LISTEN%' OR query LIKE '%pg_notify%') AND pid <> pg_backend_pid()`); err != nil {
		t.Fatal(err)
	}
	storetest.Eventually(t, func() bool { return woken(y) }) // something may have been missed
	storetest.Eventually(t, reached)
}

func TestHintsFitIntoNotifications(t *testing.T) {
	t.Parallel()
	var topics []string
	for i := range 1000 {
		topics = append(topics, fmt.Sprintf("petition/acmecorp/%040d", i))
	}
	list := payloads(topics)
	for _, p := range list {
		if len(p) == 0 || len(p) >= 8000 {
			t.Errorf("a payload of %d bytes", len(p))
		}
	}
	if got := strings.Split(strings.Join(list, "\n"), "\n"); fmt.Sprint(got) != fmt.Sprint(topics) {
		t.Error("the payloads do not carry the topics")
	}
	if got := payloads([]string{strings.Repeat("x", 9000)}); len(got) != 1 || got[0] != everything {
		t.Errorf("a topic that fits nowhere wakes %q, want everybody", got)
	}
	if payloads(nil) != nil {
		t.Error("no topics, no payload")
	}
}

func TestHintsThatCannotBeToldWakeAll(t *testing.T) {
	t.Parallel()
	h := &hints{pending: map[string]struct{}{}, more: make(chan struct{}, 1)}
	for i := range mostPending + 10 {
		h.publish([]string{fmt.Sprint(i)})
	}
	topics := h.take()
	if len(topics) > mostPending || len(payloads(topics)) == 0 {
		t.Errorf("%d topics are pending, at most %d may be", len(topics), mostPending)
	}
	found := false
	for _, topic := range topics {
		found = found || topic == everything
	}
	if !found {
		t.Error("topics got lost without waking all")
	}
}

// BenchmarkSubscribe answers what a parked waiter costs.
func BenchmarkSubscribe(b *testing.B) {
	broker := NewBroker()
	topics := make([]string, b.N)
	for i := range topics {
		topics[i] = fmt.Sprintf("petition/acmecorp/aec1b116-42b3-41ee-824e-%012x", i)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for _, topic := range topics {
		broker.Subscribe(topic)
	}
}
