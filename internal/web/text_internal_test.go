package web

import (
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func TestWhatHidesIsMadeVisible(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain text, 1 < 2 & more":       "plain text, 1 &lt; 2 &amp; more",
		"two\r\nlines\tand a tab":        "two\nlines\tand a tab",
		"alone\rhere":                    `alone<span class="odd" title="carriage return">U+000D</span>here`,
		"pay\u202eorter":                 `pay<span class="odd" title="right-to-left override">U+202E</span>orter`,
		"zero\u200bwidth":                `zero<span class="odd" title="zero width space">U+200B</span>width`,
		"join\u200der":                   `join<span class="odd" title="zero width joiner">U+200D</span>er`,
		"👩\u200d💻 ❤\ufe0f 1\ufe0f\u20e3": "👩\u200d💻 ❤\ufe0f 1\ufe0f\u20e3",
		"a\ufe0f":                        `a<span class="odd" title="a character that does not show">U+FE0F</span>`,
		"❤\ufe0f\ufe0e":                  "❤\ufe0f" + `<span class="odd" title="a character that does not show">U+FE0E</span>`,
		"می\u200cخواهم":                  "می\u200cخواهم",
		"naïve Straße Żółć":              "naïve Straße Żółć",
		"e\u0301\u0302\u0303\u0304":      "e\u0301\u0302\u0303" + `<span class="odd" title="a character that does not show">U+0304</span>`,
		"Привет мир, hello":              "Привет мир, hello",
		"раypal":                         `<span class="mixed" title="This word mixes Latin and Cyrillic letters">раypal</span>`,
		"x\u3164y":                       `x<span class="odd" title="hangul filler">U+3164</span>y`,
		"private \ue000":                 `private <span class="odd" title="a character that does not show">U+E000</span>`,
		"日本語　テキスト":                       "日本語　テキスト",
	} {
		if got := visible(in); got != want {
			t.Errorf("%+q:\n got %s\nwant %s", in, got, want)
		}
	}
}

func TestParamTable(t *testing.T) {
	t.Parallel()
	rows, ok := paramTable([]byte(`{"a":{"b":[1,{"c":"x"}],"d":{}},"e":[],"f g":true,"h":null,"i":"","j.k":-0.5e3}`))
	var got []string
	for _, r := range rows {
		got = append(got, r.Path+" "+r.Kind+" "+r.Value)
	}
	want := `a.b[0] number 1|a.b[1].c text x|a.d empty object {}|e empty list []|["f g"] yes/no true|h null null|i text |["j.k"] number -0.5e3`
	if !ok || strings.Join(got, "|") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "|"), want)
	}
	if rows, ok := paramTable([]byte(`{}`)); !ok || len(rows) != 0 {
		t.Errorf("{} is %v %v", rows, ok)
	}
	if _, ok := paramTable([]byte(`{"a":[` + strings.Repeat("1,", maxParamRows) + `1]}`)); ok {
		t.Error("more rows than fit are a table")
	}
	if _, ok := paramTable([]byte(`{"a":[1`)); ok {
		t.Error("half a text is a table")
	}
}

func TestExactJSONKeepsEveryByte(t *testing.T) {
	t.Parallel()
	const in = `{"k\"ey":"a: \"b\" <c>","n":1,"rtl":"אב"}`
	want := `{<bdi class="key">&#34;k\&#34;ey&#34;</bdi>:<bdi class="string">&#34;a: \&#34;b\&#34; &lt;c&gt;&#34;</bdi>,<bdi class="key">&#34;n&#34;</bdi>:1,` +
		`<bdi class="key">&#34;rtl&#34;</bdi>:<bdi class="string">&#34;אב&#34;</bdi>}`
	if got := string(exactJSON([]byte(in))); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestDurationsReadAsPeopleSayThem(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		time.Hour: "1 hour", 90 * time.Minute: "1 hour 30 minutes", 15 * time.Minute: "15 minutes", 24 * time.Hour: "1 day", 7 * 24 * time.Hour: "7 days",
		time.Second: "1 second", 26*time.Hour + 5*time.Second: "1 day 2 hours 5 seconds", 0: "0s", 1500 * time.Millisecond: "1 second 500ms",
	} {
		if got := duration(d); got != want {
			t.Errorf("%v reads %q, want %q", d, got, want)
		}
	}
}

// Whoever lets a program in reads what it may in words, whatever permission comes next.
func TestEveryPermissionHasWords(t *testing.T) {
	t.Parallel()
	for _, p := range approval.Permissions {
		if inWords[p] == "" {
			t.Errorf("%s is shown as its name: say in words what it allows", p)
		}
	}
}
