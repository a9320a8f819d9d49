package approval_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func TestSpaces(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for field, n := range map[string]approval.NewSpace{
		"space": {Name: "Acme", Owner: olga}, "owner": {Name: "x", Owner: "olga"}, "displayName": {Name: "x", Owner: olga, DisplayName: "\x00"},
		"ownerName": {Name: "x", Owner: olga, OwnerName: "\u202e"},
	} {
		if _, err := h.CreateSpace(t.Context(), n); approval.CodeOf(err) != approval.Invalid || !strings.HasPrefix(err.Error(), field+": ") {
			t.Errorf("%s: %v", field, err)
		}
	}
	_, err := h.CreateSpace(t.Context(), approval.NewSpace{Name: "acme", Owner: olga})
	same(t, "again", approval.CodeOf(err), approval.Conflict)
	must(h.CreateSpace(t.Context(), approval.NewSpace{Name: "other", Owner: "Olga@ACME.example"}))
	m, err := h.store.Member(t.Context(), "other", olga)
	if err != nil || m.Role != approval.Owner || m.Person != olga {
		t.Errorf("%+v, %v", m, err)
	}
	list := must(h.Spaces(t.Context(), h.actor(vic)))
	same(t, "spaces", len(list), 1)
	same(t, "name", list[0].Name, "acme")
	a := h.actor(vic)
	a.Role = ""
	if _, err := h.Spaces(t.Context(), a); approval.CodeOf(err) != approval.Forbidden {
		t.Error(err)
	}
}

// A space that was deleted lets nobody in and keeps its log and its name, until the operator brings it back.
func TestASpaceIsDeletedAndRestored(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, owner, operator := t.Context(), h.actor(olga), approval.System("acme", "admin")
	same(t, "renamed", must(h.RenameSpace(ctx, owner, "Acme 2")).DisplayName, "Acme 2")
	for _, text := range []string{"\x1b", "", " "} {
		_, err := h.RenameSpace(ctx, owner, text)
		same(t, "a text", approval.CodeOf(err), approval.Invalid)
	}
	same(t, "what was refused", must(h.Space(ctx, owner)).DisplayName, "Acme 2")
	_, err := h.RenameSpace(ctx, h.actor(bob), "Bob's")
	h.refused(0, err, approval.Forbidden, "spaces:write", bob, "")
	h.refused(1, h.DeleteSpace(ctx, h.actor(bob)), approval.Forbidden, "spaces:write", bob, "")
	_, err = h.RestoreSpace(ctx, operator)
	same(t, "in use", approval.CodeOf(err), approval.Conflict)

	tokens := h.credentials(bob)
	same(t, "deleted", h.DeleteSpace(ctx, owner), nil)
	_, err = h.ActorOf(ctx, h.member(bob), "", nil)
	same(t, "nobody gets in", approval.CodeOf(err), approval.Unauthenticated)
	_, err = h.CreateSpace(ctx, approval.NewSpace{Name: "acme", Owner: "thief@else.example"})
	same(t, "the name is taken", approval.CodeOf(err), approval.Conflict)
	if !strings.Contains(err.Error(), "was deleted, and its name stays taken: `indent admin space restore --space acme`") {
		t.Errorf("it says %v", err)
	}
	for what, err := range map[string]error{
		"again": h.DeleteSpace(ctx, owner), "change": h.change(olga, vic, approval.MemberChange{Role: to(approval.Owner)}), "remove": h.RemoveMember(ctx, owner, vic),
		"admit": func() error {
			_, err := h.AdmitMember(ctx, "acme", approval.NewMember{Email: "x@y.example"})
			return err
		}(),
		"identity": func() error { _, err := h.MemberForIdentity(ctx, "acme", bob); return err }(),
	} {
		same(t, what, approval.CodeOf(err), approval.NotFound)
	}
	all := must(h.AllSpaces(ctx))
	same(t, "listed for the operator", all[0].DeleteTime, h.clock.Now())
	same(t, "restored", must(h.RestoreSpace(ctx, operator)).DisplayName, "Acme 2")
	same(t, "gets in", must(h.ActorOf(ctx, h.member(bob), "", nil)).ID, bob)
	same(t, "with the credentials", h.usable(tokens), len(tokens))
	same(t, "in the log", h.last(approval.EventSpaceRestore).Actor.ID, "indent/admin")
}

// Only who operates the server makes spaces, whatever the role.
func TestOperatorsMakeSpaces(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.SpacePolicy = "the default"
	_, err := h.MakeSpace(t.Context(), h.actor(olga), approval.NewSpace{Name: "second"})
	h.refused(0, err, approval.Forbidden, "does not operate this server", olga, "")
	a := h.actor(vic)
	a.Operator, a.Scopes = true, []approval.Permission{approval.ReadSpaces}
	_, err = h.MakeSpace(t.Context(), a, approval.NewSpace{Name: "second"})
	h.refused(1, err, approval.Forbidden, "spaces:create", vic, "")
	a.Scopes = nil
	must(h.MakeSpace(t.Context(), a, approval.NewSpace{Name: "second", DisplayName: "Second", Policy: "mine"}))
	same(t, "the owner", must(h.store.Member(t.Context(), "second", vic)).Role, approval.Owner)
	same(t, "the policy", must(h.store.Policy(t.Context(), "second")).Text, "the default")
	e := must(h.store.Events(t.Context(), approval.EventQuery{Space: "second", Event: approval.EventSpaceCreate, Page: approval.PageRequest{Size: 10}})).Items
	same(t, "in the new space's log", e[0].Actor.ID, vic)
	must(h.MakeSpace(t.Context(), a, approval.NewSpace{Name: "third", Owner: bob}))
	_, err = h.store.Member(t.Context(), "third", vic)
	same(t, "for somebody else", approval.CodeOf(err), approval.NotFound)
	_, err = h.MakeSpace(t.Context(), a, approval.NewSpace{Name: "acme"})
	same(t, "a name that exists", approval.CodeOf(err), approval.Conflict)
}

func TestMembers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	operator := approval.System("acme", "admin")
	m := must(h.PutMember(t.Context(), operator, approval.Member{Email: "New@ACME.example", Role: approval.Viewer, Person: olga, Kind: approval.KindServiceAccount}))
	same(t, "person", m.Person, "new@acme.example")
	same(t, "kind", m.Kind, approval.KindUser)
	for _, m := range []approval.Member{{Email: "x", Role: approval.Viewer}, {Email: "x@y", Role: "Root"}, {Email: "x@y"}, {Email: "x@y", Role: approval.Viewer, DisplayName: "\x1b"}} {
		_, err := h.PutMember(t.Context(), operator, m)
		same(t, fmt.Sprintf("%+v", m), approval.CodeOf(err), approval.Invalid)
	}
	_, err := h.PutMember(t.Context(), approval.System("nowhere", "admin"), approval.Member{Email: "x@y", Role: approval.Viewer})
	same(t, "nowhere", approval.CodeOf(err), approval.NotFound)
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, editor := t.Context(), h.actor(bob)
	r := must(h.CreateResource(ctx, editor, approval.Resource{ID: "prod", Labels: map[string]string{approval.LabelBlock: "prod"}}))
	_, err := h.CreateResource(ctx, editor, r)
	same(t, "again", approval.CodeOf(err), approval.Conflict)
	nameless := must(h.CreateResource(ctx, editor, approval.Resource{ID: "x"}))
	same(t, "a name", nameless.Name() != "", true)
	_, err = h.PutResource(ctx, editor, "other", r)
	same(t, "two names", approval.CodeOf(err), approval.Invalid)
	_, err = h.PutResource(ctx, editor, "../etc", approval.Resource{ID: "x"})
	same(t, "a name that is none", approval.CodeOf(err), approval.Invalid)
	same(t, "put", must(h.PutResource(ctx, editor, "prod", approval.Resource{ID: "prod", DisplayName: "Production"})).DisplayName, "Production")
	same(t, "get", must(h.Resource(ctx, h.actor(vic), "prod")).DisplayName, "Production")
	_, err = h.Resource(ctx, h.actor(vic), "../etc")
	same(t, "not there", approval.CodeOf(err), approval.NotFound)

	bad := []approval.Resource{{ID: "ok"}, {ID: "a\u202eb"}}
	_, err = h.PutResources(ctx, editor, bad)
	if approval.CodeOf(err) != approval.Invalid || !strings.HasPrefix(err.Error(), "resources[1].id: ") {
		t.Error(err)
	}
	twin := approval.Resource{ID: "t", Labels: map[string]string{approval.LabelBlock: "t"}}
	_, err = h.PutResources(ctx, editor, []approval.Resource{twin, twin})
	same(t, "twins", approval.CodeOf(err), approval.Invalid)
	for _, n := range []int{0, approval.MaxBulk + 1} {
		_, err = h.PutResources(ctx, editor, make([]approval.Resource, n))
		same(t, fmt.Sprint(n), approval.CodeOf(err), approval.Invalid)
		same(t, fmt.Sprint(n), approval.CodeOf(h.DeleteResources(ctx, editor, make([]string, n))), approval.Invalid)
	}
	same(t, "deleting one that is not there", approval.CodeOf(h.DeleteResources(ctx, editor, []string{"prod", "nothing"})), approval.NotFound)
	same(t, "all or nothing", must(h.Resource(ctx, editor, "prod")).ID, "prod")
	same(t, "deleted", h.DeleteResources(ctx, editor, []string{"prod", "prod"}), nil)
	same(t, "in the log", h.last(approval.EventResourceDelete).Resources[0].DisplayName, "Production")
	_, err = h.CreateResource(ctx, h.actor(vic), approval.Resource{ID: "x"})
	h.refused(0, err, approval.Forbidden, "resources:write", vic, "")
	h.refused(1, h.DeleteResources(ctx, h.actor(vic), []string{"x"}), approval.Forbidden, "resources:write", vic, "")

	_, err = h.Resources(ctx, editor, approval.ResourceQuery{View: "everything"})
	same(t, "a view that is none", approval.CodeOf(err), approval.Invalid)
	_, err = h.Resources(ctx, editor, approval.ResourceQuery{Page: approval.PageRequest{Size: -1}})
	same(t, "a page that is none", approval.CodeOf(err), approval.Invalid)
	must(h.CreateResource(ctx, editor, approval.Resource{ID: "z", Labels: map[string]string{approval.LabelRequestable: "true"}}))
	none := must(approval.ParseSelector("s", "env=none"))
	same(t, "a view wins over a selector", len(must(h.Resources(ctx, editor, approval.ResourceQuery{View: approval.ViewRequestable, Selector: none})).Items), 1)
	a := h.actor(vic)
	a.Scopes = []approval.Permission{}
	if _, err := h.Resources(ctx, a, approval.ResourceQuery{}); approval.CodeOf(err) != approval.Forbidden {
		t.Error(err)
	}
	if _, err := h.Resource(ctx, a, "x"); approval.CodeOf(err) != approval.Forbidden {
		t.Error(err)
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(vic)
	h.decide(bob, p, claim(deny))
	page := must(h.Events(t.Context(), h.actor(pat), approval.EventQuery{Petition: p.Name, Space: "other"}))
	sameList(t, "newest first", []string{page.Items[0].Event, page.Items[1].Event}, deny, approval.EventRequest)
	now := h.clock.Now()
	for _, q := range []approval.EventQuery{{Since: now, Until: now}, {Since: now, Until: now.Add(-1)}, {Actor: "\x00"}, {Petition: strings.Repeat("x", 200)}, {Event: "\u202e"},
		{Page: approval.PageRequest{Size: 1000}}} {
		_, err := h.Events(t.Context(), h.actor(pat), q)
		same(t, fmt.Sprintf("%+.100v", q), approval.CodeOf(err), approval.Invalid)
	}
	_, err := h.Events(t.Context(), h.actor(vic), approval.EventQuery{})
	h.refused(0, err, approval.Forbidden, "events:read", vic, "")
}

// A new policy decides at once on the node that set it, and within a second elsewhere; the clock cannot make it longer.
func TestPolicyIsKeptForASecond(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	version := func() int64 { return h.ask(vic).Verdict.PolicyVersion }
	set := func(v int64) {
		h.write(approval.PutPolicy{Document: approval.PolicyDocument{Space: "acme", Version: v, Text: fmt.Sprint("v", v)}})
	}
	same(t, "first", version(), 1)
	set(2)
	same(t, "within the second", version(), 1)
	h.clock.Advance(time.Second)
	same(t, "after it", version(), 2)
	set(3)
	h.clock.Set(h.clock.Now().Add(-time.Hour))
	same(t, "with the clock set back", version(), 3)
	same(t, "a space without policy", func() string {
		h.write(approval.PutSpace{Space: approval.Space{Name: "bare"}})
		a := h.actor(vic)
		a.Space = "bare"
		p, _, err := h.CreatePetition(context.Background(), a, reset(), "")
		if err != nil {
			t.Fatal(err)
		}
		return p.Verdict.Explanation
	}(), "the space has no policy: its owners decide")
}

func TestTheLastOwnerStays(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	operator := approval.System("acme", "admin")
	demote := func() error {
		_, err := h.PutMember(t.Context(), operator, approval.Member{Email: olga, Role: approval.Viewer})
		return err
	}
	if err := demote(); approval.CodeOf(err) != approval.Conflict {
		t.Errorf("the last owner was demoted: %v", err)
	}
	if _, err := h.PutMember(t.Context(), operator, approval.Member{Email: bob, Role: approval.Owner}); err != nil {
		t.Fatal(err)
	}
	if err := demote(); err != nil {
		t.Errorf("an owner beside another: %v", err)
	}
}

func TestAServiceAccountIsNeverMoreThanItsOwner(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	bot, err := h.store.Member(t.Context(), "acme", bobsBot)
	if err != nil {
		t.Fatal(err)
	}
	bobIs := func(role approval.Role, suspended bool) {
		h.put(approval.Member{ID: bob, Kind: approval.KindUser, Email: bob, Person: bob, Role: role, Suspended: suspended})
	}
	bobIs(approval.Viewer, false)
	if a, err := h.ActorOf(t.Context(), bot, "", nil); err != nil || a.Role != approval.Viewer {
		t.Errorf("the account of a viewer: %q, %v", a.Role, err)
	}
	bobIs(approval.Editor, true)
	if _, err := h.ActorOf(t.Context(), bot, "", nil); approval.CodeOf(err) != approval.Unauthenticated {
		t.Errorf("the account of somebody suspended: %v", err)
	}
}
