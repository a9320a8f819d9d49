package app_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/app/apptest"
	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/config"
	"github.com/indent-approvals/indent/internal/identity"
	"github.com/indent-approvals/indent/internal/identity/oidctest"
)

// The settings know the roles by their names only.
func TestTheSettingsKnowEveryRole(t *testing.T) {
	t.Parallel()
	var names []string
	for _, role := range approval.Roles {
		names = append(names, string(role))
	}
	if !slices.Equal(names, config.Roles) {
		t.Errorf("the product has %q, the settings %q", names, config.Roles)
	}
}

// What the settings refuse for want of passkeys is what the pages would refuse.
func TestTheSettingsKnowWhereBrowsersHavePasskeys(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"https://indent.example.com", "https://indent.example.com:8443", "http://localhost:8080", "http://a.localhost", "http://127.0.0.1:8080", "https://10.0.0.1",
		"http://[::1]:8080", "https://[2001:db8::1]", "http://indent.example.com", "http://localhost.example.com", ""} {
		usable := identity.Authenticators{Base: func() string { return base }}.Usable() == nil
		if config.HasPasskeys(base) != usable {
			t.Errorf("%q: the settings say %v, the pages %v", base, config.HasPasskeys(base), usable)
		}
	}
}

// office is a server with a provider, and a browser.
type office struct {
	*testing.T
	server  *apptest.Server
	issuer  *oidctest.Issuer
	browser *http.Client
}

func newOffice(t *testing.T, change func(*config.SignInProvider)) *office {
	t.Helper()
	o := &office{T: t, issuer: oidctest.New(t, time.Now)}
	o.server = apptest.Start(t, apptest.Options{Config: func(c *config.Config) {
		p := config.SignInProvider{Name: "okta", DisplayName: "Okta", Issuer: o.issuer.URL, ClientID: oidctest.ClientID, ClientSecret: oidctest.ClientSecret,
			Spaces: []string{apptest.Space}, Scopes: []string{"openid", "email"}, AllowedDomains: []string{"acmecorp.example"}}
		if change != nil {
			change(&p)
		}
		c.SignIn = &config.SignIn{Providers: []config.SignInProvider{p}}
	}})
	o.issuer.Redirects = []string{o.server.URL() + "/sign-in/callback/okta"}
	o.browser = o.newBrowser()
	return o
}

func (o *office) newBrowser() *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		o.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

func (o *office) here(subject, email string, groups ...string) {
	o.issuer.Here(oidctest.Person{Subject: subject, Claims: map[string]any{"email": email, "email_verified": true, "groups": groups}})
}

// get answers where the browser has ended up, and what is there.
func (o *office) get(path string) (status int, at, text string) {
	o.Helper()
	r, err := http.NewRequestWithContext(o.Context(), http.MethodGet, o.server.URL()+path, nil)
	if err != nil {
		o.Fatal(err)
	}
	return o.read(o.browser.Do(r))
}

func (o *office) post(path string, form url.Values) (status int, at, text string) {
	o.Helper()
	r, err := http.NewRequestWithContext(o.Context(), http.MethodPost, o.server.URL()+path, strings.NewReader(form.Encode()))
	if err != nil {
		o.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", o.server.URL())
	return o.read(o.browser.Do(r))
}

func (o *office) read(answer *http.Response, err error) (status int, at, text string) {
	o.Helper()
	if err != nil {
		o.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		o.Fatal(err)
	}
	return answer.StatusCode, answer.Request.URL.Path, string(body)
}

// Through the real server: a link to the provider, back with a code, signed in; at the next sign-in the same person.
func TestSigningInWithAProvider(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	if _, at, text := o.get("/access/acmecorp/none"); at != "/sign-in" || !strings.Contains(text, `href="/sign-in/with/okta?return=%2faccess%2facmecorp%2fnone"`) {
		t.Fatalf("%s has no button:\n%s", at, text)
	}
	o.here("u1", "New.One@acmecorp.example")
	status, at, text := o.get("/sign-in/with/okta")
	if status != http.StatusOK || at != "/" || !strings.Contains(text, "new.one@acmecorp.example, Viewer of acmecorp") {
		t.Fatalf("%d at %s:\n%s", status, at, text)
	}
	if problems := o.issuer.Problems(); len(problems) > 0 {
		t.Errorf("the provider complains: %v", problems)
	}

	// Two more browsers; one of them ends the others.
	first := o.browser
	for range 2 {
		o.browser = o.newBrowser()
		o.get("/sign-in/with/okta")
	}
	_, _, text = o.get("/account")
	if n := strings.Count(text, "Signed in by <bdi>Okta</bdi>"); n != 3 || !strings.Contains(text, "oidc:"+o.issuer.URL+"|u1") {
		t.Errorf("the account has %d sessions:\n%s", n, text)
	}
	if status, at, text = o.post("/account/sessions", url.Values{"others": {"all"}}); status != http.StatusOK || at != "/account" || strings.Count(text, "Signed in by <bdi>Okta</bdi>") != 1 {
		t.Errorf("%d at %s:\n%s", status, at, text)
	}
	o.browser = first
	if _, at, _ = o.get("/"); at != "/sign-in" {
		t.Errorf("the ended session is at %s", at)
	}

	o.here("u2", "mallory@other.example")
	if status, at, text = o.get("/sign-in/with/okta"); status != http.StatusForbidden || at != "/sign-in/callback/okta" || !strings.Contains(text, "addresses of other.example are not let in") {
		t.Errorf("%d at %s:\n%s", status, at, text)
	}
	events, err := o.server.Service().Store.Events(t.Context(), approval.EventQuery{Space: apptest.Space, Event: approval.EventRefused})
	if err != nil || len(events.Items) != 1 || !strings.HasSuffix(events.Items[0].Actor.ID, "|u2") ||
		!strings.Contains(events.Items[0].Reason, "mallory@other.example") {
		t.Errorf("the log has %+v, %v", events.Items, err)
	}
}

// A provider that is away keeps the server neither from starting nor from letting in who has a link.
func TestAProviderThatIsAwayKeepsOnlyItsOwn(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	o.issuer.Misbehave(oidctest.Twist{Down: []string{"/.well-known/openid-configuration"}})
	o.here("u1", "ada@acmecorp.example")
	if status, at, text := o.get("/sign-in/with/okta"); status != http.StatusServiceUnavailable || at != "/sign-in/with/okta" || !strings.Contains(text, "Okta cannot be reached now") {
		t.Fatalf("%d at %s:\n%s", status, at, text)
	}
	link, err := o.server.Link(t.Context(), apptest.Space, apptest.Owner)
	if err != nil {
		t.Fatal(err)
	}
	_, secret, _ := strings.Cut(link, "link=")
	if status, at, _ := o.post("/sign-in", url.Values{"link": {secret}}); status != http.StatusOK || at != "/" {
		t.Errorf("%d at %s", status, at)
	}
}

// Who is in several spaces chooses; the owner of one gets into no other by calling a member what others are called there.
func TestSwitchingSpaces(t *testing.T) {
	t.Parallel()
	o := newOffice(t, func(p *config.SignInProvider) { p.Spaces = []string{apptest.Space, "labs"} })
	s := o.server.Service()
	ctx := t.Context()
	for _, n := range []approval.NewSpace{{Name: "labs", Owner: "olga@acmecorp.example"}, {Name: "vault", Owner: "olga@acmecorp.example"}} {
		n.Policy = "version: 1"
		if _, err := s.CreateSpace(ctx, n); err != nil {
			t.Fatal(err)
		}
	}
	o.here("u1", "ada@acmecorp.example")
	_, at, text := o.get("/sign-in/with/okta?return=%2Fapi-keys")
	if at != "/account/space" || !strings.Contains(text, "labs") || strings.Contains(text, "vault") {
		t.Fatalf("at %s:\n%s", at, text)
	}
	_, at, text = o.post("/account/space", url.Values{"space": {"labs"}, "return": {"/api-keys"}})
	if at != "/api-keys" || !regexp.MustCompile(`<code id="space">labs</code>`).MatchString(text) {
		t.Errorf("at %s:\n%s", at, text)
	}
	for _, space := range []string{"vault", "none", "", "../vault"} {
		if status, _, _ := o.post("/account/space", url.Values{"space": {space}}); status != http.StatusNotFound {
			t.Errorf("to %q: %d", space, status)
		}
	}

	// Mallory owns labs, makes Olga of acmecorp a member of it, and links an account of hers with that name.
	if _, err := s.PutMember(ctx, approval.System("labs", "admin"), approval.Member{Email: apptest.Owner, Role: approval.Viewer}); err != nil {
		t.Fatal(err)
	}
	event := approval.Event{Event: approval.EventIdentityLink, ID: "1", Meta: approval.Meta{Space: "labs"}}
	identity := approval.Identity{Space: "labs", Identity: "oidc:" + o.issuer.URL + "|mallory", Member: apptest.Owner}
	if err := s.Store.Commit(ctx, approval.Change{Space: "labs", Writes: []approval.Write{approval.PutIdentity{Identity: identity}}, Events: []approval.Event{event}}); err != nil {
		t.Fatal(err)
	}
	o.browser = o.newBrowser()
	o.issuer.Here(oidctest.Person{Subject: "mallory", Claims: map[string]any{"email": apptest.Owner, "email_verified": false}})
	if _, at, text = o.get("/sign-in/with/okta"); at != "/" || !strings.Contains(text, apptest.Owner+", Viewer of labs") {
		t.Fatalf("at %s:\n%s", at, text)
	}
	if status, _, text := o.post("/account/space", url.Values{"space": {apptest.Space}}); status != http.StatusNotFound {
		t.Errorf("an owner of labs came into acmecorp as its owner: %d\n%s", status, text)
	}
	if _, _, text := o.get("/account/space"); strings.Contains(text, "acmecorp</span>") {
		t.Errorf("it is offered:\n%s", text)
	}
}
