package app

import (
	"context"

	"github.com/indent-approvals/indent/internal/store"
)

// Why a database cannot be worked on; errors of Build, Backup, Restore and Migrate may be one of them.
var (
	ErrInUse   = store.ErrInUse
	ErrDamaged = store.ErrDamaged
)

// What operators do with a database while no server runs on it, or, of a backup, beside one. See the same names in
// package store.
type (
	MigrateOptions  = store.CopyOptions
	MigrateReport   = store.CopyReport
	MigrateProgress = store.CopyProgress
	Contents        = store.Contents
	Restored        = store.Restored
)

// Migrate moves all that one database holds to another engine and compares every row.
func Migrate(ctx context.Context, o MigrateOptions) (MigrateReport, error) { return store.Copy(ctx, o) }

// Backup writes what an SQLite database holds into a new file, while a server runs.
func Backup(ctx context.Context, database, file string, progress func(done, total int64)) (Contents, error) {
	return store.Backup(ctx, database, file, progress)
}

// Restore makes a database of a backup.
func Restore(ctx context.Context, database, file string, force bool, progress func(done, total int64)) (Restored, error) {
	return store.Restore(ctx, database, file, force, progress)
}
