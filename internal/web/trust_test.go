package web_test

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"testing"
)

const github = "https://token.actions.githubusercontent.com"

// The owner of a service account makes a trust and ends it on the page; what it trusts is there to be read.
func TestTrustsOnThePage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser(reviewer)
	b.after(b.post("/api-keys/accounts", url.Values{"do": {"create"}, "account": {"deploy"}, "role": {"Petition Admin"}}).leadsTo("/api-keys#service-accounts")).has("Done: the service account is there")
	b.get("/api-keys").has("Trust an outside issuer", "value=\""+base+"\"")
	fields := url.Values{"do": {"create"}, "account": {"deploy"}, "issuer": {" " + github + " "}, "audience": {base}, "claims": {"sub = repo:acme/app:*\r\n\r\nref=refs/heads/main\r\n"}, "scope": {"petitions:create", "petitions:read"}}
	shown := b.after(b.post("/api-keys/trusts", fields).leadsTo("/api-keys#service-accounts")).has("Done: tokens of that issuer stand for", github, "ref=refs/heads/main", "sub=repo:acme/app:*", "petitions:create petitions:read", "Made 2 Jan 2030")
	made := must(h.service.Trusts(t.Context(), h.actor(reviewer), "deploy"))
	if len(made) != 1 || made[0].Issuer != github || !maps.Equal(made[0].Claims, map[string]string{"sub": "repo:acme/app:*", "ref": "refs/heads/main"}) || len(made[0].Scopes) != 2 {
		t.Fatalf("%+v", made)
	}
	// Another one who manages tokens ends it, and does not make one.
	h.browser(owner).get("/api-keys").has(github, "End the trust").holdsNo("Trust an outside issuer")
	h.browser(owner).post("/api-keys/trusts", fields).is(http.StatusForbidden).has("Not done", "who alone makes its tokens")
	h.browser(viewer).post("/api-keys/trusts", fields).is(http.StatusForbidden)
	name := regexp.MustCompile(`name="trust" value="([^"]+)"`).FindStringSubmatch(shown.body)[1]
	h.browser(viewer).post("/api-keys/trusts", url.Values{"do": {"end"}, "account": {"deploy"}, "trust": {name}}).is(http.StatusForbidden)
	c := h.browser(owner)
	c.after(c.post("/api-keys/trusts", url.Values{"do": {"end"}, "account": {"deploy"}, "trust": {name}}).leadsTo("/api-keys#service-accounts")).has("Done: the trust has ended").lacks(github + "</p>")
	c.post("/api-keys/trusts", url.Values{"do": {"end"}, "account": {"deploy"}, "trust": {name}}).is(http.StatusNotFound).has("Not done", "there is no trust")
	if left := must(h.service.Trusts(t.Context(), h.actor(reviewer), "deploy")); len(left) != 0 {
		t.Errorf("%+v", left)
	}
}

// What is wrong with a trust stands beside its field, what was typed is still there, and nothing is made.
func TestARefusedTrustComesBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser(reviewer)
	b.post("/api-keys/accounts", url.Values{"do": {"create"}, "account": {"deploy"}, "role": {"Petition Admin"}})
	good := url.Values{"do": {"create"}, "account": {"deploy"}, "issuer": {github}, "audience": {"indent"}, "claims": {"sub=repo:acme/app:*"}, "scope": {"petitions:read"}}
	for name, c := range map[string]struct{ field, value, at, says string }{
		"no address":            {"issuer", "ci.example", "issuer", "must be the https address"},
		"no audience":           {"audience", "", "audience", "is required"},
		"no claims":             {"claims", "", "claims", "at least one besides iss and aud"},
		"no name=value":         {"claims", "sub", "claims", "must be name=value"},
		"no value":              {"claims", "sub=", "claims", "must be name=value"},
		"a name twice":          {"claims", "sub=a\nsub=b", "claims", "twice"},
		"too open":              {"claims", "sub=repo:*", "claims", "would fit too many"},
		"an issuer of everyone": {"claims", "ref=main", "claims", "signs tokens for everybody"},
		"nothing ticked":        {"scope", "", "scope", "tick what it may do"},
		"no scope":              {"scope", "petitions:everything", "scope", "there is no scope"},
	} {
		t.Run(name, func(t *testing.T) {
			fields := maps.Clone(good)
			fields[c.field] = []string{c.value}
			if c.field == "scope" && c.value == "" {
				delete(fields, "scope")
			}
			got := b.post("/api-keys/trusts", fields).is(http.StatusBadRequest).has(c.says, `id="trust-deploy-`+c.at+`-wrong" role="alert"`, `aria-describedby="trust-deploy-`+c.at+`-wrong"`, "<details class=\"more\" open><summary>Trust an outside issuer")
			if c.field != "issuer" {
				got.has(`value="` + github + `"`)
			}
			if c.field != "claims" {
				got.has("sub=repo:acme/app:*</textarea>")
			}
			if c.field != "scope" {
				got.has(`value="petitions:read" checked`).holdsNo(`value="petitions:create" checked> <code>petitions:create</code></label> <label`)
			}
		})
	}
	if made := must(h.service.Trusts(t.Context(), h.actor(reviewer), "deploy")); len(made) != 0 {
		t.Errorf("%+v", made)
	}
	fields := maps.Clone(good)
	fields["account"] = []string{"nobody"}
	b.post("/api-keys/trusts", fields).is(http.StatusNotFound).has("Not done", `there is no member "nobody"`)
	if evs := h.refusals(); len(evs) != 0 {
		t.Errorf("typing errors are no refusals: %+v", evs[0])
	}
}
