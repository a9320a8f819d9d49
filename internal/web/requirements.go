package web

import (
	"slices"
	"strconv"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// policyView is what policy demands of a petition and how far that has come: stage by stage, and what belongs to it. It is
// made of the petition alone: who a group or a schedule means is looked up when somebody decides.
type policyView struct {
	Stages []stageView
	// Denials is how many reviewers must refuse to close it, when more than one must, and Refused who has.
	Denials int
	Refused []approval.Event
	Inputs  []inputView
	Glass   *glassView
	// Lapses are approvals that count for nothing now.
	Lapses []approval.Lapse
	// Stuck says why nobody can grant it as things stand; empty when enough people can, and of what is decided.
	Stuck string
}

// Where a stage stands.
const (
	stageDone   = "done"
	stageNow    = "now"
	stageNext   = "next"
	stageNotMet = "not met" // of a petition that nobody decides any more
)

// stageView is one stage: all of its requirements must be met before the next one begins.
type stageView struct {
	Number, Of int
	State      string
	Begun      time.Time // of the stage that decides now, where the petition goes through stages or time changes it
	Needs      []needView
}

// needView is one requirement: whom it asks, how many, and who of them has agreed.
type needView struct {
	Place int // among the requirements
	Who   []reviewerView
	Of    *approval.Resource // whose owners alone are asked
	Count int
	Have  []approval.Event
	Met   bool
	// More are the reviewers that time adds; Remind is when the reviewers are told again, zero for never, Reminded that they were.
	More         []escalationView
	Remind       time.Time
	RemindAfter  time.Duration // where the stage has not begun
	Reminded     bool
	Distinct     []int // stages, counted from 1, whose approvers do not count here
	Notify       []reviewerView
	Deputies     []approval.Deputy
	SelfApproval bool
	Confirm      bool // each approval is confirmed with a passkey
}

// Missing answers how many approvals are missing.
func (n needView) Missing() int { return max(0, n.Count-len(n.Have)) }

// Left says how many approvals are missing.
func (n needView) Left() string {
	if n.Missing() == 1 {
		return "1 approval"
	}
	return strconv.Itoa(n.Missing()) + " approvals"
}

// reviewerView is one term of reviewers: Before and After are this page's words, Name is what the rule or the directory calls it.
type reviewerView struct {
	Before, Name, After string
	Code                bool   // Name is a condition, or a label
	Link                string // to the group's page
}

// escalationView is reviewers that time adds.
type escalationView struct {
	Who   []reviewerView
	At    time.Time     // when they come, or zero
	After time.Duration // how long after its stage begins, where it has not
	Come  bool
}

// inputView is something that the rule asked the petitioner for.
type inputView struct {
	approval.Input
	Value string
	Given bool
}

// Name answers what the input is called for people.
func (i inputView) Name() string {
	if i.Description != "" {
		return i.Description
	}
	return i.Label
}

// glassView is an emergency grant that people ratify afterwards: the stages are those of that review.
type glassView struct {
	Until   time.Time // when it must be ratified
	Outcome approval.ReviewOutcome
}

// askedOf answers what people are asked for: before the grant, or after one that broke the glass.
func askedOf(p approval.Petition) []approval.Requirement {
	switch v := p.Verdict; {
	case v.Decision == approval.VerdictReview:
		return v.Requirements
	case v.Decision == approval.VerdictApprove && v.BreakGlass != nil:
		return v.BreakGlass.Requirements
	}
	return nil
}

// waitsForPeople answers whether people decide it now.
func waitsForPeople(p approval.Petition) bool { return p.Phase == approval.Open || p.Reviewing() }

// decideUntil answers by when they must.
func decideUntil(p approval.Petition) time.Time {
	if p.Review != nil {
		return p.Review.ExpireTime
	}
	return p.ExpireTime
}

func policyOf(p approval.Petition) policyView {
	view := policyView{Stuck: p.StuckNow(), Lapses: p.Lapses()}
	of := 1
	for _, r := range askedOf(p) {
		of = max(of, r.Stage+1)
	}
	for stage := range of {
		s := stageView{Number: stage + 1, Of: of}
		for i, r := range askedOf(p) {
			if r.Stage == stage {
				s.Needs = append(s.Needs, needOf(p, i))
			}
		}
		if s.State = stateOfStage(p, stage, s.Needs); s.State == stageNow && p.Progress != nil && p.Progress.Stage == stage {
			s.Begun = p.Progress.Since
		}
		if len(s.Needs) > 0 {
			view.Stages = append(view.Stages, s)
		}
	}
	if p.Verdict.Denials > 1 {
		view.Denials, view.Refused = p.Verdict.Denials, refusedBy(p)
	}
	for _, i := range p.Verdict.Inputs {
		value, given := p.Labels[i.Label]
		view.Inputs = append(view.Inputs, inputView{i, value, given && value != ""})
	}
	if p.Verdict.BreakGlass != nil && p.Review != nil {
		view.Glass = &glassView{p.Review.ExpireTime, p.Review.Outcome}
	}
	return view
}

// with adds to each requirement that waits who may approve for somebody who is away.
func (v policyView) with(deputies []approval.Deputy) policyView {
	place := map[int]*needView{}
	for s := range v.Stages {
		for n := range v.Stages[s].Needs {
			need := &v.Stages[s].Needs[n]
			place[need.Place] = need
		}
	}
	for _, d := range deputies {
		for _, i := range d.Requirements {
			if need := place[i]; need != nil && !need.Met {
				need.Deputies = append(need.Deputies, d)
			}
		}
	}
	return v
}

func stateOfStage(p approval.Petition, stage int, needs []needView) string {
	now := 0
	if p.Progress != nil {
		now = p.Progress.Stage
	}
	met := !slices.ContainsFunc(needs, func(n needView) bool { return !n.Met })
	switch {
	case met && (stage <= now || !waitsForPeople(p)):
		return stageDone
	case !waitsForPeople(p):
		return stageNotMet
	case stage <= now:
		return stageNow
	}
	return stageNext
}

func needOf(p approval.Petition, i int) needView {
	r := askedOf(p)[i]
	n := needView{Place: i, Who: reviewersOf(r.Reviewers, r.Resource > 0), Count: r.Count, Have: p.Counted(i), SelfApproval: r.SelfApproval, Confirm: r.Confirm != ""}
	n.Met = len(n.Have) >= r.Count
	if r.Resource > 0 && r.Resource <= len(p.Resources) {
		n.Of = &p.Resources[r.Resource-1]
	}
	for _, stage := range r.DistinctFrom {
		n.Distinct = append(n.Distinct, stage+1)
	}
	if r.Notify != nil {
		n.Notify = reviewersOf(*r.Notify, r.Resource > 0)
	}
	addTimes(p, i, &n)
	return n
}

// addTimes adds what time does to a requirement: only where it still waits, or where time has done it.
func addTimes(p approval.Petition, i int, n *needView) {
	r := askedOf(p)[i]
	waits, end := waitsForPeople(p) && !n.Met, decideUntil(p)
	begun, level := false, 0
	var since time.Time
	if p.Progress != nil {
		begun, since = r.Stage == p.Progress.Stage, p.Progress.Since
		n.Reminded = slices.Contains(p.Progress.Reminded, i)
		if i < len(p.Progress.Levels) {
			level = p.Progress.Levels[i]
		}
	}
	later := r.Stage > 0 && (p.Progress == nil || r.Stage > p.Progress.Stage)
	switch at := since.Add(r.RemindAfter); {
	case r.RemindAfter == 0 || n.Reminded || !waits:
	case begun && at.Before(end):
		n.Remind = at
	case later:
		n.RemindAfter = r.RemindAfter
	}
	for step, e := range r.Escalate {
		more := escalationView{Who: reviewersOf(e.Reviewers, r.Resource > 0), Come: step < level}
		switch at := since.Add(e.After); {
		case more.Come:
		case !waits:
			continue
		case begun && at.Before(end):
			more.At = at
		case later:
			more.After = e.After
		default:
			continue // it lies behind the petition's end
		}
		n.More = append(n.More, more)
	}
}

// reviewersOf answers the terms of reviewers, any of which is enough. ofOne says that the owners of one resource are meant.
func reviewersOf(r approval.Reviewers, ofOne bool) (all []reviewerView) {
	for _, role := range r.Roles {
		all = append(all, reviewerView{Before: "any ", Name: string(role)})
	}
	for _, person := range r.Persons {
		all = append(all, reviewerView{Name: person})
	}
	for _, group := range r.Groups {
		all = append(all, reviewerView{Before: "anybody in the group ", Name: group, Link: group})
	}
	if r.Managers != "" {
		all = append(all, reviewerView{Before: "the manager of who asks (", Name: r.Managers, After: ")", Code: true})
	}
	if r.Owners != "" {
		whose := "an owner of all that is asked for ("
		if ofOne {
			whose = "an owner of it ("
		}
		all = append(all, reviewerView{Before: whose, Name: r.Owners, After: ")", Code: true})
	}
	for _, schedule := range r.OnCall {
		all = append(all, reviewerView{Before: "whoever is on call for ", Name: schedule})
	}
	if r.Where != "" {
		all = append(all, reviewerView{Before: "every member of whom ", Name: r.Where, After: " holds", Code: true})
	}
	return all
}

// refusedBy answers the reviewers' refusals, one of each person.
func refusedBy(p approval.Petition) []approval.Event {
	return slices.DeleteFunc(p.Refusals(), func(c approval.Event) bool { return p.AskedBy(c.Actor) })
}

// WaitsFor answers the requirements that nobody has met yet of the stage that decides now.
func (v policyView) WaitsFor() (needs []needView) {
	for _, s := range v.Stages {
		if s.State == stageNow {
			for _, n := range s.Needs {
				if !n.Met {
					needs = append(needs, n)
				}
			}
		}
	}
	return needs
}

// Refusals says how many have refused of how many must.
func (v policyView) Refusals() string {
	return strconv.Itoa(len(v.Refused)) + " of " + strconv.Itoa(v.Denials)
}
