package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/identity"
	"github.com/indent-approvals/indent/internal/identity/oidctest"
	"github.com/indent-approvals/indent/internal/web"
)

// office is a console over the real room of identity, with a provider.
type office struct {
	*house
	issuer   *oidctest.Issuer
	sessions identity.Sessions
	room     *identity.Identity
}

func newOffice(t *testing.T, address string) *office {
	t.Helper()
	o := &office{house: newHouse(t)}
	o.issuer = oidctest.New(t, o.clock.Now)
	o.issuer.Redirects = []string{address + "/sign-in/callback/okta"}
	o.issuer.Here(oidctest.Person{Subject: "u-eve", Claims: map[string]any{"email": viewer, "email_verified": true}})
	room, err := identity.New(t.Context(), o.service, identity.Config{Issuer: func() string { return address }, SessionTTL: 12 * time.Hour, SessionIdle: 2 * time.Hour,
		Providers: []identity.Provider{{Name: "okta", DisplayName: "Okta & Sons", Issuer: o.issuer.URL, ClientID: oidctest.ClientID, ClientSecret: oidctest.ClientSecret,
			Spaces: []string{"acme"}, Scopes: []string{"openid"}, Domains: []string{"acme.example"}}}})
	if err != nil {
		t.Fatal(err)
	}
	o.sessions, o.room = room.Sessions(), room
	mux := http.NewServeMux()
	web.New(web.Deps{Service: o.service, Sessions: o.sessions, Tokens: room, BaseURL: address}).Register(mux)
	o.handler = mux
	return o
}

// cookies answers what the page sets, by name.
func (p page) cookies() map[string]*http.Cookie {
	set := map[string]*http.Cookie{}
	for _, c := range (&http.Response{Header: p.header}).Cookies() {
		set[c.Name] = c
	}
	return set
}

// begin presses the button and answers the path that the provider sends back to, and the attempt's cookie.
func (o *office) begin(back string) (path string, attempt *http.Cookie) {
	o.t.Helper()
	begun := o.browser("").get("/sign-in/with/okta?return=" + url.QueryEscape(back)).is(http.StatusSeeOther)
	for _, c := range begun.cookies() {
		attempt = c
	}
	return o.issuer.Visit(o.t, begun.header.Get("Location")).RequestURI(), attempt
}

// call answers the page that a browser with these cookies gets.
func (o *office) call(method, path string, cookies ...*http.Cookie) page {
	o.t.Helper()
	r := httptest.NewRequest(method, base+path, nil)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	o.handler.ServeHTTP(w, r)
	return page{o.t, w.Code, w.Header(), w.Body.String()}
}

func TestTheCookieOfAnAttemptIsHeldToItsServer(t *testing.T) {
	t.Parallel()
	for address, name := range map[string]string{"https://indent.acme.example": "__Host-indent-sign-in", base: "indent-sign-in"} {
		o := newOffice(t, address)
		path, attempt := o.begin("/api-keys")
		if attempt.Name != name || !attempt.HttpOnly || attempt.SameSite != http.SameSiteLaxMode || attempt.MaxAge != 600 || attempt.Path != "/" ||
			attempt.Domain != "" || attempt.Secure != strings.HasPrefix(name, "__Host-") {
			t.Errorf("the cookie is %v", attempt)
		}
		done := o.call(http.MethodGet, path, attempt).leadsTo("/api-keys").cookies()
		session := done[strings.TrimSuffix(name, "-sign-in")]
		if gone := done[name]; gone == nil || gone.MaxAge >= 0 || session == nil || !session.HttpOnly || session.Secure != attempt.Secure {
			t.Errorf("then they are %v", done)
		}
	}
}

// Buttons are links: forms may go nowhere but here, and browsers hold the redirect of a form to that.
func TestTheButtonOfAProviderIsALink(t *testing.T) {
	t.Parallel()
	o := newOffice(t, base)
	page := o.browser("").get("/sign-in?return=%2Fapi-keys").has("Sign in with Okta & Sons", `href="/sign-in/with/okta?return=%2fapi-keys"`, "Sign in with a one-time link")
	if !strings.Contains(page.header.Get("Content-Security-Policy"), "form-action 'self';") {
		t.Error(page.header.Get("Content-Security-Policy"))
	}
	o.browser("").post("/sign-in/with/okta", nil).is(http.StatusMethodNotAllowed)
	o.browser("").get("/sign-in/with/none").is(http.StatusNotFound)
}

func TestOnlyTheBrowserThatBeganIsSignedIn(t *testing.T) {
	t.Parallel()
	o := newOffice(t, base)
	path, attempt := o.begin("/")
	_, other := o.begin("/")
	for name, c := range map[string]struct {
		method, path string
		cookies      []*http.Cookie
		want         int
	}{
		"no cookie":         {http.MethodGet, path, nil, http.StatusBadRequest},
		"another attempt":   {http.MethodGet, path, []*http.Cookie{other}, http.StatusBadRequest},
		"a planted session": {http.MethodGet, path, []*http.Cookie{{Name: "indent", Value: strings.Repeat("a", 32)}}, http.StatusBadRequest},
		"a look":            {http.MethodHead, path, []*http.Cookie{attempt}, http.StatusMethodNotAllowed},
		"a form":            {http.MethodPost, path, []*http.Cookie{attempt}, http.StatusMethodNotAllowed},
		"another provider":  {http.MethodGet, strings.Replace(path, "okta", "none", 1), []*http.Cookie{attempt}, http.StatusNotFound},
	} {
		got := o.call(c.method, c.path, c.cookies...)
		if got.status != c.want || got.cookies()["indent"] != nil {
			t.Errorf("%s: %d, %v", name, got.status, got.cookies())
		}
	}
	planted := &http.Cookie{Name: "indent", Value: strings.Repeat("a", 32)}
	session := o.call(http.MethodGet, path, attempt, planted).leadsTo("/").cookies()["indent"]
	if session.Value == planted.Value {
		t.Fatal("a planted session was adopted")
	}
	o.call(http.MethodGet, "/", session).is(http.StatusOK).has("Inbox", viewer)

	// The next sign-in is a new session, and the one before is over.
	path, attempt = o.begin("/")
	next := o.call(http.MethodGet, path, attempt, session).leadsTo("/").cookies()["indent"]
	o.clock.Advance(time.Second)
	o.call(http.MethodGet, "/", session).leadsTo("/sign-in")
	o.call(http.MethodGet, "/", next).is(http.StatusOK)
}

func TestAProviderLeadsBackOnlyToThisServer(t *testing.T) {
	t.Parallel()
	o := newOffice(t, base)
	for back, want := range map[string]string{"https://evil.example/": "/", "//evil.example": "/", `/\evil.example`: "/", "/sign-in/with/okta": "/", "/sign-out": "/",
		"/account/space?return=x": "/", "/api-keys?x=1": "/api-keys?x=1", "/" + strings.Repeat("x", 3000): "/"} {
		path, attempt := o.begin(back)
		o.call(http.MethodGet, path, attempt).leadsTo(want)
	}
}

func TestARefusalSaysWhatToDo(t *testing.T) {
	t.Parallel()
	o := newOffice(t, base)
	o.issuer.Here(oidctest.Person{Subject: "u-m", Claims: map[string]any{"email": stranger, "email_verified": true}})
	path, attempt := o.begin("/")
	got := o.call(http.MethodGet, path, attempt).is(http.StatusForbidden).has("This did not sign you in", "addresses of other.example are not let in by themselves; ask an owner of the space", "To the sign-in page")
	if got.cookies()[attempt.Name].MaxAge >= 0 {
		t.Error("the attempt's cookie is kept")
	}
	o.issuer.Misbehave(oidctest.Twist{Down: []string{"/token"}})
	path, attempt = o.begin("/")
	if got := o.call(http.MethodGet, path, attempt).is(http.StatusServiceUnavailable); got.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

// The account is one's own, and what it ends is one's own.
func TestTheAccount(t *testing.T) {
	t.Parallel()
	o := newOffice(t, base)
	signIn := func() *http.Cookie {
		path, attempt := o.begin("/")
		return o.call(http.MethodGet, path, attempt).cookies()["indent"]
	}
	here, there := signIn(), signIn()
	page := o.call(http.MethodGet, "/account", here).is(http.StatusOK).has(viewer, "Viewer", "oidc:"+o.issuer.URL+"|u-eve", "Signed in by Okta & Sons", "this browser", "End all others")
	if n := strings.Count(page.body, `name="session"`); n != 2 {
		t.Errorf("%d sessions", n)
	}
	b := &browser{h: o.house, cookie: here, header: http.Header{}}
	b.post("/account/sessions", url.Values{"session": {"none"}}).is(http.StatusNotFound)
	b.post("/account/sessions", url.Values{"session": {"none"}, "others": {"all"}}).is(http.StatusBadRequest)
	b.get("/account/sessions").is(http.StatusMethodNotAllowed)
	b.post("/account/sessions", url.Values{"others": {"all"}}).leadsTo("/account#sessions")
	o.call(http.MethodGet, "/", there).leadsTo("/sign-in")
	b.get("/").is(http.StatusOK)

	// An open page that asks by itself keeps no session alive; a person who reads does.
	script := &browser{h: o.house, cookie: signIn(), header: http.Header{"Sec-Fetch-Dest": {"empty"}}}
	for range 3 {
		o.clock.Advance(45 * time.Minute)
		b.get("/")
		script.get("/")
		if err := o.room.FlushUses(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	b.get("/").is(http.StatusOK)
	script.get("/").leadsTo("/sign-in")

	// Ending the session that looks is signing out.
	a, err := o.sessions.Authenticate(t.Context(), here.Value)
	if err != nil {
		t.Fatal(err)
	}
	if out := b.post("/account/sessions", url.Values{"session": {a.TokenName}}).leadsTo("/sign-in"); out.cookies()["indent"].MaxAge >= 0 {
		t.Error("the cookie is kept")
	}
	n := 0
	for _, e := range must(o.service.Store.Events(t.Context(), approval.EventQuery{Space: "acme", Event: approval.EventSessionEnd})).Items {
		n += len(e.Resources)
	}
	if n != 2 {
		t.Errorf("the log tells of %d ends", n)
	}
}

func TestBrowsersHaveNames(t *testing.T) {
	t.Parallel()
	o := newOffice(t, base)
	for said, want := range map[string]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0": "Edge on Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0":                                      "Firefox on macOS",
		"": "A browser that does not say what it is",
		"<script>alert(1)</script>" + strings.Repeat("x", 2000): "alert(1)",
		"curl/8\u202e": "curl/8?",
	} {
		path, attempt := o.begin("/")
		r := httptest.NewRequest(http.MethodGet, base+path, nil)
		r.AddCookie(attempt)
		r.Header.Set("User-Agent", said)
		w := httptest.NewRecorder()
		o.handler.ServeHTTP(w, r)
		session := page{t, w.Code, w.Header(), ""}.leadsTo("/").cookies()["indent"]
		o.call(http.MethodGet, "/account", session).has(want).holdsNo("<script>alert")
	}
}
