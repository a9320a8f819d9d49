// Package app is the only room where all rooms meet: it wires them into one server and starts and stops it. It may
// import everything; nothing but cmd, cli and tests imports it. Time and chance enter the product here.
package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/indent-approvals/indent/internal/api"
	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/config"
	"github.com/indent-approvals/indent/internal/identity"
	"github.com/indent-approvals/indent/internal/jobs"
	"github.com/indent-approvals/indent/internal/limits"
	"github.com/indent-approvals/indent/internal/policy"
	"github.com/indent-approvals/indent/internal/store"
	"github.com/indent-approvals/indent/internal/web"
	"github.com/indent-approvals/indent/internal/webhook"
)

// Options are what a program, rather than its operator, decides.
type Options struct {
	Logger  *slog.Logger   // default: none
	Clock   approval.Clock // default: the machine's
	IDs     approval.IDs   // default: random
	Version string         // default: "dev"
	Dev     bool           // the pages say that this is a server to play with
	// Serves takes the address before a database is made that is not there yet: a server that cannot listen leaves none behind.
	// Where there is one, whoever runs on it is what the operator must hear of first.
	Serves bool
	// Beside is for an operator's command that works on the database of a server that runs. All others are refused there.
	Beside bool
}

// App is one node: storage, use cases, API, pages and timers.
type App struct {
	cfg     config.Config
	logger  *slog.Logger
	clock   approval.Clock
	ids     approval.IDs
	store   *store.Store
	service *approval.Service
	seals   approval.Vault // nil: there is nothing to keep secrets with

	limits   *limits.Limits
	identity *identity.Identity
	runner   *jobs.Runner
	lanes    *jobs.Lanes
	metrics  *prometheus.Registry
	version  string
	dev      bool

	listener net.Listener
	server   *http.Server
	rest     *api.API
	back     *returning // the connections of waiters that were answered
	serving  chan error
	quiet    chan struct{} // closed by Stop
	resting  sync.WaitGroup
	stopOnce sync.Once
	stopErr  error
}

// Build opens the storage and wires the rooms; nothing is served yet. Whoever builds must Stop, started or not.
func Build(ctx context.Context, cfg config.Config, o Options) (*App, error) {
	a := &App{cfg: cfg, logger: o.Logger, clock: o.Clock, ids: o.IDs, version: o.Version, dev: o.Dev, metrics: prometheus.NewRegistry()}
	if a.logger == nil {
		a.logger = slog.New(slog.DiscardHandler)
	}
	a.logger = slog.New(careful{a.logger.Handler()})
	if a.clock == nil {
		a.clock = systemClock{}
	}
	if a.ids == nil {
		a.ids = systemIDs{}
	}
	if a.version == "" {
		a.version = "dev"
	}
	if _, port, err := net.SplitHostPort(cfg.Addr); err == nil && cfg.BaseURL == "" && port != "0" {
		a.cfg.BaseURL = "http://" + cfg.Addr
	}
	a.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if o.Serves && makesDatabase(cfg) {
		if err := a.Listen(); err != nil {
			return nil, err
		}
	}
	s, err := store.Open(ctx, store.Options{URL: cfg.Database, Logger: a.logger, Timeout: cfg.DatabaseTimeout, Alone: !o.Beside})
	if err != nil {
		return nil, errors.Join(err, a.hangUp())
	}
	a.store = s
	a.countStore()
	if err := a.wire(ctx); err != nil {
		return nil, errors.Join(err, s.Close(), a.hangUp())
	}
	return a, nil
}

// makesDatabase answers whether opening the database makes its file.
func makesDatabase(cfg config.Config) bool {
	if cfg.Shared() {
		return false
	}
	_, err := os.Stat(strings.TrimPrefix(cfg.Database, "sqlite:"))
	return errors.Is(err, fs.ErrNotExist)
}

// hangUp gives the address back that nothing is served on.
func (a *App) hangUp() error {
	if a.listener == nil {
		return nil
	}
	return a.listener.Close()
}

// issuerTimeout bounds one call to an issuer elsewhere.
const issuerTimeout = 8 * time.Second

// waitPoll is how often a waiter on PostgreSQL reads although no hint came: NOTIFY is only a hint.
const waitPoll = 10 * time.Second

func (a *App) wire(ctx context.Context) (err error) {
	a.limits = limits.New(limits.Config{Calls: a.cfg.RateCalls, Petitions: a.cfg.RatePetitions, Refusals: a.cfg.RateRefusals, Wrong: a.cfg.RateWrong,
		Waits: a.cfg.WaitsPerActor, Trusted: a.cfg.TrustedProxies, Clock: a.clock})
	a.countLimits()
	rules, err := passkeyRules(a.cfg)
	if err != nil {
		return err
	}
	engine := policy.New()
	guard := webhook.NewGuard(a.cfg.PrivateNetworks, a.dev)
	guard.Log = a.logger
	if a.seals, err = newVault(a.cfg.SealKeys); err != nil {
		return err
	}
	engine.Sources = newOnCallSources(guard.Client(onCallTimeout), a.clock, a.logger)
	deps := approval.Deps{Vault: a.seals, Endpoints: webhook.NewCaller(guard, a.clock, "indent/"+a.version), Conditions: policy.NewConditions(), Limits: a.limits, Store: a.store, Policy: engine, Documents: policy.Documents{Engine: engine}, Clock: a.clock, IDs: a.ids, Broker: a.store.Broker(), Logger: a.logger,
		Authenticators: identity.Authenticators{Base: a.URL}, Passkeys: rules, SpacePolicy: policy.Default()}
	if a.cfg.Shared() {
		deps.WaitPoll = waitPoll
	}
	a.service = approval.NewService(deps)
	a.countPulls()
	a.countDeliveries()
	later := jobs.Deps{Store: a.store, Run: a.service.RunJob, Together: a.service.RunTogether, Clock: a.clock, Broker: a.store.Broker(), Logger: a.logger, Jitter: rand.Float64}
	a.runner, a.lanes = jobs.New(later), jobs.NewLanes(later)
	a.identity, err = identity.New(ctx, a.service, identity.Config{Issuer: a.URL, TokenTTL: a.cfg.TokenTTL, SessionTTL: a.cfg.SessionTTL,
		SessionIdle: a.cfg.SessionIdle, Providers: providers(a.cfg.SignIn), Operators: a.cfg.OperatorList(),
		LoginIdle: a.cfg.LoginIdle, LoginTTL: a.cfg.LoginTTL,
		SigningKeyMaxAge: a.cfg.SigningKeyMaxAge, Outside: guard.Client(issuerTimeout), Loopback: a.dev})
	return err
}

// Service answers the use cases, for commands and tests that act without a request.
func (a *App) Service() *approval.Service { return a.service }

// Identity answers the room of credentials.
func (a *App) Identity() *identity.Identity { return a.identity }

// Listen takes the address, so that URL and Addr are known before anything is served.
func (a *App) Listen() error {
	l, err := net.Listen("tcp", a.cfg.Addr)
	if err != nil {
		return fmt.Errorf("the server cannot listen on %s: %w: choose another address with --addr", a.cfg.Addr, err)
	}
	a.listener = l
	if a.cfg.BaseURL == "" {
		a.cfg.BaseURL = "http://" + l.Addr().String()
	}
	return nil
}

// Start listens, unless Listen has, and serves until Stop.
func (a *App) Start(ctx context.Context) error {
	if a.listener == nil {
		if err := a.Listen(); err != nil {
			return err
		}
	}
	a.back = newReturning(a.listener.Addr())
	handler, err := a.handler()
	if err != nil {
		return err
	}
	most := mostConnections(a.cfg.MaxConnections)
	a.server = &http.Server{
		Handler:           withoutBody(handler),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      approval.MaxWait + 30*time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(a.logger.Handler(), slog.LevelWarn),
	}
	tuneCollector()
	a.quiet = make(chan struct{})
	a.resting.Go(func() { a.giveBackWhenQuiet(a.quiet) })
	a.serving = make(chan error, 1)
	go func() { a.serving <- a.server.Serve(newDoor(a.listener, most, a.metrics)) }()
	go func() { _ = a.server.Serve(a.back) }() // ends with the server
	a.runner.Start()
	a.lanes.Start()
	a.identity.Start()
	a.tellMissingSpaces(ctx)
	a.logger.InfoContext(ctx, "serving", "url", a.URL(), "version", a.version, "connections", most)
	return nil
}

// Done receives the error that ended serving, if something other than Stop ended it.
func (a *App) Done() <-chan error { return a.serving }

// Addr answers the address that the server listens on.
func (a *App) Addr() string { return a.listener.Addr().String() }

// URL answers the address that people and clients use.
func (a *App) URL() string { return a.cfg.BaseURL }

// Stop ends the server in an order that loses nothing: waiters are answered and told to come back, running requests
// and jobs end, then the storage closes. ctx bounds it. A second Stop answers what the first did.
func (a *App) Stop(ctx context.Context) error {
	a.stopOnce.Do(func() {
		closeBroker(a.store.Broker())
		var err error
		if a.server != nil {
			if err = a.server.Shutdown(ctx); err != nil {
				err = errors.Join(fmt.Errorf("some requests had not ended: %w", err), a.server.Close())
			}
			a.rest.Drain(ctx)
			a.lanes.Stop()
			a.runner.Stop()
			a.identity.Stop(ctx)
			close(a.quiet)
			a.resting.Wait()
		} else {
			err = a.hangUp()
		}
		a.stopErr = errors.Join(err, a.store.Close())
	})
	return a.stopErr
}

// closeBroker wakes all waiters, so that they answer before the server goes.
func closeBroker(b approval.Broker) {
	if b, ok := b.(interface{ Close() }); ok {
		b.Close()
	}
}

// readyWithin is how long whoever asks whether the node is ready waits: load balancers give up soon.
const readyWithin = 4 * time.Second

// Ready answers nil while the node can serve: its storage reads and writes, and does so soon.
func (a *App) Ready(ctx context.Context) error {
	answer := make(chan error, 1)
	go func() { answer <- a.store.Ping(ctx) }()
	late := time.NewTimer(readyWithin)
	defer late.Stop()
	select {
	case err := <-answer:
		return err
	case <-late.C:
		return approval.Errorf(approval.Unavailable, "the database has not answered for %s", readyWithin)
	}
}

func (a *App) handler() (http.Handler, error) {
	mux := http.NewServeMux()
	var err error
	a.rest, err = api.New(api.Deps{Service: a.service, Auth: a.identity, Tokens: a.identity, Logins: a.identity.Logins(), BaseURL: a.URL, Source: a.source,
		Keys: func() any { return a.identity.JWKS() }, Limits: a.limits, Logger: a.logger, Metrics: a.metrics, Ready: a.Ready, Version: a.version, Resume: a.back.resume})
	if err != nil {
		return nil, err
	}
	a.rest.Register(mux)
	web.New(web.Deps{Service: a.service, Sessions: a.identity.Sessions(), Tokens: a.identity, Passkeys: a.identity.Passkeys(), Logins: a.identity.Logins(), Source: a.source, Limits: a.limits,
		BaseURL: a.URL(), Logger: a.logger, Dev: a.dev}).Register(mux)
	return pastTheMux(a.rest, mux), nil
}

// source answers where a request comes from, as people read it: an address, or the network of an IPv6 customer.
func (a *App) source(r *http.Request) string {
	from := a.limits.Source(r)
	if from.IsSingleIP() {
		return from.Addr().String()
	}
	return from.String()
}

// pastTheMux hands the calls of programs to the API itself, which has a table of its own: to look for it in the server's
// first would cost each call a microsecond. What is not written as it is meant goes the long way.
func pastTheMux(rest, mux http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u := r.URL; strings.HasPrefix(u.Path, "/v1/") && u.RawPath == "" && path.Clean(u.Path) == u.Path {
			rest.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// loopback answers whether the address is one that only this machine reaches.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
