package approval

import "time"

// Who is parked when storage goes away is not sent away: to come back costs more than to stay, and all who do come at
// once. It looks again after a pause, longer each time, and is woken as ever by a hint.
const (
	firstPause   = 250 * time.Millisecond
	longestPause = 4 * time.Second
)

func longer(pause time.Duration) time.Duration { return min(max(2*pause, firstPause), longestPause) }

// outage is the part of a stream that bears storage that is away. Streams have no time of their own; they give up when it
// lasts as long as anybody waits, so that their clients find another node.
type outage struct {
	clock Clock
	pause time.Duration // before the next look; 0 while storage answers
	limit <-chan time.Time
	stop  func()
}

// bear takes what came of a look, and answers an error that ends the stream.
func (o *outage) bear(err error) error {
	if CodeOf(err) != Unavailable {
		o.end()
		return err
	}
	if o.pause == 0 {
		o.limit, o.stop = o.clock.After(MaxWait)
	}
	select {
	case <-o.limit:
		return err
	default:
	}
	o.pause = longer(o.pause)
	return nil
}

// end frees what the outage holds.
func (o *outage) end() {
	if o.pause > 0 {
		o.stop()
	}
	o.pause = 0
}
