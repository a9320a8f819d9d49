// Package apptest starts a whole server for a test: the real storage, API, pages and timers on a loopback address.
package apptest

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/app"
	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/config"
	"github.com/indent-approvals/indent/internal/policy"
)

// Space is the space that every test server has.
const Space = "acmecorp"

// Members of the space, one for each role; their address is "<name>@acmecorp.example".
const (
	Owner         = "owner@acmecorp.example"
	Editor        = "editor@acmecorp.example"
	PetitionAdmin = "admin@acmecorp.example"
	Viewer        = "viewer@acmecorp.example"
)

// Options changes what [Start] starts.
type Options struct {
	Database string         // default: a file in the test's folder
	Policy   string         // default: policy.Default()
	Clock    approval.Clock // default: the machine's
	Addr     string         // default: a free loopback port
	Config   func(*config.Config)
}

// Server is a running server of a test.
type Server struct {
	*app.App
	Database string
}

// Start starts a server with the space and its members and stops it when the test ends.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	cfg := config.Default()
	cfg.Addr, cfg.Database = "127.0.0.1:0", filepath.Join(t.TempDir(), "indent.db")
	if o.Addr != "" {
		cfg.Addr = o.Addr
	}
	if o.Database != "" {
		cfg.Database = o.Database
	}
	cfg.SealKeys = [][]byte{bytes.Repeat([]byte{7}, 32)}
	// A test does in a second what people do in a day; the tests of limits set them.
	cfg.RateCalls, cfg.RatePetitions, cfg.RateRefusals, cfg.RateWrong, cfg.WaitsPerActor = 0, 0, 0, 0, 0
	if o.Config != nil {
		o.Config(&cfg)
	}
	a, err := app.Build(t.Context(), cfg, app.Options{Clock: o.Clock, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatalf("the server cannot be built: %v", err)
	}
	t.Cleanup(func() { stop(t, a) })
	seed(t, a.Service(), o)
	if err := a.Start(t.Context()); err != nil {
		t.Fatalf("the server cannot start: %v", err)
	}
	return &Server{App: a, Database: cfg.Database}
}

func stop(t testing.TB, a *app.App) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := a.Stop(ctx); err != nil {
		t.Errorf("the server did not stop cleanly: %v", err)
	}
}

func seed(t testing.TB, s *approval.Service, o Options) {
	t.Helper()
	text := o.Policy
	if text == "" {
		text = policy.Default()
	}
	_, err := s.CreateSpace(t.Context(), approval.NewSpace{Name: Space, DisplayName: "Acme Corp", Owner: Owner, Policy: text})
	if approval.CodeOf(err) == approval.Conflict {
		return // a second server on the same database
	}
	if err != nil {
		t.Fatalf("the space cannot be made: %v", err)
	}
	for email, role := range map[string]approval.Role{Editor: approval.Editor, PetitionAdmin: approval.PetitionAdmin, Viewer: approval.Viewer} {
		if _, err := s.PutMember(t.Context(), approval.System(Space, "admin"), approval.Member{Email: email, Role: role}); err != nil {
			t.Fatalf("member %s cannot be made: %v", email, err)
		}
	}
}

// Actor answers a member as it acts without a token.
func (s *Server) Actor(t testing.TB, id string) approval.Actor {
	t.Helper()
	m, err := s.Service().Store.Member(t.Context(), Space, id)
	if err != nil {
		t.Fatalf("there is no member %s: %v", id, err)
	}
	return m.Actor("", nil)
}

// Token answers a user token of a member.
func (s *Server) Token(t testing.TB, id string) string {
	t.Helper()
	made, err := s.Identity().CreateUserToken(t.Context(), s.Actor(t, id), "test", nil)
	if err != nil {
		t.Fatalf("no token for %s: %v", id, err)
	}
	return made.Secret
}

// SignedIn answers the token of a program that a member has let in, after signing in by a link.
func (s *Server) SignedIn(ctx context.Context, id string) (string, error) {
	sessions, logins := s.Identity().Sessions(), s.Identity().Logins()
	link, err := sessions.CreateLink(ctx, approval.System(Space, "admin"), id, time.Hour)
	if err != nil {
		return "", err
	}
	secret, _, err := sessions.SignIn(ctx, link, "a test")
	if err != nil {
		return "", err
	}
	a, err := sessions.Authenticate(ctx, secret)
	if err != nil {
		return "", err
	}
	c, err := logins.Open(ctx, approval.Login{Client: "a test"})
	if err != nil {
		return "", err
	}
	if _, err := logins.Answer(ctx, a, c.User, true); err != nil {
		return "", err
	}
	made, err := logins.DeviceTokens(ctx, c.Device)
	return made.Secret, err
}

// ServiceToken makes a service account with the role, owned by [Owner], and answers its long-lived token.
func (s *Server) ServiceToken(t testing.TB, id string, role approval.Role, scopes ...approval.Permission) string {
	t.Helper()
	owner := s.Actor(t, Owner)
	_, err := s.Service().CreateServiceAccount(t.Context(), owner, approval.Member{ID: id, Role: role})
	if err != nil && approval.CodeOf(err) != approval.Conflict {
		t.Fatalf("no service account %s: %v", id, err)
	}
	made, err := s.Identity().CreateServiceToken(t.Context(), owner, id, "test", scopes, time.Time{})
	if err != nil {
		t.Fatalf("no token for %s: %v", id, err)
	}
	return made.Secret
}
