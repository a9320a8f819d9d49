package approval

import "time"

// WebhookKind says which call to an endpoint it is; the endpoint tells them apart by the body.
type WebhookKind string

// The calls.
const (
	WebhookApply  WebhookKind = "ApplyUpdate" // grant or revoke access in the real system
	WebhookPull   WebhookKind = "PullUpdate"  // list resources
	WebhookDecide WebhookKind = "GetDecision" // decide a petition, or leave it to people
	WebhookInfo   WebhookKind = "GetInfo"     // name what it can do
	WebhookState  WebhookKind = "GetState"    // say whether somebody has access in the real system
)

// WebhookKinds lists every call, in the order in which somebody tries them.
var WebhookKinds = []WebhookKind{WebhookInfo, WebhookPull, WebhookDecide, WebhookApply}

// WebhookCall is one call to an endpoint of the customer. A call that is made again has the same ID.
type WebhookCall struct {
	ID   string // what the receiver may deduplicate by; without dots
	Kind WebhookKind
	// Kinds of resources to list, and what else the endpoint is told (PullUpdate).
	Kinds []string
	Flags map[string]string
	// PageToken is what the page before has answered as its NextPage, "" of the first; MaxBytes bounds the answer (PullUpdate).
	PageToken string
	MaxBytes  int64
	// Events are all of the petition so far. Of ApplyUpdate the last is the command, access/grant or access/revoke; of
	// GetDecision none is (ApplyUpdate, GetDecision).
	Events []Event
	// State are the person and the resource (GetState).
	State []Resource
}

// NoAccessSaid is the problem of an endpoint that answers GetState as if it were another call, as one does that does not know it.
const NoAccessSaid = `the endpoint answers without "access", which must be true or false`

// WebhookTarget is what a call needs of a webhook, with its secrets open. It is never stored, logged or shown.
type WebhookTarget struct {
	URL     string
	Method  string // "": POST
	Headers []WebhookHeader
	// Keys sign: the newest first, at most two while a secret is being rotated.
	Keys []WebhookKey
	// DryRun keeps the call from being sent: its record says what would have been.
	DryRun bool
}

// WebhookHeader is a header of the customer's own that goes with every call.
type WebhookHeader struct {
	Name, Value string
	Secret      bool // the value is a credential
}

// WebhookKey is what one signature of a call is made with.
type WebhookKey struct {
	// Secret is what the endpoint was given: "whsec_" and base64, or any text.
	Secret string
	// Seed is that of an ed25519 key (32 bytes), for the signature v1a; empty for none.
	Seed []byte
}

// WebhookOutcome says what became of a call.
type WebhookOutcome string

// The outcomes.
const (
	WebhookDone    WebhookOutcome = "ok"      // the endpoint did what it was asked
	WebhookRefused WebhookOutcome = "refused" // it says why not; to ask again would not help
	WebhookAgain   WebhookOutcome = "again"   // nobody knows, or it asks to come back: try again
	WebhookGone    WebhookOutcome = "gone"    // 410: it wants no more calls
	WebhookNotSent WebhookOutcome = "notSent" // a dry run
)

// WebhookAnswer is what came of one attempt of a call. Only [WebhookDone] means that something was done.
type WebhookAnswer struct {
	Outcome WebhookOutcome
	// Code is the google.rpc code of an endpoint that answered with a status: 0 is OK.
	Code int
	// Problem says what is wrong and what to do about it, "" when nothing is.
	Problem string
	// RetryAfter is how long the endpoint asks to wait (WebhookAgain); zero when it does not say.
	RetryAfter time.Duration
	Resources  []Resource // of PullUpdate
	NextPage   string     // of PullUpdate: there is more, by this token
	Bytes      int64      // how long the answer is
	Claims     []Event    // of GetDecision
	Access     bool       // of GetState: the person has the resource
	Details    string     // of status, as text without secrets: what GetInfo says of the endpoint
	Attempt    WebhookAttempt
}

// WebhookAttempt is the record of one attempt. Secrets are taken out of it, and its texts are bounded.
type WebhookAttempt struct {
	ID      string // of the call
	Kind    WebhookKind
	Time    time.Time
	Took    time.Duration
	Method  string
	URL     string            // without the values of its query
	Headers map[string]string // as sent; a credential or signature is only said to be there
	Body    string
	// Status is the HTTP status, 0 when there was no answer.
	Status        int
	AnswerHeaders map[string]string
	Answer        string
}
