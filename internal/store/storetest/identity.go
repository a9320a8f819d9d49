package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func identitiesAreOnes(t *testing.T, k kit) {
	ctx := t.Context()
	member := approval.Member{Space: k.space, ID: "ada@acme.example", Kind: approval.KindUser}
	first := approval.Identity{Space: k.space, Identity: "slack:T1/U1", Member: member.ID, CreatedBy: "olga", CreateTime: Start}
	second := approval.Identity{Space: k.space, Identity: "oidc:https://login.example|Sub", Member: member.ID, CreatedBy: "olga", CreateTime: Start.Add(time.Hour)}
	k.commit(t, approval.PutMember{Member: member}, approval.PutIdentity{Identity: first}, approval.PutIdentity{Identity: second})
	got, err := k.Identity(ctx, k.space, second.Identity)
	want(t, got, err, second)
	list, err := k.Identities(ctx, k.space, member.ID)
	want(t, list, err, []approval.Identity{second, first})

	taken := first
	taken.Member = "eve@acme.example"
	k.refuse(t, approval.Conflict, approval.PutIdentity{Identity: taken})
	k.refuse(t, approval.NotFound, approval.DeleteIdentity{Identity: "slack:T1/U2"})
	k.refuse(t, approval.NotFound, approval.DeleteMember{ID: "eve@acme.example"})
	for _, missing := range [][2]string{{k.space, "oidc:https://login.example|sub"}, {"elsewhere", first.Identity}} {
		_, err = k.Identity(ctx, missing[0], missing[1])
		wantCode(t, err, approval.NotFound)
	}

	k.commit(t, approval.DeleteIdentity{Identity: second.Identity})
	_, err = k.Identity(ctx, k.space, second.Identity)
	wantCode(t, err, approval.NotFound)
	k.commit(t, approval.DeleteMember{ID: member.ID})
	_, err = k.Member(ctx, k.space, member.ID)
	wantCode(t, err, approval.NotFound)
	again := member
	again.CreateTime = member.CreateTime.Add(time.Hour)
	k.commit(t, approval.PutMember{Member: again, MustBeNew: true})
	back, err := k.Member(ctx, k.space, member.ID)
	want(t, back, err, again) // what was before it came again is not its own
	k.commit(t, approval.DeleteMember{ID: member.ID})
	k.commit(t, approval.PutIdentity{Identity: taken}) // it was free again
	wantAliases(t, k, []string{"ada@acme.example"})
}

func namesThatMeanTheSame(t *testing.T, k kit) {
	entry := func(name, id, email string, alts ...string) approval.PutResource {
		return approval.PutResource{Resource: approval.Resource{ID: id, Email: email, AltIDs: alts, Labels: map[string]string{approval.LabelBlock: name}}}
	}
	k.commit(t, entry("1", "U1", "Ada@Acme.example", "gh/Ada"), entry("2", "U2", ""), entry("3", "gh/ada", "", "U9"),
		approval.PutIdentity{Identity: approval.Identity{Space: k.space, Identity: "slack:U9", Member: "ada@acme.example"}})
	wantAliases(t, k, []string{"u1"}, "ada@acme.example", "gh/ada", "u1")
	wantAliases(t, k, []string{"gh/ada"}, "ada@acme.example", "gh/ada", "u1", "u9")
	wantAliases(t, k, []string{"slack:u9", "u2", "nobody"}, "ada@acme.example", "slack:u9")
	wantAliases(t, kit{k.Store, "elsewhere"}, []string{"u1"})
	many := []string{"u1", "u9"}
	for i := range approval.MaxNames - 2 {
		many = append(many, fmt.Sprint("nobody", i))
	}
	wantAliases(t, k, many, "ada@acme.example", "gh/ada", "u1", "u9")
	each, err := k.AliasesOfEach(t.Context(), k.space, many)
	for _, beside := range each {
		slices.Sort(beside)
	}
	want(t, fmt.Sprint(each["u1"], each["u9"]), err, "[ada@acme.example gh/ada u1] [gh/ada u9]")

	k.commit(t, entry("1", "U1", ""), approval.DeleteIdentity{Identity: "slack:U9"}, approval.DeleteResource{Name: "3"})
	wantAliases(t, k, []string{"u1", "u9", "slack:u9", "ada@acme.example"})

	oneWins(t, together(16, func(i int) error {
		return k.Commit(t.Context(), k.change(approval.PutIdentity{Identity: approval.Identity{Space: k.space, Identity: "slack:U7", Member: fmt.Sprint("m", i)}}))
	}))
}

func wantAliases(t *testing.T, k kit, names []string, expected ...string) {
	t.Helper()
	got, err := k.Aliases(t.Context(), k.space, names)
	// A name that stands alone may be answered or not: it says nothing.
	slices.Sort(got)
	got = slices.DeleteFunc(got, func(name string) bool { return slices.Contains(names, name) && !slices.Contains(expected, name) })
	want(t, append([]string{}, got...), err, append([]string{}, expected...))
	each, err := k.AliasesOfEach(t.Context(), k.space, names)
	got = nil
	for name, beside := range each {
		if !slices.Contains(names, name) {
			t.Errorf("aliases of %q, which was not asked for", name)
		}
		got = append(got, beside...)
	}
	slices.Sort(got)
	got = slices.DeleteFunc(slices.Compact(got), func(name string) bool { return slices.Contains(names, name) && !slices.Contains(expected, name) })
	want(t, append([]string{}, got...), err, append([]string{}, expected...))
}

func spacesChange(t *testing.T, k kit) {
	space := approval.Space{Name: k.space, DisplayName: "Acme", CreateTime: Start}
	k.commit(t, approval.PutSpace{Space: space})
	space.DisplayName = "Acme Corp"
	k.commit(t, approval.PutSpace{Space: space, Expect: 1})
	k.refuse(t, approval.Conflict, approval.PutSpace{Space: space, Expect: 1})
	space.DeleteTime = Start.Add(time.Hour)
	oneWins(t, together(16, func(int) error { return k.Commit(t.Context(), k.change(approval.PutSpace{Space: space, Expect: 2})) }))
	got, err := k.Space(t.Context(), k.space)
	space.Version = 3
	want(t, got, err, space)
	all, err := k.Spaces(t.Context())
	i := slices.IndexFunc(all, func(s approval.Space) bool { return s.Name == k.space })
	want(t, all[max(i, 0)], err, space)
	want(t, slices.IsSortedFunc(all, func(a, b approval.Space) int { return cmp.Compare(a.Name, b.Name) }), nil, true)
	k.commit(t, approval.PutMember{Member: approval.Member{Space: k.space, ID: "of-a-deleted-space", Kind: approval.KindUser}})
	none, err := k.SpacesOf(t.Context(), "of-a-deleted-space")
	want(t, len(none), err, 0)
}
