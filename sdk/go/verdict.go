package indent

import (
	"encoding/json"
	"time"
)

// Verdict is what policy answered when the petition was made; it does not change afterwards.
type Verdict struct {
	Decision      string        `json:"decision"` // review, approve or deny
	Rule          string        `json:"rule,omitempty"`
	PolicyVersion int64         `json:"policyVersion,omitempty"`
	Explanation   string        `json:"explanation,omitempty"`
	Dev           bool          `json:"dev,omitempty"` // the policy of a server to play with decided
	Requirements  []Requirement `json:"requirements,omitempty"`
	// Denials is how many reviewers must refuse to close the petition; 0 means one.
	Denials    int         `json:"denials,omitempty"`
	Inputs     []Input     `json:"inputs,omitempty"`
	BreakGlass *BreakGlass `json:"breakGlass,omitempty"`
}

// Requirement is what must be met before the petition is granted: Count approvals by different persons.
type Requirement struct {
	Stage        int       `json:"stage,omitempty"`    // 0 the first; a stage begins when all before it are met
	Resource     int       `json:"resource,omitempty"` // the place, from 1, of the resource whose owners are asked; 0: all
	Reviewers    Reviewers `json:"reviewers"`
	Count        int       `json:"count"`
	SelfApproval bool      `json:"selfApproval,omitempty"` // who asks may review as well
	Confirm      string    `json:"confirm,omitempty"`      // "passkey": an approval counts only when confirmed with one
	// DistinctFrom are earlier stages: whoever approved there does not count here.
	DistinctFrom []int        `json:"distinctFrom,omitempty"`
	Notify       *Reviewers   `json:"notify,omitempty"` // who is told, without a say; nil: the reviewers
	RemindAfter  Duration     `json:"remindAfter,omitzero"`
	Escalate     []Escalation `json:"escalate,omitempty"`
}

// Escalation adds reviewers once After has passed since the stage began.
type Escalation struct {
	After     Duration  `json:"after"`
	Reviewers Reviewers `json:"reviewers"`
}

// Reviewers are everybody of whom one of the terms holds.
type Reviewers struct {
	Roles    []string `json:"roles,omitempty"`
	Persons  []string `json:"persons,omitempty"`
	Groups   []string `json:"groups,omitempty"`   // ids of groups in the directory
	Managers string   `json:"managers,omitempty"` // the label of the petitioners' entries that names the manager
	Owners   string   `json:"owners,omitempty"`   // the label of the resources' entries that names the owners
	OnCall   []string `json:"onCall,omitempty"`   // schedules of the policy
	Where    string   `json:"where,omitempty"`    // a condition of the policy
}

// Input is a label of the petition that the rule asks for.
type Input struct {
	Label       string   `json:"label"`
	Description string   `json:"description,omitempty"`
	Type        string   `json:"type"` // text, number or choice
	Optional    bool     `json:"optional,omitempty"`
	Choices     []string `json:"choices,omitempty"`
	Min         *float64 `json:"min,omitempty"`
	Max         *float64 `json:"max,omitempty"`
	MaxLength   int      `json:"maxLength,omitempty"` // of a text, in characters
}

// BreakGlass is the review that must follow the grant of an emergency, within its time.
type BreakGlass struct {
	Requirements []Requirement `json:"requirements"`
	Within       Duration      `json:"within"`
}

// StageProgress is the stage that an open petition is in.
type StageProgress struct {
	Stage    int       `json:"stage"`
	Since    time.Time `json:"since"`              // when the stage began
	Levels   []int     `json:"levels,omitempty"`   // for each requirement how many escalations have come; 0 beyond the end
	Reminded []int     `json:"reminded,omitempty"` // the requirements whose reviewers were told again
	Lapsed   []string  `json:"lapsed,omitempty"`   // ids of the approvals that count for nothing, because reviewers have lost their right
}

// Review is what follows a grant that broke the glass.
type Review struct {
	ExpireTime time.Time `json:"expireTime"`        // by when it must be ratified
	Outcome    string    `json:"outcome,omitempty"` // ratified, refused or expired; empty while it waits
}

// Message is what who asks should know.
type Message struct {
	Code    string `json:"code"` // unsatisfiable: fewer people may approve than must, as things stand
	Message string `json:"message"`
}

// Duration is a length of time that the API writes as "3600s".
type Duration struct{ time.Duration }

// MarshalJSON answers the duration as the API has it.
func (d Duration) MarshalJSON() ([]byte, error) {
	if d.Duration == 0 {
		return []byte(`"0s"`), nil
	}
	return json.Marshal(writeDuration(d.Duration))
}

// UnmarshalJSON reads the duration as the API has it.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	var err error
	d.Duration, err = readDuration(text)
	return err
}
