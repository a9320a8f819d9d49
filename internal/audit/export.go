package audit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/note"
)

// Head is the first line of an exported log; each line behind it is a [Record].
type Head struct {
	Origin     string   `json:"origin"`
	Keys       []string `json:"keys"` // what verifies its checkpoints
	Checkpoint string   `json:"checkpoint"`
}

// Trust is what whoever verifies a log knows of it from elsewhere.
type Trust struct {
	// Keys verify checkpoints, in the text form of golang.org/x/mod/sumdb/note. Without any the log's own word is taken for its keys.
	Keys []string
	Kept []string // checkpoints that were kept, signed
}

// Report says what was proved.
type Report struct {
	Origin string   `json:"origin"`
	Size   int64    `json:"entries"`
	Root   string   `json:"root"`
	Kept   int      `json:"checkpoints"` // of those that were kept
	Keys   []string `json:"keys"`        // that were trusted
}

// Open answers a verifier for the log and what it will have proved at its end.
func (h Head) Open(t Trust) (*Verifier, Report, error) {
	report := Report{Kept: len(t.Kept), Keys: t.Keys}
	if len(report.Keys) == 0 {
		report.Keys = h.Keys
	}
	var keys []note.Verifier
	for _, text := range report.Keys {
		key, err := note.NewVerifier(text)
		if err != nil {
			return nil, report, fmt.Errorf("%q is not the key of a log: it looks like %q", text, "indent.example.com/log/acme+1f2e3d4c+AbCd…")
		}
		keys = append(keys, key)
	}
	last, err := OpenCheckpoint(h.Checkpoint, keys...)
	if err != nil {
		return nil, report, faulty(FaultForked, 0, "of the log itself: %v", err)
	}
	all := []Checkpoint{last}
	for _, text := range t.Kept {
		kept, err := OpenCheckpoint(text, keys...)
		if err != nil {
			return nil, report, faulty(FaultForked, 0, "of the checkpoint that was kept: %v", err)
		}
		all = append(all, kept)
	}
	report.Origin, report.Size, report.Root = last.Origin, last.Size, last.Root.String()
	v, err := NewVerifier(all...)
	return v, report, err
}

// MaxLine bounds a line of an export: an event, of which every byte may be written as six, and what opens it.
const MaxLine = 7 * MaxEntry

// atOnce is how many lines are verified at once.
const atOnce = 4096

// VerifyExport verifies an exported log, which it reads to its end or to the first fault.
func VerifyExport(export io.Reader, t Trust) (Report, error) {
	lines := bufio.NewScanner(export)
	lines.Buffer(make([]byte, 0, 1<<20), MaxLine)
	var head Head
	if !lines.Scan() {
		return Report{}, errors.Join(lines.Err(), errors.New("the export is empty: its first line names the log"))
	}
	if err := json.Unmarshal(lines.Bytes(), &head); err != nil || head.Origin == "" {
		return Report{}, fmt.Errorf("the first line of the export does not name the log: is it one of `indent audit export`? (%v)", err)
	}
	v, report, err := head.Open(t)
	if err != nil {
		return report, err
	}
	parts := make(chan [][]byte, 1) // the next part is read while one is verified
	stop := make(chan struct{})
	go func() {
		defer close(parts)
		for part := readPart(lines); len(part) > 0; part = readPart(lines) {
			select {
			case parts <- part:
			case <-stop:
				return
			}
		}
	}()
	for part := range parts {
		err := v.AddEach(len(part), func(i int) (Record, error) { return readRecord(part[i]) })
		if err == nil {
			continue
		}
		if fault := (*Fault)(nil); errors.As(err, &fault) && fault.Kind == FaultMissing && standsLater(part, parts, fault.Index) {
			err = faulty(FaultOrder, fault.Index, "entry %d does not stand in its place: it comes later", fault.Index)
		}
		close(stop)
		for range parts { // the reader has ended
		}
		return report, err
	}
	if err := lines.Err(); err != nil {
		return report, faulty(FaultChanged, v.Size(), "entry %d cannot be read: %v", v.Size(), err)
	}
	return report, v.End()
}

// readPart answers the next lines, none at the end.
func readPart(lines *bufio.Scanner) (part [][]byte) {
	room := make([]byte, 0, 4*MaxEntry)
	for total := 0; len(part) < atOnce && total < 16*MaxEntry && lines.Scan(); {
		from := len(room)
		room = append(room, lines.Bytes()...) // lines that stand in a smaller one stay there
		part = append(part, room[from:len(room):len(room)])
		total += len(lines.Bytes())
	}
	return part
}

func readRecord(line []byte) (r Record, err error) {
	if readPlainRecord(line, &r) {
		return r, nil
	}
	err = json.Unmarshal(line, &r, json.RejectUnknownMembers(true))
	return r, err
}

// seedSize is the length of a seed in base64.
const seedSize = 44

// readPlainRecord reads a line as exports have it where nothing was erased, or answers false. Whether the event is JSON is seen when it
// is cut into fields.
func readPlainRecord(line []byte, r *Record) bool {
	const begin, hash, event, opening, end = `{"index":`, `,"leafHash":"`, `","event":`, `,"opening":{"seed":"`, `"}}`
	rest, ok := bytes.CutPrefix(line, []byte(begin))
	digits, rest, found := bytes.Cut(rest, []byte(hash))
	leaf, rest, alsoFound := bytes.Cut(rest, []byte(event))
	if !ok || !found || !alsoFound || len(leaf) != seedSize || len(rest) < len(opening)+seedSize+len(end) {
		return false
	}
	at := len(rest) - len(opening) - seedSize - len(end)
	seed, ok := bytes.CutPrefix(rest[at:], []byte(opening))
	seed, ended := bytes.CutSuffix(seed, []byte(end))
	index, err := strconv.ParseInt(string(digits), 10, 64)
	if !ok || !ended || err != nil || bytes.ContainsAny(seed, `"\\`) || bytes.ContainsAny(leaf, `"\\`) || strconv.FormatInt(index, 10) != string(digits) {
		return false
	}
	*r = Record{Index: index, LeafHash: string(leaf), Event: rest[:at], Opening: Opening{Seed: string(seed)}}
	return true
}

// standsLater answers whether the entry of a place is among these lines or those that follow.
func standsLater(part [][]byte, rest <-chan [][]byte, place int64) bool {
	for ; part != nil; part = <-rest {
		for _, line := range part {
			if r, err := readRecord(line); err == nil && r.Index == place {
				return true
			}
		}
	}
	return false
}
