package api

import (
	"context"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// pullStatus is how the pulls of a policy stand, on the wire.
type pullStatus struct {
	State        string      `json:"state" enum:"new,working,failing,running" doc:"new: nothing has been pulled; running: a pull goes on, or begins soon; failing: pulls have failed since the last that worked, and what that one brought stays."`
	Problem      string      `json:"problem,omitempty" doc:"Of failing: what is wrong, and what to do."`
	Failures     int         `json:"failures" doc:"Whole pulls that have failed in a row."`
	FailingSince time.Time   `json:"failingSince,omitzero"`
	NextTime     time.Time   `json:"nextTime,omitzero" doc:"When the next pull begins; absent where it waits for somebody to ask."`
	Last         *PullResult `json:"last,omitempty" doc:"The last pull that ended."`
	Good         *PullResult `json:"good,omitempty" doc:"The last whole pull that worked."`
}

func pullStatusOf(p *approval.Pull) pullStatus {
	s := pullStatus{State: "working", Failures: p.Failures, FailingSince: p.FailingSince, NextTime: p.Next, Last: pullResultOf(&p.Last), Good: pullResultOf(&p.Good)}
	switch {
	case p.Run != "" || p.Asked != nil:
		s.State = "running"
	case p.Failures > 0:
		s.State = "failing"
	case s.Last == nil:
		s.State = "new"
	}
	if p.Failures > 0 {
		s.Problem = p.Last.Problem
	}
	return s
}

// PullResult is what came of a pull, on the wire.
type PullResult struct {
	ID        string    `json:"id,omitempty"`
	State     string    `json:"state" enum:"done,failed,refused,notSent,running" doc:"failed: problem says why; refused: it would mark too much as gone, and force takes it all the same; notSent: the webhook is in a dry run; running: it goes on, or begins soon."`
	Problem   string    `json:"problem,omitempty" doc:"What is wrong, and what to do."`
	Partial   bool      `json:"partial,omitempty" doc:"It was asked for some of the kinds only, or with flags of somebody's own."`
	BeginTime time.Time `json:"beginTime,omitzero"`
	EndTime   time.Time `json:"endTime,omitzero"`
	Listed    int       `json:"listed" doc:"Resources, by the endpoint."`
	Taken     int       `json:"taken" doc:"Of these, by what the policy says."`
	Created   int       `json:"created"`
	Changed   int       `json:"changed"`
	Gone      int       `json:"gone" doc:"That the endpoint lists no more, and that were marked as out of use. They stay, as petitions name them."`
	Conflicts int       `json:"conflicts" doc:"Left alone, as the policy did not bring them."`
	Examples  []string  `json:"examples,omitempty" doc:"Some of the conflicts, with the reason."`
	Dropped   []string  `json:"dropped,omitempty" doc:"Some of what the endpoint lists and the policy does not take, such as the label team."`
	Pages     int       `json:"pages" doc:"Of the answer."`
	Bytes     int64     `json:"bytes" doc:"Of the answer."`
}

// pullResultOf answers nil for none.
func pullResultOf(r *approval.PullResult) *PullResult {
	if r.State == "" {
		return nil
	}
	return &PullResult{ID: r.ID, State: string(r.State), Problem: r.Problem, Partial: r.Partial, BeginTime: r.Begin, EndTime: r.End, Listed: r.Listed, Taken: r.Taken, Created: r.Created, Changed: r.Changed,
		Gone: r.Gone, Conflicts: r.Conflicts, Examples: r.Examples, Dropped: r.Dropped, Pages: r.Pages, Bytes: r.Bytes}
}

type pullUpdateIn struct{ Body pullUpdateBody }

type pullUpdateBody struct {
	Kinds  []string          `json:"kinds,omitzero" minItems:"1" maxItems:"50" maxLength:"200" doc:"Only these kinds of resources; all that policies ask for by default."`
	Flags  map[string]string `json:"flags,omitempty" doc:"Sent beside those of the policies. What the endpoint does not list is then not marked as gone."`
	Policy string            `json:"policy,omitempty" maxLength:"60" doc:"Only by this pull policy."`
	Force  bool              `json:"force,omitempty" doc:"Mark as gone what is not listed any more, however much it is."`
	Wait   *bool             `json:"wait,omitempty" doc:"false answers at once, without what comes of the pulls."`
}

type pullUpdateOut struct {
	Pulls []pullOutcome `json:"pulls" doc:"One of each policy, by name."`
}

type pullOutcome struct {
	Policy string `json:"policy"`

	PullResult
	NextTime time.Time `json:"nextTime,omitzero" doc:"When the policy is pulled next by its schedule."`
}

func (a *API) pullUpdate(ctx context.Context, actor approval.Actor, in pullUpdateIn) (*pullUpdateOut, error) {
	b := in.Body
	list, err := a.Service.PullNow(ctx, actor, approval.PullRequest{Policy: b.Policy, Kinds: b.Kinds, Flags: b.Flags, Force: b.Force, AtOnce: b.Wait != nil && !*b.Wait})
	if err != nil {
		return nil, err
	}
	out := &pullUpdateOut{Pulls: []pullOutcome{}}
	for i := range list {
		out.Pulls = append(out.Pulls, pullOutcome{Policy: list[i].Policy, PullResult: *pullResultOf(&list[i].PullResult), NextTime: list[i].Next})
	}
	return out, nil
}
