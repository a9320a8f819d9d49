package audit

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Path answers where a tile is read (C2SP tlog-tiles): "tile/0/x001/234.p/56" of level 0. Without hashes it is that of a whole one.
func (t Tile) Path() string {
	return tilePath(strconv.Itoa(t.Level), t.N, len(t.Hashes))
}

// EntriesPath answers where the entries of a tile of level 0 are read: "tile/entries/x001/234.p/56".
func EntriesPath(n int64, width int) string { return tilePath("entries", n, width) }

func tilePath(level string, n int64, width int) string {
	path := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		path = fmt.Sprintf("x%03d/%s", n%1000, path)
	}
	if width > 0 && width < TileWidth {
		path += ".p/" + strconv.Itoa(width)
	}
	return "tile/" + level + "/" + path
}

// Asked is what a path asks for: a tile of hashes, or the entries of one of level 0.
type Asked struct {
	Entries bool
	Level   int
	N       int64
	Width   int
}

// maxLevel is above every tile of a tree of MaxSize.
const maxLevel = 62 / TileHeight

// ParsePath reads the path of a tile without "tile/", for which there is one spelling.
func ParsePath(path string) (a Asked, ok bool) {
	level, rest, _ := strings.Cut(path, "/")
	a.Width = TileWidth
	if before, width, partial := strings.Cut(rest, ".p/"); partial {
		w, err := strconv.Atoi(width)
		if err != nil || w < 1 || w >= TileWidth {
			return a, false
		}
		rest, a.Width = before, w
	}
	for part := range strings.SplitSeq(rest, "/") {
		three, err := strconv.ParseUint(strings.TrimPrefix(part, "x"), 10, 16)
		if err != nil || three > 999 || a.N > MaxSize/1000 {
			return a, false
		}
		a.N = a.N*1000 + int64(three)
	}
	if a.Entries = level == "entries"; !a.Entries {
		l, err := strconv.Atoi(level)
		if err != nil || l < 0 || l > maxLevel {
			return a, false
		}
		a.Level, level = l, strconv.Itoa(l) // one spelling
	}
	return a, tilePath(level, a.N, a.Width) == "tile/"+path
}

// Bytes answers the hashes one after the other, as a tile is sent.
func (t Tile) Bytes() []byte {
	data := make([]byte, 0, len(t.Hashes)*tlog.HashSize)
	for _, h := range t.Hashes {
		data = append(data, h[:]...)
	}
	return data
}

// ParseTile reads what [Tile.Bytes] wrote.
func ParseTile(data []byte) ([]Hash, error) {
	if len(data)%tlog.HashSize != 0 || len(data) > TileWidth*tlog.HashSize {
		return nil, fmt.Errorf("a tile of %d bytes is not up to 256 hashes of 32", len(data))
	}
	hashes := make([]Hash, len(data)/tlog.HashSize)
	for i := range hashes {
		copy(hashes[i][:], data[i*tlog.HashSize:])
	}
	return hashes, nil
}

// maxBundled bounds an entry among others: its length stands in two bytes before it.
const maxBundled = 1<<16 - 1

// Bundle answers leaves as the entries of a tile are sent: each after its length in two bytes, the high one first.
func Bundle(leaves [][]byte) ([]byte, error) {
	var data []byte
	for _, leaf := range leaves {
		if len(leaf) > maxBundled {
			return nil, fmt.Errorf("an entry of %d bytes does not fit among others: at most %d", len(leaf), maxBundled)
		}
		data = append(append(data, byte(len(leaf)>>8), byte(len(leaf))), leaf...)
	}
	return data, nil
}

// ParseBundle reads what [Bundle] wrote.
func ParseBundle(data []byte) (leaves [][]byte, err error) {
	for len(data) > 0 {
		if len(data) < 2 || len(data) < 2+int(data[0])<<8+int(data[1]) {
			return nil, fmt.Errorf("the entries end in the middle of the one at place %d", len(leaves))
		}
		n := 2 + int(data[0])<<8 + int(data[1])
		leaves, data = append(leaves, data[2:n]), data[n:]
	}
	return leaves, nil
}
