package approval_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

func written(p approval.RolePolicy) string {
	var lines []string
	for _, b := range p.Bindings {
		lines = append(lines, fmt.Sprint(b.Role, ": ", strings.ReplaceAll(strings.Join(b.Members, " "), "@acme.example", "")))
	}
	return strings.Join(lines, "; ")
}

func TestRolePolicy(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, owner := t.Context(), h.actor(olga)
	p := must(h.RolePolicy(ctx, h.actor(pat)))
	same(t, "as it is", written(p), "Viewer: vic; Petition Admin: pat; Editor: bob eve; Owner: olga")
	same(t, "the same again", must(h.RolePolicy(ctx, owner)).ETag, p.ETag)

	bobs := h.credentials(bobsBot)
	next := approval.RolePolicy{ETag: p.ETag, Bindings: []approval.Binding{{Role: approval.Owner, Members: []string{"OLGA@acme.example", "new@acme.example"}},
		{Role: approval.Auditor, Members: []string{eve, eve}}, {Role: approval.Viewer, Members: []string{vic}}, {Role: approval.Editor}}}
	set := must(h.SetRolePolicy(ctx, owner, next))
	same(t, "set", written(set), "Viewer: vic; Auditor: eve; Owner: new olga")
	same(t, "read again", must(h.RolePolicy(ctx, owner)).ETag, set.ETag)
	same(t, "who was left out lost all", h.usable(bobs), 0)
	_, err := h.store.Member(ctx, "acme", bob)
	same(t, "who was left out", approval.CodeOf(err), approval.NotFound)
	_, err = h.SetRolePolicy(ctx, owner, next)
	h.refused(0, err, approval.Conflict, "read them again", olga, "")
	next.ETag = ""
	before := len(h.events())
	must(h.SetRolePolicy(ctx, owner, next))
	same(t, "the same again is no event", len(h.events()), before)

	for field, p := range map[string]approval.RolePolicy{
		"bindings[0].role":       {Bindings: []approval.Binding{{Role: "Root"}}},
		"bindings[0].members[1]": {Bindings: []approval.Binding{{Role: approval.Owner, Members: []string{olga, "bot"}}}},
		"bindings[1].members[0]": {Bindings: []approval.Binding{{Role: approval.Owner, Members: []string{olga}}, {Role: approval.Viewer, Members: []string{olga}}}},
	} {
		if _, err := h.SetRolePolicy(ctx, owner, p); approval.CodeOf(err) != approval.Invalid || !strings.HasPrefix(err.Error(), field+": ") {
			t.Errorf("%s: %v", field, err)
		}
	}
	h.put(approval.Member{ID: "gone@acme.example", Kind: approval.KindUser, Email: "gone@acme.example", Role: approval.Viewer, Person: "gone@acme.example", Suspended: true})
	_, err = h.SetRolePolicy(ctx, owner, approval.RolePolicy{Bindings: []approval.Binding{{Role: approval.Owner, Members: []string{"gone@acme.example"}}}})
	h.refused(1, err, approval.Conflict, "no owner left", olga, "")
	_, err = h.SetRolePolicy(ctx, h.actor(eve), approval.RolePolicy{})
	h.refused(2, err, approval.Forbidden, "members:write", eve, "")
	_, err = h.RolePolicy(ctx, h.actor(vic))
	h.refused(3, err, approval.Forbidden, "members:read", vic, "")
}

func TestRoleMembers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, owner := t.Context(), h.actor(olga)
	p := must(h.AddToRole(ctx, owner, approval.Editor, []string{vic, "New@acme.example", bob}))
	same(t, "added", written(p), "Petition Admin: pat; Editor: bob eve new vic; Owner: olga")
	p = must(h.RemoveFromRole(ctx, owner, approval.Editor, []string{bob, eve}))
	same(t, "removed", written(p), "Viewer: bob eve; Petition Admin: pat; Editor: new vic; Owner: olga")
	p = must(h.RemoveFromRole(ctx, owner, approval.Viewer, []string{bob}))
	same(t, "gone", written(p), "Viewer: eve; Petition Admin: pat; Editor: new vic; Owner: olga")

	_, err := h.RemoveFromRole(ctx, owner, approval.Editor, []string{vic, eve})
	h.refused(0, err, approval.Conflict, `"Viewer"`, olga, "")
	_, err = h.RemoveFromRole(ctx, owner, approval.Editor, []string{bob})
	same(t, "no member", approval.CodeOf(err), approval.NotFound)
	for field, ids := range map[string][]string{"members: ": nil, "members[0]: ": {"bot"}, "members": make([]string, approval.MaxBulk+1)} {
		_, err := h.AddToRole(ctx, owner, approval.Editor, ids)
		if approval.CodeOf(err) != approval.Invalid || !strings.HasPrefix(err.Error(), field) {
			t.Errorf("%s %v", field, err)
		}
	}
	_, err = h.AddToRole(ctx, owner, "Root", []string{vic})
	same(t, "no role", approval.CodeOf(err), approval.Invalid)
	_, err = h.AddToRole(ctx, h.actor(vic), approval.Owner, []string{vic})
	h.refused(1, err, approval.Forbidden, "members:write", vic, "")
}

// 16 who give roles at once: none is lost, all are asked to come again or done.
func TestRolesAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	owner := h.actor(olga)
	const n = 16
	errs := make([]error, n)
	done := make(chan int)
	for i := range n {
		go func() {
			_, errs[i] = h.AddToRole(t.Context(), owner, approval.Editor, []string{fmt.Sprintf("m%d@acme.example", i)})
			done <- i
		}()
	}
	for range n {
		<-done
	}
	succeeded := 0
	for i, err := range errs {
		_, missing := h.store.Member(t.Context(), "acme", fmt.Sprintf("m%d@acme.example", i))
		if (err == nil) != (missing == nil) || err != nil && approval.CodeOf(err) != approval.Conflict {
			t.Errorf("%d: %v, %v", i, err, missing)
		}
		if err == nil {
			succeeded++
		}
	}
	if succeeded < n/2 {
		t.Errorf("%d of %d succeeded", succeeded, n)
	}
}
