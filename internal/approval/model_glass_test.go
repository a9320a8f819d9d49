package approval_test

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// glassReview is what must follow a grant that broke the glass.
type glassReview struct {
	until   time.Time
	outcome approval.ReviewOutcome // "" while it waits
}

// reviewing answers whether people still must answer for what broke the glass.
func (m *model) reviewing() bool { return m.review != nil && m.review.outcome == "" }

// decides answers whether people decide now.
func (m *model) decides() bool { return m.phase == approval.Open || m.reviewing() }

// until answers when the time to decide is up.
func (m *model) until() time.Time {
	if m.review != nil {
		return m.review.until
	}
	return m.expires
}

// owns answers whether the claim needs no right but to be of those who ask: they withdraw, and give back.
func (m *model) owns(event string, asks bool) bool {
	return asks && (event == revoke || event == deny && m.phase == approval.Open)
}

// breaksGlass makes the petition one that a rule grants at once and that people ratify within the time, unless one of those who
// ask did not answer for that before: then the owners decide.
func (m *model) breaksGlass(w *world, within time.Duration) (answer approval.Verdict) {
	now := w.clock.Now()
	if w.n(3, "one is enough") > 0 { // else few reviews would ever be met
		m.verdict.Requirements = m.verdict.Requirements[:1]
		m.verdict.Requirements[0].Count = 1
		m.levels, m.reminded = make([]int, 1), make([]bool, 1)
	}
	answer = m.verdict
	answer.Decision, answer.BreakGlass = approval.VerdictApprove, &approval.BreakGlass{Requirements: m.verdict.Requirements, Within: within}
	answer.Requirements = nil
	if w.n(4, "lifted by the operator") > 0 {
		w.liftByOperator(m.persons)
	}
	if slices.ContainsFunc(m.persons, func(person string) bool { return w.frozen[person] }) {
		inGlass.frozen.Add(1)
		owners := approval.Requirement{Reviewers: approval.Reviewers{Roles: []approval.Role{approval.Owner}}, Count: 1}
		m.verdict = approval.Verdict{Decision: approval.VerdictReview, Requirements: []approval.Requirement{owners}, DefaultDuration: time.Hour, MaxDuration: day}
		m.expires, m.levels, m.reminded = now.Add(7*day), make([]int, 1), make([]bool, 1)
		return answer
	}
	m.phase, m.starts, m.ends = approval.Granted, now, m.endOf(agreement{}, now)
	m.review = &glassReview{until: now.Add(within)}
	return answer
}

// timer answers what time does next, and when; "" for nothing. Of what is due at once the earlier comes first, but nobody is told
// of what is over.
func (m *model) timer(now time.Time) (kind string, at time.Time) {
	switch {
	case m.reviewing():
		return m.timerInReview(now)
	case m.phase == approval.Open:
		if at = m.next(); now.Before(m.expires) && at.Before(m.expires) {
			return approval.JobEscalate, at
		}
		return approval.JobExpire, m.expires
	case m.phase == approval.Granted && !m.ends.IsZero():
		return m.timerInGrant(now)
	case m.phase == approval.Revoked:
		return approval.JobClose, now
	}
	return "", time.Time{}
}

func (m *model) timerInReview(now time.Time) (kind string, at time.Time) {
	kind, at = approval.JobReview, m.review.until
	if next := m.next(); now.Before(at) && next.Before(at) {
		kind, at = approval.JobEscalate, next
	}
	if m.phase == approval.Granted && !m.ends.IsZero() {
		if k, t := m.timerInGrant(now); t.Before(at) {
			return k, t
		}
	}
	return kind, at
}

func (m *model) timerInGrant(now time.Time) (kind string, at time.Time) {
	if at = m.warns(); !at.IsZero() && now.Before(m.ends) {
		return approval.JobWarn, at
	}
	return approval.JobEnd, m.ends
}

// pass does the next thing that time has done by now, and answers whether there was one.
func (m *model) pass(w *world) bool {
	now := w.clock.Now()
	kind, at := m.timer(now)
	if kind == "" || kind == approval.JobClose || now.Before(at) {
		return false
	}
	switch kind {
	case approval.JobExpire:
		m.phase, m.outcome = approval.Closed, approval.OutcomeExpired
	case approval.JobEscalate:
		m.tell(now)
	case approval.JobWarn:
		m.warned = true
	case approval.JobEnd:
		m.phase, m.outcome = approval.Revoked, approval.OutcomeEnded
		if next, _ := m.timer(now); next == approval.JobClose && !w.keeps(m) {
			m.phase = approval.Closed
		}
	case approval.JobReview:
		m.unratified(w, approval.ReviewExpired)
	}
	return true
}

// tell reminds and escalates what has come by now.
func (m *model) tell(now time.Time) {
	for i := range m.verdict.Requirements {
		remind, escalate := m.waits(i)
		m.reminded[i] = m.reminded[i] || !remind.IsZero() && !now.Before(remind)
		for _, t := range escalate {
			if !now.Before(t) {
				m.levels[i]++
				if m.review != nil {
					inGlass.escalated.Add(1)
				}
			}
		}
	}
}

// serves answers whether a job of the kind does what is next: a petition that waits has one timer, and so has one that runs.
func serves(next, kind string) bool {
	waits := []string{approval.JobExpire, approval.JobEscalate, approval.JobRemind, approval.JobReview}
	runs := []string{approval.JobWarn, approval.JobEnd, approval.JobReview}
	both := func(kinds []string) bool { return slices.Contains(kinds, next) && slices.Contains(kinds, kind) }
	return next == kind || both(waits) || both(runs)
}

// agreed does what enough approvals do: they grant, or ratify what was granted.
func (m *model) agree(standing []agreement, now time.Time) {
	if m.review == nil {
		m.grant(standing, now)
		return
	}
	m.review.outcome = approval.ReviewRatified
	inGlass.ratified.Add(1)
	if slices.ContainsFunc(standing, func(a agreement) bool { return a.by != nil }) {
		inGlass.byDeputies.Add(1)
	}
}

// unratified ends the grant, and who broke the glass does not break it again. Who is suspended by then is only known by the
// petition.
func (m *model) unratified(w *world, outcome approval.ReviewOutcome) {
	m.review.outcome = outcome
	if outcome == approval.ReviewExpired {
		inGlass.expired.Add(1)
	} else {
		inGlass.refused.Add(1)
	}
	if m.phase == approval.Granted {
		m.phase, m.outcome = approval.Revoked, approval.OutcomeRevoked
		inGlass.ended.Add(1)
	}
	who := w.bounded(m.askers[0])
	names := []string{who.ID, who.Person}
	if who.Suspended {
		names = m.persons
	}
	for _, name := range names {
		w.frozen[name] = true
	}
}

// lift has somebody let somebody break the glass again, or try; often it is who may, for somebody who needs it.
func (w *world) lift() {
	by, of := w.caller(), w.member()
	if w.n(5, "who may") > 0 {
		for _, id := range everybody {
			if m := w.members[id]; w.frozen[m.ID] || w.frozen[m.Person] {
				of = m
			}
		}
		for _, id := range everybody {
			if m := w.bounded(id); !m.Suspended && m.Role == approval.Owner && m.Person != of.Person {
				by = m
			}
		}
	}
	refusals := w.refused
	err := w.RestoreBreakGlass(w.house.t.Context(), by.Actor("", nil), of.ID, "")
	want := approval.Code("")
	switch {
	case !by.Role.Has(approval.WriteMembers), by.Person == of.Person:
		want = approval.Forbidden
	case !w.frozen[of.ID] && !w.frozen[of.Person]:
		want = approval.Conflict
		refusals-- // which is no attempt
	}
	w.expect(refusals, err, want, by.ID+" lifts "+of.ID)
	if err == nil {
		delete(w.frozen, of.ID)
		delete(w.frozen, of.Person)
		inGlass.lifted.Add(1)
	}
}

// liftByOperator lets those break the glass again who may not.
func (w *world) liftByOperator(persons []string) {
	for _, id := range everybody {
		m := w.members[id]
		if !w.frozen[m.ID] && !w.frozen[m.Person] || !slices.Contains(persons, m.ID) && !slices.Contains(persons, m.Person) {
			continue
		}
		if err := w.LiftBreakGlass(w.house.t.Context(), approval.System("acme", "admin"), m.ID, "the model asks for it"); err != nil {
			w.t.Fatal(err)
		}
		delete(w.frozen, m.ID)
		delete(w.frozen, m.Person)
	}
}

// inGlass counts what the model has seen of emergencies.
var inGlass struct{ ratified, refused, expired, ended, frozen, lifted, escalated, byDeputies atomic.Int64 }
