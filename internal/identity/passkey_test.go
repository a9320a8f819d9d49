package identity

import (
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/identity/identitytest"
)

// comesIn answers the secret that a fresh link gives, whole session or not.
func (h *house) comesIn(id string) string {
	h.Helper()
	link, err := h.Sessions().CreateLink(h.Context(), approval.System("acmecorp", "admin"), id, time.Hour)
	h.must(err)
	secret, _, err := h.Sessions().SignIn(h.Context(), link, "test")
	h.must(err)
	return secret
}

func (h *house) session(secret string) approval.Actor {
	h.Helper()
	a, err := h.Sessions().Authenticate(h.Context(), secret)
	h.must(err)
	return a
}

// registers adds a passkey to a session of the member, confirmed with one that is there unless that is nil.
func (h *house) registers(a approval.Actor, d, with *identitytest.Authenticator) {
	h.Helper()
	var confirmation []byte
	if with != nil {
		options, err := h.Passkeys().Ask(h.Context(), a)
		h.must(err)
		confirmation = with.Get(options)
	}
	options, err := h.Passkeys().Begin(h.Context(), a, confirmation)
	h.must(err)
	h.must(h.Passkeys().Add(h.Context(), a, "Laptop", d.Create(options)))
}

func (h *house) code(err error, code approval.Code, says string) {
	h.Helper()
	if approval.CodeOf(err) != code || err != nil && !strings.Contains(err.Error(), says) {
		h.Errorf("%v, want %s with %q", err, code, says)
	}
}

// logged answers how many events of a name the space's log has.
func (h *house) logged(event string) int {
	h.Helper()
	page, err := h.store.Events(h.Context(), approval.EventQuery{Space: "acmecorp", Event: event, Page: approval.PageRequest{Size: 200}})
	h.must(err)
	return len(page.Items)
}

func TestASignInWaitsForThePasskey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p, d := h.Passkeys(), identitytest.New("laptop", issuer)
	first := h.comesIn(ada)
	h.registers(h.session(first), d, nil)
	h.wants(h.Sessions(), first, ada) // the session goes on

	half := h.comesIn(ada)
	h.wants(h.Sessions(), half, "")
	h.wants(h, half, "")
	who, err := p.Half(t.Context(), half)
	if err != nil || who.ID != ada || who.New {
		t.Fatalf("%+v %v", who, err)
	}
	_, err = p.Half(t.Context(), first)
	h.code(err, approval.Unauthenticated, "")
	options, err := p.AskHalf(t.Context(), half)
	h.must(err)
	whole, end, err := p.Finish(t.Context(), half, "", d.Get(options))
	h.must(err)
	if whole == half || !end.Equal(h.clock.Now().Add(12*time.Hour)) {
		t.Errorf("the session is %q until %s", whole, end)
	}
	h.wants(h.Sessions(), whole, ada)
	_, err = p.Half(t.Context(), half)
	h.code(err, approval.Unauthenticated, "")
	_, _, err = p.Finish(t.Context(), half, "", d.Get(options))
	h.code(err, approval.Unauthenticated, "")
	if n := h.logged(approval.EventSessionHalf); n != 1 {
		t.Errorf("%d half sessions in the log", n)
	}

	late := h.comesIn(ada)
	h.clock.Advance(15 * time.Minute)
	_, err = p.AskHalf(t.Context(), late)
	h.code(err, approval.Unauthenticated, "")
}

// A half session's challenge is used once, soon, by it alone, for nothing else, and by the member's own passkey.
func TestASecondFactorThatIsNone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p, d, eves := h.Passkeys(), identitytest.New("laptop", issuer), identitytest.New("eve", issuer)
	h.registers(h.session(h.comesIn(ada)), d, nil)
	h.registers(h.session(h.comesIn(vic)), eves, nil)
	finish := func(half string, answer []byte) error {
		whole, _, err := p.Finish(t.Context(), half, "", answer)
		if err != nil {
			h.wants(h.Sessions(), whole, "")
			h.wants(h.Sessions(), half, "")
		}
		return err
	}
	ask := func(half string) []byte {
		options, err := p.AskHalf(t.Context(), half)
		h.must(err)
		return options
	}
	half, other := h.comesIn(ada), h.comesIn(ada)
	h.code(finish(half, eves.Get(ask(half))), approval.Forbidden, "not one of yours")
	h.code(finish(half, d.Get(ask(other))), approval.Conflict, "begin again") // of another session

	options := ask(half)
	d.Verified = false
	h.code(finish(half, d.Get(options)), approval.Forbidden, "no signature")
	d.Verified = true
	h.code(finish(half, d.Get(options)), approval.Conflict, "begin again") // the wrong answer has used it up

	options = ask(half)
	h.clock.Advance(approval.ChallengeTTL)
	h.code(finish(half, d.Get(options)), approval.Conflict, "begin again")

	h.must(finish(other, d.Get(ask(other))))
	before := h.logged(approval.EventRefused)
	d.Counter = 0
	h.code(finish(half, d.Get(ask(half))), approval.Forbidden, "somebody may have copied it")
	if h.logged(approval.EventRefused) != before+1 {
		t.Error("the log does not say that the counter went back")
	}
	for _, nonsense := range []string{"", "{}", "null", `{"credentialId":"AA","clientDataJSON":"e30","authenticatorData":"AA","signature":"AA"}`} {
		h.code(finish(half, []byte(nonsense)), approval.Invalid, "")
	}
	h.suspend(ada)
	_, err := p.AskHalf(t.Context(), half)
	h.code(err, approval.Unauthenticated, "")
}

func TestAddingAPasskeyIsConfirmed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p, first, second := h.Passkeys(), identitytest.New("one", issuer), identitytest.New("two", issuer)
	a := h.session(h.comesIn(ada))
	h.clock.Advance(16 * time.Minute)
	_, err := p.Begin(t.Context(), a, nil)
	h.code(err, approval.Forbidden, "sign in again")
	a = h.session(h.comesIn(ada))
	options, err := p.Begin(t.Context(), a, nil)
	h.must(err)
	again, err := p.Begin(t.Context(), a, nil)
	h.must(err)
	h.code(p.Add(t.Context(), a, "x", first.Create(options)), approval.Conflict, "begin again") // the second took its place
	h.code(p.Add(t.Context(), h.session(h.comesIn(ada)), "x", first.Create(again)), approval.Conflict, "begin again")
	for name, change := range map[string]func(*identitytest.Authenticator){
		"origin": func(d *identitytest.Authenticator) { d.Origin = "https://evil.example" }, "rp": func(d *identitytest.Authenticator) { d.RPID = "evil.example" },
		"not verified": func(d *identitytest.Authenticator) { d.Verified = false }, "framed": func(d *identitytest.Authenticator) { d.CrossOrigin = true },
	} {
		bad := identitytest.New("one", issuer)
		change(bad)
		if err := p.Add(t.Context(), a, "x", bad.Create(again)); approval.CodeOf(err) != approval.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	h.must(p.Add(t.Context(), a, " Laptop ", first.Create(again)))
	h.code(p.Add(t.Context(), a, "x", second.Create(again)), approval.Conflict, "begin again")

	_, err = p.Begin(t.Context(), a, nil)
	h.code(err, approval.Forbidden, "confirm with it")
	_, err = p.Begin(t.Context(), a, second.Get(must(p.Ask(t.Context(), a))))
	h.code(err, approval.Forbidden, "not one of yours")
	h.registers(a, second, first)
	list := must(p.List(t.Context(), a))
	if len(list) != 2 || list[0].Name == list[1].Name && list[0].UserHandle != list[1].UserHandle || list[0].UserHandle == "" {
		t.Errorf("%+v", list)
	}
	if n := h.logged(approval.EventPasskeyRegister); n != 2 {
		t.Errorf("%d registrations in the log", n)
	}
	// A credential is one member's.
	v := h.session(h.comesIn(vic))
	options, err = p.Begin(t.Context(), v, nil)
	h.must(err)
	h.code(p.Add(t.Context(), v, "x", first.Create(options)), approval.Conflict, "already")
	// A token has no page to ask on.
	_, err = p.Begin(t.Context(), must(h.Authenticate(t.Context(), h.userToken(vic).Secret)), nil)
	h.code(err, approval.Forbidden, "sign in there")
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestRemovingAPasskeyEndsWhatItBegan(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p, first, second := h.Passkeys(), identitytest.New("one", issuer), identitytest.New("two", issuer)
	a := h.session(h.comesIn(ada))
	h.registers(a, first, nil)
	h.registers(a, second, first)
	with := func(d *identitytest.Authenticator) string {
		half := h.comesIn(ada)
		whole, _, err := p.Finish(t.Context(), half, "", d.Get(must(p.AskHalf(t.Context(), half))))
		h.must(err)
		return whole
	}
	byFirst, bySecond := with(first), with(second)
	token := must(h.CreateUserToken(t.Context(), h.session(byFirst), "made there", nil)).Secret
	h.code(p.Remove(t.Context(), a, first.ID(), nil), approval.Invalid, "")
	h.code(p.Remove(t.Context(), a, "AAAA", second.Get(must(p.Ask(t.Context(), a)))), approval.NotFound, "")
	h.must(p.Remove(t.Context(), a, first.ID(), second.Get(must(p.Ask(t.Context(), a)))))
	h.wants(h.Sessions(), byFirst, "")
	h.wants(h, token, "")
	h.wants(h.Sessions(), bySecond, ada)

	// The operator's help when a device was lost: all are gone, and all sessions.
	n, err := h.service.RemovePasskeys(t.Context(), approval.System("acmecorp", "admin"), "ADA@acmecorp.example", "")
	h.must(err)
	h.clock.Advance(time.Second)
	h.wants(h.Sessions(), bySecond, "")
	if n != 1 || h.logged(approval.EventPasskeyRemove) != 2 {
		t.Errorf("%d removed, %d in the log", n, h.logged(approval.EventPasskeyRemove))
	}
	_, err = h.service.RemovePasskeys(t.Context(), approval.System("acmecorp", "admin"), ada, "")
	h.code(err, approval.NotFound, "")
	h.wants(h.Sessions(), h.comesIn(ada), ada)
	// A last passkey goes with itself.
	a = h.session(h.comesIn(ada))
	h.registers(a, first, nil)
	h.must(p.Remove(t.Context(), a, first.ID(), first.Get(must(p.Ask(t.Context(), a)))))
}

// A role that needs a passkey: nobody of it has a whole session without one.
func TestARoleThatNeedsAPasskey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	before := h.comesIn(ada)
	h.wants(h.Sessions(), before, ada)
	h.service.Deps.Passkeys.Roles = []approval.Role{approval.Owner}
	h.Forget()
	h.wants(h.Sessions(), before, "")
	h.wants(h.Sessions(), h.comesIn(vic), vic)

	p, d := h.Passkeys(), identitytest.New("laptop", issuer)
	half := h.comesIn(ada)
	h.wants(h.Sessions(), half, "")
	who, err := p.Half(t.Context(), half)
	if err != nil || !who.New {
		t.Fatalf("%+v %v", who, err)
	}
	options, err := p.AskHalf(t.Context(), half)
	h.must(err)
	whole, _, err := p.Finish(t.Context(), half, "Laptop", d.Create(options))
	h.must(err)
	h.wants(h.Sessions(), whole, ada)
	h.wants(h.Sessions(), half, "")

	// The session from before needs it too, and the last one stays.
	who, err = p.Half(t.Context(), before)
	if err != nil || who.New {
		t.Fatalf("%+v %v", who, err)
	}
	_, err = p.Begin(t.Context(), who.Actor, nil)
	h.code(err, approval.Forbidden, "confirm with it")
	whole, _, err = p.Finish(t.Context(), before, "", d.Get(must(p.AskHalf(t.Context(), before))))
	h.must(err)
	a := h.session(whole)
	h.code(p.Remove(t.Context(), a, d.ID(), d.Get(must(p.Ask(t.Context(), a)))), approval.Conflict, "last one")
	if list := must(p.List(t.Context(), a)); len(list) != 1 || list[0].Name != "Laptop" || !list[0].LastUsed.Equal(h.clock.Now()) {
		t.Errorf("%+v", list)
	}
}

func TestTooManyPasskeysAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.session(h.comesIn(ada))
	first := identitytest.New("0", issuer)
	h.registers(a, first, nil)
	for n := range approval.MaxPasskeys - 1 {
		h.registers(a, identitytest.New(strings.Repeat("x", n+1), issuer), first)
	}
	_, err := h.Passkeys().Begin(t.Context(), a, first.Get(must(h.Passkeys().Ask(t.Context(), a))))
	h.code(err, approval.Conflict, "remove one first")
}

// The whole way of a step-up with real signatures: nobody else's, nobody's of another space, and none that was removed.
func TestAClaimIsConfirmedWithAPasskeyOfTheClaimant(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d, vics, foreign := identitytest.New("laptop", issuer), identitytest.New("vic", issuer), identitytest.New("other space", issuer)
	h.registers(h.session(h.comesIn(ada)), d, nil)
	h.registers(h.session(h.comesIn(vic)), vics, nil)
	h.must(h.store.Commit(t.Context(), approval.Change{Space: "othercorp", Writes: []approval.Write{approval.PutPasskey{Passkey: foreign.Passkey("othercorp", ada)}},
		Events: []approval.Event{{Event: approval.EventPasskeyRegister}}}))
	h.service.Policy = confirmed{}
	p, _, err := h.service.CreatePetition(t.Context(), h.actor(vic), approval.NewPetition{Reason: "why", Resources: []approval.Resource{{ID: "x"}}}, "")
	h.must(err)
	challenge, err := p.Challenge()
	h.must(err)
	decide := func(id string, c approval.Confirmation) (approval.Petition, approval.Event, error) {
		return h.service.Decide(t.Context(), h.actor(id), p.Name, approval.NewClaim{Event: approval.EventApprove, Confirmation: &c}, "")
	}
	stolen := d.Sign(challenge)
	for name, c := range map[string]approval.Confirmation{"another member's": vics.Sign(challenge), "another space's": foreign.Sign(challenge),
		"of another petition": d.Sign(challengeOf(t, otherDigest))} {
		if _, _, err := decide(ada, c); approval.CodeOf(err) != approval.Forbidden {
			t.Errorf("%s: %v", name, err)
		}
	}
	const eve = "eve@acmecorp.example"
	_, err = h.service.PutMember(t.Context(), approval.System("acmecorp", "admin"), approval.Member{Email: eve, Role: approval.Owner})
	h.must(err)
	if _, _, err := decide(eve, stolen); approval.CodeOf(err) != approval.Forbidden {
		t.Errorf("replayed by another person: %v", err)
	}
	after, claim, err := decide(ada, d.Sign(challenge))
	if err != nil || after.Phase != approval.Granted {
		t.Fatalf("%s: %v", after.Phase, err)
	}
	if said, err := Recheck(claim, p.Digest, issuer); err != nil || said.Person != ada || said.Credential != d.ID() {
		t.Errorf("%+v %v", said, err)
	}
	_, err = h.service.RemovePasskeys(t.Context(), approval.System("acmecorp", "admin"), ada, d.ID())
	h.must(err)
	p, _, err = h.service.CreatePetition(t.Context(), h.actor(vic), approval.NewPetition{Reason: "why", Resources: []approval.Resource{{ID: "x"}}}, "")
	h.must(err)
	if _, _, err := decide(ada, d.Sign(challenge)); approval.CodeOf(err) != approval.Forbidden {
		t.Errorf("a removed passkey: %v", err)
	}
}

// Going to another space is no new sign-in: whoever has stolen an old session makes no passkey for it by going there and back.
func TestASessionThatChangesItsSpaceIsNoFresher(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s, p := h.Sessions(), h.Passkeys()
	_, err := h.service.CreateSpace(t.Context(), approval.NewSpace{Name: "labs", Owner: ada, Policy: "-"})
	h.must(err)
	a := h.session(h.comesIn(ada))
	h.clock.Advance(10 * time.Minute)
	for i, space := range []string{"labs", "acmecorp", "labs"} {
		secret, _, err := s.Switch(t.Context(), a, space)
		h.must(err)
		a = h.session(secret)
		_, err = p.Begin(t.Context(), a, nil)
		if fresh := i == 0; fresh {
			h.must(err)
		} else {
			h.code(err, approval.Forbidden, "sign in again")
		}
		h.clock.Advance(6 * time.Minute)
	}

	// The same where the other space lets nobody in without a passkey.
	h.service.Passkeys.Roles = []approval.Role{approval.Owner}
	_, err = h.service.PutMember(t.Context(), approval.System("acmecorp", "admin"), approval.Member{Email: vic, Role: approval.Viewer})
	h.must(err)
	_, err = h.service.CreateSpace(t.Context(), approval.NewSpace{Name: "vault", Owner: vic, Policy: "-"})
	h.must(err)
	v := h.session(h.comesIn(vic))
	h.clock.Advance(16 * time.Minute)
	half, _, err := s.Switch(t.Context(), v, "vault")
	h.must(err)
	_, err = p.AskHalf(t.Context(), half)
	h.code(err, approval.Forbidden, "sign in again")
}
