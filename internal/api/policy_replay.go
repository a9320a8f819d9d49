package api

import (
	"context"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

type replayPolicyIn struct{ Body replayPolicyBody }

type replayPolicyBody struct {
	Text  string    `json:"text" maxLength:"262144" doc:"The document to try, YAML or JSON, at most 256 KiB."`
	Since time.Time `json:"since,omitzero" doc:"Petitions that were made since then; the last 30 days by default." example:"2026-02-01T00:00:00Z"`
}

// policyReplay is what a document would have answered to the petitions of the past, on the wire.
type policyReplay struct {
	Since     time.Time      `json:"since"`
	Until     time.Time      `json:"until"`
	Base      int64          `json:"baseVersion" doc:"The version that holds."`
	Petitions int            `json:"petitions" doc:"How many were read, the newest first."`
	More      bool           `json:"more,omitzero" doc:"There were more: a replay reads at most 5,000, and no longer than half a minute."`
	Gone      int            `json:"gone" doc:"Of those who are no members any more: of them only what the petition says is known."`
	Same      int            `json:"same" doc:"Get the same answer."`
	Flipped   map[string]int `json:"flipped" doc:"How many get another answer, by how it changes."`
	Regranted int            `json:"regranted" doc:"Were denied, by whomever, and would be approved by a rule."`
	Flips     []policyFlip   `json:"flips" doc:"The newest of those that get another answer, at most 200."`
	Rules     []ruleReplay   `json:"rules" doc:"By name."`
	Load      []reviewerLoad `json:"load" doc:"Who could have been asked, and would be, most first."`
	Weighed   int            `json:"weighed" doc:"For how many petitions load was looked up, the newest first: at most 1,000."`
}

type policyFlip struct {
	Petition   string           `json:"petition" format:"uuid"`
	CreateTime time.Time        `json:"createTime"`
	Title      string           `json:"title"`
	CreatedBy  string           `json:"createdBy"`
	How        string           `json:"how" doc:"How its answer changes, in words."`
	RuleBefore string           `json:"ruleBefore"`
	RuleAfter  string           `json:"ruleAfter,omitempty"`
	Outcome    approval.Outcome `json:"outcome,omitempty" doc:"What became of it, when it is closed."`
	Regranted  bool             `json:"regranted,omitzero" doc:"It was denied, and would be approved by a rule."`
}

type ruleReplay struct {
	Rule    string `json:"rule"`
	Before  int    `json:"before" doc:"How many it answered."`
	After   int    `json:"after" doc:"How many it would answer."`
	Decided int    `json:"decided" doc:"Of those that it would answer, how many people decided."`
	Wait    string `json:"medianWait,omitempty" doc:"How long those took, a protobuf-JSON duration." example:"5400s"`
}

type checkPolicyIn struct{ Body checkPolicyBody }

type checkPolicyBody struct {
	Text string `json:"text,omitempty" maxLength:"262144" doc:"The document to check; the one that holds by default."`
}

// policyCheck is what would go wrong with a document in the space, on the wire.
type policyCheck struct {
	Stuck     bool            `json:"stuck" doc:"A petition could wait for ever."`
	Findings  []policyFinding `json:"findings"`
	Members   int             `json:"members" doc:"How many were looked at."`
	Resources int             `json:"resources" doc:"How many were looked at, of those that may be asked for."`
	Partial   bool            `json:"partial,omitzero" doc:"The space has more than a check looks at."`
}

type policyFinding struct {
	Kind    string                 `json:"kind" enum:"stuck,unreached,contradicts,redundant,nobody,incomplete"`
	Rule    string                 `json:"rule,omitempty"`
	Line    int                    `json:"line,omitzero"`
	Column  int                    `json:"column,omitzero"`
	Message string                 `json:"message"`
	Example *approval.StuckExample `json:"example,omitempty" doc:"A petition that shows it."`
}

func (a *API) checkPolicy(ctx context.Context, actor approval.Actor, in checkPolicyIn) (*policyCheck, error) {
	c, err := a.Service.CheckPolicy(ctx, actor, in.Body.Text)
	if err != nil {
		return nil, err
	}
	out := &policyCheck{Stuck: c.Stuck(), Findings: []policyFinding{}, Members: c.Members, Resources: c.Resources, Partial: c.Partial}
	for _, f := range c.Findings {
		out.Findings = append(out.Findings, policyFinding{f.Kind, f.Rule, f.Line, f.Column, f.Message, f.Example})
	}
	return out, nil
}

type reviewerLoad struct {
	Person string `json:"person"`
	Before int    `json:"before"`
	After  int    `json:"after"`
}

func (a *API) replayPolicy(ctx context.Context, actor approval.Actor, in replayPolicyIn) (*policyReplay, error) {
	r, err := a.Service.ReplayPolicy(ctx, actor, in.Body.Text, in.Body.Since)
	if err != nil {
		return nil, err
	}
	out := &policyReplay{Since: r.Since, Until: r.Until, Base: r.Base, Petitions: r.Petitions, More: r.More, Gone: r.Gone, Same: r.Same, Flipped: r.Flipped,
		Regranted: r.Regranted, Flips: []policyFlip{}, Rules: []ruleReplay{}, Load: []reviewerLoad{}, Weighed: r.Weighed}
	for _, f := range r.Flips {
		out.Flips = append(out.Flips, policyFlip{f.Petition, f.Time, f.Title, f.By, f.How, f.RuleBefore, f.RuleAfter, f.Outcome, f.Denied})
	}
	for _, rule := range r.Rules {
		wait := ""
		if rule.Decided > 0 {
			wait = durationText(rule.Wait)
		}
		out.Rules = append(out.Rules, ruleReplay{rule.Rule, rule.Before, rule.After, rule.Decided, wait})
	}
	for _, l := range r.Load {
		out.Load = append(out.Load, reviewerLoad(l))
	}
	return out, nil
}
