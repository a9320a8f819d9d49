package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/indent-approvals/indent/internal/approval"
)

// route is one line of the table.
type route struct {
	id         string // of the operation, in OpenAPI
	method     string
	path       string
	permission approval.Permission // or public
	endpoint   endpoint
	summary    string
}

// public marks a route that needs no token.
const public approval.Permission = "public"

// anybody marks a route that any valid token may call, whatever its scope: it tells the caller nothing but of itself.
const anybody approval.Permission = "any token"

// What the use case looks at, so that more than one permission opens the route: a token that has nothing but one of them is
// as good as its scope.
const (
	seeTokens    approval.Permission = "tokens:read, tokens:all or tokens:own"
	changeTokens approval.Permission = "tokens:all or tokens:own"
)

var (
	toSeeTokens    = []approval.Permission{approval.ReadTokens, approval.ManageTokens, approval.ManageOwnTokens}
	toChangeTokens = []approval.Permission{approval.ManageTokens, approval.ManageOwnTokens}
)

// either answers the permissions of which one is enough, the one that everybody's role has last; nil for one that is a permission
// itself.
func either(p approval.Permission) []approval.Permission {
	switch p {
	case seeTokens:
		return toSeeTokens
	case changeTokens:
		return toChangeTokens
	}
	return nil
}

const (
	get   = http.MethodGet
	post  = http.MethodPost
	put   = http.MethodPut
	patch = http.MethodPatch
	del   = http.MethodDelete
)

// routes is the whole API, read from top to bottom. Handlers are method expressions, not values: a method value would put
// its own frame, with a copy of the actor, on the stack of every waiter.
func routes() []route {
	const space = "/v1/spaces/{space}"
	return []route{
		{"listSpaces", get, "/v1/spaces", approval.ReadSpaces, handle((*API).listSpaces), "List the spaces that the token reaches"},
		{"createSpace", post, "/v1/spaces", approval.CreateSpaces, handle((*API).createSpace), "Make a space"},
		{"getSpace", get, space, approval.ReadSpaces, handle((*API).getSpace), "Get a space"},
		{"updateSpace", patch, space, approval.WriteSpaces, handle((*API).updateSpace), "Rename a space"},
		{"deleteSpace", del, space, approval.WriteSpaces, handle((*API).deleteSpace), "Delete a space"},
		{"getSpacePolicy", post, space + ":getPolicy", approval.ReadMembers, handle((*API).getSpacePolicy), "Get who has which role"},
		{"setSpacePolicy", post, space + ":setPolicy", approval.WriteMembers, handle((*API).setSpacePolicy), "Set who has which role, as a whole"},
		{"addToRole", post, space + ":addToRole", approval.WriteMembers, handle((*API).addToRole), "Give persons a role"},
		{"removeFromRole", post, space + ":removeFromRole", approval.WriteMembers, handle((*API).removeFromRole), "Take a role from persons"},
		{"listMembers", get, space + "/members", approval.ReadMembers, handle((*API).listMembers), "List members, by id"},
		{"getMember", get, space + "/members/{member}", approval.ReadSpaces, handle((*API).getMember), "Get a member"},
		{"putMember", put, space + "/members/{member}", approval.WriteMembers, handle((*API).putMember), "Add or change a person"},
		{"deleteMember", del, space + "/members/{member}", approval.WriteMembers, handle((*API).deleteMember), "Remove a person"},
		{"liftBreakGlass", del, space + "/members/{member}/breakGlassFreeze", approval.WriteMembers, handle((*API).liftBreakGlass), "Let somebody break the glass again"},
		{"listIdentities", get, space + "/members/{member}/identities", approval.ReadSpaces, handle((*API).listIdentities), "List the identities of a person"},
		{"createIdentity", post, space + "/members/{member}/identities", approval.WriteMembers, handle((*API).createIdentity), "Link an identity to a person"},
		{"deleteIdentity", del, space + "/members/{member}/identities/{identity}", approval.WriteMembers, handle((*API).deleteIdentity), "Unlink an identity"},
		{"listDelegations", get, space + "/delegations", approval.ReadDelegations, handle((*API).listDelegations), "List who decides for whom while somebody is away"},
		{"createDelegation", post, space + "/delegations", approval.WriteDelegations, handle((*API).createDelegation), "Name a deputy for a time"},
		{"getDelegation", get, space + "/delegations/{name}", approval.ReadDelegations, handle((*API).getDelegation), "Get a delegation"},
		{"endDelegation", del, space + "/delegations/{name}", approval.WriteDelegations, handle((*API).endDelegation), "End a delegation before its time"},

		{"listPetitions", get, space + "/petitions", approval.ReadPetitions, handle((*API).listPetitions), "List petitions, newest first"},
		{"createPetition", post, space + "/petitions", approval.CreatePetitions, handle((*API).createPetition), "Ask for approval"},
		{"getPetition", get, space + "/petitions/{name}", approval.ReadPetitions, getPetition(), "Get a petition, or wait for its decision"},
		{"waitPetitions", post, space + "/petitions:wait", approval.ReadPetitions, stream[petition](petitionStreams, (*API).waitPetitions), "Wait for the decisions on many petitions (server-sent events)"},
		{"replacePetition", put, space + "/petitions/{name}", approval.CreatePetitions, handle((*API).replacePetition), "Withdraw an open petition and make a new one in its place"},
		{"withdrawPetition", del, space + "/petitions/{name}", approval.CreateClaims, handle((*API).withdrawPetition), "Withdraw an open petition"},
		{"listClaims", get, space + "/petitions/{name}/claims", approval.ReadPetitions, handle((*API).listClaims), "List the claims of a petition, oldest first"},
		{"createClaim", post, space + "/petitions/{name}/claims", approval.CreateClaims, handle((*API).createClaim), "Approve, deny or revoke"},
		{"getClaim", get, space + "/petitions/{name}/claims/{claim}", approval.ReadPetitions, handle((*API).getClaim), "Get a claim"},

		{"listGrants", get, space + "/grants", approval.ReadPetitions, handle((*API).listGrants), "List who has what, until when and why, what ends first before the rest"},
		{"revokeGrants", post, space + "/grants:revoke", approval.CreateClaims, handle((*API).revokeGrants), "Revoke what a person has, or what anybody has of a resource (takes petitions:read, too)"},

		{"listResources", get, space + "/resources", approval.ReadResources, handle((*API).listResources), "List resources, by name"},
		{"createResource", post, space + "/resources", approval.WriteResources, handle((*API).createResource), "Add a resource"},
		{"getResource", get, space + "/resources/{name}", approval.ReadResources, handle((*API).getResource), "Get a resource"},
		{"putResource", put, space + "/resources/{name}", approval.WriteResources, handle((*API).putResource), "Add or replace a resource"},
		{"deleteResource", del, space + "/resources/{name}", approval.WriteResources, handle((*API).deleteResource), "Delete a resource"},
		{"listGroupMembers", get, space + "/resources/{name}/members", approval.ReadResources, handle((*API).listGroupMembers), "List the members of a group"},
		{"setGroupMembers", put, space + "/resources/{name}/members", approval.WriteResources, handle((*API).setGroupMembers), "Set the members of a group, as a whole"},
		{"addGroupMembers", post, space + "/resources/{name}/members", approval.WriteResources, handle((*API).addGroupMembers), "Put members into a group"},
		{"deleteGroupMember", del, space + "/resources/{name}/members/{member}", approval.WriteResources, handle((*API).deleteGroupMember), "Take a member out of a group"},
		{"bulkUpdateResources", put, space + "/resources:bulkUpdate", approval.WriteResources, handle((*API).bulkUpdateResources), "Add or replace many resources"},
		{"bulkUpdateResourcesByPost", post, space + "/resources:bulkUpdate", approval.WriteResources, handle((*API).bulkUpdateResources), "Add or replace many resources (the same by POST)"},
		{"bulkDeleteResources", post, space + "/resources:bulkDelete", approval.WriteResources, handle((*API).bulkDeleteResources), "Delete many resources"},
		{"pullUpdate", put, space + "/resources:pullUpdate", approval.WriteResources, handle((*API).pullUpdate), "Have the webhooks of pull policies list their resources now"},

		{"listPullPolicies", get, space + "/pullPolicies", approval.ReadWebhooks, handle((*API).listPullPolicies), "List pull policies and how they stand, by name"},
		{"createPullPolicy", post, space + "/pullPolicies", approval.WriteWebhooks, handle((*API).createPullPolicy), "Let a webhook fill the directory (takes resources:write, too)"},
		{"getPullPolicy", get, space + "/pullPolicies/{name}", approval.ReadWebhooks, handle((*API).getPullPolicy), "Get a pull policy and how it stands"},
		{"putPullPolicy", put, space + "/pullPolicies/{name}", approval.WriteWebhooks, handle((*API).putPullPolicy), "Add or replace a pull policy (takes resources:write, too)"},
		{"deletePullPolicy", del, space + "/pullPolicies/{name}", approval.WriteWebhooks, handle((*API).deletePullPolicy), "Delete a pull policy (takes resources:write, too)"},

		{"getPolicy", get, space + "/policy", approval.ReadPolicy, handle((*API).getPolicy), "Get the rule document that holds"},
		{"applyPolicy", put, space + "/policy", approval.WritePolicy, handle((*API).applyPolicy), "Make a text the next version of the rule document"},
		{"listPolicyVersions", get, space + "/policy/versions", approval.ReadPolicy, handle((*API).listPolicyVersions), "List the versions of the rule document, newest first"},
		{"getPolicyVersion", get, space + "/policy/versions/{version}", approval.ReadPolicy, handle((*API).getPolicyVersion), "Get a version of the rule document"},
		{"diffPolicy", get, space + "/policy/versions/{version}:diff", approval.ReadPolicy, handle((*API).diffPolicy), "Compare two versions of the rule document"},
		{"getPolicyProposal", get, space + "/policy/proposals/{petition}", approval.ReadPolicy, handle((*API).getPolicyProposal), "Get the text that a petition for another policy asks for"},
		{"rollBackPolicy", post, space + "/policy:rollback", approval.WritePolicy, handle((*API).rollBackPolicy), "Make the text of an old version the next version"},
		{"testPolicy", post, space + "/policy:test", approval.ReadPolicy, handle((*API).testPolicy), "Compile a document and run its tests, without taking it"},
		{"checkPolicy", post, space + "/policy:check", approval.ReadPolicy, handle((*API).checkPolicy), "What would go wrong with a document in the space"},
		{"listStuck", get, space + "/policy/stuck", approval.ReadPolicy, handle((*API).listStuck), "What nobody could approve as things stand (takes members:read and petitions:read, too)"},
		{"replayPolicy", post, space + "/policy:replay", approval.ReadPolicy, handle((*API).replayPolicy), "What a document would have said to the petitions of the past (takes members:read and petitions:read, too)"},
		{"simulatePolicy", post, space + "/policy:simulate", approval.ReadPolicy, handle((*API).simulatePolicy), "What policy would say to a petition, and why"},

		{"listWebhooks", get, space + "/webhooks", approval.ReadWebhooks, handle((*API).listWebhooks), "List webhooks, by name"},
		{"createWebhook", post, space + "/webhooks", approval.WriteWebhooks, handle((*API).createWebhook), "Add a webhook"},
		{"getWebhook", get, space + "/webhooks/{name}", approval.ReadWebhooks, handle((*API).getWebhook), "Get a webhook"},
		{"updateWebhook", patch, space + "/webhooks/{name}", approval.WriteWebhooks, handle((*API).updateWebhook), "Change a webhook"},
		{"deleteWebhook", del, space + "/webhooks/{name}", approval.WriteWebhooks, handle((*API).deleteWebhook), "Delete a webhook"},
		{"rotateWebhookSecret", post, space + "/webhooks/{name}:rotateSecret", approval.WriteWebhooks, handle((*API).rotateWebhook), "Give a webhook another secret"},
		{"testWebhook", post, space + "/webhooks/{name}:test", approval.WriteWebhooks, handle((*API).testWebhook), "Send each call to a webhook, and explain what came back"},
		{"resumeWebhook", post, space + "/webhooks/{name}:resume", approval.WriteWebhooks, handle((*API).resumeWebhook), "Call a webhook again that is paused or disabled"},
		{"settleWebhook", post, space + "/webhooks/{name}:settle", approval.WriteWebhooks, handle((*API).settleWebhook), "Say that access was taken away by hand that a webhook could not take away"},
		{"listDeliveries", get, space + "/webhooks/{name}/deliveries", approval.ReadWebhooks, handle((*API).listDeliveries), "List the attempts of calls to a webhook, newest first"},
		{"getDelivery", get, space + "/webhooks/{name}/deliveries/{delivery}", approval.ReadWebhooks, handle((*API).getDelivery), "Get an attempt of a call to a webhook, with what was sent and answered"},
		{"replayDelivery", post, space + "/webhooks/{name}/deliveries/{delivery}:replay", approval.WriteWebhooks, handle((*API).replayDelivery), "Make a call to a webhook again"},

		{"listWebhookPolicies", get, space + "/webhookPolicies", approval.ReadWebhooks, handle((*API).listWebhookPolicies), "List webhook policies, by name"},
		{"createWebhookPolicy", post, space + "/webhookPolicies", approval.WriteWebhooks, handle((*API).createWebhookPolicy), "Say which calls a webhook gets"},
		{"getWebhookPolicy", get, space + "/webhookPolicies/{name}", approval.ReadWebhooks, handle((*API).getWebhookPolicy), "Get a webhook policy"},
		{"putWebhookPolicy", put, space + "/webhookPolicies/{name}", approval.WriteWebhooks, handle((*API).putWebhookPolicy), "Replace a webhook policy"},
		{"updateWebhookPolicy", patch, space + "/webhookPolicies/{name}", approval.WriteWebhooks, handle((*API).updateWebhookPolicy), "Change a webhook policy"},
		{"deleteWebhookPolicy", del, space + "/webhookPolicies/{name}", approval.WriteWebhooks, handle((*API).deleteWebhookPolicy), "Delete a webhook policy"},
		{"testWebhookPolicy", post, space + "/webhooks:testPolicy", approval.ReadWebhooks, handle((*API).testWebhookPolicy), "Which calls a webhook policy would let a webhook have (takes resources:read, too)"},

		{"listEvents", get, space + "/events", approval.ReadEvents, handle((*API).listEvents), "List the audit log, newest first"},
		{"streamEvents", get, space + "/events:stream", approval.ReadEvents, stream[approval.Event](eventStreams, (*API).streamEvents), "Follow the audit log (server-sent events)"},

		{"listTokens", get, space + "/tokens", seeTokens, handle((*API).listTokens), "List tokens, without their secrets"},
		{"createToken", post, space + "/tokens", changeTokens, handle((*API).createToken), "Make a token"},
		{"deleteToken", del, space + "/tokens/{name}", changeTokens, handle((*API).deleteToken), "Revoke a token"},
		{"rotateToken", post, space + "/tokens/{name}:rotate", approval.ManageTokens, handle((*API).rotateToken), "Make a token in the place of a service account's"},
		{"listServiceAccounts", get, space + "/serviceAccounts", approval.ReadServiceAccounts, handle((*API).listServiceAccounts), "List service accounts"},
		{"createServiceAccount", post, space + "/serviceAccounts", approval.ManageAccounts, handle((*API).createServiceAccount), "Add a service account"},
		{"getServiceAccount", get, space + "/serviceAccounts/{id}", approval.ReadServiceAccounts, handle((*API).getServiceAccount), "Get a service account"},
		{"updateServiceAccount", patch, space + "/serviceAccounts/{id}", approval.ManageAccounts, handle((*API).updateServiceAccount), "Change a service account"},
		{"deleteServiceAccount", del, space + "/serviceAccounts/{id}", approval.ManageAccounts, handle((*API).deleteServiceAccount), "Delete a service account, and end its tokens"},
		{"listTrusts", get, space + "/serviceAccounts/{id}/trusts", approval.ReadServiceAccounts, handle((*API).listTrusts), "List the outside issuers that a service account trusts"},
		{"createTrust", post, space + "/serviceAccounts/{id}/trusts", approval.ManageTokens, handle((*API).createTrust), "Let tokens of an outside issuer stand for a service account"},
		{"getTrust", get, space + "/serviceAccounts/{id}/trusts/{trust}", approval.ReadServiceAccounts, handle((*API).getTrust), "Get a trust of a service account"},
		{"deleteTrust", del, space + "/serviceAccounts/{id}/trusts/{trust}", approval.ManageTokens, handle((*API).deleteTrust), "End a trust, and the tokens that came of it"},

		{"exchangeToken", post, "/v1/auth/token", public, handle((*API).exchangeToken), "Get a short-lived token: for a long-lived one, a refresh token, a code, or a token of a trusted issuer"},
		{"openLogin", post, "/v1/auth/device", public, handleCall((*exchange).openLogin), "Ask a person to let a program in (device authorization, RFC 8628)"},
		{"endLogin", post, "/v1/auth/revoke", public, handleCall((*exchange).endLogin), "End the login of a refresh token (sign out)"},
		{"whoAmI", get, "/v1/auth/whoami", anybody, handle((*API).whoAmI), "Whom the token stands for, and what it may do"},
		{"listKeys", get, "/v1/auth/keys", public, raw((*API).sendKeys), "The keys that sign user tokens (JWKS)"},
		{"getOpenAPI", get, "/openapi.json", public, raw((*API).sendOpenAPI), "This description (OpenAPI 3.1)"},
		{"showDocs", get, "/docs", public, raw((*API).sendDocs), "This description as a page"},
		{"sendDocsStyle", get, "/docs/style.css", public, raw((*API).sendDocsStyle), "The page's style sheet"},
		{"getHealth", get, "/healthz", public, raw((*API).sendHealth), "Whether the process lives"},
		{"getReadiness", get, "/readyz", public, raw((*API).sendReadiness), "Whether the server can serve"},
		{"getMetrics", get, "/metrics", public, raw((*API).sendMetrics), "Figures for Prometheus"},
	}
}

// pattern is the path for ServeMux: a verb behind a colon comes first, see withVerb.
func (rt *route) pattern() string {
	if path, verb, ok := strings.Cut(rt.path, ":"); ok {
		return "/:" + verb + path
	}
	return rt.path
}

// demand answers the permission that the route asks of the actor: where one of several is enough, one that it has.
func (rt *route) demand(a *approval.Actor) approval.Permission {
	several := either(rt.permission)
	if several == nil {
		return rt.permission
	}
	for _, p := range several {
		if a.Can(p) {
			return p
		}
	}
	return several[len(several)-1]
}

// check refuses a line that is not whole.
func (rt *route) check() error {
	switch {
	case rt.permission != public && rt.permission != anybody && either(rt.permission) == nil && !slices.Contains(approval.Permissions, rt.permission):
		return fmt.Errorf("route %s %s has no permission: name one, or public", rt.method, rt.path)
	case rt.id == "" || rt.summary == "" || rt.endpoint.call == nil:
		return fmt.Errorf("route %s %s needs an id, a summary and an endpoint", rt.method, rt.path)
	case rt.permission != public && rt.permission != anybody && !strings.HasPrefix(rt.path, "/v1/spaces"):
		return fmt.Errorf("route %s %s demands a permission but is in no space", rt.method, rt.path)
	}
	return nil
}

// wrongMethod answers all methods that a path does not have.
func wrongMethod(pattern string, allowed []string) *route {
	if slices.Contains(allowed, get) {
		allowed = append(allowed, http.MethodHead)
	}
	slices.Sort(allowed)
	list := strings.Join(allowed, ", ")
	return &route{path: pattern, permission: public, endpoint: endpoint{call: func(x *exchange) (any, error) {
		x.w.Header().Set("Allow", list)
		return nil, notAllowed{list}
	}}}
}

// missing answers all paths that the table does not have.
func missing(*exchange) (any, error) {
	return nil, approval.Errorf(approval.NotFound, "there is no such path: /docs lists them all")
}
