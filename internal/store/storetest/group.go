package storetest

import (
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// in answers a membership in a group of the case's space.
func (k kit) in(group, kind, member, source string) approval.GroupMember {
	return approval.GroupMember{Space: k.space, Group: group, Kind: kind, Member: member, Source: source, CreateTime: Start}
}

// groups writes the groups a and b, a person, a service account, and a resource that is no group.
func (k kit) groups(t *testing.T) {
	t.Helper()
	for _, name := range []string{"a", "b"} {
		k.commit(t, approval.PutResource{Resource: approval.Resource{ID: name, Kind: "okta/group", Labels: map[string]string{approval.LabelBlock: name}}})
	}
	k.commit(t, approval.PutMember{Member: approval.Member{Space: k.space, ID: "ada@acme.example", Kind: approval.KindUser}},
		approval.PutMember{Member: approval.Member{Space: k.space, ID: "bot", Kind: approval.KindServiceAccount}})
}

func groupsHaveMembers(t *testing.T, k kit) {
	ctx := t.Context()
	k.groups(t)
	ada, sso := k.in("a", approval.KindUser, "ada@acme.example", ""), k.in("a", approval.KindUser, "ada@acme.example", "sso")
	bot, nested := k.in("a", approval.KindServiceAccount, "bot", ""), k.in("a", approval.KindGroup, "b", "")
	inB := k.in("b", approval.KindUser, "ada@acme.example", "")
	for _, g := range []approval.GroupMember{sso, nested, ada, bot, inB} {
		k.commit(t, approval.PutGroupMember{GroupMember: g})
	}
	again := ada
	again.CreateTime = Start.Add(time.Hour)
	k.commit(t, approval.PutGroupMember{GroupMember: again}) // it stays as it is
	list, err := k.GroupMembers(ctx, k.space, "a")
	want(t, list, err, []approval.GroupMember{nested, bot, ada, sso})
	list, err = k.Memberships(ctx, k.space, approval.KindUser, []string{"ada@acme.example", "nobody"})
	want(t, list, err, []approval.GroupMember{ada, sso, inB})
	list, err = k.Memberships(ctx, k.space, approval.KindGroup, []string{"a", "b"})
	want(t, list, err, []approval.GroupMember{nested})
	for _, other := range []string{"b", ""} {
		list, err = k.GroupMembers(ctx, "elsewhere", other)
		want(t, len(list), err, 0)
		list, err = k.Memberships(ctx, "elsewhere", approval.KindUser, []string{"ada@acme.example"})
		want(t, len(list), err, 0)
	}
	list, err = k.Memberships(ctx, k.space, approval.KindUser, nil)
	want(t, len(list), err, 0)

	for _, g := range []approval.GroupMember{k.in("none", approval.KindUser, "ada@acme.example", ""), k.in("a", approval.KindUser, "nobody@acme.example", ""),
		k.in("a", approval.KindUser, "bot", ""), k.in("a", approval.KindGroup, "none", ""), k.in("a", approval.KindGroup, "bot", "")} {
		k.refuse(t, approval.NotFound, approval.PutGroupMember{GroupMember: g})
	}
	foreign := ada
	foreign.Space = "elsewhere"
	k.refuse(t, approval.Internal, approval.PutGroupMember{GroupMember: foreign})
	k.refuse(t, approval.Internal, approval.DeleteGroupMember{GroupMember: foreign})

	k.commit(t, approval.DeleteGroupMember{GroupMember: sso})
	k.refuse(t, approval.NotFound, approval.DeleteGroupMember{GroupMember: sso})
	list, err = k.GroupMembers(ctx, k.space, "a")
	want(t, list, err, []approval.GroupMember{nested, bot, ada})
}

func membershipsEnd(t *testing.T, k kit) {
	k.groups(t)
	all := []approval.GroupMember{k.in("a", approval.KindUser, "ada@acme.example", ""), k.in("a", approval.KindUser, "ada@acme.example", "sso"),
		k.in("a", approval.KindServiceAccount, "bot", ""), k.in("a", approval.KindGroup, "b", ""), k.in("b", approval.KindUser, "ada@acme.example", "")}
	write := func() {
		for _, g := range all {
			k.commit(t, approval.PutGroupMember{GroupMember: g})
		}
	}
	left := func(group string, members int) {
		t.Helper()
		list, err := k.GroupMembers(t.Context(), k.space, group)
		want(t, len(list), err, members)
	}
	entry := func(name, kind string) approval.Write {
		return approval.PutResource{Resource: approval.Resource{ID: name, Kind: kind, Labels: map[string]string{approval.LabelBlock: name}}}
	}
	write()
	k.commit(t, approval.DeleteMember{ID: "ada@acme.example"})
	left("a", 2)
	left("b", 0)

	k.groups(t)
	left("a", 2) // who comes back is in no group
	write()
	k.commit(t, entry("b", "group")) // another sort of group
	left("b", 1)
	k.commit(t, entry("b", "database"))
	left("a", 3)
	left("b", 0)

	k.groups(t)
	write()
	k.commit(t, approval.DeleteResource{Name: "b"}, entry("b", "group"))
	left("a", 3)
	left("b", 0)
}
