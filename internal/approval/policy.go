package approval

import "time"

// PolicyDocument is one version of a space's rule document, as text that the policy room understands.
type PolicyDocument struct {
	Space      string
	Version    int64 // 1, 2, 3 …
	Text       string
	CreatedBy  string
	CreateTime time.Time
}
