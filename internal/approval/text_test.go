package approval

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// Every kind of character that hides, reverses or fakes text, with one example of it. A reviewer reads what is there.
func TestTextThatDeceivesIsRefused(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]string{
		"NUL":                            "a\x00b",
		"escape, which steers terminals": "a\x1b[2Kb",
		"backspace":                      "a\bb",
		"delete":                         "a\x7fb",
		"C1 control":                     "a\u009bb",
		"next line":                      "a\u0085b",
		"line separator":                 "a\u2028b",
		"paragraph separator":            "a\u2029b",
		"right-to-left override":         "a\u202eb",
		"right-to-left isolate":          "a\u2067b",
		"pop directional isolate":        "a\u2069b",
		"right-to-left mark":             "a\u200fb",
		"Arabic letter mark":             "a\u061cb",
		"zero width space":               "a\u200bb",
		"word joiner":                    "a\u2060b",
		"invisible times":                "a\u2062b",
		"byte order mark":                "\ufeffa",
		"soft hyphen":                    "a\u00adb",
		"combining grapheme joiner":      "a\u034fb",
		"Mongolian vowel separator":      "a\u180eb",
		"Hangul filler, a blank letter":  "a\u3164b",
		"halfwidth Hangul filler":        "a\uffa0b",
		"Khmer inherent vowel":           "a\u17b4b",
		"tag character":                  "a\U000e0041b",
		"language tag":                   "a\U000e0001b",
		"musical format":                 "a\U0001d173b",
		"shorthand format":               "a\U0001bca0b",
		"variation selector 17":          "a\U000e0100b",
		"variation selector 1":           "a\ufe00b",
		"interlinear annotation":         "a\ufff9b",
		"object replacement":             "a\ufffcb",
		"replacement character":          "a\ufffdb",
		"noncharacter":                   "a\U0010ffffb",
		"joiner between Latin letters":   "pro\u200dduction",
		"non-joiner behind a space":      "a \u200cb",
		"joiner at the start":            "\u200da",
		"two joiners":                    "\u0645\u200d\u200d\u0645",
		"emoji selector behind a letter": "a\ufe0f",
		"emoji selector behind a digit":  "prod1\ufe0f",
		"two emoji selectors":            "\u2764\ufe0f\ufe0f",
		"invalid UTF-8":                  "a\xffb",
		"lone surrogate as CESU-8":       "a\xed\xa0\x80b",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, check := range []func(string, string, int) error{checkID, checkLine, checkProse} {
				err := check("petition.reason", s, 100)
				if CodeOf(err) != Invalid || !strings.HasPrefix(err.Error(), "petition.reason: ") {
					t.Fatalf("%+q: got %v, want a refusal that names the field", s, err)
				}
				if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < 0x20 || r > 0x7e }) {
					t.Errorf("the refusal %+q repeats what it refuses", err.Error())
				}
			}
		})
	}
}

// What people really write is taken: other scripts, with the joiners that they need, and emoji.
func TestTextOfPeopleIsTaken(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]string{
		"ASCII":                      "to recover account #123, 50% done (really?)",
		"German, composed":           "Zugänge für Björn",
		"German, decomposed":         "Zuga\u0308nge",
		"Arabic":                     "إعادة تعيين كلمة المرور",
		"Arabic number sign":         "\u0600\u0661",
		"Hebrew":                     "איפוס סיסמה",
		"Persian with a non-joiner":  "می\u200cخواهم",
		"Hindi with a joiner":        "क्\u200dष",
		"Sinhala, joiner at the end": "ක්\u200d",
		"Japanese":                   "本番環境へのアクセス",
		"Korean":                     "프로덕션 접근",
		"Thai":                       "รีเซ็ตรหัสผ่าน",
		"emoji":                      "🚀 ship it",
		"emoji with selector":        "❤\ufe0f and ⚠\ufe0e",
		"keycap":                     "step 1\ufe0f\u20e3",
		"a family":                   "👨\u200d👩\u200d👧",
		"heart on fire":              "❤\ufe0f\u200d🔥",
		"skin tone and profession":   "👩🏽\u200d💻",
		"rainbow flag":               "🏳\ufe0f\u200d🌈",
		"flag":                       "🇮🇸",
		"no-break space":             "10\u00a0000",
		"private use":                "\ue0b0",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := checkLine("reason", s, 100); err != nil {
				t.Errorf("%+q: %v", s, err)
			}
		})
	}
}

// In an identifier two names that look alike are one too many: not even the joiners of scripts and emoji are taken.
func TestIdentifiersHaveNoJoiners(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"می\u200cخواهم", "क्\u200dष", "❤\ufe0f", "1\ufe0f\u20e3"} {
		if err := checkID("id", s, 100); CodeOf(err) != Invalid {
			t.Errorf("%+q was taken: %v", s, err)
		}
	}
	if err := checkID("id", "reset-password:münchen/東京", 100); err != nil {
		t.Error(err)
	}
}

func TestLinesOfText(t *testing.T) {
	t.Parallel()
	for s, wants := range map[string][2]bool{ // as a line, as prose
		"one":                   {true, true},
		"":                      {true, true},
		"one\ntwo":              {false, true},
		"one\r\ntwo":            {false, true},
		"one\ttwo":              {false, true},
		"delete all\rread docs": {false, false}, // a terminal would show the second half over the first
		"one\r":                 {false, false},
	} {
		if got := checkLine("f", s, 100) == nil; got != wants[0] {
			t.Errorf("%+q as a line: taken %v, want %v", s, got, wants[0])
		}
		if got := checkProse("f", s, 100) == nil; got != wants[1] {
			t.Errorf("%+q as prose: taken %v, want %v", s, got, wants[1])
		}
	}
}

func TestLengthsAreCountedInCharacters(t *testing.T) {
	t.Parallel()
	if err := checkLine("f", strings.Repeat("日", 10), 10); err != nil {
		t.Error(err)
	}
	err := checkLine("f", strings.Repeat("日", 11), 10)
	if CodeOf(err) != Invalid || err.Error() != "f: is 11 characters long, at most 10 are allowed" {
		t.Error(err)
	}
}

func TestEmails(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"ada@example.com": true, "ada+x@example.com": true, "ada@bücher.example": true,
		"": false, "ada": false, "@example.com": false, "ada@": false, "a@b@c": false, "Ada <ada@example.com>": false,
		"ada@example.com,eve@example.com": false, "ada @example.com": false, "ada\u00a0x@example.com": false, "ada\n@example.com": false,
		"ada\u200b@example.com": false, strings.Repeat("a", 320) + "@example.com": false,
	} {
		if got := CheckEmail("email", s) == nil; got != want {
			t.Errorf("%+.40q: taken %v, want %v", s, got, want)
		}
	}
}

func TestSlugs(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"acmecorp": true, "a": true, "a-1": true, strings.Repeat("a", 63): true,
		"": false, "-a": false, "a-": false, "Acme": false, "a_b": false, "a/b": false, "a\n": false, "é": false, strings.Repeat("a", 64): false,
	} {
		if got := CheckSlug("space", s) == nil; got != want {
			t.Errorf("%+q: taken %v, want %v", s, got, want)
		}
	}
}

func TestSearchWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want string
	}{
		{"Reset Password (user:123)", "reset password user 123"},
		{"a a A", "a"},
		{"München; 東京!", "münchen 東京"},
		{"\x00\xff..", ""},
		{strings.Repeat("x", 101), strings.Repeat("x", 100)},
		{strings.Repeat("é", 60), strings.Repeat("é", 50)},
	} {
		if got := strings.Join(SearchWords(c.text), " "); got != c.want {
			t.Errorf("%+q: got %q, want %q", c.text, got, c.want)
		}
	}
	var many strings.Builder
	for i := range 1000 {
		many.WriteString(strings.Repeat("a", i%90+1) + strings.Repeat("b", i/90) + " ")
	}
	if n := len(SearchWords(many.String())); n != 400 {
		t.Errorf("%d words, want 400", n)
	}
}

// Whatever the bytes, a text that was taken can be shown as it is, on one line of a terminal or a page.
func FuzzText(f *testing.F) {
	f.Add("to recover account")
	f.Add("می\u200cخواهم 👩🏽\u200d💻 ❤\ufe0f")
	f.Add("a\u202eb\x00\xff")
	f.Fuzz(func(t *testing.T, s string) {
		line, prose, id := checkLine("f", s, MaxReason) == nil, checkProse("f", s, MaxReason) == nil, checkID("f", s, MaxReason) == nil
		if id && !line || line && !prose {
			t.Errorf("%+q: id %v, line %v, prose %v: each must take what the one before takes", s, id, line, prose)
		}
		if prose && (!utf8.ValidString(s) || strings.ContainsAny(s, "\x00\x1b\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\ufeff\ufffd\u2028\u2029")) {
			t.Errorf("%+q was taken", s)
		}
		if shown := printable(s, 50); checkLine("f", shown, 51) != nil {
			t.Errorf("%+q is shown as %+q", s, shown)
		}
		if shown := FieldError("f", "is %s", s).Message; checkProse("f", shown, 1<<30) != nil || prose && shown != Redact("is "+s) {
			t.Errorf("%+q is quoted as %+q", s, shown)
		}
		for _, w := range SearchWords(s) {
			if w == "" || len(w) > 100 || !utf8.ValidString(w) {
				t.Errorf("%+q has the word %+q", s, w)
			}
		}
	})
}

func TestASpanHasNoEmptyParts(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{9 * time.Hour: "9h", 90 * time.Minute: "1h30m", 10 * time.Minute: "10m", time.Hour + 10*time.Second: "1h0m10s", 10 * time.Second: "10s", 0: "0s"} {
		if got := Span(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
