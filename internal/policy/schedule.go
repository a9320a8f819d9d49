package policy

import (
	"context"
	"slices"
	"time"
	_ "time/tzdata" // the same zones everywhere, whatever the machine has

	"github.com/indent-approvals/indent/internal/approval"
)

// schedule says who is on call.
type schedule struct {
	place
	name      string
	zone      *time.Location
	rotations []rotation
	overrides []override
	source    *Source // nil: the document says it
	fallback  string  // name of a group, "" for none
}

// Sources reads who is on call where another system says it. An error means that it cannot be told; the schedule's group
// stands in then.
type Sources interface {
	OnCall(ctx context.Context, schedule string, from Source, now time.Time) ([]string, error)
}

// Source is where another system says who is on call.
type Source struct {
	URL     string
	Refresh time.Duration // how long an answer holds
}

// OnCall is who is on call.
type OnCall = approval.OnCall

// rotation is persons who take turns. All its times are what a clock on the wall shows: a shift that begins at nine does
// so in summer and in winter.
type rotation struct {
	every    time.Duration
	start    time.Time // wall clock, as if in UTC
	persons  []string
	restrict []restriction
}

// restriction is a part of the week. A window whose end is not after its beginning reaches into the next day.
type restriction struct {
	days     [7]bool // by time.Weekday
	from, to time.Duration
}

type override struct {
	from, to time.Time
	person   string
}

// OnCall answers who is on call by the document's own rotations and overrides. Of a schedule with a source it answers the
// fallback, because another system says who it is. It refuses (NotFound) a schedule that the document does not have.
func (d *Document) OnCall(name string, at time.Time) (OnCall, error) {
	s := d.schedules[name]
	if s == nil {
		return OnCall{}, approval.Errorf(approval.NotFound, "the document has no schedule %q", name)
	}
	return s.at(at), nil
}

// Sources answers the schedules for which another system says who is on call, by name.
func (d *Document) Sources() map[string]Source {
	all := map[string]Source{}
	for name, s := range d.schedules {
		if s.source != nil {
			all[name] = *s.source
		}
	}
	return all
}

// onCall is OnCall that asks the source of a schedule that has one.
func (d *Document) onCall(ctx context.Context, name string, at time.Time, from Sources) (OnCall, error) {
	who, err := d.OnCall(name, at)
	if err != nil || d.schedules[name].source == nil || from == nil {
		return who, err
	}
	// Whatever goes wrong there, the group stands in: never nobody, and never an error that would stop the decision.
	if persons, err := from.OnCall(ctx, name, *d.schedules[name].source, at); err == nil {
		who.Persons = persons
	}
	return who, nil
}

func (s *schedule) at(at time.Time) OnCall {
	found := OnCall{Group: s.fallback}
	for _, o := range s.overrides {
		if !at.Before(o.from) && at.Before(o.to) {
			found.Persons = append(found.Persons, o.person)
		}
	}
	if len(found.Persons) == 0 {
		for _, r := range s.rotations {
			if person, on := r.at(at, s.zone); on {
				found.Persons = append(found.Persons, person)
			}
		}
	}
	slices.Sort(found.Persons)
	found.Persons = slices.Compact(found.Persons)
	return found
}

// at answers whose shift it is. Nobody's before the first one begins.
func (r rotation) at(at time.Time, zone *time.Location) (person string, on bool) {
	if at.Before(wallTime(r.start, zone)) || !r.holds(at.In(zone)) {
		return "", false
	}
	// What the wall shows is a guess that is one off at most, where the clock was turned since the shift began.
	n := (asWall(at.In(zone)).Unix() - r.start.Unix()) / int64(r.every/time.Second)
	for n > 0 && at.Before(r.shift(n, zone)) {
		n--
	}
	for !at.Before(r.shift(n+1, zone)) {
		n++
	}
	return r.persons[n%int64(len(r.persons))], true
}

// shift answers when the nth shift begins, from 0. It counts in seconds: a [time.Duration] ends after 292 years, and a
// moment that anybody may ask about can lie behind that.
func (r rotation) shift(n int64, zone *time.Location) time.Time {
	return wallTime(time.Unix(r.start.Unix()+n*int64(r.every/time.Second), 0).UTC(), zone)
}

func (r rotation) holds(local time.Time) bool {
	if len(r.restrict) == 0 {
		return true
	}
	wall := asWall(local)
	clock := wall.Sub(wall.Truncate(24 * time.Hour))
	today, yesterday := wall.Weekday(), (wall.Weekday()+6)%7
	return slices.ContainsFunc(r.restrict, func(q restriction) bool {
		if q.from < q.to {
			return q.days[today] && clock >= q.from && clock < q.to
		}
		return q.days[today] && clock >= q.from || q.days[yesterday] && clock < q.to
	})
}

// asWall answers what the clock on the wall shows, as if in UTC.
func asWall(local time.Time) time.Time {
	return time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), local.Second(), local.Nanosecond(), time.UTC)
}

// wallTime answers when the clock on a zone's wall shows a time. What it shows twice, when it is turned back, is the first
// of the two; what it never shows, when it is turned forward, is the moment at which it is turned.
func wallTime(wall time.Time, zone *time.Location) time.Time {
	t := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), wall.Nanosecond(), zone)
	begin, end := t.ZoneBounds()
	switch shown := asWall(t); {
	case shown.After(wall):
		return begin
	case shown.Before(wall):
		return end
	}
	if begin.IsZero() {
		return t
	}
	_, now := t.Zone()
	_, before := begin.Add(-time.Nanosecond).Zone()
	if earlier := t.Add(time.Duration(now-before) * time.Second); earlier.Before(begin) && asWall(earlier).Equal(wall) {
		return earlier
	}
	return t
}
