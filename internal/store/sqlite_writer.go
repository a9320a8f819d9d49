package store

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/indent-approvals/indent/internal/approval"
)

// writer is the one connection that writes. Its goroutine takes all changes that wait, up to a limit, runs them in one
// transaction, and answers each when that transaction is on the disk: a hundred callers share one wait for the disk.
//
// A change that is refused leaves nothing and harms no other of its batch. The usual refusal (a stale version, a used
// key) comes from a change's first statement, before it has written anything, and needs no undoing. A refusal after
// that makes the batch run a second time, with a savepoint around each change.
type writer struct {
	queue  chan *request
	done   chan struct{} // closed when the goroutine has ended
	cache  *petitionCache
	words  *lateWords
	logger *slog.Logger

	mu     sync.RWMutex // held for reading while sending, so that nothing is sent to a closed queue
	closed bool

	batches atomic.Int64 // how many have begun
	commits atomic.Int64 // how many have made a change durable
	conn    *liteConn
}

// request is a change that waits for its answer.
type request struct {
	ctx        context.Context
	statements []statement
	err        error
	answered   chan struct{}
}

const (
	mostInBatch       = 256
	mostWriterTexts   = 512
	savepoint         = "SAVEPOINT change"
	releaseSavepoint  = "RELEASE change"
	rollbackSavepoint = "ROLLBACK TO change"
)

var errClosed = errors.New("the store is closed")

func newWriter(path string, queue int, cache *petitionCache, words *lateWords, logger *slog.Logger) (*writer, error) {
	conn, err := openLite(path, writerCache)
	if err != nil {
		return nil, err
	}
	w := &writer{queue: make(chan *request, queue), done: make(chan struct{}), cache: cache, words: words, logger: logger, conn: conn}
	go w.run()
	return w, nil
}

// commit runs the statements and answers when they are durable. A caller that leaves while its change waits gets
// Unavailable; the change may be written nevertheless.
func (w *writer) commit(ctx context.Context, statements []statement) error {
	r := &request{ctx: ctx, statements: statements, answered: make(chan struct{})}
	if err := w.send(r); err != nil {
		return err
	}
	select {
	case <-r.answered:
		return r.err
	case <-ctx.Done():
		return cancelled(ctx.Err())
	}
}

func (w *writer) send(r *request) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return errClosed
	}
	select {
	case w.queue <- r:
		return nil
	default:
		return unavailable(errQueueFull, "too many changes wait for the database: try again in a moment")
	}
}

// close answers what was accepted and ends the goroutine.
func (w *writer) close() {
	w.mu.Lock()
	first := !w.closed
	w.closed = true
	w.mu.Unlock()
	if first {
		close(w.queue)
	}
	<-w.done
}

func (w *writer) run() {
	defer close(w.done)
	defer w.closeConn()
	batch := make([]*request, 0, mostInBatch)
	for r := range w.queue {
		batch = w.fill(append(batch[:0], r))
		w.batches.Add(1)
		w.batch(batch)
		if slices.ContainsFunc(batch, func(r *request) bool { return r.err == nil }) {
			w.commits.Add(1)
		}
		for _, r := range batch {
			close(r.answered)
		}
		clear(batch)
	}
}

// fill takes what waits already. It does not wait for more, but lets run once what can run: under load these are calls
// that are about to commit, and a batch of twice the size is a tenth less work for each of them.
func (w *writer) fill(batch []*request) []*request {
	for yielded := false; len(batch) < mostInBatch; {
		select {
		case r, open := <-w.queue:
			if !open {
				return batch
			}
			batch = append(batch, r)
		default:
			if yielded {
				return batch
			}
			yielded = true
			runtime.Gosched()
		}
	}
	return batch
}

// batch runs the changes in one transaction and sets the error of each.
func (w *writer) batch(batch []*request) {
	clean, err := w.transaction(batch, false)
	if err == nil && !clean {
		_, err = w.transaction(batch, true)
	}
	if err == nil {
		return
	}
	w.logger.Error("a batch of changes could not be written", "changes", len(batch), "error", err)
	for _, r := range batch {
		r.err = err
	}
}

// transaction runs the batch once. Without savepoints it answers clean false, with everything undone, when a change was
// refused after it had written something. An error means that nothing of the batch was written.
func (w *writer) transaction(batch []*request, savepoints bool) (clean bool, err error) {
	if err := w.begin(); err != nil {
		return true, err
	}
	for _, r := range batch {
		if r.err = r.ctx.Err(); r.err != nil {
			r.err = cancelled(r.err)
			continue
		}
		clean, err := w.change(r, savepoints)
		if err != nil || !clean {
			return clean, errors.Join(err, w.rollback())
		}
	}
	return true, w.end(batch)
}

// end commits the transaction.
func (w *writer) end(batch []*request) error {
	made := 0
	for _, r := range batch {
		w.cache.changing(r.statements)
		made += newPetitions(r)
	}
	filled, err := w.words.fill(w, made)
	if err == nil {
		_, err = w.exec("COMMIT", nil)
	}
	if err != nil {
		return errors.Join(err, w.rollback())
	}
	w.words.committed(w, made, filled)
	for _, r := range batch {
		if r.err == nil {
			w.cache.written(r.statements)
		}
	}
	return nil
}

func newPetitions(r *request) (n int) {
	if r.err != nil {
		return 0
	}
	for i := range r.statements {
		if r.statements[i].text == insertPetition {
			n++
		}
	}
	return n
}

// begin begins a transaction, and ends one that a failure may have left behind.
func (w *writer) begin() error {
	_, err := w.exec("BEGIN IMMEDIATE", nil)
	if err != nil && classOfSQLite(err) == broken {
		_ = w.rollback()
		_, err = w.exec("BEGIN IMMEDIATE", nil)
	}
	return err
}

// change runs one change and sets its error. The answer is an error when the engine, not the change, is at fault.
func (w *writer) change(r *request, savepoints bool) (clean bool, err error) {
	if savepoints {
		if _, err := w.exec(savepoint, nil); err != nil {
			return true, err
		}
	}
	changed, err := w.statements(r.statements)
	var refused *approval.Error
	if r.err = err; err != nil && !errors.As(err, &refused) && classOfSQLite(err) == down {
		return true, err
	}
	if !savepoints {
		return r.err == nil || !changed, nil
	}
	if r.err != nil {
		if _, err := w.exec(rollbackSavepoint, nil); err != nil {
			return true, err
		}
	}
	_, err = w.exec(releaseSavepoint, nil)
	return true, err
}

// statements runs them in order and stops at the first that fails; changed says whether one of them has had an effect.
func (w *writer) statements(statements []statement) (changed bool, err error) {
	for i := range statements {
		s := &statements[i]
		n, err := w.statement(s)
		if err != nil {
			if s.taken != nil && classOfSQLite(err) == taken {
				err = s.taken(s.args)
			}
			return changed, err
		}
		if n == 0 && s.missing != nil {
			return changed, s.missing(s.args)
		}
		changed = changed || n > 0
	}
	return changed, nil
}

// statement answers how many rows it changed.
func (w *writer) statement(s *statement) (int64, error) {
	if s.row != nil {
		return w.returning(s)
	}
	text := s.in(sqliteDialect)
	if text == "" { // nothing to do on this engine
		return 0, nil
	}
	return w.exec(text, s.args)
}

// number answers the one integer that a text selects.
func (w *writer) number(text string) (n int64, err error) {
	s := statement{dynamic: text, begin: func() {}, row: func(scan func(...any) error) error { return scan(&n) }}
	_, err = w.returning(&s)
	return n, err
}

func (w *writer) exec(text string, args []any) (int64, error) { return w.conn.exec(text, args) }

func (w *writer) returning(s *statement) (n int64, err error) {
	s.begin()
	_, err = w.conn.query(s.in(sqliteDialect), s.args, func(scan func(...any) error) error {
		n++
		return s.row(scan)
	})
	return n, err
}

// rollback undoes the transaction; after some failures, such as a full disk, SQLite has done it already.
func (w *writer) rollback() error {
	_, err := w.exec("ROLLBACK", nil)
	if err != nil && classOfSQLite(err) == broken {
		return nil // "no transaction is active"
	}
	return err
}

func (w *writer) closeConn() {
	if err := w.conn.close(); err != nil {
		w.logger.Error("the database could not be closed", "error", err)
	}
}
