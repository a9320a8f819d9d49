package policy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/indent-approvals/indent/internal/approval"
)

var (
	someKinds = []string{"a", "b", "c"}
	someIDs   = []string{"a", "1", "2"}
)

// drawCondition makes a condition: of what the index understands, of what it does not, and of what fails.
func drawCondition(t *rapid.T, depth int) string {
	kind := func() string { return fmt.Sprintf("%q", rapid.SampledFrom(someKinds).Draw(t, "kind")) }
	id := func() string { return fmt.Sprintf("%q", rapid.SampledFrom(someIDs).Draw(t, "id")) }
	name := rapid.SampledFrom([]string{"r", "actor", "resources", "p"}).Draw(t, "variable")
	if depth == 0 {
		return rapid.SampledFrom([]func() string{
			func() string { return "resources[0].kind == " + kind() },
			func() string { return kind() + " == resources[0].kind" },
			func() string { return "resources[1].kind == " + kind() },
			func() string { return "resources[0].id in [" + id() + ", " + id() + "]" },
			func() string { return "resources[0].id in []" },
			func() string {
				return "actor.role == " + rapid.SampledFrom([]string{`"Owner"`, `"Viewer"`}).Draw(t, "role")
			},
			func() string { return `actor.id in ["ada@acmecorp.example", "eve@acmecorp.example"]` },
			func() string { return `actor.id != "ada@acmecorp.example"` },
			func() string { return "petitioners[0].id == " + id() },
			func() string { return "petition.params.x == " + kind() },
			func() string { return `petition.params["y"] in [` + kind() + `, "z"]` },
			func() string { return kind() + " == petition.params.y" },
			func() string { return "has(petition.params.x) && petition.params.x == " + kind() },
			func() string { return "petition.params.x != " + kind() },
			func() string { return "petition.params.missing == 1" },
			func() string { return "1 / 0 == 1" },
			func() string { return `known[0].kind == "a"` },
			func() string { return "true" },
			func() string { return "false" },
			func() string { return `resources[0].kind == resources[0].id` },
			func() string { return `resources[0].kind == "a" + ""` },
			func() string { return `has(petition.params.missing)` },
		}).Draw(t, "atom")()
	}
	inner := func() string { return drawCondition(t, depth-1) }
	ofOne := func() string {
		part := func() string {
			return rapid.SampledFrom([]func() string{
				func() string { return name + ".kind == " + kind() },
				func() string { return name + ".kind in [" + kind() + ", " + kind() + "]" },
				func() string { return name + ".id == " + id() },
				func() string { return name + ".kind != " + kind() },
				func() string { return name + ".labels.missing == 'x'" },
				func() string { return name + ".kind == " + name + ".id" },
				func() string { return "[1, 2].exists(x, x == 2 && " + name + ".kind == 'a')" },
				func() string { return "petition.params.missing == 1" },
			}).Draw(t, "part")()
		}
		return part() + rapid.SampledFrom([]string{" && ", " || "}).Draw(t, "joint") + part()
	}
	return rapid.SampledFrom([]func() string{
		func() string { return "(" + inner() + " && " + inner() + ")" },
		func() string { return "(" + inner() + " || " + inner() + ")" },
		func() string { return "!(" + inner() + ")" },
		func() string { return "(" + inner() + " ? " + inner() + " : " + inner() + ")" },
		func() string { return "(resources[0].kind == " + kind() + " && " + inner() + ")" },
		func() string { return "(" + inner() + " && resources.exists(r, r.kind == " + kind() + "))" },
		func() string { return "resources.all(" + name + ", " + ofOne() + ")" },
		func() string { return "resources.exists(" + name + ", " + ofOne() + ")" },
		func() string { return "resources.exists_one(" + name + ", " + ofOne() + ")" },
		func() string { return "petitioners.exists(" + name + ", " + ofOne() + ")" },
		func() string { return "[resources].all(resources, resources.exists(" + name + ", " + ofOne() + "))" },
		func() string { return "size(resources.filter(" + name + ", " + ofOne() + ")) > 0" },
		inner,
	}).Draw(t, "shape")()
}

// The index passes over rules and changes no answer: neither which rule decides, nor that an earlier one cannot be
// evaluated.
func TestTheIndexChangesNoAnswer(t *testing.T) {
	t.Parallel()
	passed := 0
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		b.WriteString("version: 1\nrules:\n")
		rules := rapid.IntRange(1, 8).Draw(t, "rules")
		for i := range rules {
			fmt.Fprintf(&b, "- name: r%d\n  when: %q\n  deny: {reason: x}\n", i, drawCondition(t, rapid.IntRange(0, 3).Draw(t, "depth")))
		}
		indexed, err := Compile(b.String())
		if err != nil {
			t.Fatalf("%s\n%v", b.String(), err)
		}
		plain := *indexed
		plain.index = nil
		for range 4 {
			in := asks()
			in.Actor.Role = rapid.SampledFrom([]approval.Role{approval.Viewer, approval.Owner}).Draw(t, "role")
			in.Petition.Resources = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) approval.Resource {
				return approval.Resource{Kind: rapid.SampledFrom(append(someKinds, "")).Draw(t, "kind"), ID: rapid.SampledFrom(append(someIDs, "")).Draw(t, "id")}
			}), 0, 3).Draw(t, "resources")
			in.Petition.Params = approval.RawJSON(rapid.SampledFrom([]string{"", `{}`, `{"x":"a"}`, `{"x":"b","y":"a"}`, `{"x":1}`, `{"x":null,"y":"z"}`, `{"y":{"x":"a"}}`, `{"x":["a"]}`}).Draw(t, "params"))
			in.Known = func(context.Context, string, []approval.Resource) ([]approval.Resource, error) {
				return in.Petition.Resources, nil
			}
			got, gotErr := indexed.Decide(context.Background(), in)
			want, wantErr := plain.Decide(context.Background(), in)
			if diff := cmp.Diff(want, got); diff != "" || fmt.Sprint(wantErr) != fmt.Sprint(gotErr) {
				t.Fatalf("%s\n%+v\nindexed %v, plain %v\n%s", b.String(), in.Petition.Resources, gotErr, wantErr, diff)
			}
			could := indexed.index.candidates(&in)
			for i := range rules {
				if could.next(i) != i {
					passed++
				}
			}
		}
	})
	if passed < 100 {
		t.Errorf("only %d rules were passed over: the test proves nothing", passed)
	}
}

func TestWhatARuleDemands(t *testing.T) {
	t.Parallel()
	cases := []struct{ when, want string }{
		{`resources.all(r, r.kind == "db")`, "0 db"},
		{`resources.exists(r, "db" == r.kind && r.labels.tier == "x")`, "0 db"},
		{`petition.params.x == 1 && resources[0].kind == "db"`, "0 db"},
		{`resources.all(r, r.kind == "db" && r.id == "prod")`, "1 prod"},
		{`resources.all(r, r.kind in ["db", "vm"]) || resources.exists(r, r.kind == "net")`, "0 db, 0 net, 0 vm"},
		{`actor.id == "ada" && actor.role == "Owner"`, "2 ada"},
		{`resources.all(r, r.kind == "db") && actor.role == "Owner"`, "0 db"},
		{`resources.all(r, r.kind == "db") || actor.role == "Owner"`, "0 db, 6 Owner"},
		{`resources.all(r, r.kind == "db" || r.email == "x")`, ""},
		{`resources.all(r, r.kind != "db")`, ""},
		{`!resources.all(r, r.kind == "db")`, ""},
		{`known.all(r, r.kind == "db")`, ""},
		{`petitioners.all(r, r.kind == "user")`, ""},
		{`resources[1].kind == "db"`, ""},
		{`resources.map(r, r.kind).exists(k, k == "db")`, ""},
		{`resources.all(r, actor.id == "x")`, ""},
		{`actor.id in []`, ""},
		{`petition.params.team == "a"`, "team a"},
		{`petition.params["the team"] in ["a", "b"] && petition.params.amount < 100`, "the team a, the team b"},
		{`has(petition.params.team) && "a" == petition.params.team`, "team a"},
		{`petition.params.team == "a" || resources[0].kind == "db"`, "0 db, team a"},
		{`resources[0].kind == "db" && petition.params.team == "a"`, "0 db"},
		{`petition.params.team.lead == "a"`, ""},
		{`petition.params.amount == 1`, ""},
		{`petition.params.team != "a"`, ""},
		{`petition.labels.team == "a"`, ""},
		{`true`, ""},
	}
	for _, c := range cases {
		d := document(t, c.when+" -> deny")
		var found []string
		for of, by := range d.index.by {
			for value := range by {
				found = append(found, fmt.Sprintf("%d %s", of, value))
			}
		}
		for key, p := range d.index.params {
			for value := range p.by {
				found = append(found, key+" "+value)
			}
		}
		slices.Sort(found)
		if got := strings.Join(found, ", "); got != c.want || (c.want == "") != (d.index.always.next(0) == 0) {
			t.Errorf("%s demands %q, want %q", c.when, got, c.want)
		}
	}
}

// Of what a condition demands the index goes by that which tells most rules apart, and rules that are told apart by a param are
// evaluated where a petition does not say it: they might fail.
func TestTheIndexGoesByWhatTellsRulesApart(t *testing.T) {
	t.Parallel()
	d := document(t, `resources[0].kind == "refund" && petition.params.team == "a" -> deny`, `resources[0].kind == "refund" && petition.params.team == "b" -> deny`,
		`resources[0].kind == "refund" && petition.params.team == "c" -> deny`, "review")
	for params, want := range map[string]string{`{"team":"b"}`: "[1 3]", `{"team":"x"}`: "[3]", `{}`: "[0 1 2 3]", `{"team":7}`: "[0 1 2 3]", `{"team":{"x":"b"},"a":[1]}`: "[0 1 2 3]",
		`{"a":{"team":"a"},"team":"b"}`: "[1 3]", ``: "[0 1 2 3]", `broken`: "[0 1 2 3]", `{"team":"b",`: "[0 1 2 3]"} {
		in := asks(func(in *approval.PolicyInput) {
			in.Petition.Resources[0].Kind, in.Petition.Params = "refund", approval.RawJSON(params)
		})
		could, got := d.index.candidates(&in), []int{}
		for i := could.next(0); i >= 0 && i < len(d.rules); i = could.next(i + 1) {
			got = append(got, i)
		}
		if fmt.Sprint(got) != want {
			t.Errorf("of %s %v are tried, want %s", params, got, want)
		}
	}
}

// A rule that could not match is not looked at: it reads no directory and costs nothing.
func TestARuleThatIsPassedOverReadsNothing(t *testing.T) {
	t.Parallel()
	rules := make([]string, 100)
	for i := range rules {
		rules[i] = `petition.params.l.exists(x, x == -1) && size(known) > 0 && resources.all(r, r.kind == "vm") -> deny`
	}
	in := asks(params(`{"l":[`+strings.Repeat("1,", 6000)+`1]}`), func(in *approval.PolicyInput) {
		in.Known = func(context.Context, string, []approval.Resource) ([]approval.Resource, error) {
			return nil, errors.New("down")
		}
	})
	if v, err := document(t, append(rules, "review")...).Decide(t.Context(), in); err != nil || v.Rule != "r101" {
		t.Errorf("got %s, %v", v.Rule, err)
	}
}

// The bar: 50 µs with a thousand rules, of which a few are about what is asked for.
func BenchmarkDecide1000Rules(b *testing.B) {
	var text strings.Builder
	text.WriteString("version: 1\nrules:\n")
	for i := range maxRules - 1 {
		switch kind := i / 4; i % 4 {
		case 0:
			fmt.Fprintf(&text, "- {name: r%d, when: 'resources.all(r, r.kind == \"kind-%d\") && petition.params.amount < 100', approve: {duration: 1h}}\n", i, kind)
		case 1:
			fmt.Fprintf(&text, "- {name: r%d, when: 'resources.exists(r, r.kind == \"kind-%d\" && r.id.startsWith(\"prod-\")) && petition.duration > duration(\"8h\")', deny: {reason: too long}}\n", i, kind)
		case 2:
			fmt.Fprintf(&text, "- {name: r%d, when: 'resources[0].kind == \"kind-%d\" && actor.email.endsWith(\"@contractors.example\")', deny: {reason: ask your manager}}\n", i, kind)
		default:
			fmt.Fprintf(&text, "- {name: r%d, when: 'resources.all(r, r.kind in [\"kind-%d\"])', require: {reviewers: {roles: [Owner]}}}\n", i, kind)
		}
	}
	text.WriteString("- {name: rest, require: {reviewers: {roles: [Editor, Owner]}}}\n")
	for name, kind := range map[string]string{"ByTheLastKind": "kind-248", "ByTheCatchAll": "kind-x"} {
		b.Run(name, func(b *testing.B) {
			e, in := New(), asks(params(`{"amount":250}`))
			in.Petition.Resources[0].Kind = kind
			in.Document.Text = text.String()
			if _, err := e.document(in.Document); err != nil { // compiled once
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if v, err := e.Decide(b.Context(), in); err != nil || v.Decision != approval.VerdictReview {
					b.Fatal(v, err)
				}
			}
		})
	}
}

// A thousand rules that differ by the params only: by a text, by which the index goes, and by a number, where all are evaluated. The
// guide has the figures.
func BenchmarkDecide1000RulesByParams(b *testing.B) {
	for name, when := range map[string]string{"Text": `petition.params.team == "team-%d" && petition.params.amount < 100`, "Number": `petition.params.amount == %d.0`} {
		b.Run(name, func(b *testing.B) { decideByParams(b, when) })
	}
}

func decideByParams(b *testing.B, when string) {
	var text strings.Builder
	text.WriteString("version: 1\nrules:\n")
	for i := range maxRules - 1 {
		fmt.Fprintf(&text, "- {name: r%d, when: '"+when+"', approve: {duration: 1h}}\n", i, i)
	}
	text.WriteString("- {name: rest, require: {reviewers: {roles: [Editor, Owner]}}}\n")
	e, in := New(), asks(params(`{"team":"another","amount":2500}`))
	in.Document.Text = text.String()
	if _, err := e.document(in.Document); err != nil { // compiled once
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if v, err := e.Decide(b.Context(), in); err != nil || v.Rule != "rest" {
			b.Fatal(v, err)
		}
	}
}
