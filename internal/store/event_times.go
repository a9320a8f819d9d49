package store

import (
	"context"
	"database/sql"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/indent-approvals/indent/internal/approval"
)

// eventTimes finds the part of a log in which a time can be. A log is in the order of commits, and a clock may have been
// set back, so that nothing in the log itself says where an hour begins, and an index by time would be one row more for
// each event. But the log never changes, so it is enough to remember the earliest and the latest time of each thousand
// events, once they are settled: whoever asks for a time reads on from where the last one stopped.
type eventTimes struct {
	mu     sync.Mutex
	spaces map[string]*logTimes
	block  int // how many events are remembered as one
}

// logTimes are the times of one space's log.
type logTimes struct {
	reading sync.Mutex // of whoever reads on
	blocks  atomic.Pointer[[]timeBlock]
}

// timeBlock is what is remembered of the events behind the block before, up to last.
type timeBlock struct {
	last             approval.Cursor
	earliest, latest int64
}

const (
	usualBlock = 1024
	// mostSpaces bounds what is remembered; then it begins anew.
	mostSpaces = 1000
	// mostReadOn is how many blocks one caller reads. What is not read yet by then is not left out.
	mostReadOn = 2000
)

// span is a part of a log: what lies between its ends, if they are there.
type span struct {
	after, before approval.Cursor
	hasBefore     bool
}

// begin and end make the span shorter.
func (s *span) begin(c approval.Cursor) {
	if s.after.Before(c) {
		s.after = c
	}
}

func (s *span) end(c approval.Cursor) {
	if !s.hasBefore || c.Before(s.before) {
		s.before, s.hasBefore = c, true
	}
}

// within answers a span that has all events of the query's times.
func (s *Store) within(ctx context.Context, q approval.EventQuery) (part span, err error) {
	if q.Petition != "" || q.Since.IsZero() && q.Until.IsZero() {
		return part, nil // the events of one petition are few
	}
	log := s.times.of(q.Space)
	rest, err := s.readOn(ctx, log, q.Space)
	if err != nil {
		return part, err
	}
	blocks := *log.blocks.Load()
	if !q.Since.IsZero() {
		for _, b := range blocks {
			if b.latest >= micros(q.Since) {
				break
			}
			part.begin(b.last)
		}
	}
	if !q.Until.IsZero() && rest.known && rest.earliest >= micros(q.Until) {
		for n := len(blocks); n >= 0; n-- {
			var last approval.Cursor
			if n > 0 {
				last = blocks[n-1].last
			}
			part.end(approval.Cursor{Tx: last.Tx, Seq: last.Seq + 1})
			if n > 0 && blocks[n-1].earliest < micros(q.Until) {
				break
			}
		}
	}
	return part, nil
}

func (t *eventTimes) of(space string) *logTimes {
	t.mu.Lock()
	defer t.mu.Unlock()
	log := t.spaces[space]
	if log == nil {
		if t.spaces == nil || len(t.spaces) >= mostSpaces {
			t.spaces = map[string]*logTimes{}
		}
		log = &logTimes{}
		log.blocks.Store(new([]timeBlock))
		t.spaces[space] = log
	}
	return log
}

// restTime is the earliest time of what lies behind the blocks; unknown while that is long.
type restTime struct {
	known    bool
	earliest int64
}

// readOn remembers what has come since. Who finds somebody else at it goes on with what is known.
func (s *Store) readOn(ctx context.Context, log *logTimes, space string) (rest restTime, err error) {
	if !log.reading.TryLock() {
		return rest, nil
	}
	defer log.reading.Unlock()
	blocks := *log.blocks.Load()
	for range mostReadOn {
		var after approval.Cursor
		if n := len(blocks); n > 0 {
			after = blocks[n-1].last
		}
		last, whole, err := s.endOfBlock(ctx, space, after)
		if err != nil {
			return rest, err
		}
		part := span{after: after}
		if whole {
			part.end(approval.Cursor{Tx: last.Tx, Seq: last.Seq + 1})
		}
		b, err := s.timesOf(ctx, space, part)
		if err != nil {
			return rest, err
		}
		if !whole {
			return restTime{true, b.earliest}, nil
		}
		b.last = last
		blocks = append(blocks, b)
		log.blocks.Store(&blocks)
	}
	return rest, nil
}

// endOfBlock answers the last event of the next block, if that is whole and settled.
func (s *Store) endOfBlock(ctx context.Context, space string, after approval.Cursor) (last approval.Cursor, whole bool, err error) {
	l := eventList{dialect: s.dialect}
	l.add("SELECT tx, seq FROM events WHERE space = ", l.arg(space))
	l.within(span{after: after})
	l.add(" AND ", s.dialect.words.Replace("{settled}"))
	l.order(true, 1)
	l.add(" OFFSET ", strconv.Itoa(s.times.block-1))
	found, err := list(ctx, s, l.String(), l.args, func(rows *sql.Rows) (c approval.Cursor, err error) {
		err = rows.Scan(&c.Tx, &c.Seq)
		return c, err
	})
	if err != nil || len(found) == 0 {
		return last, false, err
	}
	return found[0], true, nil
}

// timesOf answers the earliest and the latest time; of nothing, one after and before all others.
func (s *Store) timesOf(ctx context.Context, space string, part span) (b timeBlock, err error) {
	l := eventList{dialect: s.dialect}
	l.add("SELECT coalesce(min(time), 9223372036854775807), coalesce(max(time), 0) FROM events WHERE space = ", l.arg(space))
	l.within(part)
	found, err := list(ctx, s, l.String(), l.args, func(rows *sql.Rows) (b timeBlock, err error) {
		err = rows.Scan(&b.earliest, &b.latest)
		return b, err
	})
	if err != nil {
		return b, err
	}
	return found[0], nil
}
