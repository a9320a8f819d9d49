package approval

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// A petition of several stages goes from one to the next: a stage decides once all requirements of the ones before it are
// met. Whoever reviews in two of them approves in each: a stage is a step in time, and what is known then is part of it.

// begins answers the progress that a petition with this verdict makes, nil where there is none to make.
func (v *Verdict) begins(now time.Time) *Progress {
	asked := v.asked()
	for i := range asked {
		if r := &asked[i]; r.Stage > 0 || r.RemindAfter > 0 || len(r.Escalate) > 0 {
			return &Progress{Since: now}
		}
	}
	return nil
}

// Stages answers how many stages the verdict has.
func (v Verdict) Stages() int { return stagesOf(v.Requirements) }

func stagesOf(list []Requirement) int {
	last := 0
	for i := range list {
		last = max(last, list[i].Stage)
	}
	return last + 1
}

// asked answers what people are asked: to grant, or to answer for a grant that broke the glass.
func (v *Verdict) asked() []Requirement {
	switch {
	case v.Decision == VerdictReview:
		return v.Requirements
	case v.Decision == VerdictApprove && v.BreakGlass != nil:
		return v.BreakGlass.Requirements
	}
	return nil
}

func (p *Petition) requirements() []Requirement { return p.Verdict.asked() }

func (p *Petition) stages() int { return stagesOf(p.requirements()) }

// stage answers the stage that decides now.
func (p *Petition) stage() int {
	if p.Progress == nil {
		return 0
	}
	return p.Progress.Stage
}

// level answers how many escalations of the requirement at place i have come.
func (p *Petition) level(i int) int {
	if p.Progress == nil || i >= len(p.Progress.Levels) {
		return 0
	}
	return min(p.Progress.Levels[i], len(p.requirements()[i].Escalate))
}

// reached answers the first stage that the claims do not meet, the last when they meet all.
func (p *Petition) reached() int {
	stage := p.stages() - 1
	for i := range p.requirements() {
		if r := &p.requirements()[i]; r.Stage < stage && p.approvals(i) < r.Count {
			stage = r.Stage
		}
	}
	return stage
}

// advance moves the petition to the stage that its claims have reached; a stage begins at the claim that led there.
func (p *Petition) advance(at time.Time) {
	if p.Progress == nil {
		return
	}
	counted := p.recountedLast()
	if stage := counted.reached(); stage != p.Progress.Stage {
		next := *p.Progress
		next.Stage, next.Since = stage, at
		p.Progress = &next
	}
}

// inStage answers whether the claim counts in the stage.
func (p *Petition) inStage(c *Event, stage int) bool {
	if p.Progress == nil {
		return true
	}
	return slices.ContainsFunc(c.requirements(), func(i int) bool {
		return i >= 0 && i < len(p.requirements()) && p.requirements()[i].Stage == stage
	})
}

// stageOf answers the stage that a claim was made in.
func (p *Petition) stageOf(c *Event) int {
	if p.Progress == nil {
		return 0 // there is one
	}
	for _, i := range c.requirements() {
		if i >= 0 && i < len(p.requirements()) {
			return p.requirements()[i].Stage
		}
	}
	return p.stage()
}

// votedIn answers whether the actor, by any of its names, has approved in one of the stages.
func (p *Petition) votedIn(a *Actor, stages []int) bool {
	return slices.ContainsFunc(stages, func(stage int) bool { return p.hasVoted(a.Person, stage) || p.approvedAs(a, stage) })
}

// hasVoted answers whether the person has approved in the stage.
func (p *Petition) hasVoted(person string, stage int) bool {
	return slices.ContainsFunc(p.counting(), func(c Event) bool {
		return c.Event == EventApprove && c.isOf(person) && p.inStage(&c, stage)
	})
}

// approvedAs answers whether the actor has approved in the stage by any of its names: two members may have been found to be
// one person since the first of them did (I5).
func (p *Petition) approvedAs(a *Actor, stage int) bool { return p.claimedAs(a, EventApprove, stage) }

// HasDecided answers whether the actor has approved in the stage that decides now, or has refused. Who approved may do so once
// more where that grants.
func (p Petition) HasDecided(a Actor) bool { return p.hasDecided(&a) }

// HasDecidedAs is HasDecided of who may decide so: for a deputy, who is away has not decided either.
func (p Petition) HasDecidedAs(a Actor, e Eligibility) bool { return p.hasDecidedAs(&a, &e) }

func (p *Petition) hasDecidedAs(a *Actor, e *Eligibility) bool {
	return p.hasDecided(a) || e.approvesFor != nil && p.decidedFor(e.approvesFor.actor)
}

// decidedFor answers whether somebody who is away has approved in the stage that decides now, or has refused.
func (p *Petition) decidedFor(a *Actor) bool {
	return p.hasVoted(a.Person, p.stage()) || p.approvedAs(a, p.stage()) || p.hasDenied(a.Person) || p.claimedAs(a, EventDeny, -1)
}

func (p *Petition) hasDecided(a *Actor) bool {
	return (p.hasVoted(a.Person, p.stage()) || p.approvedAs(a, p.stage())) && !p.metAgain() || p.hasDenied(a.Person) || p.claimedAs(a, EventDeny, -1)
}

// claimedAs answers whether one of the actor's names has made such a claim, in the stage unless that is -1.
func (p *Petition) claimedAs(a *Actor, event string, stage int) bool {
	if len(a.Names) == 0 {
		return false
	}
	return slices.ContainsFunc(p.counting(), func(c Event) bool {
		return c.Event == event && c.isNamed(a.Names) && (stage < 0 || p.inStage(&c, stage))
	})
}

// isNamed answers whether the claim was made by, or for, somebody with one of the names, which are in lower case.
func (e *Event) isNamed(names []string) bool {
	if slices.Contains(names, strings.ToLower(e.Label(LabelPerson))) {
		return true
	}
	behalf := e.Label(LabelBehalfPerson)
	return behalf != "" && slices.Contains(names, strings.ToLower(behalf))
}

func (p *Petition) hasDenied(person string) bool {
	return slices.ContainsFunc(p.Claims, func(c Event) bool { return c.Event == EventDeny && c.isOf(person) })
}

// denials counts the persons who have refused.
func (p *Petition) denials() int { return len(p.Refusals()) }

// Refusals answers the refusals that count, one of each person, oldest first.
func (p *Petition) Refusals() (list []Event) {
	var persons []string
	for i := range p.Claims {
		c := &p.Claims[i]
		if c.Event != EventDeny {
			continue
		}
		var counts bool
		if persons, counts = c.counted(persons); counts {
			list = append(list, *c)
		}
	}
	return list
}

// Unmet answers one sentence for each requirement that the claims so far do not meet, stage by stage.
func (p *Petition) Unmet() []string {
	if p.Verdict.Decision == VerdictApprove && p.Review == nil {
		return nil
	}
	if len(p.requirements()) == 0 {
		return []string{"policy does not allow it"}
	}
	var unmet []string
	stages := p.stages()
	for stage := range stages {
		for i := range p.requirements() {
			r := &p.requirements()[i]
			if r.Stage != stage {
				continue
			}
			if have := p.approvals(i); have < r.Count {
				unmet = append(unmet, stageName(stage, stages)+strconv.Itoa(have)+" of "+strconv.Itoa(r.Count)+" approvals by "+p.reviewersOf(i))
			}
		}
	}
	return unmet
}

// counted answers "1 approval" and "2 approvals".
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// stageName answers "stage 2: " where there are several.
func stageName(stage, stages int) string {
	if stages == 1 {
		return ""
	}
	return "stage " + strconv.Itoa(stage+1) + ": "
}

// waitsFor answers for people who must approve in the stage.
func (p *Petition) waitsFor(stage int) string {
	var names []string
	for i := range p.requirements() {
		if r := &p.requirements()[i]; r.Stage == stage && p.approvals(i) < r.Count {
			names = append(names, p.reviewersOf(i))
		}
	}
	if len(names) == 0 {
		return "nobody"
	}
	return strings.Join(names, ", and ")
}

// approvals counts the persons whose approval counts for the requirement at place i.
func (p *Petition) approvals(i int) (n int) {
	var few [4]string
	persons := few[:0]
	claims := p.counting()
	for at := range claims {
		if c := &claims[at]; p.countsFor(c, i) {
			var counts bool
			if persons, counts = c.counted(persons); counts {
				n++
			}
		}
	}
	return n
}

// Counted answers the approvals that count for the requirement at place i, one of each person, oldest first.
func (p Petition) Counted(i int) (list []Event) {
	var persons []string
	claims := p.counting()
	for at := range claims {
		c := &claims[at]
		if !p.countsFor(c, i) {
			continue
		}
		var counts bool
		if persons, counts = c.counted(persons); counts {
			list = append(list, *c)
		}
	}
	return list
}

// countsFor answers whether the claim is an approval that counts for the requirement at place i.
func (p *Petition) countsFor(c *Event, i int) bool {
	r := &p.requirements()[i]
	if c.Event != EventApprove || !c.isFor(i) || r.Confirm != "" && !c.confirmed() {
		return false
	}
	if person := c.Label(LabelPerson); p.takenBack(person) || p.distinct(person, r) {
		return false
	}
	behalf := c.Label(LabelBehalfPerson)
	return behalf == "" || !p.takenBack(behalf) && !p.distinct(behalf, r) && !p.replaced(c)
}

// asksForOthers answers whether one of its stages asks for others than an earlier one.
func (p *Petition) asksForOthers() bool {
	return slices.ContainsFunc(p.requirements(), func(r Requirement) bool { return len(r.DistinctFrom) > 0 })
}

// takenBack answers whether the person has refused since approving: a denial beats an approval (I9).
func (p *Petition) takenBack(person string) bool { return p.Verdict.Denials > 1 && p.hasDenied(person) }

// distinct answers whether the person has approved in a stage from which the requirement asks for others.
func (p *Petition) distinct(person string, r *Requirement) bool {
	return slices.ContainsFunc(r.DistinctFrom, func(stage int) bool { return p.hasVoted(person, stage) })
}

// Audience answers who is to be told of an event of the petition, which gives nobody a say: of a request, and of an approval
// that has led to the next stage, or a recount that has led back, whoever decides now; of a reminder those of its requirement; of an escalation those that it
// has added. Of everything else nobody is told.
func (p Petition) Audience(e Event) (told []Reviewers) {
	place, err := strconv.Atoi(e.Label(LabelRequirement))
	known := err == nil && place >= 0 && place < len(p.requirements())
	switch {
	case e.Event == EventEscalate && known:
		level, _ := strconv.Atoi(e.Label(LabelLevel))
		if steps := p.requirements()[place].Escalate; level >= 1 && level <= len(steps) {
			told = append(told, steps[level-1].Reviewers)
		}
	case e.Event == EventRemind && known:
		told = p.toldFor(place)
	case e.Event == EventRequest, e.Event == EventGrant && p.Review != nil, (e.Event == EventApprove || e.Event == EventRecount) && p.Progress != nil && p.Progress.Since.Equal(e.Timestamp):
		for i := range p.requirements() {
			if p.decides() && p.requirements()[i].Stage == p.stage() {
				told = append(told, p.toldFor(i)...)
			}
		}
	}
	return told
}

// toldFor answers who is told what the requirement at place i needs.
func (p *Petition) toldFor(i int) []Reviewers {
	r := &p.requirements()[i]
	if r.Notify != nil {
		return []Reviewers{*r.Notify}
	}
	told := []Reviewers{r.Reviewers}
	for at := range p.level(i) {
		told = append(told, r.Escalate[at].Reviewers)
	}
	return told
}
