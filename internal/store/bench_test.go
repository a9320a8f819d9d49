package store

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/store/storetest"
)

// BenchmarkCommit answers how many durable changes a second each engine takes, by how many callers there are at once.
// PostgreSQL takes part when INDENT_TEST_POSTGRES names a server.
func BenchmarkCommit(b *testing.B) {
	engines := map[string]func(testing.TB) string{"sqlite": sqliteURL}
	if os.Getenv(postgresVariable) != "" {
		engines["postgres"] = postgresURL
	}
	for _, engine := range slices.Sorted(maps.Keys(engines)) {
		for _, callers := range []int{1, 64, 256} {
			b.Run(fmt.Sprintf("%s/create/%d", engine, callers), func(b *testing.B) {
				s := openStore(b, Options{URL: engines[engine](b)})
				run(b, s, callers)
			})
		}
	}
}

func run(b *testing.B, s approval.Store, callers int) {
	work := make(chan struct{}, b.N)
	for range b.N {
		work <- struct{}{}
	}
	close(work)
	b.ReportAllocs()
	b.ResetTimer()
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range work {
				if err := s.Commit(b.Context(), storetest.Create(storetest.NewPetition("acmecorp"))); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
}
