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
func (p Petition) Lapses() []Lapse {
	if p.standing == nil || !p.decides() {
		return nil
	}
	return p.standing.lapses
}

// metAgain answers whether enough have approved and nothing was granted: an approval counts again that did not when the last one
// was made.
func (p *Petition) metAgain() bool {
	return p.decides() && len(p.requirements()) > 0 && len(p.Claims) > 0 && len(p.Unmet()) == 0
}

// Waits answers, each in a sentence for people, what a petition waits for that people decide: the approvals that are missing, the
// refusals that there are, and why an approval does not count.
func (p Petition) Waits() []string {
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

// approvesAnew answers whether the approval stands in the place of an earlier one of its person that counts for nothing any more.
func (p *Petition) approvesAnew(e *Event) bool {
	earlier := e.Label(LabelAnew)
	return earlier != "" && slices.ContainsFunc(p.Claims, func(c Event) bool {
		return c.ID == earlier && c.Event == EventApprove && c.Label(LabelPerson) == e.Label(LabelPerson)
	})
}

// without answers the petition without the claims that counted for nothing when the event was made.
func (p Petition) without(e *Event) Petition {
	lapsed := e.Label(LabelLapsed)
	if lapsed == "" {
		return p
	}
	ids := strings.Split(lapsed, ",")
	p.Claims = slices.DeleteFunc(slices.Clone(p.Claims), func(c Event) bool { return c.Event == EventApprove && slices.Contains(ids, c.ID) })
	return p
}
