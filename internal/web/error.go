package web

import (
	"errors"
	"math"
	"net/http"

	"github.com/indent-approvals/indent/internal/approval"
)

// errorView is a page that says what went wrong and what to do next.
type errorView struct {
	Status  int
	Heading string
	Message string
	Retry   int // seconds; 0 when it makes no sense
	// SignIn: what failed was a sign-in, to be begun again.
	SignIn bool
}

// errorKinds maps the codes of the centre to statuses and headings.
var errorKinds = map[approval.Code]struct {
	status  int
	heading string
}{
	approval.Invalid:         {http.StatusBadRequest, "That could not be read"},
	approval.Unauthenticated: {http.StatusUnauthorized, "You are not signed in"},
	approval.Forbidden:       {http.StatusForbidden, "You may not do that"},
	approval.NotFound:        {http.StatusNotFound, "Nothing here"},
	approval.Conflict:        {http.StatusConflict, "Somebody was faster"},
	approval.Expired:         {http.StatusGone, "Too late"},
	approval.TooMany:         {http.StatusTooManyRequests, "Too many at once"},
	approval.Unavailable:     {http.StatusServiceUnavailable, "One moment, please"},
	approval.Internal:        {http.StatusInternalServerError, "Something broke on our side"},
}

// errorPage answers the page for err. The cause of an internal error goes to the log and never further.
func (w *Web) errorPage(r *http.Request, v visitor, err error) answer {
	var method wrongMethod
	if errors.As(err, &method) {
		return w.wrongMethodPage(method)
	}
	code := approval.CodeOf(err)
	view := errorView{Status: errorKinds[code].status, Heading: errorKinds[code].heading, Message: "The server could not answer. Nothing was decided. Try again; if it stays, tell whoever runs this server."}
	var known *approval.Error
	switch {
	case errors.Is(err, tooLarge):
		view.Status, view.Heading, view.Message = http.StatusRequestEntityTooLarge, "Too much text", "The form is larger than 64 KiB. A reason has at most 4,000 characters."
	case code == approval.NotFound:
		// The same words for what is missing and for what the visitor may not know of.
		view.Message = "There is nothing at this address, or it is not for you to see. Look at the address once more, or begin at the inbox."
	case code != approval.Internal && errors.As(err, &known):
		view.Message = known.Error()
		view.Retry = secondsOf(known)
	}
	if code == approval.Unavailable && view.Retry == 0 {
		view.Retry = 5
	}
	if (code == approval.Internal || code == approval.Unavailable) && r.Context().Err() == nil {
		w.Logger.ErrorContext(r.Context(), "a page could not be answered", "method", r.Method, "path", r.URL.Path, "member", v.ID, "error", err, "cause", errors.Unwrap(err))
	}
	return answer{status: view.Status, page: "error", title: view.Heading, data: view, retry: view.Retry}
}

// secondsOf answers after how many seconds an error says to come back, 0 when it does not.
func secondsOf(err error) int {
	var known *approval.Error
	if !errors.As(err, &known) {
		return 0
	}
	return int(math.Ceil(known.RetryAfter.Seconds()))
}

func (w *Web) wrongMethodPage(e wrongMethod) answer {
	view := errorView{Status: http.StatusMethodNotAllowed, Heading: "Not this way", Message: "This address answers only " + e.allow + "."}
	return answer{status: view.Status, page: "error", title: view.Heading, data: view, allow: e.allow}
}

// showMissing is whatever address no room has.
func (w *Web) showMissing(*http.Request, visitor) (answer, error) {
	return answer{}, approval.Errorf(approval.NotFound, "There is nothing at this address.")
}
