package store

import (
	"fmt"
	"strconv"
	"strings"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// liteConn is the writer's connection: SQLite's own functions without a driver between. The driver, which everything
// else uses, asks SQLite for the name of each argument of each statement, gives each text memory of its own, and has
// SQLite lock a connection that one goroutine uses. That was a fifth of what a change costs.
//
// It is not safe for concurrent use.
type liteConn struct {
	tls   *libc.TLS
	db    uintptr // sqlite3*
	stmts map[string]*liteStmt
	arena liteArena
}

// liteStmt is a prepared statement.
type liteStmt struct {
	handle  uintptr // sqlite3_stmt*
	columns int32
	// args says which argument each parameter is: to SQLite $2 is a name, and its first parameter is what stands first.
	args []int
}

// liteError is what SQLite answered. Its code is an extended one: https://www.sqlite.org/rescode.html
type liteError struct {
	code int
	text string
}

func (e *liteError) Error() string { return fmt.Sprintf("%s (%d)", e.text, e.code) }

// Code answers as the driver's own error does.
func (e *liteError) Code() int { return e.code }

// openLite opens an SQLite file that exists, in the same state as the driver's connections: see dsn.
func openLite(path string, more ...string) (*liteConn, error) {
	c := &liteConn{tls: libc.NewTLS(), stmts: map[string]*liteStmt{}}
	if err := c.open(path); err != nil {
		c.close()
		return nil, err
	}
	// Not even a statement of ours may write into the schema or the files' own tables, and "text" is never a text.
	c.configure(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, 1)
	c.configure(sqlite3.SQLITE_DBCONFIG_DQS_DDL, 0)
	c.configure(sqlite3.SQLITE_DBCONFIG_DQS_DML, 0)
	for _, pragma := range append(pragmas, more...) {
		if _, err := c.exec("PRAGMA "+pragma, nil); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

func (c *liteConn) open(path string) error {
	const flags = sqlite3.SQLITE_OPEN_READWRITE | sqlite3.SQLITE_OPEN_NOMUTEX | sqlite3.SQLITE_OPEN_EXRESCODE
	name, err := libc.CString(path)
	if err != nil {
		return err
	}
	defer libc.Xfree(c.tls, name)
	c.arena.grow(c.tls, unsafe.Sizeof(c.db))
	code := sqlite3.Xsqlite3_open_v2(c.tls, name, c.arena.start, flags, 0)
	c.db = *at[uintptr](c.arena.start) // there is one even if it cannot be used
	return c.check(code)
}

func (c *liteConn) configure(option, value int32) {
	c.arena.grow(c.tls, 2*8)
	sqlite3.Xsqlite3_db_config(c.tls, c.db, option, libc.VaList(c.arena.start, value, uintptr(0)))
}

// exec runs a statement to its end and answers how many rows it changed.
func (c *liteConn) exec(text string, args []any) (int64, error) {
	return c.query(text, args, nil)
}

// query hands each row that the statement answers to row, if it is not nil.
func (c *liteConn) query(text string, args []any, row func(scan func(...any) error) error) (n int64, err error) {
	s, err := c.prepare(text)
	if err != nil {
		return 0, err
	}
	defer sqlite3.Xsqlite3_reset(c.tls, s.handle) // its answer is that of the last step
	if err := c.bind(s, args); err != nil {
		return 0, err
	}
	for {
		switch code := sqlite3.Xsqlite3_step(c.tls, s.handle); code {
		case sqlite3.SQLITE_DONE:
			return int64(sqlite3.Xsqlite3_changes(c.tls, c.db)), nil
		case sqlite3.SQLITE_ROW:
			if row == nil {
				continue
			}
			if err := row(func(to ...any) error { return c.scan(s, to) }); err != nil {
				return 0, err
			}
		default:
			return 0, c.check(code)
		}
	}
}

// bind lays the texts into one piece of memory, which is theirs until the statement is bound again: SQLite copies what
// it keeps.
func (c *liteConn) bind(s *liteStmt, args []any) error {
	var size uintptr
	for _, a := range args {
		if text, ok := a.(string); ok {
			size += uintptr(len(text))
		}
	}
	place := c.arena.grow(c.tls, size)
	for i, n := range s.args {
		if n >= len(args) {
			return fmt.Errorf("a statement has %d arguments and needs one more", len(args))
		}
		var code int32
		switch a := args[n].(type) {
		case int64:
			code = sqlite3.Xsqlite3_bind_int64(c.tls, s.handle, int32(i+1), a)
		case string:
			copy(unsafe.Slice(at[byte](place), len(a)), a)
			code = sqlite3.Xsqlite3_bind_text(c.tls, s.handle, int32(i+1), place, int32(len(a)), sqliteStatic)
			place += uintptr(len(a))
		default:
			return fmt.Errorf("argument %d is a %T, which the schema has no column for", n+1, a)
		}
		if code != sqlite3.SQLITE_OK {
			return c.check(code)
		}
	}
	return nil
}

// sqliteStatic says that memory stays as it is while SQLite may look at it.
const sqliteStatic = 0

// scan copies integers and texts, all that this schema has.
func (c *liteConn) scan(s *liteStmt, to []any) error {
	for i := range to {
		column, ok := int32(i), false
		kind := sqlite3.Xsqlite3_column_type(c.tls, s.handle, column)
		switch to := to[i].(type) {
		case *int64:
			*to, ok = sqlite3.Xsqlite3_column_int64(c.tls, s.handle, column), kind == sqlite3.SQLITE_INTEGER
		case *string:
			text := sqlite3.Xsqlite3_column_text(c.tls, s.handle, column)
			*to, ok = string(unsafe.Slice(at[byte](text), sqlite3.Xsqlite3_column_bytes(c.tls, s.handle, column))), kind == sqlite3.SQLITE_TEXT
		}
		if !ok || column >= s.columns {
			return fmt.Errorf("column %d of %d is of type %d and was expected as %T", i+1, s.columns, kind, to[i])
		}
	}
	return nil
}

func (c *liteConn) prepare(text string) (*liteStmt, error) {
	if s := c.stmts[text]; s != nil {
		return s, nil
	}
	if len(c.stmts) >= mostWriterTexts {
		c.forget()
	}
	sql, err := libc.CString(text)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, sql)
	c.arena.grow(c.tls, unsafe.Sizeof(c.db))
	code := sqlite3.Xsqlite3_prepare_v3(c.tls, c.db, sql, int32(len(text)), sqlite3.SQLITE_PREPARE_PERSISTENT, c.arena.start, 0)
	if code != sqlite3.SQLITE_OK {
		return nil, c.check(code)
	}
	s := &liteStmt{handle: *at[uintptr](c.arena.start)}
	c.stmts[text] = s
	s.columns = sqlite3.Xsqlite3_column_count(c.tls, s.handle)
	for i := range sqlite3.Xsqlite3_bind_parameter_count(c.tls, s.handle) {
		name := libc.GoString(sqlite3.Xsqlite3_bind_parameter_name(c.tls, s.handle, i+1))
		n, err := strconv.Atoi(strings.TrimPrefix(name, "$"))
		if err != nil || n < 1 {
			c.forget()
			return nil, fmt.Errorf("the parameter %q is not $1, $2, …", name)
		}
		s.args = append(s.args, n-1)
	}
	return s, nil
}

func (c *liteConn) forget() {
	for text, s := range c.stmts {
		sqlite3.Xsqlite3_finalize(c.tls, s.handle)
		delete(c.stmts, text)
	}
}

// check answers the error of a code that is not SQLITE_OK.
func (c *liteConn) check(code int32) error {
	if code == sqlite3.SQLITE_OK {
		return nil
	}
	text := libc.GoString(sqlite3.Xsqlite3_errstr(c.tls, code))
	if c.db != 0 && sqlite3.Xsqlite3_extended_errcode(c.tls, c.db) == code {
		text = libc.GoString(sqlite3.Xsqlite3_errmsg(c.tls, c.db))
	}
	return &liteError{int(code), text}
}

func (c *liteConn) close() error {
	c.forget()
	err := c.check(sqlite3.Xsqlite3_close(c.tls, c.db))
	libc.Xfree(c.tls, c.arena.start)
	c.tls.Close()
	return err
}

// liteArena is memory outside of Go's that is used again and again.
type liteArena struct{ start, size uintptr }

// grow answers memory of at least so many bytes; what was in it is lost.
func (a *liteArena) grow(tls *libc.TLS, size uintptr) uintptr {
	if size <= a.size && a.start != 0 {
		return a.start
	}
	libc.Xfree(tls, a.start)
	a.size = max(2*size, 64<<10)
	a.start = libc.Xmalloc(tls, libc.Tsize_t(a.size))
	if a.start == 0 {
		panic("out of memory")
	}
	return a.start
}

// at answers what memory outside of Go's holds at an address.
func at[T any](address uintptr) *T { return *(**T)(unsafe.Pointer(&address)) }
