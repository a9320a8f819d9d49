package approval

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// in answers a petition that ada made, in the phase.
func in(phase Phase) Petition {
	p := Petition{Space: "acme", Name: "p1", Phase: phase, CreatedBy: person(ada, Viewer).Resource(),
		Petitioners: []Resource{person(ada, Viewer).Resource()}, Persons: []string{ada}, Resources: []Resource{{ID: "prod", Kind: "env"}},
		Verdict: Verdict{Decision: VerdictReview, Rule: "two eyes", Requirements: []Requirement{editors(1, false)}, DecideWithin: time.Hour, DefaultDuration: time.Hour}}
	if phase == "" {
		return p
	}
	p.CreateTime, p.UpdateTime, p.ExpireTime = noon, noon, noon.Add(time.Hour)
	if phase != Open {
		claim := event(EventApprove, person(bob, Editor), LabelPerson, bob, LabelRequirements, "0")
		p.Claims, p.Decision = []Event{claim}, decisionOf(&claim)
		p.Grant = &Grant{StartTime: noon, EndTime: noon.Add(time.Hour)}
	}
	if phase == Revoked || phase == Closed {
		p.Outcome = OutcomeEnded
	}
	return p
}

// event answers an event of p1 at noon; labels come as key, value.
func event(name string, a Actor, labels ...string) Event {
	e := Event{Event: name, ID: name, Timestamp: noon, Actor: a.Resource(), Meta: Meta{Labels: map[string]string{LabelPetition: "p1"}}}
	for i := 0; i < len(labels); i += 2 {
		e.Meta.Labels[labels[i]] = labels[i+1]
	}
	return e
}

var (
	everyEvent = []string{EventRequest, EventApprove, EventGrant, EventDeny, EventExpire, EventRevoke, EventEnd, EventClose,
		EventEscalate, EventRemind, EventUnsatisfiable, EventSatisfiable, EventRecount, EventRatify, EventUnratified}
	hourLabel = noon.Add(time.Hour).Format(time.RFC3339)
)

// escalating answers the petition with something for time to do.
func escalating(p Petition) Petition {
	p.Verdict.Requirements = []Requirement{editors(1, false)}
	p.Verdict.Requirements[0].RemindAfter = time.Minute
	p.Verdict.Requirements[0].Escalate = []Escalation{{After: time.Hour, Reviewers: Reviewers{Persons: []string{eve}}}}
	p.Progress = &Progress{Since: noon}
	return p
}

// inReview answers the petition as one that broke the glass.
func inReview(p Petition) Petition {
	p = escalating(p)
	p.Verdict.Decision, p.Verdict.BreakGlass = VerdictApprove, &BreakGlass{Requirements: p.Verdict.Requirements, Within: time.Hour}
	p.Verdict.Requirements, p.Claims, p.Decision = nil, nil, nil
	p.Review = &Review{ExpireTime: noon.Add(time.Hour)}
	return p
}

// Every phase with every event: where it leads, or a Conflict. What is not listed is refused.
func TestApplyEveryEventInEveryPhase(t *testing.T) {
	t.Parallel()
	leads := map[Phase]map[string]Phase{
		"": {EventRequest: Open},
		Open: {EventApprove: Open, EventGrant: Granted, EventDeny: Closed, EventExpire: Closed, EventEscalate: Open, EventRemind: Open,
			EventUnsatisfiable: Open, EventSatisfiable: Open, EventRecount: Open},
		Granted: {EventRevoke: Revoked, EventEnd: Revoked},
		Revoked: {EventClose: Closed},
		Closed:  {},
	}
	for from, ways := range leads {
		for _, name := range append(everyEvent, EventRefused, EventTokenCreate, "access/else", "") {
			t.Run(string(from)+" "+name, func(t *testing.T) {
				t.Parallel()
				p := in(from)
				if name == EventEscalate || name == EventRemind || name == EventRecount {
					p = escalating(p)
				}
				if from == Open && name == EventGrant {
					p.Claims = []Event{event(EventApprove, person(bob, Editor), LabelPerson, bob, LabelRequirements, "0")}
				}
				before := frozen(t, p)
				next, err := p.Apply(event(name, person(eve, Editor), LabelPerson, eve, LabelRequirements, "0", LabelTimeExpires, hourLabel,
					LabelRequirement, "0", LabelLevel, "1"), noon)
				to, leads := ways[name]
				switch {
				case leads && (err != nil || next.Phase != to):
					t.Errorf("leads to %q, %v; want %q", next.Phase, err, to)
				case !leads && (CodeOf(err) != Conflict || !cmp.Equal(next, p, unseen)):
					t.Errorf("leads to %q, %v; want a Conflict and no change", next.Phase, err)
				}
				if after := frozen(t, p); after != before {
					t.Errorf("the petition itself was changed:\n%s", cmp.Diff(before, after))
				}
			})
		}
	}
}

func frozen(t testing.TB, p Petition) string {
	t.Helper()
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The table from which the diagram is drawn is the machine that runs.
func TestTransitionsAreWhatApplyDoes(t *testing.T) {
	t.Parallel()
	for _, row := range Transitions {
		if row.Means == "" || len(row.To) == 0 {
			t.Errorf("%s in %q is not explained", row.Event, row.From)
		}
		p := in(row.From)
		if row.Event == EventGrant {
			p.Verdict.Decision = VerdictApprove
		}
		if row.Event == EventEscalate || row.Event == EventRemind || row.Event == EventRecount {
			p = escalating(p)
		}
		if row.From != Open && ofReview(row.Event) {
			p = inReview(p)
		}
		if row.Event == EventRatify {
			p.Claims = []Event{event(EventApprove, person(eve, Editor), LabelPerson, eve, LabelRequirements, "0")}
		}
		next, err := p.Apply(event(row.Event, person(eve, Editor), LabelPerson, eve, LabelTimeExpires, hourLabel, LabelRequirement, "0", LabelLevel, "1"), noon)
		if err != nil || !slices.Contains(row.To, next.Phase) {
			t.Errorf("%s in %q leads to %q, %v; the table says %v", row.Event, row.From, next.Phase, err, row.To)
		}
	}
	for _, from := range append(Phases, "") {
		for _, name := range everyEvent {
			n := 0
			for _, row := range Transitions {
				if row.From == from && row.Event == name {
					n++
				}
			}
			if n > 1 {
				t.Errorf("%s in %q has %d rows", name, from, n)
			}
		}
	}
}

func TestApplyFillsIn(t *testing.T) {
	t.Parallel()
	later := noon.Add(10 * time.Minute)
	apply := func(p Petition, e Event) Petition {
		t.Helper()
		e.Timestamp = later
		next, err := p.Apply(e, later)
		if err != nil {
			t.Fatal(err)
		}
		if next.UpdateTime != later {
			t.Errorf("%s: updated at %v", e.Event, next.UpdateTime)
		}
		return next
	}
	approved := apply(in(Open), event(EventApprove, person(bob, Editor), LabelPerson, bob, LabelRequirements, "0"))
	if len(approved.Claims) != 1 || approved.Decision != nil || approved.Grant != nil || len(approved.Unmet()) != 0 {
		t.Errorf("approved: %+v", approved)
	}
	granted := apply(approved, event(EventGrant, person(bob, Editor), LabelTimeExpires, hourLabel))
	want := Grant{StartTime: later, EndTime: noon.Add(time.Hour)}
	if *granted.Grant != want || granted.Decision.Actor.ID != bob || granted.Decision.Claim != EventApprove || granted.Outcome != "" {
		t.Errorf("granted: %+v, %+v", granted.Grant, granted.Decision)
	}
	denied := apply(in(Open), event(EventDeny, person(bob, Editor), LabelPerson, bob))
	if denied.Outcome != OutcomeDenied || denied.Decision.Actor.ID != bob || len(denied.Claims) != 1 {
		t.Errorf("denied: %+v", denied)
	}
	withdrawn := apply(in(Open), event(EventDeny, person(ada, Viewer), LabelPerson, ada))
	if withdrawn.Outcome != OutcomeWithdrawn || withdrawn.Decision.Actor.ID != ada {
		t.Errorf("withdrawn: %+v", withdrawn)
	}
	replaced := apply(in(Open), event(EventDeny, person(ada, Viewer), LabelPerson, ada, LabelReplacedBy, "p2"))
	if replaced.Labels[LabelReplacedBy] != "p2" {
		t.Errorf("replaced: %+v", replaced.Labels)
	}
	byRule := apply(in(Open), event(EventDeny, System("acme", "policy")))
	if byRule.Outcome != OutcomeDenied || byRule.Decision != nil {
		t.Errorf("denied by a rule: %+v", byRule)
	}
	expired := apply(in(Open), event(EventExpire, System("acme", "timer")))
	if expired.Outcome != OutcomeExpired || expired.Decision != nil || expired.Grant != nil || len(expired.Claims) != 0 {
		t.Errorf("expired: %+v", expired)
	}
	revoked := apply(in(Granted), event(EventRevoke, person(eve, Owner), LabelPerson, eve))
	if revoked.Outcome != OutcomeRevoked || revoked.Decision.Actor.ID != eve || revoked.Grant.EndTime != later || len(revoked.Claims) != 2 {
		t.Errorf("revoked: %+v %+v", revoked, revoked.Grant)
	}
	ended := apply(in(Granted), event(EventEnd, System("acme", "timer")))
	if ended.Outcome != OutcomeEnded || ended.Decision.Actor.ID != bob || ended.Grant.EndTime != later {
		t.Errorf("ended: %+v", ended)
	}
	if closed := apply(revoked, event(EventClose, System("acme", "timer"))); closed.Outcome != OutcomeRevoked || closed.Decision.Actor.ID != eve {
		t.Errorf("closed: %+v", closed)
	}
}

func TestGrantsEndWhenTheyEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ end, revoked, want time.Time }{
		"before its end":          {noon.Add(time.Hour), noon.Add(time.Minute), noon.Add(time.Minute)},
		"late":                    {noon.Add(time.Hour), noon.Add(2 * time.Hour), noon.Add(time.Hour)},
		"indefinite":              {time.Time{}, noon.Add(time.Minute), noon.Add(time.Minute)},
		"the clock was set back":  {noon.Add(time.Hour), noon.Add(-time.Hour), noon},
		"indefinite and set back": {time.Time{}, noon.Add(-time.Hour), noon},
	} {
		p := in(Granted)
		p.Grant.EndTime = c.end
		e := event(EventRevoke, person(eve, Owner))
		e.Timestamp = c.revoked
		next, err := p.Apply(e, c.revoked)
		if err != nil || next.Grant.EndTime != c.want || p.Grant.EndTime != c.end {
			t.Errorf("%s: %+v, %v; want %v", name, next.Grant, err, c.want)
		}
	}
}

// Quorum counts people (I5): each person once, whatever identity they used, and only where the claim counts.
func TestQuorum(t *testing.T) {
	t.Parallel()
	claim := func(a Actor, counts string) Event {
		return event(EventApprove, a, LabelPerson, a.Person, LabelRequirements, counts)
	}
	bobsBot := account("bot", bob, Editor)
	for _, c := range []struct {
		name   string
		rules  []Requirement
		claims []Event
		unmet  int
	}{
		{"nobody", []Requirement{editors(1, false)}, nil, 1},
		{"one of one", []Requirement{editors(1, false)}, []Event{claim(person(bob, Editor), "0")}, 0},
		{"one of two", []Requirement{editors(2, false)}, []Event{claim(person(bob, Editor), "0")}, 1},
		{"two of two", []Requirement{editors(2, false)}, []Event{claim(person(bob, Editor), "0"), claim(person(eve, Editor), "0")}, 0},
		{"the same person twice", []Requirement{editors(2, false)}, []Event{claim(person(bob, Editor), "0"), claim(person(bob, Editor), "0")}, 1},
		{"a person and its service account", []Requirement{editors(2, false)}, []Event{claim(person(bob, Editor), "0"), claim(bobsBot, "0")}, 1},
		{"for another requirement", []Requirement{editors(1, false), named(1, eve)}, []Event{claim(person(bob, Editor), "0")}, 1},
		{"for both", []Requirement{editors(1, false), named(1, bob)}, []Event{claim(person(bob, Editor), "0,1")}, 0},
		{"for none", []Requirement{editors(1, false)}, []Event{claim(person(bob, Editor), "")}, 1},
		{"for one that is not there", []Requirement{editors(1, false)}, []Event{claim(person(bob, Editor), "1,-1,x,0x0")}, 1},
		{"a denial is no approval", []Requirement{editors(1, false)}, []Event{event(EventDeny, person(bob, Editor), LabelPerson, bob, LabelRequirements, "0")}, 1},
		{"no requirement at all", nil, []Event{claim(person(bob, Editor), "0")}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := in(Open)
			p.Verdict.Requirements, p.Claims = c.rules, c.claims
			if got := p.Unmet(); len(got) != c.unmet {
				t.Errorf("unmet: %q, want %d", got, c.unmet)
			}
			_, err := p.Apply(event(EventGrant, person(eve, Editor), LabelTimeExpires, hourLabel), noon)
			if (err == nil) != (c.unmet == 0) {
				t.Errorf("granted: %v", err)
			}
		})
	}
	denied := in(Open)
	denied.Verdict.Decision = VerdictDeny
	if _, err := denied.Apply(event(EventGrant, person(eve, Editor), LabelTimeExpires, hourLabel), noon); CodeOf(err) != Conflict {
		t.Errorf("a petition that a rule denies was granted: %v", err)
	}
	voted := in(Open)
	voted.Claims = []Event{claim(person(bob, Editor), "0")}
	if _, err := voted.Apply(claim(bobsBot, "0"), noon); CodeOf(err) != Conflict || !strings.Contains(err.Error(), bob+" has already approved") {
		t.Errorf("a person approved twice: %v", err)
	}
}

// A second decision is told who decided what and when.
func TestConflictsSayWhoDecidedWhatAndWhen(t *testing.T) {
	t.Parallel()
	open, granted, byRule := in(Open), in(Granted), in(Granted)
	byRule.Decision, byRule.Claims = nil, nil
	deny := func(a Actor) Petition {
		p, err := open.Apply(event(EventDeny, a, LabelPerson, a.Person), noon)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	expired, err := open.Apply(event(EventExpire, System("acme", "timer")), noon)
	if err != nil {
		t.Fatal(err)
	}
	revoked, err := granted.Apply(event(EventRevoke, person(eve, Owner), LabelPerson, eve), noon)
	if err != nil {
		t.Fatal(err)
	}
	for want, p := range map[string]Petition{
		"was already approved by bob@acme.example at 2030-01-02T12:00:00Z":  granted,
		`was granted by rule "two eyes" at 2030-01-02T12:00:00Z`:            byRule,
		"was already denied by bob@acme.example at 2030-01-02T12:00:00Z":    deny(person(bob, Editor)),
		"was already withdrawn by ada@acme.example at 2030-01-02T12:00:00Z": deny(person(ada, Viewer)),
		`was denied by rule "two eyes" at 2030-01-02T12:00:00Z`:             deny(System("acme", "policy")),
		"expired at 2030-01-02T12:00:00Z because nobody decided in time":    expired,
		"was already revoked by eve@acme.example at 2030-01-02T12:00:00Z":   revoked,
		"ended at 2030-01-02T13:00:00Z because its time was up":             in(Closed),
	} {
		_, err := p.Apply(event(EventApprove, person(eve, Editor), LabelPerson, eve), noon)
		if CodeOf(err) != Conflict || err.Error() != "petition #acme/p1 "+want+": access/approve is too late" {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := open.Apply(event(EventRevoke, person(eve, Owner)), noon); err == nil || err.Error() != "petition #acme/p1 is still open: it has no grant to take away" {
		t.Error(err)
	}
}

// unseen is what a petition does not keep.
var unseen = cmpopts.IgnoreUnexported(Petition{})

// A petition is kept as JSON: nothing of it may get lost on the way, whatever fields it has.
func TestPetitionAsJSON(t *testing.T) {
	t.Parallel()
	p := in(Closed)
	p.Reason, p.Params, p.Labels, p.DisplayName, p.Duration, p.Digest = "r", RawJSON(`{"a":"<&>"}`), map[string]string{"a": "b"}, "d", time.Hour, "sha256:0"
	p.StartTime = noon
	p.Verdict.Explanation, p.Verdict.Dev, p.Verdict.MaxDuration, p.Verdict.PolicyVersion = "e", true, time.Hour, 7
	p.Progress, p.Stuck = &Progress{Stage: 1, Since: noon, Levels: []int{0, 2}, Reminded: []int{1}, Lapsed: []string{"e1"}}, "nobody is left"
	p.Review = &Review{ExpireTime: noon, Outcome: ReviewRatified}
	v := reflect.ValueOf(p)
	for i := range v.NumField() {
		if f := v.Type().Field(i); v.Field(i).IsZero() && f.Name != "Version" && f.IsExported() {
			t.Errorf("give the field %s a value here", f.Name)
		}
	}
	var back Petition
	if err := json.Unmarshal([]byte(frozen(t, p)), &back); err != nil {
		t.Fatal(err)
	}
	if canonical, err := CanonicalParams("p", back.Params); err != nil || string(canonical) != string(p.Params) {
		t.Errorf("the params came back as %s, %v", back.Params, err)
	}
	back.Space, back.Name, back.Params = p.Space, p.Name, p.Params
	if diff := cmp.Diff(p, back, unseen); diff != "" {
		t.Error(diff)
	}
}

func TestTitles(t *testing.T) {
	t.Parallel()
	for want, list := range map[string][]Resource{
		"(nothing)": nil, "Production": {{DisplayName: "Production", ID: "x"}}, "a and 2 more": {{ID: "a"}, {ID: "b"}, {ID: "c"}},
	} {
		if got := (Petition{Resources: list}).Title(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestNewPetitionCheck(t *testing.T) {
	t.Parallel()
	good := func() NewPetition {
		return NewPetition{Reason: "to recover account", Resources: []Resource{{ID: "reset-password:123", Kind: "action"}}}
	}
	many := func(n int) []Resource { return slices.Repeat([]Resource{{ID: "x"}}, n) }
	label := func(key, value string) func(*NewPetition) {
		return func(n *NewPetition) { n.Labels = map[string]string{key: value} }
	}
	for _, c := range []struct {
		change func(*NewPetition)
		want   string // "" is taken, else the begin of the refusal
	}{
		{func(n *NewPetition) {}, ""},
		{func(n *NewPetition) { n.Reason = "" }, "petition.reason: is required"},
		{func(n *NewPetition) { n.Reason = " \n\t\u00a0" }, "petition.reason: is required"},
		{func(n *NewPetition) { n.Reason = "\xff" }, "petition.reason: is not valid UTF-8"},
		{func(n *NewPetition) { n.Reason = "x" }, ""},
		{func(n *NewPetition) { n.Reason = strings.Repeat("é", MaxReason) }, ""},
		{func(n *NewPetition) { n.Reason = strings.Repeat("é", MaxReason+1) }, "petition.reason: is 4001 characters long"},
		{func(n *NewPetition) { n.Reason = "safe\u202eelbisrever" }, "petition.reason: has the bidirectional control character U+202E"},
		{func(n *NewPetition) { n.Resources = nil }, "petition.resources: is required"},
		{func(n *NewPetition) { n.Resources = many(MaxResources) }, ""},
		{func(n *NewPetition) { n.Resources = many(MaxResources + 1) }, "petition.resources: has 101 entries"},
		{func(n *NewPetition) { n.Resources = []Resource{{ID: "x"}, {}} }, "petition.resources[1].id: a resource needs"},
		{func(n *NewPetition) { n.Petitioners = many(MaxPetitioners + 1) }, "petition.petitioners: has 21 entries"},
		{func(n *NewPetition) { n.Petitioners = []Resource{{ID: "x\u200b"}} }, "petition.petitioners[0].id: has the invisible"},
		{func(n *NewPetition) { n.DisplayName = strings.Repeat("x", MaxDisplayName+1) }, "petition.meta.displayName: is 501"},
		{func(n *NewPetition) { n.Params = RawJSON(`[]`) }, "petition.params: must be a JSON object"},
		{func(n *NewPetition) { n.Duration = -1 }, "petition.defaultDuration: must be more than zero"},
		{func(n *NewPetition) { n.Duration = MaxDuration + 1 }, "petition.defaultDuration: must be more than zero"},
		{func(n *NewPetition) { n.Duration = MaxDuration }, ""},
		{label("team", "payments"), ""},
		{label(LabelConfigID, "space:acme"), ""},
		{label(LabelAskedDuration, "3h0m0s"), ""},
		{label(LabelAskedDuration, "soon"), "petition.meta.labels.indent.com/petition/duration: must be a duration"},
		{func(n *NewPetition) { n.Duration = time.Hour; label(LabelAskedDuration, "60m")(n) }, ""},
		{func(n *NewPetition) { n.Duration = time.Hour; label(LabelAskedDuration, "8h")(n) }, "petition.meta.labels.indent.com/petition/duration: is 8h0m0s but defaultDuration is 1h0m0s"},
		{label(LabelPetition, "x"), "petition.meta.labels.petition: is set by the server"},
		{label(LabelDigest, "x"), "petition.meta.labels.indent.com/petition/digest: is set by the server"},
		{label(LabelReplacedBy, "x"), "petition.meta.labels.PetitionReplacedBy: is set by the server"},
		{label(LabelPerson, "x"), "petition.meta.labels.indent.com/claim/person: is set by the server"},
		{label(LabelSelfApproval, "x"), "petition.meta.labels.indent.com/claim/selfApproval: is set by the server"},
		{label(LabelRequirements, "0"), "petition.meta.labels.indent.com/claim/requirements: is set by the server"},
		{label(LabelRule, "x"), "petition.meta.labels.indent.com/policy/rule: is set by the server"},
		{label(LabelPolicyVersion, "1"), "petition.meta.labels.indent.com/policy/version: is set by the server"},
		{label(LabelPolicyDev, "x"), "petition.meta.labels.indent.com/policy/dev: is set by the server"},
		{label(LabelToken, "x"), "petition.meta.labels.indent.com/token/name: is set by the server"},
		{label(LabelRefusedCode, "x"), "petition.meta.labels.indent.com/refused/code: is set by the server"},
		{label("k\x00", "v"), "petition.meta.labels (a key): has the control character U+0000"},
	} {
		n := good()
		c.change(&n)
		checked, err := n.Check()
		if c.want == "" && err != nil || c.want != "" && (CodeOf(err) != Invalid || !strings.HasPrefix(err.Error(), c.want)) {
			t.Errorf("got %.200v, want %q", err, c.want)
		}
		if asked, ok := n.Labels[LabelAskedDuration]; ok && err == nil && checked.Duration == 0 {
			t.Errorf("the label asks for %s, the petition for nothing", asked)
		}
	}
}

func TestClaimCheck(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		claim NewClaim
		want  string
	}{
		{NewClaim{Event: EventApprove}, ""}, {NewClaim{Event: EventDeny, Reason: "no"}, ""}, {NewClaim{Event: EventRevoke}, ""},
		{NewClaim{}, "claim.event: must be"}, {NewClaim{Event: EventGrant}, "claim.event: must be"}, {NewClaim{Event: EventExpire}, "claim.event: must be"},
		{NewClaim{Event: "access/Approve"}, "claim.event: must be"},
		{NewClaim{Event: EventDeny, Reason: strings.Repeat("x", MaxReason+1)}, "claim.reason: is 4001"},
		{NewClaim{Event: EventDeny, Reason: "a\u202eb"}, "claim.reason: has the bidirectional"},
		{NewClaim{Event: EventDeny, Labels: map[string]string{"a": "\x00"}}, "claim.meta.labels.a: has the control"},
	} {
		err := c.claim.Check()
		if c.want == "" && err != nil || c.want != "" && (CodeOf(err) != Invalid || !strings.HasPrefix(err.Error(), c.want)) {
			t.Errorf("%+.100v: got %.200v, want %q", c.claim, err, c.want)
		}
	}
}
