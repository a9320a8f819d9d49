package store

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/store/storetest"
)

// While 8 writers go on, a backup holds all that was acknowledged before it began, and nothing of it is half there.
func TestBackupWhileAServerWrites(t *testing.T) {
	t.Parallel()
	path := sqliteURL(t)
	s := openStore(t, Options{URL: path, Alone: true})
	have, stop := writeUntilStopped(t, s)
	storetest.Eventually(t, func() bool { return len(have()) > 20 })
	before := have()
	file := filepath.Join(t.TempDir(), "indent.backup")
	steps := 0
	c, err := Backup(t.Context(), path, file, func(done, total int64) { steps++ })
	stop()
	if err != nil {
		t.Fatal(err)
	}
	if c.Petitions < int64(len(before)) || c.Events < 3*int64(len(before)) || c.LastEvent.IsZero() || steps == 0 {
		t.Errorf("it holds %+v, told in %d steps; %d petitions were acknowledged before", c, steps, len(before))
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 || info.Size() != c.Bytes {
		t.Errorf("the file: %v, %v", info, err)
	}
	proveFolder(t, file, 1)
	restored := sqliteURL(t)
	r, err := Restore(t.Context(), restored, file, false, nil)
	if err != nil || r.Contents != c || r.Aside != "" {
		t.Fatalf("restored %+v, %v; want %+v", r, err, c)
	}
	second := openStore(t, Options{URL: restored, Alone: true})
	provePetitions(t, second, before)
	proveNothingIsHalfThere(t, second)
}

// writeUntilStopped makes and decides petitions; have answers those that were acknowledged so far, with their phase.
func writeUntilStopped(t *testing.T, s *Store) (have func() map[string]string, stop func()) {
	t.Helper()
	var mu sync.Mutex
	acknowledged := map[string]string{}
	ctx, cancel := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for ctx.Err() == nil {
				p := storetest.NewPetition("acmecorp")
				next, decide := storetest.Decide(p, approval.Resource{ID: "bob"})
				for _, change := range []approval.Change{storetest.Create(p), decide} {
					if err := s.Commit(t.Context(), change); err != nil {
						t.Error(err)
						return
					}
				}
				mu.Lock()
				acknowledged[p.Name] = string(next.Phase)
				mu.Unlock()
			}
		})
	}
	have = func() map[string]string {
		mu.Lock()
		defer mu.Unlock()
		return maps.Clone(acknowledged)
	}
	return have, func() { cancel(); writers.Wait() }
}

// proveFolder proves that nothing else was left beside a file.
func proveFolder(t *testing.T, file string, files int) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(entries) != files {
		t.Errorf("the folder of %s has %v (%v), want %d files", file, entries, err, files)
	}
}

func backedUp(t *testing.T) (path, file string) {
	t.Helper()
	path, file = sqliteURL(t), filepath.Join(t.TempDir(), "indent.backup")
	fill(t, path, 5)
	if _, err := Backup(t.Context(), "sqlite:"+path, file, nil); err != nil {
		t.Fatal(err)
	}
	return path, file
}

func TestBackupRefuses(t *testing.T) {
	t.Parallel()
	path, file := backedUp(t)
	was, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ url, file, want string }{
		{path, file, "is not overwritten"},
		{path + ".none", file + "2", "there is no database"},
		{path, t.TempDir() + "/none/x", "cannot be made"},
		{"postgres://u:secret@db/indent", file + "2", "pg_dump --format=custom"},
	} {
		_, err := Backup(t.Context(), c.url, c.file, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s to %s: got %v, want %q", c.url, c.file, err, c.want)
		}
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := Backup(stopped, path, file+"2", nil); err == nil {
		t.Error("a backup that was stopped calls itself whole")
	}
	if is, err := os.ReadFile(file); err != nil || !bytes.Equal(was, is) {
		t.Errorf("the first backup has changed (%v)", err)
	}
	proveFolder(t, file, 1)
}

func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	path, file := backedUp(t)
	refused := func(url, file string, kind error, want string) {
		t.Helper()
		_, err := Restore(t.Context(), url, file, strings.Contains(want, "damaged"), nil)
		if err == nil || kind != nil && !errors.Is(err, kind) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	refused(path, file, nil, "exists: give --force")
	refused("postgres://u:secret@db/indent", file, nil, "pg_restore")
	server := openStore(t, Options{URL: path, Alone: true})
	refused(path, file, ErrInUse, "another server")
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	bad := func(name string, change func([]byte) []byte) string {
		bad := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(bad, change(bytes.Clone(whole)), 0o600); err != nil {
			t.Fatal(err)
		}
		return bad
	}
	zero := func(from, to int) func([]byte) []byte {
		return func(b []byte) []byte { clear(b[from:to]); return b }
	}
	for _, file := range []string{
		bad("header", zero(0, 100)), bad("page", zero(5*pageSize, 6*pageSize)), bad("last page", zero(len(whole)-pageSize, len(whole))),
		bad("short", func(b []byte) []byte { return b[:len(b)-pageSize] }), bad("half", func(b []byte) []byte { return b[:len(b)/2+7] }),
		bad("empty", func([]byte) []byte { return nil }), bad("text", func([]byte) []byte { return []byte("no backup") }),
	} {
		refused(path, file, ErrDamaged, "damaged")
	}
	see(t, path, 5) // what was there is there
	entries, _ := filepath.Glob(path + "*")
	for _, entry := range entries {
		if strings.Contains(entry, "partial") || strings.Contains(entry, "before-restore") {
			t.Errorf("%s was left", entry)
		}
	}
}

// By force, what was there is kept aside, whole and usable, and a second time under another name.
func TestRestoreByForceKeepsWhatWasThere(t *testing.T) {
	t.Parallel()
	path, file := backedUp(t)
	s := openStore(t, Options{URL: path})
	if err := s.Commit(t.Context(), storetest.Create(storetest.NewPetition("acmecorp"))); err != nil {
		t.Fatal(err)
	}
	// another process has it open
	if _, err := Restore(t.Context(), path, file, true, nil); !errors.Is(err, ErrInUse) {
		t.Errorf("got %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{path + ".before-restore-1", path + ".before-restore-2"} {
		r, err := Restore(t.Context(), path, file, true, nil)
		if err != nil || r.Aside != want {
			t.Fatalf("%+v, %v; want %s", r, err, want)
		}
		see(t, path, 5)
	}
	see(t, path+".before-restore-1", 6)
	// even a damaged one is kept
	if err := os.WriteFile(path, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Restore(t.Context(), path, file, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	if kept, err := os.ReadFile(r.Aside); err != nil || string(kept) != "damaged" {
		t.Errorf("kept %q, %v", kept, err)
	}
	see(t, path, 5)
}
