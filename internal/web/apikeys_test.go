package web_test

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

func TestAPIKeysSaysWhatTheQuickstartSays(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.browser(owner).get("/api-keys").is(http.StatusOK).has("Current User", owner, "Can take actions on your behalf", "Appears in audit log as you",
		"Indent Space", "acme", "Access Token", "Note: this token is short lived and will expire soon",
		".env", "INDENT_SPACE=acme", "INDENT_API_TOKEN=****", "INDENT_API_URL="+base, "Remember that your API key is a secret!")
}

func TestATokenIsMadeByTheButtonOnlyAndShownOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser(owner)
	token := "eyJ.token-of-" + owner + ".sig"
	for range 2 {
		b.get("/api-keys").lacks(token)
	}
	made := b.post("/api-keys", nil).is(http.StatusOK).has("Reveal", "2 Jan 2030, 04:04 UTC", "INDENT_SPACE=acme\nINDENT_API_TOKEN="+token+"\nINDENT_API_URL="+base+"\n")
	if made.header.Get("Cache-Control") != "no-store" {
		t.Error("the answer may be kept")
	}
	// The token stands in the two fields that one reveals, nowhere else.
	if n := strings.Count(made.body, token); n != 2 {
		t.Errorf("the token is on the page %d times", n)
	}
	b.get("/api-keys").lacks(token)
}

// What a Viewer, a Petition Admin and the owner of an account see and may press.
func TestServiceAccountsOnThePage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser(reviewer) // an Editor
	b.get("/api-keys").has("Service accounts", "There are none yet.", "Make a service account")
	h.browser(viewer).get("/api-keys").lacks("Service accounts")
	b.post("/api-keys/accounts", url.Values{"do": {"create"}, "account": {"deploy-bot"}, "name": {"Deploys"}, "role": {"Petition Admin"}}).leadsTo("/api-keys#service-accounts")
	b.post("/api-keys/accounts", url.Values{"do": {"create"}, "account": {"boss"}, "role": {"Owner"}}).is(http.StatusForbidden).has("Service accounts", "Make a service account", "cannot have a role above yours")
	b.get("/api-keys").has("deploy-bot", "Deploys", "Petition Admin", reviewer, "It has no token.", "Make a token", "petitions:create").holdsNo(`value="tokens:all"`)

	fields := url.Values{"do": {"create"}, "account": {"deploy-bot"}, "name": {"nightly"}, "days": {"30"}, "scope": {"petitions:create", "petitions:read"}}
	made := b.post("/api-keys/tokens", fields).is(http.StatusOK).has("A new token of deploy-bot", "It is shown this one time", "1 Feb 2030", "nightly", "petitions:read petitions:create", "Never used")
	secret := regexp.MustCompile(`ind_[0-9A-Za-z]{38}`).FindAllString(made.body, -1)
	if len(secret) != 1 || made.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("the token is on the page %d times, kept: %s", len(secret), made.header.Get("Cache-Control"))
	}
	b.get("/api-keys").lacks(secret[0])
	if a, err := h.identity.Authenticate(t.Context(), secret[0]); err != nil || a.ID != "deploy-bot" || len(a.Scopes) != 2 {
		t.Errorf("%+v, %v", a, err)
	}
	for name, bad := range map[string][2]string{"no scope": {"scope", ""}, "a life of its own": {"days", "9999"}, "no button": {"do", "x"}} {
		wrong := maps.Clone(fields)
		wrong[bad[0]] = []string{bad[1]}
		if bad[1] == "" {
			delete(wrong, bad[0])
		}
		if got := b.post("/api-keys/tokens", wrong); got.status != http.StatusBadRequest {
			t.Errorf("%s: %d", name, got.status)
		}
	}
	// An owner of the space may end what is another's, and makes no tokens of it.
	h.browser(owner).get("/api-keys").has("deploy-bot", "Revoke", "Suspend").holdsNo(`value="rotate"`, `name="scope"`)
	h.browser(owner).post("/api-keys/tokens", fields).is(http.StatusForbidden)
	h.browser(viewer).post("/api-keys/tokens", fields).is(http.StatusForbidden)

	name := regexp.MustCompile(`name="token" value="([^"]+)"`).FindStringSubmatch(made.body)[1]
	fresh := b.post("/api-keys/tokens", url.Values{"do": {"rotate"}, "token": {name}, "grace": {"0s"}}).is(http.StatusOK).has("A new token of deploy-bot", "Ended tokens")
	if _, err := h.identity.Authenticate(t.Context(), secret[0]); approval.CodeOf(err) != approval.Unauthenticated {
		t.Errorf("the old one: %v", err)
	}
	next := regexp.MustCompile(`name="token" value="([^"]+)"`).FindStringSubmatch(fresh.body)[1]
	h.browser(owner).post("/api-keys/tokens", url.Values{"do": {"revoke"}, "token": {next}}).leadsTo("/api-keys#service-accounts")
	b.get("/api-keys").has("It has no token.")

	b.post("/api-keys/accounts", url.Values{"do": {"suspend"}, "account": {"deploy-bot"}}).leadsTo("/api-keys#service-accounts")
	b.get("/api-keys").has("suspended", "Resume").holdsNo(`name="scope"`)
	b.post("/api-keys/accounts", url.Values{"do": {"delete"}, "account": {"deploy-bot"}}).leadsTo("/api-keys#service-accounts")
	b.get("/api-keys").has("There are none yet.")
}
