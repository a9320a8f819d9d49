package store

import (
	"sync"
	"testing"

	"github.com/indent-approvals/indent/internal/store/storetest"
)

// Changes that come at once may share a commit; what is refused is counted nowhere.
func TestWhatIsWrittenIsCounted(t *testing.T) {
	t.Parallel()
	for engine, url := range engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			s := openStore(t, Options{URL: url(t)})
			const callers = 50
			var all sync.WaitGroup
			for range callers {
				all.Go(func() {
					change := storetest.Create(storetest.NewPetition("acmecorp"))
					if err := s.Commit(t.Context(), change); err != nil {
						t.Error(err)
					}
					if err := s.Commit(t.Context(), change); err == nil {
						t.Error("a petition was made twice")
					}
				})
			}
			all.Wait()
			got := s.Stats()
			if got.Changes != callers || got.Events < callers || got.Commits < 1 || got.Commits > callers {
				t.Errorf("counted %+v of %d changes", got, callers)
			}
		})
	}
}
