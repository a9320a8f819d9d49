package webhook

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/indent-approvals/indent/internal/approval"
)

// Codes of google.rpc (https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto).
var codeNames = []string{"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
	"RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"}

// passing are the codes of what may be over in a moment.
var passing = []string{"CANCELLED", "UNKNOWN", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED", "INTERNAL", "UNAVAILABLE"}

const (
	maxRetryAfter = 24 * time.Hour
	maxClaims     = 10
	maxMessage    = 1000
)

// said is an answer on the wire. What else stands in it is the endpoint's own.
type said struct {
	Status *struct {
		Code    int            `json:"code"`
		Message string         `json:"message"`
		Details jsontext.Value `json:"details"`
	} `json:"status"`
	Resources     []approval.Resource `json:"resources"`
	NextPageToken string              `json:"nextPageToken"`
	Claims        []approval.Event    `json:"claims"`
	Access        *bool               `json:"access"`
}

// readAnswer says what an answer means for the call. Half of one, or one that contradicts itself, is none: the call is made
// again.
func readAnswer(kind approval.WebhookKind, status int, header http.Header, body []byte, now time.Time) approval.WebhookAnswer {
	switch {
	case status == http.StatusGone:
		return approval.WebhookAnswer{Outcome: approval.WebhookGone, Problem: "the endpoint says that it is gone (410) and wants no more calls: delete the webhook, or give it another URL"}
	case status >= 300 && status < 400:
		return again(header, now, "the endpoint answers %d and sends elsewhere, where no call goes: give the webhook the address at the end of that way", status)
	}
	var s said
	if err := json.Unmarshal(body, &s); err != nil {
		return unreadable(kind, status, header, now, err)
	}
	return meaning(kind, status, header, s, now)
}

func unreadable(kind approval.WebhookKind, status int, header http.Header, now time.Time, err error) approval.WebhookAnswer {
	return again(header, now, "the endpoint answers %d with what is not an answer to %s; %s", status, kind, insteadOf(status, err))
}

// insteadOf says what to look at where something else than an answer came.
func insteadOf(status int, err error) string {
	switch status {
	case http.StatusNotFound:
		return "does the URL lead to the endpoint, with the whole path?"
	case http.StatusMethodNotAllowed:
		return "does the URL lead to the endpoint, with the whole path, and does that take the method of the webhook?"
	case http.StatusUnauthorized, http.StatusForbidden:
		return "does something before the endpoint want to know who calls? a header of the webhook can carry a credential"
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return "is what stands before it up, and the endpoint behind that?"
	}
	return why(err) + `; it must answer such as {"status": {"code": 0}}`
}

// meaning says what an answer that was read means for the call.
func meaning(kind approval.WebhookKind, status int, header http.Header, s said, now time.Time) approval.WebhookAnswer {
	if s.Status == nil {
		return again(header, now, `the endpoint answers %d without a status: it must answer {"status": {"code": 0}} when it is done`, status)
	}
	a := approval.WebhookAnswer{Code: s.Status.Code, Details: string(s.Status.Details)}
	if a.Details == "null" {
		a.Details = ""
	}
	switch {
	case s.Status.Code == 0 && status == http.StatusOK:
		return accepted(kind, s, a, header, now)
	case s.Status.Code == 0:
		return again(header, now, "the endpoint answers %d and the code 0, which contradict one another: a call that is done is answered 200", status)
	case s.Status.Code < 0 || s.Status.Code >= len(codeNames):
		return again(header, now, "the endpoint answers the code %d, which google.rpc does not have: the codes are 0 to %d", s.Status.Code, len(codeNames)-1)
	}
	name := codeNames[s.Status.Code]
	a.Outcome, a.Problem = approval.WebhookRefused, fmt.Sprintf("the endpoint refuses: %s (%d)%s", name, s.Status.Code, told(s.Status.Message))
	if slices.Contains(passing, name) || status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		a.Outcome, a.RetryAfter = approval.WebhookAgain, retryAfter(header, now)
	}
	return a
}

// accepted takes what an answer says besides its status, after checking it.
func accepted(kind approval.WebhookKind, s said, a approval.WebhookAnswer, header http.Header, now time.Time) approval.WebhookAnswer {
	a.Outcome = approval.WebhookDone
	switch kind {
	case approval.WebhookPull:
		if err := checkPageToken(s.NextPageToken); err != nil {
			return again(header, now, "%s", err)
		}
		for i, r := range s.Resources {
			if err := r.Check(); err != nil {
				return again(header, now, "resources[%d] of the endpoint's answer cannot be taken: %s", i, err)
			}
		}
		a.Resources, a.NextPage = s.Resources, s.NextPageToken
	case approval.WebhookDecide:
		if len(s.Claims) > maxClaims {
			return again(header, now, "the endpoint makes %d claims, at most %d are taken", len(s.Claims), maxClaims)
		}
		for i, c := range s.Claims {
			claim := approval.NewClaim{Event: c.Event, Reason: c.Reason, Labels: c.Meta.Labels, Resources: c.Resources}
			if err := claim.Check(); err != nil {
				return again(header, now, "claims[%d] of the endpoint's answer cannot be taken: %s", i, err)
			}
			if c.Event == approval.EventRevoke {
				return again(header, now, "claims[%d] of the endpoint's answer revokes what is not granted yet: approve, deny, or make no claim", i)
			}
		}
		a.Claims = s.Claims
	case approval.WebhookState:
		if s.Access == nil {
			return again(header, now, "%s", approval.NoAccessSaid)
		}
		a.Access = *s.Access
	}
	return a
}

func again(header http.Header, now time.Time, format string, args ...any) approval.WebhookAnswer {
	return approval.WebhookAnswer{Outcome: approval.WebhookAgain, Problem: fmt.Sprintf(format, args...), RetryAfter: retryAfter(header, now)}
}

// retryAfter reads how long the endpoint asks to wait (RFC 9110, 10.2.3): seconds, or a date. A day is the most.
func retryAfter(header http.Header, now time.Time) time.Duration {
	text := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, min(at.Sub(now), maxRetryAfter))
	}
	return 0
}

// told answers what an endpoint says in its own words, bounded.
func told(message string) string {
	if message == "" {
		return ""
	}
	return ": " + shortened(message, maxMessage)
}

// why says what is wrong with a text that is not an answer.
func why(err error) string {
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return fmt.Sprintf("it is not JSON at byte %d", syntax.ByteOffset)
	}
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		return fmt.Sprintf("the value at %q is of another type than it must be", string(semantic.JSONPointer))
	}
	return "it cannot be read"
}
