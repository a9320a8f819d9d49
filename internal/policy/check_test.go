package policy

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// person makes a member of a directory: "ada Editor" or "ada Editor sre,eng".
func person(described string) DirectoryMember {
	parts := append(strings.Fields(described), "")
	id := parts[0] + "@x.example"
	m := DirectoryMember{Member: approval.Member{ID: id, Kind: approval.KindUser, Email: id, Person: id, Role: approval.Role(parts[1])}}
	if parts[2] != "" {
		m.Groups = strings.Split(parts[2], ",")
	}
	return m
}

func directory(members ...string) Directory {
	d := Directory{Now: noon, Resources: []approval.Resource{{ID: "db", Kind: "database", Labels: map[string]string{"owner": "ada@x.example, sre"}}, {ID: "page", Kind: "page"}}}
	for _, m := range members {
		d.Members = append(d.Members, person(m))
	}
	return d
}

func TestCheckFindsPetitionsThatWaitForEver(t *testing.T) {
	t.Parallel()
	const head = "version: 1\nrules:\n- name: r\n  "
	const owners, groups = "require: {reviewers: {roles: [Owner]}}", "require: {reviewers: {groups: [sre]}}"
	away := func(person, deputy string, from, to time.Time) Away {
		a := Away{Person: person + "@x.example", From: from, To: to}
		if deputy != "" {
			a.Deputy = deputy + "@x.example"
		}
		return a
	}
	bot := DirectoryMember{Member: approval.Member{ID: "bot", Kind: approval.KindServiceAccount, Person: "ada@x.example", Role: approval.Viewer}}
	with := func(d Directory, change func(*Directory)) Directory {
		change(&d)
		return d
	}
	cases := []struct {
		name, text string
		dir        Directory
		want       string // of the first that is stuck: who, what, needs, eligible; "" none
	}{
		{"two owners", head + owners, directory("ada Owner", "bea Owner", "cid Viewer"), ""},
		{"one owner, who asks", head + owners, directory("ada Owner", "cid Viewer"), "ada db 1 []"},
		{"who asks may review", head + "require: {reviewers: {roles: [Owner]}, selfApproval: true}", directory("ada Owner", "cid Viewer"), ""},
		{"an owner's bot", head + owners, with(directory("ada Owner", "cid Viewer"), func(d *Directory) {
			d.Members[0].Role, d.Members = approval.Owner, append(d.Members[1:], d.Members[0], bot)
			d.Members[1].Suspended = false
		}), "ada db 1 []"},
		{"only a bot's owner", head + "require: {reviewers: {persons: [ada@x.example]}}\n  when: actor.kind == 'serviceAccount'\n- {name: rest, deny: {reason: x}}",
			with(directory("ada Owner"), func(d *Directory) { d.Members = append(d.Members, bot) }), "bot db 1 []"},
		{"two of two editors, one asks", head + "require: {reviewers: {roles: [Editor]}, count: 2}", directory("ada Editor", "bea Editor", "cid Viewer"), "ada db 2 [bea]"},
		{"two of three editors", head + "require: {reviewers: {roles: [Editor]}, count: 2}", directory("ada Editor", "bea Editor", "dan Editor", "cid Viewer"), ""},
		{"one who is suspended", head + "require: {reviewers: {roles: [Editor]}}", with(directory("ada Editor", "cid Viewer"), func(d *Directory) { d.Members[0].Suspended = true }), "cid db 1 []"},
		{"two accounts of one person", head + "require: {reviewers: {roles: [Editor]}}", with(directory("ada Editor", "bea Editor"), func(d *Directory) { d.Members[0].Names = []string{"bea@x.example"} }), "ada db 1 []"},
		{"a group of nobody", head + "require: {reviewers: {groups: [sre]}}", directory("ada Owner", "bea Owner"), "ada db 1 []"},
		{"a group", head + "require: {reviewers: {groups: [sre]}}", directory("ada Owner sre", "bea Owner eng,sre"), ""},
		{"a group that grows by time", head + "require: {reviewers: {groups: [sre]}, escalate: [{after: 1h, reviewers: {roles: [Owner]}}]}", directory("ada Owner", "bea Owner"), ""},
		{"a manager", head + "require: {reviewers: {managers: boss}}", with(directory("ada Viewer", "bea Viewer"), func(d *Directory) {
			d.Members[0].Labels = map[string]string{"boss": "BEA@x.example"}
			d.Members[1].Labels = map[string]string{"boss": "ada@x.example"}
		}), ""},
		{"no manager", head + "require: {reviewers: {managers: boss}}", with(directory("ada Viewer", "bea Viewer"), func(d *Directory) {
			d.Members[0].Labels = map[string]string{"boss": "bea@x.example"}
		}), "bea db 1 []"},
		{"a manager who has left", head + "require: {reviewers: {managers: boss}}", with(directory("ada Viewer"), func(d *Directory) {
			d.Members[0].Labels = map[string]string{"boss": "zoe@x.example"}
		}), "ada db 1 []"},
		{"what belongs to nobody", head + "require: {reviewers: {owners: owner}}", directory("ada Viewer", "bea Viewer sre"), "ada page 1 []"},
		{"what belongs to somebody", head + "when: resources.all(r, r.kind == 'database')\n  require: {reviewers: {owners: owner}}\n- {name: rest, deny: {reason: x}}", directory("ada Viewer", "bea Viewer sre"), ""},
		{"what belongs to who asks", head + "when: resources.all(r, r.kind == 'database')\n  require: {reviewers: {owners: owner}}\n- {name: rest, deny: {reason: x}}", directory("ada Viewer", "bea Viewer"), "ada db 1 []"},
		{"a where", head + "require: {reviewers: {where: '\"keeper\" in reviewer.labels'}}", with(directory("ada Viewer", "bea Viewer"), func(d *Directory) {
			d.Members[0].Labels = map[string]string{"keeper": "yes"}
		}), "ada db 1 []"},

		{"a stage that uses up the next", head + "require: [{name: a, reviewers: {groups: [sre]}, count: 2}, {reviewers: {groups: [sre]}, distinctFrom: [a]}]", directory("ada Viewer sre", "bea Viewer sre", "cid Viewer sre", "dan Viewer sre"), ""},
		{"too few others", head + "require: [{name: a, reviewers: {groups: [sre]}, count: 2}, {reviewers: {groups: [sre]}, distinctFrom: [a]}]", directory("ada Viewer sre", "bea Viewer sre", "cid Viewer sre", "dan Viewer"), "ada db 1 [bea cid]"},
		{"three stages, three persons", head + "require: [{name: a, reviewers: {groups: [x, y]}}, {name: b, reviewers: {groups: [y]}, distinctFrom: [a]}, {reviewers: {groups: [x]}, distinctFrom: [a, b]}]", directory("ada Viewer", "bea Viewer x", "cid Viewer y"), "ada db 1 [bea]"},
		{"the first may be anybody", head + "require: [{name: a, reviewers: {groups: [x, y]}}, {reviewers: {groups: [y]}, distinctFrom: [a]}]", directory("ada Viewer", "bea Viewer x", "cid Viewer y"), "bea db 1 [cid]"},

		{"away for too long", head + owners, with(directory("ada Owner", "bea Owner"), func(d *Directory) {
			d.Away = []Away{away("bea", "", noon.Add(48*time.Hour), noon.Add(30*24*time.Hour))}
		}), "ada db 1 []"},
		{"away for a day", head + owners, with(directory("ada Owner", "bea Owner"), func(d *Directory) {
			d.Away = []Away{away("bea", "", noon, noon.Add(24*time.Hour))}
		}), ""},
		{"away while there is time", head + owners + "\n  decideWithin: 4h", with(directory("ada Owner", "bea Owner"), func(d *Directory) {
			d.Away = []Away{away("bea", "", noon.Add(72*time.Hour), noon.Add(96*time.Hour))}
		}), "ada db 1 []"},

		{"a deputy stands in", head + groups, with(directory("ada Viewer", "bea Viewer sre", "cid Viewer"), func(d *Directory) {
			d.Away = []Away{away("bea", "cid", noon, noon.Add(30*24*time.Hour))}
		}), "bea db 1 []"},
		{"a deputy and who is away are one", head + "require: {reviewers: {groups: [sre]}, count: 2}", with(directory("ada Viewer", "bea Viewer sre", "cid Viewer sre"), func(d *Directory) {
			d.Away = []Away{away("bea", "cid", noon, noon.Add(30*24*time.Hour))}
		}), "ada db 2 [cid]"},
		{"a deputy who is away, too", head + groups, with(directory("ada Viewer", "bea Viewer sre", "cid Viewer", "dan Viewer"), func(d *Directory) {
			d.Away = []Away{away("bea", "cid", noon, noon.Add(30*24*time.Hour)), away("cid", "dan", noon, noon.Add(30*24*time.Hour))}
		}), "ada db 1 []"},
		{"a deputy who is suspended", head + groups, with(directory("ada Viewer", "bea Viewer sre", "cid Viewer"), func(d *Directory) {
			d.Members[2].Suspended = true
			d.Away = []Away{away("bea", "cid", noon, noon.Add(30*24*time.Hour))}
		}), "ada db 1 []"},
		{"a deputy who may decide nothing", head + groups, with(directory("ada Viewer", "bea Viewer sre", "cid Auditor"), func(d *Directory) {
			d.Away = []Away{away("bea", "cid", noon, noon.Add(30*24*time.Hour))}
		}), "ada db 1 []"},
		{"two deputies", head + groups, with(directory("ada Viewer", "bea Viewer sre", "cid Viewer", "dan Viewer"), func(d *Directory) {
			d.Members[2].Suspended = true
			d.Away = []Away{away("bea", "cid", noon, noon.Add(30*24*time.Hour)), away("bea", "dan", noon, noon.Add(30*24*time.Hour))}
		}), "bea db 1 []"},

		{"whatever the params are", head + "when: has(petition.params.amount) && petition.params.amount > 100\n  require: {reviewers: {groups: [sre]}}\n- {name: rest, deny: {reason: x}}", directory("ada Viewer"), "ada db 1 []"},
		{"never, whatever the params are", head + "when: resources.all(r, r.kind == 'vm') && petition.params.amount > 100\n  require: {reviewers: {groups: [sre]}}\n- {name: rest, deny: {reason: x}}", directory("ada Viewer"), ""},
		{"a condition that fails goes to one owner", head + "when: actor.labels.team == 'x'\n  deny: {reason: x}", directory("ada Owner", "bea Viewer"), "ada db 1 []"},
		{"the glass is reviewed by nobody", head + "breakGlass: {who: {groups: [sre]}, duration: 1h, review: {require: {reviewers: {roles: [Owner]}}, within: 1h}}\n- {name: rest, deny: {reason: x}}", directory("ada Owner sre", "bea Viewer"), "ada db 1 []"},
		{"the glass of nobody", head + "breakGlass: {who: {groups: [sre]}, duration: 1h, review: {require: {reviewers: {roles: [Owner]}}, within: 1h}}\n- {name: rest, deny: {reason: x}}", directory("ada Owner", "bea Viewer"), ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			findings, err := compiled(t, c.text).Check(t.Context(), c.dir)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, f := range findings {
				if f.Kind == FindingStuck && got == "" {
					got = strings.ReplaceAll(fmt.Sprint(f.Example.Who, " ", f.Example.What.ID, " ", f.Example.Needs, " ", f.Example.Eligible), "@x.example", "")
				}
			}
			if got != c.want {
				t.Errorf("got %q, want %q; %v", got, c.want, findings)
			}
		})
	}
}

// The counter-example says when, too: at which hour nobody is there.
func TestCheckFindsTheHourAtWhichNobodyIsThere(t *testing.T) {
	t.Parallel()
	const text = `
version: 1
schedules:
  - name: day
    timeZone: Europe/Berlin
    rotations: [{every: 1w, start: 2029-12-31T09:00, persons: [ada@x.example, bea@x.example], restrict: [{days: [mon, tue, wed, thu, fri], from: "09:00", to: "17:00"}]}]
rules:
  - name: night
    when: now.getHours("Europe/Berlin") >= 22
    require: {reviewers: {onCall: [day]}}
    decideWithin: 4h
  - name: rest
    require: {reviewers: {onCall: [day]}}
    decideWithin: 336h
`
	findings, err := compiled(t, text).Check(t.Context(), directory("ada Viewer", "bea Viewer", "cid Viewer"))
	if err != nil {
		t.Fatal(err)
	}
	stuck := map[string]Finding{}
	for _, f := range findings {
		if f.Kind != FindingStuck {
			t.Errorf("found %v", f)
			continue
		}
		stuck[f.Rule] = f
	}
	night := stuck["night"]
	if len(stuck) != 1 || night.Example == nil || !night.Example.When.Equal(at(t, "2030-01-02T22:00:00+01:00")) || night.Line != 8 || night.Column != 9 {
		t.Fatalf("got %v", findings)
	}
	want := "stuck: line 8, column 9: rule \"night\": ada@x.example, who asks for db at 2030-01-02T21:00:00Z, waits for 1 of onCall [day]: nobody could; so does everybody whom the rule is for"
	if night.String() != want {
		t.Errorf("got %s, want %s", night, want)
	}
	// With a group that stands in there is somebody, unless it is the one who asks.
	mended := strings.Replace(text, "rules:\n", "    fallback: {group: sre}\nrules:\n", 1)
	findings, err = compiled(t, mended).Check(t.Context(), directory("ada Viewer sre", "bea Viewer sre", "cid Viewer"))
	if err != nil || len(findings) > 0 {
		t.Errorf("got %v, %v", findings, err)
	}
}

func TestCheckFindsRulesThatNothingReaches(t *testing.T) {
	t.Parallel()
	const answer = ", require: {reviewers: {roles: [Owner]}}}\n"
	text := "version: 1\nrules:\n" +
		"- {name: db, when: 'resources.all(r, r.kind == \"database\")'" + answer +
		"- {name: dear, when: 'petition.params.amount > 5 && resources.all(r, r.kind == \"database\")', deny: {reason: x}}\n" +
		"- {name: again, when: 'resources.all(r,   r.kind == \"database\") && actor.role == \"Owner\"'" + answer +
		"- {name: vm, when: 'resources.all(r, r.kind == \"vm\")'" + answer +
		"- {name: rest" + answer
	findings, err := compiled(t, text).Check(t.Context(), directory("ada Owner", "bea Owner"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range findings {
		got = append(got, f.String())
	}
	want := []string{
		`contradicts: line 4, column 3: rule "dear": nothing reaches it: rule "db" before it is for all of the same, and answers review instead of deny`,
		`redundant: line 5, column 3: rule "again": nothing reaches it: rule "db" before it is for all of the same, and answers the same`,
		`unreached: line 6, column 3: rule "vm": nobody and nothing in the directory reaches it`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

func TestCheckFindsNamesThatAreNobody(t *testing.T) {
	t.Parallel()
	text := "version: 1\nschedules:\n- {name: s, rotations: [{every: 1d, start: 2029-01-01, persons: [ada@x.example, gone@x.example]}], fallback: {group: nobody}}\nrules:\n" +
		"- {name: r, require: {reviewers: {persons: [ada@x.example, left@x.example], groups: [sre, srre], roles: [Owner]}, notify: {groups: [srre, chat]}, escalate: [{after: 1h, reviewers: {groups: [sre, boss]}}]}}\n"
	findings, err := compiled(t, text).Check(t.Context(), directory("ada Owner sre", "bea Owner"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range findings {
		got = append(got, f.String())
	}
	want := []string{
		`nobody: line 5, column 3: rule "r": left@x.example is no member of the space`,
		`nobody: line 5, column 3: rule "r": nobody is in the group srre`,
		`nobody: line 5, column 3: rule "r": nobody is in the group boss`,
		`nobody: line 5, column 3: rule "r": nobody is in the group chat`,
		`nobody: line 3, column 3: nobody is in the group nobody, which stands in for the schedule s`,
		`nobody: line 3, column 3: gone@x.example, of the schedule s, is no member of the space`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

// Members and resources between which no rule can tell a difference are looked at once: a large space is checked whole. What
// a document names is looked at by itself.
func TestCheckLooksAtALargeSpace(t *testing.T) {
	t.Parallel()
	d := directory()
	for i := range 500 {
		d.Members = append(d.Members, person(fmt.Sprintf("p%04dx Viewer", i)))
		d.Resources = append(d.Resources, approval.Resource{ID: fmt.Sprintf("r%04dx", i), Kind: "database", Labels: map[string]string{approval.LabelBlock: fmt.Sprint(i), "env": "production", "free": fmt.Sprint(i)}})
	}
	d.Members = append(d.Members, person("ada Owner"), person("bea Owner"))
	const text = "version: 1\nrules:\n" +
		"- {name: one, when: 'resources.exists(r, r.id == \"r0234x\") && actor.id == \"p0377x@x.example\"', require: {reviewers: {persons: [p0377x@x.example]}}}\n" +
		"- {name: rest, when: 'known.all(r, r.labels.env == \"production\") && now.getHours() < 24', require: {reviewers: {roles: [Owner]}}}\n- {name: other, deny: {reason: x}}\n"
	findings, err := compiled(t, text).Check(t.Context(), d)
	if err != nil || len(findings) == 0 || findings[0].Rule != "one" || findings[0].Example.Who != "p0377x@x.example" || findings[0].Example.What.ID != "r0234x" {
		t.Errorf("got %v, %v", findings, err)
	}
	// Where a rule may tell any two apart, there is too much: the check says so.
	findings, err = compiled(t, strings.Replace(text, "now.getHours() < 24", "resources.all(r, r.id.startsWith(actor.email))", 1)).Check(t.Context(), d)
	if err != nil || !slices.ContainsFunc(findings, func(f Finding) bool { return f.Kind == FindingIncomplete }) {
		t.Errorf("got %v, %v", findings, err)
	}
}

// The policies that people copy are live in a space that has whom they name.
func TestTheExamplesAreLive(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../examples/policies/*.yaml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	groups := "sre,payments,finance,directors,data,team-leads,security,engineers,release-managers,platform,platform-leads,privacy-trained"
	d := Directory{Now: at(t, "2026-03-03T12:00:00Z")}
	for _, name := range []string{"ada", "bea", "cid", "dan", "eve"} {
		m := person(name + " Owner " + groups)
		m.ID = name + "@example.com"
		m.Person, m.Email = m.ID, m.ID
		m.Labels = map[string]string{"managerId": "eve@example.com", "keeper": "yes"}
		d.Members = append(d.Members, m)
	}
	d.Members[4].Labels = map[string]string{"managerId": "ada@example.com", "keeper": "yes"}
	for _, kind := range []string{"database", "refund", "tool", "cluster", "deployment", "signing-key", "vault", "page"} {
		d.Resources = append(d.Resources, approval.Resource{ID: kind + "-1", Kind: kind, Labels: map[string]string{"owner": "directors", "env": "production"}})
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			findings, err := compiled(t, string(text)).Check(t.Context(), d)
			for _, f := range findings {
				if f.Kind != FindingUnreached && f.Kind != FindingNobody {
					t.Error(f)
				}
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// What is stuck has a name that is the same in the next check, also when the example is another, and another one once nobody is left.
func TestAFindingIsKnownAgain(t *testing.T) {
	t.Parallel()
	const text = `
version: 1
rules:
  - name: owners
    require: {reviewers: {roles: [Owner]}}
`
	key := func(members ...string) (string, string) {
		t.Helper()
		findings, err := compiled(t, text).Check(t.Context(), directory(members...))
		if err != nil || len(findings) != 1 || findings[0].Kind != FindingStuck {
			t.Fatalf("%v: got %v, %v", members, findings, err)
		}
		return findings[0].Key, findings[0].Message
	}
	ada, _ := key("ada Owner", "bea Viewer", "cid Viewer")
	bea, _ := key("ada Viewer", "bea Owner", "cid Editor")
	if ada != bea || ada == "" {
		t.Errorf("%q is not %q", ada, bea)
	}
	none, message := key("ada Viewer", "bea Viewer", "cid Editor")
	if none == ada || !strings.HasSuffix(message, "nobody could; so does everybody whom the rule is for") {
		t.Errorf("%q: %s", none, message)
	}
	if _, message := key("ada Owner", "bea Viewer"); strings.Contains(message, "everybody") {
		t.Errorf("only the owner is stuck: %s", message)
	}
}

// Time alone changes what a check finds where a schedule is named, or a condition looks at the time.
func TestWhatTimeAloneMayChange(t *testing.T) {
	t.Parallel()
	const schedules = "schedules: [{name: s, rotations: [{every: 1d, start: 2026-01-01, persons: [a@x.example]}]}]\n"
	const review = "require: {reviewers: {roles: [Owner]}}"
	for text, want := range map[string]bool{
		"rules: [{name: r, " + review + "}]":                                                                                                           false,
		schedules + "rules: [{name: r, " + review + "}]":                                                                                               false,
		"rules: [{name: r, when: 'actor.id == \"now\"', " + review + "}]":                                                                              false,
		"rules: [{name: r, when: 'now > timestamp(\"2026-01-01T00:00:00Z\")', " + review + "}]":                                                        true,
		schedules + "rules: [{name: r, when: actor.onCall.s, " + review + "}]":                                                                         true,
		schedules + "rules: [{name: r, require: {reviewers: {onCall: [s]}}}]":                                                                          true,
		schedules + "rules: [{name: r, require: {reviewers: {roles: [Owner]}, escalate: [{after: 1h, reviewers: {onCall: [s]}}]}}]":                    true,
		schedules + "rules: [{name: r, breakGlass: {who: {onCall: [s]}, duration: 1h, review: {within: 1h, " + review + "}}}]":                         true,
		schedules + "rules: [{name: r, breakGlass: {who: {roles: [Owner]}, duration: 1h, review: {within: 1h, require: {reviewers: {onCall: [s]}}}}}]": true,
		schedules + "changes: {require: {reviewers: {onCall: [s]}}}\nrules: [{name: r, " + review + "}]":                                               true,
	} {
		turns, err := Documents{Engine: New()}.Turns(t.Context(), approval.PolicyDocument{Space: "acme", Version: 1, Text: "version: 1\n" + text + "\n"})
		if err != nil || turns != want {
			t.Errorf("%s: %v, %v", text, turns, err)
		}
	}
	if _, err := (Documents{Engine: New()}).Turns(t.Context(), approval.PolicyDocument{Text: "rules: 7"}); approval.CodeOf(err) != approval.Invalid {
		t.Error(err)
	}
}
