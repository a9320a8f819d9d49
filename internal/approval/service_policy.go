package approval

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// policyError is the rule's name where no rule answers and the owners decide.
const policyError = "policy-error"

// ownersDecide is what holds when policy cannot answer: review by the space's owners, never approval (I3).
func ownersDecide(version int64, why string) Verdict {
	return Verdict{
		Decision: VerdictReview, Rule: policyError, PolicyVersion: version, Explanation: why,
		Requirements: []Requirement{{Reviewers: Reviewers{Roles: []Role{Owner}}, Count: 1}},
		DecideWithin: 7 * 24 * time.Hour, DefaultDuration: time.Hour, MaxDuration: 24 * time.Hour,
	}
}

// verdict asks the policy that holds once, see [Service.verdictFor].
func (s *Service) verdict(ctx context.Context, a Actor, p *Petition, stranger string, now time.Time) (Verdict, error) {
	document, err := s.policy(ctx, a.Space, now)
	if CodeOf(err) == NotFound {
		return s.confirming(ctx, p, ownersDecide(0, "the space has no policy: its owners decide"), now)
	}
	if err != nil {
		return Verdict{}, err
	}
	return s.verdictFor(ctx, a, p, stranger, now, document)
}

// verdictFor answers what holds for a petition under a document: what its rules say, and what the directory and the past of who
// asks make of that. A petition is made by it, and so is whatever says what would become of one.
func (s *Service) verdictFor(ctx context.Context, a Actor, p *Petition, stranger string, now time.Time, document PolicyDocument) (Verdict, error) {
	v, err := s.ruled(ctx, a, p, stranger, now, document)
	if err != nil {
		return Verdict{}, err
	}
	if v, err = s.confirming(ctx, p, v, s.Clock.Now()); err != nil { // the directory is that of now, whenever it would be asked
		return Verdict{}, err
	}
	return s.glass(ctx, p, v)
}

// policyInput is what the rules of a document look at.
func (s *Service) policyInput(a Actor, p *Petition, now time.Time, document PolicyDocument) PolicyInput {
	return PolicyInput{Space: a.Space, Petition: p, Actor: a, Now: now, Document: document, Lookups: s.lookups}
}

// ruled asks the rules of a document. It refuses (Invalid) a petition that asks for longer than the rule allows: better said now
// than to the reviewer. No rule approves for a stranger, of whom it knows only what the caller says, nor what begins at another
// time than that which it looks at (I13).
func (s *Service) ruled(ctx context.Context, a Actor, p *Petition, stranger string, now time.Time, document PolicyDocument) (Verdict, error) {
	v, ok := s.ruledAt(ctx, a, p, now, document)
	later := p.StartTime.After(now)
	if later && v.Decision != VerdictDeny {
		v, ok = s.ruledAtStart(ctx, a, p, v, ok, document)
	}
	if !ok {
		return v, nil
	}
	if v.Decision == VerdictApprove && stranger != "" {
		return ownersDecide(document.Version, fmt.Sprintf("rule %q approves, but the space does not know %s: its owners decide", v.Rule, stranger)), nil
	}
	if v.Decision != VerdictDeny && v.MaxDuration > 0 && p.Duration > v.MaxDuration {
		return Verdict{}, FieldError("petition.defaultDuration", "asks for %s but rule %q allows at most %s: ask for less", Span(p.Duration), v.Rule, Span(v.MaxDuration))
	}
	if v.Decision != VerdictDeny {
		if err := v.CheckInputs(p.Labels); err != nil {
			return Verdict{}, err
		}
	}
	if later {
		return v.NotLater(p.StartTime)
	}
	return v, nil
}

// ruledAt answers what the rules say at a time; where they cannot answer, the owners decide and ok is false.
func (s *Service) ruledAt(ctx context.Context, a Actor, p *Petition, at time.Time, document PolicyDocument) (v Verdict, ok bool) {
	v, err := s.Policy.Decide(ctx, s.policyInput(a, p, at, document))
	if err == nil {
		err = v.check()
	}
	if err != nil {
		s.Logger.ErrorContext(ctx, "policy could not decide: the owners do", "space", a.Space, "version", document.Version, "error", err)
		return ownersDecide(document.Version, "the policy could not be evaluated: the space's owners decide"), false
	}
	return v, true
}

// ruledAtStart answers what holds for a petition that begins later, of which the rules say v as it is asked: whoever chooses when
// it begins must not get around a rule that refuses it for that time, nor around one that cannot be evaluated then. In all else
// the rules decide by the time at which it is asked.
func (s *Service) ruledAtStart(ctx context.Context, a Actor, p *Petition, v Verdict, ok bool, document PolicyDocument) (Verdict, bool) {
	then, answers := s.ruledAt(ctx, a, p, p.StartTime, document)
	if answers && then.allowsStart() {
		return v, ok
	}
	return v.AsBegun(then, p.StartTime), answers
}

// allowsStart answers whether what the rules say for the beginning of a petition leaves it to what they say as it is asked.
func (v *Verdict) allowsStart() bool { return v.Decision != VerdictDeny && v.Rule != policyError }

// AsBegun answers what holds of a petition that begins later, of which the rules say v as it is asked and then for its beginning.
func (v Verdict) AsBegun(then Verdict, start time.Time) Verdict {
	if then.allowsStart() {
		return v
	}
	why := then.Explanation
	if why == "" {
		why = fmt.Sprintf("rule %q does not allow it", then.Rule)
	}
	then.Explanation = fmt.Sprintf("when it would begin, at %s: %s", stamp(start), why)
	return then
}

// NotLater answers what becomes of a verdict where the grant begins later: of an approval by a rule that the owners decide, for as
// long as the rule allows. A broken glass that waits is refused.
func (v Verdict) NotLater(start time.Time) (Verdict, error) {
	if v.Answer() == AnswerBreakGlass {
		return v, FieldError("petition.startTime", "an emergency does not wait: leave it out")
	}
	if v.Decision != VerdictApprove {
		return v, nil
	}
	owners := ownersDecide(v.PolicyVersion, fmt.Sprintf("rule %q approves what begins at once, and this begins at %s: the space's owners decide", v.Rule, stamp(start)))
	owners.DefaultDuration, owners.MaxDuration = v.DefaultDuration, v.MaxDuration
	return owners, nil
}

func (s *Service) policy(ctx context.Context, space string, now time.Time) (PolicyDocument, error) {
	if d, ok := s.policies.get(space, now); ok {
		return d, nil
	}
	d, err := s.Store.Policy(ctx, space)
	if err == nil {
		s.policies.put(d, now)
	}
	return d, err
}

// labelsOf answers the labels that the directory's entries of a member agree on. Something else that bears its id is not
// the member.
func (s *Service) labelsOf(ctx context.Context, space, member string) (map[string]string, error) {
	entries, err := s.Store.ResourcesByID(ctx, space, []string{member})
	if err != nil {
		return nil, err
	}
	labels, torn := map[string]string{}, map[string]bool{}
	for _, e := range entries {
		if !lastSegment(e.Kind, "user", "person", "serviceaccount") {
			continue
		}
		for key, value := range e.Labels {
			if other, has := labels[key]; has && other != value {
				torn[key] = true
			}
			labels[key] = value
		}
	}
	maps.DeleteFunc(labels, func(key, _ string) bool { return torn[key] })
	return labels, nil
}

// policyVersion answers one version of the space's document. The newest, which nearly all open petitions were made under,
// is at hand.
func (s *Service) policyVersion(ctx context.Context, space string, version int64, now time.Time) (PolicyDocument, error) {
	d, err := s.policy(ctx, space, now)
	if err == nil && d.Version == version {
		return d, nil
	}
	return s.Store.PolicyVersion(ctx, space, version)
}

// known answers the directory's entries of what is asked for. Of something that it has only in another spelling it answers that
// entry: a rule that refuses by what the directory says must not be escaped by a capital letter, and no rule approves by it
// (I13), as what is asked for is not known itself.
func (s *Service) known(ctx context.Context, space string, asked []Resource) ([]Resource, error) {
	ids := make([]string, 0, len(asked))
	for _, r := range asked {
		if r.ID != "" {
			ids = append(ids, r.ID)
		}
	}
	found, err := s.Store.ResourcesByID(ctx, space, ids)
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(f Resource) bool { return !slices.ContainsFunc(asked, f.Same) })
	for _, r := range asked {
		if r.ID == "" || slices.ContainsFunc(found, r.Same) {
			continue
		}
		like, err := s.Store.ResourcesNamed(ctx, space, asWritten([]string{r.ID}))
		if err != nil {
			return nil, err
		}
		for _, f := range like {
			if strings.EqualFold(f.Kind, r.Kind) && strings.EqualFold(f.ID, r.ID) && !slices.ContainsFunc(found, f.Same) {
				found = append(found, f)
			}
		}
	}
	return found, nil
}
