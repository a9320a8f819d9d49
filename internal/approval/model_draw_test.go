package approval_test

import (
	"slices"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// draw answers a petition that somebody asks for, and its model.
func (w *world) draw(by approval.Member) (approval.NewPetition, *model) {
	v := review(1)
	v.MaxDuration = []time.Duration{0, 4 * time.Hour}[w.n(2, "limit")]
	v.Requirements = nil
	for range w.n(2, "requirements") + 1 {
		r := approval.Requirement{Count: w.n(3, "count") + 1, SelfApproval: w.n(4, "self") == 0,
			Reviewers: approval.Reviewers{Roles: [][]approval.Role{{approval.Editor, approval.Owner}, {approval.Owner}, {approval.Editor}}[w.n(3, "roles")]}}
		if w.n(3, "named") == 0 {
			r.Reviewers.Persons = []string{vic, bobsBot}
		}
		v.Requirements = append(v.Requirements, r)
	}
	m := &model{phase: approval.Open, verdict: v, askers: []string{by.ID}, persons: []string{by.Person}, expires: w.clock.Now().Add(v.DecideWithin)}
	n := reset()
	if w.n(3, "asked") == 0 {
		n.Duration, m.asked = 2*time.Hour, 2*time.Hour
	}
	for range w.n(3, "others") {
		other := w.member()
		n.Petitioners = append(n.Petitioners, other.Resource())
		m.askers, m.persons = append(m.askers, other.ID), append(m.persons, other.Person, other.ID)
	}
	switch w.n(10, "rule") {
	case 0:
		m.verdict.Decision, m.verdict.Requirements = approval.VerdictApprove, nil
		m.phase, m.ends = approval.Granted, m.endOf(agreement{}, w.clock.Now())
	case 1:
		m.verdict.Decision, m.verdict.Requirements = approval.VerdictDeny, nil
		m.phase, m.outcome = approval.Closed, approval.OutcomeDenied
	}
	w.rule.verdict = m.verdict
	return n, m
}

// mayAsk answers the code with which asking is refused.
func (w *world) mayAsk(by approval.Member, n approval.NewPetition) approval.Code {
	others := slices.ContainsFunc(n.Petitioners, func(r approval.Resource) bool { return r.ID != by.ID })
	if !by.Role.Has(approval.CreatePetitions) || others && by.Role == approval.Viewer {
		return approval.Forbidden
	}
	return ""
}
