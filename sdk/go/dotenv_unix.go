//go:build unix

package indent

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// planted answers whether somebody else may have put the file there. Everybody can write to a folder such as /tmp: a
// .env of another user in it could send our token, and our trust in the answer, to a server of theirs.
func planted(path string, info fs.FileInfo) bool {
	folder, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return true
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	return folder.Mode().Perm()&0o002 != 0 && (!ok || int(owner.Uid) != os.Geteuid())
}
