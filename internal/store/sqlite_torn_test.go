package store

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/store/storetest"
)

// A write-ahead log that ends anywhere, or has a wrong byte anywhere, as power that goes or a disk that lies leave it:
// the next start shows what was acknowledged before some commit, all of it and nothing else.
//
// Every byte of the last commits is tried in the nightly run; in others those at which something begins or ends, and a
// share of those between.
func TestTornWAL(t *testing.T) {
	t.Parallel()
	w := recordWAL(t)
	stride := 397 // a prime, so that it comes to every place of a frame
	if os.Getenv("INDENT_TORTURE") != "" {
		stride = 1
	}
	folder := t.TempDir()
	tried := 0
	for at := w.commits[len(w.commits)-3]; at <= len(w.log); at++ {
		inFrame := (at - walHeader) % (frameHeader + pageSize)
		edge := inFrame <= 1 || inFrame == frameHeader || inFrame == frameHeader+pageSize-1
		if at%stride != 0 && !edge {
			continue
		}
		tried++
		w.prove(t, folder, fmt.Sprint("cut at byte ", at), w.log[:at], w.committedBefore(at))
		if at < len(w.log) && (stride == 1 || at%(4*stride) == 0) {
			wrong := slices.Clone(w.log)
			wrong[at] ^= 0xff
			w.prove(t, folder, fmt.Sprint("wrong byte ", at), wrong, w.committedBefore(at))
		}
	}
	if tried < 50 {
		t.Errorf("only %d places were tried", tried)
	}
	// whole starts, with all that a server does first
	for i, end := range w.commits[len(w.commits)-3:] {
		for _, at := range []int{end - 1, end} {
			path := w.put(t, folder, fmt.Sprintf("whole-%d-%d", i, at), w.log[:at])
			s := openStore(t, Options{URL: path, Alone: true})
			want := w.committedBefore(at)
			if names, _ := listed(t, s, want); len(names) != want {
				t.Errorf("cut at byte %d: %d petitions, want %d", at, len(names), want)
			}
			proveNothingIsHalfThere(t, s)
		}
	}
}

const walHeader, frameHeader = 32, 24

// recordedWAL is a database with the log of several commits, each of one petition with all that belongs to it.
type recordedWAL struct {
	file, log []byte
	commits   []int // where in the log each commit ends
	base      int   // petitions in the file alone
}

func recordWAL(t *testing.T) recordedWAL {
	t.Helper()
	path := sqliteURL(t)
	fill(t, path, 4) // folded into the file
	s := shortSighted(openStore(t, Options{URL: path}))
	w := recordedWAL{base: 4}
	var err error
	if w.file, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	for range 6 {
		if err := s.Commit(t.Context(), storetest.Create(storetest.NewPetition("acmecorp"))); err != nil {
			t.Fatal(err)
		}
		if w.log, err = os.ReadFile(path + "-wal"); err != nil {
			t.Fatal(err)
		}
		w.commits = append(w.commits, len(w.log))
	}
	for i, end := range w.commits {
		last := w.log[end-frameHeader-pageSize:]
		if binary.BigEndian.Uint32(last[4:]) == 0 || i > 0 && end <= w.commits[i-1] {
			t.Fatalf("the log's commits end at %v, and byte %d is no end of one", w.commits, end)
		}
	}
	return w
}

// committedBefore answers how many petitions were acknowledged when the log had so many good bytes.
func (w recordedWAL) committedBefore(bytes int) int {
	petitions := w.base
	for _, end := range w.commits {
		if end <= bytes {
			petitions++
		}
	}
	return petitions
}

func (w recordedWAL) put(t *testing.T, folder, name string, log []byte) (path string) {
	t.Helper()
	path = filepath.Join(folder, name)
	for end, content := range map[string][]byte{"": w.file, "-wal": log} {
		if err := os.WriteFile(path+end, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// prove reads what SQLite makes of the log. It does not wait for the disk, as nothing is kept.
func (w recordedWAL) prove(t *testing.T, folder, what string, log []byte, want int) {
	t.Helper()
	path := w.put(t, folder, "torn", log)
	db, err := openPool(plainDSN(path)+"&_pragma=synchronous(off)", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer removeDatabase(path)
	defer db.Close()
	var petitions, requests, keys, timers, index int
	err = db.QueryRowContext(t.Context(), `SELECT (SELECT count(*) FROM petitions), (SELECT count(*) FROM events WHERE event = $1),
		(SELECT count(*) FROM idempotency), (SELECT count(*) FROM petitions WHERE timer_kind = $2),
		(SELECT count(*) FROM petition_search WHERE petition_search MATCH 'support') + (SELECT count(*) FROM petitions WHERE NOT `+isIndexed+`) FROM (SELECT 1)`, approval.EventRequest, string(approval.JobExpire)).
		Scan(&petitions, &requests, &keys, &timers, &index)
	// of the four that stand in the file two are decided, whose timers are others
	if decided := 2; err != nil || petitions != want || requests != want || keys != want || timers != want-decided || index != want {
		t.Fatalf("%s: %d petitions, %d requests, %d keys, %d timers, %d found by words (%v); want %d of each, less the decided of the timers",
			what, petitions, requests, keys, timers, index, err, want)
	}
}
