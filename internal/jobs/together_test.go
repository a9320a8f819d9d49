package jobs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// together has the bench's runner run timers together; groups are the numbers of jobs that were.
func (b *bench) together() (groups *[]int) {
	groups = new([]int)
	b.runner.Together = func(ctx context.Context, jobs []approval.Job) []error {
		b.mu.Lock()
		*groups = append(*groups, len(jobs))
		b.mu.Unlock()
		errs := make([]error, len(jobs))
		for i, j := range jobs {
			errs[i] = b.run(ctx, j)
		}
		return errs
	}
	return groups
}

func (b *bench) crowd(n int) {
	b.Helper()
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("p%03d", i)
	}
	b.add(0, true, keys...)
}

func TestTimersThatGoTogetherAreRunTogether(t *testing.T) {
	inBubble(t, func(b *bench) {
		groups := b.together()
		b.add(0, false, "alone")
		b.runner.Start()
		b.wants("alone@0")
		if len(*groups) > 0 {
			b.Errorf("one alone was run in groups of %v", *groups)
		}
		b.crowd(300)
		synctest.Wait()
		b.left(0)
		all := 0
		for _, n := range *groups {
			if all += n; n > approval.MostTogether {
				b.Errorf("%d were run together", n)
			}
		}
		if all != 300 || len(*groups) > 10 || len(b.ran) != 300 {
			b.Errorf("%d runs of 300, in groups of %v", len(b.ran), *groups)
		}
		if b.logs.Len() > 0 {
			b.Errorf("the log says %s", b.logs.String())
		}
	})
}

func TestOnlyTimersThatGoTogetherAreRunTogether(t *testing.T) {
	jobs := []approval.Job{{Key: "a", Kind: approval.JobEnd, Space: "one"}, {Key: "b", Kind: approval.JobWarn, Space: "one"},
		{Key: "c", Kind: approval.JobEnd, Space: "two"}, {Key: "d", Kind: approval.JobEnd, Space: "one"}, {Key: "e", Kind: approval.JobEnd, Space: "two"},
		{Key: "f", Kind: approval.JobWarn, Space: "one"}}
	for range approval.MostTogether {
		jobs = append(jobs, approval.Job{Key: "-", Kind: approval.JobEnd, Space: "one"})
	}
	keys := func(r *Runner) (text string) {
		for _, group := range r.together(jobs) {
			for _, j := range group {
				text += j.Key
			}
			text += " "
		}
		return text
	}
	t.Parallel()
	r := New(Deps{Together: func(context.Context, []approval.Job) []error { return nil }})
	if got, want := keys(r), "ad"+strings.Repeat("-", approval.MostTogether-2)+" b ce f -- "; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	r.Together = nil
	if got, want := keys(r), "a b c d e f "+strings.Repeat("- ", approval.MostTogether); got != want {
		t.Errorf("without: %s, want %s", got, want)
	}
}

func TestOneOfManyThatFailsComesAgainAlone(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.together()
		failed := 0
		b.handle = func(_ context.Context, j approval.Job) error {
			if j.Petition == "p007" && j.Attempts == 1 {
				failed++
				return errors.New("not now")
			}
			return nil
		}
		b.runner.Start()
		b.crowd(40)
		synctest.Wait()
		if len(b.ran) != 40 || failed != 1 {
			b.Errorf("%d have run, %d failed", len(b.ran), failed)
		}
		b.ran = nil
		b.advance(2*time.Second, 250*time.Millisecond)
		b.wants("p007@1")
		b.left(0)
	})
}

func TestManyThatAreBrokenOffAreRunOneByOne(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.runner.Together = func(context.Context, []approval.Job) []error { panic("what now") }
		b.runner.Start()
		b.crowd(40)
		synctest.Wait()
		if len(b.ran) != 40 || !strings.Contains(b.logs.String(), "what now") {
			b.Errorf("%d have run, the log says %s", len(b.ran), b.logs.String())
		}
		b.left(0)
	})
}
