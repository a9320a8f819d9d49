package approval

import "time"

// Grant is the time-bound permission that a granted petition gives.
type Grant struct {
	StartTime time.Time `json:"startTime"`
	EndTime   time.Time `json:"endTime,omitzero"` // zero: until revoked
	// Warned says that the log has told that it ends soon.
	Warned bool `json:"warned,omitzero" doc:"The log has told that it ends soon; absent before."`
	// Pending says that it has not begun.
	Pending bool `json:"pending,omitzero" doc:"It has not begun; absent as soon as it has."`
	// Webhooks says that webhooks may be told of it, so that it is not over before they have taken away what they gave.
	Webhooks bool `json:"webhooks,omitzero" doc:"Webhooks apply it; absent where none could."`
}

// CheckStart refuses a beginning that has passed or is too far away; a zero one is at once.
func CheckStart(at, now time.Time) error {
	if !at.IsZero() && (!at.After(now) || at.Sub(now) > MaxAhead) {
		return FieldError("petition.startTime", "must lie in the future, at most %d days away", MaxAhead/(24*time.Hour))
	}
	return nil
}

// starts answers the beginning of a grant that is given now: what was asked for, but not before.
func (p *Petition) starts(now time.Time) time.Time {
	if p.StartTime.After(now) {
		return p.StartTime
	}
	return now
}

// A grant that lasts long enough for anybody to do something about it is warned of before its end: when a sixth of its length
// is left, at least five minutes and at most a day.
const (
	leastWarned  = 15 * time.Minute
	leastWarning = 5 * time.Minute
	mostWarning  = 24 * time.Hour
)

// warnTime answers when it is to be told that the grant ends soon; ok is false where it is not to be told, or was.
func (g Grant) warnTime() (at time.Time, ok bool) {
	if g.EndTime.IsZero() || g.Warned {
		return at, false
	}
	length := g.EndTime.Sub(g.StartTime)
	before := min(max(length/6, leastWarning), mostWarning)
	return g.EndTime.Add(-before).Truncate(time.Microsecond), length >= leastWarned
}

// Term is how long a reviewer, or else the petitioner, or else policy says that the grant lasts.
type Term struct {
	Duration   time.Duration
	Expires    time.Time
	Indefinite bool
}

func (t Term) isZero() bool { return t == Term{} }

// termLabels are the labels of a claim that say how long, of which one may be given.
var termLabels = []string{LabelTimeDuration, LabelTimeExpires, LabelTimeIndefinite}

// ParseTerm reads the claim labels indent.com/time/{duration,expires,indefinite}; at most one may be given.
// It refuses an end in the past and a duration that is not positive.
func ParseTerm(labels map[string]string, now time.Time) (Term, error) {
	var term Term
	given := 0
	for _, key := range termLabels {
		value, ok := labels[key]
		if !ok {
			continue
		}
		given++
		if err := term.read(key, value, now); err != nil {
			return Term{}, err
		}
	}
	if given > 1 {
		return Term{}, FieldError("claim.meta.labels", "give one of %s, %s and %s", LabelTimeDuration, LabelTimeExpires, LabelTimeIndefinite)
	}
	return term, nil
}

func (t *Term) read(key, value string, now time.Time) (err error) {
	field := "claim.meta.labels." + key
	switch key {
	case LabelTimeDuration:
		t.Duration, err = ParseDuration(field, value)
	case LabelTimeExpires:
		if t.Expires, err = time.Parse(time.RFC3339, value); err != nil {
			return FieldError(field, "must be an RFC 3339 time such as 2030-01-02T15:04:05Z")
		}
		t.Expires = t.Expires.UTC().Truncate(time.Microsecond)
		if !t.Expires.After(now) || t.Expires.Sub(now) > MaxDuration {
			return FieldError(field, "must lie in the future, at most ten years away")
		}
	case LabelTimeIndefinite:
		if value != "true" && value != "false" {
			return FieldError(field, `must be "true" or "false"`)
		}
		t.Indefinite = value == "true"
	}
	return err
}

// ParseDuration reads a Go duration such as 3h0m0s: a microsecond to ten years.
func ParseDuration(field, s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || !fits(d) {
		return 0, FieldError(field, "must be a duration such as 1h30m, more than zero and at most ten years")
	}
	return d, nil
}

// fits answers whether a duration is long enough to be seen, as times are whole microseconds, and not too long.
func fits(d time.Duration) bool { return d >= time.Microsecond && d <= MaxDuration }

func checkDuration(field string, d time.Duration) error {
	if d != 0 && !fits(d) {
		return FieldError(field, "must be more than zero and at most ten years")
	}
	return nil
}

// field names the label that set the term.
func (t Term) field() string {
	key := LabelTimeDuration
	switch {
	case t.Indefinite:
		key = LabelTimeIndefinite
	case !t.Expires.IsZero():
		key = LabelTimeExpires
	}
	return "claim.meta.labels." + key
}

// grantFor answers the grant that begins at now: the reviewer's term, else the asked duration, else policy's default,
// and never more than policy's maximum. A reviewer who asks for more than the maximum is refused, not cut in silence (I2).
func grantFor(p *Petition, term Term, now time.Time) (Grant, error) {
	grant, most := term.grant(p, now), p.Verdict.MaxDuration
	switch {
	case !grant.EndTime.IsZero() && !grant.EndTime.After(grant.StartTime):
		return Grant{}, FieldError(term.field(), "lies before the grant begins, at %s: choose a later end", stamp(grant.StartTime))
	case most == 0 || !grant.exceeds(most):
		return grant, nil
	case term.isZero():
		return Grant{}, Errorf(Invalid, "the petition asks for %s but rule %q allows at most %s: approve with a shorter duration", Span(p.Duration), p.Verdict.Rule, Span(most))
	case term.Indefinite:
		return Grant{}, FieldError(term.field(), "rule %q allows at most %s: an indefinite grant is not allowed", p.Verdict.Rule, most)
	}
	return Grant{}, FieldError(term.field(), "rule %q allows at most %s: choose a shorter duration", p.Verdict.Rule, Span(most))
}

// grant answers the grant that the term means for p when it begins at now, whatever policy's maximum is.
func (t Term) grant(p *Petition, now time.Time) Grant {
	length, grant := p.Verdict.DefaultDuration, p.grantFrom(now)
	switch {
	case t.Indefinite:
		return grant
	case !t.Expires.IsZero():
		grant.EndTime = t.Expires
		return grant
	case t.Duration > 0:
		length = t.Duration
	case p.Duration > 0:
		length = p.Duration
	}
	grant.EndTime = grant.StartTime.Add(length).Truncate(time.Microsecond)
	return grant
}

// grantFrom answers a grant without an end that is given now.
func (p *Petition) grantFrom(now time.Time) Grant {
	start := p.starts(now)
	return Grant{StartTime: start, Pending: start.After(now)}
}

func (g Grant) exceeds(most time.Duration) bool {
	return g.EndTime.IsZero() || g.EndTime.Sub(g.StartTime) > most
}

// shorter answers whether g ends before other.
func (g Grant) shorter(other Grant) bool {
	return !g.EndTime.IsZero() && (other.EndTime.IsZero() || g.EndTime.Before(other.EndTime))
}

// shortestGrant answers the grant that every approval agrees to: the shortest of their terms. One without a term agreed
// to what was asked, or else to policy's default. Each was within policy's maximum when it was made; if the clock has
// been set back since, the maximum holds.
func (p *Petition) shortestGrant(now time.Time) (Grant, error) {
	best := p.grantFrom(now)
	for _, c := range p.Claims {
		if c.Event != EventApprove {
			continue
		}
		term, err := ParseTerm(c.Meta.Labels, c.Timestamp)
		if err != nil {
			return Grant{}, err
		}
		if g := term.grant(p, now); g.shorter(best) {
			best = g
		}
	}
	if most := p.Verdict.MaxDuration; most > 0 && best.exceeds(most) {
		best.EndTime = best.StartTime.Add(most).Truncate(time.Microsecond)
	}
	return best, nil
}

// lapsed answers whether the end that a claim set for the grant has come: nobody agreed to a grant after it.
func (e Event) lapsed(now time.Time) bool {
	term, err := ParseTerm(e.Meta.Labels, e.Timestamp)
	return err != nil || !term.Expires.IsZero() && !now.Before(term.Expires)
}

// labels answers the grant as the labels of its access/grant event, which webhooks and [Petition.Apply] read.
func (g Grant) labels() map[string]string {
	labels := map[string]string{}
	if g.Pending {
		labels[LabelTimeStarts] = g.StartTime.Format(time.RFC3339Nano)
	}
	if g.EndTime.IsZero() {
		labels[LabelTimeIndefinite] = "true"
		return labels
	}
	labels[LabelTimeExpires] = g.EndTime.Format(time.RFC3339Nano)
	labels[LabelTimeDuration] = g.EndTime.Sub(g.StartTime).String()
	return labels
}

// grantOf reads the grant back from its event.
func grantOf(e *Event) (Grant, error) {
	g := Grant{StartTime: e.Timestamp, Webhooks: e.Label(LabelWebhooks) == "true"}
	if starts := e.Label(LabelTimeStarts); starts != "" {
		at, err := time.Parse(time.RFC3339Nano, starts)
		if err != nil || !at.After(e.Timestamp) {
			return Grant{}, FieldError("event.meta.labels."+LabelTimeStarts, "a grant that begins later needs a time behind its event")
		}
		g.StartTime, g.Pending = at.UTC(), true
	}
	if e.Label(LabelTimeIndefinite) == "true" {
		return g, nil
	}
	end, err := time.Parse(time.RFC3339Nano, e.Label(LabelTimeExpires))
	if err != nil {
		return Grant{}, FieldError("event.meta.labels."+LabelTimeExpires, "a grant needs its end")
	}
	if g.EndTime = end.UTC(); !g.EndTime.After(g.StartTime) {
		return Grant{}, FieldError("event.meta.labels."+LabelTimeExpires, "a grant ends after its start")
	}
	return g, nil
}
