package audit

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// TileReader answers the hashes of a tile, exactly width of them.
type TileReader func(level int, n int64, width int) ([]Hash, error)

// hashes reads from tiles that the tree of a checkpoint has: what is read is checked against its root.
func (c Checkpoint) hashes(tiles TileReader) tlog.HashReader {
	return tlog.TileHashReader(tlog.Tree{N: c.Size, Hash: c.Root}, (*reader)(&tiles))
}

// reader reads tiles for the library.
type reader TileReader

func (r *reader) Height() int { return TileHeight }

func (r *reader) ReadTiles(tiles []tlog.Tile) (all [][]byte, err error) {
	for _, t := range tiles {
		hashes, err := (*r)(t.L, t.N, t.W)
		if err != nil {
			return nil, err
		}
		all = append(all, Tile{Hashes: hashes}.Bytes())
	}
	return all, nil
}

func (r *reader) SaveTiles([]tlog.Tile, [][]byte) {}

// ProveEntry answers the proof that an entry stands at a place of the checkpoint's tree (RFC 6962, 2.1.1), and its hash.
func ProveEntry(c Checkpoint, index int64, tiles TileReader) (proof []Hash, leaf Hash, err error) {
	if index < 0 || index >= c.Size {
		return nil, leaf, fmt.Errorf("the log has no entry %d yet: it has %d", index, c.Size)
	}
	hashes := c.hashes(tiles)
	found, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
	if err != nil {
		return nil, leaf, err
	}
	proof, err = tlog.ProveRecord(c.Size, index, hashes)
	return proof, found[0], err
}

// CheckEntry checks what [ProveEntry] answered.
func CheckEntry(c Checkpoint, index int64, leaf Hash, proof []Hash) error {
	if err := tlog.CheckRecord(proof, c.Size, c.Root, index, leaf); err != nil {
		return fmt.Errorf("entry %d is not in the tree of the checkpoint of %d entries", index, c.Size)
	}
	return nil
}

// ProveGrowth answers the proof that the tree of the checkpoint begins with the older one of a size (RFC 6962, 2.1.2).
func ProveGrowth(c Checkpoint, older int64, tiles TileReader) ([]Hash, error) {
	if older < 0 || older > c.Size {
		return nil, fmt.Errorf("the log has %d entries, and %d never", c.Size, older)
	}
	if older == 0 || older == c.Size {
		return nil, nil
	}
	return tlog.ProveTree(c.Size, older, c.hashes(tiles))
}

// ErrForked says that a log is not the continuation of what a checkpoint has kept: its history was changed.
var ErrForked = errors.New("the log has another history than the checkpoint")

// CheckGrowth checks that newer goes on from older, by what [ProveGrowth] answered.
func CheckGrowth(older, newer Checkpoint, proof []Hash) error {
	switch {
	case older.Origin != newer.Origin:
		return fmt.Errorf("these are checkpoints of two logs: %q and %q", older.Origin, newer.Origin)
	case older.Size > newer.Size:
		return fmt.Errorf("%w: it had %d entries then and has %d now", ErrForked, older.Size, newer.Size)
	case older.Size == newer.Size && older.Root != newer.Root,
		older.Size == 0 && older.Root != emptyRoot,
		older.Size > 0 && older.Size < newer.Size && tlog.CheckTree(proof, newer.Size, newer.Root, older.Size, older.Root) != nil:
		return fmt.Errorf("%w of %d entries", ErrForked, older.Size)
	}
	return nil
}
