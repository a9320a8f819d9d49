package approval_test

import (
	"slices"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// draw answers a petition that somebody asks for, and its model.
func (w *world) draw(by approval.Member) (approval.NewPetition, *model) {
	v := w.drawVerdict()
	now := w.clock.Now()
	m := &model{phase: approval.Open, verdict: v, askers: []string{by.ID}, persons: []string{by.Person}, expires: now.Add(v.DecideWithin),
		since: now, levels: make([]int, len(v.Requirements)), reminded: make([]bool, len(v.Requirements))}
	n := reset()
	if w.n(3, "asked") == 0 {
		n.Duration, m.asked = 2*time.Hour, 2*time.Hour
	}
	for range w.n(3, "others") {
		other := w.member()
		n.Petitioners = append(n.Petitioners, other.Resource())
		m.askers, m.holders = append(m.askers, other.ID), append(m.holders, other.ID)
		if other.ID != by.ID {
			m.persons = append(m.persons, other.Person, other.ID)
		}
	}
	if len(m.holders) == 0 {
		m.holders = []string{by.ID}
	}
	answer := m.verdict
	switch w.n(10, "rule") {
	case 0:
		m.verdict.Decision, m.verdict.Requirements = approval.VerdictApprove, nil
		answer = m.verdict
		m.phase, m.starts, m.ends = approval.Granted, w.clock.Now(), m.endOf(agreement{}, w.clock.Now())
	case 1:
		m.verdict.Decision, m.verdict.Requirements = approval.VerdictDeny, nil
		answer = m.verdict
		m.phase, m.outcome = approval.Closed, approval.OutcomeDenied
	case 2, 3:
		answer = m.breaksGlass(w, []time.Duration{2 * time.Hour, 26 * time.Hour, 72 * time.Hour}[w.n(3, "within")])
	}
	w.rule.verdict = answer
	return n, m
}

// drawVerdict answers a verdict with one to three stages, of which time changes some.
func (w *world) drawVerdict() approval.Verdict {
	v := review(1)
	v.MaxDuration = []time.Duration{0, 4 * time.Hour}[w.n(2, "limit")]
	v.Denials = []int{0, 0, 1, 2, 3}[w.n(5, "denials")]
	v.Requirements = nil
	stages := []int{1, 1, 2, 3}[w.n(4, "stages")]
	for stage := range stages {
		for range w.n(2, "requirements") + 1 {
			r := approval.Requirement{Stage: stage, Count: w.n(3, "count")/(stages+1)*2 + 1, SelfApproval: w.n(4, "self") == 0, Reviewers: w.drawReviewers()}
			if stages == 1 {
				r.Count = w.n(3, "count") + 1
			}
			if stage > 0 && w.n(2, "distinct") == 0 {
				r.DistinctFrom = []int{w.n(stage, "from")}
			}
			if w.n(3, "remind") == 0 {
				r.RemindAfter = []time.Duration{time.Minute, time.Hour, 30 * time.Hour}[w.n(3, "after")]
			}
			for after := range w.n(3, "escalations") {
				r.Escalate = append(r.Escalate, approval.Escalation{After: time.Duration(after*after*13+1) * time.Hour, Reviewers: w.drawReviewers()})
			}
			v.Requirements = append(v.Requirements, r)
		}
	}
	return v
}

func (w *world) drawReviewers() (r approval.Reviewers) {
	r.Roles = [][]approval.Role{{approval.Editor, approval.Owner}, {approval.Owner}, {approval.Editor}}[w.n(3, "roles")]
	if w.n(3, "named") == 0 {
		r.Persons = []string{vic, bobsBot}
	}
	return r
}

// mayAsk answers the code with which asking is refused.
func (w *world) mayAsk(by approval.Member, n approval.NewPetition) approval.Code {
	others := slices.ContainsFunc(n.Petitioners, func(r approval.Resource) bool { return r.ID != by.ID })
	if !by.Role.Has(approval.CreatePetitions) || others && by.Role == approval.Viewer {
		return approval.Forbidden
	}
	return ""
}
