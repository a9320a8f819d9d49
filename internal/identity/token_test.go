package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"github.com/indent-approvals/indent/internal/approval"
)

func TestTheTextOfAServiceToken(t *testing.T) {
	t.Parallel()
	good := serviceToken("0123456789ABCDEFGHIJKLMNOPQRSTUV")
	// The checksum as another program (Python's zlib) makes it.
	if good != "ind_0123456789ABCDEFGHIJKLMNOPQRSTUV0zY3jw" || !regexp.MustCompile(`^ind_[0-9A-Za-z]{38}$`).MatchString(good) {
		t.Errorf("got %s", good)
	}
	swapped := []byte(good)
	swapped[10], swapped[11] = swapped[11], swapped[10]
	for name, c := range map[string]struct {
		text string
		want bool
	}{
		"whole":              {good, true},
		"nothing":            {"", false},
		"cut":                {good[:len(good)-1], false},
		"too long":           {good + "0", false},
		"with a space":       {good[:len(good)-1] + " ", false},
		"two letters swap":   {string(swapped), false},
		"another case":       {strings.ToLower(good), false},
		"another prefix":     {"inx_" + good[4:], false},
		"checksum of others": {good[:36] + serviceToken(strings.Repeat("0", 32))[36:], false},
		"all zero":           {"ind_" + strings.Repeat("0", 38), false},
	} {
		if got := wellFormed(c.text); got != c.want {
			t.Errorf("%s: %q: got %v", name, c.text, got)
		}
	}
	for at := range good {
		wrong := []byte(good)
		wrong[at] ^= 1
		if wellFormed(string(wrong)) {
			t.Errorf("a wrong character at %d is not noticed", at)
		}
	}
}

func TestATokenStandsForItsMember(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	service, scoped, user := h.serviceToken(), h.serviceToken(approval.ReadPetitions), h.userToken(vic)
	for _, c := range []struct {
		made Made
		want approval.Actor
	}{
		{service, approval.Actor{Space: "acmecorp", ID: bot, Person: ada, Address: ada, Names: []string{ada, bot}, Kind: approval.KindServiceAccount, Role: approval.PetitionAdmin}},
		{scoped, approval.Actor{Space: "acmecorp", ID: bot, Person: ada, Address: ada, Names: []string{ada, bot}, Kind: approval.KindServiceAccount, Role: approval.PetitionAdmin,
			Scopes: []approval.Permission{approval.ReadPetitions}}},
		{user, approval.Actor{Space: "acmecorp", ID: vic, Person: vic, Address: vic, Names: []string{vic}, Kind: approval.KindUser, Email: vic, Role: approval.Viewer}},
	} {
		c.want.TokenName, c.want.ExpireTime = c.made.Token.Name, c.made.Token.ExpireTime
		got, err := h.Authenticate(t.Context(), c.made.Secret)
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
	}
	if !wellFormed(service.Secret) || !service.Token.ExpireTime.IsZero() || user.Token.ExpireTime != h.clock.Now().Add(time.Hour) {
		t.Errorf("made %+v and %+v", service, user)
	}
}

func TestWhatIsNoTokenIsRefusedAndSaysWhatToDo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	good := h.serviceToken().Secret
	cases := map[string]struct{ bearer, want string }{
		"nothing":                     {"", "send Authorization: Bearer"},
		"a cut service token":         {good[:20], "malformed"},
		"a mistyped service token":    {good[:20] + "!" + good[21:], "malformed"},
		"an unknown service token":    {serviceToken(strings.Repeat("x", 32)), "unknown, revoked or expired"},
		"words":                       {"hello there", "malformed"},
		"dots":                        {"a.b.c", "malformed"},
		"too much":                    {strings.Repeat("a", maxBearer+1), "malformed"},
		"a service token in a prefix": {"Bearer " + good, "malformed"},
	}
	for name, c := range cases {
		_, err := h.Authenticate(t.Context(), c.bearer)
		if approval.CodeOf(err) != approval.Unauthenticated || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
		if c.bearer != "" && strings.Contains(fmt.Sprintf("%+v", err), c.bearer) {
			t.Errorf("%s: the error tells the token: %v", name, err)
		}
	}
}

// Whoever tries secrets must not learn which of them once were good.
func TestUnknownRevokedAndExpiredLookTheSame(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	revoked := h.serviceToken()
	h.must(h.RevokeToken(t.Context(), h.actor(ada), revoked.Token.Name))
	expired, err := h.CreateServiceToken(t.Context(), h.actor(ada), bot, "", nil, h.clock.Now().Add(time.Minute))
	h.must(err)
	h.clock.Advance(time.Minute)
	_, want := h.Authenticate(t.Context(), serviceToken(strings.Repeat("x", 32)))
	for name, secret := range map[string]string{"revoked": revoked.Secret, "expired": expired.Secret} {
		if _, err := h.Authenticate(t.Context(), secret); err == nil || err.Error() != want.Error() {
			t.Errorf("%s: got %v, want %v", name, err, want)
		}
	}
}

func TestNothingIsReadForWhatCannotBeAToken(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	mistyped := []byte(h.serviceToken().Secret)
	mistyped[7] ^= 1
	before := h.reads.Load()
	for _, bearer := range []string{"", string(mistyped), "ind_", "x", strings.Repeat("a", maxBearer+1), "a.b.c", unsigned(t, "1")} {
		h.wants(h, bearer, "")
		h.wants(h.Sessions(), bearer, "")
		if _, err := h.Exchange(t.Context(), bearer); approval.CodeOf(err) != approval.Unauthenticated {
			t.Errorf("%q: got %v", bearer, err)
		}
	}
	if n := h.reads.Load() - before; n != 0 {
		t.Errorf("%d readings", n)
	}
}

// unsigned is a token of the algorithm "none" (RFC 7519, 6.1).
func unsigned(t *testing.T, kid string) string {
	t.Helper()
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	return part(`{"alg":"none","kid":"`+kid+`"}`) + "." + part(`{"iss":"`+issuer+`","sub":"`+ada+`","space":"acmecorp","exp":99999999999}`) + "."
}

// forge signs claims with any key and algorithm.
func forge(t *testing.T, algorithm jose.SignatureAlgorithm, kid string, key any, registered jwt.Claims, space string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(registered).Claims(userClaims{Space: space}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestAUserTokenMustBeOurs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	made := h.userToken(ada)
	ours := h.keys.signing()
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), nil)
	h.must(err)
	large, err := ecdsa.GenerateKey(elliptic.P384(), nil)
	h.must(err)
	now := h.clock.Now()
	good := jwt.Claims{Issuer: issuer, Subject: ada, ID: made.Token.Name, IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(time.Hour))}
	with := func(change func(*jwt.Claims)) string {
		c := good
		change(&c)
		return forge(t, jose.ES256, ours.id, ours.private, c, "acmecorp")
	}
	parts := strings.Split(made.Secret, ".")
	secret := strings.Repeat("k", 32)
	cases := map[string]struct{ bearer, want string }{
		"as we make it":             {with(func(*jwt.Claims) {}), ""},
		"of another issuer":         {with(func(c *jwt.Claims) { c.Issuer = "https://evil.example" }), "another server"},
		"of no issuer":              {with(func(c *jwt.Claims) { c.Issuer = "" }), "another server"},
		"expired":                   {with(func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(now) }), "has expired"},
		"without end":               {with(func(c *jwt.Claims) { c.Expiry = nil }), "has expired"},
		"without beginning":         {with(func(c *jwt.Claims) { c.IssuedAt = nil }), "has expired"},
		"of the future":             {with(func(c *jwt.Claims) { c.IssuedAt = jwt.NewNumericDate(now.Add(2 * time.Minute)) }), "not valid yet"},
		"not before later":          {with(func(c *jwt.Claims) { c.NotBefore = jwt.NewNumericDate(now.Add(2 * time.Minute)) }), "not valid yet"},
		"of an unknown id":          {with(func(c *jwt.Claims) { c.ID = "unknown" }), "unknown, revoked or expired"},
		"without an id":             {with(func(c *jwt.Claims) { c.ID = "" }), "unknown, revoked or expired"},
		"of another member":         {with(func(c *jwt.Claims) { c.Subject = vic }), "unknown, revoked or expired"},
		"of another space":          {forge(t, jose.ES256, ours.id, ours.private, good, "other"), "unknown, revoked or expired"},
		"of an unknown key":         {forge(t, jose.ES256, "unknown", stranger, good, "acmecorp"), "not signed by this server"},
		"of a stranger as ours":     {forge(t, jose.ES256, ours.id, stranger, good, "acmecorp"), "not signed by this server"},
		"of another curve":          {forge(t, jose.ES384, ours.id, large, good, "acmecorp"), "malformed"},
		"of a shared secret":        {forge(t, jose.HS256, ours.id, []byte(secret), good, "acmecorp"), "malformed"},
		"not signed":                {unsigned(t, ours.id), "malformed"},
		"without its signature":     {parts[0] + "." + parts[1] + ".", "not signed by this server"},
		"with another's claims":     {parts[0] + "." + strings.Split(h.userToken(vic).Secret, ".")[1] + "." + parts[2], "not signed by this server"},
		"cut":                       {made.Secret[:len(made.Secret)-10], "not signed by this server"},
		"as JSON":                   {`{"payload":"` + parts[1] + `","signatures":[{"protected":"` + parts[0] + `","signature":"` + parts[2] + `"}]}`, "malformed"},
		"signed, but no claims":     {rawJWS(t, ours, "7"), "malformed"},
		"signed, of another format": {rawJWS(t, ours, `{"sub":7}`), "malformed"},
	}
	for name, c := range cases {
		a, err := h.Authenticate(t.Context(), c.bearer)
		if c.want == "" {
			if err != nil || a.ID != ada {
				t.Errorf("%s: got %s, %v", name, a.ID, err)
			}
			continue
		}
		if approval.CodeOf(err) != approval.Unauthenticated || !strings.Contains(err.Error(), c.want) || a.ID != "" {
			t.Errorf("%s: got %q, %v, want %q", name, a.ID, err, c.want)
		}
	}
}

func rawJWS(t *testing.T, key signingKey, payload string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key.private, KeyID: key.id}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestAUserTokenTellsClientsWhoTheyAre(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	made := h.userToken(ada, approval.ReadPetitions, approval.CreateClaims)
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(made.Secret, ".")[1])
	h.must(err)
	at := h.clock.Now().Unix()
	want := fmt.Sprintf(`{"exp":%d,"iat":%d,"iss":"https://indent.example","jti":"%s","scope":"petitions:read claims:create","space":"acmecorp","sub":"ada@acmecorp.example"}`,
		at+3600, at, made.Token.Name)
	if string(raw) != want {
		t.Errorf("got  %s\nwant %s", raw, want)
	}
}

func TestNobodyHandsOutMoreThanTheyHave(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	narrow := h.actor(ada)
	narrow.Scopes = []approval.Permission{approval.ManageTokens, approval.ManageOwnTokens, approval.ReadPetitions}
	made, err := h.CreateServiceToken(t.Context(), narrow, bot, "", nil, time.Time{})
	h.must(err)
	if a, err := h.Authenticate(t.Context(), made.Secret); err != nil || !cmp.Equal(a.Scopes, narrow.Scopes[1:]) {
		t.Errorf("a token without a scope of its own has %v, %v; want those of the maker's that the account's role has", a.Scopes, err)
	}
	made, err = h.CreateUserToken(t.Context(), narrow, "", nil)
	h.must(err)
	if a, err := h.Authenticate(t.Context(), made.Secret); err != nil || !cmp.Equal(a.Scopes, narrow.Scopes) {
		t.Errorf("a user token without a scope of its own has %v, %v; want the maker's", a.Scopes, err)
	}
	_, err = h.CreateServiceToken(t.Context(), narrow, bot, "", []approval.Permission{approval.WriteResources}, time.Time{})
	if approval.CodeOf(err) != approval.Forbidden {
		t.Errorf("a scope that the maker lacks: %v", err)
	}
	if _, err := h.CreateServiceToken(t.Context(), h.actor(vic), bot, "", nil, time.Time{}); approval.CodeOf(err) != approval.Forbidden {
		t.Errorf("by a Viewer: %v", err)
	}
	if _, err := h.CreateServiceToken(t.Context(), h.actor(ada), vic, "", nil, time.Time{}); approval.CodeOf(err) != approval.Invalid {
		t.Errorf("for a person: %v", err)
	}
}

func TestAServiceTokenIsExchangedForAShortLivedOne(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	long := h.serviceToken(approval.ReadPetitions)
	short, err := h.Exchange(t.Context(), long.Secret)
	h.must(err)
	a, err := h.Authenticate(t.Context(), short.Secret)
	if err != nil || a.ID != bot || !cmp.Equal(a.Scopes, []approval.Permission{approval.ReadPetitions}) || a.TokenName != long.Token.Name {
		t.Errorf("got %+v, %v", a, err)
	}
	if end := h.clock.Now().Add(time.Hour); short.Token.ExpireTime != end {
		t.Errorf("it ends at %v, want %v", short.Token.ExpireTime, end)
	}
	h.must(h.RevokeToken(t.Context(), h.actor(ada), long.Token.Name))
	h.wants(h, short.Secret, "") // they end together
	if _, err := h.Exchange(t.Context(), long.Secret); approval.CodeOf(err) != approval.Unauthenticated {
		t.Errorf("a revoked token was exchanged: %v", err)
	}
	for name, other := range map[string]string{"a user token": h.userToken(ada).Secret, "what it was exchanged for": short.Secret} {
		if _, err := h.Exchange(t.Context(), other); approval.CodeOf(err) != approval.Unauthenticated {
			t.Errorf("%s was exchanged: %v", name, err)
		}
	}
}

func TestAShortLivedTokenNeverOutlivesTheLongLivedOne(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	end := h.clock.Now().Add(10 * time.Minute)
	long, err := h.CreateServiceToken(t.Context(), h.actor(ada), bot, "", nil, end)
	h.must(err)
	short, err := h.Exchange(t.Context(), long.Secret)
	h.must(err)
	if !short.Token.ExpireTime.Equal(end) {
		t.Errorf("it ends at %v, want %v", short.Token.ExpireTime, end)
	}
	h.wants(h, short.Secret, bot)
	h.clock.Set(end)
	h.wants(h, short.Secret, "")
	h.wants(h, long.Secret, "")
}

func TestWhatTheStoreCannotAnswerIsUnavailable(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	service, user := h.serviceToken(), h.userToken(ada)
	h.down.Store(true)
	for _, secret := range []string{service.Secret, user.Secret} {
		if _, err := h.Authenticate(t.Context(), secret); approval.CodeOf(err) != approval.Unavailable {
			t.Errorf("got %v, want Unavailable: nobody is told that the token is wrong", err)
		}
	}
	if _, err := h.Exchange(t.Context(), service.Secret); approval.CodeOf(err) != approval.Unavailable {
		t.Errorf("got %v", err)
	}
}

// The store, the log and the errors never hold what could be used.
func TestSecretsAreKeptOnlyAsHashes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	service, user := h.serviceToken(), h.userToken(ada)
	_, err := h.Exchange(t.Context(), service.Secret)
	h.must(err)
	link, err := h.Sessions().CreateLink(t.Context(), approval.System("acmecorp", "admin"), ada, time.Hour)
	h.must(err)
	session, _, err := h.Sessions().SignIn(t.Context(), link, "test")
	h.must(err)
	tokens, err := h.store.Tokens(t.Context(), "acmecorp", "", approval.TokenService, approval.TokenUser, approval.TokenLink, approval.TokenSession)
	h.must(err)
	events, err := h.store.Events(t.Context(), approval.EventQuery{Space: "acmecorp", Page: approval.PageRequest{Size: 200}})
	h.must(err)
	kept := fmt.Sprintf("%+v %+v", tokens, events.Items)
	for name, secret := range map[string]string{"service token": service.Secret[4:36], "user token": user.Secret, "link": link, "session": session} {
		if strings.Contains(kept, secret) {
			t.Errorf("the %s is kept", name)
		}
	}
	if !strings.Contains(kept, hash(service.Secret)) || len(tokens) != 4 {
		t.Errorf("%d tokens are kept", len(tokens))
	}
}

func TestScopesAreWrittenAsOneText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]approval.Permission{
		"":                              nil,
		"  ":                            nil,
		"petitions:read":                {approval.ReadPetitions},
		" petitions:read  events:read ": {approval.ReadPetitions, approval.ReadEvents},
	} {
		got := ParseScope(text)
		if !cmp.Equal(got, want) || !cmp.Equal(ParseScope(ScopeText(got)), want) {
			t.Errorf("%q: got %v", text, got)
		}
	}
}
