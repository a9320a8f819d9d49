package identity

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/identity/oidctest"
)

// office is a house with a sign-in provider.
type office struct {
	*house
	issuer *oidctest.Issuer
	node   *Identity
}

func newOffice(t testing.TB, change func(*Provider)) *office {
	t.Helper()
	o := &office{house: newHouse(t)}
	o.issuer = oidctest.New(t, o.clock.Now)
	o.issuer.Redirects = []string{issuer + "/sign-in/callback/okta"}
	o.node = o.nodeWith(change)
	o.here("u-ada", ada, nil)
	return o
}

// nodeWith starts a node with the provider.
func (o *office) nodeWith(change func(*Provider)) *Identity {
	o.Helper()
	p := Provider{Name: "okta", DisplayName: "Okta", Issuer: o.issuer.URL, ClientID: oidctest.ClientID, ClientSecret: oidctest.ClientSecret,
		Spaces: []string{"acmecorp"}, Scopes: []string{"openid", "email"}, Domains: []string{"acmecorp.example"}}
	if change != nil {
		change(&p)
	}
	i, err := New(o.Context(), o.service, Config{Issuer: func() string { return issuer }, TokenTTL: time.Hour, SessionTTL: 12 * time.Hour, SessionIdle: 2 * time.Hour, Providers: []Provider{p}})
	o.must(err)
	return i
}

func (o *office) here(subject, email string, more map[string]any) {
	claims := map[string]any{"email": email, "email_verified": true}
	maps.Copy(claims, more)
	o.issuer.Here(oidctest.Person{Subject: subject, Claims: claims})
}

// begin goes to the provider and answers what the browser kept, and what the provider answers.
func (o *office) begin(back string) (cookie string, answer url.Values) {
	o.Helper()
	b, err := o.node.Sessions().Begin(o.Context(), "okta", back)
	o.must(err)
	return b.Cookie, o.issuer.Visit(o, b.Location).Query()
}

func (o *office) finish(cookie string, answer url.Values) (SignedIn, error) {
	return o.node.Sessions().Finish(o.Context(), "okta", cookie, answer, "Firefox")
}

// sessions answers how many sessions there are.
func (o *office) sessions() int {
	o.Helper()
	all, err := o.store.Tokens(o.Context(), "acmecorp", "", approval.TokenSession)
	o.must(err)
	return len(all)
}

func TestAProviderSignsIn(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	cookie, answer := o.begin("/api-keys")
	in, err := o.finish(cookie, answer)
	o.must(err)
	if in.Return != "/api-keys" || in.Several || in.End != o.clock.Now().Add(12*time.Hour) {
		t.Errorf("got %+v", in)
	}
	o.wants(o.node.Sessions(), in.Secret, ada)
	a, err := o.node.Sessions().Authenticate(t.Context(), in.Secret)
	o.must(err)
	if a.Role != approval.Owner || !slices.Contains(a.Names, "oidc:"+o.issuer.URL+"|u-ada") {
		t.Errorf("got %+v", a)
	}
	list, err := o.node.Sessions().List(t.Context(), a)
	if err != nil || len(list) != 1 || list[0].Method != approval.MethodOIDC || list[0].Provider != "okta" || list[0].Browser != "Firefox" || list[0].Address != ada {
		t.Errorf("got %+v, %v", list, err)
	}
	if problems := o.issuer.Problems(); len(problems) > 0 {
		t.Errorf("the provider complains: %q", problems)
	}
}

// What comes back to the browser is the provider's answer to this browser, now, or nothing.
func TestAnAnswerThatIsNotToThisBrowserIsRefused(t *testing.T) {
	t.Parallel()
	set := func(key, value string) func(url.Values) { return func(v url.Values) { v.Set(key, value) } }
	for name, c := range map[string]struct {
		cookie func(o *office, cookie string) string
		answer func(url.Values)
		later  time.Duration
		want   approval.Code
	}{
		"no cookie (login CSRF)":          {cookie: func(*office, string) string { return "" }, want: approval.Invalid},
		"another browser's cookie":        {cookie: func(o *office, _ string) string { other, _ := o.begin("/"); return other }, want: approval.Invalid},
		"a cookie with another return":    {cookie: func(_ *office, c string) string { return c[:strings.LastIndex(c, ".")] + ".L2V2aWw" }, want: approval.Invalid},
		"a cookie with another time":      {cookie: func(_ *office, c string) string { return strings.Replace(c, ".1", ".2", 1) }, want: approval.Invalid},
		"a cookie that is cut":            {cookie: func(_ *office, c string) string { return c[1:] }, want: approval.Invalid},
		"a cookie of nonsense":            {cookie: func(*office, string) string { return "..." }, want: approval.Invalid},
		"another state":                   {answer: set("state", strings.Repeat("A", 43)), want: approval.Invalid},
		"no state":                        {answer: func(v url.Values) { v.Del("state") }, want: approval.Invalid},
		"two states":                      {answer: func(v url.Values) { v.Add("state", "x") }, want: approval.Invalid},
		"two codes":                       {answer: func(v url.Values) { v.Add("code", "x") }, want: approval.Invalid},
		"ten minutes later":               {later: SignInTTL, want: approval.Expired},
		"a clock set back":                {later: -time.Minute, want: approval.Expired},
		"another provider's name":         {answer: set("iss", "https://evil.example"), want: approval.Unauthenticated},
		"no name, though it always says":  {answer: func(v url.Values) { v.Del("iss") }, want: approval.Unauthenticated},
		"an empty name":                   {answer: set("iss", ""), want: approval.Unauthenticated},
		"a code of nobody":                {answer: set("code", "made-up"), want: approval.Unauthenticated},
		"no code":                         {answer: func(v url.Values) { v.Del("code") }, want: approval.Unauthenticated},
		"the person turned back":          {answer: set("error", "access_denied"), want: approval.Unauthenticated},
		"an error that is no error":       {answer: set("error", "<script>"), want: approval.Unauthenticated},
		"as good as it can be, after 9 m": {later: 9 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, nil)
			cookie, answer := o.begin("/")
			if c.cookie != nil {
				cookie = c.cookie(o, cookie)
			}
			if c.answer != nil {
				c.answer(answer)
			}
			o.clock.Advance(c.later)
			in, err := o.finish(cookie, answer)
			if approval.CodeOf(err) != c.want || (c.want != "") != (in.Secret == "") {
				t.Errorf("got %+v, %v, want %q", in, err, c.want)
			}
			if n := o.sessions(); (n == 1) != (c.want == "") {
				t.Errorf("there are %d sessions", n)
			}
			if err != nil && strings.Contains(err.Error(), "script") {
				t.Errorf("the answer's words are repeated: %v", err)
			}
		})
	}
}

// What a client must check of an ID token and of what belongs to it.
func TestAnIDTokenThatDoesNotHoldIsRefused(t *testing.T) {
	t.Parallel()
	claim := func(key string, value any) oidctest.Twist {
		return oidctest.Twist{Claims: func(c map[string]any) {
			if c[key] = value; value == nil {
				delete(c, key)
			}
		}}
	}
	signed := func(algorithm jose.SignatureAlgorithm, key func(i *oidctest.Issuer) any) oidctest.Twist {
		return oidctest.Twist{Token: func(i *oidctest.Issuer, claims map[string]any) string {
			return oidctest.SignWith(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: key(i), KeyID: i.KeyID()}}, claims)
		}}
	}
	stranger := oidctest.New(t, nil)
	for name, twist := range map[string]oidctest.Twist{
		"another nonce":                 claim("nonce", strings.Repeat("A", 43)),
		"no nonce":                      claim("nonce", nil),
		"another audience":              claim("aud", "somebody-else"),
		"no audience":                   claim("aud", nil),
		"another issuer":                claim("iss", "https://evil.example"),
		"an issuer with a slash more":   {Claims: func(c map[string]any) { c["iss"] = c["iss"].(string) + "/" }},
		"no issuer":                     claim("iss", nil),
		"issued to somebody else":       claim("azp", "somebody-else"),
		"issued to no text":             claim("azp", 7),
		"for several, to nobody":        claim("aud", []string{oidctest.ClientID, "somebody-else"}),
		"no subject":                    claim("sub", nil),
		"a subject that is too long":    claim("sub", strings.Repeat("x", 256)),
		"a subject that hides":          claim("sub", "a\u202eb"),
		"expired":                       {Claims: func(c map[string]any) { c["exp"] = c["iat"].(int64) - 1 }},
		"without an end":                claim("exp", nil),
		"issued an hour ago":            {Claims: func(c map[string]any) { c["iat"] = c["iat"].(int64) - 3600 }},
		"issued in an hour":             {Claims: func(c map[string]any) { c["iat"] = c["iat"].(int64) + 3600 }},
		"not yet valid":                 {Claims: func(c map[string]any) { c["nbf"] = c["iat"].(int64) + 3600 }},
		"without a time":                claim("iat", nil),
		"for another access token":      claim("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"),
		"signed with the client secret": signed(jose.HS256, func(*oidctest.Issuer) any { return []byte(oidctest.ClientSecret + "-0123456789abcdef") }),
		"signed with the public key":    signed(jose.HS256, func(i *oidctest.Issuer) any { return i.PublicKeyText() }),
		"signed by nobody": {Token: func(_ *oidctest.Issuer, claims map[string]any) string {
			text := oidctest.SignWith(jose.SigningKey{Algorithm: jose.HS256, Key: []byte(strings.Repeat("k", 32))}, claims)
			return "eyJhbGciOiJub25lIn0." + strings.Split(text, ".")[1] + "."
		}},
		"signed by another provider": {Token: func(_ *oidctest.Issuer, claims map[string]any) string { return stranger.Sign(claims) }},
		"no JWT":                     {Token: func(*oidctest.Issuer, map[string]any) string { return "nonsense" }},
		"empty":                      {Token: func(*oidctest.Issuer, map[string]any) string { return "" }},
		"userinfo of somebody else":  {InUserInfo: true, UserInfo: func(c map[string]any) { c["sub"] = "u-olga" }},
		"groups that are no list":    claim("groups", map[string]any{"a": 1}),
		"groups that stand elsewhere": claim("_claim_names", map[string]any{
			"groups": "src1"}),
		"groups without end": claim("groups", slices.Repeat([]string{"g"}, maxGroups+1)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, func(p *Provider) { p.GroupsClaim = "groups" })
			o.issuer.Misbehave(twist)
			cookie, answer := o.begin("/")
			in, err := o.finish(cookie, answer)
			if approval.CodeOf(err) != approval.Unauthenticated || in.Secret != "" || o.sessions() != 0 {
				t.Errorf("got %+v, %v", in, err)
			}
			if err != nil && !strings.HasPrefix(err.Error(), "what Okta answered does not sign you in") {
				t.Errorf("the person reads: %v", err)
			}
			if errors.Unwrap(err) == nil {
				t.Error("the log is not told why")
			}
		})
	}
}

// A token for several is taken when it says that it was issued to this client.
func TestATokenForSeveralThatWasIssuedToUsIsTaken(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	o.issuer.Misbehave(oidctest.Twist{Claims: func(c map[string]any) {
		c["aud"], c["azp"] = []string{"somebody-else", oidctest.ClientID}, oidctest.ClientID
	}})
	cookie, answer := o.begin("/")
	_, err := o.finish(cookie, answer)
	o.must(err)
}

// One answer is one session: at one node and at two, of a provider that takes its codes once and of one that does not.
func TestAnAnswerSignsInOnce(t *testing.T) {
	t.Parallel()
	for _, twice := range []bool{false, true} {
		o := newOffice(t, nil)
		o.issuer.Misbehave(oidctest.Twist{TakesCodesTwice: twice})
		nodes := []*Identity{o.node, o.nodeWith(nil)}
		cookie, answer := o.begin("/")
		var mu sync.Mutex
		got := map[approval.Code]int{}
		var group sync.WaitGroup
		for n := range 16 {
			group.Go(func() {
				_, err := nodes[n%2].Sessions().Finish(t.Context(), "okta", cookie, answer, "Firefox")
				mu.Lock()
				defer mu.Unlock()
				got[approval.CodeOf(err)]++
			})
		}
		group.Wait()
		late := approval.Unauthenticated // by the provider
		if twice {
			late = approval.Expired
		}
		if got[""] != 1 || got[late] != 15 || o.sessions() != 1 {
			t.Errorf("twice %v: %v, %d sessions", twice, got, o.sessions())
		}
	}
}

// A code that somebody caught is of no use in another browser, and not at another provider's callback.
func TestAStolenCodeIsOfNoUse(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	_, victim := o.begin("/")
	cookie, own := o.begin("/")
	own.Set("code", victim.Get("code"))
	if in, err := o.finish(cookie, own); approval.CodeOf(err) != approval.Unauthenticated || in.Secret != "" {
		t.Errorf("injected: %+v, %v", in, err)
	}
	if !slices.Contains(o.issuer.Problems(), "another PKCE verifier") {
		t.Errorf("PKCE did not stop it: %q", o.issuer.Problems())
	}

	// Mix-up: the browser began at one provider, and the answer comes to the callback of another.
	honest := oidctest.New(t, o.clock.Now)
	honest.Redirects = []string{issuer + "/sign-in/callback/honest"}
	i, err := New(t.Context(), o.service, Config{Issuer: func() string { return issuer }, SessionTTL: time.Hour, Providers: []Provider{
		{Name: "okta", Issuer: o.issuer.URL, ClientID: oidctest.ClientID, ClientSecret: oidctest.ClientSecret, Spaces: []string{"acmecorp"}, Scopes: []string{"openid"}},
		{Name: "honest", Issuer: honest.URL, ClientID: oidctest.ClientID, ClientSecret: oidctest.ClientSecret, Spaces: []string{"acmecorp"}, Scopes: []string{"openid"}},
	}})
	o.must(err)
	b, err := i.Sessions().Begin(t.Context(), "honest", "/")
	o.must(err)
	back := honest.Visit(t, b.Location).Query()
	if _, err := i.Sessions().Finish(t.Context(), "okta", b.Cookie, back, ""); approval.CodeOf(err) != approval.Invalid {
		t.Errorf("at another callback: %v", err)
	}
	if o.issuer.Asked("/token") > 1 {
		t.Error("the code of one provider was sent to another")
	}
}

// Where a provider does not say that its answers name it, none needs to; one that does must be right all the same.
func TestAProviderThatDoesNotNameItself(t *testing.T) {
	t.Parallel()
	for iss, want := range map[string]approval.Code{"": "", "https://evil.example": approval.Unauthenticated} {
		o := newOffice(t, nil)
		o.issuer.Misbehave(oidctest.Twist{
			Metadata: func(m map[string]any) { delete(m, "authorization_response_iss_parameter_supported") },
			Answer: func(v url.Values) {
				if v.Del("iss"); iss != "" {
					v.Set("iss", iss)
				}
			}})
		cookie, answer := o.begin("/")
		if _, err := o.finish(cookie, answer); approval.CodeOf(err) != want {
			t.Errorf("%q: %v", iss, err)
		}
	}
}

// Without an issuer or an audience the server does not start: anybody's tokens, for anybody, would count.
func TestAProviderWithoutIssuerOrAudienceDoesNotStart(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	good := Provider{Name: "okta", Issuer: "https://login.acme.example", ClientID: "indent", Spaces: []string{"acmecorp"}}
	for name, change := range map[string]func(*Provider){
		"":            func(*Provider) {},
		"no issuer":   func(p *Provider) { p.Issuer = "" },
		"no audience": func(p *Provider) { p.ClientID = "" },
		"no TLS":      func(p *Provider) { p.Issuer = "http://login.acme.example" },
		"no address":  func(p *Provider) { p.Issuer = "login.acme.example" },
		"a bar":       func(p *Provider) { p.Issuer += "/a|b" },
		"no space":    func(p *Provider) { p.Spaces = nil },
		"no name":     func(p *Provider) { p.Name = "" },
		"no role":     func(p *Provider) { p.Roles = map[string]approval.Role{"g": "Boss"} },
	} {
		p := good
		change(&p)
		_, err := New(t.Context(), h.service, Config{Issuer: func() string { return issuer }, Providers: []Provider{p}})
		if (err == nil) != (name == "") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// Whatever cookie and answer come: refused, or signed in as the one person that there is.
func FuzzCallback(f *testing.F) {
	o := newOffice(f, nil)
	cookie, answer := o.begin("/")
	f.Add(cookie, answer.Encode())
	f.Add("", "")
	f.Add(cookie, "state=%ff&code=x&iss=y&state=z")
	f.Add(fmt.Sprintf("%s.1893553445.", strings.Repeat("A", 43)), "error=access_denied")
	f.Fuzz(func(t *testing.T, cookie, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		if a, ok := parseAttempt("okta", cookie); ok && a.cookie() != cookie {
			t.Fatalf("%q is read as %q", cookie, a.cookie())
		}
		in, err := o.node.Sessions().Finish(t.Context(), "okta", cookie, values, "fuzz")
		if (err == nil) != (in.Secret != "") || approval.CodeOf(err) == approval.Internal {
			t.Fatalf("%q, %q: %+v, %v", cookie, query, in, err)
		}
	})
}
