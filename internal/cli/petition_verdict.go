package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	indent "github.com/indent-approvals/indent/sdk/go"
)

// describeVerdict says all that policy demands: who reads it may decide on it.
func describeVerdict(p *indent.Petition, line func(label, text string)) {
	v := p.State.Verdict
	text := fmt.Sprintf("%s by rule %q, version %d", v.Decision, v.Rule, v.PolicyVersion)
	if v.Dev {
		text += " (the dev policy: one person may play both parts)"
	}
	line("Policy", plain(text))
	line("", plain(v.Explanation))
	stages := slices.ContainsFunc(v.Requirements, func(r indent.Requirement) bool { return r.Stage > 0 })
	for i, r := range v.Requirements {
		text := describeRequirement(r)
		if stages {
			text = describeStage(p, r.Stage) + text
		}
		line(label(i, "Requires"), text)
		describeWhen(p, i, r, line)
	}
	if v.Denials > 1 {
		line("Refused by", fmt.Sprintf("%d different reviewers", v.Denials))
	}
	for i, in := range v.Inputs {
		line(label(i, "Asks for"), describeInput(in))
	}
	if g := v.BreakGlass; g != nil {
		for i, r := range g.Requirements {
			line(label(i, "Afterwards"), fmt.Sprintf("within %s, or the grant ends: %s", span(g.Within.Duration), describeRequirement(r)))
			describeWhen(p, i, r, line)
		}
	}
}

// describeStage says which stage it is, counted from 1 as people do, and whether it decides now.
func describeStage(p *indent.Petition, stage int) string {
	now := ""
	if at := p.State.Progress; at != nil && at.Stage == stage && p.Phase() == indent.PhaseOpen {
		now = ", now"
	}
	return fmt.Sprintf("stage %d%s: ", stage+1, now)
}

func describeRequirement(r indent.Requirement) string {
	text := fmt.Sprintf("%d of: %s", r.Count, describeReviewers(r.Reviewers))
	if r.Resource > 0 {
		text += fmt.Sprintf(" (of resource %d)", r.Resource)
	}
	if len(r.DistinctFrom) > 0 {
		var stages []string
		for _, stage := range r.DistinctFrom {
			stages = append(stages, strconv.Itoa(stage+1))
		}
		text += " (nobody who approved in stage " + strings.Join(stages, ", ") + ")"
	}
	if r.SelfApproval {
		text += " (who asks may review as well)"
	}
	if r.Confirm != "" {
		text += " (confirm: " + r.Confirm + ", which is done on the page)"
	}
	return plain(text)
}

// describeReviewers names everybody of whom one of the terms holds.
func describeReviewers(r indent.Reviewers) string {
	names := slices.Concat(r.Roles, r.Persons)
	for _, id := range r.Groups {
		names = append(names, "the group "+id)
	}
	if r.Managers != "" {
		names = append(names, "the manager of who asks (label "+r.Managers+")")
	}
	if r.Owners != "" {
		names = append(names, "an owner of what is asked for (label "+r.Owners+")")
	}
	for _, schedule := range r.OnCall {
		names = append(names, "who is on call for "+schedule)
	}
	if r.Where != "" {
		names = append(names, "whoever meets "+r.Where)
	}
	return strings.Join(names, ", ")
}

// describeWhen says what time adds to the requirement in that place.
func describeWhen(p *indent.Petition, place int, r indent.Requirement, line func(label, text string)) {
	come := 0
	if p.State.Progress != nil && place < len(p.State.Progress.Levels) {
		come = p.State.Progress.Levels[place]
	}
	for i, e := range r.Escalate {
		text := "after " + span(e.After.Duration) + " also: "
		if i < come {
			text = "since " + span(e.After.Duration) + " also: "
		}
		line("", "  "+text+plain(describeReviewers(e.Reviewers)))
	}
	if r.RemindAfter.Duration > 0 {
		line("", "  told again after "+span(r.RemindAfter.Duration))
	}
	for _, d := range deputiesFor(p, place) {
		line("", plain(fmt.Sprintf("  also by: %s for %s, who is away, until %s", d.Member.Title(), d.Away.Title(), moment(d.EndTime))))
	}
	if r.Notify != nil {
		line("", "  told of it, without a say: "+plain(describeReviewers(*r.Notify)))
	}
}

// deputiesFor answers who may approve for the requirement in that place on behalf of somebody who is away.
func deputiesFor(p *indent.Petition, place int) []indent.Deputy {
	return slices.DeleteFunc(slices.Clone(p.State.Deputies), func(d indent.Deputy) bool { return !slices.Contains(d.Requirements, place) })
}

func describeInput(in indent.Input) string {
	text := in.Label
	if in.Description != "" {
		text += ", " + strconv.Quote(in.Description)
	}
	text += ": " + in.Type
	if len(in.Choices) > 0 {
		text += " of " + strings.Join(in.Choices, ", ")
	}
	if in.Min != nil {
		text += fmt.Sprintf(", at least %v", *in.Min)
	}
	if in.Max != nil {
		text += fmt.Sprintf(", at most %v", *in.Max)
	}
	if in.MaxLength > 0 {
		text += fmt.Sprintf(", at most %d characters", in.MaxLength)
	}
	if in.Optional {
		text += " (may be left out)"
	}
	return plain(text)
}

// sayVerdict warns who has asked of what does not show in "granted" or "open": a glass that was broken, and policy that failed.
func (t *terminal) sayVerdict(p *indent.Petition) {
	v := p.State.Verdict
	if v == nil {
		return
	}
	if v.Rule == "policy-error" {
		t.say("⚠ Policy did not decide: %s", plain(v.Explanation))
	}
	if g, r := v.BreakGlass, p.State.Review; g != nil && r != nil && r.Outcome == "" {
		var who []string
		for _, one := range g.Requirements {
			who = append(who, describeRequirement(one))
		}
		t.say("⚠ The glass was broken: until %s this must be ratified by %s. Otherwise the grant ends.", moment(r.ExpireTime), strings.Join(who, ", and "))
	}
}
