package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval/approvaltest"
	"github.com/indent-approvals/indent/internal/policy"
	"github.com/indent-approvals/indent/internal/webhook"
)

// pager is another system that says who is on call.
type pager struct {
	*httptest.Server
	asked  atomic.Int64
	answer func(http.ResponseWriter, *http.Request)
}

func newPager(t *testing.T, answer func(http.ResponseWriter, *http.Request)) *pager {
	t.Helper()
	p := &pager{answer: answer}
	p.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		p.answer(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func says(body string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }
}

func (p *pager) source() policy.Source {
	return policy.Source{URL: p.URL + "/team?key=a%20b", Refresh: time.Minute}
}

func TestWhoIsOnCallIsAskedOnceForItsTime(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var queries []string
	p := newPager(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		queries = append(queries, r.URL.Query().Get("key")+" "+r.URL.Query().Get("at"))
		fmt.Fprintf(w, `{"onCall": ["ADA@example.com", "n%d@example.com"], "more": true}`, len(queries))
	})
	clock := approvaltest.NewClock()
	s := newOnCallSources(p.Client(), clock, slog.New(slog.DiscardHandler))
	start := clock.Now().Truncate(time.Minute)
	var group sync.WaitGroup
	clock.Advance(time.Minute)
	for range 32 {
		group.Go(func() {
			got, err := s.OnCall(t.Context(), "s", p.source(), start.Add(time.Second))
			if err != nil || !slices.Equal(got, []string{"ada@example.com", "n1@example.com"}) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
	group.Wait()
	clock.Advance(2 * time.Minute)
	if got, err := s.OnCall(t.Context(), "s", p.source(), start.Add(time.Minute)); err != nil || got[1] != "n2@example.com" {
		t.Errorf("a minute later: %v, %v", got, err)
	}
	// What was so at the time of an earlier claim is still known.
	if got, err := s.OnCall(t.Context(), "s", p.source(), start.Add(59*time.Second)); err != nil || got[1] != "n1@example.com" {
		t.Errorf("about a minute before: %v, %v", got, err)
	}
	want := []string{"a b " + start.Format(time.RFC3339), "a b " + start.Add(time.Minute).Format(time.RFC3339)}
	if !slices.Equal(queries, want) {
		t.Errorf("asked %q, want %q", queries, want)
	}
}

// Nobody can tell who is on call: that is an error, never an empty list, and soon it is asked again.
func TestAnAnswerThatIsNoneIsAnError(t *testing.T) {
	t.Parallel()
	many := `{"onCall": [` + strings.TrimSuffix(strings.Repeat(`"a@example.com",`, 101), ",") + `]}`
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request){
		"not found":    func(w http.ResponseWriter, _ *http.Request) { http.Error(w, `{"onCall": []}`, http.StatusNotFound) },
		"a redirect":   func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/other", http.StatusFound) },
		"not JSON":     says("ada@example.com"),
		"something":    says(`{"persons": []}`),
		"nothing":      says(`{"onCall": null}`),
		"no addresses": says(`{"onCall": ["ada"]}`),
		"too many":     says(many),
		"too long":     says(`{"onCall": [], "x": "` + strings.Repeat("x", maxOnCallBody) + `"}`),
		"half of it": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, `{"onCall": []}`)
		},
		"two documents": says(`{"onCall": []} {"onCall": []}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPager(t, answer)
			client := p.Client()
			client.CheckRedirect = webhook.NewGuard(nil, false).Client(onCallTimeout).CheckRedirect
			clock := approvaltest.NewClock()
			s := newOnCallSources(client, clock, slog.New(slog.DiscardHandler))
			now := clock.Now()
			for range 3 {
				if got, err := s.OnCall(t.Context(), "s", p.source(), now); err == nil {
					t.Fatalf("got %v", got)
				}
			}
			if n := p.asked.Load(); n != 1 {
				t.Errorf("asked %d times", n)
			}
			p.answer = says(`{"onCall": []}`)
			clock.Advance(onCallAskAgain)
			if got, err := s.OnCall(t.Context(), "s", p.source(), now); err != nil || got == nil || len(got) > 0 || p.asked.Load() != 2 {
				t.Errorf("got %v, %v after %d calls", got, err, p.asked.Load())
			}
		})
	}
}

// Whoever leaves does not take the answer away from the others, and a caller that is cancelled does not wait.
func TestACallerThatLeavesDoesNotSpoilTheAnswer(t *testing.T) {
	t.Parallel()
	begun, release := make(chan struct{}), make(chan struct{})
	p := newPager(t, func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-release
		fmt.Fprint(w, `{"onCall": ["ada@example.com"]}`)
	})
	s := newOnCallSources(p.Client(), approvaltest.NewClock(), slog.New(slog.DiscardHandler))
	now := s.clock.Now()
	first, leave := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { _, _ = s.OnCall(first, "s", p.source(), now) })
	<-begun
	leave()
	if _, err := s.OnCall(first, "s", p.source(), now); err == nil {
		t.Error("a caller that has left waited")
	}
	close(release)
	if got, err := s.OnCall(t.Context(), "s", p.source(), now); err != nil || len(got) != 1 {
		t.Errorf("got %v, %v", got, err)
	}
	group.Wait()
}

// Whoever tries a petition chooses the time: an answer about tomorrow that is given today must not hold tomorrow.
func TestNobodyIsAskedWhoWillBeOnCall(t *testing.T) {
	t.Parallel()
	today := "ada"
	p := newPager(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, `{"onCall": ["%s@example.com"]}`, today) })
	clock := approvaltest.NewClock()
	s := newOnCallSources(p.Client(), clock, slog.New(slog.DiscardHandler))
	tomorrow := clock.Now().Add(24 * time.Hour)
	if got, err := s.OnCall(t.Context(), "s", p.source(), tomorrow); err == nil || p.asked.Load() > 0 {
		t.Errorf("today: got %v, %v after %d calls", got, err, p.asked.Load())
	}
	clock.Advance(24 * time.Hour)
	today = "bob"
	if got, err := s.OnCall(t.Context(), "s", p.source(), tomorrow); err != nil || !slices.Equal(got, []string{"bob@example.com"}) {
		t.Errorf("tomorrow: got %v, %v", got, err)
	}
}

// The address stands in a document that people write: it must not reach inside (I12).
func TestASourceCannotReachInside(t *testing.T) {
	t.Parallel()
	p := newPager(t, says(`{"onCall": ["ada@example.com"]}`))
	s := newOnCallSources(webhook.NewGuard(nil, false).Client(onCallTimeout), approvaltest.NewClock(), slog.New(slog.DiscardHandler))
	for _, address := range []string{p.URL, strings.Replace(p.URL, "127.0.0.1", "localhost", 1), "https://169.254.169.254/latest", "https://[::1]/", "https://10.0.0.1/"} {
		got, err := s.OnCall(t.Context(), "s", policy.Source{URL: address, Refresh: time.Minute}, s.clock.Now())
		if err == nil || !strings.Contains(err.Error(), "prohibited") {
			t.Errorf("%s: got %v, %v", address, got, err)
		}
	}
	if p.asked.Load() > 0 {
		t.Error("it was reached")
	}
}
