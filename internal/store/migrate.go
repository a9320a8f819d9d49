package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/indent-approvals/indent/internal/store/migrations"
)

// migrate brings the schema up to date. It refuses a database that a newer version has written: this one would not
// know what it breaks.
func migrate(ctx context.Context, db *sql.DB, engine string) error {
	dialect := map[string]goose.Dialect{migrations.SQLite: goose.DialectSQLite3, migrations.Postgres: goose.DialectPostgres}[engine]
	provider, err := goose.NewProvider(dialect, db, migrations.For(engine),
		goose.WithLogger(goose.NopLogger()), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("the schema's steps cannot be read: %w", err)
	}
	have, err := provider.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("the version of the database's schema cannot be read: %w", err)
	}
	switch know := migrations.Latest(); {
	case have == know:
		return nil
	case have == unfinishedCopy:
		return errUnfinishedCopy
	case have > know:
		return fmt.Errorf("the database was written by a newer version of Indent (its schema is %d, this version knows %d): "+
			"start the newer version, or restore a backup that was made before the upgrade", have, know)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("the database's schema cannot be brought up to date: %w", err)
	}
	return nil
}

// unfinishedCopy stands among the versions of a schema while [Copy] fills the database. It is newer than any version, so
// that no program, this one or an older one, serves half of the data.
const unfinishedCopy = 1 << 40

var errUnfinishedCopy = errors.New("`indent migrate` has not finished filling the database: run it again with the same --from and --to, " +
	"and it goes on where it stopped")

// schemaVersion answers the version of the database's schema, 0 if there is none, and changes nothing.
func schemaVersion(ctx context.Context, db querier, engine string) (version int64, err error) {
	table := map[string]string{
		migrations.SQLite:   "SELECT count(*) FROM sqlite_schema WHERE name = 'goose_db_version'",
		migrations.Postgres: "SELECT count(to_regclass('goose_db_version'))",
	}[engine]
	var tables int64
	if err := db.QueryRowContext(ctx, table).Scan(&tables); err != nil || tables == 0 {
		return 0, err
	}
	err = db.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM goose_db_version").Scan(&version)
	return version, err
}

// querier is a database, a connection of it or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// versionOfFile is schemaVersion of an SQLite file.
func versionOfFile(ctx context.Context, path string) (int64, error) {
	db, err := openPool(dsn(path, "query_only(1)"), 1)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	version, err := schemaVersion(ctx, db, migrations.SQLite)
	if err != nil {
		return 0, cannotOpen(path, "read", err)
	}
	return version, nil
}

// migrateSQLite runs on a connection of its own. When several processes do so at once, each step fails in all but one of
// them, which then find it done.
func migrateSQLite(ctx context.Context, path string) error {
	db, err := openPool(dsn(path), 1)
	if err != nil {
		return err
	}
	defer db.Close()
	for range migrations.Latest() + 2 { // one more for the table of versions, one for the last look
		if err = migrate(ctx, db, migrations.SQLite); err == nil {
			return nil
		}
	}
	var ofEngine coded
	if errors.As(err, &ofEngine) {
		return cannotOpen(path, "opened", err)
	}
	return err
}

// migrationLock is the advisory lock under which nodes that start at once take turns. It is a number of our own.
const migrationLock = 0x1de47

// migratePostgres runs on connections of its own, which wait as long as it takes, under a lock of the database: nodes
// that start at once take turns.
func migratePostgres(ctx context.Context, config *pgx.ConnConfig) error {
	config = config.Copy()
	for _, bound := range []string{"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"} {
		config.RuntimeParams[bound] = "0"
	}
	db := stdlib.OpenDB(*config)
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() // and with its session, the lock
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", migrationLock); err != nil {
		return err
	}
	if err := migrate(ctx, db, migrations.Postgres); err != nil {
		return err
	}
	return mustBeOurNumbers(ctx, conn)
}

// mustBeOurNumbers refuses a log whose transaction numbers are of another server, from which it was dumped: what is
// written now would sort before what was there, and nobody who follows the log would see either.
func mustBeOurNumbers(ctx context.Context, conn querier) error {
	var foreign bool
	err := conn.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM spaces s CROSS JOIN LATERAL
		(SELECT tx FROM events WHERE space = s.name ORDER BY tx DESC LIMIT 1) last
		WHERE last.tx >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint)`).Scan(&foreign)
	if err != nil {
		return fmt.Errorf("the end of the log cannot be read: %w", err)
	}
	if foreign {
		return errors.New("the database was restored from a dump of another PostgreSQL server, whose transactions had other numbers, by which the log is ordered: " +
			"put it in order with `indent migrate --from` this database `--to moved.db`, then `--from moved.db --to` an empty database, and serve that one")
	}
	return nil
}
