package api

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// cell is one call of the matrix: what is called, prepared for one actor.
type cell struct {
	path string
	body any // a conditional brings If-Match
}

// conditional is a body that goes with the ETag of what it changes.
type conditional struct{ body, ifMatch string }

func (c cell) split() (body any, headers []string) {
	if b, is := c.body.(conditional); is {
		return b.body, []string{"If-Match", b.ifMatch}
	}
	return c.body, nil
}

// expectation is what the matrix expects of one route. It repeats by hand what the code computes.
type expectation struct {
	// roles are those that get 200 by their role alone; other roles get 403.
	roles string
	// scope is the one scope, or each of those with commas between, that alone makes a token of the service account quickstart
	// (Owner) get 200; every other scope alone gets 403. Empty: the route's use case needs more than one permission. anybody:
	// every scope does.
	scope approval.Permission
	// prepare makes what is called, fresh, for the actor.
	prepare func(h *house, a approval.Actor) cell
}

const (
	allRoles    = "Viewer, Petition Admin, Editor, Owner"
	adminUp     = "Petition Admin, Editor, Owner"
	editorUp    = "Editor, Owner"
	oneTrust    = `{"issuer":"https://ci.example","audience":"indent","claims":{"sub":"repo:acme/app:*"}}`
	oneResource = `{"resource":{"id":"x"}}`
)

var expectations = map[string]expectation{
	"listSpaces": {allRoles, "spaces:read", at("/v1/spaces", nil)},
	"getSpace":   {allRoles, "spaces:read", at(inSpace, nil)},
	// Nobody makes spaces by a role, or by a token that a role hands out: see TestOperatorsMakeSpaces.
	"createSpace":    {"", "", at("/v1/spaces", `{"space":{"name":"x"}}`)},
	"updateSpace":    {"Owner", "spaces:write", at(inSpace, `{"space":{"displayName":"Acme Corp"}}`)},
	"deleteSpace":    {"Owner", "", at(inSpace, nil)}, // checkCell brings it back
	"getSpacePolicy": {adminUp, "members:read", at(inSpace+":getPolicy", `{}`)},
	"setSpacePolicy": {"Owner", "members:write", func(h *house, _ approval.Actor) cell {
		p, err := spacePolicyOf(h.service.RolePolicy(h.Context(), h.actor(theOwner)))
		h.must(err)
		return cell{inSpace + ":setPolicy", p}
	}},
	"addToRole": {"Owner", "members:write", at(inSpace+":addToRole", `{"role":"Viewer","member":"`+theViewer+`"}`)},
	"removeFromRole": {"Owner", "", func(h *house, _ approval.Actor) cell {
		return cell{inSpace + ":removeFromRole", map[string]any{"role": "Petition Admin", "member": h.hired()}}
	}},
	"listMembers":  {adminUp, "members:read", at(inSpace+"/members", nil)},
	"getMember":    {allRoles, "spaces:read", func(_ *house, a approval.Actor) cell { return cell{inSpace + "/members/" + a.ID, nil} }},
	"putMember":    {"Owner", "members:write", at(inSpace+"/members/"+theViewer, `{"member":{"displayName":"Viewer"}}`)},
	"deleteMember": {"Owner", "", func(h *house, _ approval.Actor) cell { return cell{inSpace + "/members/" + h.hired(), nil} }},
	"liftBreakGlass": {"Owner", "members:write", func(h *house, _ approval.Actor) cell {
		id := h.hired()
		h.must(h.store.Commit(h.Context(), approval.Change{Space: "acmecorp", Events: []approval.Event{{Event: approval.EventUnratified, ID: h.service.IDs.UUID(),
			Timestamp: h.clock.Now(), Meta: approval.Meta{Labels: map[string]string{approval.LabelGlassPersons: id}}}}}))
		return cell{inSpace + "/members/" + id + "/breakGlassFreeze", nil}
	}},
	"listIdentities": {allRoles, "spaces:read", func(_ *house, a approval.Actor) cell { return cell{inSpace + "/members/" + a.ID + "/identities", nil} }},
	"createIdentity": {"Owner", "", func(h *house, _ approval.Actor) cell {
		return cell{inSpace + "/members/" + h.hired() + "/identities", map[string]any{"identity": "teams:" + h.service.IDs.UUID()}}
	}},
	"deleteIdentity": {"Owner", "", func(h *house, _ approval.Actor) cell {
		id := h.hired()
		i, err := h.service.LinkIdentity(h.Context(), h.actor(theOwner), id, "teams:"+h.service.IDs.UUID())
		h.must(err)
		return cell{inSpace + "/members/" + id + "/identities/" + url.PathEscape(i.Identity), nil}
	}},

	"listDelegations": {allRoles, "delegations:read", at(inSpace+"/delegations", nil)},
	// No token names a deputy: see TestDeputiesAreNamedByWhoHasSignedIn.
	"createDelegation": {"", "", func(h *house, a approval.Actor) cell {
		body := map[string]any{"to": h.hired(), "endTime": h.clock.Now().Add(time.Hour)}
		if a.Kind == approval.KindServiceAccount {
			body["from"] = h.hired() // an account is never away
		}
		return cell{inSpace + "/delegations", body}
	}},
	"getDelegation": {allRoles, "delegations:read", onDelegation},
	"endDelegation": {allRoles, "delegations:write", onDelegation},

	"listPetitions":  {allRoles, "petitions:read", at(inSpace+"/petitions", nil)},
	"createPetition": {allRoles, "petitions:create", at(inSpace+"/petitions", `{"petition":{"reason":"why","resources":[{"id":"x"}]}}`)},
	"getPetition":    {allRoles, "petitions:read", onPetition("", nil)},
	"waitPetitions": {allRoles, "petitions:read", func(h *house, _ approval.Actor) cell {
		return cell{inSpace + "/petitions:wait", map[string]any{"names": []string{h.asked(h.actor(theViewer))}}}
	}},
	"replacePetition": {allRoles, "", func(h *house, a approval.Actor) cell {
		return cell{inSpace + "/petitions/" + h.asked(a), `{"petition":{"reason":"again","resources":[{"id":"x"}]}}`}
	}},
	"withdrawPetition": {allRoles, "", func(h *house, a approval.Actor) cell { return cell{inSpace + "/petitions/" + h.asked(a), nil} }},
	"listClaims":       {allRoles, "petitions:read", onPetition("/claims", nil)},
	"createClaim":      {editorUp, "", onPetition("/claims", `{"claim":{"event":"access/approve"}}`)},
	"getClaim": {allRoles, "petitions:read", func(h *house, _ approval.Actor) cell {
		name := h.asked(h.actor(theViewer))
		_, claim, err := h.service.Decide(h.Context(), h.actor(theViewer), name, approval.NewClaim{Event: approval.EventDeny}, "")
		h.must(err)
		return cell{inSpace + "/petitions/" + name + "/claims/" + claim.ID, nil}
	}},

	"listGrants":   {allRoles, "petitions:read", at(inSpace+"/grants", nil)},
	"revokeGrants": {adminUp, "", onGrant(`{"resource":"x"}`)},

	"listResources":  {allRoles, "resources:read", at(inSpace+"/resources", nil)},
	"createResource": {editorUp, "resources:write", at(inSpace+"/resources", oneResource)},
	"getResource":    {allRoles, "resources:read", at(inSpace+"/resources/production", nil)},
	"putResource":    {editorUp, "resources:write", at(inSpace+"/resources/new", oneResource)},
	"deleteResource": {editorUp, "resources:write", func(h *house, _ approval.Actor) cell { return cell{inSpace + "/resources/" + h.stored(), nil} }},
	"listGroupMembers": {allRoles, "resources:read", func(h *house, _ approval.Actor) cell {
		return cell{inSpace + "/resources/" + h.group() + "/members", nil}
	}},
	"setGroupMembers": {editorUp, "resources:write", inGroup("", `{"members":[{"id":"`+theViewer+`"}]}`)},
	"addGroupMembers": {editorUp, "resources:write", inGroup("", `{"members":[{"id":"`+theViewer+`"}]}`)},
	"deleteGroupMember": {editorUp, "resources:write", func(h *house, _ approval.Actor) cell {
		group := h.group()
		_, err := h.service.AddGroupMembers(h.Context(), h.actor(theOwner), group, []approval.Resource{{ID: theViewer}})
		h.must(err)
		return cell{inSpace + "/resources/" + group + "/members/" + theViewer, nil}
	}},
	"bulkUpdateResources":       {editorUp, "resources:write", at(inSpace+"/resources:bulkUpdate", `{"resources":[{"id":"x"}]}`)},
	"bulkUpdateResourcesByPost": {editorUp, "resources:write", at(inSpace+"/resources:bulkUpdate", `{"resources":[{"id":"x"}]}`)},
	"bulkDeleteResources": {editorUp, "resources:write", func(h *house, _ approval.Actor) cell {
		return cell{inSpace + "/resources:bulkDelete", map[string]any{"names": []string{h.stored()}}}
	}},

	"getPolicy": {allRoles, "policy:read", at(inSpace+"/policy", nil)},
	"applyPolicy": {"Owner", "policy:write", func(h *house, _ approval.Actor) cell {
		return cell{inSpace + "/policy", conditional{`{"text":"` + h.service.IDs.UUID() + `","reason":"r"}`, h.policyTag()}}
	}},
	"listPolicyVersions": {allRoles, "policy:read", at(inSpace+"/policy/versions", nil)},
	"getPolicyVersion":   {allRoles, "policy:read", at(inSpace+"/policy/versions/1", nil)},
	"diffPolicy":         {allRoles, "policy:read", at(inSpace+"/policy/versions/1:diff", nil)},
	"getPolicyProposal": {allRoles, "policy:read", func(h *house, _ approval.Actor) cell {
		return cell{inSpace + "/policy/proposals/" + h.proposed("acmecorp", theOwner, "x"), nil}
	}},
	"rollBackPolicy": {"Owner", "policy:write", func(h *house, _ approval.Actor) cell {
		return cell{inSpace + "/policy:rollback", conditional{`{"version":1,"reason":"r"}`, h.policyTag()}}
	}},
	"testPolicy":     {allRoles, "policy:read", at(inSpace+"/policy:test", `{"text":"t"}`)},
	"checkPolicy":    {adminUp, "", at(inSpace+"/policy:check", `{"text":"t"}`)},
	"listStuck":      {adminUp, "", at(inSpace+"/policy/stuck", nil)},
	"replayPolicy":   {adminUp, "", at(inSpace+"/policy:replay", `{"text":"t"}`)},
	"simulatePolicy": {allRoles, "policy:read", at(inSpace+"/policy:simulate", `{"petition":{"reason":"why","resources":[{"id":"x"}]}}`)},

	"listWebhooks": {adminUp, "webhooks:read", at(inSpace+"/webhooks", nil)},
	"createWebhook": {editorUp, "webhooks:write", func(h *house, _ approval.Actor) cell {
		h.noHooks()
		return cell{inSpace + "/webhooks", `{"webhook":{"url":"https://hooks.example.com"}}`}
	}},
	"getWebhook":          {adminUp, "webhooks:read", onWebhook("", nil)},
	"updateWebhook":       {editorUp, "webhooks:write", onWebhook("", `{"webhook":{"dryRun":true}}`)},
	"deleteWebhook":       {editorUp, "webhooks:write", onWebhook("", nil)},
	"rotateWebhookSecret": {editorUp, "webhooks:write", onWebhook(":rotateSecret", `{}`)},
	"testWebhook":         {editorUp, "webhooks:write", onWebhook(":test", nil)},
	"resumeWebhook":       {editorUp, "webhooks:write", onDelivery(func(hook, _ string) string { return hook + ":resume" }, nil)},
	"settleWebhook":       {editorUp, "webhooks:write", onDelivery(func(hook, _ string) string { return hook + ":settle" }, `{"reason":"by hand"}`)},
	"listDeliveries":      {adminUp, "webhooks:read", onDelivery(func(hook, _ string) string { return hook + "/deliveries" }, nil)},
	"getDelivery":         {adminUp, "webhooks:read", onDelivery(func(hook, name string) string { return hook + "/deliveries/" + name }, nil)},
	"replayDelivery":      {editorUp, "webhooks:write", onDelivery(func(hook, name string) string { return hook + "/deliveries/" + name + ":replay" }, nil)},

	"listWebhookPolicies": {adminUp, "webhooks:read", at(inSpace+"/webhookPolicies", nil)},
	"createWebhookPolicy": {editorUp, "webhooks:write", func(h *house, _ approval.Actor) cell {
		return cell{inSpace + "/webhookPolicies", `{"webhookPolicy":{"webhook":"` + h.hooked() + `"}}`}
	}},
	"getWebhookPolicy":    {adminUp, "webhooks:read", onWebhookPolicy(nil)},
	"putWebhookPolicy":    {editorUp, "webhooks:write", onWebhookPolicy(`{"webhookPolicy":{"webhook":"hooked"}}`)},
	"updateWebhookPolicy": {editorUp, "webhooks:write", onWebhookPolicy(`{"webhookPolicy":{"displayName":"Policy"}}`)},
	"deleteWebhookPolicy": {editorUp, "webhooks:write", onWebhookPolicy(nil)},
	"testWebhookPolicy":   {adminUp, "", at(inSpace+"/webhooks:testPolicy", `{"webhookPolicy":{},"resources":[{"kind":"db","id":"orders"}]}`)}, // it shows the directory, so it takes the right to read that, too

	"pullUpdate":       {editorUp, "resources:write", asksForPull},
	"listPullPolicies": {adminUp, "webhooks:read", at(inSpace+"/pullPolicies", nil)},
	"createPullPolicy": {editorUp, "", newPullPolicy}, // who fills the directory needs the right to write there, too
	"getPullPolicy":    {adminUp, "webhooks:read", onPullPolicy(nil)},
	"putPullPolicy":    {editorUp, "", onPullPolicy(`{"pullPolicy":{"webhook":"hooked","kinds":["role"]}}`)},
	"deletePullPolicy": {editorUp, "", onPullPolicy(nil)},

	"listEvents":   {adminUp, "events:read", at(inSpace+"/events", nil)},
	"streamEvents": {adminUp, "events:read", at(inSpace+"/events:stream", nil)},

	"listTokens":  {allRoles, "tokens:read, tokens:all, tokens:own", at(inSpace+"/tokens", nil)},
	"createToken": {allRoles, "tokens:own", at(inSpace+"/tokens", nil)},
	"deleteToken": {allRoles, "tokens:all, tokens:own", func(h *house, a approval.Actor) cell {
		a.Scopes = nil
		made, err := h.identity.CreateUserToken(h.Context(), a, "to be revoked", nil)
		h.must(err)
		return cell{inSpace + "/tokens/" + made.Token.Name, nil}
	}},
	"rotateToken": {editorUp, "tokens:all", func(h *house, a approval.Actor) cell {
		account, maker := h.ownAccount(a)
		made, err := h.identity.CreateServiceToken(h.Context(), maker, account, "to be rotated", []approval.Permission{approval.ManageTokens}, time.Time{})
		h.must(err)
		return cell{inSpace + "/tokens/" + made.Token.Name + ":rotate", `{"graceSeconds":60}`}
	}},
	"getServiceAccount":    {adminUp, "serviceAccounts:read", at(inSpace+"/serviceAccounts/quickstart", nil)},
	"updateServiceAccount": {editorUp, "serviceAccounts:write", onAccount("", `{"serviceAccount":{"meta":{"displayName":"d"}}}`)},
	"deleteServiceAccount": {editorUp, "serviceAccounts:write", onAccount("", nil)},
	"listTrusts":           {adminUp, "serviceAccounts:read", at(inSpace+"/serviceAccounts/quickstart/trusts", nil)},
	"createTrust":          {editorUp, "tokens:all", onAccount("/trusts", oneTrust)},
	"getTrust":             {adminUp, "serviceAccounts:read", onTrust},
	"deleteTrust":          {editorUp, "tokens:all", onTrust},
	"listServiceAccounts":  {adminUp, "serviceAccounts:read", at(inSpace+"/serviceAccounts", nil)},
	"createServiceAccount": {editorUp, "serviceAccounts:write", func(h *house, _ approval.Actor) cell {
		id := "bot-" + h.service.IDs.UUID()
		return cell{inSpace + "/serviceAccounts", map[string]any{"serviceAccount": map[string]any{"serviceAccountId": id, "role": "Viewer"}}}
	}},

	"whoAmI": {allRoles, anybody, at("/v1/auth/whoami", nil)},
}

// publicAnswers is what the routes without a token answer to a call that asks for nothing in particular.
var publicAnswers = map[string]int{"exchangeToken": 400, "openLogin": 400, "endLogin": 400, "listKeys": 200, "getOpenAPI": 200, "showDocs": 200, "sendDocsStyle": 200,
	"getHealth": 200, "getReadiness": 200, "getMetrics": 200}

func inGroup(below string, body any) func(*house, approval.Actor) cell {
	return func(h *house, _ approval.Actor) cell {
		return cell{inSpace + "/resources/" + h.group() + "/members" + below, body}
	}
}

// group answers the name of a new group.
func (h *house) group() string {
	h.Helper()
	r, err := h.service.CreateResource(h.Context(), h.actor(theOwner), approval.Resource{ID: "group", Kind: "group"})
	h.must(err)
	return r.Name()
}

// hired answers a new Petition Admin.
func (h *house) hired() string {
	h.Helper()
	m, err := h.service.PutMember(h.Context(), approval.System("acmecorp", "admin"), approval.Member{Email: h.service.IDs.UUID() + "@acmecorp.example", Role: approval.PetitionAdmin})
	h.must(err)
	return m.ID
}

func at(path string, body any) func(*house, approval.Actor) cell {
	return func(*house, approval.Actor) cell { return cell{path, body} }
}

// onPetition prepares a petition that the viewer has asked for.
func onPetition(below string, body any) func(*house, approval.Actor) cell {
	return func(h *house, _ approval.Actor) cell {
		return cell{inSpace + "/petitions/" + h.asked(h.actor(theViewer)) + below, body}
	}
}

// onAccount prepares a service account of the actor's own.
func onAccount(below string, body any) func(*house, approval.Actor) cell {
	return func(h *house, a approval.Actor) cell {
		account, _ := h.ownAccount(a)
		return cell{inSpace + "/serviceAccounts/" + account + below, body}
	}
}

func (h *house) asked(a approval.Actor) string {
	h.Helper()
	a.Scopes = nil
	p, _, err := h.service.CreatePetition(h.Context(), a, approval.NewPetition{Reason: cmp.Or(h.reason, "why"), Resources: []approval.Resource{{ID: "x"}}}, "")
	h.must(err)
	return p.Name
}

func (h *house) stored() string {
	h.Helper()
	r, err := h.service.CreateResource(h.Context(), h.actor(theOwner), approval.Resource{ID: "x"})
	h.must(err)
	return r.Name()
}

// caller is one column of the matrix.
type caller struct {
	name  string
	token string
	// prepare is whom the call is prepared for.
	actor approval.Actor
	want  func(e expectation) int
}

func always(status int) func(expectation) int { return func(expectation) int { return status } }

func (h *house) callers() []caller {
	owner := h.actor(theOwner)
	nobody := func(name, token string) caller { return caller{name, token, owner, always(401)} }
	list := []caller{
		nobody("anonymous", ""),
		nobody("a malformed service token", "ind_nothing"),
		nobody("a malformed user token", "e30.e30.e30"),
		nobody("an expired token", h.expired()),
		nobody("a revoked token", h.revoked()),
		nobody("a suspended member", h.suspended()),
		{"another space's owner", h.token(aStranger), owner, always(404)},
	}
	for role, id := range map[approval.Role]string{approval.Viewer: theViewer, approval.PetitionAdmin: theAdmin, approval.Editor: theEditor, approval.Owner: theOwner} {
		list = append(list, caller{string(role), h.token(id), h.actor(id), func(e expectation) int {
			if slices.Contains(strings.Split(e.roles, ", "), string(role)) {
				return 200
			}
			return 403
		}})
	}
	account := h.actor("quickstart")
	list = append(list, caller{"a service token without bounds", h.serviceToken(), account, always(200)})
	for _, scope := range approval.Permissions {
		if !account.Role.Has(scope) {
			continue // nobody's by a role, so nobody can hand it out
		}
		list = append(list, caller{"a service token for " + string(scope), h.serviceToken(scope), account, func(e expectation) int {
			if slices.Contains(strings.Split(string(e.scope), ", "), string(scope)) || e.scope == anybody {
				return 200
			}
			return 403
		}})
	}
	return list
}

func (h *house) expired() string {
	made, err := h.identity.CreateServiceToken(h.Context(), h.actor(theOwner), "quickstart", "expired", nil, h.clock.Now().Add(-time.Second))
	h.must(err)
	return made.Secret
}

func (h *house) revoked() string {
	made, err := h.identity.CreateUserToken(h.Context(), h.actor(theOwner), "revoked", nil)
	h.must(err)
	h.must(h.identity.RevokeToken(h.Context(), h.actor(theOwner), made.Token.Name))
	return made.Secret
}

func (h *house) suspended() string {
	const gone = "gone@acmecorp.example"
	operator := approval.System("acmecorp", "admin")
	_, err := h.service.PutMember(h.Context(), operator, approval.Member{Email: gone, Role: approval.Owner})
	h.must(err)
	token := h.token(gone)
	_, err = h.service.PutMember(h.Context(), operator, approval.Member{Email: gone, Role: approval.Owner, Suspended: true})
	h.must(err)
	return token
}

func TestAuthorizationMatrix(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	columns := h.callers()
	for _, rt := range routes() {
		if rt.permission == public {
			continue
		}
		want, listed := expectations[rt.id]
		if !listed {
			t.Errorf("route %s %s (%s) is not in the matrix: say who may call it", rt.method, rt.path, rt.id)
			continue
		}
		t.Run(rt.id, func(t *testing.T) {
			for _, c := range columns {
				expected := c.want(want)
				if rt.id == "createSpace" && expected != 401 {
					expected = 403 // whoever calls and whatever for: it names no space either
				}
				if rt.id == "createDelegation" && expected == 200 {
					expected = 403
				}
				if (rt.id == "listSpaces" || rt.id == "whoAmI") && c.name == "another space's owner" {
					expected = 200 // it names no space: everybody sees the own one
				}
				h.checkCell(t, rt, c, want.prepare(h, c.actor), expected)
			}
		})
	}
	h.checkMore(t)
	for id := range expectations {
		if !slices.ContainsFunc(routes(), func(rt route) bool { return rt.id == id }) {
			t.Errorf("the matrix has %s, the route table has not", id)
		}
	}
}

func (h *house) checkCell(t *testing.T, rt route, c caller, call cell, want int) {
	t.Helper()
	before := h.logEnd(h.spaceOf(c))
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	body, headers := call.split()
	res, err := h.server.Client().Do(h.request(ctx, c.token, rt.method, call.path, body, headers...))
	h.must(err)
	defer res.Body.Close()
	if rt.id == "deleteSpace" && res.StatusCode == http.StatusOK {
		_, err := h.service.RestoreSpace(h.Context(), approval.System("acmecorp", "admin"))
		h.must(err)
	}
	if res.StatusCode == http.StatusOK && want == http.StatusOK {
		if !rt.endpoint.events { // which would not end
			_, _ = io.Copy(io.Discard, res.Body)
		}
		return
	}
	text, err := io.ReadAll(res.Body)
	h.must(err)
	if res.StatusCode != want {
		t.Errorf("%s calls %s %s: %d, want %d: %s", c.name, rt.method, call.path, res.StatusCode, want, text)
		return
	}
	code := map[int]approval.Code{401: approval.Unauthenticated, 403: approval.Forbidden, 404: approval.NotFound}[want]
	answer{t, res.StatusCode, res.Header, string(text), false}.refused(want, code, "")
	if challenge := res.Header.Get("WWW-Authenticate"); (want == 401) != (challenge != "") {
		t.Errorf("%s calls %s: WWW-Authenticate %q with %d", c.name, rt.id, challenge, want)
	}
	known := want == 404 || want == 403
	if known && h.refusedSince(h.spaceOf(c), before) != 1 {
		t.Errorf("%s was refused %s, and the log has not one new access/refused", c.name, rt.id)
	}
}

// spaceOf answers the caller's own space.
func (h *house) spaceOf(c caller) string {
	if c.token == h.token(aStranger) {
		return "othercorp"
	}
	return "acmecorp"
}

func (h *house) logEnd(space string) approval.Cursor {
	h.Helper()
	end, err := h.service.Store.LastCursor(h.Context(), space)
	h.must(err)
	return end
}

// refusedSince counts the refused attempts in a space behind a place in its log.
func (h *house) refusedSince(space string, after approval.Cursor) int {
	h.Helper()
	events, err := h.service.Store.EventsAfter(h.Context(), approval.EventQuery{Space: space, Event: approval.EventRefused}, after, 10)
	h.must(err)
	return len(events)
}

func TestPublicRoutes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, rt := range routes() {
		if rt.permission != public {
			continue
		}
		want, listed := publicAnswers[rt.id]
		if !listed {
			t.Errorf("route %s %s is public: say so in this test, too", rt.method, rt.path)
			continue
		}
		for _, token := range []string{"", "ind_nothing", h.token(theViewer)} {
			if a := h.with(token, rt.method, rt.path, nil); a.status != want {
				t.Errorf("%s %s: %d, want %d: %s", rt.method, rt.path, a.status, want, a.body)
			}
		}
	}
}

// A table that forgets a permission must not start.
func TestARouteNeedsAPermission(t *testing.T) {
	t.Parallel()
	broken := []route{
		{id: "x", method: get, path: "/v1/spaces/{space}/x", endpoint: raw(func(*API, *exchange) error { return nil }), summary: "x"},
		{id: "x", method: get, path: "/v1/spaces/{space}/x", endpoint: raw(func(*API, *exchange) error { return nil }), summary: "x", permission: "petitions:everything"},
		{id: "x", method: get, path: "/v1/spaces/{space}/x", permission: public, summary: "x"},
		{id: "x", method: get, path: "/v1/x", endpoint: raw(func(*API, *exchange) error { return nil }), summary: "x", permission: approval.ReadSpaces},
		{method: get, path: "/v1/x", endpoint: raw(func(*API, *exchange) error { return nil }), summary: "x", permission: public},
	}
	for i, rt := range broken {
		if rt.check() == nil {
			t.Errorf("line %d passes: %s", i, fmt.Sprint(rt.path))
		}
	}
}
