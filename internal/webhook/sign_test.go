package webhook

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// vectors are what is signed; the receivers' tests read the same file.
type vectors struct {
	Original []struct{ Secret, Timestamp, Body, Signature string }
	Standard []struct {
		Secret, Seed, PublicKey, ID, Body, Signature string
		Timestamp                                    int64
	}
}

func readVectors(t *testing.T) (v vectors) {
	t.Helper()
	text, err := os.ReadFile("../../spec/webhook/vectors.json")
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(v.Original) == 0 || len(v.Standard) < 2 {
		t.Fatal("the vectors are missing")
	}
	return v
}

func TestWhatIsSignedIsWhatWasPublished(t *testing.T) {
	t.Parallel()
	all := readVectors(t)
	for _, v := range all.Original {
		at, err := time.Parse(time.RFC3339, v.Timestamp)
		if err != nil {
			t.Fatal(err)
		}
		h := Sign("msg_1", at, []byte(v.Body), []approval.WebhookKey{{Secret: v.Secret}})
		if h.Get("X-Indent-Timestamp") != v.Timestamp || h.Get("X-Indent-Signature") != v.Signature {
			t.Errorf("signed %v, want %+v", h, v)
		}
	}
	for _, v := range all.Standard {
		k := approval.WebhookKey{Secret: v.Secret}
		if v.Seed != "" {
			k.Seed, _ = base64.StdEncoding.DecodeString(v.Seed)
		}
		h := Sign(v.ID, time.Unix(v.Timestamp, 0), []byte(v.Body), []approval.WebhookKey{k})
		signatures := strings.Fields(h.Get("webhook-signature"))
		if h.Get("webhook-id") != v.ID || h.Get("webhook-timestamp") != "1614265330" || signatures[len(signatures)-1] != v.Signature {
			t.Errorf("signed %v, want %+v", h, v)
		}
		if PublicKey(k) != v.PublicKey {
			t.Errorf("the public key is %q, want %q", PublicKey(k), v.PublicKey)
		}
	}
}

// While a secret is being rotated, who has either can verify: Standard Webhooks has a signature of each, the original way
// that of the older, which every receiver has.
func TestTwoSecretsSignDuringARotation(t *testing.T) {
	t.Parallel()
	now, body := time.Unix(1614265330, 0), []byte(`{"info":true}`)
	fresh, old := approval.WebhookKey{Secret: "whsec_bmV3IHNlY3JldCBvZiAyNCBieXRlcy4uLi4="}, approval.WebhookKey{Secret: "old"}
	both := Sign("id", now, body, []approval.WebhookKey{fresh, old})
	one, other := Sign("id", now, body, []approval.WebhookKey{fresh}), Sign("id", now, body, []approval.WebhookKey{old})
	if got, want := both.Get(HeaderSignature), one.Get(HeaderSignature)+" "+other.Get(HeaderSignature); got != want {
		t.Errorf("signed %q, want %q", got, want)
	}
	if both.Get(HeaderIndentSignature) != other.Get(HeaderIndentSignature) || one.Get(HeaderIndentSignature) == other.Get(HeaderIndentSignature) {
		t.Errorf("the original way: %v", both)
	}
	if h := Sign("id", now, body, nil); len(h) != 0 {
		t.Errorf("signed with nothing: %v", h)
	}
}

func TestASecretThatIsNoBase64IsTakenAsItIs(t *testing.T) {
	t.Parallel()
	signed := func(secret string) string {
		return Sign("id", time.Unix(1, 0), nil, []approval.WebhookKey{{Secret: secret}}).Get(HeaderSignature)
	}
	if signed("whsec_YWJj") != signed("abc") || signed("whsec_!") == signed("!") {
		t.Error("the key is not what stands behind whsec_")
	}
	if h := (http.Header{"Webhook-Signature": {signed("abc")}}); strings.Contains(h.Get("webhook-signature"), "v1a") {
		t.Error("signed with a key that is not there")
	}
}
