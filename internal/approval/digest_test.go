package approval

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// What is approved is byte for byte what is shown and run (I1), so params that canonical JSON cannot carry unchanged are
// refused, and all others have exactly one form.
func TestCanonicalParams(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want string }{
		{"none", ``, ``},
		{"only space", " \n\t", ``},
		{"empty", ` { } `, `{}`},
		{"order of names", `{"b":1,"a":2}`, `{"a":2,"b":1}`},
		// RFC 8785, 3.2.3: names are sorted by their UTF-16 code units, so U+1F600 stands before U+FB33.
		{"order of names beyond ASCII", `{"\u20ac":1,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u00f6":6}`,
			`{"1":4,"ö":6,"€":1,"😀":5,"` + "\ufb33" + `":3}`},
		{"space", "{ \"a\" : [ 1 , 2 ] }", `{"a":[1,2]}`},
		{"escapes", `{"a":"\u0041\/\u00e9\n\"\\"}`, `{"a":"A/é\n\"\\"}`},
		{"HTML is not escaped", `{"a":"<b>&\u003c"}`, `{"a":"<b>&<"}`},
		{"literals", `{"a":[null,true,false]}`, `{"a":[null,true,false]}`},
		{"emoji as a surrogate pair", `{"a":"\ud83d\ude80"}`, `{"a":"🚀"}`},
		{"depth 32", `{"a":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `}`, `{"a":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `}`},
		{"most bytes", `{"a":"` + strings.Repeat("x", MaxParamsBytes-8) + `"}`, `{"a":"` + strings.Repeat("x", MaxParamsBytes-8) + `"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := CanonicalParams("petition.params", []byte(c.in))
			if err != nil || string(got) != c.want {
				t.Errorf("got %.200s, %v; want %.200s", got, err, c.want)
			}
		})
	}
}

// RFC 8785, appendix B, as far as the numbers are ones that params may have.
func TestNumbersOfParams(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"0": "0", "-0": "0", "0.0": "0", "-0e5": "0", "1": "1", "-1": "-1", "1.0": "1", "1e2": "100", "1E+2": "100", "100e-2": "1",
		"9007199254740991": "9007199254740991", "-9007199254740991": "-9007199254740991", "9.007199254740991e15": "9007199254740991",
		"5e-324": "5e-324", "-5e-324": "-5e-324", "0.000001": "0.000001", "0.0000001": "1e-7", "1e-7": "1e-7",
		"333333333.3333332": "333333333.3333332", "333333333.33333325": "333333333.33333325", "-0.0000033333333333333333": "-0.0000033333333333333333",
		"4.5": "4.5", "2e-3": "0.002", "0.1": "0.1", "1424953923781206.2": "1424953923781206.2", "0.10": "0.1", "1.50e1": "15",
		"0.000000000000000000000000001": "1e-27",
	} {
		got, err := CanonicalParams("p", []byte(`{"n":`+in+`}`))
		if err != nil || string(got) != `{"n":`+want+`}` {
			t.Errorf("%s became %s, %v; want %s", in, got, err, want)
		}
	}
	for why, numbers := range map[string][]string{
		"digits would be lost": {"9007199254740992", "9007199254740993", "-9007199254740992", "1e16", "1e22", "1e300", "9007199254740991.5",
			"4503599627370497.25", "3.14159265358979323846", "0.1000000000000000055511151231257827", "100000000000000.001", "1.00000000000000000001"},
		"it would become 0":  {"1e-400", "-1e-400", "2e-324", "0.1e-323"},
		"it is out of range": {"1e309", "1e400", "-1e400", "1e99999999999999999999", "1e-99999999999999999999", "123e9999999999999999999999"},
		"it is not a number": {"NaN", "Infinity", "+1", "01", ".5", "1.", "0x10", "1_000", "--1", "1e", "１"},
	} {
		for _, n := range numbers {
			if got, err := CanonicalParams("petition.params", []byte(`{"n":`+n+`}`)); CodeOf(err) != Invalid {
				t.Errorf("%s became %s, %v; must be refused: %s", n, got, err, why)
			}
		}
	}
}

func TestBadParams(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want string }{
		{"null", `null`, "petition.params: must be a JSON object"},
		{"array", `[]`, "petition.params: must be a JSON object"},
		{"text", `"x"`, "petition.params: must be a JSON object"},
		{"number", `1`, "petition.params: must be a JSON object"},
		{"nothing known", `x`, "petition.params: must be a JSON object"},
		{"half", `{"a":`, "petition.params/a: is not valid JSON"},
		{"two", `{} {}`, "petition.params: is not valid JSON"},
		{"comma", `{"a":1,}`, "petition.params: is not valid JSON"},
		{"comment", `{/**/}`, "petition.params: is not valid JSON"},
		{"the same name twice", `{"to":"ada","to":"eve"}`, "petition.params/to: is not valid JSON"},
		{"the same name twice, deep", `{"a":[{"b":1,"b":2}]}`, "petition.params/a/0/b: is not valid JSON"},
		{"the same name twice, escaped", `{"a":1,"\u0061":2}`, "petition.params/a: is not valid JSON"},
		{"invalid UTF-8", "{\"a\":\"\xff\"}", "petition.params/a: is not valid JSON"},
		{"lone surrogate", `{"a":"\ud800"}`, "petition.params/a: is not valid JSON"},
		{"low surrogate first", `{"a":"\udc00\ud800"}`, "petition.params/a: is not valid JSON"},
		{"lone surrogate in a name", `{"\ud800":1}`, "petition.params: is not valid JSON"},
		{"NUL", `{"a":"\u0000"}`, "petition.params/a: has the control character U+0000"},
		{"NUL in a name", `{"\u0000":1}`, "petition.params/?: has the control character U+0000"},
		{"raw control character", "{\"a\":\"\x01\"}", "petition.params/a: is not valid JSON"},
		{"bidi", `{"a":{"b":"\u202e"}}`, "petition.params/a/b: has the bidirectional control character U+202E"},
		{"bidi in a name", `{"x":{"a\u202eb":1}}`, "petition.params/x/a?b: has the bidirectional"},
		{"zero width in a list", `{"a":["x","\u200b"]}`, "petition.params/a/1: has the invisible character U+200B"},
		{"newline in a name", `{"a\nb":1}`, "petition.params/a?b: has the control character U+000A"},
		{"joiner in a name", `{"क्\u200dष":1}`, "has the invisible character U+200D"},
		{"number with a path", `{"a":{"b":[1e400]}}`, "petition.params/a/b/0: the number 1e400 is out of range: send it as text"},
		{"depth 33", `{"a":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`, "is nested more than 32 deep"},
		{"depth a million", `{"a":` + strings.Repeat("[", 1_000_000), "is nested more than 32 deep"},
		{"too many bytes", `{"a":"` + strings.Repeat("x", MaxParamsBytes-7) + `"}`, "petition.params: is 65537 bytes"},
		{"bytes before they are canonical", `{"a":"x"` + strings.Repeat(" ", MaxBodyBytes) + `}`, "petition.params: is larger than"},
		{"a long name in the message", `{"` + strings.Repeat("é", 10_000) + `":1e400}`, "petition.params/é"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := CanonicalParams("petition.params", []byte(c.in))
			if CodeOf(err) != Invalid || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %.200s, %.300v; want %s", got, err, c.want)
			}
			if text := err.Error(); len(text) > 1000 || checkLine("message", text, 1000) != nil {
				t.Errorf("the message %+.300q repeats what it refuses", text)
			}
		})
	}
}

func TestParamsAreNotChangedInPlace(t *testing.T) {
	t.Parallel()
	sent := []byte(`{"b":1,"a":2}`)
	kept := bytes.Clone(sent)
	if _, err := CanonicalParams("p", sent); err != nil || !bytes.Equal(sent, kept) {
		t.Errorf("%s became %s, %v", kept, sent, err)
	}
}

var digestSample = digestInput{
	Duration: "1h0m0s", Params: []byte(`{"user":"123"}`),
	Petitioners: []Resource{{ID: "quickstart", Kind: KindServiceAccount, DisplayName: "Quickstart"}},
	Reason:      "to recover account",
	Resources:   []Resource{{ID: "reset-password:123", Kind: "action", DisplayName: "Reset Password (user:123)", Labels: map[string]string{"b": "2", "a": "1"}}},
}

func digestOf(t rapid.TB, in digestInput) string {
	d, err := time.ParseDuration(in.Duration)
	if err != nil {
		t.Fatal(err)
	}
	whole := in
	whole.Duration = d.String()
	digest, err := whole.digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

// The digest is a promise to clients, who may compute it themselves: these bytes, this hash, on every platform, for ever.
// The hash is that of `printf '%s' '<the bytes>' | sha256sum`.
func TestDigestIsStable(t *testing.T) {
	t.Parallel()
	// {"duration":"1h0m0s","params":{"user":"123"},"petitioners":[{"displayName":"Quickstart","id":"quickstart",
	// "kind":"serviceAccount"}],"reason":"to recover account","resources":[{"displayName":"Reset Password (user:123)",
	// "id":"reset-password:123","kind":"action","labels":{"a":"1","b":"2"}}]} without the line breaks
	const want = "sha256:520ac0ac190b525517a96430b383974de3527dd9d30c96aca3244ff79d50de58"
	if got := digestOf(t, digestSample); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	without := digestSample
	without.Params, without.Duration = nil, "0s"
	const wantWithout = "sha256:69abf7a70d8299c0db59de3b15e550f8e7ba8d4165c0e4ad77eda1ea87c5ebb1"
	if got := digestOf(t, without); got != wantWithout {
		t.Errorf("got %s, want %s", got, wantWithout)
	}
}

// Any change of what is asked is another digest: each field, and each field of each resource.
func TestEveryFieldIsInTheDigest(t *testing.T) {
	t.Parallel()
	seen := map[string]string{digestOf(t, digestSample): "the sample"}
	try := func(name string, in digestInput) {
		got := digestOf(t, in)
		if other, taken := seen[got]; taken {
			t.Errorf("%s has the digest of %s", name, other)
		}
		seen[got] = name
	}
	fields := reflect.TypeFor[Resource]()
	for i := range fields.NumField() {
		changed := digestSample.Resources[0]
		switch f := reflect.ValueOf(&changed).Elem().Field(i); f.Kind() {
		case reflect.String:
			f.SetString(f.String() + "x")
		case reflect.Slice:
			f.Set(reflect.ValueOf([]string{"x"}))
		case reflect.Map:
			f.Set(reflect.ValueOf(map[string]string{"a": "1", "b": "3"}))
		default:
			t.Fatalf("the new field %s of Resource needs a case here", fields.Field(i).Name)
		}
		in := digestSample
		in.Resources = []Resource{changed}
		try("resource."+fields.Field(i).Name, in)
		in = digestSample
		in.Petitioners = []Resource{changed}
		try("petitioner."+fields.Field(i).Name, in)
	}
	for name, change := range map[string]func(*digestInput){
		"startTime": func(in *digestInput) { in.StartTime = noon }, "another startTime": func(in *digestInput) { in.StartTime = noon.Add(time.Microsecond) },
		"reason": func(in *digestInput) { in.Reason += " " }, "duration": func(in *digestInput) { in.Duration = "1h0m1s" },
		"params": func(in *digestInput) { in.Params = []byte(`{"user":123}`) }, "no params": func(in *digestInput) { in.Params = nil },
		"empty params":     func(in *digestInput) { in.Params = []byte(`{}`) },
		"a second of it":   func(in *digestInput) { in.Resources = append(in.Resources, in.Resources[0]) },
		"nobody":           func(in *digestInput) { in.Petitioners = nil },
		"the other way":    func(in *digestInput) { in.Petitioners, in.Resources = in.Resources, in.Petitioners },
		"another resource": func(in *digestInput) { in.Resources = []Resource{{ID: "x"}} },
	} {
		in := digestSample
		change(&in)
		try(name, in)
	}
	if n := reflect.TypeFor[digestInput]().NumField(); n != 6 {
		t.Errorf("the digest has %d fields: add the new one to the cases above", n)
	}
}

// What writes itself is what the library writes of it, to the byte; what is not plain is left to the library.
func TestThePlainDigestInputIsCanonical(t *testing.T) {
	t.Parallel()
	texts := rapid.StringMatching("[a-d \\x00-\\x1f\\x7f\"\\\\/<>&]{0,6}|[a-cé€\ufb33😀]{0,3}")
	resources := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Resource {
		return Resource{ID: texts.Draw(t, "id"), DisplayName: texts.Draw(t, "displayName"), Kind: texts.Draw(t, "kind"), Email: texts.Draw(t, "email"),
			AltIDs: rapid.SliceOfN(texts, 0, 2).Draw(t, "altIds"), Labels: rapid.MapOfN(texts, texts, 0, 10).Draw(t, "labels")}
	}), 0, 3)
	rapid.Check(t, func(t *rapid.T) {
		in := digestInput{Duration: "1h0m0s", Petitioners: resources.Draw(t, "petitioners"), Resources: resources.Draw(t, "resources"), Reason: texts.Draw(t, "reason")}
		if micros := rapid.Int64Range(0, 4e15).Draw(t, "startTime"); micros%2 == 1 {
			in.StartTime = time.UnixMicro(micros).UTC()
		}
		want, err := in.byLibrary()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := in.canonical(nil); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("got %s, %v; want %s", got, err, want)
		}
		if plain := in.plain(nil); isASCII(plain) != isASCII(want) {
			t.Fatalf("%s is taken for plain", plain)
		}
	})
	if _, err := Digest(nil, []Resource{{ID: "\xff"}}, nil, "", 0); CodeOf(err) != Invalid {
		t.Errorf("text that is not UTF-8: %v", err)
	}
}

// Params that mean the same have one form, and the form is read as what was sent.
func TestCanonicalParamsProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := map[string]any{"v": jsonValue(4).Draw(t, "value")}
		sent, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		canonical, err := CanonicalParams("p", sent)
		if err != nil {
			t.Fatal(err)
		}
		again, err := CanonicalParams("p", canonical)
		if err != nil || !bytes.Equal(again, canonical) {
			t.Fatalf("%s became %s, %v", canonical, again, err)
		}
		var back any
		if err := json.Unmarshal(canonical, &back); err != nil || !reflect.DeepEqual(back, any(value)) {
			t.Fatalf("%s is read as %v, %v", sent, back, err)
		}
	})
}

func jsonValue(depth int) *rapid.Generator[any] {
	leaves := []*rapid.Generator[any]{
		rapid.Just[any](nil),
		rapid.Bool().AsAny(),
		rapid.Map(rapid.Int64Range(-maxSafeInteger, maxSafeInteger), func(n int64) float64 { return float64(n) }).AsAny(),
		rapid.Float64().Filter(func(f float64) bool { return math.Abs(f) <= maxSafeInteger && !(f == 0 && math.Signbit(f)) }).AsAny(),
		rapid.StringMatching(`[a-zäöü0-9 <>&"\\/😀-🙏\n]*`).AsAny(),
	}
	if depth == 0 {
		return rapid.OneOf(leaves...)
	}
	deeper := rapid.Deferred(func() *rapid.Generator[any] { return jsonValue(depth - 1) })
	return rapid.OneOf(append(leaves,
		rapid.Map(rapid.SliceOfN(deeper, 0, 4), func(l []any) any { return l }),
		rapid.Map(rapid.MapOfN(rapid.StringMatching(`[a-zé€😀]{0,3}`), deeper, 0, 4), func(m map[string]any) any { return m }))...)
}

// Whatever the bytes: no panic, and what is taken is canonical, small, shallow and means what was sent.
func FuzzCanonicalParams(f *testing.F) {
	for _, seed := range []string{`{}`, `{"b":1.50e1,"a":["\ud83d\ude80",null]}`, `{"a":1,"a":2}`, `{"n":-0}`, `{"n":1e400}`, `{"a":"\ud800"}`, `[[[[`, `{} {}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		got, err := CanonicalParams("p", sent)
		if err != nil || got == nil {
			if err != nil && CodeOf(err) != Invalid {
				t.Errorf("%v is not Invalid", err)
			}
			return
		}
		if len(got) > MaxParamsBytes {
			t.Errorf("%d bytes", len(got))
		}
		again, err := CanonicalParams("p", got)
		if err != nil || !bytes.Equal(again, got) {
			t.Errorf("%q became %q, %v", got, again, err)
		}
		var before, after any
		if json.Unmarshal(sent, &before) != nil || json.Unmarshal(got, &after) != nil || fmt.Sprint(before) != fmt.Sprint(after) && !bytes.Contains(sent, []byte("-0")) {
			t.Errorf("%q was read as %v and is %v", sent, before, after)
		}
		if _, err := Digest(nil, nil, got, "", 0); err != nil {
			t.Error(err)
		}
	})
}
