package app

import "github.com/indent-approvals/indent/internal/store"

// Why a database cannot be worked on; errors of Build, Backup, Restore and Migrate may be one of them.
var (
	ErrInUse   = store.ErrInUse
	ErrDamaged = store.ErrDamaged
)
