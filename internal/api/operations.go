package api

import (
	"github.com/danielgtaylor/huma/v2"

	"github.com/indent-approvals/indent/internal/approval"
)

// operation is what the description says of a route beyond its types.
type operation struct {
	tag     string
	text    string
	request string // an example body, as JSON
	answer  string // an example answer, as JSON
	media   string // of a raw endpoint's answer
	// conditional: it wants If-Match.
	conditional bool
	codes       []approval.Code // that it can answer beside those that every route of its kind can
}

const introduction = `Indent gives any software an ` + "`await approval(...)`" + `: a program asks, the right person (or a rule) decides, the program goes on.

**Calls.** Send ` + "`Authorization: Bearer <token>`" + `. A token belongs to one space; any other space answers 404. The header ` + "`Indent-Space`" + `, when sent, must name the space of the path.

**Bodies** are JSON in UTF-8, at most 1 MiB and 32 levels deep. Unknown and doubled members, unknown query parameters, and control, bidirectional and invisible characters are refused, naming the field. Members that only the server sets are accepted and ignored, so that an object can be sent back as it came. Unknown members of answers must be ignored by clients.

**Errors** have one shape (` + "`application/problem+json`" + `): ` + "`code`" + ` for programs, ` + "`detail`" + ` for people, ` + "`field`" + ` when an input is at fault. Calls that answer 429 or 503 say in ` + "`Retry-After`" + ` when to come back.

**Lists** are paged by ` + "`pageSize`" + ` and ` + "`pageToken`" + `: go on while ` + "`nextPageToken`" + ` is not empty.

**Retries.** A petition created with an ` + "`Idempotency-Key`" + ` is created once, however often the call is repeated.`

func tags() []*huma.Tag {
	return []*huma.Tag{
		{Name: "petitions", Description: "Requests that petitioners be allowed resources for a reason. Phases: open, granted, revoked, closed."},
		{Name: "claims", Description: "Decisions on petitions by those whom policy names."},
		{Name: "grants", Description: "Who has what now, and had at any time; and taking it away."},
		{Name: "resources", Description: "The directory of what can act and be asked for."},
		{Name: "policy", Description: "The rule document of a space: its versions, changes of it, and what it would say."},
		{Name: "webhooks", Description: "Endpoints of yours that grant and revoke access, list resources or decide."},
		{Name: "events", Description: "The audit log: every change and every refused attempt."},
		{Name: "tokens", Description: "Credentials: short-lived user tokens and long-lived tokens of service accounts."},
		{Name: "spaces", Description: "Tenants."},
		{Name: "members", Description: "Who may act in a space, as what, and by which other names they are known."},
		{Name: "server", Description: "For operators and tools."},
	}
}

const (
	examplePolicyVersion = `"version": 7, "digest": "sha256:0b7d0a4bd2cbb6b4f4a9e2e6b4f9f3f0c7c1b6a5d4e3f2a1b0c9d8e7f6a5b4c3", "reason": "two people for payments",
		"createdBy": {"id": "ada@acmecorp.example"}, "meta": {"space": "acmecorp", "createTime": "2026-03-01T09:00:00Z"}`
	examplePolicyText = `"text": "version: 1\nrules:\n  - name: review\n    require: {reviewers: {roles: [Owner]}}\n"`
	examplePolicy     = `{` + examplePolicyVersion + `, ` + examplePolicyText + `}`
	examplePolicyNew  = `{"applied": true, "policy": {` + examplePolicyVersion + `}}`
	exampleTrust      = `{"issuer": "https://token.actions.githubusercontent.com", "audience": "https://indent.example.com", "claims": {"sub": "repo:acme/app:ref:refs/heads/main"},
		"scope": "petitions:create petitions:read", "serviceAccountId": "deploy-bot", "meta": {"name": "0198c0de-8888-7c3e-8a21-1b2c3d4e5f60", "space": "acmecorp", "createTime": "2026-03-01T09:00:00Z"},
		"createdBy": {"id": "ada@acmecorp.example", "kind": "user"}}`
	examplePetition = `{
		"name": "0198c0de-42b3-71ee-824e-42010aac000d", "spaceName": "acmecorp",
		"meta": {"name": "0198c0de-42b3-71ee-824e-42010aac000d", "space": "acmecorp", "labels": {"indent.com/app/config/id": "space:acmecorp"},
			"createTime": "2026-03-01T09:00:00Z", "updateTime": "2026-03-01T09:00:00Z", "expireTime": "2026-03-08T09:00:00Z"},
		"petitioners": [{"id": "quickstart", "kind": "serviceAccount", "displayName": "Quickstart"}],
		"resources": [{"id": "reset-password:123", "kind": "action", "displayName": "Reset Password (user:123)"}],
		"reason": "to recover account",
		"digest": "sha256:0b7d0a4bd2cbb6b4f4a9e2e6b4f9f3f0c7c1b6a5d4e3f2a1b0c9d8e7f6a5b4c3",
		"createdBy": {"id": "quickstart", "kind": "serviceAccount", "displayName": "Quickstart"},
		"state": {
			"status": {"phase": "open", "message": "The petition waits for a decision: 0 of 1 approvals by Owner or Editor."},
			"verdict": {"decision": "review", "rule": "default", "policyVersion": 1,
				"requirements": [{"reviewers": {"roles": ["Owner", "Editor"]}, "count": 1}]},
			"claims": [], "eventHistory": [], "messages": []}}`
	exampleClaim = `{
		"event": "access/approve", "id": "0198c0de-5f00-7a11-9d2e-0a8cf1b2c3d4", "timestamp": "2026-03-01T09:00:07Z", "reason": "ticket 4711",
		"meta": {"space": "acmecorp", "labels": {"petition": "0198c0de-42b3-71ee-824e-42010aac000d"}, "createTime": "2026-03-01T09:00:07Z"},
		"actor": {"id": "ada@acmecorp.example", "kind": "user", "email": "ada@acmecorp.example"},
		"resources": [{"id": "quickstart", "kind": "serviceAccount"}, {"id": "reset-password:123", "kind": "action"}]}`
	exampleGrant = `{"person": {"id": "ada@acmecorp.example", "kind": "user"}, "resource": {"id": "production", "kind": "environment"},
		"startTime": "2026-03-01T09:00:07Z", "endTime": "2026-03-01T10:00:07Z", "accessEndTime": "2026-03-01T10:00:07Z",
		"petition": "0198c0de-42b3-71ee-824e-42010aac000d", "phase": "granted", "reason": "to look at order 4711", "rule": "production"}`
	exampleResource = `{"id": "production", "kind": "environment", "displayName": "Production",
		"labels": {"indent.com/block": "production", "indent.com/requestable": "true"}}`
	exampleToken = `{
		"refreshToken": "ind_4fZ0yq8GxJmV2wTtR7bNcK5sLhPdEa1U0000Qx", "scope": "petitions:create petitions:read", "serviceAccountId": "quickstart",
		"meta": {"name": "0198c0de-7777-7c3e-8a21-1b2c3d4e5f60", "space": "acmecorp", "displayName": "nightly job", "createTime": "2026-03-01T09:00:00Z"},
		"createdBy": {"id": "ada@acmecorp.example", "kind": "user"}}`
	exampleAccount = `{"serviceAccountId": "deploy-bot", "role": "Petition Admin", "owner": {"id": "ada@acmecorp.example", "kind": "user"},
		"meta": {"name": "deploy-bot", "space": "acmecorp", "displayName": "Deploy Bot", "createTime": "2026-03-01T09:00:00Z"},
		"createdBy": {"id": "ada@acmecorp.example"}}`
	exampleWebhook = `{"name": "postgres-roles", "spaceName": "acmecorp", "displayName": "Roles of PostgreSQL", "labels": {}, "url": "https://hooks.example.com/indent", "method": "POST",
		"headers": {"Authorization": {"credential": "[kept]"}, "X-Team": {"value": "platform"}}, "dryRun": false, "publicKeys": ["whpk_ZlN4eg7dSSqi0moX9hQUk3orrOouK3QVQSlJa248c/g="],
		"meta": {"name": "postgres-roles", "space": "acmecorp", "displayName": "Roles of PostgreSQL", "createTime": "2026-03-01T09:00:00Z", "updateTime": "2026-03-01T09:00:00Z"},
		"createdBy": {"id": "ada@acmecorp.example", "kind": "user"}}`
	exampleDelivery = `{"name": "0198c0de-aaaa-7c3e-8a21-1b2c3d4e5f60", "webhook": "postgres-roles", "petition": "0198c0de-42b3-71ee-824e-42010aac000d", "time": "2026-03-01T09:00:07Z",
		"kind": "ApplyUpdate", "command": "access/grant", "attempts": 2, "outcome": "again", "code": 14, "problem": "the endpoint answers 503"}`
	exampleApplication = `{"webhook": "postgres-roles", "person": {"id": "ada@acmecorp.example", "kind": "user"}, "resource": {"id": "production", "kind": "environment"},
		"state": "pending", "attempts": 2, "problem": "the endpoint answers 503", "nextTime": "2026-03-01T09:00:22Z", "updateTime": "2026-03-01T09:00:07Z"}`
	exampleWebhookPolicy = `{"name": "production-databases", "spaceName": "acmecorp", "displayName": "", "labels": {}, "webhook": "postgres-roles", "calls": ["ApplyUpdate"],
		"base": {"selector": {"matchLabels": {"env": "production"}}, "conditions": ["resource.kind == \"db\""]},
		"meta": {"name": "production-databases", "space": "acmecorp", "createTime": "2026-03-01T09:00:00Z", "updateTime": "2026-03-01T09:00:00Z"},
		"createdBy": {"id": "ada@acmecorp.example", "kind": "user"}}`
	examplePull = `"state": "done", "beginTime": "2026-03-01T03:00:00Z", "endTime": "2026-03-01T03:00:02Z", "listed": 120, "taken": 118, "created": 3, "changed": 1, "gone": 2,
		"conflicts": 1, "examples": ["admin (role) is in the directory as admin, which people made or changed: delete that entry, and the next pull brings it"], "dropped": ["the label team"],
		"pages": 1, "bytes": 24000`
	examplePullPolicy = `{"name": "roles", "spaceName": "acmecorp", "displayName": "", "base": {"selector": {}}, "webhook": "postgres-roles", "kinds": ["role"], "flags": {}, "schedule": "0 3 * * *",
		"labels": {"indent.com/requestable": "true"}, "takeLabels": [], "takeIdentities": false,
		"status": {"state": "working", "failures": 0, "nextTime": "2026-03-02T03:00:00Z", "last": {` + examplePull + `}, "good": {` + examplePull + `}},
		"meta": {"name": "roles", "space": "acmecorp", "createTime": "2026-02-01T09:00:00Z", "updateTime": "2026-02-01T09:00:00Z"}, "createdBy": {"id": "ada@acmecorp.example", "kind": "user"}}`
	exampleTrials = `{"trials": [{"title": "GetInfo", "works": true, "explanation": "It works. The endpoint does not say what it can do.", "outcome": "ok", "code": 0,
		"attempt": {"id": "msg_0198c0de-9999-7c3e-8a21-1b2c3d4e5f60", "time": "2026-03-01T09:00:00Z", "milliseconds": 12, "method": "POST", "url": "https://hooks.example.com/indent",
			"headers": {"Content-Type": "application/json", "Webhook-Signature": "[redacted]"}, "body": "{\"info\":true}", "status": 200, "answer": "{\"status\":{\"code\":0}}"}}]}`
	exampleSpace  = `{"name": "acmecorp", "displayName": "Acme Corp", "createTime": "2026-03-01T09:00:00Z"}`
	exampleMember = `{"id": "ada@acmecorp.example", "kind": "user", "email": "ada@acmecorp.example", "displayName": "Ada", "role": "Editor", "suspended": false,
		"meta": {"name": "ada@acmecorp.example", "space": "acmecorp", "displayName": "Ada", "createTime": "2026-03-01T09:00:00Z"}, "createdBy": {"id": "olga@acmecorp.example"}}`
	exampleIdentity = `{"identity": "slack:T01/U024BE7LH", "member": "ada@acmecorp.example", "meta": {"space": "acmecorp", "createTime": "2026-03-01T09:00:00Z"},
		"createdBy": {"id": "olga@acmecorp.example"}}`
	exampleDelegation = `{"from": "ada@acmecorp.example", "to": "bob@acmecorp.example", "startTime": "2026-03-02T00:00:00Z", "endTime": "2026-03-09T00:00:00Z", "state": "coming",
		"reason": "on leave", "meta": {"name": "0198c0de-9999-7c3e-8a21-1b2c3d4e5f60", "space": "acmecorp", "createTime": "2026-03-01T09:00:00Z"}, "createdBy": {"id": "ada@acmecorp.example"}}`
	exampleRoles  = `{"bindings": [{"role": "Editor", "members": ["ada@acmecorp.example"]}, {"role": "Owner", "members": ["olga@acmecorp.example"]}], "etag": "4f6c1f0f5c9f4a3b8e2d7a6b5c4d3e2f"}`
	exampleGroup  = `{"members": [{"id": "ada@acmecorp.example", "kind": "user"}, {"id": "on-call", "kind": "group"}]}`
	exampleGroups = `{"members": [{"id": "ada@acmecorp.example", "kind": "user"}, {"id": "on-call", "kind": "group"}], "nextPageToken": ""}`
	exampleBulk   = `{"resources": [` + exampleResource + `]}`
)

// operations describes every route of the table.
var operations = map[string]operation{
	"listSpaces": {tag: "spaces", text: "A token belongs to one space, so the list has one entry.",
		answer: `{"spaces": [{"name": "acmecorp", "displayName": "Acme Corp"}], "nextPageToken": ""}`},
	"getSpace": {tag: "spaces", text: "The space of the token.", answer: exampleSpace},
	"createSpace": {tag: "spaces", text: "For the people whom the server's setting `operators` names. The caller is the owner unless another is named. A name stays taken, also after the space was deleted: 409.",
		request: `{"space": {"name": "acmecorp", "displayName": "Acme Corp"}}`, answer: exampleSpace, codes: []approval.Code{approval.Conflict}},
	"updateSpace": {tag: "spaces", text: "Only the display name changes: links and the log have the name.", request: `{"space": {"displayName": "Acme Corporation"}}`, answer: exampleSpace, codes: []approval.Code{approval.Conflict}},
	"deleteSpace": {tag: "spaces", text: "Nobody gets in any more, with whatever token. The log and the name are kept; the operator can bring the space back (`indent admin space restore`).",
		answer: `{}`, codes: []approval.Code{approval.Conflict}},
	"getSpacePolicy": {tag: "members", text: "Persons by role, suspended ones too. Service accounts have their roles among the service accounts.", answer: exampleRoles},
	"setSpacePolicy": {tag: "members",
		text: "The whole: who is not named is removed, with every token and session. An owner who is not suspended must be left (409). With `etag` it is refused (409) when the roles have changed since they were read. " +
			"Nobody hands out or takes away a role that the own credential does not cover (403).",
		request: exampleRoles, answer: exampleRoles, codes: []approval.Code{approval.Conflict}},
	"addToRole": {tag: "members", text: "Whoever is no member becomes one; a member changes to the role. All or nothing; the last owner stays one (409).",
		request: `{"role": "Editor", "member": "ada@acmecorp.example"}`, answer: exampleRoles, codes: []approval.Code{approval.Conflict}},
	"removeFromRole": {tag: "members", text: "Whoever has the role becomes a Viewer, and a Viewer leaves the space. Who has another role is 409, and so is the last owner.",
		request: `{"role": "Editor", "members": ["ada@acmecorp.example"]}`, answer: exampleRoles, codes: []approval.Code{approval.Conflict}},
	"listMembers": {tag: "members", text: "Persons and service accounts, suspended ones too, on one page.", answer: `{"members": [` + exampleMember + `], "nextPageToken": ""}`},
	"getMember":   {tag: "members", text: "Everybody may look at themselves; `members:read` is needed for others.", answer: exampleMember},
	"putMember": {tag: "members",
		text: "Adds a person by address, or changes what is named; what is left out stays. `suspended: true` ends every token, session and link at once: the member gets in nowhere and counts as a reviewer of nothing. " +
			"The last owner stays one (409). Service accounts change at their own place.",
		request: `{"member": {"role": "Editor", "displayName": "Ada"}}`, answer: exampleMember, codes: []approval.Code{approval.Conflict}},
	"deleteMember": {tag: "members", text: "With identities, memberships in groups, tokens and sessions; the service accounts of the person are suspended. The last owner stays (409).",
		answer: `{}`, codes: []approval.Code{approval.Conflict}},
	"liftBreakGlass": {tag: "members", text: "Whoever broke the glass and did not answer for it cannot do so again until an owner, who is somebody else, lifts that. Of whom there is nothing to lift is 409.",
		answer: `{}`, codes: []approval.Code{approval.Conflict}},
	"listIdentities": {tag: "members", text: "Everybody may look at their own; `members:read` is needed for others'.", answer: `{"identities": [` + exampleIdentity + `], "nextPageToken": ""}`},
	"createIdentity": {tag: "members",
		text:    "The person is known by it from now on: in quorums it counts once, and it does not decide what it asks for under any name. Linking the address of another member makes both one person. An identity that is somebody's is 409.",
		request: `{"identity": "slack:T01/U024BE7LH"}`, answer: exampleIdentity, codes: []approval.Code{approval.Conflict}},
	"deleteIdentity": {tag: "members", text: "The identity stands percent-encoded in the path.", answer: `{}`},

	"listDelegations": {tag: "members", text: "Those that are not over, by start, on one page. Without `members:read` only the caller's own, as the person who is away and as the deputy.",
		answer: `{"delegations": [` + exampleDelegation + `], "nextPageToken": ""}`},
	"createDelegation": {tag: "members",
		text: "Until its end the deputy decides what the person who is away may decide; the claim is marked `indent.com/claim/onBehalfOf`, and the two give one vote together. " +
			"Both are looked at as they are when the deputy decides, and what bars one bars both. Nobody names themselves somebody else's deputy (403), and no user or service token names one: " +
			"it takes the token of a login (`indent login`) or the page of the account, and of a person with a passkey the page; and the person signed in less than 15 minutes ago. Too many that are not over are 409.",
		request: `{"to": "bob@acmecorp.example", "startTime": "2026-03-02T00:00:00Z", "endTime": "2026-03-09T00:00:00Z", "reason": "on leave"}`,
		answer:  exampleDelegation, codes: []approval.Code{approval.Conflict}},
	"getDelegation": {tag: "members", text: "One by its name, also when it is over. Between others it is 404 without `members:read`.", answer: exampleDelegation},
	"endDelegation": {tag: "members", text: "At once: the deputy decides by it no more, and what it has approved by it counts no more on petitions that still wait. " +
		"Who is away may, the deputy, and an owner. One that is over is 409.", answer: `{}`, codes: []approval.Code{approval.Conflict}},

	"listPetitions": {tag: "petitions", text: "Filters are joined by \"and\". `state.eventHistory` is filled only with `full=true`.",
		answer: `{"petitions": [` + examplePetition + `], "nextPageToken": ""}`},
	"createPetition": {tag: "petitions",
		text: "Policy answers at once: the petition is `open` (people decide), `granted` or `closed` (a rule decided). " +
			"With an `Idempotency-Key` the same call may be repeated; the same key with another body is 409.",
		request: `{"petition": {"reason": "to recover account", "resources": [{"kind": "action", "id": "reset-password:123", "displayName": "Reset Password (user:123)"}], "params": {"user": "123"}}}`,
		answer:  examplePetition, codes: []approval.Code{approval.Conflict}},
	"getPetition": {tag: "petitions",
		text: "With `wait` the answer comes the moment the petition leaves `open`, or with phase `open` when the time is up or the server stops: " +
			"look at the phase and call again. Nothing but phase `granted` means approved.",
		answer: examplePetition},
	"waitPetitions": {tag: "petitions",
		text: "For a program that waits for many: one connection instead of one for each. Server-sent events: `petition` with the petition, at once for those that are " +
			"decided already; `problem` with the error that getting it would answer; `end` when all were told. The `id` of an event is the petition's name. A stream that ends before `end` has not told " +
			"of all: the server stops, the token has ended, or ten minutes have passed. Come back with the names that are left.",
		request: `{"names": ["0198c0de-42b3-71ee-824e-42010aac000d", "0198c0de-42b3-71ee-824e-42010aac000e"]}`,
		answer:  examplePetition},
	"replacePetition": {tag: "petitions",
		text: "A petition is never edited, so that what was shown is what is decided. The open one is withdrawn and the answer is a new one with its own name; " +
			"the labels PetitionReplaces and PetitionReplacedBy join them. Only who asked may do this.",
		request: `{"petition": {"reason": "to recover account, ticket 4711", "resources": [{"kind": "action", "id": "reset-password:123"}]}}`,
		answer:  examplePetition, codes: []approval.Code{approval.Conflict}},
	"withdrawPetition": {tag: "petitions", text: "Only who asked may withdraw, and only while it is open. The answer is the petition, closed.",
		answer: examplePetition, codes: []approval.Code{approval.Conflict}},

	"listClaims": {tag: "claims", text: "All claims, on one page.", answer: `{"claims": [` + exampleClaim + `], "nextPageToken": ""}`},
	"createClaim": {tag: "claims",
		text: "The one door for a decision. Policy says who may decide; who asks does not, unless a rule allows it. `access/deny` by who asked withdraws. " +
			"With the label `indent.com/petition/digest` the claim is refused with 409 unless it is the petition's digest. A second decision is 409 and says who decided what and when. " +
			"Where the requirement says `confirm: passkey`, an approval without `confirmation` is 403 and names the page to approve on; denying needs none.",
		request: `{"claim": {"event": "access/approve", "reason": "ticket 4711", "meta": {"labels": {"indent.com/time/duration": "1h0m0s"}}}}`,
		answer:  exampleClaim, codes: []approval.Code{approval.Conflict}},
	"listGrants": {tag: "grants", text: "One entry for each person and resource. Several grants of the same pair are a union: access ends at `accessEndTime`. Who may see petitions sees what they gave.",
		answer: `{"grants": [` + exampleGrant + `], "nextPageToken": ""}`},
	"revokeGrants": {tag: "grants", text: "Each petition is revoked as a whole, as by a claim `access/revoke`, and with its own answer in `refused`; what begins later is revoked too. " +
		"One that cannot be revoked now is marked `failed` and keeps none of the others. " +
		"Call again with `nextPageToken` until it is empty. 403 when there is something and the caller may revoke nothing of it. It needs the permission `petitions:read`, too.",
		request: `{"person": "ada@acmecorp.example", "reason": "Ada has left", "preview": true}`,
		answer: `{"preview": true, "petitions": [{"petition": "0198c0de-42b3-71ee-824e-42010aac000d", "petitioners": [{"id": "ada@acmecorp.example", "kind": "user"}],
			"resources": [{"id": "production", "kind": "environment"}], "endTime": "2026-03-01T10:00:07Z"}], "nextPageToken": ""}`},
	"getClaim": {tag: "claims", text: "One claim by its event id.", answer: exampleClaim},

	"listResources": {tag: "resources", text: "The directory, by name. A view wins over a label selector.",
		answer: `{"resources": [` + exampleResource + `], "nextPageToken": ""}`},
	"createResource": {tag: "resources", text: "Without the label `indent.com/block` the server makes a name; a name that exists is 409.",
		request: `{"resource": ` + exampleResource + `}`, answer: exampleResource, codes: []approval.Code{approval.Conflict}},
	"getResource": {tag: "resources", text: "One entry by its name.", answer: exampleResource},
	"putResource": {tag: "resources", text: "The whole entry is replaced. The label `indent.com/block`, when sent, must be the path's name.",
		request: `{"resource": ` + exampleResource + `}`, answer: exampleResource},
	"listGroupMembers": {tag: "resources", text: "Who is in a resource of the kind group. A member that a sign-in provider put in has the label `indent.com/group/source`.", answer: exampleGroups, codes: []approval.Code{approval.Conflict}},
	"setGroupMembers": {tag: "resources", text: "Those whom a sign-in provider put in stay. A group in itself, and more than ten levels, is 409.",
		request: exampleGroup, answer: exampleGroups, codes: []approval.Code{approval.Conflict}},
	"addGroupMembers": {tag: "resources", text: "All or nothing; who is in it stays. A group in itself, and more than ten levels, is 409.",
		request: exampleGroup, answer: exampleGroups, codes: []approval.Code{approval.Conflict}},
	"deleteGroupMember":         {tag: "resources", text: "A member that a sign-in provider put in is 409: it would be back at the next sign-in.", answer: `{}`, codes: []approval.Code{approval.Conflict}},
	"deleteResource":            {tag: "resources", text: "Petitions that name it keep their own copy.", answer: `{}`},
	"bulkUpdateResources":       {tag: "resources", text: "All or nothing, at most 1,000.", request: exampleBulk, answer: exampleBulk},
	"bulkUpdateResourcesByPost": {tag: "resources", text: "All or nothing, at most 1,000.", request: exampleBulk, answer: exampleBulk},
	"bulkDeleteResources": {tag: "resources", text: "All or nothing, at most 1,000; a name that does not exist is 404.",
		request: `{"names": ["production", "staging"]}`, answer: `{}`},

	"getPolicy": {tag: "policy", text: "The version that decides petitions now, as it was written. Its ETag goes back as `If-Match` with a change.", answer: examplePolicy},
	"applyPolicy": {tag: "policy", text: "A document that does not compile, or whose own tests fail, is 400, and `errors` says all that was found, with line and column. `If-Match` must be the ETag of the version that holds: " +
		"without it the answer is 428, with another one 412. Where the version that holds demands it, the change is not made: `applied` is false, and it is made when `petition` is granted.",
		request: `{` + examplePolicyText + `, "reason": "two people for payments"}`, answer: examplePolicyNew, conditional: true, codes: []approval.Code{approval.Conflict}},
	"listPolicyVersions": {tag: "policy", text: "Who changed the rules, when and why. The texts are at each version.", answer: `{"versions": [{` + examplePolicyVersion + `}], "nextPageToken": ""}`},
	"getPolicyVersion":   {tag: "policy", text: "One version as it was written, such as the one that a verdict names as its `policyVersion`.", answer: examplePolicy},
	"diffPolicy": {tag: "policy", text: "What leads from the version `with`, by default the one before, to this one.",
		answer: `{"from": 6, "to": 7, "diff": "--- version-6\n+++ version-7\n@@ -1,1 +1,1 @@\n-version: 1\n+version: 1 # reviewed\n"}`},
	"getPolicyProposal": {tag: "policy", text: "What a reviewer of the petition decides on, whole. It is kept whatever becomes of the petition.",
		answer: `{"petition": "0198c0de-42b3-71ee-824e-42010aac000d", "baseVersion": 7, "digest": "sha256:0b7d0a4bd2cbb6b4f4a9e2e6b4f9f3f0c7c1b6a5d4e3f2a1b0c9d8e7f6a5b4c3", ` + examplePolicyText + `, "diff": ""}`},
	"rollBackPolicy": {tag: "policy", text: "In all but where the text comes from it is `PUT …/policy`: the text must still be taken, and policy may demand that it is granted first.",
		request: `{"version": 6, "reason": "version 7 locked the night shift out"}`, answer: examplePolicyNew, conditional: true, codes: []approval.Code{approval.Conflict}},
	"testPolicy": {tag: "policy", text: "Nothing is written. `valid` says whether the document would be taken.",
		request: `{` + examplePolicyText + `}`, answer: `{"valid": true, "rules": 1, "tests": [{"name": "a reset is reviewed", "line": 8, "passed": true}]}`},
	"replayPolicy": {tag: "policy", text: "Each petition is asked as it was, at the time at which it was, with the directory and the members as of now. It needs the permission `petitions:read`, too. Nothing is written.",
		request: `{` + examplePolicyText + `, "since": "2026-02-01T00:00:00Z"}`,
		answer: `{"since": "2026-02-01T00:00:00Z", "until": "2026-03-01T09:00:00Z", "baseVersion": 7, "petitions": 2, "gone": 0, "same": 1, "flipped": {"approved by rule": 1}, "regranted": 0, "weighed": 2,
			"flips": [{"petition": "0198c0de-42b3-71ee-824e-42010aac000d", "createTime": "2026-02-27T09:00:00Z", "title": "Staging", "createdBy": "ada@acmecorp.example", "how": "approved by rule", "ruleBefore": "review", "ruleAfter": "staging"}],
			"rules": [{"rule": "review", "before": 2, "after": 1, "decided": 1, "medianWait": "5400s"}, {"rule": "staging", "before": 0, "after": 1, "decided": 0}],
			"load": [{"person": "bob@acmecorp.example", "before": 2, "after": 1}]}`},
	"checkPolicy": {tag: "policy", text: "Petitions that could wait for ever, with who asks for what and when; rules that nothing reaches; rules that contradict. It looks at the members and what may be asked for as they are now, " +
		"and needs the permission `members:read`, too. Nothing is written.",
		request: `{` + examplePolicyText + `}`,
		answer: `{"stuck": true, "members": 5, "resources": 2, "findings": [{"kind": "stuck", "rule": "review", "line": 3, "column": 5, "message": "nobody could approve this",
			"example": {"who": "ada@acmecorp.example", "what": {"id": "production", "kind": "environment"}, "when": "2026-03-01T09:00:00Z", "stage": 1, "needs": 1, "eligible": []}}]}`},
	"listStuck": {tag: "policy", text: "Kinds of petitions that nobody, or too few, could approve under the document that holds, since when, and petitions that wait. The server looks within ten seconds of every change of members, " +
		"roles, groups and the directory; each finding stands in the log once (`policy/stuck`, `access/unsatisfiable`), and once more when it is healed. Needs `members:read` and `petitions:read`, too.",
		answer: `{"policyVersion": 7, "updateTime": "2026-03-01T09:00:00Z", "findings": [{"rule": "review", "message": "line 3, column 5: rule \"review\": nobody could approve this", "since": "2026-03-01T09:00:00Z",
			"example": {"who": "ada@acmecorp.example", "what": {"id": "production", "kind": "environment"}, "when": "2026-03-01T09:00:00Z", "stage": 1, "needs": 1, "eligible": []}}],
			"petitions": [{"name": "aec1b116-42b3-41ee-824e-42010aac000d", "message": "rule \"review\" asks for 1 approval by Owner, and only 0 may give one as things are: nobody can grant this until an owner of the space changes that"}]}`},
	"simulatePolicy": {tag: "policy", text: "The petition is not made, nobody is told and nothing is written. A document of the caller's need not pass its own tests.",
		request: `{"petition": {"reason": "to recover account", "resources": [{"id": "production", "kind": "environment"}]}}`,
		answer: `{"policyVersion": 7, "verdict": {"decision": "review", "rule": "review", "policyVersion": 7, "requirements": [{"reviewers": {"roles": ["Owner"]}, "count": 1}]},
			"petitioners": [{"id": "ada@acmecorp.example", "kind": "user"}],
			"rules": [{"rule": "staging", "line": 4, "answer": "approve", "matched": false, "condition": {"text": "resources[0].id == 'staging'", "value": "false", "parts": [{"text": "resources[0].id", "value": "\"production\""}]}},
				{"rule": "review", "line": 9, "answer": "review", "matched": true, "why": "it is for every petition"}]}`},

	"listEvents": {tag: "events", text: "Filters are joined by \"and\".", answer: `{"events": [` + exampleClaim + `], "nextPageToken": ""}`},
	"streamEvents": {tag: "events",
		text:   "Each event comes as soon as it is in the log. After a broken connection send the last `id` as `Last-Event-ID`: nothing is missed. The stream ends when the token does.",
		answer: exampleClaim},

	"listTokens": {tag: "tokens", text: "All of the space for who has `tokens:read` or `tokens:all`, else the caller's own. Newest first, on one page.",
		answer: `{"tokens": [{"scope": "", "serviceAccountId": "quickstart", "meta": {"name": "0198c0de-7777-7c3e-8a21-1b2c3d4e5f60", "space": "acmecorp"}, "createdBy": {"id": "ada@acmecorp.example"}}], "nextPageToken": ""}`},
	"createToken": {tag: "tokens",
		text: "With `serviceAccountId` (permission `tokens:all`) a long-lived token, answered once as `refreshToken`; without it a short-lived token of the caller, as `accessToken`. " +
			"A token never has more than its maker.",
		request: `{"serviceAccountId": "quickstart", "displayName": "nightly job", "scope": "petitions:create petitions:read", "expiryDays": 90}`, answer: exampleToken},
	"deleteToken": {tag: "tokens", text: "It is refused everywhere within a second. One that has ended before is 409.", answer: `{}`,
		codes: []approval.Code{approval.Conflict}},
	"rotateToken": {tag: "tokens", text: "The new token has the scope and the length of life of the old one, which ends after `graceSeconds` (0: at once) with all that was made with it. " +
		"The new secret is answered once as `refreshToken`. One that has ended, or was rotated before, is 409.",
		request: `{"graceSeconds": 3600}`, answer: exampleToken, codes: []approval.Code{approval.Conflict}},
	"getServiceAccount": {tag: "tokens", text: "One service account by its id.", answer: exampleAccount},
	"updateServiceAccount": {tag: "tokens", text: "What is left out stays as it is. A role is at most the caller's, before and after. Who is suspended stands for nobody, and its tokens end.",
		request: `{"serviceAccount": {"role": "Viewer", "suspended": false, "meta": {"displayName": "Deploy Bot"}}}`,
		answer:  exampleAccount, codes: []approval.Code{approval.Conflict}},
	"deleteServiceAccount": {tag: "tokens", text: "Its tokens and trusts end in the same step, everywhere within a second.", answer: `{}`, codes: []approval.Code{approval.Conflict}},
	"listTrusts":           {tag: "tokens", text: "Oldest first, on one page.", answer: `{"trusts": [` + exampleTrust + `], "nextPageToken": ""}`},
	"createTrust": {tag: "tokens", text: "A program that shows a token of the issuer, for the audience and with the claims, gets a short-lived token of the service account " +
		"(`POST /v1/auth/token`): no secret need be stored. Only the owner of the service account makes trusts.",
		request: `{"issuer": "https://token.actions.githubusercontent.com", "audience": "https://indent.example.com", "claims": {"sub": "repo:acme/app:ref:refs/heads/main"}, "scope": "petitions:create petitions:read"}`,
		answer:  exampleTrust, codes: []approval.Code{approval.Conflict}},
	"getTrust":     {tag: "tokens", text: "One trust by its name.", answer: exampleTrust},
	"deleteTrust":  {tag: "tokens", text: "The tokens that came of it end with it.", answer: `{}`, codes: []approval.Code{approval.Conflict}},
	"listWebhooks": {tag: "webhooks", text: "On one page, without their secrets.", answer: `{"webhooks": [` + exampleWebhook + `], "nextPageToken": ""}`},
	"createWebhook": {tag: "webhooks", text: "The answer has `secret`, which no other answer ever has: give it to the endpoint, which verifies the calls with it. A name that is taken is 409.",
		request: `{"webhook": {"name": "postgres-roles", "displayName": "Roles of PostgreSQL", "url": "https://hooks.example.com/indent", "headers": {"Authorization": {"credential": "Bearer abc"}}}}`,
		answer:  exampleWebhook, codes: []approval.Code{approval.Conflict}},
	"getWebhook": {tag: "webhooks", text: "Without its secret. A credential in a header is answered as `[kept]`. `condition` says how its endpoint behaves.", answer: exampleWebhook},
	"updateWebhook": {tag: "webhooks", text: "What is left out stays. A credential does not move to another host: it is given again in the same change, or refused (400).",
		request: `{"webhook": {"dryRun": true}}`, answer: exampleWebhook, codes: []approval.Code{approval.Conflict}},
	"deleteWebhook": {tag: "webhooks", text: "With its secrets.", answer: `{}`, codes: []approval.Code{approval.Conflict}},
	"rotateWebhookSecret": {tag: "webhooks", text: "The answer has the new `secret`. Until the grace is over both sign: Standard Webhooks has a signature of each, `X-Indent-Signature` is made with the older. " +
		"With `finish` no secret is made, and the older ends now; 409 where no rotation is going on.",
		request: `{"graceSeconds": 86400}`, answer: exampleWebhook, codes: []approval.Code{approval.Conflict}},
	"testWebhook": {tag: "webhooks", text: "GetInfo, PullUpdate, GetDecision, ApplyUpdate (a grant, and its revoke) and GetState, for somebody and something that do not exist. The answer comes after at most 40 seconds. " +
		"One test of a webhook, and few of a space, are under way at once: more are 429.",
		answer: exampleTrials},
	"resumeWebhook": {tag: "webhooks", text: "What has waited is called at once. 409 where it is neither paused nor disabled.", answer: exampleWebhook, codes: []approval.Code{approval.Conflict}},
	"settleWebhook": {tag: "webhooks", text: "For an endpoint that does not come back: the grants that wait for it to take access away end, and the log says who said so and why. What is granted still is left as it is.",
		request: `{"reason": "Ada dropped the roles in the database by hand"}`, answer: `{"settled": 2}`},
	"listDeliveries": {tag: "webhooks", text: "Without what was sent and answered. Attempts are kept for 30 days, and at most 10,000 of a webhook.", answer: `{"deliveries": [` + exampleDelivery + `], "nextPageToken": ""}`},
	"getDelivery":    {tag: "webhooks", text: "Credentials and signatures are taken out.", answer: exampleDelivery},
	"replayDelivery": {tag: "webhooks", text: "At once, as things stand now and with another id. What is answered is where the person and the resource stand before the call. " +
		"409 for a grant that has ended, an end that another petition has gone on with, and a call other than ApplyUpdate.",
		answer: exampleApplication, codes: []approval.Code{approval.Conflict}},
	"listWebhookPolicies": {tag: "webhooks", text: "On one page.", answer: `{"webhookPolicies": [` + exampleWebhookPolicy + `], "nextPageToken": ""}`},
	"createWebhookPolicy": {tag: "webhooks", text: "The webhook must exist, and the conditions must compile: 400 names the line and column. Who names a `serviceAccount` must be able to make its tokens (403), " +
		"for the webhook decides as that account. A name that is taken is 409.",
		request: `{"webhookPolicy": {"name": "production-databases", "webhook": "postgres-roles", "base": {"selector": {"matchLabels": {"env": "production"}}, "conditions": ["resource.kind == \"db\""]}}}`,
		answer:  exampleWebhookPolicy, codes: []approval.Code{approval.Conflict}},
	"getWebhookPolicy": {tag: "webhooks", text: "One webhook policy by its name.", answer: exampleWebhookPolicy},
	"putWebhookPolicy": {tag: "webhooks", text: "What is left out is as it is by default. One that is not there is 404: make it by POST.",
		request: `{"webhookPolicy": {"webhook": "postgres-roles", "base": {"selector": {"matchLabels": {"env": "production"}}, "conditions": ["resource.kind == \"db\""]}}}`,
		answer:  exampleWebhookPolicy, codes: []approval.Code{approval.Conflict}},
	"updateWebhookPolicy": {tag: "webhooks", text: "What is left out stays; `base`, `labels` and `calls` are changed as a whole. Where a `serviceAccount` decides afterwards, only who may make its tokens changes the policy.",
		request: `{"webhookPolicy": {"displayName": "Production databases"}}`, answer: exampleWebhookPolicy, codes: []approval.Code{approval.Conflict}},
	"deleteWebhookPolicy": {tag: "webhooks", text: "The webhook gets no new calls by it.", answer: `{}`},
	"testWebhookPolicy": {tag: "webhooks", text: "Of a policy of the space (`policy`) or of one to try (`webhookPolicy`), for a petition that was made (`petition`) or for what somebody would ask for (`resources`). " +
		"Nothing is written or sent. A condition that cannot be evaluated is a `problem` of its resource.",
		request: `{"policy": "production-databases", "resources": [{"kind": "db", "id": "orders"}]}`,
		answer: `{"policy": "production-databases", "webhook": "postgres-roles", "resources": [{"resource": {"kind": "db", "id": "orders"}, "matches": true, "calls": ["ApplyUpdate"],
			"seen": [{"id": "orders", "kind": "db", "labels": {"env": "production", "indent.com/block": "orders", "indent.com/resource/id": "orders", "indent.com/resource/kind": "db"}}]}]}`},
	"pullUpdate": {tag: "resources", text: "PullUpdate goes to the webhook of each pull policy that asks for one of the kinds, and what is listed is written to the directory as far as the policy says. " +
		"The answer waits 20 seconds at most for what comes of it; a pull that takes longer is `running`, and `status.last` of its policy tells later how it ended. A pull that fails is part of the " +
		"answer, too: then nothing has changed, or, when that came up while it was written, a part that the next pull completes. Where no policy asks for that: 404.",
		request: `{"kinds": ["role"], "wait": false}`, answer: `{"pulls": [{"policy": "roles", "id": "0198c0de-bbbb-7c3e-8a21-1b2c3d4e5f60", "state": "running", "beginTime": "2026-03-01T09:00:00Z",
			"listed": 0, "taken": 0, "created": 0, "changed": 0, "gone": 0, "conflicts": 0, "pages": 0, "bytes": 0, "nextTime": "2026-03-02T03:00:00Z"}]}`, codes: []approval.Code{approval.Conflict}},
	"listPullPolicies": {tag: "resources", text: "On one page.", answer: `{"pullPolicies": [` + examplePullPolicy + `], "nextPageToken": ""}`},
	"createPullPolicy": {tag: "resources", text: "What it brings is written to the directory, so it takes `resources:write` beside `webhooks:write`. The webhook must exist. Of what the endpoint lists, the id, the kind, the display name and that it is " +
		"out of use are taken, and what the policy names besides. A name that is taken is 409, and so is the 51st policy of a space.",
		request: `{"pullPolicy": {"name": "roles", "webhook": "postgres-roles", "kinds": ["role"], "schedule": "0 3 * * *", "labels": {"indent.com/requestable": "true"}}}`,
		answer:  examplePullPolicy, codes: []approval.Code{approval.Conflict}},
	"getPullPolicy": {tag: "resources", text: "One pull policy by its name.", answer: examplePullPolicy},
	"putPullPolicy": {tag: "resources", text: "The whole of it: what is left out is as it is by default. A pull of it that goes on ends, and changes nothing more.",
		request: `{"pullPolicy": {"webhook": "postgres-roles", "kinds": ["role"], "schedule": "*/30 * * * *"}}`, answer: examplePullPolicy, codes: []approval.Code{approval.Conflict}},
	"deletePullPolicy":    {tag: "resources", text: "What it brought stays in the directory as it is.", answer: `{}`, codes: []approval.Code{approval.Conflict}},
	"listServiceAccounts": {tag: "tokens", text: "By id, on one page.", answer: `{"serviceAccounts": [` + exampleAccount + `], "nextPageToken": ""}`},
	"createServiceAccount": {tag: "tokens", text: "It is owned by the caller and has at most the caller's role.",
		request: `{"serviceAccount": {"serviceAccountId": "deploy-bot", "role": "Petition Admin", "meta": {"displayName": "Deploy Bot"}}}`,
		answer:  exampleAccount, codes: []approval.Code{approval.Conflict}},
	"exchangeToken": {tag: "tokens", text: "With `refresh_token` a long-lived token of a service account, which stays valid, gives a short-lived one that can do the same. " +
		"A person's refresh token (indr_…) gives one too, and with it the next refresh token: each is used once, and one that comes again ends the login. " +
		"With `urn:ietf:params:oauth:grant-type:device_code` the answer is 400 with `error` authorization_pending, slow_down, access_denied, expired_token or invalid_grant, or tokens, once (RFC 8628, 3.5). " +
		"With `authorization_code` a code that a browser has carried back, with the verifier of its challenge (RFC 7636). " +
		"With `urn:ietf:params:oauth:grant-type:token-exchange` (RFC 8693) or `…:jwt-bearer` (RFC 7523) a JWT of an issuer that the service account trusts; what comes of it ends no later than that JWT.",
		request: `{"grantType": "refresh_token", "refreshToken": "ind_4fZ0yq8GxJmV2wTtR7bNcK5sLhPdEa1U0000Qx"}`,
		answer: `{"accessToken": "eyJhbGciOiJFUzI1NiJ9.e30.c2ln", "scope": "", "serviceAccountId": "quickstart", "meta": {"name": "0198c0de-7777-7c3e-8a21-1b2c3d4e5f60", "space": "acmecorp", "expireTime": "2026-03-01T10:00:00Z"},
			"createdBy": {"id": "ada@acmecorp.example"}}`,
		codes: []approval.Code{approval.Unauthenticated}},
	"openLogin": {tag: "tokens", text: "The program shows `userCode` and `verificationUri` to a person, who signs in there, compares the code and lets it in, or not. Meanwhile the program asks " +
		"`POST /v1/auth/token` for its tokens every `interval` seconds. Who asks says what it is called and where it runs, and the person is told that it may be a lie.",
		request: `{"client": "indent", "host": "ada-laptop", "space": "acmecorp", "scope": "petitions:create petitions:read"}`,
		answer: `{"deviceCode": "4fZ0yq8GxJmV2wTtR7bNcK5sLhPdEa1U", "userCode": "BCDF-GHJK", "verificationUri": "https://indent.example.com/device",
			"verificationUriComplete": "https://indent.example.com/device?user_code=BCDF-GHJK", "expiresIn": 600, "interval": 5}`,
		codes: []approval.Code{approval.TooMany}},
	"endLogin": {tag: "tokens", text: "The access tokens of the login end with it, everywhere within a second. A token that is unknown or has ended is no error (RFC 7009).",
		request: `{"token": "indr_4fZ0yq8GxJmV2wTtR7bNcK5sLhPdEa1U0000Qx"}`, answer: `{}`},
	"whoAmI": {tag: "tokens", text: "What a client shows its user.",
		answer: `{"space": "acmecorp", "member": "ada@acmecorp.example", "kind": "user", "displayName": "Ada", "role": "Editor", "scope": "petitions:create petitions:read",
			"permissions": ["petitions:create", "petitions:read"], "operator": false, "token": "0198c0de-7777-7c3e-8a21-1b2c3d4e5f60", "expireTime": "2026-03-01T10:00:00Z"}`},
	"listKeys": {tag: "tokens", text: "Verify user tokens with the key of their `kid`; ES256 only.", media: "application/json"},

	"getOpenAPI":    {tag: "server", text: "Also in the source tree as spec/openapi.json.", media: "application/json"},
	"showDocs":      {tag: "server", text: "It needs no script and nothing from elsewhere.", media: "text/html"},
	"sendDocsStyle": {tag: "server", text: "The style sheet of /docs.", media: "text/css"},
	"getHealth":     {tag: "server", text: "200 while the process lives, whatever else does.", media: "application/json"},
	"getReadiness":  {tag: "server", text: "200 while storage reads and writes; 503 otherwise and when the server stops.", media: "application/json"},
	"getMetrics":    {tag: "server", text: "Text format. Labels never come from what a client sends.", media: "text/plain"},
}
