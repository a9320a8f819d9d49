package webhook

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// The headers that a receiver verifies: those of the original product, and those of Standard Webhooks 1.0
// (https://github.com/standard-webhooks/standard-webhooks).
const (
	HeaderIndentTimestamp = "X-Indent-Timestamp"
	HeaderIndentSignature = "X-Indent-Signature"
	HeaderID              = "Webhook-Id"
	HeaderTimestamp       = "Webhook-Timestamp"
	HeaderSignature       = "Webhook-Signature"
)

// Prefixes of keys, as Standard Webhooks writes them.
const (
	secretPrefix = "whsec_"
	publicPrefix = "whpk_"
)

// Sign answers the headers that prove that a body is ours, in both ways at once. Standard Webhooks has one signature of each
// key, HMAC (v1) and ed25519 (v1a). The original way has room for one: while a secret is being rotated it is the older's,
// which every receiver has.
func Sign(id string, at time.Time, body []byte, keys []approval.WebhookKey) http.Header {
	h := http.Header{}
	if len(keys) == 0 {
		return h
	}
	stamp := at.UTC().Format(time.RFC3339)
	h.Set(HeaderIndentTimestamp, stamp)
	h.Set(HeaderIndentSignature, signOriginal(stamp, body, keys[len(keys)-1].Secret))

	seconds := strconv.FormatInt(at.Unix(), 10)
	signed := append([]byte(id+"."+seconds+"."), body...)
	var all []string
	for _, k := range keys {
		all = append(all, "v1,"+base64.StdEncoding.EncodeToString(mac(standardKey(k.Secret), signed)))
	}
	for _, k := range keys {
		if len(k.Seed) == ed25519.SeedSize {
			all = append(all, "v1a,"+base64.StdEncoding.EncodeToString(ed25519.Sign(ed25519.NewKeyFromSeed(k.Seed), signed)))
		}
	}
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, seconds)
	h.Set(HeaderSignature, strings.Join(all, " "))
	return h
}

// PublicKey answers what a receiver verifies v1a with, "" for a key that has none.
func PublicKey(k approval.WebhookKey) string {
	if len(k.Seed) != ed25519.SeedSize {
		return ""
	}
	public, _ := ed25519.NewKeyFromSeed(k.Seed).Public().(ed25519.PublicKey)
	return publicPrefix + base64.StdEncoding.EncodeToString(public)
}

// signOriginal signs as the original product did, with the secret as it is written.
func signOriginal(stamp string, body []byte, secret string) string {
	return hex.EncodeToString(mac([]byte(secret), append([]byte("v0:"+stamp+":"), body...)))
}

// standardKey answers what stands behind whsec_. A secret that is written otherwise is taken as it is.
func standardKey(secret string) []byte {
	if text, ok := strings.CutPrefix(secret, secretPrefix); ok {
		if key, err := base64.StdEncoding.DecodeString(text); err == nil {
			return key
		}
	}
	return []byte(secret)
}

func mac(key, text []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(text)
	return h.Sum(nil)
}
