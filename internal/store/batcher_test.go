package store

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// Callers that come back as soon as they are answered are one run where others have the processors meanwhile, two where
// nobody has; and whoever does not come back is waited for a moment only.
func TestBatcherWaitsForThoseItAnswered(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		others func() bool
		leave  bool // nobody comes back
		want   []int
		took   time.Duration
	}{
		"alone":           {nil, false, []int{8, 8, 8, 8}, 20 * time.Millisecond},
		"nobody else":     {func() bool { return false }, false, []int{8, 8, 8, 8}, 20 * time.Millisecond},
		"others":          {func() bool { return true }, false, []int{8, 16, 8}, 20 * time.Millisecond},
		"others, leaving": {func() bool { return true }, true, []int{8, 8}, 14 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { runsOf(t, c.others, c.leave, c.want, c.took) })
		})
	}
}

// runsOf has eight callers come, eight more during the first run, and the first eight again a millisecond after their
// answer, and so the others; a run takes five.
func runsOf(t *testing.T, others func() bool, leave bool, want []int, took time.Duration) {
	t.Helper()
	var runs []int
	begun := time.Now()
	var ended time.Duration
	b := &batcher[func()]{atOnce: 1, size: 64, queue: 64, others: others}
	b.run = func(items []func()) {
		time.Sleep(5 * time.Millisecond)
		runs, ended = append(runs, len(items)), time.Since(begun)
		for _, answer := range items {
			answer()
		}
	}
	add := func(item func()) {
		if err := b.add(item); err != nil {
			t.Error(err)
		}
	}
	again := func() {
		if !leave {
			time.AfterFunc(time.Millisecond, func() { add(func() {}) })
		}
	}
	for range 8 {
		add(again)
	}
	time.AfterFunc(time.Millisecond, func() {
		for range 8 {
			add(again)
		}
	})
	time.Sleep(time.Second)
	synctest.Wait()
	if !slices.Equal(runs, want) || ended != took {
		t.Errorf("runs of %v, the last ended after %v; want %v, %v", runs, ended, want, took)
	}
}
