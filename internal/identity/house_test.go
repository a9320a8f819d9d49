package identity

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
	"github.com/indent-approvals/indent/internal/webhook"
)

const (
	issuer = "https://indent.example"
	ada    = "ada@acmecorp.example" // Owner
	vic    = "vic@acmecorp.example" // Viewer
	bot    = "bot"                  // service account of Ada's, Petition Admin
)

// house is one node over a store in memory, and a count of what it reads.
type house struct {
	*Identity
	testing.TB
	store   *approvaltest.Store
	clock   *approvaltest.Clock
	service *approval.Service
	reads   atomic.Int64
	// down makes every reading fail.
	down atomic.Bool
}

func newHouse(t testing.TB) *house {
	h := &house{TB: t, store: approvaltest.NewStore(), clock: approvaltest.NewClock()}
	h.store.BeforeRead = func(string) error {
		h.reads.Add(1)
		if h.down.Load() {
			return approval.Errorf(approval.Unavailable, "the store is down")
		}
		return nil
	}
	h.service = approval.NewService(approval.Deps{Store: h.store, Clock: h.clock, IDs: &approvaltest.IDs{}, Broker: approvaltest.NewBroker(),
		Authenticators: Authenticators{func() string { return issuer }}})
	_, err := h.service.CreateSpace(t.Context(), approval.NewSpace{Name: "acmecorp", Owner: ada, Policy: "-"})
	h.must(err)
	_, err = h.service.PutMember(t.Context(), approval.System("acmecorp", "admin"), approval.Member{Email: vic, Role: approval.Viewer})
	h.must(err)
	_, err = h.service.CreateServiceAccount(t.Context(), h.actor(ada), approval.Member{ID: bot})
	h.must(err)
	h.Identity = h.node(issuer)
	return h
}

// node starts another node on the same database.
func (h *house) node(base string) *Identity {
	h.Helper()
	i, err := New(h.Context(), h.service, Config{Issuer: func() string { return base }, TokenTTL: time.Hour, SessionTTL: 12 * time.Hour,
		Outside: webhook.NewGuard(nil, false).Client(issuerTimeout)})
	h.must(err)
	return i
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *house) actor(id string) approval.Actor {
	h.Helper()
	m, err := h.store.Member(h.Context(), "acmecorp", id)
	h.must(err)
	return m.Actor("", nil)
}

func (h *house) suspend(id string) {
	h.Helper()
	m, err := h.store.Member(h.Context(), "acmecorp", id)
	h.must(err)
	m.Suspended = true
	h.must(h.store.Commit(h.Context(), approval.Change{Space: "acmecorp", Writes: []approval.Write{approval.PutMember{Member: m}},
		Events: []approval.Event{{Event: approval.EventMemberPut}}}))
}

func (h *house) serviceToken(scopes ...approval.Permission) Made {
	h.Helper()
	made, err := h.CreateServiceToken(h.Context(), h.actor(ada), bot, "test", scopes, time.Time{})
	h.must(err)
	return made
}

func (h *house) userToken(id string, scopes ...approval.Permission) Made {
	h.Helper()
	made, err := h.CreateUserToken(h.Context(), h.actor(id), "test", scopes)
	h.must(err)
	return made
}

// wants checks that the bearer stands for the member at the node, or for nobody when id is "".
func (h *house) wants(i interface {
	Authenticate(context.Context, string) (approval.Actor, error)
}, bearer, id string) {
	h.Helper()
	a, err := i.Authenticate(h.Context(), bearer)
	switch {
	case id == "" && (approval.CodeOf(err) != approval.Unauthenticated || a.ID != ""):
		h.Errorf("got %s (%v), want Unauthenticated", a.ID, err)
	case id != "" && (err != nil || a.ID != id):
		h.Errorf("got %s (%v), want %s", a.ID, err, id)
	}
}

// confirmed is a policy by which an Owner approves with a passkey.
type confirmed struct{}

func (confirmed) OnCall(context.Context, approval.PolicyDocument, string, time.Time) (approval.OnCall, error) {
	return approval.OnCall{}, nil
}

func (confirmed) Selects(context.Context, approval.PolicyDocument, string, approval.Candidate) (bool, error) {
	return false, nil
}

func (confirmed) Decide(context.Context, approval.PolicyInput) (approval.Verdict, error) {
	return approval.Verdict{Decision: approval.VerdictReview, Rule: "confirmed", DecideWithin: time.Hour, DefaultDuration: time.Hour,
		Requirements: []approval.Requirement{{Reviewers: approval.Reviewers{Roles: []approval.Role{approval.Owner}}, Count: 1, Confirm: approval.ConfirmPasskey}}}, nil
}
