package app

import (
	"testing"
	"time"
)

func TestMemoryIsGivenBackOnceABurstIsOver(t *testing.T) {
	t.Parallel()
	var q quiet
	now, total := time.Unix(0, 0), uint64(0)
	step := func(allocates uint64, want bool, what string) {
		t.Helper()
		now, total = now.Add(quietPeriod), total+allocates
		if got := q.due(now, total); got != want {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	step(worthwhile, false, "while it works")
	step(0, true, "the first quiet second")
	step(0, false, "nothing was allocated since")
	for range 2*worthwhile/quietBytes - 2 {
		step(quietBytes/2, false, "a little each second")
	}
	step(quietBytes/2, false, "almost worthwhile")
	step(quietBytes/2, true, "a little each second has come to something")
	if q.due(now.Add(quietPeriod/4), total+worthwhile) {
		t.Error("two nodes of one process gave back at once")
	}
}
