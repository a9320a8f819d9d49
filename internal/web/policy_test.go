package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

func editing(do, text, reason, base string) url.Values {
	return url.Values{"do": {do}, "text": {text}, "reason": {reason}, "base": {base}}
}

func (h *house) policyNow() approval.PolicyDocument {
	h.t.Helper()
	return must(h.service.Store.Policy(h.t.Context(), "acme"))
}

func TestThePolicyIsReadByAll(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.browser(viewer).get("/policy").is(http.StatusOK).has("Version 1 holds", `id="line-1"`, "version: 1", "History", "Try a petition").holdsNo("/policy/edit", "Roll back", `name="as"`)
	h.browser(viewer).get("/policy/edit").is(http.StatusForbidden)
	h.browser(owner).get("/policy").is(http.StatusOK).has("/policy/edit", `name="as"`)
	h.browser(viewer).get("/policy/versions/1").is(http.StatusOK).has("It holds now", "The texts are the same")
	for _, missing := range []string{"2", "0", "two"} {
		h.browser(viewer).get("/policy/versions/" + missing).is(http.StatusNotFound)
	}
}

func TestAnOwnerChangesThePolicyOnThePage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser(owner)
	b.get("/policy/edit").is(http.StatusOK).has("version: 1", `name="base" value="1"`)

	b.post("/policy/edit", editing("check", "a\r\nb BROKEN", "", "1")).is(http.StatusOK).has("It would not be taken", `id="line-2" class="faulty"`, "column 3: ", "the text is broken", "a\nb BROKEN</textarea>")
	b.post("/policy/edit", editing("check", "FAILING\nODD", "", "1")).is(http.StatusOK).has("It would not be taken", "the rule is r1, not r2", "this is odd", "failed", "passed")
	b.post("/policy/edit", editing("check", "good", "", "1")).is(http.StatusOK).has("It would be taken: 1 rule, 1 test").holdsNo(`class="code lines"`)
	b.post("/policy/edit", editing("check", "PETITION", "", "1")).is(http.StatusOK).has("a change of it is a petition")
	b.post("/policy/edit", editing("apply", "BROKEN", "why", "1")).is(http.StatusBadRequest).has("Not taken", "the text is broken", `value="why"`)
	b.post("/policy/edit", editing("apply", "second", "", "1")).is(http.StatusBadRequest).has("Not taken", "reason", "second</textarea>")
	b.post("/policy/edit", editing("apply", "second", "why", "7")).is(http.StatusConflict).has("Not taken", "version 1 of the policy holds now", "Look at what holds now", "second</textarea>")
	b.post("/policy/edit", editing("nothing", "second", "why", "1")).is(http.StatusBadRequest)
	b.post("/policy/edit", editing("apply", "second", "why", "x")).is(http.StatusBadRequest)
	if v := h.policyNow().Version; v != 1 {
		t.Fatalf("version %d holds", v)
	}

	b.post("/policy/edit", editing("apply", "second\r\nline\r\n", "two lines", "1")).is(http.StatusSeeOther)
	if d := h.policyNow(); d.Version != 2 || d.Text != "second\nline\n" || d.Reason != "two lines" || d.CreatedBy != owner {
		t.Errorf("got %+v", d)
	}
	b.get("/policy").is(http.StatusOK).has("Version 2 holds", "two lines", "/policy/versions/1", "Roll back")
	b.get("/policy/versions/2").is(http.StatusOK).has(`class="del"`, `class="add"`, "second")
	b.post("/policy/rollback", url.Values{"version": {"1"}, "base": {"2"}, "reason": {""}}).is(http.StatusBadRequest).has("is required", " open>")
	b.post("/policy/rollback", url.Values{"version": {"1"}, "base": {"2"}, "reason": {"back"}}).is(http.StatusSeeOther)
	if d := h.policyNow(); d.Version != 3 || d.Text != "version: 1" {
		t.Errorf("got %+v", d)
	}
	b.post("/policy/rollback", url.Values{"version": {"1"}, "base": {"2"}, "reason": {"late"}}).is(http.StatusConflict)
	b.post("/policy/rollback", url.Values{"version": {"one"}}).is(http.StatusBadRequest)
}

// The form has a whole document: it may be as long as one.
func TestALongDocumentFitsIntoTheForm(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser(owner)
	b.post("/policy/edit", editing("apply", strings.Repeat("\"\n", approval.MaxPolicyBytes/2), "long", "1")).is(http.StatusSeeOther)
	b.post("/policy/edit", editing("apply", strings.Repeat("x", approval.MaxPolicyBytes+1), "long", "2")).is(http.StatusBadRequest).has("262144")
	b.post("/policy/simulate", url.Values{"reason": {strings.Repeat("x", 70_000)}}).is(http.StatusRequestEntityTooLarge)
}

func TestAChangeThatMustBeGrantedLeadsToItsPetition(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser(owner)
	b.post("/policy/edit", editing("apply", "PETITION", "govern", "1")).is(http.StatusSeeOther)
	to := b.post("/policy/edit", editing("apply", "third", "less", "2")).is(http.StatusSeeOther).header.Get("Location")
	name := to[strings.LastIndex(to, "/")+1:]
	if !strings.HasPrefix(to, "/access/acme/") {
		t.Fatalf("it leads to %q", to)
	}
	b.get("/policy").is(http.StatusOK).has("A change waits for approval", "/policy/proposals/"+name, "Version 2 holds")
	h.browser(viewer).get("/policy/proposals/"+name).is(http.StatusOK).has("It is to follow version 2", "third", to)
	h.browser(reviewer).get(to).is(http.StatusOK).has("It changes the rules by which everything is decided", `href="/policy/proposals/`+name)
	b.get("/policy/proposals/nothing").is(http.StatusNotFound)
}

func TestAPetitionIsTriedOnThePage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	before := len(must(h.service.Store.Events(t.Context(), approval.EventQuery{Space: "acme"})).Items)
	b := h.browser(viewer)
	b.post("/policy/simulate", url.Values{"reason": {"to <look>"}, "kind": {"database"}, "id": {"prod"}}).is(http.StatusOK).
		has("People decide", "r1", "matches", "petition.reason", "to &lt;look&gt;")
	b.post("/policy/simulate", url.Values{"reason": {""}, "kind": {"database"}, "id": {"prod"}}).is(http.StatusBadRequest).has("try-reason-wrong", `value="prod"`)
	b.post("/policy/simulate", url.Values{"reason": {"x"}, "id": {"prod"}, "params": {"{"}}).is(http.StatusBadRequest).has("try-params-wrong")
	b.post("/policy/simulate", url.Values{"reason": {"x"}, "id": {"prod"}, "as": {owner}}).is(http.StatusForbidden)
	h.browser(owner).post("/policy/simulate", url.Values{"reason": {"x"}, "id": {"prod"}, "as": {viewer}}).is(http.StatusOK).has("People decide")
	whole := url.Values{"reason": {"x"}, "kind": {"database"}, "id": {"prod"}, "more": {"host:a\r\nhost:b\r\n"}, "labels": {"ticket = T-1\r\nteam=core"}, "duration": {"90m"},
		"for": {viewer}, "time": {"2030-01-02T15:04:05Z"}}
	b.post("/policy/simulate", whole).is(http.StatusOK).has("People decide", "ticket = T-1", `value="90m"`)
	for field, wrong := range map[string][2]string{"more": {"host", "write kind:id"}, "labels": {"ticket", "must be name=value"}, "duration": {"2d", "such as 48h"}, "time": {"tomorrow", "such as 2030"}} {
		b.post("/policy/simulate", url.Values{"reason": {"x"}, "id": {"prod"}, field: {wrong[0]}}).is(http.StatusBadRequest).has("try-"+field+"-wrong", wrong[1])
	}
	b.post("/policy/simulate", url.Values{"reason": {"x"}, "id": {"prod"}, "labels": {strings.Repeat("k", 201) + "=1"}}).is(http.StatusBadRequest).
		has("try-labels-wrong").lacks("petition.meta")
	b.post("/policy/simulate", url.Values{"reason": {"x"}, "id": {"prod"}, "more": {"a:b\nc:" + strings.Repeat("k", 1100)}}).is(http.StatusBadRequest).
		has("try-more-wrong", "line 2: id").lacks("petition.resources")
	events := must(h.service.Store.Events(t.Context(), approval.EventQuery{Space: "acme"})).Items
	for _, e := range events[:len(events)-before] {
		if e.Event != approval.EventRefused {
			t.Errorf("it wrote %s", e.Event)
		}
	}
}

// The mark of a server to play with says of the policy what holds now, and no longer what held at first.
func TestTheMarkFollowsThePolicy(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser(owner)
	const both = "its policy lets one person play both parts"
	b.get("/").has("A server to play with").lacks(both)
	b.post("/policy/edit", editing("apply", "DEV", "play", "1")).is(http.StatusSeeOther)
	b.get("/").has(both)
}

// Owners see on their first page, and on that of the policy, what nobody could approve any more; others see it where they may see members.
func TestOwnersSeeWhatIsStuck(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const finding, waiting = "it waits for gone@acme.example", "A petition waits"
	h.browser(owner).get("/").is(http.StatusOK).holdsNo("as things stand")
	p := h.ask(viewer, approval.NewPetition{})
	h.browser(owner).post("/policy/edit", editing("apply", "NEEDS gone@acme.example", "why", "1")).is(http.StatusSeeOther)
	stored := must(h.service.Store.Petition(t.Context(), "acme", p.Name))
	e := approval.Event{Event: approval.EventUnsatisfiable, ID: "e", Reason: "only <0> may give one", Timestamp: h.clock.Now()}
	next := must(stored.Apply(e, h.clock.Now()))
	if err := h.service.Store.Commit(t.Context(), approval.Change{Space: "acme", Events: []approval.Event{e}, Writes: []approval.Write{approval.PutPetition{Petition: &next, Expect: stored.Version}}}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", "/policy"} {
		h.browser(owner).get(path).is(http.StatusOK).has(waiting, "only &lt;0&gt; may give one")
	}
	// The look that follows heals what is fine, and finds what the new document asks of nobody.
	if err := h.service.RunJob(t.Context(), approval.Job{Kind: approval.JobQuorum, Space: "acme"}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", "/policy"} {
		h.browser(owner).get(path).is(http.StatusOK).has(finding, "a kind of petition").holdsNo(waiting)
		h.browser(viewer).get(path).is(http.StatusOK).holdsNo(finding)
	}
	h.browser(reviewer).get("/policy").is(http.StatusOK).has(finding)
	h.browser(reviewer).get("/").is(http.StatusOK).holdsNo(finding)
}
