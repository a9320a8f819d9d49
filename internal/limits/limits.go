// Package limits bounds what one actor, one address and one wrong credential may cost a node: calls, petitions, refused
// attempts in the log, parked waits, wrong secrets and guesses.
//
// Its promise: nothing that a stranger sends makes it grow (every table has a fixed number of places, and who has not been
// seen for longest gives up the place), no lock of it is held while anything else is done, and whoever has spent a
// budget is told when to come back. It keeps no name and no secret, only a hash of them under a key that the process
// drew. What it counts is the node's own: of n nodes, each gives its own budget.
//
// It imports the standard library and approval.
package limits

import (
	"hash/maphash"
	"net/netip"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// Config are the budgets. A rate is what comes back in a second; 0 is no limit.
type Config struct {
	Calls     int // of one actor; four times as many at once
	Petitions int // that one actor asks for; four times as many at once
	Refusals  int // of one actor, that are written to the log; ten times as many at once
	Wrong     int // credentials of one address; ten times as many at once
	Waits     int // parked waits and streams of one actor
	// Trusted are the proxies whose word counts on where a request comes from.
	Trusted []netip.Prefix
	Clock   approval.Clock
}

// Limits are the budgets of one node. It serves approval, api and web, each by the interface that it declares.
type Limits struct {
	clock    approval.Clock
	seed     maphash.Seed
	sources  sources
	calls    *buckets
	asked    *buckets
	refusals *buckets
	told     *buckets
	waits    *crowd
	throttle
	counts [numKinds]counter
}

const (
	// many is how many actors, addresses or credentials one table knows at once.
	many = 100_000
	// tellEvery is how often the log is told that an actor's refused attempts are not in it.
	tellEvery = time.Minute
)

// New answers budgets that nobody has spent anything of.
func New(c Config) *Limits {
	l := &Limits{clock: c.Clock, seed: maphash.MakeSeed(), sources: sources{c.Trusted},
		calls: perSecond(c.Calls, 4), asked: perSecond(c.Petitions, 4), refusals: perSecond(c.Refusals, 10),
		told: newBuckets(tellEvery, 1), waits: newCrowd(c.Waits)}
	l.throttle.start(c.Wrong)
	return l
}

// Call counts a call of the actor.
func (l *Limits) Call(a approval.Actor) error {
	if l.calls == nil {
		return nil
	}
	if wait := l.calls.take(l.actor(a), l.clock.Now()); wait > 0 {
		return l.refuse(Calls, wait, "%s makes more calls than the server takes from one member: slow down", a.ID)
	}
	return nil
}

// Petition counts a petition that the actor asks for.
func (l *Limits) Petition(a approval.Actor) error {
	if l.asked == nil {
		return nil
	}
	if wait := l.asked.take(l.actor(a), l.clock.Now()); wait > 0 {
		return l.refuse(Petitions, wait, "%s asks for more petitions than the server takes from one member: slow down", a.ID)
	}
	return nil
}

// Refusal counts a refused attempt of the actor. With an error it is not written to the log; tell says that the log is to
// be told so, once in a while.
func (l *Limits) Refusal(a approval.Actor) (tell bool, err error) {
	if l.refusals == nil {
		return false, nil
	}
	who, now := l.actor(a), l.clock.Now()
	wait := l.refusals.take(who, now)
	if wait == 0 {
		return false, nil
	}
	return l.told.take(who, now) == 0, l.refuse(Refusals, wait, "%s was refused so often that further attempts are neither looked at nor written to the log: "+
		"stop what repeats them", a.ID)
}

// Park counts n parked waits of the actor until Leave.
func (l *Limits) Park(a approval.Actor, n int) error {
	if l.waits == nil || l.waits.enter(l.actor(a), n) {
		return nil
	}
	return l.refuse(Waits, time.Second, "%s waits for more at once than the server parks for one member: wait for many petitions on one stream (petitions:wait)", a.ID)
}

// Leave is called once for each Park that was not refused.
func (l *Limits) Leave(a approval.Actor, n int) {
	if l.waits != nil {
		l.waits.leave(l.actor(a), n)
	}
}

// actor answers the key of an actor: the member, whatever token it uses.
func (l *Limits) actor(a approval.Actor) uint64 {
	return maphash.Comparable(l.seed, [2]string{a.Space, a.ID})
}

func (l *Limits) refuse(k Kind, wait time.Duration, format string, args ...any) error {
	l.counts[k].Add(1)
	err := approval.Errorf(approval.TooMany, format, args...)
	err.RetryAfter = wait
	return err
}
