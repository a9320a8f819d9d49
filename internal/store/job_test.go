package store

import (
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/store/migrations"
	"github.com/indent-approvals/indent/internal/store/storetest"
)

// Each space of a database of before gets its hourly look, within the next hour, and not all at once.
func TestMigrationGivesEachSpaceItsHourlyLook(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, s *Store) {
		names := strings.Fields("a b c d e f g h")
		for _, name := range names {
			c := approval.Change{Space: name, Writes: []approval.Write{approval.PutSpace{Space: approval.Space{Name: name, CreateTime: storetest.Start}}},
				Events: []approval.Event{{Event: "test", ID: "event-" + name, Timestamp: storetest.Start}}}
			if err := s.Commit(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		text, err := fs.ReadFile(migrations.For(s.dialect.name), "0023_hourly_looks.sql")
		if err != nil {
			t.Fatal(err)
		}
		_, insert, _ := strings.Cut(string(text), "INSERT INTO jobs")
		insert, _, _ = strings.Cut(insert, ";")
		begun := time.Now()
		if err := s.write(t.Context(), []statement{{dynamic: "INSERT INTO jobs" + insert}}); err != nil {
			t.Fatal(err)
		}
		jobs, err := s.LeaseJobs(t.Context(), "", begun.Add(2*time.Hour), time.Minute, 100)
		if err != nil || len(jobs) != len(names) {
			t.Fatalf("%d jobs, %v", len(jobs), err)
		}
		minutes := map[time.Time]bool{}
		for _, j := range jobs {
			if j.Kind != approval.JobHourly || j.Key != approval.JobHourly+"/"+j.Space || j.RunTime.Before(begun.Add(-time.Minute)) || j.RunTime.After(begun.Add(61*time.Minute)) {
				t.Errorf("%+v", j)
			}
			minutes[j.RunTime.Truncate(time.Minute)] = true
		}
		if len(minutes) < 2 {
			t.Error("all at once")
		}
	})
}
