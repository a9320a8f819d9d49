package policy

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// Limits of a schedule.
const (
	maxRotations    = 20
	maxRestrictions = 20
	maxOverrides    = 200
	maxShift        = 366 * 24 * time.Hour
	minRefresh      = 10 * time.Second
	maxRefresh      = time.Hour
	defaultRefresh  = time.Minute
)

func (c *compiler) schedule(s *sourceSchedule) error {
	name := s.Name.value
	switch {
	case name == "":
		return s.wrong("a schedule needs a name")
	case c.schedules[name] != nil:
		return s.Name.wrong("another schedule has the name %q", name)
	case s.Source != nil && (len(s.Rotations) > 0 || len(s.Overrides) > 0):
		return s.wrong("a schedule has either a source or rotations and overrides")
	case s.Source == nil && len(s.Rotations) == 0:
		return s.wrong("a schedule needs rotations, or a source that says who is on call")
	case s.Source != nil && s.Fallback == nil:
		return s.wrong("a schedule with a source needs a fallback, such as fallback: {group: on-call}: who stands in when it cannot be read")
	case len(s.Rotations) > maxRotations:
		return s.Rotations[maxRotations].wrong("at most %d rotations are allowed", maxRotations)
	case len(s.Overrides) > maxOverrides:
		return s.Overrides[maxOverrides].wrong("at most %d overrides are allowed", maxOverrides)
	}
	if err := s.Name.id(maxRuleName); err != nil {
		return err
	}
	out := &schedule{place: s.place, name: name, zone: time.UTC}
	if err := out.fill(s); err != nil {
		return err
	}
	c.schedules[name] = out
	if out.source == nil && out.fallback == "" && !slices.ContainsFunc(out.rotations, func(r rotation) bool { return len(r.restrict) == 0 }) {
		c.warn(s.place, "", "the schedule "+name+" has times at which nobody is on call, and no fallback")
	}
	return nil
}

func (s *schedule) fill(from *sourceSchedule) (err error) {
	if from.TimeZone != nil {
		if s.zone, err = from.TimeZone.zone(); err != nil {
			return err
		}
	}
	for _, q := range from.Rotations {
		r, err := q.compile()
		if err != nil {
			return err
		}
		s.rotations = append(s.rotations, r)
	}
	for _, q := range from.Overrides {
		o, err := q.compile(s.zone)
		if err != nil {
			return err
		}
		s.overrides = append(s.overrides, o)
	}
	if f := from.Fallback; f != nil {
		if f.Group == nil {
			return from.wrong("fallback needs a group, such as fallback: {group: on-call}")
		}
		if err := f.Group.id(approval.MaxID); err != nil {
			return err
		}
		s.fallback = f.Group.value
	}
	if from.Source != nil {
		s.source, err = from.Source.compile(from.place)
	}
	return err
}

// zone answers a time zone by its name. "Local" would be another one on another machine.
func (t text) zone() (*time.Location, error) {
	zone, err := time.LoadLocation(t.value)
	if err != nil || t.value == "Local" || t.value == "" {
		return nil, t.wrong("there is no time zone %q; there are Europe/Berlin, America/New_York, UTC …", t.value)
	}
	return zone, nil
}

func (q sourceSource) compile(at place) (*Source, error) {
	if q.URL == nil {
		return nil, at.wrong("source needs a url")
	}
	u, err := url.Parse(q.URL.value)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return nil, q.URL.wrong("%q must be an https address without a user, such as https://example.com/on-call", q.URL.value)
	}
	s := &Source{URL: q.URL.value, Refresh: defaultRefresh}
	if err := q.Every.duration(&s.Refresh); err != nil {
		return nil, err
	}
	if s.Refresh < minRefresh || s.Refresh > maxRefresh {
		return nil, q.Every.wrong("every must be %s to %s", minRefresh, maxRefresh)
	}
	return s, q.URL.line(approval.MaxID)
}

func (q sourceRotation) compile() (r rotation, err error) {
	switch {
	case q.Every == nil:
		return r, q.wrong("a rotation needs every, such as 1w")
	case q.Start == nil:
		return r, q.wrong("a rotation needs start, such as 2026-01-05T09:00")
	case len(q.Persons) == 0:
		return r, q.wrong("a rotation needs persons")
	case len(q.Persons) > maxReviewers:
		return r, q.Persons[maxReviewers].wrong("at most %d persons can be named", maxReviewers)
	case len(q.Restrict) > maxRestrictions:
		return r, q.Restrict[maxRestrictions].wrong("at most %d restrictions are allowed", maxRestrictions)
	}
	if r.every, err = q.Every.shift(); err != nil {
		return r, err
	}
	if r.start, err = q.Start.wall(); err != nil {
		return r, err
	}
	for _, t := range q.Persons {
		person, err := t.person() // who takes every other turn stands there twice
		if err != nil {
			return r, err
		}
		r.persons = append(r.persons, person)
	}
	for _, p := range q.Restrict {
		window, err := p.compile()
		if err != nil {
			return r, err
		}
		r.restrict = append(r.restrict, window)
	}
	return r, nil
}

// shift reads how long a shift is: 12h, 1d, 2w.
func (t text) shift() (time.Duration, error) {
	n, unit := 0, time.Duration(0)
	for i, r := range t.value {
		switch {
		case i < 3 && r >= '0' && r <= '9':
			n = 10*n + int(r-'0')
			continue
		case i > 0 && i == len(t.value)-1:
			unit = map[rune]time.Duration{'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}[r]
		}
		break
	}
	if every := time.Duration(n) * unit; every >= time.Hour && every <= maxShift && !strings.HasPrefix(t.value, "0") {
		return every, nil
	}
	return 0, t.wrong("%q must be how long a shift is, such as 12h, 1d or 2w, at most a year", t.value)
}

func (q sourceOverride) compile(zone *time.Location) (o override, err error) {
	if q.From == nil || q.To == nil || q.Person == nil {
		return o, q.wrong("an override needs from, to and person")
	}
	for _, end := range []struct {
		t  *text
		to *time.Time
	}{{q.From, &o.from}, {q.To, &o.to}} {
		wall, err := end.t.wall()
		if err != nil {
			return o, err
		}
		*end.to = wallTime(wall, zone)
	}
	if !o.from.Before(o.to) {
		return o, q.To.wrong("the override ends before it begins")
	}
	o.person, err = q.Person.person()
	return o, err
}

// weekdays are how the document calls the days, by time.Weekday.
var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func (q sourceRestriction) compile() (r restriction, err error) {
	r.to = 24 * time.Hour
	for _, t := range q.Days {
		i := slices.Index(weekdays, t.value)
		if i < 0 {
			return r, t.wrong("there is no day %q; there are %s", t.value, strings.Join(weekdays, ", "))
		}
		r.days[i] = true
	}
	if len(q.Days) == 0 {
		r.days = [7]bool{true, true, true, true, true, true, true}
	}
	if q.From != nil {
		if r.from, err = q.From.clock(); err != nil {
			return r, err
		}
	}
	if q.To != nil {
		if r.to, err = q.To.clock(); err != nil {
			return r, err
		}
	}
	if r.from == 24*time.Hour {
		return r, q.From.wrong("24:00 is where a day ends: begin at 00:00")
	}
	if r.from == r.to {
		return r, q.wrong("from and to are the same: leave both out for the whole day")
	}
	return r, nil
}

// clock reads what a clock shows, such as 09:00; the end of the day is 24:00.
func (t text) clock() (time.Duration, error) {
	if t.value == "24:00" {
		return 24 * time.Hour, nil
	}
	at, err := time.Parse("15:04", t.value)
	if err != nil || len(t.value) != 5 {
		return 0, t.wrong("%q must be a time such as 09:00, in quotes", t.value)
	}
	return time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute, nil
}
