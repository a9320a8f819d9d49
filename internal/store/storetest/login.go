package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func (k kit) login(name string) approval.Login {
	return approval.Login{Hash: k.space + name, UserHash: "user " + k.space + name, Client: "indent", Host: "laptop 漢", Source: k.space, AskedSpace: k.space,
		Scopes: []approval.Permission{approval.ReadEvents}, State: approval.LoginOpen, CreateTime: Start, ExpireTime: Start.Add(approval.LoginTTL)}
}

func logins(t *testing.T, k kit) {
	ctx := t.Context()
	open := k.login("open")
	want(t, 0, k.OpenLogin(ctx, open, 10), 0)
	wantCode(t, k.OpenLogin(ctx, open, 10), approval.Conflict)
	again := k.login("again")
	again.UserHash = open.UserHash
	wantCode(t, k.OpenLogin(ctx, again, 10), approval.Conflict)
	got, err := k.Login(ctx, open.Hash)
	want(t, got, err, open)
	got, err = k.LoginByUserHash(ctx, open.UserHash)
	want(t, got, err, open)
	for _, hash := range []string{"missing", "", open.UserHash} {
		_, err = k.Login(ctx, hash)
		wantCode(t, err, approval.NotFound)
	}

	k.refuse(t, approval.Conflict, approval.UseLogin{Hash: open.Hash}) // nobody has allowed it
	answer := open
	answer.State, answer.Space, answer.Member, answer.Scopes, answer.Session = approval.LoginAllowed, k.space, "ada", []approval.Permission{}, "s1"
	k.commit(t, approval.AnswerLogin{Login: answer})
	got, err = k.Login(ctx, open.Hash)
	want(t, got, err, answer)
	k.refuse(t, approval.Conflict, approval.AnswerLogin{Login: answer})
	elsewhere := answer
	elsewhere.Space = "elsewhere"
	k.refuse(t, approval.Internal, approval.AnswerLogin{Login: elsewhere})
	wantCode(t, kit{k.Store, "elsewhere"}.Commit(ctx, kit{k.Store, "elsewhere"}.change(approval.UseLogin{Hash: open.Hash})), approval.Conflict)
	k.commit(t, approval.UseLogin{Hash: open.Hash})
	k.refuse(t, approval.Conflict, approval.UseLogin{Hash: open.Hash})
	k.refuse(t, approval.Conflict, approval.AnswerLogin{Login: approval.Login{Hash: "missing", Space: k.space}})

	browser := k.login("browser")
	browser.UserHash, browser.Scopes, browser.Challenge, browser.Redirect = "", nil, "challenge", "http://127.0.0.1:1/callback"
	browser.State, browser.Space, browser.Member, browser.Session = approval.LoginAllowed, k.space, "ada", "s2"
	k.commit(t, approval.PutLogin{Login: browser})
	k.refuse(t, approval.Conflict, approval.PutLogin{Login: browser})
	got, err = k.Login(ctx, browser.Hash)
	want(t, got, err, browser)
	others := k.login("others")
	others.UserHash, others.State, others.Space, others.Member = "", approval.LoginAllowed, k.space, "bob"
	k.commit(t, approval.PutLogin{Login: others})
	wantCode(t, kit{k.Store, "elsewhere"}.Commit(ctx, kit{k.Store, "elsewhere"}.change(approval.RefuseLogins{Member: "bob"})), "")
	k.commit(t, approval.RefuseLogins{Member: "ada"})
	k.commit(t, approval.RefuseLogins{Member: "ada"}) // none is left
	browser.State, answer.State = approval.LoginRefused, approval.LoginUsed
	for _, l := range []approval.Login{browser, answer, others} {
		got, err = k.Login(ctx, l.Hash)
		want(t, got, err, l)
	}
	_, err = k.LoginByUserHash(ctx, "")
	wantCode(t, err, approval.NotFound)
}

// One network address cannot fill the store, however many codes it asks for.
func loginsOfOneSource(t *testing.T, k kit) {
	ctx := t.Context()
	for i := range 3 {
		want(t, 0, k.OpenLogin(ctx, k.login(fmt.Sprint(i)), 3), 0)
	}
	wantCode(t, k.OpenLogin(ctx, k.login("3"), 3), approval.TooMany)
	other := k.login("other")
	other.Source += " elsewhere"
	want(t, 0, k.OpenLogin(ctx, other, 3), 0)
	// One that was answered or has ended makes room.
	answered := k.login("0")
	answered.State, answered.Space = approval.LoginRefused, k.space
	k.commit(t, approval.AnswerLogin{Login: answered})
	want(t, 0, k.OpenLogin(ctx, k.login("4"), 3), 0)
	wantCode(t, k.OpenLogin(ctx, k.login("5"), 3), approval.TooMany)
	later := k.login("6")
	later.CreateTime, later.ExpireTime = Start.Add(approval.LoginTTL), Start.Add(2*approval.LoginTTL)
	want(t, 0, k.OpenLogin(ctx, later, 3), 0)
	got, err := k.Login(ctx, k.login("4").Hash) // it is told that it has ended
	want(t, got.State, err, approval.LoginOpen)
}

func oneLoginUserWins(t *testing.T, k kit) {
	l := k.login("l")
	l.State, l.Space = approval.LoginAllowed, k.space
	k.commit(t, approval.PutLogin{Login: l})
	oneWins(t, together(64, func(i int) error {
		family := approval.Token{Space: k.space, Name: fmt.Sprint("family", i), Kind: approval.TokenLogin}
		first := approval.RefreshToken{Space: k.space, Hash: fmt.Sprint(k.space, i), Family: family.Name, ExpireTime: Start}
		return k.Commit(t.Context(), k.change(approval.UseLogin{Hash: l.Hash}, approval.PutToken{Token: family}, approval.PutRefreshToken{RefreshToken: first}))
	}))
	families, err := k.Tokens(t.Context(), k.space, "", approval.TokenLogin)
	want(t, len(families), err, 1)
}

func refreshTokens(t *testing.T, k kit) {
	ctx := t.Context()
	first := approval.RefreshToken{Space: k.space, Hash: k.space + "1", Family: "f", CreateTime: Start, ExpireTime: Start.Add(time.Hour)}
	k.commit(t, approval.PutRefreshToken{RefreshToken: first})
	k.refuse(t, approval.Conflict, approval.PutRefreshToken{RefreshToken: first})
	got, err := k.RefreshToken(ctx, first.Hash)
	want(t, got, err, first)
	_, err = k.RefreshToken(ctx, "missing")
	wantCode(t, err, approval.NotFound)
	next := first
	next.Hash, next.CreateTime, next.ExpireTime = k.space+"2", Start.Add(time.Minute), Start.Add(2*time.Hour)
	k.commit(t, approval.UseRefreshToken{Hash: first.Hash, At: next.CreateTime}, approval.PutRefreshToken{RefreshToken: next})
	first.UseTime = next.CreateTime
	got, err = k.RefreshToken(ctx, first.Hash)
	want(t, got, err, first)
	k.refuse(t, approval.Conflict, approval.UseRefreshToken{Hash: first.Hash, At: Start})
	k.refuse(t, approval.Conflict, approval.UseRefreshToken{Hash: "missing", At: Start})
	wantCode(t, kit{k.Store, "elsewhere"}.Commit(ctx, kit{k.Store, "elsewhere"}.change(approval.UseRefreshToken{Hash: next.Hash, At: Start})), approval.Conflict)
	// One that has expired is of no use to a thief either, and is forgotten.
	last := next
	last.Hash, last.CreateTime = k.space+"3", first.ExpireTime
	k.commit(t, approval.PutRefreshToken{RefreshToken: last})
	_, err = k.RefreshToken(ctx, first.Hash)
	wantCode(t, err, approval.NotFound)
	got, err = k.RefreshToken(ctx, next.Hash)
	want(t, got, err, next)
}

func oneRefreshUserWins(t *testing.T, k kit) {
	used := approval.RefreshToken{Space: k.space, Hash: k.space, Family: "f", CreateTime: Start, ExpireTime: Start.Add(time.Hour)}
	k.commit(t, approval.PutRefreshToken{RefreshToken: used})
	oneWins(t, together(64, func(i int) error {
		next := used
		next.Hash = fmt.Sprint(k.space, i)
		return k.Commit(t.Context(), k.change(approval.UseRefreshToken{Hash: used.Hash, At: Start}, approval.PutRefreshToken{RefreshToken: next}))
	}))
}
