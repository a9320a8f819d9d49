package policy

import (
	"bytes"
	"encoding/json"
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
	byParam // of one of the petition's params, by its key
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
	key   string // of a param
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
	params map[string]*paramIndex // by key
}

// paramIndex is what rules demand of one param. Of a petition that does not have it, or has something else than a text there,
// the conditions must be evaluated: such a part of one may fail instead of being false.
type paramIndex struct {
	any ruleSet // every rule that demands something of it
	by  map[string]*ruleSet
}

func newIndex(rules []rule) *index {
	x := &index{params: map[string]*paramIndex{}}
	wanted := make([][]demand, len(rules))
	common := map[demanded]int{} // how many rules could go by it
	for i := range rules {
		wanted[i] = rules[i].demands()
		for _, w := range wanted[i] {
			for d := range w {
				common[d]++
			}
		}
	}
	for i := range rules {
		x.all.add(i)
		if len(wanted[i]) == 0 {
			x.always.add(i)
			continue
		}
		for d := range rarest(wanted[i], common) {
			x.add(d, i)
		}
	}
	return x
}

func (x *index) add(d demanded, rule int) {
	by := &x.by[d.of]
	if d.of == byParam {
		if x.params[d.key] == nil {
			x.params[d.key] = &paramIndex{}
		}
		x.params[d.key].any.add(rule)
		by = &x.params[d.key].by
	}
	if *by == nil {
		*by = map[string]*ruleSet{}
	}
	if (*by)[d.value] == nil {
		(*by)[d.value] = &ruleSet{}
	}
	(*by)[d.value].add(rule)
}

// rarest answers one of several demands, all of which hold of what is true: that which the fewest rules of the document share, so
// that it tells most of them apart, and of equals the one that fewer petitions meet.
func rarest(list []demand, common map[demanded]int) (best demand) {
	least := 0
	for _, w := range list {
		n := 0
		for d := range w {
			n += common[d]
		}
		if best == nil || n < least || n == least && w.breadth() < best.breadth() {
			best, least = w, n
		}
	}
	return best
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
	x.addParams(&found, in.Petition.Params)
	return found
}

// addParams adds the rules that what the params say could match.
func (x *index) addParams(found *ruleSet, params approval.RawJSON) {
	if len(x.params) == 0 {
		return
	}
	said := textsOf(params, x.params)
	for key, p := range x.params {
		text, has := said[key]
		if !has {
			found.addAll(&p.any)
		} else if set := p.by[text]; set != nil {
			found.addAll(set)
		}
	}
}

// textsOf answers the texts that the params have under one of the keys. Of what cannot be read nothing is known: then conditions
// are evaluated, which is where that is found out.
func textsOf(params approval.RawJSON, keys map[string]*paramIndex) map[string]string {
	d := json.NewDecoder(bytes.NewReader(params))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil
	}
	said := map[string]string{}
	for d.More() {
		key, err := d.Token()
		name, isText := key.(string)
		var value json.RawMessage
		if err != nil || !isText || d.Decode(&value) != nil {
			return nil
		}
		delete(said, name)
		if keys[name] == nil || value[0] != '"' {
			continue
		}
		var text string
		if json.Unmarshal(value, &text) != nil {
			return nil
		}
		said[name] = text
	}
	if end, err := d.Token(); err != nil || end != json.Delim('}') {
		return nil
	}
	return said
}

// everyRule is what is tried without an index.
var everyRule = func() (all ruleSet) {
	for i := range all {
		all[i] = ^uint64(0)
	}
	return all
}()

// maxDemands bounds how many demands of one condition are weighed against one another.
const maxDemands = 16

// demands answers what the rule's condition demands: each of several holds of every petition that it is true of. There is none
// where it demands nothing that is known here.
func (r *rule) demands() (list []demand) {
	if r.condition == nil {
		return nil
	}
	w := &demanding{r.condition.checked.NativeRep().SourceInfo()}
	return w.all(r.condition.checked.NativeRep().Expr())
}

// all answers what each part of a && b demands.
func (w *demanding) all(e celast.Expr) (list []demand) {
	if _, macro := w.info.GetMacroCall(e.ID()); !macro && e.Kind() == celast.CallKind && e.AsCall().FunctionName() == operators.LogicalAnd {
		list = append(w.all(e.AsCall().Args()[0]), w.all(e.AsCall().Args()[1])...)
		return list[:min(len(list), maxDemands)]
	}
	if d := w.of(e); d != nil {
		list = append(list, d)
	}
	return list
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
	return w.compares(call, func(e celast.Expr) (d demanded, known bool) {
		if !isField(e) {
			return d, false
		}
		d.of, known = resourceFieldsIndexed[e.AsSelect().FieldName()]
		return d, known && isIdent(e.AsSelect().Operand(), name)
	})
}

// subject answers what actor.x, resources[0].x and petition.params.x are about.
func subject(e celast.Expr) (d demanded, known bool) {
	if of, key := indexedBy(e); of != nil && isParams(of) {
		name, isText := key.(string)
		return demanded{of: byParam, key: name}, isText
	}
	if !isField(e) {
		return d, false
	}
	field := e.AsSelect()
	switch {
	case isParams(field.Operand()):
		return demanded{of: byParam, key: field.FieldName()}, true
	case isIdent(field.Operand(), "actor"):
		d.of, known = actorFields[field.FieldName()]
		return d, known
	}
	of, at := indexedBy(field.Operand())
	if of == nil || !isIdent(of, "resources") || at != int64(0) {
		return d, false
	}
	d.of, known = resourceFieldsIndexed[field.FieldName()]
	return d, known
}

func isParams(e celast.Expr) bool {
	return isField(e) && e.AsSelect().FieldName() == "params" && isIdent(e.AsSelect().Operand(), "petition")
}

// isField answers whether it is x.y, and not has(x.y).
func isField(e celast.Expr) bool { return e.Kind() == celast.SelectKind && !e.AsSelect().IsTestOnly() }

// indexedBy answers x and the literal of x[literal].
func indexedBy(e celast.Expr) (of celast.Expr, literal any) {
	if e.Kind() != celast.CallKind {
		return nil, nil
	}
	call := e.AsCall()
	if call.FunctionName() != operators.Index || call.Args()[1].Kind() != celast.LiteralKind {
		return nil, nil
	}
	return call.Args()[0], call.Args()[1].AsLiteral().Value()
}

// compares answers what x == "a", "a" == x and x in ["a", "b"] demand of x.
func (w *demanding) compares(call celast.CallExpr, of func(celast.Expr) (demanded, bool)) demand {
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
	if len(values) == 0 {
		return nil
	}
	d, known := of(field)
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
		d.value = value
		found[d] = true
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
		n += map[dimension]int{byID: 1, byKind: 10, byActor: 20, byPerson: 20, byEmail: 20, byParam: 20}[one.of]
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
