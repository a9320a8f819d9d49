package torture

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// disk is a folder as it comes about by recorded operations: what processes see, and what would be left of it without
// power.
type disk struct {
	seen  map[string]*file // by name, as processes see the folder
	safe  map[string]*file // by name, as of the folder's last sync
	loose []operationOnFolder
}

// operationOnFolder gave the name a file, or took it away, and may not be on the disk yet.
type operationOnFolder struct {
	name string
	file *file // nil: removed
}

// file is a file's content. It may have lost its name, or have it back after a power loss.
type file struct {
	seen  []byte
	safe  []byte      // as of the last sync
	loose []operation // since then
}

func newDisk() *disk { return &disk{seen: map[string]*file{}, safe: map[string]*file{}} }

func (d *disk) apply(o operation) {
	f := d.seen[o.file]
	switch o.kind {
	case created:
		f = &file{}
		d.name(o.file, f)
	case removed:
		d.name(o.file, nil)
	case synced:
		f.safe, f.loose = slices.Clone(f.seen), nil
	default:
		f.seen = changed(f.seen, o, o.offset, o.data, 0)
		f.loose = append(f.loose, o)
	}
	if o.folder {
		d.safe, d.loose = maps.Clone(d.seen), nil
	}
}

func (d *disk) name(name string, f *file) {
	d.seen[name] = f
	if f == nil {
		delete(d.seen, name)
	}
	d.loose = append(d.loose, operationOnFolder{name, f})
}

// changed answers the content after a write of data at offset, or after the truncation that o is. What lies between the
// old end and a write behind it is filler.
func changed(content []byte, o operation, offset int64, data []byte, filler byte) []byte {
	end := int(offset) + len(data)
	if o.kind == truncated {
		end = int(o.offset)
	}
	for len(content) < end {
		content = append(content, filler)
	}
	if o.kind == truncated {
		return content[:end]
	}
	copy(content[offset:], data)
	return content
}

// afterKill answers the files as the next process finds them when this one dies: the system has kept all that was done.
func (d *disk) afterKill() map[string][]byte {
	files := map[string][]byte{}
	for name, f := range d.seen {
		files[name] = f.seen
	}
	return files
}

// loss is how a power cut treats what was not synced.
type loss struct {
	keep   float64 // how much of it reaches the disk, in any order
	sector int     // the unit that reaches it as a whole
	filler byte    // what stands where a file grew and its content did not arrive
}

// afterPowerLoss answers the files as they may be after a power cut: what was synced, and of the rest some.
func (d *disk) afterPowerLoss(lots *rand.Rand, l loss) map[string][]byte {
	names := maps.Clone(d.safe)
	for _, o := range d.loose[:lots.IntN(len(d.loose)+1)] { // the system keeps the order of names
		names[o.name] = o.file
	}
	files := map[string][]byte{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if f := names[name]; f != nil {
			files[name] = f.torn(lots, l)
		}
	}
	return files
}

func (f *file) torn(lots *rand.Rand, l loss) []byte {
	content := slices.Clone(f.safe)
	for _, o := range f.loose {
		if o.kind == truncated {
			if lots.Float64() < l.keep {
				content = changed(content, o, 0, nil, l.filler)
			}
			continue
		}
		for offset, data := o.offset, o.data; len(data) > 0; {
			n := min(l.sector-int(offset)%l.sector, len(data))
			if lots.Float64() < l.keep {
				content = changed(content, o, offset, data[:n], l.filler)
			}
			offset, data = offset+int64(n), data[n:]
		}
	}
	return content
}

// write makes the files in a folder.
func write(folder string, files map[string][]byte) error {
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// memory answers a folder in memory where the machine has one: what is tested here is the order of writes and syncs, not
// how long the disk takes for them.
func memory(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("/dev/shm", "indent-torture-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	return folder
}
