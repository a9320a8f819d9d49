package audit_test

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/indent-approvals/indent/internal/audit"
)

// A leaf is what its definition says, made here by the definition and not by the code.
func TestLeafByItsDefinition(t *testing.T) {
	t.Parallel()
	seed := audit.Seed{31: 9}
	text := `{"event":"access/approve","id":"01a2","timestamp":"2026-12-01T10:11:55.000001Z", "reason":"ja \u00e9",
		"actor":{"kind":"user","id":"vic"},"resources":[{"id":"b","kind":"a"}],"meta":{"labels":{"a/b~c":"x"},"space":"acme"}}`
	var commitments []string
	for pointer, value := range map[string]string{
		"/actor":               `{"id":"vic","kind":"user"}`,
		"/meta/labels/a~1b~0c": `"x"`,
		"/meta/space":          `"acme"`,
		"/reason":              `"ja é"`,
		"/resources/0":         `{"id":"b","kind":"a"}`,
	} {
		salt := sha256.Sum256([]byte(string(seed[:]) + pointer))
		sum := sha256.Sum256([]byte(string(salt[:16]) + `["` + pointer + `",` + value + `]`))
		commitments = append(commitments, string(sum[:]))
	}
	slices.Sort(commitments)
	for i, c := range commitments {
		commitments[i] = `"` + base64.StdEncoding.EncodeToString([]byte(c)) + `"`
	}
	want := `{"commitments":[` + strings.Join(commitments, ",") + `],"event":"access/approve","id":"01a2","timestamp":"2026-12-01T10:11:55.000001Z","v":1}`
	leaf, err := audit.Record{Event: []byte(text), Opening: audit.NewOpening(seed)}.Leaf()
	if err != nil || string(leaf) != want {
		t.Fatalf("%v\n%s\n%s", err, leaf, want)
	}
	canonical := jsontext.Value(slices.Clone(leaf))
	if err := canonical.Canonicalize(); err != nil || string(canonical) != string(leaf) {
		t.Fatalf("it is not canonical: %v\n%s", err, canonical)
	}
}

// What cannot be an entry is refused, and an opening must be one of the event.
func TestWhatIsNoEntry(t *testing.T) {
	t.Parallel()
	whole := audit.NewOpening(audit.Seed{})
	for name, r := range map[string]audit.Record{
		"nothing":        {Opening: whole},
		"a list":         {Opening: whole, Event: []byte(`[]`)},
		"null":           {Opening: whole, Event: []byte(`null`)},
		"no id":          {Opening: whole, Event: []byte(`{"event":"a","timestamp":"b"}`)},
		"an id of one":   {Opening: whole, Event: []byte(`{"event":"a","timestamp":"b","id":1}`)},
		"two names":      {Opening: whole, Event: []byte(`{"event":"a","timestamp":"b","id":"c","id":"c"}`)},
		"no text":        {Opening: whole, Event: []byte("{\"event\":\"a\",\"timestamp\":\"b\",\"id\":\"\xff\"}")},
		"two documents":  {Opening: whole, Event: []byte(`{"event":"a","timestamp":"b","id":"c"}{}`)},
		"too long":       {Opening: whole, Event: []byte(`{"event":"a","timestamp":"b","id":"` + strings.Repeat("c", audit.MaxEntry) + `"}`)},
		"no seed":        {Event: []byte(`{"event":"a","timestamp":"b","id":"c"}`)},
		"a short seed":   {Opening: audit.Opening{Seed: "AAAA"}, Event: []byte(`{"event":"a","timestamp":"b","id":"c"}`)},
		"seed and salts": {Opening: audit.Opening{Seed: whole.Seed, Salts: map[string]string{"/reason": "AAAAAAAAAAAAAAAAAAAAAA=="}}, Event: []byte(`{"event":"a","timestamp":"b","id":"c","reason":"d"}`)},
		"another salt":   {Opening: audit.Opening{Salts: map[string]string{"/actor": "AAAAAAAAAAAAAAAAAAAAAA=="}}, Event: []byte(`{"event":"a","timestamp":"b","id":"c","reason":"d"}`)},
		"a salt more":    {Opening: audit.Opening{Salts: map[string]string{"/a": "AAAAAAAAAAAAAAAAAAAAAA==", "/reason": "AAAAAAAAAAAAAAAAAAAAAA=="}}, Event: []byte(`{"event":"a","timestamp":"b","id":"c","reason":"d"}`)},
		"no commitment":  {Opening: audit.Opening{Erased: []string{"AAAA"}}, Event: []byte(`{"event":"a","timestamp":"b","id":"c"}`)},
	} {
		if leaf, err := r.Leaf(); err == nil {
			t.Errorf("%s: %s", name, leaf)
		}
	}
}

// Whatever an event says, its leaf is canonical and the same for the same event however it is written.
func FuzzLeaf(f *testing.F) {
	f.Add(document(1))
	f.Add([]byte(`{"event":"\u2028","id":"\"","timestamp":"é","a/~":[{}],"meta":[],"resources":{},"x":1e400}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := audit.Record{Event: text, Opening: audit.NewOpening(audit.Seed{1})}
		leaf, err := r.Leaf()
		if err != nil {
			return
		}
		canonical := jsontext.Value(slices.Clone(leaf))
		if err := canonical.Canonicalize(); err != nil || string(canonical) != string(leaf) {
			t.Fatalf("%s is not canonical (%v)", leaf, err)
		}
		spaced := jsontext.Value(slices.Clone(text))
		if err := spaced.Indent(); err != nil {
			t.Fatalf("%s was read, and is no JSON: %v", text, err)
		}
		r.Event = spaced
		if again, err := r.Leaf(); err != nil || string(again) != string(leaf) {
			t.Fatalf("%s\n%s (%v)", leaf, again, err)
		}
	})
}

// What a seed opens, its salts open as well.
func TestSaltsOpenWhatTheirSeedDoes(t *testing.T) {
	t.Parallel()
	seed := audit.Seed{3}
	e, err := audit.ReadEntry(document(3))
	if err != nil {
		t.Fatal(err)
	}
	o := audit.Opening{Salts: map[string]string{}}
	for _, f := range e.Fields {
		salt := seed.Salt(f.Pointer)
		o.Salts[f.Pointer] = base64.StdEncoding.EncodeToString(salt[:])
	}
	leaf, err := audit.Record{Event: document(3), Opening: o}.Leaf()
	if err != nil || string(leaf) != string(e.Leaf(seed)) {
		t.Fatalf("%v: %s", err, leaf)
	}
	var public struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(leaf, &public); err != nil || public.ID != e.ID || strings.Contains(string(leaf), "acmecorp") {
		t.Fatalf("%v: the leaf says more than it should: %s", err, leaf)
	}
}
