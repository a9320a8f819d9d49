package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/indent-approvals/indent/internal/store/migrations"
)

var postgresDialect = &dialect{
	name: migrations.Postgres,
	words: strings.NewReplacer(
		// Transactions commit out of order of their sequence numbers, so an event carries its transaction's id, and
		// readers of the log stay below the oldest transaction that still runs: whatever is below it has ended, and
		// whatever begins later is above it.
		"{tx}", "pg_current_xact_id()::text::bigint",
		"{settled}", "tx < pg_snapshot_xmin(pg_current_snapshot())::text::bigint",
		"{skip locked}", "FOR UPDATE SKIP LOCKED",
		"{for share}", "FOR SHARE",
		// Not to_tsvector, which has its own idea of a word.
		"{words}", "array_to_tsvector(string_to_array($3, ' '))",
		"{list $2}", "(SELECT jsonb_array_elements_text(CAST($2 AS jsonb)))",
		"{each $2}", "jsonb_array_elements_text(CAST($2 AS jsonb)) AS given (value)", "{each $4}", "jsonb_array_elements_text(CAST($4 AS jsonb)) AS given (value)",
		// As lookUp below, for each value of a list: {each $2} {look up} things WHERE name = value {looked up}.
		"{look up}", "CROSS JOIN LATERAL (SELECT * FROM", "{looked up}", "OFFSET 0) looked",
	),
	// OFFSET and + 0, which no index orders, keep the planner from walking the list and testing each row, which is a good
	// plan for a common word and a very bad one for a rare one, and it cannot tell them apart.
	found: func(table, placeholder, order string) (string, string) {
		return "(SELECT rowid + 0 AS rowid FROM " + table + " WHERE words @@ CAST(" + placeholder + " AS tsquery) ORDER BY 1" + order + " OFFSET 0) d", "TRUE"
	},
	// OFFSET again: that a row is looked up by its key is not a choice. A planner without statistics takes the words looked
	// for to be in one petition, and reads all of the space's for that one before it asks the index of words.
	lookUp:    "CROSS JOIN LATERAL (SELECT * FROM petitions WHERE seq = d.rowid OFFSET 0) p WHERE TRUE",
	orderEach: true,
	quote: func(word string, prefix bool) string {
		quoted := "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(word) + "'"
		if prefix {
			quoted += ":*"
		}
		return quoted
	},
	and: " & ", or: " | ", not: " & !",
}

// postgresEngine is a pool of connections to one database, which any number of nodes share.
type postgresEngine struct {
	db      *sql.DB
	places  *gate
	merger  *batcher[*pending]
	reads   *petitionReads
	commits atomic.Int64 // transactions that made changes durable
	hints   *hints
	timeout time.Duration
	begin   string // how a transaction begins that has to be asked for
	always  bool   // every transaction has to be asked for
	// lockTimeout is that of a change that is committed alone; sessions have that of batches.
	lockTimeout string
}

const (
	defaultConns = 16
	// oldestPostgres has pg_current_xact_id.
	oldestPostgres = 130000
)

func openPostgres(ctx context.Context, o Options) (*Store, error) {
	config, err := pgx.ParseConfig(o.URL)
	if err != nil {
		return nil, fmt.Errorf("the database's address cannot be read: %w", err)
	}
	lockTimeout := configure(config, o)
	if o.Conns == 0 {
		o.Conns = defaultConns
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(o.Conns)
	db.SetMaxIdleConns(o.Conns)
	db.SetConnMaxIdleTime(5 * time.Minute)
	err = checkServer(ctx, db, o.Logger)
	if err == nil {
		err = migratePostgres(ctx, config)
	}
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	broker := NewBroker()
	places := newGate(o.Conns, o.Queue, o.Timeout)
	e := &postgresEngine{db: db, places: places, timeout: o.Timeout, begin: "BEGIN", always: o.Serializable,
		lockTimeout: lockTimeout, hints: startHints(config, broker, o.Logger)}
	e.merger = &batcher[*pending]{run: e.commitBatch, atOnce: commitsAtOnce, enough: enoughToCommit, size: mostCommitted, queue: o.Queue, others: e.hints.others}
	e.reads = newPetitionReads(e, o.Queue)
	if o.Serializable {
		e.begin = "BEGIN ISOLATION LEVEL SERIALIZABLE"
	}
	return &Store{engine: e, dialect: postgresDialect, broker: broker, reads: places, together: e.reads, walks: postgresWalks, samples: sampling{size: usualSample},
		times: eventTimes{block: usualBlock}, timeout: o.Timeout}, nil
}

// configure sets what every session of ours needs, unless the address says otherwise. It answers how long a change that is
// committed alone waits for a row: sessions wait as short as a batch may, which then need not say so each time.
func configure(config *pgx.ConnConfig, o Options) (lockTimeout string) {
	ours := map[string]string{
		"application_name": "indent",
		// A query is one statement and sees one moment: more isolation would only make it fail.
		"default_transaction_isolation": "read committed",
		"statement_timeout":             milliseconds(o.Timeout),
		// A session of ours that hangs in a transaction would keep events from settling for everybody.
		"idle_in_transaction_session_timeout": milliseconds(o.Timeout),
		"lock_timeout":                        milliseconds(o.Timeout / 3),
		// Every query of ours is a page or less, read by one index in the page's order: the plan begins with what stands
		// first in the text and looks the rest up, as on SQLite. Where the planner's statistics are a minute old, its own
		// choice would be to read and sort a table that had been small.
		"join_collapse_limit": "1", "enable_mergejoin": "off", "enable_hashjoin": "off", "enable_seqscan": "off",
		"random_page_cost": "1", "jit": "off",
		// Nor does a page ever need a second process, whose start takes longer than the page.
		"max_parallel_workers_per_gather": "0",
	}
	for name, value := range ours {
		if _, given := config.RuntimeParams[name]; !given {
			config.RuntimeParams[name] = value
		}
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 10 * time.Second
	}
	lockTimeout = config.RuntimeParams["lock_timeout"]
	config.RuntimeParams["lock_timeout"] = milliseconds(mergedLockTimeout)
	return lockTimeout
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// checkServer refuses a server that cannot keep our promises.
func checkServer(ctx context.Context, db *sql.DB, logger *slog.Logger) error {
	var version int
	var encoding, synchronous, fsync string
	err := db.QueryRowContext(ctx, `SELECT current_setting('server_version_num')::int, current_setting('server_encoding'),
		current_setting('synchronous_commit'), current_setting('fsync')`).Scan(&version, &encoding, &synchronous, &fsync)
	if err != nil {
		return fmt.Errorf("the database cannot be reached: %w", err)
	}
	if version < oldestPostgres {
		return fmt.Errorf("the database is PostgreSQL %d, which is too old: use 13 or newer", version/10000)
	}
	if encoding != "UTF8" {
		return fmt.Errorf("the database's encoding is %s: create it with ENCODING 'UTF8'", encoding)
	}
	if synchronous == "off" || fsync == "off" {
		logger.Warn("PostgreSQL does not wait for its disk, so an acknowledged decision can get lost in a crash: "+
			"set synchronous_commit and fsync to on", "synchronous_commit", synchronous, "fsync", fsync)
	}
	return nil
}

// query implements engine; pgx keeps statements prepared by their text. The plan of a list is made for its values each
// time: after five runs PostgreSQL would keep one for any values, as if an actor or a phase were as common as another.
func (e *postgresEngine) query(ctx context.Context, text string, list bool, args []any) (*sql.Rows, error) {
	if list {
		args = append([]any{pgx.QueryExecModeCacheDescribe}, args...)
	}
	return e.db.QueryContext(ctx, text, args...)
}

func (e *postgresEngine) close() error {
	e.hints.stop()
	return e.db.Close()
}

func (e *postgresEngine) class(err error) class { return classOfPostgres(err) }

// classOfPostgres goes by SQLSTATE, never by a sentence. What is not the server's answer at all is a connection that
// failed: an outcome that nobody knows is Unavailable, and the client asks again.
func classOfPostgres(err error) class {
	var failure *pgconn.PgError
	if !errors.As(err, &failure) {
		if isOurs(err) {
			return broken
		}
		return down
	}
	switch code := failure.Code; {
	case code == "23505":
		return taken
	case code == "40001", code == "40P01", // lost a race
		code == "0A000", code == "26000": // a prepared statement that another node's upgrade, or a proxy, has outdated
		return again
	case code == "55P03", code == "57014", code == "25006", code == "58030", // lock, timeout, read-only, I/O
		strings.HasPrefix(code, "08"), strings.HasPrefix(code, "53"), strings.HasPrefix(code, "57P"), strings.HasPrefix(code, "XX"):
		return down
	}
	return broken
}

// isOurs tells a mistake of this program, such as a scan into a wrong type, from a connection that failed.
func isOurs(err error) bool {
	var scan pgx.ScanArgError
	return errors.As(err, &scan) || err != nil && strings.HasPrefix(err.Error(), "sql: Scan error")
}

var _ engine = (*postgresEngine)(nil)
