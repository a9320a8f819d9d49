package web_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
	"github.com/indent-approvals/indent/internal/identity"
	rules "github.com/indent-approvals/indent/internal/policy"
	"github.com/indent-approvals/indent/internal/store"
	"github.com/indent-approvals/indent/internal/web"
)

// house is a console over the real use cases and an empty SQLite file, with people in it.
type house struct {
	t        testing.TB
	clock    *approvaltest.Clock
	service  *approval.Service
	sessions *sessions
	identity *identity.Identity
	policy   *policy
	handler  http.Handler
	close    func() error
}

const (
	owner    = "ada@acme.example"
	reviewer = "bob@acme.example"
	viewer   = "eve@acme.example"
	stranger = "mallory@other.example"
	base     = "http://127.0.0.1:8080"
)

func newHouse(t testing.TB) *house {
	t.Helper()
	clock := approvaltest.NewClock()
	return newHouseAt(t, base, clock, clock)
}

func newHouseAt(t testing.TB, base string, hand *approvaltest.Clock, clock approval.Clock) *house {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{URL: filepath.Join(t.TempDir(), "indent.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	h := &house{t: t, clock: hand, policy: &policy{verdict: devVerdict()}, close: s.Close}
	h.service = approval.NewService(approval.Deps{Store: s, Policy: h.policy, Documents: approvaltest.Documents{}, Clock: clock, IDs: &approvaltest.IDs{}, Broker: s.Broker(), Vault: approvaltest.Vault{}, Endpoints: &approvaltest.Endpoints{}, Conditions: rules.NewConditions(),
		Authenticators: identity.Authenticators{Base: func() string { return base }}})
	h.identity = must(identity.New(t.Context(), h.service, identity.Config{Issuer: func() string { return base }, TokenTTL: time.Hour, SessionTTL: 12 * time.Hour}))
	h.sessions = &sessions{store: s, links: map[string]approval.Member{}, open: map[string]approval.Member{}}
	for space, people := range map[string]map[string]approval.Role{
		"acme":  {owner: approval.Owner, reviewer: approval.Editor, viewer: approval.Viewer},
		"other": {stranger: approval.Owner},
	} {
		h.settle(space, people)
	}
	h.handler = h.console(base, true)
	return h
}

func (h *house) settle(space string, people map[string]approval.Role) {
	h.t.Helper()
	first := owner
	if space == "other" {
		first = stranger
	}
	must(h.service.CreateSpace(context.Background(), approval.NewSpace{Name: space, Owner: first, Policy: "version: 1"}))
	for id, role := range people {
		if id != first {
			must(h.service.PutMember(context.Background(), approval.System(space, "admin"), approval.Member{Email: id, Role: role}))
		}
	}
}

func (h *house) console(base string, dev bool) http.Handler {
	mux := http.NewServeMux()
	web.New(web.Deps{Service: h.service, Sessions: h.sessions, Tokens: tokens{h.service.Clock, h.identity}, Passkeys: h.identity.Passkeys(), Logins: h.identity.Logins(), BaseURL: base, Dev: dev}).Register(mux)
	return mux
}

func (h *house) actor(id string) approval.Actor {
	h.t.Helper()
	space := "acme"
	if id == stranger {
		space = "other"
	}
	return must(h.service.Store.Member(context.Background(), space, id)).Actor("", nil)
}

// group makes a group of the directory.
func (h *house) group(name string) string {
	h.t.Helper()
	must(h.service.CreateResource(context.Background(), h.actor(owner), approval.Resource{ID: name, Kind: approval.KindGroup, Labels: map[string]string{approval.LabelBlock: name}}))
	return name
}

// ask makes a petition as id.
func (h *house) ask(id string, n approval.NewPetition) approval.Petition {
	h.t.Helper()
	if n.Reason == "" {
		n.Reason = "to recover account"
	}
	if n.Resources == nil {
		n.Resources = []approval.Resource{{Kind: "action", ID: "reset-password:123", DisplayName: "Reset Password (user:123)"}}
	}
	p, _, err := h.service.CreatePetition(context.Background(), h.actor(id), n, "")
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

func (h *house) decide(id string, p approval.Petition, c approval.NewClaim) approval.Petition {
	h.t.Helper()
	p, _, err := h.service.Decide(context.Background(), h.actor(id), p.Name, c, "")
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

// fresh answers the petition as the store has it.
func (h *house) fresh(p approval.Petition) approval.Petition {
	h.t.Helper()
	return must(h.service.Store.Petition(context.Background(), p.Space, p.Name))
}

// events answers how long the space's log is.
func (h *house) events() int {
	h.t.Helper()
	return len(must(h.service.Store.Events(context.Background(), approval.EventQuery{Space: "acme", Page: approval.PageRequest{Size: approval.MaxPageSize}})).Items)
}

// browser is somebody who looks at pages, signed in unless id is empty.
type browser struct {
	h      *house
	cookie *http.Cookie
	header http.Header
	also   []*http.Cookie // besides the session's
}

func (h *house) browser(id string) *browser {
	b := &browser{h: h, header: http.Header{}}
	if id != "" {
		b.cookie = &http.Cookie{Name: "indent", Value: h.sessions.begin(h.t, id)}
	}
	return b
}

// page is an answer, read.
type page struct {
	t      testing.TB
	status int
	header http.Header
	body   string
}

func (b *browser) get(path string) page { return b.do(http.MethodGet, path, nil) }

func (b *browser) post(path string, fields url.Values) page {
	return b.do(http.MethodPost, path, strings.NewReader(fields.Encode()))
}

// after goes where a form leads, with the cookies that it gave.
func (b *browser) after(p page) page {
	b.h.t.Helper()
	p.is(http.StatusSeeOther)
	r := http.Response{Header: p.header}
	b.also = r.Cookies()
	to, _, _ := strings.Cut(p.header.Get("Location"), "#")
	shown := b.get(to)
	b.also = nil
	return shown
}

func (b *browser) do(method, path string, body io.Reader) page {
	b.h.t.Helper()
	r := httptest.NewRequest(method, base+path, body)
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for key, values := range b.header {
		r.Header[key] = values
	}
	if b.cookie != nil {
		r.AddCookie(b.cookie)
	}
	for _, cookie := range b.also {
		r.AddCookie(cookie)
	}
	w := httptest.NewRecorder()
	b.h.handler.ServeHTTP(w, r)
	return page{b.h.t, w.Code, w.Header(), w.Body.String()}
}

func (p page) is(status int) page {
	p.t.Helper()
	if p.status != status {
		p.t.Fatalf("status %d, want %d:\n%s", p.status, status, p.text())
	}
	return p
}

func (p page) has(texts ...string) page {
	p.t.Helper()
	for _, text := range texts {
		if !strings.Contains(p.text(), text) && !strings.Contains(p.body, text) {
			p.t.Fatalf("the page lacks %q:\n%s", text, p.text())
		}
	}
	return p
}

func (p page) lacks(texts ...string) page {
	p.t.Helper()
	for _, text := range texts {
		if strings.Contains(p.text(), text) || strings.Contains(p.body, text) {
			p.t.Fatalf("the page has %q:\n%s", text, p.text())
		}
	}
	return p
}

// holdsNo ends the test when the page's own markup has one of the texts.
func (p page) holdsNo(markup ...string) page {
	p.t.Helper()
	for _, m := range markup {
		if strings.Contains(p.body, m) {
			p.t.Fatalf("the page's markup has %q:\n%s", m, p.body)
		}
	}
	return p
}

func (p page) leadsTo(path string) page {
	p.t.Helper()
	p.is(http.StatusSeeOther)
	if to := p.header.Get("Location"); to != path {
		p.t.Fatalf("leads to %q, want %q", to, path)
	}
	return p
}

var tags = regexp.MustCompile(`(?s)<(script|style)[^>]*>.*?</(script|style)>|<[^>]*>`)

// text answers what the page says, without its tags.
func (p page) text() string {
	words := strings.Fields(tags.ReplaceAllString(strings.NewReplacer("<dd>", " ", "<dt>", " ", "<td", " <td").Replace(p.body), ""))
	return strings.NewReplacer("&#34;", `"`, "&#39;", "'", "&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(strings.Join(words, " "))
}

// field answers the value of a hidden field.
func (p page) field(name string) string {
	p.t.Helper()
	found := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(p.body)
	if found == nil {
		p.t.Fatalf("the page has no field %q:\n%s", name, p.text())
	}
	return found[1]
}

// press fills in the page's form as a browser would.
func (p page) press(claim, reason, duration string) url.Values {
	p.t.Helper()
	return url.Values{"digest": {p.field("digest")}, "key": {p.field("key")}, "claim": {claim}, "reason": {reason}, "duration": {duration}}
}

// must answers v, or ends the test.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// policy answers what the test says.
type policy struct {
	mu      sync.Mutex
	verdict approval.Verdict
}

func (p *policy) OnCall(context.Context, approval.PolicyDocument, string, time.Time) (approval.OnCall, error) {
	return approval.OnCall{}, nil
}

func (p *policy) Selects(context.Context, approval.PolicyDocument, string, approval.Candidate) (bool, error) {
	return false, nil
}

func (p *policy) Decide(_ context.Context, in approval.PolicyInput) (approval.Verdict, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := p.verdict
	v.PolicyVersion = in.Document.Version
	return v, nil
}

func devVerdict() approval.Verdict {
	return approval.Verdict{Decision: approval.VerdictReview, Rule: "dev", PolicyVersion: 1, Dev: true, Explanation: "Anybody who may edit the space reviews.",
		Requirements: []approval.Requirement{{Reviewers: approval.Reviewers{Roles: []approval.Role{approval.Owner, approval.Editor}}, Count: 1, SelfApproval: true}},
		DecideWithin: 24 * time.Hour, DefaultDuration: time.Hour, MaxDuration: 24 * time.Hour}
}

// sessions stands for the identity room: links and sessions by their secrets.
type sessions struct {
	store approval.Store
	mu    sync.Mutex
	links map[string]approval.Member
	used  []string
	open  map[string]approval.Member
	n     int
}

func (s *sessions) begin(t testing.TB, id string) string {
	t.Helper()
	space := "acme"
	if id == stranger {
		space = "other"
	}
	m := must(s.store.Member(context.Background(), space, id))
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.add(m)
}

func (s *sessions) add(m approval.Member) string {
	s.n++
	secret := fmt.Sprintf("session-%d", s.n)
	s.open[secret] = m
	return secret
}

// all answers a copy of the open sessions.
func (s *sessions) all() map[string]approval.Member {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.open)
}

func (s *sessions) Look(_ context.Context, link string) (approval.Member, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.links[link]
	switch {
	case slices.Contains(s.used, link):
		return m, approval.Errorf(approval.Expired, "used")
	case !ok:
		return m, approval.Errorf(approval.Unauthenticated, "wrong")
	}
	return m, nil
}

func (s *sessions) SignIn(ctx context.Context, link, _ string) (string, time.Time, error) {
	m, err := s.Look(ctx, link)
	if err != nil {
		return "", time.Time{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = append(s.used, link)
	return s.add(m), approvaltest.Epoch.Add(12 * time.Hour), nil
}

func (s *sessions) Authenticate(ctx context.Context, secret string) (approval.Actor, error) {
	s.mu.Lock()
	m, ok := s.open[secret]
	s.mu.Unlock()
	if !ok {
		return approval.Actor{}, approval.Errorf(approval.Unauthenticated, "no session")
	}
	m, err := s.store.Member(ctx, m.Space, m.ID)
	a := m.Actor("session-of-"+m.ID, nil)
	a.Operator = m.ID == owner || strings.HasPrefix(m.ID, "operator")
	return a, err
}

func (s *sessions) Use(ctx context.Context, secret string) (approval.Actor, error) {
	return s.Authenticate(ctx, secret)
}

// What the room itself does is proved with the room itself (see oidc_test.go).
func (s *sessions) Buttons() []identity.Button { return nil }

func (s *sessions) Begin(context.Context, string, string) (identity.Beginning, error) {
	return identity.Beginning{}, approval.Errorf(approval.NotFound, "no provider")
}

func (s *sessions) Finish(context.Context, string, string, url.Values, string) (identity.SignedIn, error) {
	return identity.SignedIn{}, approval.Errorf(approval.NotFound, "no provider")
}

func (s *sessions) List(context.Context, approval.Actor) ([]approval.Session, error) { return nil, nil }

func (s *sessions) End(context.Context, approval.Actor, string) error { return nil }

func (s *sessions) Places(context.Context, approval.Actor) ([]approval.Member, error) {
	return nil, nil
}

func (s *sessions) Switch(context.Context, approval.Actor, string) (string, time.Time, error) {
	return "", time.Time{}, approval.Errorf(approval.NotFound, "no space")
}

func (s *sessions) SignOut(_ context.Context, secret string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, secret)
	return nil
}

type tokens struct {
	clock approval.Clock
	*identity.Identity
}

func (t tokens) MintUserToken(_ context.Context, a approval.Actor, _ string) (string, time.Time, error) {
	return "eyJ.token-of-" + a.ID + ".sig", t.clock.Now().Add(time.Hour), nil
}
