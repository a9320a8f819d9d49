package faults

import (
	"fmt"
	"math"
	"testing"

	"github.com/anishathalye/porcupine"
)

// A register is a petition as its clients see it: nothing, open, granted, denied, revoked. What follows is what one
// machine that does one thing at a time would answer; porcupine looks whether what many clients saw on many nodes can be
// put into such an order, with each call between its sending and its answer.

// What clients do.
const (
	doCreate  = "create"
	doApprove = "approve"
	doDeny    = "deny"
	doRevoke  = "revoke"
	doRead    = "read"
)

// call is what a client asked for. A claim is known by its id, which is its reason and its idempotency key.
type call struct {
	register string
	do       string
	id       string
}

// reply is what came back. An unknown one may have had its effect, at any later time, or none.
type reply struct {
	unknown bool
	refused bool   // 409: it came too late, or too early
	phase   string // of a petition that was answered
	by      string // the id of the claim that decided
}

// register is the state of the one machine.
type register struct {
	phase string // "" before it exists
	// approved, denied and revoked are the claims that were made; a claim that is sent again is answered again.
	approved, denied, revoked string
}

func (r register) decider() string {
	switch r.phase {
	case "granted":
		return r.approved
	case "denied":
		return r.denied
	case "revoked":
		return r.revoked
	}
	return ""
}

// step answers the state after a call and whether the reply is one that the machine would give.
func (r register) step(c call, got reply) (bool, register) {
	after, accepted := r.after(c)
	switch {
	case got.unknown:
		return true, after
	case c.do == doRead:
		return got.phase == r.phase && got.by == r.decider(), r
	case c.do == doCreate:
		return got.phase == after.phase && got.by == after.decider(), after
	case got.refused:
		return !accepted, r
	}
	return accepted, after
}

// after answers the state that a call leads to, and whether the call is accepted.
func (r register) after(c call) (register, bool) {
	switch {
	case c.do == doCreate && r.phase == "":
		return register{phase: "open"}, true
	case c.do == doApprove && r.phase == "open":
		return register{phase: "granted", approved: c.id}, true
	case c.do == doDeny && r.phase == "open":
		return register{phase: "denied", denied: c.id}, true
	case c.do == doRevoke && r.phase == "granted":
		return register{phase: "revoked", approved: r.approved, revoked: c.id}, true
	case c.do == doApprove && r.approved == c.id, c.do == doDeny && r.denied == c.id, c.do == doRevoke && r.revoked == c.id:
		return r, r.phase != "" // sent again
	}
	return r, c.do == doCreate
}

// model is what porcupine checks by. Registers have nothing to do with one another.
var model = porcupine.Model{
	Partition: func(history []porcupine.Operation) (parts [][]porcupine.Operation) {
		places := map[string]int{}
		for _, o := range history {
			name := o.Input.(call).register
			if _, known := places[name]; !known {
				places[name] = len(parts)
				parts = append(parts, nil)
			}
			parts[places[name]] = append(parts[places[name]], o)
		}
		return parts
	},
	Init: func() any { return register{} },
	Step: func(state, input, output any) (bool, any) {
		return state.(register).step(input.(call), output.(reply))
	},
	DescribeOperation: func(input, output any) string { return describe(input.(call), output.(reply)) },
	DescribeState:     func(state any) string { return fmt.Sprintf("%+v", state) },
}

func describe(c call, got reply) string {
	switch {
	case got.unknown:
		return fmt.Sprintf("%s %s -> ?", c.do, c.id)
	case got.refused:
		return fmt.Sprintf("%s %s -> too late", c.do, c.id)
	case c.do == doRead || c.do == doCreate:
		return fmt.Sprintf("%s -> %s by %s", c.do, got.phase, got.by)
	}
	return fmt.Sprintf("%s %s -> done", c.do, c.id)
}

// never is when a call returns whose outcome nobody knows: it may still take effect behind everything else.
const never = math.MaxInt64

// The model itself sees what must not happen: each history is checked as written, one call after the other unless two
// are said to overlap.
func TestTheModelSeesWhatMustNotHappen(t *testing.T) {
	t.Parallel()
	create, open := call{do: doCreate}, reply{phase: "open"}
	approve, deny, read := call{do: doApprove, id: "a"}, call{do: doDeny, id: "d"}, call{do: doRead}
	done, late, unknown := reply{}, reply{refused: true}, reply{unknown: true}
	granted, denied := reply{phase: "granted", by: "a"}, reply{phase: "denied", by: "d"}
	type step struct {
		call  call
		reply reply
	}
	cases := map[string]struct {
		steps []step
		want  bool
	}{
		"asked, approved, read":                  {[]step{{create, open}, {approve, done}, {read, granted}}, true},
		"two decide and both succeed":            {[]step{{create, open}, {approve, done}, {deny, done}}, false},
		"two decide and nobody does":             {[]step{{create, open}, {approve, late}, {deny, late}}, false},
		"a decision that is forgotten":           {[]step{{create, open}, {approve, done}, {read, open}}, false},
		"a decision that is another's":           {[]step{{create, open}, {approve, done}, {deny, late}, {read, denied}}, false},
		"in doubt, and made":                     {[]step{{create, open}, {approve, unknown}, {read, granted}}, true},
		"in doubt, and not made":                 {[]step{{create, open}, {approve, unknown}, {deny, done}, {read, denied}}, true},
		"in doubt, not made yet, made later":     {[]step{{create, open}, {approve, unknown}, {read, open}, {read, granted}}, true},
		"in doubt, made, and then not":           {[]step{{create, open}, {approve, unknown}, {read, granted}, {read, open}}, false},
		"in doubt, sent again":                   {[]step{{create, open}, {approve, unknown}, {approve, done}, {approve, done}, {read, granted}}, true},
		"made twice by one key":                  {[]step{{create, unknown}, {create, open}, {approve, done}, {create, open}}, false},
		"read before it was asked for":           {[]step{{read, open}, {create, open}}, false},
		"asked again, answered as it is by then": {[]step{{create, open}, {approve, done}, {create, granted}}, true},
	}
	for name, c := range cases {
		var history []porcupine.Operation
		for i, s := range c.steps {
			end := int64(2*i + 1)
			if s.reply.unknown {
				end = never
			}
			history = append(history, porcupine.Operation{ClientId: i, Input: s.call, Call: int64(2 * i), Output: s.reply, Return: end})
		}
		if got := porcupine.CheckOperations(model, history); got != c.want {
			t.Errorf("%s: linearizable is %t, want %t", name, got, c.want)
		}
	}
}
