package audit

import (
	"encoding/base64"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// Opening is what makes a leaf of an event again: the seed of its salts or, where something was erased, the salts of what is left
// and the commitments to what is gone.
type Opening struct {
	Seed   string            `json:"seed,omitzero"`   // base64
	Salts  map[string]string `json:"salts,omitempty"` // by JSON Pointer, base64
	Erased []string          `json:"erased,omitempty"`
}

// NewOpening answers the opening of an entry of which nothing was erased.
func NewOpening(seed Seed) Opening { return Opening{Seed: base64.StdEncoding.EncodeToString(seed[:])} }

// Record is an entry as it is exported: its place, the event, what makes the leaf of it, and the leaf's hash in the tree.
type Record struct {
	Index    int64          `json:"index"`
	LeafHash string         `json:"leafHash"` // base64
	Event    jsontext.Value `json:"event"`
	Opening  Opening        `json:"opening"`
}

// Leaf answers the leaf's bytes, which is an error when the opening is not one of the event.
func (r Record) Leaf() ([]byte, error) {
	e, err := ReadEntry(r.Event)
	if err != nil {
		return nil, err
	}
	if len(r.Opening.Salts) == 0 && len(r.Opening.Erased) == 0 {
		var seed Seed
		if err := fill(seed[:], r.Opening.Seed); err != nil {
			return nil, fmt.Errorf("the seed %w", err)
		}
		return e.Leaf(seed), nil
	}
	return r.Opening.leaf(e)
}

// leaf answers the leaf of an entry of which something was erased.
func (o Opening) leaf(e Entry) ([]byte, error) {
	if o.Seed != "" {
		return nil, fmt.Errorf("a seed opens everything: it does not stand beside salts")
	}
	if len(o.Salts) != len(e.Fields) {
		return nil, fmt.Errorf("the event has %d fields and the opening %d salts", len(e.Fields), len(o.Salts))
	}
	commitments := make([]Commitment, 0, len(e.Fields)+len(o.Erased))
	for _, f := range e.Fields {
		var salt [SaltSize]byte
		if err := fill(salt[:], o.Salts[f.Pointer]); err != nil {
			return nil, fmt.Errorf("the salt of %s %w", f.Pointer, err)
		}
		commitments = append(commitments, f.Commit(salt))
	}
	for _, erased := range o.Erased {
		c, err := ParseCommitment(erased)
		if err != nil {
			return nil, err
		}
		commitments = append(commitments, c)
	}
	return e.LeafOf(commitments), nil
}

// fill reads so many bytes from the one text that they have in base64: a decoder skips line ends wherever they stand.
func fill(to []byte, text string) error {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) != len(to) || base64.StdEncoding.EncodeToString(raw) != text {
		return fmt.Errorf("is not %d bytes in base64", len(to))
	}
	copy(to, raw)
	return nil
}
