package approval

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestASchedulesNextTimes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, after, next string }{
		{"0 3 * * *", "2026-05-01T02:59:59Z", "2026-05-01T03:00:00Z"},
		{"0 3 * * *", "2026-05-01T03:00:00Z", "2026-05-02T03:00:00Z"},
		{"*/15 * * * *", "2026-05-01T03:01:00Z", "2026-05-01T03:15:00Z"},
		{"5/20 8-10 * * *", "2026-05-01T08:46:00Z", "2026-05-01T09:05:00Z"},
		{"0 9 * * MON-FRI", "2026-05-01T09:00:00Z", "2026-05-04T09:00:00Z"},
		{"0 9 * * 7", "2026-05-01T09:00:00Z", "2026-05-03T09:00:00Z"},
		{"0 9 * * 0", "2026-05-01T09:00:00Z", "2026-05-03T09:00:00Z"},
		{"0 9 * * 6-7", "2026-05-02T09:00:00Z", "2026-05-03T09:00:00Z"},
		{"0 0 1 JAN,jul *", "2026-05-01T09:00:00Z", "2026-07-01T00:00:00Z"},
		{"0 0 29 2 *", "2026-05-01T09:00:00Z", "2028-02-29T00:00:00Z"},
		{"0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"},
		// Both days are named: one is enough. A day with a step is not named, as in cron.
		{"0 0 13 * FRI", "2026-05-01T09:00:00Z", "2026-05-08T00:00:00Z"},
		{"0 0 */2 * FRI", "2026-05-01T09:00:00Z", "2026-05-15T00:00:00Z"},
		{"CRON_TZ=Asia/Kolkata 0 0 * * *", "2026-05-01T09:00:00Z", "2026-05-01T18:30:00Z"},
		{"TZ=America/New_York 0 9 * * *", "2026-01-01T00:00:00Z", "2026-01-01T14:00:00Z"},
	} {
		at := parseTime(t, c.after)
		cron, err := ParseCron("schedule", c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
		} else if got := cron.Next(at).Format(time.RFC3339); got != c.next {
			t.Errorf("%s after %s: %s, want %s", c.text, c.after, got, c.next)
		}
	}
}

// Summer time: a time that a day does not have counts behind the gap, one that it has twice counts once, and what is no time of day
// goes on.
func TestASchedulesTimesInSummer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text, after string
		next        []string
	}{
		"lost":              {"CRON_TZ=Europe/Berlin 30 2 * * *", "2026-03-28T02:00:00Z", []string{"2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}},
		"lost and behind":   {"CRON_TZ=Europe/Berlin 0,30 2,3 * * *", "2026-03-29T00:50:00Z", []string{"2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:00:00Z"}},
		"lost at midnight":  {"CRON_TZ=Asia/Beirut 15 0 * * *", "2026-03-28T12:00:00Z", []string{"2026-03-28T22:00:00Z", "2026-03-29T21:15:00Z"}},
		"twice":             {"CRON_TZ=Europe/Berlin 30 2 * * *", "2026-10-24T12:00:00Z", []string{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
		"between the two":   {"CRON_TZ=Europe/Berlin 30 2 * * *", "2026-10-25T00:45:00Z", []string{"2026-10-26T01:30:00Z"}},
		"twice at midnight": {"CRON_TZ=America/Havana 30 0 * * *", "2026-10-31T12:00:00Z", []string{"2026-11-01T04:30:00Z", "2026-11-02T05:30:00Z"}},
		"half an hour":      {"CRON_TZ=Australia/Lord_Howe 45 1 * * *", "2026-04-04T12:00:00Z", []string{"2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"}},
		"every hour":        {"CRON_TZ=Europe/Berlin 0 * * * *", "2026-10-24T23:30:00Z", []string{"2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"}},
		"every hour, lost":  {"CRON_TZ=Europe/Berlin 0 * * * *", "2026-03-29T00:30:00Z", []string{"2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"}},
		"a day is lost":     {"CRON_TZ=Pacific/Apia 0 9 * * *", "2011-12-29T20:00:00Z", []string{"2011-12-30T19:00:00Z"}},
	} {
		cron, err := ParseCron("schedule", c.text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		at := parseTime(t, c.after)
		for _, next := range c.next {
			if at = cron.Next(at); at.Format(time.RFC3339) != next {
				t.Errorf("%s: %s, want %s", name, at.Format(time.RFC3339), next)
			}
		}
	}
}

func TestSchedulesThatAreRefused(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"":                                "five fields",
		"0 3 * *":                         "five fields",
		"0 3 * * * *":                     "five fields",
		"@daily":                          "five fields",
		"60 3 * * *":                      `"60" as the minute`,
		"-1 3 * * *":                      `"-1" as the minute`,
		"0 24 * * *":                      `"24" as the hour`,
		"0 3 0 * *":                       `"0" as the day of the month`,
		"0 3 * 13 *":                      `"13" as the month`,
		"0 3 * * 8":                       `"8" as the day of the week`,
		"0 3 * * FRI-MON":                 "day of the week",
		"0 3,, * * *":                     "hour",
		"0/0 3 * * *":                     "minute",
		"0 3-2 * * *":                     "hour",
		"0 ? * * *":                       "hour",
		"0 3 L * *":                       "day of the month",
		"+0 3 * * *":                      "minute",
		"0 0 30 2 *":                      "never comes around",
		"* * * * *":                       "5 minutes",
		"*/4 * * * *":                     "5 minutes",
		"0,4 3 * * *":                     "5 minutes",
		"2,58 3,4 * * *":                  "5 minutes",
		"2,58 0,23 * * *":                 "5 minutes",
		"CRON_TZ=Mars/Olympus 0 3 * * *":  "Mars/Olympus",
		"CRON_TZ= 0 3 * * *":              "time zone",
		"CRON_TZ=Local 0 3 * * *":         "time zone",
		"CRON_TZ=../../etc 0 3 * * *":     "time zone",
		strings.Repeat("0", 300):          "longer",
		"0 3 * * * CRON_TZ=Europe/Berlin": "five fields",
	} {
		if _, err := ParseCron("schedule", text); CodeOf(err) != Invalid || !strings.HasPrefix(err.Error(), "schedule: ") || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"*/5 * * * *", "2,58 3,5 * * *", "2,57 * * * *"} {
		if _, err := ParseCron("schedule", text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Whatever the schedule and the zone: the next time comes later, the times are at least five minutes apart, and a time between two of
// them has the second as its next.
func TestTheTimesOfAnySchedule(t *testing.T) {
	t.Parallel()
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut", "Pacific/Apia", "America/Havana", "Asia/Kolkata"}
	rapid.Check(t, func(t *rapid.T) {
		field := func(name string, choices ...string) string { return rapid.SampledFrom(choices).Draw(t, name) }
		text := "CRON_TZ=" + rapid.SampledFrom(zones).Draw(t, "zone") + " " + field("minute", "0", "30", "*/5", "1,31", "59", "0-55/5") + " " + field("hour", "*", "0", "1", "2", "3", "*/2", "0-4", "23") + " " +
			field("day", "*", "*", "1", "31", "*/3") + " " + field("month", "*", "*", "3", "10", "OCT-DEC") + " " + field("weekday", "*", "*", "SUN", "1-5")
		cron, err := ParseCron("schedule", text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		at := time.Unix(rapid.Int64Range(1262304000, 1893456000).Draw(t, "after"), 0).UTC()
		for range 5 {
			next := cron.Next(at)
			if !next.After(at) {
				t.Fatalf("%s: %s is not behind %s", text, next, at)
			}
			second := cron.Next(next)
			// Behind a gap what was lost counts at once, so that less than five minutes may lie before the next.
			if second.Sub(next) < time.Minute {
				t.Fatalf("%s: %s and %s", text, next, second)
			}
			between := next.Add(time.Duration(rapid.Int64Range(0, int64(second.Sub(next))-1).Draw(t, "between")))
			if got := cron.Next(between); !got.Equal(second) {
				t.Fatalf("%s: the next after %s is %s, want %s", text, between, got, second)
			}
			at = next
		}
	})
}

func FuzzCron(f *testing.F) {
	for _, text := range []string{"0 3 * * *", "CRON_TZ=Europe/Berlin */5 8-18/2 1,15 JAN-MAR MON", "* * * * *", "99 99 99 99 99", "CRON_TZ= "} {
		f.Add(text, int64(1780000000))
	}
	f.Fuzz(func(t *testing.T, text string, after int64) {
		cron, err := ParseCron("schedule", text)
		if err != nil {
			if CodeOf(err) != Invalid || !strings.HasPrefix(err.Error(), "schedule: ") {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		at := time.Unix(after%(1<<33), 0)
		if next := cron.Next(at); !next.IsZero() && !next.After(at) {
			t.Fatalf("%q: %s is not behind %s", text, next, at)
		}
	})
}

func parseTime(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
