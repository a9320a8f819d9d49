package identity

import (
	"bytes"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"net"
	"net/url"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"

	"github.com/indent-approvals/indent/internal/approval"
)

// Authenticators implements approval.Authenticators: it checks what passkeys answer (WebAuthn Level 3, sections 7.1 and
// 7.2). The relying party's id and the one origin that counts come from the server's address; a page of another site
// inside or around ours does not count.
type Authenticators struct {
	// Base answers the server's base URL.
	Base func() string
}

// Origin implements approval.Authenticators.
func (x Authenticators) Origin() string { return x.Base() }

// rpID answers the relying party's id: the host of the base URL.
func (x Authenticators) rpID() string {
	u, err := url.Parse(x.Base())
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// Usable answers nil where browsers let people use passkeys: not on a server that is known by a number, nor without https
// on another machine (WebAuthn, 5.1.3, an effective domain in a secure context is needed).
func (x Authenticators) Usable() error {
	id := x.rpID()
	if id == "" || net.ParseIP(id) != nil {
		return approval.Errorf(approval.Unavailable, "browsers have no passkeys for %s, because it is a number and not a name: set base_url to a name (on this machine http://localhost and the port)", x.Base())
	}
	if !strings.HasPrefix(x.Base(), "https://") && id != "localhost" && !strings.HasSuffix(id, ".localhost") {
		return approval.Errorf(approval.Unavailable, "browsers have no passkeys for %s, because it has no https: set base_url to an https address", x.Base())
	}
	return nil
}

// Check implements approval.Authenticators.
func (x Authenticators) Check(k approval.Passkey, challenge []byte, c approval.Confirmation) (approval.Signed, error) {
	return check(k, challenge, c, x.rpID(), x.Base())
}

func check(k approval.Passkey, challenge []byte, c approval.Confirmation, rpID, origin string) (approval.Signed, error) {
	wrong := func(cause error) error {
		return approval.Wrap(approval.Forbidden, cause, "this is no signature of the passkey for what was asked, made on a page of %s by its owner: do it again on the page", origin)
	}
	parsed, err := parse(c)
	if err != nil {
		return approval.Signed{}, wrong(err)
	}
	key, err := base64.RawURLEncoding.DecodeString(k.PublicKey)
	if err != nil || k.ID != c.CredentialID {
		return approval.Signed{}, wrong(err)
	}
	if err := parsed.Verify(base64.RawURLEncoding.EncodeToString(challenge), rpID, "", []string{origin}, nil, nil,
		protocol.TopOriginExplicitVerificationMode, false, true, true, key, protocol.SignaturePolicy{}); err != nil {
		return approval.Signed{}, wrong(err)
	}
	flags := parsed.Response.AuthenticatorData.Flags
	if flags.HasBackupEligible() != k.Backed || flags.HasBackupState() && !flags.HasBackupEligible() {
		return approval.Signed{}, wrong(nil)
	}
	use, err := useOf(parsed, key)
	if err != nil {
		return approval.Signed{}, wrong(err)
	}
	return approval.Signed{Counter: int64(parsed.Response.AuthenticatorData.Counter), Use: use}, nil
}

// parse reads a confirmation whose parts are base64url.
func parse(c approval.Confirmation) (*protocol.ParsedCredentialAssertionData, error) {
	var response protocol.CredentialAssertionResponse
	response.ID, response.Type = c.CredentialID, string(protocol.PublicKeyCredentialType)
	for _, part := range []struct {
		text string
		to   *protocol.URLEncodedBase64
	}{{c.CredentialID, &response.RawID}, {c.ClientDataJSON, &response.AssertionResponse.ClientDataJSON},
		{c.AuthenticatorData, &response.AssertionResponse.AuthenticatorData}, {c.Signature, &response.AssertionResponse.Signature}} {
		raw, err := base64.RawURLEncoding.Strict().DecodeString(part.text)
		if err != nil {
			return nil, err
		}
		*part.to = raw
	}
	return response.Parse()
}

// useOf answers what a signature is known by. Of an ECDSA signature (r, s) anybody can make (r, -s), which is as good: so
// s does not count. Those of other passkeyAlgorithms have one form.
func useOf(parsed *protocol.ParsedCredentialAssertionData, key []byte) (string, error) {
	signature := parsed.Response.Signature
	public, err := webauthncose.ParsePublicKey(key)
	if err != nil {
		return "", err
	}
	if _, elliptic := public.(webauthncose.EC2PublicKeyData); elliptic {
		var pair struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(signature, &pair); err != nil {
			return "", err
		}
		signature = pair.R.Bytes()
	}
	said := sha256.Sum256(parsed.Raw.AssertionResponse.ClientDataJSON)
	sum := sha256.New()
	for _, part := range [][]byte{parsed.RawID, parsed.Raw.AssertionResponse.AuthenticatorData, said[:], signature} {
		whole := sha256.Sum256(part)
		sum.Write(whole[:])
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// passkeyAlgorithms are the signatures that a new passkey may make, best first (IANA COSE): ES256, Ed25519, RS256.
var passkeyAlgorithms = []protocol.CredentialParameter{
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgES256},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgEdDSA},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgRS256},
}

// registered answers the new passkey that a browser says was made, and the challenge that it was made for: whether that
// was asked for is for the caller to know. No attestation is asked for, so what make a device is, nobody knows.
func (x Authenticators) registered(response []byte) (k approval.Passkey, challenge string, err error) {
	wrong := func(cause error) error {
		return approval.Wrap(approval.Invalid, cause, "this is no new passkey that was made on a page of %s with its owner's consent: begin again", x.Base())
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return k, "", wrong(err)
	}
	challenge = parsed.Response.CollectedClientData.Challenge
	if _, err := parsed.Verify(challenge, x.rpID(), []string{x.Base()}, nil, nil, protocol.TopOriginExplicitVerificationMode, false, true, true,
		nil, passkeyAlgorithms, protocol.AttestationPolicy{}, protocol.SignaturePolicy{}); err != nil {
		return k, "", wrong(err)
	}
	data := parsed.Response.AttestationObject.AuthData
	if data.Flags.HasBackupState() && !data.Flags.HasBackupEligible() {
		return k, "", wrong(nil)
	}
	return approval.Passkey{ID: base64.RawURLEncoding.EncodeToString(data.AttData.CredentialID),
		PublicKey: base64.RawURLEncoding.EncodeToString(data.AttData.CredentialPublicKey),
		Counter:   int64(data.Counter), Backed: data.Flags.HasBackupEligible()}, challenge, nil
}

// Rechecked is what a claim's confirmation says when it is checked again.
type Rechecked struct {
	Digest     string `json:"digest"`
	Person     string `json:"person"`
	Origin     string `json:"origin"`
	RPID       string `json:"rpId"`
	Credential string `json:"credentialId"`
	PublicKey  string `json:"publicKey"`
}

// Recheck checks a claim's confirmation again, with nothing but the claim: that the passkey whose public key it carries has
// signed the digest, with its owner verified, on the page of origin. Empty digest and origin are taken from the claim. Whose the key is, the
// log says: its event passkey/register has the same public key.
func Recheck(claim approval.Event, digest, origin string) (Rechecked, error) {
	k, c, ok := approval.ConfirmationOf(claim)
	if !ok {
		return Rechecked{}, approval.Errorf(approval.Invalid, "nothing confirms this claim: it has no label %s", approval.LabelCredential)
	}
	if digest == "" {
		digest = claim.Label(approval.LabelDigest)
	}
	if err := c.Check("claim"); err != nil {
		return Rechecked{}, err
	}
	challenge, err := approval.Petition{Digest: digest}.Challenge()
	if err != nil {
		return Rechecked{}, approval.FieldError("digest", "must be sha256: and 64 hex digits")
	}
	parsed, err := parse(c)
	if err != nil {
		return Rechecked{}, approval.Wrap(approval.Invalid, err, "the confirmation cannot be read")
	}
	if origin == "" {
		origin = parsed.Response.CollectedClientData.Origin
	}
	rpID := Authenticators{func() string { return origin }}.rpID()
	k.Backed = parsed.Response.AuthenticatorData.Flags.HasBackupEligible()
	if _, err := check(k, challenge, c, rpID, origin); err != nil {
		return Rechecked{}, approval.Wrap(approval.Invalid, err, "the claim's passkey has not signed %.80q on a page of %.300q with its owner verified: this is no confirmation of that petition there", digest, origin)
	}
	return Rechecked{Digest: digest, Person: claim.Label(approval.LabelPerson), Origin: origin, RPID: rpID, Credential: k.ID, PublicKey: k.PublicKey}, nil
}

// challengeText answers the challenge that a confirmation says it is for, as browsers write it.
func challengeText(c approval.Confirmation) string {
	var said struct {
		Challenge string `json:"challenge"`
	}
	raw, err := base64.RawURLEncoding.DecodeString(c.ClientDataJSON)
	if err != nil || json.NewDecoder(bytes.NewReader(raw)).Decode(&said) != nil {
		return ""
	}
	return said.Challenge
}

var _ approval.Authenticators = Authenticators{}
