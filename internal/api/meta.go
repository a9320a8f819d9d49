package api

import (
	"errors"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/indent-approvals/indent/internal/approval"
)

// health is the answer of /healthz and /readyz.
type health struct {
	Status  string `json:"status" example:"ok"`
	Version string `json:"version,omitempty" doc:"Of the server."`
}

// sendHealth answers whether the process lives: it asks nothing of anybody else, so that a slow database does not get
// the process killed.
func (a *API) sendHealth(x *exchange) error {
	x.sendJSON(http.StatusOK, "application/json", health{"ok", a.Version})
	return nil
}

// sendReadiness answers whether to send requests here: 503 while storage does not answer or the server stops.
func (a *API) sendReadiness(x *exchange) error {
	if x.stopping() {
		return approval.Errorf(approval.Unavailable, "the server stops")
	}
	if a.Ready != nil {
		if err := a.Ready(x.r.Context()); err != nil {
			return approval.Wrap(approval.Unavailable, err, "the server cannot serve now: %s", whyNotReady(err))
		}
	}
	x.sendJSON(http.StatusOK, "application/json", health{"ok", a.Version})
	return nil
}

// whyNotReady answers what storage says about itself, if it does.
func whyNotReady(err error) string {
	var refusal *approval.Error
	if errors.As(err, &refusal) && refusal.Code == approval.Unavailable {
		return refusal.Message
	}
	return "its storage does not answer"
}

func (a *API) sendMetrics(x *exchange) error {
	promhttp.HandlerFor(a.Deps.Metrics, promhttp.HandlerOpts{}).ServeHTTP(x.w, x.r)
	return nil
}

func (a *API) sendOpenAPI(x *exchange) error {
	spec, err := description()
	if err != nil {
		return err
	}
	x.w.Header().Set("Cache-Control", "public, max-age=300")
	x.sendBytes(http.StatusOK, "application/json", spec.text)
	return nil
}
