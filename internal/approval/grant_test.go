package approval

import (
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC)

func TestParseTerm(t *testing.T) {
	t.Parallel()
	type labels = map[string]string
	for _, c := range []struct {
		name   string
		labels labels
		want   Term
		field  string // of the refusal
	}{
		{"none", nil, Term{}, ""},
		{"other labels", labels{"team": "x", LabelDigest: "x"}, Term{}, ""},
		{"duration", labels{LabelTimeDuration: "1h30m"}, Term{Duration: 90 * time.Minute}, ""},
		{"shortest duration", labels{LabelTimeDuration: "1us"}, Term{Duration: time.Microsecond}, ""},
		{"longest duration", labels{LabelTimeDuration: "87600h"}, Term{Duration: MaxDuration}, ""},
		{"no duration", labels{LabelTimeDuration: "0s"}, Term{}, LabelTimeDuration},
		{"negative duration", labels{LabelTimeDuration: "-1h"}, Term{}, LabelTimeDuration},
		{"a duration nobody sees", labels{LabelTimeDuration: "1ns"}, Term{}, LabelTimeDuration},
		{"too long a duration", labels{LabelTimeDuration: "87600h0m1s"}, Term{}, LabelTimeDuration},
		{"a duration that overflows", labels{LabelTimeDuration: "9223372036854775807h"}, Term{}, LabelTimeDuration},
		{"a duration without unit", labels{LabelTimeDuration: "3600"}, Term{}, LabelTimeDuration},
		{"empty duration", labels{LabelTimeDuration: ""}, Term{}, LabelTimeDuration},
		{"expires", labels{LabelTimeExpires: "2030-01-02T13:00:00Z"}, Term{Expires: noon.Add(time.Hour)}, ""},
		{"expires elsewhere", labels{LabelTimeExpires: "2030-01-02T14:00:00+01:00"}, Term{Expires: noon.Add(time.Hour)}, ""},
		{"expires in nanoseconds", labels{LabelTimeExpires: "2030-01-02T13:00:00.000001999Z"}, Term{Expires: noon.Add(time.Hour + time.Microsecond)}, ""},
		{"expires now", labels{LabelTimeExpires: "2030-01-02T12:00:00Z"}, Term{}, LabelTimeExpires},
		{"expires in less than a microsecond", labels{LabelTimeExpires: "2030-01-02T12:00:00.000000999Z"}, Term{}, LabelTimeExpires},
		{"expires in the past", labels{LabelTimeExpires: "2029-01-02T12:00:00Z"}, Term{}, LabelTimeExpires},
		{"expires in eleven years", labels{LabelTimeExpires: "2041-01-02T12:00:00Z"}, Term{}, LabelTimeExpires},
		{"expires at the end of time", labels{LabelTimeExpires: "9999-12-31T23:59:59Z"}, Term{}, LabelTimeExpires},
		{"expires without zone", labels{LabelTimeExpires: "2030-01-02T13:00:00"}, Term{}, LabelTimeExpires},
		{"expires as a date", labels{LabelTimeExpires: "2030-01-03"}, Term{}, LabelTimeExpires},
		{"indefinite", labels{LabelTimeIndefinite: "true"}, Term{Indefinite: true}, ""},
		{"not indefinite", labels{LabelTimeIndefinite: "false"}, Term{}, ""},
		{"indefinite, perhaps", labels{LabelTimeIndefinite: "yes"}, Term{}, LabelTimeIndefinite},
		{"indefinite in capitals", labels{LabelTimeIndefinite: "True"}, Term{}, LabelTimeIndefinite},
		{"two", labels{LabelTimeDuration: "1h", LabelTimeIndefinite: "true"}, Term{}, "labels: give one of"},
		{"two that contradict nothing", labels{LabelTimeDuration: "1h", LabelTimeIndefinite: "false"}, Term{}, "labels: give one of"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseTerm(c.labels, noon)
			if got != c.want || (err != nil) != (c.field != "") || err != nil && (CodeOf(err) != Invalid || !strings.Contains(err.Error(), c.field)) {
				t.Errorf("got %+v, %v; want %+v or a refusal of %q", got, err, c.want, c.field)
			}
		})
	}
}

func TestGrantFor(t *testing.T) {
	t.Parallel()
	const h = time.Hour
	for _, c := range []struct {
		name                   string
		asked, byDefault, most time.Duration
		term                   Term
		want                   time.Duration // 0: indefinite
		refusal                string
	}{
		{"policy's default", 0, h, 0, Term{}, h, ""},
		{"what was asked", 2 * h, h, 0, Term{}, 2 * h, ""},
		{"the reviewer's duration, shorter", 2 * h, h, 0, Term{Duration: h / 2}, h / 2, ""},
		{"the reviewer's duration, longer", 2 * h, h, 0, Term{Duration: 8 * h}, 8 * h, ""},
		{"the reviewer's end", 2 * h, h, 0, Term{Expires: noon.Add(3 * h)}, 3 * h, ""},
		{"indefinite", 2 * h, h, 0, Term{Indefinite: true}, 0, ""},
		{"asked as much as there is", 4 * h, h, 4 * h, Term{}, 4 * h, ""},
		{"asked for more than there is", 5 * h, h, 4 * h, Term{}, 0, "the petition asks for 5h but rule \"r\" allows at most 4h: approve with a shorter duration"},
		{"asked for more, given less", 5 * h, h, 4 * h, Term{Duration: 4 * h}, 4 * h, ""},
		{"given more than there is", h, h, 4 * h, Term{Duration: 4*h + 1000}, 0, "claim.meta.labels.indent.com/time/duration: rule \"r\" allows at most 4h"},
		{"an end beyond", h, h, 4 * h, Term{Expires: noon.Add(5 * h)}, 0, "claim.meta.labels.indent.com/time/expires: rule \"r\" allows at most 4h"},
		{"indefinite beyond", h, h, 4 * h, Term{Indefinite: true}, 0, "claim.meta.labels.indent.com/time/indefinite: rule \"r\" allows at most 4h"},
		{"nanoseconds", h + 1999, h, 0, Term{}, h + 1000, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := Petition{Duration: c.asked, Verdict: Verdict{Rule: "r", DefaultDuration: c.byDefault, MaxDuration: c.most}}
			got, err := grantFor(&p, c.term, noon)
			if c.refusal != "" {
				if CodeOf(err) != Invalid || !strings.HasPrefix(err.Error(), c.refusal) {
					t.Errorf("got %v, want %s", err, c.refusal)
				}
				return
			}
			want := Grant{StartTime: noon}
			if c.want > 0 {
				want.EndTime = noon.Add(c.want)
			}
			if err != nil || got != want {
				t.Errorf("got %+v, %v; want %+v", got, err, want)
			}
			back, err := grantOf(&Event{Timestamp: noon, Meta: Meta{Labels: got.labels()}})
			if err != nil || back != got {
				t.Errorf("its event is read as %+v, %v", back, err)
			}
		})
	}
}

// Nobody's approval is stretched: the grant is the shortest of what each of them agreed to, and one who said nothing
// agreed to what was asked.
func TestShortestGrant(t *testing.T) {
	t.Parallel()
	const h = time.Hour
	type labels = map[string]string
	long, short, forever := labels{LabelTimeDuration: "8h"}, labels{LabelTimeDuration: "30m"}, labels{LabelTimeIndefinite: "true"}
	for _, c := range []struct {
		name  string
		terms []labels
		want  time.Duration
	}{
		{"nobody said anything", []labels{nil, nil}, 2 * h},
		{"one reviewer gives more", []labels{long}, 8 * h},
		{"one gives more, one agreed to what was asked", []labels{long, nil}, 2 * h},
		{"one gives less", []labels{nil, short}, h / 2},
		{"one more, one less", []labels{long, short, nil}, h / 2},
		{"for ever", []labels{forever}, 0},
		{"for ever, and long", []labels{forever, long}, 8 * h},
		{"for ever, and what was asked", []labels{nil, forever}, 2 * h},
		{"an end", []labels{long, {LabelTimeExpires: "2030-01-02T12:10:00Z"}}, h / 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := Petition{Duration: 2 * h, Verdict: Verdict{DefaultDuration: h}}
			for _, l := range c.terms {
				p.Claims = append(p.Claims, Event{Event: EventApprove, Timestamp: noon.Add(-h), Meta: Meta{Labels: l}})
			}
			p.Claims = append(p.Claims, Event{Event: EventRevoke, Timestamp: noon, Meta: Meta{Labels: labels{LabelTimeDuration: "1s"}}})
			got, err := p.shortestGrant(noon)
			want := Grant{StartTime: noon}
			if c.want > 0 {
				want.EndTime = noon.Add(c.want)
			}
			if err != nil || got != want {
				t.Errorf("got %+v, %v; want %+v", got, err, want)
			}
		})
	}
}

func TestShortestGrantWithTheClockSetBack(t *testing.T) {
	t.Parallel()
	p := Petition{Verdict: Verdict{DefaultDuration: time.Hour, MaxDuration: 4 * time.Hour}}
	p.Claims = []Event{{Event: EventApprove, Timestamp: noon, Meta: Meta{Labels: map[string]string{LabelTimeExpires: "2030-01-02T16:00:00Z"}}}}
	got, err := p.shortestGrant(noon.Add(-2 * time.Hour))
	if err != nil || !got.EndTime.Equal(noon.Add(2*time.Hour)) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestGrantEventNeedsItsEnd(t *testing.T) {
	t.Parallel()
	for _, labels := range []map[string]string{nil, {LabelTimeExpires: "soon"}, {LabelTimeIndefinite: "false"},
		{LabelTimeExpires: "2030-01-02T12:00:00Z"}, {LabelTimeExpires: "2030-01-02T11:00:00Z"}, {LabelTimeDuration: "1h"}} {
		if g, err := grantOf(&Event{Timestamp: noon, Meta: Meta{Labels: labels}}); err == nil {
			t.Errorf("%v is read as %+v", labels, g)
		}
	}
}

func FuzzDuration(f *testing.F) {
	for _, s := range []string{"1h30m", "3h0m0s", "1us", "0", "-1h", "9223372036854775807ns", "1e9h", "∞", ".5h", "+1h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDuration("f", s)
		if err != nil {
			if CodeOf(err) != Invalid || d != 0 {
				t.Errorf("%q: %v, %v", s, d, err)
			}
			return
		}
		if again, err := ParseDuration("f", d.String()); err != nil || again != d || d <= 0 || d > MaxDuration {
			t.Errorf("%q is %v, which is read as %v, %v", s, d, again, err)
		}
	})
}

// Whatever the labels: a term that is taken gives a grant that begins now and ends later, and its event says the same.
func FuzzTerm(f *testing.F) {
	f.Add(LabelTimeDuration, "1h")
	f.Add(LabelTimeExpires, "2030-01-02T13:00:00.123456789+14:00")
	f.Add(LabelTimeIndefinite, "true")
	f.Fuzz(func(t *testing.T, key, value string) {
		labels := map[string]string{key: value}
		term, err := ParseTerm(labels, noon)
		if err != nil {
			if CodeOf(err) != Invalid || term != (Term{}) {
				t.Errorf("%q: %+v, %v", labels, term, err)
			}
			return
		}
		g, err := grantFor(&Petition{Verdict: Verdict{DefaultDuration: time.Hour}}, term, noon)
		if err != nil || g.StartTime != noon || !g.EndTime.IsZero() && (!g.EndTime.After(noon) || g.EndTime.Sub(noon) > MaxDuration) || g.EndTime.IsZero() != term.Indefinite {
			t.Errorf("%q gives %+v, %v", labels, g, err)
		}
		if back, err := grantOf(&Event{Timestamp: noon, Meta: Meta{Labels: g.labels()}}); err != nil || back != g {
			t.Errorf("%+v is read back as %+v, %v", g, back, err)
		}
	})
}
