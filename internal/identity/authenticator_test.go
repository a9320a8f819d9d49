package identity

import (
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/identity/identitytest"
)

// The digests of two petitions.
const (
	digest      = "sha256:0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
	otherDigest = "sha256:ff1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
)

func challengeOf(t testing.TB, digest string) []byte {
	t.Helper()
	challenge, err := approval.Petition{Digest: digest}.Challenge()
	if err != nil || len(challenge) != 32 {
		t.Fatal(err)
	}
	return challenge
}

func TestWhatIsNoConfirmationIsRefused(t *testing.T) {
	t.Parallel()
	x := Authenticators{func() string { return issuer }}
	mine := identitytest.New("mine", issuer)
	for name, make := range map[string]func(d *identitytest.Authenticator) (approval.Passkey, approval.Confirmation){
		"another petition's digest": func(d *identitytest.Authenticator) (approval.Passkey, approval.Confirmation) {
			return mine.Passkey("acmecorp", ada), d.Sign(challengeOf(t, otherDigest))
		},
		"no digest": func(d *identitytest.Authenticator) (approval.Passkey, approval.Confirmation) {
			return mine.Passkey("acmecorp", ada), d.Sign(nil)
		},
		"the digest's text": func(d *identitytest.Authenticator) (approval.Passkey, approval.Confirmation) {
			return mine.Passkey("acmecorp", ada), d.Sign([]byte(digest))
		},
		"another site's page": func(d *identitytest.Authenticator) (approval.Passkey, approval.Confirmation) {
			d.Origin = "https://indent.example.evil.example"
			return mine.Passkey("acmecorp", ada), d.Sign(challengeOf(t, digest))
		},
		"another port": func(d *identitytest.Authenticator) (approval.Passkey, approval.Confirmation) {
			d.Origin += ":8443"
			return mine.Passkey("acmecorp", ada), d.Sign(challengeOf(t, digest))
		},
		"a page without TLS": func(d *identitytest.Authenticator) (approval.Passkey, approval.Confirmation) {
			d.Origin = strings.Replace(d.Origin, "https", "http", 1)
			return mine.Passkey("acmecorp", ada), d.Sign(challengeOf(t, digest))
		},
		"inside another site's page": func(d *identitytest.Authenticator) (approval.Passkey, approval.Confirmation) {
			d.CrossOrigin = true
			return mine.Passkey("acmecorp", ada), d.Sign(challengeOf(t, digest))
		},
		"another relying party": func(d *identitytest.Authenticator) (approval.Passkey, approval.Confirmation) {
			d.RPID = "example"
			return mine.Passkey("acmecorp", ada), d.Sign(challengeOf(t, digest))
		},
		"owner not verified": func(d *identitytest.Authenticator) (approval.Passkey, approval.Confirmation) {
			d.Verified = false
			return mine.Passkey("acmecorp", ada), d.Sign(challengeOf(t, digest))
		},
		"owner not there": func(d *identitytest.Authenticator) (approval.Passkey, approval.Confirmation) {
			d.Present = false
			return mine.Passkey("acmecorp", ada), d.Sign(challengeOf(t, digest))
		},
		"a key that can be copied all at once": func(d *identitytest.Authenticator) (approval.Passkey, approval.Confirmation) {
			d.Backed = true
			return mine.Passkey("acmecorp", ada), d.Sign(challengeOf(t, digest))
		},
		"another key": func(d *identitytest.Authenticator) (approval.Passkey, approval.Confirmation) {
			c := identitytest.New("theirs", issuer).Sign(challengeOf(t, digest))
			c.CredentialID = mine.ID()
			return mine.Passkey("acmecorp", ada), c
		},
		"another passkey's id": func(d *identitytest.Authenticator) (approval.Passkey, approval.Confirmation) {
			return identitytest.New("theirs", issuer).Passkey("acmecorp", ada), d.Sign(challengeOf(t, digest))
		},
		"a registration": func(d *identitytest.Authenticator) (approval.Passkey, approval.Confirmation) {
			c := d.Sign(challengeOf(t, digest))
			raw, _ := base64.RawURLEncoding.DecodeString(c.ClientDataJSON)
			c.ClientDataJSON = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(raw), "webauthn.get", "webauthn.create", 1)))
			return mine.Passkey("acmecorp", ada), c
		},
		"data that was cut": func(d *identitytest.Authenticator) (approval.Passkey, approval.Confirmation) {
			c := d.Sign(challengeOf(t, digest))
			c.AuthenticatorData = c.AuthenticatorData[:40]
			return mine.Passkey("acmecorp", ada), c
		},
	} {
		d := identitytest.New("mine", issuer)
		k, c := make(d)
		if signed, err := x.Check(k, challengeOf(t, digest), c); approval.CodeOf(err) != approval.Forbidden || signed != (approval.Signed{}) {
			t.Errorf("%s: %+v %v", name, signed, err)
		}
	}
	signed, err := x.Check(mine.Passkey("acmecorp", ada), challengeOf(t, digest), mine.Sign(challengeOf(t, digest)))
	if err != nil || signed.Counter != 1 {
		t.Fatalf("what is right: %+v %v", signed, err)
	}
}

// Every bit of a confirmation counts.
func TestAnAlteredConfirmationIsRefused(t *testing.T) {
	t.Parallel()
	x := Authenticators{func() string { return issuer }}
	d := identitytest.New("mine", issuer)
	k, good := d.Passkey("acmecorp", ada), d.Sign(challengeOf(t, digest))
	for part, at := range map[string]func(*approval.Confirmation) *string{
		"client data":        func(c *approval.Confirmation) *string { return &c.ClientDataJSON },
		"authenticator data": func(c *approval.Confirmation) *string { return &c.AuthenticatorData },
		"signature":          func(c *approval.Confirmation) *string { return &c.Signature },
	} {
		raw, err := base64.RawURLEncoding.DecodeString(*at(&good))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 8 * len(raw) {
			raw[i/8] ^= 1 << (i % 8)
			bad := good
			*at(&bad) = base64.RawURLEncoding.EncodeToString(raw)
			if _, err := x.Check(k, challengeOf(t, digest), bad); approval.CodeOf(err) != approval.Forbidden {
				t.Errorf("%s, bit %d: %v", part, i, err)
			}
			raw[i/8] ^= 1 << (i % 8)
		}
	}
}

// Of one ECDSA signature anybody can make another that is as good; it is known as the same.
func TestASignatureInAnotherFormIsTheSame(t *testing.T) {
	t.Parallel()
	x := Authenticators{func() string { return issuer }}
	d := identitytest.New("mine", issuer)
	k, c := d.Passkey("acmecorp", ada), d.Sign(challengeOf(t, digest))
	first, err := x.Check(k, challengeOf(t, digest), c)
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := base64.RawURLEncoding.DecodeString(c.Signature)
	var pair struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(raw, &pair); err != nil {
		t.Fatal(err)
	}
	n, _ := new(big.Int).SetString("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)
	pair.S.Sub(n, pair.S)
	turned, _ := asn1.Marshal(pair)
	c.Signature = base64.RawURLEncoding.EncodeToString(turned)
	second, err := x.Check(k, challengeOf(t, digest), c)
	if err != nil || second.Use != first.Use {
		t.Fatalf("%v and %v (%v)", first, second, err)
	}
	other, err := x.Check(k, challengeOf(t, digest), d.Sign(challengeOf(t, digest)))
	if err != nil || other.Use == first.Use {
		t.Fatalf("a second signature is known as the first (%v)", err)
	}
}

func TestAClaimIsCheckedAgainWithNothingElse(t *testing.T) {
	t.Parallel()
	d := identitytest.New("mine", issuer)
	c := d.Sign(challengeOf(t, digest))
	claim := approval.Event{Meta: approval.Meta{Labels: map[string]string{approval.LabelDigest: digest, approval.LabelPerson: ada,
		approval.LabelCredential: c.CredentialID, approval.LabelPublicKey: d.PublicKey(), approval.LabelClientData: c.ClientDataJSON,
		approval.LabelAuthenticator: c.AuthenticatorData, approval.LabelSignature: c.Signature}}}
	said, err := Recheck(claim, "", "")
	if want := (Rechecked{digest, ada, issuer, "indent.example", d.ID(), d.PublicKey()}); err != nil || said != want {
		t.Fatalf("%+v %v", said, err)
	}
	for name, call := range map[string]struct {
		claim          approval.Event
		digest, origin string
	}{
		"another digest":   {claim, otherDigest, ""},
		"no digest":        {claim, "sha256:00", ""},
		"another server":   {claim, "", "https://indent.other.example"},
		"not confirmed":    {approval.Event{}, digest, ""},
		"another key":      {with(claim, approval.LabelPublicKey, identitytest.New("x", issuer).PublicKey()), "", ""},
		"altered digest":   {with(claim, approval.LabelDigest, otherDigest), "", ""},
		"nothing readable": {with(claim, approval.LabelAuthenticator, "?"), "", ""},
	} {
		if said, err := Recheck(call.claim, call.digest, call.origin); err == nil || said != (Rechecked{}) {
			t.Errorf("%s: %+v", name, said)
		}
	}
}

func with(claim approval.Event, label, value string) approval.Event {
	labels := map[string]string{}
	for k, v := range claim.Meta.Labels {
		labels[k] = v
	}
	labels[label] = value
	claim.Meta.Labels = labels
	return claim
}

func TestPasskeysNeedAName(t *testing.T) {
	t.Parallel()
	for base, usable := range map[string]bool{"http://127.0.0.1:8080": false, "http://[::1]:8080": false, "": false,
		"http://indent.example": false, "http://localhost:8080": true, "http://indent.localhost": true, "https://indent.example": true} {
		if err := (Authenticators{func() string { return base }}).Usable(); (err == nil) != usable {
			t.Errorf("%s: %v", base, err)
		}
	}
}

// Whatever comes as a confirmation: it is refused, or it is the one that was made.
func FuzzConfirmation(f *testing.F) {
	x := Authenticators{func() string { return issuer }}
	d := identitytest.New("mine", issuer)
	k, good := d.Passkey("acmecorp", ada), d.Sign(challengeOf(f, digest))
	f.Add(good.ClientDataJSON, good.AuthenticatorData, good.Signature)
	f.Add("e30", "", "AA")
	f.Fuzz(func(t *testing.T, said, data, signature string) {
		c := approval.Confirmation{CredentialID: k.ID, ClientDataJSON: said, AuthenticatorData: data, Signature: signature}
		_, err := x.Check(k, challengeOf(t, digest), c)
		if code := approval.CodeOf(err); err != nil && code != approval.Forbidden || err == nil && (said != good.ClientDataJSON || data != good.AuthenticatorData) {
			t.Fatalf("%+v: %v", c, err)
		}
	})
}

// Whatever a browser says that it has made: it is refused as invalid, or it has an id and a key that can be kept.
func FuzzRegistration(f *testing.F) {
	x := Authenticators{func() string { return issuer }}
	f.Add(identitytest.New("mine", issuer).Create([]byte(`{"publicKey":{"challenge":"AAAA"}}`)))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, response []byte) {
		k, challenge, err := x.registered(response)
		if code := approval.CodeOf(err); err != nil && code != approval.Invalid || err == nil && (k.ID == "" || k.PublicKey == "" || challenge == "") {
			t.Fatalf("%q: %+v %v", response, k, err)
		}
	})
}
