package identity

import (
	"context"
	"sync"
	"time"
)

// upkeepEvery is how often a node writes down which tokens were used and looks after the signing keys.
const upkeepEvery = 15 * time.Second

// keeper does what no call waits for.
type keeper struct {
	stop chan struct{}
	done sync.WaitGroup
	once sync.Once
}

// Start begins the upkeep, until Stop.
func (i *Identity) Start() {
	i.keeper.stop = make(chan struct{})
	i.keeper.done.Go(func() { i.keepUp(i.keeper.stop) })
}

func (i *Identity) keepUp(stop <-chan struct{}) {
	for {
		tick, free := i.clock.After(upkeepEvery)
		select {
		case <-tick:
			i.Upkeep(context.Background())
		case <-stop:
			free()
			return
		}
	}
}

// Upkeep does the work of one turn. What fails is done by the next.
func (i *Identity) Upkeep(ctx context.Context) {
	if err := i.FlushUses(ctx); err != nil {
		i.service.Logger.WarnContext(ctx, "it could not be written down when tokens were used", "error", err)
	}
	if err := i.keys.keep(ctx); err != nil {
		i.service.Logger.WarnContext(ctx, "the signing keys could not be looked after", "error", err)
	}
}

// Stop ends the upkeep and writes down what is left of it; a second Stop does nothing.
func (i *Identity) Stop(ctx context.Context) {
	i.keeper.once.Do(func() {
		if i.keeper.stop == nil {
			return
		}
		close(i.keeper.stop)
		i.keeper.done.Wait()
		if err := i.FlushUses(ctx); err != nil {
			i.service.Logger.WarnContext(ctx, "it could not be written down when tokens were used", "error", err)
		}
	})
}
