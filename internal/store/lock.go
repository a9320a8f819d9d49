package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// What makes a database unusable before anything is done with it. An error of [Open], [Backup], [Restore] or [Copy] says
// which one it was; its text says what to do.
var (
	ErrInUse   = errors.New("a server runs on the database")
	ErrDamaged = errors.New("the database is damaged")
)

// trouble is an error of one of these kinds.
type trouble struct {
	kind    error
	message string
	cause   error
}

func (t *trouble) Error() string   { return t.message }
func (t *trouble) Unwrap() []error { return []error{t.kind, t.cause} }

// fileLock keeps other servers from an SQLite file. SQLite itself would let them in, and each would answer from a memory
// that the other's writes have made stale. The lock is on a file of its own, as closing any handle of the database gives
// up all locks that SQLite holds on it; it ends with the process, however that ends.
type fileLock struct{ file *os.File }

// lockDatabase takes the lock, or answers ErrInUse.
func lockDatabase(path string) (*fileLock, error) {
	file, err := os.OpenFile(lockPath(path), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the lock of the database cannot be made: %w: the server's user must be able to write to the folder %s", err, filepath.Dir(path))
	}
	if err := tryLock(file); err != nil {
		holder := processIn(file)
		_ = file.Close()
		if !errors.Is(err, errLocked) {
			return nil, fmt.Errorf("the database %s cannot be locked: %w: keep it on a file system of this machine", path, err)
		}
		return nil, &trouble{kind: ErrInUse, cause: err, message: fmt.Sprintf("another server%s runs on the database %s: stop it first, or use another database", holder, path)}
	}
	// For whoever meets the lock; a full disk is no reason not to serve.
	if file.Truncate(0) == nil {
		_, _ = file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return &fileLock{file}, nil
}

// lockPath is the same for all names that links give the file.
func lockPath(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	} else if folder, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		path = filepath.Join(folder, filepath.Base(path))
	}
	return path + ".lock"
}

// processIn answers who holds the lock, in brackets, or nothing.
func processIn(file *os.File) string {
	text, err := io.ReadAll(io.LimitReader(file, 32))
	if pid, errNumber := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && errNumber == nil {
		return fmt.Sprintf(" (process %d)", pid)
	}
	return ""
}

// release gives the lock up; without one, or a second time, it does nothing. The file stays: whoever removed it could remove it under a
// process that has just locked it.
func (l *fileLock) release() error {
	if l == nil {
		return nil
	}
	unlock(l.file)
	if err := l.file.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

var errLocked = errors.New("locked by another process")
