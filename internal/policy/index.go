package policy

import (
	"math/bits"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"

	"github.com/indent-approvals/indent/internal/approval"
)

// The index of a document: of a thousand rules, a decision tries those that could match. Many conditions demand a kind or
// an id of what is asked for, or something of who asks, beside whatever else they say. Such a condition is false of a
// petition that has none of what it demands, whatever its other parts come to: in CEL false && error is false, in whichever
// order they stand. So passing over the rule changes no answer. It also costs nothing and reads nothing: a rule that is
// passed over cannot cost too much, and no directory that is down can keep the rules for other things from deciding.

// dimension is one thing that a condition may demand.
type dimension int

const (
	byKind dimension = iota // of one of the resources
	byID                    // of one of the resources
	byActor
	byPerson
	byActorKind
	byEmail
	byRole
	dimensions
)

// actorFields are the fields of actor that a condition may demand something of. They are there and cannot fail.
var actorFields = map[string]dimension{"id": byActor, "person": byPerson, "kind": byActorKind, "email": byEmail, "role": byRole}

// resourceFieldsIndexed are those of resources.
var resourceFieldsIndexed = map[string]dimension{"kind": byKind, "id": byID}

// demand is a set of values: a condition is false when none of them is there. A condition that demands nothing has none.
type demand map[demanded]bool

type demanded struct {
	of    dimension
	value string
}

// ruleSet is a set of places of rules.
type ruleSet [(maxRules + 63) / 64]uint64

func (s *ruleSet) add(rule int) { s[rule/64] |= 1 << (rule % 64) }

func (s *ruleSet) addAll(others *ruleSet) {
	for i := range s {
		s[i] |= others[i]
	}
}

// next answers the first rule of the set from one on; -1 when there is none.
func (s *ruleSet) next(from int) int {
	for word := from / 64; word < len(s); word++ {
		rest := s[word]
		if word == from/64 {
			rest &= ^uint64(0) << (from % 64)
		}
		if rest != 0 {
			return word*64 + bits.TrailingZeros64(rest)
		}
	}
	return -1
}

// index answers which rules could match.
type index struct {
	all    ruleSet // every rule
	always ruleSet // those that demand nothing
	by     [dimensions]map[string]*ruleSet
}

func newIndex(rules []rule) *index {
	x := &index{}
	for i := range rules {
		x.all.add(i)
		wanted := rules[i].demands()
		if wanted == nil {
			x.always.add(i)
		}
		for d := range wanted {
			if x.by[d.of] == nil {
				x.by[d.of] = map[string]*ruleSet{}
			}
			if x.by[d.of][d.value] == nil {
				x.by[d.of][d.value] = &ruleSet{}
			}
			x.by[d.of][d.value].add(i)
		}
	}
	return x
}

// candidates answers the rules that could match. Of a petition for nothing every condition could: all(…) is true of nothing.
func (x *index) candidates(in *approval.PolicyInput) ruleSet {
	if x == nil {
		return everyRule
	}
	if len(in.Petition.Resources) == 0 {
		return x.all
	}
	found := x.always
	add := func(d dimension, value string) {
		if set := x.by[d][value]; set != nil {
			found.addAll(set)
		}
	}
	for i := range in.Petition.Resources {
		add(byKind, in.Petition.Resources[i].Kind)
		add(byID, in.Petition.Resources[i].ID)
	}
	a := &in.Actor
	add(byActor, a.ID)
	add(byPerson, a.Address)
	add(byActorKind, a.Kind)
	add(byEmail, a.Email)
	add(byRole, string(a.Role))
	return found
}

// everyRule is what is tried without an index.
var everyRule = func() (all ruleSet) {
	for i := range all {
		all[i] = ^uint64(0)
	}
	return all
}()

// demands answers what the rule's condition demands, nil when nothing that is known here.
func (r *rule) demands() demand {
	if r.condition == nil {
		return nil
	}
	w := &demanding{r.condition.checked.NativeRep().SourceInfo()}
	return w.of(r.condition.checked.NativeRep().Expr())
}

// demanding finds out what a condition demands.
type demanding struct{ info *celast.SourceInfo }

func (w *demanding) of(e celast.Expr) demand {
	if macro, ok := w.info.GetMacroCall(e.ID()); ok {
		return w.ofEach(macro)
	}
	if e.Kind() != celast.CallKind {
		return nil
	}
	call := e.AsCall()
	switch call.FunctionName() {
	case operators.LogicalAnd:
		return narrower(w.of(call.Args()[0]), w.of(call.Args()[1]))
	case operators.LogicalOr:
		return either(w.of(call.Args()[0]), w.of(call.Args()[1]))
	}
	return w.compares(call, subject)
}

// ofEach answers what resources.all(r, …) and its kind demand. When no resource has what is demanded of r, the part in
// the brackets is false of each, and there is at least one.
func (w *demanding) ofEach(macro celast.Expr) demand {
	if macro.Kind() != celast.CallKind {
		return nil
	}
	call := macro.AsCall()
	switch call.FunctionName() {
	case operators.All, operators.Exists, operators.ExistsOne:
	default:
		return nil
	}
	if !call.IsMemberFunction() || !isIdent(call.Target(), "resources") || len(call.Args()) != 2 || call.Args()[0].Kind() != celast.IdentKind {
		return nil
	}
	return w.ofOne(call.Args()[1], call.Args()[0].AsIdent())
}

// ofOne answers what a condition on one resource demands of it.
func (w *demanding) ofOne(e celast.Expr, name string) demand {
	if e.Kind() != celast.CallKind {
		return nil
	}
	call := e.AsCall()
	switch call.FunctionName() {
	case operators.LogicalAnd:
		return narrower(w.ofOne(call.Args()[0], name), w.ofOne(call.Args()[1], name))
	case operators.LogicalOr:
		return either(w.ofOne(call.Args()[0], name), w.ofOne(call.Args()[1], name))
	}
	return w.compares(call, func(field celast.SelectExpr) (dimension, bool) {
		d, known := resourceFieldsIndexed[field.FieldName()]
		return d, known && isIdent(field.Operand(), name)
	})
}

// subject answers what actor.x and resources[0].x are about: what is there for every petition.
func subject(field celast.SelectExpr) (dimension, bool) {
	if isIdent(field.Operand(), "actor") {
		d, known := actorFields[field.FieldName()]
		return d, known
	}
	if field.Operand().Kind() != celast.CallKind {
		return 0, false
	}
	call := field.Operand().AsCall()
	if call.FunctionName() != operators.Index || !isIdent(call.Args()[0], "resources") || call.Args()[1].Kind() != celast.LiteralKind {
		return 0, false
	}
	if at, isInt := call.Args()[1].AsLiteral().Value().(int64); !isInt || at != 0 {
		return 0, false
	}
	d, known := resourceFieldsIndexed[field.FieldName()]
	return d, known
}

// compares answers what x == "a", "a" == x and x in ["a", "b"] demand of x.
func (w *demanding) compares(call celast.CallExpr, of func(celast.SelectExpr) (dimension, bool)) demand {
	args := call.Args()
	if len(args) != 2 || call.IsMemberFunction() {
		return nil
	}
	var values []celast.Expr
	field := args[0]
	switch call.FunctionName() {
	case operators.Equals:
		values = args[1:]
		if field.Kind() == celast.LiteralKind {
			field, values = args[1], args[:1]
		}
	case operators.In:
		if args[1].Kind() != celast.ListKind || len(args[1].AsList().OptionalIndices()) > 0 {
			return nil
		}
		values = args[1].AsList().Elements()
	}
	if len(values) == 0 || field.Kind() != celast.SelectKind || field.AsSelect().IsTestOnly() {
		return nil
	}
	d, known := of(field.AsSelect())
	if !known {
		return nil
	}
	found := demand{}
	for _, v := range values {
		if v.Kind() != celast.LiteralKind {
			return nil
		}
		value, isText := v.AsLiteral().Value().(string)
		if !isText {
			return nil
		}
		found[demanded{d, value}] = true
	}
	return found
}

func isIdent(e celast.Expr, name string) bool {
	return e.Kind() == celast.IdentKind && e.AsIdent() == name
}

// narrower answers one of two demands, both of which hold of what is true: the one that fewer petitions meet.
func narrower(a, b demand) demand {
	if a == nil || b != nil && b.breadth() < a.breadth() {
		return b
	}
	return a
}

// breadth guesses how many petitions meet the demand: there are more ids than kinds, and few roles.
func (d demand) breadth() (n int) {
	for one := range d {
		n += map[dimension]int{byID: 1, byKind: 10, byActor: 20, byPerson: 20, byEmail: 20}[one.of]
		if one.of == byRole || one.of == byActorKind {
			n += 1000
		}
	}
	return n
}

// either answers the demand of a || b; when one of them demands nothing, there is none.
func either(a, b demand) demand {
	if a == nil || b == nil {
		return nil
	}
	both := demand{}
	for _, one := range []demand{a, b} {
		for d := range one {
			both[d] = true
		}
	}
	return both
}
