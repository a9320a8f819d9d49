package approval

import (
	"context"
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

// verdict asks policy once. It refuses (Invalid) a petition that asks for longer than the rule allows: better said now
// than to the reviewer.
func (s *Service) verdict(ctx context.Context, a Actor, p Petition, now time.Time) (Verdict, error) {
	document, err := s.policy(ctx, a.Space, now)
	if CodeOf(err) == NotFound {
		return ownersDecide(0, "the space has no policy: its owners decide"), nil
	}
	if err != nil {
		return Verdict{}, err
	}
	v, err := s.Policy.Decide(ctx, PolicyInput{Space: a.Space, Petition: p, Actor: a, Now: now, Document: document,
		Known: func(ctx context.Context) ([]Resource, error) { return s.known(ctx, a.Space, p.Resources) }})
	if err == nil {
		err = v.check()
	}
	if err != nil {
		s.Logger.ErrorContext(ctx, "policy could not decide: the owners do", "space", a.Space, "version", document.Version, "error", err)
		return ownersDecide(document.Version, "the policy could not be evaluated: the space's owners decide"), nil
	}
	if v.Decision != VerdictDeny && v.MaxDuration > 0 && p.Duration > v.MaxDuration {
		return Verdict{}, FieldError("petition.defaultDuration", "asks for %s but rule %q allows at most %s: ask for less", p.Duration, v.Rule, v.MaxDuration)
	}
	return v, nil
}

// check refuses a verdict that could grant without anybody agreeing, or never end.
func (v Verdict) check() error {
	if v.DecideWithin <= 0 || v.DefaultDuration <= 0 {
		return Errorf(Internal, "the verdict has no durations")
	}
	switch v.Decision {
	case VerdictApprove, VerdictDeny:
		return nil
	case VerdictReview:
		for _, r := range v.Requirements {
			if r.Count < 1 {
				return Errorf(Internal, "a requirement asks for %d approvals", r.Count)
			}
		}
		if len(v.Requirements) > 0 {
			return nil
		}
	}
	return Errorf(Internal, "the verdict %q asks for nobody", v.Decision)
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
	var same []Resource
	for _, f := range found {
		for _, r := range asked {
			if f.Same(r) {
				same = append(same, f)
				break
			}
		}
	}
	return same, nil
}
