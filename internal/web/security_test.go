package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/web"
)

// One expected status for every route and every kind of visitor; a route that is not here fails.
func TestEveryRouteForEveryVisitor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	type statuses struct{ nobody, signedOut, otherSpace, viewer, reviewer int }
	const ok, see, no, bad, un, busy = http.StatusOK, http.StatusSeeOther, http.StatusNotFound, http.StatusBadRequest, http.StatusUnauthorized, http.StatusServiceUnavailable
	const forbidden = http.StatusForbidden
	want := map[string]statuses{
		"GET /{$}":                                       {see, see, ok, ok, ok},
		"GET /inbox/stream":                              {un, un, bad, bad, bad}, // without a place in the log
		"GET /access/{space}/{petition}":                 {see, see, no, ok, ok},
		"POST /access/{space}/{petition}":                {see, see, no, bad, bad}, // without a digest
		"GET /api-keys":                                  {see, see, ok, ok, ok},
		"POST /api-keys":                                 {see, see, ok, ok, ok},
		"POST /api-keys/accounts":                        {see, see, bad, 403, bad}, // none of the page's buttons
		"POST /api-keys/tokens":                          {see, see, bad, 403, bad},
		"POST /api-keys/trusts":                          {see, see, bad, 403, bad},
		"GET /account":                                   {see, see, ok, ok, ok},
		"POST /account/sessions":                         {see, see, bad, bad, bad}, // without a name
		"POST /account/delegations":                      {see, see, bad, bad, bad}, // without a name
		"POST /account/programs":                         {see, see, bad, bad, bad},
		"GET /account/space":                             {see, see, ok, ok, ok},
		"POST /account/space":                            {see, see, no, no, no}, // to no space
		"GET /grants":                                    {see, see, ok, ok, ok},
		"GET /grants/revoke":                             {see, see, bad, bad, bad}, // of nobody
		"POST /grants/revoke":                            {see, see, bad, bad, bad},
		"GET /settings":                                  {see, see, ok, forbidden, ok},
		"GET /people":                                    {see, see, see, forbidden, see},
		"POST /settings/space":                           {see, see, bad, forbidden, forbidden},       // without a field
		"POST /account/spaces":                           {see, see, forbidden, forbidden, forbidden}, // of no operator
		"POST /settings/members":                         {see, see, bad, forbidden, forbidden},
		"POST /settings/identities":                      {see, see, bad, forbidden, forbidden},
		"GET /groups":                                    {see, see, ok, ok, ok},
		"POST /groups":                                   {see, see, bad, forbidden, bad}, // without a name
		"GET /groups/{group}":                            {see, see, no, ok, ok},
		"POST /groups/{group}":                           {see, see, no, forbidden, bad},
		"GET /policy":                                    {see, see, ok, ok, ok},
		"GET /policy/versions/{version}":                 {see, see, ok, ok, ok}, // each space has one
		"GET /policy/proposals/{petition}":               {see, see, no, no, no}, // of a petition for something else
		"POST /policy/simulate":                          {see, see, bad, bad, bad},
		"POST /policy/rollback":                          {see, see, bad, forbidden, forbidden},
		"GET /policy/edit":                               {see, see, ok, forbidden, forbidden},
		"POST /policy/edit":                              {see, see, bad, forbidden, forbidden},
		"GET /sign-in":                                   {ok, ok, ok, ok, ok},
		"POST /sign-in":                                  {ok, ok, ok, ok, ok}, // without a link: says how to get one
		"GET /sign-in/with/{provider}":                   {no, no, no, no, no}, // there is none
		"GET /sign-in/callback/{provider}":               {no, no, no, no, no},
		"POST /sign-out":                                 {see, see, see, see, see},
		"GET /static/{file}":                             {ok, ok, ok, ok, ok},
		"* /":                                            {no, no, no, no, no},
		"GET /passkeys":                                  {see, see, ok, ok, ok},
		"POST /passkeys":                                 {see, see, bad, bad, bad},    // without what a passkey answers
		"POST /passkeys/options":                         {see, see, busy, busy, busy}, // no browser has passkeys for a number
		"GET /sign-in/passkey":                           {see, see, see, see, see},    // nothing waits for one
		"POST /sign-in/passkey":                          {see, see, see, see, see},
		"POST /sign-in/passkey/options":                  {un, un, un, un, un},
		"GET /webhooks":                                  {see, see, ok, forbidden, ok},
		"POST /webhooks":                                 {see, see, bad, forbidden, bad}, // without a field
		"GET /directory":                                 {see, see, ok, forbidden, ok},
		"POST /directory":                                {see, see, bad, forbidden, bad}, // without a field
		"GET /directory/{pull}":                          {see, see, no, forbidden, ok},
		"POST /directory/{pull}":                         {see, see, no, forbidden, bad}, // none of the page's buttons
		"GET /webhooks/{webhook}":                        {see, see, no, forbidden, ok},
		"POST /webhooks/{webhook}":                       {see, see, no, forbidden, bad}, // none of the page's buttons
		"POST /webhooks/{webhook}/condition":             {see, see, no, forbidden, bad}, // none of the page's buttons
		"GET /webhooks/{webhook}/deliveries":             {see, see, no, forbidden, ok},
		"GET /webhooks/{webhook}/deliveries/{delivery}":  {see, see, no, forbidden, ok},
		"POST /webhooks/{webhook}/deliveries/{delivery}": {see, see, no, forbidden, bad}, // none of the page's buttons
		"GET /webhook-policies":                          {see, see, ok, forbidden, ok},
		"POST /webhook-policies":                         {see, see, bad, forbidden, bad}, // without a field
		"GET /webhook-policies/{policy}":                 {see, see, no, forbidden, ok},
		"POST /webhook-policies/{policy}":                {see, see, no, forbidden, bad}, // none of the page's buttons
		"POST /webhook-policies/{policy}/try":            {see, see, no, forbidden, ok},  // on the latest petitions
		"GET /device":                                    {see, see, ok, ok, ok},
		"POST /device":                                   {see, see, bad, bad, bad}, // without a code
		"GET /authorize":                                 {see, see, bad, bad, bad}, // without what a program asks with
		"POST /authorize":                                {see, see, bad, bad, bad},
	}
	p := h.ask(viewer, approval.NewPetition{})
	fill := strings.NewReplacer("{$}", "", "{space}", "acme", "{petition}", p.Name, "{file}", "app.css", "{provider}", "okta", "{group}", h.group("on-call"), "{version}", "1", "{webhook}", h.hook("roles"), "{delivery}", h.delivered("roles", p), "{policy}", h.hookPolicy("all"), "{pull}", h.pull("pulled"))
	for _, route := range web.New(web.Deps{Service: h.service, BaseURL: base}).Routes() {
		name := route.Method + " " + route.Path
		expected, listed := want[name]
		if !listed {
			t.Errorf("%s is not in the matrix", name)
		}
		method, address := strings.Replace(route.Method, "*", "GET", 1), fill.Replace(route.Path)
		if route.Method == "*" {
			address = "/nothing/here"
		}
		gone := h.browser(reviewer)
		h.sessions.SignOut(t.Context(), gone.cookie.Value)
		for who, c := range map[string]struct {
			b    *browser
			want int
		}{"nobody": {h.browser(""), expected.nobody}, "signed out": {gone, expected.signedOut}, "other space": {h.browser(stranger), expected.otherSpace},
			"viewer": {h.browser(viewer), expected.viewer}, "reviewer": {h.browser(reviewer), expected.reviewer}} {
			if got := c.b.do(method, address, strings.NewReader("")); got.status != c.want {
				t.Errorf("%s by %s: %d, want %d", name, who, got.status, c.want)
			}
		}
	}
}

func TestEveryAnswerIsSecured(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(viewer, approval.NewPetition{})
	b := h.browser(reviewer)
	for _, address := range []string{"/", path(p), "/api-keys", "/passkeys", "/settings", "/groups", "/grants", "/grants/revoke?person=x", "/policy", "/policy/versions/1", "/webhooks", "/webhook-policies", "/directory", "/sign-in", "/sign-in?link=x", "/nothing", "/static/app.css", "/access/acme/none"} {
		got := b.get(address)
		for header, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
			"X-Frame-Options":         "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		} {
			if got.header.Get(header) != want {
				t.Errorf("%s: %s is %q", address, header, got.header.Get(header))
			}
		}
		if !strings.HasPrefix(address, "/static/") && got.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be kept: %q", address, got.header.Get("Cache-Control"))
		}
		for _, inline := range []string{"<style", " style=", "<script>", " onclick=", " onload=", "javascript:"} {
			if strings.Contains(got.body, inline) {
				t.Errorf("%s has %q", address, inline)
			}
		}
	}
}

func TestFormsFromOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(viewer, approval.NewPetition{})
	b := h.browser(reviewer)
	form := b.get(path(p)).press(approval.EventApprove, "", "1h0m0s")
	for name, header := range map[string]http.Header{
		"another site":        {"Sec-Fetch-Site": {"cross-site"}},
		"a neighbour":         {"Sec-Fetch-Site": {"same-site"}},
		"an old browser":      {"Origin": {"https://evil.example"}},
		"another port":        {"Origin": {"http://127.0.0.1:9999"}},
		"an unknown sandbox":  {"Origin": {"null"}},
		"this name, no https": {"Origin": {"https://127.0.0.1:8080"}, "Sec-Fetch-Site": {"cross-site"}},
	} {
		b.header = header
		for _, address := range []string{path(p), "/sign-in", "/sign-out", "/api-keys", "/settings/space", "/settings/spaces", "/settings/members", "/settings/identities", "/settings/groups"} {
			if got := b.post(address, form); got.status != http.StatusForbidden || !strings.Contains(got.text(), "another site") {
				t.Errorf("%s from %s: %d", address, name, got.status)
			}
		}
	}
	b.header = http.Header{"Origin": {base}, "Sec-Fetch-Site": {"same-origin"}}
	b.post(path(p), form).leadsTo(path(p))
}

// A proxy may change the Host; the base URL's own forms still count as its own.
func TestABaseURLBehindAProxyIsTrusted(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	handler := h.console("https://indent.acme.example", false)
	r := httptest.NewRequest(http.MethodPost, "http://10.0.0.7:8080/sign-out", nil)
	r.Header.Set("Origin", "https://indent.acme.example")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if w.Code != http.StatusSeeOther {
		t.Fatalf("status %d", w.Code)
	}
}

func TestInternalCausesStayInside(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser(reviewer)
	p := h.ask(viewer, approval.NewPetition{})
	h.close()
	got := b.get(path(p))
	if got.status != http.StatusServiceUnavailable && got.status != http.StatusInternalServerError {
		t.Fatalf("status %d", got.status)
	}
	got.lacks("sql", "database is closed", "panic")
	if got.status == http.StatusServiceUnavailable && got.header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
}

func TestStaticFilesAreKeptByTheirContent(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser("")
	body := b.get("/sign-in").body
	for _, name := range []string{"app.css", "app.js", "icon.svg"} {
		_, rest, found := strings.Cut(body, `"/static/`+name+`?v=`)
		if !found {
			t.Fatalf("the page does not use %s", name)
		}
		version, _, _ := strings.Cut(rest, `"`)
		got := b.get("/static/" + name + "?v=" + version).is(http.StatusOK)
		if !strings.Contains(got.header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %s", name, got.header.Get("Cache-Control"))
		}
		if got := b.get("/static/" + name + "?v=old").is(http.StatusOK); got.header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s of another version: %s", name, got.header.Get("Cache-Control"))
		}
	}
	b.get("/static/none.css").is(http.StatusNotFound)
	b.get("/static/" + url.PathEscape("../web.go")).is(http.StatusNotFound)
}
