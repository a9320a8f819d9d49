package web_test

import (
	"net/http"
	"strings"
	"testing"
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
