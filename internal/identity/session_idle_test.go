package identity

import (
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// A session ends when nobody uses it; a page that is only open, and asks by itself, is no use.
func TestASessionEndsWithoutUse(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	s := o.node.Sessions()
	begin := func() string {
		secret, _, err := s.SignIn(t.Context(), o.link(ada), "test")
		o.must(err)
		return secret
	}
	used, open := begin(), begin()
	for range 7 {
		o.clock.Advance(time.Hour)
		if _, err := s.Use(t.Context(), used); err != nil {
			t.Fatal(err)
		}
		o.must(o.node.FlushUses(t.Context()))
		_, _ = s.Authenticate(t.Context(), open)
	}
	o.wants(s, used, ada)
	o.wants(s, open, "")
	a, err := s.Authenticate(t.Context(), used)
	o.must(err)
	if list, err := s.List(t.Context(), a); err != nil || len(list) != 1 || list[0].LastUse != o.clock.Now() {
		t.Errorf("alive are %+v, %v", list, err)
	}
	// To the moment, on another node too.
	o.clock.Advance(2*time.Hour - time.Microsecond)
	o.wants(o.nodeWith(nil).Sessions(), used, ada)
	o.wants(s, used, ada)
	o.clock.Advance(time.Microsecond)
	o.wants(o.nodeWith(nil).Sessions(), used, "")
	o.wants(s, used, "")
	// Use does not go beyond the absolute end.
	secret := begin()
	for range 12 {
		o.wants(s, secret, ada)
		o.clock.Advance(time.Hour)
		_, _ = s.Use(t.Context(), secret)
		o.must(o.node.FlushUses(t.Context()))
	}
	o.wants(s, secret, "")
}

// A use is written once a minute, and not at all by an API token.
func TestUsesAreWrittenOnceAMinute(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	writes := 0
	o.store.BeforeRead = func(what string) error {
		if what == "TouchTokens" {
			writes++
		}
		return nil
	}
	secret, _, err := o.node.Sessions().SignIn(t.Context(), o.link(ada), "test")
	o.must(err)
	for range 600 {
		if _, err := o.node.Sessions().Use(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
		o.must(o.node.FlushUses(t.Context()))
		o.clock.Advance(time.Second)
	}
	if writes < 9 || writes > 10 {
		t.Errorf("%d writes in ten minutes", writes)
	}
	// One that cannot be written lets the page through and makes the session end sooner.
	o.store.BeforeRead = func(what string) error {
		if what == "TouchTokens" {
			return approval.Errorf(approval.Unavailable, "read only")
		}
		return nil
	}
	for range 119 {
		if _, err := o.node.Sessions().Use(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
		if err := o.node.FlushUses(t.Context()); err == nil {
			t.Fatal("it was written")
		}
		o.clock.Advance(time.Minute)
	}
	o.clock.Advance(time.Minute)
	o.wants(o.node.Sessions(), secret, "")
}

func TestEndingSessions(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	s := o.node.Sessions()
	begin := func(member string) (string, approval.Actor) {
		secret, _, err := s.SignIn(t.Context(), o.link(member), "test")
		o.must(err)
		a, err := s.Authenticate(t.Context(), secret)
		o.must(err)
		return secret, a
	}
	here, me := begin(ada)
	lost, there := begin(ada)
	vics, vicsActor := begin(vic)
	o.must(func() error { _, err := o.node.CreateUserToken(t.Context(), me, "mine", nil); return err }())
	leaked, err := o.node.CreateUserToken(t.Context(), there, "made in the lost browser", nil)
	o.must(err)
	o.wants(o.node, leaked.Secret, ada)
	// programs that were let in there live for months, whoever let them in
	stolen, kept := o.allowedBy(there), o.allowedBy(me)
	ofStolen, err := o.CreateUserToken(t.Context(), must(o.Authenticate(t.Context(), stolen.Secret)), "", nil)
	o.must(err)
	unfetched := o.open()
	_, err = o.Logins().Answer(t.Context(), there, unfetched.User, true)
	o.must(err)

	for name, c := range map[string]struct {
		a    approval.Actor
		name string
	}{"somebody else's": {me, vicsActor.TokenName}, "by somebody else": {vicsActor, me.TokenName}, "a token": {me, leaked.Token.Name}, "none": {me, "none"}} {
		if err := s.End(t.Context(), c.a, c.name); approval.CodeOf(err) != approval.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	o.must(s.End(t.Context(), me, there.TokenName))
	o.wants(s, lost, "")
	for _, secret := range []string{leaked.Secret, stolen.Secret, ofStolen.Secret} {
		o.wants(o.node, secret, "") // what was made in it ends with it
	}
	_, err = o.Logins().RefreshTokens(t.Context(), stolen.Refresh)
	o.code(err, approval.Unauthenticated, "has ended")
	_, err = o.Logins().DeviceTokens(t.Context(), unfetched.Device)
	o.grants(err, approval.GrantDenied)
	o.wants(o.node, kept.Secret, ada)
	o.must(s.End(t.Context(), me, there.TokenName))

	more, _ := begin(ada)
	o.must(s.End(t.Context(), me, ""))
	o.wants(s, more, "")
	o.wants(s, here, ada)
	o.wants(s, vics, vic)
}

// Who signed in by a link that was no operator's, or before it was known whom it was for, gets nowhere else by it.
func TestOnlyWhoWasVerifiedSwitchesSpaces(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	s := o.node.Sessions()
	_, err := o.service.CreateSpace(t.Context(), approval.NewSpace{Name: "labs", Owner: ada, Policy: "-"})
	o.must(err)
	secret, _, err := s.SignIn(t.Context(), o.link(ada), "test")
	o.must(err)
	a, err := s.Authenticate(t.Context(), secret)
	o.must(err)
	o.clock.Advance(time.Hour)
	other, end, err := s.Switch(t.Context(), a, "labs")
	o.must(err)
	if end != o.clock.Now().Add(11*time.Hour) {
		t.Errorf("going to another space made the session longer: %v", end)
	}
	o.wants(s, secret, "")
	b, err := s.Authenticate(t.Context(), other)
	if err != nil || b.Space != "labs" || b.ID != ada {
		t.Errorf("got %+v, %v", b, err)
	}
	if _, _, err := s.Switch(t.Context(), b, "acmecorp"); err != nil {
		t.Errorf("there is no way back: %v", err)
	}

	// By a link that another member has made.
	link := approval.Token{Space: "acmecorp", Name: "l", Kind: approval.TokenLink, Hash: hash("0123456789abcdef0123456789abcdef"), Member: ada,
		ExpireTime: o.clock.Now().Add(time.Hour), CreatedBy: approval.Resource{ID: vic, Kind: approval.KindUser}}
	o.must(o.store.Commit(t.Context(), approval.Change{Space: "acmecorp", Writes: []approval.Write{approval.PutToken{Token: link}}, Events: []approval.Event{{ID: "1"}}}))
	secret, _, err = s.SignIn(t.Context(), "0123456789abcdef0123456789abcdef", "test")
	o.must(err)
	a, err = s.Authenticate(t.Context(), secret)
	o.must(err)
	if places, err := s.Places(t.Context(), a); err != nil || len(places) != 0 {
		t.Errorf("it leads to %+v, %v", places, err)
	}
	if _, _, err := s.Switch(t.Context(), a, "labs"); approval.CodeOf(err) != approval.NotFound {
		t.Errorf("got %v", err)
	}
}

// The owner of a space may call a member what the server's operator is called, and let their own account be that member.
func TestNobodyBecomesAnOperatorByAName(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	node, err := New(t.Context(), o.service, Config{Issuer: func() string { return issuer }, TokenTTL: time.Hour, SessionTTL: 12 * time.Hour, Operators: []string{vic},
		Providers: []Provider{{Name: "okta", Issuer: o.issuer.URL, ClientID: "indent", ClientSecret: o.node.providers[0].ClientSecret, Spaces: []string{"acmecorp"},
			Scopes: []string{"openid"}, Domains: []string{"acmecorp.example"}}}})
	o.must(err)
	o.node = node
	identity := approval.Identity{Space: "acmecorp", Identity: "oidc:" + o.issuer.URL + "|mallory", Member: vic}
	o.must(o.store.Commit(t.Context(), approval.Change{Space: "acmecorp", Writes: []approval.Write{approval.PutIdentity{Identity: identity}}, Events: []approval.Event{{ID: "1"}}}))
	o.here("mallory", vic, map[string]any{"email_verified": false})
	cookie, answer := o.begin("/")
	in, err := o.finish(cookie, answer)
	o.must(err)
	a, err := node.Sessions().Authenticate(t.Context(), in.Secret)
	if err != nil || a.ID != vic || a.Operator {
		t.Errorf("got %+v, %v", a, err)
	}
	made, err := node.CreateUserToken(t.Context(), a, "test", nil)
	o.must(err)
	if b, err := node.Authenticate(t.Context(), made.Secret); err != nil || b.Operator {
		t.Errorf("by a token: %+v, %v", b, err)
	}

	// Nor by a program that was let in, of which nobody knows by which session.
	program := approval.Token{Space: "acmecorp", Name: "program", Kind: approval.TokenLogin, Member: vic, CreateTime: o.clock.Now()}
	if proved, err := node.provedAddress(t.Context(), program); err != nil || proved {
		t.Errorf("a program: %v, %v", proved, err)
	}

	// The operator's own way in.
	secret, _, err := node.Sessions().SignIn(t.Context(), o.link(vic), "test")
	o.must(err)
	a, err = node.Sessions().Authenticate(t.Context(), secret)
	if err != nil || !a.Operator {
		t.Errorf("the operator is %+v, %v", a, err)
	}
	made, err = node.CreateUserToken(t.Context(), a, "test", nil)
	o.must(err)
	if b, err := node.Authenticate(t.Context(), made.Secret); err != nil || !b.Operator {
		t.Errorf("the operator's token: %+v, %v", b, err)
	}
}
