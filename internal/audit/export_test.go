package audit_test

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/indent-approvals/indent/internal/audit"
)

var update = flag.Bool("update", false, "write spec/log/vectors.json anew")

const vectorsFile = "../../spec/log/vectors.json"

// vectors are exports of which every verifier, in whatever language, must say the same.
type vectors struct {
	About string   `json:"about"`
	Keys  []string `json:"keys"`
	Kept  string   `json:"kept"`  // a checkpoint of the log's beginning
	Lines []string `json:"lines"` // of the export that is whole
	Cases []vector `json:"cases"`
}

// vector is an export: numbers are lines of the whole one, texts stand for themselves.
type vector struct {
	Name  string `json:"name"`
	Lines []any  `json:"lines"`
	Kept  bool   `json:"kept"`  // the checkpoint is given
	Known bool   `json:"known"` // the keys are given
	Fault string `json:"fault"` // "" for none
	Index int64  `json:"index"` // where
}

const vectorOrigin = "indent.test/log/acme"

func vectorSigner(t testing.TB, fill byte) (note.Signer, string) {
	private, public, err := audit.NewKey(bytes.NewReader(bytes.Repeat([]byte{fill}, 64)), vectorOrigin)
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	return s, public
}

// vectorDocuments are events with whatever JSON can say in more than one way.
func vectorDocuments() (documents []string) {
	for i := range 5 {
		documents = append(documents, string(document(i)))
	}
	const head = `{"event":"test/odd","timestamp":"2026-12-01T10:11:55.000001Z","id":"odd-`
	return append(documents,
		head+`1","meta":{"labels":{"a/b~c":"~/","\u20ac":"euro","\ud83d\ude00":"face","\ufb33":"dalet","":"nothing"}},"reason":"\u0007\b\f\n\r\t\"\\\/ \u007f\u2028 é"}`,
		head+`2","x":[0,-0,1,10,1.0,1e2,1E21,123456789012345680000,1e-6,1e-7,0.1,1.5e300,-333.25,4.50,2e-3,9007199254740993,5e-324],"y":{"b":true,"a":[null,{}],"":[]}}`,
		head+`3","meta":["no","object"],"resources":{"no":"list"},"labels":{"not":"those of meta"}}`,
		head+`4","meta":{"labels":[],"space":"acme"},"resources":[]}`,
		` { "id" : "odd-5" , "timestamp":"2026-12-01T10:11:55.000001Z", "event" : "\u0074est/odd", "resources" : [ {"id":"b"} , {"id":"a"} , "c" ] } `)
}

// vectorLog is the log of these events, and its checkpoints.
func vectorLog(t testing.TB, documents []string, at ...int64) (lines []string, checkpoints []string) {
	signer, public := vectorSigner(t, 1)
	b := newBook(t)
	var records []audit.Record
	for i, d := range documents {
		r := record(t, i, []byte(strings.TrimSpace(d)), audit.Seed{byte(i), 1})
		if i == 4 {
			r = erased(t, r, audit.Seed{byte(i), 1})
		}
		leaf, err := r.Leaf()
		if err != nil {
			t.Fatal(err)
		}
		b.append(t, string(leaf))
		records = append(records, r)
		if slices.Contains(at, b.tree.Size()) || i == len(documents)-1 {
			c := b.checkpoint()
			c.Origin = vectorOrigin
			signed, err := c.Sign(signer)
			if err != nil {
				t.Fatal(err)
			}
			checkpoints = append(checkpoints, signed)
		}
	}
	head := audit.Head{Origin: vectorOrigin, Keys: []string{public}, Checkpoint: checkpoints[len(checkpoints)-1]}
	lines = append(lines, jsonText(t, head))
	for _, r := range records {
		lines = append(lines, jsonText(t, r))
	}
	return lines, checkpoints
}

func jsonText(t testing.TB, v any) string {
	text, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// erased answers the record as it is when its reason was forgotten.
func erased(t testing.TB, r audit.Record, seed audit.Seed) audit.Record {
	e, err := audit.ReadEntry(r.Event)
	if err != nil {
		t.Fatal(err)
	}
	r.Opening = audit.Opening{Salts: map[string]string{}}
	for _, f := range e.Fields {
		salt := seed.Salt(f.Pointer)
		if f.Pointer == "/reason" {
			r.Opening.Erased = []string{f.Commit(salt).String()}
			var left map[string]jsontext.Value
			if err := json.Unmarshal(r.Event, &left); err != nil {
				t.Fatal(err)
			}
			delete(left, "reason")
			r.Event = jsontext.Value(jsonText(t, left))
			continue
		}
		r.Opening.Salts[f.Pointer] = base64Of(salt[:])
	}
	return r
}

func swapped(t testing.TB, line, from, to string) string {
	if !strings.Contains(line, from) {
		t.Fatalf("%s has no %s", line, from)
	}
	return strings.Replace(line, from, to, 1)
}

// makeVectors answers what is to be found in the log, and in what can be done to it.
func makeVectors(t testing.TB) vectors {
	documents := vectorDocuments()
	lines, checkpoints := vectorLog(t, documents, 3)
	_, public := vectorSigner(t, 1)
	v := vectors{About: "Exports of a log, and what a verifier finds in each: a number is a line of the whole export, a text a line of its own. Made by go test ./internal/audit -update.",
		Keys: []string{public}, Kept: checkpoints[0], Lines: lines}
	n := len(lines)
	all := func() (list []any) {
		for i := range n {
			list = append(list, i)
		}
		return list
	}
	with := func(at int, line string) []any { l := all(); l[at] = line; return l }
	texts := func(lines []string) (list []any) {
		for _, l := range lines {
			list = append(list, l)
		}
		return list
	}
	other, public2 := vectorSigner(t, 2)
	forged := audit.Head{Origin: vectorOrigin, Keys: []string{public2}}
	last, err := audit.ReadCheckpoint(strings.SplitN(checkpoints[1], "\n\n", 2)[0] + "\n")
	if err == nil {
		forged.Checkpoint, err = last.Sign(other)
	}
	if err != nil {
		t.Fatal(err)
	}
	remade, _ := vectorLog(t, slices.Delete(slices.Clone(documents), 1, 2))
	unlike := slices.Clone(documents)
	unlike[0] = swapped(t, unlike[0], "order", "Order")
	retold, _ := vectorLog(t, unlike)
	short, _ := vectorLog(t, documents[:2])
	v.Cases = []vector{
		{"whole", all(), false, false, "", 0},
		{"whole, from a checkpoint, by a known key", all(), true, true, "", 0},
		{"written in another way", with(2, swapped(t, lines[2], `"event":{"event":"access/approve",`, `"event": {  "event":"\u0061ccess/approve",`)), true, true, "", 0},
		{"a word is changed", with(2, swapped(t, lines[2], "order 1", "order 2")), false, false, audit.FaultChanged, 1},
		{"a number is changed", with(7, swapped(t, lines[7], "4.50", "4.51")), false, false, audit.FaultChanged, 6},
		{"an event's time is changed", with(3, swapped(t, lines[3], "10:11:55.000002", "10:11:55.000003")), false, false, audit.FaultChanged, 2},
		{"a member more", with(3, swapped(t, lines[3], `"reason"`, `"more":1,"reason"`)), false, false, audit.FaultChanged, 2},
		{"a member twice", with(3, swapped(t, lines[3], `"reason"`, `"reason":"","reason"`)), false, false, audit.FaultChanged, 2},
		{"a resource less", with(3, swapped(t, lines[3], `,{"id":"x","kind":"y"}`, ``)), false, false, audit.FaultChanged, 2},
		{"another seed", with(4, swapped(t, lines[4], `"seed":"AwE`, `"seed":"AwI`)), false, false, audit.FaultChanged, 3},
		{"another hash", with(4, swapped(t, lines[4], `"leafHash":"`, `"leafHash":"A`)), false, false, audit.FaultChanged, 3},
		{"what was erased is gone without a trace", with(5, swapped(t, lines[5], `,"erased":[`, `,"erased":[],"was":[`)), false, false, audit.FaultChanged, 4},
		{"no JSON", with(6, lines[6][:len(lines[6])-1]), false, false, audit.FaultChanged, 5},
		{"removed", slices.Delete(all(), 4, 5), false, false, audit.FaultMissing, 3},
		{"the first is removed", slices.Delete(all(), 1, 2), false, false, audit.FaultMissing, 0},
		{"twice", slices.Insert(all(), 4, any(3)), false, false, audit.FaultOrder, 3},
		{"changed places", append(append(all()[:3], 4, 3), all()[5:]...), false, false, audit.FaultOrder, 2},
		{"the last comes first", append([]any{0, n - 1}, all()[1:n-1]...), false, false, audit.FaultOrder, 0},
		{"put between", slices.Insert(all(), 4, any(swapped(t, lines[9], `"index":8`, `"index":3`))), false, false, audit.FaultOrder, 4},
		{"the tail is cut off", all()[:n-1], false, false, audit.FaultCut, int64(n - 2)},
		{"nothing is left", all()[:1], false, false, audit.FaultCut, 0},
		{"one too many", append(all(), swapped(t, lines[3], `"index":2`, `"index":10`)), false, false, audit.FaultExtra, int64(n - 1)},
		{"cut off and signed anew, without a checkpoint", texts(short), false, false, "", 0},
		{"cut off and signed anew", texts(short), true, false, audit.FaultCut, 2},
		{"removed and signed anew", texts(remade), true, false, audit.FaultForked, 0},
		{"changed and signed anew", texts(retold), true, true, audit.FaultForked, 0},
		{"signed by another key", with(0, jsonText(t, forged)), false, true, audit.FaultForked, 0},
		{"signed by another key, which is believed", with(0, jsonText(t, forged)), false, false, "", 0},
		{"signed by another key, and a checkpoint is known", with(0, jsonText(t, forged)), true, false, audit.FaultForked, 0},
		{"another size", with(0, swapped(t, lines[0], `\n10\n`, `\n11\n`)), false, false, audit.FaultForked, 0},
	}
	return v
}

// What is found in each of the exports that the verifiers of all languages are tried on is what should be.
func TestVectorsOfExports(t *testing.T) {
	t.Parallel()
	v := makeVectors(t)
	text, err := json.Marshal(v, json.Deterministic(true), jsontext.WithIndent(" "), jsontext.EscapeForHTML(false))
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	if *update {
		if err := os.WriteFile(vectorsFile, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if kept, err := os.ReadFile(vectorsFile); err != nil || !bytes.Equal(kept, text) {
		t.Errorf("%s is not what is made here (%v): write it anew with -update", vectorsFile, err)
	}
	for _, c := range v.Cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			var export []string
			for _, l := range c.Lines {
				if n, ok := l.(int); ok {
					l = v.Lines[n]
				}
				export = append(export, l.(string))
			}
			var trust audit.Trust
			if c.Kept {
				trust.Kept = []string{v.Kept}
			}
			if c.Known {
				trust.Keys = v.Keys
			}
			report, err := audit.VerifyExport(strings.NewReader(strings.Join(export, "\n")+"\n"), trust)
			var fault *audit.Fault
			if !errors.As(err, &fault) {
				fault = &audit.Fault{}
			}
			if fault.Kind != c.Fault || fault.Index != c.Index || (err != nil) != (c.Fault != "") {
				t.Fatalf("%v (%q at %d) instead of %q at %d", err, fault.Kind, fault.Index, c.Fault, c.Index)
			}
			if err == nil && (report.Origin != vectorOrigin || report.Size != int64(len(export)-1)) {
				t.Fatalf("%+v is proved of %d entries", report, len(export)-1)
			}
		})
	}
}

// A million entries, as an auditor verifies them: go test -run - -bench Million -benchtime 1x ./internal/audit
func BenchmarkMillion(b *testing.B) {
	const entries = 1_000_000
	file, err := os.CreateTemp(b.TempDir(), "log")
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	signer, public := vectorSigner(b, 1)
	var tree audit.Tree
	lines := bufio.NewWriterSize(file, 1<<20)
	for i := range entries {
		r := record(b, i, document(i), audit.Seed{byte(i), byte(i >> 8), byte(i >> 16)})
		hash, err := tlog.ParseHash(r.LeafHash)
		if err != nil {
			b.Fatal(err)
		}
		tree.Append(hash)
		lines.WriteString(jsonText(b, r) + "\n")
	}
	signed, err := audit.Checkpoint{Origin: vectorOrigin, Size: tree.Size(), Root: tree.Root()}.Sign(signer)
	if err := errors.Join(err, lines.Flush()); err != nil {
		b.Fatal(err)
	}
	head := jsonText(b, audit.Head{Origin: vectorOrigin, Keys: []string{public}, Checkpoint: signed}) + "\n"
	for b.Loop() {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			b.Fatal(err)
		}
		report, err := audit.VerifyExport(io.MultiReader(strings.NewReader(head), file), audit.Trust{})
		if err != nil || report.Size != entries {
			b.Fatalf("%+v %v", report, err)
		}
	}
}
