package store

import (
	"context"
	"database/sql"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/audit"
)

var (
	insertLogTree = sqlText(`
		INSERT INTO log_trees (space, size, tx, seq, checkpoint, version) VALUES ($1, $2, $3, $4, $5, 1)`)
	updateLogTree = sqlText(`
		UPDATE log_trees SET size = $2, tx = $3, seq = $4, checkpoint = $5, version = version + 1 WHERE space = $1 AND version = $6`)
	selectLogTree = sqlText(`SELECT size, tx, seq, checkpoint, version FROM log_trees WHERE space = $1`)
	insertEntries = sqlText(`INSERT INTO log_entries (space, place, entries, ids, seeds) VALUES ($1, $2, $3, $4, $5)`)
	putLogTile    = sqlText(`
		INSERT INTO log_tiles (space, level, n, hashes) VALUES ($1, $2, $3, $4)
		ON CONFLICT (space, level, n) DO UPDATE SET hashes = excluded.hashes`)
	selectLogTile = sqlText(`SELECT hashes FROM log_tiles WHERE space = $1 AND level = $2 AND n = $3`)
	insertLogKey  = sqlText(`INSERT INTO log_keys (space, public, private, create_time, end_time) VALUES ($1, $2, $3, $4, 0)`)
	endLogKey     = sqlText(`UPDATE log_keys SET end_time = $3 WHERE space = $1 AND public = $2 AND end_time = 0`)
	selectLogKeys = sqlText(`SELECT public, private, create_time, end_time FROM log_keys WHERE space = $1 ORDER BY create_time, public`)
	selectEntries = sqlText(`
		SELECT place, entries, ids, seeds FROM log_entries WHERE space = $1 AND place + entries > $2
			AND place >= coalesce((SELECT max(place) FROM log_entries WHERE space = $1 AND place <= $2), 0) ORDER BY place LIMIT $3`)
	selectPlaceOfEvent = sqlText(`SELECT tx, seq FROM events WHERE space = $1 ORDER BY tx, seq LIMIT 1 OFFSET $2`)
	hasEvent           = sqlText(`SELECT count(*) FROM events WHERE space = $1 AND id = $2`)
	hasLogged          = sqlText(`SELECT count(*) FROM log_entries WHERE space = $1 AND ' ' || ids || ' ' LIKE '% ' || $2 || ' %'`)
)

// LogTree is how far the tree of a space's log has come.
type LogTree struct {
	Size       int64
	At         approval.Cursor // of the last event in it
	Checkpoint string          // signed
	Version    int64           // 0: there is none yet
}

// LogEvent is an event as the log commits to it.
type LogEvent struct {
	At           approval.Cursor
	ID, Document string
}

// LogEntries are entries that were logged at once, from Place on.
type LogEntries struct {
	Place int64
	IDs   []string // of their events
	Seeds []audit.Seed
}

// LogKey is a key that signs checkpoints of a space's log, or did.
type LogKey struct {
	Public, Private     string
	CreateTime, EndTime time.Time
}

// LogGrowth is what one more piece of a log writes. Its tree must still have the version of Tree (0: there must be none), which is a
// Conflict otherwise.
type LogGrowth struct {
	Tree    LogTree
	Entries LogEntries // may be none
	Tiles   []audit.Tile
	NewKey  *LogKey
	// EndKeys are those that sign no more, from At on.
	EndKeys []string
	At      time.Time
}

// GrowLog writes it, all or nothing.
func (s *Store) GrowLog(ctx context.Context, space string, g LogGrowth) error {
	t, p := g.Tree, plan{space: space}
	changed := func([]any) error {
		return approval.Errorf(approval.Conflict, "somebody else has taken the log of %s further at the same time", space)
	}
	var first *statement
	if t.Version == 0 {
		first = p.add(insertLogTree, space, t.Size, t.At.Tx, t.At.Seq, t.Checkpoint)
	} else {
		first = p.add(updateLogTree, space, t.Size, t.At.Tx, t.At.Seq, t.Checkpoint, t.Version)
	}
	first.taken, first.missing = changed, changed
	if e := g.Entries; len(e.IDs) > 0 {
		seeds := make([]byte, 0, len(e.Seeds)*audit.SeedSize)
		for _, seed := range e.Seeds {
			seeds = append(seeds, seed[:]...)
		}
		p.add(insertEntries, space, e.Place, int64(len(e.IDs)), strings.Join(e.IDs, " "), base64.StdEncoding.EncodeToString(seeds))
	}
	for _, tile := range g.Tiles {
		p.add(putLogTile, space, int64(tile.Level), tile.N, base64.StdEncoding.EncodeToString(tile.Bytes()))
	}
	if k := g.NewKey; k != nil {
		p.add(insertLogKey, space, k.Public, k.Private, micros(k.CreateTime))
	}
	for _, public := range g.EndKeys {
		p.add(endLogKey, space, public, micros(g.At))
	}
	return s.write(ctx, p.statements)
}

// LogTree answers how far the tree of a space's log has come; nothing of one that was never begun.
func (s *Store) LogTree(ctx context.Context, space string) (t LogTree, err error) {
	t, _, err = one(ctx, s, selectLogTree, func(rows *sql.Rows) (t LogTree, err error) {
		err = rows.Scan(&t.Size, &t.At.Tx, &t.At.Seq, &t.Checkpoint, &t.Version)
		return t, err
	}, space)
	if err != nil || !s.foreign(t.At.Tx) {
		return t, err
	}
	// The log has moved here from PostgreSQL, and its events have other places: the one that was the last in the tree still is its size's.
	t.At, err = s.logPlace(ctx, space, t.Size)
	return t, err
}

// logPlace answers where the log's first size events end.
func (s *Store) logPlace(ctx context.Context, space string, size int64) (at approval.Cursor, err error) {
	if size == 0 {
		return at, nil
	}
	at, found, err := one(ctx, s, selectPlaceOfEvent, func(rows *sql.Rows) (c approval.Cursor, err error) {
		err = rows.Scan(&c.Tx, &c.Seq)
		return c, err
	}, space, size-1)
	if err == nil && !found {
		err = approval.Errorf(approval.Internal, "the log of %s has fewer events than the %d that its tree has", space, size)
	}
	return at, err
}

// LogEvents answers the settled events behind a place, in the log's order, as they are written.
func (s *Store) LogEvents(ctx context.Context, space string, after approval.Cursor, limit int) ([]LogEvent, error) {
	l := eventList{dialect: s.dialect}
	l.add("SELECT tx, seq, id, doc FROM events WHERE space = ", l.arg(space))
	l.within(span{after: after})
	l.add(" AND ", s.dialect.words.Replace("{settled}"))
	l.order(true, limit)
	return list(ctx, s, l.String(), l.args, func(rows *sql.Rows) (e LogEvent, err error) {
		err = rows.Scan(&e.At.Tx, &e.At.Seq, &e.ID, &e.Document)
		return e, err
	})
}

// LogEntries answers up to limit pieces of the log, the first the one that the place lies in.
func (s *Store) LogEntries(ctx context.Context, space string, place int64, limit int) ([]LogEntries, error) {
	return few(ctx, s, query{selectEntries.in(s.dialect), []any{space, place, int64(limit)}, true}, func(rows *sql.Rows) (e LogEntries, err error) {
		var entries int64
		var ids, seeds string
		if err := rows.Scan(&e.Place, &entries, &ids, &seeds); err != nil {
			return e, err
		}
		e.IDs = strings.Split(ids, " ")
		raw, err := base64.StdEncoding.DecodeString(seeds)
		if err != nil || int64(len(e.IDs)) != entries || len(raw) != len(e.IDs)*audit.SeedSize {
			return e, &audit.Fault{Kind: audit.FaultChanged, Index: e.Place, What: "the seeds of the entries from " + strconv.FormatInt(e.Place, 10) + " on are not what was logged"}
		}
		e.Seeds = make([]audit.Seed, entries)
		for i := range e.Seeds {
			copy(e.Seeds[i][:], raw[i*audit.SeedSize:])
		}
		return e, nil
	})
}

// LogTile answers the hashes of a tile as far as it is filled; none of one that is not there.
func (s *Store) LogTile(ctx context.Context, space string, level int, n int64) ([]audit.Hash, error) {
	text, _, err := one(ctx, s, selectLogTile, func(rows *sql.Rows) (text string, err error) {
		err = rows.Scan(&text)
		return text, err
	}, space, int64(level), n)
	if err != nil {
		return nil, err
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, approval.Wrap(approval.Internal, err, "a tile of the log is damaged: indent audit verify says where")
	}
	return audit.ParseTile(raw)
}

// LogKeys answers the keys of a space's log, those that sign no more too, the oldest first.
func (s *Store) LogKeys(ctx context.Context, space string) ([]LogKey, error) {
	return list(ctx, s, selectLogKeys.in(s.dialect), []any{space}, func(rows *sql.Rows) (k LogKey, err error) {
		var created, ended int64
		err = rows.Scan(&k.Public, &k.Private, &created, &ended)
		k.CreateTime, k.EndTime = timeOf(created), timeOf(ended)
		return k, err
	})
}

// LogHas answers whether there is an event of an id, and whether it was logged. It looks at all of them.
func (s *Store) LogHas(ctx context.Context, space, id string) (event, logged bool, err error) {
	n, _, err := one(ctx, s, hasEvent, scanNumber, space, id)
	if err != nil {
		return false, false, err
	}
	m, _, err := one(ctx, s, hasLogged, scanNumber, space, id)
	return n > 0, m > 0, err
}
