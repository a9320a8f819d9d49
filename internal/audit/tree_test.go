package audit_test

import (
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/indent-approvals/indent/internal/audit"
)

// book keeps the tiles of a log as a store does, and the hashes of the library beside it.
type book struct {
	tree   *audit.Tree
	tiles  map[string][]audit.Hash
	stored []tlog.Hash
}

func newBook(t testing.TB) *book {
	tree, err := audit.OpenTree(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &book{tree: tree, tiles: map[string][]audit.Hash{}}
}

func key(level int, n int64) string { return fmt.Sprint(level, "/", n) }

func (b *book) tile(level int, n int64, width int) ([]audit.Hash, error) {
	hashes := b.tiles[key(level, n)]
	if len(hashes) < width {
		return nil, fmt.Errorf("no tile %d/%d of %d hashes", level, n, width)
	}
	return hashes[:width], nil
}

func (b *book) append(t testing.TB, leaves ...string) {
	hashes := make([]audit.Hash, len(leaves))
	for i, leaf := range leaves {
		hashes[i] = audit.LeafHash([]byte(leaf))
		more, err := tlog.StoredHashes(b.tree.Size()+int64(i), []byte(leaf), tlog.HashReaderFunc(func(indexes []int64) (found []tlog.Hash, err error) {
			for _, index := range indexes {
				found = append(found, b.stored[index])
			}
			return found, nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		b.stored = append(b.stored, more...)
	}
	for _, tile := range b.tree.Append(hashes...) {
		b.tiles[key(tile.Level, tile.N)] = tile.Hashes
	}
}

func (b *book) checkpoint() audit.Checkpoint {
	return audit.Checkpoint{Origin: "indent.test/acme", Size: b.tree.Size(), Root: b.tree.Root()}
}

// The tree is that of golang.org/x/mod/sumdb/tlog at every size, however its leaves come; it is opened again from its tiles, and
// what is proved by them is true of it and of nothing else.
func TestTreeIsThatOfRFC6962(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		b := newBook(t)
		var sizes []audit.Checkpoint
		for b.tree.Size() < int64(rapid.SampledFrom([]int{1, 3, 255, 256, 257, 600, 70_000}).Draw(r, "size")) {
			leaves := make([]string, rapid.SampledFrom([]int{1, 2, 100, 256, 4_000, 30_000}).Draw(r, "batch"))
			for i := range leaves {
				leaves[i] = fmt.Sprint("leaf ", b.tree.Size()+int64(i))
			}
			b.append(t, leaves...)
			want, err := tlog.TreeHash(b.tree.Size(), tlog.HashReaderFunc(func(indexes []int64) (found []tlog.Hash, err error) {
				for _, index := range indexes {
					found = append(found, b.stored[index])
				}
				return found, nil
			}))
			if err != nil || b.tree.Root() != want {
				r.Fatalf("at %d entries the root is %v instead of %v (%v)", b.tree.Size(), b.tree.Root(), want, err)
			}
			opened, err := audit.OpenTree(b.tree.Size(), b.tile)
			if err != nil || opened.Root() != want {
				r.Fatalf("opened again at %d entries: %v", b.tree.Size(), err)
			}
			b.tree = opened
			sizes = append(sizes, b.checkpoint())
		}
		c := b.checkpoint()
		index := rapid.Int64Range(0, c.Size-1).Draw(r, "index")
		proof, leaf, err := audit.ProveEntry(c, index, b.tile)
		if err != nil || leaf != audit.LeafHash(fmt.Append(nil, "leaf ", index)) || audit.CheckEntry(c, index, leaf, proof) != nil {
			r.Fatalf("entry %d of %d is not proved: %v", index, c.Size, err)
		}
		if other := (index + 1) % c.Size; other != index && audit.CheckEntry(c, other, leaf, proof) == nil {
			r.Fatalf("entry %d is proved at %d too", index, other)
		}
		older := rapid.SampledFrom(sizes).Draw(r, "older")
		growth, err := audit.ProveGrowth(c, older.Size, b.tile)
		if err != nil || audit.CheckGrowth(older, c, growth) != nil {
			r.Fatalf("growth from %d to %d is not proved: %v", older.Size, c.Size, err)
		}
		older.Root[7] ^= 1
		if audit.CheckGrowth(older, c, growth) == nil {
			r.Fatal("another history is proved as well")
		}
	})
}

// A tile that was changed by one bit proves nothing.
func TestAChangedTileIsFound(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	leaves := make([]string, 1_000)
	for i := range leaves {
		leaves[i] = fmt.Sprint(i)
	}
	b.append(t, leaves...)
	c := b.checkpoint()
	for name := range b.tiles {
		b.tiles[name][0][5] ^= 4
		for index := range c.Size {
			proof, leaf, err := audit.ProveEntry(c, index, b.tile)
			if err == nil && (leaf != audit.LeafHash(fmt.Append(nil, index)) || audit.CheckEntry(c, index, leaf, proof) != nil) {
				t.Fatalf("with tile %s changed, entry %d is answered all the same", name, index)
			}
		}
		b.tiles[name][0][5] ^= 4
	}
}
