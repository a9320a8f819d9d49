package indent

import (
	"context"
	"errors"
	"math"
	"net/url"
	"time"
)

// Forever is the timeout of waiting as long as the context lets.
const Forever time.Duration = math.MaxInt64

// Wait answers the petition as soon as it is not open any more, or as it was last seen, open, after atMost ([Forever]: as long
// as ctx lets). A server that restarts, fails or drops the connection is asked again until then. It does not judge the answer:
// [Client.Resume] does.
func (c *Client) Wait(ctx context.Context, name string, atMost time.Duration) (*Petition, error) {
	w := c.watch(name, atMost)
	defer w.seat.leave()
	if err := w.run(ctx); err != nil {
		return nil, err
	}
	if w.trouble != nil {
		return nil, w.trouble
	}
	return w.petition, nil
}

// watch looks at one petition until it is decided or the time is up.
type watch struct {
	c       *Client
	name    string
	began   time.Time
	timeout time.Duration
	// petition is as it was last seen, nil before the first look.
	petition *Petition
	// trouble is why the last look failed, nil when it succeeded.
	trouble  error
	setbacks int
	// seat is the place among all who wait; whoever makes a watch leaves it.
	seat *seat
	// check refuses an answer that is not about what was asked for.
	check    func(*Petition) error
	progress func(Progress)
	nextSign time.Duration
}

func (c *Client) watch(name string, timeout time.Duration) *watch {
	return &watch{c: c, name: name, seat: c.enter(), began: time.Now(), timeout: timeout, nextSign: firstSign,
		check: func(*Petition) error { return nil }}
}

// run answers nil when the petition is decided or the time is up; then trouble says whether the last look failed.
func (w *watch) run(ctx context.Context) error {
	for w.petition == nil || w.petition.Phase() == PhaseOpen {
		if (w.petition != nil || w.trouble != nil) && w.left() <= 0 {
			return nil
		}
		if err := w.look(ctx); err != nil {
			return err
		}
		w.signOfLife()
		// On a stream the waiting goes on while it is set up again.
		if w.setbacks > 0 && !w.seat.taken() && w.pause(ctx) != nil {
			return ctx.Err()
		}
	}
	return nil
}

// look asks once, for as long as the server waits, and notes what came of it. It answers an error that no waiting cures.
func (w *watch) look(ctx context.Context) error {
	patience := w.patience()
	began := time.Now()
	p, err := w.next(ctx, patience)
	if err == nil {
		err = w.sane(p)
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil:
		w.petition, w.trouble = p, nil
		// A server that stops answers its waiters early: do not run into it in a circle.
		if p.Phase() == PhaseOpen && time.Since(began) < patience/2 {
			w.setbacks++
		} else {
			w.setbacks = 0
		}
	case temporary(err, w.setbacks):
		w.trouble = err
		w.setbacks++
		w.tellTrouble()
	default:
		return err
	}
	return nil
}

// next answers the petition when it is decided or the patience is over, on a stream with others when there are many.
func (w *watch) next(ctx context.Context, patience time.Duration) (*Petition, error) {
	if !w.seat.shares(w.name) {
		return w.ask(ctx, patience)
	}
	seen := w.petition
	if seen == nil { // a stream tells only of what is not open
		p, err := w.firstLook(ctx)
		if err != nil || p.Phase() != PhaseOpen {
			return p, err
		}
		seen = p
	}
	text, err := w.seat.wait(ctx, w.name, min(patience, max(0, w.left())))
	switch {
	case errors.Is(err, errAlone):
		return w.ask(ctx, w.patience())
	case err != nil:
		return nil, err
	case text == nil:
		return seen, nil
	}
	p := &Petition{}
	if err := decode(text, p); err != nil {
		return nil, err
	}
	return p, w.c.isAskedFor(p, w.name)
}

// firstLook answers the petition as it is.
func (w *watch) firstLook(ctx context.Context) (*Petition, error) {
	if err := w.seat.queue(ctx, w.left()); err != nil {
		return nil, err
	}
	defer w.seat.served()
	return w.ask(ctx, 0)
}

// ask is one call, which the server may hold for as long as patience, without retries.
func (w *watch) ask(ctx context.Context, patience time.Duration) (*Petition, error) {
	path, err := w.c.petitionPath(w.name)
	if err != nil {
		return nil, err
	}
	p := &Petition{}
	one := call{method: "GET", path: path, repeatable: true, patience: patience, answer: p}
	switch left := w.left(); {
	case patience > 0:
		one.query = url.Values{"wait": {(patience + time.Millisecond - 1).Truncate(time.Millisecond).String()}}
	case w.timeout > 0 && left < Forever-patienceGrace:
		one.within = max(0, left) + patienceGrace // a server that hangs does not hold the deadline
	}
	if err := w.c.once(ctx, one, nil); err != nil {
		return nil, err
	}
	return p, w.c.isAskedFor(p, w.name)
}

// sane refuses an answer that is about something else: whatever was decided there, it is not this.
func (w *watch) sane(p *Petition) error {
	if w.petition != nil && p.Digest != w.petition.Digest {
		return &ResponseError{wrong: true, Message: "petition " + p.Ref() + " has another digest than before: it is not what was asked for"}
	}
	return w.check(p)
}

const (
	longestLook = 30 * time.Second // the server allows 60 s
	// longestSetback bounds the pause between looks while the server is away, and so how late a decision is noticed.
	longestSetback = 4 * time.Second
)

// patience is how long the server may wait in the next look: not longer than to the next sign of life.
func (w *watch) patience() time.Duration {
	left := w.left()
	if w.petition == nil && w.trouble == nil {
		left = w.timeout // the first look
	}
	d := min(longestLook, left)
	if w.progress != nil {
		d = min(d, w.nextSign-w.elapsed())
	}
	return max(0, d)
}

func (w *watch) pause(ctx context.Context) error {
	return w.c.sleep(ctx, min(w.c.setback(w.setbacks-1, w.trouble), max(0, w.left())))
}

// setback is how long to pause after so many setbacks in a row.
func (c *Client) setback(before int, trouble error) time.Duration {
	d, _ := c.backoff(before, trouble)
	var refused *Error
	if !errors.As(trouble, &refused) || refused.RetryAfter == 0 {
		d = min(d, longestSetback)
	}
	return min(d, longestRetryAfter)
}

func (w *watch) elapsed() time.Duration { return time.Since(w.began) }

func (w *watch) left() time.Duration {
	if w.timeout == Forever {
		return Forever
	}
	return w.timeout - w.elapsed()
}

// mostNonsense is how many answers in a row may be malformed, as a proxy's page is while the server restarts.
const mostNonsense = 3

// temporary answers whether the server may come back from err.
func temporary(err error, setbacks int) bool {
	var broken *ConnectionError
	var nonsense *ResponseError
	var refused *Error
	switch {
	case errors.As(err, &broken):
		return true
	case errors.As(err, &nonsense):
		return !nonsense.wrong && setbacks < mostNonsense
	case errors.As(err, &refused):
		return refused.Status == 408 || refused.Status == 429 || refused.Status >= 500
	}
	return false
}
