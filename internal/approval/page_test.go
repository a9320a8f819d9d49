package approval

import (
	"encoding/base64"
	"math"
	"strings"
	"testing"
)

func TestPageRequest(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]int{0: DefaultPageSize, 1: 1, MaxPageSize: MaxPageSize, -1: -1, MaxPageSize + 1: -1, math.MaxInt: -1, math.MinInt: -1} {
		got, err := PageRequest{Size: size}.Check()
		if want < 0 && CodeOf(err) != Invalid || want > 0 && (err != nil || got.Size != want) {
			t.Errorf("%d: got %d, %v", size, got.Size, err)
		}
	}
}

func TestPageTokens(t *testing.T) {
	t.Parallel()
	for _, k := range []PageKey{{}, {Number: 1}, {Number: -1}, {Number: math.MaxInt64, Text: "production"}, {Number: math.MinInt64}, {Text: "a b c"}, {Text: strings.Repeat("é", MaxID)}} {
		got, given, err := ParsePageToken(k.Token())
		if err != nil || !given || got != k {
			t.Errorf("%+.50v came back as %+.50v, %v, %v", k, got, given, err)
		}
	}
	if _, given, err := ParsePageToken(""); given || err != nil {
		t.Errorf("no token: %v, %v", given, err)
	}
	raw := base64.RawURLEncoding.EncodeToString
	for _, token := range []string{"x", "!", "AAAA", "MSA=", "MSAK\n", " ", raw([]byte("1")), raw([]byte(" x")), raw([]byte("x y z"))[:3], raw([]byte("1.5 x")),
		raw([]byte("zzzzzzzzzzzzzz x")), raw([]byte("1 \x00")), raw([]byte("1 \xff")), raw([]byte("1 a\u202e")), raw([]byte("1 " + strings.Repeat("x", MaxID+1))),
		strings.Repeat("A", 1<<20)} {
		got, given, err := ParsePageToken(token)
		if CodeOf(err) != Invalid || given || got != (PageKey{}) || !strings.HasPrefix(err.Error(), "pageToken: ") {
			t.Errorf("%.50q: got %+.50v, %v, %v", token, got, given, err)
		}
	}
}

func TestCursors(t *testing.T) {
	t.Parallel()
	for _, c := range []Cursor{{}, {1, 2}, {math.MaxInt64, math.MaxInt64}} {
		got, err := ParseCursor("Last-Event-ID", c.String())
		if err != nil || got != c {
			t.Errorf("%v came back as %v, %v", c, got, err)
		}
	}
	for _, s := range []string{"", ".", "1", "1.", ".1", "1.2.3", "-1.2", "1.-2", "a.b", "1,2", " 1.2", "1.2\n", "9223372036854775808.1", "+1.2", "1.+2", "01.2", "0x1.2", "1e3.2", "1_0.2", "１.2"} {
		if got, err := ParseCursor("Last-Event-ID", s); CodeOf(err) != Invalid || got != (Cursor{}) {
			t.Errorf("%q: got %v, %v", s, got, err)
		}
	}
	if !(Cursor{1, 9}).Before(Cursor{2, 1}) || !(Cursor{1, 1}).Before(Cursor{1, 2}) || (Cursor{1, 1}).Before(Cursor{1, 1}) || (Cursor{2, 1}).Before(Cursor{1, 9}) {
		t.Error("cursors are not in log order")
	}
}

func FuzzPageToken(f *testing.F) {
	for _, s := range []string{"", PageKey{Number: 7}.Token(), PageKey{Text: "production"}.Token(), "AAAA", "MSA"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		k, given, err := ParsePageToken(token)
		if err != nil && (CodeOf(err) != Invalid || given) {
			t.Errorf("%q: %+v, %v, %v", token, k, given, err)
		}
		if again, _, err2 := ParsePageToken(k.Token()); given && (err2 != nil || again != k || len(k.Text) > 2*MaxID) {
			t.Errorf("%q is %+v, which came back as %+v, %v", token, k, again, err2)
		}
	})
}

func FuzzCursor(f *testing.F) {
	for _, s := range []string{"0.0", "1.2", "9223372036854775807.1", "+1.1", "1.2.3", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCursor("f", s)
		if err != nil && CodeOf(err) != Invalid || err == nil && (c.String() != s || c.Tx < 0 || c.Seq < 0) {
			t.Errorf("%q: %v, %v", s, c, err)
		}
	})
}
