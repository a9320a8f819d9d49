package identity

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/identity/identitytest"
)

// allowedBy answers what a program has that was let in by a code, in the session of a.
func (h *house) allowedBy(a approval.Actor, scopes ...approval.Permission) Pair {
	h.Helper()
	c := h.open(scopes...)
	_, err := h.Logins().Answer(h.Context(), a, c.User, true)
	h.must(err)
	made, err := h.Logins().DeviceTokens(h.Context(), c.Device)
	h.must(err)
	return made
}

// comesInWith signs a member in with a passkey, which is made now unless the member has it.
func (h *house) comesInWith(id string, d *identitytest.Authenticator) approval.Actor {
	h.Helper()
	p, half := h.Passkeys(), h.comesIn(id)
	who, err := p.Half(h.Context(), half)
	h.must(err)
	options, err := p.AskHalf(h.Context(), half)
	h.must(err)
	var response []byte
	if who.New {
		response = d.Create(options)
	} else {
		response = d.Get(options)
	}
	whole, _, err := p.Finish(h.Context(), half, "Laptop", response)
	h.must(err)
	return h.session(whole)
}

func (h *house) becomes(id string, role approval.Role) {
	h.Helper()
	_, err := h.service.PutMember(h.Context(), approval.System("acmecorp", "admin"), approval.Member{Email: id, Role: role})
	h.must(err)
}

// A role that needs a passkey asks it of whatever acts for a person: what was made before goes on as little as a session
// does, and what is made in a session with a passkey has proved it.
func TestEveryCredentialOfARoleProvesThePasskey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.service.Deps.Passkeys.Roles = []approval.Role{approval.Owner}
	d, before := identitytest.New("laptop", issuer), h.session(h.comesIn(vic))
	token := must(h.CreateUserToken(t.Context(), before, "", nil))
	child := must(h.CreateUserToken(t.Context(), must(h.Authenticate(t.Context(), token.Secret)), "", nil))
	login := h.allowedBy(before)
	ofLogin := must(h.CreateUserToken(t.Context(), must(h.Authenticate(t.Context(), login.Secret)), "", nil))
	waiting := h.open()
	_, err := h.Logins().Answer(t.Context(), before, waiting.User, true)
	h.must(err)
	bots := h.serviceToken()
	exchanged := must(h.Exchange(t.Context(), bots.Secret))

	h.becomes(vic, approval.Owner)
	for name, secret := range map[string]string{"a token": token.Secret, "what it has made": child.Secret, "a login": login.Secret, "what that has made": ofLogin.Secret} {
		_, err := h.Authenticate(t.Context(), secret)
		if approval.CodeOf(err) != approval.Unauthenticated || !strings.Contains(err.Error(), `"Owner" needs a passkey now`) || !strings.Contains(err.Error(), "sign in") {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = h.Logins().RefreshTokens(t.Context(), login.Refresh)
	h.code(err, approval.Unauthenticated, "indent login")
	_, err = h.Logins().DeviceTokens(t.Context(), waiting.Device)
	h.grants(err, approval.GrantDenied)
	_, err = h.CreateUserToken(t.Context(), before, "", nil) // by who was asked a moment ago
	h.code(err, approval.Unauthenticated, "needs a passkey now")
	h.wants(h, bots.Secret, bot) // of Ada's, who is an owner, too
	h.wants(h, exchanged.Secret, bot)

	whole := h.comesInWith(vic, d)
	token, login2 := must(h.CreateUserToken(t.Context(), whole, "", nil)), h.allowedBy(whole)
	child = must(h.CreateUserToken(t.Context(), must(h.Authenticate(t.Context(), token.Secret)), "", nil))
	ofLogin = must(h.CreateUserToken(t.Context(), must(h.Authenticate(t.Context(), login2.Secret)), "", nil))
	verifier := strings.Repeat("v", 50)
	asked := approval.Login{Client: "indent", Redirect: "http://127.0.0.1:9/callback", Challenge: pkceOf(verifier)}
	code, err := h.Logins().Allow(t.Context(), whole, asked)
	h.must(err)
	browser := must(h.Logins().CodeTokens(t.Context(), code, verifier, asked.Redirect))
	login2 = must(h.Logins().RefreshTokens(t.Context(), login2.Refresh))
	for _, secret := range []string{token.Secret, child.Secret, login2.Secret, ofLogin.Secret, browser.Secret} {
		h.wants(h, secret, vic)
	}

	// Nothing was used up meanwhile: with another role the old ones go on.
	h.becomes(vic, approval.Editor)
	login = must(h.Logins().RefreshTokens(t.Context(), login.Refresh))
	h.wants(h, login.Secret, vic)
	h.becomes(vic, approval.Owner)
	h.wants(h, login.Secret, "")
}

// What was proved with a passkey goes with it: sessions, logins, what was made with them, and what was allowed and not fetched.
func TestWhatAPasskeyHasProvedGoesWithIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.service.Deps.Passkeys.Roles = []approval.Role{approval.Owner}
	d, second := identitytest.New("laptop", issuer), identitytest.New("phone", issuer)
	whole := h.comesInWith(ada, d)
	token, login := must(h.CreateUserToken(t.Context(), whole, "", nil)), h.allowedBy(whole)
	ofLogin := must(h.CreateUserToken(t.Context(), must(h.Authenticate(t.Context(), login.Secret)), "", nil))
	h.registers(whole, second, d)
	unfetched := h.open()
	_, err := h.Logins().Answer(t.Context(), whole, unfetched.User, true)
	h.must(err)
	other := h.comesInWith(ada, second)
	kept := h.allowedBy(other)
	h.must(h.Passkeys().Remove(t.Context(), other, d.ID(), second.Get(must(h.Passkeys().Ask(t.Context(), other)))))
	for _, secret := range []string{token.Secret, login.Secret, ofLogin.Secret} {
		h.wants(h, secret, "")
	}
	h.wants(h, kept.Secret, ada)
	_, err = h.Logins().RefreshTokens(t.Context(), login.Refresh)
	h.code(err, approval.Unauthenticated, "has ended")
	_, err = h.Logins().DeviceTokens(t.Context(), unfetched.Device)
	h.grants(err, approval.GrantDenied)
}

// To ask for the passkey reads nothing more than is read without it.
func TestAskingForThePasskeyCostsNoLookUp(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.service.Deps.Passkeys.Roles = []approval.Role{approval.Owner}
	token := must(h.CreateUserToken(t.Context(), h.comesInWith(ada, identitytest.New("laptop", issuer)), "", nil))
	reads := func() int64 {
		h.Forget()
		from := h.reads.Load()
		h.wants(h, token.Secret, ada)
		return h.reads.Load() - from
	}
	with := reads()
	h.service.Deps.Passkeys.Roles = nil
	if without := reads(); with != without {
		t.Errorf("%d reads with the rule, %d without", with, without)
	}
}

// A person who operates the server does so on the command line, too: the login says in which session it was allowed.
func TestAnOperatorOperatesByALogin(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.Operators = []string{vic}
	operates := func(name, secret string, want bool) {
		t.Helper()
		h.Forget()
		if a, err := h.Authenticate(t.Context(), secret); err != nil || a.Operator != want {
			t.Errorf("%s: operator %v, %v", name, a.Operator, err)
		}
	}
	whole := h.session(h.comesIn(vic))
	login := h.allowedBy(whole)
	operates("a login", login.Secret, true)
	operates("its next token", must(h.Logins().RefreshTokens(t.Context(), login.Refresh)).Secret, true)
	operates("what it has made", must(h.CreateUserToken(t.Context(), must(h.Authenticate(t.Context(), login.Secret)), "", nil)).Secret, true)
	operates("a login that may not", h.allowedBy(whole, approval.ReadPetitions).Secret, false)
	operates("who is no operator", h.allowedBy(h.session(h.comesIn(ada))).Secret, false)
	operates("a login of no session", h.login(vic).Secret, false)
	h.must(h.service.EndSession(t.Context(), whole, approval.Token{Space: "acmecorp", Name: whole.TokenName}))
	operates("a login whose session has ended", login.Secret, true)

	// Nobody's session proves an address that it has not.
	unproved := h.session(h.comesIn(vic))
	h.must(h.store.Commit(t.Context(), approval.Change{Space: "acmecorp", Events: []approval.Event{{Event: approval.EventSessionCreate}}, Writes: []approval.Write{
		approval.PutToken{Token: approval.Token{Space: "acmecorp", Name: "oidc", Kind: approval.TokenSession, Hash: "h", Member: vic, ExpireTime: h.clock.Now().Add(time.Hour)}},
		approval.PutSession{Session: approval.Session{Space: "acmecorp", Name: "oidc", Method: approval.MethodOIDC, Verified: "oidc:https://x.example|1", Address: ada, SignIn: "s"}}}}))
	unproved.TokenName = "oidc"
	operates("a session without the address", h.allowedBy(unproved).Secret, false)

	// Where the role needs a passkey, a login without one is nobody, and so no operator.
	h.service.Deps.Passkeys.Roles = []approval.Role{approval.Viewer}
	h.Forget()
	h.wants(h, login.Secret, "")
	operates("a login with a passkey", h.allowedBy(h.comesInWith(vic, identitytest.New("laptop", issuer))).Secret, true)
}

// gate lets nobody have a name before so many want one.
type gate struct {
	approval.IDs
	wait int64
	n    atomic.Int64
	all  chan struct{}
}

func (g *gate) UUID() string {
	if g.n.Add(1) == g.wait {
		close(g.all)
	}
	<-g.all
	return g.IDs.UUID()
}

// A member's first passkey is confirmed by nothing, so there is one: of 64 sessions that add it at the same moment - of the
// owner, and of who has stolen one - one wins, the others have to confirm, and the log has them.
func TestOneOf64FirstPasskeysWins(t *testing.T) {
	t.Parallel()
	const racers = 64
	for name, roles := range map[string][]approval.Role{"on the page": nil, "at the sign-in": {approval.Owner}} {
		h := newHouse(t)
		p := h.Passkeys()
		var adds []func() error
		for i := range racers {
			h.service.Deps.Passkeys.Roles = nil
			secret, d := h.comesIn(ada), identitytest.New(fmt.Sprint("device ", i), issuer)
			a := h.session(secret)
			h.service.Deps.Passkeys.Roles = roles
			response := d.Create(must(p.Begin(t.Context(), a, nil)))
			adds = append(adds, func() error {
				if roles == nil {
					return p.Add(t.Context(), a, "Laptop", response)
				}
				_, _, err := p.Finish(t.Context(), secret, "Laptop", response)
				return err
			})
		}
		h.Forget()
		// Nobody writes before everybody has read that there is none, and names the event that says that there is one now.
		h.service.Deps.IDs = &gate{IDs: h.service.IDs, wait: racers, all: make(chan struct{})}
		won := together(racers, func(i int) (int, error) { return i, adds[i]() })
		if len(won) != 1 || h.logged(approval.EventPasskeyRegister) != 1 || h.logged(approval.EventRefused) != racers-1 {
			t.Errorf("%s: %d have added one, %d are registered, %d refused", name, len(won), h.logged(approval.EventPasskeyRegister), h.logged(approval.EventRefused))
		}
		list, err := h.store.Passkeys(t.Context(), "acmecorp", ada)
		if err != nil || len(list) != 1 {
			t.Errorf("%s: %d passkeys, %v", name, len(list), err)
		}
	}
}
