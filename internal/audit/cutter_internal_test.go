package audit

import (
	"slices"
	"strings"
	"testing"
)

// What the cutter takes means the same to the library, and it takes what events are.
func FuzzCutter(f *testing.F) {
	const usual = `{"event":"access/approve","meta":{"space":"acme","labels":{"b":"<é>","a":"1"}},"reason":"for order","timestamp":"2026-12-01T10:11:55.000001Z","id":"x",` +
		`"actor":{"kind":"user","id":"vic","altIds":["a","b"],"labels":{}},"resources":[{"id":"b","n":12,"a":[true,null,{"z":0,"y":1}]}]}`
	var e Entry
	if !readPlain([]byte(usual), &e) {
		f.Fatal("it does not take a usual event")
	}
	f.Add([]byte(usual))
	for _, odd := range []string{`1.5`, `-1`, `01`, `1e3`, `12345678901234567890`, `"\u0041"`, `{"a":1,"a":2}`, `{"é":1,"b":2}`, `[1,]`, `{"b":1,"a":2,}`, `tru`, `"a`, "\"\x01\"", "\"\xff\"", `[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]`, `{"a":{}, "A" : [ ] }`} {
		f.Add([]byte(strings.Replace(usual, `"for order"`, odd, 1)))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var fast Entry
		if !readPlain(slices.Clone(text), &fast) || fast.Event == "" || fast.ID == "" || fast.Time == "" {
			return
		}
		slow, err := readAny(text)
		if err != nil {
			t.Fatalf("%s is taken, and it is no event: %v", text, err)
		}
		if a, b := fast.Leaf(Seed{1}), slow.Leaf(Seed{1}); string(a) != string(b) {
			t.Fatalf("%s\n%s\n%s", text, a, b)
		}
	})
}
