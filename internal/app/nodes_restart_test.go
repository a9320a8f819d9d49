package app_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/app/apptest"
	indent "github.com/indent-approvals/indent/sdk/go"
)

// balancer stands before nodes as a load balancer does: it goes to one after the other, and to the next where nobody
// answers the door.
type balancer struct {
	http.RoundTripper
	mu    sync.Mutex
	addrs []string
	turn  atomic.Int64
}

func (b *balancer) nodes() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.addrs)
}

func (b *balancer) set(i int, addr string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.addrs[i] = addr
}

// RoundTrip implements http.RoundTripper.
func (b *balancer) RoundTrip(r *http.Request) (response *http.Response, err error) {
	nodes := b.nodes()
	for range nodes {
		again := r.Clone(r.Context())
		again.URL.Host = nodes[int(b.turn.Add(1))%len(nodes)]
		if r.GetBody != nil {
			if again.Body, err = r.GetBody(); err != nil {
				return nil, err
			}
		}
		var closed *net.OpError
		if response, err = b.RoundTripper.RoundTrip(again); !errors.As(err, &closed) || closed.Op != "dial" {
			return response, err
		}
	}
	return response, err
}

// rolling is a cluster behind a balancer, with clients who wait.
type rolling struct {
	*cluster
	nodes    []*peer
	balancer *balancer
	open     []string // petitions that are not decided
	waiters  sync.WaitGroup
	heard    atomic.Int64
}

const (
	onCalls   = 2 // who waits for each petition on a call of its own
	onStreams = 2 // and on streams that a process shares
	together  = 4 // waits of one process that are calls
)

// Nodes are restarted one after another while clients wait and others decide: all hear of their decision.
func TestARollingRestartLosesNobodyWhoWaits(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	if c == nil {
		return
	}
	r := &rolling{cluster: c, balancer: &balancer{RoundTripper: c.http.Transport, addrs: make([]string, 3)}}
	for i := range r.balancer.addrs {
		r.nodes = append(r.nodes, c.joinAsItIs())
		r.balancer.set(i, r.nodes[i].Addr())
	}
	r.park(16)
	reviewer := r.client(apptest.Editor)
	for i := range r.nodes {
		if err := r.nodes[i].Stop(t.Context()); err != nil {
			t.Errorf("node %d did not stop cleanly: %v", i, err)
		}
		r.approve(reviewer, 2)
		r.nodes[i] = c.joinAsItIs()
		r.balancer.set(i, r.nodes[i].Addr())
		r.attached()
		r.approve(reviewer, 2)
	}
	r.approve(reviewer, len(r.open))
	r.waiters.Wait()
	if want := int64(16 * (onCalls + onStreams)); r.heard.Load() != want {
		t.Errorf("%d have heard, want %d", r.heard.Load(), want)
	}
}

func (r *rolling) client(who string) *indent.Client {
	r.Helper()
	made, err := indent.New(indent.Options{URL: "http://127.0.0.1:9", Space: apptest.Space, Token: r.nodes[0].Token(r, who), HTTPClient: &http.Client{Transport: r.balancer}})
	if err != nil {
		r.Fatal(err)
	}
	return made
}

// park makes petitions and lets clients wait for them.
func (r *rolling) park(petitions int) {
	r.Helper()
	for range petitions {
		r.open = append(r.open, r.nodes[0].ask())
	}
	for range onCalls {
		for names := range slices.Chunk(r.open, together) {
			client := r.client(apptest.Viewer)
			for _, name := range names {
				r.wait(client, name)
			}
		}
	}
	r.attachedOnCalls()
	sharing := r.client(apptest.Viewer)
	for range onStreams {
		for _, name := range r.open {
			r.wait(sharing, name)
		}
	}
	r.attached()
}

func (r *rolling) wait(client *indent.Client, name string) {
	r.waiters.Go(func() {
		p, err := client.Wait(r.Context(), name, 5*time.Minute)
		if err != nil || p.Phase() != indent.PhaseGranted {
			r.Errorf("a waiter was lost: %v %v", p, err)
			return
		}
		r.heard.Add(1)
	})
}

// sum adds up a figure of all nodes.
func (r *rolling) sum(figure string) (n int) {
	r.Helper()
	for _, p := range r.nodes {
		n += p.figure(figure)
	}
	return n
}

func (r *rolling) attachedOnCalls() {
	r.Helper()
	want := len(r.open) * onCalls
	r.until(fmt.Sprint(want, " wait on calls"), func() bool { return r.sum("indent_api_waiters") >= want })
}

// attached returns when all who wait for what is open are there.
func (r *rolling) attached() {
	r.Helper()
	r.attachedOnCalls()
	r.until("others wait on streams", func() bool { return r.sum("indent_api_petition_streams") > 0 })
}

// approve approves so many that are open.
func (r *rolling) approve(reviewer *indent.Client, many int) {
	r.Helper()
	for _, name := range r.open[:many] {
		p, err := reviewer.Petition(r.Context(), name)
		if err == nil {
			_, err = reviewer.Approve(r.Context(), p, indent.ClaimOptions{})
		}
		if err != nil {
			r.Fatal(err)
		}
	}
	r.open = r.open[many:]
}
