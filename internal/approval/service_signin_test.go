package approval_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

const okta = "oidc:https://login.acme.example|"

// whom answers a person for whom the provider vouches.
func whom(subject, email string, groups ...string) approval.Verified {
	return approval.Verified{Provider: "okta", Identity: okta + subject, Email: email, Groups: groups}
}

func rules(change func(*approval.Admission)) approval.Admission {
	r := approval.Admission{Spaces: []string{"acme"}, Domains: []string{"acme.example"},
		Roles: map[string]approval.Role{"admins": approval.Editor, "askers": approval.PetitionAdmin, "owners": approval.Owner, "auditors": approval.Auditor}}
	if change != nil {
		change(&r)
	}
	return r
}

// admit answers the one member that the person is in acme.
func (h *house) admit(v approval.Verified, r approval.Admission) approval.Member {
	h.t.Helper()
	members, err := h.Admit(h.t.Context(), v, r)
	if err != nil || len(members) != 1 {
		h.t.Fatalf("%+v, %v", members, err)
	}
	stored, err := h.store.Member(h.t.Context(), "acme", members[0].ID)
	if err != nil || stored != members[0] {
		h.t.Fatalf("answered %+v, stored %+v, %v", members[0], stored, err)
	}
	return stored
}

// logged answers how many entries of the name the log has, and the last one.
func (h *house) logged(name string) (n int, last approval.Event) {
	h.t.Helper()
	page, err := h.store.Events(h.t.Context(), approval.EventQuery{Space: "acme", Event: name, Page: approval.PageRequest{Size: approval.MaxPageSize}})
	if err != nil {
		h.t.Fatal(err)
	}
	if len(page.Items) > 0 {
		last = page.Items[0]
	}
	return len(page.Items), last
}

func TestTheFirstSignInMakesAViewerOfAllowedDomains(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m := h.admit(whom("new", "new@acme.example"), rules(nil))
	same(t, "role", m.Role, approval.Viewer)
	same(t, "again", h.admit(whom("new", "new@acme.example"), rules(nil)), m)
	n, e := h.logged(approval.EventMemberPut)
	same(t, "actor", e.Actor.ID, "indent/sign-in")
	// From then on the identity counts and nothing else: another address, none, and a domain that is no longer allowed.
	for _, email := range []string{"other@acme.example", "", "new@elsewhere.example", olga} {
		same(t, email, h.admit(whom("new", email), rules(func(r *approval.Admission) { r.Domains = nil })).ID, m.ID)
	}
	if after, _ := h.logged(approval.EventMemberPut); after != n {
		t.Errorf("%d entries, then %d", n, after)
	}
}

func TestWhoMayNotComeInIsRefusedAndInTheLog(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.put(approval.Member{ID: "sue@acme.example", Kind: approval.KindUser, Email: "sue@acme.example", Role: approval.Owner, Person: "sue@acme.example", Suspended: true})
	for name, c := range map[string]struct {
		who   approval.Verified
		rules approval.Admission
		says  string
	}{
		"not verified":            {whom("x", ""), rules(nil), "does not say that your address is verified"},
		"another domain":          {whom("x", "x@evil.example"), rules(nil), "addresses of evil.example"},
		"a domain below":          {whom("x", "x@y.acme.example"), rules(nil), "addresses of y.acme.example"},
		"no domain is allowed":    {whom("x", "x@acme.example"), rules(func(r *approval.Admission) { r.Domains = nil }), "addresses of acme.example"},
		"a member's, not allowed": {whom("x", olga), rules(func(r *approval.Admission) { r.Domains = []string{"other.example"} }), "addresses of acme.example"},
		"suspended":               {whom("x", "sue@acme.example"), rules(nil), "was suspended"},
	} {
		before, _ := h.logged(approval.EventRefused)
		members, err := h.Admit(t.Context(), c.who, c.rules)
		if approval.CodeOf(err) != approval.Forbidden || len(members) > 0 || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %+v, %v", name, members, err)
		}
		after, e := h.logged(approval.EventRefused)
		if after != before+1 || !strings.Contains(e.Reason, c.says) {
			t.Errorf("%s: the log has %+v", name, e)
		}
		// An address is somebody's act only on the word of who has the say for it: else the log would accuse a member.
		want := okta + "x"
		if name == "suspended" {
			want = "sue@acme.example"
		}
		same(t, name+": who, by the log", e.Actor.ID, want)
	}
	all, err := h.store.Members(t.Context(), "acme", "")
	if err != nil || len(all) != 8 {
		t.Errorf("%d members, %v", len(all), err)
	}
	// A space that is not there lets nobody in, and a person who is in another one gets there.
	if _, err := h.Admit(t.Context(), whom("x", "x@acme.example"), rules(func(r *approval.Admission) { r.Spaces = []string{"none"} })); approval.CodeOf(err) != approval.Forbidden {
		t.Error(err)
	}
	same(t, "one of two", h.admit(whom("y", "y@acme.example"), rules(func(r *approval.Admission) { r.Spaces = []string{"none", "acme"} })).ID, "y@acme.example")
}

// A member is linked by a verified address once; a second account with the address is somebody else.
func TestAnAddressIsLinkedOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	same(t, "linked", h.admit(whom("olga", olga), rules(nil)).ID, olga)
	_, e := h.logged(approval.EventIdentityLink)
	same(t, "who is linked", e.Resources[0].ID, olga)
	_, err := h.Admit(t.Context(), whom("who came next", olga), rules(nil))
	if approval.CodeOf(err) != approval.Forbidden || !strings.Contains(err.Error(), "linked with another account") {
		t.Errorf("got %v", err)
	}
	// An account of another provider with the say may be linked, too.
	other := whom("1", olga)
	other.Identity = "oidc:https://login.acme.example.other|1"
	same(t, "another provider", h.admit(other, rules(nil)).ID, olga)
	// An address that an owner has linked leads to whom it belongs.
	h.write(approval.PutIdentity{Identity: approval.Identity{Space: "acme", Identity: "robert@acme.example", Member: bob}})
	same(t, "another address", h.admit(whom("bob", "robert@acme.example"), rules(nil)).ID, bob)
	// Many at once.
	for _, err := range race(func(int) error { _, err := h.Admit(t.Context(), whom("eve", eve), rules(nil)); return err }) {
		if err != nil {
			t.Error(err)
		}
	}
	for _, err := range race(func(int) error {
		_, err := h.Admit(t.Context(), whom("new", "new@acme.example"), rules(nil))
		return err
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	list, err := h.store.Identities(t.Context(), "acme", eve)
	if err != nil || len(list) != 1 {
		t.Errorf("%+v, %v", list, err)
	}
}

// The role of a group lies over the role that people gave, and goes with the group.
func TestRolesByGroups(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	role := func(what string, want approval.Role, groups ...string) {
		t.Helper()
		same(t, what, h.admit(whom("pat", pat, groups...), rules(nil)).Role, want)
	}
	role("by hand", approval.PetitionAdmin)
	role("a group that gives nothing", approval.PetitionAdmin, "all", "ADMINS")
	role("a group that gives more", approval.Editor, "all", "admins")
	role("the same again", approval.Editor, "admins")
	role("the greatest", approval.Owner, "askers", "owners", "admins")
	role("less", approval.Editor, "admins", "askers")
	role("without the group", approval.PetitionAdmin)
	role("a group that gives less", approval.PetitionAdmin, "auditors")
	if _, err := h.store.MappedRole(t.Context(), "acme", pat); approval.CodeOf(err) != approval.NotFound {
		t.Errorf("something is left: %v", err)
	}
	n, e := h.logged(approval.EventMemberPut)
	if e.Reason != "role Petition Admin: no group of okta gives another" {
		t.Errorf("the log says %q", e.Reason)
	}
	role("again", approval.PetitionAdmin)
	if after, _ := h.logged(approval.EventMemberPut); after != n {
		t.Error("nothing changed, and that is in the log")
	}

	// What an owner gives meanwhile by hand stays.
	role("the group", approval.Editor, "admins")
	owner := approval.Owner
	if _, err := h.ChangeMember(t.Context(), h.actor(olga), pat, approval.MemberChange{Role: &owner}); err != nil {
		t.Fatal(err)
	}
	role("an owner by hand", approval.Owner, "admins")
	role("an owner without the group", approval.Owner)

	// Without group_roles nobody's role changes.
	same(t, "no rules", h.admit(whom("vic", vic, "owners"), rules(func(r *approval.Admission) { r.Roles = nil })).Role, approval.Viewer)
}

func TestTheLastOwnerStaysOneWithoutTheGroup(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	same(t, "by the group", h.admit(whom("vic", vic, "owners"), rules(nil)).Role, approval.Owner)
	viewer := approval.Viewer
	if _, err := h.ChangeMember(t.Context(), h.actor(vic), olga, approval.MemberChange{Role: &viewer}); err != nil {
		t.Fatal(err)
	}
	same(t, "the last one", h.admit(whom("vic", vic), rules(nil)).Role, approval.Owner)
	// Two who lose the group at once do not both go.
	same(t, "two", h.admit(whom("bob", bob, "owners"), rules(nil)).Role, approval.Owner)
	for _, err := range race(func(i int) error {
		who := whom("vic", vic)
		if i%2 == 0 {
			who = whom("bob", bob)
		}
		_, err := h.Admit(t.Context(), who, rules(nil))
		return err
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	members, err := h.store.Members(t.Context(), "acme", approval.KindUser)
	owners := slices.DeleteFunc(members, func(m approval.Member) bool { return m.Role != approval.Owner })
	if err != nil || len(owners) != 1 {
		t.Errorf("there are %d owners, %v", len(owners), err)
	}
}

func TestGroupsFollowTheProvider(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	group := func(name string) approval.Resource {
		return approval.Resource{ID: name, Kind: "group", Labels: map[string]string{approval.LabelBlock: name}}
	}
	h.directory(group("eng"), group("ops"))
	sync := rules(func(r *approval.Admission) { r.SyncGroups = true })
	for _, groups := range [][]string{{"eng", "not-here"}, {"eng", "ops"}, {"ops"}, nil} {
		h.admit(whom("vic", vic, groups...), sync)
		got, err := h.GroupsOf(t.Context(), "acme", vic)
		want := slices.DeleteFunc(slices.Clone(groups), func(g string) bool { return g == "not-here" })
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v", groups, got, err)
		}
	}
	h.admit(whom("vic", vic, "eng"), rules(nil))
	if got, _ := h.GroupsOf(t.Context(), "acme", vic); len(got) != 0 {
		t.Errorf("without sync_groups: %q", got)
	}
}

// Whatever fails on the way, nobody is let in by half.
func TestASignInWhoseStoreFailsIsNone(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"Space", "Identity", "Member", "Identities", "MappedRole"} {
		h := newHouse(t)
		h.store.BeforeRead = func(method string) error {
			if method == what {
				return approval.Errorf(approval.Unavailable, "down")
			}
			return nil
		}
		members, err := h.Admit(t.Context(), whom("olga", olga), rules(nil))
		if approval.CodeOf(err) != approval.Unavailable || len(members) > 0 {
			t.Errorf("%s: %+v, %v", what, members, err)
		}
	}
	h := newHouse(t)
	h.store.BeforeCommit = func(approval.Change) error { return approval.Errorf(approval.Unavailable, "down") }
	if members, err := h.Admit(t.Context(), whom("new", "new@acme.example"), rules(nil)); approval.CodeOf(err) != approval.Unavailable || len(members) > 0 {
		t.Errorf("%+v, %v", members, err)
	}
}
