package app_test

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/app/apptest"
	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
	"github.com/indent-approvals/indent/internal/config"
	"github.com/indent-approvals/indent/tests/faults/faulttest"
)

// Several nodes on one PostgreSQL behave as one.

// cluster is a database that nodes share.
type cluster struct {
	*testing.T
	database string
	http     *http.Client
}

// newCluster answers nil where there is no PostgreSQL to test against and none is required.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	database := postgresDatabase(t)
	if database == "" {
		return nil
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 128}
	t.Cleanup(transport.CloseIdleConnections)
	return &cluster{t, database, &http.Client{Transport: transport}}
}

// peer is one of the nodes, with a clock and a way to the database of its own.
type peer struct {
	*apptest.Server
	c     *cluster
	clock *approvaltest.Clock
	proxy *faulttest.Proxy
}

// join starts a node whose clock stands.
func (c *cluster) join() *peer {
	c.Helper()
	p := &peer{c: c, clock: approvaltest.NewClock(), proxy: faulttest.NewProxy(c, faulttest.Host(c, c.database))}
	p.Server = apptest.Start(c, options(faulttest.Through(c, p.proxy, c.database), p.clock))
	return p
}

// joinAsItIs starts a node that goes by the machine's clock.
func (c *cluster) joinAsItIs() *peer {
	c.Helper()
	return &peer{c: c, Server: apptest.Start(c, options(c.database, nil))}
}

// options give all nodes the address that people use, which is the issuer of their tokens.
func options(database string, clock approval.Clock) apptest.Options {
	return apptest.Options{Database: database, Clock: clock, Config: func(c *config.Config) { c.BaseURL = "https://indent.example.com" }}
}

// count answers the one number that a query of the database answers.
func (c *cluster) count(query string, arguments ...any) (n int) {
	c.Helper()
	db, err := sql.Open("pgx", c.database)
	if err != nil {
		c.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(c.Context(), query, arguments...).Scan(&n); err != nil {
		c.Fatal(err)
	}
	return n
}

func (c *cluster) until(what string, holds func() bool) {
	c.Helper()
	faulttest.Until(c, patience, what, holds)
}

// result is what a node answered.
type result struct {
	status int
	header http.Header
	body   []byte
}

// call makes a call to this node, once.
func (p *peer) call(token, method, path, body string, headers ...string) result {
	p.c.Helper()
	ctx, cancel := context.WithTimeout(p.c.Context(), 2*patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, p.Server.URL(), bytes.NewReader([]byte(body)))
	if err != nil {
		p.c.Error(err)
		return result{}
	}
	r.URL.Scheme, r.URL.Host, r.URL.Path = "http", p.Addr(), "/v1/spaces/"+apptest.Space+path
	r.URL.Path, r.URL.RawQuery, _ = strings.Cut(r.URL.Path, "?")
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := p.c.http.Do(r)
	if err != nil {
		p.c.Error(err)
		return result{}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		p.c.Error(err)
	}
	return result{response.StatusCode, response.Header, text}
}

// petitioned is as much of a petition as these tests look at.
type petitioned struct {
	Name  string
	State struct {
		Status struct{ Phase, Outcome string }
		Claims []struct{ Event string }
	}
}

func (c *cluster) petition(r result) (p petitioned) {
	c.Helper()
	if r.status != http.StatusOK || json.Unmarshal(r.body, &p) != nil || p.Name == "" {
		c.Errorf("want a petition, got %d %s", r.status, r.body)
	}
	return p
}

const asked = `{"petition":{"reason":"on call","resources":[{"kind":"action","id":"restart"}]}}`

// ask makes a petition on this node.
func (p *peer) ask(headers ...string) string {
	p.c.Helper()
	return p.c.petition(p.call(p.Token(p.c, apptest.Viewer), "POST", "/petitions", asked, headers...)).Name
}

// decide decides on this node, with a token.
func (p *peer) decide(token, petition, event string) result {
	p.c.Helper()
	return p.call(token, "POST", "/petitions/"+petition+"/claims", `{"claim":{"event":"`+event+`","reason":"fine"}}`)
}

// stored answers the petition as it is in the database: nobody who reads it so does a timer's work.
func (p *peer) stored(petition string) approval.Petition {
	p.c.Helper()
	got, err := p.Service().Store.Petition(p.c.Context(), apptest.Space, petition)
	if err != nil {
		p.c.Fatal(err)
	}
	return got
}

// log answers the petition's events without refusals, oldest first.
func (p *peer) log(petition string) string {
	p.c.Helper()
	history, err := p.Service().History(p.c.Context(), p.Actor(p.c, apptest.Viewer), petition)
	if err != nil {
		p.c.Fatal(err)
	}
	var names []string
	for _, e := range history {
		names = append(names, e.Event)
	}
	return strings.Join(slices.DeleteFunc(names, func(name string) bool { return name == approval.EventRefused }), " ")
}

// park waits for the petition on this node, and answers where the answer comes, once the node counts who waits.
func (p *peer) park(token, petition string) <-chan result {
	p.c.Helper()
	out := make(chan result, 1)
	go func() { out <- p.call(token, "GET", "/petitions/"+petition+"?wait=60s", "") }()
	p.c.until("somebody waits", func() bool { return p.figure("indent_api_waiters") == 1 })
	return out
}

// figure answers a number of the node's /metrics.
func (p *peer) figure(name string) (n int) {
	p.c.Helper()
	response, err := p.c.http.Get("http://" + p.Addr() + "/metrics")
	if err != nil {
		p.c.Fatal(err)
	}
	defer response.Body.Close()
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if text, found := strings.CutPrefix(lines.Text(), name+" "); found {
			if n, err = strconv.Atoi(text); err == nil {
				return n
			}
		}
	}
	p.c.Fatalf("no figure %s: %v", name, err)
	return 0
}

// hears fails the test unless the waiter is told of this phase soon.
func (c *cluster) hears(parked <-chan result, phase string) {
	c.Helper()
	select {
	case r := <-parked:
		if got := c.petition(r).State.Status.Phase; got != phase {
			c.Errorf("who waits is told %q, want %q", got, phase)
		}
	case <-time.After(patience):
		c.Fatal("who waits is told nothing")
	}
}

// A node that dies in the middle of a job leaves it to another one, when its lease is over; when the node turns out to be
// alive, nothing is done twice.
func TestAnotherNodeTakesOverAJobWhoseNodeDied(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	if c == nil {
		return
	}
	dying := c.join()
	name := dying.ask()
	if r := dying.decide(dying.Token(t, apptest.Editor), name, approval.EventApprove); r.status != http.StatusOK {
		t.Fatalf("%d %s", r.status, r.body)
	}
	end := dying.stored(name).Grant.EndTime
	dying.proxy.DieBefore(approval.EventEnd)
	dying.clock.Set(end)
	c.until("the job's node has died in the middle", func() bool {
		dying.clock.Advance(time.Second)
		return dying.proxy.Sprung() == 1
	})
	leased := time.UnixMicro(int64(c.count("SELECT lease_until FROM jobs")))
	if !leased.After(end) {
		t.Fatalf("the job of the node that died is leased until %s", leased)
	}

	heir := c.join()
	heir.clock.WaitForSleepers(2) // its timers and its lanes
	heir.clock.Set(leased.Add(-time.Millisecond))
	heir.clock.WaitForSleepers(2) // it has looked for jobs
	if got := heir.stored(name); got.Phase != approval.Granted || got.Version != 2 {
		t.Errorf("before the lease is over it is %s, version %d", got.Phase, got.Version)
	}
	c.until("the heir has done the job", func() bool {
		heir.clock.Advance(time.Second)
		return heir.stored(name).Phase == approval.Closed
	})
	dying.proxy.Heal()
	c.until("the dead is alive", func() bool { return dying.Ready(t.Context()) == nil })
	second := dying.ask()
	c.until("it does its work again", func() bool {
		dying.clock.Advance(time.Hour)
		return dying.stored(second).Phase == approval.Closed
	})
	if got, want := heir.log(name), "access/request access/approve access/grant access/end access/close"; got != want {
		t.Errorf("the log says %s, want %s", got, want)
	}
	if n := c.count("SELECT count(*) FROM jobs WHERE petition <> ''"); n != 0 {
		t.Errorf("%d jobs of petitions are left", n)
	}
}

const listening = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'"

// Between nodes a hint is only a hint: while a node cannot listen its waiters look by themselves, and when it can again
// they hear at once.
func TestWaitersHearWhileTheirNodeCannotListen(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	if c == nil {
		return
	}
	deciding, deaf := c.join(), c.join()
	editor, viewer := deciding.Token(t, apptest.Editor), deaf.Token(t, apptest.Viewer)
	approve := func(name string) {
		if r := deciding.decide(editor, name, approval.EventApprove); r.status != http.StatusOK {
			t.Errorf("%d %s", r.status, r.body)
		}
	}
	c.until("both listen", func() bool { return c.count(listening) == 2 })
	byPoll, atOnce := deciding.ask(), deciding.ask()
	parked := deaf.park(viewer, byPoll)
	deaf.proxy.Shut()
	if n := c.count(strings.Replace(listening, "count(*)", "count(pg_terminate_backend(pid))", 1)); n != 2 {
		t.Fatalf("%d sessions were ended, want both that listen", n)
	}
	c.until("the other one listens again", func() bool { return c.count(listening) == 1 })
	approve(byPoll)
	deaf.clock.WaitForSleepers(4) // its timers of jobs, of lanes, of the wait's end and of the next look
	began := deaf.clock.Now()
	deaf.clock.Advance(10 * time.Second)
	c.until("who waits looks by itself", func() bool {
		deaf.clock.Advance(100 * time.Millisecond) // its connection may be in use, and there is no other now
		return len(parked) == 1
	})
	if waited := deaf.clock.Now().Sub(began); waited > 50*time.Second {
		t.Errorf("who waits looked after %s", waited)
	}
	c.hears(parked, "granted")

	parked = deaf.park(viewer, atOnce)
	deaf.proxy.Heal()
	c.until("both listen again", func() bool { return c.count(listening) == 2 })
	approve(atOnce)
	c.hears(parked, "granted") // its clock has not moved
}
