package approval

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Phase is where a petition stands: open -> granted -> revoked -> closed, or open -> closed.
type Phase string

// The phases.
const (
	Open    Phase = "open"
	Granted Phase = "granted"
	Revoked Phase = "revoked"
	Closed  Phase = "closed"
)

// Phases lists every phase.
var Phases = []Phase{Open, Granted, Revoked, Closed}

// Outcome says why a petition is closed, or about to be.
type Outcome string

// The outcomes.
const (
	OutcomeDenied    Outcome = "denied"
	OutcomeWithdrawn Outcome = "withdrawn"
	OutcomeExpired   Outcome = "expired" // nobody decided in time
	OutcomeRevoked   Outcome = "revoked"
	OutcomeEnded     Outcome = "ended" // its time was up
)

// Petition is a request that petitioners be allowed resources for a reason. It is a value: [Petition.Apply] answers
// the next one and never changes the one it is called on.
type Petition struct {
	Space   string `json:"-"`
	Name    string `json:"-"` // UUID
	Version int64  `json:"-"` // number of commits that changed it; the store compares it

	Phase   Phase   `json:"phase"`
	Outcome Outcome `json:"outcome,omitempty"`

	Petitioners []Resource        `json:"petitioners"`
	Resources   []Resource        `json:"resources"`
	CreatedBy   Resource          `json:"createdBy"`
	Reason      string            `json:"reason"`
	Params      RawJSON           `json:"params,omitempty"` // canonical JSON object, or nil
	Labels      map[string]string `json:"labels,omitempty"`
	DisplayName string            `json:"displayName,omitempty"`
	Duration    time.Duration     `json:"duration,omitempty"` // asked for; 0 = policy's default
	StartTime   time.Time         `json:"startTime,omitzero"` // asked for: its grant begins no sooner; zero: at once
	Digest      string            `json:"digest"`

	Verdict  Verdict   `json:"verdict"`
	Claims   []Event   `json:"claims,omitempty"`
	Decision *Decision `json:"decision,omitempty"`
	Grant    *Grant    `json:"grant,omitempty"`
	// Progress is where the petition stands between its stages; nil where it has one stage that time does not change.
	Progress *Progress `json:"progress,omitempty"`
	// Stuck says, for people, why nobody could grant it as things stand; empty when enough people could.
	Stuck string `json:"stuck,omitempty"`
	// Review is what follows a grant that broke the glass; nil everywhere else.
	Review *Review `json:"review,omitempty"`
	// standing is how its claims count now; nil where nobody has looked.
	standing *standing

	// Persons are the canonical persons of the creator and the petitioners: nobody of them reviews unless a rule says so.
	Persons    []string  `json:"persons"`
	CreateTime time.Time `json:"createTime"`
	UpdateTime time.Time `json:"updateTime"`
	ExpireTime time.Time `json:"expireTime"` // when it expires undecided
}

// RawJSON is canonical JSON text, embedded as it is.
type RawJSON []byte

// MarshalJSON answers the text itself.
func (r RawJSON) MarshalJSON() ([]byte, error) {
	if len(r) == 0 {
		return []byte("null"), nil
	}
	return r, nil
}

// UnmarshalJSON keeps a copy of the text.
func (r *RawJSON) UnmarshalJSON(b []byte) error {
	*r = append((*r)[:0], b...)
	return nil
}

// Decision is the claim that decided a petition: who, what, why and when.
type Decision struct {
	Claim     string    `json:"claim"`
	Actor     Resource  `json:"actor"`
	Reason    string    `json:"reason,omitempty"`
	Timestamp time.Time `json:"timestamp"`
	// OnBehalfOf is the Member.ID of who was away and whose deputy has decided; "" for who decided by their own right.
	OnBehalfOf string `json:"onBehalfOf,omitempty" doc:"Who was away, where a deputy has decided for them; absent otherwise."`
}

// Progress is the stage that an open petition is in, and what time has done to it.
type Progress struct {
	// Stage is the place of the stage, 0 the first; once all are met it stays that of the last.
	Stage int       `json:"stage" doc:"The stage that decides now, 0 the first."`
	Since time.Time `json:"since" doc:"When the stage began: reminders and escalations count from here."`
	// Levels are, for each requirement, how many of its escalations have come; those beyond the end are 0.
	Levels []int `json:"levels,omitempty" doc:"For each requirement how many of its escalations have come; 0 for those beyond the end."`
	// Reminded are the places of the requirements whose reviewers were told again.
	Reminded []int `json:"reminded,omitempty" doc:"The requirements whose reviewers were told again."`
	// Lapsed are the ids of approvals that were found to count for nothing; see [EventRecount].
	Lapsed []string `json:"lapsed,omitempty" doc:"The approvals that count for nothing, because reviewers have lost their right: ids of claims."`
}

// Transition is one row of the state diagram: in phase From the event leads to one of To.
type Transition struct {
	From  Phase // "" before the petition exists
	Event string
	To    []Phase
	Means string
}

// Transitions is the whole state machine: what is not in it is refused. The diagram in the docs is generated from it.
var Transitions = []Transition{
	{"", EventRequest, []Phase{Open}, "somebody asks"},
	{Open, EventApprove, []Phase{Open}, "a reviewer agrees; the requirements may need more"},
	{Open, EventGrant, []Phase{Granted}, "the requirements are met, or a rule approves"},
	{Open, EventDeny, []Phase{Open, Closed}, "a reviewer or a rule refuses, or the petitioner withdraws; a rule may ask for more refusals"},
	{Open, EventEscalate, []Phase{Open}, "a requirement has waited too long: it gets more reviewers"},
	{Open, EventRemind, []Phase{Open}, "a requirement has waited long: its reviewers are told again"},
	{Open, EventUnsatisfiable, []Phase{Open}, "too few people could grant it, as things stand"},
	{Open, EventSatisfiable, []Phase{Open}, "enough people could grant it again"},
	{Open, EventRecount, []Phase{Open}, "approvals count otherwise: reviewers lost their right, or have it again"},
	{Open, EventExpire, []Phase{Closed}, "nobody decided in time"},
	{Granted, EventApprove, []Phase{Granted}, "a reviewer ratifies what broke the glass; the review may need more"},
	{Granted, EventDeny, []Phase{Granted}, "a reviewer does not ratify what broke the glass"},
	{Granted, EventEscalate, []Phase{Granted}, "the review has waited too long: it gets more reviewers"},
	{Granted, EventRemind, []Phase{Granted}, "the review has waited long: its reviewers are told again"},
	{Granted, EventUnsatisfiable, []Phase{Granted}, "too few people could ratify it, as things stand"},
	{Granted, EventSatisfiable, []Phase{Granted}, "enough people could ratify it again"},
	{Granted, EventRecount, []Phase{Granted}, "approvals count otherwise in the review"},
	{Granted, EventRatify, []Phase{Granted}, "the review is met"},
	{Granted, EventUnratified, []Phase{Revoked}, "what broke the glass was refused, or nobody ratified it in time"},
	{Granted, EventStart, []Phase{Granted}, "its time begins, later than it was granted"},
	{Granted, EventWarn, []Phase{Granted}, "its time is up soon"},
	{Granted, EventExtend, []Phase{Granted}, "another petition goes on with what it gives"},
	{Granted, EventInherit, []Phase{Granted}, "it goes on with what a webhook gave for another petition"},
	{Granted, EventRevoke, []Phase{Revoked}, "a reviewer or the holder takes it away"},
	{Granted, EventEnd, []Phase{Revoked}, "its time is up"},
	{Revoked, EventApprove, []Phase{Revoked}, "a reviewer ratifies what broke the glass, after it has ended"},
	{Revoked, EventDeny, []Phase{Revoked}, "a reviewer does not ratify what broke the glass, after it has ended"},
	{Revoked, EventEscalate, []Phase{Revoked}, "the review has waited too long: it gets more reviewers"},
	{Revoked, EventRemind, []Phase{Revoked}, "the review has waited long: its reviewers are told again"},
	{Revoked, EventUnsatisfiable, []Phase{Revoked}, "too few people could ratify it, as things stand"},
	{Revoked, EventSatisfiable, []Phase{Revoked}, "enough people could ratify it again"},
	{Revoked, EventRecount, []Phase{Revoked}, "approvals count otherwise in the review"},
	{Revoked, EventRatify, []Phase{Revoked}, "the review is met"},
	{Revoked, EventUnratified, []Phase{Revoked}, "what broke the glass was refused, or nobody ratified it in time"},
	{Revoked, EventClose, []Phase{Closed}, "nothing is left to undo, and nobody left to answer"},
}

func allowed(from Phase, event string) bool {
	for i := range Transitions {
		if t := &Transitions[i]; t.From == from && t.Event == event {
			return true
		}
	}
	return false
}

// Apply answers the petition after e. It is pure: the same petition, event and time give the same answer.
// It refuses with Conflict whatever the state machine does not know, a second claim by the same person, an approval by who
// has refused and a grant whose requirements are not met.
func (p *Petition) Apply(e Event, now time.Time) (next Petition, err error) {
	if err := p.admits(e.Event); err != nil {
		return *p, err
	}
	next = *p
	next.UpdateTime, next.standing = now, nil
	if err := next.take(&e, now); err != nil {
		return *p, err
	}
	return next, nil
}

// take changes the petition by an event that it admits. What it shares with the one before it, such as claims and labels, it copies
// before it changes that.
func (p *Petition) take(e *Event, now time.Time) error {
	switch e.Event {
	case EventRequest:
		p.Phase, p.CreateTime = Open, now
		if p.Verdict.Decision == VerdictReview {
			p.Progress = p.Verdict.begins(now)
		}
	case EventApprove:
		return p.approved(e)
	case EventGrant:
		return p.granted(e)
	case EventDeny:
		return p.denied(e)
	case EventEscalate, EventRemind:
		return p.timePassed(e)
	case EventRatify:
		return p.ratified(e)
	case EventUnratified:
		p.unratified(e)
	case EventUnsatisfiable:
		p.Stuck = e.Reason
		p.setLabel(LabelStuck, "true")
	case EventSatisfiable:
		p.Stuck = ""
		p.Labels = maps.Clone(p.Labels)
		delete(p.Labels, LabelStuck)
	case EventRecount:
		return p.recounted(e)
	case EventExpire:
		p.close(OutcomeExpired, &Event{})
	case EventStart, EventWarn:
		grant := *p.Grant
		grant.Pending, grant.Warned = false, e.Event == EventWarn
		grant.Webhooks = grant.Webhooks || e.Label(LabelWebhooks) == "true"
		p.Grant = &grant
	case EventInherit:
		grant := *p.Grant
		grant.Webhooks = true
		p.Grant = &grant
	case EventExtend:
		p.setLabel(LabelReplacedBy, e.Label(LabelReplacedBy))
	case EventRevoke:
		p.claimed(e)
		p.revoke(OutcomeRevoked, e.Timestamp)
		p.Decision = decisionOf(e)
	case EventEnd:
		p.revoke(OutcomeEnded, e.Timestamp)
	case EventClose:
		p.Phase = Closed
	}
	return nil
}

// claimed adds a claim.
func (p *Petition) claimed(e *Event) { p.Claims = append(slices.Clip(p.Claims), *e) }

func (p *Petition) approved(e *Event) error {
	for _, person := range e.persons() {
		if p.hasVoted(person, p.stageOf(e)) && !p.approvesAnew(e, person) {
			return p.votedBefore(person)
		}
		if p.hasDenied(person) {
			return p.deniedBefore(person)
		}
	}
	p.claimed(e)
	p.advance(e.Timestamp)
	return nil
}

// denied closes the petition, unless its rule asks for more refusals than there are. Who asks, and a rule, need no others.
func (p *Petition) denied(e *Event) error {
	outcome := p.denialOutcome(e)
	withdraws := outcome == OutcomeWithdrawn && p.Phase == Open // in a review nobody withdraws
	for _, person := range e.persons() {
		if p.hasDenied(person) && !withdraws {
			return p.deniedBefore(person)
		}
	}
	p.claimed(e)
	if p.Phase != Open { // in a review, whose end is an event of its own
		p.advance(e.Timestamp)
		return nil
	}
	if outcome == OutcomeWithdrawn || e.Actor.Kind == KindSystem || p.refusedEnough() {
		p.close(outcome, e)
	} else {
		p.advance(e.Timestamp) // whoever refuses after an approval takes it back
	}
	if by := e.Label(LabelReplacedBy); by != "" {
		p.setLabel(LabelReplacedBy, by)
	}
	return nil
}

func (p *Petition) granted(e *Event) error {
	if unmet := p.without(e).Unmet(); len(unmet) > 0 {
		return Errorf(Conflict, "petition #%s/%s cannot be granted: %s", p.Space, p.Name, unmet[0])
	}
	grant, err := grantOf(e)
	if err != nil {
		return err
	}
	p.Phase, p.Grant = Granted, &grant
	if b := p.Verdict.BreakGlass; b != nil && p.Verdict.Decision == VerdictApprove {
		p.Review = &Review{ExpireTime: e.Timestamp.Add(b.Within).Truncate(time.Microsecond)}
		p.Progress = p.Verdict.begins(e.Timestamp)
	}
	if n := len(p.Claims); n > 0 {
		p.Decision = decisionOf(&p.Claims[n-1])
	}
	return nil
}

func (p *Petition) close(why Outcome, claim *Event) {
	p.Phase, p.Outcome = Closed, why
	if claim.Event != "" && claim.Actor.Kind != KindSystem {
		p.Decision = decisionOf(claim)
	}
}

func (p *Petition) revoke(why Outcome, at time.Time) {
	p.Phase, p.Outcome = Revoked, why
	ended := *p.Grant
	if at.Before(ended.StartTime) {
		at = ended.StartTime // the clock was set back
	}
	if ended.EndTime.IsZero() || at.Before(ended.EndTime) {
		ended.EndTime = at
	}
	p.Grant = &ended
}

func decisionOf(claim *Event) *Decision {
	return &Decision{Claim: claim.Event, Actor: claim.Actor, Reason: claim.Reason, Timestamp: claim.Timestamp, OnBehalfOf: claim.Label(LabelOnBehalfOf)}
}

// denialOutcome tells a withdrawal (the creator or a petitioner says no) from a denial.
func (p *Petition) denialOutcome(e *Event) Outcome {
	if p.AskedBy(e.Actor) {
		return OutcomeWithdrawn
	}
	return OutcomeDenied
}

// AskedBy answers whether the actor r made the petition or is one of its petitioners, by id or by address.
func (p *Petition) AskedBy(r Resource) bool {
	if p.CreatedBy.Same(r) {
		return true
	}
	for i := range p.Petitioners {
		if asks := &p.Petitioners[i]; asks.Same(r) || r.Email != "" && strings.EqualFold(asks.Email, r.Email) {
			return true
		}
	}
	return false
}

func (p *Petition) votedBefore(person string) error {
	return Errorf(Conflict, "%s has already approved petition %s: each person counts once", person, p.Ref())
}

func (p *Petition) deniedBefore(person string) error {
	return Errorf(Conflict, "%s has already refused petition %s: each person counts once", person, p.Ref())
}

// conflict says why the event came too late or too early: who decided what and when.
func (p *Petition) conflict(event string) error {
	id := fmt.Sprintf("petition #%s/%s", p.Space, p.Name)
	if p.Phase == Open {
		return Errorf(Conflict, "%s is still open: it has no grant to take away", id)
	}
	return Errorf(Conflict, "%s %s: %s is too late", id, p.Status(), event)
}

// Status answers one sentence for people on where the petition stands, without a subject: "was denied by …".
func (p *Petition) Status() string {
	switch {
	case p.Phase == "":
		return "has not begun"
	case p.Phase == Open:
		return "waits for a decision"
	case p.Phase == Granted && p.Decision == nil:
		return fmt.Sprintf("was granted by rule %q at %s", p.Verdict.Rule, stamp(p.Grant.StartTime))
	case p.Phase == Granted:
		return "was already approved by " + p.decided()
	case p.Outcome == OutcomeExpired:
		return "expired at " + stamp(p.UpdateTime) + " because nobody decided in time"
	case p.Outcome == OutcomeEnded:
		return "ended at " + stamp(p.Grant.EndTime) + " because its time was up"
	case p.Outcome == OutcomeDenied && p.Decision == nil && p.changesPolicy() && len(p.Claims) > 0:
		return "was " + p.Claims[len(p.Claims)-1].Reason // people agreed, and what they agreed to could not be done
	case p.Outcome == OutcomeDenied && p.Decision == nil:
		return fmt.Sprintf("was denied by rule %q at %s", p.Verdict.Rule, stamp(p.UpdateTime))
	}
	return fmt.Sprintf("was already %s by %s", p.Outcome, p.decided())
}

func (p *Petition) decided() string {
	if p.Decision == nil {
		return "nobody" // no petition that Apply has made
	}
	return p.Decision.by() + " at " + stamp(p.Decision.Timestamp)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Title answers what a list shows: the titles of what is asked for.
func (p Petition) Title() string {
	switch len(p.Resources) {
	case 0:
		return "(nothing)"
	case 1:
		return p.Resources[0].Title()
	}
	return fmt.Sprintf("%s and %d more", p.Resources[0].Title(), len(p.Resources)-1)
}

// Ref answers the petition as people see it, "#space/name".
func (p Petition) Ref() string { return "#" + p.Space + "/" + p.Name }

// setLabel sets a label in labels of its own.
func (p *Petition) setLabel(key, value string) {
	if p.Labels = maps.Clone(p.Labels); p.Labels == nil {
		p.Labels = map[string]string{}
	}
	p.Labels[key] = value
}

// Idempotency remembers which petition a client's key made, for as long as the petition is kept (I16).
type Idempotency struct {
	Actor    string
	Key      string
	Hash     string // of the request's content
	Petition string
	Time     time.Time
}

// NewPetition is what a petitioner sends.
type NewPetition struct {
	Petitioners []Resource        `json:"petitioners,omitempty"`
	Resources   []Resource        `json:"resources"`
	Reason      string            `json:"reason"`
	Params      RawJSON           `json:"params,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	DisplayName string            `json:"displayName,omitempty"`
	Duration    time.Duration     `json:"duration,omitempty"` // 0 = policy's default
	StartTime   time.Time         `json:"startTime,omitzero"` // the grant begins no sooner; zero: at once
}

// reservedLabels are set by the server; a petitioner who could set them would speak for it (I13). All below
// reservedPrefixes are, too.
var (
	reservedLabels   = []string{LabelWebhooks, LabelPetition, LabelDigest, LabelReplaces, LabelReplacedBy, LabelSpace, LabelStuck}
	reservedPrefixes = []string{"indent.com/claim/", "indent.com/policy/", "indent.com/refused/", "indent.com/token/", "indent.com/passkey/", "indent.com/webhook/"}
)

func reserved(label string) bool {
	return slices.Contains(reservedLabels, label) ||
		slices.ContainsFunc(reservedPrefixes, func(prefix string) bool { return strings.HasPrefix(label, prefix) })
}

// Check answers the checked petition with canonical params, or Invalid naming the field.
func (n NewPetition) Check() (NewPetition, error) {
	if !strings.ContainsFunc(n.Reason, func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) }) && utf8.ValidString(n.Reason) {
		return n, FieldError("petition.reason", "is required: say why, reviewers read it")
	}
	if len(n.Resources) == 0 {
		return n, FieldError("petition.resources", "is required: name at least one resource")
	}
	params, err := CanonicalParams("petition.params", n.Params)
	n.Params = params
	for _, key := range sortedKeys(n.Labels) {
		if reserved(key) && key != LabelReplaces && err == nil { // which the use case looks at
			err = FieldError("petition.meta.labels."+printable(key, MaxLabelKey), "is set by the server: leave it out")
		}
	}
	if err == nil {
		n.Duration, err = n.askedDuration()
	}
	if !n.StartTime.IsZero() {
		n.StartTime = n.StartTime.UTC().Truncate(time.Microsecond)
	}
	return n, firstError(
		err,
		checkProse("petition.reason", n.Reason, MaxReason),
		checkLine("petition.meta.displayName", n.DisplayName, MaxDisplayName),
		checkResources("petition.resources", n.Resources, MaxResources),
		checkResources("petition.petitioners", n.Petitioners, MaxPetitioners),
		checkLabels("petition.meta.labels", n.Labels),
		checkDuration("petition.defaultDuration", n.Duration),
	)
}

// askedDuration answers how long is asked for, by the field or by the label, which must not say different things: one
// would be shown and the other granted.
func (n NewPetition) askedDuration() (time.Duration, error) {
	label, given := n.Labels[LabelAskedDuration]
	if !given {
		return n.Duration, nil
	}
	const at = "petition.meta.labels." + LabelAskedDuration
	asked, err := ParseDuration(at, label)
	if err == nil && n.Duration != 0 && n.Duration != asked {
		err = FieldError(at, "is %s but defaultDuration is %s: send one of them", asked, n.Duration)
	}
	return asked, err
}
