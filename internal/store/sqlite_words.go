package store

import (
	"context"
	"database/sql"
	"sync/atomic"
)

// lateWords is how far SQLite's index of words has come. An index of words costs a commit as much as all else that it
// writes, however few words are new, so new petitions go into it by the hundred. Who searches looks at the few behind its
// end one by one (see petitionLister.searched).
type lateWords struct {
	end atomic.Int64 // the index has the petitions up to this seq, and may have more
	// The rest is the writer's alone.
	waiting int // petitions behind the end
	most    int // how many may wait
}

// mostLate petitions are looked at in a third of a millisecond.
const mostLate = 256

// fillWords puts what waits into the index, in the order of rows.
var fillWords = []string{
	`INSERT INTO petition_search (rowid, words) SELECT seq, words FROM petitions
		WHERE seq > (SELECT seq FROM petition_search_end) ORDER BY seq`,
	`UPDATE petition_search_end SET seq = (SELECT coalesce(max(seq), 0) FROM petitions)`,
}

const (
	isIndexed      = "seq <= (SELECT seq FROM petition_search_end)"
	selectWordsEnd = `SELECT seq FROM petition_search_end`
	countLate      = `SELECT coalesce(max(seq), 0) - $1 FROM petitions`
)

// load reads how far the index has come.
func (l *lateWords) load(ctx context.Context, db *sql.DB) error {
	var end int64
	if err := db.QueryRowContext(ctx, selectWordsEnd).Scan(&end); err != nil {
		return err
	}
	l.end.Store(end)
	l.most = mostLate
	return db.QueryRowContext(ctx, countLate, end).Scan(&l.waiting)
}

// fill is called before the commit of a transaction that has made petitions; filled says that the index will have them.
func (l *lateWords) fill(w *writer, made int) (filled bool, err error) {
	if l.waiting+made <= l.most {
		return false, nil
	}
	for _, text := range fillWords {
		if _, err := w.exec(text, nil); err != nil {
			return false, err
		}
	}
	return true, nil
}

// committed is called after it.
func (l *lateWords) committed(w *writer, made int, filled bool) {
	if l.waiting += made; !filled {
		return
	}
	l.waiting = 0
	if end, err := w.number(selectWordsEnd); err == nil { // else whoever searches looks at more petitions than need be
		l.end.Store(end)
	}
}
