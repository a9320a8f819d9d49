package approval_test

import (
	"cmp"
	"slices"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// delegation is one in the model.
type delegation struct {
	name, from, to string
	start, end     time.Time
	ended          bool
}

// delegate has somebody name a deputy, or try.
func (w *world) delegate() {
	by, to, now := w.caller(), w.member(), w.clock.Now()
	if w.n(2, "to whom") == 0 {
		to = w.members[[]string{pat, vic}[w.n(2, "deputy")]]
	}
	start := now.Add([]time.Duration{0, 0, 30 * time.Minute, 3 * time.Hour}[w.n(4, "ahead")])
	end := start.Add([]time.Duration{time.Hour, 30 * time.Hour, 30 * day, 60 * day}[w.n(4, "for")])
	refusals := w.refused
	made, err := w.CreateDelegation(w.house.t.Context(), by.Actor(w.house.holds(by.ID, approval.Token{Kind: approval.TokenSession, Name: w.house.IDs.UUID()}), nil), approval.NewDelegation{To: to.ID, StartTime: start, EndTime: end})
	decides := func(m approval.Member) bool {
		return m.Kind == approval.KindUser && !m.Suspended && m.Role != "" && m.Role != approval.Auditor
	}
	want := approval.Code("")
	switch {
	case by.Role == "" || by.Role == approval.Auditor:
		want = approval.Forbidden
	case !decides(by) || !decides(to) || by.ID == to.ID:
		want = approval.Invalid
	case w.has(by.ID, now) >= approval.MaxDelegationsOfOne || w.has(to.ID, now) >= approval.MaxDelegationsOfOne:
		want = approval.Conflict
	}
	if want == approval.Conflict { // refused for a reason that is no attempt
		refusals--
	}
	w.expect(refusals, err, want, by.ID+" names "+to.ID)
	if err == nil {
		w.away = append(w.away, &delegation{name: made.Name, from: by.ID, to: to.ID, start: start, end: end})
	}
}

// claimant answers who makes a claim: often a deputy, or who is away.
func (w *world) claimant() approval.Member {
	by := w.caller()
	if len(w.away) == 0 || w.n(2, "of a delegation") == 0 {
		return by
	}
	d := w.away[len(w.away)-1-w.n(min(len(w.away), 5), "whose")]
	if m := w.bounded([]string{d.to, d.to, d.from}[w.n(3, "deputy or away")]); !m.Suspended {
		return m
	}
	return by
}

// awayFor writes a delegation that somebody made before.
func (w *world) awayFor(d delegation, length time.Duration) {
	d.name, d.start, d.end = w.IDs.UUID(), w.clock.Now(), w.clock.Now().Add(length)
	w.write(approval.PutDelegation{Delegation: approval.Delegation{Space: "acme", Name: d.name, From: d.from, To: d.to, StartTime: d.start, EndTime: d.end, CreateTime: d.start}})
	w.away = append(w.away, &d)
}

// has counts the member's delegations that are not over.
func (w *world) has(id string, now time.Time) (n int) {
	for _, d := range w.away {
		if !d.ended && now.Before(d.end) && (d.from == id || d.to == id) {
			n++
		}
	}
	return n
}

// endDelegation has who is away, or the deputy, end one.
func (w *world) endDelegation() {
	if len(w.away) == 0 {
		return
	}
	w.end(w.away[len(w.away)-1-w.n(min(len(w.away), 5), "delegation")])
}

func (w *world) end(d *delegation) {
	by := w.members[[]string{d.from, d.to}[w.n(2, "by")]]
	if by.Suspended {
		return // identity lets nobody in
	}
	refusals := w.refused
	err := w.EndDelegation(w.house.t.Context(), by.Actor("", nil), d.name)
	switch {
	case by.Role == "" || by.Role == approval.Auditor:
		w.expect(refusals, err, approval.Forbidden, by.ID+" ends")
	case d.ended || !w.clock.Now().Before(d.end):
		w.expect(refusals, err, approval.Conflict, by.ID+" ends again")
	default:
		w.expect(refusals, err, "", by.ID+" ends")
		d.ended = true
	}
}

// fitsBoth answers for which requirements the deputy's approval counts by the delegation: those of who is away, none where one
// of both asks or may decide nothing.
func (m *model) fitsBoth(w *world, d *delegation, deputy approval.Member) []int {
	of := w.bounded(d.from)
	for _, who := range []approval.Member{of, deputy} {
		if who.Suspended || slices.Contains(m.persons, who.Person) || slices.Contains(m.askers, who.ID) {
			return nil
		}
	}
	if of.Role == "" || of.Role == approval.Auditor {
		return nil
	}
	return m.fits(of)
}

// right answers for which requirements the member's approval would count, whether it may refuse and revoke, and by which
// delegation it makes the claim, nil where its own right is enough.
func (m *model) right(w *world, who approval.Member, event string, own bool, now time.Time) (counts []int, reviews bool, by *delegation) {
	counts, reviews = m.mayReview(w, who, now)
	byRole := event == revoke && (who.Role == approval.Editor || who.Role == approval.Owner)
	if len(counts) > 0 || event != approve && (reviews || own || byRole) || who.Kind != approval.KindUser || m.phase == approval.Closed {
		return counts, reviews, nil
	}
	type candidate struct {
		d       *delegation
		counts  []int
		reviews bool
		rank    int
	}
	var all []candidate
	for _, d := range w.away {
		if d.to != who.ID || d.ended || now.Before(d.start) || !now.Before(d.end) {
			continue
		}
		c := candidate{d: d}
		c.counts, c.reviews = m.mayReviewAs(w, m.fitsBoth(w, d, who), now, d.from, who.Person)
		switch {
		case len(c.counts) > 0 && !m.hasSaid(w, d.from, now):
			c.rank = 3
		case len(c.counts) > 0:
			c.rank = 2
		case c.reviews:
			c.rank = 1
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return counts, reviews, nil
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Or(cmp.Compare(b.rank, a.rank), a.d.start.Compare(b.d.start)) })
	switch best := all[0]; {
	case event == approve && len(best.counts) > 0, event != approve && best.reviews:
		return best.counts, best.reviews, best.d
	}
	return counts, reviews, nil
}

// hasSaid answers whether the person has agreed in the stage that decides now, or has refused.
func (m *model) hasSaid(w *world, person string, now time.Time) bool {
	agreed, stage := m.agreed, m.stage
	if m.decides() && len(m.verdict.Requirements) > 0 {
		agreed = m.standing(w, now, 0)
		stage, _ = m.reached(agreed)
	}
	return slices.Contains(m.refused, person) || slices.ContainsFunc(agreed, func(a agreement) bool { return a.of(person) && m.inStage(a, stage) })
}
