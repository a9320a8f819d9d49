package approval

import (
	"time"
)

// Review is what follows a grant that broke the glass: people ratify it in time, or it ends and whoever broke the glass
// does not break it again until an owner lifts that.
type Review struct {
	ExpireTime time.Time `json:"expireTime" doc:"By when it must be ratified."`
	// Outcome is "" while it waits.
	Outcome ReviewOutcome `json:"outcome,omitempty" enum:"ratified,refused,expired" doc:"How it ended; absent while it waits."`
}

// ReviewOutcome says how a review ended.
type ReviewOutcome string

// The outcomes of a review.
const (
	ReviewRatified ReviewOutcome = "ratified"
	ReviewRefused  ReviewOutcome = "refused"
	ReviewExpired  ReviewOutcome = "expired" // nobody ratified it in time
)

// Reviewing answers whether people still must answer for a grant that broke the glass.
func (p Petition) Reviewing() bool { return p.reviewing() }

func (p *Petition) reviewing() bool { return p.Review != nil && p.Review.Outcome == "" }

// decides answers whether people decide the petition now: before its grant, or after one that broke the glass.
func (p *Petition) decides() bool { return p.Phase == Open || p.reviewing() }

// ofReview answers whether the event, behind the phase open, belongs to a review.
func ofReview(event string) bool {
	switch event {
	case EventApprove, EventDeny, EventEscalate, EventRemind, EventUnsatisfiable, EventSatisfiable, EventRecount, EventRatify, EventUnratified:
		return true
	}
	return false
}

// admits answers Conflict, saying who decided what and when, unless the petition is where the event is allowed.
func (p *Petition) admits(event string) error {
	if !allowed(p.Phase, event) || p.Phase != Open && ofReview(event) && !p.reviewing() || event == EventClose && p.reviewing() {
		return p.conflict(event)
	}
	return nil
}

// ratified ends the review well.
func (p *Petition) ratified(e *Event) error {
	if unmet := p.without(e).Unmet(); len(unmet) > 0 {
		return Errorf(Conflict, "the review of petition %s is not met: %s", p.Ref(), unmet[0])
	}
	p.Review = &Review{ExpireTime: p.Review.ExpireTime, Outcome: ReviewRatified}
	return nil
}

// unratified ends the review badly, and with it the grant.
func (p *Petition) unratified(e *Event) {
	outcome := ReviewExpired
	if p.refusedEnough() {
		outcome = ReviewRefused
	}
	p.Review = &Review{ExpireTime: p.Review.ExpireTime, Outcome: outcome}
	if p.Phase == Granted {
		p.revoke(OutcomeRevoked, e.Timestamp)
		if n := len(p.Claims); outcome == ReviewRefused && n > 0 {
			p.Decision = decisionOf(&p.Claims[n-1])
		}
	}
}

// refusedEnough answers whether as many persons have refused as the rule asks for.
func (p *Petition) refusedEnough() bool { return p.denials() >= max(1, p.Verdict.Denials) }
