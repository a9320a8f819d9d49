package approval

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// PolicyDocument is one version of a space's rule document, as text that the policy room understands.
type PolicyDocument struct {
	Space   string
	Version int64 // 1, 2, 3 …
	Text    string
	// Digest is [PolicyDigest] of the text. The store fills it in.
	Digest string
	// Reason is why the version was made, in the words of who made it.
	Reason string
	// Petition is the name of the petition that the change was granted by, "" when it needed none.
	Petition   string
	CreatedBy  string
	CreateTime time.Time
}

// PolicyDigest answers the SHA-256 of a document's text, as sha256:<hex>: the log and a petition for a change name a text by it.
func PolicyDigest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// KindPolicy is the kind of the resource that a space's policy is, where a change of it is asked for. Its id is the space's name.
const KindPolicy = "indent/policy"

// resource answers the policy as it appears in petitions and events.
func policyResource(space string) Resource {
	return Resource{ID: space, Kind: KindPolicy, DisplayName: "Policy of " + space}
}

// PolicyProposal is another text of the policy that a petition asks for. It is kept, also of a petition that was denied.
type PolicyProposal struct {
	Space      string
	Petition   string
	Base       int64 // the version that the text is to follow
	Text       string
	Digest     string // PolicyDigest of the text; the store fills it in
	CreateTime time.Time
}

// Examination is what is found out about a rule document before it is taken.
type Examination struct {
	// Problems are why the text is no document; if there are any, nothing else is known.
	Problems []Finding
	Name     string
	Rules    int
	// Tests are those of the document itself, in its order.
	Tests []PolicyTest
	// Warnings are no reason to refuse it.
	Warnings []Finding
	// Dev says that it marks itself as the policy of a server to play with.
	Dev bool
	// ByPetition says that a change of this document has to be granted under it.
	ByPetition bool
}

// Finding is one thing that is found in a rule document. Line and column count from 1, in characters; 0: it is about the
// whole. Rule and Test are names of what it is in, "" when it is in none.
type Finding struct {
	Line    int    `json:"line,omitzero"`
	Column  int    `json:"column,omitzero"`
	Rule    string `json:"rule,omitzero"`
	Test    string `json:"test,omitzero"`
	Message string `json:"message"`
}

// PolicyTest is what came of one test of a document.
type PolicyTest struct {
	Name string
	Line int
	// Failures are what is not as the test expects, in words; none: it passes.
	Failures []string
}

// Failed answers the tests that do not pass.
func (x Examination) Failed() (failed []PolicyTest) {
	for _, t := range x.Tests {
		if len(t.Failures) > 0 {
			failed = append(failed, t)
		}
	}
	return failed
}

// Explanation is how a document comes to its verdict for one petition.
type Explanation struct {
	Verdict Verdict     `json:"verdict"`
	Rules   []RuleTried `json:"rules"` // those that were tried, in order; the last one decided, unless none matches
	// Truncated says that there was too much to show: later rules come without the parts of their conditions.
	Truncated bool `json:"truncated,omitzero"`
}

// RuleTried is what became of one rule.
type RuleTried struct {
	Rule      string         `json:"rule"`
	Line      int            `json:"line,omitzero"`
	Column    int            `json:"column,omitzero"`
	Answer    string         `json:"answer" enum:"approve,deny,review,breakGlass" doc:"What it answers to those it is for."`
	Matched   bool           `json:"matched"`
	Why       string         `json:"why,omitempty" doc:"One sentence, where the condition does not say it all."`
	Error     string         `json:"error,omitempty" doc:"Why the condition could not be evaluated: then the owners decide."`
	Condition *ConditionPart `json:"condition,omitempty" doc:"Absent of a rule without a condition, and where there was too much to show."`
}

// ConditionPart is a part of a condition, what it came to, and the parts that it is made of.
type ConditionPart struct {
	Text  string          `json:"text" doc:"As it is written."`
	Value string          `json:"value" doc:"As CEL writes it, cut and without secrets."`
	Parts []ConditionPart `json:"parts,omitempty"`
}

// OnCall is who is on call for a schedule.
type OnCall struct {
	Persons []string // addresses and ids
	// Group stands in when nobody is on call, or when nobody can tell; "" when the schedule names none.
	Group string
}

// Candidate is a member who may be one of the reviewers, as a condition may look at it.
type Candidate struct {
	ID      string // Member.ID
	Address string // of the person, or of the owner of a service account
	Role    Role
	// Groups and Labels read what the directory says of the member; a condition that does not look never calls them.
	Groups func(context.Context) ([]string, error)
	Labels func(context.Context) (map[string]string, error)
}

// PolicyDirectory is who and what a space has, as a check of its policy looks at it.
type PolicyDirectory struct {
	Members   []DirectoryMember
	Resources []Resource // what may be asked for
	Away      []Absence
	Now       time.Time
}

// Absence says that a person decides nothing for a time, and who stands in.
type Absence struct {
	Person   string // Member.ID
	Deputy   string // Member.ID, "" for nobody
	From, To time.Time
}

// DirectoryMember is a member with what the directory says of it.
type DirectoryMember struct {
	Member
	Names  []string          // every other name of the person, in lower case
	Groups []string          // names of all groups that it is in, through whatever nesting
	Labels map[string]string // of its entry
}

// FindingStuck is the kind of a finding that a petition may be made which nobody, or too few, could ever approve.
const FindingStuck = "stuck"

// PolicyFinding is what a check found.
type PolicyFinding struct {
	Kind string // stuck, unreached, contradicts, redundant, nobody or incomplete
	// Key is, of what is stuck, what it is about: the same in the next check, whatever its example is.
	Key string
	Finding
	Example *StuckExample // nil where there is none
}

// PolicyHealth is what the last look at a space found stuck in its policy: kinds of petitions that nobody, or too few, could
// approve as things stand.
type PolicyHealth struct {
	Space   string `json:"-"`
	Version int64  `json:"-"` // number of commits that changed it; the store compares it
	// Policy is the version of the document that was looked at.
	Policy     int64           `json:"policy"`
	Findings   []HealthFinding `json:"findings,omitempty"` // in the order of the document
	UpdateTime time.Time       `json:"updateTime"`         // when they became these
}

// HealthFinding is a finding that holds until it is healed.
type HealthFinding struct {
	// Key is the same of the same finding of a later look, whatever its example is.
	Key     string        `json:"key"`
	Rule    string        `json:"rule,omitempty"`
	Message string        `json:"message"`
	Example *StuckExample `json:"example,omitempty"`
	Since   time.Time     `json:"since"`
}

// StuckExample is a petition that shows a finding: who asks for what, when, and who could decide.
type StuckExample struct {
	Who      string    `json:"who"`
	What     Resource  `json:"what"`
	When     time.Time `json:"when"`
	Stage    int       `json:"stage" doc:"From 1."`
	Needs    int       `json:"needs"`
	Eligible []string  `json:"eligible" doc:"Who could approve, those that time adds included."`
}
