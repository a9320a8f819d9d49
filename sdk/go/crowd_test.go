package indent_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/indent-approvals/indent/internal/app/apptest"
	"github.com/indent-approvals/indent/internal/approval"
	indent "github.com/indent-approvals/indent/sdk/go"
)

// counted is a transport that counts its connections, and the calls that wait for many.
type counted struct {
	http.RoundTripper
	mu               sync.Mutex
	open, most       int
	streams          int
	withoutStreams   bool // as a server that knows none
	streamHasStarted chan struct{}
}

type countedConn struct {
	net.Conn
	closed func()
}

func (c countedConn) Close() error { c.closed(); return c.Conn.Close() }

func newCounted() *counted {
	t := &counted{streamHasStarted: make(chan struct{}, 10_000)}
	t.RoundTripper = &http.Transport{MaxIdleConnsPerHost: 100, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		t.count(1)
		return countedConn{conn, sync.OnceFunc(func() { t.count(-1) })}, nil
	}}
	return t
}

func (t *counted) count(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open += n
	t.most = max(t.most, t.open)
}

func (t *counted) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "/petitions:wait") {
		return t.RoundTripper.RoundTrip(r)
	}
	if t.withoutStreams {
		return &http.Response{StatusCode: 404, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"code":"not_found"}`)), Request: r}, nil
	}
	response, err := t.RoundTripper.RoundTrip(r)
	if err == nil && response.StatusCode == http.StatusOK {
		t.mu.Lock()
		t.streams++
		t.mu.Unlock()
		t.streamHasStarted <- struct{}{}
	}
	return response, err
}

// crowd is many waits of one process.
type crowd struct {
	*node
	*counted
	petitions []*indent.Petition
	ended     []chan error
	cancel    []context.CancelFunc
	troubled  chan struct{}
}

// waitAll asks for many petitions at once and waits for each; it answers when all are made.
func (n *node) waitAll(through *counted, many int) *crowd {
	n.t.Helper()
	in := &crowd{node: n, counted: through, petitions: make([]*indent.Petition, many), troubled: make(chan struct{}, many)}
	c, err := indent.New(indent.Options{URL: n.URL(), Space: apptest.Space, Token: n.ServiceToken(n.t, "bot", approval.PetitionAdmin), HTTPClient: &http.Client{Transport: through}})
	if err != nil {
		n.t.Fatal(err)
	}
	var made sync.WaitGroup
	made.Add(many)
	for i := range many {
		ctx, cancel := context.WithCancel(n.t.Context())
		ended := make(chan error, 1)
		in.ended, in.cancel = append(in.ended, ended), append(in.cancel, cancel)
		go func() {
			_, err := c.Await(ctx, indent.Request{Reason: fmt.Sprint("number ", i), Resources: []indent.Resource{{Kind: "action", ID: "x"}}, Timeout: indent.Forever,
				OnProgress: func(p indent.Progress) {
					switch p.Kind {
					case indent.ProgressRequested:
						in.petitions[i] = p.Petition
						made.Done()
					case indent.ProgressTrouble:
						in.troubled <- struct{}{}
					}
				}})
			ended <- err
		}()
	}
	made.Wait()
	return in
}

// approve approves those petitions, many at once.
func (in *crowd) approve(petitions ...*indent.Petition) {
	in.t.Helper()
	reviewer := in.client(in.Token(in.t, apptest.Editor))
	var deciding sync.WaitGroup
	turns := make(chan struct{}, 16)
	for _, p := range petitions {
		turns <- struct{}{}
		deciding.Go(func() {
			defer func() { <-turns }()
			if _, err := reviewer.Approve(in.t.Context(), p, indent.ClaimOptions{}); err != nil {
				in.t.Error(err)
			}
		})
	}
	deciding.Wait()
}

func (in *crowd) allGranted(ended ...chan error) {
	in.t.Helper()
	for i, e := range ended {
		if err := <-e; err != nil {
			in.t.Errorf("%d: %v", i, err)
		}
	}
}

func TestAThousandWaitsShareAFewConnections(t *testing.T) {
	t.Parallel()
	in := startNode(t).waitAll(newCounted(), 1000)
	<-in.streamHasStarted
	in.approve(in.petitions...)
	in.allGranted(in.ended...)
	in.mu.Lock()
	defer in.mu.Unlock()
	// At most 32 ask, 4 wait for themselves, and the others have some streams. A transport that waits for a connection to come
	// free opens one as well, so there may be some more.
	if in.most > 150 || in.streams == 0 {
		t.Errorf("%d connections at once, %d streams", in.most, in.streams)
	}
}

func TestFewWaitsHaveConnectionsOfTheirOwn(t *testing.T) {
	t.Parallel()
	in := startNode(t).waitAll(newCounted(), 4)
	in.approve(in.petitions...)
	in.allGranted(in.ended...)
	if in.streams != 0 {
		t.Errorf("%d streams", in.streams)
	}
}

func TestManyWaitsSurviveARestart(t *testing.T) {
	t.Parallel()
	in := startNode(t).waitAll(newCounted(), 200)
	<-in.streamHasStarted
	in.stop()
	in.start()
	in.approve(in.petitions...)
	in.allGranted(in.ended...)
}

func TestOneThatLeavesAndOneThatIsNotThereHarmNoOther(t *testing.T) {
	t.Parallel()
	through := newCounted()
	in := startNode(t).waitAll(through, 20)
	c, err := indent.New(indent.Options{URL: in.URL(), Space: apptest.Space, Token: in.ServiceToken(t, "other", approval.PetitionAdmin), HTTPClient: &http.Client{Transport: through}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Resume(t.Context(), randomUUID(), indent.Forever, nil); !errors.Is(err, indent.ErrNotFound) || !errors.Is(err, indent.ErrNotApproved) {
		t.Errorf("what is not there: %v", err)
	}
	<-in.streamHasStarted
	in.cancel[0]()
	in.cancel[1]()
	for _, e := range in.ended[:2] {
		if err := <-e; !errors.Is(err, context.Canceled) || !errors.Is(err, indent.ErrNotApproved) {
			t.Errorf("who left: %v", err)
		}
	}
	in.approve(in.petitions...)
	in.allGranted(in.ended[2:]...)
}

func TestManyWaitsOnAServerWithoutStreams(t *testing.T) {
	t.Parallel()
	through := newCounted()
	through.withoutStreams = true
	in := startNode(t).waitAll(through, 50)
	in.approve(in.petitions...)
	in.allGranted(in.ended...)
}

// A denial on a stream is a denial, and its words come along.
func TestADenialOnAStream(t *testing.T) {
	t.Parallel()
	in := startNode(t).waitAll(newCounted(), 10)
	<-in.streamHasStarted
	reviewer := in.client(in.Token(t, apptest.Editor))
	for _, p := range in.petitions {
		if _, err := reviewer.Deny(t.Context(), p, indent.ClaimOptions{Reason: "not today"}); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range in.ended {
		var denied *indent.DeniedError
		if err := <-e; !errors.As(err, &denied) || denied.Reviewer != apptest.Editor || denied.Reason != "not today" {
			t.Errorf("%v", err)
		}
	}
}

// Who awaits without a client of its own shares a stream, too.
func TestAwaitingWithTheSettingsOfTheEnvironmentShares(t *testing.T) {
	t.Parallel()
	const many = 12
	names, ended := make(chan *indent.Petition, many), make(chan error, many)
	for i := range many {
		go func() {
			_, err := indent.Await(t.Context(), indent.Request{Reason: fmt.Sprint("together ", i), Resources: []indent.Resource{{ID: "x"}}, Timeout: indent.Forever,
				OnProgress: func(p indent.Progress) {
					if p.Kind == indent.ProgressRequested {
						names <- p.Petition
					}
				}})
			ended <- err
		}()
	}
	c := reviewer()
	for range many {
		if _, err := c.Approve(t.Context(), <-names, indent.ClaimOptions{}); err != nil {
			t.Error(err)
		}
	}
	for range many {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
