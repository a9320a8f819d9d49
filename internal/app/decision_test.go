package app_test

import (
	"context"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/app/apptest"
	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/config"
	indent "github.com/indent-approvals/indent/sdk/go"
)

const juror = "on-call-bot"

// jury is a real endpoint that decides as a service account of the Editor.
type jury struct {
	t     *testing.T
	calls atomic.Int64
	kit   *indent.WebhookHandler
	url   string
}

func newJury(t *testing.T, decide func(asked indent.Event) ([]indent.Event, error)) *jury {
	t.Helper()
	j := &jury{t: t}
	j.kit = &indent.WebhookHandler{Name: "on-call", Decide: func(_ context.Context, events []indent.Event) ([]indent.Event, error) {
		j.calls.Add(1)
		return decide(events[0])
	}}
	endpoint := httptest.NewServer(j.kit)
	t.Cleanup(endpoint.Close)
	j.url = endpoint.URL
	return j
}

// swear makes the webhook, its service account and its policy.
func (j *jury) swear(s *apptest.Server) {
	j.t.Helper()
	ctx, editor := j.t.Context(), s.Actor(j.t, apptest.Editor)
	_, err := s.Service().CreateServiceAccount(ctx, editor, approval.Member{ID: juror, Role: approval.Editor})
	if err != nil {
		j.t.Fatal(err)
	}
	_, secret, err := s.Service().CreateWebhook(ctx, editor, approval.NewWebhook{Name: "on-call", URL: j.url})
	if err != nil {
		j.t.Fatal(err)
	}
	j.kit.Verifier = indent.WebhookVerifier{Secrets: []string{secret}}
	_, err = s.Service().CreateWebhookPolicy(ctx, editor, approval.NewWebhookPolicy{Name: "on-call", Webhook: "on-call", Calls: []approval.WebhookKind{approval.WebhookDecide},
		ServiceAccount: juror, DecideWithin: 30 * time.Second})
	if err != nil {
		j.t.Fatal(err)
	}
}

func inside(c *config.Config) {
	c.PrivateNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
}

// The whole way: who asks is approved or denied by a real endpoint within the request's wait; what it leaves to people, and what it
// fails at, waits for them, and the petition's history and the log of calls say why.
func TestAnEndpointDecides(t *testing.T) {
	t.Parallel()
	j := newJury(t, func(asked indent.Event) ([]indent.Event, error) {
		switch id := asked.Resources[1].ID; id {
		case "yes":
			return []indent.Event{{Event: "access/approve", Reason: "on call"}}, nil
		case "no":
			return []indent.Event{{Event: "access/deny", Reason: "not on call"}}, nil
		case "broken":
			return nil, &indent.WebhookStatus{Code: indent.CodeFailedPrecondition, Message: "there is no schedule"}
		}
		return nil, nil
	})
	s := apptest.Start(t, apptest.Options{Config: inside})
	j.swear(s)
	asker, err := indent.New(indent.Options{URL: s.URL(), Space: apptest.Space, Token: s.Token(t, apptest.Viewer)})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(id string) *indent.Petition {
		t.Helper()
		p, err := asker.CreatePetition(t.Context(), indent.NewPetition{Reason: "to look", Resources: []indent.Resource{{Kind: "role", ID: id}}})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for id, want := range map[string]indent.Phase{"yes": indent.PhaseGranted, "no": indent.PhaseClosed} {
		p, err := asker.Wait(t.Context(), ask(id).Name, 2*patience)
		if err != nil || p.Phase() != want {
			t.Errorf("%s: %s, %v", id, p.Phase(), err)
		}
	}
	for id, why := range map[string]string{"people": "it leaves the decision to people", "broken": "FAILED_PRECONDITION (9): there is no schedule"} {
		p := ask(id)
		said := undecidedWhen(t, s, p.Name)
		if !strings.Contains(said, why) {
			t.Errorf("%s: the log says %q", id, said)
		}
		if got, err := asker.Petition(t.Context(), p.Name); err != nil || got.Phase() != indent.PhaseOpen {
			t.Errorf("%s: %s, %v", id, got.Phase(), err)
		}
	}
	log, err := s.Service().Deliveries(t.Context(), s.Actor(t, apptest.Editor), approval.DeliveryQuery{Webhook: "on-call"})
	if err != nil || len(log.Items) < 4 {
		t.Fatalf("%d calls, %v", len(log.Items), err)
	}
	d, err := s.Service().Delivery(t.Context(), s.Actor(t, apptest.Editor), "on-call", log.Items[len(log.Items)-1].Name)
	if err != nil || d.Kind != approval.WebhookDecide || d.Outcome != approval.WebhookDone || d.Attempt.Headers["Webhook-Signature"] != "[redacted]" || !strings.Contains(d.Attempt.Body, "access/request") {
		t.Errorf("the attempt is %+v, %v", d, err)
	}
}

// undecidedWhen waits until the log says why the webhook does not decide, and answers that.
func undecidedWhen(t *testing.T, s *apptest.Server, petition string) string {
	t.Helper()
	ticks := time.NewTicker(20 * time.Millisecond)
	defer ticks.Stop()
	for deadline := time.Now().Add(2 * patience); time.Now().Before(deadline); <-ticks.C {
		history, err := s.Service().History(t.Context(), s.Actor(t, apptest.Editor), petition)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range history {
			if e.Event == approval.EventWebhookUndecided {
				return e.Reason
			}
		}
	}
	t.Fatalf("nobody says why petition %s is not decided", petition)
	return ""
}

// Two nodes have the same jobs: each petition is asked about once and has one claim.
func TestNodesAskAnEndpointOnce(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	if c == nil {
		return
	}
	j := newJury(t, func(indent.Event) ([]indent.Event, error) { return []indent.Event{{Event: "access/approve"}}, nil })
	o := options(c.database, nil)
	base := o.Config
	o.Config = func(cfg *config.Config) { base(cfg); inside(cfg) }
	nodes := []*apptest.Server{apptest.Start(c, o), apptest.Start(c, o)}
	j.swear(nodes[0])
	const many = 20
	var names []string
	for i := range many {
		names = append(names, (&peer{c: c, Server: nodes[i%2]}).ask())
	}
	for _, name := range names {
		c.until("petition "+name+" is granted", func() bool {
			p, err := nodes[1].Service().Store.Petition(t.Context(), apptest.Space, name)
			return err == nil && p.Phase == approval.Granted && len(p.Claims) == 1 && p.Claims[0].Actor.ID == juror
		})
	}
	if calls := j.calls.Load(); calls != many {
		t.Errorf("%d calls for %d petitions", calls, many)
	}
	if n := c.count("SELECT count(*) FROM events WHERE event = 'access/approve'"); n != many {
		t.Errorf("%d approvals of %d petitions", n, many)
	}
	slices.Sort(names)
	if len(slices.Compact(names)) != many {
		t.Errorf("petitions %v", names)
	}
}
