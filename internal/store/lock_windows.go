package store

import (
	"errors"
	"os"
	"syscall"
	"unsafe"
)

var lockFileEx = syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx")

func tryLock(file *os.File) error {
	const exclusively, atOnce, violation = 2, 1, syscall.Errno(33)
	var place syscall.Overlapped
	place.OffsetHigh = 1 // beyond the text, which others may read
	done, _, err := lockFileEx.Call(file.Fd(), exclusively|atOnce, 0, 1, 0, uintptr(unsafe.Pointer(&place)))
	switch {
	case done != 0:
		return nil
	case errors.Is(err, violation):
		return errLocked
	}
	return err
}

// unlock has nothing to do: the lock is that of the handle, which no program inherits.
func unlock(*os.File) {}

// syncFolder has nothing to do: names are durable here when they are made.
func syncFolder(string) error { return nil }
