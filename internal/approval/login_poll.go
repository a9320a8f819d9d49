package approval

import (
	"sync"
	"time"
)

// mostRemembered bounds what a node remembers of who asks for tokens.
const mostRemembered = 10_000

// polls remembers when each program last asked for its tokens, on this node. Nothing is written for who asks too often.
type polls struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// early answers whether the login was asked for less than an interval ago. Only a question that is not early counts.
func (p *polls) early(hash string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last, asked := p.last[hash]; asked && now.Before(last.Add(LoginInterval)) && !now.Before(last) {
		return true
	}
	if p.last == nil {
		p.last = map[string]time.Time{}
	}
	if len(p.last) >= mostRemembered {
		for hash, last := range p.last {
			if !now.Before(last.Add(LoginInterval)) || now.Before(last) {
				delete(p.last, hash)
			}
		}
		if len(p.last) >= mostRemembered { // as many ask at once: they are all early for a moment
			return true
		}
	}
	p.last[hash] = now
	return false
}
