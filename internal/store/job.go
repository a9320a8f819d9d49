package store

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

const jobColumns = `key, kind, lane, space, petition, run_time, lease_until, attempts`

var (
	putJob = sqlText(`
		INSERT INTO jobs (key, kind, space, petition, run_time, lease_until, due, attempts, lane) VALUES ($1, $2, $3, $4, $5, 0, $5, 0, $6)
		ON CONFLICT (key) DO UPDATE SET due = excluded.due, run_time = excluded.run_time, lease_until = 0, attempts = 0,
			kind = excluded.kind, space = excluded.space, petition = excluded.petition, lane = excluded.lane`)
	// One that runs keeps its lease: two at once would do the work of one pair in any order. That it has no attempts says
	// that it was woken since it was leased.
	wakeJob = sqlText(`
		INSERT INTO jobs (key, kind, space, petition, run_time, lease_until, due, attempts, lane) VALUES ($1, $2, $3, $4, $5, 0, $5, 0, $6)
		ON CONFLICT (key) DO UPDATE SET attempts = 0,
			due = CASE WHEN jobs.lease_until = 0 AND excluded.due < jobs.due THEN excluded.due ELSE jobs.due END,
			run_time = CASE WHEN excluded.run_time < jobs.run_time THEN excluded.run_time ELSE jobs.run_time END`)
	// What was woken meanwhile is ended all the same, so that only its lease is looked at.
	endLeasedJob  = sqlText(`DELETE FROM jobs WHERE key = $1 AND lease_until = $2`)
	deleteJob     = sqlText(`DELETE FROM jobs WHERE key = $1`)
	selectNextJob = sqlText(`
		SELECT due FROM (SELECT due FROM jobs WHERE lane = '' ORDER BY due LIMIT 1) j
		UNION ALL SELECT timer_time FROM (SELECT timer_time FROM petitions WHERE timer_time > 0 ORDER BY timer_time LIMIT 1) t
		ORDER BY 1 LIMIT 1`)
	// From one lane to the next by the index, however many jobs are in each.
	selectLanes = sqlText(`
		WITH RECURSIVE lanes (name) AS (SELECT min(lane) FROM jobs WHERE lane > ''
			UNION ALL SELECT (SELECT min(lane) FROM jobs WHERE lane > lanes.name) FROM lanes WHERE name IS NOT NULL)
		SELECT name, (SELECT min(due) FROM jobs WHERE lane = lanes.name) FROM lanes WHERE name IS NOT NULL`)
	finishJob = sqlText(`DELETE FROM jobs WHERE key = $1 AND lease_until = $3 AND run_time = $2 AND attempts = $4`)
	retryJob  = sqlText(`
		UPDATE jobs SET run_time = $5, due = $5, lease_until = 0
		WHERE key = $1 AND lease_until = $3 AND run_time = $2 AND attempts = $4`)
	freeJob = sqlText(`UPDATE jobs SET due = run_time, lease_until = 0 WHERE key = $1 AND lease_until = $2 AND attempts = 0`)
)

// A petition's timer stands in the petition's row, where it costs a commit neither a statement nor a row, until its time
// has come: then it becomes a row of jobs. A job that it became before is not looked for: it finds the petition changed,
// and is replaced by the next.
//
// timerOf answers the timer that the change gives the petition, the zero job for none, or set false if it leaves it.
func (p *plan) timerOf(t *approval.Petition) (timer approval.Job, set bool) {
	for _, w := range p.writes {
		switch w := w.(type) {
		case approval.PutJob:
			if approval.IsTimerOf(w.Job.Key, t.Space, t.Name) {
				return w.Job, true
			}
		case approval.DeleteJob:
			if approval.IsTimerOf(w.Key, t.Space, t.Name) {
				return approval.Job{}, true
			}
		}
	}
	return approval.Job{}, false
}

func (p *plan) putJob(j approval.Job) {
	p.inSpace(j.Space)
	if p.putsPetition(j) {
		return
	}
	p.add(putJob, j.Key, j.Kind, j.Space, j.Petition, micros(j.RunTime), j.Lane)
}

func (p *plan) wakeJob(j approval.Job) {
	p.inSpace(j.Space)
	p.add(wakeJob, j.Key, j.Kind, j.Space, j.Petition, micros(j.RunTime), j.Lane)
}

func (p *plan) endJob(j approval.Job) {
	p.inSpace(j.Space)
	p.add(endLeasedJob, j.Key, micros(j.LeaseUntil)).missing = func(args []any) error {
		return approval.Errorf(approval.Conflict, "the job %s was taken by another, or is done", args[0])
	}
}

// putsPetition answers whether the job is the timer of a petition that the same change writes.
func (p *plan) putsPetition(j approval.Job) bool {
	return j.Petition != "" && slices.ContainsFunc(p.writes, func(w approval.Write) bool {
		put, ok := w.(approval.PutPetition)
		return ok && approval.IsTimerOf(j.Key, put.Petition.Space, put.Petition.Name)
	})
}

// deleteJob deletes what a timer may have become, too.
func (p *plan) deleteJob(key string) { p.add(deleteJob, key) }

// Timers that are due become jobs. Another node may do the same at this moment: PostgreSQL gives each timer to one of
// them, and SQLite has one writer.
const timersBecomeJobs = `INSERT INTO jobs (key, kind, space, petition, run_time, lease_until, due, attempts)
	SELECT 'petition/' || space || '/' || name, timer_kind, space, name, timer_time, 0, timer_time, 0 FROM {due}
	ON CONFLICT (key) DO UPDATE SET due = excluded.due, run_time = excluded.run_time, lease_until = 0, attempts = 0, kind = excluded.kind`

const dueTimers = "SELECT seq, space, name, timer_kind, timer_time FROM petitions WHERE timer_time > 0 AND timer_time <= $1 ORDER BY timer_time LIMIT "

// takeTimers answers the statements that turn at most limit timers into jobs.
func (s *Store) takeTimers(limit int) []string {
	due := dueTimers + strconv.Itoa(limit)
	if s.dialect == postgresDialect {
		return []string{"WITH due AS MATERIALIZED (" + due + " FOR UPDATE SKIP LOCKED), " +
			"taken AS (UPDATE petitions p SET timer_time = 0 FROM due WHERE p.seq = due.seq) " +
			strings.Replace(timersBecomeJobs, "{due}", "due", 1)}
	}
	return []string{strings.Replace(timersBecomeJobs, "{due}", "("+due+") due WHERE true", 1),
		"UPDATE petitions SET timer_time = 0 WHERE seq IN (SELECT seq FROM (" + due + "))"}
}

// leaseJobs leases at most limit jobs. The condition on due stands twice: whoever comes second to a row looks at it
// again when the first has committed.
func (s *Store) leaseJobs(limit int) string {
	return s.dialect.words.Replace("UPDATE jobs SET lease_until = $2, due = $2, attempts = attempts + 1 " +
		"WHERE due <= $1 AND key IN (SELECT key FROM jobs WHERE lane = $3 AND due <= $1 ORDER BY due LIMIT " + strconv.Itoa(limit) + " {skip locked}) " +
		"RETURNING " + jobColumns)
}

// LeaseJobs implements [approval.Store]. A job that is due and leased by nobody goes to one caller only, on every
// node.
func (s *Store) LeaseJobs(ctx context.Context, lane string, now time.Time, lease time.Duration, limit int) ([]approval.Job, error) {
	var jobs []approval.Job
	take := statement{dynamic: s.leaseJobs(limit), args: []any{micros(now), micros(now.Add(lease)), lane}}
	take.begin = func() { jobs = nil }
	take.row = func(scan func(...any) error) error {
		var j approval.Job
		var run, leased, attempts int64
		err := scan(&j.Key, &j.Kind, &j.Lane, &j.Space, &j.Petition, &run, &leased, &attempts)
		j.RunTime, j.LeaseUntil, j.Attempts = timeOf(run), timeOf(leased), int(attempts)
		jobs = append(jobs, j)
		return err
	}
	var statements []statement
	if lane == "" {
		for _, text := range s.takeTimers(limit) {
			statements = append(statements, statement{dynamic: text, args: []any{micros(now)}})
		}
	}
	if err := s.write(ctx, append(statements, take)); err != nil {
		return nil, err
	}
	slices.SortFunc(jobs, func(a, b approval.Job) int { return a.RunTime.Compare(b.RunTime) })
	return jobs, nil
}

// NextJob implements [approval.Store].
func (s *Store) NextJob(ctx context.Context) (time.Time, bool, error) {
	due, found, err := one(ctx, s, selectNextJob, func(rows *sql.Rows) (due int64, err error) {
		err = rows.Scan(&due)
		return due, err
	})
	return timeOf(due), found, err
}

// wakeLane wakes at most limit jobs: those that are to run later, by the index, and those that run and were not woken since they
// were leased, as their lease is a time to come, too. The condition stands twice, as that of leases.
func wakeLane(limit int) string {
	const rest = "due > $2 AND (lease_until = 0 OR attempts > 0)"
	return "UPDATE jobs SET attempts = 0, due = CASE WHEN lease_until = 0 THEN $2 ELSE due END, " +
		"run_time = CASE WHEN $2 < run_time THEN $2 ELSE run_time END WHERE " + rest + " AND key IN (" +
		"SELECT key FROM jobs WHERE lane = $1 AND space = $3 AND " + rest + " ORDER BY due LIMIT " + strconv.Itoa(limit) + ") RETURNING key"
}

// WakeLane implements [approval.ApplicationStore].
func (s *Store) WakeLane(ctx context.Context, space, lane string, at time.Time, most int) (n int, err error) {
	wake := statement{dynamic: wakeLane(most), args: []any{lane, micros(at), space}}
	wake.begin = func() { n = 0 }
	wake.row = func(scan func(...any) error) error {
		n++
		return scan(new(string))
	}
	err = s.write(ctx, []statement{wake})
	return n, err
}

// Lanes implements [approval.Store].
func (s *Store) Lanes(ctx context.Context) ([]approval.Lane, error) {
	return list(ctx, s, selectLanes.in(s.dialect), nil, func(rows *sql.Rows) (l approval.Lane, err error) {
		var due int64
		err = rows.Scan(&l.Name, &due)
		l.Due = timeOf(due)
		return l, err
	})
}

// FinishJob implements [approval.Store].
func (s *Store) FinishJob(ctx context.Context, jobs ...approval.Job) error {
	var statements []statement
	for _, j := range jobs {
		statements = append(statements, endJob(j, statement{text: finishJob, args: leaseOf(j)})...)
	}
	return s.write(ctx, statements)
}

// RetryJob implements [approval.Store]. Like FinishJob it does nothing to a job that was replaced or leased again.
func (s *Store) RetryJob(ctx context.Context, j approval.Job, at time.Time) error {
	return s.write(ctx, endJob(j, statement{text: retryJob, args: append(leaseOf(j), micros(at))}))
}

func leaseOf(j approval.Job) []any {
	return []any{j.Key, micros(j.RunTime), micros(j.LeaseUntil), int64(j.Attempts)}
}

// endJob answers what ends a lease. A timer is never woken: it is replaced.
func endJob(j approval.Job, end statement) []statement {
	if j.Lane == "" {
		return []statement{end}
	}
	return []statement{end, {text: freeJob, args: []any{j.Key, micros(j.LeaseUntil)}}}
}
