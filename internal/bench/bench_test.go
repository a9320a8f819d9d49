package bench

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// petitions is a server that has petitions in memory; lie spoils what it answers to one who waits.
type petitions struct {
	mu    sync.Mutex
	waits map[string]chan struct{}
	lie   func(name, phase string) (string, string)
	leases
}

func (p *petitions) routes() http.Handler {
	mux := http.NewServeMux()
	const all = "/v1/spaces/acmecorp/petitions"
	mux.HandleFunc("POST "+all, p.create)
	mux.HandleFunc("GET "+all+"/{name}", p.wait)
	mux.HandleFunc("POST "+all+"/{name}/claims", p.decide)
	mux.HandleFunc("GET "+all, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"petitions":[%s],"nextPageToken":"t"}`, strings.Repeat(petition("p", "open")+",", 99)+petition("p", "open"))
	})
	mux.HandleFunc("POST "+all+":wait", p.follow)
	mux.HandleFunc("GET /v1/spaces/acmecorp/events", p.list)
	return mux
}

func petition(name, phase string) string {
	return fmt.Sprintf(`{"name":%q,"spaceName":"acmecorp","reason":"bench","state":{"status":{"phase":%q},"verdict":{"decision":"review"}}}`, name, phase)
}

func (p *petitions) create(w http.ResponseWriter, r *http.Request) {
	if granted, ok := p.grant(everything(r)); ok {
		fmt.Fprint(w, granted)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	name := fmt.Sprintf("p%d", len(p.waits))
	p.waits[name] = make(chan struct{})
	fmt.Fprint(w, petition(name, "open"))
}

func (p *petitions) wait(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	<-p.decided(name)
	phase := "granted"
	if p.lie != nil {
		name, phase = p.lie(name, phase)
	}
	fmt.Fprint(w, petition(name, phase))
}

func (p *petitions) decided(name string) chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waits[name]
}

func (p *petitions) decide(w http.ResponseWriter, r *http.Request) {
	close(p.decided(r.PathValue("name")))
	fmt.Fprint(w, `{"event":"access/approve"}`)
}

func (p *petitions) follow(w http.ResponseWriter, r *http.Request) {
	var asked struct{ Names []string }
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Fprint(w, ":\n\n")
	w.(http.Flusher).Flush()
	for _, name := range asked.Names {
		<-p.decided(name)
		fmt.Fprintf(w, "id: %s\ndata: %s\n\n", name, petition(name, "granted"))
		w.(http.Flusher).Flush()
	}
}

// run measures, over https when it is said, and answers the results by mode.
func run(t *testing.T, p *petitions, start func(http.Handler) *httptest.Server, modes ...string) map[string]Result {
	t.Helper()
	p.waits = map[string]chan struct{}{}
	server := start(p.routes())
	t.Cleanup(server.Close)
	o := Options{URLs: []string{server.URL}, Space: "acmecorp", Token: "asks", ReviewerToken: "decides", Modes: modes,
		Concurrency: []int{3}, Parked: []int{10}, Duration: 20 * time.Millisecond, Settle: time.Millisecond, Deep: 100, Words: []string{"rare"},
		Leases: []int{300}, Within: 10 * time.Millisecond}
	target, err := newTarget(o)
	if err != nil {
		t.Fatal(err)
	}
	if tls := target.nodes[0].tls; tls != nil {
		tls.RootCAs = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	}
	results := map[string]Result{}
	if err := measure(t.Context(), &bench{o, target}, func(r Result) { results[r.Mode] = r }); err != nil {
		t.Fatal(err)
	}
	return results
}

func TestEveryModeIsMeasuredOverHTTPAndHTTPS(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(http.Handler) *httptest.Server{"http": httptest.NewServer, "https": httptest.NewTLSServer} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			names, _ := Modes()
			results := run(t, &petitions{}, start, names...)
			for _, mode := range []string{"roundtrip", "create", "parked", "stream", "list first", "list next", "list deep", "search", "ending"} {
				if r := results[mode]; r.Done == 0 || r.Bad != 0 {
					t.Errorf("%s: %d done, %d bad: %s", mode, r.Done, r.Bad, r.Problem)
				}
			}
			wake, decide := results["roundtrip"].Times["wake"], results["roundtrip"].Times["decide"]
			if decide.P50 <= 0 || wake.P50 < decide.P50 {
				t.Errorf("a waiter was woken after %g ms, decided after %g ms", wake.P50, decide.P50)
			}
		})
	}
}

func TestNothingCountsAsDoneThatWasNot(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lie     func(name, phase string) (string, string)
		problem string
	}{
		"denied":           {func(name, _ string) (string, string) { return name, "closed" }, "is not granted"},
		"another petition": {func(_, phase string) (string, string) { return "p-other", phase }, "was told of another petition"},
		"no petition":      {func(string, string) (string, string) { return "", "" }, "is no petition"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for mode, r := range run(t, &petitions{lie: c.lie}, httptest.NewServer, "roundtrip", "parked") {
				if r.Done != 0 || r.Bad == 0 || !strings.Contains(r.Problem, c.problem) {
					t.Errorf("%s: %d done, %d bad: %s; want none done and %q", mode, r.Done, r.Bad, r.Problem, c.problem)
				}
			}
		})
	}
}

func TestAServerThatTurnsAwayIsNotMeasuredForLong(t *testing.T) {
	t.Parallel()
	server := serve(t, says("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n", true))
	o := Options{URLs: []string{server.address}, Space: "acmecorp", Token: "asks", ReviewerToken: "decides",
		Modes: []string{"roundtrip"}, Concurrency: []int{4}, Parked: []int{1}, Leases: []int{1}, Duration: time.Hour}
	err := Run(t.Context(), o, func(r Result) {
		if r.Done != 0 || r.Bad < mostBad || !strings.Contains(r.Problem, "503") {
			t.Errorf("%d done, %d bad: %s", r.Done, r.Bad, r.Problem)
		}
	})
	if err != nil {
		t.Error(err)
	}
}

func TestWhatNoRequestCanCarryIsRefused(t *testing.T) {
	t.Parallel()
	good := Options{URLs: []string{"http://127.0.0.1:1"}, Space: "acmecorp", Token: "asks", ReviewerToken: "decides"}
	for problem, spoil := range map[string]func(*Options){
		"no address of a server": func(o *Options) { o.URLs = []string{"127.0.0.1:8080"} },
		"the token has":          func(o *Options) { o.Token = "asks\r\nHost: elsewhere" },
		"reviewer's token has":   func(o *Options) { o.ReviewerToken = "dé" },
	} {
		o := good
		spoil(&o)
		if _, err := newTarget(o); err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("%v; want an error with %q", err, problem)
		}
	}
}
