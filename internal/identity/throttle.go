package identity

import (
	"sync"
	"time"
)

// throttle lets something happen once a minute for each key.
type throttle struct {
	mu   sync.Mutex
	last map[string]time.Time
}

const maxThrottled = 10_000

func (t *throttle) may(key string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if last, ok := t.last[key]; ok && now.Sub(last) < time.Minute && !now.Before(last) {
		return false
	}
	if t.last == nil || len(t.last) >= maxThrottled {
		t.last = map[string]time.Time{}
	}
	t.last[key] = now
	return true
}
