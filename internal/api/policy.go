package api

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// policyVersion is one version of the rule document on the wire, without its text.
type policyVersion struct {
	Version   int64             `json:"version" example:"7"`
	Digest    string            `json:"digest" doc:"SHA-256 of the text." pattern:"^sha256:[0-9a-f]{64}$"`
	Reason    string            `json:"reason,omitempty" doc:"Why it was made."`
	Petition  string            `json:"petition,omitempty" doc:"The petition that the change was granted by; absent when it needed none."`
	CreatedBy approval.Resource `json:"createdBy"`
	Meta      approval.Meta     `json:"meta"`
}

// policyDocument is one version of the rule document on the wire.
type policyDocument struct {
	policyVersion
	Text string `json:"text" doc:"The document as it was written, YAML or JSON."`
}

func policyVersionOf(d approval.PolicyDocument) policyVersion {
	return policyVersion{Version: d.Version, Digest: d.Digest, Reason: d.Reason, Petition: d.Petition,
		CreatedBy: approval.Resource{ID: d.CreatedBy}, Meta: approval.Meta{Space: d.Space, CreateTime: d.CreateTime}}
}

func policyDocumentOf(d approval.PolicyDocument) *policyDocument {
	return &policyDocument{policyVersionOf(d), d.Text}
}

// tagged is a version with the ETag to send back as If-Match.
type taggedPolicy struct {
	Body *policyDocument
	ETag string `header:"ETag" doc:"The version in quotes: send it as If-Match with a change."`
}

func taggedPolicyOf(d approval.PolicyDocument) *taggedPolicy {
	return &taggedPolicy{policyDocumentOf(d), etag(d.Version)}
}

func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

func (a *API) getPolicy(ctx context.Context, actor approval.Actor, _ struct{}) (*taggedPolicy, error) {
	d, err := a.Service.CurrentPolicy(ctx, actor)
	if err != nil {
		return nil, err
	}
	return taggedPolicyOf(d), nil
}

type listPolicyVersionsIn struct {
	PageSize  int    `query:"pageSize" minimum:"1" maximum:"200" doc:"How many at most; the default is 50."`
	PageToken string `query:"pageToken" maxLength:"3000" doc:"nextPageToken of the answer before."`
}

type policyVersionList struct {
	Versions []policyVersion `json:"versions"`
	NextPage
}

func (a *API) listPolicyVersions(ctx context.Context, actor approval.Actor, in listPolicyVersionsIn) (*policyVersionList, error) {
	page, err := a.Service.PolicyVersions(ctx, actor, approval.PageRequest{Size: in.PageSize, Token: in.PageToken})
	if err != nil {
		return nil, err
	}
	out := &policyVersionList{Versions: []policyVersion{}, NextPage: NextPage{page.Next}}
	for _, d := range page.Items {
		out.Versions = append(out.Versions, policyVersionOf(d))
	}
	return out, nil
}

type policyVersionIn struct {
	Version string `path:"version" doc:"A number from 1."`
}

// number answers the version, NotFound for what is none.
func (in policyVersionIn) number() (int64, error) {
	n, err := strconv.ParseInt(in.Version, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != in.Version {
		return 0, approval.Errorf(approval.NotFound, "the policy has no version %.40q: versions are numbers from 1", in.Version)
	}
	return n, nil
}

func (a *API) getPolicyVersion(ctx context.Context, actor approval.Actor, in policyVersionIn) (*policyDocument, error) {
	n, err := in.number()
	if err != nil {
		return nil, err
	}
	d, err := a.Service.PolicyVersion(ctx, actor, n)
	if err != nil {
		return nil, err
	}
	return policyDocumentOf(d), nil
}

type diffPolicyIn struct {
	policyVersionIn
	With int `query:"with" minimum:"1" doc:"The version to begin with; the one before by default."`
}

type policyDiff struct {
	From int64  `json:"from"`
	To   int64  `json:"to"`
	Diff string `json:"diff" doc:"What leads from one text to the other, as a unified diff; empty when they are the same."`
}

func (a *API) diffPolicy(ctx context.Context, actor approval.Actor, in diffPolicyIn) (*policyDiff, error) {
	to, err := in.number()
	if err != nil {
		return nil, err
	}
	from := int64(in.With)
	if from == 0 {
		from = max(to-1, 1)
	}
	diff, err := a.Service.DiffPolicy(ctx, actor, from, to)
	if err != nil {
		return nil, err
	}
	return &policyDiff{from, to, diff}, nil
}

var errUnconditional = errors.New("a change without If-Match")

// ifMatch says of which version a change was made.
type ifMatch struct {
	IfMatch string `header:"If-Match" maxLength:"40" doc:"Required: the ETag of the version that the change was made of, such as \"7\" in quotes; \"0\" where there is no policy yet." example:"\"7\""`
}

// version refuses a change of which nobody says what it was made of: it could undo what somebody else has just changed.
func (in ifMatch) version() (int64, error) {
	if in.IfMatch == "" {
		e := approval.Wrap(approval.Invalid, errUnconditional, `is required: read the policy, put your change into that, and send its ETag back as If-Match, such as If-Match: "7"`)
		e.Field = approval.ExpectedVersion
		return 0, e
	}
	text, quoted := strings.CutPrefix(strings.TrimPrefix(in.IfMatch, "W/"), `"`)
	text, closed := strings.CutSuffix(text, `"`)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || !quoted || !closed || n < 0 {
		return 0, approval.FieldError(approval.ExpectedVersion, `must be the ETag of one version, in quotes, such as "7"`)
	}
	return n, nil
}

type applyPolicyIn struct {
	ifMatch
	Body applyPolicyBody
}

type applyPolicyBody struct {
	Text   string `json:"text" maxLength:"262144" doc:"The whole document, YAML or JSON, at most 256 KiB. Line ends are kept as on Unix."`
	Reason string `json:"reason" maxLength:"4000" doc:"Why it changes; auditors read it."`
}

// policyChange is what came of a change, on the wire.
type policyChange struct {
	Applied   bool               `json:"applied" doc:"false: the change is not made, because policy demands that petition is granted first, or because nothing changes."`
	Unchanged bool               `json:"unchanged,omitzero" doc:"The text is that of the version that holds."`
	Policy    policyVersion      `json:"policy" doc:"The version that holds now."`
	Petition  *petition          `json:"petition,omitempty" doc:"What has to be granted before the change is made."`
	Warnings  []approval.Finding `json:"warnings,omitempty" doc:"What looks wrong in the document and is no reason to refuse it."`
}

type changedPolicy struct {
	Body *policyChange
	ETag string `header:"ETag" doc:"The version that holds now, in quotes."`
}

func changedPolicyOf(c approval.PolicyChange, err error) (*changedPolicy, error) {
	if err != nil {
		return nil, err
	}
	out := &policyChange{Applied: c.Petition == nil && !c.Unchanged, Unchanged: c.Unchanged, Policy: policyVersionOf(c.Document), Warnings: c.Examination.Warnings}
	if c.Petition != nil {
		out.Petition = petitionOf(c.Petition, nil)
	}
	return &changedPolicy{out, etag(c.Document.Version)}, nil
}

func (a *API) applyPolicy(ctx context.Context, actor approval.Actor, in applyPolicyIn) (*changedPolicy, error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	return changedPolicyOf(a.Service.ApplyPolicy(ctx, actor, approval.NewPolicy{Text: in.Body.Text, Reason: in.Body.Reason, Expect: version}))
}

type rollBackPolicyIn struct {
	ifMatch
	Body rollBackPolicyBody
}

type rollBackPolicyBody struct {
	Version int64  `json:"version" minimum:"1" doc:"Whose text becomes the next version."`
	Reason  string `json:"reason" maxLength:"4000" doc:"Why; auditors read it."`
}

func (a *API) rollBackPolicy(ctx context.Context, actor approval.Actor, in rollBackPolicyIn) (*changedPolicy, error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	return changedPolicyOf(a.Service.RollBackPolicy(ctx, actor, in.Body.Version, approval.NewPolicy{Reason: in.Body.Reason, Expect: version}))
}

type policyProposalIn struct {
	Petition string `path:"petition" doc:"The name of a petition for another policy, a UUID."`
}

type policyProposal struct {
	Petition    string `json:"petition" format:"uuid"`
	BaseVersion int64  `json:"baseVersion" doc:"The version that the text is to follow."`
	Digest      string `json:"digest" doc:"SHA-256 of the text; the petition's params have it, and so its digest covers it." pattern:"^sha256:[0-9a-f]{64}$"`
	Text        string `json:"text"`
	Diff        string `json:"diff" doc:"What it changes, as a unified diff."`
}

func (a *API) getPolicyProposal(ctx context.Context, actor approval.Actor, in policyProposalIn) (*policyProposal, error) {
	p, diff, err := a.Service.Proposal(ctx, actor, in.Petition)
	if err != nil {
		return nil, err
	}
	return &policyProposal{p.Petition, p.Base, p.Digest, p.Text, diff}, nil
}

type testPolicyIn struct{ Body testPolicyBody }

type testPolicyBody struct {
	Text string `json:"text" maxLength:"262144" doc:"The whole document, YAML or JSON, at most 256 KiB."`
}

// examination is what is found out about a document, on the wire.
type examination struct {
	Valid    bool               `json:"valid" doc:"It would be taken: it compiles and its tests pass."`
	Problems []approval.Finding `json:"problems,omitempty" doc:"Why it is no document."`
	Name     string             `json:"name,omitempty"`
	Rules    int                `json:"rules"`
	Tests    []policyTest       `json:"tests"`
	Warnings []approval.Finding `json:"warnings,omitempty"`
	// ByPetition is about a change after this one.
	ByPetition bool `json:"changesByPetition,omitzero" doc:"Once it holds, a change of it is a petition."`
}

type policyTest struct {
	Name     string   `json:"name"`
	Line     int      `json:"line,omitzero"`
	Passed   bool     `json:"passed"`
	Failures []string `json:"failures,omitempty" doc:"What is not as the test expects."`
}

func (a *API) testPolicy(ctx context.Context, actor approval.Actor, in testPolicyIn) (*examination, error) {
	x, err := a.Service.ExaminePolicy(ctx, actor, in.Body.Text)
	if err != nil {
		return nil, err
	}
	out := &examination{Valid: len(x.Problems) == 0 && len(x.Failed()) == 0, Problems: x.Problems, Name: x.Name, Rules: x.Rules, Tests: []policyTest{},
		Warnings: x.Warnings, ByPetition: x.ByPetition}
	for _, t := range x.Tests {
		out.Tests = append(out.Tests, policyTest{t.Name, t.Line, len(t.Failures) == 0, t.Failures})
	}
	return out, nil
}

type simulatePolicyIn struct{ Body simulatePolicyBody }

type simulatePolicyBody struct {
	Petition petitionInput `json:"petition" doc:"As it would be created."`
	As       string        `json:"as,omitempty" maxLength:"1024" doc:"The id of the member that would ask; the caller by default. For another one the caller needs the permission members:read." example:"ada@acmecorp.example"`
	Text     string        `json:"text,omitempty" maxLength:"262144" doc:"A document to try; the one that holds by default."`
	Time     time.Time     `json:"time,omitzero" doc:"When it would be asked, for rules that look at the time; now by default. The directory is that of now all the same."`
}

// simulation is what policy would answer, on the wire.
type simulation struct {
	PolicyVersion int64                `json:"policyVersion,omitzero" doc:"The version that was tried; absent for a text of the caller's."`
	Answer        string               `json:"answer" enum:"approve,deny,review,breakGlass" doc:"What a petition would get, as tests of a document call it: breakGlass is a verdict that approves, and people answer for it afterwards."`
	Verdict       petitionVerdict      `json:"verdict" doc:"As the petition would be made with it: the rules' own, or what must be confirmed, who may not break the glass and who is unknown make of it."`
	Petitioners   []approval.Resource  `json:"petitioners" doc:"Who would be allowed, as the space knows them."`
	Rules         []approval.RuleTried `json:"rules" doc:"Each rule that was tried, in order, up to the one that answers."`
	Warning       string               `json:"warning,omitempty" doc:"Why too few people may grant it as things are; the petition would wait in vain."`
	Truncated     bool                 `json:"truncated,omitzero" doc:"There was too much to show: later rules come without the parts of their conditions."`
}

func (a *API) simulatePolicy(ctx context.Context, actor approval.Actor, in simulatePolicyIn) (*simulation, error) {
	asked, err := in.Body.Petition.asked()
	if err != nil {
		return nil, err
	}
	s, err := a.Service.SimulatePetition(ctx, actor, approval.Simulated{Petition: asked, As: in.Body.As, Text: in.Body.Text, Time: in.Body.Time})
	if err != nil {
		return nil, err
	}
	return &simulation{PolicyVersion: s.PolicyVersion, Answer: s.Petition.Verdict.Answer(), Verdict: petitionOf(&s.Petition, nil).State.Verdict, Petitioners: s.Petition.Petitioners,
		Rules: append([]approval.RuleTried{}, s.Explanation.Rules...), Truncated: s.Explanation.Truncated, Warning: s.Warning}, nil
}
