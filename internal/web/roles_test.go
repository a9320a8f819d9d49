package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/web"
)

// Every route for every role: who lacks the permission of the route's line is told so, and the attempt is in the log; who
// has it is not refused for it.
func TestEveryRouteForEveryRole(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(viewer, approval.NewPetition{})
	fill := strings.NewReplacer("{$}", "", "{space}", "acme", "{petition}", p.Name, "{file}", "app.css", "{provider}", "okta")
	for _, role := range approval.Roles {
		id := strings.ToLower(strings.ReplaceAll(string(role), " ", "-")) + "@acme.example"
		must(h.service.PutMember(t.Context(), approval.System("acme", "admin"), approval.Member{Email: id, Role: role}))
		for _, route := range web.New(web.Deps{Service: h.service, BaseURL: base}).Routes() {
			if route.Method == "*" {
				continue
			}
			before := len(h.refusals())
			got := h.browser(id).do(route.Method, fill.Replace(route.Path), strings.NewReader(""))
			switch may := route.Who == web.Anyone || role.Has(route.Who); {
			case may && got.status == http.StatusForbidden:
				t.Errorf("%s %s refuses a %s, who has %s: %s", route.Method, route.Path, role, route.Who, got.text())
			case !may && got.status != http.StatusForbidden:
				t.Errorf("%s %s lets a %s in, who has no %s: %d", route.Method, route.Path, role, route.Who, got.status)
			case !may && len(h.refusals()) != before+1:
				t.Errorf("%s %s refused a %s, and the log has not one entry more", route.Method, route.Path, role)
			}
		}
	}
}

func (h *house) refusals() []approval.Event {
	h.t.Helper()
	return must(h.service.Store.Events(h.t.Context(), approval.EventQuery{Space: "acme", Event: approval.EventRefused, Page: approval.PageRequest{Size: approval.MaxPageSize}})).Items
}
