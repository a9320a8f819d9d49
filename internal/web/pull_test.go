package web_test

import (
	"errors"
	"net/http"
	"net/url"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
)

// pull makes a pull policy of the space acme.
func (h *house) pull(name string) string {
	h.t.Helper()
	must(h.service.PutPullPolicy(h.t.Context(), h.actor(owner), name, approval.PullPolicy{Webhook: h.hook("lists"), Kinds: []string{"role"}}))
	return name
}

// pulls has the endpoint answer, and the pull run that is due.
func (h *house) pulls(name string, a approval.WebhookAnswer) {
	h.t.Helper()
	h.service.Endpoints.(*approvaltest.Endpoints).Answer = func(approval.WebhookTarget, approval.WebhookCall) approval.WebhookAnswer { return a }
	err := h.service.RunJob(h.t.Context(), approval.Job{Kind: approval.JobPull, Space: "acme", Key: "pull/acme/" + name})
	if later := (approval.Later{}); err != nil && !errors.As(err, &later) {
		h.t.Fatal(err)
	}
}

// A pull policy's life without a script: made, pulled, failing, refused and forced, changed, deleted.
func TestTheDirectoryOnThePages(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser(reviewer) // an Editor
	b.get("/directory").is(http.StatusOK).has("No webhook fills the directory", "Make the webhook", `<a href="/settings" aria-current="page">`)
	h.hook("lists")
	b.get("/directory").has("Let a webhook fill it")
	at := "/directory/roles"
	typed := url.Values{"name": {"roles"}, "displayName": {"Roles <of> it"}, "webhook": {"lists"}, "kinds": {"role\ndatabase"}, "schedule": {"0 3 * * *"}, "flags": {"env = prod"}, "labels": {"team=core"},
		"takeLabels": {"description"}, "takeIdentities": {"yes"}, "match": {"tier=a"}, "expressions": {"old DoesNotExist\nenv In a, b"}, "conditions": {"true\n"}}
	b.after(b.post("/directory", typed).leadsTo(at+"#pull")).has("Done: ", "Roles <of> it", "nothing has been pulled yet", "role", "database", "0 3 * * *", "env=prod", "team=core", "description",
		"who is who", "tier=a", "old DoesNotExist", "env In a,b", "Pull it now")
	p := must(h.service.PullPolicy(t.Context(), h.actor(owner), "roles"))
	if p.Flags["env"] != "prod" || len(p.Base.Selector.MatchExpressions) != 2 || len(p.Base.Selector.MatchExpressions[1].Values) != 2 || len(p.Base.Conditions) != 1 || !p.TakeIdentities {
		t.Errorf("made %+v", p)
	}

	b.after(b.post(at, url.Values{"do": {"run"}}).leadsTo(at+"#pull")).has("Done: the webhook is asked", "running")
	list := make([]approval.Resource, 30)
	for i := range list {
		list[i] = approval.Resource{Kind: "role", ID: string(rune('a'+i%26)) + string(rune('a'+i/26)), Labels: map[string]string{"tier": "a", "env": "a", "secret": "x"}}
	}
	h.pulls("roles", approval.WebhookAnswer{Outcome: approval.WebhookDone, Resources: list})
	b.get(at).has("works", "The last pull", "30, of which 30 are taken", "30 new, 0 changed, 0 gone", "the label secret").lacks("The last that worked")
	b.get("/directory").has("Roles <of> it", "by lists", "last good", "next")

	b.post(at, url.Values{"do": {"run"}})
	h.pulls("roles", approval.WebhookAnswer{Outcome: approval.WebhookAgain, Problem: "the endpoint answers <503>"})
	b.get(at).has("failing since", "1 in a row", "what was pulled before stays", "the endpoint answers <503>", "The last that worked")
	b.get("/directory").has("failing", "Failing since", "the endpoint answers <503>")

	b.post(at, url.Values{"do": {"run"}})
	h.pulls("roles", approval.WebhookAnswer{Outcome: approval.WebhookDone})
	b.get(at).has("refused", "30 of the 30", "All of that is really gone")
	b.after(b.post(at, url.Values{"do": {"force"}}).leadsTo(at + "#pull")).has("Done: ")
	h.pulls("roles", approval.WebhookAnswer{Outcome: approval.WebhookDone})
	b.get(at).has("works", "0 new, 0 changed, 30 gone").lacks("All of that is really gone")

	change := url.Values{"do": {"change"}, "webhook": {"lists"}, "kinds": {"role"}, "version": {b.get(at).field("version")}}
	b.after(b.post(at, change).leadsTo(at+"#pull")).has("Done: it is changed", "when somebody asks").lacks("env=prod").lacks("addresses and other ids are taken")
	b.get(at).lacks("this form cannot write")
	must(h.service.PutPullPolicy(t.Context(), h.actor(owner), "roles", approval.PullPolicy{Webhook: "lists", Kinds: []string{"role"}, Base: approval.PolicyBase{Conditions: []string{"true &&\ntrue"}}}))
	b.get(at).has("this form cannot write")
	b.post(at, url.Values{"do": {"nothing"}}).is(http.StatusBadRequest)
	b.after(b.post(at, url.Values{"do": {"delete"}}).leadsTo("/directory#directory")).has("Done: it is deleted", "No webhook fills the directory")
	b.post(at, url.Values{"do": {"delete"}}).is(http.StatusNotFound)
	b.get(at).is(http.StatusNotFound)
}

// What is refused stands beside its field, with all that was typed.
func TestTheDirectoryRefusesOnThePage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.pull("standing")
	b := h.browser(reviewer)
	for field, c := range map[string]struct{ typed, says string }{
		"name": {"a/b", "letters, digits"}, "kinds": {"indent/policy", "the server's own"}, "schedule": {"* * * * *", "sooner than every 5 minutes"}, "flags": {"no equals", "name=value"}, "labels": {"indent.com/block=x", "cannot be the same of all"},
		"takeLabels": {"a\na", "twice"}, "match": {"=x", "name=value"}, "expressions": {"env", "must be such as"}, "conditions": {"BROKEN", "conditions"}, "webhook": {"none", "make the webhook first"}, "displayName": {"a\u202eb", "displayName"},
	} {
		typed := url.Values{"name": {"new"}, "displayName": {"as typed"}, "webhook": {"lists"}, "kinds": {"role"}, "version": {b.get("/directory/standing").field("version")}}
		typed.Set(field, c.typed)
		b.post("/directory", typed).is(http.StatusBadRequest).has(c.says)
		if field != "displayName" {
			b.post("/directory", typed).has("as typed")
		}
		typed.Set("do", "change")
		if field != "name" {
			b.post("/directory/standing", typed).is(http.StatusBadRequest).has(c.says)
		}
	}
	b.post("/directory", url.Values{"name": {"standing"}, "webhook": {"lists"}, "kinds": {"role"}}).is(http.StatusConflict).has("already")
}

// A form that was opened before somebody else's change does not undo it, and keeps what was typed.
func TestAStaleFormOfTheDirectoryChangesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	at := "/directory/" + h.pull("roles")
	b := h.browser(reviewer)
	change := url.Values{"do": {"change"}, "displayName": {"as typed"}, "webhook": {"lists"}, "kinds": {"role"}, "version": {b.get(at).field("version")}}
	must(h.service.PutPullPolicy(t.Context(), h.actor(owner), "roles", approval.PullPolicy{Webhook: "lists", Kinds: []string{"database"}}))
	for range 2 { // sent again it is as stale
		b.post(at, change).is(http.StatusConflict).has("somebody has changed the pull policy roles since you read it", "as typed")
	}
	if p := must(h.service.PullPolicy(t.Context(), h.actor(owner), "roles")); p.Kinds[0] != "database" || p.DisplayName != "" {
		t.Errorf("it is overwritten: %+v", p)
	}
	change.Del("version")
	b.post(at, change).is(http.StatusBadRequest).has("open the page again")
	change.Set("version", b.get(at).field("version"))
	b.after(b.post(at, change).leadsTo(at + "#pull")).has("as typed")
}

func TestWhoOnlyReadsTheDirectoryChangesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	at := "/directory/" + h.pull("roles")
	must(h.service.PutMember(t.Context(), approval.System("acme", "admin"), approval.Member{Email: "pat@acme.example", Role: approval.PetitionAdmin}))
	b := h.browser("pat@acme.example")
	b.get("/directory").has("roles").lacks("Let a webhook fill it")
	b.get(at).has("How it stands").lacks("Change it").lacks("Pull it now")
	for _, do := range []string{"change", "run", "force", "delete"} {
		b.post(at, url.Values{"do": {do}, "version": {"1"}}).is(http.StatusForbidden)
	}
	h.browser(viewer).get("/directory").is(http.StatusForbidden)
	b.get("/settings").has("See what fills the directory")
	h.browser(stranger).get(at).is(http.StatusNotFound)
}
