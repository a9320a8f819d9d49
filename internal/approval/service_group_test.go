package approval_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

// groups puts groups into the directory.
func (h *house) groups(names ...string) {
	h.t.Helper()
	var list []approval.Resource
	for _, name := range names {
		list = append(list, approval.Resource{ID: name, Kind: "group", DisplayName: "Group " + name, Labels: map[string]string{approval.LabelBlock: name}})
	}
	h.directory(list...)
}

// nest puts members, by id or name, into a group.
func (h *house) nest(group string, members ...string) error {
	h.t.Helper()
	var list []approval.Resource
	for _, id := range members {
		list = append(list, approval.Resource{ID: id})
	}
	_, err := h.AddGroupMembers(h.t.Context(), h.actor(bob), group, list)
	return err
}

func (h *house) in(id string) string {
	h.t.Helper()
	return strings.Join(must(h.GroupsOf(h.t.Context(), "acme", id)), " ")
}

func (h *house) membersOf(group string, effective bool) string {
	h.t.Helper()
	var ids []string
	for _, r := range must(h.GroupMembers(h.t.Context(), h.actor(vic), group, effective)) {
		id := r.ID
		if source := r.Labels[approval.LabelGroupSource]; source != "" {
			id += " by " + source
		}
		ids = append(ids, id)
	}
	return strings.Join(ids, ", ")
}

func TestGroups(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.groups("eng", "ops", "all", "bobs-bot") // a group that has the name of a service account
	same(t, "nest", h.nest("eng", "VIC@acme.example", quickstart, vic), nil)
	same(t, "nest", h.nest("ops", pat, "eng"), nil)
	same(t, "nest", h.nest("all", "ops", "eng"), nil)
	same(t, "direct", h.membersOf("ops", false), "eng, "+pat)
	same(t, "effective", h.membersOf("all", true), pat+", "+vic)
	same(t, "groups of a person", h.in(vic), "all eng ops")
	same(t, "groups of an account", h.in(quickstart), "all eng ops")
	same(t, "groups of nobody", h.in("x@y.example"), "")
	e := h.last(approval.EventGroupAdd)
	same(t, "the log", fmt.Sprint(e.Actor.ID, e.Resources[0].ID, e.Resources[1].ID, e.Resources[2].ID), fmt.Sprint(bob, "all", "ops", "eng"))

	same(t, "the kind decides", must(h.AddGroupMembers(t.Context(), h.actor(bob), "all", []approval.Resource{{ID: bobsBot, Kind: "group"}}))[0].Kind, "group")
	same(t, "again", h.nest("all", bobsBot), nil) // the account, as members come first
	same(t, "which of both", approval.CodeOf(h.RemoveGroupMember(t.Context(), h.actor(bob), "all", "", bobsBot)), approval.Invalid)
	same(t, "this one", h.RemoveGroupMember(t.Context(), h.actor(bob), "all", approval.KindServiceAccount, bobsBot), nil)
	same(t, "the other", h.RemoveGroupMember(t.Context(), h.actor(bob), "all", "", bobsBot), nil)
	same(t, "nobody", approval.CodeOf(h.RemoveGroupMember(t.Context(), h.actor(bob), "all", "", bobsBot)), approval.NotFound)

	must(h.SetGroupMembers(t.Context(), h.actor(bob), "ops", []approval.Resource{{ID: "eng", Kind: "group"}, {Email: eve}}))
	same(t, "the whole", h.membersOf("ops", false), "eng, "+eve)
	same(t, "the log", h.last(approval.EventGroupRemove).Resources[1].ID, pat)
	suspended := true
	must(h.ChangeMember(t.Context(), h.actor(olga), vic, approval.MemberChange{Suspended: &suspended}))
	same(t, "whoever is suspended does not count", h.membersOf("all", true), eve)
	same(t, "deleted", h.DeleteResources(t.Context(), h.actor(bob), []string{"ops"}), nil)
	same(t, "a group that is gone", h.in(eve), "")
	must(h.SetGroupMembers(t.Context(), h.actor(bob), "all", nil))
	same(t, "empty", h.membersOf("all", false), "")
}

func TestGroupsRefuse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.groups("a", "b", "c")
	h.directory(approval.Resource{ID: "db", Kind: "database", Labels: map[string]string{approval.LabelBlock: "db"}})
	same(t, "nest", h.nest("a", "b"), nil)
	same(t, "nest", h.nest("b", "c"), nil)
	for name, c := range map[string]struct {
		err  error
		code approval.Code
		text string
	}{
		"itself":              {h.nest("a", "a"), approval.Conflict, "in itself"},
		"a circle":            {h.nest("c", "a"), approval.Conflict, "in itself"},
		"no group":            {h.nest("db", vic), approval.Invalid, "kind"},
		"nothing":             {h.nest("none", vic), approval.NotFound, "none"},
		"no member":           {h.nest("a", vic, "stranger@acme.example"), approval.Invalid, "members[1].id"},
		"no group as member":  {h.nest("a", "db"), approval.Invalid, "members[0].id"},
		"a name that is none": {h.nest("a", "../etc"), approval.Invalid, "members[0].id"},
		"nobody":              {h.nest("a"), approval.Invalid, "members"},
		"a text":              {h.nest("a", "\u202e"), approval.Invalid, "members[0].id"},
	} {
		if approval.CodeOf(c.err) != c.code || !strings.Contains(c.err.Error(), c.text) {
			t.Errorf("%s: %v, want %s with %q", name, c.err, c.code, c.text)
		}
	}
	_, err := h.AddGroupMembers(t.Context(), h.actor(pat), "a", []approval.Resource{{ID: vic}})
	h.refused(0, err, approval.Forbidden, "resources:write", pat, "")
	_, err = h.SetGroupMembers(t.Context(), h.actor(bob), "a", make([]approval.Resource, approval.MaxGroupMembers+1))
	same(t, "too many", approval.CodeOf(err), approval.Invalid)
	h.refused(1, h.RemoveGroupMember(t.Context(), h.actor(pat), "a", "", "b"), approval.Forbidden, "resources:write", pat, "")
}

func TestGroupsNestTenDeep(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var names []string
	for i := range approval.MaxGroupDepth + 2 {
		names = append(names, fmt.Sprint("g", i))
	}
	h.groups(names...)
	for i := 1; i < approval.MaxGroupDepth; i++ {
		same(t, "nest", h.nest(names[i], names[i-1]), nil)
	}
	for _, pair := range [][2]int{{approval.MaxGroupDepth, approval.MaxGroupDepth - 1}, {0, approval.MaxGroupDepth}} {
		if err := h.nest(names[pair[0]], names[pair[1]]); approval.CodeOf(err) != approval.Conflict || !strings.Contains(err.Error(), "at most 10") {
			t.Errorf("%v: %v", pair, err)
		}
	}
	same(t, "a member at the bottom", h.nest("g0", vic), nil)
	same(t, "is in all", len(strings.Fields(h.in(vic))), approval.MaxGroupDepth)
}

// Two who nest two groups in each other at the same time cannot make a circle.
func TestNoCircleByARace(t *testing.T) {
	t.Parallel()
	for range 20 {
		h := newHouse(t)
		h.groups("a", "b")
		done := make(chan error, 2)
		go func() { done <- h.nest("a", "b") }()
		go func() { done <- h.nest("b", "a") }()
		codes := approval.CodeOf(<-done) + approval.CodeOf(<-done)
		same(t, "one of two", codes, approval.Conflict)
	}
}

func TestSignInSyncsGroups(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.groups("eng", "ops", "all")
	member := must(h.store.Member(t.Context(), "acme", vic))
	sync := func(source string, groups ...string) {
		t.Helper()
		same(t, "sync", h.SyncGroups(t.Context(), member, source, groups), nil)
	}
	same(t, "by people", h.nest("all", vic), nil)
	sync("okta", "eng", "ops", "nothing", "eng", "../etc")
	sync("azure", "eng")
	same(t, "groups", h.in(vic), "all eng ops")
	sync("okta", "ops", "all")
	same(t, "the other source stays", h.in(vic), "all eng ops")
	sync("azure")
	same(t, "groups", h.in(vic), "all ops")
	same(t, "shown", h.membersOf("ops", false), vic+" by okta")
	same(t, "people come first", h.membersOf("all", false), vic)
	same(t, "in the log", h.last(approval.EventGroupAdd).Label(approval.LabelGroupSource), "okta")
	same(t, "owned by sign-in", approval.CodeOf(h.RemoveGroupMember(t.Context(), h.actor(bob), "ops", "", vic)), approval.Conflict)
	must(h.SetGroupMembers(t.Context(), h.actor(bob), "ops", nil))
	same(t, "still owned by sign-in", h.in(vic), "all ops")
	before := len(h.events())
	sync("okta", "all", "ops")
	same(t, "nothing new, nothing in the log", len(h.events()), before)
	same(t, "no source", approval.CodeOf(h.SyncGroups(t.Context(), member, "", nil)), approval.Internal)
	same(t, "too many", approval.CodeOf(h.SyncGroups(t.Context(), member, "okta", make([]string, approval.MaxGroups+1))), approval.Invalid)
}

func (h *house) events() []approval.Event {
	h.t.Helper()
	return must(h.store.Events(h.t.Context(), approval.EventQuery{Space: "acme", Page: approval.PageRequest{Size: approval.MaxPageSize}})).Items
}
