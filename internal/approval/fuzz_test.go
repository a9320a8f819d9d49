package approval

import (
	"net/mail"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

// Whatever the name: what is taken is safe in a path, a file name, a header and an address.
func FuzzNames(f *testing.F) {
	for _, s := range []string{"acmecorp", "a-b", "-a", "a..b", "ada@acmecorp.example", "a@b@c", "a b@c", "ada@acmecorp.example\n", "Å@x", "xn--a", "%2f", "a/b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		slug, name, email := CheckSlug("f", s), checkName("f", s), CheckEmail("f", s)
		for _, err := range []error{slug, name, email} {
			if err != nil && CodeOf(err) != Invalid {
				t.Errorf("%q: %v", s, err)
			}
		}
		if slug == nil && (name != nil || s != strings.ToLower(s) || strings.ContainsAny(s, "._@/")) {
			t.Errorf("%q is a slug", s)
		}
		if name == nil && (len(s) > MaxName || strings.ContainsAny(s, "/\\:%?#\"' \t\n;&=") || s[0] == '.' || s[0] == '-') {
			t.Errorf("%q is a name", s)
		}
		if email == nil {
			if strings.ContainsFunc(s, unicode.IsSpace) || strings.Count(s, "@") != 1 || len(s) > 4*MaxEmail {
				t.Errorf("%q is an address", s)
			}
			if ascii := !strings.ContainsFunc(s, func(r rune) bool { return r > 0x7e }); ascii && strings.ContainsAny(s, "<>\",;()[]") {
				if _, err := mail.ParseAddress(s); err != nil {
					t.Errorf("%q is an address: %v", s, err)
				}
			}
		}
	})
}

// Whatever is asked: the digest stays the same when it is written and read again, and changes with what is asked.
func FuzzDigest(f *testing.F) {
	f.Add([]byte(`{"id":"x","labels":{"b":"1","a":"2"}}`), "because", int64(3600e9))
	f.Add([]byte(`{"id":"","displayName":"\u00e9","altIds":["a","b"]}`), "", int64(0))
	f.Fuzz(func(t *testing.T, text []byte, reason string, duration int64) {
		var r Resource
		if json.Unmarshal(text, &r) != nil || r.Check() != nil || checkProse("", reason, MaxReason) != nil {
			return
		}
		written, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var again Resource
		if err := json.Unmarshal(written, &again); err != nil || !again.isSaidOf(r) || again.Check() != nil {
			t.Fatalf("%q is written as %q: %v\n%s", text, written, err, cmp.Diff(r, again))
		}
		digest := func(r Resource, reason string, longer time.Duration) string {
			d, err := Digest(nil, []Resource{r}, nil, reason, time.Duration(duration)+longer)
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		first := digest(r, reason, 0)
		if digest(again, reason, 0) != first {
			t.Errorf("%q has another digest when it is read again", text)
		}
		other := r
		other.ID += "x"
		for what, changed := range map[string]string{"reason": digest(r, reason+"x", 0), "resource": digest(other, reason, 0), "duration": digest(r, reason, 1)} {
			if changed == first {
				t.Errorf("%q: another %s has the same digest", text, what)
			}
		}
	})
}
