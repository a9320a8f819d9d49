package approval

import (
	"strings"
	"time"
)

// What policy answers for a petition.
const (
	VerdictReview  = "review"
	VerdictApprove = "approve"
	VerdictDeny    = "deny"
)

// Verdict is policy's answer, given once at creation and frozen into the petition with the rule's name and the
// document's version (I14).
type Verdict struct {
	Decision      string        `json:"decision"`
	Rule          string        `json:"rule"`
	PolicyVersion int64         `json:"policyVersion"`
	Explanation   string        `json:"explanation,omitempty"` // one sentence for people
	Dev           bool          `json:"dev,omitempty"`         // the dev policy decided: marked in page and log
	Requirements  []Requirement `json:"requirements,omitempty"`

	DecideWithin    time.Duration `json:"decideWithin"`
	DefaultDuration time.Duration `json:"defaultDuration"`
	MaxDuration     time.Duration `json:"maxDuration,omitempty"` // 0: no limit

	// Denials is how many reviewers must refuse to close the petition: 0 and 1 are one.
	Denials int `json:"denials,omitempty"`
	// Inputs are the labels that the rule asks the petitioner for; they were checked at creation.
	Inputs []Input `json:"inputs,omitempty"`
	// BreakGlass marks a grant that a rule gives at once in an emergency and people ratify afterwards; nil: none.
	BreakGlass *BreakGlass `json:"breakGlass,omitempty"`
}

// AnswerBreakGlass is what the answer of a verdict is called that approves and asks people afterwards.
const AnswerBreakGlass = "breakGlass"

// Answer names what the verdict says: approve, deny, review or breakGlass, which approves as well.
func (v Verdict) Answer() string {
	if v.BreakGlass != nil {
		return AnswerBreakGlass
	}
	return v.Decision
}

// Input is one label of the petition that a rule asks the petitioner to fill in.
type Input struct {
	Label       string   `json:"label" doc:"The label's key."`
	Description string   `json:"description,omitempty" doc:"What to fill in, for people."`
	Type        string   `json:"type" enum:"text,number,choice"`
	Optional    bool     `json:"optional,omitzero"`
	Choices     []string `json:"choices,omitempty" doc:"The values of a choice."`
	Min         *float64 `json:"min,omitempty" doc:"The least number."`
	Max         *float64 `json:"max,omitempty" doc:"The greatest number."`
	MaxLength   int      `json:"maxLength,omitzero" doc:"Of a text, in characters."`
}

// BreakGlass is the review that must follow an emergency grant: its requirements, within its time from the grant. A grant
// that nobody ratifies ends, and the person cannot break the glass again until an owner lifts that.
type BreakGlass struct {
	Requirements []Requirement `json:"requirements"`
	Within       time.Duration `json:"within"`
}

// Requirement is what must be met before a petition is granted: Count approvals by distinct persons among Reviewers.
type Requirement struct {
	// Stage is the place of the requirement's stage, 0 the first. A stage begins when all requirements of the ones before it
	// are met; until then nobody decides for it.
	Stage int `json:"stage,omitempty"`
	// Resource is the place, counted from 1, of the one resource whose owners are asked; 0 is all of them.
	Resource     int       `json:"resource,omitempty"`
	Reviewers    Reviewers `json:"reviewers"`
	Count        int       `json:"count" minimum:"1"`
	SelfApproval bool      `json:"selfApproval" doc:"The person who asks may review as well; such a claim is marked."`
	// Confirm demands that each approval is confirmed: "" or ConfirmPasskey.
	Confirm string `json:"confirm,omitempty" enum:"passkey" doc:"passkey: an approval counts only when it is confirmed with a passkey of the person."`
	// DistinctFrom are the places of earlier stages: whoever approved there does not count here.
	DistinctFrom []int `json:"distinctFrom,omitempty"`
	// Notify is who is told, which gives nobody authority; nil: the reviewers.
	Notify *Reviewers `json:"notify,omitempty"`
	// RemindAfter is when, after the stage began, the reviewers are told again; 0: never.
	RemindAfter time.Duration `json:"remindAfter,omitempty"`
	// Escalate adds reviewers as time passes, in the order of After.
	Escalate []Escalation `json:"escalate,omitempty"`
}

// Escalation adds reviewers to a requirement once After has passed since its stage began; those before stay.
type Escalation struct {
	After     time.Duration `json:"after"`
	Reviewers Reviewers     `json:"reviewers"`
}

// ConfirmPasskey demands that an approval is confirmed with a passkey of the claimant, who signs the petition's digest.
const ConfirmPasskey = "passkey"

// Reviewers says who may review: anybody of whom one of its terms holds. All but Persons are looked up again at the moment
// of each claim (I14); what no longer exists names nobody.
type Reviewers struct {
	Roles   []Role   `json:"roles,omitempty" doc:"Members with one of these roles."`
	Persons []string `json:"persons,omitempty" doc:"Members with one of these ids."`
	// Groups are names or ids of groups in the directory; whoever is in one, through other groups too, may review.
	Groups []string `json:"groups,omitempty" doc:"Names or ids of groups in the directory; whoever is in one, through other groups too."`
	// Managers is the label of a petitioner's directory entry that names the manager, such as managerId. Of several
	// petitioners it means who is the manager of each; where a service account has none, its owner's counts.
	Managers string `json:"managers,omitempty" doc:"The label of the petitioners' entries that names the manager." example:"managerId"`
	// Owners is the label of a resource's directory entry that names its owners: addresses and groups, between commas.
	// Of several resources it means who owns each, unless the requirement names one.
	Owners string `json:"owners,omitempty" doc:"The label of the resources' entries that names the owners: addresses and groups, between commas." example:"owner"`
	// OnCall are names of schedules of the document: whoever is on call at the moment of the claim.
	OnCall []string `json:"onCall,omitempty" doc:"Schedules of the policy: whoever is on call at the moment of the claim."`
	// Where is a condition over reviewer (CEL, see the policy room): every member of whom it holds.
	Where string `json:"where,omitempty" doc:"A condition of the policy: every member of whom it holds."`
}

// String answers the reviewers for people: "an Owner, Editor or ada@example.com".
func (r Reviewers) String() string {
	var names []string
	for _, role := range r.Roles {
		names = append(names, string(role))
	}
	names = append(names, r.Persons...)
	for _, id := range r.Groups {
		names = append(names, "the group "+id)
	}
	if r.Managers != "" {
		names = append(names, "the manager of who asks")
	}
	if r.Owners != "" {
		names = append(names, "an owner of what is asked for")
	}
	for _, schedule := range r.OnCall {
		names = append(names, "who is on call for "+schedule)
	}
	if r.Where != "" {
		names = append(names, "whoever meets "+r.Where)
	}
	return joined(names, "or")
}

// joined writes a list for people: "a, b or c".
func joined(list []string, last string) string {
	if n := len(list); n > 1 {
		return strings.Join(list[:n-1], ", ") + " " + last + " " + list[n-1]
	}
	return strings.Join(list, "")
}

// looksUp answers whether more than the actor itself must be looked at to say who is meant.
func (r *Reviewers) looksUp() bool {
	return len(r.Groups) > 0 || r.Managers != "" || r.Owners != "" || len(r.OnCall) > 0 || r.Where != ""
}

// Include answers whether the actor is meant by its own role or id; what must be looked up holds of nobody here.
func (r Reviewers) Include(a Actor) bool { return r.name(&a) }

// name answers whether the actor is meant by its own role or id. A service account counts by its own, never by its owner's.
func (r *Reviewers) name(a *Actor) bool {
	for _, role := range r.Roles {
		if role == a.Role {
			return true
		}
	}
	for _, person := range r.Persons {
		if person == a.ID {
			return true
		}
	}
	return false
}
