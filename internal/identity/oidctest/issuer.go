// Package oidctest is an OpenID Connect provider for tests. It checks what a real one checks (client, redirect URI, PKCE,
// that a code is used once) and refuses what a real one refuses; told to, it misbehaves in every way that a client must
// see. Nobody types a password: who is Here is signed in.
//
// It imports the JOSE library.
package oidctest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// The client that every issuer knows.
const (
	ClientID     = "indent"
	ClientSecret = "correct-horse-battery-staple"
)

// Person is who sits in front of the browser.
type Person struct {
	Subject string
	// Claims are what is said of the person besides, such as email and groups.
	Claims map[string]any
}

// Issuer is a running provider.
type Issuer struct {
	URL string
	// Redirects are the redirect URIs that the client has registered.
	Redirects []string
	Now       func() time.Time

	mu       sync.Mutex
	here     Person
	twist    Twist
	keys     []signingKey // the newest signs
	codes    map[string]*grant
	tokens   map[string]Person
	made     int
	problems []string
	asked    map[string]int // how often each path was
}

// Twist is how the issuer misbehaves; the zero one behaves.
type Twist struct {
	// Metadata changes what it says of itself, Answer the answer that the browser carries, Claims the ID token's.
	Metadata func(map[string]any)
	Answer   func(url.Values)
	Claims   func(map[string]any)
	// Token answers the ID token instead of signing the claims.
	Token func(i *Issuer, claims map[string]any) string
	// UserInfo changes what the userinfo endpoint says; InUserInfo moves all but the protocol's own claims there.
	UserInfo   func(map[string]any)
	InUserInfo bool
	// Down makes it answer 503 on these paths.
	Down []string
	// TakesCodesTwice makes it forget that a code was used.
	TakesCodesTwice bool
}

type signingKey struct {
	id      string
	private *ecdsa.PrivateKey
}

type grant struct {
	person                     Person
	redirect, nonce, challenge string
	used                       bool
}

// New starts an issuer that ends with the test.
func New(t testing.TB, now func() time.Time) *Issuer {
	t.Helper()
	i := &Issuer{Now: now, codes: map[string]*grant{}, tokens: map[string]Person{}, asked: map[string]int{}}
	i.Rotate()
	mux := http.NewServeMux()
	for path, serve := range map[string]http.HandlerFunc{"/.well-known/openid-configuration": i.metadata, "/authorize": i.authorize,
		"/token": i.token, "/keys": i.publicKeys, "/userinfo": i.userInfo} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if i.counts(path) {
				http.Error(w, "down", http.StatusServiceUnavailable)
				return
			}
			serve(w, r)
		})
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	i.URL = server.URL
	return i
}

func (i *Issuer) counts(path string) (down bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asked[path]++
	return slices.Contains(i.twist.Down, path)
}

// Asked answers how often a path was asked for.
func (i *Issuer) Asked(path string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked[path]
}

// Here says who sits in front of the browser from now on.
func (i *Issuer) Here(p Person) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.here = p
}

// Misbehave changes how it answers from now on.
func (i *Issuer) Misbehave(t Twist) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.twist = t
}

// Rotate makes a new key; those before are gone.
func (i *Issuer) Rotate() {
	private, err := ecdsa.GenerateKey(elliptic.P256(), nil)
	if err != nil {
		panic(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.made++
	i.keys = []signingKey{{fmt.Sprint("key-", i.made), private}}
}

// Problems answers what a client has done that a good one does not.
func (i *Issuer) Problems() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.problems)
}

func (i *Issuer) metadata(w http.ResponseWriter, _ *http.Request) {
	said := map[string]any{
		"issuer": i.URL, "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token", "jwks_uri": i.URL + "/keys",
		"userinfo_endpoint": i.URL + "/userinfo", "response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"ES256", "HS256", "none"}, "code_challenge_methods_supported": []string{"S256"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic"}, "authorization_response_iss_parameter_supported": true,
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.twist.Metadata != nil {
		i.twist.Metadata(said)
	}
	send(w, http.StatusOK, said)
}

func send(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// authorize answers at once: who is here has a session and has agreed before.
func (i *Issuer) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	i.mu.Lock()
	defer i.mu.Unlock()
	wrong := ""
	switch {
	case q.Get("client_id") != ClientID:
		wrong = "unknown client"
	case !slices.Contains(i.Redirects, q.Get("redirect_uri")):
		wrong = "the redirect URI is not registered: " + q.Get("redirect_uri")
	case q.Get("response_type") != "code" || !slices.Contains(strings.Fields(q.Get("scope")), "openid"):
		wrong = "not an authentication request"
	case q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43:
		wrong = "no PKCE"
	case len(q.Get("state")) < 22 || len(q.Get("nonce")) < 22:
		wrong = "state or nonce can be guessed"
	}
	if wrong != "" {
		i.problems = append(i.problems, wrong)
		http.Error(w, wrong, http.StatusBadRequest)
		return
	}
	code := fmt.Sprint("code-", len(i.codes)+1)
	i.codes[code] = &grant{person: i.here, redirect: q.Get("redirect_uri"), nonce: q.Get("nonce"), challenge: q.Get("code_challenge")}
	answer := url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {i.URL}}
	if i.twist.Answer != nil {
		i.twist.Answer(answer)
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+answer.Encode(), http.StatusFound)
}

func (i *Issuer) token(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	id, secret, _ := r.BasicAuth()
	g := i.codes[r.PostFormValue("code")]
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	wrong := ""
	switch {
	case r.Method != http.MethodPost || id != ClientID || secret != ClientSecret:
		send(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	case r.PostFormValue("grant_type") != "authorization_code" || g == nil:
		wrong = "no such code"
	case g.used && !i.twist.TakesCodesTwice:
		wrong = "the code was used before"
	case r.PostFormValue("redirect_uri") != g.redirect:
		wrong = "another redirect URI"
	case base64.RawURLEncoding.EncodeToString(sum[:]) != g.challenge:
		wrong = "another PKCE verifier"
	}
	if wrong != "" {
		i.problems = append(i.problems, wrong)
		send(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant", "error_description": wrong})
		return
	}
	g.used = true
	access := fmt.Sprint("access-", len(i.tokens)+1)
	i.tokens[access] = g.person
	send(w, http.StatusOK, map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": i.idToken(g)})
}

func (i *Issuer) idToken(g *grant) string {
	claims := map[string]any{"iss": i.URL, "sub": g.person.Subject, "aud": ClientID, "nonce": g.nonce,
		"iat": i.Now().Unix(), "exp": i.Now().Add(5 * time.Minute).Unix()}
	if !i.twist.InUserInfo {
		maps.Copy(claims, g.person.Claims)
	}
	if i.twist.Claims != nil {
		i.twist.Claims(claims)
	}
	if i.twist.Token != nil {
		return i.twist.Token(i, claims)
	}
	return i.Sign(claims)
}

// Sign answers the claims signed with the newest key. It is for [Twist.Token], which runs while the issuer is held.
func (i *Issuer) Sign(claims map[string]any) string {
	key := i.keys[0]
	return SignWith(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key.private, KeyID: key.id}}, claims)
}

// PublicKeyText answers the newest public key as its coordinates, which everybody knows: who checks a token signed with a
// shared secret by it would take anybody's.
func (i *Issuer) PublicKeyText() []byte {
	text, err := jose.JSONWebKey{Key: &i.keys[0].private.PublicKey, KeyID: i.keys[0].id}.MarshalJSON()
	if err != nil {
		panic(err)
	}
	return text
}

// KeyID answers the id of the newest key.
func (i *Issuer) KeyID() string { return i.keys[0].id }

// SignWith answers the claims signed with any key.
func SignWith(key jose.SigningKey, claims map[string]any) string {
	signer, err := jose.NewSigner(key, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		panic(err)
	}
	text, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	signed, err := signer.Sign(text)
	if err != nil {
		panic(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return compact
}

func (i *Issuer) publicKeys(w http.ResponseWriter, _ *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, k := range i.keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: &k.private.PublicKey, KeyID: k.id, Algorithm: "ES256", Use: "sig"})
	}
	send(w, http.StatusOK, set)
}

func (i *Issuer) userInfo(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	access, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	person, known := i.tokens[access]
	if !known {
		i.problems = append(i.problems, "userinfo without an access token")
		http.Error(w, "no access token", http.StatusUnauthorized)
		return
	}
	said := map[string]any{"sub": person.Subject}
	maps.Copy(said, person.Claims)
	if i.twist.UserInfo != nil {
		i.twist.UserInfo(said)
	}
	send(w, http.StatusOK, said)
}

// Visit does what a browser does with the page of the provider that it is sent to: it answers where that sends it back
// to. It ends the test when the provider does not.
func (i *Issuer) Visit(t testing.TB, location string) *url.URL {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, location, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	back, err := answer.Location()
	if err != nil {
		t.Fatalf("the provider answered %s: %v", answer.Status, i.Problems())
	}
	return back
}
