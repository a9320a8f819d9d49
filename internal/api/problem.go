package api

import (
	"errors"
	"log/slog"
	"math"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// statuses is the one table from codes to HTTP.
var statuses = map[approval.Code]int{
	approval.Invalid:         http.StatusBadRequest, // 413 when the body is too large, 405 for a wrong method, 428 without If-Match
	approval.Unauthenticated: http.StatusUnauthorized,
	approval.Forbidden:       http.StatusForbidden,
	approval.NotFound:        http.StatusNotFound,
	approval.Conflict:        http.StatusConflict, // 412 where If-Match names another version
	approval.Expired:         http.StatusGone,
	approval.TooMany:         http.StatusTooManyRequests,
	approval.Unavailable:     http.StatusServiceUnavailable,
	approval.Internal:        http.StatusInternalServerError,
}

// problem is the body of every answer that is not a success (RFC 9457).
type problem struct {
	Type    string             `json:"type" doc:"Always about:blank: code says what went wrong." example:"about:blank"`
	Title   string             `json:"title" doc:"The status in words." example:"Bad Request"`
	Status  int                `json:"status" doc:"The HTTP status." example:"400"`
	Detail  string             `json:"detail" doc:"What went wrong and what to do next, for people." example:"petition.reason: is required: say why, reviewers read it"`
	Code    approval.Code      `json:"code" doc:"What went wrong, for programs." enum:"invalid,unauthenticated,forbidden,not_found,conflict,expired,too_many,unavailable,internal" example:"invalid"`
	Message string             `json:"message" doc:"The same as detail." example:"petition.reason: is required: say why, reviewers read it"`
	Field   string             `json:"field,omitempty" doc:"The input at fault: a path into the body, a parameter or a header." example:"petition.reason"`
	Errors  []approval.Finding `json:"errors,omitempty" doc:"All that is wrong with a rule document, each with its line and column."`
	Error   string             `json:"error,omitempty" doc:"Of a request for a token: what went wrong in the words of OAuth (RFC 6749, 5.2; RFC 8628, 3.5)." example:"authorization_pending"`
}

// notAllowed is a method that the path does not have.
type notAllowed struct{ list string }

func (e notAllowed) Error() string { return "the path has no such method: it has " + e.list }

// statusClientGone is what metrics and logs say of a client that left, whatever it was answered.
const statusClientGone = 499

// refuse answers err as a problem. Its private causes go to the log, with the request id that the client has, and
// nowhere else.
func (x *exchange) refuse(err error) {
	p := problemOf(err, x.id)
	if !x.begun {
		// A client that only closed its sending side, or broke off in its body, still reads: without a status it would
		// be told 200, and a refusal must never look like success.
		x.hint(err, p.Status)
		x.sendJSON(p.Status, "application/problem+json", p)
	}
	x.done(p.Status, err)
}

func problemOf(err error, id string) *problem {
	code, detail, field, grant := approval.Internal, "something failed inside the server: tell its operator the request id "+id, "", ""
	var findings []approval.Finding
	var e *approval.Error
	var method notAllowed
	switch {
	case errors.As(err, &method):
		code, detail = approval.Invalid, method.Error()
	case errors.As(err, &e) && e.Code != approval.Internal:
		code, detail, field, grant, findings = e.Code, e.Error(), e.Field, e.Grant, e.Findings
	}
	status, known := statuses[code]
	if !known {
		code, status = approval.Internal, http.StatusInternalServerError
	}
	var large *http.MaxBytesError
	switch {
	case method.list != "":
		status = http.StatusMethodNotAllowed
	case errors.As(err, &large):
		status = http.StatusRequestEntityTooLarge
	case field == approval.ExpectedVersion && code == approval.Conflict:
		status = http.StatusPreconditionFailed // unlike 409, which clients send again
	case errors.Is(err, errUnconditional):
		status = http.StatusPreconditionRequired
	}
	return &problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Code: code, Message: detail, Field: field, Error: grant, Errors: findings}
}

// hint sets the headers that tell a program what to do next.
func (x *exchange) hint(err error, status int) {
	switch status {
	case http.StatusUnauthorized:
		x.w.Header().Set("WWW-Authenticate", challenge(x.r))
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		after := time.Second
		var e *approval.Error
		if errors.As(err, &e) && e.RetryAfter > 0 {
			after = e.RetryAfter
		}
		x.w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
	}
}

// done counts the answer and logs it: the route's name and what went wrong, never headers, query or body.
func (x *exchange) done(status int, err error) {
	if (x.held || err != nil) && x.r.Context().Err() != nil {
		status = statusClientGone
	}
	took := x.Service.Clock.Now().Sub(x.start)
	x.count.add(status, took, x.held)
	level := slog.LevelDebug
	switch {
	case status == http.StatusServiceUnavailable:
		level = slog.LevelWarn
	case status >= http.StatusInternalServerError:
		level = slog.LevelError
	}
	if !x.Logger.Enabled(x.r.Context(), level) {
		return
	}
	attrs := []slog.Attr{slog.String("request", x.id), slog.String("method", x.route.method), slog.String("route", x.route.path),
		slog.Int("status", status), slog.Duration("took", took)}
	if err != nil {
		attrs = append(attrs, slog.String("error", withCauses(err)))
	}
	x.Logger.LogAttrs(x.r.Context(), level, "request", attrs...)
}

// withCauses answers the error with the private causes that its public text hides.
func withCauses(err error) string {
	text := err.Error()
	for cause := errors.Unwrap(err); cause != nil; cause = errors.Unwrap(cause) {
		text += ": " + cause.Error()
	}
	return text
}

func stack() []byte { return debug.Stack() }

// sendJSON writes one whole answer with its length.
func (x *exchange) sendJSON(status int, contentType string, body any) {
	buffer := buffers.take()
	defer buffers.give(buffer)
	text, err := appendBody(buffer.AvailableBuffer(), body)
	if err != nil {
		x.Logger.ErrorContext(x.r.Context(), "an answer could not be written as JSON", "request", x.id, "route", x.route.path, "error", err)
		http.Error(x.w, `{"code":"internal"}`, http.StatusInternalServerError)
		return
	}
	buffer.Write(append(text, '\n')) // where it lies already, if there was room
	x.sendBytes(status, contentType, buffer.Bytes())
}

func (x *exchange) sendBytes(status int, contentType string, body []byte) {
	header := x.w.Header()
	header["Content-Type"] = []string{contentType}
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	if x.stopping() {
		header.Set("Connection", "close") // come back: to another node, or to this one when it is up again
	}
	x.begun = true
	_ = x.push(func() error { // a client that left or does not read has nobody to be told
		x.w.WriteHeader(status)
		_, err := x.w.Write(body)
		return err
	})
}

// stopping answers whether the server is about to stop.
func (x *exchange) stopping() bool {
	select {
	case <-x.Service.Broker.Done():
		return true
	default:
		return false
	}
}

// placed answers an error with its field where the body has it: at answers the place, "" for where it is.
func placed(err error, at func(field string) string) error {
	var e *approval.Error
	if !errors.As(err, &e) || at(e.Field) == "" {
		return err
	}
	moved := *e
	moved.Field = at(e.Field)
	return &moved
}

// inFields places the fields that the body has elsewhere.
func inFields(err error, fields map[string]string) error {
	return placed(err, func(field string) string { return fields[field] })
}

// below places a field below the body's one member.
func below(err error, member string) error {
	return placed(err, func(field string) string {
		if field == "" {
			return ""
		}
		return member + "." + field
	})
}
