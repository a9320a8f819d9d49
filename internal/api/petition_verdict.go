package api

import (
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"

	"github.com/indent-approvals/indent/internal/approval"
)

type petitionVerdict struct {
	Decision      string               `json:"decision" enum:"review,approve,deny" doc:"What policy answered, once, at creation."`
	Rule          string               `json:"rule" doc:"The rule that answered."`
	PolicyVersion int64                `json:"policyVersion"`
	Explanation   string               `json:"explanation,omitempty" doc:"One sentence for people."`
	Dev           bool                 `json:"dev,omitzero" doc:"The dev policy answered: one person may play both parts."`
	Requirements  petitionRequirements `json:"requirements,omitempty" doc:"What must be met before it is granted."`
	Denials       int                  `json:"denials,omitzero" doc:"How many reviewers must refuse to close it; absent: one."`
	Inputs        []approval.Input     `json:"inputs,omitempty" doc:"The labels that the rule asks the petitioner to fill in."`
	BreakGlass    *petitionBreakGlass  `json:"breakGlass,omitzero" doc:"The review that must follow the grant of an emergency."`
}

// petitionRequirements are a verdict's own, which write themselves as [petitionRequirement] says: nearly every answer has some.
type petitionRequirements []approval.Requirement

// Schema answers the schema of what they are written as.
func (petitionRequirements) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[[]petitionRequirement](), true, "")
}

// MarshalJSON writes them as the library writes a list of [petitionRequirement].
func (l petitionRequirements) MarshalJSON() ([]byte, error) {
	return json.Marshal(requirementsOf(l), json.Deterministic(true))
}

func (l petitionRequirements) appendJSON(j approval.JSON) approval.JSON {
	return j.Requirements(l, func(j approval.JSON, name string, d time.Duration) approval.JSON {
		return j.Name(name).Quote(durationText(d))
	})
}

// petitionRequirement is a requirement on the wire: [approval.Requirement] with durations as clients write them.
type petitionRequirement struct {
	Stage        int                  `json:"stage,omitzero" doc:"The place of its stage; absent: 0, the first. A stage begins when all before it are met."`
	Resource     int                  `json:"resource,omitzero" doc:"The place, counted from 1, of the one resource whose owners are asked; absent: all."`
	Reviewers    approval.Reviewers   `json:"reviewers" doc:"Who may approve."`
	Count        int                  `json:"count" minimum:"1" doc:"How many distinct persons must approve."`
	SelfApproval bool                 `json:"selfApproval" doc:"The person who asks may review as well; such a claim is marked."`
	Confirm      string               `json:"confirm,omitempty" enum:"passkey" doc:"passkey: an approval counts only when it is confirmed with a passkey of the person."`
	DistinctFrom []int                `json:"distinctFrom,omitempty" doc:"Earlier stages: whoever approved there does not count here."`
	Notify       *approval.Reviewers  `json:"notify,omitzero" doc:"Who is told, without a say; absent: the reviewers."`
	RemindAfter  string               `json:"remindAfter,omitempty" doc:"When, after the stage began, the reviewers are told again." example:"3600s"`
	Escalate     []petitionEscalation `json:"escalate,omitempty" doc:"Reviewers that come as time passes; those before stay."`
}

type petitionEscalation struct {
	After     string             `json:"after" doc:"When, after the stage began." example:"3600s"`
	Reviewers approval.Reviewers `json:"reviewers"`
}

type petitionBreakGlass struct {
	Requirements petitionRequirements `json:"requirements"`
	Within       string               `json:"within" doc:"How long after the grant people have to ratify it." example:"86400s"`
}

// petitionMessage is what who asks should know.
type petitionMessage struct {
	Code    string `json:"code" doc:"unsatisfiable: fewer people may approve than must, as things stand." example:"unsatisfiable"`
	Message string `json:"message" doc:"One sentence for people."`
}

func verdictOf(v *approval.Verdict) petitionVerdict {
	out := petitionVerdict{Decision: v.Decision, Rule: v.Rule, PolicyVersion: v.PolicyVersion, Explanation: v.Explanation, Dev: v.Dev,
		Requirements: v.Requirements, Denials: v.Denials, Inputs: v.Inputs}
	if b := v.BreakGlass; b != nil {
		out.BreakGlass = &petitionBreakGlass{Requirements: b.Requirements, Within: durationText(b.Within)}
	}
	return out
}

func requirementsOf(list []approval.Requirement) []petitionRequirement {
	if len(list) == 0 {
		return nil
	}
	out := make([]petitionRequirement, len(list))
	for i := range list {
		r := &list[i]
		out[i] = petitionRequirement{Stage: r.Stage, Resource: r.Resource, Reviewers: r.Reviewers, Count: r.Count, SelfApproval: r.SelfApproval,
			Confirm: r.Confirm, DistinctFrom: r.DistinctFrom, Notify: r.Notify, RemindAfter: durationIf(r.RemindAfter)}
		for _, e := range r.Escalate {
			out[i].Escalate = append(out[i].Escalate, petitionEscalation{After: durationText(e.After), Reviewers: e.Reviewers})
		}
	}
	return out
}

func durationIf(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return durationText(d)
}
