//go:build unix

package app

import "syscall"

// mayOpen answers how many files the process may open, 0 where that is not known.
func mayOpen() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil || limit.Cur > 1<<30 {
		return 0
	}
	return int(limit.Cur)
}
