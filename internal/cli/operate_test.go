package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A second server on one database is refused, whichever command starts it; what operators do beside a server is not.
func TestTwoServersOnOneDatabase(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	first := start(t, "dev", "--addr", "127.0.0.1:0", "--data-dir", folder, "--json")
	var told struct{ Space string }
	if err := json.Unmarshal([]byte(first.line(t)), &told); err != nil {
		t.Fatal(err)
	}
	database := filepath.Join(folder, "indent.db")
	backup := filepath.Join(t.TempDir(), "beside.backup")
	want := fmt.Sprintf("indent: another server (process %d) runs on the database %s: stop it first, or use another database\n", os.Getpid(), database)
	for _, args := range [][]string{
		{"dev", "--addr", "127.0.0.1:0", "--data-dir", folder},
		{"serve", "--addr", "127.0.0.1:0", "--database", database},
		{"restore", "--database", database, "--force", backup},
	} {
		second := start(t, args...)
		second.ends(t, exitInUse)
		if got := second.err.String(); got != want {
			t.Errorf("%v: said %q, want %q", args, got, want)
		}
	}
	for _, args := range [][]string{
		{"admin", "link", "--database", database, "--space", told.Space, "--email", "you@acmecorp.example"},
		{"backup", "--database", database, backup},
	} {
		beside := start(t, args...)
		beside.ends(t, exitOK)
	}
	migration := start(t, "migrate", "--from", database, "--to", "postgres://127.0.0.1:1/none")
	migration.ends(t, exitInUse)
	if got := migration.err.String(); !strings.Contains(got, "another server") {
		t.Errorf("said %q", got)
	}
	first.end(t, exitOK)
	start(t, "dev", "--addr", "127.0.0.1:0", "--data-dir", folder, "--json").line(t)
}

// ends waits until the command has ended by itself.
func (r *running) ends(t *testing.T, want int) {
	t.Helper()
	if _, err := io.Copy(io.Discard, r.out); err != nil {
		t.Fatal(err)
	}
	if code := <-r.code; code != want {
		t.Errorf("exit code %d, want %d\n%s", code, want, r.err)
	}
}
