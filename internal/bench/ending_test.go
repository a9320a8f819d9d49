package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// leases are those of a server in memory, and its log.
type leases struct {
	mu    sync.Mutex
	names int
	open  map[string]time.Time // until when
	log   []fakeEntry
	// spoil answers what the log has instead of the entries of one that has ended.
	spoil func([]fakeEntry) []fakeEntry
}

type fakeEntry struct {
	Event     string    `json:"event"`
	Timestamp time.Time `json:"timestamp"`
	Meta      struct {
		Labels map[string]string `json:"labels"`
	} `json:"meta"`
}

func fake(event, name string, at time.Time, label, value string) fakeEntry {
	e := fakeEntry{Event: event, Timestamp: at}
	e.Meta.Labels = map[string]string{labelPetition: name, label: value}
	return e
}

// grant answers the petition if the body asks for a lease.
func (l *leases) grant(body []byte) (granted string, ok bool) {
	var asked struct {
		Petition struct {
			DefaultDuration string
			Resources       []struct{ Kind string }
		}
	}
	if json.Unmarshal(body, &asked) != nil || asked.Petition.Resources[0].Kind != "lease" {
		return "", false
	}
	lasts, err := time.ParseDuration(asked.Petition.DefaultDuration)
	if err != nil {
		return "", false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil {
		l.open = map[string]time.Time{}
	}
	l.names++
	name, until := fmt.Sprint("lease-", l.names), time.Now().Add(lasts)
	l.open[name] = until
	l.log = append(l.log, fake(eventGrant, name, time.Now(), labelExpires, until.Format(time.RFC3339Nano)))
	return petition(name, phaseGranted), true
}

// list answers a page of the log.
func (l *leases) list(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, until := range l.open {
		if time.Now().Before(until) {
			continue
		}
		delete(l.open, name)
		entries := []fakeEntry{fake(eventEnd, name, until, "", ""), fake(eventClose, name, until.Add(time.Millisecond), labelEnded, "true")}
		if l.spoil != nil {
			entries = l.spoil(entries)
		}
		l.log = append(l.log, entries...)
	}
	q := r.URL.Query()
	found := slices.DeleteFunc(slices.Clone(l.log), func(e fakeEntry) bool { return q.Get("event") != "" && q.Get("event") != e.Event })
	from, _ := strconv.Atoi(q.Get("pageToken"))
	size, _ := strconv.Atoi(q.Get("pageSize"))
	page := map[string]any{"events": found[from:min(from+size, len(found))], "nextPageToken": ""}
	if from+size < len(found) {
		page["nextPageToken"] = strconv.Itoa(from + size)
	}
	if err := json.NewEncoder(w).Encode(page); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

func TestLeasesThatEndAreTimedByTheLog(t *testing.T) {
	t.Parallel()
	r := run(t, &petitions{}, httptest.NewServer, "ending")["ending"]
	if r.Done != 300 || r.Bad != 0 || r.PerSecond <= 0 {
		t.Errorf("%d done, %d bad, %g a second: %s", r.Done, r.Bad, r.PerSecond, r.Problem)
	}
	if late := r.Times["whole"]; late.P50 != 1 || late.Max != 1 {
		t.Errorf("closed %+v ms after the end, want 1", late)
	}
	for _, what := range []string{"calm wake", "other wake", "wake", "calm create", "other create"} {
		if r.Times[what].P50 <= 0 {
			t.Errorf("what others met has no %q: %v", what, r.Times)
		}
	}
}

func TestALeaseThatDidNotEndAsItShouldIsBad(t *testing.T) {
	t.Parallel()
	for problem, spoil := range map[string]func([]fakeEntry) []fakeEntry{
		"ended 2 times and was closed 1 times": func(e []fakeEntry) []fakeEntry { return append(e[:1:1], e[0], e[1]) },
		"has ended 1 times and was closed 2":   func(e []fakeEntry) []fakeEntry { return append(e, e[1]) },
		"it has not ended":                     func(e []fakeEntry) []fakeEntry { return e[1:] },
		"ended at":                             func(e []fakeEntry) []fakeEntry { e[0].Timestamp = e[0].Timestamp.Add(-time.Second); return e },
		"says that access has ended": func(e []fakeEntry) []fakeEntry {
			e[1].Meta.Labels[labelEnded] = "false"
			return e
		},
	} {
		t.Run(problem, func(t *testing.T) {
			t.Parallel()
			r := run(t, &petitions{leases: leases{spoil: spoil}}, httptest.NewServer, "ending")["ending"]
			if r.Done != 0 || r.Bad != 300 || !strings.Contains(r.Problem, problem) {
				t.Errorf("%d done, %d bad: %s; want none done and %q", r.Done, r.Bad, r.Problem, problem)
			}
		})
	}
}

func TestOfTwoLeasesOfAThingOneSaysThatAccessHasEnded(t *testing.T) {
	t.Parallel()
	e := &ending{leases: []lease{{name: "a", thing: "db"}, {name: "b", thing: "db"}, {name: "c", thing: "web"}}}
	at := time.Unix(1, 0)
	for i := range e.leases {
		l := &e.leases[i]
		l.until, l.ends, l.closes = at, []time.Time{at}, []time.Time{at.Add(time.Second)}
	}
	e.leases[1].lost = true
	var r Result
	if e.judge(stopwatch{}, &r); r.Done != 2 || r.Bad != 1 || !strings.Contains(r.Problem, "petition c") || r.PerSecond != 2 {
		t.Errorf("%+v", r)
	}
}

// everything reads the body of a request.
func everything(r *http.Request) []byte {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil
	}
	return body
}
