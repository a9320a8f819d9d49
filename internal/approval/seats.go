package approval

import (
	"math"
	"sync"
	"time"
)

// examining bounds how many rule documents a node reads at once to take them, and as many again to try them: one may take
// seconds, and the hot path needs the processor.
const examining = 4

// testsAtOnce bounds how many webhooks a node tests at once. Each test is five calls to wherever a member says, and may take
// [tryWithin] for each.
const testsAtOnce = 4

func examinations() seats {
	return seats{most: examining, each: examining / 2, what: "policies are being looked at", again: time.Second}
}

func webhookTests() seats {
	return seats{most: testsAtOnce, each: testsAtOnce / 2, what: "tests of webhooks are under way", again: tryWithin}
}

func pullSeats() seats {
	return seats{most: pullsAtOnce, each: pullsAtOnce / 2, what: "pulls are under way", again: 5 * time.Second}
}

// sameWebhook bounds the tests of each; those of all are bounded by [webhookTests].
func sameWebhook() seats {
	return seats{most: math.MaxInt, each: 1, what: "test is under way", again: tryWithin}
}

// seats bounds what is done at once on a node, and for one space, so that one tenant does not take what all need.
type seats struct {
	most, each int
	what       string        // is done, such as "policies are being looked at"
	again      time.Duration // when to come back

	mu      sync.Mutex
	taken   int
	bySpace map[string]int
}

// enter takes a seat until leave. It is refused (TooMany) at once when there is none: whoever waits would wait for seconds.
func (p *seats) enter(space string) (leave func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken >= p.most || p.bySpace[space] >= p.each {
		e := Errorf(TooMany, "%d %s for %s already: try again in a moment", p.bySpace[space], p.what, space)
		if p.taken >= p.most {
			e = Errorf(TooMany, "%d %s on this server already: try again in a moment", p.taken, p.what)
		}
		e.RetryAfter = p.again
		return nil, e
	}
	if p.bySpace == nil {
		p.bySpace = map[string]int{}
	}
	p.taken++
	p.bySpace[space]++
	return func() { p.leave(space) }, nil
}

func (p *seats) leave(space string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	if p.bySpace[space]--; p.bySpace[space] == 0 {
		delete(p.bySpace, space)
	}
}
