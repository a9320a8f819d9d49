package app_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/app/apptest"
	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
	"github.com/indent-approvals/indent/internal/web"
)

const strangersSpace, stranger = "othercorp", "owner@othercorp.example"

// pages is a whole server with two spaces, and browsers of both.
type pages struct {
	*apptest.Server
	testing.TB
}

func openPages(t *testing.T) *pages {
	t.Helper()
	p := &pages{apptest.Start(t, apptest.Options{}), t}
	p.space(strangersSpace, stranger)
	return p
}

func (p *pages) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

func (p *pages) space(name, owner string) {
	p.Helper()
	_, err := p.Service().CreateSpace(p.Context(), approval.NewSpace{Name: name, DisplayName: "zanzibar", Owner: owner, Policy: "version: 1\n"})
	p.must(err)
}

func (p *pages) member(space, id string) approval.Actor {
	p.Helper()
	m, err := p.Service().Store.Member(p.Context(), space, id)
	p.must(err)
	return m.Actor("", nil)
}

// session answers the secret of a session that somebody has just begun.
func (p *pages) session(space, id string) string {
	p.Helper()
	link, err := p.Identity().Sessions().CreateLink(p.Context(), approval.System(space, "admin"), id, time.Hour)
	p.must(err)
	secret, _, err := p.Identity().Sessions().SignIn(p.Context(), link, "a browser")
	p.must(err)
	return secret
}

type shown struct {
	status   int
	location string
	body     string
}

func (p *pages) open(cookie, method, path string, form url.Values) shown {
	p.Helper()
	r, err := http.NewRequestWithContext(p.Context(), method, p.URL()+path, strings.NewReader(form.Encode()))
	p.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if cookie != "" {
		r.AddCookie(&http.Cookie{Name: "indent", Value: cookie})
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	p.must(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	p.must(err)
	return shown{res.StatusCode, res.Header.Get("Location"), string(body)}
}

func (p *pages) routes() (list []web.Route) {
	for _, route := range web.New(web.Deps{Service: p.Service(), BaseURL: p.URL()}).Routes() {
		if route.Method != "*" && route.Path != "/inbox/stream" { // a stream does not end
			list = append(list, route)
		}
	}
	return list
}

// What stands for nobody any more, or was never meant for a browser, is treated as no session at all, by every page.
func TestEveryPageForWhoeverIsNobody(t *testing.T) {
	t.Parallel()
	p := openPages(t)
	for kind, cookie := range p.nobodies() {
		for _, route := range p.routes() {
			path := fillPage(t, route.Path, map[string]string{"space": apptest.Space, "petition": missingPetition, "file": "app.css", "provider": "okta", "group": "nogroup", "version": "1", "webhook": "nohook", "policy": "norule", "pull": "nopull", "delivery": missingPetition})
			got, want := p.open(cookie, route.Method, path, nil), p.open("", route.Method, path, nil)
			if got.status != want.status || got.location != want.location || got.body != want.body {
				t.Errorf("%s opens %s %s: %d to %q, and who has no session %d to %q\n%.600s\n%.600s", kind, route.Method, route.Path, got.status, got.location, want.status, want.location, got.body, want.body)
			}
			if route.Who != web.Anyone && got.status != http.StatusSeeOther {
				t.Errorf("%s opens %s %s: %d", kind, route.Method, route.Path, got.status)
			}
		}
	}
}

func (p *pages) nobodies() map[string]string {
	p.Helper()
	s, admin := p.Service(), approval.System(apptest.Space, "admin")
	out := map[string]string{"a service token": p.ServiceToken(p, "bot", approval.Owner), "a user token": p.Token(p, apptest.Owner), "a made-up session": strings.Repeat("0aB3", 8)}
	for kind, member := range map[string]string{"a suspended member": "suspended@acmecorp.example", "a removed member": "removed@acmecorp.example", "who signed out": "gone@acmecorp.example"} {
		_, err := s.PutMember(p.Context(), admin, approval.Member{Email: member, Role: approval.Owner})
		p.must(err)
		out[kind] = p.session(apptest.Space, member)
	}
	_, err := s.PutMember(p.Context(), admin, approval.Member{Email: "suspended@acmecorp.example", Role: approval.Owner, Suspended: true})
	p.must(err)
	p.must(s.RemoveMember(p.Context(), p.Actor(p, apptest.Owner), "removed@acmecorp.example"))
	p.must(p.Identity().Sessions().SignOut(p.Context(), out["who signed out"]))

	p.space("gonecorp", "owner@gonecorp.example")
	out["the owner of a deleted space"] = p.session("gonecorp", "owner@gonecorp.example")
	gone, err := s.Store.Space(p.Context(), "gonecorp")
	p.must(err)
	gone.DeleteTime = time.Now()
	p.must(s.Store.Commit(p.Context(), approval.Change{Space: "gonecorp", Writes: []approval.Write{approval.PutSpace{Space: gone, Expect: gone.Version}},
		Events: []approval.Event{{Event: approval.EventSpaceCreate, ID: s.IDs.UUID(), Timestamp: time.Now()}}}))

	link, err := p.Identity().Sessions().CreateLink(p.Context(), admin, apptest.Owner, time.Hour)
	p.must(err)
	out["a sign-in link"] = link
	return out
}

const missingPetition = "0000000f-0000-7000-8000-00000000000f"

var pageParam = regexp.MustCompile(`\{([a-z$]+)\}`)

func fillPage(t testing.TB, path string, with map[string]string) string {
	return pageParam.ReplaceAllStringFunc(path, func(match string) string {
		name := match[1 : len(match)-1]
		if name == "$" {
			return ""
		}
		value, has := with[name]
		if !has {
			t.Fatalf("the pages have a parameter {%s} in %s: give the sweep an example of it", name, path)
		}
		return url.PathEscape(value)
	})
}

// Every page and every form with each name of another space: it looks like a missing one, says nothing of the other space, and
// changes nothing there.
func TestPagesOfAnotherSpaceLookLikeMissingOnes(t *testing.T) {
	t.Parallel()
	p := openPages(t)
	theirs := p.oneOfEach()
	mine := map[string]string{"space": apptest.Space, "petition": missingPetition, "file": "app.css", "provider": "okta", "group": "nogroup", "version": "1", "webhook": "nohook", "policy": "norule", "pull": "nopull", "delivery": missingPetition}
	cookie := p.session(apptest.Space, apptest.Owner)
	before := p.everything(strangersSpace)
	missing := map[string]string{"space": "nocorp", "petition": missingPetition, "group": "nobodys-group", "webhook": "nobodys-hook", "policy": "nobodys-rule", "pull": "nobodys-pull", "delivery": missingPetition}
	for _, route := range p.routes() {
		for _, swapped := range [][]string{{"space"}, {"petition"}, {"space", "petition"}, {"group"}, {"webhook"}, {"policy"}, {"pull"}, {"delivery"}, {"webhook", "delivery"}} {
			foreign, nothing := maps.Clone(mine), maps.Clone(mine)
			for _, name := range swapped {
				foreign[name], nothing[name] = theirs[name], missing[name]
			}
			path := fillPage(t, route.Path, foreign)
			if path == fillPage(t, route.Path, mine) {
				continue
			}
			form := url.Values{"claim": {"access/approve"}, "digest": {"x"}, "key": {"k"}}
			got, want := p.open(cookie, route.Method, path, form), p.open(cookie, route.Method, fillPage(t, route.Path, nothing), form)
			if got.status != http.StatusNotFound || got.status != want.status || p.without(got.body, theirs) != p.without(want.body, missing) {
				t.Errorf("%s %s answers %d, and what is missing %d:\n%s\n%s", route.Method, path, got.status, want.status, got.body, want.body)
			}
		}
	}
	for at, route := range p.routes() { // afterwards: a form may make something of that name here
		if route.Method == http.MethodPost && route.Path != "/sign-out" {
			p.submitEach(at, route, fillPage(t, route.Path, mine), cookie, theirs)
		}
	}
	if after := p.everything(strangersSpace); after != before {
		t.Errorf("the other space has changed:\n%s\nwas\n%s", after, before)
	}
}

// The names of fields that forms have, each sent with each name of the other space.
var formFields = []string{"name", "space", "member", "email", "id", "session", "token", "petition", "group", "identity", "account", "role", "resource", "digest", "key", "claim", "return", "url", "headers", "credential", "webhook", "policy", "serviceAccount", "condition", "match", "expressions", "version", "do"}

func (p *pages) submitEach(at int, route web.Route, path, cookie string, theirs map[string]string) {
	p.Helper()
	for _, kind := range slices.Sorted(maps.Keys(theirs)) {
		name, form := theirs[kind], url.Values{}
		for _, field := range formFields {
			form.Set(field, name)
			if at++; at%approvaltest.SweepStep != 0 {
				continue
			}
			got := p.open(cookie, route.Method, path, url.Values{field: {name}})
			if strings.Contains(p.without(got.body, theirs), "zanzibar") || got.status == http.StatusInternalServerError {
				p.Errorf("%s with %s=%s: %d %s", path, field, name, got.status, got.body)
			}
		}
		if got := p.open(cookie, route.Method, path, form); strings.Contains(p.without(got.body, theirs), "zanzibar") || got.status == http.StatusInternalServerError {
			p.Errorf("%s with every field %s: %d %s", path, name, got.status, got.body)
		}
	}
}

func (p *pages) without(body string, names map[string]string) string {
	for _, key := range slices.Sorted(maps.Keys(names)) {
		body = strings.ReplaceAll(body, names[key], "NAME")
	}
	return body
}

func (p *pages) oneOfEach() map[string]string {
	p.Helper()
	s, a := p.Service(), p.member(strangersSpace, stranger)
	asked, _, err := s.CreatePetition(p.Context(), a, approval.NewPetition{Reason: "zanzibar", Resources: []approval.Resource{{ID: "thing-zanzibar"}}}, "")
	p.must(err)
	_, err = s.CreateServiceAccount(p.Context(), a, approval.Member{ID: "bot-zanzibar", Role: approval.Viewer})
	p.must(err)
	made, err := p.Identity().CreateServiceToken(p.Context(), a, "bot-zanzibar", "zanzibar", nil, time.Time{})
	p.must(err)
	const member = "zanzibar@othercorp.example"
	_, err = s.PutMember(p.Context(), approval.System(strangersSpace, "admin"), approval.Member{Email: member, Role: approval.Viewer})
	p.must(err)
	_, err = s.CreateResource(p.Context(), a, approval.Resource{ID: "group-zanzibar", Kind: approval.KindGroup, Labels: map[string]string{approval.LabelBlock: "group-zanzibar"}})
	p.must(err)
	hook, _, err := s.CreateWebhook(p.Context(), a, approval.NewWebhook{Name: "hook-zanzibar", DisplayName: "zanzibar", URL: "https://zanzibar.example/"})
	p.must(err)
	rule, err := s.CreateWebhookPolicy(p.Context(), a, approval.NewWebhookPolicy{Name: "rule-zanzibar", DisplayName: "zanzibar", Webhook: hook.Name, Base: approval.PolicyBase{Conditions: []string{`resource.id == "zanzibar"`}}})
	p.must(err)
	called := approval.Delivery{Space: strangersSpace, Name: s.IDs.UUID(), Webhook: hook.Name, Petition: asked.Name, Outcome: approval.WebhookAgain,
		Kind: approval.WebhookApply, Problem: "zanzibar", Attempt: approval.WebhookAttempt{Body: "zanzibar"}}
	p.must(s.Store.Note(p.Context(), strangersSpace, approval.PutDelivery{Delivery: called}))
	pull, err := s.CreatePullPolicy(p.Context(), a, approval.PullPolicy{Name: "pull-zanzibar", DisplayName: "zanzibar", Webhook: hook.Name, Kinds: []string{"zanzibar"}})
	p.must(err)
	p.session(strangersSpace, stranger)
	sessions, err := s.Store.Tokens(p.Context(), strangersSpace, stranger, approval.TokenSession)
	p.must(err)
	return map[string]string{"space": strangersSpace, "petition": asked.Name, "group": "group-zanzibar", "webhook": hook.Name, "policy": rule.Name, "pull": pull.Name, "delivery": called.Name, "token": made.Token.Name, "account": "bot-zanzibar", "member": member, "session": sessions[0].Name}
}

// everything answers what a space has, as text.
func (p *pages) everything(space string) string {
	p.Helper()
	s, all := p.Service().Store, []any{}
	members, err := s.Members(p.Context(), space, "")
	p.must(err)
	tokens, err := s.Tokens(p.Context(), space, "", approval.TokenService, approval.TokenUser, approval.TokenSession, approval.TokenLink)
	p.must(err)
	webhooks, err := s.Webhooks(p.Context(), space)
	p.must(err)
	policies, err := s.WebhookPolicies(p.Context(), space)
	p.must(err)
	pulls, err := s.PullPolicies(p.Context(), space)
	p.must(err)
	petitions, err := s.Petitions(p.Context(), approval.PetitionQuery{Space: space})
	p.must(err)
	events, err := s.Events(p.Context(), approval.EventQuery{Space: space})
	p.must(err)
	text, err := json.Marshal(append(all, members, webhooks, policies, pulls, tokens, petitions.Items, events.Items))
	p.must(err)
	return string(text)
}
