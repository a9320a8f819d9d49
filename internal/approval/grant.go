package approval

import (
	"time"
)

// Grant is the time-bound permission that a granted petition gives.
type Grant struct {
	StartTime time.Time `json:"startTime"`
	EndTime   time.Time `json:"endTime,omitzero"` // zero: until revoked
}

// Term is how long a reviewer, or else the petitioner, or else policy says that the grant lasts.
type Term struct {
	Duration   time.Duration
	Expires    time.Time
	Indefinite bool
}

func (t Term) isZero() bool { return t == Term{} }

// ParseTerm reads the claim labels indent.com/time/{duration,expires,indefinite}; at most one may be given.
// It refuses an end in the past and a duration that is not positive.
func ParseTerm(labels map[string]string, now time.Time) (Term, error) {
	var term Term
	given := 0
	for _, key := range []string{LabelTimeDuration, LabelTimeExpires, LabelTimeIndefinite} {
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
		t.Expires = t.Expires.UTC()
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

// ParseDuration reads a Go duration such as 3h0m0s: more than zero, at most ten years.
func ParseDuration(field, s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 || d > MaxDuration {
		return 0, FieldError(field, "must be a duration such as 1h30m, more than zero and at most ten years")
	}
	return d, nil
}

func checkDuration(field string, d time.Duration) error {
	if d < 0 || d > MaxDuration {
		return FieldError(field, "must be more than zero and at most ten years")
	}
	return nil
}

// grantFor answers the grant that begins at now: the reviewer's term, else the asked duration, else policy's default,
// and never more than policy's maximum. A reviewer who asks for more than the maximum is refused, not cut in silence (I2).
func grantFor(p Petition, term Term, now time.Time) (Grant, error) {
	most := p.Verdict.MaxDuration
	if term.isZero() {
		term.Duration = p.Verdict.DefaultDuration
		if p.Duration > 0 {
			term.Duration = p.Duration
		}
		if most > 0 && term.Duration > most {
			return Grant{}, Errorf(Invalid, "the petition asks for %s but rule %q allows at most %s: approve with a shorter duration", term.Duration, p.Verdict.Rule, most)
		}
	}
	grant := Grant{StartTime: now}
	switch {
	case term.Indefinite && most > 0:
		return Grant{}, Errorf(Invalid, "rule %q allows at most %s: an indefinite grant is not allowed", p.Verdict.Rule, most)
	case term.Indefinite:
		return grant, nil
	case !term.Expires.IsZero():
		grant.EndTime = term.Expires
	default:
		grant.EndTime = now.Add(term.Duration)
	}
	if most > 0 && grant.EndTime.Sub(now) > most {
		return Grant{}, Errorf(Invalid, "rule %q allows at most %s: choose a shorter duration", p.Verdict.Rule, most)
	}
	return grant, nil
}

// labels answers the grant as the labels of its access/grant event, which webhooks and [Petition.Apply] read.
func (g Grant) labels() map[string]string {
	if g.EndTime.IsZero() {
		return map[string]string{LabelTimeIndefinite: "true"}
	}
	return map[string]string{
		LabelTimeExpires:  g.EndTime.Format(time.RFC3339Nano),
		LabelTimeDuration: g.EndTime.Sub(g.StartTime).String(),
	}
}

// grantOf reads the grant back from its event.
func grantOf(e Event) (Grant, error) {
	g := Grant{StartTime: e.Timestamp}
	if e.Label(LabelTimeIndefinite) == "true" {
		return g, nil
	}
	end, err := time.Parse(time.RFC3339Nano, e.Label(LabelTimeExpires))
	if err != nil {
		return Grant{}, FieldError("event.meta.labels."+LabelTimeExpires, "a grant needs its end")
	}
	g.EndTime = end.UTC()
	return g, nil
}
