package approval

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Limits of delegations.
const (
	// MaxDelegation bounds how long one lasts: nobody hands out a say for good.
	MaxDelegation = 90 * 24 * time.Hour
	// MaxDelegationAhead bounds how long before it begins one may be made.
	MaxDelegationAhead = 365 * 24 * time.Hour
	// MaxDelegations bounds how many of a space have not ended, and MaxDelegationsOfOne those of one member, as the person who
	// is away and as the deputy: whoever may decide by them is looked up at each claim.
	MaxDelegations      = 1_000
	MaxDelegationsOfOne = 50
)

// Events and labels of delegations.
const (
	EventDelegationCreate = "delegation/create"
	EventDelegationEnd    = "delegation/end" // somebody has ended it before its time

	LabelDelegationFrom  = "indent.com/delegation/from" // Member.ID of who is away
	LabelDelegationTo    = "indent.com/delegation/to"   // Member.ID of the deputy
	LabelDelegationStart = "indent.com/delegation/start"
	LabelDelegationEnd   = "indent.com/delegation/end"

	LabelOnBehalfOf     = "indent.com/claim/onBehalfOf"     // of a claim by a deputy: Member.ID of who is away
	LabelBehalfPerson   = "indent.com/claim/behalfPerson"   // the canonical person of it, who counts with the deputy as one
	LabelClaimDelegated = "indent.com/claim/delegationName" // the delegation by which the claim was made
)

// Delegation lets a deputy decide, for a time, what somebody who is away may decide.
type Delegation struct {
	Space string
	Name  string // UUID
	From  string // Member.ID of who is away
	To    string // Member.ID of the deputy
	// StartTime and EndTime bound it; at the end it is over already.
	StartTime, EndTime time.Time
	Reason             string
	CreatedBy          string
	CreateTime         time.Time
	// RevokeTime is when RevokedBy has ended it before its time; zero and "" where nobody has.
	RevokeTime time.Time
	RevokedBy  string
	// LastUseTime is when the deputy decided by it last; zero for never.
	LastUseTime time.Time
}

// What has become of a delegation.
const (
	DelegationComing = "coming"
	DelegationActive = "active"
	DelegationOver   = "over"  // its time was up
	DelegationEnded  = "ended" // by somebody, before its time
)

// State answers what has become of it.
func (d Delegation) State(now time.Time) string {
	switch {
	case !d.RevokeTime.IsZero():
		return DelegationEnded
	case !now.Before(d.EndTime):
		return DelegationOver
	case now.Before(d.StartTime):
		return DelegationComing
	}
	return DelegationActive
}

func (d Delegation) resource() Resource { return Resource{ID: d.Name, Kind: "delegation"} }

// NewDelegation is what somebody who will be away sends.
type NewDelegation struct {
	// From is who is away, "" for the caller.
	From string
	To   string
	// StartTime is when it begins; one that has passed, and none, are now.
	StartTime time.Time
	EndTime   time.Time
	Reason    string
}

// check answers the times as they are kept, or Invalid naming the field.
func (n NewDelegation) check(now time.Time) (NewDelegation, error) {
	if n.StartTime.Before(now) {
		n.StartTime = now
	}
	n.StartTime, n.EndTime = n.StartTime.UTC().Truncate(time.Microsecond), n.EndTime.UTC().Truncate(time.Microsecond)
	err := firstError(checkLine("to", n.To, MaxID), checkLine("from", n.From, MaxID), checkProse("reason", n.Reason, MaxReason))
	switch {
	case err != nil:
	case n.To == "":
		err = FieldError("to", "is required: the address of the deputy")
	case n.EndTime.IsZero():
		err = FieldError("endTime", "is required: a delegation lasts at most %d days", MaxDelegation/(24*time.Hour))
	case !n.EndTime.After(now):
		err = FieldError("endTime", "has passed: name a later time")
	case !n.EndTime.After(n.StartTime):
		err = FieldError("endTime", "must lie behind startTime")
	case n.StartTime.Sub(now) > MaxDelegationAhead:
		err = FieldError("startTime", "lies more than %d days ahead", MaxDelegationAhead/(24*time.Hour))
	case n.EndTime.Sub(n.StartTime) > MaxDelegation:
		err = FieldError("endTime", "lies more than %d days behind the start: make another delegation when this one is over", MaxDelegation/(24*time.Hour))
	}
	return n, err
}

// Delegated is somebody who is away and whose deputy an actor is at this moment, as both are now.
type Delegated struct {
	Delegation Delegation
	Actor      Actor // who is away
	Facts      Facts
}

// Away is somebody for whom a deputy decides.
type Away struct {
	Delegation string
	Member     Resource
	EndTime    time.Time // of the delegation
	actor      *Actor
}

func (d *Delegated) away() *Away {
	return &Away{Delegation: d.Delegation.Name, Member: d.Actor.Resource(), EndTime: d.Delegation.EndTime, actor: &d.Actor}
}

// label adds to a claim's labels for whom it is made.
func (w *Away) label(labels map[string]string) {
	if w != nil {
		labels[LabelOnBehalfOf], labels[LabelBehalfPerson], labels[LabelClaimDelegated] = w.Member.ID, w.actor.Person, w.Delegation
	}
}

// For answers for whom the actor would make a claim of that name, nil for nobody: its own right comes first.
func (e Eligibility) For(event string) *Away {
	if event == EventApprove {
		return e.approvesFor
	}
	return e.refusesFor
}

// byDelegation answers the eligibility with what the actor may do for those whose deputy it is, where its own right does not
// reach. Of several the first is taken who has not decided yet.
func (p *Petition) byDelegation(own Eligibility, a *Actor, f *Facts) Eligibility {
	var chosen *Eligibility
	var of *Delegated
	better := func(e *Eligibility, d *Delegated) bool {
		switch {
		case chosen == nil:
			return true
		case e.May() != chosen.May():
			return e.May()
		case !e.May():
			return e.Reviews && !chosen.Reviews
		}
		return p.decidedFor(&of.Actor) && !p.decidedFor(&d.Actor)
	}
	for i := range f.For {
		d := &f.For[i]
		if e := p.rightOf(&d.Actor, &d.Facts, a); better(&e, d) {
			chosen, of = &e, d
		}
	}
	if chosen == nil {
		return own
	}
	if chosen.Why != "" && own.Why != "" {
		own.Why += "; for " + of.Actor.ID + ", whose deputy you are: " + chosen.Why
	}
	if chosen.May() {
		own.Requirements, own.Stage, own.Self, own.Why, own.approvesFor = chosen.Requirements, chosen.Stage, false, "", of.away()
	}
	if !own.Reviews && chosen.Reviews {
		own.Reviews, own.refusesFor = true, of.away()
	}
	return own
}

// samePerson answers whether two actors were found to be one person: nobody is their own deputy.
func samePerson(a, b *Actor) bool {
	return a.Person == b.Person || slices.ContainsFunc(a.Names, func(name string) bool { return b.isCalled(name) })
}

// fitsFor answers the places of all requirements, of whatever stage, that an approval of the deputy for the other counts for.
// What either of them asks for is not decided by delegation, whatever the rule allows: both are barred where one is.
func (p *Petition) fitsFor(deputy, of *Actor, f *Facts) (places []int) {
	if deputy.Unclear || of.Unclear || samePerson(deputy, of) || p.isOf(deputy, f) || p.isOf(of, f) {
		return nil
	}
	for i := range p.requirements() {
		if p.reviews(i, of, f) {
			places = append(places, i)
		}
	}
	return places
}

// isOf answers whether the claim is the person's: made by it, or for it.
func (e *Event) isOf(person string) bool {
	if e.Label(LabelPerson) == person {
		return true
	}
	behalf := e.Label(LabelBehalfPerson)
	return behalf != "" && behalf == person
}

// by names for people who decided, and for whom where a deputy did.
func (d *Decision) by() string {
	if d.OnBehalfOf == "" {
		return d.Actor.ID
	}
	return d.Actor.ID + " on behalf of " + d.OnBehalfOf
}

// persons answers whom the claim counts with: who made it and, of a deputy's, for whom.
func (e *Event) persons() []string {
	if behalf := e.Label(LabelBehalfPerson); behalf != "" {
		return []string{e.Label(LabelPerson), behalf}
	}
	return []string{e.Label(LabelPerson)}
}

// counted adds the persons of a claim to those who were counted, and answers whether it counts: not if one of them was counted
// before, so that a deputy and who is away are never two (I5).
func (e *Event) counted(persons []string) ([]string, bool) {
	person, behalf := e.Label(LabelPerson), e.Label(LabelBehalfPerson)
	if slices.Contains(persons, person) || behalf != "" && slices.Contains(persons, behalf) {
		return persons, false
	}
	if persons = append(persons, person); behalf != "" {
		persons = append(persons, behalf)
	}
	return persons, true
}

// replaced answers whether one of both, the deputy and who was away, has approved anew since: what counts for nothing any more is
// in the way of neither.
func (p *Petition) replaced(c *Event) bool {
	return slices.ContainsFunc(p.Claims, func(e Event) bool {
		anew := e.Label(LabelAnew)
		return anew != "" && slices.Contains(strings.Split(anew, ","), c.ID)
	})
}

// DelegationReader is what a [Store] answers of delegations.
type DelegationReader interface {
	// Delegation answers one, also of those that are over, NotFound when there is none.
	Delegation(ctx context.Context, space, name string) (Delegation, error)
	// Delegations answers those that are not over at a time, of one member, away or deputy, unless member is "": at most
	// MaxDelegations, by start and name.
	Delegations(ctx context.Context, space, member string, at time.Time) ([]Delegation, error)
	// DelegationsTo answers those that are active at a time and whose deputy the member is, by start and name.
	DelegationsTo(ctx context.Context, space, deputy string, at time.Time) ([]Delegation, error)
}

// The writes of delegations.
type (
	// PutDelegation inserts; a name that exists is a Conflict.
	PutDelegation struct{ Delegation Delegation }
	// EndDelegation sets RevokeTime and RevokedBy of one that is not over at At; otherwise it is a Conflict.
	EndDelegation struct {
		Name string
		By   string
		At   time.Time
	}
	// UseDelegation sets LastUseTime, unless a later one is there, of a delegation that is active at At; otherwise it is a
	// Conflict: what is decided by one that was ended meanwhile is not written.
	UseDelegation struct {
		Name string
		At   time.Time
	}
)

func (PutDelegation) write() {}
func (EndDelegation) write() {}
func (UseDelegation) write() {}
