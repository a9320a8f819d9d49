package approval_test

import (
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// Whoever asks for what too few people may grant is told at once, and so is the log: members who are suspended, who ask, or
// who are one person are not counted.
func TestWhatNobodyCanGrantIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	distinct := func(r approval.Requirement) approval.Requirement {
		r.DistinctFrom = []int{0}
		return r
	}
	roles := func(count int) approval.Requirement {
		return approval.Requirement{Count: count, Reviewers: approval.Reviewers{Roles: []approval.Role{approval.Editor, approval.Owner}}}
	}
	escalating := roles(4)
	escalating.Escalate = []approval.Escalation{{After: time.Hour, Reviewers: approval.Reviewers{Persons: []string{pat}}}}
	late := escalating
	late.Escalate = []approval.Escalation{{After: 48 * time.Hour, Reviewers: approval.Reviewers{Persons: []string{pat}}}}
	groups := approval.Requirement{Count: 2, Reviewers: approval.Reviewers{Groups: []string{"G1"}}}
	where := approval.Requirement{Count: 1, Reviewers: approval.Reviewers{Where: "is pat"}}
	onCall := approval.Requirement{Count: 1, Reviewers: approval.Reviewers{OnCall: []string{"primary"}}}
	managers := approval.Requirement{Count: 1, Reviewers: approval.Reviewers{Managers: "managerId"}}
	owners := approval.Requirement{Count: 3, Reviewers: approval.Reviewers{Owners: "owner"}}
	for name, c := range map[string]struct {
		asks  string
		rules []approval.Requirement
		stuck string
	}{
		"enough":                           {vic, []approval.Requirement{roles(3)}, ""},
		"one too few":                      {vic, []approval.Requirement{roles(4)}, "asks for 4 approvals by Editor or Owner, and only 3 may give one"},
		"who asks does not count":          {bob, []approval.Requirement{roles(3)}, "only 2 may give one"},
		"who left":                         {vic, []approval.Requirement{named(0, 1, "gone@acme.example")}, "only 0 may give one"},
		"who is suspended":                 {vic, []approval.Requirement{named(0, 1, "sam@acme.example")}, "only 0 may give one"},
		"a later stage":                    {vic, []approval.Requirement{roles(1), named(1, 1, vic)}, "stage 2: 1 approval by " + vic},
		"two members who are one person":   {vic, []approval.Requirement{named(0, 2, eve, "eve.l@acme.example")}, "only 1 may give one"},
		"escalation adds enough":           {vic, []approval.Requirement{escalating}, ""},
		"escalation comes too late":        {vic, []approval.Requirement{late}, "only 3 may give one"},
		"stages with the same person":      {vic, []approval.Requirement{named(0, 1, bob), named(1, 1, bob)}, ""},
		"stages that ask for others":       {vic, []approval.Requirement{named(0, 1, bob), distinct(named(1, 1, bob))}, "ask for different persons"},
		"by matching, the first gives way": {vic, []approval.Requirement{named(0, 1, bob, eve), distinct(named(1, 1, bob))}, ""},
		"by matching, three share two":     {vic, []approval.Requirement{named(0, 2, bob, eve), distinct(named(1, 1, bob, eve))}, "ask for different persons"},
		"those that may share do":          {vic, []approval.Requirement{named(0, 1, bob, eve), distinct(named(1, 1, bob, eve)), distinct(named(2, 1, bob, eve))}, ""},
		"a group":                          {vic, []approval.Requirement{groups}, ""},
		"a group of whom one asks":         {pat, []approval.Requirement{groups}, "only 1 may give one"},
		"a condition":                      {vic, []approval.Requirement{where}, ""},
		"a condition that picks who asks":  {pat, []approval.Requirement{where}, "only 0 may give one"},
		"on call":                          {vic, []approval.Requirement{onCall}, ""},
		"on call is who asks":              {bob, []approval.Requirement{onCall}, "only 0 may give one"},
		"a manager":                        {vic, []approval.Requirement{managers}, ""},
		"no manager":                       {bob, []approval.Requirement{managers}, "only 0 may give one"},
		"owners":                           {vic, []approval.Requirement{owners}, ""},
		"an owner asks":                    {pat, []approval.Requirement{owners}, "only 2 may give one"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.put(approval.Member{ID: "sam@acme.example", Kind: approval.KindUser, Email: "sam@acme.example", Role: approval.Editor, Person: "sam@acme.example", Suspended: true})
			h.put(approval.Member{ID: "eve.l@acme.example", Kind: approval.KindUser, Email: "eve.l@acme.example", Role: approval.Viewer, Person: "eve.l@acme.example"})
			if _, err := h.LinkIdentity(t.Context(), h.actor(olga), eve, "eve.l@acme.example"); err != nil {
				t.Fatal(err)
			}
			h.directory(entry("group", "dba", "G1"), entry("user", "vic", vic, "managerId", eve), entry("action", "reset", "reset-password:123", "owner", "G1, "+olga))
			h.group("dba", approval.Resource{ID: pat}, approval.Resource{ID: bob})
			h.rule.onCall = map[string]approval.OnCall{"primary": {Persons: []string{bob}}}
			h.rule.selects = func(_ string, c approval.Candidate) (bool, error) { return c.ID == pat, nil }
			h.rule.verdict = staged(c.rules...)
			p := h.ask(c.asks)
			if (p.Stuck == "") != (c.stuck == "") || !strings.Contains(p.Stuck, c.stuck) {
				t.Fatalf("got %q, want %q", p.Stuck, c.stuck)
			}
			want := []string{"access/request"}
			if c.stuck != "" {
				want = append(want, "access/unsatisfiable")
			}
			sameList(t, "log", h.log(p), want...)
			same(t, "phase", p.Phase, approval.Open)
			h.conserves(p)
		})
	}
}

// The roster of a space is read once a second, and where it cannot be read nothing is said and nothing fails.
func TestCountingIsAdvice(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = review(1)
	h.ask(vic)
	rosters := 0
	h.store.BeforeRead = func(what string) error {
		if what == "Members" {
			rosters++
			return approval.Wrap(approval.Unavailable, errLost, "try again")
		}
		return nil
	}
	h.ask(vic)
	same(t, "rosters read within a second", rosters, 0)
	h.clock.Advance(time.Second)
	h.rule.verdict = review(9)
	same(t, "stuck", h.ask(vic).Stuck, "")
	same(t, "rosters read", rosters, 1)
}

// What a rule asks the petitioner to fill in is checked when the petition is made, with the field and what it takes.
func TestInputs(t *testing.T) {
	t.Parallel()
	one, ten := 1.0, 10.0
	inputs := []approval.Input{
		{Label: "ticket", Type: approval.InputText, MaxLength: 6, Description: "the ticket"},
		{Label: "machines", Type: approval.InputNumber, Min: &one, Max: &ten, Optional: true},
		{Label: "region", Type: approval.InputChoice, Choices: []string{"eu", "us"}, Optional: true},
	}
	for name, c := range map[string]struct {
		labels      map[string]string
		field, text string
	}{
		"all":              {map[string]string{"ticket": "OPS-12", "machines": "2.5", "region": "eu"}, "", ""},
		"the optional out": {map[string]string{"ticket": "ÄÖÜ-12"}, "", ""},
		"none":             {nil, "ticket", `is required by rule "two eyes": a text of at most 6 characters (the ticket)`},
		"blank":            {map[string]string{"ticket": "  "}, "ticket", "is required"},
		"too long":         {map[string]string{"ticket": "OPS-123"}, "ticket", "it has 7 characters"},
		"no number":        {map[string]string{"ticket": "a", "machines": "two"}, "machines", `must be a number of at least 1 and at most 10, it is "two"`},
		"infinite":         {map[string]string{"ticket": "a", "machines": "Inf"}, "machines", "must be a number"},
		"hexadecimal":      {map[string]string{"ticket": "a", "machines": "0x2p0"}, "machines", "must be a number"},
		"too small":        {map[string]string{"ticket": "a", "machines": "0.999"}, "machines", "must be a number"},
		"too large":        {map[string]string{"ticket": "a", "machines": "1e2"}, "machines", "must be a number"},
		"no choice":        {map[string]string{"ticket": "a", "region": "EU"}, "region", `must be one of eu or us, it is "EU"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.rule.verdict = review(1)
			h.rule.verdict.Inputs = inputs
			n := reset()
			n.Labels = c.labels
			_, _, err := h.CreatePetition(t.Context(), h.actor(vic), n, "")
			if c.field == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			wrong, ok := err.(*approval.Error)
			if !ok || wrong.Code != approval.Invalid || wrong.Field != "petition.meta.labels."+c.field || !strings.Contains(wrong.Message, c.text) {
				t.Errorf("got %v", err)
			}
		})
	}
}
