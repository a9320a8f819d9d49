package api

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics is what the API counts. Labels come from the table only, never from what a client sends.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	waiters  prometheus.Gauge
	streams  prometheus.Gauge
	awaiting prometheus.Gauge
	created  *prometheus.CounterVec
	claims   *prometheus.CounterVec
}

func newMetrics(registry *prometheus.Registry) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "indent_api_requests_total",
			Help: "Answered requests; status 499: the client had left."}, []string{"route", "method", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "indent_api_request_duration_seconds",
			Help:    "Time from the request's headers to the answer, without requests that waited for a decision or followed the log.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}}, []string{"route", "method"}),
		waiters:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "indent_api_waiters", Help: "Requests that wait for a decision now."}),
		streams:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "indent_api_event_streams", Help: "Clients that follow the audit log now."}),
		awaiting: prometheus.NewGauge(prometheus.GaugeOpts{Name: "indent_api_petition_streams", Help: "Connections that wait for the decisions on many petitions now."}),
		created: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "indent_api_petitions_total",
			Help: "Petitions made through the API, by the phase in which policy left them."}, []string{"phase"}),
		claims: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "indent_api_claims_total",
			Help: "Accepted claims through the API: approvals, denials and revocations."}, []string{"claim"}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.duration, m.waiters, m.streams, m.awaiting, m.created, m.claims} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// counter counts the answers of one route.
type counter struct {
	requests *prometheus.CounterVec
	// ok answers the counter of 200, what nearly all answers are, which is looked up when there is one.
	ok       func() prometheus.Counter
	duration prometheus.Observer
}

// of answers the route's counter. A path or method that is not in the table counts as "other".
func (m *metrics) of(rt *route) counter {
	method, path := rt.method, rt.path
	if method == "" {
		method, path = "other", "other"
	}
	labels := prometheus.Labels{"route": path, "method": method}
	requests := m.requests.MustCurryWith(labels)
	ok := sync.OnceValue(func() prometheus.Counter { return requests.WithLabelValues(strconv.Itoa(http.StatusOK)) })
	return counter{requests, ok, m.duration.With(labels)}
}

func (c counter) add(status int, took time.Duration, held bool) {
	if status == http.StatusOK {
		c.ok().Inc()
	} else {
		c.requests.WithLabelValues(strconv.Itoa(status)).Inc()
	}
	if !held {
		c.duration.Observe(took.Seconds())
	}
}

// What streams are counted by.
func eventStreams(m *metrics) prometheus.Gauge    { return m.streams }
func petitionStreams(m *metrics) prometheus.Gauge { return m.awaiting }
