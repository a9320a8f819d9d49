package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/audit"
	"github.com/indent-approvals/indent/internal/store"
)

// What verifiers of a log are told and say. See the same names in package audit.
type (
	LogTrust  = audit.Trust
	LogReport = audit.Report
	LogFault  = audit.Fault
)

// VerifyLogExport verifies an exported log.
func VerifyLogExport(export io.Reader, t LogTrust) (LogReport, error) {
	return audit.VerifyExport(export, t)
}

// MaxCheckpoint bounds a signed checkpoint, in bytes.
const MaxCheckpoint = audit.MaxCheckpoint

// SealLog takes what the log of a space has into its tree, and answers the signed checkpoint.
func (a *App) SealLog(ctx context.Context, space string) (checkpoint string, err error) {
	if _, err := a.store.Space(ctx, space); err != nil {
		return "", err
	}
	return a.log(space).Seal(ctx)
}

// RotateLogKey makes another key for the checkpoints of a space's log.
func (a *App) RotateLogKey(ctx context.Context, space string) (public string, err error) {
	if _, err := a.store.Space(ctx, space); err != nil {
		return "", err
	}
	return a.log(space).Rotate(ctx)
}

// ExportLog writes the log of a space as far as its tree goes.
func (a *App) ExportLog(ctx context.Context, space string, to io.Writer) (entries int64, err error) {
	r, err := a.openLog(ctx, space)
	if err != nil {
		return 0, err
	}
	out := bufio.NewWriterSize(to, 1<<20)
	if err := json.MarshalWrite(out, r.head); err != nil {
		return 0, err
	}
	for err == nil {
		var records []audit.Record
		if records, err = r.next(ctx); len(records) == 0 {
			break
		}
		for i := range records {
			line, err := json.Marshal(&records[i])
			if err != nil {
				return r.place, err
			}
			if _, err := out.Write(append([]byte{'\n'}, line...)); err != nil {
				return r.place, err
			}
		}
	}
	if err == nil {
		_, err = out.WriteString("\n")
	}
	return r.place, errors.Join(err, out.Flush())
}

// VerifyLog verifies the log of a space as it stands in the database.
func (a *App) VerifyLog(ctx context.Context, space string, t LogTrust) (report LogReport, err error) {
	r, err := a.openLog(ctx, space)
	if err != nil {
		return report, err
	}
	v, report, err := r.head.Open(t)
	if err != nil {
		return report, err
	}
	v.Whole = func(tile audit.Tile) error { return r.same(ctx, tile) }
	for {
		records, err := r.next(ctx)
		if err != nil {
			return report, err
		}
		if len(records) == 0 {
			break
		}
		if err := v.Add(records); err != nil {
			return report, err
		}
	}
	for _, tile := range v.Edge() {
		if err := r.same(ctx, tile); err != nil {
			return report, err
		}
	}
	return report, v.End()
}

// logReader reads the records of a log from the database, in their order, up to the size of its tree.
type logReader struct {
	store *store.Store
	space string
	head  audit.Head
	size  int64
	place int64 // of the next record
	after approval.Cursor

	hashes []audit.Hash // of the tile of level 0 that place lies in
}

func (a *App) openLog(ctx context.Context, space string) (*logReader, error) {
	if _, err := a.store.Space(ctx, space); err != nil {
		return nil, err
	}
	tree, err := a.store.LogTree(ctx, space)
	if err != nil {
		return nil, err
	}
	if tree.Version == 0 {
		return nil, fmt.Errorf("the log of %s has no tree yet: make it with indent audit seal", space)
	}
	keys, err := a.store.LogKeys(ctx, space)
	if err != nil {
		return nil, err
	}
	r := &logReader{store: a.store, space: space, size: tree.Size, head: audit.Head{Checkpoint: tree.Checkpoint}}
	for _, k := range keys {
		r.head.Keys = append(r.head.Keys, k.Public)
	}
	last, err := audit.ReadCheckpoint(tree.Checkpoint)
	if err != nil {
		return nil, &audit.Fault{Kind: audit.FaultForked, What: "of the log itself: " + err.Error()}
	}
	r.head.Origin = last.Origin
	if last.Size != tree.Size {
		return nil, &audit.Fault{Kind: audit.FaultForked, Index: min(last.Size, tree.Size), What: fmt.Sprintf("the database says that %d entries are in the tree, and its checkpoint %d", tree.Size, last.Size)}
	}
	return r, nil
}

// readAtOnce is how many records are in memory at once, at least where as many were logged at once.
const readAtOnce = 4096

// next answers the next records, none at the end.
func (r *logReader) next(ctx context.Context) (records []audit.Record, err error) {
	for len(records) < readAtOnce && r.place < r.size {
		pieces, err := r.store.LogEntries(ctx, r.space, r.place, 256)
		if err != nil {
			return nil, err
		}
		if len(pieces) == 0 || pieces[0].Place > r.place {
			return nil, r.fault(audit.FaultMissing, "entry %d is missing: nothing says any more what was logged there", r.place)
		}
		for _, piece := range pieces {
			if piece.Place != r.place || len(records) >= readAtOnce {
				break
			}
			more, err := r.piece(ctx, piece)
			if err != nil {
				return nil, err
			}
			records = append(records, more...)
		}
	}
	return records, nil
}

// piece answers the records of what was logged at once.
func (r *logReader) piece(ctx context.Context, piece store.LogEntries) (records []audit.Record, err error) {
	n := int(min(int64(len(piece.IDs)), r.size-r.place))
	events, err := r.store.LogEvents(ctx, r.space, r.after, n)
	if err != nil {
		return nil, err
	}
	for i, id := range piece.IDs[:n] {
		if i >= len(events) {
			return nil, r.fault(audit.FaultMissing, "entry %d is missing: there is no event %s any more, nor anything behind it", r.place, id)
		}
		if events[i].ID != id {
			return nil, r.otherEvent(ctx, id, events[i].ID)
		}
		hash, err := r.hash(ctx)
		if err != nil {
			return nil, err
		}
		records = append(records, audit.Record{Index: r.place, LeafHash: hash, Event: []byte(events[i].Document), Opening: audit.NewOpening(piece.Seeds[i])})
		r.place, r.after = r.place+1, events[i].At
	}
	return records, nil
}

// otherEvent says what is wrong where another event stands than the one that was logged.
func (r *logReader) otherEvent(ctx context.Context, logged, stands string) error {
	there, _, err := r.store.LogHas(ctx, r.space, logged)
	if err != nil {
		return err
	}
	_, known, err := r.store.LogHas(ctx, r.space, stands)
	switch {
	case err != nil:
		return err
	case !there:
		return r.fault(audit.FaultMissing, "entry %d is missing: there is no event %s any more", r.place, logged)
	case !known:
		return r.fault(audit.FaultExtra, "before entry %d stands the event %s, which was never logged: somebody has put it there", r.place, stands)
	}
	return r.fault(audit.FaultOrder, "the event %s stands where entry %d should, the event %s: they changed places", stands, r.place, logged)
}

func (r *logReader) fault(kind, format string, a ...any) error {
	return &audit.Fault{Kind: kind, Index: r.place, What: fmt.Sprintf(format, a...)}
}

// hash answers the hash that was logged at the place.
func (r *logReader) hash(ctx context.Context) (text string, err error) {
	at := int(r.place % audit.TileWidth)
	if at == 0 || r.hashes == nil {
		if r.hashes, err = r.store.LogTile(ctx, r.space, 0, r.place/audit.TileWidth); err != nil {
			return "", err
		}
	}
	if at >= len(r.hashes) {
		return "", r.fault(audit.FaultMissing, "entry %d is missing in the tree: its hash is not there", r.place)
	}
	return r.hashes[at].String(), nil
}

// same says what is wrong with a tile above the entries that is not what they make it.
func (r *logReader) same(ctx context.Context, tile audit.Tile) error {
	if tile.Level == 0 {
		return nil // each of its hashes was compared with its entry
	}
	kept, err := r.store.LogTile(ctx, r.space, tile.Level, tile.N)
	if err != nil || slices.Equal(kept, tile.Hashes) {
		return err
	}
	first := tile.N << (audit.TileHeight * (tile.Level + 1))
	return &audit.Fault{Kind: audit.FaultChanged, Index: first, What: fmt.Sprintf("tile %d of level %d of the tree, above entry %d, is not what the entries make it", tile.N, tile.Level, first)}
}
