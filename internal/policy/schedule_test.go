package policy

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/indent-approvals/indent/internal/approval"
)

func scheduled(t testing.TB, schedule string) *Document {
	t.Helper()
	return compiled(t, "version: 1\nschedules: [{name: s, "+schedule+"}]\nrules: [{name: r, deny: {reason: x}}]")
}

func at(t testing.TB, moment string) time.Time {
	t.Helper()
	m, err := time.Parse(time.RFC3339, moment)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestWhoIsOnCall(t *testing.T) {
	t.Parallel()
	const abc = "persons: [a@x.example, b@x.example, c@x.example]"
	const weekly = "timeZone: Europe/Berlin, rotations: [{every: 1w, start: 2026-01-05T09:00, " + abc + "}]"
	const daily = "timeZone: Europe/Berlin, rotations: [{every: 1d, start: 2026-03-20T02:30, " + abc + "}]"
	const halves = "timeZone: America/New_York, rotations: [{every: 12h, start: 2026-10-30T09:00, persons: [day@x.example, night@x.example]}]"
	cases := []struct{ name, schedule, at, want string }{
		{"before the first shift", weekly, "2026-01-05T08:59:59+01:00", ""},
		{"as it begins", weekly, "2026-01-05T09:00:00+01:00", "a"},
		{"to its last moment", weekly, "2026-01-12T08:59:59+01:00", "a"},
		{"the next", weekly, "2026-01-12T09:00:00+01:00", "b"},
		{"around", weekly, "2026-01-26T09:00:00+01:00", "a"},
		// The clock is turned forward on March 29th: shifts go on at nine.
		{"the last in winter", weekly, "2026-03-30T08:59:59+02:00", "c"},
		{"the first in summer", weekly, "2026-03-30T09:00:00+02:00", "a"},
		{"after years", weekly, "2031-07-07T09:00:00+02:00", "c"},
		{"after more years than a duration has", "rotations: [{every: 1h, start: 1970-01-01, persons: [a@x.example, b@x.example]}]", "2400-01-01T00:00:00Z", "a"},
		{"the hour after that", "rotations: [{every: 1h, start: 1970-01-01, persons: [a@x.example, b@x.example]}]", "2400-01-01T01:59:59Z", "b"},
		{"at the end of time", "timeZone: Europe/Berlin, rotations: [{every: 1h, start: 1970-01-01, persons: [a@x.example]}]", "9999-12-31T23:59:59Z", "a"},

		{"the day before 02:30 is not", daily, "2026-03-28T02:30:00+01:00", "c"},
		{"before the clock is turned forward", daily, "2026-03-29T01:59:59+01:00", "c"},
		{"02:30 is not: the shift begins when the clock is turned", daily, "2026-03-29T03:00:00+02:00", "a"},
		{"the day after", daily, "2026-03-30T02:29:59+02:00", "a"},
		{"and its 02:30", daily, "2026-03-30T02:30:00+02:00", "b"},
		// The clock is turned back on October 25th: 02:30 is twice, and the shift begins at the first and stays.
		{"before the first 02:30", daily, "2026-10-25T02:29:59+02:00", "c"},
		{"the first 02:30", daily, "2026-10-25T02:30:00+02:00", "a"},
		{"between the two", daily, "2026-10-25T02:00:00+01:00", "a"},
		{"the second 02:30", daily, "2026-10-25T02:30:00+01:00", "a"},
		{"the day after that", daily, "2026-10-26T02:30:00+01:00", "b"},

		{"half a day", halves, "2026-10-31T20:59:59-04:00", "day"},
		{"the night that has an hour more", halves, "2026-11-01T08:59:59-05:00", "night"},
		{"the day after it", halves, "2026-11-01T09:00:00-05:00", "day"},

		{"in office hours", "timeZone: Asia/Tokyo, rotations: [{every: 1d, start: 2026-01-01, persons: [a@x.example], restrict: [{days: [mon, tue], from: '09:00', to: '17:00'}]}]",
			"2026-01-06T16:59:59+09:00", "a"},
		{"after them", "timeZone: Asia/Tokyo, rotations: [{every: 1d, start: 2026-01-01, persons: [a@x.example], restrict: [{days: [mon, tue], from: '09:00', to: '17:00'}]}]",
			"2026-01-06T17:00:00+09:00", ""},
		{"on another day", "timeZone: Asia/Tokyo, rotations: [{every: 1d, start: 2026-01-01, persons: [a@x.example], restrict: [{days: [mon, tue], from: '09:00', to: '17:00'}]}]",
			"2026-01-07T10:00:00+09:00", ""},
		{"a night that began on Sunday", "rotations: [{every: 1d, start: 2026-01-01, persons: [a@x.example], restrict: [{days: [sun], from: '22:00', to: '06:00'}]}]", "2026-01-05T05:59:00Z", "a"},
		{"not the morning of Sunday", "rotations: [{every: 1d, start: 2026-01-01, persons: [a@x.example], restrict: [{days: [sun], from: '22:00', to: '06:00'}]}]", "2026-01-04T05:59:00Z", ""},
		{"to the end of the day", "rotations: [{every: 1d, start: 2026-01-01, persons: [a@x.example], restrict: [{from: '22:00', to: '24:00'}]}]", "2026-01-04T23:59:59Z", "a"},
		{"nobody, so the group", "rotations: [{every: 1d, start: 2026-01-01, persons: [a@x.example], restrict: [{from: '22:00', to: '24:00'}]}], fallback: {group: sre}", "2026-01-04T21:00:00Z", "group sre"},

		{"two rotations", "rotations: [{every: 1d, start: 2026-01-01, persons: [b@x.example]}, {every: 1d, start: 2026-01-02, persons: [a@x.example]}]", "2026-01-04T21:00:00Z", "a b"},
		{"the same in two", "rotations: [{every: 1d, start: 2026-01-01, persons: [b@x.example]}, {every: 1d, start: 2026-01-02, persons: [B@x.example]}]", "2026-01-04T21:00:00Z", "b"},
		{"an override", weekly + ", overrides: [{from: 2026-01-06T00:00, to: 2026-01-07T00:00, person: z@x.example}]", "2026-01-06T00:00:00+01:00", "z"},
		{"and its end", weekly + ", overrides: [{from: 2026-01-06T00:00, to: 2026-01-07T00:00, person: z@x.example}]", "2026-01-07T00:00:00+01:00", "a"},
		{"an override before the first shift", weekly + ", overrides: [{from: 2025-12-24, to: 2025-12-26, person: z@x.example}]", "2025-12-24T12:00:00+01:00", "z"},
		{"two overrides", weekly + ", overrides: [{from: 2026-01-06, to: 2026-01-09, person: z@x.example}, {from: 2026-01-07, to: 2026-01-08, person: y@x.example}]", "2026-01-07T12:00:00+01:00", "y z"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			who, err := scheduled(t, c.schedule).OnCall("s", at(t, c.at))
			got := strings.ReplaceAll(strings.Join(who.Persons, " "), "@x.example", "")
			if got == "" && who.Group != "" {
				got = "group " + who.Group
			}
			if err != nil || got != c.want {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
		})
	}
	if _, err := scheduled(t, weekly).OnCall("other", noon); approval.CodeOf(err) != approval.NotFound {
		t.Errorf("a schedule that is not there: %v", err)
	}
}

// Whatever the zone and the clocks that are turned in it: shifts follow one another in order, one at a time, and each
// begins at the same time on the wall, unless there is no such time on that day.
func TestShiftsFollowOneAnother(t *testing.T) {
	t.Parallel()
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo", "Asia/Kathmandu"}
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		r := rotation{every: time.Duration(rapid.IntRange(1, 400).Draw(t, "hours")) * time.Hour, persons: []string{"a", "b", "c"},
			start: time.Date(2011, 1, 1, 0, rapid.IntRange(0, 24*60).Draw(t, "minute"), 0, 0, time.UTC)}
		n := rapid.Int64Range(0, 3000).Draw(t, "shift")
		begin, end := r.shift(n, zone), r.shift(n+1, zone)
		if !begin.Before(end) {
			if begin.Equal(end) && asWall(begin.In(zone)).After(r.start.Add(time.Duration(n)*r.every)) {
				return // the whole shift is in the time that the clock left out, such as a day in Samoa
			}
			t.Fatalf("shift %d begins at %s, the next at %s", n, begin.In(zone), end.In(zone))
		}
		for _, moment := range []time.Time{begin, end.Add(-time.Nanosecond), begin.Add(end.Sub(begin) / 2)} {
			if person, on := r.at(moment, zone); !on || person != r.persons[n%3] {
				t.Fatalf("shift %d, %s: got %s, %t", n, moment.In(zone), person, on)
			}
		}
		wanted := r.start.Add(time.Duration(n) * r.every)
		if shown := asWall(begin.In(zone)); !shown.Equal(wanted) {
			if before := asWall(begin.Add(-time.Nanosecond).In(zone)); !before.Before(wanted) || !shown.After(wanted) {
				t.Fatalf("shift %d should begin at %s on the wall, it begins at %s", n, wanted, shown)
			}
		}
	})
}

func TestWhatIsWrongWithSchedulesIsSaidWithItsPlace(t *testing.T) {
	t.Parallel()
	const rules = "\nrules: [{name: r, deny: {reason: x}}]"
	s := func(schedule string) string { return "version: 1\nschedules: [" + schedule + "]" + rules }
	const a = "persons: [a@x.example]"
	r := func(rotation string) string { return s("{name: s, rotations: [" + rotation + "]}") }
	restricted := func(window string) string {
		return r("{every: 1d, start: 2026-01-01, " + a + ", restrict: [" + window + "]}")
	}
	cases := []struct{ name, text, want string }{
		{"no name", s("«{rotations: [{every: 1d, start: 2026-01-01, " + a + "}]}"), "needs a name"},
		{"a name twice", s("{name: s, rotations: [{every: 1d, start: 2026-01-01, " + a + "}]}, {name: «s, rotations: [{every: 1d, start: 2026-01-01, " + a + "}]}"), "another schedule"},
		{"nothing", s("«{name: s}"), "needs rotations"},
		{"rotations and a source", s("«{name: s, rotations: [{every: 1d, start: 2026-01-01, " + a + "}], source: {url: 'https://x.example'}, fallback: {group: g}}"), "either a source or"},
		{"a source without a fallback", s("«{name: s, source: {url: 'https://x.example'}}"), "needs a fallback"},
		{"a fallback to nobody", s("«{name: s, source: {url: 'https://x.example'}, fallback: {}}"), "needs a group"},
		{"a source without an address", s("«{name: s, source: {}, fallback: {group: g}}"), "needs a url"},
		{"a source that anybody reads", s("{name: s, source: {url: «'http://x.example'}, fallback: {group: g}}"), "https"},
		{"a source with a password", s("{name: s, source: {url: «'https://a:b@x.example'}, fallback: {group: g}}"), "https"},
		{"a source all the time", s("{name: s, source: {url: 'https://x.example', every: «1s}, fallback: {group: g}}"), "10s to 1h"},
		{"no zone", s("{name: s, timeZone: «Mars/Base, rotations: [{every: 1d, start: 2026-01-01, " + a + "}]}"), "no time zone"},
		{"the machine's zone", s("{name: s, timeZone: «Local, rotations: [{every: 1d, start: 2026-01-01, " + a + "}]}"), "no time zone"},
		{"no length", r("«{start: 2026-01-01, " + a + "}"), "needs every"},
		{"a length of none", r("{every: «0d, start: 2026-01-01, " + a + "}"), "how long a shift is"},
		{"a length in months", r("{every: «1m, start: 2026-01-01, " + a + "}"), "how long a shift is"},
		{"a length of years", r("{every: «53w, start: 2026-01-01, " + a + "}"), "how long a shift is"},
		{"a length with a tail", r("{every: «1dd, start: 2026-01-01, " + a + "}"), "how long a shift is"},
		{"no start", r("«{every: 1d, " + a + "}"), "needs start"},
		{"a start in a zone", r("{every: 1d, start: «'2026-01-01T09:00:00Z', " + a + "}"), "without a zone"},
		{"nobody", r("«{every: 1d, start: 2026-01-01, persons: []}"), "needs persons"},
		{"a person without an address", r("{every: 1d, start: 2026-01-01, persons: [«ada]}"), "address"},
		{"an unknown day", restricted("{days: [«monday]}"), "no day"},
		{"an hour that is none", restricted("{from: «'25:00'}"), "such as 09:00"},
		{"an hour in short", restricted("{from: «'9:00'}"), "such as 09:00"},
		{"no time at all", restricted("«{from: '09:00', to: '09:00'}"), "the same"},
		{"from the end", restricted("{from: «'24:00'}"), "begin at 00:00"},
		{"an override backwards", s("{name: s, rotations: [{every: 1d, start: 2026-01-01, " + a + "}], overrides: [{from: 2026-01-02, to: «2026-01-02, person: a@x.example}]}"), "before it begins"},
		{"an override by nobody", s("{name: s, rotations: [{every: 1d, start: 2026-01-01, " + a + "}], overrides: [«{from: 2026-01-02, to: 2026-01-03}]}"), "needs from, to and person"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			wrong(t, c.text, "", c.want)
		})
	}
	t.Run("a condition names a schedule that there is not", func(t *testing.T) {
		t.Parallel()
		for _, when := range []string{"actor.onCall.secondary", `actor.onCall["secondary"]`, "petitioners.all(p, p.onCall.secondary)"} {
			wrong(t, "version: 1\nrules:\n- name: r\n  when: «"+when+"\n  approve: {duration: 1h}\n", "r", `no schedule "secondary"`)
		}
	})
}

// pager is a source of schedules.
type pager struct {
	persons []string
	err     error
	asked   []string
}

func (p *pager) OnCall(_ context.Context, schedule string, from Source, _ time.Time) ([]string, error) {
	p.asked = append(p.asked, schedule+" "+from.URL+" "+from.Refresh.String())
	return p.persons, p.err
}

// Whoever is on call by rule gets it by rule: by the document, by another system, or when neither can tell, by the group.
func TestWhoIsOnCallMayDecideARule(t *testing.T) {
	t.Parallel()
	d := compiled(t, `
version: 1
schedules:
  - name: primary
    rotations: [{every: 1d, start: 2030-01-01T09:00, persons: [bea@x.example, ada@acmecorp.example]}]
  - name: pager
    source: {url: "https://pager.example/on-call", every: 30s}
    fallback: {group: sre}
rules:
  - name: primary
    when: actor.onCall.primary && petitioners.all(p, p.onCall["primary"])
    approve: {duration: 1h}
  - {name: pager, when: actor.onCall.pager, approve: {duration: 1h}}
  - {name: rest, deny: {reason: nobody}}
`)
	off := func(in *approval.PolicyInput) { in.Now = noon.Add(24 * time.Hour) }
	groups := func(names ...string) func(*approval.PolicyInput) {
		return func(in *approval.PolicyInput) {
			in.Groups = func(context.Context, string, string) ([]string, error) { return names, nil }
		}
	}
	another := func(in *approval.PolicyInput) {
		in.Petition.Petitioners = append(in.Petition.Petitioners, approval.Resource{ID: "eve@x.example", Kind: "user"})
	}
	// It has the id of who is on call and is somebody else.
	mailbox := func(in *approval.PolicyInput) { in.Petition.Petitioners[0].Kind = "mailbox" }
	down := errors.New("down")
	cases := []struct {
		name  string
		pager *pager
		want  string
		asked int
		in    approval.PolicyInput
	}{
		{"on call", &pager{}, "primary", 0, asks()},
		{"on call, for somebody else", &pager{persons: []string{"x@x.example"}}, "rest", 1, asks(another)},
		{"on call, for something of the same name", &pager{persons: []string{"x@x.example"}}, "rest", 1, asks(mailbox)},
		{"off duty", &pager{persons: []string{"x@x.example"}}, "rest", 1, asks(off)},
		{"by another system", &pager{persons: []string{"ada@acmecorp.example"}}, "pager", 1, asks(off)},
		{"in the group while somebody is on call", &pager{persons: []string{"x@x.example"}}, "rest", 1, asks(off, groups("sre"))},
		{"in the group while nobody is on call", &pager{}, "pager", 1, asks(off, groups("eng", "sre"))},
		{"in the group while the other system is down", &pager{err: down}, "pager", 1, asks(off, groups("sre"))},
		{"in another group then", &pager{err: down}, "rest", 1, asks(off, groups("eng"))},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v, err := d.decideWith(t.Context(), &c.in, c.pager)
			if err != nil || v.Rule != c.want {
				t.Errorf("got %s, %v (%s), want %s", v.Rule, err, v.Explanation, c.want)
			}
			if len(c.pager.asked) != c.asked || c.asked > 0 && !slices.Equal(c.pager.asked, []string{"pager https://pager.example/on-call 30s"}) {
				t.Errorf("asked %q", c.pager.asked)
			}
		})
	}
}
