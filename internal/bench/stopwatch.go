package bench

import (
	"slices"
	"time"
)

// stopwatch keeps every time that something took, by what it was.
type stopwatch map[string][]time.Duration

func (s *stopwatch) took(what string, d time.Duration) {
	if *s == nil {
		*s = stopwatch{}
	}
	(*s)[what] = append((*s)[what], d)
}

func (s stopwatch) add(other stopwatch) {
	for what, list := range other {
		s[what] = append(s[what], list...)
	}
}

func (s stopwatch) times() map[string]Times {
	times := map[string]Times{}
	for what, list := range s {
		slices.Sort(list)
		at := func(share float64) float64 { return list[int(share*float64(len(list)-1))].Seconds() * 1000 }
		times[what] = Times{P50: at(.5), P99: at(.99), Max: at(1)}
	}
	return times
}
