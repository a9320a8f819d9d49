package approval_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// An endpoint that lists nearly nothing by mistake takes nothing away, until an Editor says that it is right.
func TestAPullThatShrinksTooMuchIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.pulls()
	h.lists(roles(50)...)
	h.pull()
	changed := roles(20)
	changed[0].DisplayName = "changed"
	out := slices.Clone(changed)
	for _, r := range roles(50)[20:] {
		out = append(out, role(r.ID, approval.LabelDeactivated, "true"))
	}
	for name, list := range map[string][]approval.Resource{"not listed": changed, "listed as out of use": out} {
		h.lists(list...)
		before := entriesText(h.entries())
		r := h.pull()
		same(t, name, counts(r), fmt.Sprintf("refused listed %d taken %d created 0 changed 0 gone 0 conflicts 0", len(list), len(list)))
		if !strings.Contains(r.Problem, "30 of the 50") || !strings.Contains(r.Problem, "force") {
			t.Errorf("%s: %s", name, r.Problem)
		}
		same(t, name, entriesText(h.entries()), before)
	}
	h.lists(changed...)
	same(t, "asked", h.pullNow(approval.PullRequest{}).State, approval.PullRefused)
	forced := h.pullNow(approval.PullRequest{Force: true})
	same(t, "forced", counts(forced.PullResult), "done listed 20 taken 20 created 0 changed 1 gone 30 conflicts 0")
	same(t, "told", must(h.Pull(t.Context(), h.actor(pat), "roles")).Failures, 0)
	h.lists()
	same(t, "twenty are not too many", counts(h.pull()), "done listed 0 taken 0 created 0 changed 0 gone 20 conflicts 0")
}

// What people made or changed, and what another policy brought, is left alone, and it is said.
func TestAPullTouchesOnlyWhatItBrought(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.pulls(func(p *approval.PullPolicy) { p.TakeLabels = []string{approval.LabelBlock} })
	must(h.CreatePullPolicy(t.Context(), h.actor(bob), approval.PullPolicy{Name: "others", Webhook: "roles", Kinds: []string{"role"}}))
	h.directory(
		approval.Resource{ID: "by-hand", Kind: "role", Labels: map[string]string{approval.LabelBlock: "hand"}},
		approval.Resource{ID: "ALT", Kind: "Role", AltIDs: []string{"other-name"}, Labels: map[string]string{approval.LabelBlock: "alt"}},
		approval.Resource{ID: "elsewhere", Kind: "database", Labels: map[string]string{approval.LabelBlock: "taken"}})
	before := entriesText(h.entries())
	h.lists(role("by-hand"), role("alt"), role("OTHER-NAME"), role("new", approval.LabelBlock, "taken"), role("own"))
	r := h.pull()
	same(t, "all but one", counts(r), "done listed 5 taken 5 created 1 changed 0 gone 0 conflicts 4")
	for _, says := range []string{"by-hand (role) is in the directory as hand, which people made", "alt (role)", "OTHER-NAME (role)", "new (role) is in the directory as taken"} {
		if !slices.ContainsFunc(r.Examples, func(e string) bool { return strings.HasPrefix(e, says) }) {
			t.Errorf("%q is not said: %q", says, r.Examples)
		}
	}
	own := h.entries()["own"]
	left := h.entries()
	delete(left, "own")
	same(t, "they stay", entriesText(left), before)

	// What somebody changes is theirs from then on, also when it is not listed any more. To write it as it is changes nothing.
	must(h.PutResource(t.Context(), h.actor(eve), own.Name(), own))
	renamed := role("own")
	renamed.DisplayName = "pulled"
	h.lists(renamed)
	same(t, "it is the policy's still", counts(h.pull()), "done listed 1 taken 1 created 0 changed 1 gone 0 conflicts 0")
	own = h.entries()["own"]
	own.Labels = map[string]string{approval.LabelConfirm: approval.ConfirmPasskey, approval.LabelBlock: own.Name()}
	must(h.PutResource(t.Context(), h.actor(eve), own.Name(), own))
	same(t, "it is eve's", counts(h.pull()), "done listed 1 taken 1 created 0 changed 0 gone 0 conflicts 1")
	h.lists()
	same(t, "not listed", counts(h.pull()), "done listed 0 taken 0 created 0 changed 0 gone 0 conflicts 0")
	same(t, "her label", h.entries()["own"].Labels[approval.LabelConfirm], "passkey")

	// Who deletes it gives it back.
	if err := h.DeleteResources(t.Context(), h.actor(eve), []string{own.Name()}); err != nil {
		t.Fatal(err)
	}
	h.lists(role("own"))
	same(t, "it is brought again", counts(h.pull()), "done listed 1 taken 1 created 1 changed 0 gone 0 conflicts 0")
}

func TestTwoPoliciesDoNotTakeFromOneAnother(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.pulls()
	h.lists(role("reader"), role("writer"))
	h.pull()
	must(h.CreatePullPolicy(t.Context(), h.actor(bob), approval.PullPolicy{Name: "others", Webhook: "roles", Kinds: []string{"role"}, Schedule: "0 12 * * *"}))
	h.clock.Set(time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC))
	h.lists(role("writer"), role("third"))
	// Both are due: roles marks reader as gone, others brings third.
	h.runPulls()
	others := must(h.Pull(t.Context(), h.actor(pat), "others")).Last
	if others.Conflicts == 0 || !strings.Contains(strings.Join(others.Examples, " "), "which the pull policy roles brought") {
		t.Errorf("got %+v", others)
	}
	owner := map[string]string{}
	for _, policy := range []string{"roles", "others"} {
		for _, row := range must(h.store.Pulled(t.Context(), "acme", policy, "", 100)) {
			owner[row.Name] += policy
		}
	}
	for name, who := range owner {
		if who != "roles" && who != "others" {
			t.Errorf("%s is of %s", name, who)
		}
	}
	same(t, "entries", len(owner), 3)
}

// An endpoint, or who can write into the system behind it, must not give itself rights (I5, I6, I13).
func TestAPulledEntryGivesNobodyARight(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.pulls(func(p *approval.PullPolicy) { p.Kinds = []string{"user", "group", "role"} })
	user := func(r approval.Resource) approval.Resource { r.Kind = "user"; return r }
	h.lists(
		user(approval.Resource{ID: "mallory@evil.example", Email: olga, AltIDs: []string{bob, "boss"}, Labels: map[string]string{"managerId": "mallory", "team": "sre"}}),
		user(approval.Resource{ID: vic, Email: olga, Labels: map[string]string{"managerId": "mallory@evil.example"}}),
		approval.Resource{ID: "sre", Kind: "group", AltIDs: []string{"owners"}, Labels: map[string]string{approval.LabelBlock: "everyone"}},
		role("prod", "owner", "mallory@evil.example", "environment", "staging", approval.LabelRequestable, "true", approval.LabelConfirm, ""),
		approval.Resource{ID: "policy", Kind: "indent/policy"}, approval.Resource{ID: "bot", Kind: "serviceAccount"})
	r := h.pull()
	same(t, "all", counts(r), "done listed 6 taken 4 created 4 changed 0 gone 0 conflicts 0")
	for id, e := range h.entries() {
		labels := e.Labels
		delete(labels, approval.LabelBlock)
		if e.Email != "" || e.AltIDs != nil || len(labels) > 0 {
			t.Errorf("%s has %+v", id, e)
		}
		if e.Kind == "group" && e.Name() == "everyone" {
			t.Error("the endpoint chose the name of a group, into which sign-in providers put people by name")
		}
	}
	for _, name := range []string{olga, bob, "mallory@evil.example", vic, "boss"} {
		if beside := must(h.store.Aliases(t.Context(), "acme", []string{name})); len(beside) > 1 {
			t.Errorf("%s is the same as %v", name, beside)
		}
	}
}

// An Editor may let an endpoint say who is who. It may give people other names, but not make two into one.
func TestAPullMakesNotTwoPeopleOne(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	must(h.LinkIdentity(t.Context(), h.actor(olga), bob, "okta:U2"))
	h.directory(approval.Resource{ID: "dora", Kind: "user", Email: "dora@acme.example", Labels: map[string]string{approval.LabelBlock: "dora"}})
	h.pulls(func(p *approval.PullPolicy) { p.Kinds, p.TakeIdentities = []string{"user"}, true })
	user := func(id, email string, alt ...string) approval.Resource {
		return approval.Resource{ID: id, Kind: "user", Email: email, AltIDs: alt}
	}
	h.lists(user("okta:u1", olga), user("okta:u2", bob), // as it is
		user(vic, olga), // two members
		user("okta:u3", "nobody@acme.example", vic, pat), // two members, by a third name
		user("okta:u4", eve, "okta:U2"),                  // a member, and another one by its identity
		user("okta:u5", "dora@acme.example", eve),        // a member and what is in the directory
		user("okta:u6", "new@acme.example"),              // nobody yet
		user("okta:u7", vic, "okta:u1"))                  // what the same pull has linked to another
	r := h.pull()
	same(t, "all", counts(r), "done listed 8 taken 8 created 3 changed 0 gone 0 conflicts 5")
	for _, e := range r.Examples {
		if !strings.Contains(e, "the same, which are two here") {
			t.Errorf("says %q", e)
		}
	}
	for _, two := range [][2]string{{vic, olga}, {vic, pat}, {eve, bob}, {"dora", eve}, {vic, "okta:u1"}} {
		asker := pat
		if two[1] == pat {
			asker = olga
		}
		p := h.ask(asker, func(n *approval.NewPetition) { n.Petitioners = []approval.Resource{{ID: two[0], Kind: "user"}} })
		if slices.Contains(p.Persons, two[1]) {
			t.Errorf("%s asks, and so does %s: %v", two[0], two[1], p.Persons)
		}
	}
	// Later it says of one whom it brought that it is another.
	h.lists(user("okta:u1", olga, vic), user("okta:u2", bob), user("okta:u6", "new@acme.example"))
	same(t, "later", counts(h.pull()), "done listed 3 taken 3 created 0 changed 0 gone 0 conflicts 1")
	same(t, "who it was", h.entries()["okta:u1"].Email, olga)
}

// What is looked up is looked up for all of a commit at once, also who bears which name.
func TestAPullLooksUpManyAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.pulls(func(p *approval.PullPolicy) { p.Kinds, p.TakeIdentities = []string{"user"}, true })
	people := make([]approval.Resource, 500)
	for i := range people {
		people[i] = approval.Resource{ID: fmt.Sprint("okta:u", i), Kind: "user", Email: fmt.Sprintf("person%d@acme.example", i), AltIDs: []string{fmt.Sprint("slack:u", i)}}
	}
	h.lists(people...)
	reads := map[string]int{}
	h.store.BeforeRead = func(what string) error {
		reads[what]++
		return nil
	}
	same(t, "all", counts(h.pull()), "done listed 500 taken 500 created 500 changed 0 gone 0 conflicts 0")
	for _, what := range []string{"ResourcesNamed", "PulledEntries", "NameOwners"} {
		same(t, what, reads[what], 5)
	}
	for what, n := range reads {
		if n > 15 {
			t.Errorf("%s is read %d times for 500 people", what, n)
		}
	}
}

func TestOnlyAnEditorsPolicyTakesLabels(t *testing.T) {
	t.Parallel()
	for take, want := range map[string]string{
		"":                                  "",
		"team":                              "team",
		"*":                                 "owner team",
		approval.LabelRequestable:           approval.LabelRequestable,
		"*," + approval.LabelRequestable:    approval.LabelRequestable + " owner team",
		approval.LabelDeactivated + ",team": "team", // it says itself what is out of use, not what is not
	} {
		h := newHouse(t)
		h.pulls(func(p *approval.PullPolicy) {
			if take != "" {
				p.TakeLabels = strings.Split(take, ",")
			}
		})
		h.lists(role("r", "team", "a", "owner", "b", approval.LabelRequestable, "true", approval.LabelConfirm, "passkey", "Indent.com/other", "x", approval.LabelDeactivated, "false"))
		h.pull()
		var got []string
		for key := range h.entries()["r"].Labels {
			if key != approval.LabelBlock {
				got = append(got, key)
			}
		}
		slices.Sort(got)
		same(t, take, strings.Join(got, " "), want)
	}
	h := newHouse(t)
	h.pulls(func(p *approval.PullPolicy) {
		p.TakeLabels, p.Labels = []string{"*", approval.LabelConfirm}, map[string]string{"team": "ours", approval.LabelConfirm: approval.ConfirmPasskey}
	})
	h.lists(role("r", "team", "theirs"))
	h.pull()
	same(t, "the policy's own win", h.entries()["r"].Labels["team"]+h.entries()["r"].Labels[approval.LabelConfirm], "ourspasskey")
}
