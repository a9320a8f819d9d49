package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

// A group is made, gets a person and another group, shows who is in it through that one, and loses both, without a script.
func TestGroupsOnThePages(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser(reviewer) // an Editor
	b.get("/groups").is(http.StatusOK).has("There are no groups", "Make a group")
	b.after(b.post("/groups", url.Values{"name": {"engineering"}, "displayName": {"Engineering"}}).leadsTo("/groups/engineering#group")).has("Engineering", "Nobody is in it", "Done: the group is there")
	h.group("on-call")
	add := func(group, member string) page {
		t.Helper()
		return b.after(b.post("/groups/"+group, url.Values{"do": {"add"}, "member": {member}}).leadsTo("/groups/"+group+"#members")).has("Done: ", `role="status"`)
	}
	add("on-call", strings.ToUpper(viewer)).has(viewer)
	add("engineering", owner)
	add("engineering", "on-call").has("on-call", "In it through other groups", viewer, "through on-call")
	b.get("/groups/on-call").has("It is in Engineering").lacks("through other groups")
	b.get("/groups").has("engineering", "2 members", "on-call", "1 member")
	b.get("/groups?q=ENGIN").has("Engineering").lacks(`href="/groups/on-call"`)
	b.get("/groups?q=none-of-these").has("No group has")
	b.get("/groups?q=%00").is(http.StatusBadRequest)
	h.browser(viewer).get("/account").has(`href="/groups/on-call"`, `href="/groups/engineering"`)

	b.after(b.post("/groups/engineering", url.Values{"do": {"remove"}, "kind": {"group"}, "member": {"on-call"}}).leadsTo("/groups/engineering#members")).
		has("Done: it is not in the group any more").lacks("through other groups")
	if left := must(h.service.GroupMembers(t.Context(), h.actor(owner), "engineering", true)); len(left) != 1 || left[0].ID != owner {
		t.Errorf("%+v", left)
	}
}

// Whoever a sign-in provider says is in a group is taken out there, and the page offers nothing else.
func TestAMembershipThatAProviderSays(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.group("on-call")
	m := must(h.service.Store.Member(t.Context(), "acme", viewer))
	if err := h.service.SyncGroups(t.Context(), m, "okta", []string{"on-call"}); err != nil {
		t.Fatal(err)
	}
	h.browser(reviewer).get("/groups/on-call").has(viewer, "by okta", "taken out there").holdsNo("Take out")
	h.browser(reviewer).post("/groups/on-call", url.Values{"do": {"remove"}, "kind": {"user"}, "member": {viewer}}).is(http.StatusConflict).has("Not done", "okta says at each sign-in")
}

// What is refused stands beside the field, with what was typed, and changes nothing.
func TestGroupsRefuse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.group("on-call")
	must(h.service.CreateResource(t.Context(), h.actor(owner), approval.Resource{ID: "production", Labels: map[string]string{approval.LabelBlock: "production"}}))
	b := h.browser(reviewer)
	for _, c := range []struct {
		address, fields string
		status          int
		says, field     string
	}{
		{"/groups", "name=", http.StatusBadRequest, "name: is required", `name="name" required`},
		{"/groups", "name=no+blanks", http.StatusBadRequest, "name: must be", `value="no blanks" aria-invalid="true" aria-describedby="make-name-wrong"`},
		{"/groups", "name=on-call", http.StatusConflict, "exists", `value="on-call"`},
		{"/groups/on-call", "do=add&member=nobody-here", http.StatusBadRequest, "is no member of acme", `value="nobody-here" aria-invalid="true" aria-describedby="add-member-wrong"`},
		{"/groups/on-call", "do=add&member=", http.StatusBadRequest, "member: ", `aria-describedby="add-member-wrong"`},
		{"/groups/on-call", "do=add&member=on-call", http.StatusConflict, "would be in itself", `value="on-call"`},
		{"/groups/on-call", "do=remove&kind=user&member=" + viewer, http.StatusNotFound, "is not in the group", "Not done"},
		{"/groups/on-call", "do=burn", http.StatusBadRequest, "none of the page", "Not done"},
	} {
		form, err := url.ParseQuery(c.fields)
		must(form, err)
		b.post(c.address, form).is(c.status).has(c.says, c.field, `role="alert"`)
	}
	for _, address := range []string{"/groups/none", "/groups/production"} {
		b.get(address).is(http.StatusNotFound)
		b.post(address, url.Values{"do": {"add"}, "member": {viewer}}).is(http.StatusNotFound)
	}
	h.browser(viewer).get("/groups/on-call").is(http.StatusOK).holdsNo(`action="/groups/on-call"`)
	h.browser(viewer).get("/groups").holdsNo(`action="/groups"><`, "Make a group")
	if in := must(h.service.GroupMembers(t.Context(), h.actor(owner), "on-call", false)); len(in) != 0 {
		t.Errorf("%+v", in)
	}
}
