package faults

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/app/apptest"
	indent "github.com/indent-approvals/indent/sdk/go"
	"github.com/indent-approvals/indent/tests/faults/faulttest"
)

const (
	// pollersEach and sharersEach are how many wait for each petition: on connections of their own, and on streams.
	pollersEach, sharersEach = 5, 5
	// pollersTogether wait through one client; with more of them it would put them on a stream.
	pollersTogether = 4
)

// A server that is restarted, and one that is killed, with ten thousand waiters attached: all come back and hear of the
// decision. Half of them have a connection each, half belong to one process that shares its streams.
func TestRestartWithWaitersAttached(t *testing.T) {
	t.Parallel()
	q := &queue{counter: newCounter(t), streams: &streams{open: map[*openStream]bool{}}}
	q.ask(faulttest.Count(1_000))
	q.park()
	memory := q.node.Memory(t)
	if err := q.node.Stop(); err != nil {
		t.Errorf("the server did not stop cleanly: %v", err)
	}
	q.node.Start(t)
	q.attached()
	q.node.Kill()
	q.node.Start(t)
	q.attached()
	q.approveAll()
	waiters := q.leave()
	t.Logf("%d waiters came back twice; with all of them the server had %d MiB", waiters, memory>>20)
}

// queue is many who wait for petitions of one server.
type queue struct {
	*counter
	names   []string
	waiters sync.WaitGroup
	streams *streams

	mu    sync.Mutex
	heard int
}

// ask makes the petitions.
func (q *queue) ask(many int) {
	q.Helper()
	asker := q.sdk(q.asker, q.http.Transport)
	for n := range many {
		p, err := asker.CreatePetition(q.Context(), indent.NewPetition{Reason: fmt.Sprint("number ", n), Resources: []indent.Resource{{Kind: "action", ID: "x"}}})
		if err != nil {
			q.Fatal(err)
		}
		q.names = append(q.names, p.Name)
	}
}

// park lets all begin to wait, and returns when the server counts them. The first few of a process that shares begin on
// connections of their own: they come when the others are there already, and are not taken for them.
func (q *queue) park() {
	q.Helper()
	for range pollersEach {
		for together := range slices.Chunk(q.names, pollersTogether) {
			client := q.sdk(q.asker, q.http.Transport)
			for _, name := range together {
				q.wait(client, name)
			}
		}
	}
	q.pollersAttached()
	q.streams.RoundTripper = q.http.Transport
	sharing := q.sdk(q.asker, q.streams)
	for range sharersEach {
		for _, name := range q.names {
			q.wait(sharing, name)
		}
	}
	q.attached()
}

// wait waits as a program does that has asked, through restarts of the server.
func (q *queue) wait(client *indent.Client, name string) {
	q.waiters.Go(func() {
		got, err := client.Wait(q.Context(), name, 10*time.Minute)
		if err != nil || got.Phase() != indent.PhaseGranted {
			q.Errorf("a waiter was lost: %v %v", got, err)
			return
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		q.heard++
	})
}

func (q *queue) pollersAttached() {
	q.Helper()
	want := len(q.names) * pollersEach
	faulttest.Until(q, 2*time.Minute, "all who have a connection of their own are attached", func() bool { return q.figure("indent_api_waiters") >= want })
}

// attached returns when all are: the server counts those with a connection each, and as many streams as there are of the
// process that shares them, which have the names of all petitions.
func (q *queue) attached() {
	q.Helper()
	q.pollersAttached()
	faulttest.Until(q, 2*time.Minute, "all who share streams are attached", func() bool {
		streams, names := q.streams.stand()
		return names == len(q.names) && q.figure("indent_api_petition_streams") == streams
	})
}

func (q *queue) approveAll() {
	q.Helper()
	reviewer := q.sdk(q.reviewer, q.http.Transport)
	for _, name := range q.names {
		p, err := reviewer.Petition(q.Context(), name)
		if err == nil {
			_, err = reviewer.Approve(q.Context(), p, indent.ClaimOptions{})
		}
		if err != nil {
			q.Fatal(err)
		}
	}
}

// leave answers how many have heard, when all have.
func (q *queue) leave() int {
	q.Helper()
	q.waiters.Wait()
	if want := len(q.names) * (pollersEach + sharersEach); q.heard != want {
		q.Errorf("%d have heard, want %d", q.heard, want)
	}
	return q.heard
}

func (q *queue) sdk(token string, through http.RoundTripper) *indent.Client {
	q.Helper()
	made, err := indent.New(indent.Options{URL: q.node.URL(), Space: apptest.Space, Token: token, HTTPClient: &http.Client{Transport: through}})
	if err != nil {
		q.Fatal(err)
	}
	return made
}

// streams is a transport that knows which streams stand, and for what they wait.
type streams struct {
	http.RoundTripper
	mu   sync.Mutex
	open map[*openStream]bool
}

// openStream is the body of a stream that the server has accepted.
type openStream struct {
	io.ReadCloser
	names  []string
	closed func(*openStream)
}

// stand answers how many streams there are, and how many petitions they wait for.
func (s *streams) stand() (streams, names int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	different := map[string]bool{}
	for one := range s.open {
		for _, name := range one.names {
			different[name] = true
		}
	}
	return len(s.open), len(different)
}

// RoundTrip implements http.RoundTripper.
func (s *streams) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "/petitions:wait") {
		return s.RoundTripper.RoundTrip(r)
	}
	asked, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var body struct{ Names []string }
	if err := json.Unmarshal(asked, &body); err != nil {
		return nil, err
	}
	again := r.Clone(r.Context())
	again.Body = io.NopCloser(bytes.NewReader(asked))
	response, err := s.RoundTripper.RoundTrip(again)
	if err != nil || response.StatusCode != http.StatusOK {
		return response, err
	}
	one := &openStream{response.Body, body.Names, s.ends}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[one] = true
	response.Body = one
	return response, nil
}

func (s *streams) ends(one *openStream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, one)
}

// Close implements io.Closer.
func (o *openStream) Close() error {
	o.closed(o)
	return o.ReadCloser.Close()
}
