// Package bench measures an Indent server from outside, by real HTTP, as its users meet it: somebody asks, a waiter
// parks, somebody else decides, the waiter returns.
//
// Its promise: a figure counts work that was answered and was right, everything else is counted as bad and said. The
// client does no more than it must (it speaks HTTP itself and looks for the few bytes that it needs), because it runs
// on the machine that it measures.
//
// It imports the standard library only.
package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Options say what to measure. URLs, Space, Token and ReviewerToken are required.
type Options struct {
	// URLs are the nodes of one cluster; clients are spread over them.
	URLs  []string
	Space string
	// Token asks and waits, ReviewerToken decides. They are of two members, as in life: nobody decides for himself.
	Token, ReviewerToken string
	// Modes are what is measured, see [Modes]; each at every concurrency, or with every number of parked waiters.
	Modes       []string
	Concurrency []int
	Parked      []int
	// Duration is how long each measurement takes that has no end of its own.
	Duration time.Duration
	// Settle is how long the server is left alone before memory is read, with petitions and again with their waiters.
	Settle time.Duration
	// Across sends each decision to another node than the one at which its waiter is parked.
	Across bool
	// PIDs are the server's processes, whose memory is read from /proc; none: memory is not measured.
	PIDs []int
	// Words are what search looks for, in turn; none: petitions are made that have a word of their own.
	Words []string
	// Deep is how many petitions lie before the deep page.
	Deep int
	// Leases are how many leases end, each measured; the first at one moment, the last not Within later.
	Leases []int
	Within time.Duration
	// People are how many members have them, see [PersonID]; 0: the asker has all.
	People int
}

// Result is one measurement.
type Result struct {
	Mode string `json:"mode"`
	// AtOnce is how many clients worked at the same time, how many waiters were parked, or how many leases ended.
	AtOnce int `json:"atOnce"`
	// Done is how often the work was done and its answer was right, Bad how often not; Problem is the first of those.
	Done    int    `json:"done"`
	Bad     int    `json:"bad"`
	Problem string `json:"problem,omitempty"`

	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"perSecond"`
	// Times are by what was timed: whole is the work, wake the time from sending a decision to the waiter's return. Of leases
	// that end, whole is from the end until it was closed, wake is of others meanwhile, and "calm wake" of others before.
	Times map[string]Times `json:"times,omitempty"`
	// Server is what the server says of itself, from the difference of its metrics before and after.
	Server *ServerSide `json:"server,omitempty"`
	// Memory is read when the server's processes are named.
	Memory *Memory `json:"memory,omitempty"`
}

// Times are in milliseconds.
type Times struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// Memory is proportional set size (PSS): what the server's processes would give back if they ended.
type Memory struct {
	BeforeMiB float64 `json:"beforeMiB"`
	MiB       float64 `json:"mib"`
	// KiBPerWaiter is all that has come since before the petitions were made, by waiter: no less than a waiter costs.
	// KiBPerParking is what has come with the parking alone; it may reuse what making the petitions has left.
	KiBPerWaiter  float64 `json:"kibPerWaiter,omitempty"`
	KiBPerParking float64 `json:"kibPerParking,omitempty"`
}

type mode struct {
	name, what string
	run        func(*bench, context.Context, func(Result)) error
}

// modes in the order in which they are measured when nothing else is asked for: lists need petitions.
var modes = []mode{
	{"roundtrip", "create, park a waiter, decide as another member, until the waiter has returned", (*bench).roundTrips},
	{"create", "create only", (*bench).creates},
	{"parked", "many waiters at once; decide one after the other, then the rest together", (*bench).parked},
	{"stream", "the same, with one connection that waits for all of them", (*bench).streamed},
	{"list", "a page of 50: the first, the next, and a deep one", (*bench).lists},
	{"search", "a page of what has a rare word", (*bench).searches},
	{"ending", "leases that end by themselves: from the end until it is closed; others go on with round trips", (*bench).ends},
}

// Modes answers the modes, each with a sentence.
func Modes() (names, sentences []string) {
	for _, m := range modes {
		names, sentences = append(names, m.name), append(sentences, m.what)
	}
	return names, sentences
}

// Check answers what is wrong with the options.
func (o Options) Check() error {
	names, _ := Modes()
	for _, name := range o.Modes {
		if !slices.Contains(names, name) {
			return fmt.Errorf("there is no mode %q: choose among %s", name, strings.Join(names, ", "))
		}
	}
	for _, n := range slices.Concat(o.Concurrency, o.Parked) {
		if n < 1 || n > mostAtOnce {
			return fmt.Errorf("%d at once is not possible: choose 1 to %d", n, mostAtOnce)
		}
	}
	switch {
	case len(o.URLs) == 0 || o.Space == "" || o.Token == "" || o.ReviewerToken == "":
		return errors.New("an address, a space and the tokens of two members are needed")
	case len(o.Modes) == 0 || len(o.Concurrency) == 0 || len(o.Parked) == 0 || len(o.Leases) == 0:
		return errors.New("there is nothing to measure: name a mode, how many at once, how many waiters, and how many leases")
	case slices.Min(o.Leases) < 1 || o.People < 0 || o.Within < 0:
		return errors.New("leases must be 1 or more, their people and the time within which they end 0 or more")
	case o.Duration <= 0:
		return errors.New("a measurement must take some time")
	case o.Across && len(o.URLs) < 2:
		return errors.New("to decide on another node, two nodes are needed")
	}
	return nil
}

// mostAtOnce is what the ports of one machine allow a client and a server on it.
const mostAtOnce = 20000

// Run measures and answers each result as it comes. It ends with ctx; an error means that a mode could not be measured
// at all, while work that failed is counted in the results.
func Run(ctx context.Context, o Options, each func(Result)) error {
	if err := o.Check(); err != nil {
		return err
	}
	target, err := newTarget(o)
	if err != nil {
		return err
	}
	return measure(ctx, &bench{o, target}, each)
}

func measure(ctx context.Context, b *bench, each func(Result)) error {
	for _, m := range modes {
		if !slices.Contains(b.Modes, m.name) {
			continue
		}
		if err := m.run(b, ctx, each); err != nil {
			return fmt.Errorf("%s could not be measured: %w", m.name, err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// bench is one run of measurements.
type bench struct {
	Options
	*target
}
