package app_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/app/apptest"
	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
	"github.com/indent-approvals/indent/internal/config"
	indent "github.com/indent-approvals/indent/sdk/go"
)

// post is a whole server on a real engine, whose webhooks have real endpoints and whose clock moves by hand: all that is due is done
// before time goes on.
type post struct {
	*apptest.Server
	t     *testing.T
	clock *approvaltest.Clock
	db    *sql.DB // tells what is under way
	// clients are those of members, by the name and the half hour in which their tokens are good.
	clients map[string]*indent.Client
}

// onPosts runs a test on a server of each engine.
func onPosts(t *testing.T, test func(p *post)) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(newPost(t, filepath.Join(t.TempDir(), "indent.db")))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		if database := postgresDatabase(t); database != "" {
			test(newPost(t, database))
		}
	})
}

// whatever grants what is asked for, for as long as it is asked for.
const whatever = `
version: 1
name: whatever
rules:
  - name: everything
    approve: {duration: 720h}
`

func newPost(t *testing.T, database string) *post {
	t.Helper()
	p := &post{t: t, clock: approvaltest.NewClock()}
	p.open(database)
	p.start(database)
	return p
}

// open opens a way to the database beside the server's.
func (p *post) open(database string) {
	p.t.Helper()
	driver := "sqlite"
	if strings.HasPrefix(database, "postgres") {
		driver = "pgx"
	}
	db, err := sql.Open(driver, database)
	p.must(err)
	p.t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	p.db = db
}

// start starts a server, or another one after that has stopped.
func (p *post) start(database string) {
	p.t.Helper()
	o := options(database, p.clock)
	address := o.Config
	o.Policy, o.Config = whatever, func(c *config.Config) { address(c); inside(c) }
	p.Server, p.clients = apptest.Start(p.t, o), map[string]*indent.Client{}
}

func (p *post) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// as answers a client of somebody, with a token that is good now.
func (p *post) as(who string) *indent.Client {
	p.t.Helper()
	key := who + p.clock.Now().Truncate(30*time.Minute).String()
	if known := p.clients[key]; known != nil {
		return known
	}
	c, err := indent.New(indent.Options{URL: "http://" + p.Addr(), Space: apptest.Space, Token: p.Token(p.t, who)})
	p.must(err)
	p.clients[key] = c
	return c
}

// number answers the one number that a query answers, "?" being now.
func (p *post) number(query string) (n int64) {
	p.t.Helper()
	now := strconv.FormatInt(p.clock.Now().UnixMicro(), 10)
	p.must(p.db.QueryRowContext(p.t.Context(), strings.ReplaceAll(query, "?", now)).Scan(&n))
	return n
}

// rests returns when nothing is due and nothing runs. Both who take jobs are told to look: they may have looked at the time before it moved.
func (p *post) rests() {
	p.t.Helper()
	const under = "SELECT (SELECT count(*) FROM jobs WHERE lease_until > 0 OR due <= ?) + (SELECT count(*) FROM petitions WHERE timer_time > 0 AND timer_time <= ?)"
	p.until("all that is due is done", func() bool { return p.number(under) == 0 })
}

// until waits for what happens while the clock stands.
func (p *post) until(what string, holds func() bool) {
	p.t.Helper()
	ticks := time.NewTicker(2 * time.Millisecond)
	defer ticks.Stop()
	deadline := time.Now().Add(6 * patience)
	for n := 1; !holds(); n++ {
		if time.Now().After(deadline) {
			p.t.Fatalf("it never was so: %s\n%s", what, p.jobs())
		}
		if n%4 == 0 {
			p.Service().Broker.Publish(approval.JobsTopic, approval.LanesTopic)
		}
		<-ticks.C
	}
}

// jobs answers what is due or runs, for whoever looks why it does not end.
func (p *post) jobs() string {
	rows, err := p.db.QueryContext(p.t.Context(), "SELECT key, due, lease_until, attempts FROM jobs ORDER BY due LIMIT 20")
	p.must(err)
	defer rows.Close()
	said := "at " + p.clock.Now().String()
	for rows.Next() {
		var key string
		var due, lease, attempts int64
		p.must(rows.Scan(&key, &due, &lease, &attempts))
		said += fmt.Sprintf("\n%s is due at %s, leased until %s, tried %d times", key, time.UnixMicro(due).UTC(), time.UnixMicro(lease).UTC(), attempts)
	}
	p.must(rows.Err())
	return said
}

// pass lets time go by, from one thing that is due to the next.
func (p *post) pass(d time.Duration) {
	p.t.Helper()
	const next = "SELECT coalesce(min(at), 0) FROM (SELECT min(due) AS at FROM jobs UNION ALL SELECT min(timer_time) FROM petitions WHERE timer_time > 0) AS due"
	for until := p.clock.Now().Add(d); ; {
		p.rests()
		at := time.UnixMicro(p.number(next)).UTC()
		if at.Unix() == 0 || !at.Before(until) {
			p.clock.Set(until)
			p.rests()
			return
		}
		p.clock.Set(at)
	}
}

// endpoint is that of a webhook, with the real system behind it.
type endpoint struct {
	name string
	kit  *indent.WebhookHandler
	mu   sync.Mutex
	// answer answers a call before the system does, and says whether it has; nil: the system does.
	answer  func(w http.ResponseWriter, c heard) bool
	arrived []heard
	done    []heard
	has     map[string]bool // by the thing's id
}

// heard is a call as it arrived.
type heard struct{ id, command, petition, thing string }

// webhook makes a webhook with an endpoint that works, which applies whatever is of these kinds, or all.
func (p *post) webhook(name string, kinds ...string) *endpoint {
	p.t.Helper()
	e := &endpoint{name: name, kit: &indent.WebhookHandler{Name: name}, has: map[string]bool{}}
	e.kit.Apply = func(_ context.Context, u indent.WebhookUpdate) error {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.done = append(e.done, heard{u.ID, u.Command.Event, u.Command.Petition(), u.Target.ID})
		if e.has[u.Target.ID] = u.Grant; !u.Grant {
			delete(e.has, u.Target.ID)
		}
		return nil
	}
	server := httptest.NewServer(e)
	p.t.Cleanup(server.Close)
	editor := p.as(apptest.Editor)
	made, err := editor.CreateWebhook(p.t.Context(), indent.NewWebhook{Name: name, URL: server.URL})
	p.must(err)
	e.kit.Verifier = indent.WebhookVerifier{Secrets: []string{made.Secret}, Now: p.clock.Now}
	base := indent.PolicyBase{}
	if len(kinds) > 0 {
		base.Selector.MatchExpressions = []indent.LabelExpression{{Key: "indent.com/resource/kind", Operator: "In", Values: kinds}}
	}
	_, err = editor.CreateWebhookPolicy(p.t.Context(), indent.NewWebhookPolicy{Name: name, Webhook: name, Base: base})
	p.must(err)
	return e
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var sent struct{ Events []indent.Event }
	e.mu.Lock()
	unread := err != nil || json.Unmarshal(body, &sent) != nil || len(sent.Events) == 0
	e.mu.Unlock()
	if unread {
		http.Error(w, "it is no ApplyUpdate", http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	last := sent.Events[len(sent.Events)-1]
	c := heard{r.Header.Get("Webhook-Id"), last.Event, last.Petition(), last.Resources[1].ID}
	e.mu.Lock()
	e.arrived = append(e.arrived, c)
	answer := e.answer
	e.mu.Unlock()
	if answer == nil || !answer(w, c) {
		e.kit.ServeHTTP(w, r)
	}
}

// answers has the endpoint answer so from now on; nil: it works.
func (e *endpoint) answers(how func(w http.ResponseWriter, c heard) bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answer = how
}

// with answers calls about what begins so with a status.
func with(status int, things ...string) func(http.ResponseWriter, heard) bool {
	return func(w http.ResponseWriter, c heard) bool {
		if len(things) > 0 && !slices.Contains(things, c.thing) {
			return false
		}
		http.Error(w, http.StatusText(status), status)
		return true
	}
}

// says answers what the real system has, and what it was told since the last time: "+" for what it gave, "-" for what it took away.
func (e *endpoint) says() (has []string, done []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for thing := range e.has {
		has = append(has, thing)
	}
	slices.Sort(has)
	for _, c := range e.done {
		sign := "-"
		if c.command == indent.EventGrant {
			sign = "+"
		}
		done = append(done, sign+c.thing)
	}
	e.done = nil
	return has, done
}

// calls answers how many calls have arrived.
func (e *endpoint) calls() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.arrived)
}

// grant answers a petition for things that is granted for so long.
func (p *post) grant(d time.Duration, things ...string) *indent.Petition {
	p.t.Helper()
	n := indent.NewPetition{Reason: "to look", Duration: d}
	for _, id := range things {
		n.Resources = append(n.Resources, indent.Resource{Kind: "role", ID: id})
	}
	made, err := p.as(apptest.Viewer).CreatePetition(p.t.Context(), n)
	p.must(err)
	if made.Phase() != indent.PhaseGranted {
		p.t.Fatalf("petition %s is %s", made.Name, made.Phase())
	}
	return made
}

func (p *post) revoke(petitions ...*indent.Petition) {
	p.t.Helper()
	for _, one := range petitions {
		_, err := p.as(apptest.Editor).Revoke(p.t.Context(), one, indent.ClaimOptions{})
		p.must(err)
	}
}

// stands demands how whoever asked sees petitions: their phase, and the state of all that webhooks were told of them. It answers those of
// the last.
func (p *post) stands(phase indent.Phase, state string, petitions ...*indent.Petition) (seen []indent.Application) {
	p.t.Helper()
	for _, one := range petitions {
		now, err := p.as(apptest.Viewer).Petition(p.t.Context(), one.Name)
		p.must(err)
		seen = now.State.Status.Webhooks
		for _, a := range seen {
			if a.State != state || now.Phase() != phase {
				p.t.Errorf("%s of petition %s is %s of one that is %s, want %s of one that is %s: %s", a.Resource.ID, one.Name, a.State, now.Phase(), state, phase, a.Problem)
			}
		}
		if len(seen) == 0 {
			p.t.Fatalf("no webhook was told of petition %s", one.Name)
		}
	}
	return seen
}

// held answers who has a thing now, by what was granted.
func (p *post) held(thing string) (all []indent.HeldGrant) {
	p.t.Helper()
	for g, err := range p.as(apptest.Viewer).Grants(p.t.Context(), indent.GrantQuery{Resource: thing}) {
		p.must(err)
		all = append(all, g)
	}
	return all
}

// attempts answers the log of calls to a webhook about a petition, or about all, oldest first.
func (p *post) attempts(webhook, petition string) (all []indent.Delivery) {
	p.t.Helper()
	for d, err := range p.as(apptest.Editor).Deliveries(p.t.Context(), webhook, indent.DeliveryQuery{Petition: petition, PageSize: 200}) {
		p.must(err)
		all = append(all, d)
	}
	slices.Reverse(all)
	return all
}

// logged answers the events of a name, oldest first.
func (p *post) logged(event string) (all []indent.Event) {
	p.t.Helper()
	for e, err := range p.as(apptest.Owner).Events(p.t.Context(), indent.EventQuery{Event: event, Ascending: true}) {
		p.must(err)
		all = append(all, e)
	}
	return all
}

func (p *post) condition(webhook string) *indent.WebhookCondition {
	p.t.Helper()
	w, err := p.as(apptest.Editor).Webhook(p.t.Context(), webhook)
	p.must(err)
	return w.Condition
}

// overdue answers the figure of what is over and not taken away.
func (p *post) overdue() string {
	p.t.Helper()
	r, err := http.Get("http://" + p.Addr() + "/metrics")
	p.must(err)
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	p.must(err)
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, "indent_revocations_overdue "); found {
			return strings.TrimSpace(value)
		}
	}
	p.t.Fatal("there is no figure of what is overdue")
	return ""
}

// same fails the test unless both lists are the same.
func (p *post) same(what string, got, want []string) {
	p.t.Helper()
	if !slices.Equal(got, want) {
		p.t.Errorf("%s: %v, want %v", what, got, want)
	}
}
