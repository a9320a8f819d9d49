package store

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgconn"
	sqlite3 "modernc.org/sqlite/lib"
)

// whyDown answers, for the people who run the server and those who wait for it, why the database cannot do it now.
func whyDown(err error) string {
	var ofSQLite coded
	var ofPostgres *pgconn.PgError
	switch {
	case errors.As(err, &ofSQLite):
		return whySQLite(ofSQLite.Code())
	case errors.As(err, &ofPostgres):
		return whyPostgres(ofPostgres.Code)
	}
	return "the database does not answer: try again in a moment"
}

const goesOn = "; the server goes on by itself as soon as it can write again"

func whySQLite(code int) string {
	switch code & 0xff {
	case sqlite3.SQLITE_FULL:
		return "the disk of the database is full: nothing can be changed until there is room" + goesOn
	case sqlite3.SQLITE_IOERR:
		return "the disk of the database does not take what is written, or does not give what is read: is it full, read-only or broken?" + goesOn
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return "the database is read-only for the server: its user must be able to write to the file, its -wal and -shm files and their folder"
	case sqlite3.SQLITE_CANTOPEN:
		return "the files of the database cannot be opened: they are gone, or the server's user may not read them"
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return damagedText
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return "another process has held the database for too long: try again in a moment"
	case sqlite3.SQLITE_NOMEM:
		return "the server is out of memory: try again in a moment"
	}
	return "the database does not answer: try again in a moment"
}

func whyPostgres(state string) string {
	switch {
	case state == "53100":
		return "the disk of PostgreSQL is full: nothing can be changed until there is room" + goesOn
	case state == "53300":
		return "PostgreSQL has no connection left: try again in a moment; raise its max_connections if this goes on"
	case state == "25006":
		return "PostgreSQL is read-only: the address reaches a standby, or it was set so" + goesOn
	case state == "58030", len(state) == 5 && state[:2] == "XX":
		return "PostgreSQL cannot read or write its files: see its log"
	}
	return "the database does not answer: try again in a moment"
}

const damagedText = "the file of the database is damaged: nothing is changed in it any more; " +
	"stop the server and restore a backup (indent restore), or keep the file for an expert to mend"

// damage is what an engine has found out about its file. It does not go away while the server runs: to write on where
// one page is wrong is how a damaged file becomes a useless one.
type damage struct{ first atomic.Pointer[error] }

func (d *damage) note(err error) {
	if isDamage(err) {
		d.first.CompareAndSwap(nil, &err)
	}
}

// found answers the first damage that was met, or nil.
func (d *damage) found() error {
	if first := d.first.Load(); first != nil {
		return *first
	}
	return nil
}

func isDamage(err error) bool {
	var failure coded
	if !errors.As(err, &failure) {
		return false
	}
	code := failure.Code() & 0xff
	return code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB
}

// cannotOpen says why a file cannot be worked with.
func cannotOpen(path, what string, err error) error {
	var failure coded
	switch {
	case isDamage(err):
		return &trouble{kind: ErrDamaged, cause: err, message: fmt.Sprintf("the database %s is damaged, or is no database of Indent (%v): "+
			"restore a backup with `indent restore --force`, which keeps the file aside", path, err)}
	case errors.As(err, &failure):
		return fmt.Errorf("the database %s cannot be %s: %s (%w)", path, what, whySQLite(failure.Code()), err)
	}
	return fmt.Errorf("the database %s cannot be %s: %w", path, what, err)
}
