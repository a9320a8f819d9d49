package cli

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheCallbackTakesItsOwnStateOnly(t *testing.T) {
	t.Parallel()
	c := newCallback("the-state")
	get := func(method, target string) int {
		w := httptest.NewRecorder()
		c.ServeHTTP(w, httptest.NewRequest(method, target, nil))
		return w.Code
	}
	for _, target := range []string{"/", "/callback", "/callback?code=x", "/callback?state=the-state", "/callback?code=x&state=other", "/other?code=x&state=the-state",
		"/callback?code=x&error=y&state=the-state", "/callback?state=the-state&code=" + strings.Repeat("x", 201)} {
		if status := get(http.MethodGet, target); status != http.StatusNotFound {
			t.Errorf("%s: %d", target, status)
		}
	}
	if status := get(http.MethodPost, "/callback?code=x&state=the-state"); status != http.StatusNotFound {
		t.Error(status)
	}
	if len(c.answers) != 0 {
		t.Fatal("a wrong answer was taken")
	}
	for range 2 { // a browser may load a page again
		if status := get(http.MethodGet, "/callback?code=x&state=the-state"); status != http.StatusOK {
			t.Error(status)
		}
	}
	if got := <-c.answers; got.code != "x" || len(c.answers) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestFilesThatOthersMayReadAreRefused(t *testing.T) {
	t.Parallel()
	d := drawer{filepath.Join(t.TempDir(), "indent")}
	p := profile{Server: "https://indent.example", Space: "acmecorp"}
	_, before, err := d.keep("work", p, secret{RefreshToken: "indr_x"}, false)
	if err != nil || before != nil {
		t.Fatal(before, err)
	}
	path := filepath.Join(d.folder, credentialsFile)
	for name, want := range map[string]os.FileMode{"": 0o700, credentialsFile: 0o600, profilesFile: 0o600} {
		if info, err := os.Stat(filepath.Join(d.folder, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%q: %v, %v, want %v", name, info.Mode(), err, want)
		}
	}
	if s, found, err := d.getSecret("work", p); err != nil || !found || s.RefreshToken != "indr_x" {
		t.Error(s, found, err)
	}
	for _, mode := range []os.FileMode{0o644, 0o640, 0o660, 0o602} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, _, err := d.getSecret("work", p); err == nil || !strings.Contains(err.Error(), "can be read by others") {
			t.Errorf("%v: %v", mode, err)
		}
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".elsewhere"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path+".elsewhere", path); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.getSecret("work", p); err == nil || !strings.Contains(err.Error(), "no plain file") {
		t.Errorf("a link: %v", err)
	}
}

func TestATokenGoesToItsOwnServerOnly(t *testing.T) {
	t.Parallel()
	all := profiles{Current: "a", Profiles: map[string]profile{"a": {Server: "https://one.example", Space: "x"}, "b": {Server: "https://one.example", Space: "y"}, "c": {Server: "https://two.example", Space: "x"}}}
	for _, c := range []struct{ server, space, want string }{
		{"", "", "a"}, {"https://one.example/", "", "a"}, {"https://ONE.example", "x", "a"}, {"https://one.example", "y", "b"}, {"", "y", "b"},
		{"https://two.example", "", "c"}, {"https://two.example", "y", ""}, {"https://three.example", "", ""}, {"http://one.example", "", ""}, {"https://one.example.evil.example", "x", ""},
	} {
		if got := all.fitting(c.server, c.space); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.server, c.space, got, c.want)
		}
	}
	all.Current = ""
	if got := all.fitting("", ""); got != "" {
		t.Errorf("of several, nobody has chosen %q", got)
	}
}
