package approval

import (
	"context"
	"time"
)

// Simulated is a petition to try on the policy without making it.
type Simulated struct {
	Petition NewPetition
	// As is the member that would ask, by id; "" is the actor itself.
	As string
	// Text is a document to try; "" is the one that holds.
	Text string
	// Time is when it would be asked; zero is now. The directory is that of now all the same.
	Time time.Time
}

// Simulation is what policy would answer.
type Simulation struct {
	Petition Petition // as it would be made; it has no name
	// PolicyVersion is the version that was tried, 0 for a text of the caller's.
	PolicyVersion int64
	Explanation   Explanation
	// Warning says in a sentence that too few people may grant it as things are; "" when enough may.
	Warning string
}

// SimulatePetition answers what policy would say to a petition, and how it would come to that. Nothing is written and nobody
// is told. To try it as somebody else is to read what the rules know of them, which takes the right to read members, as a replay does.
func (s *Service) SimulatePetition(ctx context.Context, a Actor, q Simulated) (Simulation, error) {
	if err := s.Authorize(ctx, a, ReadPolicy, "simulate petition"); err != nil {
		return Simulation{}, err
	}
	if err := checkID("as", q.As, MaxID); err != nil {
		return Simulation{}, err
	}
	as, err := s.simulatedActor(ctx, a, q.As)
	if err != nil {
		return Simulation{}, err
	}
	n, err := q.Petition.Check()
	if err != nil {
		return Simulation{}, err
	}
	document, err := s.simulatedPolicy(ctx, a, q.Text)
	if err != nil {
		return Simulation{}, err
	}
	now := q.Time.UTC().Truncate(time.Microsecond)
	if q.Time.IsZero() {
		now = s.Clock.Now()
	}
	if err := CheckStart(n.StartTime, now); err != nil {
		return Simulation{}, err
	}
	var p Petition
	stranger, err := s.outline(ctx, as, &n, &p)
	if err != nil {
		return Simulation{}, err
	}
	return s.simulate(ctx, as, p, stranger, now, document)
}

func (s *Service) simulate(ctx context.Context, as Actor, p Petition, stranger string, now time.Time, document PolicyDocument) (Simulation, error) {
	documents, err := s.documents()
	if err != nil {
		return Simulation{}, err
	}
	leave, err := s.trying.enter(as.Space)
	if err != nil {
		return Simulation{}, err
	}
	defer leave()
	if p.Verdict, err = s.verdictFor(ctx, as, &p, stranger, now, document); err != nil {
		return Simulation{}, err
	}
	explained, err := documents.Explain(ctx, s.policyInput(as, &p, now, document))
	if err != nil && CodeOf(err) != Invalid {
		return Simulation{}, err
	}
	// What holds is what a petition would get: the explanation ends with the rules, and more is looked at after them.
	explained.Verdict = p.Verdict
	l := s.looking(as.Space)
	l.documents = map[int64]PolicyDocument{document.Version: document}
	return Simulation{Petition: p, PolicyVersion: document.Version, Explanation: explained, Warning: s.unsatisfiableSeen(ctx, l, &p, s.Clock.Now())}, nil
}

// simulatedActor answers who would ask.
func (s *Service) simulatedActor(ctx context.Context, a Actor, id string) (Actor, error) {
	if id == "" || memberID(id) == a.ID {
		return a, nil
	}
	if err := s.Authorize(ctx, a, ReadMembers, "simulate petition as "+memberID(id)); err != nil {
		return Actor{}, err
	}
	m, err := s.Store.Member(ctx, a.Space, memberID(id))
	if err != nil {
		return Actor{}, err
	}
	as, err := s.ActorOf(ctx, m, "", nil)
	if CodeOf(err) == Unauthenticated {
		return Actor{}, FieldError("as", "%s gets in nowhere at the moment, and so asks for nothing", m.ID)
	}
	return as, err
}

// simulatedPolicy answers the document to try: the one that holds, or a text that compiles.
func (s *Service) simulatedPolicy(ctx context.Context, a Actor, text string) (PolicyDocument, error) {
	if text == "" {
		return s.Store.Policy(ctx, a.Space)
	}
	text, err := checkPolicyText(text)
	if err != nil {
		return PolicyDocument{}, err
	}
	x, err := s.try(ctx, a.Space, text)
	if err == nil {
		x.Tests = nil // what does not pass them can still be tried
		err = x.refusal()
	}
	return PolicyDocument{Space: a.Space, Text: text, Digest: PolicyDigest(text)}, err
}
