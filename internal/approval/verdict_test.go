package approval

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func person(id string, role Role) Actor {
	return Actor{Space: "acme", ID: id, Person: id, Kind: KindUser, Email: id, Role: role}
}

func account(id, owner string, role Role) Actor {
	return Actor{Space: "acme", ID: id, Person: owner, Kind: KindServiceAccount, Role: role}
}

const (
	ada = "ada@acme.example"
	bob = "bob@acme.example"
	eve = "eve@acme.example"
)

func editors(count int, self bool) Requirement {
	return Requirement{Reviewers: Reviewers{Roles: []Role{Editor, Owner}}, Count: count, SelfApproval: self}
}

func named(count int, persons ...string) Requirement {
	return Requirement{Reviewers: Reviewers{Persons: persons}, Count: count}
}

// Who may decide what: the table of I6, I8 and I14.
func TestEligibilityOf(t *testing.T) {
	t.Parallel()
	asks := func(creator Actor, persons ...string) Petition {
		return Petition{CreatedBy: creator.Resource(), Petitioners: []Resource{creator.Resource()}, Persons: append(persons, creator.Person)}
	}
	forBob := asks(person(ada, PetitionAdmin), bob)
	forBob.Petitioners = []Resource{{ID: "u-17", Kind: "okta/user", Email: "Bob@ACME.example"}}
	forBob.Persons = []string{ada} // as if the server had not found out who u-17 is
	for _, c := range []struct {
		name  string
		p     Petition
		rules []Requirement
		actor Actor
		for_  []int
		self  bool
		why   string
	}{
		{"a role that is named", asks(person(ada, Viewer)), []Requirement{editors(1, false)}, person(bob, Editor), []int{0}, false, ""},
		{"a role that is not", asks(person(ada, Viewer)), []Requirement{editors(1, false)}, person(bob, PetitionAdmin), nil, false, `rule "r" asks for Editor or Owner`},
		{"a role above the one that is named", asks(person(ada, Viewer)), []Requirement{{Reviewers: Reviewers{Roles: []Role{Editor}}, Count: 1}}, person(bob, Owner), nil, false, "asks for Editor"},
		{"no role any more", asks(person(ada, Viewer)), []Requirement{editors(1, false)}, person(bob, ""), nil, false, "asks for"},
		{"a person who is named", asks(person(ada, Viewer)), []Requirement{named(1, bob)}, person(bob, Viewer), []int{0}, false, ""},
		{"a person who is not", asks(person(ada, Viewer)), []Requirement{named(1, bob)}, person(eve, Owner), nil, false, "asks for " + bob},
		{"a service account of a person who is named", asks(person(ada, Viewer)), []Requirement{named(1, bob)}, account("bot", bob, Editor), nil, false, "asks for " + bob},
		{"a service account that is named", asks(person(ada, Viewer)), []Requirement{named(1, "bot")}, account("bot", bob, Viewer), []int{0}, false, ""},
		{"two requirements, one of them", asks(person(ada, Viewer)), []Requirement{named(1, eve), editors(1, false)}, person(bob, Editor), []int{1}, false, ""},
		{"two requirements, both", asks(person(ada, Viewer)), []Requirement{named(1, bob), editors(1, false)}, person(bob, Editor), []int{0, 1}, false, ""},

		{"who asks", asks(person(ada, Editor)), []Requirement{editors(1, false)}, person(ada, Editor), nil, true, "whoever asks does not decide"},
		{"who asks, and a rule says so out loud", asks(person(ada, Editor)), []Requirement{editors(1, true)}, person(ada, Editor), []int{0}, true, ""},
		{"who asks, and one of two rules says so", asks(person(ada, Editor)), []Requirement{editors(1, false), editors(1, true)}, person(ada, Editor), []int{1}, true, ""},
		{"who asks, not among the reviewers", asks(person(ada, Viewer)), []Requirement{editors(1, true)}, person(ada, Viewer), nil, true, "asks for"},
		{"a service account of who asks", asks(person(ada, Editor)), []Requirement{editors(1, false)}, account("bot", ada, Editor), nil, true, "whoever asks"},
		{"the owner of the service account that asks", asks(account("bot", ada, PetitionAdmin)), []Requirement{editors(1, false)}, person(ada, Owner), nil, true, "whoever asks"},
		{"another service account of the same owner", asks(account("bot", ada, PetitionAdmin)), []Requirement{editors(1, false)}, account("bot2", ada, Editor), nil, true, "whoever asks"},
		{"the service account that asks, after its owner has changed", asks(account("bot", ada, Editor)), []Requirement{editors(1, false)}, account("bot", eve, Editor), nil, true, "whoever asks"},
		{"an identity that was linked to another person later", asks(person(ada, Editor)), []Requirement{editors(1, false)},
			Actor{ID: ada, Person: eve, Kind: KindUser, Role: Editor}, nil, true, "whoever asks"},
		{"for whom it was made, under an id of the caller's making, and linked to another person later", Petition{CreatedBy: person(ada, PetitionAdmin).Resource(),
			Petitioners: []Resource{{ID: "x", AltIDs: []string{bob}}}, Persons: []string{ada, bob}}, []Requirement{editors(1, false)},
			Actor{ID: "Bob@acme.example", Person: eve, Kind: KindUser, Role: Editor}, nil, true, "whoever asks"},
		{"who made the petition for somebody else", forBob, []Requirement{editors(1, false)}, person(ada, Editor), nil, true, "whoever asks"},
		{"for whom it was made, by another id and a differently written address", forBob, []Requirement{editors(1, false)}, person(bob, Editor), nil, true, "whoever asks"},
		{"a third person", forBob, []Requirement{editors(1, false)}, person(eve, Editor), []int{0}, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.p.Verdict = Verdict{Decision: VerdictReview, Rule: "r", Requirements: c.rules}
			got := c.p.EligibilityOf(c.actor, Facts{})
			if !slices.Equal(got.Requirements, c.for_) || got.Self != c.self || !strings.Contains(got.Why, c.why) || got.May() != (c.why == "") {
				t.Errorf("got %+v, want %v, self %v, why %q", got, c.for_, c.self, c.why)
			}
		})
	}
}

func TestNobodyDecidesWhatARuleDecides(t *testing.T) {
	t.Parallel()
	for _, decision := range []string{VerdictApprove, VerdictDeny, "", "maybe"} {
		p := Petition{Verdict: Verdict{Decision: decision, Rule: "r", Requirements: []Requirement{editors(1, true)}}}
		if e := p.EligibilityOf(person(ada, Owner), Facts{}); e.May() || !strings.Contains(e.Why, `rule "r" decides`) {
			t.Errorf("%q: %+v", decision, e)
		}
	}
}

// A verdict that would let a petition through with nobody's approval, or that nobody could ever meet, is no verdict:
// the owners decide then (I3, I14).
func TestVerdictsThatAreNone(t *testing.T) {
	t.Parallel()
	good := Verdict{Decision: VerdictReview, Requirements: []Requirement{editors(1, false)}, DecideWithin: time.Hour, DefaultDuration: time.Hour}
	if err := good.check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Verdict){
		"no decision":                     func(v *Verdict) { v.Decision = "" },
		"unknown decision":                func(v *Verdict) { v.Decision = "allow" },
		"no requirement":                  func(v *Verdict) { v.Requirements = nil },
		"nobody's approval is enough":     func(v *Verdict) { v.Requirements = []Requirement{editors(0, false)} },
		"less than nobody's":              func(v *Verdict) { v.Requirements = []Requirement{editors(1, false), editors(-1, false)} },
		"no reviewers":                    func(v *Verdict) { v.Requirements = []Requirement{{Count: 1}} },
		"more approvals than persons":     func(v *Verdict) { v.Requirements = []Requirement{named(2, ada)} },
		"one person named twice":          func(v *Verdict) { v.Requirements = []Requirement{named(2, ada, ada)} },
		"it never expires":                func(v *Verdict) { v.DecideWithin = 0 },
		"it expires in eleven years":      func(v *Verdict) { v.DecideWithin = MaxDuration + 1 },
		"a grant without end":             func(v *Verdict) { v.DefaultDuration = 0 },
		"a grant of eleven years":         func(v *Verdict) { v.DefaultDuration = MaxDuration + 1 },
		"a maximum below nothing":         func(v *Verdict) { v.MaxDuration = -1 },
		"a default longer than its limit": func(v *Verdict) { v.MaxDuration = time.Minute },
		"approved, but it never expires":  func(v *Verdict) { v.Decision, v.DecideWithin = VerdictApprove, 0 },
	} {
		v := good
		change(&v)
		if err := v.check(); CodeOf(err) != Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReviewersForPeople(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]Reviewers{
		"": {}, "Owner": {Roles: []Role{Owner}}, "Owner or Editor": {Roles: []Role{Owner, Editor}},
		"Owner, Editor or " + ada: {Roles: []Role{Owner, Editor}, Persons: []string{ada}},
	} {
		if got := r.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
