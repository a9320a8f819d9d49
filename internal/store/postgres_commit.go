package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// Changes that wait at the same time are committed together: one message to the server, one transaction, one wait for
// its disk, and of each statement one for all rows. If anything in it is refused the transaction is undone and each half
// is tried again; what is refused when it is tried by itself is committed alone, which finds out why.
const (
	commitsAtOnce  = 4
	enoughToCommit = 64
	mostCommitted  = 128
	// mergedLockTimeout bounds how long a batch waits for a row that somebody holds: the changes of others wait with it.
	mergedLockTimeout = 20 * time.Millisecond
)

// errAlone says that a change must be committed by itself.
var errAlone = errors.New("the change must be committed alone")

// pending is a change that waits to be committed with others.
type pending struct {
	statements []statement
	rows       []string // that it writes
	begun      atomic.Bool
	answer     chan error
}

// commit implements engine. Once it has begun it does not end with ctx: an interruption would cost the connection, and
// nobody would know whether the change was written.
func (e *postgresEngine) commit(ctx context.Context, statements []statement) error {
	ended := e.reads.writing(statements)
	err := errAlone
	if rows, merges := rowsOf(statements); merges {
		err = e.commitMerged(ctx, &pending{statements: statements, rows: rows, answer: make(chan error, 1)})
	}
	if err == errAlone {
		err = e.commitAlone(ctx, statements)
	}
	ended(err)
	return err
}

func (e *postgresEngine) commitMerged(ctx context.Context, p *pending) error {
	if err := e.merger.add(p); err != nil {
		return err
	}
	timer := time.NewTimer(e.timeout)
	defer timer.Stop()
	select {
	case err := <-p.answer:
		return err
	case <-timer.C:
	case <-ctx.Done():
	}
	if p.begun.Swap(true) {
		return <-p.answer // a batch ends by itself
	}
	if err := ctx.Err(); err != nil {
		return cancelled(err)
	}
	return unavailable(errQueueSlow, "the database is too slow for the requests that wait for it: try again in a moment")
}

// commitBatch commits the changes together and answers each.
func (e *postgresEngine) commitBatch(batch []*pending) {
	batch = slices.DeleteFunc(batch, func(p *pending) bool { return p.begun.Swap(true) })
	batch, rest := disjoint(batch)
	ctx := context.Background()
	if err := e.places.enter(ctx); err != nil {
		answerAll(batch, err)
	} else {
		e.commitHalves(ctx, batch)
		e.places.leave()
	}
	answerAll(rest, errAlone)
}

// disjoint takes out what writes a row that another of the batch writes: one statement cannot write a row twice. Batches
// take their rows in one order, so that two of them, on two nodes, do not wait for each other.
func disjoint(batch []*pending) (apart, rest []*pending) {
	taken := map[string]bool{}
	for _, p := range batch {
		free := true
		for _, row := range p.rows {
			free = free && !taken[row]
		}
		if !free {
			rest = append(rest, p)
			continue
		}
		for _, row := range p.rows {
			taken[row] = true
		}
		apart = append(apart, p)
	}
	slices.SortFunc(apart, func(a, b *pending) int { return strings.Compare(strings.Join(a.rows, " "), strings.Join(b.rows, " ")) })
	return apart, rest
}

func answerAll(batch []*pending, err error) {
	for _, p := range batch {
		p.answer <- err
	}
}

func (e *postgresEngine) commitHalves(ctx context.Context, batch []*pending) {
	if len(batch) == 0 {
		return
	}
	err := e.withConn(ctx, func(ctx context.Context, conn *pgx.Conn) error { return e.sendMerged(ctx, conn, batch) })
	switch {
	case err == nil:
		e.commits.Add(1)
		answerAll(batch, nil)
	case isLockTimeout(err), neverSent(err):
		answerAll(batch, errAlone)
	case classOfPostgres(err) == down:
		answerAll(batch, err)
	case len(batch) == 1:
		answerAll(batch, errAlone)
	default:
		half := len(batch) / 2
		e.commitHalves(ctx, batch[:half])
		e.commitHalves(ctx, batch[half:])
	}
}

func isLockTimeout(err error) bool {
	var failure *pgconn.PgError
	return errors.As(err, &failure) && failure.Code == "55P03"
}

// sendMerged sends the changes as one message. The server takes it for one transaction; where that has to be asked for,
// its beginning and its end are in the message.
func (e *postgresEngine) sendMerged(ctx context.Context, conn *pgx.Conn, changes []*pending) error {
	batch := &pgx.Batch{}
	if e.always {
		batch.Queue(e.begin)
	}
	if err := merge(batch, changes); err != nil {
		return err
	}
	if e.always {
		batch.Queue("COMMIT")
	}
	err := conn.SendBatch(ctx, batch).Close()
	if err != nil && conn.PgConn().TxStatus() != 'I' && !conn.IsClosed() {
		if _, rollback := conn.Exec(ctx, "ROLLBACK"); rollback != nil {
			_ = conn.Close(ctx) // the pool makes a new one
		}
	}
	return err
}

// merge queues one statement for all of a kind.
func merge(batch *pgx.Batch, changes []*pending) error {
	given := make([]columns, len(mergeables))
	all := make([]bool, len(mergeables))
	for _, c := range changes {
		for i := range c.statements {
			s := &c.statements[i]
			m, _ := mergeableOf(s.text)
			var err error
			if given[m], err = given[m].add(s.args); err != nil {
				return err
			}
			all[m] = s.missing != nil
		}
	}
	for m, c := range given {
		if c != nil {
			batch.Queue(manyText(mergeables[m].text, c, all[m]), c...)
		}
	}
	return nil
}

// withConn runs f on a connection of the pool, with a time limit.
func (e *postgresEngine) withConn(ctx context.Context, f func(context.Context, *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	conn, err := e.db.Conn(ctx)
	if err != nil {
		return unsent{err}
	}
	defer conn.Close()
	return conn.Raw(func(driverConn any) error {
		session := driverConn.(*stdlib.Conn).Conn()
		if session.IsClosed() {
			return unsent{pgconn.ErrConnClosed}
		}
		return f(ctx, session)
	})
}

// unsent is the error of a transaction of which nothing has left.
type unsent struct{ error }

func (e unsent) Unwrap() error { return e.error }

// neverSent answers whether a transaction may be run again because the server cannot have seen it. Of others the driver
// does not know: when the answer to a COMMIT gets lost it says "conn closed", and that this is safe to retry.
func neverSent(err error) bool {
	before, ok := err.(unsent)
	return ok && pgconn.SafeToRetry(before.error)
}

// commitAlone runs the statements as a transaction of their own, again when it loses a race.
func (e *postgresEngine) commitAlone(ctx context.Context, statements []statement) error {
	if err := e.places.enter(ctx); err != nil {
		return err
	}
	defer e.places.leave()
	for try := 1; ; try++ {
		err := e.withConn(context.WithoutCancel(ctx), func(ctx context.Context, conn *pgx.Conn) error {
			return e.transaction(ctx, conn, statements)
		})
		if err == nil {
			e.commits.Add(1)
		}
		if err == nil || try == maxTries || e.class(err) != again && !neverSent(err) {
			return err
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
}

// transaction sends all statements at once. The server takes them for one transaction: its own, if nothing has to be
// looked at before the commit, else one that begins with the first.
func (e *postgresEngine) transaction(ctx context.Context, conn *pgx.Conn, statements []statement) error {
	explicit := e.always
	for i := range statements {
		explicit = explicit || statements[i].missing != nil
	}
	batch := &pgx.Batch{QueuedQueries: make([]*pgx.QueuedQuery, 0, len(statements)+2)}
	before := 1
	if explicit {
		batch.Queue(e.begin)
		before++
	}
	batch.Queue("SELECT set_config('lock_timeout', $1, true)", e.lockTimeout)
	for i := range statements {
		batch.Queue(statements[i].in(postgresDialect), statements[i].args...)
	}
	results := conn.SendBatch(ctx, batch)
	err := readResults(results, before, statements)
	// Close answers what the end of the transaction answers: a commit may be what fails.
	if closed := results.Close(); err == nil {
		err = closed
	}
	if !explicit {
		return err
	}
	if err == nil {
		_, err = conn.Exec(ctx, "COMMIT")
		return err
	}
	if _, rollback := conn.Exec(ctx, "ROLLBACK"); rollback != nil {
		_ = conn.Close(ctx) // the pool makes a new one
	}
	return err
}

// readResults reads those of the statements, which come behind some that only prepare them.
func readResults(results pgx.BatchResults, before int, statements []statement) error {
	for range before {
		if _, err := results.Exec(); err != nil {
			return err
		}
	}
	for i := range statements {
		s := &statements[i]
		changed, err := readResult(results, s)
		if s.taken != nil && classOfPostgres(err) == taken {
			return s.taken(s.args)
		}
		if err != nil {
			return err
		}
		if changed == 0 && s.missing != nil {
			return s.missing(s.args)
		}
	}
	return nil
}

func readResult(results pgx.BatchResults, s *statement) (changed int64, err error) {
	if s.row == nil {
		tag, err := results.Exec()
		return tag.RowsAffected(), err
	}
	rows, err := results.Query()
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	s.begin()
	for rows.Next() {
		if err := s.row(rows.Scan); err != nil {
			return 0, err
		}
	}
	return rows.CommandTag().RowsAffected(), rows.Err()
}
