package app_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/app/apptest"
	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
	"github.com/indent-approvals/indent/internal/config"
	indent "github.com/indent-approvals/indent/sdk/go"
)

// told is a server with a webhook that applies every grant, whose real endpoint can be taken down.
type told struct {
	*apptest.Server
	t      *testing.T
	clock  *approvaltest.Clock
	editor *indent.Client
	asker  *indent.Client
	down   atomic.Bool
	mu     sync.Mutex
	has    map[string]bool // who has what, in the real system
	ids    []string
	step   time.Duration // what passes while a state is waited for
}

func newTold(t *testing.T) *told {
	t.Helper()
	h := &told{t: t, clock: approvaltest.NewClock(), has: map[string]bool{}}
	kit := &indent.WebhookHandler{Name: "roles", Apply: func(_ context.Context, u indent.WebhookUpdate) error {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.has[u.User.ID+" "+u.Target.ID] = u.Grant
		h.ids = append(h.ids, u.ID)
		return nil
	}}
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h.down.Load() {
			http.Error(w, "down for now", http.StatusServiceUnavailable)
			return
		}
		kit.ServeHTTP(w, r)
	}))
	t.Cleanup(endpoint.Close)
	h.Server = apptest.Start(t, apptest.Options{Clock: h.clock, Config: func(c *config.Config) { c.PrivateNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }})
	editor := h.Actor(t, apptest.Editor)
	_, secret, err := h.Service().CreateWebhook(t.Context(), editor, approval.NewWebhook{Name: "roles", URL: endpoint.URL + "/indent"})
	if err != nil {
		t.Fatal(err)
	}
	// The receiver looks at the time of the call, which is the virtual one.
	kit.Verifier = indent.WebhookVerifier{Secrets: []string{secret}, Now: h.clock.Now}
	if _, err := h.Service().CreateWebhookPolicy(t.Context(), editor, approval.NewWebhookPolicy{Name: "all", Webhook: "roles"}); err != nil {
		t.Fatal(err)
	}
	h.editor, h.asker = h.client(apptest.Editor), h.client(apptest.Viewer)
	return h
}

func (h *told) client(who string) *indent.Client {
	h.t.Helper()
	c, err := indent.New(indent.Options{URL: h.URL(), Space: apptest.Space, Token: h.Token(h.t, who)})
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

func (h *told) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// granted answers a petition that was asked for and approved.
func (h *told) granted() *indent.Petition {
	h.t.Helper()
	p, err := h.asker.CreatePetition(h.t.Context(), indent.NewPetition{Reason: "to look", Resources: []indent.Resource{{Kind: "role", ID: "reader"}}})
	h.must(err)
	_, err = h.editor.Approve(h.t.Context(), p, indent.ClaimOptions{})
	h.must(err)
	return p
}

// until waits until who asked sees the one application of the petition in the state, and answers the petition then.
func (h *told) until(name, state string) *indent.Petition {
	h.t.Helper()
	ticks, last := time.NewTicker(10*time.Millisecond), ""
	defer ticks.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-ticks.C {
		h.clock.Advance(h.step)
		p, err := h.asker.Petition(h.t.Context(), name)
		h.must(err)
		for _, a := range p.State.Status.Webhooks {
			if last = a.State + " " + a.Problem; a.State == state && (state != "pending" && state != "ending" || a.Attempts > 0 && a.Problem != "") {
				return p
			}
		}
	}
	h.t.Fatalf("petition %s never was %s, but %q", name, state, last)
	return nil
}

// failing waits until the webhook says that its endpoint fails, which is written behind what the petition says, and answers how it stands.
func (h *told) failing() *indent.WebhookCondition {
	h.t.Helper()
	ticks := time.NewTicker(10 * time.Millisecond)
	defer ticks.Stop()
	for deadline := time.Now().Add(patience); ; <-ticks.C {
		w, err := h.editor.Webhook(h.t.Context(), "roles")
		h.must(err)
		if w.Condition.State == "failing" || time.Now().After(deadline) {
			return w.Condition
		}
	}
}

func (h *told) reads(name string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.has[apptest.Viewer+" "+name]
}

// scrape answers the line of /metrics that begins so.
func (h *told) scrape(name string) string {
	h.t.Helper()
	r, err := http.Get(h.URL() + "/metrics")
	h.must(err)
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	h.must(err)
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, name) {
			return strings.TrimSpace(line)
		}
	}
	h.t.Fatalf("there is no figure %s", name)
	return ""
}

// The whole way: a real endpoint is told of a grant; one that is down is told when it is up again, and who asked sees why it is
// not applied until then.
func TestAGrantIsAppliedAndSaysSo(t *testing.T) {
	t.Parallel()
	h := newTold(t)
	first := h.granted()
	p := h.until(first.Name, "applied")
	a := p.State.Status.Webhooks[0]
	if !h.reads("reader") || a.Webhook != "roles" || a.Person.ID != apptest.Viewer || a.Resource.ID != "reader" || a.EndTime.IsZero() || a.Problem != "" {
		t.Errorf("applied, and the endpoint has it: %t, the petition %+v", h.reads("reader"), a)
	}
	_, err := h.editor.Revoke(t.Context(), first, indent.ClaimOptions{})
	h.must(err)
	if p := h.until(first.Name, "ended"); h.reads("reader") || p.Phase() == indent.PhaseGranted {
		t.Errorf("revoked, and the endpoint has it: %t, phase %s", h.reads("reader"), p.Phase())
	}

	h.down.Store(true)
	second := h.granted()
	p = h.until(second.Name, "pending")
	if a := p.State.Status.Webhooks[0]; !strings.Contains(a.Problem, "503") || a.NextTime.IsZero() || p.Phase() != indent.PhaseGranted || h.reads("reader") {
		t.Errorf("the endpoint is down: %+v, phase %s", a, p.Phase())
	}
	h.down.Store(false)
	h.step = time.Second // its next try may be noted only now
	h.until(second.Name, "applied")
	if !h.reads("reader") {
		t.Error("the endpoint does not have it")
	}
	if line := h.scrape(`indent_webhook_deliveries_total{outcome="ok"}`); !strings.HasSuffix(line, " 3") {
		t.Errorf("counted %s", line)
	}
}

// What an endpoint does not take away is never shown as ended: the petition stays revoked, the figure and the webhook say so, and
// when the endpoint is back it is taken away. A call is made again when somebody says so.
func TestARevocationThatIsNotDeliveredSaysSo(t *testing.T) {
	t.Parallel()
	h := newTold(t)
	ctx := t.Context()
	asked := h.granted()
	h.until(asked.Name, "applied")
	if line := h.scrape("indent_revocations_overdue"); !strings.HasSuffix(line, " 0") {
		t.Errorf("counted %s", line)
	}
	h.down.Store(true)
	_, err := h.editor.Revoke(ctx, asked, indent.ClaimOptions{Reason: "enough"})
	h.must(err)
	h.until(asked.Name, "ending")
	h.clock.Advance(2 * time.Minute)
	p := h.until(asked.Name, "ending")
	if p.Phase() != indent.PhaseRevoked || !h.reads("reader") || p.State.Status.Webhooks[0].EndingSince.IsZero() {
		t.Errorf("not taken away: phase %s, %+v", p.Phase(), p.State.Status.Webhooks[0])
	}
	if line := h.scrape("indent_revocations_overdue"); !strings.HasSuffix(line, " 1") {
		t.Errorf("counted %s", line)
	}
	if c := h.failing(); c.State != "failing" || c.Overdue != 1 || c.Holding != 1 || !strings.Contains(c.Problem, "503") {
		t.Errorf("the condition is %+v", c)
	}

	var failed indent.Delivery
	for d, err := range h.editor.Deliveries(ctx, "roles", indent.DeliveryQuery{Petition: asked.Name, Outcome: "again"}) {
		h.must(err)
		failed = d
	}
	one, err := h.editor.Delivery(ctx, "roles", failed.Name)
	h.must(err)
	if one.Command != "access/revoke" || one.Attempt == nil || one.Attempt.Status != 503 || !strings.Contains(one.Attempt.Body, asked.Name) || strings.Contains(one.Attempt.Body, "whsec_") ||
		one.Attempt.Headers["Webhook-Signature"] != "[redacted]" {
		t.Errorf("the attempt is %+v", one.Attempt)
	}
	h.down.Store(false)
	_, err = h.editor.ReplayDelivery(ctx, "roles", failed.Name)
	h.must(err)
	h.step = time.Second
	if p := h.until(asked.Name, "ended"); h.reads("reader") || p.State.Status.Webhooks[0].EndingSince != (time.Time{}) {
		t.Errorf("taken away: %+v", p.State.Status.Webhooks[0])
	}
	if line := h.scrape("indent_revocations_overdue"); !strings.HasSuffix(line, " 0") {
		t.Errorf("counted %s", line)
	}
	if last := h.ids[len(h.ids)-1]; last == one.Attempt.ID {
		t.Error("what somebody has sent again has the id of before")
	}
}
