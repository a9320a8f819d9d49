package approval_test

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/indent-approvals/indent/internal/approval"
)

// check demands that the stored petition is what the model says, and that the promises hold.
func (w *world) check(m *model) {
	p := w.now(approval.Petition{Name: m.name})
	if p.Phase != m.phase || p.Outcome != m.outcome {
		w.t.Fatalf("%s is %s %s; want %s %s\n%+v\n%s", m.name, p.Phase, p.Outcome, m.phase, m.outcome, *m, asText(w.house.t, p))
	}
	if p.Phase == approval.Granted && !p.Grant.EndTime.Equal(m.ends) {
		w.t.Fatalf("%s is granted until %v; want %v", m.name, p.Grant.EndTime, m.ends)
	}
	if p.Phase == approval.Granted && p.Grant.Warned != m.warned {
		w.t.Fatalf("%s is warned of %v; want %v", m.name, p.Grant.Warned, m.warned)
	}
	if m.decides() && p.Progress != nil && (p.Progress.Stage != m.stage || !p.Progress.Since.Equal(m.since)) {
		w.t.Fatalf("%s is in stage %d since %v; want %d since %v", m.name, p.Progress.Stage, p.Progress.Since, m.stage, m.since)
	}
	if r := m.review; (p.Review != nil) != (r != nil) || r != nil && (p.Review.Outcome != r.outcome || !p.Review.ExpireTime.Equal(r.until)) {
		w.t.Fatalf("the review of %s is %+v; want %+v", m.name, p.Review, r)
	}
	if p.Labels[approval.LabelReplaces] != m.replaces {
		w.t.Fatalf("%s replaces %q", m.name, p.Labels[approval.LabelReplaces])
	}
	w.terminalIsTerminal(p)
	w.everyChangeHasItsEvent(p)
	w.grantedByQuorum(p)
	w.oneTimer(p, m)
	digest, err := approval.Digest(p.Petitioners, p.Resources, p.Params, p.Reason, p.Duration)
	if err != nil || digest != p.Digest {
		w.t.Fatalf("%s has another digest than what it asks: %v", p.Name, err)
	}
}

func (w *world) terminalIsTerminal(p approval.Petition) {
	if p.Phase != approval.Closed {
		return
	}
	now := asText(w.house.t, p)
	if before, closed := w.seen[p.Name]; closed && before != now {
		w.t.Fatalf("closed is closed, but\n%s became\n%s", before, now)
	}
	w.seen[p.Name] = now
}

// everyChangeHasItsEvent demands that the petition is what its events make of it, and that no version came without one.
func (w *world) everyChangeHasItsEvent(p approval.Petition) {
	events := w.events[p.Name]
	built, err := rebuilt(p, events)
	if err != nil {
		w.t.Fatalf("%s: %v", p.Name, err)
	}
	if !reflect.DeepEqual(built, p) {
		w.t.Fatalf("the events make\n%s\nbut stored is\n%s", asText(w.house.t, built), asText(w.house.t, p))
	}
	if p.Version < 1 || p.Version > int64(len(events)) {
		w.t.Fatalf("%s has version %d after %d events", p.Name, p.Version, len(events))
	}
}

// grantedByQuorum demands that what people granted, or ratified, was so by enough distinct persons, none of whom asks unless a
// rule says so.
func (w *world) grantedByQuorum(p approval.Petition) {
	asked, agreed := p.Verdict.Requirements, p.Grant != nil
	if p.Review != nil {
		asked, agreed = p.Verdict.BreakGlass.Requirements, p.Review.Outcome == approval.ReviewRatified
	}
	if len(asked) == 0 {
		return
	}
	persons, voted := map[string]bool{}, map[string]bool{}
	for _, c := range p.Claims {
		person := c.Label(approval.LabelPerson)
		if c.Event != approve {
			continue
		}
		first, _, _ := strings.Cut(c.Label(approval.LabelRequirements), ",")
		place, err := strconv.Atoi(first)
		if err != nil {
			w.t.Fatalf("%s: an approval counts for %q", p.Name, first)
		}
		behalf := c.Label(approval.LabelBehalfPerson)
		for _, one := range []string{person, behalf} {
			if vote := fmt.Sprint(asked[place].Stage, one); one != "" && voted[vote] && c.Label(approval.LabelAnew) == "" {
				w.t.Fatalf("%s: %s counts twice", p.Name, one)
			} else {
				voted[vote] = true
			}
		}
		if behalf != "" && (slices.Contains(p.Persons, behalf) || slices.Contains(p.Persons, person)) {
			w.t.Fatalf("%s: %s approved for %s, and one of them asks", p.Name, person, behalf)
		}
		persons[person] = true
		if slices.Contains(p.Persons, person) != (c.Label(approval.LabelSelfApproval) == "true") {
			w.t.Fatalf("%s: %s asks and approved, marked %q", p.Name, person, c.Label(approval.LabelSelfApproval))
		}
		if slices.Contains(p.Persons, person) && !slices.ContainsFunc(asked, func(r approval.Requirement) bool { return r.SelfApproval }) {
			w.t.Fatalf("%s: %s asks and approved, which no rule allows", p.Name, person)
		}
	}
	most := slices.MaxFunc(asked, func(a, b approval.Requirement) int { return a.Count - b.Count }).Count
	if agreed && len(persons) < most {
		w.t.Fatalf("%s was granted by %d persons, %d are needed", p.Name, len(persons), most)
	}
}

// oneTimer demands that the petition has the one timer that it needs, at the time when it is needed.
func (w *world) oneTimer(p approval.Petition, m *model) {
	kind, at := w.timer(p)
	want, due := m.timer(p.UpdateTime) // when the timer was set
	if want == approval.JobEscalate && kind == approval.JobRemind {
		want = kind
	}
	if kind != want || !at.Equal(due) {
		w.t.Fatalf("%s is %s and has the timer %q at %v; want %q at %v", p.Name, p.Phase, kind, at, want, due)
	}
}
