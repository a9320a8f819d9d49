package policy

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

func TestAWhereSelectsMembers(t *testing.T) {
	t.Parallel()
	broken := errors.New("the database is down")
	reads := func(labels map[string]string, groups ...string) Candidate {
		return Candidate{ID: "ada@x.example", Address: "ada@x.example", Role: approval.Editor,
			Groups: func(context.Context) ([]string, error) { return groups, nil },
			Labels: func(context.Context) (map[string]string, error) { return labels, nil }}
	}
	unread := Candidate{ID: "ada@x.example", Groups: func(context.Context) ([]string, error) { return nil, broken },
		Labels: func(context.Context) (map[string]string, error) { return nil, broken }}
	cases := []struct {
		where  string
		who    Candidate
		want   bool
		failed bool
	}{
		{`reviewer.role in ["Editor", "Owner"] && reviewer.address.endsWith("@x.example")`, reads(nil), true, false},
		{`reviewer.id == "bea@x.example"`, reads(nil), false, false},
		{`"payments" in reviewer.groups`, reads(nil, "eng", "payments"), true, false},
		{`"payments" in reviewer.groups`, reads(nil), false, false},
		{`"team" in reviewer.labels && reviewer.labels.team == "payments"`, reads(map[string]string{"team": "payments"}), true, false},
		{`reviewer.labels.team == "payments"`, reads(nil), false, true}, // who has no such label is nobody's reviewer
		{`"payments" in reviewer.groups`, unread, false, true},
		{`"payments" in reviewer.groups || true`, unread, false, true}, // CEL answers true and forgets the error
		{`reviewer.labels.a == "b" || true`, unread, false, true},
		{`reviewer.id == "ada@x.example"`, unread, true, false},
		{`reviewer.id == "ada@x.example"`, Candidate{}, false, false},
		{`size(reviewer.groups) == 0`, Candidate{}, false, true},
	}
	for _, c := range cases {
		t.Run(c.where, func(t *testing.T) {
			t.Parallel()
			d := compiled(t, fmt.Sprintf("version: 1\nrules:\n- name: r\n  require: {reviewers: {where: %q}}\n", c.where))
			got, err := d.Selects(t.Context(), c.where, c.who)
			if got != c.want || (err != nil) != c.failed {
				t.Errorf("got %t, %v", got, err)
			}
		})
	}
	d := compiled(t, "version: 1\nrules:\n- name: r\n  require: {reviewers: {where: 'true'}}\n")
	if got, err := d.Selects(t.Context(), "reviewer.id != ''", reads(nil)); got || approval.CodeOf(err) != approval.NotFound {
		t.Errorf("a where that the document does not have: %t, %v", got, err)
	}
}
