package app

import (
	"time"

	"github.com/google/uuid"
)

// systemClock is the one place where the machine's time enters the product.
type systemClock struct{}

// Now answers UTC in whole microseconds, the precision that both engines keep.
func (systemClock) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// After answers a timer's channel and its stop.
func (systemClock) After(d time.Duration) (<-chan time.Time, func()) {
	t := time.NewTimer(d)
	return t.C, func() { t.Stop() }
}

// systemIDs is the one place where chance enters the product.
type systemIDs struct{}

// UUID answers a UUID of version 7 (RFC 9562): names sort by time, which keeps the indexes' writes together.
func (systemIDs) UUID() string { return uuid.Must(uuid.NewV7()).String() }

// Secret answers n characters of 0-9A-Za-z, each with log2(62) = 5.95 bits from the system's cryptographic source.
func (systemIDs) Secret(n int) string { return randomText(n) }
