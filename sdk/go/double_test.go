package indent

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	testSpace = "acmecorp"
	testToken = "ind_0123456789abcdefghijklmnopqrstuvwxyzAB"
	testName  = "0199c1e2-0000-7000-8000-000000000001"
)

// double is a server that answers one step after the other, the last one for ever.
type double struct {
	*httptest.Server
	mu    sync.Mutex
	steps []step
	seen  []seen
}

type step func(w http.ResponseWriter, r *http.Request)

// seen is what a call sent.
type seen struct {
	method, path, query, key, token, body string
	header                                http.Header
}

func startDouble(t *testing.T, steps ...step) *double {
	t.Helper()
	d := &double{steps: steps}
	d.Server = httptest.NewServer(d)
	t.Cleanup(d.Close)
	return d
}

func (d *double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	d.mu.Lock()
	d.seen = append(d.seen, seen{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, r.Header.Get("Idempotency-Key"), r.Header.Get("Authorization"), string(body), r.Header})
	next := d.steps[0]
	if len(d.steps) > 1 {
		d.steps = d.steps[1:]
	}
	d.mu.Unlock()
	next(w, r)
}

func (d *double) calls() []seen {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.seen
}

// client answers a client of the double that pauses in no time and writes down for how long it would have.
func (d *double) client(t *testing.T) (*Client, *[]time.Duration) {
	t.Helper()
	c, err := New(Options{URL: d.URL, Space: testSpace, Token: testToken})
	if err != nil {
		t.Fatal(err)
	}
	pauses := &[]time.Duration{}
	c.sleep = func(ctx context.Context, d time.Duration) error {
		*pauses = append(*pauses, d)
		return ctx.Err()
	}
	c.chance = func() float64 { return 1 }
	return c, pauses
}

func answer(status int, body string, headers ...string) step {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func problem(status int, code, message string, headers ...string) step {
	return answer(status, fmt.Sprintf(`{"type":"about:blank","status":%d,"code":%q,"detail":%q,"message":%q}`, status, code, message, message), headers...)
}

// drop breaks the connection without an answer.
func drop(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// dropHalfway breaks the connection in the middle of an answer.
func dropHalfway(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, `{"name":"`)
	panic(http.ErrAbortHandler)
}

// is is a petition in some state, as the server answers it.
func is(change ...func(*Petition)) step {
	return func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(petitionIn(change...)) }
}

func petitionIn(change ...func(*Petition)) Petition {
	p := Petition{Name: testName, SpaceName: testSpace, Reason: "to recover account", Digest: "sha256:" + strings.Repeat("0", 64),
		Resources: []Resource{{Kind: "action", ID: "reset-password:123"}}, State: State{Status: Status{Phase: PhaseOpen}}}
	for _, c := range change {
		c(&p)
	}
	return p
}

func granted(p *Petition) {
	p.State.Status.Phase = PhaseGranted
	p.State.Grant = &Grant{StartTime: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
}

func closedAs(o Outcome) func(*Petition) {
	return func(p *Petition) { p.State.Status = Status{Phase: PhaseClosed, Outcome: o} }
}

func decidedBy(claim, email, reason string) func(*Petition) {
	return func(p *Petition) {
		p.State.Decision = &Decision{Claim: claim, Actor: Resource{ID: email, Email: email}, Reason: reason}
	}
}

func named(name string) func(*Petition) { return func(p *Petition) { p.Name = name } }

var request = Request{Reason: "to recover account", Resources: []Resource{{Kind: "action", ID: "reset-password:123"}}}

// inMemory is a transport without a network, for tests on virtual time.
type inMemory func(*http.Request) (*http.Response, error)

func (f inMemory) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func virtualClient(t *testing.T, f inMemory) *Client {
	t.Helper()
	c, err := New(Options{URL: "http://127.0.0.1:1", Space: testSpace, Token: testToken, HTTPClient: &http.Client{Transport: f}})
	if err != nil {
		t.Fatal(err)
	}
	c.chance = func() float64 { return 1 }
	return c
}

func responseWith(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

func petitionText(change ...func(*Petition)) string {
	b, _ := json.Marshal(petitionIn(change...))
	return string(b)
}

// afterWaiting answers the petition when the time that the request asks for is over.
func afterWaiting(r *http.Request, text string) (*http.Response, error) {
	wait, _ := time.ParseDuration(r.URL.Query().Get("wait"))
	select {
	case <-time.After(wait):
		return responseWith(200, text), nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}
