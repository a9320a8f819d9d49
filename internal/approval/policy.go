package approval

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// PolicyDocument is one version of a space's rule document, as text that the policy room understands.
type PolicyDocument struct {
	Space   string
	Version int64 // 1, 2, 3 …
	Text    string
	// Digest is [PolicyDigest] of the text. The store fills it in.
	Digest string
	// Reason is why the version was made, in the words of who made it.
	Reason string
	// Petition is the name of the petition that the change was granted by, "" when it needed none.
	Petition   string
	CreatedBy  string
	CreateTime time.Time
}

// PolicyDigest answers the SHA-256 of a document's text, as sha256:<hex>: the log and a petition for a change name a text by it.
func PolicyDigest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:])
}
