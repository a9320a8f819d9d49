package identity

import (
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func (h *house) kids() (list []string) {
	for _, k := range h.JWKS().Keys {
		list = append(list, k.KeyID)
	}
	return list
}

func wantKids(t *testing.T, when string, got []string, want string) {
	t.Helper()
	if text := strings.Join(got, " "); text != want {
		t.Errorf("%s: the keys are %q, want %q", when, text, want)
	}
}

// A new key is known to all before it signs, and an old one verifies until its last token has ended.
func TestSigningKeysChangeByAge(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.keys.maxAge = 90 * 24 * time.Hour
	h.clock.Advance(h.keys.maxAge - time.Second)
	h.Upkeep(t.Context())
	wantKids(t, "before its time", h.kids(), "1")
	h.clock.Advance(time.Second)
	h.Upkeep(t.Context())
	wantKids(t, "at its time", h.kids(), "2 1")
	if got := h.keys.signing().id; got != "1" {
		t.Errorf("%s signs as soon as it is made", got)
	}
	h.clock.Advance(publishedFor - time.Second)
	last := h.userToken(ada)
	h.clock.Advance(time.Second)
	if got := h.keys.signing().id; got != "2" {
		t.Errorf("%s signs after ten minutes", got)
	}
	h.wants(h, last.Secret, ada)
	h.clock.Advance(longestToken + clockSlack)
	h.Upkeep(t.Context())
	wantKids(t, "while its tokens may live", h.kids(), "2 1")
	h.clock.Advance(time.Second)
	wantKids(t, "when they have all ended", h.kids(), "2")
	h.Upkeep(t.Context())
	stored, err := h.store.SigningKeys(t.Context())
	if err != nil || len(stored) != 1 || stored[0].ID != "2" {
		t.Errorf("stored are %v, %v", stored, err)
	}
	// A name is never given twice.
	id, _, err := h.RotateKeys(t.Context(), false)
	if err != nil || id != "3" {
		t.Errorf("the next is %q, %v", id, err)
	}
	for event, want := range map[string]int{approval.EventSigningKeyCreate: 3, approval.EventSigningKeyEnd: 1} {
		events, err := h.store.Events(t.Context(), approval.EventQuery{Event: event})
		if err != nil || len(events.Items) != want {
			t.Errorf("%d events %s, %v, want %d", len(events.Items), event, err, want)
		}
	}
}

// Nodes that notice at once make one key, without a leader.
func TestManyNodesMakeOneNewKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	nodes := make([]*Identity, 16)
	for n := range nodes {
		nodes[n] = h.node(issuer)
		nodes[n].keys.maxAge = time.Hour
	}
	h.clock.Advance(time.Hour)
	var group sync.WaitGroup
	for _, n := range nodes {
		group.Go(func() { n.Upkeep(t.Context()) })
	}
	group.Wait()
	keys, err := h.store.SigningKeys(t.Context())
	if err != nil || len(keys) != 2 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	for _, n := range nodes {
		if len(n.JWKS().Keys) != 2 || n.keys.signing().id != "1" {
			t.Errorf("a node has %v", n.JWKS())
		}
	}
}

// A key that leaked verifies nothing from now on.
func TestACompromisedKeyEndsAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	old, other := h.userToken(ada), h.node(issuer)
	id, signs, err := h.RotateKeys(t.Context(), true)
	if err != nil || id != "2" || !signs.Equal(h.clock.Now()) {
		t.Fatalf("%s signs at %v, %v", id, signs, err)
	}
	h.wants(h, old.Secret, "")
	wantKids(t, "here", h.kids(), "2")
	h.wants(h, h.userToken(ada).Secret, ada)
	// another node hears of it within a second, without any upkeep: what it signs from then on is signed anew
	h.clock.Advance(cacheTTL)
	h.wants(other, old.Secret, "")
	made, err := other.CreateUserToken(t.Context(), h.actor(vic), "", nil)
	h.must(err)
	h.wants(h, made.Secret, vic)
}

// What a node signs before it verifies anything is not signed with a key that another node has ended.
func TestANodeSignsWithNoKeyThatIsGone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	other := h.node(issuer)
	_, _, err := h.RotateKeys(t.Context(), true)
	h.must(err)
	h.clock.Advance(cacheTTL)
	made, err := other.CreateUserToken(t.Context(), h.actor(vic), "", nil)
	h.must(err)
	h.wants(h, made.Secret, vic)
}

func TestLastUseIsNotedOnceAMinuteBesideTheCalls(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	made := h.serviceToken()
	lastUse := func() time.Time {
		token, err := h.store.Token(t.Context(), "acmecorp", made.Token.Name)
		h.must(err)
		return token.LastUseTime
	}
	first := h.clock.Now()
	h.wants(h, made.Secret, bot)
	if !lastUse().IsZero() {
		t.Error("a call has written it")
	}
	h.must(h.FlushUses(t.Context()))
	if !lastUse().Equal(first) {
		t.Errorf("noted is %v, want %v", lastUse(), first)
	}
	h.clock.Advance(useEvery - time.Second)
	h.wants(h, made.Secret, bot)
	if got := h.uses.take(); len(got) != 0 {
		t.Errorf("noted again within a minute: %v", got)
	}
	h.clock.Advance(time.Second)
	h.wants(h, made.Secret, bot)
	h.down.Store(true)
	if h.FlushUses(t.Context()) == nil {
		t.Error("the store is down")
	}
	h.down.Store(false)
	h.must(h.FlushUses(t.Context())) // what could not be written was kept
	if !lastUse().Equal(first.Add(useEvery)) {
		t.Errorf("noted is %v, want a minute later", lastUse())
	}
	// A short-lived token that was exchanged counts for the one that it came of, and a wrong one for none.
	short, err := h.Exchange(t.Context(), made.Secret)
	h.must(err)
	h.clock.Advance(useEvery)
	h.wants(h, short.Secret, bot)
	h.wants(h, "ind_wrong", "")
	h.must(h.FlushUses(t.Context()))
	if !lastUse().Equal(first.Add(2 * useEvery)) {
		t.Errorf("noted is %v, want two minutes later", lastUse())
	}
}

func TestWhatIsLeftIsWrittenWhenTheServerStops(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	made := h.serviceToken()
	h.Start()
	h.wants(h, made.Secret, bot)
	h.Identity.Stop(t.Context())
	h.Identity.Stop(t.Context())
	token, err := h.store.Token(t.Context(), "acmecorp", made.Token.Name)
	if err != nil || token.LastUseTime.IsZero() {
		t.Errorf("%+v, %v", token, err)
	}
}

func TestARotatedTokenEndsAfterItsGrace(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	old := h.serviceToken(approval.ReadPetitions, approval.ManageOwnTokens)
	short, err := h.Exchange(t.Context(), old.Secret)
	h.must(err)
	a, err := h.Authenticate(t.Context(), old.Secret)
	h.must(err)
	child, err := h.CreateUserToken(t.Context(), a, "", nil)
	h.must(err)
	fresh, err := h.RotateToken(t.Context(), h.actor(ada), old.Token.Name, time.Minute)
	h.must(err)
	for _, secret := range []string{old.Secret, short.Secret, child.Secret, fresh.Secret} {
		h.wants(h, secret, bot)
	}
	h.clock.Advance(time.Minute)
	for _, secret := range []string{old.Secret, short.Secret, child.Secret} {
		h.wants(h, secret, "")
	}
	h.wants(h, fresh.Secret, bot)
	if len(fresh.Token.Scopes) != 2 || fresh.Token.Name == old.Token.Name {
		t.Errorf("%+v", fresh.Token)
	}
	last, err := h.RotateToken(t.Context(), h.actor(ada), fresh.Token.Name, 0)
	h.must(err)
	h.wants(h, fresh.Secret, "")
	h.wants(h, last.Secret, bot)
}

func TestATokenIsDescribedWithoutAsking(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	service, user := h.serviceToken().Secret, h.userToken(ada, approval.ReadPetitions)
	if d, err := Describe(service); err != nil || d.Kind != approval.TokenService || d.Member != "" {
		t.Errorf("%+v, %v", d, err)
	}
	d, err := Describe(user.Secret)
	if err != nil || d.Kind != approval.TokenUser || d.Member != ada || d.Space != "acmecorp" || d.Scope != "petitions:read" || d.Name != user.Token.Name ||
		d.Issuer != issuer || !d.Expire.Equal(user.Token.ExpireTime) {
		t.Errorf("%+v, %v", d, err)
	}
	for _, text := range []string{"", "hello", service[:20], service + "0", strings.ToLower(service), strings.Repeat("a", maxBearer+1), "a.b.c", user.Secret[:40], unsigned(t, "1")} {
		if d, err := Describe(text); approval.CodeOf(err) != approval.Invalid || d.Kind != "" || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%.30q: %+v, %v", text, d, err)
		}
	}
}

// What the documentation tells secret scanners finds every token, and its checksum tells it from others of that form.
func TestScannersFindTokens(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	pattern := regexp.MustCompile(scannerPattern)
	for range 200 {
		secret := h.serviceToken().Secret
		for _, text := range []string{secret, "INDENT_API_TOKEN=" + secret + "\n", `{"token":"` + secret + `"}`, "https://x/?t=" + secret + "&y=1"} {
			if got := pattern.FindString(text); got != secret {
				t.Fatalf("in %q it finds %q", text, got)
			}
		}
	}
	for _, text := range []string{"ind_short", "find_" + strings.Repeat("a", 38), "ind_" + strings.Repeat("a", 39), "INDENT_API_TOKEN=ind_…"} {
		if got := pattern.FindString(text); got != "" {
			t.Errorf("in %q it finds %q", text, got)
		}
	}
}
