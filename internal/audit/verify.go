package audit

import (
	"fmt"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/mod/sumdb/tlog"
)

// Kinds of faults.
const (
	FaultChanged = "changed" // an entry is not what was logged
	FaultMissing = "missing" // an entry is not there
	FaultOrder   = "order"   // an entry stands twice or in another place
	FaultExtra   = "extra"   // an entry was put between others
	FaultCut     = "cut"     // the log ends before a checkpoint does
	FaultForked  = "forked"  // the entries are whole, but not those of a checkpoint
)

// Fault is the first thing that is wrong with a log.
type Fault struct {
	Kind  string
	Index int64 // of the entry; of a cut and of a fork the size from which on nothing is proved
	What  string
}

func (f *Fault) Error() string { return f.What }

func faulty(kind string, index int64, format string, a ...any) *Fault {
	return &Fault{kind, index, fmt.Sprintf(format, a...)}
}

// Verifier proves that entries are those of checkpoints, from the first on. It trusts nothing but the checkpoints.
type Verifier struct {
	// Whole is called with each tile that the entries have filled; nil: nobody asks.
	Whole func(Tile) error

	tree  Tree
	kept  []Checkpoint // by size; those that the entries have reached are gone
	sound int64        // the size of the last checkpoint that was met
	// signed says that there are checkpoints: what goes beyond the last was not logged.
	signed bool
}

// NewVerifier answers one that has seen no entry. Beside what the log says of itself now the checkpoints are those that somebody
// has kept.
func NewVerifier(checkpoints ...Checkpoint) (*Verifier, error) {
	v := &Verifier{kept: slices.Clone(checkpoints), signed: len(checkpoints) > 0}
	slices.SortStableFunc(v.kept, func(a, b Checkpoint) int { return int(min(max(a.Size-b.Size, -1), 1)) })
	for _, c := range v.kept {
		if c.Origin != v.kept[0].Origin {
			return nil, faulty(FaultForked, 0, "there are checkpoints of two logs: %q and %q", v.kept[0].Origin, c.Origin)
		}
	}
	return v, v.meet()
}

// Size answers how many entries were added.
func (v *Verifier) Size() int64 { return v.tree.size }

func (v *Verifier) whole(tile Tile) error {
	if v.Whole == nil {
		return nil
	}
	return v.Whole(tile)
}

// Edge answers the tiles that the entries have begun.
func (v *Verifier) Edge() []Tile { return v.tree.Edge() }

// Add takes the next entries, those of a part of the log on all processors at once.
func (v *Verifier) Add(records []Record) error {
	return v.AddEach(len(records), func(i int) (Record, error) { return records[i], nil })
}

// AddEach takes the next n entries, which read answers, on all processors at once. An error of read is one of the entry.
func (v *Verifier) AddEach(n int, read func(i int) (Record, error)) error {
	hashes := make([]Hash, n)
	faults := make([]*Fault, n)
	var done sync.WaitGroup
	for part := range slices.Chunk(indexes(n), max(1, (n+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))) {
		done.Go(func() {
			for _, i := range part {
				place := v.tree.size + int64(i)
				r, err := read(i)
				if err != nil {
					faults[i] = faulty(FaultChanged, place, "entry %d cannot be read: %v", place, err)
					return
				}
				if hashes[i], faults[i] = r.hash(place); faults[i] != nil {
					return
				}
			}
		})
	}
	done.Wait()
	var changed [maxLevel + 1]bool
	for i, fault := range faults {
		if fault != nil {
			return fault
		}
		for _, tile := range v.tree.add(hashes[i], &changed) {
			if err := v.whole(tile); err != nil {
				return err
			}
		}
		if err := v.meet(); err != nil {
			return err
		}
	}
	return nil
}

func indexes(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// hash answers the hash of the entry's leaf when it is the one that stands at the place.
func (r *Record) hash(place int64) (h Hash, fault *Fault) {
	switch {
	case r.Index > place:
		return h, faulty(FaultMissing, place, "entry %d is missing: entry %d comes instead of it", place, r.Index)
	case r.Index < place:
		return h, faulty(FaultOrder, place, "entry %d comes where entry %d should: it stands twice, or in another place", r.Index, place)
	}
	leaf, err := r.Leaf()
	if err != nil {
		return h, faulty(FaultChanged, place, "entry %d cannot be what was logged: %v", place, err)
	}
	h = LeafHash(leaf)
	if logged, err := tlog.ParseHash(r.LeafHash); err != nil || logged != h {
		return h, faulty(FaultChanged, place, "entry %d is not what was logged: its hash is %v, and that of the log %s", place, h, r.LeafHash)
	}
	return h, nil
}

// meet compares the tree with the checkpoints of its size.
func (v *Verifier) meet() error {
	for len(v.kept) > 0 && v.kept[0].Size == v.tree.size {
		if root := v.tree.Root(); root != v.kept[0].Root {
			return faulty(FaultForked, v.sound, "the log has another history than the checkpoint of %d entries: between entry %d and %d something was changed, and the tree was made anew (its hash is %v, that of the checkpoint %v)",
				v.tree.size, v.sound, v.tree.size-1, root, v.kept[0].Root)
		}
		v.sound, v.kept = v.tree.size, v.kept[1:]
	}
	return nil
}

// End says that there are no more entries.
func (v *Verifier) End() error {
	if len(v.kept) > 0 {
		return faulty(FaultCut, v.tree.size, "the log ends after %d entries, and a checkpoint says that it had %d: its end was cut off", v.tree.size, v.kept[len(v.kept)-1].Size)
	}
	if v.signed && v.tree.size > v.sound {
		return faulty(FaultExtra, v.sound, "entry %d and what follows it is in no checkpoint: the log has %d entries, and somebody has added to it", v.sound, v.sound)
	}
	return nil
}
