package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func path(p approval.Petition) string { return "/access/" + p.Space + "/" + p.Name }

func TestPetitionPageShowsEverythingThatIsAsked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(viewer, refund())
	h.browser(reviewer).get(path(p)).is(http.StatusOK).has(
		"Refund 1,249.00 EUR to Lena Fischer", "refund:ch_3Nf81k2eZvKYlo2C", "Customer was charged twice for order 88213.",
		"in the words of "+viewer, "15 minutes", p.Digest, p.Ref(),
		"notify.email lena.fischer@example.com", "tags[1] vip", "dryRun false", `all 191 bytes of it`, `"dryRun":false`,
		"0 of 1 approval by any Owner or any Editor", "This is the dev policy.", "rule dev", "policy version 1", "expires")
}

func TestPetitionPageInEveryState(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	stories := h.stories()
	for name, want := range map[string][]string{
		"denied":    {"Denied", "Use staging: it has a copy from last night.", "by " + reviewer},
		"granted":   {"Granted", "until 2 Jan 2030, 07:04 UTC", "by " + owner, "Revoke…"},
		"withdrawn": {"Withdrawn", "withdrew it", "found it without"},
		"byRule":    {"Granted", "By rule on-call, without a person.", "On call people get production by rule."},
		"twoPeople": {"Open", "1 of 2 approvals", owner + " approved", "Approve", "Deny"},
		"self":      {"Open", "Approve"},
	} {
		h.browser(reviewer).get(path(stories[name])).is(http.StatusOK).has(want...)
	}
	for _, name := range []string{"denied", "withdrawn"} {
		h.browser(reviewer).get(path(stories[name])).lacks("<form method=\"post\" action=\"/access/")
	}
}

func TestPetitionOfAnotherSpaceLooksLikeAMissingOne(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	theirs := h.ask(stranger, approval.NewPetition{})
	b := h.browser(owner)
	missing := b.get("/access/acme/00000000-0000-7000-8000-999999999999").is(http.StatusNotFound)
	for _, address := range []string{path(theirs), "/access/acme/" + theirs.Name, "/access/nowhere/" + theirs.Name, "/access/acme/%00", "/access/acme/" + strings.Repeat("x", 3000)} {
		if got := b.get(address).is(http.StatusNotFound); got.body != missing.body {
			t.Errorf("%.80s differs from a missing petition:\n%s", address, got.text())
		}
	}
	form := url.Values{"claim": {approval.EventApprove}, "digest": {theirs.Digest}}
	if got := b.post(path(theirs), form).is(http.StatusNotFound); got.body != missing.body {
		t.Errorf("a press differs: %s", got.text())
	}
	if got := h.fresh(theirs); got.Phase != approval.Open {
		t.Fatalf("the other space's petition is %s", got.Phase)
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule(twoPeople())
	p := h.ask(viewer, approval.NewPetition{})
	h.browser(viewer).get(path(p)).has("You cannot decide this one: rule", "Withdraw").lacks(`value="access/approve"`)
	h.browser(reviewer).get(path(p)).has(`value="access/approve"`, `value="access/deny"`).lacks("Withdraw")

	own := h.ask(owner, approval.NewPetition{})
	h.browser(owner).get(path(own)).has("whoever asks does not decide", "Withdraw").lacks(`value="access/approve"`)

	h.rule(devVerdict())
	own = h.ask(owner, approval.NewPetition{})
	h.browser(owner).get(path(own)).has("You are on both sides of this petition.", "marked as self-approval", `value="access/approve"`, "Withdraw")
}

func TestDurationsStayWithinPolicy(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := devVerdict()
	v.MaxDuration = 6 * time.Hour
	h.rule(v)
	p := h.ask(viewer, approval.NewPetition{Duration: 90 * time.Minute})
	h.browser(reviewer).get(path(p)).
		has(`<option value="1h30m0s" selected>1 hour 30 minutes (asked)</option>`, `<option value="6h0m0s">6 hours (longest)</option>`, `value="15m0s"`, `value="4h0m0s"`).
		lacks(`value="8h0m0s"`, `value="24h0m0s"`, "until revoked")

	v.MaxDuration = 0
	h.rule(v)
	p = h.ask(viewer, approval.NewPetition{})
	h.browser(reviewer).get(path(p)).has(`<option value="1h0m0s" selected>1 hour (usual)</option>`, `<option value="indefinite">until revoked</option>`)
}

// A petition's texts as markup, in every field, on every page that shows them.
func TestStoredMarkupIsText(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(viewer, nasty())
	h.decide(viewer, p, approval.NewClaim{Event: approval.EventDeny, Reason: `"><script>alert(7)</script>`})
	b := h.browser(reviewer)
	for _, address := range []string{path(p), "/"} {
		b.get(address).is(http.StatusOK).has("alert(1)").holdsNo("<script>", "<img", "<i>", "onerror=alert(2)>{{.}}</", `href="javascript`)
	}
	b.get(path(p)).has(`<span class="odd" title="empty braille pattern">U+2800</span>`, `<span class="mixed" title="This word mixes Latin and Cyrillic letters">раypal</span>`,
		`title="a character that does not show">U+0306</span>`, `["a.b"][""]`, "empty text", "empty list", "empty object")
}

func TestTooManyParametersAreShownAsJSONAndSaidSo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	list := `{"all":[` + strings.TrimSuffix(strings.Repeat("7,", 3000), ",") + `]}`
	p := h.ask(viewer, approval.NewPetition{Params: approval.RawJSON(list)})
	h.browser(reviewer).get(path(p)).is(http.StatusOK).has("There are too many values for a table.", list)
}

// Who asks for somebody else is named beside them: on the page, in the petition and in the log.
func TestOnBehalfOf(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(reviewer, approval.NewPetition{Petitioners: []approval.Resource{{ID: viewer}}})
	page := h.browser(owner).get(path(p)).has(reviewer+" asked on behalf of "+viewer, "in the words of "+reviewer)
	if !strings.Contains(page.body, "<dt>on behalf of</dt>") {
		t.Error("the facts do not say on behalf of whom")
	}
	if p.CreatedBy.ID != reviewer || len(p.Petitioners) != 1 || p.Petitioners[0].ID != viewer {
		t.Errorf("the petition has %s for %+v", p.CreatedBy.ID, p.Petitioners)
	}
	log := must(h.service.History(t.Context(), h.actor(owner), p.Name))
	if e := log[0]; e.Actor.ID != reviewer || e.Resources[0].ID != viewer {
		t.Errorf("the log has %s and %+v", e.Actor.ID, e.Resources)
	}
	own := h.ask(viewer, approval.NewPetition{})
	h.browser(owner).get(path(own)).has(viewer + " asked").lacks("on behalf of")
}
