package approval

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Names of events. Those of a petition drive [Petition.Apply]; the others only record.
const (
	EventRequest = "access/request" // a petition was made
	EventApprove = "access/approve" // a claim: a reviewer agrees
	EventDeny    = "access/deny"    // a claim: a reviewer refuses, or the petitioner withdraws
	EventGrant   = "access/grant"   // the requirements are met: the grant begins
	EventRevoke  = "access/revoke"  // a claim: the grant is taken away
	EventEnd     = "access/end"     // the grant's time is up
	EventExpire  = "access/expire"  // nobody decided in time
	EventStart   = "access/start"   // the grant begins, later than it was given
	EventWarn    = "access/warn"    // the grant ends soon
	EventExtend  = "access/extend"  // another petition goes on with what this one gives
	EventInherit = "access/inherit" // it goes on with access that a webhook gave for another petition
	EventClose   = "access/close"   // everything that a revoked grant needed is done

	EventEscalate      = "access/escalate"      // a requirement gets more reviewers: nobody has met it in time
	EventRemind        = "access/remind"        // the reviewers of a requirement are told again
	EventUnsatisfiable = "access/unsatisfiable" // fewer people may grant it than must, as things stand
	EventSatisfiable   = "access/satisfiable"   // enough may again
	EventRecount       = "access/recount"       // approvals count otherwise than before: reviewers lost their right, or have it again
	EventRatify        = "access/ratify"        // people have answered for a grant that broke the glass
	EventUnratified    = "access/unratified"    // they have not, or refused: the grant ends
	EventGlassRestore  = "breakGlass/restore"   // an owner lets somebody break the glass again

	EventRefused = "access/refused" // an attempt that was not allowed

	EventSpaceCreate      = "space/create"
	EventPolicySet        = "policy/set"    // the first version, with its space
	EventPolicyUpdate     = "policy/update" // a later version
	EventPolicyStuck      = "policy/stuck"  // a kind of petition that nobody, or too few, could approve any more
	EventPolicyHealed     = "policy/healed" // enough could again
	EventSpaceUpdate      = "space/update"
	EventSpaceDelete      = "space/delete"
	EventSpaceRestore     = "space/restore"
	EventMemberPut        = "member/put"
	EventMemberSuspend    = "member/suspend"
	EventMemberResume     = "member/resume"
	EventMemberDelete     = "member/delete"
	EventIdentityLink     = "identity/link"
	EventIdentityUnlink   = "identity/unlink"
	EventGroupAdd         = "group/addMembers"
	EventGroupRemove      = "group/removeMembers"
	EventAccountCreate    = "serviceAccount/create"
	EventAccountUpdate    = "serviceAccount/update"
	EventAccountDelete    = "serviceAccount/delete"
	EventTrustCreate      = "trust/create"
	EventTrustDelete      = "trust/delete"
	EventTokenCreate      = "token/create"
	EventTokenRotate      = "token/rotate"
	EventTokenRevoke      = "token/revoke"
	EventTokenExchange    = "token/exchange"
	EventLinkCreate       = "signInLink/create"
	EventSessionCreate    = "session/create"
	EventSessionEnd       = "session/end"
	EventResourcePut      = "resource/put"
	EventResourceDelete   = "resource/delete"
	EventSigningKeyCreate = "signingKey/create"
	EventSigningKeyEnd    = "signingKey/end"
	EventDeviceAllow      = "device/allow"  // a person lets a program in by its code
	EventDeviceRefuse     = "device/refuse" // a person does not
	EventLoginAllow       = "login/allow"   // the same in the browser that the program opened
	EventLoginRefuse      = "login/refuse"  //
	EventWebhookCreate    = "webhook/create"
	EventWebhookUpdate    = "webhook/update"
	EventWebhookDelete    = "webhook/delete"
	EventWebhookRotate    = "webhook/rotateSecret"
	EventWebhookTest      = "webhook/test"
	EventWebhookPause     = "webhook/pause"     // it fails: from now on it is called once in a while
	EventWebhookResume    = "webhook/resume"    // it is called again
	EventWebhookDisable   = "webhook/disable"   // it wants no more calls (410)
	EventWebhookOverdue   = "webhook/overdue"   // it has not taken away in time what it gave
	EventWebhookReplay    = "webhook/replay"    // somebody has a call made again
	EventWebhookSettle    = "webhook/settle"    // somebody says that access was taken away by hand
	EventWebhookApply     = "webhook/apply"     // of a petition: a webhook has given access
	EventWebhookFail      = "webhook/fail"      // of a petition: a webhook has not given access, and is not asked again
	EventWebhookEnd       = "webhook/end"       // of a petition: a webhook has taken access away
	EventWebhookUndecided = "webhook/undecided" // of a petition: a webhook was to decide it and has not, so people do
	EventWebhookDrift     = "webhook/drift"     // of a petition: the system behind a webhook gives other access than it should
	EventWebhookDriftEnd  = "webhook/driftEnd"  // of a petition: it gives what it should again
	EventWebhookKeep      = "webhook/keep"      // of a petition: its access by a webhook goes on with another petition

	EventWebhookPolicyCreate = "webhookPolicy/create"
	EventWebhookPolicyUpdate = "webhookPolicy/update"
	EventWebhookPolicyDelete = "webhookPolicy/delete"
	EventPullPolicyCreate    = "pullPolicy/create"
	EventPullPolicyUpdate    = "pullPolicy/update"
	EventPullPolicyDelete    = "pullPolicy/delete"
	EventPullRequest         = "pull/request"  // somebody has a policy pulled at once
	EventPullFail            = "pull/fail"     // pulls of a policy begin to fail
	EventPullRecover         = "pull/recover"  // they work again
	EventResourceGone        = "resource/gone" // what a policy brought is not listed any more
	EventTokenReuse          = "token/reuse"   // a refresh token came again: the login has ended
)

// Labels of petitions, claims and events.
const (
	LabelPetition       = "petition" // of an event: the petition's name
	LabelPerson         = "indent.com/claim/person"
	LabelRequirements   = "indent.com/claim/requirements" // comma-separated places of the requirements that a claim counts for
	LabelAnew           = "indent.com/claim/anew"         // of an approval: earlier ones of its persons, between commas, which count for nothing any more
	LabelLapsed         = "indent.com/claim/lapsed"       // of a grant: ids of the approvals that counted for nothing, where it would not stand beside them
	LabelStuck          = "indent.com/petition/stuck"     // "true" of a petition that too few people may grant, as things stand
	LabelSelfApproval   = "indent.com/claim/selfApproval"
	LabelRequirement    = "indent.com/requirement/place" // of an escalation or a reminder: the place of its requirement, 0 the first
	LabelLevel          = "indent.com/requirement/level" // of an escalation: 1 the first
	LabelDigest         = "indent.com/petition/digest"
	LabelAskedDuration  = "indent.com/petition/duration"
	LabelGlassPersons   = "indent.com/breakGlass/persons" // of an event: who broke the glass, or may break it again, between commas
	LabelBreakGlass     = "indent.com/breakGlass"         // "true" of a petition: whoever asks breaks the glass, in an emergency
	LabelConfigID       = "indent.com/app/config/id"
	LabelReplaces       = "PetitionReplaces"
	LabelReplacedBy     = "PetitionReplacedBy"
	LabelTimeDuration   = "indent.com/time/duration"
	LabelTimeStarts     = "indent.com/time/starts" // of a grant that begins later
	LabelTimeExpires    = "indent.com/time/expires"
	LabelTimeIndefinite = "indent.com/time/indefinite"
	LabelAccessEnded    = "indent.com/access/ended"    // of an access/close: "true", or "false" or "partly" where other grants keep it
	LabelAccessKeptBy   = "indent.com/access/keptBy"   // of an access/close: names of the petitions that keep it, between commas
	LabelWebhooks       = "indent.com/webhooks"        // "true" of a grant or a start: webhooks may be told of it
	LabelWebhookDryRun  = "indent.com/webhook/dryRun"  // "true" where nothing was sent
	LabelWebhookOverdue = "indent.com/webhook/overdue" // of webhook/overdue: how many
	LabelRule           = "indent.com/policy/rule"
	LabelPolicyVersion  = "indent.com/policy/version"
	LabelPolicyBase     = "indent.com/policy/base"   // of a petition for another policy: the version that it is to follow
	LabelPolicyDigest   = "indent.com/policy/digest" // of the document's text
	LabelPolicyDev      = "indent.com/policy/dev"
	LabelToken          = "indent.com/token/name"
	LabelWebhook        = "indent.com/webhook"     // of an event: the webhook that it is about
	LabelPullPolicy     = "indent.com/pull/policy" // of an event: the pull policy that brought its resources
	LabelPullRun        = "indent.com/pull/run"    // of an event: which pull
	LabelPullForce      = "indent.com/pull/force"  // of a pull/request: "true" where what would be too much is marked all the same
	LabelRefusedCode    = "indent.com/refused/code"
	LabelRefusedAction  = "indent.com/refused/action"
	LabelSpace          = "indent.com/space"
	LabelGroupSource    = "indent.com/group/source"  // who says that somebody is in a group, when people do not
	LabelRotated        = "indent.com/token/rotated" // of who made a token: the token in whose place it is
	LabelTrust          = "indent.com/trust/name"    // of what came of an outside token: by which trust
	LabelTrustIssuer    = "indent.com/trust/issuer"
	LabelTrustSubject   = "indent.com/trust/subject"
	LabelTrustToken     = "indent.com/trust/jti"     // the outside token's own id, by which its use is found again
	LabelLogin          = "indent.com/login/id"      // of a login's token: the login that it came from
	LabelLoginSession   = "indent.com/login/session" // of a login's token: the session that has let the program in
	LabelSource         = "indent.com/login/source"  // the network address that a program asked from
)

// Meta is what every stored object carries.
type Meta struct {
	Name        string            `json:"name,omitzero"`
	Space       string            `json:"space,omitzero"`
	DisplayName string            `json:"displayName,omitzero"`
	Labels      map[string]string `json:"labels,omitempty"`
	CreateTime  time.Time         `json:"createTime,omitzero"`
	UpdateTime  time.Time         `json:"updateTime,omitzero"`
	DeleteTime  time.Time         `json:"deleteTime,omitzero"`
	ExpireTime  time.Time         `json:"expireTime,omitzero"`
	StartTime   time.Time         `json:"startTime,omitzero"`
	EndTime     time.Time         `json:"endTime,omitzero"`
}

// Event is an entry of the audit log: who did what to which resources, when and why.
type Event struct {
	Event      string     `json:"event" doc:"What happened." example:"access/approve"`
	Meta       Meta       `json:"meta,omitzero"`
	Reason     string     `json:"reason,omitzero" maxLength:"4000"`
	Timestamp  time.Time  `json:"timestamp,omitzero" doc:"When the server recorded it (RFC 3339, UTC, microseconds)."`
	ID         string     `json:"id,omitzero" doc:"UUID of the event."`
	ExternalID string     `json:"externalId,omitzero"`
	SessionID  string     `json:"sessionId,omitzero"`
	Actor      Resource   `json:"actor,omitzero"`
	Resources  []Resource `json:"resources,omitempty"`
	// Cursor is the event's place in the log; the store sets it on reading.
	Cursor Cursor `json:"-"`
}

// Label answers a label of the event, "" when it is absent.
func (e Event) Label(key string) string { return e.Meta.Labels[key] }

// Petition answers the name of the petition that the event belongs to, "" when it belongs to none.
func (e Event) Petition() string { return e.Meta.Labels[LabelPetition] }

// isFor answers whether a claim counts for the requirement at place i.
func (e *Event) isFor(i int) bool {
	for part := range strings.SplitSeq(e.Label(LabelRequirements), ",") {
		if n, err := strconv.Atoi(part); err == nil && n == i {
			return true
		}
	}
	return false
}

// requirements answers the places of the requirements that a claim counts for.
func (e *Event) requirements() []int {
	var places []int
	for part := range strings.SplitSeq(e.Label(LabelRequirements), ",") {
		if n, err := strconv.Atoi(part); err == nil {
			places = append(places, n)
		}
	}
	return places
}

// Cursor is a place in a space's log. Order is (Tx, Seq): on an engine where transactions commit out of order of their
// sequence numbers, Tx is the transaction's number and readers stay behind the oldest one that still runs.
type Cursor struct{ Tx, Seq int64 }

// String answers the cursor as clients see it, "tx.seq".
func (c Cursor) String() string { return fmt.Sprintf("%d.%d", c.Tx, c.Seq) }

// Before answers whether c is nearer to the log's start.
func (c Cursor) Before(d Cursor) bool { return c.Tx < d.Tx || c.Tx == d.Tx && c.Seq < d.Seq }

// ParseCursor reads what [Cursor.String] wrote; anything else is Invalid.
func ParseCursor(field, s string) (Cursor, error) {
	tx, seq, _ := strings.Cut(s, ".")
	a, err1 := strconv.ParseInt(tx, 10, 64)
	b, err2 := strconv.ParseInt(seq, 10, 64)
	if err1 != nil || err2 != nil || a < 0 || b < 0 || (Cursor{a, b}).String() != s {
		return Cursor{}, FieldError(field, "is not a cursor of this log: use the last id that the server sent")
	}
	return Cursor{a, b}, nil
}
