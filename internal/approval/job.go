package approval

import (
	"strings"
	"time"
)

// Kinds of jobs.
const (
	JobExpire   = "expire"   // an open petition that nobody decided
	JobEscalate = "escalate" // an open petition that gets more reviewers
	JobRemind   = "remind"   // an open petition whose reviewers are told again
	JobReview   = "review"   // a grant that broke the glass and that nobody has ratified
	JobStart    = "start"    // a grant that begins later than it was given
	JobWarn     = "warn"     // a grant that ends soon
	JobEnd      = "end"      // a grant whose time is up
	JobClose    = "close"    // a revoked petition
	JobQuorum   = "quorum"   // whether enough people may still grant: one petition, or all that wait in the space
)

// Job is work that must happen later: a row with a lease. Any node may take it; it happens at least once, and its
// handler decides on fresh state, so that twice is as good as once.
type Job struct {
	// Key is unique: a new job with the same key replaces the old one. A petition has one timer at a time.
	Key        string
	Kind       string
	Space      string
	Petition   string
	RunTime    time.Time
	LeaseUntil time.Time
	Attempts   int
}

func timer(p *Petition, kind string, at time.Time) PutJob {
	return PutJob{Job{Key: TimerKey(p.Space, p.Name), Kind: kind, Space: p.Space, Petition: p.Name, RunTime: at}}
}

// TimerKey answers the key of a petition's one timer.
func TimerKey(space, petition string) string { return timerPrefix + space + "/" + petition }

const timerPrefix = "petition/"

// IsTimerOf answers whether the key is TimerKey(space, petition).
func IsTimerOf(key, space, petition string) bool {
	rest, ok := strings.CutPrefix(key, timerPrefix)
	if !ok {
		return false
	}
	rest, ok = strings.CutPrefix(rest, space+"/")
	return ok && rest == petition
}
