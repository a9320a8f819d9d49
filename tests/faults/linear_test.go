package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/indent-approvals/indent/tests/faults/faulttest"
)

// What clients see of petitions on one node and on several can be put into one order, whatever happens to the nodes and
// to their way to the database; and while nothing happens to them, calls succeed.

func TestOneNodeIsLinearizable(t *testing.T) {
	t.Parallel()
	database := filepath.Join(t.TempDir(), "indent.db")
	c := &cluster{T: t, credentials: furnish(t, database)}
	c.join(database)
	c.prove()
}

func TestTwoNodesAreLinearizable(t *testing.T) {
	t.Parallel()
	provePostgres(t, 2)
}

func TestThreeNodesAreLinearizable(t *testing.T) {
	t.Parallel()
	provePostgres(t, 3)
}

func provePostgres(t *testing.T, nodes int) {
	t.Helper()
	if !faulttest.HavePostgres(t) {
		return
	}
	database := faulttest.Database(t)
	c := &cluster{T: t, credentials: furnish(t, database)}
	for range nodes {
		proxy := faulttest.NewProxy(t, faulttest.Host(t, database))
		c.proxies = append(c.proxies, proxy)
		c.join(faulttest.Through(t, proxy, database))
	}
	c.prove()
}

// cluster is some nodes, each with its own way to the database, and what clients have seen of them.
type cluster struct {
	*testing.T
	credentials
	nodes   []*faulttest.Node
	proxies []*faulttest.Proxy // none where the database is a file

	*client
	began time.Time

	mu      sync.Mutex
	history []porcupine.Operation
	asked   [2]int // calls that began and ended while all were healthy, and those of them that succeeded
	healthy int    // the present stretch of health; negative: a fault lasts
	slots   []*slot
	slotted int
}

// slot is a petition that clients work on together.
type slot struct {
	register string
	name     string // of the petition, once somebody knows it
	left     int    // calls until clients turn to another one
	claims   int
}

const (
	clients     = 12
	openSlots   = 6
	callsOfSlot = 30
	callLimit   = 4 * time.Second
	leastCalls  = 100 // that a proof stands on
	leastShare  = 80  // percent that succeed while healthy
)

func (c *cluster) join(database string) {
	c.Helper()
	c.nodes = append(c.nodes, faulttest.StartNode(c.T, database, "INDENT_SERVER_DATABASE_TIMEOUT=2s"))
}

// prove lets clients work through health, faults and health again, and checks what they have seen.
func (c *cluster) prove() {
	c.Helper()
	seed := faulttest.Seed(c.T)
	c.client, c.began = newClient(c.T, callLimit), time.Now()
	for range openSlots {
		c.slots = append(c.slots, c.freshSlot())
	}
	work, stop := context.WithCancel(c.Context())
	var group sync.WaitGroup
	for n := range clients {
		group.Go(func() { c.work(work, n, rand.New(rand.NewPCG(seed, uint64(n)))) })
	}
	calm := faulttest.Length(10*time.Second, 1500*time.Millisecond)
	faulttest.Pass(work, calm)
	faults := c.breakThings(faulttest.Length(100*time.Second, 8*time.Second), rand.New(rand.NewPCG(seed, clients)))
	faulttest.Pass(work, calm)
	stop()
	group.Wait()
	c.check(seed, faults)
}

// breakThings does one thing after another to one node after another, and answers what.
func (c *cluster) breakThings(length time.Duration, chance *rand.Rand) (done []string) {
	for end := time.Now().Add(length); time.Now().Before(end); {
		i := chance.IntN(len(c.nodes))
		faults := c.faults(i)
		f := faults[chance.IntN(len(faults))]
		c.health(false)
		f.begin()
		faulttest.Pass(c.Context(), f.lasts*time.Duration(50+chance.IntN(100))/100)
		f.end()
		c.health(true)
		done = append(done, fmt.Sprintf("node %d %s", i, f.name))
		faulttest.Pass(c.Context(), 700*time.Millisecond)
	}
	return done
}

type fault struct {
	name       string
	lasts      time.Duration
	begin, end func()
}

// faults are what can happen to a node.
func (c *cluster) faults(i int) []fault {
	n := c.nodes[i]
	nothing := func() {}
	list := []fault{
		{"frozen", time.Second, n.Freeze, n.Thaw},
		{"killed", 200 * time.Millisecond, n.Kill, func() { n.Start(c.T) }},
	}
	if len(c.proxies) == 0 {
		return list
	}
	p := c.proxies[i]
	return append(list,
		fault{"without an answer from the database", 1500 * time.Millisecond, func() { p.Hold(faulttest.ToClient) }, p.Heal},
		fault{"cut off in silence", 2500 * time.Millisecond, func() { p.Hold(faulttest.ToClient, faulttest.ToServer) }, p.Heal},
		fault{"cut off", time.Second, p.Refuse, p.Heal},
		fault{"with its connections cut", 0, p.Cut, nothing},
		fault{"with a commit in doubt", 500 * time.Millisecond, func() { p.LoseAnswerTo("access/") }, p.Heal},
	)
}

// health begins a stretch of health or of a fault.
func (c *cluster) health(well bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.healthy = -c.healthy; well {
		c.healthy++
	} else if c.healthy == 0 {
		c.healthy = -1
	}
}

// work is one client: it does what chance says to one of the petitions that all work on, on any node.
func (c *cluster) work(ctx context.Context, id int, chance *rand.Rand) {
	for ctx.Err() == nil {
		asked, name := c.next(chance)
		c.mu.Lock()
		stretch := c.healthy
		c.mu.Unlock()
		began := time.Since(c.began)
		got, petition := c.do(c.nodes[chance.IntN(len(c.nodes))], asked, name, chance)
		ended := time.Since(c.began)
		c.record(id, asked, got, began, ended, stretch, petition)
		if got.unknown {
			faulttest.Pass(ctx, 50*time.Millisecond)
		}
	}
}

// next answers what to do, and the petition's name if it has one.
func (c *cluster) next(chance *rand.Rand) (call, string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := chance.IntN(len(c.slots))
	s := c.slots[i]
	if s.left--; s.left <= 0 {
		c.slots[i] = c.freshSlot()
		s = c.slots[i]
	}
	if s.name == "" {
		return call{s.register, doCreate, ""}, ""
	}
	do := []string{doRead, doRead, doRead, doRead, doRead, doCreate, doApprove, doDeny, doRevoke}[chance.IntN(9)]
	if do == doRead || do == doCreate {
		return call{s.register, do, ""}, s.name
	}
	if s.claims > 0 && chance.IntN(4) == 0 {
		return call{s.register, do, fmt.Sprintf("%s-%d", do, chance.IntN(s.claims))}, s.name // may be sent again
	}
	s.claims++
	return call{s.register, do, fmt.Sprintf("%s-%d", do, s.claims)}, s.name
}

func (c *cluster) freshSlot() *slot {
	c.slotted++
	return &slot{register: fmt.Sprint("petition-", c.slotted), left: callsOfSlot}
}

// do makes one call. The answer to a claim that is sent again depends on who sends it, so each claim has one sender.
func (c *cluster) do(n *faulttest.Node, asked call, name string, _ *rand.Rand) (reply, petition) {
	at := n.URL() + inSpace + "/petitions"
	var a answer
	switch asked.do {
	case doCreate:
		a = c.call(c.Context(), c.asker, http.MethodPost, at, asking(asked.register), "Idempotency-Key", asked.register)
	case doRead:
		a = c.call(c.Context(), c.asker, http.MethodGet, at+"/"+name, nil)
	default:
		token := c.reviewer
		if asked.id[len(asked.id)-1]%2 == 0 {
			token = c.other
		}
		a = c.call(c.Context(), token, http.MethodPost, at+"/"+name+"/claims", deciding(asked.do, asked.id), "Idempotency-Key", asked.id)
	}
	switch {
	case a.status == http.StatusConflict && asked.do != doCreate && asked.do != doRead:
		return reply{refused: true}, petition{}
	case a.status == 0 || a.status == http.StatusServiceUnavailable:
		return reply{unknown: true}, petition{}
	case a.status != http.StatusOK:
		c.Errorf("%s of %s: %s", asked.do, asked.register, a)
		return reply{unknown: true}, petition{}
	case asked.do != doCreate && asked.do != doRead:
		return reply{}, petition{}
	}
	p := a.petition(c.T)
	return seen(p), p
}

// seen answers what a petition shows of its register.
func seen(p petition) reply {
	r := reply{phase: p.State.Status.Phase}
	if r.phase == "closed" {
		r.phase = p.State.Status.Outcome
	}
	if p.State.Decision != nil {
		r.by = p.State.Decision.Reason
	}
	return r
}

func (c *cluster) record(id int, asked call, got reply, began, ended time.Duration, stretch int, p petition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if stretch >= 0 && stretch == c.healthy {
		c.asked[0]++
		if !got.unknown {
			c.asked[1]++
		}
	}
	for _, s := range c.slots {
		if s.register == asked.register && s.name == "" {
			s.name = p.Name
		}
	}
	if got.unknown && asked.do == doRead {
		return // a read that failed has told nobody anything
	}
	end := int64(ended)
	if got.unknown {
		end = never
	}
	c.history = append(c.history, porcupine.Operation{ClientId: id, Input: asked, Call: int64(began), Output: got, Return: end})
}

// check asks porcupine, and whether enough of it was a success.
func (c *cluster) check(seed uint64, faults []string) {
	c.Helper()
	result, info := porcupine.CheckOperationsVerbose(model, c.history, time.Minute)
	unknown := len(slices.DeleteFunc(slices.Clone(c.history), func(o porcupine.Operation) bool { return !o.Output.(reply).unknown }))
	share := 100 * c.asked[1] / max(c.asked[0], 1)
	c.Logf("%d nodes: %d calls on %d petitions, %d in doubt, %d faults; %d %% of %d calls succeeded while healthy: %s",
		len(c.nodes), len(c.history), c.slotted, unknown, len(faults), share, c.asked[0], result)
	if c.asked[0] < leastCalls || share < leastShare {
		c.Errorf("while healthy %d %% of %d calls succeeded, want %d %% of at least %d", share, c.asked[0], leastShare, leastCalls)
	}
	if result == porcupine.Ok {
		return
	}
	folder := os.TempDir()
	if kept := os.Getenv("INDENT_TORTURE_EVIDENCE"); kept != "" && os.MkdirAll(kept, 0o755) == nil {
		folder = kept
	}
	picture := filepath.Join(folder, fmt.Sprintf("indent-linearizability-%d.html", seed))
	if err := porcupine.VisualizePath(model, info, picture); err != nil {
		c.Error(err)
	}
	c.Errorf("what clients saw is not linearizable (%s): look at %s; the faults were %q", result, picture, faults)
}
