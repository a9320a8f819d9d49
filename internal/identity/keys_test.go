package identity

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
)

func TestNodesThatStartAtOnceShareOneKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	empty := approvaltest.NewStore()
	ids := &approvaltest.IDs{}
	nodes := make([]*Identity, 16)
	var group sync.WaitGroup
	for n := range nodes {
		group.Go(func() {
			service := approval.NewService(approval.Deps{Store: empty, Clock: h.clock, IDs: ids, Broker: approvaltest.NewBroker()})
			i, err := New(t.Context(), service, Config{Issuer: func() string { return issuer }})
			if err != nil {
				t.Error(err)
			}
			nodes[n] = i
		})
	}
	group.Wait()
	keys, err := empty.SigningKeys(t.Context())
	if err != nil || len(keys) != 1 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	for _, i := range nodes {
		if got := i.keys.signing().id; got != keys[0].ID {
			t.Errorf("a node signs with %s, want %s", got, keys[0].ID)
		}
	}
	events, err := empty.Events(t.Context(), approval.EventQuery{Event: approval.EventSigningKeyCreate})
	if err != nil || len(events.Items) != 1 {
		t.Errorf("%d events, %v", len(events.Items), err)
	}
}

func TestANodeTrustsTheKeysOfOthers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	other := h.node(issuer)
	if a, b := h.keys.signing().id, other.keys.signing().id; a != b {
		t.Errorf("the second start signs with %s, the first with %s", b, a)
	}
	old := h.userToken(ada)
	h.clock.Advance(time.Second)
	_, err := other.keys.create(t.Context(), time.Time{})
	h.must(err)
	h.must(other.keys.load(t.Context()))
	made, err := other.CreateUserToken(t.Context(), h.actor(vic), "", nil)
	h.must(err)
	h.wants(h, made.Secret, vic) // it has not seen the key before
	h.wants(h, old.Secret, ada)
	h.wants(other, old.Secret, ada)
	if h.keys.signing().id != other.keys.signing().id || len(h.JWKS().Keys) != 2 {
		t.Errorf("the newest key does not sign everywhere: %v", h.JWKS())
	}
}

func TestMadeUpKeysCostOneReadingASecond(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ours := h.keys.signing()
	before := h.reads.Load()
	for range 50 {
		h.wants(h, forge(t, jose.ES256, "made up", ours.private, jwt.Claims{}, ""), "")
	}
	if n := h.reads.Load() - before; n != 1 {
		t.Errorf("%d readings, want 1", n)
	}
	h.clock.Advance(time.Second)
	h.wants(h, forge(t, jose.ES256, "made up", ours.private, jwt.Claims{}, ""), "")
	if n := h.reads.Load() - before; n != 2 {
		t.Errorf("%d readings after a second, want 2", n)
	}
}

// A stranger checks a user token with what /v1/auth/keys says and nothing else.
func TestThePublicKeysVerifyAndTellNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	made := h.userToken(ada)
	document, err := json.Marshal(h.JWKS())
	h.must(err)
	if strings.Contains(string(document), `"d"`) {
		t.Fatalf("the private part is in %s", document)
	}
	var set jose.JSONWebKeySet
	h.must(json.Unmarshal(document, &set))
	token, err := jwt.ParseSigned(made.Secret, []jose.SignatureAlgorithm{jose.ES256})
	h.must(err)
	keys := set.Key(token.Headers[0].KeyID)
	if len(keys) != 1 || keys[0].Algorithm != "ES256" || keys[0].Use != "sig" {
		t.Fatalf("got %s", document)
	}
	var claims jwt.Claims
	if err := token.Claims(keys[0], &claims); err != nil || claims.Subject != ada {
		t.Errorf("got %+v, %v", claims, err)
	}
}

func TestAKeyThatCannotBeReadStopsTheStart(t *testing.T) {
	t.Parallel()
	for name, pem := range map[string]string{
		"no PEM":      "hello",
		"no key":      "-----BEGIN PRIVATE KEY-----\naGVsbG8=\n-----END PRIVATE KEY-----\n",
		"another one": "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n", // Ed25519, RFC 8410, 10.3
	} {
		s := approvaltest.NewStore()
		service := approval.NewService(approval.Deps{Store: s, Clock: approvaltest.NewClock(), IDs: &approvaltest.IDs{}, Broker: approvaltest.NewBroker()})
		if err := service.SaveSigningKey(t.Context(), approval.SigningKey{ID: "bad", PrivatePEM: pem}); err != nil {
			t.Fatal(err)
		}
		_, err := New(t.Context(), service, Config{})
		if approval.CodeOf(err) != approval.Internal || !strings.Contains(err.Error(), "signing key bad") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
