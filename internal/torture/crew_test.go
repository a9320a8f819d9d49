package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/app/apptest"
	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/tests/faults/faulttest"
)

// crew are the clients: those who ask and decide while the server lives, and those who wait through its deaths.
type crew struct {
	*testing.T
	*client
	book *book
	seed uint64
}

const (
	workers = 8
	waiters = 4
)

func newCrew(t *testing.T, url string, b *book, seed uint64) *crew {
	c := &crew{T: t, client: newClient(t, url), book: b, seed: seed}
	ctx, end := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i := range waiters {
		all.Go(func() { c.wait(ctx, lots(seed, 1_000_000+i)) })
	}
	t.Cleanup(func() { end(); all.Wait() })
	return c
}

// work has every worker create and decide until ctx ends.
func (c *crew) work(ctx context.Context, cycle int) *sync.WaitGroup {
	all := &sync.WaitGroup{}
	for i := range workers {
		mine := lots(c.seed, 10_000+cycle*workers+i)
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				key := fmt.Sprintf("torture-%d-%d-%d", cycle, i, n)
				if name, ok := c.book.pick(mine); ok && mine.IntN(5) > 1 {
					c.call(ctx, c.deciding(mine, name, key))
				} else {
					c.call(ctx, c.asking(mine, key))
				}
			}
		})
	}
	return all
}

// call sends a request once and notes what came back. Who is not answered takes a breath.
func (c *crew) call(ctx context.Context, r request) {
	a := c.send(ctx, r)
	if err := c.book.note(r, a); err != nil {
		c.Error(err)
	}
	if !a.known() {
		faulttest.Pass(ctx, 10*time.Millisecond)
	}
}

// asking is a petition for something short: most grants end by themselves while the test runs.
func (c *crew) asking(lots *rand.Rand, key string) request {
	kinds := []string{"automatic", "forbidden", "double", "urgent", "single", "single", "single"}
	milliseconds := 100 + lots.IntN(2000)
	if lots.IntN(4) == 0 {
		milliseconds = 600_000
	}
	body := fmt.Sprintf(`{"petition":{"reason":"%s","resources":[{"kind":%q,"id":"production"}],"defaultDuration":"%d.%03ds"}}`,
		key, kinds[lots.IntN(len(kinds))], milliseconds/1000, milliseconds%1000)
	return request{method: http.MethodPost, path: "/petitions", body: body, token: c.book.tokens[apptest.Viewer], key: key}
}

func (c *crew) deciding(lots *rand.Rand, name, key string) request {
	events := []string{approval.EventApprove, approval.EventApprove, approval.EventApprove, approval.EventDeny, approval.EventRevoke, approval.EventRevoke}
	who := []string{apptest.Editor, apptest.Owner}[lots.IntN(2)]
	body := fmt.Sprintf(`{"claim":{"event":%q,"reason":"%s"}}`, events[lots.IntN(len(events))], key)
	return request{method: http.MethodPost, path: "/petitions/" + name + "/claims", body: body, token: c.book.tokens[who], key: key}
}

// claimOn answers the petition that the request is a claim on.
func (r request) claimOn() (petition string, claim bool) {
	rest, found := strings.CutPrefix(r.path, "/petitions/")
	petition, claim = strings.CutSuffix(rest, "/claims")
	return petition, found && claim
}

func (c *crew) reading(name, query string) request {
	return request{method: http.MethodGet, path: "/petitions/" + name + query, token: c.book.tokens[apptest.Editor]}
}

// wait waits for one petition after the other to be decided. When the server dies it attaches again.
func (c *crew) wait(ctx context.Context, lots *rand.Rand) {
	for faulttest.Pass(ctx, time.Millisecond) {
		name, ok := c.book.pick(lots)
		for attempt := 0; ok && attempt < 20 && ctx.Err() == nil; attempt++ {
			a := c.send(ctx, c.reading(name, "?wait=1s"))
			if !a.known() {
				faulttest.Pass(ctx, 5*time.Millisecond)
				continue
			}
			p, err := a.petition()
			if err != nil {
				c.Error(err)
				return
			}
			if c.book.noteTold(p); p.State.Status.Phase != approval.Open {
				break
			}
		}
	}
}

// check asks again what is in doubt and looks at every petition that was touched.
func (c *crew) check() {
	c.Helper()
	doubts, _ := c.book.take()
	for _, r := range doubts {
		c.resolve(r)
	}
	_, touched := c.book.take()
	for _, r := range doubts {
		if name, claim := r.claimOn(); claim {
			touched = append(touched, name)
		}
	}
	c.look(touched)
}

// resolve sends a request until its outcome is known, and then once more: both answers are of one effect.
func (c *crew) resolve(r request) {
	c.Helper()
	first := c.known(r)
	if err := c.book.note(r, first); err != nil {
		c.Errorf("asked again: %v", err)
	}
	if first.status != http.StatusOK {
		return
	}
	second := c.known(r)
	if second.status != http.StatusOK || identity(first) != identity(second) {
		c.Errorf("the same request %s was answered with %s and with %s", r.body, first, second)
	}
	if _, claim := r.claimOn(); !claim {
		c.isOnce(r)
	}
}

// identity answers what an answer is about: the petition's name or the claim's id.
func identity(a answer) string {
	for _, field := range []string{`"name":"`, `"id":"`} {
		if _, rest, found := strings.Cut(string(a.body), field); found {
			value, _, _ := strings.Cut(rest, `"`)
			return value
		}
	}
	return ""
}

// isOnce proves that a petition which was asked for several times was made once.
func (c *crew) isOnce(r request) {
	c.Helper()
	a := c.known(request{method: http.MethodGet, path: "/petitions?pageSize=200&search=" + url.QueryEscape(r.key), token: c.book.tokens[apptest.Editor]})
	if n := strings.Count(string(a.body), `"reason":"`+r.key+`"`); a.status != http.StatusOK || n != 1 {
		c.Errorf("%s was asked for again and made %d petitions: %.2000s", r.key, n, a)
	}
}

// known sends a request until the server says what became of it.
func (c *crew) known(r request) answer {
	c.Helper()
	ctx, end := context.WithTimeout(c.Context(), 30*time.Second)
	defer end()
	for {
		a := c.send(ctx, r)
		if a.known() {
			return a
		}
		if !faulttest.Pass(ctx, 10*time.Millisecond) {
			c.Errorf("%s %s: no outcome in 30 seconds, the last answer was %s", r.method, r.path, a)
			return a
		}
	}
}

// look proves of petitions that they are whole and that all that was answered about them is true.
func (c *crew) look(names []string) {
	c.Helper()
	var all sync.WaitGroup
	for part := range workers {
		all.Go(func() {
			for i := part; i < len(names); i += workers {
				if err := c.lookAt(names[i]); err != nil {
					c.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func (c *crew) lookAt(name string) (err error) {
	for range 5 { // a timer may come between a petition and its history
		var p petition
		if p, err = c.known(c.reading(name, "")).petition(); err != nil {
			return err
		}
		if err = c.book.agrees(p); err == nil {
			err = p.whole()
		}
		if err == nil {
			return nil
		}
	}
	return err
}
