package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// StartOptions say what to start, and how often.
type StartOptions struct {
	Command []string
	URL     string
	Times   int
	Idle    time.Duration
	Log     io.Writer // what the server writes
}

// StartResult is how soon it was ready, in milliseconds, and the median of its memory when idle.
type StartResult struct {
	Ready   Times   `json:"readyMilliseconds"`
	IdleMiB float64 `json:"idleMiB"`
}

const (
	readyPatience = time.Minute
	readyEvery    = time.Millisecond
	endPatience   = 30 * time.Second
)

// Start measures how a server starts.
func Start(ctx context.Context, o StartOptions) (StartResult, error) {
	var ready stopwatch
	var idle []float64
	for range o.Times {
		took, mib, err := startOnce(ctx, o)
		if err != nil {
			return StartResult{}, err
		}
		ready.took("", took)
		idle = append(idle, mib)
	}
	slices.Sort(idle)
	return StartResult{Ready: ready.times()[""], IdleMiB: idle[len(idle)/2]}, nil
}

func startOnce(ctx context.Context, o StartOptions) (took time.Duration, mib float64, err error) {
	address := strings.TrimRight(o.URL, "/") + "/readyz"
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	if isReady(ctx, client, address) {
		return 0, 0, fmt.Errorf("%s is answered before the server is started: end the one that runs", address)
	}
	server := exec.Command(o.Command[0], o.Command[1:]...)
	server.Stdout, server.Stderr = o.Log, o.Log
	begun := time.Now()
	if err := server.Start(); err != nil {
		return 0, 0, fmt.Errorf("the server cannot be started: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	defer func() { err = errors.Join(err, end(server, ended)) }()
	for !isReady(ctx, client, address) {
		select {
		case why := <-ended:
			ended <- why
			return 0, 0, fmt.Errorf("the server has ended before it was ready: %v", why)
		case <-ctx.Done():
			return 0, 0, ctx.Err()
		default:
		}
		if time.Since(begun) > readyPatience {
			return 0, 0, fmt.Errorf("%s was not answered with 200 within %s: is --url the server's address?", address, readyPatience)
		}
		pause(ctx, readyEvery)
	}
	took = time.Since(begun)
	pause(ctx, o.Idle)
	return took, pss([]int{server.Process.Pid}), ctx.Err()
}

func isReady(ctx context.Context, c *http.Client, address string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return false
	}
	response, err := c.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// end asks the server to end, and makes it after a while.
func end(server *exec.Cmd, ended <-chan error) error {
	_ = server.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case <-ended:
		return nil
	case <-time.After(endPatience):
		_ = server.Process.Kill()
		<-ended
		return fmt.Errorf("the server did not end within %s of SIGTERM", endPatience)
	}
}
