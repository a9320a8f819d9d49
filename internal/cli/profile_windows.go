package cli

import (
	"os"
	"syscall"
	"unsafe"
)

// ownOnly has nothing to ask: the user's folder is the user's alone.
func ownOnly(string, os.FileInfo) error { return nil }

var lockFileEx = syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx")

// lock waits for the file to be this process's alone.
func lock(file *os.File) error {
	const exclusively = 2
	var place syscall.Overlapped
	if done, _, err := lockFileEx.Call(file.Fd(), exclusively, 0, 1, 0, uintptr(unsafe.Pointer(&place))); done == 0 {
		return err
	}
	return nil
}
