package policy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

const maxTestName = 200

// What holds in a test that does not say: a Monday at noon, and somebody of whom no rule knows.
var (
	testTime  = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	testActor = "someone@example.com"
)

// blame names the test in what is wrong with it.
func (s *sourceTest) blame(err error) error {
	for _, one := range mistakes(err) {
		var p *Problem
		if errors.As(one, &p) && p.Rule == "" && p.Test == "" {
			p.Test = s.Name.value
		}
	}
	return err
}

// test reads one of the document's own tests.
func (c *compiler) test(s *sourceTest) (t selfTest, err error) {
	switch {
	case s.Name.value == "":
		return t, s.wrong("a test needs a name")
	case s.Petition == nil || len(s.Petition.Resources) == 0:
		return t, s.wrong("a test needs a petition with resources, such as petition: {resources: [{kind: database, id: prod}]}")
	case s.Expect == nil || s.Expect.Verdict == nil:
		return t, s.wrong("a test needs expect.verdict: approve, deny, review or breakGlass")
	}
	t = selfTest{place: s.place, name: s.Name.value}
	if err := s.Name.line(maxTestName); err != nil {
		return t, err
	}
	t.in = approval.PolicyInput{Now: testTime, Actor: s.As.actor()}
	if s.At != nil {
		if t.in.Now, err = s.At.instant(); err != nil {
			return t, err
		}
	}
	if !t.in.Actor.Role.Known() {
		return t, s.As.Role.wrong("there is no role %q; there are %s", t.in.Actor.Role, approval.Joined(approval.Roles))
	}
	if t.in.Petition, err = s.Petition.compile(t.in.Actor, t.in.Now); err != nil {
		return t, err
	}
	if err := s.directory(&t.in); err != nil {
		return t, err
	}
	if t.onCall, err = c.duties(s.OnCall, true); err != nil {
		return t, err
	}
	if t.duty, err = c.duties(s.Expect.OnCall, false); err != nil {
		return t, err
	}
	t.want, err = c.expect(s.Expect, t.in.Petition.Duration)
	return t, err
}

// actor answers who asks.
func (s *sourceTestActor) actor() approval.Actor {
	a := approval.Actor{ID: testActor, Kind: approval.KindUser, Role: approval.Viewer}
	if s != nil {
		a.ID, a.DisplayName, a.Email = s.ID.value, s.DisplayName.value, s.Email.value
		a.Address = strings.ToLower(s.Person.value)
		if s.Kind.value != "" {
			a.Kind = s.Kind.value
		}
		if s.Role.value != "" {
			a.Role = approval.Role(s.Role.value)
		}
	}
	if a.Kind == approval.KindUser {
		a.ID = strings.ToLower(a.ID)
		if a.Email == "" {
			a.Email = a.ID
		}
		if a.Address == "" {
			a.Address = a.ID
		}
	}
	a.Person = a.Address
	return a
}

func (s *sourceTestPetition) compile(a approval.Actor, now time.Time) (p *approval.Petition, err error) {
	p = &approval.Petition{Reason: s.Reason.value, Labels: values(s.Labels), Petitioners: []approval.Resource{a.Resource()}}
	if len(s.Petitioners) > 0 {
		if p.Petitioners, err = resources(s.Petitioners, s.place); err != nil {
			return p, err
		}
	}
	if p.Resources, err = resources(s.Resources, s.place); err != nil {
		return p, err
	}
	if s.Params != nil {
		p.Params = s.Params.json
	}
	if s.StartTime != nil {
		if p.StartTime, err = s.StartTime.instant(); err != nil {
			return p, err
		}
		var e *approval.Error
		if errors.As(approval.CheckStart(p.StartTime, now), &e) {
			return p, s.StartTime.wrong("startTime %s: the test asks at %s", e.Message, now.Format(time.RFC3339))
		}
	}
	return p, s.Duration.duration(&p.Duration)
}

func resources(list []sourceTestResource, at place) (all []approval.Resource, err error) {
	for _, s := range list {
		r := approval.Resource{ID: s.ID.value, Kind: s.Kind.value, DisplayName: s.DisplayName.value, Email: s.Email.value, Labels: values(s.Labels)}
		for _, id := range s.AltIDs {
			r.AltIDs = append(r.AltIDs, id.value)
		}
		if err := r.Check(); err != nil {
			return nil, at.wrong("a resource of this test: %v", err)
		}
		all = append(all, r)
	}
	if len(all) > approval.MaxResources {
		return nil, at.wrong("at most %d resources are allowed", approval.MaxResources)
	}
	return all, nil
}

func values(labels map[string]text) map[string]string {
	if labels == nil {
		return nil
	}
	out := make(map[string]string, len(labels))
	for key, t := range labels {
		out[key] = t.value
	}
	return out
}

// directory gives the input the test's own directory.
func (s *sourceTest) directory(in *approval.PolicyInput) error {
	known, err := resources(s.Known, s.place)
	if err != nil {
		return err
	}
	above := map[string][]string{} // the groups that somebody, or a group, is in
	for _, group := range slices.Sorted(maps.Keys(s.Groups)) {
		for _, t := range s.Groups[group] {
			member := t.value
			if strings.Contains(member, "@") {
				member = strings.ToLower(member)
			}
			above[member] = append(above[member], group)
		}
	}
	labels := map[string]map[string]string{}
	for member, of := range s.Labels {
		labels[strings.ToLower(member)] = values(of)
	}
	in.Known = func(_ context.Context, _ string, asked []approval.Resource) (same []approval.Resource, err error) {
		for _, r := range known {
			if slices.ContainsFunc(asked, r.Same) {
				same = append(same, r)
			}
		}
		return same, nil
	}
	in.Groups = func(_ context.Context, _, member string) ([]string, error) { return reach(above, member), nil }
	in.Labels = func(_ context.Context, _, member string) (map[string]string, error) { return labels[member], nil }
	return nil
}

// reach answers all groups above somebody, by name.
func reach(above map[string][]string, member string) []string {
	found, next := map[string]bool{}, above[member]
	for len(next) > 0 {
		group := next[0]
		next = next[1:]
		if !found[group] {
			found[group] = true
			next = append(slices.Clone(next), above[group]...)
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// duties reads persons by schedule: what sources answer, or who is expected.
func (c *compiler) duties(s map[string][]text, sources bool) (map[string][]string, error) {
	all := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(s)) {
		var at place
		if len(s[name]) > 0 {
			at = s[name][0].place
		}
		schedule := c.schedules[name]
		if schedule == nil {
			return nil, at.wrong("the document has no schedule %q", name)
		}
		if sources && schedule.source == nil {
			return nil, at.wrong("the schedule %q has no source: its rotations say who is on call at the test's time", name)
		}
		list, err := persons(s[name])
		if err != nil {
			return nil, err
		}
		all[name] = list
	}
	return all, nil
}

// expect reads what a test wants of the verdict.
func (c *compiler) expect(s *sourceExpect, asked time.Duration) (all []expectation, err error) {
	want := func(what, wanted string, got func(approval.Verdict) string) {
		all = append(all, expectation{what, wanted, got})
	}
	if !slices.Contains([]string{approval.VerdictApprove, approval.VerdictDeny, approval.VerdictReview, "breakGlass"}, s.Verdict.value) {
		return nil, s.Verdict.wrong("there is no verdict %q; there are approve, deny, review and breakGlass", s.Verdict.value)
	}
	want("verdict", s.Verdict.value, approval.Verdict.Answer)
	if s.Rule != nil {
		if _, there := c.taken[s.Rule.value]; !there {
			return nil, s.Rule.wrong("the document has no rule %q", s.Rule.value)
		}
		want("rule", s.Rule.value, func(v approval.Verdict) string { return v.Rule })
	}
	if s.Reason != nil {
		want("reason", s.Reason.value, func(v approval.Verdict) string { return v.Explanation })
	}
	if s.Inputs != nil {
		var labels []string
		for _, t := range s.Inputs {
			labels = append(labels, t.value)
		}
		want("inputs", strings.Join(labels, ", "), func(v approval.Verdict) string {
			var asked []string
			for _, in := range v.Inputs {
				asked = append(asked, in.Label)
			}
			return strings.Join(asked, ", ")
		})
	}
	if s.Denials != nil {
		want("denials", fmt.Sprint(s.Denials.value), func(v approval.Verdict) string { return fmt.Sprint(max(v.Denials, 1)) })
	}
	if err := s.durations(asked, want); err != nil {
		return nil, err
	}
	return all, c.expectPeople(s, want)
}

type wanting = func(what, wanted string, got func(approval.Verdict) string)

func (s *sourceExpect) durations(asked time.Duration, want wanting) error {
	for _, d := range []struct {
		what string
		said *text
		got  func(approval.Verdict) string
	}{
		{"duration", s.Duration, func(v approval.Verdict) string { return granted(v, asked) }},
		{"maxDuration", s.MaxDuration, func(v approval.Verdict) string { return approval.Span(v.MaxDuration) }},
		{"decideWithin", s.DecideWithin, func(v approval.Verdict) string { return approval.Span(v.DecideWithin) }},
	} {
		if d.said == nil {
			continue
		}
		var wanted time.Duration
		if err := d.said.duration(&wanted); err != nil {
			return err
		}
		want(d.what, approval.Span(wanted), d.got)
	}
	return nil
}

// granted says how long the grant will hold.
func granted(v approval.Verdict, asked time.Duration) string {
	switch {
	case v.Decision == approval.VerdictDeny:
		return "no grant"
	case asked == 0:
		return approval.Span(v.DefaultDuration)
	case v.MaxDuration > 0 && asked > v.MaxDuration:
		return fmt.Sprintf("a refusal: at most %s may be asked for", approval.Span(v.MaxDuration))
	}
	return approval.Span(asked)
}

// expectPeople reads who must agree.
func (c *compiler) expectPeople(s *sourceExpect, want wanting) error {
	of := func(v approval.Verdict) []approval.Requirement {
		if v.BreakGlass != nil {
			return v.BreakGlass.Requirements
		}
		return v.Requirements
	}
	if s.Stages != nil {
		wanted, err := c.stages(s.Stages, approval.MaxDuration)
		if err != nil {
			return err
		}
		want("stages", spellStages(wanted, wanted), func(v approval.Verdict) string { return spellStages(of(v), wanted) })
	}
	one := func(v approval.Verdict, spell func(approval.Requirement) string) string {
		list := of(v)
		if n := len(list); n == 0 || n > 1 && list[n-1].Resource != n {
			return fmt.Sprintf("%d requirements: %s", n, spellStages(list, nil))
		}
		return spell(list[0])
	}
	if s.Reviewers != nil {
		wanted, err := c.names(s.Reviewers)
		if err != nil {
			return err
		}
		want("reviewers", spellReviewers(wanted), func(v approval.Verdict) string {
			return one(v, func(r approval.Requirement) string { return spellReviewers(r.Reviewers) })
		})
	}
	if s.Count != nil {
		want("count", fmt.Sprint(s.Count.value), func(v approval.Verdict) string {
			return one(v, func(r approval.Requirement) string { return fmt.Sprint(r.Count) })
		})
	}
	return nil
}
