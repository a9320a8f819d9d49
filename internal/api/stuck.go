package api

import (
	"context"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// stuckNow is what nobody could approve as things stand, on the wire.
type stuckNow struct {
	PolicyVersion int64           `json:"policyVersion" doc:"The version of the document that the findings are about; 0 when nothing was ever found."`
	Findings      []stuckFinding  `json:"findings" doc:"Kinds of petitions that nobody, or too few, could approve."`
	UpdateTime    time.Time       `json:"updateTime,omitzero" doc:"When the findings became these."`
	Petitions     []stuckPetition `json:"petitions" doc:"Petitions that wait and that too few people may approve, the newest first."`
	More          bool            `json:"more,omitzero" doc:"More petitions wait than are listed: list petitions by the label indent.com/petition/stuck."`
}

type stuckFinding struct {
	Rule    string                 `json:"rule,omitempty"`
	Message string                 `json:"message" doc:"One sentence for people."`
	Example *approval.StuckExample `json:"example,omitempty" doc:"A petition that shows it."`
	Since   time.Time              `json:"since" doc:"When it was found first."`
}

type stuckPetition struct {
	Name    string `json:"name" doc:"The petition's name."`
	Message string `json:"message" doc:"Why, in one sentence for people."`
}

func (a *API) listStuck(ctx context.Context, actor approval.Actor, _ struct{}) (*stuckNow, error) {
	now, err := a.Service.StuckNow(ctx, actor)
	if err != nil {
		return nil, err
	}
	out := &stuckNow{PolicyVersion: now.Health.Policy, UpdateTime: now.Health.UpdateTime, Findings: []stuckFinding{}, Petitions: []stuckPetition{}, More: now.More}
	for _, f := range now.Health.Findings {
		out.Findings = append(out.Findings, stuckFinding{f.Rule, f.Message, f.Example, f.Since})
	}
	for _, p := range now.Petitions {
		out.Petitions = append(out.Petitions, stuckPetition{p.Name, p.StuckNow()})
	}
	return out, nil
}
