package jobs

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// A job that has nothing to do before a time comes again then, and nobody reads of a failure.
func TestAJobThatRestsIsNotCalledFailed(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.handle = func(_ context.Context, j approval.Job) error {
			if j.Attempts == 1 {
				return fmt.Errorf("wrapped: %w", approval.Later{At: b.clock.Now().Add(10 * time.Second)})
			}
			return nil
		}
		b.add(0, false, "resting")
		b.runner.Start()
		b.wants("resting@0")
		b.advance(10*time.Second-time.Millisecond, time.Millisecond*1111)
		b.wants()
		b.advance(2*time.Second, 250*time.Millisecond)
		b.left(0)
		if b.logs.Len() > 0 {
			b.Errorf("the log says %s", b.logs.String())
		}
	})
}
