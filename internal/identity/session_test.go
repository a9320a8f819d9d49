package identity

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func (h *house) link(member string) string {
	h.Helper()
	secret, err := h.Sessions().CreateLink(h.Context(), approval.System("acmecorp", "admin"), member, 15*time.Minute)
	h.must(err)
	return secret
}

func (h *house) signIn(member string) string {
	h.Helper()
	secret, end, err := h.Sessions().SignIn(h.Context(), h.link(member), "test")
	h.must(err)
	if end != h.clock.Now().Add(12*time.Hour) {
		h.Errorf("the session ends at %v", end)
	}
	return secret
}

func TestALinkSignsInOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s, link := h.Sessions(), h.link(ada)
	for range 3 { // previews and scanners look, too
		if m, err := s.Look(t.Context(), link); err != nil || m.ID != ada {
			t.Fatalf("got %+v, %v", m, err)
		}
	}
	secret, _, err := s.SignIn(t.Context(), link, "test")
	h.must(err)
	a, err := s.Authenticate(t.Context(), secret)
	if err != nil || a.ID != ada || a.Role != approval.Owner || a.Scopes != nil || a.TokenName == "" {
		t.Errorf("got %+v, %v", a, err)
	}
	if _, _, err := s.SignIn(t.Context(), link, "test"); approval.CodeOf(err) != approval.Expired {
		t.Errorf("a second sign-in: %v", err)
	}
	if _, err := s.Look(t.Context(), link); approval.CodeOf(err) != approval.Expired {
		t.Errorf("a look after use: %v", err)
	}
	h.wants(s, secret, ada)
}

func TestOneOf64UsersOfALinkIsSignedIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	link := h.link(ada)
	var in, late atomic.Int64
	var group sync.WaitGroup
	start := make(chan struct{})
	for range 64 {
		group.Go(func() {
			<-start
			secret, _, err := h.Sessions().SignIn(t.Context(), link, "test")
			switch approval.CodeOf(err) {
			case "":
				in.Add(1)
				h.wants(h.Sessions(), secret, ada)
			case approval.Expired:
				late.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	close(start)
	group.Wait()
	if in.Load() != 1 || late.Load() != 63 {
		t.Errorf("%d are signed in, %d are told that it is used", in.Load(), late.Load())
	}
	sessions, err := h.store.Tokens(t.Context(), "acmecorp", "", approval.TokenSession)
	if err != nil || len(sessions) != 1 {
		t.Errorf("%d sessions, %v", len(sessions), err)
	}
}

func TestWhatIsNoGoodLinkIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	old, suspended := h.link(ada), h.link(vic)
	h.suspend(vic)
	h.clock.Advance(15 * time.Minute)
	fresh := h.link(ada)
	for name, c := range map[string]struct {
		link string
		want approval.Code
	}{
		"nothing":              {"", approval.Unauthenticated},
		"cut":                  {fresh[:31], approval.Unauthenticated},
		"longer":               {fresh + "0", approval.Unauthenticated},
		"unknown":              {"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", approval.Unauthenticated},
		"too old":              {old, approval.Expired},
		"of a suspended Vic":   {suspended, approval.Expired},
		"as good as it can be": {fresh, ""},
	} {
		if _, err := h.Sessions().Look(t.Context(), c.link); approval.CodeOf(err) != c.want {
			t.Errorf("%s: look: got %v, want %s", name, err, c.want)
		}
		if _, _, err := h.Sessions().SignIn(t.Context(), c.link, "test"); approval.CodeOf(err) != c.want {
			t.Errorf("%s: sign in: got %v, want %s", name, err, c.want)
		}
	}
	_, err := h.Sessions().CreateLink(t.Context(), approval.System("acmecorp", "admin"), "nobody@acmecorp.example", time.Minute)
	if approval.CodeOf(err) != approval.NotFound {
		t.Errorf("a link for nobody: %v", err)
	}
}

func TestASessionEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(h *house, secret string){
		"by signing out":       func(h *house, secret string) { h.must(h.Sessions().SignOut(h.Context(), secret)) },
		"by its time":          func(h *house, _ string) { h.clock.Advance(12 * time.Hour) },
		"when it is suspended": func(h *house, _ string) { h.suspend(vic); h.clock.Advance(time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			s, secret, other := h.Sessions(), h.signIn(vic), h.signIn(ada)
			h.clock.Advance(12*time.Hour - 2*time.Second)
			h.wants(s, secret, vic)
			end(h, secret)
			h.wants(s, secret, "")
			if name != "by its time" {
				h.wants(s, other, ada)
			}
			h.must(s.SignOut(t.Context(), secret)) // what has ended stays ended
		})
	}
}

func TestEverySignInIsANewSession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first, second := h.signIn(ada), h.signIn(ada)
	if first == second {
		t.Fatal("the secret was used again")
	}
	h.must(h.Sessions().SignOut(t.Context(), first))
	h.wants(h.Sessions(), first, "")
	h.wants(h.Sessions(), second, ada)
}

// Whoever believes to be signed out must be.
func TestSigningOutWhileTheStoreIsDownIsAnError(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	secret := h.signIn(ada)
	h.clock.Advance(time.Minute)
	h.down.Store(true)
	if err := h.Sessions().SignOut(t.Context(), secret); approval.CodeOf(err) != approval.Unavailable {
		t.Errorf("got %v, want Unavailable", err)
	}
	h.down.Store(false)
	h.wants(h.Sessions(), secret, ada)
}
