package web_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// Who will be away names a deputy on the page of the account; what was refused comes back with what was typed.
func TestWhoIsAwayNamesADeputy(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.seat(reviewer)
	b := h.browser(reviewer)
	b.get("/account").is(http.StatusOK).has("While I am away", "Nobody decides for you", "Name a deputy")
	today := h.clock.Now().Format(time.DateOnly)
	form := url.Values{"do": {"create"}, "deputy": {viewer}, "last": {today}, "reason": {"on <b>leave</b>"}}
	for field, wrong := range map[string][2]string{"deputy": {"nobody@acme.example", "away-to-wrong"}, "last": {"tomorrow", "away-end-wrong"}, "first": {"1", "away-start-wrong"}} {
		refused := url.Values{}
		for name, values := range form {
			refused[name] = values
		}
		refused.Set(field, wrong[0])
		b.post("/account/delegations", refused).is(http.StatusBadRequest).has(wrong[1], `value="`+wrong[0]+`"`)
	}
	b.after(b.post("/account/delegations", form).leadsTo("/account#away")).has("Done: your deputy decides for you.", viewer, "on &lt;b&gt;leave&lt;/b&gt;")
	list, err := h.service.Delegations(t.Context(), h.actor(owner))
	if err != nil || len(list) != 1 || list[0].From != reviewer || list[0].EndTime.Format(time.RFC3339) != h.clock.Now().AddDate(0, 0, 1).Format(time.DateOnly)+"T00:00:00Z" {
		t.Fatal(list, err)
	}
	h.browser(viewer).get("/account").has("You decide", reviewer)
	people := h.browser(owner)
	people.get("/settings").has("Who is away", reviewer, viewer+" decides", "End")
	h.browser(viewer).post("/account/delegations", url.Values{"do": {"end"}, "delegation": {"none"}}).is(http.StatusNotFound)
	people.post("/account/delegations", url.Values{"do": {"end"}, "page": {"people"}, "delegation": {"none"}}).is(http.StatusNotFound).has("Not done")
	people.after(people.post("/account/delegations", url.Values{"do": {"end"}, "page": {"people"}, "delegation": {list[0].Name}}).leadsTo("/settings#away")).
		has("Done: the delegation has ended.", "Nobody has named a deputy")
	b.post("/account/delegations", url.Values{"do": {"x"}}).is(http.StatusBadRequest)
}

// Whose session is not to be found names no deputy, and the form says why.
func TestASessionThatIsGoneNamesNoDeputy(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	form := url.Values{"do": {"create"}, "deputy": {viewer}, "last": {h.clock.Now().Format(time.DateOnly)}}
	h.browser(reviewer).post("/account/delegations", form).is(http.StatusForbidden).has("a token names no deputy", `value="`+viewer+`"`)
}

// seat has the session of a browser's person in the store, and answers the person.
func (h *house) seat(id string) approval.Actor {
	h.t.Helper()
	a := h.actor(id)
	a.TokenName = "session-of-" + id
	t := approval.Token{Space: a.Space, Name: a.TokenName, Kind: approval.TokenSession, Member: id, CreateTime: h.clock.Now()}
	err := h.service.Store.Commit(h.t.Context(), approval.Change{Space: a.Space, Writes: []approval.Write{approval.PutToken{Token: t}},
		Events: []approval.Event{{Event: "test/setup", ID: h.service.IDs.UUID(), Timestamp: h.clock.Now()}}})
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

// The deputy sees what waits, and for whom they decide; what they decide is marked wherever it is shown.
func TestADeputyDecidesOnThePage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(owner, approval.NewPetition{})
	h.browser(viewer).get("/access/acme/"+p.Name).lacks("Your decision", "Also by")
	d, err := h.service.CreateDelegation(t.Context(), h.seat(reviewer), approval.NewDelegation{To: viewer, EndTime: h.clock.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	h.browser(viewer).get("/").has("on behalf of " + reviewer)
	h.browser(owner).get("/access/acme/"+p.Name).has("Also by", viewer, "deputies of who is away")
	page := h.browser(viewer).get("/access/acme/" + p.Name).is(http.StatusOK)
	page.has("Your decision", "You decide on behalf of", reviewer)
	h.browser(viewer).post("/access/acme/"+p.Name, url.Values{"claim": {approval.EventApprove}, "digest": {p.Digest}, "key": {"k"}}).leadsTo("/access/acme/" + p.Name)
	if got := h.fresh(p); got.Phase != approval.Granted || got.Claims[0].Label(approval.LabelOnBehalfOf) != reviewer || got.Claims[0].Label(approval.LabelClaimDelegated) != d.Name {
		t.Fatal(got.Phase, got.Claims)
	}
	h.browser(owner).get("/access/acme/"+p.Name).has("on behalf of "+reviewer, "approved", "by "+viewer+" on behalf of "+reviewer)
	h.browser(owner).get("/grants").has(viewer + " on behalf of " + reviewer + ", rule")
}
