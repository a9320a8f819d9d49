package approval_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
)

// alike compares what is no comparable.
func alike(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func aHook() approval.NewWebhook {
	return approval.NewWebhook{Name: "roles", URL: "https://hooks.example.com/indent", Headers: map[string]approval.HeaderInput{
		"Authorization": {Credential: "Bearer k3y-of-the-endpoint"}, "X-Team": {Value: "platform"}}}
}

func (h *house) hook(n approval.NewWebhook) (approval.Webhook, string) {
	h.t.Helper()
	w, secret, err := h.CreateWebhook(h.t.Context(), h.actor(bob), n)
	if err != nil {
		h.t.Fatal(err)
	}
	return w, secret
}

// everything answers all that is stored of webhooks and in the log, as text.
func (h *house) storedWebhooks() string {
	h.t.Helper()
	list := must(h.store.Webhooks(h.t.Context(), "acme"))
	return string(must(json.Marshal([]any{list, h.events()})))
}

func TestAWebhookIsMadeChangedAndDeleted(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, editor := t.Context(), h.actor(bob)
	w, secret := h.hook(aHook())
	if !strings.HasPrefix(secret, "whsec_") || len(secret) < 50 || w.Version != 1 || w.Method != "POST" || w.CreatedBy.ID != bob || len(w.Keys) != 1 || w.Keys[0].PublicKey == "" {
		t.Errorf("made %+v with %q", w, secret)
	}
	alike(t, "read", must(h.Webhook(ctx, h.actor(pat), "roles")), w)
	second, _ := h.hook(approval.NewWebhook{URL: "http://localhost:8080/", Method: "PUT", DryRun: true, DisplayName: "here", Labels: map[string]string{"a": "b"}})
	alike(t, "the list", must(h.Webhooks(ctx, h.actor(pat))), []approval.Webhook{second, w})
	_, _, err := h.CreateWebhook(ctx, editor, aHook())
	if approval.CodeOf(err) != approval.Conflict {
		t.Errorf("the same name again: %v", err)
	}

	h.clock.Advance(time.Minute)
	name, address, method, dry := "Roles", "https://hooks.example.com/other?x=y", "PATCH", true
	changed := must(h.ChangeWebhook(ctx, editor, "roles", approval.WebhookChange{DisplayName: &name, URL: &address, Method: &method, DryRun: &dry, Labels: map[string]string{"x": "y"}}))
	alike(t, "changed", changed, must(h.Webhook(ctx, editor, "roles")))
	if changed.DisplayName != name || changed.URL != address || changed.Method != method || !changed.DryRun || changed.Labels["x"] != "y" || changed.Version != 2 || !changed.UpdateTime.After(changed.CreateTime) ||
		len(changed.Headers) != 2 || changed.CreatedBy.ID != bob {
		t.Errorf("changed to %+v", changed)
	}
	alike(t, "nothing is changed by nothing", must(h.ChangeWebhook(ctx, editor, "roles", approval.WebhookChange{})).Headers, changed.Headers)
	if err := h.DeleteWebhook(ctx, editor, "roles"); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{h.DeleteWebhook(ctx, editor, "roles"), h.DeleteWebhook(ctx, editor, "no/name")} {
		if approval.CodeOf(err) != approval.NotFound {
			t.Errorf("what is not there: %v", err)
		}
	}
	var log []string
	for _, e := range h.events() {
		if strings.HasPrefix(e.Event, "webhook/") {
			log = append(log, e.Event+" "+e.Reason+" "+e.Resources[0].Kind+" "+e.Actor.ID)
		}
	}
	slices.Reverse(log)
	alike(t, "the log", log, []string{"webhook/create  webhook " + bob, "webhook/create  webhook " + bob, "webhook/update displayName, labels, url, method, dryRun webhook " + bob, "webhook/update  webhook " + bob, "webhook/delete  webhook " + bob})
}

func TestWhoHasNoRightToWebhooks(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	h.hook(aHook())
	viewer, admin := h.actor(vic), h.actor(pat)
	for i, try := range []func() error{
		func() error { _, err := h.Webhooks(ctx, viewer); return err },
		func() error { _, err := h.Webhook(ctx, viewer, "roles"); return err },
		func() error { _, _, err := h.CreateWebhook(ctx, admin, aHook()); return err },
		func() error { _, err := h.ChangeWebhook(ctx, admin, "roles", approval.WebhookChange{}); return err },
		func() error { _, _, err := h.RotateWebhook(ctx, admin, "roles", time.Hour); return err },
		func() error { _, err := h.EndWebhookRotation(ctx, admin, "roles"); return err },
		func() error { _, err := h.TryWebhook(ctx, admin, "roles"); return err },
		func() error { return h.DeleteWebhook(ctx, admin, "roles") },
	} {
		who := admin.ID
		if i < 2 {
			who = viewer.ID
		}
		h.refused(i, try(), approval.Forbidden, "webhooks:", who, "")
	}
	if len(h.endpoints.Calls) > 0 {
		t.Error("a call was made")
	}
}

// What is given once is never seen again: not in the storage, not in the log, not in an answer.
func TestSecretsOfWebhooksAreSealed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	n := aHook()
	n.Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	w, secret := h.hook(n)
	same(t, "the secret that was given", secret, n.Secret)
	_, rotated, err := h.RotateWebhook(t.Context(), h.actor(bob), w.Name, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	all := h.storedWebhooks()
	for _, text := range []string{"k3y-of-the-endpoint", secret, secret[6:], rotated, rotated[6:]} {
		if strings.Contains(all, text) {
			t.Errorf("%q is stored", text)
		}
	}
	must(h.TryWebhook(t.Context(), h.actor(bob), w.Name))
	target := h.endpoints.Target
	if len(target.Keys) != 2 || target.Keys[0].Secret != rotated || target.Keys[1].Secret != secret || len(target.Keys[0].Seed) != 32 ||
		target.Headers[0] != (approval.WebhookHeader{Name: "Authorization", Value: "Bearer k3y-of-the-endpoint", Secret: true}) || target.Headers[1] != (approval.WebhookHeader{Name: "X-Team", Value: "platform"}) {
		t.Errorf("a call has %+v", target)
	}
}

// Whoever may change webhooks must not learn a credential by sending it to a place of theirs.
func TestACredentialIsNotSentElsewhere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, editor := t.Context(), h.actor(bob)
	h.hook(aHook())
	keep := map[string]approval.HeaderInput{"Authorization": {Credential: approval.KeptCredential}}
	for _, elsewhere := range []string{"https://evil.example/indent", "https://hooks.example.com:8443/indent", "https://hooks.example.com.evil.example/", "http://localhost/"} {
		for name, headers := range map[string]map[string]approval.HeaderInput{"as they are": nil, "kept": keep} {
			_, err := h.ChangeWebhook(ctx, editor, "roles", approval.WebhookChange{URL: &elsewhere, Headers: headers})
			if approval.CodeOf(err) != approval.Invalid || !strings.Contains(err.Error(), "headers.Authorization") {
				t.Errorf("%s, headers %s: %v", elsewhere, name, err)
			}
		}
	}
	same(t, "nothing has changed", must(h.Webhook(ctx, editor, "roles")).Version, int64(1))
	// A path of the same place is the same place; what is given anew goes along, and what is left out is gone.
	there, moved := "https://HOOKS.example.com/other", "https://other.example/"
	same(t, "kept", len(must(h.ChangeWebhook(ctx, editor, "roles", approval.WebhookChange{URL: &there, Headers: keep})).Headers), 1)
	must(h.ChangeWebhook(ctx, editor, "roles", approval.WebhookChange{URL: &moved, Headers: map[string]approval.HeaderInput{"Authorization": {Credential: "Bearer another"}}}))
	must(h.ChangeWebhook(ctx, editor, "roles", approval.WebhookChange{URL: &there, Headers: map[string]approval.HeaderInput{}}))
	same(t, "gone", len(must(h.Webhook(ctx, editor, "roles")).Headers), 0)
	if _, err := h.ChangeWebhook(ctx, editor, "roles", approval.WebhookChange{Headers: keep}); !strings.Contains(err.Error(), "no credential that could be kept") {
		t.Errorf("kept what is not there: %v", err)
	}
}

func TestWebhooksThatAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	long := strings.Repeat("x", 5000)
	header := func(name string, in approval.HeaderInput) func(*approval.NewWebhook) {
		return func(n *approval.NewWebhook) { n.Headers = map[string]approval.HeaderInput{name: in} }
	}
	address := func(text string) func(*approval.NewWebhook) {
		return func(n *approval.NewWebhook) { n.URL = text }
	}
	secret := func(text string) func(*approval.NewWebhook) {
		return func(n *approval.NewWebhook) { n.Secret = text }
	}
	many := map[string]approval.HeaderInput{}
	for i := range approval.MaxWebhookHeaders + 1 {
		many["X-"+strings.Repeat("a", i+1)] = approval.HeaderInput{Value: "v"}
	}
	for _, c := range []struct {
		field string
		spoil func(*approval.NewWebhook)
	}{
		{"url", address("")}, {"url", address("http://example.com/")}, {"url", address("ftp://example.com/")}, {"url", address("https://user:pass@example.com/")},
		{"url", address("https://user@example.com/")}, {"url", address("https:///path")}, {"url", address("https://example.com/#x")}, {"url", address("https://example.com/a b")},
		{"url", address("//example.com")}, {"url", address("https:example.com")}, {"url", address("javascript:alert(1)")}, {"url", address("https://exämple.com/")},
		{"url", address("https://example.com\\@evil.example/")}, {"url", address("http://localhost.evil.example/")}, {"url", address("http://127.0.0.1.evil.example/")}, {"url", address("https://example.com/" + long)},
		{"url", address("https://example.com/\n")}, {"url", address("https://[::1")}, {"url", address("https://example.com:port/")},
		{"name", func(n *approval.NewWebhook) { n.Name = "a/b" }}, {"displayName", func(n *approval.NewWebhook) { n.DisplayName = "a\u202eb" }},
		{"method", func(n *approval.NewWebhook) { n.Method = "GET" }}, {"method", func(n *approval.NewWebhook) { n.Method = "post" }},
		{"labels.k", func(n *approval.NewWebhook) { n.Labels = map[string]string{"k": "\x00"} }}, {"headers", func(n *approval.NewWebhook) { n.Headers = many }},
		{"headers", func(n *approval.NewWebhook) {
			n.Headers = map[string]approval.HeaderInput{"X-A": {Value: "1"}, "x-a": {Value: "2"}}
		}},
		{"headers", header("X A", approval.HeaderInput{Value: "v"})}, {"headers", header("X-A\r\nX-B", approval.HeaderInput{Credential: "v"})},
		{"headers.X-A", header("X-A", approval.HeaderInput{})}, {"headers.X-A", header("X-A", approval.HeaderInput{Value: "a", Credential: "b"})},
		{"headers.X-A.value", header("X-A", approval.HeaderInput{Value: "a\r\nHost: evil"})}, {"headers.X-A.credential", header("X-A", approval.HeaderInput{Credential: "a\nb"})},
		{"headers.X-A.credential", header("X-A", approval.HeaderInput{Credential: long})}, {"headers.X-A", header("X-A", approval.HeaderInput{Credential: approval.KeptCredential})},
		{"headers.Host", header("Host", approval.HeaderInput{Value: "v"})}, {"headers.content-LENGTH", header("content-LENGTH", approval.HeaderInput{Value: "1"})},
		{"headers.X-Indent-Signature", header("X-Indent-Signature", approval.HeaderInput{Value: "v"})}, {"headers.webhook-id", header("webhook-id", approval.HeaderInput{Credential: "v"})},
		{"secret", secret("short")}, {"secret", secret(long)}, {"secret", secret("sixteen characters")}, {"secret", secret("whsec_MfKQ9r8GKYqr")}, {"secret", secret("whsec_not base64 but long enough")},
	} {
		n := aHook()
		c.spoil(&n)
		_, _, err := h.CreateWebhook(t.Context(), h.actor(bob), n)
		if approval.CodeOf(err) != approval.Invalid || !strings.HasPrefix(err.Error(), c.field+": ") {
			t.Errorf("%+v: %v, want %s", n, err, c.field)
		}
	}
	same(t, "none was made", len(must(h.Webhooks(t.Context(), h.actor(bob)))), 0)
	plain := aHook()
	plain.Secret = "a-secret-of-the-original-product"
	if _, secret := h.hook(plain); secret != plain.Secret {
		t.Errorf("made with %q", secret)
	}
}

func TestASpaceHasSoManyWebhooks(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for range approval.MaxWebhooks {
		h.hook(approval.NewWebhook{URL: "https://hooks.example.com"})
	}
	if _, _, err := h.CreateWebhook(t.Context(), h.actor(bob), aHook()); approval.CodeOf(err) != approval.Conflict || !strings.Contains(err.Error(), "delete one") {
		t.Errorf("one more: %v", err)
	}
}

// Two secrets sign until the older has ended; a further rotation leaves the one that the endpoint surely knows.
func TestASecretIsRotated(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, editor := t.Context(), h.actor(bob)
	_, first := h.hook(aHook())
	signing := func() (secrets []string) {
		t.Helper()
		must(h.TryWebhook(ctx, editor, "roles"))
		for _, k := range h.endpoints.Target.Keys {
			secrets = append(secrets, k.Secret)
		}
		return secrets
	}
	rotate := func(grace time.Duration) string {
		t.Helper()
		_, secret, err := h.RotateWebhook(ctx, editor, "roles", grace)
		if err != nil {
			t.Fatal(err)
		}
		return secret
	}
	alike(t, "at first", signing(), []string{first})
	second := rotate(time.Hour)
	alike(t, "both", signing(), []string{second, first})
	third := rotate(time.Hour)
	alike(t, "the newer was replaced", signing(), []string{third, first})
	h.clock.Advance(time.Hour)
	alike(t, "the older has ended", signing(), []string{third})
	fourth := rotate(time.Hour)
	alike(t, "both again", signing(), []string{fourth, third})
	must(h.EndWebhookRotation(ctx, editor, "roles"))
	alike(t, "ended early", signing(), []string{fourth})
	if _, err := h.EndWebhookRotation(ctx, editor, "roles"); approval.CodeOf(err) != approval.Conflict {
		t.Errorf("ended again: %v", err)
	}
	fifth := rotate(0)
	alike(t, "at once", signing(), []string{fifth})
	same(t, "the old one is not kept", len(must(h.Webhook(ctx, editor, "roles")).Keys), 1)
	for _, grace := range []time.Duration{-1, approval.MaxRotation + 1} {
		if _, _, err := h.RotateWebhook(ctx, editor, "roles", grace); approval.CodeOf(err) != approval.Invalid {
			t.Errorf("for %s: %v", grace, err)
		}
	}
	if _, _, err := h.RotateWebhook(ctx, editor, "nothing", 0); approval.CodeOf(err) != approval.NotFound {
		t.Errorf("what is not there: %v", err)
	}
}

// Of changes at once each is made of what the others left.
func TestChangesOfAWebhookAtOnceAreAllThere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.hook(aHook())
	method, dry := "PUT", true
	once := false
	h.store.BeforeCommit = func(c approval.Change) error {
		if once {
			return nil
		}
		once = true
		return approval.Errorf(approval.Conflict, "somebody else was faster")
	}
	must(h.ChangeWebhook(t.Context(), h.actor(bob), "roles", approval.WebhookChange{Method: &method}))
	must(h.ChangeWebhook(t.Context(), h.actor(bob), "roles", approval.WebhookChange{DryRun: &dry}))
	w := must(h.Webhook(t.Context(), h.actor(bob), "roles"))
	if w.Method != method || !w.DryRun || w.Version != 3 {
		t.Errorf("left %+v", w)
	}
}

func TestAServerWithoutAKeyHasNoWebhooks(t *testing.T) {
	t.Parallel()
	s := approval.NewService(approval.Deps{Store: approvaltest.NewStore(), Policy: &rule{}, Clock: approvaltest.NewClock(), IDs: &approvaltest.IDs{}, Broker: approvaltest.NewBroker()})
	owner := approval.Actor{Space: "acme", ID: olga, Kind: approval.KindUser, Role: approval.Owner}
	if _, _, err := s.CreateWebhook(t.Context(), owner, aHook()); approval.CodeOf(err) != approval.Unavailable || !strings.Contains(err.Error(), "seal_keys") {
		t.Errorf("made without a key: %v", err)
	}
}

func TestAWebhookIsTried(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, editor := t.Context(), h.actor(bob)
	h.hook(aHook())
	answers := map[approval.WebhookKind]approval.WebhookAnswer{
		approval.WebhookInfo:   {Outcome: approval.WebhookDone, Details: `[{"capabilities":["ApplyUpdate"]}]`},
		approval.WebhookPull:   {Outcome: approval.WebhookRefused, Code: 12, Problem: "the endpoint refuses"},
		approval.WebhookDecide: {Outcome: approval.WebhookDone},
		approval.WebhookApply:  {Outcome: approval.WebhookRefused, Code: 5, Problem: "no such role"},
		approval.WebhookState:  {Outcome: approval.WebhookDone},
	}
	h.endpoints.Answer = func(_ approval.WebhookTarget, c approval.WebhookCall) approval.WebhookAnswer {
		a := answers[c.Kind]
		a.Attempt.Status = 200
		return a
	}
	trials := must(h.TryWebhook(ctx, editor, "roles"))
	want := []string{"GetInfo true", "PullUpdate true", "GetDecision true", "ApplyUpdate (access/grant) true", "ApplyUpdate (access/revoke) true", "GetState true"}
	says := []string{`{"capabilities":["ApplyUpdate"]}`, "does not know this call", "leaves the decision to people", "which is right", "which is right", "no access, which is right"}
	same(t, "calls", len(trials), len(want))
	for i, trial := range trials {
		if got := trial.Title + map[bool]string{true: " true", false: " false"}[trial.Works]; got != want[i] || !strings.Contains(trial.Explain, says[i]) {
			t.Errorf("%s: %s", got, trial.Explain)
		}
	}
	ids := map[string]bool{}
	for _, c := range h.endpoints.Calls {
		if c.ID == "" || strings.Contains(c.ID, ".") || ids[c.ID] {
			t.Errorf("the call has the id %q", c.ID)
		}
		ids[c.ID] = true
		for _, e := range c.Events {
			if len(e.Resources) != 2 || !strings.HasSuffix(e.Resources[0].ID, ".invalid") {
				t.Errorf("a test is about %+v", e)
			}
		}
	}
	grant, revoke := h.endpoints.Calls[3].Events, h.endpoints.Calls[4].Events
	if grant[len(grant)-1].Event != approval.EventGrant || revoke[len(revoke)-1].Event != approval.EventRevoke || grant[1].Meta.Labels[approval.LabelTimeExpires] == "" {
		t.Errorf("granted by %+v, revoked by %+v", grant, revoke)
	}
	same(t, "it is in the log", h.events()[0].Event, approval.EventWebhookTest)

	for says, answer := range map[string]approval.WebhookAnswer{
		"Not answered.": {Outcome: approval.WebhookAgain, Problem: "not answered"}, "It does not work.": {Outcome: approval.WebhookAgain}, "signature": {Outcome: approval.WebhookRefused, Code: 16},
	} {
		h.endpoints.Answer = func(approval.WebhookTarget, approval.WebhookCall) approval.WebhookAnswer { return answer }
		trials := must(h.TryWebhook(ctx, editor, "roles"))
		if trials[0].Works || !strings.Contains(trials[0].Explain, says) || answer.Outcome == approval.WebhookAgain && len(trials) != 1 {
			t.Errorf("%s: %d trials, %+v", says, len(trials), trials[0])
		}
	}
}

// What a test makes of the answer about who has access, and of a refusal: neither a tick beside a refusal, nor a cross at an endpoint that need not answer.
func TestATestExplainsWhatItAsksAbout(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.hook(aHook())
	for says, c := range map[string]struct {
		answer approval.WebhookAnswer
		works  bool
	}{
		"somebody who does not exist has access":                                             {approval.WebhookAnswer{Outcome: approval.WebhookDone, Access: true}, false},
		"which is right: they do not exist":                                                  {approval.WebhookAnswer{Outcome: approval.WebhookRefused, Code: 5, Problem: "the endpoint refuses: NOT_FOUND (5)"}, true},
		"That is fine where it need not: it says who really has access.":                     {approval.WebhookAnswer{Outcome: approval.WebhookAgain, Problem: approval.NoAccessSaid}, true},
		"It answers, and refuses what does not exist: PERMISSION_DENIED (7). Is that meant?": {approval.WebhookAnswer{Outcome: approval.WebhookRefused, Code: 7, Problem: "the endpoint refuses: PERMISSION_DENIED (7)"}, true},
	} {
		h.endpoints.Answer = func(_ approval.WebhookTarget, call approval.WebhookCall) approval.WebhookAnswer {
			a := approval.WebhookAnswer{Outcome: approval.WebhookDone}
			if call.Kind == approval.WebhookState {
				a = c.answer
			}
			a.Attempt.Status = 200
			return a
		}
		trials := must(h.TryWebhook(t.Context(), h.actor(bob), "roles"))
		if last := trials[len(trials)-1]; last.Title != "GetState" || last.Works != c.works || !strings.Contains(last.Explain, says) {
			t.Errorf("%+v", last)
		}
	}
}

// Each test holds calls to wherever a member says: one of a webhook, two of a space and four on a node are under way.
func TestTestsOfWebhooksAreFewAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var hooks [6]approval.Actor
	for i := range hooks {
		hooks[i] = h.actor(bob)
		n := aHook()
		n.Name = "hook-" + string(rune('a'+i))
		if i > 2 { // a space for the others, which has no member of this house
			hooks[i].Space = []string{"", "", "", "second", "second", "third"}[i]
		}
		if _, _, err := h.CreateWebhook(t.Context(), hooks[i], n); err != nil {
			t.Fatal(err)
		}
	}
	slow := &slowEndpoints{begun: make(chan struct{}), end: make(chan struct{})}
	h.Endpoints = slow
	try := func(i int) error {
		_, err := h.TryWebhook(t.Context(), hooks[i], "hook-"+string(rune('a'+i)))
		return err
	}
	full := func(i int, says string) {
		t.Helper()
		err := try(i)
		var e *approval.Error
		if !errors.As(err, &e) || e.Code != approval.TooMany || e.RetryAfter <= 0 || !strings.Contains(err.Error(), says) {
			t.Errorf("webhook %d: %v", i, err)
		}
	}
	var all sync.WaitGroup
	enter := func(i int) {
		all.Go(func() { _ = try(i) })
		<-slow.begun
	}
	enter(0)
	full(0, "1 test is under way for acme/hook-a already")
	enter(1)
	full(2, "2 tests of webhooks are under way for acme already")
	enter(3)
	enter(4)
	full(5, "4 tests of webhooks are under way on this server already")
	close(slow.end)
	all.Wait()
	for i := range hooks {
		if err := try(i); err != nil {
			t.Errorf("webhook %d afterwards: %v", i, err)
		}
	}
}

// slowEndpoints answer when the test says so.
type slowEndpoints struct {
	approvaltest.Endpoints
	begun, end chan struct{}
}

func (e *slowEndpoints) Call(_ context.Context, _ approval.WebhookTarget, c approval.WebhookCall) (approval.WebhookAnswer, error) {
	select {
	case <-e.end:
	default:
		e.begun <- struct{}{}
		<-e.end
	}
	return approval.WebhookAnswer{Outcome: approval.WebhookDone, Attempt: approval.WebhookAttempt{ID: c.ID, Kind: c.Kind, Status: 200}}, nil
}
