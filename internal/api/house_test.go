package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
	"github.com/indent-approvals/indent/internal/identity"
	"github.com/indent-approvals/indent/internal/policy"
)

// Members of the space acmecorp of every house, by role.
const (
	theOwner  = "owner@acmecorp.example"
	theEditor = "editor@acmecorp.example"
	theAdmin  = "admin@acmecorp.example"
	theViewer = "viewer@acmecorp.example"
	aStranger = "owner@othercorp.example"
	inSpace   = "/v1/spaces/acmecorp"
)

// house is the API over the real use cases and identity, on storage in memory and a clock that moves by hand.
type house struct {
	testing.TB
	api      *API
	clock    *approvaltest.Clock
	service  *approval.Service
	identity *identity.Identity
	store    *approvaltest.Store
	broker   *approvaltest.Broker
	server   *httptest.Server
	logs     *syncBuffer
	tokens   map[string]string
	// reason is why the petitions of the matrix are asked for; it names who reviews them (see testPolicy).
	reason string
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{TB: t, clock: approvaltest.NewClock(), store: approvaltest.NewStore(), broker: approvaltest.NewBroker(), logs: newSyncBuffer(), tokens: map[string]string{}}
	logger := textLogger(h.logs)
	var err error
	h.service = approval.NewService(approval.Deps{Store: h.store, Policy: testPolicy{}, Documents: approvaltest.Documents{}, Clock: h.clock, IDs: &approvaltest.IDs{}, Broker: h.broker, Logger: logger,
		Vault: approvaltest.Vault{}, Endpoints: &approvaltest.Endpoints{}, Conditions: policy.NewConditions()})
	h.identity, err = identity.New(t.Context(), h.service, identity.Config{Issuer: func() string { return "https://indent.example" }, TokenTTL: time.Hour, SessionTTL: time.Hour})
	h.must(err)
	h.seed()
	h.api, err = New(Deps{Service: h.service, Auth: h.identity, Tokens: h.identity, Logins: h.identity.Logins(), BaseURL: func() string { return "https://indent.example" }, Keys: func() any { return h.identity.JWKS() },
		Logger: logger, Metrics: prometheus.NewRegistry(), Ready: h.store.Ping, Version: "test"})
	h.must(err)
	h.server = httptest.NewServer(h.api.Handler())
	t.Cleanup(h.server.Close)
	return h
}

func textLogger(out io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// testPolicy asks an Editor or an Owner, except for reasons that name the decision of a rule.
type testPolicy struct{}

func (testPolicy) Decide(_ context.Context, in approval.PolicyInput) (approval.Verdict, error) {
	v := approval.Verdict{Decision: approval.VerdictReview, Rule: "review", PolicyVersion: in.Document.Version, Explanation: "An Editor or an Owner reviews.",
		Requirements: []approval.Requirement{{Reviewers: approval.Reviewers{Roles: []approval.Role{approval.Editor, approval.Owner}}, Count: 1}},
		DecideWithin: 168 * time.Hour, DefaultDuration: time.Hour}
	if name, named := strings.CutPrefix(in.Petition.Reason, "reviewed by "); named {
		v.Requirements[0].Reviewers = approval.Reviewers{Persons: []string{name}}
	}
	switch in.Petition.Reason {
	case "approve by rule":
		v.Decision, v.Requirements = approval.VerdictApprove, nil
	case "deny by rule":
		v.Decision, v.Requirements = approval.VerdictDeny, nil
	}
	return v, nil
}

func (testPolicy) OnCall(context.Context, approval.PolicyDocument, string, time.Time) (approval.OnCall, error) {
	return approval.OnCall{}, nil
}

func (testPolicy) Selects(context.Context, approval.PolicyDocument, string, approval.Candidate) (bool, error) {
	return false, nil
}

func (h *house) seed() {
	h.Helper()
	for space, owner := range map[string]string{"acmecorp": theOwner, "othercorp": aStranger} {
		_, err := h.service.CreateSpace(h.Context(), approval.NewSpace{Name: space, DisplayName: "Acme Corp", Owner: owner, Policy: "for testPolicy"})
		h.must(err)
	}
	for email, role := range map[string]approval.Role{theEditor: approval.Editor, theAdmin: approval.PetitionAdmin, theViewer: approval.Viewer} {
		_, err := h.service.PutMember(h.Context(), approval.System("acmecorp", "admin"), approval.Member{Email: email, Role: role})
		h.must(err)
	}
	_, err := h.service.CreateServiceAccount(h.Context(), h.actor(theOwner), approval.Member{ID: "quickstart", DisplayName: "Quickstart", Role: approval.Owner})
	h.must(err)
	_, err = h.service.PutResources(h.Context(), h.actor(theOwner), []approval.Resource{
		{ID: "production", Kind: "environment", DisplayName: "Production", Labels: map[string]string{approval.LabelBlock: "production", approval.LabelRequestable: "true"}},
		{ID: "staging", Kind: "environment", DisplayName: "Staging", Labels: map[string]string{approval.LabelBlock: "staging", "env": "stage"}},
	})
	h.must(err)
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// actor answers a member as it acts without a token.
func (h *house) actor(id string) approval.Actor {
	h.Helper()
	space := "acmecorp"
	if id == aStranger {
		space = "othercorp"
	}
	m, err := h.service.Store.Member(h.Context(), space, id)
	h.must(err)
	return m.Actor("", nil)
}

// token answers a user token of a member, or "" for nobody.
func (h *house) token(id string) string {
	h.Helper()
	if id == "" {
		return ""
	}
	if h.tokens[id] == "" {
		made, err := h.identity.CreateUserToken(h.Context(), h.actor(id), "test", nil)
		h.must(err)
		h.tokens[id] = made.Secret
	}
	return h.tokens[id]
}

// seated answers a member as it acts who has signed in on the pages.
func (h *house) seated(a approval.Actor) approval.Actor {
	h.Helper()
	a.TokenName = h.service.IDs.UUID()
	h.must(h.store.Commit(h.Context(), approval.Change{Space: a.Space, Events: []approval.Event{{Event: "test/setup", ID: h.service.IDs.UUID()}},
		Writes: []approval.Write{approval.PutToken{Token: approval.Token{Space: a.Space, Name: a.TokenName, Kind: approval.TokenSession, Member: a.ID, CreateTime: h.clock.Now()}}}}))
	return a
}

// signedIn answers the token of a program that a member has let in where they had signed in.
func (h *house) signedIn(id string) string {
	h.Helper()
	logins := h.identity.Logins()
	c, err := logins.Open(h.Context(), approval.Login{Client: "indent"})
	h.must(err)
	_, err = logins.Answer(h.Context(), h.seated(h.actor(id)), c.User, true)
	h.must(err)
	made, err := logins.DeviceTokens(h.Context(), c.Device)
	h.must(err)
	return made.Secret
}

// serviceToken answers a new token of the service account quickstart, bounded by scopes if there are any.
func (h *house) serviceToken(scopes ...approval.Permission) string {
	h.Helper()
	made, err := h.identity.CreateServiceToken(h.Context(), h.actor(theOwner), "quickstart", "test", scopes, time.Time{})
	h.must(err)
	return made.Secret
}

// answer is what came back.
type answer struct {
	testing.TB
	status int
	header http.Header
	body   string
	closes bool // the server told the client to close the connection
}

// request makes a request as the holder of a token; a body that is not a string is sent as JSON.
func (h *house) request(ctx context.Context, token, method, path string, body any, headers ...string) *http.Request {
	h.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	case io.Reader:
		reader = b
	default:
		raw, err := json.Marshal(b)
		h.must(err)
		reader = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(ctx, method, h.server.URL+path, reader)
	h.must(err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

// do makes a call as a member.
func (h *house) do(who, method, path string, body any, headers ...string) answer {
	h.Helper()
	return h.with(h.token(who), method, path, body, headers...)
}

// with makes a call with a token.
func (h *house) with(token, method, path string, body any, headers ...string) answer {
	h.Helper()
	return h.send(h.request(h.Context(), token, method, path, body, headers...))
}

func (h *house) send(r *http.Request) answer {
	h.Helper()
	res, err := h.server.Client().Do(r)
	h.must(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	h.must(err)
	return answer{h.TB, res.StatusCode, res.Header, string(body), res.Close}
}

// ok fails the test unless the answer is a success, and reads it into out.
func (a answer) ok(out any) answer {
	a.Helper()
	if a.status != http.StatusOK {
		a.Fatalf("status %d: %s", a.status, a.body)
	}
	if out != nil {
		if err := json.Unmarshal([]byte(a.body), out); err != nil {
			a.Fatalf("%v in %s", err, a.body)
		}
	}
	return a
}

// refused fails the test unless the answer is a problem of the documented shape with this status, code and field, whose
// text has all the words.
func (a answer) refused(status int, code approval.Code, field string, words ...string) problem {
	a.Helper()
	var p problem
	dec := json.NewDecoder(strings.NewReader(a.body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		a.Fatalf("status %d, want a problem with %d: %v in %.300s", a.status, status, err, a.body)
	}
	if a.status != status || p.Status != status || p.Code != code || p.Field != field {
		a.Errorf("got %d %s %q, want %d %s %q: %s", a.status, p.Code, p.Field, status, code, field, a.body)
	}
	if p.Type != "about:blank" || p.Title != http.StatusText(status) || p.Detail == "" || p.Detail != p.Message ||
		a.header.Get("Content-Type") != "application/problem+json" {
		a.Errorf("not the documented shape: %s %s", a.header.Get("Content-Type"), a.body)
	}
	for _, word := range words {
		if !strings.Contains(p.Detail, word) {
			a.Errorf("%q does not say %q", p.Detail, word)
		}
	}
	return p
}

// ask makes a petition as a member and answers it.
func (h *house) ask(who string) *petition {
	h.Helper()
	var p petition
	h.do(who, post, inSpace+"/petitions", `{"petition":{"reason":"to recover account","resources":[{"kind":"action","id":"reset"}]}}`).ok(&p)
	return &p
}

// claim decides a petition as a member.
func (h *house) claim(who, name, event string) answer {
	h.Helper()
	return h.do(who, post, inSpace+"/petitions/"+name+"/claims", map[string]any{"claim": map[string]any{"event": event, "reason": "because"}})
}

// events answers the log of acmecorp, oldest first.
func (h *house) events(name string) []approval.Event {
	h.Helper()
	page, err := h.service.Store.Events(h.Context(), approval.EventQuery{Space: "acmecorp", Event: name, Page: approval.PageRequest{Size: 200, Ascending: true}})
	h.must(err)
	return page.Items
}
