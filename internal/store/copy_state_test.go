package store

import (
	"path/filepath"
	"testing"
)

// Who begins a copy again has nothing in the index of words: an end that stayed would keep new petitions out of it.
func TestACopyThatBeginsAgainHasIndexedNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "indent.db")
	if err := openStore(t, Options{URL: path, Alone: true}).Close(); err != nil {
		t.Fatal(err)
	}
	target, err := openFile(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer target.close()
	state := &copyState{}
	if err := state.begin(t.Context(), target, "one"); err != nil {
		t.Fatal(err)
	}
	if _, err := target.conn.ExecContext(t.Context(), "UPDATE petition_search_end SET seq = 1000"); err != nil { // the copy came so far
		t.Fatal(err)
	}
	if err := state.beginAgain(t.Context(), target, "another, without petitions"); err != nil {
		t.Fatal(err)
	}
	var end int64
	if err := target.conn.QueryRowContext(t.Context(), selectWordsEnd).Scan(&end); err != nil || end != 0 {
		t.Errorf("the index of words ends at %d, %v; want 0", end, err)
	}
}
