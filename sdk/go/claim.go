package indent

import (
	"context"
	"iter"
	"time"
)

// ClaimOptions are what a decision may say; the zero value is a decision without a word.
type ClaimOptions struct {
	Reason string // for the petitioner and the log; at most 4,000 characters
	// At most one of the next three, of an approval, says how long the grant lasts; without them it lasts as long as was
	// asked, else as policy says.
	Duration   time.Duration
	Expires    time.Time
	Indefinite bool
	// IdempotencyKey makes a claim that is sent again the same claim; 1 to 200 visible ASCII characters, made when absent.
	IdempotencyKey string
}

// Approve agrees to exactly the petition that p shows: its digest goes with the claim, and the server refuses with
// [ErrConflict] when its petition has another. It answers the claim. Who has no part in the petition's review is
// refused with [ErrForbidden]; a petition that was decided before with [ErrConflict], saying who decided what and when.
// The petition is granted when its requirements are met, which may take more than one approval: [Client.Petition] tells.
func (c *Client) Approve(ctx context.Context, p *Petition, o ClaimOptions) (Event, error) {
	return c.decide(ctx, p, EventApprove, o)
}

// Deny refuses the petition, or withdraws it when the caller is who asked. It answers the claim, with errors as [Client.Approve].
func (c *Client) Deny(ctx context.Context, p *Petition, o ClaimOptions) (Event, error) {
	return c.decide(ctx, p, EventDeny, o)
}

// Revoke takes a grant away before its time. It answers the claim; a petition that is not granted is [ErrConflict].
func (c *Client) Revoke(ctx context.Context, p *Petition, o ClaimOptions) (Event, error) {
	return c.decide(ctx, p, EventRevoke, o)
}

func (c *Client) decide(ctx context.Context, p *Petition, event string, o ClaimOptions) (Event, error) {
	labels := map[string]string{}
	if p.Digest != "" {
		labels[LabelDigest] = p.Digest
	}
	if o.Duration != 0 {
		labels[LabelDuration] = o.Duration.String()
	}
	if !o.Expires.IsZero() {
		labels[LabelExpires] = instant(o.Expires)
	}
	if o.Indefinite {
		labels[LabelIndefinite] = "true"
	}
	return c.CreateClaim(ctx, p.Name, NewClaim{Event: event, Reason: o.Reason, Labels: labels, IdempotencyKey: o.IdempotencyKey})
}

// NewClaim is a claim as it is sent. [Client.Approve], [Client.Deny] and [Client.Revoke] make it from a petition.
type NewClaim struct {
	Event  string // access/approve, access/deny or access/revoke
	Reason string
	// Labels may say a term (indent.com/time/…) and the digest of what was shown (indent.com/petition/digest).
	Labels         map[string]string
	IdempotencyKey string // made when absent
	// Confirmation is a passkey's signature, for an approval whose requirement says confirm: passkey.
	Confirmation *Confirmation
}

// Confirmation is what a passkey has signed (WebAuthn), each part as base64url without padding. The challenge is the 32
// bytes of the petition's digest.
type Confirmation struct {
	CredentialID      string `json:"credentialId"`
	ClientDataJSON    string `json:"clientDataJSON"`
	AuthenticatorData string `json:"authenticatorData"`
	Signature         string `json:"signature"`
}

// ConfirmationOf answers what confirms a claim and the public key (COSE, base64url) of the passkey that has signed it; ok is
// false when no passkey has. The server has checked it; `indent claim verify` checks it once more, without a server.
func ConfirmationOf(claim Event) (c Confirmation, publicKey string, ok bool) {
	part := func(name string) string { return claim.Meta.Labels["indent.com/claim/passkey/"+name] }
	c = Confirmation{CredentialID: part("credential"), ClientDataJSON: part("clientData"), AuthenticatorData: part("authenticatorData"), Signature: part("signature")}
	publicKey = part("publicKey")
	return c, publicKey, c.CredentialID != "" && c.ClientDataJSON != "" && c.AuthenticatorData != "" && c.Signature != "" && publicKey != ""
}

// CreateClaim makes a claim on the petition of that name.
func (c *Client) CreateClaim(ctx context.Context, petition string, n NewClaim) (Event, error) {
	path, err := c.claimsPath(petition)
	if err != nil {
		return Event{}, err
	}
	key, err := checkKey(n.IdempotencyKey)
	if err != nil {
		return Event{}, err
	}
	var body struct {
		Claim struct {
			Event  string `json:"event"`
			Reason string `json:"reason,omitempty"`
			Meta   Meta   `json:"meta,omitzero"`

			Confirmation *Confirmation `json:"confirmation,omitempty"`
		} `json:"claim"`
	}
	body.Claim.Event, body.Claim.Reason, body.Claim.Meta.Labels = n.Event, n.Reason, n.Labels
	body.Claim.Confirmation = n.Confirmation
	return answered[Event](ctx, c, call{method: "POST", path: path, body: body, key: key, repeatable: true})
}

// Claims lists the claims of a petition, oldest first.
func (c *Client) Claims(ctx context.Context, petition string) iter.Seq2[Event, error] {
	path, err := c.claimsPath(petition)
	if err != nil {
		return failed[Event](err)
	}
	return listed[Event](ctx, c, path, "claims", nil)
}

// Claim answers one claim of a petition by its id, or [ErrNotFound].
func (c *Client) Claim(ctx context.Context, petition, id string) (Event, error) {
	path, err := c.claimsPath(petition)
	if err != nil {
		return Event{}, err
	}
	if id, err = segment("claim", id); err != nil {
		return Event{}, err
	}
	return answered[Event](ctx, c, call{method: "GET", path: path + "/" + id, repeatable: true})
}

func (c *Client) claimsPath(petition string) (string, error) {
	path, err := c.petitionPath(petition)
	return path + "/claims", err
}

// failed is a list that cannot be asked for.
func failed[T any](err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		yield(none, err)
	}
}

// checkKey answers the idempotency key to send: it travels in a header.
func checkKey(key string) (string, error) {
	if key == "" {
		return newKey(), nil
	}
	if !isVisible(key, 200) {
		return "", invalid("Idempotency-Key", "must be 1 to 200 visible ASCII characters, such as a UUID")
	}
	return key, nil
}
