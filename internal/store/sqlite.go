package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/indent-approvals/indent/internal/store/migrations"
)

var sqliteDialect = &dialect{
	name: migrations.SQLite,
	words: strings.NewReplacer(
		// One writer: the order of sequence numbers is the order of commits, and what can be read is settled.
		"{tx}", "0",
		"{settled}", "1 = 1",
		"{skip locked}", "",
		"{for share}", "",
		"{words}", "$3",
		"{list $2}", "(SELECT value FROM json_each($2))",
		"{each $2}", "(SELECT value FROM json_each($2)) given", "{each $4}", "(SELECT value FROM json_each($4)) given",
		"{look up}", "CROSS JOIN", "{looked up}", "",
	),
	found: func(table, placeholder, _ string) (string, string) {
		return table + " d", "d." + table + " MATCH " + placeholder
	},
	lookUp:  "CROSS JOIN petitions p WHERE p.seq = d.rowid",
	inOrder: true,
	quote: func(word string, prefix bool) string {
		quoted := `"` + strings.ReplaceAll(word, `"`, `""`) + `"`
		if prefix {
			quoted += "*"
		}
		return quoted
	},
	and: " AND ", or: " OR ", not: " NOT ",
}

// forgetText takes a row out of an index of words, which does not know them and must be told. It is to run before the
// row's own words change.
func forgetText(index, table string) *text {
	const row = "FROM {table} WHERE space = $1 AND name = $2)"
	t := sqlText("DELETE FROM " + index + " WHERE rowid = (SELECT seq " + row)
	t.sqlite = "INSERT INTO " + index + " (" + index + ", rowid, words) SELECT 'delete', seq, words " + strings.TrimSuffix(row, ")")
	for _, s := range []*string{&t.sqlite, &t.postgres} {
		*s = strings.ReplaceAll(*s, "{table}", table)
	}
	return t
}

// sqliteEngine is an SQLite file in WAL mode: one connection writes (sqlite_writer.go), several read meanwhile.
type sqliteEngine struct {
	writer *writer
	reader *sql.DB
	stmts  preparedStatements
	lock   *fileLock // nil for who works beside a server
	damage damage
}

const defaultReaders = 8

func openSQLite(ctx context.Context, o Options) (*Store, error) {
	path := strings.TrimPrefix(o.URL, "sqlite:")
	if err := makeFile(path); err != nil {
		return nil, err
	}
	// fdatasync makes a commit exactly as durable as fsync and spares the file system a second journal entry. Where it
	// does not exist the driver goes on with fsync.
	_, _ = sqlite.Fdatasync(true)
	if o.Conns == 0 {
		o.Conns = defaultReaders
	}
	lock, err := prepareSQLite(ctx, path, o.Alone)
	if err != nil {
		return nil, err
	}
	cache := newPetitionCache()
	reader, err := openPool(dsn(path, "query_only(1)"), o.Conns)
	if err != nil {
		return nil, errors.Join(err, lock.release())
	}
	words := &lateWords{}
	if err := words.load(ctx, reader); err != nil {
		return nil, errors.Join(cannotOpen(path, "read", err), reader.Close(), lock.release())
	}
	w, err := newWriter(path, o.Queue, cache, words, o.Logger)
	if err != nil {
		return nil, errors.Join(cannotOpen(path, "opened for writing", err), reader.Close(), lock.release())
	}
	e := &sqliteEngine{writer: w, reader: reader, lock: lock}
	return &Store{engine: e, dialect: sqliteDialect, broker: NewBroker(), reads: newGate(o.Conns, o.Queue, o.Timeout), walks: usualWalks,
		samples: sampling{size: usualSample}, times: eventTimes{block: usualBlock}, cache: cache, late: words}, nil
}

// prepareSQLite brings the schema up to date. The lock is for who asked to be alone; others take it while they change
// the schema, which nobody does under a server that runs.
func prepareSQLite(ctx context.Context, path string, alone bool) (lock *fileLock, err error) {
	if !alone {
		version, err := versionOfFile(ctx, path)
		switch {
		case err != nil || version == migrations.Latest():
			return nil, err
		case version == 0, version > migrations.Latest(): // a new file, on which no server runs yet; one that is not for this version
			return nil, migrateSQLite(ctx, path)
		}
	}
	lock, err = lockDatabase(path)
	if !alone && errors.Is(err, ErrInUse) {
		return nil, awaitSchema(ctx, path)
	}
	if err != nil {
		return nil, err
	}
	if err := migrateSQLite(ctx, path); err != nil {
		return nil, errors.Join(err, lock.release())
	}
	if !alone {
		return nil, lock.release()
	}
	return lock, nil
}

// startPatience is how long a command waits for whoever brings the schema up to date at this moment.
const startPatience = 3 * time.Second

// awaitSchema waits for the schema that somebody else, who has the lock, is bringing up to date. A server that runs has done so.
func awaitSchema(ctx context.Context, path string) error {
	patience, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		version, err := versionOfFile(ctx, path)
		if err != nil || version == migrations.Latest() {
			return err
		}
		if !sleep(patience, 20*time.Millisecond) {
			return fmt.Errorf("the server that runs on %s is of an older version of Indent than this command: restart it with this version first", path)
		}
	}
}

// makeFile makes the database readable by its owner only; SQLite gives its -wal and -shm files the same mode. A file
// that exists is not opened here: closing it would give up the locks that this process may hold on it.
func makeFile(path string) error {
	switch {
	case path == "" || strings.HasPrefix(path, ":"):
		return fmt.Errorf("%q is no place for a database: name a file, such as data/indent.db", path)
	case strings.HasSuffix(path, "/"):
		return fmt.Errorf("%q is a folder: name the database's file in it, such as %sindent.db", path, path)
	}
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_EXCL, 0o600)
		if errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("the folder %s does not exist: make it first", filepath.Dir(path))
		}
		if err == nil {
			return f.Close()
		}
		if !errors.Is(err, os.ErrExist) { // it is there: another process starts as well
			return fmt.Errorf("the database cannot be made: %w", err)
		}
		return makeFile(path)
	}
	if err != nil {
		return fmt.Errorf("the database cannot be opened: %w", err)
	}
	if info.IsDir() {
		return fmt.Errorf("%s is a folder: name the database's file in it", path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(path, 0o600); err != nil {
			return fmt.Errorf("the database %s can be read by others, and that cannot be changed: %w", path, err)
		}
	}
	return nil
}

// pragmas are set on every connection. FULL makes every commit wait for the disk; busy_timeout is for other processes,
// such as a backup, as within this one there is one writer.
var pragmas = []string{
	"busy_timeout(5000)", "journal_mode(wal)", "synchronous(full)", "foreign_keys(0)", "temp_store(memory)",
	"journal_size_limit(67108864)",
	// The pages that every commit changes are copied into the file once per 16 MiB of commits, and not per 4.
	"wal_autocheckpoint(4000)", "cache_size(-8192)",
}

// The writer looks at all of its cached pages at the end of every transaction, so it has fewer.
const writerCache = "cache_size(-4096)"

func dsn(path string, more ...string) string {
	escaped := strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
	return "file:" + escaped + "?_dqs=0&_defensive=1&_error_rc=1&_pragma=" + strings.Join(append(pragmas, more...), "&_pragma=")
}

func openPool(dsn string, conns int) (*sql.DB, error) {
	connector, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, fmt.Errorf("the database cannot be opened: %w", err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

func (e *sqliteEngine) commit(ctx context.Context, statements []statement) error {
	if err := e.damage.found(); err != nil {
		return err
	}
	return e.writer.commit(ctx, statements)
}

func (e *sqliteEngine) query(ctx context.Context, text string, _ bool, args []any) (*sql.Rows, error) {
	stmt, err := e.stmts.get(ctx, e.reader, text)
	if err != nil {
		return nil, err
	}
	if stmt == nil {
		return e.reader.QueryContext(ctx, text, args...)
	}
	return stmt.QueryContext(ctx, args...)
}

func (e *sqliteEngine) close() error {
	e.writer.close()
	e.stmts.close()
	return errors.Join(e.reader.Close(), e.lock.release())
}

// class implements engine. The codes are SQLite's, never its sentences.
func (e *sqliteEngine) class(err error) class {
	e.damage.note(err)
	return classOfSQLite(err)
}

// coded is an error of SQLite: the driver's or liteError.
type coded interface {
	error
	Code() int
}

func classOfSQLite(err error) class {
	var failure coded
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return down
	case errors.Is(err, sql.ErrConnDone), errors.Is(err, driver.ErrBadConn), errors.Is(err, errClosed):
		return down
	case !errors.As(err, &failure):
		return broken
	}
	switch failure.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return taken
	}
	switch failure.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_NOMEM,
		sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM,
		// A damaged file is for an operator to mend; until then the store is as good as away.
		sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return down
	}
	return broken
}

// preparedStatements keeps statements by their text, up to a number that no set of texts in use comes near: a text
// beyond it, such as a selector with yet another number of values, is prepared each time.
type preparedStatements struct {
	mu     sync.RWMutex
	byText map[string]*sql.Stmt
}

const mostStatements = 256

func (p *preparedStatements) get(ctx context.Context, db *sql.DB, text string) (*sql.Stmt, error) {
	p.mu.RLock()
	stmt, n := p.byText[text], len(p.byText)
	p.mu.RUnlock()
	if stmt != nil || n >= mostStatements {
		return stmt, nil
	}
	made, err := db.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if stmt := p.byText[text]; stmt != nil { // somebody was faster
		return stmt, made.Close()
	}
	if p.byText == nil {
		p.byText = map[string]*sql.Stmt{}
	}
	p.byText[text] = made
	return made, nil
}

func (p *preparedStatements) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, stmt := range p.byText {
		_ = stmt.Close() // the connection is closed next
	}
	p.byText = nil
}

var _ engine = (*sqliteEngine)(nil)
