package approval

import (
	"fmt"
	"slices"
	"strings"
)

// Lapse is an approval that counts for nothing as things are.
type Lapse struct {
	Claim Event
	Why   string // for people: "suspended"
}

// standing is how a petition's claims count now, for whoever reads it. It is looked up, never stored: events alone make a petition.
type standing struct {
	claims []Event
	lapses []Lapse
}

// counting answers the claims that are counted: those that still count where that was looked up, else all.
func (p *Petition) counting() []Event {
	if p.standing != nil {
		return p.standing.claims
	}
	return p.Claims
}

// Lapses answers the approvals that count for nothing now, oldest first.
func (p *Petition) Lapses() []Lapse {
	if p.standing == nil || !p.decides() {
		return nil
	}
	return p.standing.lapses
}

// StuckNow answers why nobody could grant or ratify the petition as things stand, "" when enough people could or when it is decided.
func (p Petition) StuckNow() string {
	if !p.decides() {
		return ""
	}
	return p.Stuck
}

// metAgain answers whether enough have approved and nothing was granted: an approval counts again that did not when the last one
// was made.
func (p *Petition) metAgain() bool {
	return p.decides() && len(p.requirements()) > 0 && len(p.Claims) > 0 && len(p.Unmet()) == 0
}

// Waits answers, each in a sentence for people, what a petition waits for that people decide: the approvals that are missing, the
// refusals that there are, and why an approval does not count.
func (p *Petition) Waits() []string {
	waits := p.Unmet()
	if p.metAgain() {
		waits = append(waits, "enough have approved: one of them approves once more, and it is granted")
	}
	if most := p.Verdict.Denials; most > 1 && p.denials() > 0 {
		waits = append(waits, fmt.Sprintf("%d of %d refusals that close it", p.denials(), most))
	}
	for _, l := range p.Lapses() {
		waits = append(waits, l.Claim.Actor.ID+"'s approval does not count: "+l.Why)
	}
	return waits
}

// approvesAnew answers whether the approval stands in the place of an earlier one of the person that counts for nothing any more.
func (p *Petition) approvesAnew(e *Event, person string) bool {
	label := e.Label(LabelAnew)
	if label == "" {
		return false
	}
	earlier := strings.Split(label, ",")
	return slices.ContainsFunc(p.Claims, func(c Event) bool {
		return slices.Contains(earlier, c.ID) && c.Event == EventApprove && c.isOf(person)
	})
}

// without answers the petition without the claims that counted for nothing when the event was made.
func (p *Petition) without(e *Event) *Petition {
	lapsed := e.Label(LabelLapsed)
	if lapsed == "" {
		return p
	}
	next := p.withoutClaims(strings.Split(lapsed, ","))
	return &next
}

func (p *Petition) withoutClaims(ids []string) Petition {
	next := *p
	next.Claims = slices.DeleteFunc(slices.Clone(p.Claims), func(c Event) bool { return c.Event == EventApprove && slices.Contains(ids, c.ID) })
	return next
}

// recountedLast answers the petition without the approvals that counted for nothing when they were counted last: by what is
// left its stage decides, and time runs.
func (p *Petition) recountedLast() *Petition {
	if p.Progress == nil || len(p.Progress.Lapsed) == 0 || p.standing != nil {
		return p
	}
	next := p.withoutClaims(p.Progress.Lapsed)
	return &next
}

// recounted notes which approvals count for nothing. Where a stage, or a requirement of it, waits again for that, its time
// begins anew: its reviewers are told and reminded again, and escalations that have not come count from here.
func (p *Petition) recounted(e *Event) error {
	if p.Progress == nil {
		return Errorf(Conflict, "petition %s has no stage that time changes: its approvals are counted when they are read", p.Ref())
	}
	last, progress := *p, *p.Progress
	before := last.recountedLast()
	progress.Lapsed = nil
	if lapsed := e.Label(LabelLapsed); lapsed != "" {
		progress.Lapsed = strings.Split(lapsed, ",")
	}
	p.Progress = &progress
	after := p.recountedLast()
	stage := after.reached()
	anew := stage != progress.Stage
	var waiting []int
	for i := range p.requirements() {
		if r := &p.requirements()[i]; r.Stage == stage && after.approvals(i) < r.Count && (anew || before.approvals(i) >= r.Count) {
			waiting = append(waiting, i)
		}
	}
	if anew || len(waiting) > 0 {
		progress.Stage, progress.Since = stage, e.Timestamp
		progress.Reminded = slices.DeleteFunc(slices.Clone(progress.Reminded), func(i int) bool { return slices.Contains(waiting, i) })
	}
	return nil
}
