// Package approvaltest is the kit for tests of the centre and of the rooms around it: a clock that moves by hand and
// ids that come in order, so that a test says when and what.
package approvaltest

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// Epoch is when a [Clock] starts.
var Epoch = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

// Clock is an approval.Clock that moves only by Advance and Set.
type Clock struct {
	mu       sync.Mutex
	now      time.Time
	sleepers []*sleeper
	changed  *sync.Cond
}

type sleeper struct {
	at   time.Time
	wake chan time.Time
}

// NewClock answers a clock that stands at [Epoch].
func NewClock() *Clock {
	c := &Clock{now: Epoch}
	c.changed = sync.NewCond(&c.mu)
	return c
}

// Now answers where the clock stands.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// After answers a channel that receives when the clock has moved by d, and a stop that frees it.
func (c *Clock) After(d time.Duration) (<-chan time.Time, func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &sleeper{at: c.now.Add(d), wake: make(chan time.Time, 1)}
	if d <= 0 {
		s.wake <- c.now
		return s.wake, func() {}
	}
	c.sleepers = append(c.sleepers, s)
	c.changed.Broadcast()
	return s.wake, func() { c.remove(s) }
}

func (c *Clock) remove(s *sleeper) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sleepers = slices.DeleteFunc(c.sleepers, func(o *sleeper) bool { return o == s })
}

// Advance moves the clock forward and wakes everybody whose time has come, in order.
func (c *Clock) Advance(d time.Duration) { c.Set(c.Now().Add(d)) }

// Set moves the clock to any time, also backwards.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
	slices.SortStableFunc(c.sleepers, func(a, b *sleeper) int { return a.at.Compare(b.at) })
	for len(c.sleepers) > 0 && !c.sleepers[0].at.After(t) {
		c.sleepers[0].wake <- t
		c.sleepers = c.sleepers[1:]
	}
}

// WaitForSleepers blocks until at least n callers wait in After, so that a test can tell that code has parked without
// sleeping itself.
func (c *Clock) WaitForSleepers(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.sleepers) < n {
		c.changed.Wait()
	}
}

// IDs is an approval.IDs that counts.
type IDs struct {
	mu sync.Mutex
	n  int
}

func (i *IDs) next() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.n++
	return i.n
}

// UUID answers 00000000-0000-7000-8000-000000000001, …2, …3.
func (i *IDs) UUID() string { return fmt.Sprintf("00000000-0000-7000-8000-%012d", i.next()) }

// Secret answers n characters that end in a number that counts.
func (i *IDs) Secret(n int) string { return fmt.Sprintf("%0*d", n, i.next()) }
