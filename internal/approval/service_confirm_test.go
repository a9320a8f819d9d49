package approval_test

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// device is an approval.Authenticators whose signatures are the passkey and the challenge, written down.
type device struct{}

func (device) Origin() string { return "https://indent.acme.example" }

func (device) Check(k approval.Passkey, challenge []byte, c approval.Confirmation) (approval.Signed, error) {
	signed, err := base64.RawURLEncoding.DecodeString(c.Signature)
	if err != nil || string(signed) != k.ID+string(challenge) {
		return approval.Signed{}, approval.Errorf(approval.Forbidden, "the passkey has signed something else")
	}
	counter, err := base64.RawURLEncoding.DecodeString(c.AuthenticatorData)
	return approval.Signed{Counter: int64(counter[0]), Use: c.Signature + c.AuthenticatorData}, err
}

func text(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// passkey registers one for the member.
func (h *house) passkey(id, member string) {
	h.t.Helper()
	h.write(approval.PutPasskey{Passkey: approval.Passkey{Space: "acme", ID: id, Member: member, PublicKey: "a2V5"}})
}

// confirmed is an approval that the passkey has confirmed, as the counter's n-th signature.
func (h *house) confirmed(passkey string, p approval.Petition, n byte) approval.NewClaim {
	h.t.Helper()
	digest, err := hex.DecodeString(strings.TrimPrefix(p.Digest, "sha256:"))
	if err != nil {
		h.t.Fatal(err)
	}
	return approval.NewClaim{Event: approval.EventApprove, Confirmation: &approval.Confirmation{CredentialID: passkey, ClientDataJSON: "e30",
		AuthenticatorData: text([]byte{n}), Signature: text(append([]byte(passkey), digest...))}}
}

func confirming(count int) approval.Verdict {
	v := review(count)
	v.Requirements[0].Confirm = approval.ConfirmPasskey
	return v
}

func newConfirmingHouse(t *testing.T) *house {
	t.Helper()
	h := newHouse(t)
	h.Authenticators = device{}
	h.rule.verdict = confirming(1)
	h.passkey("Ym9i", bob)
	h.passkey("ZXZl", eve)
	return h
}

func (h *house) turnsDown(code approval.Code, id string, p approval.Petition, c approval.NewClaim, says string) {
	h.t.Helper()
	_, _, err := h.Decide(h.t.Context(), h.actor(id), p.Name, c, "")
	if approval.CodeOf(err) != code || !strings.Contains(err.Error(), says) {
		h.t.Errorf("%s: %v, want %s with %q", id, err, code, says)
	}
	page, err := h.store.Events(h.t.Context(), approval.EventQuery{Space: "acme", Petition: p.Name, Page: approval.PageRequest{Size: 1}})
	if err != nil || page.Items[0].Event != approval.EventRefused || !strings.Contains(page.Items[0].Reason, says) {
		h.t.Errorf("the log does not say %q: %+v", says, page.Items)
	}
}

func TestAnApprovalThatMustBeConfirmed(t *testing.T) {
	t.Parallel()
	h := newConfirmingHouse(t)
	p, other := h.ask(vic), h.ask(vic, func(n *approval.NewPetition) { n.Reason = "another one" })
	bare := approval.NewClaim{Event: approval.EventApprove}
	h.turnsDown(approval.Forbidden, bob, p, bare, "https://indent.acme.example/access/acme/"+p.Name)
	h.turnsDown(approval.Forbidden, bob, p, h.confirmed("Ym9i", other, 1), "something else")
	h.turnsDown(approval.Forbidden, bob, p, h.confirmed("ZXZl", p, 1), "not one of bob@acme.example")
	h.turnsDown(approval.Forbidden, bob, p, h.confirmed("bm9uZQ", p, 1), "not one of bob@acme.example")
	h.turnsDown(approval.Forbidden, bobsBot, p, h.confirmed("Ym9i", p, 1), "not one of bobs-bot")

	after, claim, err := h.Decide(t.Context(), h.actor(bob), p.Name, h.confirmed("Ym9i", p, 7), "")
	if err != nil || after.Phase != approval.Granted {
		t.Fatalf("%s: %v", after.Phase, err)
	}
	k, c, ok := approval.ConfirmationOf(claim)
	if want := h.confirmed("Ym9i", p, 7).Confirmation; !ok || c != *want || k.PublicKey != "a2V5" || claim.Label(approval.LabelDigest) != p.Digest {
		t.Errorf("the claim keeps %+v %+v", k, c)
	}
	used, err := h.store.Passkey(t.Context(), "acme", "Ym9i")
	if err != nil || used.Counter != 7 || !used.LastUsed.Equal(h.clock.Now()) {
		t.Errorf("the passkey is %+v (%v)", used, err)
	}
	h.turnsDown(approval.Forbidden, bob, other, h.confirmed("Ym9i", other, 7), "has signed 7 times but says 7")
}

func TestDenyingNeedsNoPasskey(t *testing.T) {
	t.Parallel()
	h := newConfirmingHouse(t)
	for id, p := range map[string]approval.Petition{bob: h.ask(vic), vic: h.ask(vic)} {
		if after, _, err := h.Decide(t.Context(), h.actor(id), p.Name, approval.NewClaim{Event: approval.EventDeny}, ""); err != nil || after.Phase != approval.Closed {
			t.Errorf("%s: %v", id, err)
		}
	}
	p := h.ask(vic)
	c := h.confirmed("Ym9i", p, 1)
	c.Event = approval.EventDeny
	if _, _, err := h.Decide(t.Context(), h.actor(bob), p.Name, c, ""); approval.CodeOf(err) != approval.Invalid {
		t.Errorf("a denial with a confirmation: %v", err)
	}
}

// Two petitions that ask the same have one digest: what confirms one is not taken for the other.
func TestASignatureConfirmsOnce(t *testing.T) {
	t.Parallel()
	h := newConfirmingHouse(t)
	first, second := h.ask(vic), h.ask(vic)
	if first.Digest != second.Digest {
		t.Fatal("the petitions differ")
	}
	if _, _, err := h.Decide(t.Context(), h.actor(bob), first.Name, h.confirmed("Ym9i", first, 0), ""); err != nil {
		t.Fatal(err)
	}
	h.turnsDown(approval.Conflict, bob, second, h.confirmed("Ym9i", second, 0), "")
	if p, err := h.store.Petition(t.Context(), "acme", second.Name); err != nil || p.Phase != approval.Open {
		t.Errorf("it is %s (%v)", p.Phase, err)
	}
}

func TestQuorumCountsConfirmedApprovals(t *testing.T) {
	t.Parallel()
	h := newConfirmingHouse(t)
	h.rule.verdict = confirming(2)
	p := h.ask(vic)
	if _, _, err := h.Decide(t.Context(), h.actor(bob), p.Name, h.confirmed("Ym9i", p, 1), ""); err != nil {
		t.Fatal(err)
	}
	h.turnsDown(approval.Forbidden, eve, p, approval.NewClaim{Event: approval.EventApprove}, "with a passkey only")
	after, _, err := h.Decide(t.Context(), h.actor(eve), p.Name, h.confirmed("ZXZl", p, 1), "")
	if err != nil || after.Phase != approval.Granted {
		t.Fatalf("%s: %v", after.Phase, err)
	}
	// A claim that has come in without one, whoever let it through, counts for nothing.
	bare := h.ask(vic)
	claim := approval.Event{Event: approval.EventApprove, ID: "x", Meta: approval.Meta{Labels: map[string]string{approval.LabelPerson: bob, approval.LabelRequirements: "0"}}}
	if bare, err = bare.Apply(claim, h.clock.Now()); err != nil || !strings.HasPrefix(bare.Unmet()[0], "0 of 2") {
		t.Errorf("%v (%v)", bare.Unmet(), err)
	}
}

// An approval counts as its person stands when the last one comes: a passkey that was removed confirms nothing.
func TestARemovedPasskeyConfirmsNothing(t *testing.T) {
	t.Parallel()
	h := newConfirmingHouse(t)
	h.rule.verdict = confirming(2)
	p := h.ask(vic)
	if _, _, err := h.Decide(t.Context(), h.actor(bob), p.Name, h.confirmed("Ym9i", p, 1), ""); err != nil {
		t.Fatal(err)
	}
	h.write(approval.DeletePasskey{ID: "Ym9i"})
	after, _, err := h.Decide(t.Context(), h.actor(eve), p.Name, h.confirmed("ZXZl", p, 1), "")
	if err != nil || after.Phase != approval.Open {
		t.Fatalf("%s: %v", after.Phase, err)
	}
	h.turnsDown(approval.Forbidden, bob, h.ask(vic), h.confirmed("Ym9i", p, 2), "not one of")
}

func TestAServerWithoutPasskeysConfirmsNothing(t *testing.T) {
	t.Parallel()
	h := newConfirmingHouse(t)
	h.Authenticators = nil
	p := h.ask(vic)
	h.turnsDown(approval.Forbidden, bob, p, approval.NewClaim{Event: approval.EventApprove}, "with a passkey only")
	h.turnsDown(approval.Forbidden, bob, p, h.confirmed("Ym9i", p, 1), "cannot check")
}

// What the directory says of a thing counts, from the moment it is said, and not what the petitioner says.
func TestAResourceThatMustBeConfirmed(t *testing.T) {
	t.Parallel()
	h := newConfirmingHouse(t)
	production := approval.Resource{ID: "production", Kind: "database", Labels: map[string]string{approval.LabelBlock: "production"}}
	asks := func(r approval.Resource) approval.Petition {
		return h.ask(vic, func(n *approval.NewPetition) { n.Resources = []approval.Resource{{ID: "x"}, r} })
	}
	h.rule.verdict = review(1)
	mine := production
	mine.Labels = map[string]string{approval.LabelConfirm: "passkey"}
	for name, p := range map[string]approval.Petition{"no entry": asks(production), "the petitioner's label": asks(mine)} {
		if p.Verdict.Requirements[0].Confirm != "" {
			t.Errorf("%s: %+v", name, p.Verdict)
		}
	}
	production.Labels[approval.LabelConfirm] = approval.ConfirmPasskey
	h.directory(production)
	for name, r := range map[string]approval.Resource{"the entry": {ID: "production", Kind: "database"}, "no kind": {ID: "production"}, "another kind": {ID: "production", Kind: "db"}} {
		if p := asks(r); p.Verdict.Requirements[0].Confirm != approval.ConfirmPasskey || p.Verdict.Rule != "two eyes" {
			t.Errorf("%s: %+v", name, p.Verdict)
		}
	}
	vault := approval.Resource{ID: "vault-1", Kind: "database", Email: "Vault@Acme.example", AltIDs: []string{"arn:Vault"}, Labels: map[string]string{approval.LabelConfirm: "passkey"}}
	h.directory(vault, approval.Resource{ID: "Payroll-DB", Labels: map[string]string{approval.LabelConfirm: "passkey"}})
	for name, r := range map[string]approval.Resource{"another id of it": {ID: "arn:Vault"}, "in other letters": {ID: "VAULT-1"}, "beside another id": {ID: "y", AltIDs: []string{"vault-1"}},
		"an id with capitals, in small letters": {ID: "payroll-db"}, "in capitals": {ID: "PAYROLL-DB"}, "beside another id, in capitals": {ID: "y", AltIDs: []string{"PAYROLL-db"}},
		"another id of it, in other letters": {ID: "ARN:vault"}, "its address": {ID: "y", Email: "vault@ACME.example"}} {
		if p := asks(r); p.Verdict.Requirements[0].Confirm != approval.ConfirmPasskey {
			t.Errorf("%s: %+v", name, p.Verdict)
		}
	}
	if h.rule.verdict.Requirements[0].Confirm != "" {
		t.Error("the rule itself was changed")
	}
	h.rule.verdict = verdict(approval.VerdictApprove)
	p := asks(production)
	if r := p.Verdict.Requirements; p.Phase != approval.Open || len(r) != 1 || r[0].Confirm == "" || r[0].Reviewers.Roles[0] != approval.Owner {
		t.Errorf("a rule approved: %s %+v", p.Phase, p.Verdict)
	}
	// Frozen: what the directory says later changes nothing.
	delete(production.Labels, approval.LabelConfirm)
	h.directory(production)
	h.turnsDown(approval.Forbidden, olga, p, approval.NewClaim{Event: approval.EventApprove}, "with a passkey only")
	if p := asks(production); p.Phase != approval.Granted {
		t.Errorf("it is %s", p.Phase)
	}
	production.Labels[approval.LabelConfirm] = "fingerprint"
	if _, err := h.PutResources(t.Context(), h.actor(olga), []approval.Resource{production}); approval.CodeOf(err) != approval.Invalid {
		t.Errorf("an unknown confirmation: %v", err)
	}
	h.store.BeforeRead = func(what string) error {
		if what == "Resources" {
			return approval.Errorf(approval.Unavailable, "down")
		}
		return nil
	}
	h.clock.Advance(time.Second)
	if _, _, err := h.CreatePetition(t.Context(), h.actor(vic), reset(), ""); approval.CodeOf(err) != approval.Unavailable {
		t.Errorf("without the directory: %v", err)
	}
}

func TestConfirmationsAreCheckedForTheirForm(t *testing.T) {
	t.Parallel()
	good := approval.Confirmation{CredentialID: "AA", ClientDataJSON: "AA", AuthenticatorData: "AA", Signature: "AA"}
	if err := good.Check("c"); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "A", "AA==", "A+", "AB", "A\nA", strings.Repeat("A", 1004), "é"} {
		for field, change := range map[string]func(*approval.Confirmation){
			"c.credentialId":      func(c *approval.Confirmation) { c.CredentialID = bad },
			"c.clientDataJSON":    func(c *approval.Confirmation) { c.ClientDataJSON = bad },
			"c.authenticatorData": func(c *approval.Confirmation) { c.AuthenticatorData = bad },
			"c.signature":         func(c *approval.Confirmation) { c.Signature = bad },
		} {
			c := good
			change(&c)
			if err := c.Check("c"); approval.CodeOf(err) != approval.Invalid || !strings.HasPrefix(err.Error(), field+": ") {
				t.Errorf("%s %q: %v", field, bad, err)
			}
		}
	}
}
