package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

// link makes a one-time link for a member of acme.
func (h *house) link(id string) string {
	h.t.Helper()
	secret := "link-of-" + strings.Split(id, "@")[0]
	h.sessions.links[secret] = must(h.service.Store.Member(h.t.Context(), "acme", id))
	return secret
}

// setCookie answers the cookie that the page sets.
func (p page) setCookie() *http.Cookie {
	p.t.Helper()
	cookie, err := http.ParseSetCookie(p.header.Get("Set-Cookie"))
	if err != nil {
		p.t.Fatalf("no cookie: %v", err)
	}
	return cookie
}

func TestALinkSignsInOnceByAButton(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	link := h.link(owner)
	b := h.browser("")
	for _, method := range []string{http.MethodHead, http.MethodGet, http.MethodGet} {
		got := b.do(method, "/sign-in?link="+link, nil).is(http.StatusOK)
		if got.header.Get("Set-Cookie") != "" {
			t.Fatalf("%s set a cookie", method)
		}
	}
	page := b.get("/sign-in?link="+link).has("Sign in as "+owner, "signed in to acme on "+base, "Owner")
	form := url.Values{"link": {page.field("link")}, "return": {page.field("return")}}
	cookie := b.post("/sign-in", form).leadsTo("/").setCookie()
	if cookie.Name != "indent" || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.Secure || cookie.Domain != "" {
		t.Errorf("cookie is %v", cookie)
	}
	b.cookie = cookie
	b.get("/").is(http.StatusOK).has("Inbox", owner)

	other := h.browser("")
	other.post("/sign-in", form).is(http.StatusGone).has("used already", "indent dev")
	other.get("/sign-in?link=" + link).is(http.StatusGone).has("used already")
	b.get("/sign-in?link=" + link).is(http.StatusGone).has("You are signed in as " + owner)
}

func TestHTTPSHasAHostCookie(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for address, name := range map[string]string{"https://indent.acme.example": "__Host-indent", "http://indent.acme.example": "__Host-indent",
		"http://localhost:8080": "indent", "http://[::1]:8080": "indent", "http://127.0.0.1:1": "indent"} {
		h.handler = h.console(address, false)
		link := h.link(owner)
		h.sessions.used = nil
		cookie := h.browser("").post("/sign-in", url.Values{"link": {link}}).leadsTo("/").setCookie()
		if cookie.Name != name || cookie.Secure != (name == "__Host-indent") || cookie.Path != "/" || cookie.Domain != "" {
			t.Errorf("%s: cookie is %v", address, cookie)
		}
	}
}

// A session that was planted before must not become the one that is signed in.
func TestSigningInAlwaysStartsANewSession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser(reviewer)
	planted := b.cookie.Value
	b.get("/sign-in?link=" + h.link(owner)).has("You are signed in as " + reviewer)
	cookie := b.post("/sign-in", url.Values{"link": {"link-of-ada"}}).leadsTo("/").setCookie()
	if cookie.Value == planted {
		t.Fatal("the session was kept")
	}
	if _, err := h.sessions.Authenticate(t.Context(), planted); approval.CodeOf(err) != approval.Unauthenticated {
		t.Errorf("the session before still stands: %v", err)
	}
}

func TestWrongLinksSayWhatToDo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser("")
	b.get("/sign-in").is(http.StatusOK).has("You need a sign-in link", "Paste it")
	for _, link := range []string{"nonsense", strings.Repeat("x", 4000), "%00%ff", "<script>"} {
		b.get("/sign-in?link="+url.QueryEscape(link)).is(http.StatusNotFound).has("not a sign-in link of this server", "You need a sign-in link").holdsNo("<script>")
		b.post("/sign-in", url.Values{"link": {link}}).is(http.StatusNotFound).has("not a sign-in link of this server")
	}
	h.handler = h.console(base, false)
	b.get("/sign-in").has("Whoever runs this server makes a link").lacks("indent dev")
}

func TestAPastedAddressCountsAsItsLink(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	pasted := "  " + base + "/sign-in?link=" + h.link(owner) + "\n"
	h.browser("").get("/sign-in?link=" + url.QueryEscape(pasted)).is(http.StatusOK).has("Sign in as " + owner)
}

func TestSigningInLeadsBackToWhereOneCameFrom(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(viewer, approval.NewPetition{})
	h.browser("").get(path(p)).leadsTo("/sign-in?return=" + url.QueryEscape(path(p)))
	for back, want := range map[string]string{
		path(p): path(p), "/api-keys?x=1": "/api-keys?x=1", "": "/", "/": "/",
		"https://evil.example/": "/", "//evil.example": "/", `/\evil.example`: "/", `\\evil.example`: "/", "/\t/evil.example": "/", "javascript:alert(1)": "/",
		"/%2f/evil.example": "/%2f/evil.example", "evil": "/", "/sign-out": "/", "/sign-in?link=x": "/", "/a\r\nSet-Cookie: x=y": "/", "/ä": "/",
		"/" + strings.Repeat("x", 3000): "/",
	} {
		h.sessions.used = nil
		got := h.browser("").post("/sign-in", url.Values{"link": {h.link(owner)}, "return": {back}})
		if to := got.header.Get("Location"); to != want {
			t.Errorf("return to %q leads to %q, want %q", back, to, want)
		}
	}
}

func TestSigningOutEndsTheSession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser(owner)
	b.get("/sign-out").is(http.StatusMethodNotAllowed)
	b.get("/").is(http.StatusOK)
	for range 2 { // pressing twice is harmless
		if cookie := b.post("/sign-out", nil).leadsTo("/sign-in").setCookie(); cookie.MaxAge >= 0 || cookie.Value != "" {
			t.Errorf("cookie is %v", cookie)
		}
	}
	b.get("/").leadsTo("/sign-in")
}
