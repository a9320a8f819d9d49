// Package identitytest is the kit for tests that need a passkey: an authenticator in software, which does as it is told,
// also what no real one would. It imports the centre and the standard library.
package identitytest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math/big"
	"net/url"
	"slices"

	"github.com/indent-approvals/indent/internal/approval"
)

// Authenticator is a device with one passkey (ES256), and the browser around it.
type Authenticator struct {
	Origin string // of the page that the browser shows
	RPID   string // that the device was told
	// Present, Verified and Backed are what the device says of its owner and of the key.
	Present, Verified, Backed bool
	CrossOrigin               bool
	// Counter is of the last signature; a device that does not Count says 0.
	Counter uint32
	Count   bool

	key *ecdsa.PrivateKey
	id  []byte
}

// New answers a device, whose key is the seed's, in a browser on a page of origin.
func New(seed, origin string) *Authenticator {
	u, err := url.Parse(origin)
	if err != nil {
		panic(err)
	}
	curve := elliptic.P256()
	secret := sha256.Sum256([]byte("key of " + seed))
	d := new(big.Int).Mod(new(big.Int).SetBytes(secret[:]), new(big.Int).Sub(curve.Params().N, big.NewInt(1)))
	d.Add(d, big.NewInt(1))
	key, err := ecdsa.ParseRawPrivateKey(curve, d.FillBytes(make([]byte, 32)))
	if err != nil {
		panic(err)
	}
	id := sha256.Sum256([]byte("id of " + seed))
	return &Authenticator{Origin: origin, RPID: u.Hostname(), Present: true, Verified: true, Count: true, key: key, id: id[:]}
}

// ID answers the credential's id.
func (d *Authenticator) ID() string { return encode(d.id) }

// PublicKey answers the COSE key (RFC 9053, 7.1.1), base64url.
func (d *Authenticator) PublicKey() string { return encode(d.cose()) }

// Passkey answers the passkey as it is registered for a member.
func (d *Authenticator) Passkey(space, member string) approval.Passkey {
	return approval.Passkey{Space: space, ID: d.ID(), Member: member, Name: "test", PublicKey: d.PublicKey(), UserHandle: "dXNlcg", Counter: int64(d.Counter), Backed: d.Backed}
}

func (d *Authenticator) cose() []byte {
	point, err := d.key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		panic(err)
	}
	// {1: 2 (EC2), 3: -7 (ES256), -1: 1 (P-256), -2: x, -3: y}
	return slices.Concat([]byte{0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20}, point[1:33], []byte{0x22, 0x58, 0x20}, point[33:65])
}

// asked is what a page hands to its browser.
type asked struct {
	Ceremony  string `json:"ceremony"`
	PublicKey struct {
		Challenge string `json:"challenge"`
	} `json:"publicKey"`
}

func challengeIn(options []byte) string {
	var o asked
	if err := json.Unmarshal(options, &o); err != nil {
		panic(err)
	}
	return o.PublicKey.Challenge
}

// Create answers what the browser sends for a new passkey.
func (d *Authenticator) Create(options []byte) []byte {
	data := d.data(0x40)
	data = append(data, make([]byte, 16)...) // no make of device is told
	data = binary.BigEndian.AppendUint16(data, uint16(len(d.id)))
	data = slices.Concat(data, d.id, d.cose())
	// {"fmt": "none", "attStmt": {}, "authData": data}
	object := slices.Concat([]byte{0xa3, 0x63}, []byte("fmt"), []byte{0x64}, []byte("none"), []byte{0x67}, []byte("attStmt"), []byte{0xa0, 0x68},
		[]byte("authData"), []byte{0x59}, binary.BigEndian.AppendUint16(nil, uint16(len(data))), data)
	return write(map[string]any{"id": d.ID(), "rawId": d.ID(), "type": "public-key", "response": map[string]any{
		"clientDataJSON": encode(d.said("webauthn.create", challengeIn(options))), "attestationObject": encode(object)}})
}

// Get answers what the browser sends when the owner has agreed.
func (d *Authenticator) Get(options []byte) []byte {
	challenge, err := base64.RawURLEncoding.DecodeString(challengeIn(options))
	if err != nil {
		panic(err)
	}
	return write(d.Sign(challenge))
}

// Sign answers the signature over a challenge.
func (d *Authenticator) Sign(challenge []byte) approval.Confirmation {
	if d.Count {
		d.Counter++
	}
	said, data := d.said("webauthn.get", encode(challenge)), d.data(0)
	whole := sha256.Sum256(said)
	sum := sha256.Sum256(append(slices.Clone(data), whole[:]...))
	signature, err := d.key.Sign(nil, sum[:], crypto.SHA256) // RFC 6979: the same each time
	if err != nil {
		panic(err)
	}
	return approval.Confirmation{CredentialID: d.ID(), ClientDataJSON: encode(said), AuthenticatorData: encode(data), Signature: encode(signature)}
}

func (d *Authenticator) said(ceremony, challenge string) []byte {
	return write(map[string]any{"type": ceremony, "challenge": challenge, "origin": d.Origin, "crossOrigin": d.CrossOrigin})
}

// data answers the authenticator data (WebAuthn, 6.1) with more flags.
func (d *Authenticator) data(flags byte) []byte {
	for _, f := range []struct {
		set bool
		bit byte
	}{{d.Present, 0x01}, {d.Verified, 0x04}, {d.Backed, 0x08}} {
		if f.set {
			flags |= f.bit
		}
	}
	hash := sha256.Sum256([]byte(d.RPID))
	return binary.BigEndian.AppendUint32(append(hash[:], flags), d.Counter)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func write(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}
