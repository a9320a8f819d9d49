package app

import (
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// What counts as quiet: a second in which less than quietBytes were allocated. Memory is given back then, if at least
// worthwhile was allocated since the last time; half of a headroom may lie about after a burst of work.
const (
	quietPeriod = time.Second
	quietBytes  = 1 << 20
	worthwhile  = 16 << 20
)

// quiet watches how much the process allocates. It is one for the process, however many nodes a test has in it.
type quiet struct {
	mu       sync.Mutex
	looked   time.Time
	last     uint64 // allocated when it was looked at last
	returned uint64 // allocated when memory was given back last
}

var processQuiet quiet

// giveBackWhenQuiet returns to the system what a burst of work has left, as soon as the burst is over: who waits for a
// decision waits for hours, and the runtime alone would take minutes. It ends with stop.
func (a *App) giveBackWhenQuiet(stop <-chan struct{}) {
	tick := time.NewTicker(quietPeriod)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case now := <-tick.C:
			if processQuiet.due(now, allocated()) {
				debug.FreeOSMemory()
			}
		}
	}
}

// due answers whether memory is to be given back now, when so many bytes have been allocated since the process began.
func (q *quiet) due(now time.Time, total uint64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if now.Sub(q.looked) < quietPeriod/2 {
		return false // another node of the process has just looked
	}
	still := total-q.last < quietBytes
	q.looked, q.last = now, total
	if !still || total-q.returned < worthwhile {
		return false
	}
	q.returned = total
	return true
}

func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
