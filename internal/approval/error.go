package approval

import (
	"errors"
	"fmt"
	"time"
)

// Code says what kind of refusal an [Error] is; the edges map it to a status, an exit code or a page.
type Code string

// The codes that exist; a new one needs a row in the api room's status table.
const (
	Invalid         Code = "invalid"
	Unauthenticated Code = "unauthenticated"
	Forbidden       Code = "forbidden"
	NotFound        Code = "not_found"
	Conflict        Code = "conflict"
	Expired         Code = "expired"
	TooMany         Code = "too_many"
	Unavailable     Code = "unavailable"
	Internal        Code = "internal"
)

// Error is the one error type that crosses rooms. Message is public and says what to do next; the cause is private
// and is only ever logged.
type Error struct {
	Code    Code
	Message string
	// Field is the JSON path of the input at fault, such as "petition.resources[2].id"; empty when no field is.
	Field string
	// Findings are all that is wrong with a rule document, where several things are or a place in its text is known.
	Findings []Finding
	// Grant is what went wrong in the words of OAuth (RFC 6749, 5.2; RFC 8628, 3.5), where a client of it asked for a token.
	Grant string
	// RetryAfter tells the client when to come back (TooMany, Unavailable); zero when it makes no sense.
	RetryAfter time.Duration
	cause      error
}

// Error answers the public text; a private cause is not part of it.
func (e *Error) Error() string {
	if e.Field != "" {
		return e.Field + ": " + e.Message
	}
	return e.Message
}

// Unwrap gives the private cause to errors.Is and to logs.
func (e *Error) Unwrap() error { return e.cause }

// Errorf makes an Error with a public message.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: sentence(format, args)}
}

// FieldError makes an Invalid error about one input field.
func FieldError(field, format string, args ...any) *Error {
	return &Error{Code: Invalid, Field: Redact(field), Message: sentence(format, args)}
}

// Wrap hides cause behind a public message.
func Wrap(code Code, cause error, format string, args ...any) *Error {
	return &Error{Code: code, Message: sentence(format, args), cause: cause}
}

// sentence writes a public message. What it quotes may come from anybody: what could hide or fake text stands as '?', and
// of what looks like a credential only its beginning.
func sentence(format string, args []any) string {
	return Redact(harmless(fmt.Sprintf(format, args...)))
}

// CodeOf answers the code of err: Internal for an error that is not an [Error], empty for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}

// under answers err with its field placed below prefix, so that a nested check names the whole path.
func under(prefix string, err error) error {
	var e *Error
	if err == nil || !errors.As(err, &e) || e.Code != Invalid {
		return err
	}
	moved := *e
	switch {
	case moved.Field == "":
		moved.Field = prefix
	default:
		moved.Field = prefix + "." + moved.Field
	}
	return &moved
}
