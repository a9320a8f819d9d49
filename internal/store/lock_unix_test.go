//go:build unix

package store

import (
	"syscall"
	"testing"
)

// Whoever has the file open beside the server, as a program that the process starts at this moment has for an instant, does not keep
// the lock that the server has given up.
func TestALockIsGivenUpWhoeverHasItsFile(t *testing.T) {
	t.Parallel()
	path := sqliteURL(t)
	first, err := lockDatabase(path)
	if err != nil {
		t.Fatal(err)
	}
	inherited, err := syscall.Dup(int(first.file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(inherited) }()
	for range 2 {
		if err := first.release(); err != nil {
			t.Fatal(err)
		}
	}
	second, err := lockDatabase(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.release(); err != nil {
		t.Error(err)
	}
}
