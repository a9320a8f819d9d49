//go:build unix

package cli

import (
	"fmt"
	"os"
	"syscall"
)

// ownOnly refuses a file that is no plain one, that is another user's, or that others may read or write.
func ownOnly(path string, info os.FileInfo) error {
	stat, known := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no plain file: remove it and sign in again", path)
	case known && int(stat.Uid) != os.Geteuid():
		return fmt.Errorf("%s belongs to another user and is not used: remove it and sign in again", path)
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%s can be read by others (mode %04o) and is not used: if nobody can have read it run `chmod 600 %s`, else sign out and in again", path, info.Mode().Perm(), path)
	}
	return nil
}

// lock waits for the file to be this process's alone.
func lock(file *os.File) error {
	for {
		if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != syscall.EINTR {
			return err
		}
	}
}
