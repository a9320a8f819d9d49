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
	JobApply    = "apply"    // a petition of which webhooks are to be told
	JobCall     = "call"     // what a webhook is to be told of a person and a resource
	JobWake     = "wake"     // what waits to be told to a webhook that is called again
	JobDecide   = "decide"   // a petition that a webhook is asked to decide
	JobState    = "state"    // what a webhook says of who really has access
	JobOverdue  = "overdue"  // whether a webhook has taken away what it should have
	JobQuorum   = "quorum"   // whether enough people may still grant: one petition, or all that wait in the space
	JobHourly   = "hourly"   // the same of what time alone may change, once an hour in each space
)

// Job is work that must happen later: a row with a lease. Any node may take it; it happens at least once, and its
// handler decides on fresh state, so that twice is as good as once.
type Job struct {
	// Key is unique: a new job with the same key replaces the old one. A petition has one timer at a time.
	Key  string
	Kind string
	// Lane is whose jobs hold up one another and nobody else's; "" is that of timers.
	Lane       string
	Space      string
	Petition   string
	RunTime    time.Time
	LeaseUntil time.Time
	Attempts   int
}

// MostTogether is how many timers are done together at most.
const MostTogether = 64

// With answers whether the timer can be done together with another (see [Service.RunTogether]): both end a grant of one space.
func (j Job) With(other Job) bool {
	return j.Kind == JobEnd && other.Kind == JobEnd && j.Space == other.Space
}

// topic answers what whoever takes such jobs listens to.
func (j *Job) topic() string {
	if j.Lane == "" {
		return JobsTopic
	}
	return LanesTopic
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

// Lane is one whose jobs wait.
type Lane struct {
	Name string
	Due  time.Time // when its next job can be taken
}

// Later is what a handler answers whose job is to come again at a time although nothing went wrong in it.
type Later struct{ At time.Time }

func (l Later) Error() string { return "the job comes again at " + stamp(l.At) }

type (
	// WakeJob inserts the job, or lets the one with the same key run at its RunTime if that is sooner. One that runs meanwhile
	// goes on alone, and runs once more when it has ended.
	WakeJob struct{ Job Job }
	// EndJob deletes a job that is leased as it says; where somebody else has taken it since, or it is gone, it is a Conflict. By it a
	// job that writes something once does so once, whoever else has taken it for dead.
	EndJob struct{ Job Job }
)

func (WakeJob) write() {}
func (EndJob) write()  {}
