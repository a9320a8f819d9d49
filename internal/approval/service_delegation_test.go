package approval_test

import (
	"slices"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// Who may name whom, for how long; nobody hands out more than they have (I7).
func TestWhoNamesWhomAsDeputy(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.put(approval.Member{ID: "al@acme.example", Kind: approval.KindUser, Email: "al@acme.example", Role: approval.Auditor, Person: "al@acme.example"})
	h.put(approval.Member{ID: "sue@acme.example", Kind: approval.KindUser, Email: "sue@acme.example", Role: approval.Viewer, Person: "sue@acme.example", Suspended: true})
	if _, err := h.LinkIdentity(t.Context(), h.actor(olga), pat, "eve@home.example"); err != nil {
		t.Fatal(err)
	}
	h.put(approval.Member{ID: "eve@home.example", Kind: approval.KindUser, Email: "eve@home.example", Role: approval.Viewer, Person: "eve@home.example"})
	now := h.clock.Now()
	scoped := func(id string, scopes ...approval.Permission) approval.Actor {
		a := h.whoIs(id)
		a.Scopes = scopes
		return a
	}
	ok := approval.NewDelegation{To: pat, EndTime: now.Add(day)}
	with := func(change func(*approval.NewDelegation)) approval.NewDelegation { n := ok; change(&n); return n }
	for name, c := range map[string]struct {
		by    approval.Actor
		n     approval.NewDelegation
		code  approval.Code
		field string
	}{
		"for oneself":                  {h.whoIs(bob), ok, "", ""},
		"a Viewer's":                   {h.whoIs(vic), ok, "", ""},
		"in capitals":                  {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.To = "Pat@ACME.example" }), "", ""},
		"an owner's for another":       {h.whoIs(olga), with(func(n *approval.NewDelegation) { n.From = bob }), "", ""},
		"90 days":                      {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.EndTime = now.Add(90 * day) }), "", ""},
		"later":                        {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.StartTime, n.EndTime = now.Add(365*day), now.Add(366*day) }), "", ""},
		"a start that has passed":      {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.StartTime = now.Add(-80 * day) }), "", ""},
		"an editor's for another":      {h.whoIs(eve), with(func(n *approval.NewDelegation) { n.From = bob }), approval.Forbidden, ""},
		"an owner's to the owner":      {h.whoIs(olga), approval.NewDelegation{From: bob, To: olga, EndTime: now.Add(day)}, approval.Forbidden, ""},
		"by an Auditor":                {h.whoIs("al@acme.example"), ok, approval.Forbidden, ""},
		"by a token that decides not":  {scoped(bob, approval.WriteDelegations), ok, approval.Forbidden, ""},
		"by a token without the scope": {scoped(bob, approval.CreateClaims), ok, approval.Forbidden, ""},
		"by a token that covers not": {scoped(olga, approval.WriteDelegations, approval.CreateClaims, approval.WriteMembers),
			with(func(n *approval.NewDelegation) { n.From = bob }), approval.Forbidden, ""},
		"by a service account":       {h.whoIs(bobsBot), ok, approval.Invalid, "from"},
		"to a service account":       {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.To = quickstart }), approval.Invalid, "to"},
		"to oneself":                 {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.To = bob }), approval.Invalid, "to"},
		"to oneself by another name": {h.whoIs(pat), with(func(n *approval.NewDelegation) { n.To = "eve@home.example" }), approval.Invalid, "to"},
		"to an Auditor":              {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.To = "al@acme.example" }), approval.Invalid, "to"},
		"to who is suspended":        {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.To = "sue@acme.example" }), approval.Invalid, "to"},
		"to nobody":                  {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.To = "" }), approval.Invalid, "to"},
		"to who is no member":        {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.To = "who@else.example" }), approval.Invalid, "to"},
		"of who is no member":        {h.whoIs(olga), with(func(n *approval.NewDelegation) { n.From = "who@else.example" }), approval.Invalid, "from"},
		"without an end":             {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.EndTime = time.Time{} }), approval.Invalid, "endTime"},
		"for too long":               {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.EndTime = now.Add(90*day + time.Second) }), approval.Invalid, "endTime"},
		"over already":               {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.EndTime = now }), approval.Invalid, "endTime"},
		"ends before it begins":      {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.StartTime = now.Add(2 * day) }), approval.Invalid, "endTime"},
		"too far ahead":              {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.StartTime, n.EndTime = now.Add(366*day), now.Add(367*day) }), approval.Invalid, "startTime"},
		"with a reason of no text":   {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.Reason = "\x00" }), approval.Invalid, "reason"},
	} {
		refusals := len(h.refusals())
		d, err := h.CreateDelegation(t.Context(), c.by, c.n)
		field := ""
		if e, is := err.(*approval.Error); is {
			field = e.Field
		}
		logged := len(h.refusals()) - refusals
		if approval.CodeOf(err) != c.code || field != c.field || (logged == 1) != (c.code == approval.Forbidden) {
			t.Errorf("%s: %v (%s in %q), %d refusals", name, err, approval.CodeOf(err), field, logged)
		}
		if err == nil && (d.StartTime.Before(now) || d.CreatedBy != c.by.ID || d.To != pat) {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

// Who sees which, and who ends them; what is over stays to be read.
func TestWhoSeesAndEndsDelegations(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d, other := h.deputize(vic, bob), h.deputize(eve, olga)
	sees := func(id string, want ...string) {
		t.Helper()
		list, err := h.Delegations(t.Context(), h.whoIs(id))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range list {
			got = append(got, d.From)
		}
		slices.Sort(got)
		sameList(t, id, got, want...)
	}
	sees(vic, vic)
	sees(olga, eve, vic)
	own, err := h.OwnDelegations(t.Context(), h.whoIs(bob))
	if err != nil || len(own) != 1 || own[0] != d {
		t.Error(own, err)
	}
	_, err = h.Delegation(t.Context(), h.whoIs(vic), other.Name)
	same(t, "another's", approval.CodeOf(err), approval.NotFound)
	same(t, "ended by who cannot see it", approval.CodeOf(h.EndDelegation(t.Context(), h.whoIs(vic), other.Name)), approval.NotFound)
	same(t, "ended by an editor", approval.CodeOf(h.EndDelegation(t.Context(), h.whoIs(bob), other.Name)), approval.Forbidden)
	h.ends(other, olga) // its deputy, and an owner
	h.ends(d, bob)
	e := h.newest(approval.EventDelegationEnd)
	same(t, "who ended it", e.Actor.ID, bob)
	same(t, "whose", e.Label(approval.LabelDelegationFrom), vic)
	same(t, "again", approval.CodeOf(h.EndDelegation(t.Context(), h.whoIs(vic), d.Name)), approval.Conflict)
	ended, err := h.Delegation(t.Context(), h.whoIs(vic), d.Name)
	if err != nil || ended.State(h.clock.Now()) != approval.DelegationEnded || ended.RevokedBy != bob {
		t.Error(ended, err)
	}
	sees(olga)
	for _, name := range []string{"", "none", "a/b"} {
		same(t, name, approval.CodeOf(h.EndDelegation(t.Context(), h.whoIs(olga), name)), approval.NotFound)
	}
}

func TestDelegationsAreFew(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for range approval.MaxDelegationsOfOne {
		h.deputize(bob, pat)
	}
	for _, n := range []approval.NewDelegation{{From: bob, To: eve}, {From: vic, To: pat}} {
		n.EndTime = h.clock.Now().Add(day)
		_, err := h.CreateDelegation(t.Context(), h.whoIs(olga), n)
		same(t, n.From, approval.CodeOf(err), approval.Conflict)
	}
	h.clock.Advance(day)
	h.deputize(bob, eve)
}
