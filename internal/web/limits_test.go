package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/identity"
	"github.com/indent-approvals/indent/internal/limits"
	"github.com/indent-approvals/indent/internal/web"
)

// limited is the house's console with budgets.
func (h *house) limited(c limits.Config) {
	c.Clock = h.clock
	l := limits.New(c)
	h.service.Limits = l
	mux := http.NewServeMux()
	web.New(web.Deps{Service: h.service, Sessions: h.sessions, Tokens: tokens{h.service.Clock, h.identity}, Logins: h.identity.Logins(), Limits: l, BaseURL: base}).Register(mux)
	h.handler = mux
}

func (p page) tooMany() {
	p.t.Helper()
	p.is(http.StatusTooManyRequests)
	if p.header.Get("Retry-After") == "" || p.header.Get("Retry-After") == "0" {
		p.t.Errorf("Retry-After %q", p.header.Get("Retry-After"))
	}
}

func TestWhoOpensTooManyPagesIsToldWhenToComeBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.limited(limits.Config{Calls: 2})
	b := h.browser(viewer)
	for range 8 {
		b.get("/api-keys").is(http.StatusOK)
	}
	b.get("/api-keys").tooMany()
	h.browser(viewer).get("/").tooMany() // the member counts, not the session
	h.browser(reviewer).get("/").is(http.StatusOK)
	b.get("/static/app.css").is(http.StatusOK)
	h.clock.Advance(time.Second)
	b.get("/api-keys").is(http.StatusOK)
}

func TestWrongLinksAreThrottledAndRightOnesSignIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.limited(limits.Config{Wrong: 1})
	h.sessions.links["right"] = must(h.service.Store.Member(t.Context(), "acme", viewer))
	b := h.browser("")
	for n := range 5 {
		b.get(fmt.Sprint("/sign-in?link=wrong", n)).is(http.StatusNotFound)
		b.post("/sign-in", url.Values{"link": {fmt.Sprint("wrong!", n)}}).is(http.StatusNotFound)
	}
	for n := range 10 {
		b.get(fmt.Sprint("/sign-in?link=more", n)).tooMany()
		b.post("/sign-in", url.Values{"link": {fmt.Sprint("more!", n)}}).tooMany()
	}
	b.get("/sign-in").is(http.StatusOK)
	b.get("/sign-in?link=right").is(http.StatusOK).has(viewer)
	b.post("/sign-in", url.Values{"link": {"right"}}).leadsTo("/")
}

// Who has a session that is over can sign in, however many such sessions are sent from the address.
func TestSessionsThatAreOverDoNotShutAnybodyOut(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.limited(limits.Config{Wrong: 1})
	h.sessions.links["right"] = must(h.service.Store.Member(t.Context(), "acme", viewer))
	signedIn := h.browser(reviewer)
	signedIn.get("/").is(http.StatusOK)
	old := h.browser("")
	for n := range 100 {
		old.cookie = &http.Cookie{Name: "indent", Value: fmt.Sprint("over-", n)}
		if got := old.get("/"); n < 20 {
			got.leadsTo("/sign-in")
		}
	}
	old.get("/sign-in").is(http.StatusOK)
	signedIn.get("/").is(http.StatusOK)
	for range 100 {
		old.cookie.Value = "the same"
		old.get("/sign-in").is(http.StatusOK)
	}
	h.clock.Advance(time.Second)
	old.post("/sign-in", url.Values{"link": {"right"}}).leadsTo("/")
}

// Whoever owes a passkey looks at pages, and is not taken for somebody who sends wrong sessions.
func TestHalfASessionIsNoWrongOne(t *testing.T) {
	t.Parallel()
	h := newPasskeyHouse(t)
	l := limits.New(limits.Config{Wrong: 1, Clock: h.clock})
	mux := http.NewServeMux()
	web.New(web.Deps{Service: h.service, Sessions: h.identity.Sessions(), Tokens: tokens{h.clock, h.identity}, Passkeys: h.identity.Passkeys(), Limits: l, BaseURL: named}).Register(mux)
	h.handler = mux
	h.service.Deps.Passkeys.Roles = []approval.Role{approval.Editor}
	half := h.follow(reviewer)
	for range 200 {
		half.get("/api-keys").leadsTo("/sign-in/passkey?return=%2Fapi-keys")
		half.get("/sign-in/passkey").is(http.StatusOK)
		half.get("/static/app.css").is(http.StatusOK)
	}
	if n := l.Refused(limits.WrongToken) + l.Refused(limits.WrongSource); n != 0 {
		t.Errorf("%d were refused", n)
	}
}

// A form that comes back too often is no decision.
func TestADecisionBeyondTheBudgetIsNotMade(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(viewer, approval.NewPetition{})
	h.limited(limits.Config{Calls: 1})
	b := h.browser(reviewer)
	form := b.get(path(p)).press(approval.EventApprove, "", "1h0m0s")
	for range 3 {
		b.get("/").is(http.StatusOK)
	}
	b.post(path(p), form).tooMany()
	if h.fresh(p).Phase != approval.Open {
		t.Error("it was decided")
	}
	h.clock.Advance(time.Second)
	b.post(path(p), form).leadsTo(path(p))
}

// refusing are sessions whose providers vouch for nobody, and count how often they are asked.
type refusing struct {
	*sessions
	asked *int
}

func (s refusing) Finish(context.Context, string, string, url.Values, string) (identity.SignedIn, error) {
	*s.asked++
	return identity.SignedIn{}, approval.Errorf(approval.Unauthenticated, "not vouched for")
}

// Each made-up answer is shown to the provider, which gives this server only so many: there is an end to it.
func TestMadeUpAnswersOfProvidersAreThrottled(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	asked := 0
	l := limits.New(limits.Config{Wrong: 1, Clock: h.clock})
	mux := http.NewServeMux()
	web.New(web.Deps{Service: h.service, Sessions: refusing{h.sessions, &asked}, Tokens: tokens{h.service.Clock, h.identity}, Limits: l, BaseURL: base}).Register(mux)
	h.handler = mux
	b := h.browser("")
	for n := range 200 {
		got := b.get(fmt.Sprint("/sign-in/callback/okta?state=x&code=", n))
		if n < 10 {
			got.is(http.StatusUnauthorized)
		} else {
			got.tooMany()
		}
	}
	if asked > 50 {
		t.Errorf("the provider was asked %d times", asked)
	}
	b.get("/sign-in").is(http.StatusOK)
}
