package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func TestApproveGrantsForTheChosenTime(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(viewer, approval.NewPetition{})
	b := h.browser(reviewer)
	b.post(path(p), b.get(path(p)).press(approval.EventApprove, "looks right", "4h0m0s")).leadsTo(path(p))
	got := h.fresh(p)
	if got.Phase != approval.Granted || got.Grant.EndTime.Sub(got.Grant.StartTime) != 4*time.Hour || got.Decision.Reason != "looks right" {
		t.Fatalf("petition is %+v", got)
	}
	if got.Claims[0].Label(approval.LabelDigest) != p.Digest {
		t.Error("the claim does not name the digest of what was shown")
	}
	b.get(path(p)).has("Granted", "by "+reviewer, "looks right", "for 4 hours")
}

func TestDenySaysWhy(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(viewer, approval.NewPetition{})
	b := h.browser(reviewer)
	b.post(path(p), b.get(path(p)).press(approval.EventDeny, " not on a Friday\r\nask again on Monday ", "1h0m0s")).leadsTo(path(p))
	got := h.fresh(p)
	if got.Outcome != approval.OutcomeDenied || got.Decision.Reason != "not on a Friday\nask again on Monday" {
		t.Fatalf("petition is %+v", got.Decision)
	}
	h.browser(viewer).get(path(p)).has("Denied", "not on a Friday")
}

func TestPressingTwiceIsOneClaim(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(viewer, approval.NewPetition{})
	b := h.browser(reviewer)
	form := b.get(path(p)).press(approval.EventApprove, "", "1h0m0s")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if got := b.post(path(p), form); got.status != http.StatusSeeOther {
				t.Errorf("a press answers %d: %s", got.status, got.text())
			}
		})
	}
	all.Wait()
	if got := h.fresh(p); len(got.Claims) != 1 {
		t.Fatalf("%d claims", len(got.Claims))
	}
}

func TestAStalePageIsToldWhoDecidedWhatAndWhen(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(viewer, approval.NewPetition{})
	late := h.browser(reviewer)
	form := late.get(path(p)).press(approval.EventApprove, "fine with me", "1h0m0s")
	h.decide(owner, p, approval.NewClaim{Event: approval.EventDeny, Reason: "use staging"})
	late.post(path(p), form).is(http.StatusConflict).has("Not done", "denied by "+owner, "2030-01-02T03:04:05Z", "use staging").lacks(`value="access/approve"`)
	if got := h.fresh(p); got.Outcome != approval.OutcomeDenied || len(got.Claims) != 1 {
		t.Fatalf("petition is %+v", got)
	}
}

func TestTheDigestOfWhatWasShownMustBeThere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(viewer, approval.NewPetition{})
	b := h.browser(reviewer)
	form := b.get(path(p)).press(approval.EventApprove, "kept", "4h0m0s")
	form.Set("digest", "sha256:"+strings.Repeat("0", 64))
	b.post(path(p), form).is(http.StatusConflict).has("read the petition again", ">kept</textarea>", `value="4h0m0s" selected`)
	form.Del("digest")
	b.post(path(p), form).is(http.StatusBadRequest).has("what was shown")
	if got := h.fresh(p); got.Phase != approval.Open {
		t.Fatalf("petition is %s", got.Phase)
	}
}

func TestGETAndHEADNeverDecide(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(viewer, approval.NewPetition{})
	b := h.browser(reviewer)
	form := b.get(path(p)).press(approval.EventApprove, "", "1h0m0s")
	before := h.events()
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		b.do(method, path(p)+"?"+form.Encode(), strings.NewReader(form.Encode())).is(http.StatusOK)
	}
	for _, method := range []string{http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions} {
		b.do(method, path(p)+"?"+form.Encode(), nil).is(http.StatusMethodNotAllowed).has("Not this way")
	}
	// The fields of a decision count only in the body of a POST.
	b.post(path(p)+"?"+form.Encode(), url.Values{}).is(http.StatusBadRequest)
	if got := h.fresh(p); got.Phase != approval.Open || h.events() != before {
		t.Fatalf("petition is %s, %d events were %d", got.Phase, h.events(), before)
	}
}

func TestWithdrawAndGiveBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	asker := h.browser(viewer)
	open := h.ask(viewer, approval.NewPetition{})
	asker.post(path(open), asker.get(path(open)).press(approval.EventDeny, "", "")).leadsTo(path(open))
	if got := h.fresh(open); got.Outcome != approval.OutcomeWithdrawn {
		t.Errorf("withdrawn petition is %s %s", got.Phase, got.Outcome)
	}
	granted := h.decide(owner, h.ask(viewer, approval.NewPetition{}), approval.NewClaim{Event: approval.EventApprove})
	page := asker.get(path(granted)).has("Give back")
	asker.post(path(granted), page.press(approval.EventRevoke, "done", "")).leadsTo(path(granted))
	if got := h.fresh(granted); got.Outcome != approval.OutcomeRevoked {
		t.Errorf("given back petition is %s %s", got.Phase, got.Outcome)
	}
	asker.get(path(granted)).has("Revoked", "gave it back", "done")
}

func TestAnEditorRevokes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	granted := h.stories()["byRule"]
	b := h.browser(reviewer)
	b.post(path(granted), b.get(path(granted)).has("Revoke").press(approval.EventRevoke, "incident is over", "")).leadsTo(path(granted))
	if got := h.fresh(granted); got.Phase != approval.Revoked {
		t.Errorf("petition is %s", got.Phase)
	}
}

func TestRefusedPresses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(viewer, approval.NewPetition{})
	good := h.browser(reviewer).get(path(p)).press(approval.EventApprove, "", "1h0m0s")
	for _, c := range []struct {
		name   string
		who    string
		change func(url.Values)
		status int
		says   string
	}{
		{"by who may not", viewer, func(url.Values) {}, http.StatusForbidden, "this decision is not yours"},
		{"beyond policy", reviewer, func(v url.Values) { v.Set("duration", "25h") }, http.StatusBadRequest, "at most 24h"},
		{"endless beyond policy", reviewer, func(v url.Values) { v.Set("duration", "indefinite") }, http.StatusBadRequest, "indefinite"},
		{"no duration at all", reviewer, func(v url.Values) { v.Set("duration", "-1h") }, http.StatusBadRequest, "duration"},
		{"unknown claim", reviewer, func(v url.Values) { v.Set("claim", "access/grant") }, http.StatusBadRequest, "claim.event"},
		{"no claim", reviewer, func(v url.Values) { v.Del("claim") }, http.StatusBadRequest, "claim.event"},
		{"revoke while open", reviewer, func(v url.Values) { v.Set("claim", approval.EventRevoke) }, http.StatusConflict, "still open"},
		{"a reason that turns around", reviewer, func(v url.Values) { v.Set("reason", "ok \u202eyes") }, http.StatusBadRequest, "U+202E"},
		{"a reason that is too long", reviewer, func(v url.Values) { v.Set("reason", strings.Repeat("x", 4001)) }, http.StatusBadRequest, "at most 4000"},
		{"a form that is too large", reviewer, func(v url.Values) { v.Set("reason", strings.Repeat("x", 70<<10)) }, http.StatusRequestEntityTooLarge, "Too much text"},
	} {
		form := url.Values{}
		for key, values := range good {
			form[key] = values
		}
		c.change(form)
		got := h.browser(c.who).post(path(p), form)
		if got.status != c.status || !strings.Contains(got.text(), c.says) {
			t.Errorf("%s: %d, want %d saying %q:\n%s", c.name, got.status, c.status, c.says, got.text())
		}
	}
	if got := h.fresh(p); got.Phase != approval.Open || len(got.Claims) != 0 {
		t.Fatalf("petition is %s with %d claims", got.Phase, len(got.Claims))
	}
}
