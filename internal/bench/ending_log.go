package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// What the log of an Indent server says of leases.
const (
	eventGrant = "access/grant"
	eventEnd   = "access/end"
	eventClose = "access/close"

	labelPetition = "petition"
	labelExpires  = "indent.com/time/expires"
	labelEnded    = "indent.com/access/ended" // of a close: "true" when nothing else gives the same access
)

// lease is what is known of one that ends.
type lease struct {
	name, thing string
	until       time.Time // as the log says
	ends        []time.Time
	closes      []time.Time
	lost        bool // its close says that access has ended
}

type logEntry struct {
	Event     string
	Timestamp time.Time
	Meta      struct{ Labels map[string]string }
}

// logReader reads the log onwards, page by page.
type logReader struct {
	*wire
	pairs []any  // of its query
	token string // of the page that was read last
	seen  int    // of that page
}

// logReader answers one who reads the log of this measurement: all of it, or what pairs of a query select.
func (e *ending) logReader(ctx context.Context, pairs ...any) *logReader {
	since := e.begun.Add(-time.Minute) // the server's clock may be another one
	return &logReader{wire: e.wire(ctx, 0), pairs: append(pairs, "ascending", true, "pageSize", walkSize, "since", since.UTC().Format(time.RFC3339Nano))}
}

// more hands over what the log has by now, and that was not read before.
func (r *logReader) more(each func(logEntry)) error {
	for {
		pairs := r.pairs
		if r.token != "" {
			pairs = append(pairs[:len(pairs):len(pairs)], "pageToken", r.token)
		}
		answer, err := r.soon().exchange(r.node.log, query(pairs...))
		if err != nil {
			return err
		}
		var page struct {
			Events        []logEntry
			NextPageToken *string
		}
		if err := json.Unmarshal(answer, &page); err != nil || page.NextPageToken == nil {
			return fmt.Errorf("what was answered is no page of the log: %.300s", answer)
		}
		for _, entry := range page.Events[min(r.seen, len(page.Events)):] {
			each(entry)
		}
		if r.seen = len(page.Events); *page.NextPageToken == "" {
			return nil
		}
		r.token, r.seen = *page.NextPageToken, 0
	}
}

// readLog reads what has become of each lease.
func (e *ending) readLog(ctx context.Context) error {
	own := make(map[string]*lease, len(e.leases))
	for i := range e.leases {
		own[e.leases[i].name] = &e.leases[i]
	}
	reader := e.logReader(ctx)
	defer reader.close()
	return reader.more(func(entry logEntry) {
		l := own[entry.Meta.Labels[labelPetition]]
		if l == nil {
			return
		}
		switch entry.Event {
		case eventGrant:
			l.until, _ = time.Parse(time.RFC3339, entry.Meta.Labels[labelExpires]) // one without an end is a wrong one
		case eventEnd:
			l.ends = append(l.ends, entry.Timestamp)
		case eventClose:
			l.closes = append(l.closes, entry.Timestamp)
			l.lost = entry.Meta.Labels[labelEnded] == "true"
		}
	})
}

// judge counts the leases that have ended as they should, each once and not before its time, and how late each was.
func (e *ending) judge(times stopwatch, r *Result) {
	lost := map[string]bool{}
	for i := range e.leases {
		if l := &e.leases[i]; l.lost {
			lost[l.thing] = true
		}
	}
	var first, last time.Time
	for i := range e.leases {
		l := &e.leases[i]
		wrong := l.wrong()
		if wrong == "" && !lost[l.thing] {
			wrong = "no log entry says that access has ended"
		}
		if wrong != "" {
			r.Bad++
			if r.Problem == "" {
				r.Problem = fmt.Sprintf("lease of petition %s: %s", l.name, wrong)
			}
			continue
		}
		r.Done++
		times.took("end", l.ends[0].Sub(l.until))
		times.took("whole", l.closes[0].Sub(l.until))
		if first.IsZero() || l.until.Before(first) {
			first = l.until
		}
		if l.closes[0].After(last) {
			last = l.closes[0]
		}
	}
	r.Seconds = last.Sub(first).Seconds()
	if r.Seconds > 0 {
		r.PerSecond = float64(r.Done) / r.Seconds
	}
}

// wrong answers what is wrong with what the log says of the lease, "" for nothing.
func (l *lease) wrong() string {
	switch {
	case l.until.IsZero():
		return "its grant has no end"
	case len(l.ends) == 0:
		return "it has not ended"
	case len(l.closes) == 0:
		return "it has ended and was not closed"
	case len(l.ends) > 1 || len(l.closes) > 1:
		return fmt.Sprintf("it has ended %d times and was closed %d times", len(l.ends), len(l.closes))
	case l.ends[0].Before(l.until) || l.closes[0].Before(l.ends[0]):
		return fmt.Sprintf("it was to end at %s, ended at %s and was closed at %s", l.until, l.ends[0], l.closes[0])
	}
	return ""
}
