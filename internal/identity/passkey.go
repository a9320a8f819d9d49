package identity

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/indent-approvals/indent/internal/approval"
)

// Passkeys are what pages need to add, remove and ask for passkeys. What they answer for the browser is the JSON form of
// WebAuthn's options (Level 3, 5.1.9 and 5.1.10); what they take from it is what the browser's answer says.
type Passkeys struct {
	*Identity
	Authenticators
}

// Passkeys answers the room's side of passkeys.
func (i *Identity) Passkeys() Passkeys { return Passkeys{i, Authenticators{i.Issuer}} }

// challengeLength is of characters of 0-9A-Za-z: 256 bits.
const challengeLength = 43

// newChallenge answers a challenge as the browser will sign it, and the hash by which it is kept.
func (p Passkeys) newChallenge() (text, hashed string) {
	text = base64.RawURLEncoding.EncodeToString([]byte(p.ids.Secret(challengeLength)))
	return text, hash(text)
}

// List answers the actor's own passkeys, oldest first.
func (p Passkeys) List(ctx context.Context, a approval.Actor) ([]approval.Passkey, error) {
	return p.service.OwnPasskeys(ctx, a)
}

// Ask answers what the browser is asked to confirm a change of the actor's passkeys with.
func (p Passkeys) Ask(ctx context.Context, a approval.Actor) ([]byte, error) {
	return p.ask(ctx, a, approval.ChallengeManage)
}

func (p Passkeys) ask(ctx context.Context, a approval.Actor, purpose string) ([]byte, error) {
	if err := p.Usable(); err != nil {
		return nil, err
	}
	own, err := p.store.Passkeys(ctx, a.Space, a.ID)
	if err != nil {
		return nil, err
	}
	if len(own) == 0 {
		return nil, approval.Errorf(approval.Conflict, "you have no passkey in %s", a.Space)
	}
	challenge, hashed := p.newChallenge()
	if err := p.service.AskPasskey(ctx, a, purpose, hashed); err != nil {
		return nil, err
	}
	return p.request(challenge, own)
}

// Confirming answers what the browser is asked to confirm the approval of a petition with; nil when the actor has no
// passkey. Nothing is kept: the challenge is the petition's digest.
func (p Passkeys) Confirming(ctx context.Context, a approval.Actor, of approval.Petition) ([]byte, error) {
	own, err := p.store.Passkeys(ctx, a.Space, a.ID)
	if err != nil || len(own) == 0 {
		return nil, err
	}
	challenge, err := of.Challenge()
	if err != nil {
		return nil, err
	}
	return p.request(base64.RawURLEncoding.EncodeToString(challenge), own)
}

// timeout is how long a browser waits for its device, in milliseconds.
const timeout = int(approval.ChallengeTTL / time.Millisecond)

type descriptor struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

func descriptors(list []approval.Passkey) []descriptor {
	out := make([]descriptor, len(list))
	for i, k := range list {
		out[i] = descriptor{"public-key", k.ID}
	}
	return out
}

// request answers options to sign a challenge with one of the passkeys.
func (p Passkeys) request(challenge string, list []approval.Passkey) ([]byte, error) {
	return written(map[string]any{"ceremony": "get", "publicKey": map[string]any{
		"challenge": challenge, "rpId": p.rpID(), "allowCredentials": descriptors(list),
		"userVerification": protocol.VerificationRequired, "timeout": timeout}})
}

func written(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, approval.Wrap(approval.Internal, err, "the browser cannot be asked for a passkey")
	}
	return text, nil
}

// Begin answers what the browser is asked to make a new passkey with. Who has one already sends what it has signed for
// [Passkeys.Ask].
func (p Passkeys) Begin(ctx context.Context, a approval.Actor, confirmation []byte) ([]byte, error) {
	if err := p.Usable(); err != nil {
		return nil, err
	}
	var w *approval.Answer
	if len(confirmation) > 0 {
		read, err := answer(confirmation)
		if err != nil {
			return nil, err
		}
		w = &read
	}
	challenge, hashed := p.newChallenge()
	own, err := p.service.BeginPasskey(ctx, a, w, hashed)
	if err != nil {
		return nil, err
	}
	handle := userHandle(challenge)
	if len(own) > 0 {
		handle = own[0].UserHandle
	}
	return written(map[string]any{"ceremony": "create", "publicKey": map[string]any{
		"challenge": challenge, "rp": map[string]any{"id": p.rpID(), "name": "Indent"},
		"user":             map[string]any{"id": handle, "name": a.ID + " (" + a.Space + ")", "displayName": a.ID},
		"pubKeyCredParams": passkeyAlgorithms, "attestation": protocol.PreferNoAttestation, "timeout": timeout,
		"authenticatorSelection": map[string]any{"residentKey": protocol.ResidentKeyRequirementPreferred, "userVerification": protocol.VerificationRequired},
		"excludeCredentials":     descriptors(own)}})
}

// userHandle answers what devices call a member whose first passkey is made for the challenge: random, and nobody's name
// (WebAuthn, 14.6.1).
func userHandle(challenge string) string {
	sum := sha256.Sum256([]byte("user handle " + challenge))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// maxAnswer bounds what a browser sends of a new passkey.
const maxAnswer = 16 << 10

// Add keeps the passkey that the browser has made for [Passkeys.Begin].
func (p Passkeys) Add(ctx context.Context, a approval.Actor, name string, response []byte) error {
	k, hashed, err := p.made(ctx, a, name, response)
	if err != nil {
		return err
	}
	_, err = p.service.AddPasskey(ctx, a, k, hashed)
	return err
}

// made reads what the browser answers to a registration.
func (p Passkeys) made(ctx context.Context, a approval.Actor, name string, response []byte) (k approval.Passkey, hashed string, err error) {
	if len(response) > maxAnswer {
		return k, "", approval.FieldError("passkey", "is larger than %d bytes", maxAnswer)
	}
	k, challenge, err := p.registered(response)
	if err != nil {
		return k, "", err
	}
	own, err := p.store.Passkeys(ctx, a.Space, a.ID)
	if err != nil {
		return k, "", err
	}
	k.Name, k.UserHandle = name, userHandle(challenge)
	if len(own) > 0 {
		k.UserHandle = own[0].UserHandle
	}
	return k, hash(challenge), nil
}

// Remove takes one of the actor's passkeys away; the browser has signed [Passkeys.Ask].
func (p Passkeys) Remove(ctx context.Context, a approval.Actor, id string, confirmation []byte) error {
	w, err := answer(confirmation)
	if err != nil {
		return err
	}
	defer p.Forget()
	return p.service.RemovePasskey(ctx, a, id, w)
}

// ReadConfirmation reads what the browser has signed.
func ReadConfirmation(text []byte) (c approval.Confirmation, err error) {
	if len(text) > maxAnswer || json.Unmarshal(text, &c) != nil {
		return c, approval.FieldError("passkey", "is not what a passkey answers: do it again on the page")
	}
	return c, c.Check("passkey")
}

func answer(text []byte) (approval.Answer, error) {
	c, err := ReadConfirmation(text)
	if err != nil {
		return approval.Answer{}, err
	}
	challenge := challengeText(c)
	raw, err := base64.RawURLEncoding.DecodeString(challenge)
	if err != nil || challenge == "" {
		return approval.Answer{}, approval.FieldError("passkey", "does not say what was signed: do it again on the page")
	}
	return approval.Answer{Confirmation: c, Challenge: raw, Hash: hash(challenge)}, nil
}

// Half is who has signed in as far as the passkey.
type Half struct {
	approval.Actor
	// New says that the member has no passkey yet and that the role needs one: it is made now.
	New bool
}

// Half answers whose sign-in waits for a passkey, Unauthenticated when nobody's does.
func (p Passkeys) Half(ctx context.Context, secret string) (Half, error) {
	if len(secret) != sessionLength {
		return Half{}, notSignedIn()
	}
	t, err := p.stored(ctx, approval.TokenHalf, secret)
	if approval.CodeOf(err) == approval.Unauthenticated {
		t, err = p.stored(ctx, approval.TokenSession, secret)
	}
	if err != nil {
		return Half{}, nobodys(err)
	}
	if !t.Usable(p.clock.Now()) {
		return Half{}, notSignedIn()
	}
	a, err := p.holder(ctx, t)
	if err != nil {
		return Half{}, nobodys(err)
	}
	kept, err := p.store.Session(ctx, t.Space, t.Name)
	if approval.CodeOf(err) == approval.NotFound || err == nil && (kept.Idle(p.clock.Now(), p.SessionIdle) || p.service.Complete(a, t) == nil) {
		err = notSignedIn()
	}
	if err != nil {
		return Half{}, err
	}
	own, err := p.store.Passkeys(ctx, a.Space, a.ID)
	return Half{a, len(own) == 0}, err
}

// AskHalf answers what the browser is asked for to finish the sign-in.
func (p Passkeys) AskHalf(ctx context.Context, secret string) ([]byte, error) {
	h, err := p.Half(ctx, secret)
	if err != nil {
		return nil, err
	}
	if h.New {
		return p.Begin(ctx, h.Actor, nil)
	}
	return p.ask(ctx, h.Actor, approval.ChallengeSignIn)
}

// Finish ends the half sign-in and answers a whole session's secret and its end. name is that of a new passkey.
func (p Passkeys) Finish(ctx context.Context, secret, name string, response []byte) (whole string, end time.Time, err error) {
	h, err := p.Half(ctx, secret)
	if err != nil {
		return "", end, err
	}
	defer p.Forget()
	whole, session := p.Sessions().newSession()
	end = session.ExpireTime
	if h.New {
		k, hashed, err := p.made(ctx, h.Actor, name, response)
		if err != nil {
			return "", end, err
		}
		return whole, end, p.service.FinishWithNewPasskey(ctx, h.Actor, session, k, hashed)
	}
	w, err := answer(response)
	if err != nil {
		return "", end, err
	}
	return whole, end, p.service.FinishSignIn(ctx, h.Actor, session, w)
}
