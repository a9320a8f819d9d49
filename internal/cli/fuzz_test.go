package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	indent "github.com/indent-approvals/indent/sdk/go"
)

// Whatever a server says: nothing of it commands a terminal, and as JSON it says the same.
func FuzzOutput(f *testing.F) {
	for _, s := range []string{"plain", "a\x1b[2Jb", "two\r\nlines\n", "\u202e\u009b\u2028", "\xff\xed\xa0\x80", "👩\u200d💻", "\U000e0041", `{"a":"\u001b"}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for what, shown := range map[string]string{"plain": plain(s), "prose": strings.ReplaceAll(prose(s, "  "), "\n", "")} {
			if strings.ContainsFunc(shown, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%s of %+q is %+q", what, s, shown)
			}
		}
		var out bytes.Buffer
		terminal := &terminal{out: &out}
		if err := terminal.printLine(s); err != nil {
			t.Fatal(err)
		}
		line := strings.TrimSuffix(out.String(), "\n")
		var back string
		if err := json.Unmarshal([]byte(line), &back); err != nil || back != strings.ToValidUTF8(s, "\ufffd") && utf8.ValidString(s) {
			t.Errorf("%+q is printed as %s and read as %+q, %v", s, line, back, err)
		}
		if strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%+q is printed as %+q", s, line)
		}
	})
}

// Whatever a person names: a space and a name in it, or a refusal that can be shown.
func FuzzPetitionName(f *testing.F) {
	for _, s := range []string{"#acmecorp/aec1b116-42b3-11ee-824e-42010aac000d", "aec1b116", "http://127.0.0.1:8080/access/acmecorp/aec1b116-42b3-11ee-824e-42010aac000d?x=1",
		"https://evil.example/access/a/b", "http://", "//", "#", "a/b/c", "\x1b[2J"} {
		f.Add(s)
	}
	c, err := indent.New(indent.Options{URL: "http://127.0.0.1:8080", Space: "acmecorp", Token: "x"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, given string) {
		space, name, err := splitName(c, given)
		if err != nil {
			return
		}
		if !strings.Contains(given, name) || !strings.Contains(given, space) {
			t.Errorf("%q is %q in %q", given, name, space)
		}
		again, nameAgain, err := splitName(c, "#"+space+"/"+name)
		if uuidPattern.MatchString(name) && !strings.Contains(space, "/") && (err != nil || again != space || nameAgain != name) {
			t.Errorf("%q: %q in %q is read again as %q in %q, %v", given, name, space, nameAgain, again, err)
		}
	})
}
