package approval_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// A wildcard is what it means now, and never more than the maker has or the holder's role allows (I7).
func TestWildcardsOfScopes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	owner := h.actor(olga)
	owner.Scopes = []approval.Permission{approval.ManageTokens, approval.ReadPetitions, approval.ReadResources, approval.WriteResources, approval.ReadEvents}
	for asked, want := range map[string]string{
		"resources:*":                "resources:read", // the bot is no Editor
		"petitions:*":                "petitions:read",
		"admin":                      "resources:read petitions:read events:read",
		"resources:* resources:read": "resources:read",
		"events:read petitions:*":    "events:read petitions:read",
	} {
		var scopes []approval.Permission
		for _, word := range strings.Fields(asked) {
			scopes = append(scopes, approval.Permission(word))
		}
		made, err := h.service(owner, quickstart, scopes...)
		if got := strings.Trim(fmt.Sprint(made.Scopes), "[]"); err != nil || got != want {
			t.Errorf("%q is %q, %v, want %q", asked, got, err, want)
		}
	}
	for asked, code := range map[approval.Permission]approval.Code{"claims:*": approval.Forbidden, "serviceAccounts:*": approval.Forbidden, "resources:write*": approval.Invalid,
		"*": approval.Invalid, ":*": approval.Invalid, "inputs:*": approval.Invalid, "inputs:write": approval.Invalid, "policies:*": approval.Invalid, "nothing:*": approval.Invalid, "Admin": approval.Invalid} {
		if made, err := h.service(owner, quickstart, asked); approval.CodeOf(err) != code || made.Name != "" {
			t.Errorf("%s: %v, want %s", asked, err, code)
		}
	}
	if _, err := h.service(owner, quickstart, "inputs:*"); !strings.Contains(err.Error(), "reserved") {
		t.Errorf("a reserved word: %v", err)
	}
}

// A token that could do nothing, or less than it says, is not made: what the account's role, or the maker, does not have is
// named, all of it at once.
func TestAScopeBeyondTheRoleIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.put(approval.Member{ID: "viewer", Kind: approval.KindServiceAccount, Role: approval.Viewer, Person: bob})
	manager := h.actor(bob)
	manager.Scopes = []approval.Permission{approval.ManageTokens}
	n := 0
	for _, c := range []struct {
		by      approval.Actor
		account string
		scopes  []approval.Permission
		text    string
	}{
		{h.actor(bob), "viewer", []approval.Permission{approval.ReadPetitions, approval.WriteResources, approval.ReadEvents}, `viewer has the role "Viewer", which does not have resources:write, events:read`},
		{h.actor(bob), "viewer", []approval.Permission{"events:*"}, `does not have events:*`},
		{h.actor(bob), "viewer", []approval.Permission{approval.WriteMembers, approval.ReadEvents, approval.WriteSpaces}, `you do not have members:write, spaces:write yourself and cannot hand it out; viewer has the role "Viewer", which does not have events:read`},
		{manager, "viewer", nil, `viewer has the role "Viewer", which does not have tokens:all`},
	} {
		made, err := h.service(c.by, c.account, c.scopes...)
		h.refused(n, err, approval.Forbidden, c.text, bob, "")
		same(t, "made", made.Name, "")
		n++
	}
	sameList(t, "of the maker's, what the role has", must(h.service(manager, bobsBot)).Scopes, approval.ManageTokens)
	_, err := h.CreateTrust(t.Context(), h.actor(bob), approval.Trust{Account: "viewer", Issuer: "https://ci.example", Audience: "indent", Claims: map[string]string{"sub": "x"}, Scopes: []approval.Permission{approval.ReadEvents}})
	h.refused(n, err, approval.Forbidden, "does not have events:read", bob, "")
}

// Who shows the token of an account whose owner is away is told so.
func TestAnAccountOfASuspendedOwnerSaysSo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	bot := must(h.store.Member(t.Context(), "acme", bobsBot))
	yes := true
	must(h.ChangeMember(t.Context(), h.actor(olga), bob, approval.MemberChange{Suspended: &yes}))
	said := func(m approval.Member, want string) {
		t.Helper()
		if _, err := h.ActorOf(t.Context(), m, "", nil); approval.CodeOf(err) != approval.Unauthenticated || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	said(bot, "service account bobs-bot stands for nobody: bob@acme.example, who owns it, is suspended in acme")
	said(must(h.store.Member(t.Context(), "acme", bob)), "bob@acme.example is suspended in acme")
	same(t, "removed", h.RemoveMember(t.Context(), h.actor(olga), bob), nil)
	said(bot, "bob@acme.example, who owns it, is not a member of acme any more")
}

// A rotation hands out what a new token would: the same refusals (I5, I6, I7).
func TestRotationIsForWhoMayMakeSuchAToken(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	rotate := func(by approval.Actor, name string, grace time.Duration) error {
		_, err := h.RotateToken(h.t.Context(), by, name, approval.Rotation{Name: h.IDs.UUID(), Hash: h.IDs.Secret(64), Grace: grace})
		return err
	}
	all, err := h.service(h.actor(bob), bobsBot)
	same(t, "error", err, nil)
	narrow := h.actor(bob)
	narrow.Scopes = []approval.Permission{approval.ManageTokens, approval.ReadPetitions}
	same(t, "a token with more", approval.CodeOf(rotate(narrow, all.Name, 0)), approval.Forbidden)
	same(t, "another's account", approval.CodeOf(rotate(h.actor(olga), all.Name, 0)), approval.Forbidden)
	same(t, "who manages none", approval.CodeOf(rotate(h.actor(vic), all.Name, 0)), approval.Forbidden)
	same(t, "an unknown one", approval.CodeOf(rotate(h.actor(bob), "unknown", 0)), approval.NotFound)
	for _, grace := range []time.Duration{-time.Second, approval.MaxGrace + time.Second} {
		same(t, "a grace", approval.CodeOf(rotate(h.actor(bob), all.Name, grace)), approval.Invalid)
	}
	same(t, "the owner's", rotate(h.actor(bob), all.Name, time.Hour), nil)
	e := h.last(approval.EventTokenRotate)
	same(t, "whose", e.Resources[0].ID, bobsBot)
	same(t, "which ends", e.Resources[1].ID, all.Name)
	same(t, "a second time", approval.CodeOf(rotate(h.actor(bob), all.Name, 0)), approval.Conflict)
	fresh, err := h.Store.Token(h.t.Context(), "acme", e.Resources[2].ID)
	same(t, "error", err, nil)
	same(t, "its end", fresh.ExpireTime.IsZero(), true)
	same(t, "one that has ended", h.RevokeToken(h.t.Context(), h.actor(bob), fresh.Name), nil)
	same(t, "error", approval.CodeOf(rotate(h.actor(bob), fresh.Name, 0)), approval.Conflict)
}

// Two rotate one token at once: one gets a token in its place, the other one reads that it was rotated before.
func TestATokenIsRotatedOnce(t *testing.T) {
	t.Parallel()
	for _, grace := range []time.Duration{0, time.Hour} {
		h := newHouse(t)
		old, err := h.service(h.actor(bob), bobsBot)
		same(t, "error", err, nil)
		rotate := func() error {
			_, err := h.RotateToken(t.Context(), h.actor(bob), old.Name, approval.Rotation{Name: h.IDs.UUID(), Hash: h.IDs.Secret(64), Grace: grace})
			return err
		}
		var first error
		h.Store = &tokenStore{Store: h.Store, afterReading: func() { first = rotate() }}
		same(t, "who was slower", approval.CodeOf(rotate()), approval.Conflict)
		same(t, "who was faster", first, nil)
	}
}

// tokenStore lets something happen once, after the tokens of a service account were read.
type tokenStore struct {
	approval.Store
	afterReading func()
}

func (s *tokenStore) Tokens(ctx context.Context, space, member string, kinds ...string) ([]approval.Token, error) {
	list, err := s.Store.Tokens(ctx, space, member, kinds...)
	if f := s.afterReading; f != nil && slices.Contains(kinds, approval.TokenService) {
		s.afterReading = nil
		f()
	}
	return list, err
}

func TestServiceAccountsAreChangedAndDeleted(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := h.t.Context()
	h.put(approval.Member{ID: "high", Kind: approval.KindServiceAccount, Role: approval.Owner, Person: olga})
	set := func(by, id string, c approval.AccountChange) error {
		_, err := h.ChangeServiceAccount(ctx, h.actor(by), id, c)
		return err
	}
	owner, viewer, unknown, yes, no, name := approval.Owner, approval.Viewer, approval.Role("Boss"), true, false, "Bob's"
	same(t, "a role above the actor's", approval.CodeOf(set(bob, bobsBot, approval.AccountChange{Role: &owner})), approval.Forbidden)
	same(t, "one that is above the actor", approval.CodeOf(set(bob, "high", approval.AccountChange{Suspended: &yes})), approval.Forbidden)
	same(t, "an unknown role", approval.CodeOf(set(bob, bobsBot, approval.AccountChange{Role: &unknown})), approval.Invalid)
	same(t, "a person", approval.CodeOf(set(olga, vic, approval.AccountChange{Suspended: &yes})), approval.NotFound)
	same(t, "by a Viewer", approval.CodeOf(set(vic, bobsBot, approval.AccountChange{Suspended: &yes})), approval.Forbidden)
	token, err := h.service(h.actor(bob), bobsBot)
	same(t, "error", err, nil)
	same(t, "name and role", set(bob, bobsBot, approval.AccountChange{Role: &viewer, DisplayName: &name}), nil)
	same(t, "told", h.last(approval.EventAccountUpdate).Reason, "role Viewer")
	same(t, "suspended", set(olga, bobsBot, approval.AccountChange{Suspended: &yes}), nil)
	m, err := h.ServiceAccount(ctx, h.actor(bob), bobsBot)
	same(t, "error", err, nil)
	if m.Role != viewer || m.DisplayName != name || !m.Suspended || m.Person != bob {
		t.Errorf("%+v", m)
	}
	same(t, "resumed", set(olga, bobsBot, approval.AccountChange{Suspended: &no}), nil)
	token, err = h.Store.Token(ctx, "acme", token.Name)
	same(t, "error", err, nil)
	same(t, "its token works again", token.Usable(h.clock.Now()), false)

	token, err = h.service(h.actor(bob), bobsBot)
	same(t, "error", err, nil)
	trust, err := h.CreateTrust(ctx, h.actor(bob), approval.Trust{Account: bobsBot, Issuer: "https://ci.example", Audience: "indent", Claims: map[string]string{"sub": "x"}})
	same(t, "error", err, nil)
	same(t, "deleted by a Viewer", approval.CodeOf(h.DeleteServiceAccount(ctx, h.actor(vic), bobsBot)), approval.Forbidden)
	same(t, "deleted", h.DeleteServiceAccount(ctx, h.actor(bob), bobsBot), nil)
	token, err = h.Store.Token(ctx, "acme", token.Name)
	same(t, "error", err, nil)
	same(t, "its token", token.Usable(h.clock.Now()), false)
	trusts, err := h.Store.Trusts(ctx, "acme", "")
	same(t, "error", err, nil)
	same(t, "trusts", len(trusts), 0)
	sameList(t, "told", []string{h.last(approval.EventAccountDelete).Resources[0].ID, h.last(approval.EventAccountDelete).Resources[1].ID}, bobsBot, trust.Name)
	same(t, "twice", approval.CodeOf(h.DeleteServiceAccount(ctx, h.actor(bob), bobsBot)), approval.NotFound)
}

// Of those who change an account at once, none undoes the other's change, and nobody brings a deleted one back.
func TestChangesOfAnAccountAtOnceAreAllThere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, yes, viewer := h.t.Context(), true, approval.Viewer
	olga := h.actor(olga)
	done := make(chan error)
	go func() {
		_, err := h.ChangeServiceAccount(ctx, olga, bobsBot, approval.AccountChange{Suspended: &yes})
		done <- err
	}()
	go func() {
		_, err := h.ChangeServiceAccount(ctx, olga, bobsBot, approval.AccountChange{Role: &viewer})
		done <- err
	}()
	for range 2 {
		same(t, "error", <-done, nil)
	}
	m, err := h.ServiceAccount(ctx, olga, bobsBot)
	if err != nil || !m.Suspended || m.Role != viewer {
		t.Errorf("%+v, %v", m, err)
	}
}

// Editors write the directory, which says who else a person is. That makes nobody the owner of another person's service
// accounts: whoever holds one is another person where persons are counted (I5, I6), also when the entry is gone.
func TestANameInTheDirectoryGivesNoServiceAccount(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := h.t.Context()
	entry := approval.Resource{ID: "U1", Kind: "user", AltIDs: []string{bob, eve}}
	put := must(h.PutResources(ctx, h.as(eve), []approval.Resource{entry}))
	same(t, "one person", h.as(eve).Person, bob)
	_, err := h.service(h.as(eve), bobsBot)
	same(t, "a token of bob's account", approval.CodeOf(err), approval.Forbidden)
	_, err = h.CreateTrust(ctx, h.as(eve), approval.Trust{Account: bobsBot, Issuer: "https://ci.example", Audience: "indent", Claims: map[string]string{"sub": "x"}})
	same(t, "a trust of bob's account", approval.CodeOf(err), approval.Forbidden)
	m := must(h.CreateServiceAccount(ctx, h.as(eve), approval.Member{ID: "spare", Role: approval.Editor}))
	same(t, "whose", m.Person, eve)
	same(t, "its own", must(h.service(h.as(eve), "spare")).Member, "spare")
	same(t, "by an account of hers", must(h.CreateServiceAccount(ctx, h.as("spare"), approval.Member{ID: "spare2", Role: approval.Editor})).Person, eve)
	same(t, "error", h.DeleteResources(ctx, h.as(eve), []string{put[0].Name()}), nil)
	h.approveAs(h.as("spare"), h.ask(eve), approval.Forbidden)
}

// Whose credential does not cover a role gives it to no account either: a token of the account that is there has it at once (I7).
func TestARoleOfAnAccountIsHandedOutByWhoHasIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	narrow, role, name, yes := h.actor(olga), approval.Owner, "Q", true
	narrow.Scopes = []approval.Permission{approval.ManageAccounts, approval.ReadServiceAccounts}
	_, err := h.ChangeServiceAccount(h.t.Context(), narrow, quickstart, approval.AccountChange{Role: &role})
	same(t, "a role that the credential does not cover", approval.CodeOf(err), approval.Forbidden)
	must(h.ChangeServiceAccount(h.t.Context(), narrow, quickstart, approval.AccountChange{DisplayName: &name, Suspended: &yes}))
	must(h.ChangeServiceAccount(h.t.Context(), h.actor(olga), quickstart, approval.AccountChange{Role: &role}))
}

func TestTrustsThatTrustTooMany(t *testing.T) {
	t.Parallel()
	const github = "https://token.actions.githubusercontent.com"
	claims := func(pairs ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	many := map[string]string{}
	for i := range approval.MaxTrustClaims + 1 {
		many[fmt.Sprint("c", i)] = "x"
	}
	for name, c := range map[string]struct {
		issuer string
		claims map[string]string
		field  string
	}{
		"one branch of a repository":      {github, claims("sub", "repo:acme/app:ref:refs/heads/main"), ""},
		"any branch of a repository":      {github, claims("sub", "repo:acme/app:*"), ""},
		"any repository of a company":     {github, claims("repository", "acme/*"), ""},
		"a service account in a cluster":  {"https://oidc.eks.eu-west-1.amazonaws.com/id/X", claims("sub", "system:serviceaccount:prod:deploy"), ""},
		"a namespace in a cluster":        {"https://cluster.example", claims("sub", "system:serviceaccount:prod:*"), ""},
		"no claim":                        {github, nil, "claims"},
		"everybody":                       {github, claims("sub", "*"), "claims.sub"},
		"every repository":                {github, claims("sub", "repo:*"), "claims.sub"},
		"every workload there is":         {"https://spire.example", claims("sub", "spiffe://*"), "claims.sub"},
		"every address there is":          {"https://ci.example", claims("job", "https://*"), "claims.job"},
		"companies that begin so":         {github, claims("sub", "repo:acme*"), "claims.sub"},
		"a branch of any repository":      {github, claims("ref", "refs/heads/main"), "claims"},
		"a star in the middle":            {github, claims("sub", "repo:*:ref:refs/heads/main"), "claims.sub"},
		"two stars":                       {github, claims("sub", "repo:acme/**"), "claims.sub"},
		"the audience again":              {github, claims("aud", "x"), "claims.aud"},
		"the issuer again":                {github, claims("iss", github, "sub", "x"), "claims.iss"},
		"a claim without a value":         {github, claims("sub", ""), "claims.sub"},
		"a claim without a name":          {github, claims("", "x"), "claims"},
		"too many claims":                 {"https://ci.example", many, "claims"},
		"an issuer without TLS":           {"http://ci.example", claims("sub", "x"), "issuer"},
		"an issuer with a name before it": {"https://user@ci.example", claims("sub", "x"), "issuer"},
		"an issuer with a query":          {"https://ci.example?x", claims("sub", "x"), "issuer"},
		"an issuer that is no address":    {"ci.example", claims("sub", "x"), "issuer"},
		"no issuer":                       {"", claims("sub", "x"), "issuer"},
	} {
		err := approval.Trust{Issuer: c.issuer, Audience: "indent", Claims: c.claims}.Check()
		var field string
		if e, ok := err.(*approval.Error); ok {
			field = e.Field
		}
		if field != c.field || (err == nil) != (c.field == "") {
			t.Errorf("%s: %v, want a refusal of %q", name, err, c.field)
		}
	}
}

// A trust hands out what a token would: to the account's owner, and no more than that owner's credential has.
func TestTrustsAreSubsetsOfTheirMaker(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := h.t.Context()
	good := approval.Trust{Account: bobsBot, Issuer: "https://ci.example", Audience: "indent", Claims: map[string]string{"sub": "x"}}
	for _, by := range []string{olga, vic} {
		_, err := h.CreateTrust(ctx, h.actor(by), good)
		same(t, by, approval.CodeOf(err), approval.Forbidden)
	}
	narrow := h.actor(bob)
	narrow.Scopes = []approval.Permission{approval.ManageTokens, approval.ReadPetitions}
	made, err := h.CreateTrust(ctx, narrow, good)
	same(t, "error", err, nil)
	sameList(t, "no scopes asked: the maker's own", made.Scopes, narrow.Scopes...)
	wide := good
	wide.Scopes = []approval.Permission{approval.CreatePetitions}
	_, err = h.CreateTrust(ctx, narrow, wide)
	same(t, "a scope that the maker lacks", approval.CodeOf(err), approval.Forbidden)
	same(t, "deleted by a Viewer", approval.CodeOf(h.DeleteTrust(ctx, h.actor(vic), bobsBot, made.Name)), approval.Forbidden)
	same(t, "of another account", approval.CodeOf(h.DeleteTrust(ctx, h.actor(bob), vic, made.Name)), approval.NotFound)
	same(t, "an unknown one", approval.CodeOf(h.DeleteTrust(ctx, h.actor(bob), bobsBot, "x")), approval.NotFound)
	for range approval.MaxTrusts - 1 {
		_, err = h.CreateTrust(ctx, h.actor(bob), good)
		same(t, "error", err, nil)
	}
	_, err = h.CreateTrust(ctx, h.actor(bob), good)
	same(t, "one more than there may be", approval.CodeOf(err), approval.Conflict)
}
