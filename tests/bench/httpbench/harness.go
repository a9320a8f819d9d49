package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// harness measures a target; every target does the same work.
type harness struct {
	target  *target
	seconds float64
	pids    string
}

var (
	run  = strconv.FormatInt(time.Now().UnixNano(), 36)
	last atomic.Int64
)

func newID() string { return fmt.Sprintf("p-%s-%d", run, last.Add(1)) }

const (
	most     = 200 // bad ones, then a run ends
	patience = time.Minute
)

// closed lets c clients work, each on its next petition as soon as the last one is done.
func (h *harness) closed(mode string, c int) {
	var create, decide, wake, whole stopwatch
	var ok atomic.Int64
	var f failures
	begun := time.Now()
	end := begun.Add(time.Duration(h.seconds * float64(time.Second)))
	var all sync.WaitGroup
	for range c {
		all.Go(func() {
			for f.count.Load() <= most && time.Now().Before(end) {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				id, t0 := newID(), time.Now()
				err := h.target.Create(ctx, id)
				create.add(time.Since(t0))
				if err == nil && mode == "rt" {
					err = h.decided(ctx, cancel, id, t0, &decide, &wake, &whole)
				}
				cancel()
				if err != nil {
					f.add(err)
				} else {
					ok.Add(1)
				}
			}
		})
	}
	all.Wait()
	seconds := time.Since(begun).Seconds()
	line := map[string]any{"mode": mode, "c": c, "ok": ok.Load(), "secs": seconds, "per_s": float64(ok.Load()) / seconds, "server_pss_mib": pss(h.pids) / 1024}
	f.put(line)
	create.put(line, "create")
	decide.put(line, "decide_ack")
	wake.put(line, "wake")
	whole.put(line, "rt")
	emit(line)
}

// decided waits for the petition, decides it as another client, and returns when the waiter has returned.
func (h *harness) decided(ctx context.Context, giveUp func(), id string, t0 time.Time, decide, wake, whole *stopwatch) error {
	done := make(chan error, 1)
	var woke time.Time
	go func() {
		err := h.target.Wait(ctx, id)
		woke = time.Now()
		done <- err
	}()
	sent := time.Now()
	if err := h.target.Decide(ctx, id); err != nil {
		giveUp()
		<-done
		return err
	}
	decide.add(time.Since(sent))
	if err := <-done; err != nil {
		return err
	}
	wake.add(woke.Sub(sent))
	whole.add(woke.Sub(t0))
	return nil
}

// parked parks k waiters, then decides: at most 1,000 one after the other while all others wait, the rest 64 at once.
func (h *harness) parked(k int) {
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	self := strconv.Itoa(os.Getpid())
	server0, client0 := pss(h.pids), pss(self)
	ids, woke, back := make([]string, k), make([]time.Time, k), make([]chan struct{}, k)
	var f failures
	begun := time.Now()
	crew(0, k, func(i int) {
		ids[i], back[i] = newID(), make(chan struct{})
		f.add(h.target.Create(ctx, ids[i]))
	})
	created := time.Since(begun)
	var waiters sync.WaitGroup
	for i := range k {
		if i%50 == 49 {
			time.Sleep(5 * time.Millisecond)
		}
		waiters.Go(func() {
			f.add(h.target.Wait(ctx, ids[i]))
			woke[i] = time.Now()
			close(back[i])
		})
	}
	time.Sleep(3 * time.Second)
	server1, client1 := pss(h.pids), pss(self)
	var wake, decide stopwatch
	release := func(i int, alone bool) {
		sent := time.Now()
		if err := h.target.Decide(ctx, ids[i]); err != nil {
			f.add(err)
			return
		}
		if alone {
			decide.add(time.Since(sent))
		}
		select {
		case <-back[i]:
		case <-ctx.Done():
			return
		}
		if alone {
			wake.add(woke[i].Sub(sent))
		}
	}
	single := min(k/2, 1000)
	for i := range single {
		release(i, true)
	}
	begun = time.Now()
	crew(single, k, func(i int) { release(i, false) })
	drained := time.Since(begun)
	cancel()
	waiters.Wait()
	line := map[string]any{"mode": "parked", "k": k, "create_per_s": float64(k) / created.Seconds(), "drain_per_s": float64(k-single) / drained.Seconds(),
		"server_pss_before_mib": server0 / 1024, "server_pss_parked_mib": server1 / 1024,
		"server_kib_per_waiter": float64(server1-server0) / float64(k), "client_kib_per_waiter": float64(client1-client0) / float64(k)}
	f.put(line)
	wake.put(line, "wake")
	decide.put(line, "decide_ack")
	emit(line)
}

// crew does the work of from to to, 64 at once.
func crew(from, to int, do func(int)) {
	places := make(chan struct{}, 64)
	var all sync.WaitGroup
	for i := from; i < to; i++ {
		places <- struct{}{}
		all.Go(func() {
			do(i)
			<-places
		})
	}
	all.Wait()
}

// failures counts what went wrong and keeps the first.
type failures struct {
	count atomic.Int64
	first atomic.Pointer[error]
}

func (f *failures) add(err error) {
	if err != nil {
		f.count.Add(1)
		f.first.CompareAndSwap(nil, &err)
	}
}

func (f *failures) put(line map[string]any) {
	line["bad"] = f.count.Load()
	if first := f.first.Load(); first != nil {
		line["err"] = (*first).Error()
	}
}

type stopwatch struct {
	mu   sync.Mutex
	list []time.Duration
}

func (s *stopwatch) add(d time.Duration) {
	s.mu.Lock()
	s.list = append(s.list, d)
	s.mu.Unlock()
}

func (s *stopwatch) put(line map[string]any, name string) {
	if len(s.list) == 0 {
		return
	}
	slices.Sort(s.list)
	at := func(share float64) float64 {
		return float64(s.list[int(share*float64(len(s.list)-1))].Microseconds()) / 1000
	}
	line[name+"_p50_ms"], line[name+"_p99_ms"], line[name+"_max_ms"] = at(.5), at(.99), at(1)
}

// pss answers the proportional set size, in KiB, of the processes and all below them.
func pss(pids string) (kib int64) {
	if pids == "" {
		return 0
	}
	wanted := strings.Split(pids, ",")
	parents := map[string]string{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil {
			s := string(text)
			parents[s[:strings.Index(s, " ")]] = strings.Fields(s[strings.LastIndex(s, ")")+1:])[1]
		}
	}
	for pid := range parents {
		above := pid
		for above != "" && above != "0" && !slices.Contains(wanted, above) {
			above = parents[above]
		}
		if slices.Contains(wanted, above) {
			kib += rollup(pid)
		}
	}
	return kib
}

func rollup(pid string) (kib int64) {
	text, _ := os.ReadFile("/proc/" + pid + "/smaps_rollup")
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "Pss:") {
			kib, _ = strconv.ParseInt(strings.Fields(line)[1], 10, 64)
		}
	}
	return kib
}

func emit(line map[string]any) {
	text, _ := json.Marshal(line)
	fmt.Println(string(text))
}

func numbers(list string) (all []int) {
	for text := range strings.SplitSeq(list, ",") {
		n, _ := strconv.Atoi(text)
		all = append(all, n)
	}
	return all
}
