// Package audit makes a log that anybody can prove: what an entry of the log is hashed as, the Merkle tree over these hashes
// (RFC 6962), the checkpoints that a server signs (C2SP tlog-checkpoint), the tiles in which they are read (C2SP tlog-tiles),
// and the proof that a log is whole. It knows nothing of a database or of a server: a verifier needs nothing else.
//
// It may import the library of canonical JSON and golang.org/x/mod.
package audit

import (
	"crypto/sha256"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a node of the tree: SHA-256, as RFC 6962 (2.1) says.
type Hash = tlog.Hash

// LeafHash answers the hash of a leaf's bytes.
func LeafHash(leaf []byte) Hash { return tlog.RecordHash(leaf) }

// emptyRoot is the root of a tree without entries: SHA-256 of nothing.
var emptyRoot = Hash(sha256.Sum256(nil))
