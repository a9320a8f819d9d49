package store

import (
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/store/storetest"
)

// With one writer what was written last is known, exactly, until the store closes.
func TestSQLiteKnowsWhatItHasWritten(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{URL: t.TempDir() + "/indent.db"})
	made := storetest.NewPetition("acmecorp")
	granted, grant := storetest.Decide(made, approval.Resource{ID: "bob"})
	for _, step := range []struct {
		change  approval.Change
		version int64
	}{{storetest.Create(made), made.Version}, {grant, granted.Version}} {
		if err := s.Commit(t.Context(), step.change); err != nil {
			t.Fatal(err)
		}
		if p := s.RecentPetition(made.Space, made.Name); p == nil || p.Version != step.version {
			t.Errorf("%+v is known, want version %d", p, step.version)
		}
	}
	if err := s.Commit(t.Context(), grant); approval.CodeOf(err) != approval.Conflict {
		t.Errorf("the same change twice: %v", err)
	}
	if p := s.RecentPetition(made.Space, made.Name); p != nil && p.Version != granted.Version {
		t.Errorf("after a commit that failed version %d is known", p.Version)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s.RecentPetition(made.Space, made.Name) != nil {
		t.Error("a store that is closed knows a petition")
	}
}
