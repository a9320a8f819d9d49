package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/identity"
	"github.com/indent-approvals/indent/internal/limits"
)

func (h *house) asks(l approval.Login) identity.DeviceCode {
	h.t.Helper()
	return must(h.identity.Logins().Open(h.t.Context(), l))
}

func TestTheDevicePageShowsWhatAsksAndGrantsByItsButton(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.asks(approval.Login{Client: "indent", Host: "<b>laptop</b>", Source: "192.0.2.7", Scopes: []approval.Permission{approval.ReadPetitions}})
	b, before := h.browser(viewer), h.events()
	b.get("/device?user_code="+c.User).is(http.StatusOK).has(`value="`+c.User+`"`).lacks("Allow", "laptop") // it only fills in
	page := b.post("/device", url.Values{"code": {strings.ToLower(c.User)}}).is(http.StatusOK)
	page.has(c.User, "indent", "<b>laptop</b>", "192.0.2.7", viewer, "acme", "It may only", "see petitions", "Allow", "Refuse").holdsNo("<b>laptop")
	page.lacks("ask for approval as you")
	if h.events() != before {
		t.Error("looking is in the log")
	}
	if _, err := h.identity.Logins().DeviceTokens(t.Context(), c.Device); err == nil {
		t.Fatal("looking lets it in")
	}
	b.post("/device", url.Values{"code": {page.field("code")}, "answer": {"allow"}}).is(http.StatusOK).has("It is let in")
	must(h.identity.Logins().DeviceTokens(t.Context(), c.Device))

	refused := h.asks(approval.Login{Client: "indent"})
	b.post("/device", url.Values{"code": {refused.User}, "answer": {"refuse"}}).is(http.StatusOK).has("It is not let in")
	b.post("/device", url.Values{"code": {refused.User}, "answer": {"allow"}}).is(http.StatusGone)
	other := h.asks(approval.Login{Client: "indent", AskedSpace: "other"})
	b.post("/device", url.Values{"code": {other.User}, "answer": {"allow"}}).is(http.StatusForbidden).has("asks for the space other")
	b.header.Set("Origin", "https://evil.example")
	b.post("/device", url.Values{"code": {h.asks(approval.Login{Client: "x"}).User}, "answer": {"allow"}}).is(http.StatusForbidden)
}

func authorizing(change func(url.Values)) string {
	v := url.Values{"client": {"indent"}, "redirect_uri": {"http://127.0.0.1:40123/callback"}, "state": {"s&t"}, "code_challenge": {strings.Repeat("c", 43)}, "code_challenge_method": {"S256"}}
	change(v)
	return "/authorize?" + v.Encode()
}

func TestTheAuthorizePageLeadsBackToThisMachineOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser(viewer)
	page := b.get(authorizing(func(url.Values) {})).is(http.StatusOK).has("Let this program in?", "http://127.0.0.1:40123/callback", "all that you may as Viewer")
	if csp := page.header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' http://127.0.0.1:40123;") {
		t.Errorf("the form may lead to %s", csp)
	}
	form := url.Values{}
	for _, name := range []string{"client", "host", "space", "scope", "redirect_uri", "state", "code_challenge", "code_challenge_method"} {
		form.Set(name, strings.ReplaceAll(page.field(name), "&amp;", "&"))
	}
	b.post("/authorize", form).is(http.StatusBadRequest) // no button
	form.Set("answer", "refuse")
	b.post("/authorize", form).leadsTo("http://127.0.0.1:40123/callback?error=access_denied&state=s%26t")
	form.Set("answer", "allow")
	to := must(url.Parse(b.post("/authorize", form).is(http.StatusSeeOther).header.Get("Location")))
	if to.Host != "127.0.0.1:40123" || to.Path != "/callback" || to.Query().Get("state") != "s&t" || len(to.Query().Get("code")) != 32 {
		t.Errorf("leads to %s", to)
	}
	for name, values := range map[string][]string{
		"redirect_uri":          {"", "https://evil.example/callback", "http://127.0.0.1:1@evil.example/callback", "http://localhost:1/callback"},
		"state":                 {"", strings.Repeat("s", 201), "a\nb"},
		"code_challenge":        {"", "short"},
		"code_challenge_method": {"", "plain"},
		"client":                {"", "\u202e"},
		"scope":                 {"everything"},
	} {
		for _, value := range values {
			refused := b.get(authorizing(func(v url.Values) { v.Set(name, value) })).is(http.StatusBadRequest)
			form := must(url.Parse(authorizing(func(v url.Values) { v.Set(name, value) }))).Query()
			form.Set("answer", "allow")
			posted := b.post("/authorize", form).is(http.StatusBadRequest)
			if refused.header.Get("Location") != "" || posted.header.Get("Location") != "" {
				t.Errorf("%s=%q leads somewhere", name, value)
			}
		}
	}
	b.get(authorizing(func(v url.Values) { v["state"] = []string{"a", "b"} })).is(http.StatusBadRequest)
	b.get(authorizing(func(v url.Values) { v.Set("space", "other") })).is(http.StatusForbidden)
}

func TestEveryPermissionHasWords(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, p := range approval.Permissions {
		if p == approval.CreateSpaces {
			continue // nobody's by a role
		}
		c := h.asks(approval.Login{Client: "x", Source: string(p), Scopes: []approval.Permission{p}})
		page := h.browser(owner).post("/device", url.Values{"code": {c.User}}).is(http.StatusOK)
		if strings.Contains(page.body, "<li>"+string(p)+"</li>") {
			t.Errorf("%s has no words", p)
		}
	}
}

// Who has let a program in by mistake puts it out in the same browser, at once; other people's are nobody else's to see.
func TestProgramsThatActAsOneAreShownAndEnded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b, c := h.browser(viewer), h.asks(approval.Login{Client: "indent", Host: "build-7", Scopes: []approval.Permission{approval.ReadPetitions}})
	b.get("/account").is(http.StatusOK).has("Programs that act as you", "There are none.")
	b.post("/device", url.Values{"code": {c.User}, "answer": {"allow"}}).is(http.StatusOK).has(`href="/account#programs"`)
	made, err := h.identity.Logins().DeviceTokens(t.Context(), c.Device)
	if err != nil {
		t.Fatal(err)
	}
	b.get("/account").is(http.StatusOK).has("indent on build-7", "petitions:read", "Never used")
	name := made.Token.Name
	if page := h.browser(owner).get("/account").is(http.StatusOK); strings.Contains(page.body, name) {
		t.Error("somebody else's account shows it")
	}
	h.browser(owner).post("/account/programs", url.Values{"token": {name}}).is(http.StatusNotFound)
	b.post("/account/programs", url.Values{}).is(http.StatusBadRequest)
	if _, err := h.identity.Authenticate(t.Context(), made.Secret); err != nil {
		t.Fatal("it has ended too soon", err)
	}
	b.post("/account/programs", url.Values{"token": {name}}).leadsTo("/account#programs")
	if _, err := h.identity.Authenticate(t.Context(), made.Secret); approval.CodeOf(err) != approval.Unauthenticated {
		t.Error("it still acts:", err)
	}
	b.get("/account").is(http.StatusOK).has("There are none.")
	b.post("/account/programs", url.Values{"token": {name}}).is(http.StatusNotFound)
}

// Who guesses codes has to wait, and the rest of the house does not.
func TestWrongDeviceCodesAreThrottled(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.limited(limits.Config{})
	guesser, c := h.browser(viewer), h.asks(approval.Login{Client: "indent"})
	for range 10 {
		guesser.post("/device", url.Values{"code": {"BBBB-BBBB"}}).is(http.StatusGone)
	}
	guesser.post("/device", url.Values{"code": {c.User}, "answer": {"allow"}}).tooMany()
	if _, err := h.identity.Logins().DeviceTokens(t.Context(), c.Device); err == nil {
		t.Fatal("it was let in")
	}
	h.browser(reviewer).post("/device", url.Values{"code": {c.User}}).is(http.StatusOK)
}
