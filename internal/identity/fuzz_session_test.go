package identity

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// Whatever a link or a cookie says: it is the one that was made, or stands for nobody; looking uses nothing up.
func FuzzLink(f *testing.F) {
	h := newHouse(f)
	link, err := h.Sessions().CreateLink(f.Context(), approval.System("acmecorp", "admin"), ada, time.Hour)
	h.must(err)
	first, err := h.Sessions().CreateLink(f.Context(), approval.System("acmecorp", "admin"), ada, time.Hour)
	h.must(err)
	session, _, err := h.Sessions().SignIn(f.Context(), first, "test")
	h.must(err)
	for _, s := range []string{link, session, first, "", strings.ToUpper(link), link + "\x00", hash(link), strings.Repeat("0", sessionLength)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, secret string) {
		m, err := h.Sessions().Look(t.Context(), secret)
		switch code := approval.CodeOf(err); {
		case secret == link && (err != nil || m.ID != ada), secret == first && code != approval.Expired,
			secret != link && secret != first && code != approval.Unauthenticated, err != nil && m.ID != "":
			t.Fatalf("the link %q is of %q (%v)", secret, m.ID, err)
		}
		a, err := h.Sessions().Authenticate(t.Context(), secret)
		if secret == session && (err != nil || a.ID != ada) || secret != session && (approval.CodeOf(err) != approval.Unauthenticated || a.ID != "") {
			t.Fatalf("the cookie %q is of %q (%v)", secret, a.ID, err)
		}
	})
}

// Whatever the scope: it is written as it is read, and a token for it is refused or bounded by it.
func FuzzScope(f *testing.F) {
	h := newHouse(f)
	viewer := h.actor(vic)
	for _, s := range []string{"petitions:read petitions:create", "", "*", "petitions:read\tpetitions:read", "petitions", "\u00a0petitions:read", "Petitions:Read"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		scopes := ParseScope(text)
		if again := ParseScope(ScopeText(scopes)); !slices.Equal(again, scopes) {
			t.Fatalf("%q: %q is read as %q", text, scopes, again)
		}
		made, err := h.CreateUserToken(t.Context(), viewer, "fuzz", scopes)
		if err != nil {
			if code := approval.CodeOf(err); code != approval.Invalid && code != approval.Forbidden || made.Secret != "" {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		for _, p := range made.Token.Scopes {
			if !slices.Contains(approval.Permissions, p) || len(scopes) > 0 && !slices.Contains(scopes, p) {
				t.Fatalf("%q hands out %q", text, p)
			}
		}
	})
}
