package web

import (
	"bytes"
	"html"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

var noon = time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC)

// claim is a reviewer's claim on a canned petition.
func claim(event, person, requirements string, labels ...string) approval.Event {
	e := approval.Event{Event: event, Actor: approval.Resource{ID: person, Kind: approval.KindUser}, Timestamp: noon,
		Meta: approval.Meta{Labels: map[string]string{approval.LabelPerson: person, approval.LabelRequirements: requirements}}}
	for i := 0; i < len(labels); i += 2 {
		e.Meta.Labels[labels[i]] = labels[i+1]
	}
	return e
}

// canned is a petition in the second of its three stages.
func canned() approval.Petition {
	return approval.Petition{Space: "acme", Name: "p", Phase: approval.Open, CreateTime: noon, ExpireTime: noon.Add(24 * time.Hour),
		Resources:   []approval.Resource{{Kind: "database", ID: "billing", DisplayName: "Billing"}, {Kind: "database", ID: "crm", DisplayName: "CRM"}},
		Petitioners: []approval.Resource{{ID: "eve@acme.example"}},
		Labels:      map[string]string{"ticket": "SUP-1", "risk": ""},
		Verdict: approval.Verdict{Decision: approval.VerdictReview, Rule: "databases", PolicyVersion: 7, Denials: 2,
			Inputs: []approval.Input{{Label: "ticket", Description: "Support ticket", Type: "text"}, {Label: "risk", Type: "choice", Optional: true}, {Label: "team", Type: "text", Optional: true}},
			Requirements: []approval.Requirement{
				{Reviewers: approval.Reviewers{Managers: "managerId"}, Count: 1, SelfApproval: true},
				{Stage: 1, Reviewers: approval.Reviewers{Roles: []approval.Role{approval.Owner}, Groups: []string{"dba"}}, Count: 2, DistinctFrom: []int{0}, RemindAfter: time.Hour,
					Escalate: []approval.Escalation{{After: 30 * time.Minute, Reviewers: approval.Reviewers{OnCall: []string{"primary"}}}, {After: 2 * time.Hour, Reviewers: approval.Reviewers{Persons: []string{"ada@acme.example"}}}, {After: 48 * time.Hour, Reviewers: approval.Reviewers{Persons: []string{"late@acme.example"}}}}},
				{Stage: 1, Resource: 2, Reviewers: approval.Reviewers{Owners: "owner"}, Count: 1, Confirm: approval.ConfirmPasskey},
				{Stage: 2, Reviewers: approval.Reviewers{Where: `reviewer.labels["team"] == "security"`}, Count: 1, RemindAfter: 4 * time.Hour, Notify: &approval.Reviewers{Groups: []string{"security"}},
					Escalate: []approval.Escalation{{After: time.Hour, Reviewers: approval.Reviewers{Roles: []approval.Role{approval.Owner}}}}},
			}},
		Progress: &approval.Progress{Stage: 1, Since: noon, Levels: []int{0, 1}},
		Claims: []approval.Event{
			claim(approval.EventApprove, "eve@acme.example", "0", approval.LabelSelfApproval, "true"),
			claim(approval.EventApprove, "bob@acme.example", "1"),
			claim(approval.EventApprove, "eve@acme.example", "1"), // who approved stage 1
			claim(approval.EventApprove, "cy@acme.example", "1"),
			claim(approval.EventDeny, "cy@acme.example", ""), // took it back
		},
	}
}

var markup = regexp.MustCompile(`<[^>]*>`)

// shown answers a part of the petition's page as text.
func shown(t *testing.T, part string, data any) string {
	t.Helper()
	var body bytes.Buffer
	if err := pages["petition"].ExecuteTemplate(&body, part, data); err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(html.UnescapeString(markup.ReplaceAllString(body.String(), ""))), " ")
}

func policyText(t *testing.T, p approval.Petition) string {
	t.Helper()
	return shown(t, "petition-policy", petitionView{Petition: p, Policy: policyOf(p)})
}

func wants(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		before, after, found := strings.Cut(text, part)
		if !found {
			t.Fatalf("lacks, behind what came before it, %q:\n%s", part, text)
		}
		_, text = before, after
	}
}

func lacks(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(text, part) {
			t.Errorf("has %q:\n%s", part, text)
		}
	}
}

// A petition in the second of three stages: what is done, what waits, what comes; in this order.
func TestPolicyStageByStage(t *testing.T) {
	t.Parallel()
	text := policyText(t, canned())
	wants(t, text,
		"Stage 1 of 3 done", "1 of 1 approval by the manager of who asks (managerId)", "eve@acme.example approved", "self-approval",
		"Stage 2 of 3 now since", "1 of 2 approvals by any Owner or anybody in the group dba", "· 1 missing", "bob@acme.example approved",
		"Nobody decided in time, so that it counts as well by whoever is on call for primary", "Escalates to ada@acme.example at 2 Jan 2030, 14:00 UTC",
		"reminded at 2 Jan 2030, 13:00 UTC", "Whoever approved stage 1 does not count here",
		"0 of 1 approval by an owner of it (owner), of CRM", "confirmed with a passkey",
		"Stage 3 of 3 next", `every member of whom reviewer.labels["team"] == "security" holds`, "Escalates to any Owner 1 hour after this stage begins", "reminded 4 hours after this stage begins",
		"Told of it, without a say: anybody in the group security",
		"1 of 2 refusals that close it", "cy@acme.example refused", "ruledatabases")
	lacks(t, text, "late@acme.example", "cy@acme.example approved", "glass", "Whoever asks may approve as well")

	p := canned()
	p.Progress.Reminded = []int{1}
	wants(t, policyText(t, p), "The reviewers were reminded.")
}

// What nobody decides any more promises nothing more.
func TestPolicyOfWhatIsOver(t *testing.T) {
	t.Parallel()
	p := canned()
	p.Phase, p.Outcome = approval.Closed, approval.OutcomeExpired
	text := policyText(t, p)
	wants(t, text, "Stage 1 of 3 done", "Stage 2 of 3 not met", "on call for primary", "Stage 3 of 3 not met")
	lacks(t, text, "Escalates", "are reminded", " now", " next")
	if waits := policyOf(p).WaitsFor(); len(waits) != 0 {
		t.Errorf("it waits for %+v", waits)
	}
}

// One stage that time does not change stands there without the word stage, as before there were stages.
func TestPolicyOfOneStage(t *testing.T) {
	t.Parallel()
	p := canned()
	p.Progress, p.Verdict.Denials, p.Claims = nil, 0, nil
	p.Verdict.Requirements = []approval.Requirement{{Reviewers: approval.Reviewers{Persons: []string{"ada@acme.example"}, Owners: "owner"}, Count: 1}}
	text := policyText(t, p)
	wants(t, text, "0 of 1 approval by ada@acme.example or an owner of all that is asked for (owner) · 1 missing")
	lacks(t, text, "Stage", "refused")
	if waits := policyOf(p).WaitsFor(); len(waits) != 1 {
		t.Errorf("it waits for %+v", waits)
	}
	p.Verdict.Requirements[0].Reviewers = approval.Reviewers{}
	wants(t, policyText(t, p), "by nobody")
	p.Stuck = "only <b>one</b> member may"
	wants(t, policyText(t, p), "As things stand, nobody can grant it: only <b>one</b> member may")
}

func TestInputsWithTheirValues(t *testing.T) {
	t.Parallel()
	text := shown(t, "petition-inputs", policyOf(canned()).Inputs)
	wants(t, text, "Support ticket ticketSUP-1", "risknot given", "teamnot given")
}

// A broken glass is said loudly, with what must follow and until when, and then how it ended.
func TestBrokenGlass(t *testing.T) {
	t.Parallel()
	p := canned()
	p.Phase, p.Verdict.Decision, p.Verdict.Requirements, p.Verdict.Denials, p.Progress = approval.Granted, approval.VerdictApprove, nil, 0, nil
	p.Claims = []approval.Event{claim(approval.EventApprove, "bob@acme.example", "0")}
	p.Grant = &approval.Grant{StartTime: noon, EndTime: noon.Add(time.Hour)}
	p.Verdict.BreakGlass = &approval.BreakGlass{Within: 24 * time.Hour, Requirements: []approval.Requirement{{Reviewers: approval.Reviewers{Roles: []approval.Role{approval.Owner}}, Count: 2}}}
	p.Review = &approval.Review{ExpireTime: noon.Add(24 * time.Hour)}
	wants(t, policyText(t, p), "The glass was broken.", "Until 3 Jan 2030, 12:00 UTC it must be ratified", "What nobody ratifies ends", "1 of 2 approvals by any Owner · 1 missing", "bob@acme.example approved")
	if waits := policyOf(p).WaitsFor(); len(waits) != 1 {
		t.Errorf("it waits for %+v", waits)
	}
	for outcome, says := range map[approval.ReviewOutcome]string{approval.ReviewRatified: "It was ratified.", approval.ReviewRefused: "It was not ratified, so that it has ended", approval.ReviewExpired: "Nobody ratified it in time, so that it has ended"} {
		p.Review.Outcome = outcome
		wants(t, policyText(t, p), says)
		lacks(t, policyText(t, p), "must be ratified")
	}
	entries := historyOf(p, []approval.Event{p.Claims[0], claim(approval.EventDeny, "cy@acme.example", ""), {Event: approval.EventRatify}, {Event: approval.EventUnratified}})
	for i, want := range []string{"ratified it", "did not ratify it", "found it ratified", "ended it: it was not ratified"} {
		if entries[i].Did != want {
			t.Errorf("%q, want %q", entries[i].Did, want)
		}
	}
}

// The log's words of what time did, with the stage where there are several.
func TestHistoryOfStages(t *testing.T) {
	t.Parallel()
	p := canned()
	at := map[string]string{approval.LabelRequirement: "3", approval.LabelLevel: "1"}
	entries := historyOf(p, []approval.Event{claim(approval.EventApprove, "bob@acme.example", "1"), {Event: approval.EventEscalate, Meta: approval.Meta{Labels: at}}, {Event: approval.EventRemind, Meta: approval.Meta{Labels: at}}, {Event: approval.EventRemind}})
	for i, want := range []string{"approved [stage 2]", "asked more reviewers: nobody had decided in time [stage 3]", "reminded the reviewers [stage 3]", "reminded the reviewers []"} {
		if got := entries[i].Did + " [" + strings.Join(entries[i].Marks, " ") + "]"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Names that a rule or the directory gives are text, whatever is in them.
func TestHostileNamesOfReviewers(t *testing.T) {
	t.Parallel()
	const bad = `<img src=x onerror=alert(1)>` + "\u202e"
	p := canned()
	p.Verdict.Requirements = []approval.Requirement{{Count: 1, Notify: &approval.Reviewers{Persons: []string{bad}},
		Reviewers: approval.Reviewers{Persons: []string{bad}, Groups: []string{bad}, Managers: bad, Owners: bad, OnCall: []string{bad}, Where: bad}}}
	p.Verdict.Inputs = []approval.Input{{Label: bad, Description: bad}}
	p.Labels = map[string]string{bad: bad}
	for part, data := range map[string]any{"petition-policy": petitionView{Petition: p, Policy: policyOf(p)}, "petition-inputs": policyOf(p).Inputs} {
		var body bytes.Buffer
		if err := pages["petition"].ExecuteTemplate(&body, part, data); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(body.String(), "<img") || strings.Contains(body.String(), "\u202e") {
			t.Errorf("%s:\n%s", part, body.String())
		}
	}
}
