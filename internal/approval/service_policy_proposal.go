package approval

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// changesPolicy answers whether the petition asks for another policy. Nobody else can ask for the kind, see mayBeAsked.
func (p *Petition) changesPolicy() bool {
	return len(p.Resources) == 1 && p.Resources[0].Kind == KindPolicy
}

// mayBeAsked refuses what only a use case of its own asks for: a reviewer must not be shown a change of the policy that is none.
func (n NewPetition) mayBeAsked() error {
	for i, r := range n.Resources {
		if strings.EqualFold(r.Kind, KindPolicy) {
			return FieldError(fmt.Sprintf("petition.resources[%d].kind", i), "%s is asked for by changing the policy: `indent policy apply`", KindPolicy)
		}
	}
	return nil
}

// demandsPetition answers whether a change of the document has to be granted under it. One that cannot be read any more
// might have demanded it, so it does; the space's owners decide then, as they do every petition.
func (s *Service) demandsPetition(ctx context.Context, d PolicyDocument) (bool, error) {
	if d.Version == 0 {
		return false, nil
	}
	x, err := s.examine(ctx, d.Space, d.Text)
	return x.ByPetition || len(x.Problems) > 0, err
}

// maxShownDiff is how long a diff may be that the petition itself shows. A longer one is looked at where the whole text is:
// nothing is shown in part as if it were the whole (I2).
const maxShownDiff = 48 << 10

// proposalParams is what a petition for another policy is decided on. Its digest covers the text by the text's own.
type proposalParams struct {
	Base   int64  `json:"baseVersion"`
	Digest string `json:"textDigest"`
	Diff   string `json:"diff,omitempty"`
	Note   string `json:"note,omitempty"`
}

// proposePolicy makes the petition for another policy, with the text kept aside.
func (s *Service) proposePolicy(ctx context.Context, a Actor, n NewPolicy, current PolicyDocument) (Petition, error) {
	documents, err := s.documents()
	if err != nil {
		return Petition{}, err
	}
	params := proposalParams{Base: current.Version, Digest: PolicyDigest(n.Text)}
	params.Diff = documents.Diff(current, PolicyDocument{Space: a.Space, Version: current.Version + 1, Text: n.Text})
	if len(params.Diff) > maxShownDiff {
		params.Diff, params.Note = "", "The diff is too long to stand here: open the page Policy, where the whole of it and the whole text are."
	}
	raw, err := json.Marshal(params)
	if err != nil {
		return Petition{}, Wrap(Internal, err, "the petition cannot be written")
	}
	asked, err := NewPetition{Resources: []Resource{policyResource(a.Space)}, Reason: n.Reason, Params: raw, DisplayName: "Change of the policy"}.Check()
	if err != nil {
		return Petition{}, under("policy", err)
	}
	asked.Labels = map[string]string{LabelPolicyBase: strconv.FormatInt(current.Version, 10)} // the server's to set
	s.policies.forget(a.Space)                                                                // the petition is decided under the version that was read now, and no older one
	p, change, err := s.draft(ctx, a, &asked, "")
	if err != nil {
		return Petition{}, err
	}
	switch {
	case p.Verdict.PolicyVersion != current.Version:
		return Petition{}, stale{staleVersion(n.Expect, PolicyDocument{Version: p.Verdict.PolicyVersion})}
	case p.Verdict.Decision != VerdictReview:
		return Petition{}, Errorf(Internal, "a change of the policy was decided by rule %q", p.Verdict.Rule)
	}
	proposal := PolicyProposal{Space: a.Space, Petition: p.Name, Base: current.Version, Text: n.Text, Digest: params.Digest, CreateTime: p.CreateTime}
	change.Writes = append(change.Writes, PutPolicyProposal{proposal})
	return *p, s.commit(ctx, change)
}

// Proposal answers the text that a petition for another policy asks for, and what it changes of the version that it is
// to follow. Any other petition is NotFound.
func (s *Service) Proposal(ctx context.Context, a Actor, petition string) (PolicyProposal, string, error) {
	if err := s.Authorize(ctx, a, ReadPolicy, "read policy proposal"); err != nil {
		return PolicyProposal{}, "", err
	}
	if checkName("petition", petition) != nil {
		return PolicyProposal{}, "", Errorf(NotFound, "there is no petition %.100q for another policy in %s", petition, a.Space)
	}
	proposal, err := s.Store.PolicyProposal(ctx, a.Space, petition)
	if err != nil {
		return PolicyProposal{}, "", err
	}
	base, err := s.Store.PolicyVersion(ctx, a.Space, proposal.Base)
	if err != nil {
		return PolicyProposal{}, "", err
	}
	documents, err := s.documents()
	if err != nil {
		return PolicyProposal{}, "", err
	}
	return proposal, documents.Diff(base, PolicyDocument{Space: a.Space, Version: base.Version + 1, Text: proposal.Text}), nil
}

// applyProposal puts into a change that grants the petition the version that it asks for, so that the one is never without
// the other. Otherwise it answers why the petition has to be closed instead.
func (s *Service) applyProposal(ctx context.Context, a Actor, p Petition, change *Change, now time.Time) (why string, err error) {
	proposal, err := s.Store.PolicyProposal(ctx, p.Space, p.Name)
	if err != nil {
		return "", err
	}
	current, err := s.policyNow(ctx, p.Space)
	if err != nil {
		return "", err
	}
	if current.Version != proposal.Base {
		return fmt.Sprintf("it was asked for as a change of version %d, and version %d holds by now: apply it again to that", proposal.Base, current.Version), nil
	}
	if why, err := s.mayStillWrite(ctx, p); err != nil || why != "" {
		return why, err
	}
	x, err := s.examine(ctx, p.Space, proposal.Text)
	if err != nil {
		return "", err
	}
	if refused := x.refusal(); refused != nil {
		return "the document is not taken any more, " + refused.Error(), nil
	}
	next := PolicyDocument{Space: p.Space, Version: current.Version + 1, Text: proposal.Text, Digest: PolicyDigest(proposal.Text), Reason: p.Reason, Petition: p.Name,
		CreatedBy: p.CreatedBy.ID, CreateTime: now}
	change.Writes = append(change.Writes, PutPolicy{next})
	change.Events = append(change.Events, s.policyEvent(a, now, next))
	return "", nil
}

// mayStillWrite answers why who asked may not change the policy any more, "" if it may (I14).
func (s *Service) mayStillWrite(ctx context.Context, p Petition) (why string, err error) {
	who, err := s.looking(p.Space).actor(ctx, p.CreatedBy.ID) // of a service account no more than its owner may
	if err != nil || !who.gone && who.actor.Can(WritePolicy) {
		return "", err
	}
	return p.CreatedBy.ID + " asked for it and may not change the policy any more", nil
}

// closeProposal closes a petition for another policy that has its approvals and cannot be applied.
func (s *Service) closeProposal(ctx context.Context, p Petition, why string, change *Change, now time.Time, failed error) (Petition, error) {
	if failed != nil {
		return p, failed
	}
	e := s.petitionEvent(ctx, System(p.Space, policyPart), &p, now, EventDeny, printable("approved, and not applied: "+why, MaxReason-1), nil)
	change.Events = append(change.Events, e)
	return p.Apply(e, now)
}
