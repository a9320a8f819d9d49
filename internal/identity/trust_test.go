package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/webhook"
)

// outside is an issuer elsewhere, which can misbehave.
type outside struct {
	*httptest.Server
	house     *house
	key       *ecdsa.PrivateKey
	asked     atomic.Int64
	discovery func(w http.ResponseWriter, r *http.Request) // nil: as it should be
	keys      func(w http.ResponseWriter, r *http.Request)
}

func newOutside(h *house) *outside {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	h.must(err)
	o := &outside{house: h, key: key}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		o.asked.Add(1)
		if o.discovery != nil {
			o.discovery(w, r)
			return
		}
		o.say(w, map[string]string{"issuer": o.URL, "jwks_uri": o.URL + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, r *http.Request) {
		if o.keys != nil {
			o.keys(w, r)
			return
		}
		o.say(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &o.key.PublicKey, KeyID: "k1", Algorithm: "ES256", Use: "sig"}}})
	})
	o.Server = httptest.NewServer(mux)
	h.Cleanup(o.Close)
	return o
}

func (o *outside) say(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

const audience = "https://indent.example"

// claims are those of a good token; edit changes them, and a nil value takes one away.
func (o *outside) claims(edit map[string]any) map[string]any {
	now := o.house.clock.Now().Unix()
	c := map[string]any{"iss": o.URL, "aud": audience, "sub": "repo:acme/app:ref:refs/heads/main", "repository": "acme/app", "iat": now, "exp": now + 300, "jti": "j1"}
	for name, value := range edit {
		c[name] = value
		if value == nil {
			delete(c, name)
		}
	}
	return c
}

func (o *outside) token(edit map[string]any) string {
	return o.sign(jose.ES256, "k1", o.key, o.claims(edit))
}

func (o *outside) sign(algorithm jose.SignatureAlgorithm, kid string, key any, claims map[string]any) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, nil)
	o.house.must(err)
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	o.house.must(err)
	return text
}

func (o *outside) trust(claims map[string]string, scopes ...approval.Permission) approval.Trust {
	o.house.Helper()
	t, err := o.house.service.CreateTrust(o.house.Context(), o.house.actor(ada), approval.Trust{Account: bot, Issuer: o.URL, Audience: audience, Claims: claims, Scopes: scopes})
	o.house.must(err)
	return t
}

// loopbackHouse lets issuers be on this machine.
func loopbackHouse(t testing.TB) *house {
	h := newHouse(t)
	i, err := New(t.Context(), h.service, Config{Issuer: func() string { return issuer }, TokenTTL: time.Hour, SessionTTL: time.Hour, Loopback: true,
		Outside: webhook.NewGuard(nil, true).Client(issuerTimeout)})
	h.must(err)
	h.Identity = i
	return h
}

func TestAProgramElsewhereNeedsNoSecret(t *testing.T) {
	t.Parallel()
	h := loopbackHouse(t)
	o := newOutside(h)
	trust := o.trust(map[string]string{"sub": "repo:acme/app:*", "repository": "acme/app"}, approval.ReadPetitions)
	made, err := h.ExchangeOutside(t.Context(), "acmecorp", bot, o.token(nil))
	h.must(err)
	a, err := h.Authenticate(t.Context(), made.Secret)
	if err != nil || a.ID != bot || a.Person != ada || len(a.Scopes) != 1 || !made.Token.ExpireTime.Equal(h.clock.Now().Add(5*time.Minute)) {
		t.Errorf("%+v ends %v, %v", a, made.Token.ExpireTime, err)
	}
	long, err := h.ExchangeOutside(t.Context(), "acmecorp", bot, o.token(map[string]any{"exp": h.clock.Now().Add(100 * time.Hour).Unix()}))
	if err != nil || !long.Token.ExpireTime.Equal(h.clock.Now().Add(time.Hour)) {
		t.Errorf("it ends %v, %v: want after the token_ttl", long.Token.ExpireTime, err)
	}
	if n := o.asked.Load(); n != 1 {
		t.Errorf("the issuer was asked %d times", n)
	}
	events, err := h.store.Events(t.Context(), approval.EventQuery{Space: "acmecorp", Event: approval.EventTokenExchange})
	if err != nil || len(events.Items) != 2 || events.Items[0].Label(approval.LabelTrustIssuer) != o.URL || events.Items[0].Label(approval.LabelTrustToken) != "j1" ||
		events.Items[0].Label(approval.LabelTrustSubject) != "repo:acme/app:ref:refs/heads/main" {
		t.Errorf("%+v, %v", events.Items, err)
	}
	// The tokens end with the trust, here at once and elsewhere within a second.
	h.must(h.service.DeleteTrust(t.Context(), h.actor(ada), bot, trust.Name))
	h.wants(h, made.Secret, "")
	h.wants(h, long.Secret, "")
	if _, err := h.ExchangeOutside(t.Context(), "acmecorp", bot, o.token(nil)); approval.CodeOf(err) != approval.Unauthenticated {
		t.Errorf("after the trust has ended: %v", err)
	}
}

func TestWhatATrustDoesNotNameIsRefused(t *testing.T) {
	t.Parallel()
	h := loopbackHouse(t)
	o := newOutside(h)
	o.trust(map[string]string{"sub": "repo:acme/app:*", "repository": "acme/app"})
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	h.must(err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	h.must(err)
	now := h.clock.Now()
	for name, text := range map[string]string{
		"another repository":              o.token(map[string]any{"repository": "acme/app2"}),
		"a repository in another case":    o.token(map[string]any{"repository": "Acme/App"}),
		"a subject that only begins so":   o.token(map[string]any{"sub": "repo:acme/app-evil:x"}),
		"the beginning alone":             o.token(map[string]any{"sub": "repo:acme/app:"}),
		"no subject":                      o.token(map[string]any{"sub": nil}),
		"a subject that is a list":        o.token(map[string]any{"repository": []string{"acme/app"}}),
		"another audience":                o.token(map[string]any{"aud": "https://other.example"}),
		"several audiences":               o.token(map[string]any{"aud": []string{audience, "https://other.example"}}),
		"no audience":                     o.token(map[string]any{"aud": nil}),
		"another issuer":                  o.token(map[string]any{"iss": "https://evil.example"}),
		"an issuer with a slash":          o.token(map[string]any{"iss": o.URL + "/"}),
		"expired":                         o.token(map[string]any{"exp": now.Unix()}),
		"without an end":                  o.token(map[string]any{"exp": nil}),
		"not yet valid":                   o.token(map[string]any{"nbf": now.Add(2 * time.Minute).Unix()}),
		"made in the future":              o.token(map[string]any{"iat": now.Add(2 * time.Minute).Unix()}),
		"another key of the same name":    o.sign(jose.ES256, "k1", stranger, o.claims(nil)),
		"a key that is not in the list":   o.sign(jose.ES256, "k9", stranger, o.claims(nil)),
		"another algorithm":               o.sign(jose.RS256, "k1", rsaKey, o.claims(nil)),
		"with a changed claim":            swapPayload(o.token(map[string]any{"repository": "x"}), o.token(nil)),
		"signed by this server's own key": forge(t, jose.ES256, h.keys.signing().id, h.keys.signing().private, jwt.Claims{Issuer: o.URL}, "acmecorp"),
	} {
		if made, err := h.ExchangeOutside(t.Context(), "acmecorp", bot, text); approval.CodeOf(err) != approval.Unauthenticated || made.Secret != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A shared secret and no signature are not looked at at all.
	for name, text := range map[string]string{"a shared secret": o.sign(jose.HS256, "k1", []byte(strings.Repeat("k", 32)), o.claims(nil)), "none": unsigned(t, "k1"),
		"words": "hello", "nothing": "", "too much": strings.Repeat("a", approval.MaxOutsideBytes+1)} {
		if _, err := h.ExchangeOutside(t.Context(), "acmecorp", bot, text); approval.CodeOf(err) != approval.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	// An account that does not exist, one of another space, one that trusts nobody: the same words.
	_, want := h.ExchangeOutside(t.Context(), "acmecorp", "nobody", o.token(nil))
	for _, at := range [][2]string{{"othercorp", bot}, {"acmecorp", vic}, {"Not A Slug", bot}} {
		if _, err := h.ExchangeOutside(t.Context(), at[0], at[1], o.token(nil)); err == nil || err.Error() != want.Error() {
			t.Errorf("%v: %v", at, err)
		}
	}
	// What did not fit is in the log, once a minute.
	events, err := h.store.Events(t.Context(), approval.EventQuery{Space: "acmecorp", Event: approval.EventRefused})
	if err != nil || len(events.Items) != 1 || !strings.Contains(events.Items[0].Label(approval.LabelRefusedAction), o.URL) {
		t.Errorf("%+v, %v", events.Items, err)
	}
}

// swapPayload answers the first token with the claims of the second.
func swapPayload(signature, claims string) string {
	s, c := strings.Split(signature, "."), strings.Split(claims, ".")
	return s[0] + "." + c[1] + "." + s[2]
}

func TestWhoIsSuspendedIsNoWorkload(t *testing.T) {
	t.Parallel()
	for _, id := range []string{bot, ada} {
		h := loopbackHouse(t)
		o := newOutside(h)
		o.trust(map[string]string{"sub": "repo:acme/app:*"})
		h.suspend(id)
		if _, err := h.ExchangeOutside(t.Context(), "acmecorp", bot, o.token(nil)); approval.CodeOf(err) != approval.Unauthenticated {
			t.Errorf("%s suspended: %v", id, err)
		}
	}
}

// Who makes an account of a name that was deleted has nothing of the one before.
func TestADeletedAccountLeavesNothing(t *testing.T) {
	t.Parallel()
	h := loopbackHouse(t)
	o := newOutside(h)
	trust := o.trust(map[string]string{"sub": "repo:acme/app:*"})
	long := h.serviceToken()
	short, err := h.ExchangeOutside(t.Context(), "acmecorp", bot, o.token(nil))
	h.must(err)
	token, err := h.store.Token(t.Context(), "acmecorp", long.Token.Name)
	h.must(err)
	h.must(h.service.DeleteServiceAccount(t.Context(), h.actor(ada), bot))
	h.wants(h, long.Secret, "")
	h.wants(h, short.Secret, "")
	h.clock.Advance(time.Minute)
	_, err = h.service.CreateServiceAccount(t.Context(), h.actor(ada), approval.Member{ID: bot})
	h.must(err)
	// A token and a trust that were being made while the account was deleted.
	token.Name, token.Hash, token.RevokeTime = "late", hash(serviceToken(strings.Repeat("L", randomLength))), time.Time{}
	h.must(h.store.Commit(t.Context(), approval.Change{Space: "acmecorp", Writes: []approval.Write{approval.PutToken{Token: token}, approval.PutTrust{Trust: trust}},
		Events: []approval.Event{{Event: approval.EventTokenCreate}}}))
	h.wants(h, serviceToken(strings.Repeat("L", randomLength)), "")
	if _, err := h.ExchangeOutside(t.Context(), "acmecorp", bot, o.token(nil)); approval.CodeOf(err) != approval.Unauthenticated {
		t.Errorf("by the trust of another: %v", err)
	}
}

func TestAnIssuerThatMisbehavesIsNotBelieved(t *testing.T) {
	t.Parallel()
	answer := func(status int, body string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status); _, _ = w.Write([]byte(body)) }
	}
	for name, spoil := range map[string]func(o *outside){
		"it is away":          func(o *outside) { o.Close() },
		"it answers an error": func(o *outside) { o.discovery = answer(500, "") },
		"it answers no JSON":  func(o *outside) { o.discovery = answer(200, "<html>") },
		"it redirects": func(o *outside) {
			o.discovery = func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/keys", http.StatusFound) }
		},
		"it says that it is another one": func(o *outside) {
			o.discovery = answer(200, `{"issuer":"https://evil.example","jwks_uri":"`+o.URL+`/keys"}`)
		},
		"its keys are by another scheme": func(o *outside) { o.discovery = answer(200, `{"issuer":"`+o.URL+`","jwks_uri":"file:///etc/passwd"}`) },
		"its keys are inside": func(o *outside) {
			o.discovery = answer(200, `{"issuer":"`+o.URL+`","jwks_uri":"https://169.254.169.254/keys"}`)
		},
		"it never ends":        func(o *outside) { o.discovery = answer(200, strings.Repeat(" ", maxDiscovery+1)) },
		"its list never ends":  func(o *outside) { o.keys = answer(200, strings.Repeat(" ", maxKeySet+1)) },
		"it has too many keys": func(o *outside) { o.keys = answer(200, `{"keys":[`+strings.Repeat("{},", maxOutsideKeys)+`{}]}`) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := loopbackHouse(t)
			o := newOutside(h)
			o.trust(map[string]string{"sub": "repo:acme/app:*"})
			text := o.token(nil)
			spoil(o)
			for range 3 {
				_, err := h.ExchangeOutside(t.Context(), "acmecorp", bot, text)
				if approval.CodeOf(err) != approval.Unavailable || strings.Contains(err.Error(), "127.0.0.1") {
					t.Errorf("%v", err)
				}
			}
			if n := o.asked.Load(); n > 1 {
				t.Errorf("it was asked %d times within five seconds", n)
			}
		})
	}
	for name, set := range map[string]string{"its keys are of unknown kinds": `{"keys":[{"kty":"XX","kid":"k1"},7,null]}`, "it has none": `{"keys":[]}`} {
		h := loopbackHouse(t)
		o := newOutside(h)
		o.keys = answer(200, set)
		o.trust(map[string]string{"sub": "repo:acme/app:*"})
		if _, err := h.ExchangeOutside(t.Context(), "acmecorp", bot, o.token(nil)); approval.CodeOf(err) != approval.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeysOfAnIssuerAreKeptAndRenewed(t *testing.T) {
	t.Parallel()
	h := loopbackHouse(t)
	o := newOutside(h)
	o.trust(map[string]string{"sub": "repo:acme/app:*"})
	exchange := func() error {
		_, err := h.ExchangeOutside(t.Context(), "acmecorp", bot, o.token(nil))
		return err
	}
	h.must(exchange())
	// The issuer takes another key under another name: it is found once half a minute is over.
	next, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	h.must(err)
	o.keys = func(w http.ResponseWriter, _ *http.Request) {
		o.say(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &next.PublicKey, KeyID: "k2"}}})
	}
	other := func() error {
		_, err := h.ExchangeOutside(t.Context(), "acmecorp", bot, o.sign(jose.ES256, "k2", next, o.claims(nil)))
		return err
	}
	for range 20 {
		if approval.CodeOf(other()) != approval.Unauthenticated {
			t.Fatal("a key that is not known yet")
		}
	}
	if n := o.asked.Load(); n != 1 {
		t.Errorf("it was asked %d times for made-up keys", n)
	}
	h.clock.Advance(askForKeysEvery)
	h.must(other())
	if exchange() == nil {
		t.Error("the old key still verifies")
	}
	h.clock.Advance(keysKeptFor)
	h.must(other())
	if n := o.asked.Load(); n != 3 {
		t.Errorf("it was asked %d times, want 3", n)
	}
}

// I12: nobody is asked at an address inside, whatever name leads there, and only who is named by a trust is asked at all.
func TestIssuersCannotBeInside(t *testing.T) {
	t.Parallel()
	h := newHouse(t) // as in production
	o := newOutside(h)
	o.trust(map[string]string{"sub": "repo:acme/app:*"})
	if _, err := h.ExchangeOutside(t.Context(), "acmecorp", bot, o.token(nil)); approval.CodeOf(err) != approval.Unavailable || o.asked.Load() != 0 {
		t.Errorf("an issuer on this machine was asked: %v", err)
	}
	secure := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was reached") }))
	defer secure.Close()
	guarded := newIssuers(h.clock, webhook.NewGuard(nil, false).Client(issuerTimeout), false)
	for _, address := range []string{secure.URL, "https://localhost:1", "https://10.0.0.1", "https://169.254.169.254", "https://[::1]", "https://[fd00::1]", "https://100.64.0.1", "https://0.0.0.0"} {
		if err := guarded.read(t.Context(), address, 10, &struct{}{}); err == nil || !strings.Contains(err.Error(), "prohibited") {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{"http://example.com", "ftp://example.com", "https://user@example.com/", "file:///etc/passwd", ":", ""} {
		if err := guarded.read(t.Context(), address, 10, &struct{}{}); err == nil || !strings.Contains(err.Error(), "https address") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
