package approval_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

func to[T any](v T) *T { return &v }

func (h *house) change(as, id string, c approval.MemberChange) error {
	h.t.Helper()
	_, err := h.ChangeMember(h.t.Context(), h.actor(as), id, c)
	return err
}

func (h *house) member(id string) approval.Member {
	h.t.Helper()
	return must(h.store.Member(h.t.Context(), "acme", id))
}

func TestMembersChange(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	same(t, "add", h.change(olga, "Ada@ACME.example", approval.MemberChange{DisplayName: to("Ada")}), nil)
	same(t, "a Viewer", h.member("ada@acme.example").Role, approval.Viewer)
	same(t, "role", h.change(olga, "ada@acme.example", approval.MemberChange{Role: to(approval.Auditor)}), nil)
	m := h.member("ada@acme.example")
	same(t, "the name stays", fmt.Sprint(m.DisplayName, m.Role, m.CreatedBy), fmt.Sprint("Ada", approval.Auditor, olga))
	before := len(h.events())
	same(t, "the same again", h.change(olga, "ada@acme.example", approval.MemberChange{Role: to(approval.Auditor)}), nil)
	same(t, "is no event", len(h.events()), before)
	for name, c := range map[string]struct {
		id     string
		change approval.MemberChange
	}{"no address": {"ada", approval.MemberChange{}}, "no role": {vic, approval.MemberChange{Role: to(approval.Role("Root"))}},
		"a text": {vic, approval.MemberChange{DisplayName: to("\x1b")}}, "a service account": {quickstart, approval.MemberChange{Role: to(approval.Viewer)}}} {
		same(t, name, approval.CodeOf(h.change(olga, c.id, c.change)), approval.Invalid)
	}
	same(t, "a service account is not removed here", approval.CodeOf(h.RemoveMember(t.Context(), h.actor(olga), quickstart)), approval.Invalid)
	same(t, "nobody is removed", approval.CodeOf(h.RemoveMember(t.Context(), h.actor(olga), "x@y.example")), approval.NotFound)
	h.refused(0, h.change(bob, vic, approval.MemberChange{}), approval.Forbidden, "members:write", bob, "")
	h.refused(1, h.RemoveMember(t.Context(), h.actor(bob), vic), approval.Forbidden, "members:write", bob, "")

	list := must(h.Members(t.Context(), h.actor(pat), approval.KindUser))
	same(t, "members", len(list), 6)
	_, err := h.Members(t.Context(), h.actor(vic), "")
	h.refused(2, err, approval.Forbidden, "members:read", vic, "")
	same(t, "oneself", must(h.Member(t.Context(), h.actor(vic), "VIC@acme.example")).ID, vic)
	_, err = h.Member(t.Context(), h.actor(vic), bob)
	h.refused(3, err, approval.Forbidden, "members:read", vic, "")
}

// The last owner is not demoted, suspended or removed, by whichever way.
func TestTheLastOwnerStaysByEveryWay(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for name, lose := range map[string]func(h *house) error{
		"demoted":   func(h *house) error { return h.change(olga, olga, approval.MemberChange{Role: to(approval.Editor)}) },
		"suspended": func(h *house) error { return h.change(olga, olga, approval.MemberChange{Suspended: to(true)}) },
		"removed":   func(h *house) error { return h.RemoveMember(ctx, h.actor(olga), olga) },
		"demoted by operator": func(h *house) error {
			_, err := h.PutMember(ctx, approval.System("acme", "admin"), approval.Member{Email: olga, Role: approval.Viewer})
			return err
		},
		"removed from the role": func(h *house) error {
			_, err := h.RemoveFromRole(ctx, h.actor(olga), approval.Owner, []string{olga})
			return err
		},
		"added to another role": func(h *house) error {
			_, err := h.AddToRole(ctx, h.actor(olga), approval.Viewer, []string{olga})
			return err
		},
		"left out of the policy": func(h *house) error {
			_, err := h.SetRolePolicy(ctx, h.actor(olga), approval.RolePolicy{Bindings: []approval.Binding{{Role: approval.Editor, Members: []string{bob}}}})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			// Neither an owner who is suspended nor a service account is another owner.
			h.put(approval.Member{ID: "gone@acme.example", Kind: approval.KindUser, Email: "gone@acme.example", Role: approval.Owner, Person: "gone@acme.example", Suspended: true})
			h.put(approval.Member{ID: "owner-bot", Kind: approval.KindServiceAccount, Role: approval.Owner, Person: olga})
			if err := lose(h); approval.CodeOf(err) != approval.Conflict || !strings.Contains(err.Error(), "owner") {
				t.Errorf("the last owner: %v", err)
			}
			same(t, "still there", h.member(olga).Role, approval.Owner)
			same(t, "in the log", len(h.refusals()), 1)
			same(t, "another one", h.change(olga, bob, approval.MemberChange{Role: to(approval.Owner)}), nil)
			if name != "left out of the policy" {
				same(t, "then it goes", lose(h), nil)
			}
		})
	}
}

// Two owners who take each other's role at once: one is faster, and the other is an owner no more. Whatever the ways are,
// one owner is left.
func TestTwoOwnersTakeEachOthersRole(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	ways := map[string]func(h *house, as approval.Actor, id string) error{
		"demote": func(h *house, as approval.Actor, id string) error {
			_, err := h.ChangeMember(ctx, as, id, approval.MemberChange{Role: to(approval.Viewer)})
			return err
		},
		"suspend": func(h *house, as approval.Actor, id string) error {
			_, err := h.ChangeMember(ctx, as, id, approval.MemberChange{Suspended: to(true)})
			return err
		},
		"remove": func(h *house, as approval.Actor, id string) error { return h.RemoveMember(ctx, as, id) },
		"role": func(h *house, as approval.Actor, id string) error {
			_, err := h.RemoveFromRole(ctx, as, approval.Owner, []string{id})
			return err
		},
	}
	for first, one := range ways {
		for second, two := range ways {
			t.Run(first+" and "+second, func(t *testing.T) {
				t.Parallel()
				for range 10 {
					h := newHouse(t)
					same(t, "a second owner", h.change(olga, bob, approval.MemberChange{Role: to(approval.Owner)}), nil)
					o, b := h.actor(olga), h.actor(bob)
					done := make(chan error, 2)
					go func() { done <- one(h, o, bob) }()
					go func() { done <- two(h, b, olga) }()
					<-done
					<-done
					owners := 0
					for _, m := range must(h.store.Members(ctx, "acme", approval.KindUser)) {
						if m.Role == approval.Owner && !m.Suspended {
							owners++
						}
					}
					same(t, "owners left", owners, 1)
				}
			})
		}
	}
}

// Nobody hands out, or takes away, a role that the own credential does not cover (I7).
func TestARoleIsHandedOutByWhoHasIt(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	scoped := func(h *house, scopes ...approval.Permission) approval.Actor {
		a := h.actor(olga)
		a.Scopes = scopes
		return a
	}
	viewer := []approval.Permission{approval.ReadSpaces, approval.ReadResources, approval.ReadPetitions, approval.ManageOwnTokens, approval.ReadPolicy, approval.CreatePetitions, approval.CreateClaims,
		approval.ReadDelegations, approval.WriteDelegations}
	ways := map[string]func(h *house, a approval.Actor, role approval.Role) error{
		"change": func(h *house, a approval.Actor, role approval.Role) error {
			_, err := h.ChangeMember(ctx, a, "new@acme.example", approval.MemberChange{Role: &role})
			return err
		},
		"addToRole": func(h *house, a approval.Actor, role approval.Role) error {
			_, err := h.AddToRole(ctx, a, role, []string{"new@acme.example"})
			return err
		},
		"setPolicy": func(h *house, a approval.Actor, role approval.Role) error {
			p := must(h.RolePolicy(ctx, h.actor(olga)))
			p.Bindings = append(p.Bindings, approval.Binding{Role: role, Members: []string{"new@acme.example"}})
			_, err := h.SetRolePolicy(ctx, a, p)
			return err
		},
	}
	for name, way := range ways {
		h := newHouse(t)
		bound := scoped(h, append(viewer, approval.WriteMembers)...)
		h.refused(0, way(h, bound, approval.Owner), approval.Forbidden, "nobody hands out", olga, "")
		h.refused(1, way(h, bound, approval.PetitionAdmin), approval.Forbidden, "nobody hands out", olga, "")
		h.refused(2, way(h, scoped(h, approval.WriteMembers), approval.Viewer), approval.Forbidden,
			"has spaces:read, resources:read, petitions:read, tokens:own, policy:read, petitions:create, claims:create, delegations:read, delegations:write, which this credential has not: nobody hands out", olga, "")
		if err := way(h, bound, approval.Viewer); err != nil {
			t.Errorf("%s: a Viewer by who may all that a Viewer may: %v", name, err)
		}
	}
	h := newHouse(t)
	bound := scoped(h, append(viewer, approval.WriteMembers)...)
	h.refused(0, h.RemoveMember(ctx, bound, bob), approval.Forbidden, "takes away", olga, "")
	_, err := h.ChangeMember(ctx, bound, bob, approval.MemberChange{Suspended: to(true)})
	h.refused(1, err, approval.Forbidden, "takes away", olga, "")
	_, err = h.ChangeMember(ctx, bound, bob, approval.MemberChange{Role: to(approval.Viewer)})
	h.refused(2, err, approval.Forbidden, "takes away", olga, "")
	_, err = h.LinkIdentity(ctx, bound, bob, "slack:T1/U1")
	h.refused(3, err, approval.Forbidden, "nobody hands out", olga, "")
	h.refused(4, h.DeleteSpace(ctx, scoped(h, approval.WriteSpaces)), approval.Forbidden, "nobody hands out", olga, "")
}

// credentials gives a member one of every kind and answers their names.
func (h *house) credentials(id string) (names []string) {
	h.t.Helper()
	for _, kind := range approval.TokenKinds {
		name := h.IDs.UUID()
		h.write(approval.PutToken{Token: approval.Token{Space: "acme", Name: name, Kind: kind, Hash: name, Member: id}})
		names = append(names, name)
	}
	return names
}

func (h *house) usable(names []string) (left int) {
	h.t.Helper()
	for _, name := range names {
		if must(h.store.Token(h.t.Context(), "acme", name)).Usable(h.clock.Now()) {
			left++
		}
	}
	return left
}

// Whoever is suspended or removed loses every token, session and link in the same change, and gets none back later.
func TestSuspensionEndsEveryCredential(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	forgets := 0
	h.WhenRightsChange(func() { forgets++ })
	hers, others := h.credentials(bob), h.credentials(eve)
	same(t, "suspend", h.change(olga, bob, approval.MemberChange{Suspended: to(true)}), nil)
	same(t, "left", h.usable(hers), 0)
	same(t, "others'", h.usable(others), len(others))
	same(t, "nobody believes what was looked up", forgets, 1)
	same(t, "in the log", h.last(approval.EventMemberSuspend).Resources[0].ID, bob)
	late := h.credentials(bob) // made by a call that had begun before
	same(t, "resume", h.change(olga, bob, approval.MemberChange{Suspended: to(false)}), nil)
	same(t, "left", h.usable(append(hers, late...)), 0)

	hers, bots := h.credentials(bob), h.credentials(bobsBot)
	h.link("slack:T1/U1", bob)
	h.groups("eng")
	same(t, "in a group", h.nest("eng", bob), nil)
	same(t, "remove", h.RemoveMember(t.Context(), h.actor(olga), bob), nil)
	same(t, "left", h.usable(append(hers, bots...)), 0)
	same(t, "the service account", h.member(bobsBot).Suspended, true)
	same(t, "groups", h.in(bob), "")
	_, err := h.MemberForIdentity(t.Context(), "acme", "slack:T1/U1")
	same(t, "the identity", approval.CodeOf(err), approval.NotFound)
	late = append(h.credentials(bob), h.credentials("late-bot")...)
	h.put(approval.Member{ID: "late-bot", Kind: approval.KindServiceAccount, Role: approval.Editor, Person: bob})
	same(t, "back", h.change(olga, bob, approval.MemberChange{}), nil)
	same(t, "left", h.usable(late), 0)
	same(t, "a service account made meanwhile", h.member("late-bot").Suspended, true)
}

// Every kind of credential that exists is one that a suspended member loses.
func TestTokenKindsAreAll(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "token.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Names) != 1 || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Token") {
			return true
		}
		if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
			value, _ := strconv.Unquote(literal.Value)
			if found++; !slices.Contains(approval.TokenKinds, value) {
				t.Errorf("%s (%q) is not in TokenKinds: a suspended member would keep it", spec.Names[0].Name, value)
			}
		}
		return true
	})
	if found < 4 {
		t.Errorf("%d kinds found: this test looks in the wrong place", found)
	}
}

// A reviewer who has approved and is suspended since, or gone, counts no longer.
func TestASuspendedReviewerCountsNoMore(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(h *house) error{
		"suspended": func(h *house) error { return h.change(olga, bob, approval.MemberChange{Suspended: to(true)}) },
		"removed":   func(h *house) error { return h.RemoveMember(h.t.Context(), h.actor(olga), bob) },
	} {
		h := newHouse(t)
		h.rule.verdict = review(2)
		p := h.decide(bob, h.ask(vic), claim(approve))
		same(t, name, lose(h), nil)
		p = h.decide(eve, p, claim(approve))
		same(t, name+": one of two", p.Phase, approval.Open)
		same(t, name+": two", h.decide(olga, p, claim(approve)).Phase, approval.Granted)
	}
}

// A change that began before a removal, or a suspension, does not undo it.
func TestNobodyComesBackByALateChange(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(h *house) error{
		"suspended": func(h *house) error { return h.change(olga, bob, approval.MemberChange{Suspended: to(true)}) },
		"removed":   func(h *house) error { return h.RemoveMember(h.t.Context(), h.actor(olga), bob) },
	} {
		h := newHouse(t)
		first := true
		h.store.BeforeCommit = func(c approval.Change) error {
			if first && c.Events[0].Event == approval.EventMemberPut {
				first = false
				return approval.Errorf(approval.Conflict, "somebody was faster")
			}
			return nil
		}
		h.store.BeforeRead = func(what string) error {
			if !first && what == "Space" {
				h.store.BeforeRead = nil
				return lose(h)
			}
			return nil
		}
		same(t, name, h.change(olga, bob, approval.MemberChange{Role: to(approval.PetitionAdmin)}), nil)
		m := h.member(bob)
		if name == "suspended" && !m.Suspended || name == "removed" && m.Role != approval.PetitionAdmin {
			t.Errorf("%s: %+v", name, m)
		}
	}
}
