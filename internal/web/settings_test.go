package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

// What an owner does on the page, without any script.
func TestAnOwnerSettlesThePeople(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser(owner)
	page := b.get("/settings").is(http.StatusOK).has("People and settings", owner, reviewer, viewer, "Owner", "Editor", "Viewer", "The last owner stays one")
	page.lacks(stranger)
	post := func(address string, fields ...string) {
		t.Helper()
		form := url.Values{}
		for i := 0; i < len(fields); i += 2 {
			form.Set(fields[i], fields[i+1])
		}
		got := b.post(address, form)
		if got.status != http.StatusSeeOther || !strings.HasPrefix(got.header.Get("Location"), "/settings#") {
			t.Fatalf("%s %v: %d %s", address, fields, got.status, got.text())
		}
		b.after(got).has(`role="status"`, "Done: ")
	}
	post("/settings/space", "displayName", "Acme & Sons")
	post("/settings/members", "do", "add", "member", "New@acme.example", "displayName", "Newcomer", "role", "Auditor")
	b.post("/settings/members", url.Values{"do": {"add"}, "member": {"NEW@acme.example"}, "role": {"Viewer"}}).is(http.StatusBadRequest).
		has("add-member-wrong", "new@acme.example is a member already, as Auditor")
	b.get("/people").leadsTo("/settings")
	post("/settings/members", "do", "role", "member", viewer, "role", "Petition Admin")
	post("/settings/members", "do", "suspend", "member", reviewer)
	post("/settings/identities", "do", "link", "member", viewer, "identity", "slack:T1/U1")
	if page := b.get("/settings"); !strings.Contains(page.body, `value="Acme &amp; Sons"`) {
		t.Error(page.body)
	}
	b.get("/settings").has("Newcomer", "Auditor", "Petition Admin", "suspended", "slack:T1/U1")
	b.get("/settings?q=newc").has("new@acme.example").lacks(reviewer)
	b.get("/settings?q=nobody-has-this").has("Nobody has")
	b.get("/settings?q=%00").is(http.StatusBadRequest)

	post("/settings/identities", "do", "unlink", "member", viewer, "identity", "slack:T1/U1")
	post("/settings/members", "do", "resume", "member", reviewer)
	post("/settings/members", "do", "remove", "member", "new@acme.example")
	b.get("/settings").lacks("new@acme.example", "slack:T1/U1", "suspended")
}

// Two members who are linked are one person: both rows say so, and either parts them.
func TestALinkOfTwoMembersIsOnBothRows(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser(owner)
	for _, from := range []string{viewer, reviewer} {
		to := map[string]string{viewer: reviewer, reviewer: viewer}[from]
		b.after(b.post("/settings/identities", url.Values{"do": {"link"}, "member": {reviewer}, "identity": {viewer}}).leadsTo("/settings#members")).
			has("one person with "+viewer, "one person with "+reviewer, "Done: the identity is linked")
		h.browser(from).get("/account").has("You are also known as " + to)
		b.after(b.post("/settings/identities", url.Values{"do": {"unlink"}, "member": {from}, "identity": {to}}).leadsTo("/settings#members")).
			has("Done: the identity is unlinked").lacks("one person with")
	}
	b.post("/settings/identities", url.Values{"do": {"link"}, "member": {reviewer}, "identity": {"slack:T1/U1"}}).leadsTo("/settings#members")
	b.get("/settings").has("slack:T1/U1").lacks("one person with")
}

// What is refused says why, on the page, and changes nothing.
func TestSettingsRefuse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser(owner)
	for _, c := range []struct {
		address, fields string
		status          int
		says            string
	}{
		{"/settings/members", "do=role&role=Viewer&member=" + owner, http.StatusConflict, "last owner"},
		{"/settings/members", "do=remove&member=" + owner, http.StatusConflict, "last owner"},
		{"/settings/members", "do=role&role=Root&member=" + viewer, http.StatusBadRequest, "must be one of"},
		{"/settings/members", "do=role&role=Viewer&member=nobody@acme.example", http.StatusNotFound, "no member"},
		{"/settings/members", "do=add&role=Viewer&member=nobody", http.StatusBadRequest, "address"},
		{"/settings/members", "do=everything", http.StatusBadRequest, "does not say"},
		{"/settings/identities", "do=link&identity=x&member=" + viewer, http.StatusBadRequest, "address"},
		{"/settings/identities", "do=link", http.StatusNotFound, "no member"},
		{"/settings/space", "", http.StatusBadRequest, "does not say"},
	} {
		form, err := url.ParseQuery(c.fields)
		if err != nil {
			t.Fatal(err)
		}
		b.post(c.address, form).is(c.status).has(`role="alert"`, c.says, "People and settings")
	}
	for _, id := range []string{owner, viewer, reviewer} {
		if m := must(h.service.Store.Member(t.Context(), "acme", id)); m.Suspended || id == viewer && m.Role != approval.Viewer {
			t.Errorf("%+v", m)
		}
	}
}

// What was typed comes back, with what is wrong beside its field.
func TestARefusedSettingComesBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser(owner)
	for _, c := range []struct{ address, fields, has string }{
		{"/settings/members", "do=add&role=Auditor&displayName=Newcomer&member=nobody", `value="nobody" aria-invalid="true" aria-describedby="add-member-wrong"`},
		{"/settings/members", "do=add&role=Auditor&displayName=Newcomer&member=nobody", `value="Newcomer"`},
		{"/settings/members", "do=add&role=Auditor&displayName=Newcomer&member=nobody", `<option selected>Auditor`},
		{"/settings/members", "do=add&role=Root&member=new@acme.example", `name="role" aria-invalid="true"`},
		{"/settings/identities", "do=link&identity=no+address&member=" + viewer, `value="no address" aria-invalid="true"`},
		{"/settings/space", "do=delete&name=acmee", `value="acmee" aria-invalid="true"`},
		{"/settings/space", "displayName=" + strings.Repeat("x", 501), `aria-describedby="space-name-wrong"`},
	} {
		form, err := url.ParseQuery(c.fields)
		must(form, err)
		b.post(c.address, form).is(http.StatusBadRequest).has(c.has, `role="alert"`).lacks("Not done")
	}
}

// Who operates the server makes another space, and owns it; an owner ends one, and is then signed out of it.
func TestSpacesBeginAndEndOnThePage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser(owner)
	b.get("/settings").has("Delete this space")
	b.get("/account/space").has("Make another space")
	h.browser(reviewer).get("/account/space").lacks("Make another space")
	for _, c := range []struct {
		address, form string
		status        int
		says          string
	}{
		{"/account/spaces", "name=Acme+Two", http.StatusBadRequest, "lower-case"},
		{"/account/spaces", "name=acme", http.StatusConflict, "exists already"},
		{"/settings/space", "do=delete", http.StatusBadRequest, "must be acme"},
		{"/settings/space", "do=delete&name=acme-two", http.StatusBadRequest, "must be acme"},
	} {
		form, err := url.ParseQuery(c.form)
		must(form, err)
		b.post(c.address, form).is(c.status).has(`role="alert"`, c.says)
	}
	made := b.post("/account/spaces", url.Values{"name": {"acme-two"}, "displayName": {"Acme Two"}})
	if made.status != http.StatusSeeOther || made.header.Get("Location") != "/account/space#spaces" {
		t.Fatalf("%d to %q", made.status, made.header.Get("Location"))
	}
	m, err := h.service.Store.Member(t.Context(), "acme-two", owner)
	if err != nil || m.Role != approval.Owner {
		t.Errorf("%v, %v", m, err)
	}

	ended := b.post("/settings/space", url.Values{"do": {"delete"}, "name": {"acme"}})
	if ended.status != http.StatusSeeOther || ended.header.Get("Location") != "/sign-in" {
		t.Fatalf("%d to %q", ended.status, ended.header.Get("Location"))
	}
	space, err := h.service.Store.Space(t.Context(), "acme")
	if err != nil || space.DeleteTime.IsZero() || !strings.Contains(ended.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("%+v, %v, cookie %q", space, err, ended.header.Get("Set-Cookie"))
	}
}

// Who only reads sees no form that changes anything, and a Viewer has no link to the page.
func TestSettingsForReaders(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const auditor = "aud@acme.example"
	must(h.service.PutMember(t.Context(), approval.System("acme", "admin"), approval.Member{Email: auditor, Role: approval.Auditor}))
	page := h.browser(auditor).get("/settings").is(http.StatusOK).has("You may look", owner)
	if strings.Contains(page.body, `action="/settings/`) {
		t.Error("an Auditor has a form that changes people")
	}
	editor := h.browser(reviewer).get("/settings")
	if strings.Contains(editor.body, `action="/settings/members"`) || strings.Contains(editor.body, `action="/settings/space"`) {
		t.Error("an Editor has a form that changes people")
	}
	if !strings.Contains(editor.body, `href="/settings"`) || strings.Contains(h.browser(viewer).get("/").body, `href="/settings"`) {
		t.Error("the link to the page is where one may read members")
	}
}
