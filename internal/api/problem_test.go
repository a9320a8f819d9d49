package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/indent-approvals/indent/internal/approval"
)

// bare answers an API whose one route does what the test says.
func bare(t *testing.T, logs *syncBuffer, do func(x *exchange) error) *API {
	t.Helper()
	service := approval.NewService(approval.Deps{Clock: fixedClock{}, IDs: fixedIDs{}, Broker: quietBroker{}})
	a, err := New(Deps{Service: service, Logger: textLogger(logs), Metrics: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	a.mux.HandleFunc("GET /v1/test", a.door(&route{method: get, path: "/v1/test", permission: public, endpoint: raw(func(_ *API, x *exchange) error { return do(x) })}))
	return a
}

func call(a *API, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequest(get, path, nil))
	return w
}

func read(t *testing.T, w *httptest.ResponseRecorder) answer {
	return answer{t, w.Code, w.Header(), w.Body.String(), false}
}

func TestEachCodeHasItsStatus(t *testing.T) {
	t.Parallel()
	cases := []struct {
		err    error
		status int
		code   approval.Code
		retry  string
	}{
		{approval.FieldError("petition.reason", "is required"), 400, approval.Invalid, ""},
		{approval.Errorf(approval.Unauthenticated, "who are you?"), 401, approval.Unauthenticated, ""},
		{approval.Errorf(approval.Forbidden, "no"), 403, approval.Forbidden, ""},
		{approval.Errorf(approval.NotFound, "no"), 404, approval.NotFound, ""},
		{approval.Errorf(approval.Conflict, "no"), 409, approval.Conflict, ""},
		{approval.Errorf(approval.Expired, "no"), 410, approval.Expired, ""},
		{&approval.Error{Code: approval.TooMany, Message: "slow down", RetryAfter: 1500 * time.Millisecond}, 429, approval.TooMany, "2"},
		{approval.Errorf(approval.Unavailable, "later"), 503, approval.Unavailable, "1"},
		{approval.Errorf(approval.Internal, "no"), 500, approval.Internal, ""},
		{approval.Errorf("unheard of", "no"), 500, approval.Internal, ""},
		{errors.New("no"), 500, approval.Internal, ""},
		{fmt.Errorf("wrapped: %w", approval.Errorf(approval.Conflict, "no")), 409, approval.Conflict, ""},
	}
	for _, c := range cases {
		w := call(bare(t, newSyncBuffer(), func(*exchange) error { return c.err }), "/v1/test")
		var e *approval.Error
		field := ""
		if errors.As(c.err, &e) && c.status != 500 {
			field = e.Field
		}
		read(t, w).refused(c.status, c.code, field)
		if got := w.Header().Get("Retry-After"); got != c.retry {
			t.Errorf("%v: Retry-After %q, want %q", c.err, got, c.retry)
		}
	}
}

func TestCausesAreLoggedAndNeverAnswered(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		approval.Wrap(approval.Unavailable, fmt.Errorf("dial: %w", errors.New("canary 10.0.0.7")), "storage does not answer"),
		approval.Wrap(approval.Internal, errors.New("canary"), "canary too"),
		errors.New("canary"),
	} {
		logs := newSyncBuffer()
		w := call(bare(t, logs, func(*exchange) error { return err }), "/v1/test")
		id := w.Header().Get("X-Request-Id")
		if strings.Contains(w.Body.String(), "canary") {
			t.Errorf("the cause was answered: %s", w.Body)
		}
		if line := logs.String(); !strings.Contains(line, "canary") || id == "" || !strings.Contains(line, "request="+id) {
			t.Errorf("the cause is not in the log beside request %s: %s", id, line)
		}
	}
}

func TestAPanicIsAnsweredAndTheServerGoesOn(t *testing.T) {
	t.Parallel()
	logs := newSyncBuffer()
	a := bare(t, logs, func(*exchange) error { panic("canary") })
	p := read(t, call(a, "/v1/test")).refused(500, approval.Internal, "")
	if strings.Contains(p.Detail, "canary") || !strings.Contains(logs.String(), "problem_test.go") {
		t.Errorf("%+v; the log has no stack: %s", p, logs)
	}
	read(t, call(a, "/healthz")).ok(nil)
}

func TestAPanicAfterTheFirstByteCutsTheAnswer(t *testing.T) {
	t.Parallel()
	a := bare(t, newSyncBuffer(), func(x *exchange) error {
		x.sendBytes(200, "text/plain", []byte("half"))
		panic("too late")
	})
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("a half answer must not look whole")
		}
	}()
	call(a, "/v1/test")
}

func TestAClientThatLeftIsNoFailure(t *testing.T) {
	t.Parallel()
	logs := newSyncBuffer()
	a := bare(t, logs, func(x *exchange) error {
		return approval.Wrap(approval.Unavailable, x.r.Context().Err(), "the call was cancelled")
	})
	ctx, leave := context.WithCancel(t.Context())
	leave()
	a.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(get, "/v1/test", nil).WithContext(ctx))
	if !strings.Contains(logs.String(), "status=499") {
		t.Error(logs.String())
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, path := range []string{"/v1", "/v1/", "/v1/nothing", "/v2/spaces", "/v1/spaces/acmecorp/", inSpace + "/petitions/a/b", "/docs/other.css",
		inSpace + ":testVerb", inSpace + "/resources:nothing", inSpace + "/resources/:bulkUpdate", "/:bulkUpdate" + inSpace + "/resources", "/v1/spaces:x:y", "/v1:a/spaces"} {
		for _, method := range []string{get, post, put} {
			h.do("", method, path, nil).refused(404, approval.NotFound, "", "/docs")
		}
	}
	methods := map[string]string{
		inSpace + "/petitions":            "GET, HEAD, POST",
		inSpace + "/petitions/x":          "DELETE, GET, HEAD, PUT",
		inSpace + "/resources:bulkUpdate": "POST, PUT",
		inSpace + "/resources:bulkDelete": "POST",
		"/v1/auth/token":                  "POST",
		"/healthz":                        "GET, HEAD",
	}
	for path, allow := range methods {
		for _, method := range []string{"PATCH", "OPTIONS", "BREW"} {
			a := h.do("", method, path, nil)
			a.refused(405, approval.Invalid, "", allow)
			if got := a.header.Get("Allow"); got != allow {
				t.Errorf("%s: Allow %q, want %q", path, got, allow)
			}
		}
	}
}

func TestVerbsWorkHoweverTheColonIsWritten(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, path := range []string{"/resources:bulkUpdate", "/resources%3AbulkUpdate", "/resources%3abulkUpdate"} {
		h.do(theOwner, put, inSpace+path, `{"resources":[{"id":"x"}]}`).ok(nil)
	}
	// A verb on a name, as later routes have them.
	a := bare(t, newSyncBuffer(), nil)
	rt := &route{id: "x", method: post, path: "/v1/spaces/{space}:testVerb", permission: public, summary: "x",
		endpoint: raw(func(_ *API, x *exchange) error {
			x.sendJSON(200, "application/json", x.r.PathValue("space"))
			return nil
		})}
	a.mux.HandleFunc(rt.method+" "+rt.pattern(), a.door(rt))
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequest(post, "/v1/spaces/acme%2Fcorp:testVerb", nil))
	if w.Code != 200 || w.Body.String() != "\"acme/corp\"\n" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	seen := map[string]bool{}
	for _, path := range []string{inSpace, inSpace + "/petitions/none", "/v1/nothing", "/healthz", "/metrics", "/docs"} {
		a := h.do(theViewer, get, path, nil)
		id := a.header.Get("X-Request-Id")
		if id == "" || seen[id] || a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("Referrer-Policy") == "" {
			t.Errorf("%s: %v", path, a.header)
		}
		if seen[id] = true; strings.HasPrefix(path, "/v1") && a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be cached: %v", path, a.header)
		}
	}
}
