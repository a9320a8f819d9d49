package store

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// gate lets a bounded number of callers in, and a bounded number wait: what comes on top is refused at once, so that a
// slow engine makes a short queue of answers "later" and not a long one of dead requests.
type gate struct {
	places   chan struct{}
	waiting  atomic.Int64
	most     int64
	patience time.Duration // how long anybody waits
}

func newGate(places, waiting int, patience time.Duration) *gate {
	return &gate{places: make(chan struct{}, places), most: int64(waiting), patience: patience}
}

var (
	errQueueFull = errors.New("the queue is full")
	errQueueSlow = errors.New("the queue does not move")
)

func (g *gate) enter(ctx context.Context) error {
	select {
	case g.places <- struct{}{}:
		return nil
	default:
	}
	defer g.waiting.Add(-1)
	if g.waiting.Add(1) > g.most {
		return unavailable(errQueueFull, "too many requests wait for the database: try again in a moment")
	}
	timer := time.NewTimer(g.patience)
	defer timer.Stop()
	select {
	case g.places <- struct{}{}:
		return nil
	case <-timer.C:
		return unavailable(errQueueSlow, "the database is too slow for the requests that wait for it: try again in a moment")
	case <-ctx.Done():
		return cancelled(ctx.Err())
	}
}

func (g *gate) leave() { <-g.places }
