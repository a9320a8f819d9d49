package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/indent-approvals/indent/internal/store/migrations"
)

// side is the source or the target of a copy: one connection of its own to a database that nobody else may use.
type side struct {
	name   string // for people: without a password
	engine string
	db     *sql.DB
	conn   *sql.Conn
	lock   *fileLock
	// unfinished: it is the target of a copy that was stopped.
	unfinished bool
}

// copyLock is the advisory lock of whoever fills a PostgreSQL database.
const copyLock = migrationLock + 1

func (s *side) close() error {
	errs := []error{}
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	return errors.Join(append(errs, s.lock.release())...)
}

// opened answers the side, or closes it when something about it is wrong.
func (s *side) opened(err error) (*side, error) {
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// openSource opens a database to read from and keeps everybody from writing to it until it is closed.
func openSource(ctx context.Context, url string) (*side, error) {
	if isPostgres(url) {
		s, err := dialPostgres(ctx, url)
		if err != nil {
			return nil, err
		}
		return s.opened(s.holdPostgres(ctx))
	}
	path := strings.TrimPrefix(url, "sqlite:")
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("there is no database %s: %w", path, err)
	}
	s, err := openFile(ctx, path)
	if err != nil {
		return nil, err
	}
	return s.opened(s.holdSQLite(ctx))
}

// openFile opens an SQLite file that no server runs on.
func openFile(ctx context.Context, path string) (*side, error) {
	lock, err := lockDatabase(path)
	if err != nil {
		return nil, err
	}
	s := &side{name: path, engine: migrations.SQLite, lock: lock}
	if s.db, err = openPool(dsn(path), 1); err == nil {
		s.conn, err = s.db.Conn(ctx)
	}
	if err != nil {
		err = cannotOpen(path, "opened", err)
	}
	return s.opened(err)
}

func (s *side) holdSQLite(ctx context.Context) error {
	version, err := schemaVersion(ctx, s.conn, s.engine)
	if err != nil {
		return cannotOpen(s.name, "read", err)
	}
	if err := mustBeCurrent(s.name, version); err != nil {
		return err
	}
	if _, err := s.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return cannotOpen(s.name, "held", err)
	}
	return nil
}

func (s *side) holdPostgres(ctx context.Context) error {
	version, err := schemaVersion(ctx, s.conn, s.engine)
	if err == nil {
		err = mustBeCurrent(s.name, version)
	}
	if err != nil {
		return err
	}
	var nodes int64
	const others = `SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'indent' AND pid <> pg_backend_pid()`
	// PostgreSQL takes a moment to see that a server that has just stopped has left.
	for try := range 8 {
		if err := s.conn.QueryRowContext(ctx, others).Scan(&nodes); err != nil {
			return err
		}
		if nodes == 0 {
			break
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
	if nodes > 0 {
		return &trouble{kind: ErrInUse, message: fmt.Sprintf("servers run on %s (%d connections): stop all of them first", s.name, nodes)}
	}
	// Whatever still comes to write waits for this transaction, which sees what there was when it had all locks.
	for _, statement := range []string{"BEGIN ISOLATION LEVEL REPEATABLE READ", "LOCK TABLE " + strings.Join(copiedTables, ", ") + " IN SHARE MODE"} {
		if _, err := s.conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("the tables of %s cannot be locked: %w", s.name, err)
		}
	}
	return nil
}

// mustBeCurrent refuses a source whose schema is not this program's: its rows would not fit.
func mustBeCurrent(name string, version int64) error {
	know := migrations.Latest()
	switch {
	case version == know:
		return nil
	case version == 0:
		return fmt.Errorf("%s is no database of Indent: there is no schema in it", name)
	case version == unfinishedCopy:
		return fmt.Errorf("%s is itself the target of a migration that has not ended: end that one first", name)
	case version > know:
		return fmt.Errorf("%s was written by a newer version of Indent (its schema is %d, this version knows %d): "+
			"migrate with the version that its servers ran", name, version, know)
	}
	return fmt.Errorf("%s was written by an older version of Indent (its schema is %d, this version's is %d): "+
		"start `indent serve` of this version on it once, which brings it up to date, stop it and migrate again", name, version, know)
}

// openTarget opens a database to write to, with the schema of this program.
func openTarget(ctx context.Context, o CopyOptions) (*side, error) {
	if isPostgres(o.To) {
		return openPostgresTarget(ctx, o)
	}
	path := strings.TrimPrefix(o.To, "sqlite:")
	if err := makeFile(path); err != nil {
		return nil, err
	}
	s, err := openFile(ctx, path)
	if err != nil {
		return nil, err
	}
	return s.opened(s.prepareTarget(ctx, func() error { return migrateSQLite(ctx, path) }))
}

func openPostgresTarget(ctx context.Context, o CopyOptions) (*side, error) {
	s, err := dialPostgres(ctx, o.To)
	if err != nil {
		return nil, err
	}
	if err := checkServer(ctx, s.db, o.Logger); err != nil {
		return s.opened(err)
	}
	// A migration that was killed may hold it until the server has noticed: that is what lock_timeout waits for.
	if _, err := s.conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", copyLock); err != nil {
		return s.opened(fmt.Errorf("another migration fills %s: let it end, or stop it: %w", s.name, err))
	}
	config, err := pgx.ParseConfig(o.To)
	if err != nil {
		return s.opened(err)
	}
	return s.opened(s.prepareTarget(ctx, func() error { return migratePostgres(ctx, config) }))
}

func (s *side) prepareTarget(ctx context.Context, makeSchema func() error) error {
	version, err := schemaVersion(ctx, s.conn, s.engine)
	switch {
	case err != nil:
		return err
	case version == unfinishedCopy:
		s.unfinished = true
	case version == 0:
		if err := makeSchema(); err != nil {
			return err
		}
	case version != migrations.Latest():
		return fmt.Errorf("%s is a database of another version of Indent (its schema is %d, this version's is %d): give an empty database",
			s.name, version, migrations.Latest())
	}
	return s.hurry(ctx)
}

// hurry waits for the disk at the end only. A crash of the machine may take back whole batches, with what says that they
// were copied.
func (s *side) hurry(ctx context.Context) error {
	settings := []string{"PRAGMA synchronous = normal", "PRAGMA cache_size = -65536"}
	if s.engine == migrations.Postgres {
		settings = []string{"SET synchronous_commit = off", "SET maintenance_work_mem = '256MB'"}
	}
	for _, setting := range settings {
		if _, err := s.conn.ExecContext(ctx, setting); err != nil {
			return err
		}
	}
	return nil
}

// durably answers the statement after which a commit waits until it, and all before it, are on the disk.
func (s *side) durably() string {
	if s.engine == migrations.Postgres {
		return "SET synchronous_commit = on"
	}
	return "PRAGMA synchronous = full"
}

// transaction runs work as one; before are statements that come before it begins.
func (s *side) transaction(ctx context.Context, work func() error, before ...string) error {
	begin := "BEGIN IMMEDIATE"
	if s.engine == migrations.Postgres {
		begin = "BEGIN"
	}
	for _, statement := range append(before, begin) {
		if _, err := s.conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	err := work()
	if err == nil {
		_, err = s.conn.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		_, _ = s.conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") // the connection ends next
	}
	return err
}

// settle leaves the target as a server likes to find it: PostgreSQL with statistics, SQLite in one file.
func (s *side) settle(ctx context.Context) error {
	statement := "PRAGMA wal_checkpoint(TRUNCATE)"
	if s.engine == migrations.Postgres {
		statement = "ANALYZE " + strings.Join(copiedTables, ", ")
	}
	_, err := s.conn.ExecContext(ctx, statement)
	return err
}

func dialPostgres(ctx context.Context, url string) (*side, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("the database's address cannot be read: %w", err)
	}
	for name, value := range map[string]string{
		"application_name": "indent migrate", "statement_timeout": "0", "idle_in_transaction_session_timeout": "0",
		"lock_timeout": "30000", "jit": "off",
	} {
		config.RuntimeParams[name] = value
	}
	s := &side{name: fmt.Sprintf("%s on %s:%d", config.Database, config.Host, config.Port), engine: migrations.Postgres, db: stdlib.OpenDB(*config)}
	if s.conn, err = s.db.Conn(ctx); err != nil {
		err = fmt.Errorf("%s cannot be reached: %w", s.name, err)
	}
	return s.opened(err)
}
