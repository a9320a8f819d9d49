package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// SeedSize and SaltSize are the bytes of a seed and of a salt.
const (
	SeedSize = 32
	SaltSize = 16
)

// MaxEntry bounds an entry's document, in bytes: a leaf that a tile of entries cannot hold would stop the log.
const MaxEntry = 1 << 20

// Seed is the secret of one entry from which the salts of its fields are made. Who has it can prove what each field was; who has
// neither it nor a field's salt cannot even try values: the field can be forgotten.
type Seed [SeedSize]byte

// Salt answers the salt of the field at a JSON Pointer (RFC 6901): the first bytes of the SHA-256 of the seed and the pointer.
func (s Seed) Salt(pointer string) (salt [SaltSize]byte) {
	var room [256]byte
	sum := sha256.Sum256(append(append(room[:0], s[:]...), pointer...))
	copy(salt[:], sum[:])
	return salt
}

// Commitment stands in the leaf for one field: it binds to the field's value and tells nothing of it.
type Commitment [sha256.Size]byte

// String answers it in base64, as it stands in a leaf.
func (c Commitment) String() string { return base64.StdEncoding.EncodeToString(c[:]) }

// ParseCommitment reads what [Commitment.String] wrote.
func ParseCommitment(s string) (c Commitment, err error) {
	if fill(c[:], s) != nil {
		return Commitment{}, fmt.Errorf("%q is not a commitment: 32 bytes in base64", s)
	}
	return c, nil
}

// Field is one of the parts that an event is committed to in: a member of it, of its meta, of its labels, or one of its resources.
type Field struct {
	Pointer string         // RFC 6901
	Value   jsontext.Value // canonical (RFC 8785)
}

// Commit answers the field's commitment: SHA-256 of the salt and of the canonical JSON of [pointer, value].
func (f Field) Commit(salt [SaltSize]byte) Commitment {
	var room [512]byte
	text := append(room[:0], salt[:]...)
	text = appendCanonical(append(text, '['), f.Pointer)
	text = append(append(append(text, ','), f.Value...), ']')
	return sha256.Sum256(text)
}

// Entry is an event as it is logged: what of it anybody may know, and the fields that it commits to.
type Entry struct {
	ID, Event, Time string // as they stand in the document; public
	Fields          []Field
}

// ReadEntry cuts an event's document, a JSON object without two members of one name, into its fields.
func ReadEntry(document []byte) (Entry, error) {
	var e Entry
	if len(document) > MaxEntry {
		return e, fmt.Errorf("the event has %d bytes, more than %d", len(document), MaxEntry)
	}
	if readPlain(document, &e) && e.Event != "" && e.ID != "" && e.Time != "" {
		return e, nil
	}
	return readAny(document)
}

// readAny reads whatever JSON there is.
func readAny(document []byte) (e Entry, err error) {
	canonical := jsontext.Value(slices.Clone(document))
	if err := canonical.Canonicalize(); err != nil {
		return e, fmt.Errorf("the event is no JSON: %w", err)
	}
	if canonical.Kind() != '{' {
		return e, errors.New("the event is no JSON object")
	}
	e.Fields = make([]Field, 0, 16)
	if err := e.cut("", canonical, jsontext.NewDecoder(bytes.NewReader(canonical))); err != nil {
		return e, err
	}
	if e.Event == "" || e.ID == "" || e.Time == "" {
		return e, errors.New("the event has no event, id or timestamp")
	}
	return e, nil
}

// cut adds the parts of an object, or of a list, that the decoder stands before. What people may ask to have forgotten apart
// from the rest is cut further. Parts of canonical JSON are canonical as they stand.
func (e *Entry) cut(at string, text jsontext.Value, d *jsontext.Decoder) error {
	opening, err := d.ReadToken()
	if err != nil {
		return err
	}
	list := opening.Kind() == '['
	for i := 0; d.PeekKind() != '}' && d.PeekKind() != ']'; i++ {
		pointer := at + "/"
		if list {
			pointer += strconv.Itoa(i)
		} else {
			name, err := d.ReadToken()
			if err != nil {
				return err
			}
			pointer += escaped(name.String())
		}
		if inner := d.PeekKind(); inner == '{' && (pointer == "/meta" || pointer == "/meta/labels") || inner == '[' && pointer == "/resources" {
			if err := e.cut(pointer, text, d); err != nil {
				return err
			}
			continue
		}
		value, err := d.ReadValue()
		if err != nil {
			return err
		}
		if to := e.public(pointer); to != nil {
			if *to, err = unquoted(value); err != nil {
				return err
			}
			continue
		}
		end := d.InputOffset()
		e.Fields = append(e.Fields, Field{pointer, text[end-int64(len(value)) : end]})
	}
	_, err = d.ReadToken()
	return err
}

// public answers where the member stands that names no person and is in the leaf as it is.
func (e *Entry) public(pointer string) *string {
	switch pointer {
	case "/event":
		return &e.Event
	case "/id":
		return &e.ID
	case "/timestamp":
		return &e.Time
	}
	return nil
}

func unquoted(value jsontext.Value) (s string, err error) {
	err = json.Unmarshal(value, &s)
	return s, err
}

var escaper = strings.NewReplacer("~", "~0", "/", "~1")

func escaped(name string) string {
	if strings.ContainsAny(name, "~/") {
		return escaper.Replace(name)
	}
	return name
}

// Leaf answers the leaf's bytes where nothing was erased.
func (e Entry) Leaf(seed Seed) []byte {
	commitments := make([]Commitment, len(e.Fields))
	for i, f := range e.Fields {
		commitments[i] = f.Commit(seed.Salt(f.Pointer))
	}
	return e.LeafOf(commitments)
}

// LeafOf answers the leaf's bytes, canonical JSON (RFC 8785):
//
//	{"commitments":["…"],"event":"access/approve","id":"…","timestamp":"2026-01-02T03:04:05.678901Z","v":1}
//
// The commitments are in the order of their bytes, which tells nothing of what they are of.
func (e Entry) LeafOf(commitments []Commitment) []byte {
	commitments = slices.Clone(commitments)
	slices.SortFunc(commitments, func(a, b Commitment) int { return bytes.Compare(a[:], b[:]) })
	leaf := make([]byte, 0, 128+47*len(commitments))
	leaf = append(leaf, `{"commitments":[`...)
	for i, c := range commitments {
		if i > 0 {
			leaf = append(leaf, ',')
		}
		leaf = append(base64.StdEncoding.AppendEncode(append(leaf, '"'), c[:]), '"')
	}
	leaf = appendCanonical(append(leaf, `],"event":`...), e.Event)
	leaf = appendCanonical(append(leaf, `,"id":`...), e.ID)
	leaf = appendCanonical(append(leaf, `,"timestamp":`...), e.Time)
	return append(leaf, `,"v":1}`...)
}

// appendCanonical quotes as RFC 8785 does.
func appendCanonical(to []byte, s string) []byte {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= utf8.RuneSelf || s[i] == '"' || s[i] == '\\' {
			return append(to, quoted(s)...)
		}
	}
	return append(append(append(to, '"'), s...), '"')
}

func quoted(s string) jsontext.Value {
	raw, err := json.Marshal(s)
	value := jsontext.Value(raw)
	if err == nil {
		err = value.Canonicalize()
	}
	if err != nil { // it was read from a document, so it is UTF-8
		panic("audit: a text that is not UTF-8: " + err.Error())
	}
	return value
}
