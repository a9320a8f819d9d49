package indent

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// WebhookTolerance is how far the time of a call to a webhook may be from the receiver's, either way.
const WebhookTolerance = 5 * time.Minute

// maxSignatures is how many a call may have: each is tried with each secret, over the whole body. The server makes four at most.
const maxSignatures = 16

// ErrWebhookSignature is what [WebhookVerifier.Verify] answers for a call that is not the server's, or too old: errors.Is tells.
// The error says which of its parts is wrong, and never what would be right.
var ErrWebhookSignature = errors.New("indent: the call's signature does not hold")

// WebhookVerifier tells calls of the server from those of others, by their signature of Standard Webhooks (webhook-id,
// webhook-timestamp, webhook-signature). With neither a secret nor a key it takes nothing.
type WebhookVerifier struct {
	// Secrets are those of the webhook, as the server showed them: one, or two while a secret is being rotated.
	Secrets []string
	// PublicKeys are the webhook's ("whpk_…"), for receivers that are not to be able to sign.
	PublicKeys []string
	// AcceptOriginal takes the original product's signature (X-Indent-Timestamp, X-Indent-Signature), too, where a call has only
	// that. It covers no webhook-id: whoever has seen a call can take the headers of Standard Webhooks off and send it again within
	// [WebhookTolerance] as one that was never seen. It is for calls that come by something which drops the other headers.
	AcceptOriginal bool
	// Now answers the time; nil: the machine's.
	Now func() time.Time
}

// Verify answers nil for a call that one of the secrets or keys has signed, at most [WebhookTolerance] ago, with exactly this
// body; else an error that is [ErrWebhookSignature]. Comparisons take the same time whatever is wrong. A call can be sent again
// within the tolerance: what must not happen twice looks at webhook-id, which is the same each time.
func (v WebhookVerifier) Verify(h http.Header, body []byte) error {
	now := time.Now
	if v.Now != nil {
		now = v.Now
	}
	if v.AcceptOriginal && h.Get("Webhook-Signature") == "" && h.Get("Webhook-Id") == "" {
		return v.verifyOriginal(h, body, now())
	}
	return v.verifyStandard(h, body, now())
}

func (v WebhookVerifier) verifyStandard(h http.Header, body []byte, now time.Time) error {
	id, stamp := h.Get("Webhook-Id"), h.Get("Webhook-Timestamp")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	switch {
	case id == "" && h.Get("X-Indent-Signature") != "":
		return unsigned("webhook-id is missing, and X-Indent-Signature alone is not taken (AcceptOriginal)")
	case id == "":
		return unsigned("webhook-id is missing")
	case err != nil:
		return unsigned("webhook-timestamp is not Unix seconds")
	case !inTime(time.Unix(seconds, 0), now):
		return unsigned("webhook-timestamp is more than 5 minutes from now")
	}
	signatures := strings.Fields(h.Get("Webhook-Signature"))
	if len(signatures) > maxSignatures {
		return unsigned(fmt.Sprintf("webhook-signature has more than %d signatures", maxSignatures))
	}
	signed := append([]byte(id+"."+stamp+"."), body...)
	for _, signature := range signatures {
		version, text, _ := strings.Cut(signature, ",")
		sent, err := base64.StdEncoding.DecodeString(text)
		if err == nil && (version == "v1" && v.signedByUs(sent, signed, standardKey) || version == "v1a" && v.signedByKey(sent, signed)) {
			return nil
		}
	}
	return unsigned("none of the signatures in webhook-signature is made with a secret or key of this webhook")
}

func (v WebhookVerifier) verifyOriginal(h http.Header, body []byte, now time.Time) error {
	stamp := h.Get("X-Indent-Timestamp")
	at, err := time.Parse(time.RFC3339, stamp)
	switch {
	case stamp == "":
		return unsigned("it is not signed at all: there is neither webhook-signature nor X-Indent-Signature")
	case err != nil:
		return unsigned("X-Indent-Timestamp is not a time of RFC 3339")
	case !inTime(at, now):
		return unsigned("X-Indent-Timestamp is more than 5 minutes from now")
	}
	sent, err := hex.DecodeString(h.Get("X-Indent-Signature"))
	if err != nil || !v.signedByUs(sent, append([]byte("v0:"+stamp+":"), body...), func(secret string) []byte { return []byte(secret) }) {
		return unsigned("X-Indent-Signature is not made with a secret of this webhook")
	}
	return nil
}

// signedByUs answers whether one of the secrets has made the HMAC. All are tried, so that the time does not tell which.
func (v WebhookVerifier) signedByUs(sent, signed []byte, keyOf func(string) []byte) (found bool) {
	for _, secret := range v.Secrets {
		if strings.TrimPrefix(secret, "whsec_") == "" {
			continue // anybody could sign with it
		}
		mac := hmac.New(sha256.New, keyOf(secret))
		mac.Write(signed)
		found = hmac.Equal(mac.Sum(nil), sent) || found
	}
	return found
}

func (v WebhookVerifier) signedByKey(sent, signed []byte) bool {
	for _, text := range v.PublicKeys {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "whpk_"))
		if err == nil && len(key) == ed25519.PublicKeySize && ed25519.Verify(key, signed, sent) {
			return true
		}
	}
	return false
}

// standardKey answers what stands behind whsec_; a secret that is written otherwise is taken as it is.
func standardKey(secret string) []byte {
	if text, ok := strings.CutPrefix(secret, "whsec_"); ok {
		if key, err := base64.StdEncoding.DecodeString(text); err == nil {
			return key
		}
	}
	return bytes.Clone([]byte(secret))
}

func inTime(at, now time.Time) bool {
	apart := now.Truncate(time.Second).Sub(at)
	return -WebhookTolerance <= apart && apart <= WebhookTolerance
}

func unsigned(why string) error { return &webhookError{why} }

type webhookError struct{ why string }

func (e *webhookError) Error() string        { return ErrWebhookSignature.Error() + ": " + e.why }
func (e *webhookError) Is(target error) bool { return target == ErrWebhookSignature }
