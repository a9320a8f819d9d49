package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func (k kit) session(name, member string, expire time.Duration) (approval.Token, approval.Session) {
	t := approval.Token{Space: k.space, Name: name, Kind: approval.TokenSession, Hash: k.space + name, Member: member, CreateTime: Start, ExpireTime: Start.Add(expire)}
	s := approval.Session{Space: k.space, Name: name, Method: approval.MethodOIDC, Provider: "okta", Verified: "oidc:https://login.example|Sub", Address: "ada@acme.example", Browser: "Firefox",
		SignIn: k.space + name, Member: member, LastUse: Start, CreateTime: t.CreateTime, ExpireTime: t.ExpireTime}
	return t, s
}

func sessions(t *testing.T, k kit) {
	ctx := t.Context()
	used := []approval.Session{}
	for i, name := range []string{"c", "b", "a"} {
		token, session := k.session(name, "ada", 12*time.Hour)
		k.commit(t, approval.PutToken{Token: token}, approval.PutSession{Session: session})
		session.LastUse = Start.Add(time.Duration(i) * time.Minute)
		for _, at := range []time.Time{session.LastUse, session.LastUse.Add(-time.Hour), session.LastUse} { // it only grows
			if err := k.TouchTokens(ctx, []approval.TokenUse{{Space: k.space, Name: name, Time: at}}); err != nil {
				t.Fatal(err)
			}
		}
		got, err := k.Session(ctx, k.space, name)
		want(t, got, err, session)
		used = append([]approval.Session{session}, used...)
	}
	of := func(other string) {
		token, session := k.session("of-"+other, other, time.Hour)
		k.commit(t, approval.PutToken{Token: token}, approval.PutSession{Session: session})
	}
	of("eve")
	got, err := k.Sessions(ctx, k.space, "ada", Start)
	want(t, got, err, used)

	// What has ended, or waits for a passkey, is not listed, and a token without a session is none.
	k.commit(t, approval.EndToken{Name: "b", At: Start})
	token, short := k.session("short", "ada", time.Minute)
	k.commit(t, approval.PutToken{Token: token}, approval.PutSession{Session: short})
	half, waits := k.session("half", "ada", time.Hour)
	half.Kind = approval.TokenHalf
	k.commit(t, approval.PutToken{Token: half}, approval.PutSession{Session: waits})
	k.commit(t, approval.PutToken{Token: approval.Token{Space: k.space, Name: "link", Kind: approval.TokenLink, Hash: k.space + "link", Member: "ada"}})
	got, err = k.Sessions(ctx, k.space, "ada", Start.Add(time.Minute))
	want(t, got, err, []approval.Session{used[0], used[2]})

	for _, missing := range [][2]string{{k.space, "link"}, {k.space, "none"}, {"elsewhere", "a"}} {
		_, err = k.Session(ctx, missing[0], missing[1])
		wantCode(t, err, approval.NotFound)
	}
}

// One answer of a provider makes one session, in whatever space.
func oneSignInIsOneSession(t *testing.T, k kit) {
	oneWins(t, together(64, func(i int) error {
		in := kit{k.Store, fmt.Sprint(k.space, i%2)}
		token, session := in.session(fmt.Sprint("session", i), "ada", time.Hour)
		session.SignIn = k.space + "one"
		return in.Commit(t.Context(), in.change(approval.PutToken{Token: token}, approval.PutSession{Session: session}))
	}))
	for i := range 2 { // by links there are many, without such a mark
		token, session := k.session(fmt.Sprint("plain", i), "ada", time.Hour)
		session.SignIn = ""
		k.commit(t, approval.PutToken{Token: token}, approval.PutSession{Session: session})
	}
}

func mappedRoles(t *testing.T, k kit) {
	ctx := t.Context()
	_, err := k.MappedRole(ctx, k.space, "ada")
	wantCode(t, err, approval.NotFound)
	r := approval.MappedRole{Space: k.space, Member: "ada", Provider: "okta", Role: approval.Editor, Before: approval.Viewer}
	k.commit(t, approval.PutMappedRole{Mapped: r})
	r.Role, r.Provider, r.Before = approval.Owner, "entra", approval.PetitionAdmin
	k.commit(t, approval.PutMappedRole{Mapped: r})
	got, err := k.MappedRole(ctx, k.space, "ada")
	want(t, got, err, r)
	k.commit(t, approval.DeleteMappedRole{Member: "ada"}, approval.DeleteMappedRole{Member: "nobody"})
	_, err = k.MappedRole(ctx, k.space, "ada")
	wantCode(t, err, approval.NotFound)

	// Who leaves takes it along.
	k.commit(t, approval.PutMember{Member: approval.Member{Space: k.space, ID: "ada", Kind: approval.KindUser}}, approval.PutMappedRole{Mapped: r})
	k.commit(t, approval.DeleteMember{ID: "ada"})
	_, err = k.MappedRole(ctx, k.space, "ada")
	wantCode(t, err, approval.NotFound)
}
