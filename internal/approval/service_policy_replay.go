package approval

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// Limits of a replay.
const (
	// MaxReplayed is how many petitions one replay reads.
	MaxReplayed = 5_000
	// MaxFlips is how many of those that change are listed; all are counted.
	MaxFlips = 200
	// maxWeighed is for how many of them it is looked up who could review.
	maxWeighed = 1_000
	// maxReplaying is how long a replay may take: each petition may cost a second under a document that is made to be slow.
	maxReplaying = 30 * time.Second
	// replaySince is how far a replay goes back unless it is told.
	replaySince = 30 * 24 * time.Hour
)

// How the answer to a petition changes.
const (
	FlipApproved  = "approved by rule"     // people were asked, and a rule would approve
	FlipDenied    = "denied by rule"       // people were asked, and a rule would deny
	FlipReviewed  = "asked of people"      // a rule answered, and people would be asked
	FlipNowGrants = "approved, not denied" // a rule denied, and a rule would approve
	FlipNowDenies = "denied, not approved" // a rule approved, and a rule would deny
	FlipOthers    = "asks others"          // people are asked before and after: others, more or fewer of them, or in another order
	FlipRefused   = "refused at once"      // it could not be asked any more: for too long, or without an input
)

// Flips lists how an answer can change.
var Flips = []string{FlipApproved, FlipDenied, FlipReviewed, FlipNowGrants, FlipNowDenies, FlipOthers, FlipRefused}

// Replay is what a document would have answered to the petitions of the past.
type Replay struct {
	Since, Until time.Time
	Base         int64 // the version that holds
	Petitions    int   // that were read
	More         bool  // there were more of that time than a replay reads
	// Gone counts petitions of those who are no members any more: of them only what the petition itself says is known.
	Gone int
	// Same counts those that get the same answer.
	Same    int
	Flipped map[string]int
	Flips   []Flip // the newest, at most MaxFlips
	// Regranted counts petitions that were denied, by whomever, and would be approved by a rule.
	Regranted int
	Rules     []RuleReplay
	Load      []ReviewerLoad
	// Weighed is for how many petitions Load was looked up, the newest first.
	Weighed int
}

// Flip is a petition of the past that would be answered otherwise.
type Flip struct {
	Petition   string
	Time       time.Time
	Title      string
	By         string // who asked
	How        string
	RuleBefore string
	RuleAfter  string
	Outcome    Outcome // of a petition that is closed
	Denied     bool    // it was denied, and would be approved by a rule
}

// RuleReplay is one rule, of the document that holds, of the other one or of both.
type RuleReplay struct {
	Rule string
	// Before and After count the petitions that it answered, and would answer.
	Before, After int
	// Decided is how many of those that it would answer were decided by people, and Wait the median time that these took.
	Decided int
	Wait    time.Duration
}

// ReviewerLoad is how many petitions a person could have been asked about, and how many it would be.
type ReviewerLoad struct {
	Person        string
	Before, After int
}

// ReplayPolicy answers what a document would have said to the petitions since a time, each as it was asked and at the time at
// which it was, with the directory and the members as of now. Nothing is written. What a rule of the caller's says of others
// tells what it looks at - roles, groups, labels - so that takes the right to read members. It ends with what it has read when
// it has taken too long.
func (s *Service) ReplayPolicy(ctx context.Context, a Actor, text string, since time.Time) (Replay, error) {
	for _, p := range []Permission{ReadPolicy, ReadPetitions, ReadMembers} {
		if err := s.Authorize(ctx, a, p, "replay policy"); err != nil {
			return Replay{}, err
		}
	}
	now := s.Clock.Now()
	if since.IsZero() {
		since = now.Add(-replaySince)
	}
	if since.After(now) {
		return Replay{}, FieldError("since", "lies in the future: petitions of the past are replayed")
	}
	document, err := s.simulatedPolicy(ctx, a, text)
	if err != nil {
		return Replay{}, err
	}
	current, err := s.policyNow(ctx, a.Space)
	if err != nil {
		return Replay{}, err
	}
	leave, err := s.trying.enter(a.Space)
	if err != nil {
		return Replay{}, err
	}
	defer leave()
	r := replaying{s: s, document: document, before: s.looking(a.Space), after: s.looking(a.Space), rules: map[string]*RuleReplay{}, waits: map[string][]time.Duration{},
		load: map[string]*ReviewerLoad{}, out: Replay{Since: since.UTC(), Until: now, Base: current.Version, Flipped: map[string]int{}}}
	r.after.documents = map[int64]PolicyDocument{0: document}
	if r.members, err = s.rosterOf(ctx, a.Space, now); err != nil {
		return Replay{}, err
	}
	if err := r.read(ctx, a.Space); err != nil {
		return Replay{}, err
	}
	return r.summary(), nil
}

// replaying is one replay on its way.
type replaying struct {
	s             *Service
	document      PolicyDocument
	before, after *looking
	members       *roster
	rules         map[string]*RuleReplay
	waits         map[string][]time.Duration // of people, by the rule that would answer
	load          map[string]*ReviewerLoad
	out           Replay
}

// read goes through the petitions page by page, newest first.
func (r *replaying) read(ctx context.Context, space string) error {
	q := PetitionQuery{Space: space, Page: PageRequest{Size: MaxPageSize}}
	for {
		page, err := r.s.Store.Petitions(ctx, q)
		if err != nil {
			return err
		}
		for _, p := range page.Items {
			switch {
			case p.CreateTime.Before(r.out.Since):
				return nil
			case r.out.Petitions == MaxReplayed, r.s.Clock.Now().After(r.out.Until.Add(maxReplaying)):
				r.out.More = true
				return nil
			case p.changesPolicy():
				continue
			}
			if err := r.one(ctx, p); err != nil {
				return err
			}
		}
		if q.Page.Token = page.Next; page.Next == "" {
			return nil
		}
	}
}

// one asks the document about one petition.
func (r *replaying) one(ctx context.Context, p Petition) error {
	if err := ctx.Err(); err != nil {
		return Wrap(Unavailable, err, "the call was cancelled before the replay was done")
	}
	r.out.Petitions++
	who, err := r.asker(ctx, p)
	if err != nil {
		return err
	}
	next := p
	next.Verdict, err = r.s.verdictFor(ctx, who, &p, "", p.CreateTime, r.document)
	if code := CodeOf(err); code != "" && code != Invalid {
		return err
	}
	r.note(p, next.Verdict, err != nil)
	if r.out.Weighed < maxWeighed {
		r.out.Weighed++
		if err := r.weigh(ctx, r.before, p, func(l *ReviewerLoad) { l.Before++ }); err != nil {
			return err
		}
		return r.weigh(ctx, r.after, next, func(l *ReviewerLoad) { l.After++ })
	}
	return nil
}

// asker answers who made the petition, as it is now.
func (r *replaying) asker(ctx context.Context, p Petition) (Actor, error) {
	who, err := r.after.actor(ctx, p.CreatedBy.ID)
	if err != nil || !who.gone {
		return who.actor, err
	}
	r.out.Gone++
	return Actor{Space: p.Space, ID: p.CreatedBy.ID, Person: p.CreatedBy.ID, Kind: p.CreatedBy.Kind, Email: p.CreatedBy.Email, DisplayName: p.CreatedBy.DisplayName}, nil
}

// note counts how the answer changes.
func (r *replaying) note(p Petition, v Verdict, refused bool) {
	r.rule(p.Verdict.Rule).Before++
	how := flip(p.Verdict.Decision, v.Decision)
	if how == "" && demandOf(p.Verdict) != demandOf(v) {
		how = FlipOthers
	}
	if refused {
		how = FlipRefused
	} else {
		r.rule(v.Rule).After++
		if p.Decision != nil && p.Verdict.Decision == VerdictReview {
			r.waits[v.Rule] = append(r.waits[v.Rule], max(p.Decision.Timestamp.Sub(p.CreateTime), 0))
		}
	}
	denied := p.Outcome == OutcomeDenied && v.Decision == VerdictApprove && !refused
	if denied {
		r.out.Regranted++
	}
	if how == "" {
		r.out.Same++
		return
	}
	r.out.Flipped[how]++
	if len(r.out.Flips) < MaxFlips {
		r.out.Flips = append(r.out.Flips, Flip{Petition: p.Name, Time: p.CreateTime, Title: p.Title(), By: p.CreatedBy.ID, How: how, RuleBefore: p.Verdict.Rule,
			RuleAfter: v.Rule, Outcome: p.Outcome, Denied: denied})
	}
}

// flip answers how an answer changes, "" when it does not.
func flip(before, after string) string {
	switch {
	case before == after:
		return ""
	case after == VerdictReview:
		return FlipReviewed
	case before == VerdictReview && after == VerdictApprove:
		return FlipApproved
	case before == VerdictReview:
		return FlipDenied
	case after == VerdictApprove:
		return FlipNowGrants
	}
	return FlipNowDenies
}

// demandOf writes whose agreement a verdict asks for, in whatever order it names them. Who is only told, and when, is no part of it.
func demandOf(v Verdict) string {
	list := v.Requirements
	if v.BreakGlass != nil {
		list = v.BreakGlass.Requirements
	}
	parts := make([]string, len(list))
	for i, r := range list {
		r.Notify, r.RemindAfter = nil, 0
		r.Reviewers, r.DistinctFrom, r.Escalate = inOrder(r.Reviewers), slices.Sorted(slices.Values(r.DistinctFrom)), slices.Clone(r.Escalate)
		for j := range r.Escalate {
			r.Escalate[j].Reviewers = inOrder(r.Escalate[j].Reviewers)
		}
		parts[i] = fmt.Sprintf("%+v", r)
	}
	slices.Sort(parts)
	return fmt.Sprint(max(v.Denials, 1), parts)
}

func inOrder(r Reviewers) Reviewers {
	r.Roles, r.Persons = slices.Sorted(slices.Values(r.Roles)), slices.Sorted(slices.Values(r.Persons))
	r.Groups, r.OnCall = slices.Sorted(slices.Values(r.Groups)), slices.Sorted(slices.Values(r.OnCall))
	return r
}

func (r *replaying) rule(name string) *RuleReplay {
	if r.rules[name] == nil {
		r.rules[name] = &RuleReplay{Rule: name}
	}
	return r.rules[name]
}

// weigh counts the petition for each person who could review it. Who is on call counts as of the time at which it was asked.
func (r *replaying) weigh(ctx context.Context, l *looking, p Petition, count func(*ReviewerLoad)) error {
	if p.Verdict.Decision != VerdictReview {
		return nil
	}
	p.Phase, p.Claims, p.Progress = Open, nil, nil // as it was when it was asked
	l.now, l.onCall = p.CreateTime, nil
	c := newCounting(l, p, r.members)
	asked := map[string]bool{}
	for i := range p.Verdict.Requirements {
		persons, err := c.eligibleFor(ctx, i, math.MaxInt)
		if code := CodeOf(err); code == NotFound || code == Invalid {
			continue // of a version that was never kept, or cannot be read any more
		}
		if err != nil {
			return err
		}
		for _, person := range persons {
			asked[person] = true
		}
	}
	for person := range asked {
		if r.load[person] == nil {
			r.load[person] = &ReviewerLoad{Person: person}
		}
		count(r.load[person])
	}
	return nil
}

func (r *replaying) summary() Replay {
	for _, name := range slices.Sorted(maps.Keys(r.rules)) {
		rule := r.rules[name]
		waits := r.waits[name]
		slices.Sort(waits)
		if rule.Decided = len(waits); rule.Decided > 0 {
			rule.Wait = waits[rule.Decided/2]
		}
		r.out.Rules = append(r.out.Rules, *rule)
	}
	for _, person := range slices.Sorted(maps.Keys(r.load)) {
		r.out.Load = append(r.out.Load, *r.load[person])
	}
	slices.SortStableFunc(r.out.Load, func(a, b ReviewerLoad) int { return cmp.Compare(b.After, a.After) })
	return r.out
}
