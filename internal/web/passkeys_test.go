package web_test

import (
	"context"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
	"github.com/indent-approvals/indent/internal/identity"
	"github.com/indent-approvals/indent/internal/identity/identitytest"
	"github.com/indent-approvals/indent/internal/web"
)

// named is where browsers have passkeys.
const named = "http://localhost:8080"

// newPasskeyHouse is a console whose sessions are real ones. Approvals are confirmed.
func newPasskeyHouse(t *testing.T) *house {
	t.Helper()
	clock := approvaltest.NewClock()
	h := newHouseAt(t, named, clock, clock)
	mux := http.NewServeMux()
	web.New(web.Deps{Service: h.service, Sessions: h.identity.Sessions(), Tokens: tokens{clock, h.identity}, Passkeys: h.identity.Passkeys(), BaseURL: named}).Register(mux)
	h.handler = mux
	h.policy.verdict.Requirements[0].Confirm = approval.ConfirmPasskey
	return h
}

// follow signs somebody in by a link, as far as that leads.
func (h *house) follow(id string) *browser {
	h.t.Helper()
	link := must(h.identity.Sessions().CreateLink(context.Background(), approval.System("acme", "admin"), id, time.Hour))
	b := h.browser("")
	b.keep(b.post("/sign-in", url.Values{"link": {link}, "return": {"/api-keys"}}).leadsTo("/api-keys"))
	return b
}

// keep takes the cookie of an answer.
func (b *browser) keep(p page) page {
	b.h.t.Helper()
	r := http.Response{Header: p.header}
	if cookies := r.Cookies(); len(cookies) == 1 {
		b.cookie = &http.Cookie{Name: cookies[0].Name, Value: cookies[0].Value}
	}
	return p
}

// asked answers what a page's script gets.
func (b *browser) asked(path string, fields url.Values) []byte {
	b.h.t.Helper()
	return []byte(b.post(path, fields).is(http.StatusOK).body)
}

func (b *browser) addPasskey(d *identitytest.Authenticator) {
	b.h.t.Helper()
	options := b.asked("/passkeys/options", url.Values{"do": {"register"}})
	b.post("/passkeys", url.Values{"do": {"add"}, "name": {"Laptop <b>"}, "passkey": {string(d.Create(options))}}).leadsTo("/passkeys#yours")
}

func TestPasskeysAreAddedUsedAndRemoved(t *testing.T) {
	t.Parallel()
	h := newPasskeyHouse(t)
	d := identitytest.New("laptop", named)
	b := h.follow(reviewer)
	b.get("/passkeys").is(http.StatusOK).has("You have none yet").lacks("Remove")
	b.post("/passkeys", url.Values{"do": {"add"}, "name": {"x"}}).is(http.StatusBadRequest).has("passkeys need JavaScript")
	b.post("/passkeys", url.Values{"do": {"add"}, "name": {"x"}, "passkey": {"{}"}}).is(http.StatusBadRequest).has("begin again")
	b.post("/passkeys/options", url.Values{"do": {"manage"}}).is(http.StatusConflict).has("you have no passkey")
	b.addPasskey(d)
	b.get("/passkeys").has("Laptop <b>", "never used").holdsNo("Laptop <b>")

	half := h.follow(reviewer)
	half.get("/api-keys").leadsTo("/sign-in/passkey?return=%2Fapi-keys")
	half.get("/").leadsTo("/sign-in/passkey")
	p := h.ask(viewer, approval.NewPetition{})
	half.post(path(p), url.Values{"claim": {approval.EventDeny}}).leadsTo("/sign-in/passkey?return=" + url.QueryEscape(path(p)))
	half.get("/sign-in/passkey?return=//evil.example").has("One more step", reviewer).lacks("evil")
	half.post("/sign-in/passkey", url.Values{}).is(http.StatusBadRequest).has("Nothing came from the browser")
	d.Verified = false
	half.post("/sign-in/passkey", url.Values{"passkey": {string(d.Get(half.asked("/sign-in/passkey/options", nil)))}}).is(http.StatusForbidden).has("this is no signature")
	d.Verified = true
	before := half.cookie.Value
	half.keep(half.post("/sign-in/passkey", url.Values{"return": {"/api-keys"}, "passkey": {string(d.Get(half.asked("/sign-in/passkey/options", nil)))}}).leadsTo("/api-keys"))
	if half.cookie.Value == before {
		t.Error("the session kept its secret")
	}
	half.get("/passkeys").is(http.StatusOK).has("last used")
	half.get("/sign-in/passkey").leadsTo("/sign-in")

	b.post("/passkeys/options", url.Values{"do": {"register"}}).is(http.StatusForbidden).has("confirm with it")
	b.post("/passkeys", url.Values{"do": {"remove"}, "id": {d.ID()}, "passkey": {string(d.Get(b.asked("/passkeys/options", nil)))}}).leadsTo("/passkeys#yours")
	b.get("/passkeys").has("You have none yet")
	half.get("/passkeys").leadsTo("/sign-in?return=%2Fpasskeys") // it had begun with that passkey
}

func TestARoleThatNeedsAPasskeyMakesOneAtSignIn(t *testing.T) {
	t.Parallel()
	h := newPasskeyHouse(t)
	open := h.follow(reviewer)
	open.get("/api-keys").is(http.StatusOK)
	h.service.Deps.Passkeys.Roles = []approval.Role{approval.Editor}
	h.clock.Advance(time.Second)
	open.get("/api-keys").leadsTo("/sign-in/passkey?return=%2Fapi-keys")
	half, d := h.follow(reviewer), identitytest.New("laptop", named)
	half.get("/sign-in/passkey").has("Your role needs a passkey", "Editor")
	half.keep(half.post("/sign-in/passkey", url.Values{"name": {"Laptop"}, "passkey": {string(d.Create(half.asked("/sign-in/passkey/options", nil)))}}).leadsTo("/"))
	half.get("/passkeys").has("Laptop", "add a second one")
	h.follow(viewer).get("/").is(http.StatusOK)
}

var optionsPattern = regexp.MustCompile(`data-options="([^"]*)"`)

func TestAnApprovalIsConfirmedOnThePage(t *testing.T) {
	t.Parallel()
	h := newPasskeyHouse(t)
	p, other := h.ask(viewer, approval.NewPetition{}), h.ask(viewer, approval.NewPetition{Reason: "another one"})
	d, b := identitytest.New("laptop", named), h.follow(reviewer)
	b.get(path(p)).has("you have none here", "Deny").holdsNo(`value="access/approve"`)
	b.addPasskey(d)
	shown := b.get(path(p)).has("Approving asks for your passkey", "a passkey needs JavaScript", "counts only when it is confirmed")
	options := func(p page) []byte {
		return []byte(html.UnescapeString(optionsPattern.FindStringSubmatch(p.body)[1]))
	}
	press := shown.press(approval.EventApprove, "", "1h0m0s")
	b.post(path(p), press).is(http.StatusForbidden).has("decision is not yours", "with a passkey only", named+path(p))
	press.Set("passkey", string(d.Get(options(b.get(path(other))))))
	b.post(path(p), press).is(http.StatusForbidden).has("this is no signature")
	press.Set("passkey", "nonsense")
	b.post(path(p), press).is(http.StatusBadRequest).has("do it again on the page")
	if got := h.fresh(p); got.Phase != approval.Open || len(got.Claims) != 0 {
		t.Fatalf("it is %s", got.Phase)
	}
	press.Set("passkey", string(d.Get(options(shown))))
	b.post(path(p), press).leadsTo(path(p))
	b.get(path(p)).has("Granted", "confirmed with a passkey")
	if said, err := identity.Recheck(h.fresh(p).Claims[0], p.Digest, named); err != nil || said.Credential != d.ID() {
		t.Errorf("%+v %v", said, err)
	}
	deny := b.get(path(other)).press(approval.EventDeny, "", "")
	b.post(path(other), deny).leadsTo(path(other))
}

// Where browsers have no passkeys the pages say so, and nothing that needs one is done.
func TestAServerKnownByANumberHasNoPasskeys(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.policy.verdict.Requirements[0].Confirm = approval.ConfirmPasskey
	p, b := h.ask(viewer, approval.NewPetition{}), h.browser(reviewer)
	b.get("/passkeys").has("because it is a number and not a name").lacks("Add a passkey")
	b.get(path(p)).has("because it is a number", "Deny").holdsNo(`value="access/approve"`)
	if got := b.post("/passkeys/options", nil); got.status != http.StatusServiceUnavailable || !strings.HasPrefix(got.header.Get("Content-Type"), "text/plain") {
		t.Errorf("%d %s", got.status, got.header.Get("Content-Type"))
	}
}
