package approval_test

import (
	"slices"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// model is the reference: what a petition must be, in the fewest words. It knows nothing of events, commits or stores.
type model struct {
	name     string
	phase    approval.Phase
	outcome  approval.Outcome
	askers   []string // ids
	holders  []string // ids of those for whom it is asked
	persons  []string
	verdict  approval.Verdict
	asked    time.Duration
	expires  time.Time
	ends     time.Time // of the grant; zero: none
	starts   time.Time // of the grant
	warned   bool      // of its end
	agreed   []agreement
	refused  []string // persons
	refusals int
	stage    int
	since    time.Time // when the stage began
	levels   []int     // of each requirement
	reminded []bool
	replaces string
	review   *glassReview // of a grant that broke the glass; the requirements are its own
}

// agreement is one approval.
type agreement struct {
	person, id string
	counts     []int // requirements, when it was made
	length     time.Duration
	end        time.Time
	forever    bool
	by         *delegation // nil: by its own right
	replaced   bool        // by another of its deputy, or of who was away
}

// persons answers who agreed, the two of a delegation as one.
func (a agreement) persons() []string {
	if a.by != nil {
		return []string{a.person, a.by.from}
	}
	return []string{a.person}
}

func (a agreement) of(persons ...string) bool {
	return slices.ContainsFunc(persons, func(person string) bool { return slices.Contains(a.persons(), person) })
}

// keeps answers whether another petition gives one of its petitioners the same access, which all petitions ask for.
func (w *world) keeps(m *model) bool {
	now := w.clock.Now()
	return slices.ContainsFunc(w.models, func(o *model) bool {
		return o != m && o.phase == approval.Granted && !now.Before(o.starts) && (o.ends.IsZero() || now.Before(o.ends)) &&
			slices.ContainsFunc(m.holders, func(id string) bool { return slices.Contains(o.holders, id) })
	})
}

// reminder and escalations that the stage waits for, by their times.
func (m *model) waits(i int) (remind time.Time, escalate []time.Time) {
	r := m.verdict.Requirements[i]
	if r.Stage != m.stage || m.count(m.agreed, i) >= r.Count {
		return remind, nil
	}
	before := func(d time.Duration) bool { return m.since.Add(d).Before(m.until()) }
	if r.RemindAfter > 0 && !m.reminded[i] && before(r.RemindAfter) {
		remind = m.since.Add(r.RemindAfter)
	}
	for _, e := range r.Escalate[m.levels[i]:] {
		if before(e.After) {
			escalate = append(escalate, m.since.Add(e.After))
		}
	}
	return remind, escalate
}

// next answers when time does something to a petition that people decide.
func (m *model) next() time.Time {
	at := m.until()
	for i := range m.verdict.Requirements {
		remind, escalate := m.waits(i)
		for _, t := range append(escalate, remind) {
			if !t.IsZero() && t.Before(at) {
				at = t
			}
		}
	}
	return at
}

// settle does what time has done by now.
func (m *model) settle(w *world) {
	for m.pass(w) {
	}
}

// fits answers for which requirements, of whatever stage, the member's approval would count.
func (m *model) fits(who approval.Member) (counts []int) {
	self := slices.Contains(m.persons, who.Person) || slices.Contains(m.askers, who.ID)
	for i, r := range m.verdict.Requirements {
		named := slices.Contains(r.Reviewers.Roles, who.Role) || slices.Contains(r.Reviewers.Persons, who.ID)
		for _, e := range r.Escalate[:m.levels[i]] {
			named = named || slices.Contains(e.Reviewers.Roles, who.Role) || slices.Contains(e.Reviewers.Persons, who.ID)
		}
		if named && (!self || r.SelfApproval) {
			counts = append(counts, i)
		}
	}
	return counts
}

// stages answers the stages that an approval was made for.
func (m *model) inStage(a agreement, stage int) bool {
	return slices.ContainsFunc(a.counts, func(i int) bool { return m.verdict.Requirements[i].Stage == stage })
}

// count answers how many persons of those who agreed count for the requirement.
func (m *model) count(agreed []agreement, i int) int {
	r, taken, n := m.verdict.Requirements[i], []string(nil), 0
	for _, a := range agreed {
		distinct := slices.ContainsFunc(r.DistinctFrom, func(stage int) bool {
			return slices.ContainsFunc(agreed, func(b agreement) bool { return b.of(a.persons()...) && m.inStage(b, stage) })
		})
		tookBack := m.verdict.Denials > 1 && slices.ContainsFunc(a.persons(), func(p string) bool { return slices.Contains(m.refused, p) })
		if slices.Contains(a.counts, i) && !distinct && !tookBack && !a.replaced && !a.of(taken...) {
			taken, n = append(taken, a.persons()...), n+1
		}
	}
	return n
}

// reached answers the first stage that those who agreed do not meet, the last when they meet all; and whether they do.
func (m *model) reached(agreed []agreement) (stage int, all bool) {
	all = true
	for _, r := range m.verdict.Requirements {
		stage = max(stage, r.Stage)
	}
	for i, r := range m.verdict.Requirements {
		if m.count(agreed, i) < r.Count {
			stage, all = min(stage, r.Stage), false
		}
	}
	return stage, all
}

func (m *model) advance(now time.Time) {
	if stage, _ := m.reached(m.agreed); stage != m.stage {
		m.stage, m.since = stage, now
	}
}

// standing answers those who agreed as they count now; the last, so many, are taken as they are.
func (m *model) standing(w *world, now time.Time, last int) (kept []agreement) {
	for n, a := range m.agreed {
		if n < len(m.agreed)-last {
			who := w.bounded(a.id)
			still := m.fits(who)
			if a.by != nil {
				still = m.fitsBoth(w, a.by, who)
			}
			a.counts = slices.DeleteFunc(slices.Clone(a.counts), func(i int) bool { return !slices.Contains(still, i) })
			if who.Suspended || len(a.counts) == 0 || a.replaced || a.by != nil && a.by.ended || !a.end.IsZero() && !now.Before(a.end) {
				continue
			}
		}
		kept = append(kept, a)
	}
	return kept
}

// mayReview answers for which requirements of the stage that decides now the member's approval would count, and whether the
// member reviews in a stage that has begun.
func (m *model) mayReview(w *world, who approval.Member, now time.Time) (counts []int, reviews bool) {
	return m.mayReviewAs(w, m.fits(who), now, who.Person)
}

// mayReviewAs is mayReview for what fits, where none of the persons must have agreed in a stage that others are asked for.
func (m *model) mayReviewAs(w *world, fits []int, now time.Time, persons ...string) (counts []int, reviews bool) {
	stage, agreed := m.stage, m.agreed
	if m.decides() && len(m.verdict.Requirements) > 0 {
		agreed = m.standing(w, now, 0)
		stage, _ = m.reached(agreed)
	}
	for _, i := range fits {
		r := m.verdict.Requirements[i]
		if r.Stage > stage {
			continue
		}
		reviews = true
		voted := slices.ContainsFunc(agreed, func(a agreement) bool {
			return a.of(persons...) && slices.ContainsFunc(r.DistinctFrom, func(stage int) bool { return m.inStage(a, stage) })
		})
		if r.Stage == stage && !voted {
			counts = append(counts, i)
		}
	}
	return counts, reviews
}

// claim answers the code of the refusal, "" when the claim is taken; then the model has changed.
func (m *model) claim(w *world, who approval.Member, event string, term agreement, invalid, wrongDigest bool) approval.Code {
	if who.Role == "" {
		return approval.Forbidden
	}
	now := w.clock.Now()
	m.settle(w)
	if who.Role == approval.Auditor {
		return approval.Forbidden
	}
	own := m.owns(event, slices.Contains(m.askers, who.ID))
	if event == approve && m.decides() && m.standsAgain(w, who, now) {
		switch {
		case wrongDigest:
			return approval.Conflict
		case invalid, m.tooLong(term, now):
			return approval.Invalid
		}
		m.agree(append(m.standing(w, now, 0), term), now)
		return ""
	}
	counts, reviews, by := m.right(w, who, event, own, now)
	persons := agreement{person: who.Person, by: by}.persons()
	switch {
	case event == revoke && m.phase != approval.Granted, event != revoke && !m.decides():
		return approval.Conflict
	case event == approve && len(counts) == 0,
		event != approve && !reviews && !own && !(event == revoke && (who.Role == approval.Editor || who.Role == approval.Owner)):
		return approval.Forbidden
	case wrongDigest:
		return approval.Conflict
	case invalid, event == approve && m.tooLong(term, now):
		return approval.Invalid
	case event != revoke && !own && slices.ContainsFunc(persons, func(p string) bool { return slices.Contains(m.refused, p) }):
		return approval.Conflict
	case event == approve && slices.ContainsFunc(m.standing(w, now, 0), func(a agreement) bool {
		return a.of(persons...) && m.inStage(a, m.verdict.Requirements[counts[0]].Stage)
	}):
		return approval.Conflict
	}
	switch event {
	case deny:
		m.deny(w, persons, own, now)
	case revoke:
		m.phase, m.outcome = approval.Revoked, approval.OutcomeRevoked
	case approve:
		term.person, term.id, term.counts, term.by = who.Person, who.ID, counts, by
		for i, a := range m.agreed {
			if a.by != nil && a.of(persons...) && m.inStage(a, m.verdict.Requirements[counts[0]].Stage) {
				m.agreed[i].replaced = true
			}
		}
		m.agreed = append(m.agreed, term)
		m.advance(now)
		m.grantIfMet(w, now)
	}
	return ""
}

func (m *model) deny(w *world, persons []string, own bool, now time.Time) {
	m.refused, m.refusals = append(m.refused, persons...), m.refusals+1
	switch {
	case own:
		m.phase, m.outcome = approval.Closed, approval.OutcomeWithdrawn
	case m.refusals >= m.verdict.Denials && m.review != nil:
		m.advance(now)
		m.unratified(w, approval.ReviewRefused)
	case m.refusals >= m.verdict.Denials:
		m.phase, m.outcome = approval.Closed, approval.OutcomeDenied
	default:
		m.advance(now)
	}
}

func (m *model) tooLong(a agreement, now time.Time) bool {
	end := m.endOf(a, now)
	most := m.verdict.MaxDuration
	return most > 0 && (end.IsZero() || end.Sub(now) > most)
}

// endOf answers the end that an approval agrees to when the grant begins now, zero for none.
func (m *model) endOf(a agreement, now time.Time) time.Time {
	switch {
	case a.forever:
		return time.Time{}
	case !a.end.IsZero():
		return a.end
	case a.length > 0:
		return now.Add(a.length)
	case m.asked > 0:
		return now.Add(m.asked)
	}
	return now.Add(m.verdict.DefaultDuration)
}

// grantIfMet counts each person who still stands, once for each requirement.
func (m *model) grantIfMet(w *world, now time.Time) {
	standing := m.standing(w, now, 1)
	if _, met := m.reached(standing); met {
		m.agree(standing, now)
	}
}

// standsAgain answers whether enough have agreed again although nobody has just agreed, and the member is one of them.
func (m *model) standsAgain(w *world, who approval.Member, now time.Time) bool {
	standing := m.standing(w, now, 0)
	_, met := m.reached(standing)
	return met && len(m.verdict.Requirements) > 0 && !slices.Contains(m.refused, who.Person) &&
		slices.ContainsFunc(standing, func(a agreement) bool { return a.of(who.Person) })
}

// grant grants what those have agreed to.
func (m *model) grant(standing []agreement, now time.Time) {
	end := time.Time{}
	for i, a := range standing {
		if e := m.endOf(a, now); i == 0 || end.IsZero() || !e.IsZero() && e.Before(end) {
			end = e
		}
	}
	if most := m.verdict.MaxDuration; most > 0 && end.Sub(now) > most {
		end = now.Add(most) // the clock was set back
	}
	m.phase, m.starts, m.ends = approval.Granted, now, end
}

// warns answers when it is told that the grant ends soon, zero for never or no more.
func (m *model) warns() time.Time {
	length := m.ends.Sub(m.starts)
	if m.warned || m.ends.IsZero() || length < 15*time.Minute {
		return time.Time{}
	}
	return m.ends.Add(-min(max(length/6, 5*time.Minute), 24*time.Hour)).Truncate(time.Microsecond)
}
