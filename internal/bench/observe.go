package bench

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ServerSide is what the server says of itself during a measurement.
type ServerSide struct {
	// Changes, Events and Commits are by second: changes that were acknowledged, entries of the audit log that were
	// committed with them, and transactions, each of which waits once for the disk (fsync).
	Changes float64 `json:"changesPerSecond,omitempty"`
	Events  float64 `json:"eventsPerSecond,omitempty"`
	Commits float64 `json:"commitsPerSecond,omitempty"`
	// CPU is the server's processor time for each piece of work that was done, in milliseconds.
	CPU float64 `json:"cpuMillisecondsEach,omitempty"`
	// Request is the mean time of a request of a list at the server, in milliseconds, from the first header to the
	// last byte; Slow is the share of requests that took longer than 5 ms.
	Request float64 `json:"requestMilliseconds,omitempty"`
	Slow    float64 `json:"slowShare,omitempty"`
}

// observation is what the server shows at a moment.
type observation struct {
	figures map[string]float64 // by name and labels, summed over the nodes
	mib     float64
}

func (b *bench) observe(ctx context.Context) observation {
	o := observation{figures: map[string]float64{}, mib: pss(b.PIDs)}
	for i := range b.nodes {
		// A server that does not show its figures is measured without them.
		if text, err := b.metrics(ctx, i); err == nil {
			addMetrics(text, o.figures)
		}
	}
	return o
}

// serverSide answers what has changed at the server from before to after; nil when it does not show its figures.
func serverSide(r Result, before, after observation) *ServerSide {
	grown := func(name string) float64 { return after.figures[name] - before.figures[name] }
	if len(after.figures) == 0 || r.Seconds == 0 || r.Done == 0 {
		return nil
	}
	s := &ServerSide{
		Changes: grown("indent_store_changes_total") / r.Seconds,
		Events:  grown("indent_store_events_total") / r.Seconds,
		Commits: grown("indent_store_commits_total") / r.Seconds,
		CPU:     grown("process_cpu_seconds_total") * 1000 / float64(r.Done),
	}
	const list = `{method="GET",route="/v1/spaces/{space}/petitions"`
	if n := grown("indent_api_request_duration_seconds_count" + list + "}"); n > 0 {
		s.Request = grown("indent_api_request_duration_seconds_sum"+list+"}") * 1000 / n
		s.Slow = 1 - grown("indent_api_request_duration_seconds_bucket"+list+`,le="0.005"}`)/n
	}
	return s
}

func (b *bench) metrics(ctx context.Context, node int) ([]byte, error) {
	w := b.wire(ctx, node)
	defer w.close()
	return w.soon().exchange(w.node.metrics, "")
}

// addMetrics adds the figures of Prometheus' text format to those of other nodes.
func addMetrics(text []byte, to map[string]float64) {
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(line, "} ")
		if ok {
			name += "}"
		} else if name, value, ok = strings.Cut(line, " "); !ok {
			continue
		}
		if v, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil && !strings.HasPrefix(name, "#") {
			to[name] += v
		}
	}
}

// memory answers how it has changed; nil when no process of the server is named.
func (b *bench) memory(before, after observation) *Memory {
	if len(b.PIDs) == 0 {
		return nil
	}
	return &Memory{BeforeMiB: before.mib, MiB: after.mib}
}

// pss answers the proportional set size of processes in MiB, 0 where the system does not tell.
func pss(pids []int) float64 {
	kib := 0
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "Pss:" {
				n, _ := strconv.Atoi(fields[1])
				kib += n
			}
		}
	}
	return float64(kib) / 1024
}
