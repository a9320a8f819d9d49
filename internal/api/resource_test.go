package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

func TestTheDirectory(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var made, got approval.Resource
	h.do(theEditor, post, inSpace+"/resources", `{"resource":{"id":"u1","kind":"okta/user","email":"u1@example.com","displayName":"User One","altIds":["x"]}}`).ok(&made)
	if made.Name() == "" || made.Email != "u1@example.com" || len(made.AltIDs) != 1 {
		t.Errorf("%+v", made)
	}
	path := inSpace + "/resources/" + made.Name()
	h.do(theViewer, get, path, nil).ok(nil)
	h.do(theEditor, put, path, `{"resource":{"id":"u1","displayName":"Another"}}`).ok(&got)
	if got.DisplayName != "Another" || got.Email != "" || got.Name() != made.Name() {
		t.Errorf("%+v", got)
	}
	h.do(theEditor, put, path, `{"resource":{"id":"u1","labels":{"indent.com/block":"other"}}}`).refused(400, approval.Invalid, "resource.labels.indent.com/block")
	h.do(theEditor, post, inSpace+"/resources", map[string]any{"resource": got}).refused(409, approval.Conflict, "")
	if a := h.do(theEditor, del, path, nil).ok(nil); a.body != "{}\n" {
		t.Error(a.body)
	}
	h.do(theViewer, get, path, nil).refused(404, approval.NotFound, "")
	h.do(theEditor, del, path, nil).refused(404, approval.NotFound, "")
	h.do(theEditor, put, inSpace+"/resources/a%2Fb", `{"resource":{"id":"x"}}`).refused(400, approval.Invalid, "resource.labels.indent.com/block")
}

func TestListsOfResources(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.do(theEditor, put, inSpace+"/resources:bulkUpdate", `{"resources":[
		{"id":"p","kind":"user","email":"p@example.com","labels":{"indent.com/block":"person"}},
		{"id":"g","kind":"slack/channel","labels":{"indent.com/block":"room"}}]}`).ok(nil)
	cases := map[string][]string{
		"":                               {"person", "production", "room", "staging"},
		"?view=requestable":              {"production"},
		"?view=requestable:modal":        {"production"},
		"?view=people":                   {"person"},
		"?view=recipients":               {"person", "room"},
		"?view=email":                    {"person"},
		"?labelSelector=env":             {"staging"},
		"?labelSelector=env!%3Dstage":    {"person", "production", "room"},
		"?view=people&labelSelector=env": {"person"},
		"?search=production":             {"production"},
		"?pageSize=1":                    {"person"},
	}
	for query, want := range cases {
		var list resourceList
		h.do(theViewer, get, inSpace+"/resources"+query, nil).ok(&list)
		var got []string
		for _, r := range list.Resources {
			got = append(got, r.Name())
		}
		if !slices.Equal(got, want) || (list.NextPageToken != "") != (query == "?pageSize=1") {
			t.Errorf("%s: %v %q, want %v", query, got, list.NextPageToken, want)
		}
	}
}

func TestBulkChangesAreAllOrNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	count := func() int {
		var list resourceList
		h.do(theViewer, get, inSpace+"/resources?pageSize=200", nil).ok(&list)
		return len(list.Resources)
	}
	before := count()
	h.do(theEditor, post, inSpace+"/resources:bulkUpdate", `{"resources":[{"id":"ok"},{"kind":"nameless"}]}`).refused(400, approval.Invalid, "resources[1].id")
	h.do(theEditor, post, inSpace+"/resources:bulkUpdate", `{"resources":[]}`).refused(400, approval.Invalid, "resources")
	var entries []string
	for i := range approval.MaxBulk + 1 {
		entries = append(entries, fmt.Sprintf(`{"id":"%d"}`, i))
	}
	h.do(theEditor, post, inSpace+"/resources:bulkUpdate", `{"resources":[`+strings.Join(entries, ",")+`]}`).refused(400, approval.Invalid, "resources")
	h.do(theEditor, post, inSpace+"/resources:bulkDelete", `{"names":["production","nothing"]}`).refused(404, approval.NotFound, "")
	h.do(theEditor, post, inSpace+"/resources:bulkDelete", `{"resources":[{"id":"production"}]}`).refused(400, approval.Invalid, "resources[0].labels.indent.com/block")
	h.do(theEditor, post, inSpace+"/resources:bulkDelete", `{"names":["a"],"resources":[{"id":"a"}]}`).refused(400, approval.Invalid, "resources")
	h.do(theEditor, post, inSpace+"/resources:bulkDelete", `{}`).refused(400, approval.Invalid, "names")
	if got := count(); got != before {
		t.Errorf("%d entries, want %d: something was done half", got, before)
	}
	var out resourcesBody
	h.do(theEditor, post, inSpace+"/resources:bulkUpdate", `{"resources":[{"id":"one"},{"id":"two"}]}`).ok(&out)
	h.do(theEditor, post, inSpace+"/resources:bulkDelete", map[string]any{"resources": out.Resources}).ok(nil)
	h.do(theEditor, post, inSpace+"/resources:bulkDelete", `{"names":["production","staging"]}`).ok(nil)
	if got := count(); got != before-2 {
		t.Errorf("%d entries, want %d", got, before-2)
	}
}

func TestSpaces(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for who, name := range map[string]string{theViewer: "acmecorp", aStranger: "othercorp"} {
		var list spaceList
		h.do(who, get, "/v1/spaces", nil).ok(&list)
		if len(list.Spaces) != 1 || list.Spaces[0].Name != name || list.Spaces[0].DisplayName != "Acme Corp" {
			t.Errorf("%s: %+v", who, list)
		}
	}
	var one space
	if h.do(theViewer, http.MethodGet, inSpace, nil).ok(&one); one.Name != "acmecorp" {
		t.Errorf("%+v", one)
	}
}
