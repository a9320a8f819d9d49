package approval_test

import (
	"slices"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
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
		a := h.seated(id)
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
		"for oneself":                  {h.seated(bob), ok, "", ""},
		"a Viewer's":                   {h.seated(vic), ok, "", ""},
		"in capitals":                  {h.seated(bob), with(func(n *approval.NewDelegation) { n.To = "Pat@ACME.example" }), "", ""},
		"an owner's for another":       {h.seated(olga), with(func(n *approval.NewDelegation) { n.From = bob }), "", ""},
		"90 days":                      {h.seated(bob), with(func(n *approval.NewDelegation) { n.EndTime = now.Add(90 * day) }), "", ""},
		"later":                        {h.seated(bob), with(func(n *approval.NewDelegation) { n.StartTime, n.EndTime = now.Add(365*day), now.Add(366*day) }), "", ""},
		"a start that has passed":      {h.seated(bob), with(func(n *approval.NewDelegation) { n.StartTime = now.Add(-80 * day) }), "", ""},
		"an editor's for another":      {h.seated(eve), with(func(n *approval.NewDelegation) { n.From = bob }), approval.Forbidden, ""},
		"an owner's to the owner":      {h.seated(olga), approval.NewDelegation{From: bob, To: olga, EndTime: now.Add(day)}, approval.Forbidden, ""},
		"by an Auditor":                {h.seated("al@acme.example"), ok, approval.Forbidden, ""},
		"by a token that decides not":  {scoped(bob, approval.WriteDelegations), ok, approval.Forbidden, ""},
		"by a token without the scope": {scoped(bob, approval.CreateClaims), ok, approval.Forbidden, ""},
		"by a token that covers not": {scoped(olga, approval.WriteDelegations, approval.CreateClaims, approval.WriteMembers),
			with(func(n *approval.NewDelegation) { n.From = bob }), approval.Forbidden, ""},
		"by a service account":       {h.seated(bobsBot), ok, approval.Invalid, "from"},
		"to a service account":       {h.seated(bob), with(func(n *approval.NewDelegation) { n.To = quickstart }), approval.Invalid, "to"},
		"to oneself":                 {h.seated(bob), with(func(n *approval.NewDelegation) { n.To = bob }), approval.Invalid, "to"},
		"to oneself by another name": {h.seated(pat), with(func(n *approval.NewDelegation) { n.To = "eve@home.example" }), approval.Invalid, "to"},
		"to an Auditor":              {h.seated(bob), with(func(n *approval.NewDelegation) { n.To = "al@acme.example" }), approval.Invalid, "to"},
		"to who is suspended":        {h.seated(bob), with(func(n *approval.NewDelegation) { n.To = "sue@acme.example" }), approval.Invalid, "to"},
		"to nobody":                  {h.seated(bob), with(func(n *approval.NewDelegation) { n.To = "" }), approval.Invalid, "to"},
		"to who is no member":        {h.seated(bob), with(func(n *approval.NewDelegation) { n.To = "who@else.example" }), approval.Invalid, "to"},
		"of who is no member":        {h.seated(olga), with(func(n *approval.NewDelegation) { n.From = "who@else.example" }), approval.Invalid, "from"},
		"without an end":             {h.seated(bob), with(func(n *approval.NewDelegation) { n.EndTime = time.Time{} }), approval.Invalid, "endTime"},
		"for too long":               {h.seated(bob), with(func(n *approval.NewDelegation) { n.EndTime = now.Add(90*day + time.Second) }), approval.Invalid, "endTime"},
		"over already":               {h.seated(bob), with(func(n *approval.NewDelegation) { n.EndTime = now }), approval.Invalid, "endTime"},
		"ends before it begins":      {h.seated(bob), with(func(n *approval.NewDelegation) { n.StartTime = now.Add(2 * day) }), approval.Invalid, "endTime"},
		"too far ahead":              {h.seated(bob), with(func(n *approval.NewDelegation) { n.StartTime, n.EndTime = now.Add(366*day), now.Add(367*day) }), approval.Invalid, "startTime"},
		"with a reason of no text":   {h.seated(bob), with(func(n *approval.NewDelegation) { n.Reason = "\x00" }), approval.Invalid, "reason"},
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

// A token ends in minutes, and what it makes must not stay for weeks (I7): a deputy is named by who has signed in, and with their
// passkey if they have one.
func TestNoTokenNamesADeputy(t *testing.T) {
	t.Parallel()
	passkey := map[string]string{approval.LabelPasskey: "key"}
	both := map[string]string{approval.LabelPasskey: "key", approval.LabelLoginSession: "some-session"}
	letIn := map[string]string{approval.LabelLoginSession: "some-session"}
	for name, c := range map[string]struct {
		has     bool // a passkey
		by      approval.Token
		method  string // of the session
		after   bool   // this server asks for passkeys after a sign-in provider
		refused string
	}{
		"a session":                                  {by: approval.Token{Kind: approval.TokenSession}},
		"a login":                                    {by: approval.Token{Kind: approval.TokenLogin, CreatedBy: approval.Resource{Labels: letIn}}},
		"a login of no session":                      {by: approval.Token{Kind: approval.TokenLogin}, refused: "a token names no deputy"},
		"a user token":                               {by: approval.Token{Kind: approval.TokenUser}, refused: "While I am away"},
		"a service token":                            {by: approval.Token{Kind: approval.TokenService}, refused: "a token names no deputy"},
		"a sign-in that waits":                       {by: approval.Token{Kind: approval.TokenHalf}, refused: "a token names no deputy"},
		"a session that has ended":                   {by: approval.Token{Kind: approval.TokenSession, RevokeTime: approvaltest.Epoch}, refused: "a token names no deputy"},
		"another's session":                          {by: approval.Token{Kind: approval.TokenSession, Name: "session-of-vic"}, refused: "a token names no deputy"},
		"nothing":                                    {refused: "a token names no deputy"},
		"a session with the passkey":                 {has: true, by: approval.Token{Kind: approval.TokenSession, CreatedBy: approval.Resource{Labels: passkey}}},
		"a session without the passkey":              {has: true, by: approval.Token{Kind: approval.TokenSession}, method: approval.MethodLink, refused: "sign in again with it"},
		"a session that nobody knows how it began":   {has: true, by: approval.Token{Kind: approval.TokenSession}, refused: "sign in again with it"},
		"a session by a provider":                    {has: true, by: approval.Token{Kind: approval.TokenSession}, method: approval.MethodOIDC},
		"a session by a provider that is not enough": {has: true, by: approval.Token{Kind: approval.TokenSession}, method: approval.MethodOIDC, after: true, refused: "sign in again with it"},
		"a login of who has a passkey":               {has: true, by: approval.Token{Kind: approval.TokenLogin, CreatedBy: approval.Resource{Labels: both}}, refused: "a program proves none"},
	} {
		h := newHouse(t)
		h.Passkeys.AfterOIDC = c.after
		h.holds(vic, approval.Token{Kind: approval.TokenSession, Name: "session-of-vic"})
		h.holds(olga, approval.Token{Kind: approval.TokenSession, Name: "some-session"})
		a := h.whoIs(olga)
		if c.by.Kind != "" {
			a.TokenName = h.holds(olga, c.by)
		}
		if c.method != "" {
			h.write(approval.PutSession{Session: approval.Session{Space: "acme", Name: a.TokenName, Method: c.method, SignIn: "one"}})
		}
		if c.has {
			h.write(approval.PutPasskey{Passkey: approval.Passkey{Space: "acme", ID: "key", Member: olga, Name: "Laptop", CreateTime: h.clock.Now()}})
		}
		for _, from := range []string{"", bob} { // for oneself, and an owner for another
			refusals := len(h.refusals())
			_, err := h.CreateDelegation(t.Context(), a, approval.NewDelegation{From: from, To: pat, EndTime: h.clock.Now().Add(day)})
			if c.refused != "" {
				h.refused(refusals, err, approval.Forbidden, c.refused, olga, "")
			} else if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// Who has stolen a session or a login names no deputy with it either, unless its person has signed in a moment ago: neither
// another space nor a program that was let in makes a sign-in younger.
func TestADeputyIsNamedSoonAfterTheSignIn(t *testing.T) {
	t.Parallel()
	const old = "you signed in more than 15 minutes ago: sign out, sign in again"
	labels := func(key, value string) approval.Resource {
		return approval.Resource{Labels: map[string]string{key: value}}
	}
	begun := func(ago time.Duration) string { return approvaltest.Epoch.Add(-ago).Format(time.RFC3339Nano) }
	for name, c := range map[string]struct {
		by      approval.Token
		session approval.Token // in which a program was let in
		after   time.Duration
		refused string
	}{
		"a session of 15 minutes":                {by: approval.Token{Kind: approval.TokenSession}, after: 15 * time.Minute},
		"an older one":                           {by: approval.Token{Kind: approval.TokenSession}, after: 15*time.Minute + time.Second, refused: old},
		"one in another space":                   {by: approval.Token{Kind: approval.TokenSession, CreatedBy: labels(approval.LabelSessionBegun, begun(time.Hour))}, refused: old},
		"one of which nobody knows":              {by: approval.Token{Kind: approval.TokenSession, CreatedBy: labels(approval.LabelSessionBegun, "yesterday")}, refused: old},
		"one with the passkey":                   {by: approval.Token{Kind: approval.TokenSession, CreatedBy: labels(approval.LabelPasskey, "key")}, after: time.Hour, refused: old},
		"a login of 15 minutes":                  {by: approval.Token{Kind: approval.TokenLogin, CreatedBy: labels(approval.LabelLoginSession, "its-session")}, session: approval.Token{Kind: approval.TokenSession}, after: 15 * time.Minute},
		"an older login":                         {by: approval.Token{Kind: approval.TokenLogin, CreatedBy: labels(approval.LabelLoginSession, "its-session")}, session: approval.Token{Kind: approval.TokenSession}, after: time.Hour, refused: "let the program in again"},
		"a new login, let in from an older page": {by: approval.Token{Kind: approval.TokenLogin, CreatedBy: labels(approval.LabelLoginSession, "its-session")}, session: approval.Token{Kind: approval.TokenSession, CreatedBy: labels(approval.LabelSessionBegun, begun(time.Hour))}, refused: "let the program in again"},
		"a login whose session is gone":          {by: approval.Token{Kind: approval.TokenLogin, CreatedBy: labels(approval.LabelLoginSession, "its-session")}, refused: "let the program in again"},
		"a login from another's session":         {by: approval.Token{Kind: approval.TokenLogin, CreatedBy: labels(approval.LabelLoginSession, "session-of-vic")}, refused: "let the program in again"},
	} {
		h := newHouse(t)
		h.holds(vic, approval.Token{Kind: approval.TokenSession, Name: "session-of-vic"})
		if c.session.Kind != "" {
			c.session.Name = "its-session"
			h.holds(olga, c.session)
		}
		a := h.whoIs(olga)
		a.TokenName = h.holds(olga, c.by)
		if c.by.CreatedBy.Labels[approval.LabelPasskey] != "" {
			h.write(approval.PutPasskey{Passkey: approval.Passkey{Space: "acme", ID: "key", Member: olga, Name: "Laptop", CreateTime: h.clock.Now()}})
		}
		h.clock.Advance(c.after)
		refusals := len(h.refusals())
		_, err := h.CreateDelegation(t.Context(), a, approval.NewDelegation{To: pat, EndTime: h.clock.Now().Add(day)})
		if c.refused != "" {
			h.refused(refusals, err, approval.Forbidden, c.refused, olga, "")
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
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
		_, err := h.CreateDelegation(t.Context(), h.seated(olga), n)
		same(t, n.From, approval.CodeOf(err), approval.Conflict)
	}
	h.clock.Advance(day)
	h.deputize(bob, eve)
}
