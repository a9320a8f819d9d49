package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/indent-approvals/indent/internal/store/migrations"
)

// BackupProgress is told how many of how many bytes are copied. It may be nil.
type BackupProgress func(done, total int64)

func (p BackupProgress) tell(done, total int64) {
	if p != nil {
		p(done, total)
	}
}

// Contents is what a database file holds.
type Contents struct {
	Schema    int64     `json:"schema"`
	Spaces    int64     `json:"spaces"`
	Members   int64     `json:"members"`
	Petitions int64     `json:"petitions"`
	Events    int64     `json:"events"`
	LastEvent time.Time `json:"lastEvent"`
	Bytes     int64     `json:"bytes"`
}

var errBackupOfPostgres = errors.New("this database is PostgreSQL, which has its own tools: while the servers run, " +
	"`pg_dump --format=custom --file=indent.dump 'postgres://…'` makes a consistent backup; " +
	"with all servers stopped, `pg_restore --no-owner --exit-on-error --dbname='postgres://…' indent.dump` puts it into an empty database of the same server")

// Backup writes what the SQLite database holds at the moment when it begins into a new file, which only the owner can
// read, while a server runs. It answers when the file is whole, checked and on the disk; nothing else ever has its name.
func Backup(ctx context.Context, url, file string, progress BackupProgress) (c Contents, err error) {
	if isPostgres(url) {
		return c, errBackupOfPostgres
	}
	path := strings.TrimPrefix(url, "sqlite:")
	if _, err := os.Stat(path); err != nil {
		return c, fmt.Errorf("there is no database %s: %w: give the server's --config or --database", path, err)
	}
	if err := mustNotExist(file); err != nil {
		return c, err
	}
	partial, err := newPartial(file)
	if err != nil {
		return c, err
	}
	defer removeDatabase(partial)
	if err := copyPages(ctx, path, partial, progress); err != nil {
		return c, cannotOpen(path, "copied", err)
	}
	if c, err = seal(ctx, partial); err != nil {
		return c, fmt.Errorf("the copy of %s does not hold: %w", path, err)
	}
	return c, publish(partial, file)
}

func mustNotExist(file string) error {
	if _, err := os.Lstat(file); err == nil {
		return fmt.Errorf("%s exists already and is not overwritten: choose another name", file)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// newPartial makes the file in which a copy grows, beside the one that it will be.
func newPartial(file string) (string, error) {
	made, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*.partial") // mode 0600
	if err != nil {
		return "", fmt.Errorf("a file cannot be made in %s: %w", filepath.Dir(file), err)
	}
	return made.Name(), made.Close()
}

// pagesAtOnce are 16 MiB: between two such steps the copy looks whether it is wanted still.
const pagesAtOnce = 4096

// copyPages copies within one read transaction, which sees one moment however long it takes. The writer goes on; its log
// (-wal) cannot be folded back into the file until the copy has ended, and grows meanwhile.
func copyPages(ctx context.Context, from, to string, progress BackupProgress) (err error) {
	db, err := openPool(dsn(from, "query_only(1)"), 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, statement := range []string{"BEGIN", "SELECT count(*) FROM sqlite_schema"} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return conn.Raw(func(driverConn any) error {
		backup, err := driverConn.(interface {
			NewBackup(to string) (*sqlite.Backup, error)
		}).NewBackup(plainDSN(to))
		if err != nil {
			return err
		}
		more := true
		for more && err == nil {
			if more, err = backup.Step(pagesAtOnce); err == nil {
				progress.tell(pageSize*int64(backup.PageCount()-backup.Remaining()), pageSize*int64(backup.PageCount()))
				err = ctx.Err()
			}
		}
		return errors.Join(err, backup.Finish())
	})
}

// pageSize is SQLite's default, which this schema keeps.
const pageSize = 4096

// plainDSN opens a file as it is, without our settings.
func plainDSN(path string) string { return strings.SplitN(dsn(path), "?", 2)[0] + "?_error_rc=1" }

// seal makes a copy one file that needs no others, checks every page of it, and answers what it holds.
func seal(ctx context.Context, path string) (c Contents, err error) {
	db, err := openPool(plainDSN(path), 1)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var mode, said string
	if err := db.QueryRowContext(ctx, "PRAGMA journal_mode = delete").Scan(&mode); err != nil {
		return c, damaged(path, err)
	}
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&said); err != nil {
		return c, damaged(path, err)
	}
	if said != "ok" {
		return c, damaged(path, errors.New(said))
	}
	if c, err = contents(ctx, db); err != nil {
		return c, damaged(path, err)
	}
	info, err := os.Stat(path)
	if err == nil {
		c.Bytes = info.Size()
	}
	return c, err
}

func damaged(path string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &trouble{kind: ErrDamaged, cause: err, message: fmt.Sprintf("%s is damaged, or is no database of Indent: %v", path, err)}
}

func contents(ctx context.Context, db *sql.DB) (c Contents, err error) {
	if c.Schema, err = schemaVersion(ctx, db, migrations.SQLite); err != nil {
		return c, err
	}
	if c.Schema == 0 {
		return c, errors.New("there is no schema in it")
	}
	var last int64
	err = db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM spaces), (SELECT count(*) FROM members), (SELECT count(*) FROM petitions),
		(SELECT count(*) FROM events), coalesce((SELECT time FROM events ORDER BY seq DESC LIMIT 1), 0)`).
		Scan(&c.Spaces, &c.Members, &c.Petitions, &c.Events, &last)
	c.LastEvent = timeOf(last)
	return c, err
}

// publish makes a file that is whole durable under its name, which nobody else may have taken meanwhile.
func publish(partial, file string) error {
	f, err := os.OpenFile(partial, os.O_RDWR, 0)
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil {
		return fmt.Errorf("%s cannot be written to the disk: %w", file, err)
	}
	if err := os.Link(partial, file); errors.Is(err, fs.ErrExist) {
		return mustNotExist(file)
	} else if err != nil { // a file system without links
		if err := errors.Join(mustNotExist(file), os.Rename(partial, file)); err != nil {
			return err
		}
	}
	return syncFolder(filepath.Dir(file))
}

func removeDatabase(path string) {
	for _, end := range databaseFiles {
		_ = os.Remove(path + end) // what is not there need not go
	}
}

// databaseFiles are the endings of the files of one database, in the order in which they are moved: a -wal file without
// its database means nothing, but a database without its -wal file has lost what was acknowledged last.
var databaseFiles = []string{"", "-wal", "-shm", "-journal"}

// Restored is what [Restore] has done.
type Restored struct {
	Contents
	// Aside is where the database is now that was there before; "" if there was none.
	Aside string `json:"aside,omitempty"`
}

// Restore makes a database of a backup. It refuses a damaged one, and a database that a server runs on; one that exists
// is only replaced by force, and then kept aside.
func Restore(ctx context.Context, url, file string, force bool, progress BackupProgress) (r Restored, err error) {
	if isPostgres(url) {
		return r, errBackupOfPostgres
	}
	path := strings.TrimPrefix(url, "sqlite:")
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	lock, err := lockDatabase(path)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, lock.release()) }()
	_, missing := os.Lstat(path)
	if missing == nil && !force {
		return r, fmt.Errorf("the database %s exists: give --force to replace it, which keeps it aside, or restore to another --database", path)
	}
	partial, err := newPartial(path)
	if err != nil {
		return r, err
	}
	defer removeDatabase(partial)
	if err := copyFile(ctx, file, partial, progress); err != nil {
		return r, err
	}
	if r.Contents, err = seal(ctx, partial); err != nil {
		return r, fmt.Errorf("the backup %s was not restored, and nothing was changed: %w", file, err)
	}
	if err := mustServe(file, r.Schema); err != nil {
		return r, err
	}
	if missing == nil {
		if r.Aside, err = moveAside(ctx, path); err != nil {
			return r, err
		}
	}
	return r, publish(partial, path)
}

// mustServe refuses a schema that this program cannot serve. An older one is brought up to date by the next start.
func mustServe(name string, version int64) error {
	switch {
	case version == unfinishedCopy:
		return fmt.Errorf("%s is a copy of a database that a migration has not filled yet", name)
	case version > migrations.Latest():
		return fmt.Errorf("%s was written by a newer version of Indent (its schema is %d, this version knows %d): restore it with that version",
			name, version, migrations.Latest())
	}
	return nil
}

func copyFile(ctx context.Context, from, to string, progress BackupProgress) (err error) {
	if info, err := os.Stat(from + "-wal"); err == nil && info.Size() > 0 {
		return fmt.Errorf("%s has a file %s beside it: it is a database in use, not a backup; make one with `indent backup`", from, filepath.Base(from)+"-wal")
	}
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("the backup cannot be read: %w", err)
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return errors.Join(err, fmt.Errorf("the backup %s is no file", from))
	}
	out, err := os.OpenFile(to, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	for done := int64(0); ; {
		n, err := io.CopyN(out, in, pagesAtOnce*pageSize)
		done += n
		progress.tell(done, info.Size())
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("the backup cannot be copied: %w", err)
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

// moveAside gives the database another name. If it is whole, it becomes one file first; that also shows that nobody else
// has it open.
func moveAside(ctx context.Context, path string) (aside string, err error) {
	for n := 1; ; n++ {
		aside = fmt.Sprintf("%s.before-restore-%d", path, n)
		if _, err := os.Lstat(aside); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return "", err
		}
	}
	if err := foldWAL(ctx, path); err != nil {
		return "", err
	}
	for _, end := range databaseFiles {
		if err := os.Rename(path+end, aside+end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("the database cannot be moved aside: %w", err)
		}
	}
	return aside, syncFolder(filepath.Dir(path))
}

// foldWAL folds the write-ahead log into its file. A damaged file is left as it is.
func foldWAL(ctx context.Context, path string) error {
	db, err := openPool(plainDSN(path), 1)
	if err != nil {
		return err
	}
	defer db.Close()
	var mode string
	err = db.QueryRowContext(ctx, "PRAGMA journal_mode = delete").Scan(&mode)
	var failure coded
	if errors.As(err, &failure) && failure.Code()&0xff == sqlite3.SQLITE_BUSY {
		return &trouble{kind: ErrInUse, cause: err, message: fmt.Sprintf("somebody has the database %s open: end that program first", path)}
	}
	return ctx.Err()
}
