// Package api is the edge that programs speak to: REST below /v1, described at /openapi.json and /docs.
//
// Its promise: every route stands in one table (routes.go) with the one permission that it demands; what comes in is
// bounded and decoded once, strictly; whatever goes wrong is answered in one shape (problem.go) that says what to do
// next and never why inside. A handler gets the actor as an argument and calls one use case.
//
// It imports approval, identity, the strict JSON library, huma as a generator of OpenAPI (docs/decisions/0003), and the
// Prometheus client.
package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/indent-approvals/indent/internal/approval"
)

// Deps are what the API stands on; all are required except Limits, Source, Logger, Metrics, Ready and Version.
type Deps struct {
	Service *approval.Service
	Auth    Authenticator
	Tokens  Tokens
	Logins  Logins
	Keys    Keys
	Limits  Limits
	// BaseURL answers the address that people use, where they enter the codes of programs.
	BaseURL func() string
	// Source answers whom the bounds on logins count: the caller's network address unless it is given.
	Source func(*http.Request) string
	Logger *slog.Logger
	// Metrics is where the API counts and what /metrics shows; others may count in it, too.
	Metrics *prometheus.Registry
	// Ready answers nil while the node can serve.
	Ready   func(context.Context) error
	Version string
	// Resume gives a connection back to the server that it was taken from, with its next request (see move.go). Without
	// it no waiter is taken out of the server.
	Resume func(net.Conn)
}

// API answers the routes of the table.
type API struct {
	Deps
	mux     *http.ServeMux
	nowhere http.HandlerFunc
	metrics *metrics
	// node and last make request ids: unique without drawing lots for each.
	node string
	last atomic.Uint64
	// inside counts the waiters that are parked in the server; the others are outside.
	inside     atomic.Int64
	mostInside int64
	outside    outside
}

// New answers the API over deps. It refuses a table with a route that says nothing of who may call it.
func New(deps Deps) (*API, error) {
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	if deps.Limits == nil {
		deps.Limits = noLimits{}
	}
	if deps.Source == nil {
		deps.Source = sourceOf
	}
	if deps.Metrics == nil {
		deps.Metrics = prometheus.NewRegistry()
	}
	a := &API{Deps: deps, mux: http.NewServeMux(), node: deps.Service.IDs.Secret(8), mostInside: mostInside}
	var err error
	if a.metrics, err = newMetrics(deps.Metrics); err != nil {
		return nil, err
	}
	return a, a.mount(routes())
}

// roots are the paths of the server that belong to the API.
var roots = []string{"/v1/", "/openapi.json", "/docs", "/docs/", "/healthz", "/readyz", "/metrics"}

// Register adds the API to the server's routes.
func (a *API) Register(mux *http.ServeMux) {
	for _, root := range roots {
		mux.Handle(root, a)
	}
}

// Handler answers a server of the API alone.
func (a *API) Handler() http.Handler { return a }

// ServeHTTP answers one request by the table.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.IndexByte(r.URL.Path, ':') >= 0 && !namesIdentity(r.URL.Path) {
		if strings.Contains(r.URL.Path, "/:") {
			a.nowhere(w, r) // nothing has a name that begins with a colon
			return
		}
		r = withVerb(r)
	}
	a.mux.ServeHTTP(w, r)
}

// mount registers every route, and behind the routes of each path an answer to all other methods.
func (a *API) mount(table []route) error {
	methods := map[string][]string{}
	for i := range table {
		rt := &table[i]
		if err := rt.check(); err != nil {
			return err
		}
		a.mux.HandleFunc(rt.method+" "+rt.pattern(), a.door(rt))
		methods[rt.pattern()] = append(methods[rt.pattern()], rt.method)
	}
	for pattern, allowed := range methods {
		a.mux.HandleFunc(pattern, a.door(wrongMethod(pattern, allowed)))
	}
	a.nowhere = a.door(&route{path: "/", permission: public, endpoint: endpoint{call: missing}})
	a.mux.HandleFunc("/", a.nowhere)
	return nil
}

// door is what stands around every route: who calls, may it, count and log, and one shape for what goes wrong.
func (a *API) door(rt *route) http.HandlerFunc {
	count, action := a.metrics.of(rt), rt.method+" "+rt.path
	return func(w http.ResponseWriter, r *http.Request) {
		now := a.Service.Clock.Now()
		x := &exchange{API: a, route: rt, w: w, r: r, start: now, checked: now, count: count, action: action}
		x.prepare()
		defer x.survive()
		x.answer()
	}
}

// exchange is one request on its way through its route.
type exchange struct {
	*API
	route *route
	// action is what is tried, for the log of refused attempts.
	action string
	w      http.ResponseWriter
	r      *http.Request
	id     string
	start  time.Time
	count  counter
	actor  approval.Actor // who calls; nobody on a public route
	// checked is when the caller was last known to be allowed to call.
	checked time.Time
	begun   bool // the answer's first byte has left
	// held says that the request was parked (see hold), holding where it is counted while it is.
	held    bool
	holding prometheus.Gauge
	// parked is what the request holds of its actor's budget of waits.
	parked int
}

func (x *exchange) prepare() {
	x.id = x.node + strconv.FormatUint(x.last.Add(1), 36)
	x.setHeaders()
}

func (x *exchange) setHeaders() {
	header := x.w.Header() // the names below are in their canonical form, so that nobody need look
	header["X-Request-Id"] = []string{x.id}
	header["X-Content-Type-Options"] = noSniff
	header["Referrer-Policy"] = noReferrer
	header["Cache-Control"] = noStore
}

// The values that every answer has, shared by all: they are replaced, never written to.
var noSniff, noReferrer, noStore = []string{"nosniff"}, []string{"no-referrer"}, []string{"no-store"}

// answer lets the caller in, does what the route does and sends what came of it.
func (x *exchange) answer() {
	err := x.admit()
	var out any
	if err == nil {
		out, err = x.route.endpoint.call(x)
	}
	if err == errMoved {
		return
	}
	x.conclude(out, err)
}

// errMoved says that somebody else answers the request.
var errMoved = errors.New("the request has moved out of the server")

// conclude sends what came of the request.
func (x *exchange) conclude(out any, err error) {
	if x.held && out != nil {
		err = x.stillValid()
	}
	x.release()
	switch {
	case err != nil:
		x.refuse(err)
	case out != nil:
		x.send(out)
	default: // a raw endpoint has answered by itself
		x.done(http.StatusOK, nil)
	}
}

// survive turns a panic into an answer; the server goes on.
func (x *exchange) survive() {
	v := recover()
	if v == nil {
		return
	}
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(v)
	}
	x.release()
	half := x.begun
	x.refuse(fmt.Errorf("panic: %v\n%s", v, stack()))
	if half { // an answer that is not whole must not look whole
		panic(http.ErrAbortHandler)
	}
}

// namesIdentity answers whether the path ends in the name of an identity, the only one that has colons and slashes.
func namesIdentity(path string) bool {
	_, below, found := strings.Cut(path, "/members/")
	return found && strings.Contains(below, "/identities/")
}

// withVerb moves the verb of a path such as /v1/spaces/acmecorp:setPolicy to its front, /:setPolicy/v1/spaces/acmecorp,
// because a wildcard of ServeMux is a whole segment; [route.pattern] does the same to the table. Names have no colons.
// Paths without a colon pay nothing for it.
func withVerb(r *http.Request) *http.Request {
	escaped := strings.NewReplacer("%3A", ":", "%3a", ":").Replace(r.URL.EscapedPath())
	slash, colon := strings.LastIndexByte(escaped, '/'), strings.LastIndexByte(escaped, ':')
	if colon < slash {
		return r
	}
	escaped = "/" + escaped[colon:] + escaped[:colon]
	path, err := url.PathUnescape(escaped)
	if err != nil {
		return r
	}
	moved := *r
	target := *r.URL
	target.Path, target.RawPath = path, escaped
	moved.URL = &target
	return &moved
}
