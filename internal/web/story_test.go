package web_test

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// To look at every page while working on it: go test -c -o bin/stories ./internal/web && bin/stories -serve 127.0.0.1:8090
// It serves the stories below until it is interrupted, and prints a sign-in link for each person.
var serve = flag.String("serve", "", "address to serve the stories at, instead of testing")

func TestMain(m *testing.M) {
	flag.Parse()
	if *serve != "" {
		serveStories(booth{dir: must(os.MkdirTemp("", "indent-stories-*"))})
	}
	os.Exit(m.Run())
}

type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func (wallClock) After(d time.Duration) (<-chan time.Time, func()) {
	t := time.NewTimer(d)
	return t.C, func() { t.Stop() }
}

// booth is a test that does not end.
type booth struct {
	testing.TB
	dir string
}

func (b booth) Helper()                  {}
func (b booth) TempDir() string          { return b.dir }
func (b booth) Context() context.Context { return context.Background() }
func (b booth) Cleanup(func())           {}
func (b booth) Fatal(args ...any)        { panic(fmt.Sprint(args...)) }

func serveStories(t testing.TB) {
	l := must(net.Listen("tcp", *serve))
	h := newHouseAt(t, "http://"+l.Addr().String(), nil, wallClock{})
	for _, id := range []string{owner, reviewer, viewer, stranger} {
		for n := range 20 {
			link := fmt.Sprintf("%s-%d", strings.Split(id, "@")[0], n)
			h.sessions.links[link] = must(h.service.Store.Member(t.Context(), h.actor(id).Space, id))
		}
		fmt.Printf("http://%s/sign-in?link=%s-0 (to -19)\n", l.Addr(), strings.Split(id, "@")[0])
	}
	for name, p := range h.stories() {
		fmt.Printf("%-12s http://%s/access/%s/%s\n", name, l.Addr(), p.Space, p.Name)
	}
	panic(http.Serve(l, h.handler))
}

// stories are petitions in every state, by a name for each.
func (h *house) stories() map[string]approval.Petition {
	all := map[string]approval.Petition{}
	for _, s := range []struct {
		name string
		make func() approval.Petition
	}{
		{"denied", h.deniedStory}, {"granted", h.grantedStory}, {"withdrawn", h.withdrawnStory}, {"byRule", h.byRuleStory},
		{"twoPeople", h.twoPeopleStory}, {"nasty", func() approval.Petition { return h.ask(viewer, nasty()) }},
		{"self", func() approval.Petition {
			return h.ask(owner, approval.NewPetition{Reason: "rotate the signing key", Resources: production()})
		}},
		{"refund", func() approval.Petition { return h.ask(viewer, refund()) }},
	} {
		all[s.name] = s.make()
	}
	return all
}

func production() []approval.Resource {
	return []approval.Resource{{Kind: "environment", ID: "production", DisplayName: "Production"}}
}

func refund() approval.NewPetition {
	return approval.NewPetition{
		Reason:    "Customer was charged twice for order 88213.\nSupport ticket SUP-4471, checked with Dana on the phone.",
		Resources: []approval.Resource{{Kind: "action", ID: "refund:ch_3Nf81k2eZvKYlo2C", DisplayName: "Refund 1,249.00 EUR to Lena Fischer"}},
		Params:    approval.RawJSON(`{"charge":"ch_3Nf81k2eZvKYlo2C","amount":124900,"currency":"eur","notify":{"email":"lena.fischer@example.com","template":"refund-double-charge"},"tags":["double-charge","vip"],"dryRun":false}`),
		Duration:  15 * time.Minute,
	}
}

// nasty has what the door lets in and a page must bear: markup, right-to-left words, towers of marks, look-alikes.
func nasty() approval.NewPetition {
	const script = `"><script>alert(1)</script><img src=x onerror=alert(2)>{{.}}`
	return approval.NewPetition{
		Reason: "שלום 1 < 2 & \"quotes\" " + script + "\n\n" + strings.Repeat("very-long-word-without-a-blank-", 30) + "\nи̷́̂̃̄̅̆z",
		Resources: []approval.Resource{
			{Kind: script, ID: "javascript:alert(3)", DisplayName: "Отчёт " + script, Email: "a'onmouseover=alert(4)@b.example",
				AltIDs: []string{script}, Labels: map[string]string{script: script, "description": "раypal"}},
			{Kind: "x", ID: strings.Repeat("0123456789abcdef", 60)},
		},
		Params: approval.RawJSON(`{"` + `</pre><script>alert(5)</script>":"</pre><script>alert(6)</script>","a.b":{"":""},"list":[],"empty":{},"nul":null,"rtl":"אבג","then":1,"hidden":"a` + "\u2800" + `b"}`),
		Labels: map[string]string{"note<b>": "<i>" + script},
	}
}

func (h *house) deniedStory() approval.Petition {
	p := h.ask(viewer, approval.NewPetition{Reason: "try the new importer on live data", Resources: []approval.Resource{{Kind: "database", ID: "customers", DisplayName: "Customer Database"}}})
	return h.decide(reviewer, p, approval.NewClaim{Event: approval.EventDeny, Reason: "Use staging: it has a copy from last night."})
}

func (h *house) grantedStory() approval.Petition {
	p := h.ask(viewer, approval.NewPetition{Reason: "checkout is slow, need to look at the pods", Resources: production()})
	return h.decide(owner, p, approval.NewClaim{Event: approval.EventApprove, Labels: map[string]string{approval.LabelTimeDuration: "4h0m0s"}})
}

func (h *house) withdrawnStory() approval.Petition {
	p := h.ask(viewer, approval.NewPetition{})
	return h.decide(viewer, p, approval.NewClaim{Event: approval.EventDeny, Reason: "found it without"})
}

func (h *house) byRuleStory() approval.Petition {
	defer h.rule(h.policy.verdict)
	h.rule(approval.Verdict{Decision: approval.VerdictApprove, Rule: "on-call", PolicyVersion: 4, Explanation: "On call people get production by rule.", DecideWithin: time.Hour, DefaultDuration: time.Hour})
	return h.ask(viewer, approval.NewPetition{Reason: "page #4411", Resources: production()})
}

func (h *house) twoPeopleStory() approval.Petition {
	defer h.rule(h.policy.verdict)
	h.rule(twoPeople())
	p := h.ask(viewer, approval.NewPetition{Reason: "drop the tenants table that nobody reads", Resources: []approval.Resource{{Kind: "database", ID: "billing", DisplayName: "Billing Database"}, {Kind: "action", ID: "drop-table:tenants"}}})
	return h.decide(owner, p, approval.NewClaim{Event: approval.EventApprove})
}

// twoPeople asks for two of the editors and owners, neither of whom may be who asks.
func twoPeople() approval.Verdict {
	v := devVerdict()
	v.Rule, v.Dev, v.PolicyVersion = "databases", false, 7
	v.Explanation = "Databases need two people."
	v.Requirements = []approval.Requirement{{Reviewers: approval.Reviewers{Roles: []approval.Role{approval.Owner, approval.Editor}}, Count: 2}}
	return v
}

func (h *house) rule(v approval.Verdict) {
	h.policy.mu.Lock()
	defer h.policy.mu.Unlock()
	h.policy.verdict = v
}
