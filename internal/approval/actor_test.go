package approval

import (
	"errors"
	"strings"
	"testing"
)

// Who may what, by role: one row for each permission. A permission without a row fails.
func TestRoles(t *testing.T) {
	t.Parallel()
	want := map[Permission]Role{
		ReadSpaces: Viewer, ReadResources: Viewer, WriteResources: Editor, ReadPetitions: Viewer, CreatePetitions: Viewer,
		AskForOthers: PetitionAdmin, CreateClaims: Viewer, ReadEvents: PetitionAdmin, ManageOwnTokens: Viewer, ManageTokens: Editor,
		ReadServiceAccounts: PetitionAdmin, ManageAccounts: Editor,
	}
	for _, p := range Permissions {
		floor, listed := want[p]
		if !listed {
			t.Errorf("%s has no row here", p)
		}
		for _, r := range Roles {
			if got := r.Has(p); got != (r.Rank() >= floor.Rank()) {
				t.Errorf("%s has %s: %v", r, p, got)
			}
		}
		for _, r := range []Role{"", "owner", "Admin"} {
			if r.Has(p) {
				t.Errorf("the role %q, which does not exist, has %s", r, p)
			}
		}
	}
	if len(least) != len(Permissions) {
		t.Errorf("%d permissions have a role, there are %d", len(least), len(Permissions))
	}
	if Owner.Has("everything") {
		t.Error("a permission that does not exist is had")
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
