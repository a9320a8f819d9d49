package audit_test

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/indent-approvals/indent/internal/audit"
)

// document is an event as the server keeps it.
func document(i int) []byte {
	return fmt.Appendf(nil, `{"event":"access/approve","id":"01a23116-ec59-71e5-ae8a-%012d","timestamp":"2026-12-01T10:11:55.%06dZ",`+
		`"actor":{"kind":"indent.v1.User","id":"vic@acmecorp.example","altIds":["vic"]},"reason":"for order %d: <é>","resources":[{"kind":"pg","id":"orders"},{"id":"x","kind":"y"}],`+
		`"meta":{"space":"acme","labels":{"petition":"p%d","indent.com/claim/person":"vic"}}}`, i, i, i, i)
}

func record(t testing.TB, i int, document []byte, seed audit.Seed) audit.Record {
	e, err := audit.ReadEntry(document)
	if err != nil {
		t.Fatal(err)
	}
	h := audit.LeafHash(e.Leaf(seed))
	return audit.Record{Index: int64(i), Event: document, Opening: audit.NewOpening(seed), LeafHash: h.String()}
}

// sample is a log of n entries, and the checkpoints at some sizes.
func sample(t testing.TB, n int, at ...int64) (records []audit.Record, checkpoints []audit.Checkpoint) {
	b := newBook(t)
	for i := range n {
		r := record(t, i, document(i), audit.Seed{byte(i), byte(i >> 8)})
		leaf, err := r.Leaf()
		if err != nil {
			t.Fatal(err)
		}
		b.append(t, string(leaf))
		records = append(records, r)
		if slices.Contains(at, b.tree.Size()) || i == n-1 {
			checkpoints = append(checkpoints, b.checkpoint())
		}
	}
	return records, checkpoints
}

func verify(records []audit.Record, checkpoints ...audit.Checkpoint) error {
	v, err := audit.NewVerifier(checkpoints...)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(records, 1000) {
		if err := v.Add(part); err != nil {
			return err
		}
	}
	return v.End()
}

// renumbered makes the hashes and places of a changed log fit again, as who can write the database would.
func renumbered(t testing.TB, records []audit.Record) []audit.Record {
	for i := range records {
		records[i].Index = int64(i)
		leaf, err := records[i].Leaf()
		if err != nil {
			t.Fatal(err)
		}
		h := audit.LeafHash(leaf)
		records[i].LeafHash = h.String()
	}
	return records
}

// Whatever is done to a log is found and named, and a log to which nothing was done passes.
func TestVerifierNamesTheFirstFault(t *testing.T) {
	t.Parallel()
	records, checkpoints := sample(t, 40, 10, 25)
	if err := verify(records, checkpoints...); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		do    func([]audit.Record) []audit.Record
		kind  string
		index int64
	}{
		{"a word is changed", func(r []audit.Record) []audit.Record {
			r[12].Event = []byte(strings.Replace(string(r[12].Event), "order", "Order", 1))
			return r
		}, audit.FaultChanged, 12},
		{"another seed", func(r []audit.Record) []audit.Record {
			r[12].Opening = audit.NewOpening(audit.Seed{1})
			return r
		}, audit.FaultChanged, 12},
		{"no JSON", func(r []audit.Record) []audit.Record { r[39].Event = []byte(`{`); return r }, audit.FaultChanged, 39},
		{"a removed entry", func(r []audit.Record) []audit.Record { return slices.Delete(r, 30, 31) }, audit.FaultMissing, 30},
		{"a repeated entry", func(r []audit.Record) []audit.Record { return slices.Insert(r, 30, r[29]) }, audit.FaultOrder, 30},
		{"two that changed places", func(r []audit.Record) []audit.Record { r[3], r[4] = r[4], r[3]; return r }, audit.FaultMissing, 3},
		{"a cut tail", func(r []audit.Record) []audit.Record { return r[:39] }, audit.FaultCut, 39},
		{"a tail cut to nothing", func(r []audit.Record) []audit.Record { return nil }, audit.FaultCut, 0},
		{"a removed entry, made to fit", func(r []audit.Record) []audit.Record { return renumbered(t, slices.Delete(r, 12, 13)) }, audit.FaultForked, 10},
		{"an inserted entry, made to fit", func(r []audit.Record) []audit.Record { return renumbered(t, slices.Insert(r, 26, r[5])) }, audit.FaultForked, 25},
		{"changed places, made to fit", func(r []audit.Record) []audit.Record {
			r[3], r[4] = r[4], r[3]
			return renumbered(t, r)
		}, audit.FaultForked, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := verify(c.do(slices.Clone(records)), checkpoints...)
			var fault *audit.Fault
			if !errors.As(err, &fault) || fault.Kind != c.kind || fault.Index != c.index {
				t.Fatalf("%v instead of %s at %d", err, c.kind, c.index)
			}
		})
	}
}

// Every bit of a record counts: of its event, of its opening, of its hash.
func TestEveryFlippedBitIsFound(t *testing.T) {
	t.Parallel()
	records, checkpoints := sample(t, 3)
	whole, err := records[1].Leaf()
	if err != nil {
		t.Fatal(err)
	}
	for at := range len(records[1].Event) * 8 {
		changed := slices.Clone(records)
		changed[1].Event = slices.Clone(changed[1].Event)
		changed[1].Event[at/8] ^= 1 << (at % 8)
		if leaf, err := changed[1].Leaf(); err == nil && string(leaf) == string(whole) {
			continue // a space for a tab: the same document
		}
		if err := verify(changed, checkpoints...); err == nil {
			t.Fatalf("bit %d of %s is not missed", at, records[1].Event)
		}
	}
	for at := range audit.SeedSize * 8 {
		seed := audit.Seed{1}
		seed[at/8] ^= 1 << (at % 8)
		changed := slices.Clone(records)
		changed[1].Opening = audit.NewOpening(seed)
		if err := verify(changed, checkpoints...); err == nil {
			t.Fatalf("bit %d of the seed is not missed", at)
		}
	}
}

// What was erased is gone, and the log is still proved: the commitment stands where the field was.
func TestAnErasedFieldLeavesTheLogProved(t *testing.T) {
	t.Parallel()
	records, checkpoints := sample(t, 20)
	seed := audit.Seed{7}
	e, err := audit.ReadEntry(records[7].Event)
	if err != nil {
		t.Fatal(err)
	}
	opening := audit.Opening{Salts: map[string]string{}}
	for _, f := range e.Fields {
		salt := seed.Salt(f.Pointer)
		if f.Pointer == "/actor" || f.Pointer == "/reason" {
			opening.Erased = append(opening.Erased, f.Commit(salt).String())
			continue
		}
		opening.Salts[f.Pointer] = base64.StdEncoding.EncodeToString(salt[:])
	}
	left := strings.NewReplacer(`"reason":"for order 7: <é>",`, "", `"actor":{"kind":"indent.v1.User","id":"vic@acmecorp.example","altIds":["vic"]},`, "").Replace(string(records[7].Event))
	records[7].Event, records[7].Opening = []byte(left), opening
	if err := verify(records, checkpoints...); err != nil {
		t.Fatal(err)
	}
	opening.Erased = opening.Erased[1:]
	records[7].Opening = opening
	if err := verify(records, checkpoints...); err == nil {
		t.Fatal("an entry of which a field is gone without a trace is proved")
	}
}

// A checkpoint is one of its log's keys, of either of two during a change, and of nobody else's.
func TestCheckpointsAreSigned(t *testing.T) {
	t.Parallel()
	const origin = "indent.test/acme"
	keys := func(name string) (note.Signer, note.Verifier) {
		private, public, err := audit.NewKey(rand.Reader, name)
		if err != nil {
			t.Fatal(err)
		}
		s, err := note.NewSigner(private)
		if err != nil {
			t.Fatal(err)
		}
		v, err := note.NewVerifier(public)
		if err != nil {
			t.Fatal(err)
		}
		return s, v
	}
	old, oldKey := keys(origin)
	young, youngKey := keys(origin)
	foreign, foreignKey := keys("elsewhere.test/acme")
	_, checkpoints := sample(t, 5)
	signed, err := checkpoints[0].Sign(old, young)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []note.Verifier{oldKey, youngKey} {
		if c, err := audit.OpenCheckpoint(signed, k); err != nil || c != checkpoints[0] {
			t.Fatalf("%+v, %v", c, err)
		}
	}
	if _, err := audit.OpenCheckpoint(signed, foreignKey); err == nil {
		t.Fatal("a key that did not sign opens it")
	}
	if _, err := checkpoints[0].Sign(foreign); err == nil {
		t.Fatal("a foreign key signs")
	}
	for _, changed := range []string{strings.Replace(signed, "\n5\n", "\n4\n", 1), strings.Replace(signed, "acme", "acmf", 1), signed[:len(signed)-9]} {
		if _, err := audit.OpenCheckpoint(changed, oldKey, youngKey); err == nil {
			t.Fatalf("opened: %q", changed)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	records, checkpoints := sample(b, 10_000)
	for b.Loop() {
		if err := verify(records, checkpoints...); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/10_000, "µs/entry")
}

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
