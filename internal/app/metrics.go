package app

import (
	"context"
	"math"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/limits"
	"github.com/indent-approvals/indent/internal/store"
)

// countStore shows what the store has written beside what the API counts.
func (a *App) countStore() {
	for _, c := range []struct {
		name, help string
		value      func(store.Stats) int64
	}{
		{"indent_store_changes_total", "Changes that were committed.", func(s store.Stats) int64 { return s.Changes }},
		{"indent_store_events_total", "Entries of the audit log that were committed with their changes.", func(s store.Stats) int64 { return s.Events }},
		{"indent_store_commits_total", "Transactions that made changes durable, each with one wait for the disk; on SQLite many changes share one.",
			func(s store.Stats) int64 { return s.Commits }},
	} {
		a.metrics.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: c.name, Help: c.help},
			func() float64 { return float64(c.value(a.store.Stats())) }))
	}
}

// countPulls shows how the pulls of directories end, and how many policies fail.
func (a *App) countPulls() {
	for _, state := range approval.PullStates {
		a.metrics.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "indent_pulls_total",
			Help: "Pulls of directories that ended on this node, by how.", ConstLabels: prometheus.Labels{"state": string(state)}},
			func() float64 { return float64(a.service.PullsEnded(state)) }))
	}
	a.metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "indent_pull_policies_failing",
		Help: "Pull policies of the server that have not worked since they last failed."}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), readyWithin)
		defer cancel()
		n, err := a.store.FailingPulls(ctx)
		if err != nil {
			return math.NaN() // nobody can tell
		}
		return float64(n)
	}))
}

// countLimits shows which budgets are spent how often.
func (a *App) countLimits() {
	for kind, name := range limits.Kinds {
		a.metrics.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "indent_limited_total",
			Help: "Calls and attempts that were answered 429, by the budget that was spent.", ConstLabels: prometheus.Labels{"limit": name}},
			func() float64 { return float64(a.limits.Refused(limits.Kind(kind))) }))
	}
	a.metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "indent_limits_known",
		Help: "Members, addresses and credentials that the node keeps a budget of; bounded."}, func() float64 { return float64(a.limits.Known()) }))
}

// countDeliveries shows what came of calls to webhooks, and what they should have taken away and have not. While that cannot be
// looked up it is no number, so that nobody takes it for none.
func (a *App) countDeliveries() {
	for _, o := range approval.WebhookOutcomes {
		a.metrics.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "indent_webhook_deliveries_total",
			Help:        "Attempts of calls to webhooks on this node, by what came of them: ok, refused, again (it is tried again), gone (410) or notSent (a dry run).",
			ConstLabels: prometheus.Labels{"outcome": string(o)}}, func() float64 { return float64(a.service.Delivered(o)) }))
	}
	a.metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "indent_revocations_overdue",
		Help: "Grants of a person and a resource that are over for more than a minute and that a webhook has not taken away, of all spaces; NaN while the database does not say."}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), readyWithin)
		defer cancel()
		n, err := a.service.OverdueRevocations(ctx)
		if err != nil {
			return math.NaN()
		}
		return float64(n)
	}))
	a.metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "indent_access_drift",
		Help: "Grants of a person and a resource of which a webhook has said twice that access is not as it should be, of all spaces; NaN while the database does not say."}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), readyWithin)
		defer cancel()
		n, err := a.service.DriftedAccess(ctx)
		if err != nil {
			return math.NaN()
		}
		return float64(n)
	}))
}
