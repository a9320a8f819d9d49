package store

import (
	"context"
	"errors"
	"sync/atomic"
)

// gate lets a bounded number of callers in, and a bounded number wait: what comes on top is refused at once, so that a
// slow engine makes a short queue of answers "later" and not a long one of dead requests.
type gate struct {
	places  chan struct{}
	waiting atomic.Int64
	most    int64
}

func newGate(places, waiting int) *gate {
	return &gate{places: make(chan struct{}, places), most: int64(waiting)}
}

var errQueueFull = errors.New("the queue is full")

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
	select {
	case g.places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return cancelled(ctx.Err())
	}
}

func (g *gate) leave() { <-g.places }
