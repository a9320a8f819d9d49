package approval

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"time"
)

// Passkey is a key pair on a person's device (WebAuthn); the public half of it is kept here.
type Passkey struct {
	Space      string
	ID         string // the credential's id, base64url
	Member     string // Member.ID
	Name       string // what the person calls it
	PublicKey  string // COSE key (RFC 9052), base64url
	UserHandle string // what devices call the member, base64url of random bytes
	Counter    int64  // of its signatures, as last seen; 0: the device does not count
	Backed     bool   // it may be copied between the devices of its owner (WebAuthn: backup eligible)
	First      bool   // it was added without a confirmation by another one: a member has one of that kind at most
	CreateTime time.Time
	LastUsed   time.Time // zero: never
}

// Events of passkeys.
const (
	EventPasskeyRegister  = "passkey/register"
	EventPasskeyRemove    = "passkey/remove"
	EventPasskeyChallenge = "passkey/challenge" // a page was asked for a passkey
)

// Labels of passkeys. Those of a claim are what confirms it, each base64url: whoever has them and the digest can check it
// again.
const (
	LabelCredential    = "indent.com/claim/passkey/credential"
	LabelPublicKey     = "indent.com/claim/passkey/publicKey"
	LabelClientData    = "indent.com/claim/passkey/clientData"
	LabelAuthenticator = "indent.com/claim/passkey/authenticatorData"
	LabelSignature     = "indent.com/claim/passkey/signature"
	LabelPasskey       = "indent.com/passkey/id" // of a session: the passkey that it began with
	LabelPurpose       = "indent.com/passkey/purpose"
)

func (PutPasskey) write()      {}
func (UsePasskey) write()      {}
func (DeletePasskey) write()   {}
func (PutChallenge) write()    {}
func (UseChallenge) write()    {}
func (PutConfirmation) write() {}

// Limits of passkeys.
const (
	MaxPasskeys    = 20 // of one member
	MaxPasskeyName = 100
	// ChallengeTTL is how long a page may take to answer what it was asked.
	ChallengeTTL = 5 * time.Minute
)

// resource answers the passkey as it appears in events, with the key that confirmed claims can be checked with.
func (k Passkey) resource() Resource {
	return Resource{ID: k.ID, Kind: "passkey", DisplayName: k.Name, Labels: map[string]string{LabelPublicKey: k.PublicKey}}
}

// Check refuses a passkey whose fields are out of their limits.
func (k Passkey) Check() error {
	return firstError(checkLine("name", k.Name, MaxPasskeyName), checkBytes("credentialId", k.ID), checkBytes("publicKey", k.PublicKey))
}

// counted refuses a signature whose counter does not go on: the key has been copied, or the answer is an old one
// (WebAuthn, 7.2, step 22). A device that does not count says 0 always.
func (k Passkey) counted(counter int64) error {
	if (counter != 0 || k.Counter != 0) && counter <= k.Counter {
		return Errorf(Forbidden, "the passkey %q has signed %d times but says %d: somebody may have copied it. Remove it and register another one", k.Name, k.Counter, counter)
	}
	return nil
}

// Challenge is what a page was asked to have signed: once, soon, and by the session that asked. A session has at most one
// of each purpose.
type Challenge struct {
	Space      string
	Session    string // Token.Name
	Purpose    string
	Hash       string // hex SHA-256 of the challenge
	ExpireTime time.Time
}

// What challenges are for.
const (
	ChallengeRegister = "register"      // a new passkey
	ChallengeFirst    = "registerFirst" // the first one of a member
	ChallengeManage   = "manage"        // to add or remove one, confirmed with one that is there
	ChallengeSignIn   = "signIn"        // the second factor
)

// Confirmation is a passkey's signature over a challenge (WebAuthn, 5.2.2), each part as base64url without padding.
type Confirmation struct {
	CredentialID      string `json:"credentialId" maxLength:"1000" doc:"Id of the passkey."`
	ClientDataJSON    string `json:"clientDataJSON" maxLength:"1000" doc:"What the browser says was signed; its challenge is the digest's 32 bytes."`
	AuthenticatorData string `json:"authenticatorData" maxLength:"1000" doc:"What the device says of itself."`
	Signature         string `json:"signature" maxLength:"1000" doc:"The device's signature over both."`
}

// Check refuses a confirmation with a part that is missing, too long or no base64url.
func (c Confirmation) Check(field string) error {
	return firstError(checkBytes(field+".credentialId", c.CredentialID), checkBytes(field+".clientDataJSON", c.ClientDataJSON),
		checkBytes(field+".authenticatorData", c.AuthenticatorData), checkBytes(field+".signature", c.Signature))
}

// checkBytes refuses what is not the base64url of some bytes, in its one spelling: each part is kept as a label.
func checkBytes(field, s string) error {
	if len(s) > MaxLabelValue {
		return FieldError(field, "is %d characters long, at most %d are allowed", len(s), MaxLabelValue)
	}
	if raw, err := base64.RawURLEncoding.Strict().DecodeString(s); err != nil || len(raw) == 0 || strings.ContainsAny(s, "\r\n") {
		return FieldError(field, "must be base64url without padding (RFC 4648, section 5)")
	}
	return nil
}

// Signed is what a checked confirmation says.
type Signed struct {
	Counter int64
	// Use is the same for the same signature, however it is written: one that was used before is known by it.
	Use string
}

// Authenticators checks what passkeys answer (internal/identity). It knows the server's address, to which they are bound.
type Authenticators interface {
	// Origin answers the address of the server's pages.
	Origin() string
	// Check answers what the confirmation says if the passkey has signed the challenge on a page of this server, after it
	// had made sure of its owner; Forbidden otherwise.
	Check(k Passkey, challenge []byte, c Confirmation) (Signed, error)
}

// PasskeyRules say of whom a passkey is demanded.
type PasskeyRules struct {
	// Roles are those whose members get in with a passkey only.
	Roles []Role
	// AfterOIDC asks members with passkeys for one after they have signed in with a provider, too.
	AfterOIDC bool
}

// Challenge answers what a passkey signs to confirm an approval of the petition: the 32 bytes of its digest's SHA-256, and
// nothing else.
func (p Petition) Challenge() ([]byte, error) {
	text, ok := strings.CutPrefix(p.Digest, digestScheme)
	raw, err := hex.DecodeString(text)
	if !ok || err != nil || len(raw) != 32 {
		return nil, Errorf(Internal, "petition %s has no digest that can be confirmed", p.Ref())
	}
	return raw, nil
}
