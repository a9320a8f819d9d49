package api

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// BenchmarkStep answers what each step of a round trip costs between the server's connection and storage: asking, reading
// what was decided as a waiter does, and deciding.
//
//	go test ./internal/api -run - -bench Step -benchmem
func BenchmarkStep(b *testing.B) {
	const petitions = inSpace + "/petitions"
	for name, step := range map[string]func(*knocker){
		"create": func(k *knocker) { k.call(k.asks, petitions, askBody) },
		"wait":   func(k *knocker) { k.call(k.waits, petitions+"/"+k.granted, "") },
		"claim":  func(k *knocker) { k.call(k.decides, petitions+"/"+k.open+"/claims", approveBody) },
	} {
		b.Run(name, func(b *testing.B) {
			k := newKnocker(b)
			b.ReportAllocs()
			for b.Loop() {
				step(k)
			}
		})
	}
}

const (
	askBody     = `{"petition":{"reason":"to recover account","resources":[{"id":"reset-password:123"}]}}`
	approveBody = `{"claim":{"event":"access/approve"}}`
)

// knocker makes calls without a connection, and as few objects of its own as it can.
type knocker struct {
	*house
	asks, waits, decides *http.Request
	open, granted        string // petitions
	answer               discarded
}

func newKnocker(b *testing.B) *knocker {
	k := &knocker{house: newHouse(b), answer: discarded{header: http.Header{}}}
	k.service.Logger, k.api.Logger = slog.New(slog.DiscardHandler), slog.New(slog.DiscardHandler)
	k.asks, k.waits = k.template(post, k.serviceToken()), k.template(get, k.serviceToken())
	k.waits.URL.RawQuery = "wait=60s"
	k.decides = k.template(post, k.token(theOwner))
	k.open, k.granted = k.ask(theAdmin).Name, k.ask(theAdmin).Name
	k.claim(theOwner, k.granted, "access/approve").ok(nil)
	k.service.Store = steady{k.service.Store, map[string]approval.Petition{k.open: k.read(k.open), k.granted: k.read(k.granted)}}
	return k
}

func (k *knocker) read(name string) approval.Petition {
	p, err := k.store.Petition(k.Context(), "acmecorp", name)
	k.must(err)
	return p
}

// steady is a store with two petitions, which no change changes: storage costs nothing, and every step is as the first.
type steady struct {
	approval.Store
	petitions map[string]approval.Petition
}

func (s steady) Commit(context.Context, approval.Change) error { return nil }
func (s steady) Petition(_ context.Context, _, name string) (approval.Petition, error) {
	return s.petitions[name], nil
}

// template answers a request to be made again and again, to other paths.
func (k *knocker) template(method, token string) *http.Request {
	r := httptest.NewRequestWithContext(k.Context(), method, "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	return r
}

func (k *knocker) call(r *http.Request, path, body string) {
	r.URL.Path, r.Body, r.ContentLength = path, io.NopCloser(strings.NewReader(body)), int64(len(body))
	clear(k.answer.header)
	if k.api.ServeHTTP(&k.answer, r); k.answer.status != http.StatusOK {
		k.Fatalf("%s %s: status %d", r.Method, path, k.answer.status)
	}
}

// discarded is an answer that nobody reads.
type discarded struct {
	header http.Header
	status int
}

func (d *discarded) Header() http.Header              { return d.header }
func (d *discarded) WriteHeader(status int)           { d.status = status }
func (d *discarded) Write(b []byte) (int, error)      { return len(b), nil }
func (d *discarded) FlushError() error                { return nil }
func (d *discarded) SetReadDeadline(time.Time) error  { return nil }
func (d *discarded) SetWriteDeadline(time.Time) error { return nil }
