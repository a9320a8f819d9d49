package approval

import (
	"errors"
	"strings"
	"testing"
)

// Who may what, by role: one row for each permission. A permission without a row fails.
func TestRoles(t *testing.T) {
	t.Parallel()
	const all, readers, admins, editors, owners = "VAPEO", "APEO", "PEO", "EO", "O" // by the roles' first letters
	want := map[Permission]string{
		ReadSpaces: all, ReadResources: all, ReadPetitions: all, ManageOwnTokens: all, CreatePetitions: "VPEO", CreateClaims: "VPEO",
		ReadMembers: readers, ReadEvents: readers, ReadServiceAccounts: readers, ReadTokens: "AEO", AskForOthers: admins,
		WriteResources: editors, ManageTokens: editors, ManageAccounts: editors, WriteSpaces: owners, WriteMembers: owners, CreateSpaces: "",
		ReadPolicy: all, WritePolicy: owners, ReadDelegations: all, WriteDelegations: "VPEO", ReadWebhooks: readers, WriteWebhooks: editors,
	}
	for _, p := range Permissions {
		whose, listed := want[p]
		if !listed {
			t.Errorf("%s has no row here", p)
		}
		for _, r := range Roles {
			if got := r.Has(p); got != strings.Contains(whose, string(r[:1])) {
				t.Errorf("%s has %s: %v", r, p, got)
			}
		}
		for _, r := range []Role{"", "owner", "Admin"} {
			if r.Has(p) {
				t.Errorf("the role %q, which does not exist, has %s", r, p)
			}
		}
	}
	if Owner.Has("everything") {
		t.Error("a permission that does not exist is had")
	}
}

// Who may hand out what: a role that may do all that the other one may.
func TestRolesThatCoverOthers(t *testing.T) {
	t.Parallel()
	want := map[Role]string{Viewer: "V", Auditor: "A", PetitionAdmin: "VP", Editor: "VAPE", Owner: "VAPEO"}
	for _, r := range Roles {
		for _, other := range Roles {
			if got := r.Covers(other); got != strings.Contains(want[r], string(other[:1])) {
				t.Errorf("%s covers %s: %v", r, other, got)
			}
		}
	}
	if Owner.Covers("") || Role("").Covers("") || Role("Admin").Covers(Viewer) {
		t.Error("a role that does not exist covers, or is covered")
	}
}

func TestAnAccountIsNoMoreThanItsRoleAndItsOwners(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		own, owner Role
		can        string
	}{
		{PetitionAdmin, Owner, "petitions:createForOthers"}, {PetitionAdmin, Viewer, "petitions:create"},
		{Viewer, Auditor, "petitions:read"}, {Auditor, PetitionAdmin, "events:read"},
	} {
		a := account("bot", ada, c.own).within(c.owner)
		if !a.Can(Permission(c.can)) {
			t.Errorf("%s of a %s cannot %s", c.own, c.owner, c.can)
		}
		for _, p := range Permissions {
			if a.Can(p) && (!c.own.Has(p) || !c.owner.Has(p)) {
				t.Errorf("%s of a %s can %s", c.own, c.owner, p)
			}
		}
	}
}

func TestScopesOnlyNarrow(t *testing.T) {
	t.Parallel()
	a := person(ada, Viewer)
	for _, c := range []struct {
		scopes []Permission
		p      Permission
		want   bool
	}{
		{nil, ReadPetitions, true}, {nil, WriteResources, false},
		{[]Permission{}, ReadPetitions, false},
		{[]Permission{ReadPetitions}, ReadPetitions, true}, {[]Permission{ReadPetitions}, CreatePetitions, false},
		{[]Permission{WriteResources}, WriteResources, false},
	} {
		a.Scopes = c.scopes
		if got := a.Can(c.p); got != c.want {
			t.Errorf("scopes %v, %s: %v", c.scopes, c.p, got)
		}
	}
	if err := a.require(WriteResources); CodeOf(err) != Forbidden || !strings.Contains(err.Error(), `ask an owner of the space for the role "Editor"`) {
		t.Error(err)
	}
	a.Scopes = []Permission{}
	if err := a.require(ReadPetitions); CodeOf(err) != Forbidden || !strings.Contains(err.Error(), "this token's scope does not include petitions:read") {
		t.Error(err)
	}
	if System("acme", "timer").Can(ReadSpaces) {
		t.Error("the system passes a permission check")
	}
}

func TestWhoIsMeant(t *testing.T) {
	t.Parallel()
	bot := account("quickstart", ada, PetitionAdmin)
	for _, c := range []struct {
		a    Actor
		r    Resource
		want bool
	}{
		{person(ada, Viewer), Resource{ID: ada}, true},
		{person(ada, Viewer), Resource{ID: "ADA@Acme.example"}, true},
		{person(ada, Viewer), Resource{ID: "u-1", Email: "ADA@acme.example"}, true},
		{person(ada, Viewer), Resource{ID: ada, Email: bob}, false},
		{person(ada, Viewer), Resource{ID: bob}, false},
		{person(ada, Viewer), Resource{DisplayName: ada}, false},
		{bot, Resource{ID: "quickstart"}, true},
		{bot, Resource{ID: "Quickstart"}, false},
		{bot, Resource{ID: "quickstart", Email: ada}, false},
		{bot, Resource{}, false},
		{bot, Resource{ID: ada}, false},
	} {
		if got := c.a.is(c.r); got != c.want {
			t.Errorf("%s is %+v: %v", c.a.ID, c.r, got)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	cause := errors.New("disk 7 is full")
	err := Wrap(Unavailable, cause, "try again")
	if err.Error() != "try again" || !errors.Is(err, cause) || CodeOf(err) != Unavailable {
		t.Errorf("%v", err)
	}
	if CodeOf(cause) != Internal || CodeOf(nil) != "" || CodeOf(stale{err}) != Unavailable {
		t.Error("codes")
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{under("a[0]", FieldError("b", "x")), "a[0].b: x"}, {under("a", FieldError("", "x")), "a: x"}, {under("a", cause), "disk 7 is full"},
		{under("a", Errorf(Conflict, "x")), "x"},
	} {
		if c.err.Error() != c.want {
			t.Errorf("got %v, want %s", c.err, c.want)
		}
	}
	if under("a", nil) != nil {
		t.Error("nothing became an error")
	}
}
