package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// hookPolicy makes a webhook policy of the space acme that is about everything, or finds it.
func (h *house) hookPolicy(name string) string {
	h.t.Helper()
	_, err := h.service.CreateWebhookPolicy(h.t.Context(), h.actor(owner), approval.NewWebhookPolicy{Name: name, Webhook: h.hook("roles")})
	if err != nil && approval.CodeOf(err) != approval.Conflict {
		h.t.Fatal(err)
	}
	return name
}

// aPolicyForm is what somebody types who makes a policy.
func aPolicyForm() url.Values {
	return url.Values{"name": {"prod"}, "displayName": {"Production"}, "webhook": {"roles"}, "call": {"ApplyUpdate"}, "match": {"env=prod\r\n\r\n tier = a"},
		"expressions": {"zone In eu, us\nold DoesNotExist"}, "condition": {"resource.kind == \"db\"\r\n|| resource.kind == \"disk\"", "", "  "}, "labels": {"team=core"}}
}

// A policy's life without a script: made, changed, deleted, and what the form says of it each time.
func TestWebhookPoliciesOnThePages(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser(reviewer) // an Editor
	b.get("/webhook-policies").is(http.StatusOK).has("There are no webhook policies, and no webhooks", "Add a webhook").lacks("Add a policy")
	h.hook("roles")
	b.get("/webhooks/roles").has("No policy names it", "Add a policy")
	b.get("/webhook-policies?webhook=roles").is(http.StatusOK).has("Add a policy", `<option value="roles" selected>`, `value="ApplyUpdate" checked`)

	at := "/webhook-policies/prod"
	b.after(b.post("/webhook-policies", aPolicyForm()).leadsTo(at+"#policy")).has("Done: the policy holds", "Production", "env=prod", "tier=a", "zone In eu,us", "old DoesNotExist", "team=core")
	made := must(h.service.WebhookPolicy(t.Context(), h.actor(reviewer), "prod"))
	if got := made.Base.Conditions; len(got) != 1 || got[0] != "resource.kind == \"db\"\n|| resource.kind == \"disk\"" {
		t.Errorf("the conditions are %q", got)
	}
	b.get("/webhook-policies").has("Production", "to roles", "zone In eu,us")
	b.get("/webhooks/roles").has("Production", "zone In eu,us").lacks("No policy names it")

	change := aPolicyForm()
	change.Del("name")
	for name, value := range map[string]string{"do": "change", "version": "1", "displayName": "", "match": "", "labels": ""} {
		change.Set(name, value)
	}
	change["condition"] = append(change["condition"], `petition.duration < duration("1h")`)
	b.after(b.post(at, change).leadsTo(at+"#policy")).has("Done: the policy is changed", `petition.duration < duration("1h")`, "Condition 4").lacks("tier=a", "team=core").lacks("Condition 5")
	again := b.post(at, change).is(http.StatusConflict).has("somebody has changed the webhook policy prod since you read it")
	again.has(`name="version" value="1"`)
	change.Set("version", "2")
	change["call"] = []string{"ApplyUpdate", "GetDecision"}
	change.Set("serviceAccount", "bot")
	change.Set("decideWithin", "5s")
	must(h.service.CreateServiceAccount(t.Context(), h.actor(reviewer), approval.Member{ID: "bot", Role: approval.PetitionAdmin}))
	b.after(b.post(at, change).leadsTo(at+"#policy")).has("Decides as", "bot", `name="decideWithin" maxlength="20" autocapitalize="none" autocomplete="off" spellcheck="false" value="5s"`)
	change.Set("version", "3")
	change.Set("decideWithin", "")
	b.after(b.post(at, change).leadsTo(at + "#policy")).has(`value="10s"`)
	change.Set("version", "4")
	change["call"] = []string{"GetState"}
	change.Set("serviceAccount", "")
	b.after(b.post(at, change).leadsTo(at + "#policy")).lacks("Decides as")

	b.post("/webhooks/roles", url.Values{"do": {"delete"}}).is(http.StatusConflict).has("is named by the webhook policy prod")
	b.post(at, url.Values{"do": {"nothing"}}).is(http.StatusBadRequest)
	b.after(b.post(at, url.Values{"do": {"delete"}}).leadsTo("/webhook-policies#policies")).has("Done: the policy is gone", "There are no webhook policies")
	b.post(at, url.Values{"do": {"delete"}}).is(http.StatusNotFound)
	b.get(at).is(http.StatusNotFound)
}

// What is refused stands beside its field, and what was typed is still there.
func TestWebhookPoliciesRefuseOnThePage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.hookPolicy("all")
	b := h.browser(reviewer)
	for name, c := range map[string]struct {
		field  string
		values []string
		at     string
		says   string
	}{
		"no name":                   {"name", []string{""}, "name", "is required"},
		"a name that is none":       {"name", []string{"a/b"}, "name", "letters, digits"},
		"a hidden sign":             {"displayName", []string{"a\u202eb"}, "title", "displayName"},
		"no webhook of that name":   {"webhook", []string{"gone"}, "webhook", "there is no such webhook"},
		"no call":                   {"call", nil, "calls", "tick at least one"},
		"a call that nobody makes":  {"call", []string{"PullUpdate"}, "calls", "there are ApplyUpdate"},
		"a decision of nobody":      {"call", []string{"GetDecision"}, "account", "is required for GetDecision"},
		"a time that is none":       {"decideWithin", []string{"soon"}, "within", "such as 10s"},
		"a time for nothing":        {"decideWithin", []string{"5s"}, "within", "is only for GetDecision"},
		"a label without a value":   {"labels", []string{"team"}, "labels", "name=value"},
		"a match twice":             {"match", []string{"env=a\nenv=b"}, "match", "twice"},
		"half an expression":        {"expressions", []string{"env In a\nenv"}, "expressions", "line 2 must be such as"},
		"an operator of another":    {"expressions", []string{"env In a\nenv is b"}, "expressions", "line 2: operator must be one of In"},
		"a condition that is wrong": {"condition", []string{"true", "", `resource.knd == "db"`}, "condition-2", "line 1, column 9: undefined field"},
		"a condition on a reason":   {"condition", []string{`petition.reason == "x"`}, "condition-1", "must not rest on what the petitioner says about itself"},
	} {
		t.Run(name, func(t *testing.T) {
			values := aPolicyForm()
			values[c.field] = c.values
			got := b.post("/webhook-policies", values).is(http.StatusBadRequest).has(c.says, `id="make-`+c.at+`-wrong" role="alert"`, `aria-describedby="make-`+c.at+`-wrong"`, `<details class="panel end add" open>`)
			if c.field != "match" {
				got.has("env=prod")
			}
			if c.field != "condition" {
				got.has("Condition 3").lacks("Condition 4")
			}
		})
	}
	values := aPolicyForm()
	values.Set("name", "all")
	b.post("/webhook-policies", values).is(http.StatusConflict).has("there is a webhook policy all in acme already")
	values["condition"] = strings.Split(strings.Repeat("true ", approval.MaxConditions+1), " ")
	b.post("/webhook-policies", values).is(http.StatusConflict) // of its name, before all else
	values.Set("name", "other")
	b.post("/webhook-policies", values).is(http.StatusBadRequest).has("at most 10 are allowed", "Condition 11").lacks("Condition 12")
	b.post("/webhook-policies/all", url.Values{"do": {"change"}, "webhook": {"roles"}, "call": {"ApplyUpdate"}}).is(http.StatusBadRequest).has("the form does not say what it was made of")
	if list := must(h.service.WebhookPolicies(t.Context(), h.actor(reviewer))); len(list) != 1 {
		t.Errorf("made all the same: %+v", list)
	}
}

// What the form cannot write it does not offer to change: it would be something else afterwards.
func TestAPolicyThatAFormCannotWriteStays(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.hook("roles")
	b := h.browser(reviewer)
	for name, base := range map[string]approval.PolicyBase{
		"comma":   {Selector: approval.LabelSelector{MatchExpressions: []approval.SelectorTerm{{Key: "env", Operator: approval.In, Values: []string{"a,b"}}}}},
		"blank":   {Selector: approval.LabelSelector{MatchLabels: map[string]string{"env": " a"}}},
		"newline": {Selector: approval.LabelSelector{MatchLabels: map[string]string{"env": "a\nb=c"}}},
	} {
		must(h.service.CreateWebhookPolicy(t.Context(), h.actor(owner), approval.NewWebhookPolicy{Name: name, Webhook: "roles", Base: base}))
		b.get("/webhook-policies/"+name).is(http.StatusOK).has("that a form cannot write", "Delete it").lacks("Change it")
	}
	must(h.service.CreateWebhookPolicy(t.Context(), h.actor(owner), approval.NewWebhookPolicy{Name: "fine", Webhook: "roles", Base: approval.PolicyBase{
		Selector: approval.LabelSelector{MatchLabels: map[string]string{"env": "a=b c"}, MatchExpressions: []approval.SelectorTerm{{Key: "x", Operator: approval.NotIn, Values: []string{"of two words", "b"}}}}, Conditions: []string{"\ntrue\n"}}}))
	b.get("/webhook-policies/fine").has("Change it").has("\">\n\ntrue\n</textarea>")
}

// Which calls would go, of the latest petitions, of one by its name or its address, and of what somebody would ask for.
func TestAWebhookPolicyIsTriedOnThePage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.hook("roles")
	must(h.service.CreateWebhookPolicy(t.Context(), h.actor(owner), approval.NewWebhookPolicy{Name: "db", Webhook: "roles", Base: approval.PolicyBase{
		Conditions: []string{`resource.kind == "db" && petition.params.rows < 10.0`}}}))
	b, try := h.browser(reviewer), "/webhook-policies/db/try"
	b.post(try, nil).is(http.StatusOK).has("There is no petition yet")
	fits := h.ask(viewer, approval.NewPetition{Resources: []approval.Resource{{Kind: "db", ID: "orders"}}, Params: approval.RawJSON(`{"rows": 5}`)})
	h.clock.Advance(time.Second)
	other := h.ask(viewer, approval.NewPetition{Resources: []approval.Resource{{Kind: "door", ID: "front"}}})
	h.clock.Advance(time.Second)
	unclear := h.ask(viewer, approval.NewPetition{Resources: []approval.Resource{{Kind: "db", ID: "users"}}})
	events := h.events()

	b.post(try, nil).is(http.StatusOK).has("It would be called for 1 of the latest 3 petitions", "db:orders: ApplyUpdate", "door:front: it is not about this", "condition 1 cannot be evaluated: no such key: rows", "nobody can tell")
	b.post(try, url.Values{"petition": {fits.Name}}).is(http.StatusOK).has("db:orders: ApplyUpdate", "indent.com/resource/kind=db").lacks("front")
	b.post(try, url.Values{"petition": {"https://indent.example.com" + path(other)}}).has("door:front: it is not about this").lacks("orders: ")
	b.post(try, url.Values{"petition": {"#acme/" + unclear.Name}}).has("no such key: rows")
	b.post(try, url.Values{"kind": {"db"}, "id": {"orders"}, "more": {"door:front"}, "params": {`{"rows": 1}`}, "for": {"new@acme.example"}}).is(http.StatusOK).
		has("What was typed", "db:orders: ApplyUpdate", "door:front: it is not about this", `<details class="more" open>`)
	for field, c := range map[string]struct {
		values url.Values
		says   string
	}{
		"petition": {url.Values{"petition": {"gone"}}, "names no petition of this space"},
		"id":       {url.Values{"kind": {"db"}}, "needs an id"},
		"params":   {url.Values{"kind": {"db"}, "id": {"a"}, "params": {"{"}}, "params"},
		"duration": {url.Values{"kind": {"db"}, "id": {"a"}, "duration": {"2d"}}, "such as 48h"},
	} {
		b.post(try, c.values).is(http.StatusBadRequest).has(c.says, `id="try-`+field+`-wrong" role="alert"`)
	}
	b.post(try, url.Values{"petition": {fits.Name}, "id": {"a"}}).is(http.StatusBadRequest).has("leave it empty, or what is asked for")
	b.post("/webhook-policies/gone/try", nil).is(http.StatusNotFound)
	if now := h.events(); now != events {
		t.Errorf("trying wrote %d entries into the log", now-events)
	}
}

func TestWhoOnlyReadsWebhookPoliciesChangesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.hookPolicy("all")
	must(h.service.PutMember(t.Context(), approval.System("acme", "admin"), approval.Member{Email: "pat@acme.example", Role: approval.PetitionAdmin}))
	b := h.browser("pat@acme.example")
	b.get("/webhook-policies").is(http.StatusOK).has("all").lacks("Add a policy")
	b.get("/webhook-policies/all").has("everything", "Try it").lacks("Change it").lacks("Delete it")
	b.get("/webhooks/roles").has("everything").lacks("Add a policy")
	b.post("/webhook-policies/all/try", nil).is(http.StatusOK)
	b.post("/webhook-policies", aPolicyForm()).is(http.StatusForbidden)
	for _, do := range []string{"change", "delete"} {
		b.post("/webhook-policies/all", url.Values{"do": {do}, "version": {"1"}}).is(http.StatusForbidden)
	}
	h.browser(viewer).get("/webhook-policies").is(http.StatusForbidden)
	h.browser(stranger).get("/webhook-policies/all").is(http.StatusNotFound)
}
