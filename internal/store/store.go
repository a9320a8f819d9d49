// Package store keeps everything: the one implementation of [approval.Store], on SQLite and on PostgreSQL, in one SQL
// text.
//
// Its promise is the port's, proved on both engines by package storetest: a commit is all or nothing and durable when
// it is answered, reads see what was answered before, a unique key that is taken is a Conflict, an engine that cannot
// answer is Unavailable, and no cause ever reaches a public message.
//
// A use case's [approval.Change] becomes a list of statements (change.go, and one file per noun); an engine runs the
// list as one transaction. sqlite*.go and postgres*.go are the only places that know an engine: how it is opened,
// committed to and told apart from the other (see dialect), and what its errors mean.
//
// It imports the centre, the database drivers and the JSON library.
package store

import (
	"context"
	"database/sql"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// Options say where the store is and how much of the machine it may use. Only URL is required.
type Options struct {
	// URL is "postgres://…", or the path of an SQLite file, with or without "sqlite:" before it.
	URL    string
	Logger *slog.Logger
	// Conns bounds the connections that read on SQLite, and all of them on PostgreSQL. 0: as many as suit the engine.
	Conns int
	// Queue bounds how many commits may wait, and reads likewise; more are Unavailable at once. 0: 16,384.
	Queue int
	// Serializable runs PostgreSQL's transactions at SERIALIZABLE: what distributed engines that speak its protocol do
	// anyway. READ COMMITTED keeps every promise as well and is faster.
	Serializable bool
	// Alone is what a server asks for: on SQLite, that no other runs on the database meanwhile (ErrInUse). Whoever does not
	// ask works beside a server, and must leave petitions to it.
	Alone bool
	// Timeout bounds the wait for a turn, and on PostgreSQL one transaction or query. 0: 30 seconds.
	Timeout time.Duration
}

const (
	defaultQueue   = 16 << 10
	defaultTimeout = 30 * time.Second
)

// Store implements [approval.Store]. It is safe for concurrent use.
type Store struct {
	engine  engine
	dialect *dialect
	broker  *Broker
	reads   *gate
	walks   walks
	samples sampling
	times   eventTimes
	cache   *petitionCache // nil where others write, too
	late    *lateWords     // nil where the index of words has every petition
	// together reads petitions on PostgreSQL; nil on SQLite.
	together *petitionReads
	timeout  time.Duration // of a query; 0 where nothing can hang
	closed   atomic.Bool
	counts   counts
}

var _ approval.Store = (*Store)(nil)

// engine is one database engine. Errors that it answers are its driver's own: class says what they mean.
type engine interface {
	// commit runs the statements as one transaction, all or nothing, durable when it answers nil. An error that says
	// what a statement refused is an [approval.Error] already.
	commit(ctx context.Context, statements []statement) error
	// query runs a reading statement, of one row or a list; its text is expected again and is kept prepared.
	query(ctx context.Context, text string, list bool, args []any) (*sql.Rows, error)
	class(err error) class
	close() error
}

// class is what an error of an engine means to the store.
type class int

const (
	broken class = iota // a mistake of ours
	taken               // a unique key exists
	again               // the transaction lost a race and has left nothing: it may be run again
	down                // the engine cannot do it now
)

// Open opens the store, makes the database if there is none and brings its schema up to date. It refuses a database
// that a newer version has written.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Queue == 0 {
		o.Queue = defaultQueue
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if isPostgres(o.URL) {
		return openPostgres(ctx, o)
	}
	return openSQLite(ctx, o)
}

func isPostgres(url string) bool {
	return strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://")
}

// Close ends the store: waiters are told, commits that were accepted are finished, later ones are Unavailable.
func (s *Store) Close() error {
	s.closed.Store(true)
	s.broker.Close()
	return s.engine.close()
}

// Broker answers the store's broker: on SQLite within this process, on PostgreSQL between all nodes of the database.
func (s *Store) Broker() approval.Broker { return s.broker }

var writeReadiness = sqlText(`
	INSERT INTO readiness (id, pings) VALUES (1, 1)
	ON CONFLICT (id) DO UPDATE SET pings = readiness.pings + 1`)

// Ping writes one row and reads another; on SQLite it shares its write with the commits that are under way.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.write(ctx, []statement{{text: writeReadiness}}); err != nil {
		return err
	}
	_, err := s.LastCursor(ctx, "")
	return err
}
