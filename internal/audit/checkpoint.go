package audit

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is what a log says of itself: so many entries, and the hash of their tree. It is signed as a note (C2SP
// tlog-checkpoint, signed-note), and who has kept one finds out when the log changes what was in it.
type Checkpoint struct {
	Origin string // which log: the name of its keys
	Size   int64
	Root   Hash
}

// MaxCheckpoint bounds a signed checkpoint, in bytes.
const MaxCheckpoint = 64 << 10

// Text answers what is signed:
//
//	indent.acmecorp.example/acme
//	1234
//	qINS1GRFhWHwdkUeqLEoP4yEMkTBBzxBkGwGQlVlVcs=
func (c Checkpoint) Text() string {
	return c.Origin + "\n" + strconv.FormatInt(c.Size, 10) + "\n" + base64.StdEncoding.EncodeToString(c.Root[:]) + "\n"
}

// Sign answers the checkpoint as a signed note.
func (c Checkpoint) Sign(signers ...note.Signer) (string, error) {
	for _, s := range signers {
		if s.Name() != c.Origin {
			return "", fmt.Errorf("a key of %q does not sign for %q", s.Name(), c.Origin)
		}
	}
	signed, err := note.Sign(&note.Note{Text: c.Text()}, signers...)
	return string(signed), err
}

// OpenCheckpoint reads a signed checkpoint of the log whose keys these are; one good signature of them is enough, and a bad one too many.
func OpenCheckpoint(signed string, keys ...note.Verifier) (Checkpoint, error) {
	if len(signed) > MaxCheckpoint {
		return Checkpoint{}, fmt.Errorf("the checkpoint has %d bytes, more than %d", len(signed), MaxCheckpoint)
	}
	n, err := note.Open([]byte(signed), note.VerifierList(keys...))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("the checkpoint is not signed as it should be: %w", err)
	}
	c, err := ReadCheckpoint(n.Text)
	if err == nil && n.Sigs[0].Name != c.Origin {
		err = fmt.Errorf("the checkpoint of %q is signed by %q", c.Origin, n.Sigs[0].Name)
	}
	return c, err
}

// ReadCheckpoint reads the text of a checkpoint, whoever signed it. Lines after the third are extensions, which nobody has to know.
func ReadCheckpoint(text string) (c Checkpoint, err error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) < 4 || lines[0] == "" {
		return c, errors.New("a checkpoint has three lines: the log's name, its size, the hash of its tree")
	}
	c.Origin = lines[0]
	if c.Size, err = strconv.ParseInt(lines[1], 10, 64); err != nil || c.Size < 0 || c.Size > MaxSize || strconv.FormatInt(c.Size, 10) != lines[1] {
		return c, fmt.Errorf("%q is not the size of a log", lines[1])
	}
	if c.Root, err = tlog.ParseHash(lines[2]); err != nil || c.Root.String() != lines[2] {
		return c, fmt.Errorf("%q is not the hash of a tree", lines[2])
	}
	return c, nil
}

// NewKey makes an Ed25519 key pair for the log of that name, in the text forms of golang.org/x/mod/sumdb/note. The private one
// is a secret.
func NewKey(random io.Reader, origin string) (private, public string, err error) {
	return note.GenerateKey(random, origin)
}
