package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/indent-approvals/indent/internal/approval"
)

// dialect is what one engine says in its own words. A text has them in braces.
type dialect struct {
	name string
	// words replaces {tx}, {settled}, {skip locked}, {for share}, {words}, {list $2}, {each $2}, and {look up} with {looked up} (see sqlite.go
	// and postgres.go).
	words *strings.Replacer
	// found answers what to read from as d, and on what condition, for the rowids of a search table's rows that hold the
	// search which is bound to the placeholder; order is that of the list, "" or " DESC".
	found func(table, placeholder, order string) (from, condition string)
	// lookUp joins the petition p of each row d that was found.
	lookUp string
	// inOrder: whole words are found in the order of rowids, so that a page costs a page however many rows have them.
	inOrder bool
	// orderEach: the parts of a union are read in the order of the whole only if each is ordered.
	orderEach bool
	// quote, and, or and not (of what stands before it) are the words of a search; a word that is a prefix stands for all
	// that begin with it.
	quote        func(word string, prefix bool) string
	and, or, not string
}

// text is one SQL statement in the words of each engine. Statements are package variables: made once, compared by
// address, prepared by each engine under their text.
type text struct{ sqlite, postgres string }

func sqlText(s string) *text {
	s = strings.Join(strings.Fields(s), " ")
	return &text{sqlite: sqliteDialect.words.Replace(s), postgres: postgresDialect.words.Replace(s)}
}

// onPostgres is a text that means nothing to SQLite.
func onPostgres(s string) *text { return &text{postgres: sqlText(s).postgres} }

// andOnSQLite answers the text with more of it in SQLite's words.
func (t *text) andOnSQLite(more string) *text {
	return &text{sqlite: strings.TrimSpace(t.sqlite + " " + strings.Join(strings.Fields(more), " ")), postgres: t.postgres}
}

// thenOnPostgres answers the text of an insertion with a statement behind it for PostgreSQL that reads what was inserted:
// the columns of the rows made.
func (t *text) thenOnPostgres(columns, then string) *text {
	return &text{sqlite: t.sqlite, postgres: "WITH made AS (" + t.postgres + " RETURNING " + columns + ") " + strings.Join(strings.Fields(then), " ")}
}

func (t *text) in(d *dialect) string {
	if d == sqliteDialect {
		return t.sqlite
	}
	return t.postgres
}

// read runs a reading text and hands each row to each; begin is called before the first row, and again when the engine
// wants the query to be run again. It holds one of the store's read places, for which it waits until ctx ends; the
// query itself ends with within. A list may be long.
func (s *Store) read(ctx, within context.Context, q query, begin func(), each func(*sql.Rows) error) error {
	if err := s.reads.enter(ctx); err != nil {
		return err
	}
	defer s.reads.leave()
	if s.timeout > 0 {
		var cancel context.CancelFunc
		within, cancel = context.WithTimeout(within, s.timeout)
		defer cancel()
	}
	for try := 1; ; try++ {
		begin()
		err := s.readOnce(within, q, each)
		if err == nil || s.engine.class(err) != again || try == maxTries {
			return s.refusal(err)
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
}

// query is a reading text with its arguments.
type query struct {
	text string
	args []any
	list bool // of any number of rows, not one by its key
}

func (s *Store) readOnce(ctx context.Context, q query, each func(*sql.Rows) error) error {
	rows, err := s.engine.query(ctx, q.text, q.list, q.args)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// maxTries is how often a transaction runs that loses against others.
const maxTries = 30

var pauses atomic.Uint32

// pause waits before another try: longer each time, and never as long as a neighbour that lost the same race.
func pause(ctx context.Context, try int) error {
	const golden = 0.618033988749895 // its multiples spread evenly over [0, 1)
	spread := golden * float64(pauses.Add(1))
	spread -= math.Floor(spread)
	timer := time.NewTimer(time.Duration((0.5 + spread) * float64(time.Millisecond<<min(try, 6))))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return cancelled(ctx.Err())
	}
}

// list answers all rows of a reading text. It may be long and ends with its caller.
func list[T any](ctx context.Context, s *Store, text string, args []any, scan func(*sql.Rows) (T, error)) ([]T, error) {
	return collect(ctx, ctx, s, query{text, args, true}, scan)
}

// one answers the only row of a reading text, or found false.
func one[T any](ctx context.Context, s *Store, t *text, scan func(*sql.Rows) (T, error), args ...any) (item T, found bool, err error) {
	items, err := few(ctx, s, query{t.in(s.dialect), args, false}, scan)
	if err != nil || len(items) == 0 {
		return item, false, err
	}
	return items[0], true, nil
}

// few answers the rows of a reading text that finds each by an index. It takes microseconds and is not interrupted when
// the caller leaves: an interruption costs an engine its connection, which is more than the answer costs.
func few[T any](ctx context.Context, s *Store, q query, scan func(*sql.Rows) (T, error)) ([]T, error) {
	if err := ctx.Err(); err != nil {
		return nil, cancelled(err)
	}
	return collect(ctx, context.WithoutCancel(ctx), s, q, scan)
}

func collect[T any](ctx, within context.Context, s *Store, q query, scan func(*sql.Rows) (T, error)) (items []T, err error) {
	err = s.read(ctx, within, q, func() { items = nil }, func(rows *sql.Rows) error {
		item, err := scan(rows)
		items = append(items, item)
		return err
	})
	if err != nil {
		return nil, err
	}
	return items, nil
}

// retryAfter is when a client should try again what the engine could not do now.
const retryAfter = time.Second

// refusal answers the public form of an engine's error: what happened is inside, for the log.
func (s *Store) refusal(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := err.(*approval.Error); ok {
		return e
	}
	if s.closed.Load() {
		return unavailable(err, "the server stops: try again in a moment")
	}
	switch s.engine.class(err) {
	case broken:
		return approval.Wrap(approval.Internal, err, "the database refused a statement: this is a mistake of ours")
	case taken:
		return approval.Wrap(approval.Conflict, err, "it exists already")
	case again:
		return unavailable(err, "too many changes at once: try again in a moment")
	default:
		return unavailable(err, whyDown(err))
	}
}

func unavailable(cause error, message string) error {
	e := approval.Wrap(approval.Unavailable, cause, "%s", message)
	e.RetryAfter = retryAfter
	return e
}

func cancelled(cause error) error {
	return unavailable(cause, "the call was cancelled before it was done")
}

// micros is how a time is stored: UTC microseconds, 0 for no time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func timeOf(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// document writes v as JSON text. Nothing in it is escaped that need not be, so that canonical JSON inside it (params)
// comes back byte for byte.
func document(v any) (string, error) {
	buffer := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buffer)
	buffer.Reset()
	encoder := json.NewEncoder(buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return "", approval.Wrap(approval.Internal, err, "a record cannot be written as JSON")
	}
	return string(bytes.TrimSuffix(buffer.Bytes(), []byte("\n"))), nil
}

// documentOf answers what write has written, in memory of exactly its size.
func documentOf(write func(approval.JSON) approval.JSON) string {
	buffer := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buffer)
	buffer.Reset()
	buffer.Write(write(buffer.AvailableBuffer()))
	return buffer.String()
}

// parse reads what document wrote, and any other record. This library's reading means the same as encoding/json's and
// takes half the time.
func parse(document []byte, v any) error { return jsonv1.Unmarshal(document, v) }

// clause is an SQL text in the making, with its arguments.
type clause struct {
	strings.Builder
	args []any
}

// arg binds a value and answers its placeholder.
func (c *clause) arg(v any) string {
	c.args = append(c.args, v)
	return "$" + strconv.Itoa(len(c.args))
}

func (c *clause) add(parts ...string) {
	for _, p := range parts {
		c.WriteString(p)
	}
}

// in answers "(p1, p2, …)" with the values bound. Of many the last is there several times, so that there are few texts to
// prepare, however many values there may be.
func (c *clause) in(values []string) string {
	places := make([]string, len(values))
	for i, v := range values {
		places[i] = c.arg(v)
	}
	for n := len(places); n > 4 && n&(n-1) != 0; n++ { // up to a power of two
		places = append(places, c.arg(values[len(values)-1]))
	}
	return "(" + strings.Join(places, ", ") + ")"
}

// limit is part of the text and no argument: PostgreSQL plans a page well only if it knows that it is one.
func (c *clause) limit(rows int) { c.add(" LIMIT ", strconv.Itoa(rows)) }

// scanVersioned reads a row of those that are a document with a name and a version, and fills v with the document.
func scanVersioned(rows *sql.Rows, v any) (space, name string, version int64, err error) {
	var doc sql.RawBytes
	if err = rows.Scan(&space, &name, &version, &doc); err == nil {
		err = parse(doc, v)
	}
	return space, name, version, err
}

func scanNumber(rows *sql.Rows) (n int64, err error) {
	err = rows.Scan(&n)
	return n, err
}
