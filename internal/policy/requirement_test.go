package policy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/indent-approvals/indent/internal/approval"
)

// compiled compiles a text that must be right.
func compiled(t testing.TB, text string) *Document {
	t.Helper()
	d, err := Compile(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

const everyStage = `
version: 1
schedules:
  - name: primary
    rotations: [{every: 1w, start: 2026-01-05T09:00, persons: [ada@x.example]}]
rules:
  - name: r
    decideWithin: 24h
    denials: 2
    require:
      - name: team
        reviewers: {groups: [payments], managers: managerId}
        count: 2
        notify: {onCall: [primary]}
        remindAfter: 2h
        escalate:
          - {after: 4h, reviewers: {roles: [Owner]}}
          - {after: 8h, reviewers: {persons: [Boss@x.example]}}
      - name: owners
        all:
          - reviewers: {owners: owner}
            confirm: passkey
          - reviewers: {onCall: [primary], where: 'reviewer.role == "Editor"'}
            selfApproval: true
            distinctFrom: [team]
      - reviewers: {roles: [Owner]}
        distinctFrom: [owners, team, owners]
    inputs:
      - {label: ticket, description: Where it is planned., type: text, maxLength: 20}
      - {label: amount, type: number, min: 0.5, max: 100, optional: true}
      - {label: env, type: choice, choices: [test, prod]}
`

func TestAReviewHasStages(t *testing.T) {
	t.Parallel()
	in := asks(unknownToo) // two resources
	got, err := compiled(t, everyStage).Decide(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	least, most := 0.5, 100.0
	owner := approval.Reviewers{Roles: []approval.Role{approval.Owner}}
	owned := func(resource int) approval.Requirement {
		return approval.Requirement{Stage: 1, Resource: resource, Count: 1, Reviewers: approval.Reviewers{Owners: "owner"}, Confirm: approval.ConfirmPasskey}
	}
	want := approval.Verdict{Decision: approval.VerdictReview, Rule: "r", PolicyVersion: 7, DecideWithin: 24 * time.Hour, DefaultDuration: time.Hour, Denials: 2,
		Explanation: got.Explanation,
		Requirements: []approval.Requirement{
			{Stage: 0, Count: 2, Reviewers: approval.Reviewers{Groups: []string{"payments"}, Managers: "managerId"},
				Notify: &approval.Reviewers{OnCall: []string{"primary"}}, RemindAfter: 2 * time.Hour,
				Escalate: []approval.Escalation{{After: 4 * time.Hour, Reviewers: owner}, {After: 8 * time.Hour, Reviewers: approval.Reviewers{Persons: []string{"boss@x.example"}}}}},
			owned(1), owned(2),
			{Stage: 1, Count: 1, SelfApproval: true, DistinctFrom: []int{0}, Reviewers: approval.Reviewers{OnCall: []string{"primary"}, Where: `reviewer.role == "Editor"`}},
			{Stage: 2, Count: 1, DistinctFrom: []int{0, 1}, Reviewers: owner},
		},
		Inputs: []approval.Input{{Label: "ticket", Description: "Where it is planned.", Type: "text", MaxLength: 20},
			{Label: "amount", Type: "number", Min: &least, Max: &most, Optional: true}, {Label: "env", Type: "choice", Choices: []string{"test", "prod"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(got.Explanation, `rule "r" asks for 2 approvals by`) || !strings.Contains(got.Explanation, ", then 1 approval by") {
		t.Errorf("the explanation is %q", got.Explanation)
	}
}

// Decisions on different petitions share nothing that one could change for the other.
func TestOwnersAreAskedForEachResource(t *testing.T) {
	t.Parallel()
	d := compiled(t, "version: 1\nrules:\n- name: r\n  require:\n  - reviewers: {roles: [Owner]}\n    escalate: [{after: 1h, reviewers: {owners: owner}}]\n")
	for _, resources := range []int{1, 3, 2} {
		in := asks()
		in.Petition.Resources = make([]approval.Resource, resources)
		v, err := d.Decide(t.Context(), in)
		if err != nil || len(v.Requirements) != resources {
			t.Fatalf("%d resources: %v, %+v", resources, err, v.Requirements)
		}
		for i, r := range v.Requirements {
			if r.Resource != i+1 {
				t.Errorf("requirement %d is about resource %d", i, r.Resource)
			}
		}
	}
}

func TestBreakingTheGlass(t *testing.T) {
	t.Parallel()
	d := compiled(t, `
version: 1
schedules:
  - name: primary
    rotations: [{every: 1d, start: 2030-01-01T09:00, persons: [bea@x.example, cid@x.example]}]
rules:
  - name: glass
    when: resources.all(r, r.kind == "database")
    breakGlass:
      who: {roles: [Editor], persons: [pia@x.example], groups: [sre], onCall: [primary], where: 'reviewer.labels.trusted == "yes"'}
      duration: 2h
      review:
        within: 24h
        require:
          - {reviewers: {roles: [Owner]}}
          - {reviewers: {owners: owner}}
    defaultDuration: 1h
  - name: rest
    deny: {reason: no}
`)
	glass := func(in *approval.PolicyInput) {
		in.Petition.Labels = map[string]string{approval.LabelBreakGlass: "true"}
		in.Groups = func(_ context.Context, _, member string) ([]string, error) {
			return map[string][]string{"sue@x.example": {"eng", "sre"}}[member], nil
		}
		in.Labels = func(_ context.Context, _, member string) (map[string]string, error) {
			return map[string]string{"trusted": map[bool]string{true: "yes", false: "no"}[member == "tom@x.example"]}, nil
		}
	}
	by := func(id string, role approval.Role) func(*approval.PolicyInput) {
		return func(in *approval.PolicyInput) {
			in.Actor = approval.Actor{ID: id, Address: id, Role: role, Kind: approval.KindUser}
		}
	}
	cases := []struct {
		name, want string
		change     []func(*approval.PolicyInput)
	}{
		{"who does not say so", "rest", []func(*approval.PolicyInput){by("a@x.example", approval.Editor)}},
		{"who says something else", "rest", []func(*approval.PolicyInput){by("a@x.example", approval.Editor), func(in *approval.PolicyInput) {
			in.Petition.Labels = map[string]string{approval.LabelBreakGlass: "false"}
		}}},
		{"somebody else", "rest", []func(*approval.PolicyInput){by("a@x.example", approval.Viewer), glass}},
		{"by role", "glass", []func(*approval.PolicyInput){by("a@x.example", approval.Editor), glass}},
		{"by name", "glass", []func(*approval.PolicyInput){by("pia@x.example", approval.Viewer), glass}},
		{"by group", "glass", []func(*approval.PolicyInput){by("sue@x.example", approval.Viewer), glass}},
		{"by duty", "glass", []func(*approval.PolicyInput){by("cid@x.example", approval.Viewer), glass}},
		{"off duty", "rest", []func(*approval.PolicyInput){by("bea@x.example", approval.Viewer), glass}},
		{"by what the directory says", "glass", []func(*approval.PolicyInput){by("tom@x.example", approval.Viewer), glass}},
		{"for something else", "rest", []func(*approval.PolicyInput){by("pia@x.example", approval.Viewer), glass, func(in *approval.PolicyInput) {
			in.Petition.Resources[0].Kind = "action"
		}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v, err := d.Decide(t.Context(), asks(c.change...))
			if err != nil || v.Rule != c.want {
				t.Fatalf("got %s, %v (%s), want %s", v.Rule, err, v.Explanation, c.want)
			}
			if v.Rule == "rest" {
				return
			}
			owner := approval.Requirement{Count: 1, Reviewers: approval.Reviewers{Roles: []approval.Role{approval.Owner}}}
			owned := approval.Requirement{Stage: 1, Resource: 1, Count: 1, Reviewers: approval.Reviewers{Owners: "owner"}}
			want := &approval.BreakGlass{Within: 24 * time.Hour, Requirements: []approval.Requirement{owner, owned}}
			if diff := cmp.Diff(want, v.BreakGlass); diff != "" || v.Decision != approval.VerdictApprove || v.MaxDuration != 2*time.Hour || v.DefaultDuration != time.Hour {
				t.Errorf("%s\n%+v", diff, v)
			}
		})
	}
}

// The glass does not break when nobody can tell who asks.
func TestBreakingTheGlassNeedsTheDirectory(t *testing.T) {
	t.Parallel()
	d := compiled(t, "version: 1\nrules:\n- name: glass\n  breakGlass: {who: {groups: [sre]}, duration: 1h, review: {require: {reviewers: {roles: [Owner]}}, within: 1h}}\n")
	broken := approval.Errorf(approval.Unavailable, "the database is down")
	v, err := d.Decide(t.Context(), asks(func(in *approval.PolicyInput) {
		in.Petition.Labels = map[string]string{approval.LabelBreakGlass: "true"}
		in.Groups = func(context.Context, string, string) ([]string, error) { return nil, broken }
	}))
	if !errors.Is(err, broken) || v.Decision != "" {
		t.Errorf("got %+v, %v", v, err)
	}
}

// Each text is wrong at the place that « marks.
func TestWhatIsWrongWithStagesIsSaidWithItsPlace(t *testing.T) {
	t.Parallel()
	const rule = "version: 1\nschedules:\n- {name: primary, rotations: [{every: 1w, start: 2026-01-05, persons: [a@x.example]}]}\nrules:\n- name: r\n  "
	const owner = "reviewers: {roles: [Owner]}"
	const glass = "breakGlass: {who: {roles: [Owner]}, duration: 1h, review: {require: {" + owner + "}, within: 1h}}"
	many := func(n int, part string) string { return strings.TrimSuffix(strings.Repeat(part+", ", n), ", ") }
	var groups []string
	for i := range 101 {
		groups = append(groups, fmt.Sprintf("g%d", i))
	}
	cases := []struct{ name, text, want string }{
		{"no stage", rule + "require: «[]", "at least one stage"},
		{"too many stages", rule + "require: [" + many(10, "{"+owner+"}") + ", «{reviewers: {roles: [Owner]}}]", "at most 10 stages"},
		{"a stage that is none", rule + "require: [«7]", ""},
		{"an unknown key of a stage", rule + "require: [{«whom: {}}]", `unknown field "whom"`},
		{"a stage without reviewers", rule + "require: [«{count: 1}]", "reviewers is missing"},
		{"nobody in a stage", rule + "require: [{reviewers: «{}}]", "names nobody"},
		{"all of nothing", rule + "require: [«{all: []}]", "all is empty"},
		{"all and a requirement", rule + "require: [«{all: [{" + owner + "}], count: 1}]", "either all or the keys"},
		{"a name within all", rule + "require: [{all: [{«name: x, " + owner + "}]}]", `unknown field "name"`},
		{"too many requirements", rule + "require: «[" + many(3, "{all: ["+many(7, "{"+owner+"}")+"]}") + "]", "21 requirements"},
		{"too many owners", rule + "require: «[" + many(4, "{reviewers: {owners: owner}}") + "]", "4 requirements name owners"},
		{"a name twice", rule + "require: [{name: a, " + owner + "}, {name: «a, " + owner + "}]", "another stage"},
		{"an empty name", rule + "require: [{name: «'', " + owner + "}]", "is empty"},
		{"others than nobody", rule + "require: [{name: a, " + owner + ", distinctFrom: [«b]}]", "no earlier stage"},
		{"others than themselves", rule + "require: [{name: a, " + owner + ", distinctFrom: [«a]}]", "no earlier stage"},
		{"others than those after", rule + "require: [{all: [{" + owner + ", distinctFrom: [«b]}]}, {name: b, " + owner + "}]", "no earlier stage"},
		{"too few others", rule + "require: [{name: a, reviewers: {persons: [a@x.example, b@x.example]}, count: 2}, «{distinctFrom: [a], reviewers: {persons: [b@x.example]}}]", "nobody could ever"},
		{"too few others of a few", rule + "require: [{name: a, reviewers: {persons: [a@x.example, b@x.example]}}, {distinctFrom: [a], count: «2, reviewers: {persons: [a@x.example, b@x.example]}}]", "uses 1 of the 2"},
		{"more than persons and escalation", rule + "require: [{reviewers: {persons: [a@x.example]}, count: «3, escalate: [{after: 1h, reviewers: {persons: [b@x.example]}}]}]", "only 2 persons"},
		{"too many groups", rule + "require: {reviewers: {groups: [" + strings.Join(groups[:100], ", ") + ", «" + groups[100] + "]}}", "at most 100"},
		{"a group twice", rule + "require: {reviewers: {groups: [a, «a]}}", "twice"},
		{"a group without a name", rule + "require: {reviewers: {groups: [«' ']}}", "empty"},
		{"an unknown schedule", rule + "require: {reviewers: {onCall: [«secondary]}}", "no schedule"},
		{"managers by nothing", rule + "require: {reviewers: {managers: «''}}", "empty"},
		{"owners by two", rule + "require: {reviewers: {owners: «[a]}}", "such as owners: ownedBy"},
		{"a where that looks elsewhere", rule + "require: {reviewers: {where: «actor.id == \"x\"}}", "a where looks at reviewer"},
		{"a where that is none", rule + "require: {reviewers: {where: «reviewer.id}}", "must be true or false"},
		{"a when that looks at reviewer", rule + "when: «reviewer.id == 'x'\n  require: {" + owner + "}", "undeclared reference"},
		{"a reminder too late", rule + "decideWithin: 2h\n  require: {" + owner + ", remindAfter: «2h}", "never reached"},
		{"an escalation too late", rule + "require: {" + owner + ", escalate: [{after: «168h, " + owner + "}]}", "never reached"},
		{"escalations out of order", rule + "require: {" + owner + ", escalate: [{after: 2h, " + owner + "}, {after: «2h, " + owner + "}]}", "not after"},
		{"an escalation to nobody", rule + "require: {" + owner + ", escalate: [«{after: 2h}]}", "needs after and reviewers"},
		{"notify nobody", rule + "require: {" + owner + ", notify: «{}}", "names nobody"},
		{"no denial", rule + "require: {" + owner + "}\n  denials: «0", "1 to 100"},
		{"more denials than persons", rule + "require: {reviewers: {persons: [a@x.example]}}\n  denials: «2", "nobody could ever refuse"},
		{"denials of a rule", rule + "approve: {duration: 1h}\n  denials: «2", "only a rule with require"},

		{"the glass and who", rule + "breakGlass: «{duration: 1h, review: {require: {" + owner + "}, within: 1h}}", "needs who"},
		{"the glass and how long", rule + strings.Replace(strings.Replace(glass, "duration: 1h, ", "", 1), "{who", "«{who", 1), "needs a duration"},
		{"the glass and no review", rule + "breakGlass: «{who: {roles: [Owner]}, duration: 1h}", "needs a review"},
		{"the glass and a review without end", rule + "breakGlass: «{who: {roles: [Owner]}, duration: 1h, review: {require: {" + owner + "}}}", "needs a review"},
		{"the glass by managers", rule + strings.Replace(glass, "{roles: [Owner]}", "{managers: «m}", 1), "said by roles"},
		{"the glass and maxDuration", rule + glass + "\n  maxDuration: «1h", "breakGlass.duration"},
		{"the glass and what approves", rule + "when: petition«.reason == 'x'\n  " + glass, "must not rest on"},
		{"the glass and another answer", rule[:len(rule)-len("r\n  ")-len("- name: ")] + "- name«: r\n  " + glass + "\n  approve: {duration: 1h}", "exactly one"},

		{"an input without a label", rule + "require: {" + owner + "}\n  inputs: [«{type: text}]", "needs a label"},
		{"an input without a type", rule + "require: {" + owner + "}\n  inputs: [«{label: a}]", "needs a type"},
		{"an input of another type", rule + "require: {" + owner + "}\n  inputs: [{label: a, type: «date}]", "no type"},
		{"an input of ours", rule + "require: {" + owner + "}\n  inputs: [{label: «indent.com/breakGlass, type: text}]", "meaning of their own"},
		{"an input twice", rule + "require: {" + owner + "}\n  inputs: [{label: a, type: text}, {label: «a, type: number}]", "another input"},
		{"choices of a text", rule + "require: {" + owner + "}\n  inputs: [{label: a, type: «text, choices: [x]}]", "only a choice"},
		{"a choice of nothing", rule + "require: {" + owner + "}\n  inputs: [«{label: a, type: choice}]", "needs choices"},
		{"a choice twice", rule + "require: {" + owner + "}\n  inputs: [{label: a, type: choice, choices: [x, «x]}]", "twice"},
		{"the least of a text", rule + "require: {" + owner + "}\n  inputs: [{label: a, type: «text, min: 1}]", "only a number"},
		{"the least above the most", rule + "require: {" + owner + "}\n  inputs: [{label: a, type: number, min: 2, max: «1}]", "less than min"},
		{"a least that is none", rule + "require: {" + owner + "}\n  inputs: [{label: a, type: number, min: «x}]", "must be a number"},
		{"a least beyond all", rule + "require: {" + owner + "}\n  inputs: [{label: a, type: number, min: «.inf}]", "must be a number"},
		{"a number of characters", rule + "require: {" + owner + "}\n  inputs: [{label: a, type: number, maxLength: «1}]", "only a text"},
		{"no characters", rule + "require: {" + owner + "}\n  inputs: [{label: a, type: text, maxLength: «0}]", "1 to 1000"},
		{"inputs of a denial", rule + "deny: {reason: x}\n  inputs: [«{label: a, type: text}]", "leave inputs out"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			wrong(t, c.text, "r", c.want)
		})
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	const rules = "version: 1\nrules:\n"
	cases := []struct{ name, text, want string }{
		{"none", rules + "- {name: a, when: 'true', deny: {reason: x}}\n- {name: b, deny: {reason: x}}", ""},
		{"no catch-all", rules + "- {name: a, deny: {reason: x}, when: 'true'}", "line 3, column 3: rule \"a\": the last rule is not for every petition"},
		{"a catch-all that is none", rules + "- {name: a, breakGlass: {who: {roles: [Owner]}, duration: 1h, review: {require: {reviewers: {roles: [Owner]}}, within: 1h}}}",
			"line 3, column 3: rule \"a\": the last rule is not for every petition"},
		{"a rule that nothing reaches", rules + "- {name: a, deny: {reason: x}}\n- {name: b, deny: {reason: x}}\n- {name: c, deny: {reason: x}}",
			"line 4, column 3: rule \"b\": nothing reaches this rule: rule \"a\""},
		{"a schedule with holes", "version: 1\nschedules: [{name: s, rotations: [{every: 1d, start: 2026-01-05, persons: [a@x.example], restrict: [{days: [mon]}]}]}]\nrules: [{name: a, deny: {reason: x}}]",
			"line 2, column 13: the schedule s has times at which nobody is on call"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, w := range compiled(t, c.text).Warnings {
				got = append(got, w.String())
			}
			if text := strings.Join(got, "\n"); (text == "") != (c.want == "") || !strings.HasPrefix(text, c.want) || len(got) > 1 {
				t.Errorf("got %q, want %q", text, c.want)
			}
		})
	}
}
