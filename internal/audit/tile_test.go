package audit_test

import (
	"bytes"
	"testing"

	"github.com/indent-approvals/indent/internal/audit"
)

// Paths are those of C2SP tlog-tiles, and each tile has one.
func TestPathsOfTiles(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]audit.Asked{
		"0/000":               {Width: 256},
		"0/x001/x234/067":     {N: 1234067, Width: 256},
		"2/x001/234.p/7":      {Level: 2, N: 1234, Width: 7},
		"entries/x001/234":    {Entries: true, N: 1234, Width: 256},
		"entries/999.p/255":   {Entries: true, N: 999, Width: 255},
		"7/x123/x456/789":     {Level: 7, N: 123456789, Width: 256},
		"1/x001/x000/000.p/1": {Level: 1, N: 1000000, Width: 1},
	} {
		if got, ok := audit.ParsePath(path); !ok || got != want {
			t.Errorf("%s: %+v, %v", path, got, ok)
		}
	}
	for _, path := range []string{
		"", "0", "0/", "/000", "0/0", "0/00", "0/0000", "0/001/002", "0/x001", "0/x001/2", "0/x000/001", "0/000.p/0", "0/000.p/256", "0/000.p/01",
		"0/000.p/", "0/000.p/1/", "8/000", "-1/000", "00/000", "+1/000", "x/000", "entries/000.p/1.p/1", "0/-01", "0/%30", "0/000/", "0/xx01/000",
		"0/x999/x999/x999/x999/x999/x999/999",
	} {
		if got, ok := audit.ParsePath(path); ok {
			t.Errorf("%q is taken as %+v", path, got)
		}
	}
	if got := audit.EntriesPath(1234067, 3); got != "tile/entries/x001/x234/067.p/3" {
		t.Error(got)
	}
	if got := (audit.Tile{Level: 3, N: 5, Hashes: make([]audit.Hash, 256)}).Path(); got != "tile/3/005" {
		t.Error(got)
	}
}

func FuzzTilePath(f *testing.F) {
	f.Add("0/x001/x234/067.p/8")
	f.Add("entries/000")
	f.Fuzz(func(t *testing.T, path string) {
		a, ok := audit.ParsePath(path)
		if !ok {
			return
		}
		again := audit.EntriesPath(a.N, a.Width)
		if !a.Entries {
			again = audit.Tile{Level: a.Level, N: a.N, Hashes: make([]audit.Hash, a.Width)}.Path()
		}
		if again != "tile/"+path {
			t.Fatalf("%q is %+v, which is at %q", path, a, again)
		}
	})
}

func FuzzEntries(f *testing.F) {
	whole, err := audit.Bundle([][]byte{[]byte(`{}`), {}, bytes.Repeat([]byte("a"), 300)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Fuzz(func(t *testing.T, data []byte) {
		leaves, err := audit.ParseBundle(data)
		if err != nil {
			return
		}
		again, err := audit.Bundle(leaves)
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%x is read as %x and written as %x (%v)", data, leaves, again, err)
		}
	})
}

func FuzzTile(f *testing.F) {
	f.Add(make([]byte, 64))
	f.Fuzz(func(t *testing.T, data []byte) {
		hashes, err := audit.ParseTile(data)
		if (err == nil) != (len(data)%32 == 0 && len(data) <= 8192) {
			t.Fatalf("%d bytes: %v", len(data), err)
		}
		if err == nil && !bytes.Equal(audit.Tile{Hashes: hashes}.Bytes(), data) {
			t.Fatal("another tile")
		}
	})
}
