package app_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/app"
	"github.com/indent-approvals/indent/internal/app/apptest"
	"github.com/indent-approvals/indent/internal/config"
)

// logged is a server whose log has a checkpoint that was kept, and then some more entries.
func logged(t *testing.T, database string) (s *apptest.Server, kept string) {
	t.Helper()
	s = apptest.Start(t, apptest.Options{Database: database})
	kept = sealed(t, s, 300)
	if after := sealed(t, s, 20); after == kept {
		t.Fatal("the tree does not grow")
	}
	return s, kept
}

// sealed answers the checkpoint after n more events.
func sealed(t *testing.T, s *apptest.Server, n int) string {
	t.Helper()
	for i := range n {
		if _, err := s.AddMember(t.Context(), apptest.Space, fmt.Sprintf("m%d@acmecorp.example", i), "Viewer"); err != nil {
			t.Fatal(err)
		}
	}
	checkpoint, err := s.SealLog(t.Context(), apptest.Space)
	if err != nil {
		t.Fatal(err)
	}
	return checkpoint
}

// A database whose log is whole is proved to be; whatever is done to it is found and named, with the entry.
func TestWhatIsDoneToALogInTheDatabaseIsFound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, kept := logged(t, filepath.Join(dir, "whole.db"))
	report, err := s.VerifyLog(t.Context(), apptest.Space, app.LogTrust{Kept: []string{kept}})
	if err != nil || report.Size < 620 || report.Kept != 1 {
		t.Fatalf("%+v %v", report, err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	const at = "(SELECT seq FROM events WHERE space = 'acmecorp' ORDER BY seq LIMIT 1 OFFSET 57)"
	for _, c := range []struct {
		name, sql, kind string
		index           int64
	}{
		{"a word", "UPDATE events SET doc = replace(doc, 'Viewer', 'Owner') WHERE seq = (SELECT min(seq) FROM events WHERE space = 'acmecorp' AND doc LIKE '%m20@%' AND event = 'member/put')", "changed", -1},
		{"the time", "UPDATE events SET doc = replace(doc, '\"timestamp\":\"2', '\"timestamp\":\"1') WHERE seq = " + at, "changed", 57},
		{"no JSON", "UPDATE events SET doc = substr(doc, 2) WHERE seq = " + at, "changed", 57},
		{"removed", "DELETE FROM events WHERE seq = " + at, "missing", 57},
		{"the tail is cut off", "DELETE FROM events WHERE seq > " + at, "missing", 58},
		{"put between", "UPDATE events SET seq = seq + 100000 WHERE seq > " + at + "; INSERT INTO events SELECT seq + 1, tx, space, 'made-up', event, petition, actor, time, replace(doc, id, 'made-up') FROM events WHERE seq = (SELECT seq FROM events WHERE space = 'acmecorp' ORDER BY seq LIMIT 1 OFFSET 57)", "extra", 58},
		{"changed places", "UPDATE events SET seq = seq + 100000 WHERE seq = " + at, "order", 57},
		{"a seed", "UPDATE log_entries SET seeds = 'AAAA' || substr(seeds, 5) WHERE place = 0", "changed", 0},
		{"seeds are gone", "DELETE FROM log_entries WHERE place = 0", "missing", 0},
		{"seeds are cut", "UPDATE log_entries SET seeds = substr(seeds, 5) WHERE place = 0", "changed", 0},
		{"a hash", "UPDATE log_tiles SET hashes = 'AAAA' || substr(hashes, 5) WHERE level = 0 AND n = 1", "changed", 256},
		{"hashes are gone", "DELETE FROM log_tiles WHERE level = 0 AND n = 1", "missing", 256},
		{"a hash above", "UPDATE log_tiles SET hashes = 'AAAA' || substr(hashes, 5) WHERE level = 1", "changed", 0},
		{"the tree is smaller", "UPDATE log_trees SET size = 100", "forked", 100},
		{"the checkpoint is another", "UPDATE log_trees SET checkpoint = replace(checkpoint, '=', 'A=')", "forked", 0},
		{"the whole log is another", "DELETE FROM log_trees; DELETE FROM log_entries; DELETE FROM log_tiles; DELETE FROM log_keys; DELETE FROM events WHERE seq = " + at, "forked", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "log.db")
			copyFile(t, filepath.Join(dir, "whole.db"), file)
			tamper(t, file, c.sql)
			trust := app.LogTrust{Kept: []string{kept}}
			a := beside(t, file)
			if _, err := a.SealLog(t.Context(), apptest.Space); c.name == "the whole log is another" && err != nil {
				t.Fatal(err)
			}
			_, err := a.VerifyLog(t.Context(), apptest.Space, trust)
			var fault *app.LogFault
			if !errors.As(err, &fault) || fault.Kind != c.kind || c.index >= 0 && fault.Index != c.index {
				t.Fatalf("%v instead of %s at %d", err, c.kind, c.index)
			}
		})
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// tamper does what who can write to the file can.
func tamper(t *testing.T, file, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "DROP TRIGGER events_never_change; DROP TRIGGER events_never_vanish; "+statement); err != nil {
		t.Fatal(err)
	}
}

// beside is what a command has of a database.
func beside(t *testing.T, database string) *app.App {
	t.Helper()
	cfg := config.Default()
	cfg.Database, cfg.SealKeys = database, [][]byte{[]byte(strings.Repeat("\a", 32))}
	a, err := app.Build(t.Context(), cfg, app.Options{Beside: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return a
}

// The key of a log is sealed in the database, another one follows it while both sign, and who knows one of them only is served.
func TestKeysOfALogFollowOneAnother(t *testing.T) {
	t.Parallel()
	s, first := logged(t, "")
	report, err := s.VerifyLog(t.Context(), apptest.Space, app.LogTrust{})
	if err != nil || len(report.Keys) != 1 {
		t.Fatalf("%+v %v", report, err)
	}
	var public []string
	for range 2 {
		key, err := s.RotateLogKey(t.Context(), apptest.Space)
		if err != nil {
			t.Fatal(err)
		}
		public = append(public, key)
		checkpoint := sealed(t, s, 1)
		if n := strings.Count(checkpoint, "— "); n != 2 {
			t.Fatalf("%d keys sign:\n%s", n, checkpoint)
		}
	}
	if _, err := s.VerifyLog(t.Context(), apptest.Space, app.LogTrust{Keys: public[:1]}); err != nil {
		t.Fatalf("who knows the key before does not know the log any more: %v", err)
	}
	if _, err := s.VerifyLog(t.Context(), apptest.Space, app.LogTrust{Kept: []string{first}}); err != nil {
		t.Fatalf("what the first key has signed is not known any more: %v", err)
	}
	var fault *app.LogFault
	if _, err := s.VerifyLog(t.Context(), apptest.Space, app.LogTrust{Keys: report.Keys}); !errors.As(err, &fault) {
		t.Fatalf("a key that signs no more is still believed: %v", err)
	}
	db, err := sql.Open("sqlite", s.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var open int
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM log_keys WHERE private NOT LIKE 'g1.%'").Scan(&open); err != nil || open > 0 {
		t.Fatalf("%d keys stand in the database as they are (%v)", open, err)
	}
}

// What is exported is proved without the database.
func TestAnExportProvesALog(t *testing.T) {
	t.Parallel()
	s, kept := logged(t, "")
	var export strings.Builder
	n, err := s.ExportLog(t.Context(), apptest.Space, &export)
	if err != nil || n < 620 {
		t.Fatal(n, err)
	}
	report, err := app.VerifyLogExport(strings.NewReader(export.String()), app.LogTrust{Kept: []string{kept}})
	if err != nil || report.Size != n {
		t.Fatalf("%+v %v", report, err)
	}
	lines := strings.SplitAfter(export.String(), "\n")
	lines[100] = ""
	var fault *app.LogFault
	if _, err = app.VerifyLogExport(strings.NewReader(strings.Join(lines, "")), app.LogTrust{}); !errors.As(err, &fault) || fault.Kind != "missing" || fault.Index != 99 {
		t.Fatalf("%v instead of a missing entry 99", err)
	}
}
