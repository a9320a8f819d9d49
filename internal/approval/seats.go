package approval

import (
	"sync"
	"time"
)

// examining bounds how many rule documents a node reads at once to take them, and as many again to try them: one may take
// seconds, and the hot path needs the processor.
const examining = 4

// seats bounds what is done at once on a node, and for one space, so that one tenant does not take what all need.
type seats struct {
	most, each int

	mu      sync.Mutex
	taken   int
	bySpace map[string]int
}

// enter takes a seat until leave. It is refused (TooMany) at once when there is none: whoever waits would wait for seconds.
func (p *seats) enter(space string) (leave func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken >= p.most || p.bySpace[space] >= p.each {
		e := Errorf(TooMany, "%d policies of %s are being looked at already: try again in a moment", p.bySpace[space], space)
		if p.taken >= p.most {
			e = Errorf(TooMany, "%d policies are being looked at on this server already: try again in a moment", p.taken)
		}
		e.RetryAfter = time.Second
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
