package store

import "sync/atomic"

// Stats count what the store has written since it was opened.
type Stats struct {
	// Changes were committed, with Events in the audit log.
	Changes, Events int64
	// Commits are transactions that made changes durable, each with one wait for the disk, which many changes share.
	Commits int64
}

// counts are what Stats answers.
type counts struct{ changes, events atomic.Int64 }

func (c *counts) committed(events int) {
	c.changes.Add(1)
	c.events.Add(int64(events))
}

// Stats answers the store's counts; it may be called at any time.
func (s *Store) Stats() Stats {
	t := Stats{Changes: s.counts.changes.Load(), Events: s.counts.events.Load()}
	switch e := s.engine.(type) {
	case *sqliteEngine:
		t.Commits = e.writer.commits.Load()
	case *postgresEngine:
		t.Commits = e.commits.Load()
	}
	return t
}
