package approval

import "sync/atomic"

// PullStates lists how a pull may end.
var PullStates = []PullState{PullDone, PullFailed, PullRefused, PullNotSent}

// pullCounts counts how the pulls of this node have ended.
type pullCounts struct{ done, failed, refused, notSent atomic.Int64 }

func (c *pullCounts) of(state PullState) *atomic.Int64 {
	switch state {
	case PullDone:
		return &c.done
	case PullRefused:
		return &c.refused
	case PullNotSent:
		return &c.notSent
	}
	return &c.failed
}

func (c *pullCounts) count(state PullState) { c.of(state).Add(1) }

// PullsEnded answers how many pulls of this node have ended so.
func (s *Service) PullsEnded(state PullState) int64 { return s.pulled.of(state).Load() }
