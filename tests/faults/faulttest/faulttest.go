// Package faulttest is the kit for tests of faults: a TCP proxy that breaks connections as networks do, a PostgreSQL
// that can be stopped, and nodes that are real processes, which can be frozen and killed.
//
// It is for tests only and may import every room.
package faulttest

import (
	"context"
	"os"
	"strconv"
	"testing"
	"time"
)

// tortureVariable asks for the counts of the nightly run.
const tortureVariable = "INDENT_TORTURE"

// Nightly answers whether this is the nightly run, with ten times the counts and the real lengths of time.
func Nightly() bool { return os.Getenv(tortureVariable) == "1" }

// Count answers the nightly count, or a tenth of it.
func Count(nightly int) int {
	if Nightly() {
		return nightly
	}
	return max(nightly/10, 1)
}

// Length answers how long something lasts in the nightly run, or else in CI.
func Length(nightly, ci time.Duration) time.Duration {
	if Nightly() {
		return nightly
	}
	return ci
}

// seedVariable repeats a run.
const seedVariable = "INDENT_SEED"

// Seed answers the seed of this run's chance and prints it, so that a failure can be repeated.
func Seed(t testing.TB) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv(seedVariable); text != "" {
		given, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("$%s must be a number: %v", seedVariable, err)
		}
		seed = given
	}
	t.Logf("%s=%d", seedVariable, seed)
	return seed
}

// Until blocks until the condition holds, and fails the test if it does not within the limit.
func Until(t testing.TB, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for !holds() {
		if !Pass(ctx, 20*time.Millisecond) {
			t.Fatalf("not within %s: %s", limit, what)
		}
	}
}

// Pass lets time pass in which a fault lasts, and answers whether all of it did before ctx ended.
func Pass(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
