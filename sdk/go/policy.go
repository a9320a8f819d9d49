package indent

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"strconv"
	"time"
)

// PolicyVersion is one version of the space's rule document, without its text.
type PolicyVersion struct {
	Version   int64    `json:"version"`            // from 1
	Digest    string   `json:"digest"`             // SHA-256 of the text, sha256:<hex>
	Reason    string   `json:"reason,omitempty"`   // why it was made
	Petition  string   `json:"petition,omitempty"` // the petition that the change was granted by; empty: it needed none
	CreatedBy Resource `json:"createdBy"`
	Meta      Meta     `json:"meta"`
}

// PolicyDocument is one version of the space's rule document.
type PolicyDocument struct {
	PolicyVersion
	Text string `json:"text"` // YAML or JSON, as it was written
}

// Finding is one thing that is found in a rule document. Line and Column count from 1; 0: it is about the whole.
type Finding struct {
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Rule    string `json:"rule,omitempty"`
	Test    string `json:"test,omitempty"`
	Message string `json:"message"`
}

// PolicyChange is what came of a change of the policy.
type PolicyChange struct {
	Applied   bool          `json:"applied"`
	Unchanged bool          `json:"unchanged,omitempty"` // the text is that of the version that holds
	Policy    PolicyVersion `json:"policy"`              // the version that holds now
	Petition  *Petition     `json:"petition,omitempty"`  // what has to be granted before the change is made; nil: nothing
	Warnings  []Finding     `json:"warnings,omitempty"`
}

// PolicyDiff is what leads from one version to another, as a unified diff; empty when the texts are the same.
type PolicyDiff struct {
	From int64  `json:"from"`
	To   int64  `json:"to"`
	Diff string `json:"diff"`
}

// PolicyProposal is the text that a petition for another policy asks for.
type PolicyProposal struct {
	Petition    string `json:"petition"`
	BaseVersion int64  `json:"baseVersion"` // the version that the text is to follow
	Digest      string `json:"digest"`
	Text        string `json:"text"`
	Diff        string `json:"diff"`
}

// PolicyReport is what is found out about a document that was not taken.
type PolicyReport struct {
	Valid             bool         `json:"valid"` // it would be taken: it compiles and its tests pass
	Problems          []Finding    `json:"problems,omitempty"`
	Name              string       `json:"name,omitempty"`
	Rules             int          `json:"rules"`
	Tests             []PolicyTest `json:"tests"`
	Warnings          []Finding    `json:"warnings,omitempty"`
	ChangesByPetition bool         `json:"changesByPetition,omitempty"` // once it holds, a change of it is a petition
}

// PolicyTest is what came of one test of a document.
type PolicyTest struct {
	Name     string   `json:"name"`
	Line     int      `json:"line,omitempty"`
	Passed   bool     `json:"passed"`
	Failures []string `json:"failures,omitempty"` // what is not as the test expects
}

// SimulatedPetition is a petition to try on the policy without making it.
type SimulatedPetition struct {
	NewPetition           // as it would be made; its key is not used
	As          string    // the id of the member that would ask; the caller by default. For another one the caller needs members:read
	Text        string    // a document to try; the one that holds by default
	Time        time.Time // when it would be asked; now by default
}

// PolicySimulation is what policy would answer, and how it comes to that.
type PolicySimulation struct {
	PolicyVersion int64       `json:"policyVersion,omitempty"` // 0: a text of the caller's was tried
	Answer        string      `json:"answer"`                  // approve, deny, review or breakGlass, which approves as well
	Verdict       Verdict     `json:"verdict"`                 // as a petition would be made with it
	Petitioners   []Resource  `json:"petitioners"`
	Rules         []RuleTried `json:"rules"`             // in order, up to the one that answers
	Warning       string      `json:"warning,omitempty"` // why too few people may grant it as things are
	Truncated     bool        `json:"truncated,omitempty"`
}

// RuleTried is what became of one rule.
type RuleTried struct {
	Rule      string         `json:"rule"`
	Line      int            `json:"line,omitempty"`
	Column    int            `json:"column,omitempty"`
	Answer    string         `json:"answer"` // approve, deny, review or breakGlass
	Matched   bool           `json:"matched"`
	Why       string         `json:"why,omitempty"`
	Error     string         `json:"error,omitempty"` // why the condition could not be evaluated
	Condition *ConditionPart `json:"condition,omitempty"`
}

// ConditionPart is a part of a condition, as it is written, and its value.
type ConditionPart struct {
	Text  string          `json:"text"`
	Value string          `json:"value"`
	Parts []ConditionPart `json:"parts,omitempty"`
}

// PolicyReplay is what a document would have answered to the petitions of the past, with the directory as of now.
type PolicyReplay struct {
	Since       time.Time      `json:"since"`
	Until       time.Time      `json:"until"`
	BaseVersion int64          `json:"baseVersion"` // the version that holds
	Petitions   int            `json:"petitions"`   // how many were read, the newest first
	More        bool           `json:"more,omitempty"`
	Gone        int            `json:"gone"` // of those who are no members any more
	Same        int            `json:"same"`
	Flipped     map[string]int `json:"flipped"`   // how many get another answer, by how it changes
	Regranted   int            `json:"regranted"` // were denied, and would be approved by a rule
	Flips       []PolicyFlip   `json:"flips"`     // the newest of them, at most 200
	Rules       []RuleReplay   `json:"rules"`
	Load        []ReviewerLoad `json:"load"`
	Weighed     int            `json:"weighed"` // for how many petitions Load was looked up
}

// PolicyFlip is a petition of the past that would get another answer.
type PolicyFlip struct {
	Petition   string    `json:"petition"`
	CreateTime time.Time `json:"createTime"`
	Title      string    `json:"title"`
	CreatedBy  string    `json:"createdBy"`
	How        string    `json:"how"`
	RuleBefore string    `json:"ruleBefore"`
	RuleAfter  string    `json:"ruleAfter,omitempty"`
	Outcome    Outcome   `json:"outcome,omitempty"`
	Regranted  bool      `json:"regranted,omitempty"` // it was denied, and would be approved by a rule
}

// RuleReplay is how many petitions a rule answered and would answer, and how long people took for those.
type RuleReplay struct {
	Rule       string   `json:"rule"`
	Before     int      `json:"before"`
	After      int      `json:"after"`
	Decided    int      `json:"decided"`
	MedianWait Duration `json:"medianWait,omitzero"`
}

// ReviewerLoad is how many petitions a person could have been asked about, and would be.
type ReviewerLoad struct {
	Person string `json:"person"`
	Before int    `json:"before"`
	After  int    `json:"after"`
}

// Policy answers the rule document that holds now, or [ErrNotFound] when the space has none.
func (c *Client) Policy(ctx context.Context) (PolicyDocument, error) {
	return answered[PolicyDocument](ctx, c, call{method: "GET", path: c.inSpace("/policy"), repeatable: true})
}

// PolicyVersions lists the versions of the rule document, newest first.
func (c *Client) PolicyVersions(ctx context.Context) iter.Seq2[PolicyVersion, error] {
	return listed[PolicyVersion](ctx, c, c.inSpace("/policy/versions"), "versions", nil)
}

// PolicyVersion answers one version of the rule document, or [ErrNotFound].
func (c *Client) PolicyVersion(ctx context.Context, version int64) (PolicyDocument, error) {
	return answered[PolicyDocument](ctx, c, call{method: "GET", path: c.versionPath(version), repeatable: true})
}

// DiffPolicy answers what leads from one version of the rule document to another; from 0 is the one before.
func (c *Client) DiffPolicy(ctx context.Context, from, to int64) (PolicyDiff, error) {
	query := url.Values{}
	if from != 0 {
		query.Set("with", strconv.FormatInt(from, 10))
	}
	return answered[PolicyDiff](ctx, c, call{method: "GET", path: c.versionPath(to) + ":diff", query: query, repeatable: true})
}

// ApplyPolicy makes a text the next version of the rule document. expect is the version that the text was made of, 0 where
// there is none yet: when another one holds, the answer is [ErrConflict]. A text that does not compile, or whose own tests
// fail, is [ErrInvalid], and Error.Findings says where. Where the policy demands it the change waits for the Petition of the answer.
func (c *Client) ApplyPolicy(ctx context.Context, text, reason string, expect int64) (PolicyChange, error) {
	body := struct {
		Text   string `json:"text"`
		Reason string `json:"reason"`
	}{text, reason}
	return answered[PolicyChange](ctx, c, call{method: "PUT", path: c.inSpace("/policy"), body: body, header: madeOf(expect)})
}

// RollBackPolicy makes the text of an old version the next version; in all else it is [Client.ApplyPolicy].
func (c *Client) RollBackPolicy(ctx context.Context, version int64, reason string, expect int64) (PolicyChange, error) {
	body := struct {
		Version int64  `json:"version"`
		Reason  string `json:"reason"`
	}{version, reason}
	return answered[PolicyChange](ctx, c, call{method: "POST", path: c.inSpace("/policy:rollback"), body: body, header: madeOf(expect)})
}

// PolicyProposal answers the text that a petition for another policy asks for; any other petition is [ErrNotFound].
func (c *Client) PolicyProposal(ctx context.Context, petition string) (PolicyProposal, error) {
	name, err := segment("petition", petition)
	if err != nil {
		return PolicyProposal{}, err
	}
	return answered[PolicyProposal](ctx, c, call{method: "GET", path: c.inSpace("/policy/proposals/" + name), repeatable: true})
}

// TestPolicy compiles a document and runs its tests, without taking it. That it would not be taken is part of the answer.
func (c *Client) TestPolicy(ctx context.Context, text string) (PolicyReport, error) {
	body := struct {
		Text string `json:"text"`
	}{text}
	return answered[PolicyReport](ctx, c, call{method: "POST", path: c.inSpace("/policy:test"), body: body, repeatable: true})
}

// SimulatePolicy answers what policy would say to a petition, and how it comes to that. Nothing is made.
func (c *Client) SimulatePolicy(ctx context.Context, s SimulatedPetition) (PolicySimulation, error) {
	asked, err := s.body()
	if err != nil {
		return PolicySimulation{}, err
	}
	body := struct {
		petitionBody
		As   string    `json:"as,omitempty"`
		Text string    `json:"text,omitempty"`
		Time time.Time `json:"time,omitzero"`
	}{asked, s.As, s.Text, s.Time}
	return answered[PolicySimulation](ctx, c, call{method: "POST", path: c.inSpace("/policy:simulate"), body: body, repeatable: true})
}

// ReplayPolicy answers what a document would have said to the petitions that were made since a time (zero: the last 30 days).
func (c *Client) ReplayPolicy(ctx context.Context, text string, since time.Time) (PolicyReplay, error) {
	body := struct {
		Text  string    `json:"text"`
		Since time.Time `json:"since,omitzero"`
	}{text, since}
	return answered[PolicyReplay](ctx, c, call{method: "POST", path: c.inSpace("/policy:replay"), body: body, repeatable: true})
}

// PolicyCheck is what would go wrong with a document in the space.
type PolicyCheck struct {
	Stuck     bool            `json:"stuck"` // a petition could wait for ever
	Findings  []PolicyFinding `json:"findings"`
	Members   int             `json:"members"`   // how many were looked at
	Resources int             `json:"resources"` // how many were looked at, of those that may be asked for
	Partial   bool            `json:"partial,omitempty"`
}

// PolicyFinding is one thing that a check found.
type PolicyFinding struct {
	Kind    string        `json:"kind"` // stuck, unreached, contradicts, redundant, nobody or incomplete
	Rule    string        `json:"rule,omitempty"`
	Line    int           `json:"line,omitempty"`
	Column  int           `json:"column,omitempty"`
	Message string        `json:"message"`
	Example *StuckExample `json:"example,omitempty"`
}

// StuckExample is a petition that shows a finding: who asks for what, when, and who could decide.
type StuckExample struct {
	Who      string    `json:"who"`
	What     Resource  `json:"what"`
	When     time.Time `json:"when"`
	Stage    int       `json:"stage"` // from 1
	Needs    int       `json:"needs"`
	Eligible []string  `json:"eligible"`
}

// CheckPolicy answers what would go wrong with a document in the space as it is now; "" is the one that holds.
func (c *Client) CheckPolicy(ctx context.Context, text string) (PolicyCheck, error) {
	body := struct {
		Text string `json:"text,omitempty"`
	}{text}
	return answered[PolicyCheck](ctx, c, call{method: "POST", path: c.inSpace("/policy:check"), body: body, repeatable: true})
}

// Stuck is what nobody could approve as things stand.
type Stuck struct {
	PolicyVersion int64           `json:"policyVersion"` // of the document that the findings are about; 0 when nothing was ever found
	Findings      []StuckFinding  `json:"findings"`      // kinds of petitions
	UpdateTime    time.Time       `json:"updateTime,omitzero"`
	Petitions     []StuckPetition `json:"petitions"` // those that wait, the newest first
	More          bool            `json:"more,omitempty"`
}

// StuckFinding is a kind of petition that nobody, or too few, could approve.
type StuckFinding struct {
	Rule    string        `json:"rule,omitempty"`
	Message string        `json:"message"`
	Example *StuckExample `json:"example,omitempty"`
	Since   time.Time     `json:"since"` // when it was found first
}

// StuckPetition is a petition that waits and that too few people may approve.
type StuckPetition struct {
	Name    string `json:"name"`
	Message string `json:"message"` // why
}

// Stuck answers what nobody could approve as things stand, as it was found after the last change of the directory.
func (c *Client) Stuck(ctx context.Context) (Stuck, error) {
	return answered[Stuck](ctx, c, call{method: "GET", path: c.inSpace("/policy/stuck"), repeatable: true})
}

func (c *Client) versionPath(version int64) string {
	return c.inSpace("/policy/versions/" + strconv.FormatInt(version, 10))
}

// madeOf says which version a change was made of.
func madeOf(version int64) map[string]string {
	return map[string]string{"If-Match": fmt.Sprintf("%q", strconv.FormatInt(version, 10))}
}
