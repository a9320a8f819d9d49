package approval

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// ownersDecide is what holds when policy cannot answer: review by the space's owners, never approval (I3).
func ownersDecide(version int64, why string) Verdict {
	return Verdict{
		Decision: VerdictReview, Rule: "policy-error", PolicyVersion: version, Explanation: why,
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
	return PolicyInput{Space: a.Space, Petition: *p, Actor: a, Now: now, Document: document, Lookups: s.lookups}
}

// ruled asks the rules of a document. It refuses (Invalid) a petition that asks for longer than the rule allows: better said now
// than to the reviewer. No rule approves for a stranger, of whom it knows only what the caller says (I13).
func (s *Service) ruled(ctx context.Context, a Actor, p *Petition, stranger string, now time.Time, document PolicyDocument) (Verdict, error) {
	v, err := s.Policy.Decide(ctx, s.policyInput(a, p, now, document))
	if err == nil {
		err = v.check()
	}
	if err != nil {
		s.Logger.ErrorContext(ctx, "policy could not decide: the owners do", "space", a.Space, "version", document.Version, "error", err)
		return ownersDecide(document.Version, "the policy could not be evaluated: the space's owners decide"), nil
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
	return v, nil
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
