package approval

import (
	"math/bits"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the same zones everywhere, whatever the machine has
)

// Cron is a schedule of five fields: minute, hour, day of the month, month and day of the week, as crontab has them, on the wall
// clock of a time zone. When both days are named, one of them is enough.
//
// Summer time loses nothing and does nothing twice. A wall-clock time that a day does not have counts at the first moment behind the
// gap; one that it has twice counts the first time. Where the hour is *, the schedule goes on through both, as it is no time of day.
type Cron struct {
	zone    *time.Location
	minutes uint64
	hours   uint32
	days    uint32 // of the month
	months  uint16
	weekday uint8 // 1: Sunday
	// anyDay and anyWeekday: the field is *, so that the other one decides alone.
	anyDay, anyWeekday bool
	everyHour          bool
}

// Limits of schedules.
const (
	MaxCron = 200
	// MinCronGap is how far apart two times of a schedule must be.
	MinCronGap = 5 * time.Minute
	// cronYears is how far ahead a time is looked for: the 29th of February is up to eight years away.
	cronYears = 9
)

const cronExample = `such as "0 3 * * *", or "CRON_TZ=Europe/Berlin 30 7 * * MON-FRI"`

// ParseCron reads a schedule. Before the five fields may stand CRON_TZ= and a time zone; without it, it is UTC. A field has *, numbers,
// names (JAN, MON), ranges (1-5), steps (*/15, 8-18/2) and lists of these. One that comes around sooner than [MinCronGap], or
// never, is refused.
func ParseCron(field, text string) (*Cron, error) {
	if len(text) > MaxCron {
		return nil, FieldError(field, "is longer than %d characters", MaxCron)
	}
	words := strings.Fields(text)
	c := &Cron{zone: time.UTC}
	if len(words) > 0 {
		name, ok := strings.CutPrefix(words[0], "CRON_TZ=")
		if !ok {
			name, ok = strings.CutPrefix(words[0], "TZ=")
		}
		if ok {
			zone, err := time.LoadLocation(name)
			if err != nil || name == "" || name == "Local" {
				return nil, FieldError(field, "has the time zone %.100q, which there is not: write one such as Europe/Berlin", name)
			}
			c.zone, words = zone, words[1:]
		}
	}
	if len(words) != len(cronFields) {
		return nil, FieldError(field, "must have five fields (minute, hour, day of the month, month, day of the week), %s", cronExample)
	}
	var sets [len(cronFields)]uint64
	for i, f := range cronFields {
		var ok bool
		if sets[i], ok = f.read(words[i]); !ok {
			return nil, FieldError(field, "has %.50q as the %s, which must be %d to %d, with *, ranges, steps and lists, %s", words[i], f.name, f.from, f.to, cronExample)
		}
	}
	c.minutes, c.hours, c.days, c.months = sets[0], uint32(sets[1]), uint32(sets[2]), uint16(sets[3])
	c.weekday = uint8(sets[4]) | uint8(sets[4]>>7)&1 // 7 is Sunday, too
	c.anyDay, c.anyWeekday, c.everyHour = isAny(words[2]), isAny(words[4]), words[1] == "*"
	if c.tooOften() {
		return nil, FieldError(field, "comes around sooner than every %d minutes", MinCronGap/time.Minute)
	}
	if c.Next(cronEpoch).IsZero() {
		return nil, FieldError(field, "never comes around: there is no such day")
	}
	return c, nil
}

// cronEpoch is a day of which it is looked whether a schedule comes around at all.
var cronEpoch = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// isAny answers whether a field says nothing: as cron has it, also with a step.
func isAny(word string) bool { return strings.HasPrefix(word, "*") }

type cronField struct {
	name     string
	from, to int
	names    []string // of from, and what follows
}

var cronFields = [...]cronField{
	{"minute", 0, 59, nil},
	{"hour", 0, 23, nil},
	{"day of the month", 1, 31, nil},
	{"month", 1, 12, []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}},
	{"day of the week", 0, 7, []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}},
}

// read answers the set of numbers that a field names.
func (f cronField) read(text string) (set uint64, ok bool) {
	for part := range strings.SplitSeq(text, ",") {
		span, stepText, stepped := strings.Cut(part, "/")
		step := 1
		if stepped {
			if step, ok = twoDigits(stepText); !ok || step < 1 || step > f.to {
				return 0, false
			}
		}
		from, to := f.from, f.to
		if f.to == 7 {
			to = 6 // * is every day once
		}
		if span != "*" {
			first, last, ranged := strings.Cut(span, "-")
			if from, ok = f.value(first); !ok {
				return 0, false
			}
			switch {
			case ranged:
				if to, ok = f.value(last); !ok || to < from {
					return 0, false
				}
			case stepped: // 5/15 is from 5 on
			default:
				to = from
			}
		}
		for n := from; n <= to; n += step {
			set |= 1 << n
		}
	}
	return set, true
}

func (f cronField) value(text string) (n int, ok bool) {
	for i, name := range f.names {
		if strings.EqualFold(text, name) {
			return f.from + i, true
		}
	}
	n, ok = twoDigits(text)
	return n, ok && n >= f.from && n <= f.to
}

// twoDigits reads one or two digits.
func twoDigits(text string) (int, bool) {
	if text == "" || len(text) > 2 || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(text)
	return n, err == nil
}

// tooOften answers whether two times may be closer than [MinCronGap].
func (c *Cron) tooOften() bool {
	const gap = int(MinCronGap / time.Minute)
	last := -gap
	for m := range 60 {
		if c.minutes&(1<<m) == 0 {
			continue
		}
		if m-last < gap {
			return true
		}
		last = m
	}
	if first := bits.TrailingZeros64(c.minutes); first+60-last >= gap {
		return false
	}
	// The end of one hour is near the beginning of the next: is there one?
	next := c.hours>>1 | c.hours<<23&(1<<23)
	return c.hours&next != 0
}

// Next answers the first time of the schedule behind a time, zero when there is none for years.
func (c *Cron) Next(after time.Time) time.Time {
	local := after.In(c.zone)
	day := startOfDay(local.Year(), local.Month(), local.Day(), c.zone)
	for last := day.AddDate(cronYears, 0, 0); day.Before(last); {
		next := c.dayAfter(day)
		if c.on(day) {
			if at := c.within(day, next, after); !at.IsZero() {
				return at.UTC()
			}
		}
		day = next
	}
	return time.Time{}
}

// on answers whether the schedule has times on the day.
func (c *Cron) on(day time.Time) bool {
	if c.months&(1<<day.Month()) == 0 {
		return false
	}
	date, weekday := c.days&(1<<day.Day()) != 0, c.weekday&(1<<day.Weekday()) != 0
	if c.anyDay || c.anyWeekday {
		return date && weekday
	}
	return date || weekday
}

// within answers the first time behind after in the moments from begin until end, which are one day: it goes through them minute by
// minute, and so sees where the wall clock jumps.
func (c *Cron) within(begin, end, after time.Time) time.Time {
	seen := -1 // the latest minute of the day that the wall clock has shown
	for t := begin; t.Before(end); t = t.Add(time.Minute) {
		wall := t.Hour()*60 + t.Minute()
		counts := c.at(wall) && (c.everyHour || wall > seen)
		for lost := seen + 1; !c.everyHour && !counts && lost < wall; lost++ {
			counts = c.at(lost)
		}
		seen = max(seen, wall)
		if counts && t.After(after) {
			return t
		}
	}
	return time.Time{}
}

func (c *Cron) at(minute int) bool {
	return c.hours&(1<<(minute/60)) != 0 && c.minutes&(1<<(minute%60)) != 0
}

// dayAfter answers the start of the next day that there is: some places have left one out.
func (c *Cron) dayAfter(day time.Time) (next time.Time) {
	y, m, d := day.Date()
	for next = day; !next.After(day); d++ {
		next = startOfDay(y, m, d+1, c.zone)
	}
	return next
}

// startOfDay answers the first minute of a day: midnight, or where the day has none what comes behind it.
func startOfDay(y int, m time.Month, d int, zone *time.Location) time.Time {
	noon := time.Date(y, m, d, 12, 0, 0, 0, zone)
	y, m, d = noon.Date()
	t := time.Date(y, m, d, 0, 0, 0, 0, zone)
	same := func(t time.Time) bool { return t.Day() == d && t.Month() == m }
	for !same(t) {
		t = t.Add(time.Minute)
	}
	for same(t.Add(-time.Minute)) {
		t = t.Add(-time.Minute)
	}
	return t
}
