package store

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/store/storetest"
)

func TestOneServerOnAnSQLiteFile(t *testing.T) {
	t.Parallel()
	path := sqliteURL(t)
	link := t.TempDir() + "/other-name.db"
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	first, err := Open(t.Context(), Options{URL: path, Alone: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{path, "sqlite:" + path, link} {
		s, err := Open(t.Context(), Options{URL: url, Alone: true})
		if err == nil {
			_ = s.Close()
		}
		want := fmt.Sprintf("another server (process %d) runs on the database", os.Getpid())
		if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", url, err, want)
		}
	}
	beside := openStore(t, Options{URL: path})
	if err := beside.Commit(t.Context(), storetest.Create(storetest.NewPetition("acmecorp"))); err != nil {
		t.Errorf("an operator's command beside a server: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	openStore(t, Options{URL: path, Alone: true})
}
