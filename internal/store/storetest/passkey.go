package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func passkeysAreOnes(t *testing.T, k kit) {
	ctx := t.Context()
	member := approval.Member{Space: k.space, ID: "ada@acme.example", Kind: approval.KindUser}
	first := approval.Passkey{Space: k.space, ID: "Zm-_" + k.space, Member: member.ID, Name: "Laptop 漢", PublicKey: "pQECAyYg", UserHandle: "dXNlcg",
		Counter: 1 << 32, Backed: true, First: true, CreateTime: Start, LastUsed: Start.Add(time.Hour)}
	second := approval.Passkey{Space: k.space, ID: "a" + first.ID, Member: member.ID, Name: "Key", CreateTime: Start.Add(-time.Second)}
	other := approval.Passkey{Space: k.space, ID: "b" + first.ID, Member: "eve@acme.example", CreateTime: Start}
	k.commit(t, approval.PutMember{Member: member}, approval.PutPasskey{Passkey: first}, approval.PutPasskey{Passkey: second}, approval.PutPasskey{Passkey: other})
	got, err := k.Passkey(ctx, k.space, first.ID)
	want(t, got, err, first)
	list, err := k.Passkeys(ctx, k.space, member.ID)
	want(t, list, err, []approval.Passkey{second, first})
	none, err := k.Passkeys(ctx, "elsewhere", member.ID)
	want(t, len(none), err, 0)
	for _, missing := range [][2]string{{k.space, "nothing"}, {"elsewhere", first.ID}} {
		_, err := k.Passkey(ctx, missing[0], missing[1])
		wantCode(t, err, approval.NotFound)
	}

	k.refuse(t, approval.Conflict, approval.PutPasskey{Passkey: first})
	elsewhere := first
	elsewhere.Space = "of-" + k.space
	kit{k.Store, elsewhere.Space}.refuse(t, approval.Conflict, approval.PutPasskey{Passkey: elsewhere})
	kit{k.Store, elsewhere.Space}.refuse(t, approval.NotFound, approval.DeletePasskey{ID: first.ID})
	k.refuse(t, approval.NotFound, approval.DeletePasskey{ID: "nothing"})

	use := approval.UsePasskey{ID: first.ID, Expect: first.Counter, Counter: first.Counter + 1, At: Start.Add(2 * time.Hour)}
	oneWins(t, together(16, func(int) error { return k.Commit(t.Context(), k.change(use)) }))
	k.refuse(t, approval.Conflict, approval.UsePasskey{ID: "nothing", At: Start})
	first.Counter, first.LastUsed = use.Counter, use.At
	got, err = k.Passkey(ctx, k.space, first.ID)
	want(t, got, err, first)

	k.commit(t, approval.DeletePasskey{ID: first.ID})
	k.commit(t, approval.PutPasskey{Passkey: first}) // it was free again
	k.commit(t, approval.DeleteMember{ID: member.ID})
	none, err = k.Passkeys(ctx, k.space, member.ID)
	want(t, len(none), err, 0)
	list, err = k.Passkeys(ctx, k.space, other.Member)
	want(t, list, err, []approval.Passkey{other})
}

// What nothing confirms is added once, by whichever of 64 sessions; what is confirmed is added beside it.
func oneFirstPasskeyWins(t *testing.T, k kit) {
	const ada, eve = "ada@acme.example", "eve@acme.example"
	passkey := func(member, id string, first bool) approval.PutPasskey {
		return approval.PutPasskey{Passkey: approval.Passkey{Space: k.space, ID: k.space + id, Member: member, First: first, CreateTime: Start}}
	}
	oneWins(t, together(64, func(i int) error { return k.Commit(t.Context(), k.change(passkey(ada, fmt.Sprint("a", i), true))) }))
	k.commit(t, passkey(eve, "e", true), passkey(ada, "second", false), passkey(ada, "third", false))
	kept, err := k.Passkeys(t.Context(), k.space, ada)
	want(t, len(kept), err, 3)
	k.refuse(t, approval.Conflict, passkey(ada, "fourth", true))
	for _, p := range kept {
		k.commit(t, approval.DeletePasskey{ID: p.ID})
	}
	k.commit(t, passkey(ada, "again", true))
}

func challengesAreUsedOnce(t *testing.T, k kit) {
	c := approval.Challenge{Space: k.space, Session: "s1", Purpose: approval.ChallengeRegister, Hash: "h1", ExpireTime: Start.Add(time.Minute)}
	put := func(change func(*approval.Challenge), now time.Time) {
		t.Helper()
		other := c
		change(&other)
		k.commit(t, approval.PutChallenge{Challenge: other, Now: now})
	}
	use := func(session, purpose, hash string, now time.Time) approval.UseChallenge {
		return approval.UseChallenge{Session: session, Purpose: purpose, Hash: hash, Now: now}
	}
	put(func(*approval.Challenge) {}, Start)
	put(func(o *approval.Challenge) { o.Session, o.Hash = "s2", "h2" }, Start)
	for _, wrong := range []approval.UseChallenge{use("s2", c.Purpose, "h1", Start), use("s1", approval.ChallengeSignIn, "h1", Start),
		use("s1", c.Purpose, "h2", Start), use("s1", c.Purpose, "h1", c.ExpireTime)} {
		k.refuse(t, approval.Conflict, wrong)
	}
	kit{k.Store, "elsewhere"}.refuse(t, approval.Conflict, use("s1", c.Purpose, "h1", Start))
	oneWins(t, together(16, func(int) error { return k.Commit(t.Context(), k.change(use("s1", c.Purpose, "h1", Start))) }))

	put(func(o *approval.Challenge) { o.Session, o.Hash = "s2", "h3" }, Start)
	k.refuse(t, approval.Conflict, use("s2", c.Purpose, "h2", Start)) // the second took its place
	put(func(o *approval.Challenge) { o.ExpireTime = Start.Add(time.Hour) }, c.ExpireTime)
	k.refuse(t, approval.Conflict, use("s2", c.Purpose, "h3", Start)) // it was over and is gone
	k.commit(t, use("s1", c.Purpose, "h1", c.ExpireTime))
}

func confirmationsAreUsedOnce(t *testing.T, k kit) {
	oneWins(t, together(16, func(int) error { return k.Commit(t.Context(), k.change(approval.PutConfirmation{Use: "x"})) }))
	k.commit(t, approval.PutConfirmation{Use: "y"})
	kit{k.Store, "of-" + k.space}.commit(t, approval.PutConfirmation{Use: "x"})
}
