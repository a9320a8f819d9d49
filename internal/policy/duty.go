package policy

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// duties is onCall of an actor or a petitioner: a map from schedules to whether it is on call there. Each is looked up when
// a condition asks for it, because it may stand in another system.
type duties struct {
	scene  *scene
	member string
}

var _ traits.Mapper = duties{}

// Find answers whether the member is on call in the schedule of that name.
func (d duties) Find(key ref.Val) (ref.Val, bool) {
	name, ok := key.Value().(string)
	if !ok || d.scene.document.schedules[name] == nil {
		return nil, false
	}
	on, err := d.scene.isOnCall(name, d.member)
	if err != nil {
		return types.WrapErr(err), false
	}
	return types.Bool(on), true
}

// Get is Find that answers an error for a schedule that the document does not have.
func (d duties) Get(key ref.Val) ref.Val {
	value, found := d.Find(key)
	if value == nil && !found {
		return types.NewErr("the document has no schedule %v", key)
	}
	return value
}

// Contains answers whether the document has the schedule.
func (d duties) Contains(key ref.Val) ref.Val {
	name, ok := key.Value().(string)
	return types.Bool(ok && d.scene.document.schedules[name] != nil)
}

// Iterator goes over the names of schedules.
func (d duties) Iterator() traits.Iterator {
	names := slices.Sorted(maps.Keys(d.scene.document.schedules))
	return types.NewStringList(types.DefaultTypeAdapter, names).Iterator()
}

// Size answers how many schedules there are.
func (d duties) Size() ref.Val { return types.Int(len(d.scene.document.schedules)) }

// ConvertToNative refuses.
func (d duties) ConvertToNative(reflect.Type) (any, error) {
	return nil, fmt.Errorf("onCall has no other form")
}

// ConvertToType refuses all but the type of a map.
func (d duties) ConvertToType(t ref.Type) ref.Val {
	if t == types.TypeType {
		return types.MapType
	}
	return types.NewErr("onCall has no other form")
}

// Equal refuses.
func (d duties) Equal(ref.Val) ref.Val {
	return types.NewErr("onCall cannot be compared: ask for a schedule, such as actor.onCall.primary")
}

// Type answers that of a map.
func (d duties) Type() ref.Type { return types.MapType }

// Value answers the duties.
func (d duties) Value() any { return d }

// strangeSchedule answers a schedule that the condition names and the document does not have, "" when there is none. The
// condition would fail each time.
func (c *condition) strangeSchedule(schedules map[string]*schedule) string {
	strange := ""
	checked := c.checked.NativeRep()
	celast.PostOrderVisit(checked.Expr(), celast.NewExprVisitor(func(e celast.Expr) {
		if of, name := scheduleNamed(e); of != nil && schedules[name] == nil && checked.GetType(of.ID()).IsExactType(dutyMap) {
			strange = name
		}
	}))
	return strange
}

// scheduleNamed answers x.onCall and the name of x.onCall.name and x.onCall["name"].
func scheduleNamed(e celast.Expr) (of celast.Expr, name string) {
	switch e.Kind() {
	case celast.SelectKind:
		of, name = e.AsSelect().Operand(), e.AsSelect().FieldName()
	case celast.CallKind:
		if call := e.AsCall(); call.FunctionName() == operators.Index && call.Args()[1].Kind() == celast.LiteralKind {
			if literal, ok := call.Args()[1].AsLiteral().Value().(string); ok {
				of, name = call.Args()[0], literal
			}
		}
	}
	if of == nil || of.Kind() != celast.SelectKind || of.AsSelect().FieldName() != "onCall" {
		return nil, ""
	}
	return of, name
}
