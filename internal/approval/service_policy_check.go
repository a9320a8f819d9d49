package approval

import (
	"context"
)

// Limits of what a check looks at: a space that has more is looked at in part, and the answer says so.
const (
	maxCheckedMembers   = 1_000
	maxCheckedResources = 1_000
)

// PolicyCheck is what a check of a document found in the actor's space.
type PolicyCheck struct {
	Findings []PolicyFinding
	// Members and Resources are how many were looked at; Partial says that the space has more.
	Members, Resources int
	Partial            bool
}

// Stuck answers whether a petition could wait for ever.
func (c PolicyCheck) Stuck() bool {
	for _, f := range c.Findings {
		if f.Kind == FindingStuck {
			return true
		}
	}
	return false
}

// CheckPolicy answers what would go wrong with a document in the space as it is now: whom nobody could grant what, which rules
// nothing reaches and which contradict. "" is the document that holds. It names members, so it needs the right to see them.
func (s *Service) CheckPolicy(ctx context.Context, a Actor, text string) (PolicyCheck, error) {
	for _, p := range []Permission{ReadPolicy, ReadMembers} {
		if err := s.Authorize(ctx, a, p, "check policy"); err != nil {
			return PolicyCheck{}, err
		}
	}
	document, err := s.simulatedPolicy(ctx, a, text)
	if err != nil {
		return PolicyCheck{}, err
	}
	return s.checkPolicy(ctx, a, document.Text)
}

func (s *Service) checkPolicy(ctx context.Context, a Actor, text string) (PolicyCheck, error) {
	documents, err := s.documents()
	if err != nil {
		return PolicyCheck{}, err
	}
	leave, err := s.trying.enter(a.Space)
	if err != nil {
		return PolicyCheck{}, err
	}
	defer leave()
	dir, partial, err := s.directory(ctx, a.Space)
	if err != nil {
		return PolicyCheck{}, err
	}
	found, err := documents.Check(ctx, text, dir)
	if err != nil {
		return PolicyCheck{}, err
	}
	if f, stuck := s.cannotChange(ctx, a, text); stuck {
		found = append(found, f)
	}
	return PolicyCheck{Findings: found, Members: len(dir.Members), Resources: len(dir.Resources), Partial: partial}, nil
}

// directory answers who and what the space has.
func (s *Service) directory(ctx context.Context, space string) (dir PolicyDirectory, partial bool, err error) {
	dir.Now = s.Clock.Now()
	members, err := s.Store.Members(ctx, space, "")
	if err != nil {
		return dir, false, err
	}
	if partial = len(members) > maxCheckedMembers; partial {
		members = members[:maxCheckedMembers]
	}
	for _, m := range members {
		d := DirectoryMember{Member: m}
		who, err := s.personOf(ctx, m)
		if err != nil {
			return dir, partial, err
		}
		d.Names = who.names
		if d.Groups, err = s.GroupsOf(ctx, space, m.ID); err != nil {
			return dir, partial, err
		}
		if d.Labels, err = s.labelsOf(ctx, space, m.ID); err != nil {
			return dir, partial, err
		}
		dir.Members = append(dir.Members, d)
	}
	delegations, err := s.Store.Delegations(ctx, space, "", dir.Now)
	if err != nil {
		return dir, partial, err
	}
	for _, d := range delegations {
		if state := d.State(dir.Now); state == DelegationActive || state == DelegationComing {
			dir.Away = append(dir.Away, Absence{Person: d.From, Deputy: d.To, From: d.StartTime, To: d.EndTime})
		}
	}
	q := ResourceQuery{Space: space, View: ViewRequestable, Page: PageRequest{Size: MaxPageSize}}
	for {
		page, err := s.Store.Resources(ctx, q)
		if err != nil {
			return dir, partial, err
		}
		dir.Resources = append(dir.Resources, page.Items...)
		if q.Page.Token = page.Next; page.Next == "" {
			return dir, partial, nil
		}
		if len(dir.Resources) >= maxCheckedResources {
			return dir, true, nil
		}
	}
}

// cannotChange answers whether nobody could grant a change of the document itself: then nobody changes it any more.
func (s *Service) cannotChange(ctx context.Context, a Actor, text string) (f PolicyFinding, stuck bool) {
	now := s.Clock.Now()
	n := NewPetition{Reason: "to change the policy", Resources: []Resource{policyResource(a.Space)}}
	var p Petition
	if _, err := s.outline(ctx, a, &n, &p); err != nil {
		return f, false
	}
	if x, err := s.Documents.Examine(ctx, text); err != nil || !x.ByPetition {
		return f, false
	}
	var err error
	if p.Verdict, err = s.verdictFor(ctx, a, &p, "", now, PolicyDocument{Space: a.Space, Text: text}); err != nil {
		return f, false
	}
	why := s.unsatisfiable(ctx, &p, now)
	return PolicyFinding{Kind: FindingStuck, Finding: Finding{Rule: p.Verdict.Rule, Message: "a change of this document could never be granted: " + why},
		Example: &StuckExample{Who: a.ID, What: policyResource(a.Space), When: now, Stage: 1, Needs: 1, Eligible: []string{}}}, why != ""
}

// withCheck adds to an examination, as warnings, what a check finds. It is advice: where it cannot be done nothing is said.
func (s *Service) withCheck(ctx context.Context, a Actor, text string, x Examination) Examination {
	if !a.Can(ReadMembers) {
		return x
	}
	c, err := s.checkPolicy(ctx, a, text)
	if err != nil {
		s.Logger.WarnContext(ctx, "what would go wrong with a policy cannot be told", "space", a.Space, "error", err)
		return x
	}
	for _, f := range c.Findings {
		warning := f.Finding
		warning.Message = f.Kind + ": " + f.Message
		x.Warnings = append(x.Warnings, warning)
	}
	return x
}
