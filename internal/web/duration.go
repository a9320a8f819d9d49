package web

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// choice is one duration that a reviewer may grant.
type choice struct {
	Value    string // Go duration, or indefinite
	Label    string
	Selected bool
}

// indefinite is the choice of a grant that lasts until it is revoked.
const indefinite = "indefinite"

var usualDurations = []time.Duration{15 * time.Minute, time.Hour, 4 * time.Hour, 8 * time.Hour, 24 * time.Hour, 3 * 24 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour}

// durationChoices answers what a reviewer may choose: what was asked, policy's default and the usual ones, never more
// than policy's maximum. chosen is what the reviewer had chosen before, empty at first.
func durationChoices(p approval.Petition, chosen string) []choice {
	v := p.Verdict
	asked := p.Duration
	if asked == 0 {
		asked = v.DefaultDuration
	}
	all := append([]time.Duration{asked, v.DefaultDuration}, usualDurations...)
	if v.MaxDuration > 0 {
		all = append(all, v.MaxDuration)
		all = slices.DeleteFunc(all, func(d time.Duration) bool { return d > v.MaxDuration })
	}
	all = slices.DeleteFunc(all, func(d time.Duration) bool { return d <= 0 })
	slices.Sort(all)
	all = slices.Compact(all)
	if !slices.ContainsFunc(all, func(d time.Duration) bool { return d.String() == chosen }) && chosen != indefinite {
		chosen = asked.String()
	}
	var choices []choice
	for _, d := range all {
		choices = append(choices, choice{Value: d.String(), Label: duration(d) + durationNote(p, d), Selected: d.String() == chosen})
	}
	if v.MaxDuration == 0 {
		choices = append(choices, choice{Value: indefinite, Label: "until revoked", Selected: chosen == indefinite})
	}
	return choices
}

func durationNote(p approval.Petition, d time.Duration) string {
	switch {
	case d == p.Duration:
		return " (asked)"
	case d == p.Verdict.MaxDuration:
		return " (longest)"
	case d == p.Verdict.DefaultDuration && p.Duration == 0:
		return " (usual)"
	}
	return ""
}

// termLabels answers the claim's label for a choice; an empty choice leaves the term to policy.
func termLabels(chosen string) map[string]string {
	switch chosen {
	case "":
		return nil
	case indefinite:
		return map[string]string{approval.LabelTimeIndefinite: "true"}
	}
	return map[string]string{approval.LabelTimeDuration: chosen}
}

// duration writes d for people: "1 hour", "1 hour 30 minutes", "7 days".
func duration(d time.Duration) string {
	var parts []string
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		n := d / u.unit
		d -= n * u.unit
		switch {
		case n == 1:
			parts = append(parts, "1 "+u.name)
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %ss", n, u.name))
		}
	}
	if d > 0 || len(parts) == 0 {
		parts = append(parts, d.String())
	}
	return strings.Join(parts, " ")
}
