package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/web"
)

// Every route for every role: who lacks the permission of the route's line is told so, and the attempt is in the log; who
// has it is not refused for it.
func TestEveryRouteForEveryRole(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(viewer, approval.NewPetition{})
	fill := strings.NewReplacer("{$}", "", "{space}", "acme", "{petition}", p.Name, "{file}", "app.css", "{provider}", "okta", "{group}", h.group("on-call"), "{version}", "1", "{webhook}", h.hook("roles"), "{delivery}", h.delivered("roles", p), "{policy}", h.hookPolicy("all"), "{pull}", h.pull("pulled"))
	columns := map[string]approval.Role{"operator@acme.example": approval.Viewer} // who operates the server, whatever the role
	for _, role := range approval.Roles {
		columns[strings.ToLower(strings.ReplaceAll(string(role), " ", "-"))+"@acme.example"] = role
	}
	for id, role := range columns {
		operator := strings.HasPrefix(id, "operator")
		must(h.service.PutMember(t.Context(), approval.System("acme", "admin"), approval.Member{Email: id, Role: role}))
		for _, route := range web.New(web.Deps{Service: h.service, BaseURL: base}).Routes() {
			if route.Method == "*" {
				continue
			}
			before := len(h.refusals())
			got := h.browser(id).do(route.Method, fill.Replace(route.Path), strings.NewReader(""))
			switch may := route.Who == web.Anyone || role.Has(route.Who) || operator && route.Who == approval.CreateSpaces; {
			case may && got.status == http.StatusForbidden:
				t.Errorf("%s %s refuses %s, who has %s: %s", route.Method, route.Path, id, route.Who, got.text())
			case !may && got.status != http.StatusForbidden:
				t.Errorf("%s %s lets %s in, who has no %s: %d", route.Method, route.Path, id, route.Who, got.status)
			case !may && len(h.refusals()) != before+1:
				t.Errorf("%s %s refused %s, and the log has not one entry more", route.Method, route.Path, id)
			}
		}
	}
}

func (h *house) refusals() []approval.Event {
	h.t.Helper()
	return must(h.service.Store.Events(h.t.Context(), approval.EventQuery{Space: "acme", Event: approval.EventRefused, Page: approval.PageRequest{Size: approval.MaxPageSize}})).Items
}

// A session that still owes its passkey opens no page and presses no button but those of the passkey and of signing out:
// whether it never had one, or began before its role needed one. Nothing is done by it, not even in the log.
func TestEveryRouteForASessionThatOwesItsPasskey(t *testing.T) {
	t.Parallel()
	h := newPasskeyHouse(t)
	p := h.ask(viewer, approval.NewPetition{})
	began := h.follow(owner)
	h.service.Deps.Passkeys.Roles = []approval.Role{approval.Owner}
	h.clock.Advance(time.Second)
	fill := strings.NewReplacer("{$}", "", "{space}", "acme", "{petition}", p.Name, "{file}", "app.css", "{provider}", "okta", "{group}", h.group("on-call"), "{version}", "1", "{webhook}", h.hook("roles"), "{delivery}", h.delivered("roles", p), "{policy}", h.hookPolicy("all"), "{pull}", h.pull("pulled"))
	for kind, b := range map[string]*browser{"half a session": h.follow(owner), "one that began before": began} {
		before, form := h.events(), url.Values{"do": {"create"}, "claim": {approval.EventDeny}, "digest": {p.Digest}, "name": {"x"}, "space": {"acme"}}
		for _, route := range web.New(web.Deps{Service: h.service, BaseURL: named}).Routes() {
			if route.Method == "*" || route.Path == "/sign-out" || strings.HasPrefix(route.Path, "/sign-in/passkey") {
				continue
			}
			got := b.do(route.Method, fill.Replace(route.Path), strings.NewReader(form.Encode()))
			switch to := got.header.Get("Location"); {
			case route.Path == "/inbox/stream" && got.status == http.StatusUnauthorized:
			case route.Who == web.Anyone && !strings.Contains(got.body, "/account"): // which is in the frame of whoever is signed in
			case route.Who != web.Anyone && got.status == http.StatusSeeOther && strings.HasPrefix(to, "/sign-in/passkey"):
			default:
				t.Errorf("%s opens %s %s: %d to %q\n%s", kind, route.Method, route.Path, got.status, to, got.text())
			}
		}
		if now := h.events(); now != before {
			t.Errorf("%s has left %d entries in the log", kind, now-before)
		}
		b.get("/sign-in/passkey").is(http.StatusOK).has("Your role needs a passkey", owner)
		b.post("/sign-out", nil).leadsTo("/sign-in")
	}
	if got := h.fresh(p); got.Phase != approval.Open || len(got.Claims) != 0 {
		t.Errorf("the petition is %s with %d claims", got.Phase, len(got.Claims))
	}
}
