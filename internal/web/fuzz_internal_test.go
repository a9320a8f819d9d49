package web

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/indent-approvals/indent/internal/approval"
)

var ownTags = regexp.MustCompile(`</?(bdi|span)( class="(odd|mixed|key|string)")?( title="[A-Za-z -]+")?>`)

// read answers what a reader of the markup sees, or ends the test when there is markup that is not ours.
func read(t *testing.T, markup string) string {
	t.Helper()
	text := ownTags.ReplaceAllString(markup, "")
	if strings.ContainsAny(text, `<>"`) {
		t.Errorf("%q has markup of somebody else", markup)
	}
	return html.UnescapeString(text)
}

// Whatever the text: a page shows it as text and nothing of it is hidden; what has nothing to hide is shown as it is.
func FuzzShown(f *testing.F) {
	for _, s := range []string{"plain & <b>bold</b>", "a\u202eb", "раypal", "1\ufe0f\u20e3", "e\u0301\u0302\u0303\u0304", "\xff\x00", "\"'onload=x", "<!--", "\r\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		markup := string(show(s))
		shown := read(t, markup)
		if !utf8.ValidString(markup) || strings.ContainsAny(shown, "\x00\x1b\r\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\ufeff\u2028\u2029") {
			t.Errorf("%+q is shown as %+q", s, shown)
		}
		if !strings.Contains(markup, `class="odd"`) && shown != strings.ToValidUTF8(strings.ReplaceAll(s, "\r\n", "\n"), "\ufffd") && utf8.ValidString(s) {
			t.Errorf("%+q is shown as %+q", s, shown)
		}
	})
}

// Whatever the params that a petition may have: the table has each value once, and the exact JSON is exact.
func FuzzParams(f *testing.F) {
	for _, s := range []string{`{"a":{"b":[1,{"c":"x"}],"d":{}},"e":[],"f g":true,"h":null,"i":"","j.k":-5e-7}`, `{"\"":"\\\"","a":"<b>"}`, `{"":{"":{"":[[]]}}}`, `{"a":"می\u200cخواهم"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		params, err := approval.CanonicalParams("params", sent)
		if err != nil || params == nil {
			return
		}
		markup := string(exactJSON(params))
		if shown := read(t, markup); shown != string(params) && !strings.Contains(markup, `class="odd"`) {
			t.Errorf("%q is shown as %q", params, shown)
		}
		rows, ok := paramTable(params)
		if ok != (len(rows) <= maxParamRows && (rows != nil || string(params) == "{}")) {
			t.Errorf("%q: %d rows, %v", params, len(rows), ok)
		}
		paths := map[string]bool{}
		for _, row := range rows {
			if paths[row.Path] || row.Path == "" || row.Kind == "" {
				t.Errorf("%q: the path %q is there twice or empty", params, row.Path)
			}
			paths[row.Path] = true
		}
	})
}

// Whatever the address to return to: it is a page of this server, and reading it again changes nothing.
func FuzzReturn(f *testing.F) {
	for _, s := range []string{"/access/acme/x?y=1#z", "//evil.example", `/\evil.example`, "https://evil.example", "/%2f%2fevil.example", "/sign-out", "/a\nb", "javascript:alert(1)", "/..//evil.example"} {
		f.Add(s)
	}
	base, err := url.Parse("https://indent.example")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		to := localPath(s)
		u, err := base.Parse(to)
		if err != nil || u.Host != base.Host || u.Scheme != base.Scheme || u.User != nil || localPath(to) != to || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t ") {
			t.Errorf("%q leads to %q (%v)", s, to, err)
		}
		link := linkIn(s)
		if len(link) > 500 || len(link) > len(s) {
			t.Errorf("%q has the link %q", s, link)
		}
	})
}

// Whatever the form: what is read from it is a claim that the centre can judge, and says no more than the form did.
func FuzzForm(f *testing.F) {
	for _, s := range []string{"claim=access/approve&reason=a%0D%0Ab&duration=1h0m0s&digest=sha256:0&key=k", "claim=access/approve&duration=indefinite", "a;b", "claim=access/approve&passkey={}", "%zz", "claim=&claim=x", "reason=%FF"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r, err := http.NewRequest(http.MethodPost, "/access/acme/x?claim=access/approve&digest=x", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if err := form(r); err != nil {
			if code := approval.CodeOf(err); code != approval.Invalid {
				t.Errorf("%q: %v", body, err)
			}
			return
		}
		c, seen, err := claimOf(r)
		if err != nil {
			if code := approval.CodeOf(err); code != approval.Invalid {
				t.Errorf("%q: %v", body, err)
			}
			return
		}
		known := []string{approval.LabelDigest, approval.LabelTimeDuration, approval.LabelTimeIndefinite}
		for key, value := range c.Labels {
			if !slices.Contains(known, key) || value == "" {
				t.Errorf("%q sets the label %q to %q", body, key, value)
			}
		}
		if c.Labels == nil || c.Event != r.PostForm.Get("claim") || c.Reason != seen.reason || strings.Contains(c.Reason, "\r\n") || len(claimKey(r)) > 100 {
			t.Errorf("%q is read as %+v", body, c)
		}
		if err := c.Check(); err != nil && approval.CodeOf(err) != approval.Invalid {
			t.Errorf("%q: %v", body, err)
		}
	})
}

// Whatever the Cookie header: the value of our cookie, if it is no longer than what we set, or none.
func FuzzCookie(f *testing.F) {
	for _, s := range []string{"indent=abc", "indent=a; indent=b", "__Host-indent=x", `indent="a b"`, "indent=\xff", ";;=;", "__Host-indent =000", "__Host-indent=" + strings.Repeat("a", maxCookie+1)} {
		f.Add(s)
	}
	c := cookieFor(&url.URL{Scheme: "https", Host: "indent.example"})
	f.Fuzz(func(t *testing.T, header string) {
		secret := c.read(&http.Request{Header: http.Header{"Cookie": {header}}})
		// net/http drops the spaces around a name, which no browser sends (RFC 6265, section 5.4).
		named := strings.Contains(strings.NewReplacer(" ", "", "\t", "").Replace(header), "__Host-indent=")
		if len(secret) > maxCookie || secret != "" && !named || strings.ContainsAny(secret, ";\x00\r\n") {
			t.Errorf("%q has the secret %q", header, secret)
		}
	})
}
