package approval

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// CurrentPolicy answers the version of the rule document that holds now, NotFound when the space has none.
func (s *Service) CurrentPolicy(ctx context.Context, a Actor) (PolicyDocument, error) {
	if err := s.Authorize(ctx, a, ReadPolicy, "read policy"); err != nil {
		return PolicyDocument{}, err
	}
	return s.Store.Policy(ctx, a.Space)
}

// PolicyVersion answers one version of the rule document.
func (s *Service) PolicyVersion(ctx context.Context, a Actor, version int64) (PolicyDocument, error) {
	if err := s.Authorize(ctx, a, ReadPolicy, "read policy"); err != nil {
		return PolicyDocument{}, err
	}
	return s.Store.PolicyVersion(ctx, a.Space, version)
}

// PolicyVersions answers a page of the versions of the rule document, newest first, without their texts.
func (s *Service) PolicyVersions(ctx context.Context, a Actor, r PageRequest) (Page[PolicyDocument], error) {
	if err := s.Authorize(ctx, a, ReadPolicy, "list policy versions"); err != nil {
		return Page[PolicyDocument]{}, err
	}
	return s.Store.Policies(ctx, a.Space, r)
}

// DiffPolicy answers what leads from one version to another, as a unified diff; "" when their texts are the same.
func (s *Service) DiffPolicy(ctx context.Context, a Actor, from, to int64) (string, error) {
	after, err := s.PolicyVersion(ctx, a, to) // the one that was asked for: if both are missing, it is what is named
	if err != nil {
		return "", err
	}
	before, err := s.Store.PolicyVersion(ctx, a.Space, from)
	if err != nil {
		return "", err
	}
	documents, err := s.documents()
	if err != nil {
		return "", err
	}
	return documents.Diff(before, after), nil
}

// ExaminePolicy answers what a text would be as a rule document: why it is none, or what its tests say. Nothing is written.
func (s *Service) ExaminePolicy(ctx context.Context, a Actor, text string) (Examination, error) {
	if err := s.Authorize(ctx, a, ReadPolicy, "test policy"); err != nil {
		return Examination{}, err
	}
	text, err := checkPolicyText(text)
	if err != nil {
		return Examination{}, err
	}
	return s.try(ctx, a.Space, text)
}

// DevPolicy answers whether the policy that holds marks itself as that of a server to play with.
func (s *Service) DevPolicy(ctx context.Context, a Actor) (bool, error) {
	if err := a.require(ReadPolicy); err != nil {
		return false, err
	}
	d, err := s.policy(ctx, a.Space, s.Clock.Now())
	if err != nil {
		return false, err
	}
	x, err := s.try(ctx, a.Space, d.Text)
	return x.Dev, err
}

// NewPolicy is another text of the rule document, and why.
type NewPolicy struct {
	Text   string
	Reason string
	// Expect is the version that the text was made of: the one that is to hold until now. 0: there is none yet.
	Expect int64
}

// Check answers the change as it will be kept, or Invalid. A line ends as it does on Unix: a form of a browser sends other ends.
func (n NewPolicy) Check() (NewPolicy, error) {
	var err error
	if n.Text, err = checkPolicyText(n.Text); err != nil {
		return n, err
	}
	if !strings.ContainsFunc(n.Reason, func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) }) && utf8.ValidString(n.Reason) {
		return n, FieldError("reason", "is required: say why the policy changes, auditors read it")
	}
	return n, checkProse("reason", n.Reason, MaxReason)
}

func checkPolicyText(text string) (string, error) {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	switch {
	case strings.TrimSpace(text) == "" && utf8.ValidString(text):
		return text, FieldError("text", "is required: send the whole document")
	case len(text) > MaxPolicyBytes:
		return text, FieldError("text", "is %d bytes long, and a document has at most %d: take rules out, or let labels and groups say what they have in common", len(text), MaxPolicyBytes)
	}
	return text, checkProse("text", text, MaxPolicyBytes)
}

// PolicyChange is what came of a change of the policy.
type PolicyChange struct {
	// Document is the version that holds now: the new one, or the one before while the change waits for Petition.
	Document PolicyDocument
	// Petition has to be granted before the change holds; nil: it needs none.
	Petition *Petition
	// Unchanged: the text is the one that holds already, and nothing was written.
	Unchanged   bool
	Examination Examination
}

// ApplyPolicy makes a text the next version of the rule document. It refuses, and logs that: Invalid, with all that was found,
// a text that does not compile or whose own tests fail; Conflict when another version holds than the change expects. Where
// the document that holds demands it, the change is not made: a petition for it is, under that document.
func (s *Service) ApplyPolicy(ctx context.Context, a Actor, n NewPolicy) (PolicyChange, error) {
	return s.changePolicy(ctx, a, "apply policy", n)
}

// RollBackPolicy makes the text of an old version the next version; in all else it is [Service.ApplyPolicy]. n has no text.
func (s *Service) RollBackPolicy(ctx context.Context, a Actor, version int64, n NewPolicy) (PolicyChange, error) {
	action := "roll policy back to version " + strconv.FormatInt(version, 10)
	if err := s.Authorize(ctx, a, WritePolicy, action); err != nil {
		return PolicyChange{}, err
	}
	old, err := s.Store.PolicyVersion(ctx, a.Space, version)
	if err != nil {
		return PolicyChange{}, err
	}
	n.Text = old.Text
	return s.changePolicy(ctx, a, action, n)
}

func (s *Service) changePolicy(ctx context.Context, a Actor, action string, n NewPolicy) (PolicyChange, error) {
	if err := s.Authorize(ctx, a, WritePolicy, action); err != nil {
		return PolicyChange{}, err
	}
	n, err := n.Check()
	if err != nil {
		return PolicyChange{}, err
	}
	c, err := again(func() (PolicyChange, error) { return s.writePolicy(ctx, a, n) })
	switch CodeOf(err) {
	case Forbidden, Conflict, Invalid:
		return PolicyChange{}, s.refuse(ctx, a, action, "", err)
	}
	return c, err
}

func (s *Service) writePolicy(ctx context.Context, a Actor, n NewPolicy) (PolicyChange, error) {
	current, err := s.policyNow(ctx, a.Space)
	if err != nil {
		return PolicyChange{}, err
	}
	if n.Expect != current.Version {
		return PolicyChange{}, staleVersion(n.Expect, current)
	}
	x, err := s.examine(ctx, a.Space, n.Text)
	if err == nil {
		err = x.refusal()
	}
	if err != nil {
		return PolicyChange{}, err
	}
	if current.Version > 0 && n.Text == current.Text {
		return PolicyChange{Document: current, Unchanged: true, Examination: x}, nil
	}
	x = s.withCheck(ctx, a, n.Text, x)
	demanded, err := s.demandsPetition(ctx, current)
	if err != nil {
		return PolicyChange{}, err
	}
	if demanded {
		p, err := s.proposePolicy(ctx, a, n, current)
		return PolicyChange{Document: current, Petition: &p, Examination: x}, err
	}
	now := s.Clock.Now()
	next := PolicyDocument{Space: a.Space, Version: current.Version + 1, Text: n.Text, Digest: PolicyDigest(n.Text), Reason: n.Reason, CreatedBy: a.ID, CreateTime: now}
	err = s.commitRead(ctx, Change{Space: a.Space, Writes: []Write{PutPolicy{next}}, Events: []Event{s.policyEvent(a, now, next)}})
	return PolicyChange{Document: next, Examination: x}, err
}

// policyEvent is the entry of the log for a new version.
func (s *Service) policyEvent(a Actor, now time.Time, d PolicyDocument) Event {
	labels := map[string]string{LabelPolicyVersion: strconv.FormatInt(d.Version, 10), LabelPolicyDigest: d.Digest}
	if d.Petition != "" {
		labels[LabelPetition] = d.Petition
	}
	return s.event(a, now, EventPolicyUpdate, d.Reason, []Resource{policyResource(d.Space)}, labels)
}

// policyNow answers the document that holds now, past the cache; version 0 when there is none.
func (s *Service) policyNow(ctx context.Context, space string) (PolicyDocument, error) {
	d, err := s.Store.Policy(ctx, space)
	if CodeOf(err) == NotFound {
		return PolicyDocument{Space: space}, nil
	}
	return d, err
}

// ExpectedVersion is the Field of an error that says that another version of the policy holds than the caller knows.
const ExpectedVersion = "If-Match"

func staleVersion(expected int64, current PolicyDocument) error {
	e := Errorf(Conflict, "version %d of the policy holds now, made by %s at %s, and the change was made of version %d: read the newest, put your change into it and send that",
		current.Version, current.CreatedBy, stamp(current.CreateTime), expected)
	if current.Version == 0 {
		e = Errorf(Conflict, "the space has no policy yet, and the change was made of version %d: expect version 0", expected)
	}
	e.Field = ExpectedVersion
	return e
}

// refusal answers Invalid, with all that was found, unless the document may be taken.
func (x Examination) refusal() error {
	findings, what := x.Problems, "it is not a rule document"
	for _, t := range x.Failed() {
		what = "its own tests fail"
		for _, failure := range t.Failures {
			findings = append(findings, Finding{Line: t.Line, Test: t.Name, Message: failure})
		}
	}
	if len(findings) == 0 {
		return nil
	}
	first, more := findings[0].String(), ""
	if n := len(findings) - 1; n > 0 {
		more = ", and " + strconv.Itoa(n) + " more"
	}
	e := FieldError("text", "was not taken, %s: %s%s", what, first, more)
	e.Findings = findings
	return e
}

// String answers the finding in one line: `line 12, column 9: rule "on-call": undefined field 'raeson'`.
func (f Finding) String() string {
	var parts []string
	switch {
	case f.Line > 0 && f.Column > 0:
		parts = append(parts, "line "+strconv.Itoa(f.Line)+", column "+strconv.Itoa(f.Column))
	case f.Line > 0:
		parts = append(parts, "line "+strconv.Itoa(f.Line))
	}
	if f.Rule != "" {
		parts = append(parts, "rule "+strconv.Quote(f.Rule))
	}
	if f.Test != "" {
		parts = append(parts, "test "+strconv.Quote(f.Test))
	}
	return strings.Join(append(parts, f.Message), ": ")
}

// examine reads a document that is to hold.
func (s *Service) examine(ctx context.Context, space, text string) (Examination, error) {
	return s.examineIn(ctx, &s.changing, space, text)
}

// try reads a document that is only tried. It takes no seat from one that is to hold: everybody may try.
func (s *Service) try(ctx context.Context, space, text string) (Examination, error) {
	return s.examineIn(ctx, &s.trying, space, text)
}

func (s *Service) examineIn(ctx context.Context, in *seats, space, text string) (Examination, error) {
	documents, err := s.documents()
	if err != nil {
		return Examination{}, err
	}
	leave, err := in.enter(space)
	if err != nil {
		return Examination{}, err
	}
	defer leave()
	return documents.Examine(ctx, text)
}

var errNoDocuments = errors.New("the service was built without Documents")

func (s *Service) documents() (PolicyDocuments, error) {
	if s.Documents == nil {
		return nil, Wrap(Unavailable, errNoDocuments, "this server cannot read rule documents: its operator must upgrade it")
	}
	return s.Documents, nil
}
