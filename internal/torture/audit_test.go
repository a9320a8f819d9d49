package torture

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver

	"github.com/indent-approvals/indent/tests/faults/faulttest"
)

const (
	eventsOfPetition = "(SELECT count(*) FROM events e WHERE e.space = p.space AND e.petition = p.name AND e.event "
	// A grant that nothing keeps is closed in the change that ends it: two events, one version.
	endedInTheSameChange = `SELECT 1 FROM events o WHERE o.space = e.space AND o.petition = e.petition AND o.event = 'access/end' AND o.tx = e.tx AND o.time = e.time`
	countVotes           = "(SELECT count(*) FROM votes v WHERE v.space = p.space AND v.petition = p.name)"
)

// audits find rows without what their change wrote beside them: none may answer anything. The API does not show these
// rows, so they are looked for in the database.
var audits = map[string]string{
	"petitions without the event of their request, or with two": "SELECT name FROM petitions p WHERE " + eventsOfPetition + "= 'access/request') <> 1",
	"events of petitions that do not exist": `SELECT petition FROM events e WHERE petition <> ''
		AND NOT EXISTS (SELECT 1 FROM petitions p WHERE p.space = e.space AND p.name = e.petition)`,
	"petitions with another version than their events make": "SELECT name FROM petitions p WHERE version <> 1 + " +
		eventsOfPetition + `IN ('access/approve', 'access/deny', 'access/revoke', 'access/expire', 'access/end', 'access/close')
			AND NOT (e.event = 'access/deny' AND e.actor = 'indent/policy')
			AND NOT (e.event = 'access/close' AND EXISTS (` + endedInTheSameChange + `)))`,
	"votes without claims, or claims without votes":    "SELECT name FROM petitions p WHERE " + countVotes + " <> " + eventsOfPetition + "= 'access/approve')",
	"granted petitions without the event of the grant": "SELECT name FROM petitions p WHERE phase IN ('granted', 'revoked') AND " + eventsOfPetition + "= 'access/grant') <> 1",
	"petitions without the timer of their phase, or with another": `SELECT p.name FROM petitions p
		LEFT JOIN jobs j ON j.key = 'petition/' || p.space || '/' || p.name
		WHERE CASE WHEN p.timer_time > 0 THEN p.timer_kind ELSE coalesce(j.kind, '') END <> CASE p.phase WHEN 'open' THEN 'expire' WHEN 'granted' THEN 'end' WHEN 'revoked' THEN 'close' ELSE '' END`,
	"timers of nothing": `SELECT j.key FROM jobs j WHERE NOT (j.kind IN ('quorum', 'hourly') AND j.petition = '')
		AND NOT EXISTS (SELECT 1 FROM petitions p WHERE p.space = j.space AND p.name = j.petition)`,
	"spaces without their hourly look":                `SELECT name FROM spaces s WHERE NOT EXISTS (SELECT 1 FROM jobs j WHERE j.key = 'hourly/' || s.name)`,
	"petitions that were made with several keys":      `SELECT petition FROM idempotency GROUP BY petition HAVING count(*) <> 1`,
	"petitions and keys that are not the same number": `SELECT 'of ' || (SELECT count(*) FROM petitions) WHERE (SELECT count(*) FROM petitions) <> (SELECT count(*) FROM idempotency)`,
}

// audit runs every audit on one and the same state of the database, while the server runs.
func (v *victim) audit(b *book) {
	v.Helper()
	v.inDatabase(func(ctx context.Context, tx *sql.Tx) {
		for what, query := range audits {
			rows, err := tx.QueryContext(ctx, query+" LIMIT 5")
			if err != nil {
				v.Fatalf("%s: %v", what, err)
			}
			if err := each(rows, func(_ []string, values []any) { v.Errorf("%s: %v", what, values) }); err != nil {
				v.Fatalf("%s: %v", what, err)
			}
		}
		var petitions int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM petitions").Scan(&petitions); err != nil {
			v.Fatal(err)
		}
		if acknowledged := len(b.all()); petitions < acknowledged {
			v.Errorf("%d petitions of %d that were acknowledged", petitions, acknowledged)
		}
	})
}

// inDatabase runs do in a transaction that sees one state.
func (v *victim) inDatabase(do func(context.Context, *sql.Tx)) {
	v.Helper()
	db, err := openReader(v.database)
	if v.server != nil {
		db, err = sql.Open("pgx", v.database)
	}
	if err != nil {
		v.Fatal(err)
	}
	defer db.Close()
	o := &sql.TxOptions{ReadOnly: true}
	if v.server != nil {
		o.Isolation = sql.LevelRepeatableRead
	}
	tx, err := db.BeginTx(v.Context(), o)
	if err != nil {
		v.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	do(v.Context(), tx)
}

// leaseTime is how long a job rests that a dead process had taken.
const leaseTime = 20 * time.Second

// settle proves that everything whose time has come has happened: jobs that nobody has taken at once, those that a dead
// process had taken when its lease is over. Nobody reads a petition meanwhile, for that would do the work as well.
func (v *victim) settle(c *crew) {
	v.Helper()
	due := func(also string) (n int) {
		v.inDatabase(func(ctx context.Context, tx *sql.Tx) {
			const late = "(SELECT count(*) FROM jobs WHERE run_time < %[1]d%[2]s) + (SELECT count(*) FROM petitions WHERE timer_time > 0 AND timer_time < %[1]d)"
			query := fmt.Sprintf("SELECT "+late, time.Now().Add(-2*time.Second).UnixMicro(), also)
			if err := tx.QueryRowContext(ctx, query).Scan(&n); err != nil {
				v.Fatal(err)
			}
		})
		return n
	}
	faulttest.Until(v, 15*time.Second, "every job is done that is due and nobody has", func() bool { return due(" AND lease_until = 0") == 0 })
	if count(v.T, 1, 0) > 0 { // a sample does not wait so long
		faulttest.Until(v, leaseTime+15*time.Second, "every job is done that a dead process had", func() bool { return due("") == 0 })
	}
	v.audit(c.book)
	names := c.book.all()
	v.lots.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	c.look(names[:min(len(names), 2000)])
}
