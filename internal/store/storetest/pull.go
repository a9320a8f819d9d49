package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func pullPolicies(t *testing.T, k kit) {
	ctx := t.Context()
	whole := approval.PullPolicy{Space: k.space, Name: "z", DisplayName: `Zoë's "pull"`, Webhook: "hook", Kinds: []string{"role", "okta.v1.group"}, Flags: map[string]string{"a": "b"}, Schedule: "0 3 * * *",
		Base:   approval.PolicyBase{Selector: approval.LabelSelector{MatchLabels: map[string]string{"team": "a"}}, Conditions: []string{"resource.id != 'x'"}},
		Labels: map[string]string{"x": "y"}, TakeLabels: []string{"*"}, TakeIdentities: true, CreatedBy: reviewer, CreateTime: Start, UpdateTime: Start.Add(time.Microsecond)}
	plain := approval.PullPolicy{Space: k.space, Name: "a", Webhook: "hook", Kinds: []string{"role"}, CreateTime: Start, UpdateTime: Start}
	k.commit(t, approval.PutPullPolicy{Policy: whole}, approval.PutPullPolicy{Policy: plain})
	k.refuse(t, approval.Conflict, approval.PutPullPolicy{Policy: plain})
	whole.Version, plain.Version = 1, 1
	got, err := k.PullPolicy(ctx, k.space, "z")
	want(t, got, err, whole)
	all, err := k.PullPolicies(ctx, k.space)
	want(t, all, err, []approval.PullPolicy{plain, whole})
	if _, err := k.PullPolicy(ctx, "elsewhere", "z"); approval.CodeOf(err) != approval.NotFound {
		t.Errorf("another space's policy: %v", err)
	}
	foreign := plain
	foreign.Space = "elsewhere"
	k.refuse(t, approval.Internal, approval.PutPullPolicy{Policy: foreign})
	oneWins(t, together(16, func(int) error { return k.Commit(ctx, k.change(approval.PutPullPolicy{Policy: plain, Expect: 1})) }))
	k.refuse(t, approval.Conflict, approval.PutPullPolicy{Policy: plain, Expect: 1})
	k.commit(t, approval.PutPull{Pull: approval.Pull{Space: k.space, Policy: "a"}})
	k.commit(t, approval.DeletePullPolicy{Name: "a"})
	k.refuse(t, approval.NotFound, approval.DeletePullPolicy{Name: "a"})
	if _, err := k.Pull(ctx, k.space, "a"); approval.CodeOf(err) != approval.NotFound {
		t.Errorf("how the pulls of a deleted policy stand: %v", err)
	}
}

func pulls(t *testing.T, k kit) {
	ctx := t.Context()
	result := approval.PullResult{ID: "r", State: approval.PullDone, Problem: "p", Begin: Start, End: Start.Add(time.Second), Listed: 7, Taken: 6, Created: 5, Changed: 4, Gone: 3, Conflicts: 2,
		Examples: []string{"e"}, Dropped: []string{"d"}, Pages: 1, Bytes: 9, Partial: true}
	p := approval.Pull{Space: k.space, Policy: "roles", Run: "run", Until: Start.Add(time.Minute), Begun: Start, Last: result, Good: result, Failures: 2, FailingSince: Start, Next: Start.Add(time.Hour),
		Asked: &approval.PullAsked{ID: "q", By: "ada", Kinds: []string{"role"}, Flags: map[string]string{"a": "b"}, Force: true, Time: Start}}
	k.refuse(t, approval.Conflict, approval.PutPull{Pull: p, Expect: 1})
	k.commit(t, approval.PutPull{Pull: p})
	k.refuse(t, approval.Conflict, approval.PutPull{Pull: p})
	p.Version = 1
	got, err := k.Pull(ctx, k.space, "roles")
	want(t, got, err, p)
	all, err := k.Pulls(ctx, k.space)
	want(t, all, err, []approval.Pull{p})
	foreign := p
	foreign.Space = "elsewhere"
	k.refuse(t, approval.Internal, approval.PutPull{Pull: foreign, Expect: 1})
	failing, err := k.FailingPulls(ctx)
	if err != nil || failing < 1 {
		t.Errorf("%d fail, %v", failing, err)
	}

	// One of those who move on from the same state does.
	k.commit(t, approval.HoldPull{Policy: "roles", Run: "run"})
	k.refuse(t, approval.Conflict, approval.HoldPull{Policy: "roles", Run: "other"})
	k.refuse(t, approval.Conflict, approval.HoldPull{Policy: "other", Run: "run"})
	oneWins(t, together(16, func(i int) error {
		next := p
		next.Run = fmt.Sprint("run ", i)
		return k.Note(ctx, k.space, approval.PutPull{Pull: next, Expect: 1})
	}))
	k.refuse(t, approval.Conflict, approval.HoldPull{Policy: "roles", Run: "run"})
	if err := k.Note(ctx, k.space, approval.PutPull{Pull: p, Expect: 1}); approval.CodeOf(err) != approval.Conflict {
		t.Errorf("a stale state: %v", err)
	}
	p.Run, p.Asked, p.Last, p.Failures = "", nil, approval.PullResult{}, 0
	if err := k.Note(ctx, k.space, approval.PutPull{Pull: p, Expect: 2}); err != nil {
		t.Fatal(err)
	}
	p.Version = 3
	got, err = k.Pull(ctx, k.space, "roles")
	want(t, got, err, p)
}

func pulled(t *testing.T, k kit) {
	ctx := t.Context()
	entry := func(name string, labels ...string) approval.Resource {
		r := approval.Resource{ID: "id of " + name, Kind: "role", Labels: map[string]string{approval.LabelBlock: name}}
		for i := 0; i < len(labels); i += 2 {
			r.Labels[labels[i]] = labels[i+1]
		}
		return r
	}
	thing := func(n byte) (t approval.Thing) { t[0] = n; return t }
	put := func(r approval.Resource, n byte, isNew bool) approval.PutPulled {
		return approval.PutPulled{Resource: r, Policy: "roles", Thing: thing(n), New: isNew}
	}
	hand := entry("hand")
	k.commit(t, approval.PutResource{Resource: hand})
	a, b := entry("a"), entry("b", approval.LabelDeactivated, "true")
	k.commit(t, put(a, 1, true), put(b, 2, true))
	k.refuse(t, approval.Conflict, put(a, 1, true))
	k.refuse(t, approval.Conflict, put(hand, 3, true))
	k.refuse(t, approval.Conflict, put(hand, 3, false))
	k.refuse(t, approval.Conflict, put(entry("c"), 1, true)) // the policy has that thing
	k.refuse(t, approval.Conflict, approval.PutPulled{Resource: a, Policy: "other", Thing: thing(1)})
	rows, err := k.Pulled(ctx, k.space, "roles", "", 10)
	want(t, rows, err, []approval.Pulled{{Name: "a", Kind: "role", Thing: thing(1)}, {Name: "b", Kind: "role", Thing: thing(2), Gone: true}})
	rows, err = k.Pulled(ctx, k.space, "roles", "a", 10)
	want(t, len(rows), err, 1)
	rows, err = k.Pulled(ctx, k.space, "roles", "", 1)
	want(t, len(rows), err, 1)
	rows, err = k.Pulled(ctx, k.space, "other", "", 10)
	want(t, len(rows), err, 0)

	entries := func(policy string, names []string, things ...approval.Thing) map[string]approval.PulledEntry {
		t.Helper()
		return k.pulledEntries(t, policy, names, things)
	}
	want(t, entries("roles", []string{"hand", "a", "none"}, thing(1), thing(2)), nil, map[string]approval.PulledEntry{
		"hand": {Resource: hand}, "a": {Resource: a, Policy: "roles", Thing: thing(1)}, "b": {Resource: b, Policy: "roles", Thing: thing(2)}})
	want(t, len(entries("other", nil, thing(1))), nil, 0)
	want(t, len(entries("roles", nil)), nil, 0)

	// Who writes what is there takes nothing over; who changes it does; who deletes it takes the provenance along.
	k.commit(t, approval.PutResource{Resource: a})
	want(t, entries("roles", []string{"a"})["a"].Policy, nil, "roles")
	changed := a
	changed.DisplayName = "by hand"
	k.commit(t, approval.PutResource{Resource: changed})
	want(t, entries("roles", []string{"a"}), nil, map[string]approval.PulledEntry{"a": {Resource: changed}})
	k.refuse(t, approval.Conflict, put(a, 1, false))
	b.DisplayName = "again"
	delete(b.Labels, approval.LabelDeactivated)
	k.commit(t, put(b, 2, false))
	want(t, entries("roles", []string{"b"})["b"].Resource.DisplayName, nil, "again")
	rows, err = k.Pulled(ctx, k.space, "roles", "", 10)
	want(t, rows, err, []approval.Pulled{{Name: "b", Kind: "role", Thing: thing(2)}})
	k.commit(t, approval.DeleteResource{Name: "b"})
	rows, err = k.Pulled(ctx, k.space, "roles", "", 10)
	want(t, len(rows), err, 0)
	k.commit(t, put(b, 2, true))
}

// pulledEntries answers the entries by name.
func (k kit) pulledEntries(t *testing.T, policy string, names []string, things []approval.Thing) map[string]approval.PulledEntry {
	t.Helper()
	list, err := k.PulledEntries(t.Context(), k.space, policy, names, things)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]approval.PulledEntry{}
	for _, e := range list {
		out[e.Resource.Name()] = e
	}
	if len(out) != len(list) {
		t.Errorf("an entry is answered twice: %v", list)
	}
	return out
}

func nameOwners(t *testing.T, k kit) {
	ctx := t.Context()
	k.commit(t, approval.PutMember{Member: approval.Member{Space: k.space, ID: "gil@example.com", Kind: approval.KindUser, Role: approval.Viewer, Person: "gil@example.com", CreateTime: Start}},
		approval.PutMember{Member: approval.Member{Space: k.space, ID: "hal@example.com", Kind: approval.KindUser, Role: approval.Viewer, Person: "hal@example.com", CreateTime: Start}},
		approval.PutIdentity{Identity: approval.Identity{Space: k.space, Identity: "okta:U1", Member: "hal@example.com", CreateTime: Start}},
		approval.PutResource{Resource: approval.Resource{ID: "U2", Kind: "user", Email: "Gil@Example.com", Labels: map[string]string{approval.LabelBlock: "gil"}}})
	list, err := k.NameOwners(ctx, k.space, []string{"gil@example.com", "okta:u1", "u2", "nobody"})
	if err != nil {
		t.Fatal(err)
	}
	got := map[approval.NameOwner]bool{}
	for _, o := range list {
		got[o] = true
	}
	want(t, got, nil, map[approval.NameOwner]bool{{Name: "gil@example.com", Member: "gil@example.com"}: true, {Name: "gil@example.com", Resource: "gil"}: true,
		{Name: "okta:u1", Member: "hal@example.com"}: true, {Name: "u2", Resource: "gil"}: true})
	none, err := k.NameOwners(ctx, k.space, nil)
	want(t, len(none), err, 0)
}
