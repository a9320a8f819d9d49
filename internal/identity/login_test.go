package identity

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func (h *house) open(scopes ...approval.Permission) DeviceCode {
	h.Helper()
	c, err := h.Logins().Open(h.Context(), approval.Login{Client: "indent", Host: "laptop", Source: "192.0.2.1", Scopes: scopes})
	h.must(err)
	return c
}

func (h *house) let(id string, c DeviceCode) {
	h.Helper()
	_, err := h.Logins().Answer(h.Context(), h.actor(id), c.User, true)
	h.must(err)
}

// login answers what a program has that a member has let in.
func (h *house) login(id string, scopes ...approval.Permission) Pair {
	h.Helper()
	c := h.open(scopes...)
	h.let(id, c)
	p, err := h.Logins().DeviceTokens(h.Context(), c.Device)
	h.must(err)
	return p
}

// grants fails unless err is the refusal in the words of OAuth.
func (h *house) grants(err error, grant string) {
	h.Helper()
	var e *approval.Error
	if !errors.As(err, &e) || e.Grant != grant {
		h.Errorf("got %v, want %s", err, grant)
	}
}

func (h *house) eventsOf(name string) []approval.Event {
	h.Helper()
	found, err := h.store.Events(h.Context(), approval.EventQuery{Space: "acmecorp", Event: name, Page: approval.PageRequest{Size: 200}})
	h.must(err)
	return found.Items
}

func TestADeviceIsLetInByItsCode(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, l := t.Context(), h.Logins()
	c := h.open()
	if len(c.User) != 9 || c.User[4] != '-' || strings.ContainsAny(c.User, "AEIOUY") || len(c.Device) < 32 {
		t.Errorf("%+v", c)
	}
	_, err := l.DeviceTokens(ctx, c.Device)
	h.grants(err, approval.GrantPending)
	_, err = l.DeviceTokens(ctx, c.Device)
	h.grants(err, approval.GrantSlowDown)
	h.clock.Advance(c.Interval)
	_, err = l.DeviceTokens(ctx, c.Device)
	h.grants(err, approval.GrantPending)
	if asked, err := l.Asked(ctx, h.actor(vic), strings.ToLower(strings.ReplaceAll(c.User, "-", " "))); err != nil || asked.Client != "indent" || asked.Source != "192.0.2.1" || asked.Space != "acmecorp" {
		t.Errorf("%+v, %v", asked, err)
	}
	_, err = l.DeviceTokens(ctx, c.Device) // to look is to grant nothing
	h.grants(err, approval.GrantSlowDown)
	h.let(vic, c)
	made, err := l.DeviceTokens(ctx, c.Device)
	h.must(err)
	h.wants(h, made.Secret, vic)
	_, err = l.DeviceTokens(ctx, c.Device)
	h.grants(err, approval.GrantInvalid)
	_, err = l.DeviceTokens(ctx, "unknown")
	h.grants(err, approval.GrantInvalid)
	if events := h.eventsOf(approval.EventDeviceAllow); len(events) != 1 || events[0].Actor.ID != vic || events[0].Resources[0].Labels[approval.LabelSource] != "192.0.2.1" {
		t.Errorf("%+v", events)
	}
	if _, err := l.Answer(ctx, h.actor(vic), c.User, true); approval.CodeOf(err) != approval.Expired {
		t.Errorf("a code that was used: %v", err)
	}
}

// What a person has allowed and no program has fetched ends like everything of who is suspended or leaves: whoever comes
// back, maybe with another role, finds nothing from before.
func TestWhatWasAllowedEndsWithWhoLeaves(t *testing.T) {
	t.Parallel()
	system, owner := approval.System("acmecorp", "admin"), approval.Owner
	for name, leave := range map[string]func(h *house){
		"suspended and let in again": func(h *house) {
			for _, suspended := range []bool{true, false} {
				_, err := h.service.PutMember(h.Context(), system, approval.Member{Email: vic, Role: approval.Viewer, Suspended: suspended})
				h.must(err)
			}
		},
		"removed and made an owner": func(h *house) {
			h.must(h.service.RemoveMember(h.Context(), h.actor(ada), vic))
			_, err := h.service.ChangeMember(h.Context(), h.actor(ada), vic, approval.MemberChange{Role: &owner})
			h.must(err)
		},
	} {
		h := newHouse(t)
		l, c, others := h.Logins(), h.open(), h.open()
		h.let(vic, c)
		h.let(ada, others)
		verifier := strings.Repeat("v", 50)
		asked := approval.Login{Client: "indent", Redirect: "http://127.0.0.1:9/callback", Challenge: pkceOf(verifier)}
		code, err := l.Allow(t.Context(), h.actor(vic), asked)
		h.must(err)
		leave(h)
		if made, err := l.DeviceTokens(t.Context(), c.Device); err == nil || made.Secret != "" {
			t.Errorf("%s: the device has a token", name)
		}
		if made, err := l.CodeTokens(t.Context(), code, verifier, asked.Redirect); err == nil || made.Secret != "" {
			t.Errorf("%s: the program has a token", name)
		}
		made, err := l.DeviceTokens(t.Context(), others.Device)
		h.must(err)
		h.wants(h, made.Secret, ada)
	}
}

func TestADeviceThatIsNotLetIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, l := t.Context(), h.Logins()
	refused, late := h.open(), h.open()
	_, err := l.Answer(ctx, h.actor(ada), refused.User, false)
	h.must(err)
	_, err = l.DeviceTokens(ctx, refused.Device)
	h.grants(err, approval.GrantDenied)
	h.clock.Advance(approval.LoginTTL)
	_, err = l.DeviceTokens(ctx, late.Device)
	h.grants(err, approval.GrantExpired)
	if _, err := l.Answer(ctx, h.actor(ada), late.User, true); approval.CodeOf(err) != approval.Expired {
		t.Error(err)
	}
	if _, err := l.Answer(ctx, h.actor(ada), "nonsense", true); approval.CodeOf(err) != approval.Invalid {
		t.Error(err)
	}
	if _, err := l.Answer(ctx, h.actor(bot), h.open().User, true); approval.CodeOf(err) != approval.Forbidden {
		t.Errorf("a program lets a program in: %v", err)
	}
	elsewhere, err := l.Open(ctx, approval.Login{Client: "x", AskedSpace: "othercorp"})
	h.must(err)
	if _, err := l.Answer(ctx, h.actor(ada), elsewhere.User, true); approval.CodeOf(err) != approval.Forbidden {
		t.Errorf("another space than asked: %v", err)
	}
	gone := h.open()
	h.let(vic, gone)
	h.suspend(vic)
	_, err = l.DeviceTokens(ctx, gone.Device)
	h.grants(err, approval.GrantDenied)
}

func TestAStrangersCodesAreBounded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for range approval.MaxOpenLogins {
		h.open()
	}
	_, err := h.Logins().Open(t.Context(), approval.Login{Client: "x", Source: "192.0.2.1"})
	if approval.CodeOf(err) != approval.TooMany {
		t.Errorf("one more: %v", err)
	}
	_, err = h.Logins().Open(t.Context(), approval.Login{Client: "x", Source: "192.0.2.2"})
	h.must(err) // nobody else is shut out
	for _, bad := range []approval.Login{{}, {Client: "\u202e"}, {Client: strings.Repeat("x", 101)}, {Client: "x", Host: "a\nb"}, {Client: "x", AskedSpace: "../x"},
		{Client: "x", Scopes: []approval.Permission{"everything"}}} {
		if _, err := h.Logins().Open(t.Context(), bad); approval.CodeOf(err) != approval.Invalid {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestManyPollersOfOneDeviceCodeGetOnePair(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.open()
	h.let(ada, c)
	won := together(64, func(int) (Pair, error) { return h.Logins().DeviceTokens(t.Context(), c.Device) })
	if len(won) != 1 {
		t.Fatalf("%d pairs", len(won))
	}
	h.wants(h, won[0].Secret, ada)
}

// Of many who use one refresh token, one gets in; that it was used twice ends the family, the winner's too.
func TestManyUsersOfOneRefreshToken(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := h.login(ada)
	won := together(64, func(int) (Pair, error) { return h.Logins().RefreshTokens(t.Context(), first.Refresh) })
	if len(won) != 1 {
		t.Fatalf("%d pairs", len(won))
	}
	h.wants(h, won[0].Secret, "")
	h.wants(h, first.Secret, "")
	if _, err := h.Logins().RefreshTokens(t.Context(), won[0].Refresh); approval.CodeOf(err) != approval.Unauthenticated {
		t.Errorf("the winner's: %v", err)
	}
	if n := len(h.eventsOf(approval.EventTokenReuse)); n != 1 {
		t.Errorf("%d events", n)
	}
}

// together answers what those got who got something, of n at once.
func together[T any](n int, f func(i int) (T, error)) (won []T) {
	var mu sync.Mutex
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-start
			if p, err := f(i); err == nil {
				mu.Lock()
				defer mu.Unlock()
				won = append(won, p)
			}
		})
	}
	close(start)
	all.Wait()
	return won
}

func TestARefreshTokenIsUsedOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	other := h.node(issuer)
	a := h.login(ada)
	if !IsRefreshToken(a.Refresh) || IsRefreshToken(h.serviceToken().Secret) || wellFormed(a.Refresh) {
		t.Error(a.Refresh)
	}
	h.wants(h, a.Refresh, "") // it is no bearer token
	b, err := h.Logins().RefreshTokens(t.Context(), a.Refresh)
	h.must(err)
	h.wants(h, a.Secret, ada)
	h.wants(h, b.Secret, ada)
	h.wants(other, b.Secret, ada)
	_, err = h.Logins().RefreshTokens(t.Context(), a.Refresh)
	if approval.CodeOf(err) != approval.Unauthenticated || !strings.Contains(err.Error(), "second time") {
		t.Errorf("%v", err)
	}
	h.wants(h, b.Secret, "")
	h.clock.Advance(time.Second)
	h.wants(other, b.Secret, "")
	if _, err := h.Logins().RefreshTokens(t.Context(), b.Refresh); approval.CodeOf(err) != approval.Unauthenticated {
		t.Error(err)
	}
	for _, bad := range []string{"", "indr_x", a.Refresh[:len(a.Refresh)-1] + "-", newRefreshToken(strings.Repeat("z", 32))} {
		if _, err := h.Logins().RefreshTokens(t.Context(), bad); approval.CodeOf(err) != approval.Unauthenticated {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestALoginEndsWithItsIdleTimeAndAtTheLatest(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.LoginIdle, h.LoginTTL = 24*time.Hour, 60*time.Hour
	idle, busy := h.login(ada), h.login(ada)
	begin := h.clock.Now()
	for range 3 {
		h.clock.Advance(19 * time.Hour)
		next, err := h.Logins().RefreshTokens(t.Context(), busy.Refresh)
		h.must(err)
		busy = next
	}
	if _, err := h.Logins().RefreshTokens(t.Context(), idle.Refresh); approval.CodeOf(err) != approval.Unauthenticated {
		t.Errorf("idle: %v", err)
	}
	h.clock.Set(begin.Add(60*time.Hour - 30*time.Minute))
	last, err := h.Logins().RefreshTokens(t.Context(), busy.Refresh)
	h.must(err)
	if end := begin.Add(60 * time.Hour); !last.Token.ExpireTime.Equal(end) {
		t.Errorf("the last access token ends at %v, want %v", last.Token.ExpireTime, end)
	}
	h.clock.Advance(30 * time.Minute)
	h.wants(h, last.Secret, "")
	if _, err := h.Logins().RefreshTokens(t.Context(), last.Refresh); approval.CodeOf(err) != approval.Unauthenticated {
		t.Errorf("at the latest: %v", err)
	}
}

func TestALoginEndsWithinASecond(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(h *house, p Pair){
		"signed out":       func(h *house, p Pair) { h.must(h.Logins().End(h.Context(), p.Refresh)) },
		"by an owner":      func(h *house, p Pair) { h.must(h.RevokeToken(h.Context(), h.actor(ada), p.Token.Name)) },
		"by who signed in": func(h *house, p Pair) { h.must(h.RevokeToken(h.Context(), h.actor(vic), p.Token.Name)) },
		"suspended":        func(h *house, _ Pair) { h.suspend(vic); h.Forget() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			other := h.node(issuer)
			p := h.login(vic)
			a, err := h.Authenticate(t.Context(), p.Secret)
			h.must(err)
			child, err := h.CreateUserToken(t.Context(), a, "made with it", nil)
			h.must(err)
			h.wants(other, p.Secret, vic)
			end(h, p)
			h.clock.Advance(time.Second)
			for _, secret := range []string{p.Secret, child.Secret} {
				h.wants(h, secret, "")
				h.wants(other, secret, "")
			}
			if _, err := h.Logins().RefreshTokens(t.Context(), p.Refresh); approval.CodeOf(err) != approval.Unauthenticated {
				t.Errorf("it was renewed: %v", err)
			}
			_ = h.Logins().End(t.Context(), p.Refresh) // which ends it if it has not ended
			if err := h.Logins().End(t.Context(), p.Refresh); approval.CodeOf(err) != approval.Unauthenticated {
				t.Errorf("once more: %v", err)
			}
		})
	}
}

func TestScopesOfALoginNeverGrow(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.login(vic, approval.ReadPetitions, approval.WriteResources) // of which a Viewer has one
	for range 2 {
		a, err := h.Authenticate(t.Context(), p.Secret)
		if err != nil || !slices.Equal(a.Scopes, []approval.Permission{approval.ReadPetitions}) {
			t.Fatalf("%v, %v", a.Scopes, err)
		}
		p, err = h.Logins().RefreshTokens(t.Context(), p.Refresh)
		h.must(err)
	}
	if _, err := h.Logins().Answer(t.Context(), h.actor(vic), h.open(approval.WriteMembers).User, true); approval.CodeOf(err) != approval.Forbidden {
		t.Errorf("nothing of it is the Viewer's: %v", err)
	}
}

const redirect = "http://127.0.0.1:40123/callback"

func pkceOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func TestALoginThroughTheBrowser(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, l, verifier := t.Context(), h.Logins(), strings.Repeat("v", 43)
	asked := approval.Login{Client: "indent", Redirect: redirect, Challenge: pkceOf(verifier)}
	code, err := l.Allow(ctx, h.actor(ada), asked)
	h.must(err)
	p, err := l.CodeTokens(ctx, code, verifier, redirect)
	h.must(err)
	h.wants(h, p.Secret, ada)
	// A code that comes again ends what it gave.
	_, err = l.CodeTokens(ctx, code, verifier, redirect)
	h.grants(err, approval.GrantInvalid)
	h.wants(h, p.Secret, "")

	for name, use := range map[string]func(code string) error{
		"another verifier": func(code string) error {
			_, err := l.CodeTokens(ctx, code, strings.Repeat("w", 43), redirect)
			return err
		},
		"no verifier":   func(code string) error { _, err := l.CodeTokens(ctx, code, "", redirect); return err },
		"another place": func(code string) error { _, err := l.CodeTokens(ctx, code, verifier, redirect+"x"); return err },
		"as a device's": func(code string) error { _, err := l.DeviceTokens(ctx, code); return err },
		"after its minute": func(code string) error {
			h.clock.Advance(approval.LoginCodeTTL)
			_, err := l.CodeTokens(ctx, code, verifier, redirect)
			return err
		},
		"a code of a device": func(string) error { _, err := l.CodeTokens(ctx, h.open().Device, verifier, redirect); return err },
	} {
		code, err := l.Allow(ctx, h.actor(ada), asked)
		h.must(err)
		if err := use(code); err == nil {
			t.Error(name)
		} else {
			h.grants(err, approval.GrantInvalid)
		}
	}
	used, err := l.Allow(ctx, h.actor(ada), asked)
	h.must(err)
	_, _ = l.CodeTokens(ctx, used, strings.Repeat("w", 43), redirect)
	_, err = l.CodeTokens(ctx, used, verifier, redirect)
	h.grants(err, approval.GrantInvalid) // who guesses a verifier has one try
	h.must(l.Refuse(ctx, h.actor(ada), asked))
	if n := len(h.eventsOf(approval.EventLoginRefuse)); n != 1 {
		t.Errorf("%d refusals", n)
	}
}

func TestACodeGoesToThisMachineOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	good := pkceOf(strings.Repeat("v", 43))
	for _, to := range []string{"", "https://evil.example/callback", "http://127.0.0.1/callback", "http://127.0.0.1:0/callback", "http://127.0.0.1:65536/callback",
		"http://127.0.0.1:80/", "http://127.0.0.1:80/callback?x", "http://127.0.0.1:80/callback#x", "http://127.0.0.1:80@evil.example/callback", "http://127.0.0.1.evil.example:80/callback",
		"http://localhost:80/callback", "http://127.0.0.2:80/callback", "http://127.0.0.1:80/callback\n", "//127.0.0.1:80/callback", "javascript:alert(1)"} {
		if _, err := h.Logins().Allow(t.Context(), h.actor(ada), approval.Login{Client: "x", Redirect: to, Challenge: good}); approval.CodeOf(err) != approval.Invalid {
			t.Errorf("%q: %v", to, err)
		}
	}
	for _, c := range []string{"", "plain", good + "=", good[1:], strings.Replace(good, good[:1], "+", 1)} {
		if _, err := h.Logins().Check(t.Context(), h.actor(ada), approval.Login{Client: "x", Redirect: redirect, Challenge: c}); approval.CodeOf(err) != approval.Invalid {
			t.Errorf("%q: %v", c, err)
		}
	}
}

func TestSecretsOfLoginsAreKeptOnlyAsHashes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.open()
	h.let(ada, c)
	p, err := h.Logins().DeviceTokens(t.Context(), c.Device)
	h.must(err)
	login, err := h.store.Login(t.Context(), hash(c.Device))
	h.must(err)
	refresh, err := h.store.RefreshToken(t.Context(), hash(p.Refresh))
	h.must(err)
	tokens, err := h.store.Tokens(t.Context(), "acmecorp", "", approval.TokenKinds...)
	h.must(err)
	events, err := h.store.Events(t.Context(), approval.EventQuery{Space: "acmecorp", Page: approval.PageRequest{Size: 200}})
	h.must(err)
	kept := fmt.Sprintf("%+v %+v %+v %+v", login, refresh, tokens, events.Items)
	for name, secret := range map[string]string{"device code": c.Device, "user code": c.User, "plain user code": plainUserCode(c.User), "refresh token": p.Refresh, "access token": p.Secret} {
		if strings.Contains(kept, secret) {
			t.Errorf("the %s is kept", name)
		}
	}
}

// Whatever is typed as a code: it is the one that was made, in any spelling, or none.
func FuzzUserCode(f *testing.F) {
	h := newHouse(f)
	c, who := h.open(), h.actor(ada)
	for _, s := range []string{c.User, strings.ToLower(c.User), "", "BCDF-GHJK", "aeiou", strings.Repeat("B", 65), "ſ" + c.User} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		plain := plainUserCode(typed)
		if plain != "" && plainUserCode(UserCode(typed)) != plain {
			t.Fatalf("%q is read as %q and shown as %q", typed, plain, UserCode(typed))
		}
		_, err := h.Logins().Asked(t.Context(), who, typed)
		if (err == nil) != (plain == plainUserCode(c.User)) {
			t.Fatalf("%q: %v", typed, err)
		}
	})
}
