package audit

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// TileHeight is the height of a tile (C2SP tlog-tiles): it holds up to TileWidth hashes.
const (
	TileHeight = 8
	TileWidth  = 1 << TileHeight
)

// MaxSize bounds a tree, in entries: as many as a checkpoint's number may say.
const MaxSize = 1 << 62

// Tile holds hashes of one level: Level 0 those of entries N*256…, Level 1 those of whole tiles of level 0, and so on.
// It is whole with 256 hashes and partial with fewer.
type Tile struct {
	Level  int
	N      int64
	Hashes []Hash
}

// Tree is the right edge of a Merkle tree: what is needed to add to it and to know its root, a partial tile for each level.
type Tree struct {
	size int64
	edge [][]Hash
}

// OpenTree makes the tree of a size from its partial tiles; tile answers the hashes of one (of a level, a place and a width).
func OpenTree(size int64, tile func(level int, n int64, width int) ([]Hash, error)) (*Tree, error) {
	if size < 0 || size > MaxSize {
		return nil, fmt.Errorf("no tree has %d entries", size)
	}
	t := &Tree{size: size}
	for level, at := 0, size; at > 0; level, at = level+1, at>>TileHeight {
		var hashes []Hash
		if width := int(at % TileWidth); width > 0 {
			got, err := tile(level, at>>TileHeight, width)
			if err != nil {
				return nil, err
			}
			if len(got) != width {
				return nil, fmt.Errorf("tile %d of level %d has %d hashes instead of %d", at>>TileHeight, level, len(got), width)
			}
			hashes = append(make([]Hash, 0, TileWidth), got...)
		}
		t.edge = append(t.edge, hashes)
	}
	return t, nil
}

// Size answers how many entries the tree has.
func (t *Tree) Size() int64 { return t.size }

// Append adds the leaves and answers every tile that changed, those of one level together and in their order. Nothing of them is
// the tree's own.
func (t *Tree) Append(leaves ...Hash) (tiles []Tile) {
	var changed [maxLevel + 1]bool
	for _, leaf := range leaves {
		tiles = append(tiles, t.add(leaf, &changed)...)
	}
	for _, tile := range t.Edge() {
		if changed[tile.Level] {
			tiles = append(tiles, tile)
		}
	}
	return tiles
}

// Edge answers the tiles that are partial.
func (t *Tree) Edge() (tiles []Tile) {
	for level, hashes := range t.edge {
		if len(hashes) > 0 {
			tiles = append(tiles, Tile{level, t.size >> (TileHeight * (level + 1)), append([]Hash(nil), hashes...)})
		}
	}
	return tiles
}

// add puts a leaf at the end, and answers the tiles that this has made whole.
func (t *Tree) add(leaf Hash, changed *[maxLevel + 1]bool) (whole []Tile) {
	h := leaf
	for level := 0; ; level++ {
		if level == len(t.edge) {
			t.edge = append(t.edge, make([]Hash, 0, TileWidth))
		}
		t.edge[level] = append(t.edge[level], h)
		changed[level] = true
		if len(t.edge[level]) < TileWidth {
			break
		}
		full := t.edge[level]
		t.edge[level] = make([]Hash, 0, TileWidth)
		whole = append(whole, Tile{level, t.size >> (TileHeight * (level + 1)), full})
		h = perfect(full)
	}
	t.size++
	return whole
}

// Root answers the tree's hash; that of no entries is the hash of nothing (RFC 6962, 2.1).
func (t *Tree) Root() Hash {
	var root *Hash
	for _, hashes := range t.edge {
		// The perfect trees within the tile, the smallest, which is the last, first.
		for end, width := len(hashes), 1; end > 0; width <<= 1 {
			if end&width == 0 {
				continue
			}
			h := perfect(hashes[end-width : end])
			if root != nil {
				h = tlog.NodeHash(h, *root)
			}
			root, end = &h, end-width
		}
	}
	if root == nil {
		return emptyRoot
	}
	return *root
}

// perfect answers the hash of a tree of 2^n leaves.
func perfect(hashes []Hash) Hash {
	if len(hashes) == 1 {
		return hashes[0]
	}
	half := len(hashes) / 2
	return tlog.NodeHash(perfect(hashes[:half]), perfect(hashes[half:]))
}
