package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func delegationOf(space, name, from, to string, start, end time.Duration) approval.Delegation {
	return approval.Delegation{Space: space, Name: name, From: from, To: to, StartTime: Start.Add(start), EndTime: Start.Add(end), Reason: `on "leave"`,
		CreatedBy: from, CreateTime: Start}
}

func delegations(t *testing.T, k kit) {
	ctx := t.Context()
	first := delegationOf(k.space, "z", "ada", "bob", 0, time.Hour)
	second := delegationOf(k.space, "a", "ada", "cy", time.Minute, 2*time.Hour)
	third := delegationOf(k.space, "b", "cy", "bob", time.Minute, 3*time.Hour)
	k.commit(t, approval.PutDelegation{Delegation: third}, approval.PutDelegation{Delegation: second}, approval.PutDelegation{Delegation: first})
	k.refuse(t, approval.Conflict, approval.PutDelegation{Delegation: first})
	foreign := first
	foreign.Space = "elsewhere"
	k.refuse(t, approval.Internal, approval.PutDelegation{Delegation: foreign})
	d, err := k.Delegation(ctx, k.space, "z")
	want(t, d, err, first)
	for _, c := range []struct{ space, name string }{{"elsewhere", "z"}, {k.space, "none"}} {
		if _, err := k.Delegation(ctx, c.space, c.name); approval.CodeOf(err) != approval.NotFound {
			t.Error(c, err)
		}
	}
	is := func(member string, at time.Duration, all ...approval.Delegation) {
		t.Helper()
		got, err := k.Delegations(ctx, k.space, member, Start.Add(at))
		want(t, got, err, all)
	}
	active := func(deputy string, at time.Duration, all ...approval.Delegation) {
		t.Helper()
		got, err := k.DelegationsTo(ctx, k.space, deputy, Start.Add(at))
		want(t, got, err, all)
	}
	is("", 0, first, second, third)
	is("ada", 0, first, second)
	is("bob", 0, first, third)
	is("dan", 0)
	is("", time.Hour, second, third) // at its end it is over
	is("bob", time.Hour-time.Microsecond, first, third)
	active("bob", -time.Microsecond)
	active("bob", 0, first)
	active("bob", time.Minute, first, third)
	active("bob", time.Hour, third)
	active("ada", time.Minute)
	got, err := k.DelegationsTo(ctx, "elsewhere", "bob", Start)
	want(t, len(got), err, 0)
}

func usesAndEndsOfDelegations(t *testing.T, k kit) {
	ctx := t.Context()
	first := delegationOf(k.space, "z", "ada", "bob", 0, time.Hour)
	later := delegationOf(k.space, "b", "ada", "bob", time.Minute, time.Hour)
	k.commit(t, approval.PutDelegation{Delegation: first}, approval.PutDelegation{Delegation: later})
	active := func(all ...approval.Delegation) {
		t.Helper()
		got, err := k.DelegationsTo(ctx, k.space, "bob", Start)
		want(t, got, err, all)
	}
	k.refuse(t, approval.Conflict, approval.UseDelegation{Name: "b", At: Start})
	k.refuse(t, approval.Conflict, approval.UseDelegation{Name: "z", At: Start.Add(time.Hour)})
	k.refuse(t, approval.Conflict, approval.UseDelegation{Name: "none", At: Start})
	k.commit(t, approval.UseDelegation{Name: "z", At: Start.Add(2 * time.Minute)}, approval.UseDelegation{Name: "z", At: Start.Add(time.Minute)})
	first.LastUseTime = Start.Add(2 * time.Minute)
	active(first)

	k.refuse(t, approval.Internal, approval.EndDelegation{Name: "z", By: "ada"})
	k.refuse(t, approval.Conflict, approval.EndDelegation{Name: "z", By: "ada", At: Start.Add(time.Hour)})
	k.commit(t, approval.EndDelegation{Name: "z", By: "ada", At: Start.Add(3 * time.Minute)})
	k.refuse(t, approval.Conflict, approval.EndDelegation{Name: "z", By: "bob", At: Start.Add(4 * time.Minute)})
	k.refuse(t, approval.Conflict, approval.UseDelegation{Name: "z", At: Start.Add(time.Minute)})
	first.RevokeTime, first.RevokedBy = Start.Add(3*time.Minute), "ada"
	d, err := k.Delegation(ctx, k.space, "z")
	want(t, d, err, first)
	active()
	got, err := k.Delegations(ctx, k.space, "", Start)
	want(t, got, err, []approval.Delegation{later})
	k.commit(t, approval.EndDelegation{Name: "b", By: "olga", At: Start.Add(-time.Hour)}) // before it begins
	got, err = k.Delegations(ctx, k.space, "ada", Start)
	want(t, len(got), err, 0)
}

func delegationsGoWithMembers(t *testing.T, k kit) {
	for i, id := range []string{"ada", "bob", "cy"} {
		k.commit(t, approval.PutMember{Member: approval.Member{Space: k.space, ID: id, Kind: approval.KindUser, Role: approval.Viewer, Person: id, CreateTime: Start}},
			approval.PutDelegation{Delegation: delegationOf(k.space, fmt.Sprint(i), id, []string{"bob", "cy", "ada"}[i], 0, time.Hour)})
	}
	k.commit(t, approval.DeleteMember{ID: "ada"})
	got, err := k.Delegations(t.Context(), k.space, "", Start)
	want(t, got, err, []approval.Delegation{delegationOf(k.space, "1", "bob", "cy", 0, time.Hour)})
	if _, err := k.Delegation(t.Context(), k.space, "0"); approval.CodeOf(err) != approval.NotFound {
		t.Error(err)
	}
}

// Of those who use a delegation while it is ended, only they succeed who were before.
func delegationsAreUsedOrEnded(t *testing.T, k kit) {
	k.commit(t, approval.PutDelegation{Delegation: delegationOf(k.space, "d", "ada", "bob", 0, time.Hour)})
	errs := together(32, func(n int) error {
		if n == 7 {
			return k.Commit(t.Context(), k.change(approval.EndDelegation{Name: "d", By: "ada", At: Start.Add(time.Minute)}))
		}
		return k.Commit(t.Context(), k.change(approval.UseDelegation{Name: "d", At: Start}))
	})
	for n, err := range errs {
		if code := approval.CodeOf(err); n == 7 && err != nil || code != "" && code != approval.Conflict {
			t.Error(n, err)
		}
	}
	k.refuse(t, approval.Conflict, approval.UseDelegation{Name: "d", At: Start})
}
