package limits

import "sync/atomic"

// Kind says which budget was spent.
type Kind int

// The kinds.
const (
	Calls Kind = iota
	Petitions
	Refusals
	Waits
	WrongSource
	WrongToken
	Guesses
	Opens
	numKinds
)

// Kinds names every kind, as metrics do.
var Kinds = [numKinds]string{Calls: "calls", Petitions: "petitions", Refusals: "refusals", Waits: "waits",
	WrongSource: "wrong_source", WrongToken: "wrong_token", Guesses: "guesses", Opens: "opens"}

// counter has a cache line of its own: it grows on the paths that a flood takes.
type counter struct {
	atomic.Int64
	_ [56]byte
}

// Refused answers how often a budget was spent.
func (l *Limits) Refused(k Kind) int64 { return l.counts[k].Load() }

// Known answers how many actors, addresses and credentials have a place in a table.
func (l *Limits) Known() (n int) {
	for _, b := range []*buckets{l.calls, l.asked, l.refusals, l.told, l.wrong, l.looks, l.repeats, l.guesses, l.tries, l.near, l.opens} {
		if b != nil {
			n += b.size()
		}
	}
	return n + l.right.size()
}
