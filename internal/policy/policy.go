// Package policy turns a space's rule document into a verdict: approve, deny, or review by whom, how many and in
// which order.
//
// Its promise: rules are tried in order and the first that matches decides; no match is a denial; a condition that fails
// or costs too much never approves, the space's owners decide then. What a document says is checked when it is compiled,
// with the line and column of what is wrong; deciding builds only what a rule looks at.
//
// It imports the centre, the CEL library, the YAML library and a diff.
package policy

import (
	"context"
	_ "embed"
	"sync"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// Names of verdicts that no rule of a document gave.
const (
	ruleNone  = "no-rule"
	ruleError = "policy-error"

	ruleChanges = "changes" // the document's own section about itself
)

// Decide answers the verdict of the first rule that matches. A condition that cannot be evaluated is answered with a
// review by the space's owners, and no later rule is tried, because an earlier one might have denied. An error means
// that the directory could not be read or that ctx has ended; the caller must not approve.
func (d *Document) Decide(ctx context.Context, in approval.PolicyInput) (approval.Verdict, error) {
	return d.decideWith(ctx, &in, nil)
}

func (d *Document) decideWith(ctx context.Context, in *approval.PolicyInput, from Sources) (approval.Verdict, error) {
	v, _, err := d.decideAt(ctx, in, from)
	return v, err
}

// decideAt is decideWith that answers, too, what the conditions cost.
func (d *Document) decideAt(ctx context.Context, in *approval.PolicyInput, from Sources) (v approval.Verdict, cost uint64, err error) {
	var seen *scene
	v, err = d.decide(ctx, in, from, &seen)
	v.PolicyVersion, v.Dev = in.Document.Version, d.Dev
	if seen != nil {
		cost = seen.cost
	}
	return v, cost, err
}

// decide makes the scene only when a condition looks at it.
func (d *Document) decide(ctx context.Context, in *approval.PolicyInput, from Sources, made **scene) (approval.Verdict, error) {
	if d.changes != nil && asksForPolicy(in.Petition) {
		return d.changes.verdict, nil
	}
	var seen *scene
	could := d.index.candidates(in)
	for i := could.next(0); i >= 0 && i < len(d.rules); i = could.next(i + 1) {
		r := &d.rules[i]
		if r.isCatchAll() {
			return r.answer(in.Petition), nil
		}
		if seen == nil {
			seen = newScene(ctx, d, in, from)
			*made = seen
		}
		match, err := r.matches(seen)
		if seen.unavailable != nil {
			return approval.Verdict{}, seen.unavailable
		}
		if err := ctx.Err(); err != nil {
			return approval.Verdict{}, approval.Wrap(approval.Unavailable, err, "the call was cancelled before policy had answered")
		}
		if err != nil {
			return ownersDecide(r.verdict.Rule, err), nil
		}
		if match {
			return r.answer(in.Petition), nil
		}
	}
	return noRule(), nil
}

// matches answers whether the rule is for the petition of the scene.
func (r *rule) matches(s *scene) (bool, error) {
	if r.who != nil && s.in.Petition.Labels[approval.LabelBreakGlass] != "true" {
		return false, nil // whoever breaks the glass says so: nobody does by accident what has to be answered for
	}
	if r.condition != nil {
		if holds, err := r.condition.holds(s); err != nil || !holds {
			return false, err
		}
		// known.all(…) is true of nothing at all. What the directory does not have, it has not vouched for (I13).
		if r.verdict.Decision == approval.VerdictApprove && r.condition.known && !s.allKnown() {
			return false, nil
		}
	}
	if r.who != nil {
		return r.who.include(s)
	}
	return true, nil
}

// answer is the verdict that the rule gives for a petition: whoever asks owners asks those of each resource.
func (r *rule) answer(p *approval.Petition) approval.Verdict {
	if !r.owned {
		return r.verdict
	}
	v := r.verdict
	v.Requirements = forEach(len(p.Resources), v.Requirements)
	if v.BreakGlass != nil {
		b := *v.BreakGlass
		b.Requirements = forEach(len(p.Resources), b.Requirements)
		v.BreakGlass = &b
	}
	return v
}

func noRule() approval.Verdict {
	return approval.Verdict{Decision: approval.VerdictDeny, Rule: ruleNone, Explanation: "no rule matches",
		DecideWithin: defaultDecideWithin, DefaultDuration: defaultGrant}
}

// ownersDecide is what holds when the condition of a rule fails (I3). The grant is at most a day: nobody has said how
// long is right.
func ownersDecide(rule string, cause error) approval.Verdict {
	return approval.Verdict{
		Decision: approval.VerdictReview, Rule: ruleError,
		Explanation:  readable("the condition of rule \"" + rule + "\" could not be evaluated (" + cause.Error() + "): the space's owners decide"),
		Requirements: []approval.Requirement{{Reviewers: approval.Reviewers{Roles: []approval.Role{approval.Owner}}, Count: 1}},
		DecideWithin: defaultDecideWithin, DefaultDuration: defaultGrant, MaxDuration: 24 * time.Hour,
	}
}

// Engine implements approval.Policy: it compiles each version of a document once.
type Engine struct {
	// Sources reads who is on call elsewhere; nil: nobody can, and the groups of such schedules stand in.
	Sources Sources

	mu       sync.Mutex
	compiled map[documentKey]*compilation
}

type documentKey struct {
	space   string
	version int64
}

// compilation is a document that is compiled by the first who needs it; the others wait for that. One that cannot be
// compiled is remembered as well, so that it costs once.
type compilation struct {
	text     string
	once     sync.Once
	document *Document
	err      error
}

// maxCompiled bounds the documents that are kept compiled.
const maxCompiled = 1000

// New answers an engine with nothing compiled yet.
func New() *Engine { return &Engine{compiled: map[documentKey]*compilation{}} }

// Decide answers the verdict of the input's document. An error means that it gave none: the caller must not approve.
func (e *Engine) Decide(ctx context.Context, in approval.PolicyInput) (approval.Verdict, error) {
	d, err := e.document(in.Document)
	if err != nil {
		return approval.Verdict{}, err
	}
	return d.decideWith(ctx, &in, e.sourcesFor(in.Document))
}

// sourcesFor answers who may be asked for a document: nobody for a text that is only tried, which has no version. Whoever may
// read the policy may try a text, and must not choose by it whom the server calls (I12).
func (e *Engine) sourcesFor(d approval.PolicyDocument) Sources {
	if d.Version == 0 {
		return nil
	}
	return e.Sources
}

// OnCall implements [approval.Policy].
func (e *Engine) OnCall(ctx context.Context, d approval.PolicyDocument, schedule string, at time.Time) (OnCall, error) {
	document, err := e.document(d)
	if err != nil {
		return OnCall{}, err
	}
	return document.onCall(ctx, schedule, at, e.sourcesFor(d))
}

// Selects implements [approval.Policy].
func (e *Engine) Selects(ctx context.Context, d approval.PolicyDocument, where string, who Candidate) (bool, error) {
	document, err := e.document(d)
	if err != nil {
		return false, err
	}
	return document.Selects(ctx, where, who)
}

// document answers the text compiled.
func (e *Engine) document(d approval.PolicyDocument) (*Document, error) {
	c := e.compilation(d)
	c.once.Do(func() { c.document, c.err = Compile(c.text) })
	return c.document, c.err
}

func (e *Engine) compilation(d approval.PolicyDocument) *compilation {
	key := documentKey{d.Space, d.Version}
	e.mu.Lock()
	defer e.mu.Unlock()
	if c := e.compiled[key]; c != nil && c.text == d.Text {
		return c
	}
	if len(e.compiled) >= maxCompiled {
		clear(e.compiled)
	}
	c := &compilation{text: d.Text}
	e.compiled[key] = c
	return c
}

//go:embed documents/dev.yaml
var dev string

//go:embed documents/default.yaml
var standard string

// Dev answers the document of `indent dev`: one person may play both parts, and page and log say so.
func Dev() string { return dev }

// Default answers the document that a new space starts with.
func Default() string { return standard }
