package indent

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
	"unicode"
)

// The kinds of refusals, for errors.Is. A [*Error] is one of them by its code or, when something on the way answered that is
// not Indent, by its status.
var (
	ErrInvalid         error = kind("invalid")         // 400, 413, 422: Error.Field names what to mend
	ErrUnauthenticated error = kind("unauthenticated") // 401: the token is missing, wrong, expired or revoked
	ErrForbidden       error = kind("forbidden")       // 403: the token is good and may not do this
	ErrNotFound        error = kind("not_found")       // 404: it is not there, or not for this token to see
	ErrConflict        error = kind("conflict")        // 409, 412: it has been decided, a key was used for something else, or another version holds
	ErrGone            error = kind("expired")         // 410: its time is up
	ErrTooMany         error = kind("too_many")        // 429: Error.RetryAfter says when to come back
	ErrUnavailable     error = kind("unavailable")     // 503 and other passing failures of the server; nothing was changed by a 503
	ErrInternal        error = kind("internal")        // 500: the server failed
)

type kind string

func (k kind) Error() string { return "indent: " + string(k) }

// Error is a call that the server refused.
type Error struct {
	Status  int    // HTTP status; 0 when the client refused before anything was sent
	Code    string // the API's word for it, such as "invalid"; empty when something other than Indent answered
	Message string // what is wrong and what to do next, for people; control characters are escaped
	Field   string // JSON path of the input at fault, such as "petition.resources[2].id", or empty
	// Findings are all that is wrong with a rule document, each with its line and column.
	Findings []Finding
	// Grant is what is wrong with a request for a token in the words of OAuth, such as "authorization_pending", else empty.
	Grant string
	// RetryAfter is when the server wants to be asked again, 0 when it did not say.
	RetryAfter time.Duration
}

// Error answers the field, the message and in brackets the status and the code.
func (e *Error) Error() string {
	text := e.Message
	if e.Field != "" && !strings.HasPrefix(text, e.Field) {
		text = e.Field + ": " + text
	}
	if e.Status == 0 {
		return text
	}
	return fmt.Sprintf("%s (%s)", text, strings.TrimSpace(fmt.Sprint(e.Status, " ", e.Code)))
}

// Is answers whether the error is of the kind target, such as [ErrConflict].
func (e *Error) Is(target error) bool {
	k, ok := target.(kind)
	return ok && k == e.kind()
}

func (e *Error) kind() kind {
	if e.Code != "" {
		return kind(e.Code)
	}
	switch e.Status {
	case 400, 413, 422, 428:
		return "invalid"
	case 401:
		return "unauthenticated"
	case 403:
		return "forbidden"
	case 404:
		return "not_found"
	case 409, 412:
		return "conflict"
	case 410:
		return "expired"
	case 429:
		return "too_many"
	case 408, 502, 503, 504:
		return "unavailable"
	}
	return "internal"
}

// invalid is a refusal by the client itself: nothing was sent.
func invalid(field, format string, args ...any) *Error {
	return &Error{Code: "invalid", Field: field, Message: fmt.Sprintf(format, args...)}
}

// ConnectionError says that the server could not be reached, did not answer in time, or that the connection broke
// before the answer was whole.
type ConnectionError struct {
	URL  string // the server's address
	Sent bool   // false when the server surely has not seen the request
	Err  error  // what the network said
}

// Error says which server, what happened and what to do next.
func (e *ConnectionError) Error() string {
	why := printable(e.Err.Error())
	var timeout net.Error
	switch {
	case !e.Sent:
		return fmt.Sprintf("cannot reach the server at %s (%s): is it running? `indent dev` starts one; %s says where it is", e.URL, why, envURL)
	case errors.As(e.Err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("the server at %s did not answer in time (%s): try again", e.URL, why)
	}
	return fmt.Sprintf("the connection to %s broke (%s): try again", e.URL, why)
}

// Unwrap gives what the network said.
func (e *ConnectionError) Unwrap() error { return e.Err }

// ResponseError says that the answer is not an answer of the Indent API: no JSON, malformed, too large, a redirect, or
// about another petition than the one asked for.
type ResponseError struct {
	Message string
	// wrong marks an answer that is well formed and about something else: asking again would not make it right.
	wrong bool
}

// Error says what is wrong with the answer and what to do next.
func (e *ResponseError) Error() string { return e.Message }

func malformed(format string, args ...any) *ResponseError {
	return &ResponseError{Message: "the server's answer is malformed: " + fmt.Sprintf(format, args...) + "; does " + envURL + " name an Indent server?"}
}

// ConfigError says that a setting is missing or cannot be used. Nothing was sent.
type ConfigError struct {
	Name    string // the setting, by its name in the environment
	Missing bool
	message string
}

// Error says which setting and what to do next; it never repeats a secret.
func (e *ConfigError) Error() string { return e.message }

// printable answers text with everything escaped that could command a terminal or fake a line of a log.
func printable(text string) string {
	if !strings.ContainsFunc(text, unprintable) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if unprintable(r) {
			fmt.Fprintf(&b, "\\u%04x", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// snippet answers the beginning of a foreign text on one line.
func snippet(text string) string {
	runes := []rune(printable(strings.Join(strings.Fields(text), " ")))
	return string(runes[:min(len(runes), 200)])
}
