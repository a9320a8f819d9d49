package approval_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// service asks for a token of a service account.
func (h *house) service(by approval.Actor, account string, scopes ...approval.Permission) (approval.Token, error) {
	return h.IssueToken(h.t.Context(), by, approval.TokenRequest{Kind: approval.TokenService, Name: h.IDs.UUID(), Member: account, Scopes: scopes, Hash: h.IDs.Secret(64)})
}

// Nobody hands out more than they have (I7), and nobody gets to act as somebody else (I5, I6).
func TestTokensAreSubsetsOfTheirMaker(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.put(approval.Member{ID: "gone", Kind: approval.KindServiceAccount, Role: approval.Viewer, Person: bob, Suspended: true})
	h.put(approval.Member{ID: "high", Kind: approval.KindServiceAccount, Role: approval.Owner, Person: bob})
	made, err := h.service(h.actor(bob), bobsBot)
	if err != nil || made.Scopes != nil || made.Member != bobsBot || made.CreatedBy.ID != bob {
		t.Fatalf("%+v, %v", made, err)
	}
	e := h.last(approval.EventTokenCreate)
	same(t, "whose", e.Resources[0].ID, bobsBot)
	same(t, "which", e.Resources[1].ID, made.Name)
	same(t, "with which", e.Label(approval.LabelToken), "token-of-bob")

	narrow := h.actor(bob)
	narrow.Scopes = []approval.Permission{approval.ManageTokens, approval.ReadPetitions}
	made, err = h.service(narrow, bobsBot)
	sameList(t, "no scopes asked: the maker's own", made.Scopes, narrow.Scopes...)
	same(t, "error", err, nil)
	made, err = h.service(narrow, bobsBot, approval.ReadPetitions)
	sameList(t, "fewer", made.Scopes, approval.ReadPetitions)
	same(t, "error", err, nil)

	refusals := 0
	for _, c := range []struct {
		by      approval.Actor
		account string
		scopes  []approval.Permission
		text    string
	}{
		{narrow, bobsBot, []approval.Permission{approval.CreateClaims}, "you do not have claims:create yourself"},
		{h.actor(bob), "high", nil, `has the role "Owner", more than yours`},
		{h.actor(eve), bobsBot, nil, "service account bobs-bot belongs to bob@acme.example, who alone makes its tokens"},
		{h.actor(olga), bobsBot, nil, "who alone makes its tokens"},
		{h.actor(bob), quickstart, nil, "who alone makes its tokens"},
		{h.actor(pat), quickstart, nil, "does not allow tokens:all"},
		{h.actor(bobsBot), quickstart, nil, "who alone makes its tokens"},
	} {
		_, err := h.service(c.by, c.account, c.scopes...)
		h.refused(refusals, err, approval.Forbidden, c.text, c.by.ID, "")
		refusals++
	}
	for account, code := range map[string]approval.Code{"nobody": approval.NotFound, "a\x00b": approval.NotFound, "gone": approval.NotFound, bob: approval.Invalid} {
		_, err := h.service(h.actor(bob), account)
		same(t, account, approval.CodeOf(err), code)
	}
	if _, err := h.service(h.actor(bob), bobsBot, "everything"); approval.CodeOf(err) != approval.Invalid {
		t.Error(err)
	}
	_, err = h.IssueToken(t.Context(), h.actor(bob), approval.TokenRequest{Kind: approval.TokenUser, Name: "n", Member: eve})
	h.refused(refusals, err, approval.Forbidden, "only be made by the user itself", bob, "")
	a := h.actor(vic)
	a.TokenName = ""
	_, err = h.IssueToken(t.Context(), a, approval.TokenRequest{Kind: approval.TokenUser, Name: "m", Member: vic, DisplayName: "\u202e"})
	same(t, "display name", approval.CodeOf(err), approval.Invalid)
}

// A short-lived token cannot renew itself: what it makes ends when it ends.
func TestUserTokensDoNotOutliveTheirMaker(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.actor(vic)
	end := h.clock.Now().Add(time.Hour)
	h.write(approval.PutToken{Token: approval.Token{Space: "acme", Name: "session", Kind: approval.TokenSession, Member: vic, ExpireTime: end}})
	h.write(approval.PutToken{Token: approval.Token{Space: "acme", Name: "endless", Kind: approval.TokenSession, Member: vic}})
	issue := func(with, name string, until time.Time) approval.Token {
		t.Helper()
		a.TokenName = with
		made, err := h.IssueToken(t.Context(), a, approval.TokenRequest{Kind: approval.TokenUser, Name: name, Member: vic, ExpireTime: until})
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	same(t, "within", issue("session", "t1", end.Add(-time.Minute)).ExpireTime, end.Add(-time.Minute))
	same(t, "beyond", issue("session", "t2", end.Add(time.Minute)).ExpireTime, end)
	same(t, "without end", issue("session", "t3", time.Time{}).ExpireTime, end)
	h.clock.Advance(59 * time.Minute)
	same(t, "by one that was made so", issue("t2", "t4", h.clock.Now().Add(time.Hour)).ExpireTime, end)
	same(t, "by one without end", issue("endless", "t5", end.Add(time.Minute)).ExpireTime, end.Add(time.Minute))
	same(t, "by the machine's own", issue("", "t6", end.Add(time.Minute)).ExpireTime, end.Add(time.Minute))
	a.TokenName = "gone"
	_, err := h.IssueToken(t.Context(), a, approval.TokenRequest{Kind: approval.TokenUser, Name: "t7", Member: vic})
	same(t, "by one that does not exist", approval.CodeOf(err), approval.NotFound)
}

// last answers the newest event of the name.
func (h *house) last(name string) approval.Event {
	h.t.Helper()
	page, err := h.store.Events(h.t.Context(), approval.EventQuery{Space: "acme", Event: name, Page: approval.PageRequest{Size: 1}})
	if err != nil || len(page.Items) == 0 {
		h.t.Fatal(name, err)
	}
	return page.Items[0]
}

// Who ends a lost token has ended all that was made with it.
func TestRevokingATokenEndsWhatCameOfIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	made := must(h.service(h.actor(bob), bobsBot))
	a := h.actor(bobsBot)
	issue := func(with, name string) {
		a.TokenName = with
		same(t, with, must(h.IssueToken(t.Context(), a, approval.TokenRequest{Kind: approval.TokenUser, Name: name, Member: bobsBot})).CreatedBy.Labels[approval.LabelToken], with)
	}
	other := must(h.service(h.actor(bob), bobsBot))
	issue(made.Name, "child")
	issue("child", "grandchild")
	issue(other.Name, "stranger")
	issue(made.Name, "dead")
	same(t, "one by itself", h.RevokeToken(t.Context(), h.actor(bobsBot), "dead"), nil)
	raced := false
	h.store.BeforeCommit = func(c approval.Change) error {
		if raced {
			return nil
		}
		raced = true
		return approval.Errorf(approval.Conflict, "the token was used or revoked before")
	}
	same(t, "all", h.RevokeToken(t.Context(), h.actor(bob), made.Name), nil)
	var ended []string
	for _, r := range h.last(approval.EventTokenRevoke).Resources {
		ended = append(ended, r.ID)
	}
	sameList(t, "in the log", ended, made.Name, "child", "grandchild")
	for name, alive := range map[string]bool{made.Name: false, "child": false, "grandchild": false, "dead": false, "stranger": true, other.Name: true} {
		same(t, name, must(h.store.Token(t.Context(), "acme", name)).Usable(h.clock.Now()), alive)
	}
	same(t, "again", approval.CodeOf(h.RevokeToken(t.Context(), h.actor(bob), made.Name)), approval.Conflict)
}

func TestTokensEndOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	made, err := h.service(h.actor(bob), bobsBot)
	if err != nil {
		t.Fatal(err)
	}
	h.refused(0, h.RevokeToken(t.Context(), h.actor(vic), made.Name), approval.NotFound, "there is no token", vic, "")
	for _, name := range []string{"", "x", "x\x00", strings.Repeat("x", 1000)} {
		same(t, fmt.Sprintf("%.10q", name), approval.CodeOf(h.RevokeToken(t.Context(), h.actor(olga), name)), approval.NotFound)
	}
	won := 0
	for _, err := range race(func(int) error { return h.RevokeToken(t.Context(), h.actor(bobsBot), made.Name) }) {
		if err == nil {
			won++
		} else if approval.CodeOf(err) != approval.Conflict {
			t.Error(err)
		}
	}
	same(t, "ended", won, 1)
	same(t, "which", h.last(approval.EventTokenRevoke).Resources[0].ID, made.Name)
	list, err := h.Tokens(t.Context(), h.actor(vic))
	if err != nil || len(list) != 0 {
		t.Errorf("a viewer sees %d tokens of others, %v", len(list), err)
	}
	list, err = h.Tokens(t.Context(), h.actor(eve))
	if err != nil || len(list) != 1 {
		t.Errorf("an editor sees %d tokens, %v", len(list), err)
	}
	a := h.actor(vic)
	a.Scopes = []approval.Permission{}
	_, err = h.Tokens(t.Context(), a)
	h.refused(1, err, approval.Forbidden, "scope does not include tokens:own", vic, "")
	h.refused(2, h.RevokeToken(t.Context(), a, made.Name), approval.Forbidden, "scope does not include tokens:own", vic, "")
	same(t, "exchange", h.RecordExchange(t.Context(), h.actor(bobsBot)), nil)
	same(t, "exchanged", h.last(approval.EventTokenExchange).Label(approval.LabelToken), "token-of-bobs-bot")
}

// 64 users of one one-use link: one is signed in, and the log has the others.
func TestLinksSignInOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	operator := approval.System("acme", "admin")
	link := approval.Token{Name: "l", Hash: "h", Member: vic, ExpireTime: h.clock.Now().Add(time.Hour)}
	if err := h.CreateLink(t.Context(), operator, link); err != nil {
		t.Fatal(err)
	}
	same(t, "nobody's", approval.CodeOf(h.CreateLink(t.Context(), operator, approval.Token{Name: "x", Member: "nobody"})), approval.NotFound)
	same(t, "for a link there is no revoking", approval.CodeOf(h.RevokeToken(t.Context(), h.actor(olga), "l")), approval.NotFound)
	link, err := h.store.Token(t.Context(), "acme", "l")
	if err != nil {
		t.Fatal(err)
	}
	won := ""
	for i, err := range race(func(i int) error {
		return h.StartSession(t.Context(), link, approval.Token{Name: fmt.Sprint("s", i), Hash: fmt.Sprint(i), ExpireTime: h.clock.Now().Add(time.Hour)}, "test")
	}) {
		if err == nil {
			won += fmt.Sprint("s", i)
		} else if code := approval.CodeOf(err); code != approval.Conflict && code != approval.Expired {
			t.Error(err)
		}
	}
	session, err := h.store.Token(t.Context(), "acme", won)
	if err != nil || session.Member != vic || session.Kind != approval.TokenSession {
		t.Fatalf("%q: %+v, %v", won, session, err)
	}
	same(t, "refusals in the log", len(h.refusals()), racers-1)
	same(t, "signed out", h.EndSession(t.Context(), h.actor(vic), session), nil)
	same(t, "again", approval.CodeOf(h.EndSession(t.Context(), h.actor(vic), session)), approval.Conflict)

	late := approval.Token{Space: "acme", Name: "late", Kind: approval.TokenLink, Member: vic, ExpireTime: h.clock.Now()}
	h.write(approval.PutToken{Token: late})
	same(t, "late", approval.CodeOf(h.StartSession(t.Context(), late, approval.Token{Name: "s"}, "test")), approval.Expired)
	h.put(approval.Member{ID: vic, Kind: approval.KindUser, Email: vic, Person: vic, Role: approval.Viewer, Suspended: true})
	late.ExpireTime = h.clock.Now().Add(time.Hour)
	same(t, "suspended", approval.CodeOf(h.StartSession(t.Context(), late, approval.Token{Name: "s"}, "test")), approval.Expired)
	refused := h.CreateLink(t.Context(), operator, approval.Token{Name: "y", Member: vic})
	if approval.CodeOf(refused) != approval.Conflict || !strings.Contains(refused.Error(), "vic@acme.example is suspended in acme") {
		t.Errorf("a link for who is suspended: %v", refused)
	}
	same(t, "a service account's", approval.CodeOf(h.CreateLink(t.Context(), operator, approval.Token{Name: "y", Member: quickstart})), approval.Conflict)
	same(t, "key", h.SaveSigningKey(t.Context(), approval.SigningKey{ID: "k"}), nil)
}

// A space that was deleted lets nobody in: by no link from before, by no new one, by no provider.
func TestNobodySignsInToADeletedSpace(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	operator := approval.System("acme", "admin")
	link := approval.Token{Name: "l", Hash: "h", Member: vic, ExpireTime: h.clock.Now().Add(time.Hour)}
	same(t, "before", h.CreateLink(t.Context(), operator, link), nil)
	link = must(h.store.Token(t.Context(), "acme", "l"))
	same(t, "deleted", h.DeleteSpace(t.Context(), h.actor(olga)), nil)
	for name, err := range map[string]error{
		"a link from before": h.StartSession(t.Context(), link, approval.Token{Name: "s", Hash: "s"}, "test"),
		"a new link":         h.CreateLink(t.Context(), operator, approval.Token{Name: "m", Hash: "m", Member: vic}),
		"a provider":         h.BeginSession(t.Context(), must(h.store.Member(t.Context(), "acme", vic)), approval.Token{Name: "p", Hash: "p"}, approval.Session{Method: approval.MethodOIDC}),
	} {
		if approval.CodeOf(err) != approval.NotFound || !strings.Contains(err.Error(), "the space acme was deleted") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"s", "m", "p"} {
		_, err := h.store.Token(t.Context(), "acme", name)
		same(t, name, approval.CodeOf(err), approval.NotFound)
	}
	must(h.RestoreSpace(t.Context(), operator))
	same(t, "restored", h.StartSession(t.Context(), link, approval.Token{Name: "s", Hash: "s"}, "test"), nil)
}

func TestServiceAccounts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	m, err := h.CreateServiceAccount(t.Context(), h.actor(bob), approval.Member{ID: "deploy-bot", Person: olga, Email: olga, Kind: approval.KindUser, Space: "other"})
	if err != nil || m.Person != bob || m.Role != approval.PetitionAdmin || m.Email != "" || m.Kind != approval.KindServiceAccount || m.Space != "acme" {
		t.Fatalf("%+v, %v", m, err)
	}
	_, err = h.CreateServiceAccount(t.Context(), h.actor(bob), approval.Member{ID: "deploy-bot"})
	same(t, "again", approval.CodeOf(err), approval.Conflict)
	for _, id := range []string{"", "a b", bob, "x@y", "-x", "indent/timer", strings.Repeat("x", 129), "x\n"} {
		_, err := h.CreateServiceAccount(t.Context(), h.actor(bob), approval.Member{ID: id})
		same(t, fmt.Sprintf("%.20q", id), approval.CodeOf(err), approval.Invalid)
	}
	_, err = h.CreateServiceAccount(t.Context(), h.actor(bob), approval.Member{ID: "x", Role: "Root"})
	same(t, "a role that is none", approval.CodeOf(err), approval.Invalid)
	_, err = h.CreateServiceAccount(t.Context(), h.actor(bob), approval.Member{ID: "x", Role: approval.Owner})
	h.refused(0, err, approval.Forbidden, "cannot have a role above yours", bob, "")
	_, err = h.CreateServiceAccount(t.Context(), h.actor(pat), approval.Member{ID: "x"})
	h.refused(1, err, approval.Forbidden, "serviceAccounts:write", pat, "")
	same(t, "who makes one through one owns it in person", must(h.CreateServiceAccount(t.Context(), h.actor(bobsBot), approval.Member{ID: "y"})).Person, bob)
	same(t, "accounts", len(must(h.ServiceAccounts(t.Context(), h.actor(pat)))), 4)
	_, err = h.ServiceAccounts(t.Context(), h.actor(vic))
	h.refused(2, err, approval.Forbidden, "serviceAccounts:read", vic, "")
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
