package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/config"
	"github.com/indent-approvals/indent/internal/policy"
)

// What `indent dev` makes, once.
const (
	DevSpace    = "acmecorp"
	DevOwner    = "you@acmecorp.example"
	DevReviewer = "reviewer@acmecorp.example"
	DevAccount  = "quickstart"
)

// DevOptions are the settings of a server to play with.
type DevOptions struct {
	Addr    string // default 127.0.0.1:8080; it must be a loopback address
	DataDir string // default .indent-dev
	Version string
	Logger  *slog.Logger
}

// DevServer is a running server to play with.
type DevServer struct {
	*App
	// SignInLink signs the owner in once.
	SignInLink string
	// DevEnv holds the quickstart service account's token, ReviewerEnv the owner's; both have mode 0600.
	DevEnv, ReviewerEnv string
	// AccountToken is what DevEnv holds, for the three lines to paste.
	AccountToken string

	stop context.CancelFunc
	done chan struct{}
}

// Dev starts a server with a space, its owner, a second reviewer, a service account, a few resources and the dev
// policy. What a start before has made is found again.
func Dev(ctx context.Context, o DevOptions) (*DevServer, error) {
	if o.DataDir == "" {
		o.DataDir = ".indent-dev"
	}
	if err := os.MkdirAll(o.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("the data folder cannot be made: %w", err)
	}
	cfg, err := devConfig(o)
	if err != nil {
		return nil, err
	}
	a, err := Build(ctx, cfg, Options{Logger: o.Logger, Version: o.Version, Dev: true, Serves: true})
	if err != nil {
		return nil, err
	}
	d := &DevServer{App: a, DevEnv: filepath.Join(o.DataDir, "dev.env"), ReviewerEnv: filepath.Join(o.DataDir, "reviewer.env"), done: make(chan struct{})}
	if err := d.begin(ctx); err != nil {
		return nil, errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
	}
	return d, nil
}

func devConfig(o DevOptions) (config.Config, error) {
	cfg := config.Default()
	cfg.Addr = o.Addr
	cfg.Database = filepath.Join(o.DataDir, "indent.db")
	cfg.LogFormat = "text"
	cfg.Operators = DevOwner
	cfg.SealKeys = [][]byte{devSealKey[:]}
	cfg.RateCalls, cfg.RatePetitions = 0, 0 // whoever plays with it is alone, and measures it perhaps
	if !loopback(cfg.Addr) {
		return cfg, fmt.Errorf("indent dev listens on loopback only, %s is not: its policy lets one person play both parts; use indent serve", cfg.Addr)
	}
	return cfg, nil
}

func (d *DevServer) begin(ctx context.Context) error {
	if d.listener == nil {
		if err := d.Listen(); err != nil {
			return err
		}
	}
	owner, err := d.seed(ctx)
	if err != nil {
		return err
	}
	if err := d.Start(ctx); err != nil {
		return err
	}
	if d.AccountToken, err = d.accountToken(ctx, owner); err != nil {
		return err
	}
	if err := d.writeReviewer(ctx, owner); err != nil {
		return err
	}
	if d.SignInLink, err = d.Link(ctx, DevSpace, DevOwner); err != nil {
		return err
	}
	refresh, stop := context.WithCancel(context.WithoutCancel(ctx))
	d.stop = stop
	go d.keepReviewer(refresh, owner)
	return nil
}

// seed makes each thing unless it is there, so that a start that was killed half-way is finished by the next.
func (d *DevServer) seed(ctx context.Context) (approval.Actor, error) {
	s, store := d.service, d.store
	if _, err := store.Space(ctx, DevSpace); approval.CodeOf(err) == approval.NotFound {
		if _, err := s.CreateSpace(ctx, approval.NewSpace{Name: DevSpace, DisplayName: "Acme Corp", Owner: DevOwner, OwnerName: "Dev Owner", Policy: policy.Dev()}); err != nil {
			return approval.Actor{}, err
		}
	} else if err != nil {
		return approval.Actor{}, err
	}
	member, err := store.Member(ctx, DevSpace, DevOwner)
	if err != nil {
		return approval.Actor{}, err
	}
	owner := member.Actor("", nil)
	if err := missing(store.Member(ctx, DevSpace, DevReviewer)); err != nil {
		if _, err := s.PutMember(ctx, approval.System(DevSpace, "admin"), approval.Member{Email: DevReviewer, DisplayName: "Reviewer", Role: approval.Editor}); err != nil {
			return owner, err
		}
	}
	if err := missing(store.Member(ctx, DevSpace, DevAccount)); err != nil {
		if _, err := s.CreateServiceAccount(ctx, owner, approval.Member{ID: DevAccount, DisplayName: "Quickstart", Role: approval.PetitionAdmin}); err != nil {
			return owner, err
		}
	}
	if err := missing(store.Resource(ctx, DevSpace, "production")); err != nil {
		_, err := s.PutResources(ctx, owner, devResources())
		return owner, err
	}
	return owner, nil
}

func missing[T any](_ T, err error) error { return err }

func devResources() []approval.Resource {
	entry := func(name, kind, title, description string, requestable bool) approval.Resource {
		r := approval.Resource{ID: name, Kind: kind, DisplayName: title, Labels: map[string]string{approval.LabelBlock: name, "description": description}}
		if requestable {
			r.Labels[approval.LabelRequestable] = "true"
		}
		return r
	}
	person := func(email, title string) approval.Resource {
		return approval.Resource{ID: email, Kind: approval.KindUser, DisplayName: title, Email: email, Labels: map[string]string{approval.LabelBlock: email}}
	}
	return []approval.Resource{
		entry("production", "environment", "Production", "The servers that customers use", true),
		entry("staging", "environment", "Staging", "A copy of production without customers", true),
		entry("customer-database", "database", "Customer Database", "Read access to customers' records", true),
		entry("billing-admins", "group", "Billing Admins", "May refund and change plans", true),
		entry("deploy-bot", "bot", "Deploy Bot", "Ships what was merged", false),
		person(DevOwner, "Dev Owner"),
		person(DevReviewer, "Reviewer"),
	}
}

// accountToken answers the service account's token: the one that the env file of a start before holds, while it is
// valid, else a new one.
func (d *DevServer) accountToken(ctx context.Context, owner approval.Actor) (string, error) {
	token := readEnv(d.DevEnv)["INDENT_API_TOKEN"]
	if a, err := d.identity.Authenticate(ctx, token); err != nil || a.ID != DevAccount {
		made, err := d.identity.CreateServiceToken(ctx, owner, DevAccount, "indent dev", nil, time.Time{})
		if err != nil {
			return "", err
		}
		token = made.Secret
	}
	return token, d.writeEnv(d.DevEnv, token)
}

func (d *DevServer) writeReviewer(ctx context.Context, owner approval.Actor) error {
	made, err := d.identity.CreateUserToken(ctx, owner, "indent dev", nil)
	if err != nil {
		return err
	}
	return d.writeEnv(d.ReviewerEnv, made.Secret)
}

// keepReviewer renews the owner's short-lived token in its file while the server runs.
func (d *DevServer) keepReviewer(ctx context.Context, owner approval.Actor) {
	defer close(d.done)
	for {
		tick, stop := d.clock.After(d.cfg.TokenTTL / 2)
		select {
		case <-ctx.Done():
			stop()
			return
		case <-tick:
		}
		if err := d.writeReviewer(ctx, owner); err != nil {
			d.logger.ErrorContext(ctx, "reviewer.env could not be renewed", "error", err)
		}
	}
}

// Stop ends the server; a second Stop does nothing.
func (d *DevServer) Stop(ctx context.Context) error {
	if d.stop != nil {
		d.stop()
		<-d.done
	}
	return d.App.Stop(ctx)
}

// EnvLines answers the three lines that a client needs.
func (d *DevServer) EnvLines(token string) string {
	return d.App.EnvLines(DevSpace, token)
}

// writeEnv replaces the file in one step, so that a reader never sees half of it.
func (d *DevServer) writeEnv(path, token string) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.WriteString(d.EnvLines(token))
	if err := errors.Join(err, temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}

// readEnv reads what writeEnv wrote; a file that is not there has no lines.
func readEnv(path string) map[string]string {
	values := map[string]string{}
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return values
	}
	for line := range strings.Lines(string(raw)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			values[key] = value
		}
	}
	return values
}
