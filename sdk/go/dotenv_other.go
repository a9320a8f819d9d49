//go:build !unix

package indent

import "io/fs"

// planted answers false: folders that everybody can write to are a custom of Unix.
func planted(string, fs.FileInfo) bool { return false }
