package policy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// Whatever the condition: it is refused at its place, or decides within its cost; one that fails sends the petition to the
// owners.
func FuzzCondition(f *testing.F) {
	for _, s := range []string{`actor.email.endsWith("@acmecorp.example")`, `resources.all(r, r.kind == "refund") && petition.params.amount < 100`,
		`known.exists(r, r.labels.tier in ["test", "dev"])`, `"a".matches("(a+)+$")`, `[1,2].map(x, [3,4].map(y, x * y)).size() > 0`, `1/0 == 1`, `petition.params.a.b.c`,
		`duration("1h") < petition.duration`, `timestamp(now) > timestamp("2030-01-01T00:00:00Z")`, `has(petition.params.x)`, `true ? false : true`, `"\xff"`, `b"\xff" == b""`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, when string) {
		if strings.ContainsFunc(when, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return // written out below as Go writes it, which is YAML only without these
		}
		text := fmt.Sprintf("version: 1\nrules:\n- name: r\n  when: %q\n  deny: {reason: no}\n", when)
		d, err := Compile(text)
		if err != nil {
			if approval.CodeOf(err) != approval.Invalid || !strings.HasPrefix(err.Error(), "policy") {
				t.Fatalf("%q: %v", when, err)
			}
			return
		}
		began := time.Now()
		v, err := d.Decide(t.Context(), asks(params(`{"amount":1,"x":{"y":[1,2,3]}}`)))
		if took := time.Since(began); err != nil || took > 10*time.Second {
			t.Fatalf("%q: %s, %v", when, took, err)
		}
		checkVerdict(t, v)
		if v.Decision == approval.VerdictApprove {
			t.Fatalf("%q approves: %+v", when, v)
		}
	})
}
