package app_test

import (
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	indent "github.com/indent-approvals/indent/sdk/go"
	"github.com/indent-approvals/indent/tests/faults/faulttest"
)

// behindProxy answers a server whose way to its database can be cut, which the rest of the post does not use, and that database; nil
// without PostgreSQL.
func behindProxy(t *testing.T) (p *post, proxy *faulttest.Proxy, database string) {
	t.Helper()
	if database = postgresDatabase(t); database == "" {
		return nil, nil, ""
	}
	p = newPost(t, database)
	p.must(p.Stop(t.Context()))
	proxy = faulttest.NewProxy(t, faulttest.Host(t, database))
	p.start(faulttest.Through(t, proxy, database))
	return p, proxy, database
}

// The database goes away while a call is on its way, and while grants end: what was done and could not be written is told again as the same call,
// what ended meanwhile is taken away when the database is back, and nothing is given back.
func TestDeliveriesGoOnAfterTheDatabaseWasAway(t *testing.T) {
	t.Parallel()
	p, proxy, _ := behindProxy(t)
	if p == nil {
		return
	}
	roles := p.webhook("roles")
	over, stays := p.grant(time.Hour, "over"), p.grant(day, "stays")
	p.rests()

	// It is done, and that cannot be written.
	proxy.DieBefore(approval.EventWebhookApply)
	lost := p.grant(day, "lost")
	p.until("the database is away", func() bool { return proxy.Sprung() == 1 })
	p.clock.Advance(2 * time.Hour) // what is over ends now, and nobody can write that
	proxy.Heal()
	p.until("the node has its database again", func() bool { return p.Ready(t.Context()) == nil })
	p.pass(5 * time.Minute)
	p.stands(indent.PhaseClosed, indent.ApplicationEnded, over)
	p.stands(indent.PhaseGranted, indent.ApplicationApplied, lost, stays)
	p.sameCall(roles, "lost")
	has, done := roles.says()
	p.same("the system has", has, []string{"lost", "stays"})
	p.once(done, "+over", "-over", "+stays")

	// So is an end.
	proxy.DieBefore(approval.EventWebhookEnd)
	p.revoke(lost)
	p.until("the database is away again", func() bool { return proxy.Sprung() == 2 })
	proxy.Heal()
	p.until("the node has its database again", func() bool { return p.Ready(t.Context()) == nil })
	p.stands(indent.PhaseRevoked, indent.ApplicationEnding, lost) // nobody knows it yet
	p.clock.Advance(time.Minute)                                  // the lease of its job is over
	p.pass(5 * time.Minute)
	p.stands(indent.PhaseClosed, indent.ApplicationEnded, lost)
	has, done = roles.says()
	p.same("the system has", has, []string{"stays"})
	p.same("it was done", done, []string{"-lost", "-lost"})
	p.inOrder("roles")
}

// sameCall demands that what was told more than once of a thing has one id for each command.
func (p *post) sameCall(e *endpoint, thing string) {
	p.t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	ids, n := map[string][]string{}, 0
	for _, c := range e.arrived {
		if c.thing == thing {
			n++
			if !slices.Contains(ids[c.command], c.id) {
				ids[c.command] = append(ids[c.command], c.id)
			}
		}
	}
	if n < 2 || len(ids[indent.EventGrant]) != 1 || len(ids[indent.EventRevoke]) > 1 {
		p.t.Errorf("%s was told %d times, by %v", thing, n, ids)
	}
}

// A node dies in the middle of a call. When the lease of its job is over another one makes the call, as the same; and what the dead
// node hears of its own in the end changes nothing.
func TestAnotherNodeMakesTheCallOfOneThatDied(t *testing.T) {
	t.Parallel()
	p, proxy, database := behindProxy(t)
	if p == nil {
		return
	}
	roles, dying := p.webhook("roles"), p.Server
	first, release := make(chan struct{}), make(chan struct{})
	var begun atomic.Bool
	roles.answers(func(w http.ResponseWriter, c heard) bool {
		if !begun.CompareAndSwap(false, true) {
			return false
		}
		proxy.Refuse()
		close(first)
		<-release
		return with(http.StatusServiceUnavailable)(w, c)
	})
	held := p.grant(day, "held")
	select {
	case <-first:
	case <-time.After(2 * patience):
		t.Fatal("no call was made")
	}
	p.start(database)
	p.clock.Advance(59 * time.Second)
	p.until("nothing else is due", func() bool { return p.number("SELECT count(*) FROM jobs WHERE due <= ?") == 0 })
	if n := roles.calls(); n != 1 {
		t.Errorf("%d calls were made while the lease lasted", n)
	}
	p.clock.Advance(2 * time.Second)
	p.rests()
	p.stands(indent.PhaseGranted, indent.ApplicationApplied, held)
	p.sameCall(roles, "held")
	p.revoke(held)
	p.rests()
	p.stands(indent.PhaseClosed, indent.ApplicationEnded, held)
	proxy.Heal()
	close(release) // the dead node hears that its call has failed
	p.until("the dead node is alive", func() bool { return dying.Ready(t.Context()) == nil })
	p.pass(5 * time.Minute)
	p.stands(indent.PhaseClosed, indent.ApplicationEnded, held)
	has, done := roles.says()
	p.same("the system has", has, nil)
	p.same("it was done", done, []string{"+held", "-held"})
	if w := p.condition("roles"); w.Holding != 0 || w.Overdue != 0 {
		t.Errorf("the webhook is %+v", w)
	}
}
