package api

import (
	"net/url"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func TestMembersOverTheAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const path = inSpace + "/members/Ada+1@acmecorp.example"
	var m member
	h.do(theOwner, put, path, `{"member":{"role":"Editor","displayName":"Ada","id":"ignored","meta":{}}}`).ok(&m)
	if m.ID != "ada+1@acmecorp.example" || m.Role != approval.Editor || m.DisplayName != "Ada" || m.Suspended || m.CreatedBy.ID != theOwner {
		t.Errorf("%+v", m)
	}
	h.do(theOwner, put, path, `{"member":{"suspended":true}}`).ok(&m)
	if !m.Suspended || m.Role != approval.Editor {
		t.Errorf("%+v", m)
	}
	var list memberList
	h.do(theOwner, get, inSpace+"/members?kind=user", nil).ok(&list)
	if len(list.Members) != 5 || list.Members[0].ID != m.ID {
		t.Errorf("%+v", list)
	}
	var account member
	h.do(theOwner, get, inSpace+"/members/quickstart", nil).ok(&account)
	if account.Owner != theOwner || account.Kind != approval.KindServiceAccount {
		t.Errorf("%+v", account)
	}
	h.do(theOwner, put, inSpace+"/members/quickstart", `{"member":{"role":"Viewer"}}`).refused(400, approval.Invalid, "member")
	h.do(theOwner, put, inSpace+"/members/nobody", `{"member":{}}`).refused(400, approval.Invalid, "member")
	h.do(theOwner, put, path, `{"member":{"role":"Root"}}`).refused(400, approval.Invalid, "member.role")
	h.do(theOwner, put, path, `{"member":{"person":"x"}}`).refused(400, approval.Invalid, "member.person")
	h.do(theOwner, put, inSpace+"/members/"+theOwner, `{"member":{"role":"Viewer"}}`).refused(409, approval.Conflict, "", "last owner")
	h.do(theOwner, del, inSpace+"/members/"+theOwner, nil).refused(409, approval.Conflict, "", "last owner")
	h.do(theOwner, del, path, nil).ok(nil)
	h.do(theOwner, get, path, nil).refused(404, approval.NotFound, "")
}

// A suspended member is refused on this node at once, and on another within the second that it believes what it looked up.
func TestASuspendedMemberIsOutAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.token(theEditor)
	p := h.ask(theViewer)
	h.with(token, get, inSpace, nil).ok(nil)
	h.do(theOwner, put, inSpace+"/members/"+theEditor, `{"member":{"suspended":true}}`).ok(nil)
	h.with(token, get, inSpace, nil).refused(401, approval.Unauthenticated, "")
	h.with(token, post, inSpace+"/petitions/"+p.Name+"/claims", `{"claim":{"event":"access/approve"}}`).refused(401, approval.Unauthenticated, "")
	h.do(theOwner, put, inSpace+"/members/"+theEditor, `{"member":{"suspended":false}}`).ok(nil)
	h.with(token, get, inSpace, nil).refused(401, approval.Unauthenticated, "") // the token has ended for good
}

func TestIdentitiesOverTheAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const path = inSpace + "/members/" + theViewer + "/identities"
	for _, identity := range []string{"slack:T01/U02", "oidc:https://login.acme.example/a:b|Sub:wait", "v.iewer@else.example", "chat:@x/y:z#1"} {
		var made identityJSON
		h.do(theOwner, post, path, map[string]any{"identity": identity}).ok(&made)
		if made.Identity != identity || made.Member != theViewer {
			t.Errorf("%+v", made)
		}
		var list identityList
		h.do(theViewer, get, path, nil).ok(&list)
		if len(list.Identities) != 1 || list.Identities[0].Identity != identity {
			t.Errorf("%s: %+v", identity, list)
		}
		h.do(theOwner, post, inSpace+"/members/"+theEditor+"/identities", map[string]any{"identity": identity}).refused(409, approval.Conflict, "")
		h.do(theOwner, del, path+"/"+url.PathEscape(identity), nil).ok(nil)
		h.do(theOwner, del, path+"/"+url.PathEscape(identity), nil).refused(404, approval.NotFound, "")
	}
	h.do(theOwner, post, path, `{"identity":"viewer"}`).refused(400, approval.Invalid, "identity")
	h.do(theViewer, get, inSpace+"/members/"+theEditor+"/identities", nil).refused(403, approval.Forbidden, "")
}

func TestRolesOverTheAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var p spacePolicy
	h.do(theOwner, post, inSpace+":getPolicy", nil).ok(&p)
	if len(p.Bindings) != 4 || p.ETag == "" {
		t.Errorf("%+v", p)
	}
	old := p
	h.do(theOwner, post, inSpace+":addToRole", `{"role":"Auditor","members":["new@acmecorp.example"]}`).ok(&p)
	h.do(theOwner, post, inSpace+":setPolicy", old).refused(409, approval.Conflict, "", "getPolicy")
	h.do(theOwner, post, inSpace+":removeFromRole", `{"role":"Auditor","member":"new@acmecorp.example"}`).ok(&p)
	h.do(theOwner, post, inSpace+":removeFromRole", `{"role":"Auditor","member":"new@acmecorp.example"}`).refused(409, approval.Conflict, "")
	h.do(theOwner, post, inSpace+":removeFromRole", `{"role":"Viewer","member":"new@acmecorp.example"}`).ok(&p)
	if p.ETag != old.ETag {
		t.Errorf("the same roles, another tag: %+v", p)
	}
	h.do(theOwner, post, inSpace+":addToRole", `{"role":"Editor","member":"bot"}`).refused(400, approval.Invalid, "member")
	h.do(theOwner, post, inSpace+":addToRole", `{"role":"Editor","member":"a@b","members":["c@d"]}`).refused(400, approval.Invalid, "members")
	h.do(theOwner, post, inSpace+":addToRole", `{"role":"Editor"}`).refused(400, approval.Invalid, "members")
	h.do(theOwner, post, inSpace+":setPolicy", `{"bindings":[]}`).refused(409, approval.Conflict, "", "owner")
	h.do(theOwner, post, inSpace+":setPolicy", `{"bindings":[{"role":"Owner","members":["`+theOwner+`"]}]}`).ok(&p)
	h.do(theOwner, get, inSpace+"/members/"+theEditor, nil).refused(404, approval.NotFound, "")
}

func TestGroupsOverTheAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, name := range []string{"eng", "all"} {
		h.do(theEditor, put, inSpace+"/resources/"+name, `{"resource":{"id":"`+name+`","kind":"group"}}`).ok(nil)
	}
	var list groupMembers
	h.do(theEditor, post, inSpace+"/resources/eng/members", `{"members":[{"id":"`+theViewer+`"},{"id":"quickstart"}]}`).ok(&list)
	h.do(theEditor, put, inSpace+"/resources/all/members", `{"members":[{"id":"eng","kind":"group"},{"email":"`+theAdmin+`"}]}`).ok(&list)
	if len(list.Members) != 2 || list.Members[0].Name() != "eng" {
		t.Errorf("%+v", list)
	}
	h.do(theViewer, get, inSpace+"/resources/all/members?effective=true", nil).ok(&list)
	if len(list.Members) != 2 || list.Members[0].ID != theAdmin || list.Members[1].ID != theViewer {
		t.Errorf("%+v", list)
	}
	h.do(theEditor, post, inSpace+"/resources/eng/members", `{"members":[{"id":"all"}]}`).refused(409, approval.Conflict, "", "in itself")
	h.do(theEditor, post, inSpace+"/resources/eng/members", `{"members":[{"id":"x"}]}`).refused(400, approval.Invalid, "members[0].id")
	h.do(theEditor, post, inSpace+"/resources/production/members", `{"members":[{"id":"`+theViewer+`"}]}`).refused(400, approval.Invalid, "name", "group")
	h.do(theEditor, del, inSpace+"/resources/eng/members/"+theViewer+"?kind=user", nil).ok(nil)
	h.do(theEditor, del, inSpace+"/resources/eng/members/"+theViewer, nil).refused(404, approval.NotFound, "")
	h.do(theEditor, del, inSpace+"/resources/eng", nil).ok(nil)
	h.do(theViewer, get, inSpace+"/resources/all/members", nil).ok(&list)
	if len(list.Members) != 1 {
		t.Errorf("a group that is gone is still in another: %+v", list)
	}
}

// A petition for somebody whom the directory knows by another id is that person's own: it cannot be approved by them (I6).
func TestAnotherIdOfTheDirectoryDoesNotApprove(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.do(theEditor, put, inSpace+"/resources/editor", `{"resource":{"id":"`+theEditor+`","kind":"user","altIds":["slackU1"]}}`).ok(nil)
	for _, who := range []string{"slackU1", "SLACKu1"} {
		var p petition
		h.do(theAdmin, post, inSpace+"/petitions", `{"petition":{"reason":"why not","petitioners":[{"id":"`+who+`","kind":"user"}],"resources":[{"id":"x"}]}}`).ok(&p)
		h.claim(theEditor, p.Name, "access/approve").refused(403, approval.Forbidden, "")
		h.claim(theOwner, p.Name, "access/approve").ok(nil)
		if p.CreatedBy.ID != theAdmin || p.Petitioners[0].ID != who {
			t.Errorf("asked by %s for %+v", p.CreatedBy.ID, p.Petitioners)
		}
	}
}

func TestSpacesOverTheAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var s space
	h.do(theOwner, patch, inSpace, `{"space":{"displayName":"Acme 2","name":"ignored"}}`).ok(&s)
	for _, nothing := range []string{`{"space":{"displayName":""}}`, `{"space":{"displayName":" "}}`, `{"space":{}}`} {
		h.do(theOwner, patch, inSpace, nothing).refused(400, "invalid", "space.displayName")
	}
	if s.DisplayName != "Acme 2" || s.Name != "acmecorp" {
		t.Errorf("%+v", s)
	}
	h.do(theOwner, post, "/v1/spaces", `{"space":{"name":"second"}}`).refused(403, approval.Forbidden, "", "operators")
	h.identity.Operators = []string{theViewer}
	h.identity.Forget()
	h.do(theViewer, post, "/v1/spaces", `{"space":{"name":"second","displayName":"Second"}}`).ok(&s)
	if s.Name != "second" || s.DisplayName != "Second" {
		t.Errorf("%+v", s)
	}
	h.do(theViewer, post, "/v1/spaces", `{"space":{"name":"second"}}`).refused(409, approval.Conflict, "")
	h.do(theViewer, post, "/v1/spaces", `{"space":{"name":"Second"}}`).refused(400, approval.Invalid, "space.name")
	bound, err := h.identity.CreateUserToken(h.Context(), h.actor(theViewer), "", []approval.Permission{approval.ReadSpaces})
	h.must(err)
	h.with(bound.Secret, post, "/v1/spaces", `{"space":{"name":"third"}}`).refused(403, approval.Forbidden, "", "operators")

	account := h.serviceToken()
	h.do(theOwner, del, inSpace, nil).ok(nil)
	for _, token := range []string{h.token(theOwner), h.token(theViewer), account} {
		h.with(token, get, inSpace, nil).refused(401, approval.Unauthenticated, "")
	}
	h.clock.Advance(time.Second)
	h.do(theOwner, get, inSpace+"/petitions", nil).refused(401, approval.Unauthenticated, "")
}
