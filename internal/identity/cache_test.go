package identity

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func TestABusyClientIsLookedUpOnceASecond(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for name, secret := range map[string]string{"service token": h.serviceToken().Secret, "user token": h.userToken(ada).Secret} {
		h.clock.Advance(cacheTTL)
		before := h.reads.Load()
		for range 100 {
			if _, err := h.Authenticate(t.Context(), secret); err != nil {
				t.Fatal(err)
			}
		}
		want := int64(4) // the token, the member, its space and its other names
		if name == "service token" {
			want += 3 // and the owner, who bounds it; it and its owner are looked up as one person
		} else {
			want++ // and the keys that may have signed it
		}
		if n := h.reads.Load() - before; n != want {
			t.Errorf("%s: %d readings, want %d", name, n, want)
		}
		h.clock.Advance(cacheTTL)
		if _, err := h.Authenticate(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
		if n := h.reads.Load() - before; n != 2*want {
			t.Errorf("%s: %d readings after a second, want %d", name, n, 2*want)
		}
	}
}

func TestWhatHasEndedIsRefusedWithinASecond(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(h *house, token string){
		"revoked":   func(h *house, token string) { h.must(h.RevokeToken(h.Context(), h.actor(ada), token)) },
		"suspended": func(h *house, _ string) { h.suspend(bot) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			other := h.node(issuer)
			long := h.serviceToken()
			short, err := h.Exchange(t.Context(), long.Secret)
			h.must(err)
			for _, secret := range []string{long.Secret, short.Secret} {
				h.wants(h, secret, bot)
				h.wants(other, secret, bot)
			}
			end(h, long.Token.Name)
			if name == "revoked" {
				h.wants(h, long.Secret, "") // on this node at once
				h.wants(h, short.Secret, "")
			}
			h.clock.Advance(time.Second)
			for _, node := range []*Identity{h.Identity, other} {
				h.wants(node, long.Secret, "")
				h.wants(node, short.Secret, "")
			}
		})
	}
}

func TestACredentialThatEndsByItselfEndsInTheCacheToo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	made, err := h.CreateServiceToken(t.Context(), h.actor(ada), bot, "", nil, h.clock.Now().Add(time.Minute))
	h.must(err)
	h.clock.Advance(time.Minute - time.Millisecond)
	h.wants(h, made.Secret, bot)
	h.clock.Advance(time.Millisecond)
	h.wants(h, made.Secret, "")
}

func TestAClockThatIsSetBackKeepsNothingAlive(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	made := h.serviceToken()
	h.wants(h, made.Secret, bot)
	other := h.node(issuer)
	h.must(other.RevokeToken(t.Context(), h.actor(ada), made.Token.Name))
	h.clock.Advance(-time.Hour)
	h.wants(h, made.Secret, "")
}

// A look-up that was under way when the token was revoked must not bring it back.
func TestALookUpThatRacesARevocationIsNotKept(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	made := h.serviceToken()
	actor := h.actor(ada)
	read := h.store.BeforeRead
	revoked := false
	h.store.BeforeRead = func(what string) error {
		if what == "Member" && !revoked { // the token was read and was good
			revoked = true
			h.store.BeforeRead = read
			h.must(h.RevokeToken(t.Context(), actor, made.Token.Name))
		}
		return read(what)
	}
	h.wants(h, made.Secret, bot) // it began before
	h.wants(h, made.Secret, "")
}

func TestTheCacheIsBounded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for n := range 2*cacheSize + 10 {
		_, err := h.cached(t.Context(), "kind", fmt.Sprint(n), func(context.Context) (approval.Actor, time.Time, error) {
			return approval.Actor{ID: "x"}, time.Time{}, nil
		})
		h.must(err)
		if size := len(h.cache.entries); size > cacheSize {
			t.Fatalf("%d entries", size)
		}
	}
}

// Who only differs in kind is another: a session's secret is no service token.
func TestKindsAreKeptApart(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	link, err := h.Sessions().CreateLink(t.Context(), approval.System("acmecorp", "admin"), ada, time.Hour)
	h.must(err)
	session, _, err := h.Sessions().SignIn(t.Context(), link, "test")
	h.must(err)
	h.wants(h.Sessions(), session, ada)
	for name, bearer := range map[string]string{"session": session, "link": link, "with a prefix": serviceToken(session)} {
		h.wants(h, bearer, "")
		if _, err := h.Exchange(t.Context(), bearer); approval.CodeOf(err) != approval.Unauthenticated {
			t.Errorf("%s was exchanged: %v", name, err)
		}
	}
	service := h.serviceToken().Secret
	for name, secret := range map[string]string{"link": link, "service token": service, "its random part": strings.TrimPrefix(service, prefix)[:32], "user token": h.userToken(ada).Secret} {
		if _, err := h.Sessions().Authenticate(t.Context(), secret); approval.CodeOf(err) != approval.Unauthenticated {
			t.Errorf("%s is a session: %v", name, err)
		}
		if _, err := h.Sessions().Look(t.Context(), secret); name != "link" && approval.CodeOf(err) != approval.Unauthenticated {
			t.Errorf("%s is a link: %v", name, err)
		}
	}
}
