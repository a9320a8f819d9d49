package policy

import (
	"context"
	_ "embed"
	"fmt"
	"sync"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// Decide answers the verdict of the first rule that matches. An error means that a rule could not be evaluated: no
// later rule is tried, because an earlier one might have denied.
func (d *Document) Decide(ctx context.Context, in approval.PolicyInput) (approval.Verdict, error) {
	for _, r := range d.rules {
		match, err := r.holds(ctx, in)
		if err != nil {
			return approval.Verdict{}, fmt.Errorf("rule %q: %w", r.name, err)
		}
		if match {
			v := r.verdict
			v.PolicyVersion = in.Document.Version
			return v, nil
		}
	}
	return approval.Verdict{Decision: approval.VerdictDeny, Rule: "no-rule", PolicyVersion: in.Document.Version, Dev: d.Dev,
		Explanation: "no rule matches", DecideWithin: time.Hour, DefaultDuration: time.Hour}, nil
}

// Engine implements approval.Policy: it compiles each document once.
type Engine struct {
	mu       sync.Mutex
	compiled map[documentKey]*Document
}

type documentKey struct {
	space   string
	version int64
}

// maxCompiled bounds the documents that are kept compiled.
const maxCompiled = 1000

// New answers an engine with nothing compiled yet.
func New() *Engine { return &Engine{compiled: map[documentKey]*Document{}} }

// Decide answers the verdict of the input's document.
func (e *Engine) Decide(ctx context.Context, in approval.PolicyInput) (approval.Verdict, error) {
	d, err := e.document(in.Document)
	if err != nil {
		return approval.Verdict{}, err
	}
	return d.Decide(ctx, in)
}

func (e *Engine) document(src approval.PolicyDocument) (*Document, error) {
	key := documentKey{src.Space, src.Version}
	e.mu.Lock()
	d := e.compiled[key]
	e.mu.Unlock()
	if d != nil {
		return d, nil
	}
	d, err := Compile(src.Text)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.compiled) >= maxCompiled {
		clear(e.compiled)
	}
	e.compiled[key] = d
	return d, nil
}

//go:embed documents/dev.yaml
var dev string

//go:embed documents/default.yaml
var standard string

// Dev answers the document of `indent dev`: one person may play both parts, and page and log say so.
func Dev() string { return dev }

// Default answers the document that a new space starts with.
func Default() string { return standard }
