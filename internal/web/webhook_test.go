package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

var aSecret = regexp.MustCompile(`whsec_[A-Za-z0-9+/=]+`)

// hook makes a webhook of the space acme, or finds it.
func (h *house) hook(name string) string {
	h.t.Helper()
	_, _, err := h.service.CreateWebhook(h.t.Context(), h.actor(owner), approval.NewWebhook{Name: name, URL: "https://hooks.example.com/" + name,
		Headers: map[string]approval.HeaderInput{"Authorization": {Credential: "Bearer k3y"}, "X-Team": {Value: "platform"}}})
	if err != nil && approval.CodeOf(err) != approval.Conflict {
		h.t.Fatal(err)
	}
	return name
}

// A webhook's life without a script: made with a secret that is shown once, tried, changed, rotated, deleted.
func TestWebhooksOnThePages(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser(reviewer) // an Editor
	b.get("/webhooks").is(http.StatusOK).has("There are no webhooks", "Add a webhook")
	made := b.post("/webhooks", url.Values{"name": {"roles"}, "displayName": {"Roles"}, "url": {"https://hooks.example.com/indent"}, "method": {"POST"},
		"headers": {"X-Team: platform\n"}, "credentialName": {"Authorization"}, "credential": {"Bearer k3y"}}).is(http.StatusOK).has("Its new secret", "shown this one time", "a credential, which nobody can read", "platform")
	secret := aSecret.FindString(made.body)
	if secret == "" {
		t.Fatal("no secret is shown")
	}
	at := "/webhooks/roles"
	b.get(at).has("Roles", "POST https://hooks.example.com/indent", "whpk_").lacks(secret).lacks("k3y").lacks("Its new secret")
	b.get("/webhooks").has("Roles", "roles").lacks(secret)
	b.post(at, url.Values{"do": {"test"}}).is(http.StatusOK).has("What came back", "GetInfo", "as it must", "ApplyUpdate (access/revoke)").lacks(secret)

	change := url.Values{"do": {"change"}, "displayName": {"Other"}, "url": {"https://hooks.example.com/other"}, "method": {"PUT"}, "headers": {""}, "dryRun": {"yes"}}
	send := func() page { // as it is typed into the page of now
		change.Set("version", b.get(at).field("version"))
		return b.post(at, change)
	}
	b.after(send().leadsTo(at+"#webhook")).has("Done: ", "Other", "PUT https://hooks.example.com/other", "dry run", "a credential, which nobody can read").lacks("platform")
	change.Set("url", "https://evil.example/")
	send().is(http.StatusBadRequest).has("is a credential for https://hooks.example.com").has("https://evil.example/")
	change.Set("credentialName", "Authorization")
	change.Set("credential", "Bearer another")
	b.after(send().leadsTo(at + "#webhook")).has("https://evil.example/")
	change.Del("credential")
	change.Set("dropCredentials", "yes")
	b.after(send().leadsTo(at + "#webhook")).lacks("a credential, which nobody can read")

	rotated := b.post(at, url.Values{"do": {"rotate"}, "grace": {"1h"}}).is(http.StatusOK).has("Its new secret", "The secret before signs, too, until")
	if again := aSecret.FindString(rotated.body); again == "" || again == secret {
		t.Errorf("rotated to %q", again)
	}
	b.after(b.post(at, url.Values{"do": {"finish"}}).leadsTo(at + "#webhook")).has("Done: ").lacks("signs, too, until")
	b.post(at, url.Values{"do": {"rotate"}, "grace": {"1h"}}).is(http.StatusOK).has("signs, too, until")
	both := strings.Count(b.get(at).body, "whpk_")
	h.clock.Advance(time.Hour)
	if after := b.get(at).lacks("signs, too, until"); both != 2 || strings.Count(after.body, "whpk_") != 1 {
		t.Errorf("%d public keys, and afterwards:\n%s", both, after.text())
	}
	b.post(at, url.Values{"do": {"finish"}}).is(http.StatusConflict).has("Not done", "no rotation is going on")
	b.post(at, url.Values{"do": {"rotate"}, "grace": {"for ever"}}).is(http.StatusBadRequest)
	b.post(at, url.Values{"do": {"nothing"}}).is(http.StatusBadRequest)
	b.after(b.post(at, url.Values{"do": {"delete"}}).leadsTo("/webhooks#webhooks")).has("Done: ", "There are no webhooks")
	b.post(at, url.Values{"do": {"delete"}}).is(http.StatusNotFound)
}

// What is refused stands beside its field with what was typed, but for what is secret.
func TestWebhooksRefuseOnThePage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser(reviewer)
	for field, c := range map[string]struct {
		set  url.Values
		says string
	}{
		"url":         {url.Values{"url": {"http://example.com"}}, "must begin with https://"},
		"name":        {url.Values{"name": {"a/b"}}, "letters, digits"},
		"headers":     {url.Values{"headers": {"no colon"}}, "NAME: VALUE"},
		"host":        {url.Values{"headers": {"Host: evil"}}, "is set by the server"},
		"credential":  {url.Values{"credentialName": {""}, "credential": {"s3cret-of-mine"}}, "need a name for the credential"},
		"secret":      {url.Values{"secret": {"s3cret-of-mine"}}, "16 to 500"},
		"displayName": {url.Values{"displayName": {"a\u202eb"}}, "displayName"},
	} {
		values := url.Values{"name": {"roles"}, "url": {"https://hooks.example.com/typed"}, "method": {"POST"}}
		for name, value := range c.set {
			values[name] = value
		}
		b.post("/webhooks", values).is(http.StatusBadRequest).has(c.says).lacks("s3cret-of-mine")
		if field != "url" {
			b.post("/webhooks", values).has("https://hooks.example.com/typed")
		}
	}
	h.hook("roles")
	b.post("/webhooks", url.Values{"name": {"roles"}, "url": {"https://hooks.example.com"}}).is(http.StatusConflict).has("already")
}

// A form that was opened before somebody else moved the webhook does not send its calls back to the old address.
func TestAStaleFormOfAWebhookChangesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	at := "/webhooks/" + h.hook("lists")
	b := h.browser(reviewer)
	read := b.get(at).field("version")
	h.pull("named") // what names a webhook does not change it
	change := url.Values{"do": {"change"}, "displayName": {"as typed"}, "url": {"https://hooks.example.com/lists"}, "method": {"POST"}, "version": {b.get(at).field("version")}}
	if read != change.Get("version") {
		t.Errorf("the form is another (%s, %s) and nobody changed it", read, change.Get("version"))
	}
	h.clock.Advance(time.Second)
	moved := "https://hooks.example.com/moved"
	must(h.service.ChangeWebhook(t.Context(), h.actor(owner), "lists", approval.WebhookChange{URL: &moved}))
	for range 2 { // sent again it is as stale
		b.post(at, change).is(http.StatusConflict).has("somebody has changed the webhook lists since you read it", "as typed")
	}
	if w := must(h.service.Webhook(t.Context(), h.actor(owner), "lists")); w.URL != moved || w.DisplayName != "" {
		t.Errorf("it is overwritten: %+v", w)
	}
	change.Del("version")
	b.post(at, change).is(http.StatusBadRequest).has("open the page again")
	change.Set("version", b.get(at).field("version"))
	b.after(b.post(at, change).leadsTo(at + "#webhook")).has("as typed")
}

func TestWhoOnlyReadsWebhooksChangesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.hook("roles")
	must(h.service.PutMember(t.Context(), approval.System("acme", "admin"), approval.Member{Email: "pat@acme.example", Role: approval.PetitionAdmin}))
	b := h.browser("pat@acme.example")
	b.get("/webhooks").has("roles").lacks("Add a webhook")
	b.get("/webhooks/roles").has("https://hooks.example.com/roles").lacks("Change it").lacks("Delete it")
	for _, do := range []string{"change", "rotate", "finish", "test", "delete"} {
		b.post("/webhooks/roles", url.Values{"do": {do}, "version": {"1"}}).is(http.StatusForbidden)
	}
	h.browser(viewer).get("/webhooks").is(http.StatusForbidden)
	b.get("/settings").has("See the webhooks")
	h.browser(stranger).get("/webhooks/roles").is(http.StatusNotFound)
}
