package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func spacesAndMembers(t *testing.T, k kit) {
	id := "ada-" + k.space + "@acmecorp.example"
	spaces := []string{k.space, "0-" + k.space, "z-" + k.space}
	for i, name := range spaces {
		in := kit{k.Store, name}
		_, err := k.Space(t.Context(), name)
		wantCode(t, err, approval.NotFound)
		space := approval.Space{Name: name, DisplayName: "Acme 漢", Version: 1, CreateTime: Start}
		m := approval.Member{Space: name, ID: id, Kind: approval.KindUser, Email: id, DisplayName: "Ada", Role: approval.Owner, Person: id, CreatedBy: "cli",
			CreateTime: Start, Suspended: i == 2}
		in.commit(t, approval.PutSpace{Space: space}, approval.PutMember{Member: m, MustBeNew: true})
		in.refuse(t, approval.Conflict, approval.PutSpace{Space: space})
		in.refuse(t, approval.Conflict, approval.PutMember{Member: m, MustBeNew: true})
		got, err := k.Space(t.Context(), name)
		want(t, got, err, space)
		member, err := k.Member(t.Context(), name, id)
		want(t, member, err, m)
	}
	of, err := k.SpacesOf(t.Context(), id)
	want(t, []string{of[0].Name, of[1].Name}, err, []string{"0-" + k.space, k.space})
	want(t, len(of), nil, 2)
	none, err := k.SpacesOf(t.Context(), "nobody")
	want(t, len(none), err, 0)
	_, err = k.Member(t.Context(), k.space, "nobody")
	wantCode(t, err, approval.NotFound)
}

func membersInOrder(t *testing.T, k kit) {
	for i, id := range slices.Backward(awkwardOrder) {
		k.commit(t, approval.PutMember{Member: approval.Member{Space: k.space, ID: id, Kind: []string{"user", "serviceAccount"}[i%2]}})
	}
	for _, kind := range []string{"", "user", "serviceAccount", "none"} {
		members, err := k.Members(t.Context(), k.space, kind)
		ids, wanted := []string{}, []string{}
		for _, m := range members {
			ids = append(ids, m.ID)
		}
		for i, id := range awkwardOrder {
			if kind == "" || kind == []string{"user", "serviceAccount"}[i%2] {
				wanted = append(wanted, id)
			}
		}
		want(t, ids, err, wanted)
	}
}

func tokens(t *testing.T, k kit) {
	ctx := t.Context()
	all := approval.Token{Space: k.space, Name: "all", Kind: approval.TokenService, Hash: k.space + "1", Member: "bot", DisplayName: "CI", CreatedBy: reviewer,
		CreateTime: Start, ExpireTime: Start.Add(time.Hour)}
	none := approval.Token{Space: k.space, Name: "none", Kind: approval.TokenUser, Member: "ada", Scopes: []approval.Permission{}}
	some := approval.Token{Space: k.space, Name: "some", Kind: approval.TokenUser, Member: "ada", Scopes: []approval.Permission{approval.ReadEvents}, CreateTime: Start.Add(time.Second)}
	none.CreateTime = Start.Add(2 * time.Second)
	k.commit(t, approval.PutToken{Token: all}, approval.PutToken{Token: none}, approval.PutToken{Token: some})
	for _, token := range []approval.Token{all, none, some} {
		got, err := k.Token(ctx, k.space, token.Name)
		want(t, got, err, token)
	}
	got, err := k.TokenByHash(ctx, approval.TokenService, all.Hash)
	want(t, got, err, all)
	for _, q := range [][2]string{{approval.TokenService, "missing"}, {approval.TokenLink, all.Hash}, {approval.TokenUser, ""}} {
		_, err = k.TokenByHash(ctx, q[0], q[1])
		wantCode(t, err, approval.NotFound)
	}
	_, err = k.Token(ctx, "elsewhere", "all")
	wantCode(t, err, approval.NotFound)
	again := all
	again.Name = "another"
	k.refuse(t, approval.Conflict, approval.PutToken{Token: again})
	again.Name, again.Hash = all.Name, "another"
	k.refuse(t, approval.Conflict, approval.PutToken{Token: again})

	list, err := k.Tokens(ctx, k.space, "", approval.TokenService, approval.TokenUser)
	want(t, list, err, []approval.Token{none, some, all})
	list, err = k.Tokens(ctx, k.space, "bot", approval.TokenService, approval.TokenUser)
	want(t, list, err, []approval.Token{all})
	list, err = k.Tokens(ctx, k.space, "", approval.TokenLink)
	want(t, len(list), err, 0)

	k.commit(t, approval.EndToken{Name: "all", At: Start.Add(time.Minute)})
	all.RevokeTime = Start.Add(time.Minute)
	got, err = k.Token(ctx, k.space, "all")
	want(t, got, err, all)
	k.refuse(t, approval.Conflict, approval.EndToken{Name: "all", At: Start})
	k.refuse(t, approval.Conflict, approval.EndToken{Name: "missing", At: Start})
}

func oneTokenUserWins(t *testing.T, k kit) {
	k.commit(t, approval.PutToken{Token: approval.Token{Space: k.space, Name: "link", Kind: approval.TokenLink, Hash: k.space}})
	oneWins(t, together(64, func(i int) error {
		session := approval.Token{Space: k.space, Name: fmt.Sprint("session", i), Kind: approval.TokenSession, Hash: fmt.Sprint(k.space, i)}
		return k.Commit(t.Context(), k.change(approval.EndToken{Name: "link", At: Start}, approval.PutToken{Token: session}))
	}))
	sessions, err := k.Tokens(t.Context(), k.space, "", approval.TokenSession)
	want(t, len(sessions), err, 1)
}
