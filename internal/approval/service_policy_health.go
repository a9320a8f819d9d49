package approval

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"
)

const (
	// maxLookAtPolicy bounds a look at a policy: a job has a lease.
	maxLookAtPolicy = 10 * time.Second
	// maxOwnersAsked is of how many owners it is asked whether a change of the policy by them could be granted.
	maxOwnersAsked = 20
	// keyChanges is the finding that nobody could change the policy any more.
	keyChanges = "changes"
)

// StuckNow is what is stuck in a space as things stand.
type StuckNow struct {
	Health    PolicyHealth
	Petitions []Petition // those that wait, the newest first
	More      bool       // there are more of them
}

// StuckNow answers what nobody could approve as things stand: kinds of petitions, as the last look at the policy found them,
// and petitions that wait. It names members, so it needs the right to see them.
func (s *Service) StuckNow(ctx context.Context, a Actor) (out StuckNow, err error) {
	for _, p := range []Permission{ReadPolicy, ReadMembers, ReadPetitions} {
		if err := s.Authorize(ctx, a, p, "look what is stuck"); err != nil {
			return out, err
		}
	}
	out.Health, err = s.policyHealth(ctx, a.Space)
	if err != nil {
		return out, err
	}
	page, err := s.Store.Petitions(ctx, PetitionQuery{Space: a.Space, Phases: []Phase{Open, Granted, Revoked},
		Selector: Selector{{Key: LabelStuck, Operator: In, Values: []string{"true"}}}, Page: PageRequest{Size: DefaultPageSize}})
	for _, p := range page.Items {
		if p.StuckNow() != "" {
			out.Petitions = append(out.Petitions, p)
		}
	}
	out.More = page.Next != ""
	return out, err
}

// policyHealth answers what was found stuck, version 0 when nothing ever was.
func (s *Service) policyHealth(ctx context.Context, space string) (PolicyHealth, error) {
	h, err := s.Store.PolicyHealth(ctx, space)
	if CodeOf(err) == NotFound {
		return PolicyHealth{Space: space}, nil
	}
	return h, err
}

// lookAtPolicy looks for what has become stuck in the policy that holds, and for what is not any more, and writes what is new to
// the log: each once, whichever node looks.
func (s *Service) lookAtPolicy(ctx context.Context, space string) error {
	if s.Documents == nil {
		return nil
	}
	_, err := again(func() (none struct{}, err error) { return none, s.lookAtPolicyOnce(ctx, space) })
	return err
}

func (s *Service) lookAtPolicyOnce(ctx context.Context, space string) error {
	before, err := s.policyHealth(ctx, space)
	if err != nil {
		return err
	}
	document, err := s.policyNow(ctx, space)
	if err != nil || document.Version == 0 {
		return err
	}
	found, whole, err := s.stuckInTime(ctx, document)
	if errors.Is(err, errGaveUp) {
		s.Logger.WarnContext(ctx, "a look at what is stuck in a policy took too long and was given up", "space", space, "most", maxLookAtPolicy)
		return nil // to try again would take as long
	}
	if err != nil {
		return err
	}
	now := s.Clock.Now()
	after := PolicyHealth{Space: space, Policy: document.Version, UpdateTime: now}
	change := Change{Space: space}
	add := func(name string, f HealthFinding) {
		change.Events = append(change.Events, s.event(System(space, policyPart), now, name, printable(f.Message, MaxReason-1), []Resource{policyResource(space)},
			map[string]string{LabelPolicyVersion: strconv.FormatInt(document.Version, 10), LabelRule: f.Rule}))
	}
	for _, f := range found {
		f.Since = now
		if i := slices.IndexFunc(before.Findings, f.is); i >= 0 {
			f.Since = before.Findings[i].Since
		} else {
			add(EventPolicyStuck, f)
		}
		after.Findings = append(after.Findings, f)
	}
	for _, f := range before.Findings {
		switch {
		case slices.ContainsFunc(found, f.is):
		case whole || before.Policy != document.Version:
			f.Message = "not any more: " + f.Message
			add(EventPolicyHealed, f)
		default: // it may be among what was not looked at
			after.Findings = append(after.Findings, f)
		}
	}
	if len(change.Events) == 0 {
		return nil
	}
	change.Writes = []Write{PutPolicyHealth{Health: after, Expect: before.Version}}
	return s.commitRead(ctx, change)
}

func (f HealthFinding) is(other HealthFinding) bool { return f.Key == other.Key }

var errGaveUp = errors.New("it took too long")

// stuckInTime is stuckIn that gives up after a while.
func (s *Service) stuckInTime(ctx context.Context, document PolicyDocument) (found []HealthFinding, whole bool, err error) {
	timed, stop := context.WithTimeout(ctx, maxLookAtPolicy)
	defer stop()
	found, whole, err = s.stuckIn(timed, document)
	if err != nil && timed.Err() != nil && ctx.Err() == nil {
		err = errGaveUp
	}
	return found, whole, err
}

// stuckIn answers what is stuck in the document that holds; whole false says that there was too much to look at all of it. One
// that cannot be read any more has nothing that a directory could heal: the owners decide every petition.
func (s *Service) stuckIn(ctx context.Context, document PolicyDocument) (found []HealthFinding, whole bool, err error) {
	dir, _, err := s.directory(ctx, document.Space)
	if err != nil {
		return nil, false, err
	}
	list, err := s.Documents.Check(ctx, document.Text, dir)
	if CodeOf(err) == Invalid {
		return nil, true, nil
	}
	if err != nil {
		return nil, false, err
	}
	whole = true
	for _, f := range list {
		switch f.Kind {
		case FindingStuck:
			found = append(found, HealthFinding{Key: f.Key, Rule: f.Rule, Message: f.Finding.String(), Example: f.Example})
		case findingIncomplete:
			whole = false
		}
	}
	f, stuck, err := s.nobodyChanges(ctx, document, dir.Members)
	if stuck {
		found = append(found, HealthFinding{Key: keyChanges, Rule: f.Rule, Message: f.Message, Example: f.Example})
	}
	return found, whole, err
}

const findingIncomplete = "incomplete"

// nobodyChanges answers whether a change of the policy could be granted to none of its owners.
func (s *Service) nobodyChanges(ctx context.Context, document PolicyDocument, members []DirectoryMember) (f PolicyFinding, stuck bool, err error) {
	asked := 0
	for _, m := range members {
		if !m.owns() || asked == maxOwnersAsked {
			continue
		}
		asked++
		a, err := s.ActorOf(ctx, m.Member, "", nil)
		if err != nil {
			return f, false, err
		}
		if f, stuck = s.cannotChange(ctx, a, document.Text); !stuck {
			return f, false, nil
		}
	}
	return f, stuck, nil
}
