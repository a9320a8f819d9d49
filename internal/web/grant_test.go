package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// granted has id ask for a resource and the reviewer approve it.
func (h *house) granted(id, resource, reason string, labels map[string]string) approval.Petition {
	h.t.Helper()
	p := h.ask(id, approval.NewPetition{Reason: reason, Resources: []approval.Resource{{ID: resource, Kind: "db"}}})
	next, _, err := h.service.Decide(h.t.Context(), h.actor(reviewer), p.Name, approval.NewClaim{Event: approval.EventApprove, Labels: labels}, "")
	return must(next, err)
}

// Who has what now, of a person, of a resource and at a time, each line with who decided; several grants of a pair say until
// when access really lasts.
func TestWhoHasWhat(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser(viewer)
	b.get("/grants").is(http.StatusOK).has("Nobody has anything")
	begin := h.clock.Now()
	h.granted(viewer, "orders", "to look at order 4711", nil)
	h.granted(viewer, "orders", "to go on looking", map[string]string{approval.LabelTimeDuration: "3h"})
	h.granted(owner, "stock", "to count", map[string]string{approval.LabelTimeDuration: "20h"})
	b.get("/grants").has("to look at order 4711", "to go on looking", "to count", "access goes on until", viewer, owner, "rule").lacks("Revoke these")
	b.get("/grants?person="+strings.ToUpper(viewer)).has("orders", "Revoke these", "Show all").lacks("to count")
	b.get("/grants?resource=stock").has("to count").lacks("order 4711")
	b.get("/grants?resource=nothing").has("Nobody has that.")
	later := h.ask(viewer, approval.NewPetition{Reason: "on Saturday", StartTime: begin.Add(48 * time.Hour)})
	b.get(path(later)).has("or when it is granted, if that is later", begin.Add(48*time.Hour).UTC().Format("2 Jan 2006, 15:04 UTC"))
	h.decide(reviewer, later, approval.NewClaim{Event: approval.EventApprove})
	b.get("/grants").has("on Saturday", "from")
	b.get(path(later)).has("Granted", "from")
	h.clock.Advance(4 * time.Hour)
	b.get("/grants").has("to count").lacks("order 4711")
	at := begin.Add(30 * time.Minute).UTC()
	b.get("/grants?at="+at.Format("2006-01-02T15:04")).has("to look at order 4711", "Who had what", at.Format("15:04 UTC")).lacks("Revoke these")
	b.get("/grants?at=" + begin.Add(-time.Hour).UTC().Format("2006-01-02T15:04")).has("Nobody has that then")
	b.get("/grants?at=yesterday").is(http.StatusBadRequest).has("must be a time in UTC", `aria-invalid="true"`)
	for _, query := range []string{"page=x", "person=%00", "resource=" + strings.Repeat("x", 1100)} {
		b.get("/grants?" + query).is(http.StatusBadRequest)
	}
	for i := range 60 {
		h.granted(viewer, fmt.Sprint("db", i), fmt.Sprint("the reason ", i), nil)
	}
	more := b.get("/grants?person=" + viewer).has("What ends later")
	_, rest, _ := strings.Cut(more.body, `class="more"><a href="`)
	next, _, _ := strings.Cut(rest, `"`)
	b.get(strings.ReplaceAll(next, "&amp;", "&")).is(http.StatusOK).has("the reason").lacks("What ends later")
}

// To revoke all of somebody's is a page that says what will end, and a press; a look changes nothing.
func TestRevokeAllOnThePage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	one, other := h.granted(viewer, "orders", "to look", nil), h.granted(viewer, "stock", "to count", nil)
	b := h.browser(reviewer)
	b.get("/grants/revoke?person="+viewer).is(http.StatusOK).has("Revoke all that "+viewer+" has", "This ends at once", "orders", "stock", "Revoke all of it")
	for _, p := range []approval.Petition{one, other} {
		if got := h.fresh(p); got.Phase != approval.Granted {
			t.Fatalf("a look has left %s %s", got.Title(), got.Phase)
		}
	}
	to := "/grants?person=" + url.QueryEscape(viewer) + "#grants"
	b.after(b.post("/grants/revoke", url.Values{"person": {viewer}, "reason": {"has left\r\nus"}}).leadsTo(to)).has("Done: it is revoked", "Nobody has that.")
	if got := h.fresh(one); got.Outcome != approval.OutcomeRevoked || got.Decision.Reason != "has left\nus" {
		t.Errorf("%s %+v", got.Outcome, got.Decision)
	}
	b.get("/grants/revoke?person=" + viewer).has("There is nothing to revoke")
	h.granted(owner, "orders", "to look", nil)
	b.get("/grants/revoke?resource=orders&person="+owner).has("Revoke what "+owner+" has of orders", "to look")
	b.get("/grants/revoke").is(http.StatusBadRequest)
	b.post("/grants/revoke", url.Values{"reason": {"x"}}).is(http.StatusBadRequest)
	b.post("/grants/revoke", url.Values{"resource": {"orders"}, "reason": {strings.Repeat("x", 4001)}}).is(http.StatusBadRequest).has("Not done", "orders")
}

// What is not the visitor's to revoke stays, and the page says why.
func TestRevokeAllRefusesWhatIsNotYours(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	theirs := h.granted(owner, "orders", "to look", nil)
	b := h.browser(viewer)
	b.get("/grants/revoke?resource=orders").has("This stays", "may not revoke").holdsNo("Revoke all of it")
	b.post("/grants/revoke", url.Values{"resource": {"orders"}}).is(http.StatusForbidden).has("Not done", "may not revoke")
	h.granted(viewer, "orders", "mine", nil)
	b.get("/grants/revoke?resource=orders").has("This stays", "This ends at once", "mine")
	b.post("/grants/revoke", url.Values{"resource": {"orders"}}).is(http.StatusOK).has("Done for 1: they are revoked", "This stays").holdsNo("Revoke all of it")
	if got := h.fresh(theirs); got.Phase != approval.Granted {
		t.Errorf("it is %s", got.Phase)
	}
}
