package app

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// headroom is how much may be allocated between two collections. A server that keeps little would otherwise collect
// every few megabytes, fifty times a second under load.
const headroom = 64 << 20

// The share of what is kept that headroom comes to, in percent: a large heap is not made half as large again for it,
// and a small one not twenty times as large.
const leastPercent, mostPercent = 50, 1600

var tuneOnce sync.Once

// tuneCollector lets the collector run when headroom is used up, whatever is kept. An operator who sets GOGC or
// GOMEMLIMIT has decided otherwise and is obeyed.
func tuneCollector() {
	tuneOnce.Do(func() {
		if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
			afterEachCollection(func() { debug.SetGCPercent(percentFor(kept())) })
		}
	})
}

// percentFor answers the collector's percentage for a heap of which so many bytes are kept.
func percentFor(kept uint64) int {
	return int(min(max(headroom*100/max(kept, 1), leastPercent), mostPercent))
}

// kept answers what the last collection has found in use, stacks included.
func kept() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64() + sample[1].Value.Uint64()
}

// afterEachCollection runs f now and after every collection: an object that nobody holds is found by each, and its
// finalizer lays out the next one.
func afterEachCollection(f func()) {
	type sentinel struct{ _ *byte } // a pointer keeps it out of the allocator that shares one block among many
	var lay func(*sentinel)
	lay = func(*sentinel) {
		f()
		runtime.SetFinalizer(&sentinel{}, lay)
	}
	lay(nil)
}
