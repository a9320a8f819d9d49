package policy

import (
	"encoding/json"
	"fmt"
	"reflect"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/indent-approvals/indent/internal/approval"
)

// The vocabulary of conditions. Whose word each thing is matters (I13):
//
//   - actor, known and now are the server's: who calls, as the space knows it, with the groups it is in and the labels of
//     its directory entry; the directory's own entries of what is asked for, those that exist; the time. So are the groups
//     of petitioners, and who is on call.
//   - petition.params and petition.duration, and the id and kind of resources and petitioners, are the requester's, but
//     they bind: what is granted is exactly that. Whoever asks for another id gets that other id.
//   - petition.reason and petition.labels, and every other field of resources and petitioners, only describe. The
//     requester may write anything there: "read-only", "tier: test". (A petitioner who is a member of the space is shown
//     as the space knows it; one who is not, as described.) A rule that approves cannot see these.
//
// A rule that tightens should not look at known, for the requester chooses what it looks at: a kind that is spelt
// otherwise has no entry. Let a rule that loosens look at known and a catch-all behind it be the strict one.
const (
	typePetition  = "indent.Petition"
	typeActor     = "indent.Actor"
	typeResource  = "indent.Resource"  // an entry of the directory
	typeRequested = "indent.Requested" // a resource or petitioner as it was sent, and what the server knows of a petitioner
	typeReviewer  = "indent.Reviewer"  // a member who may review, see selector.go
	// typePetitioner is one of those who ask as the space knows it, see policy_base.go
	typePetitioner = "indent.Petitioner"
)

// field is one field of a type: how to get it, and whether it only describes what is asked for.
type field struct {
	of        *cel.Type
	get       func(any) (any, error)
	describes bool
}

func of[T any](get func(T) any) func(any) (any, error) {
	return with(func(v T) (any, error) { return get(v), nil })
}

func ofActor(get func(*approval.Actor) any) func(any) (any, error) {
	return of(func(s *scene) any { return get(&s.in.Actor) })
}

// with is of for what may fail to be read.
func with[T any](get func(T) (any, error)) func(any) (any, error) {
	return func(v any) (any, error) {
		object, ok := v.(T)
		if !ok {
			return nil, fmt.Errorf("%T is not what this field belongs to", v)
		}
		return get(object)
	}
}

var (
	stringList = cel.ListType(cel.StringType)
	labels     = cel.MapType(cel.StringType, cel.StringType)
	dutyMap    = cel.MapType(cel.StringType, cel.BoolType) // by schedule
)

var vocabulary = map[string]map[string]field{
	typePetition: {
		"reason":   {cel.StringType, of(func(s *scene) any { return s.in.Petition.Reason }), true},
		"labels":   {labels, of(func(s *scene) any { return s.in.Petition.Labels }), true},
		"params":   {cel.MapType(cel.StringType, cel.DynType), readParams, false},
		"duration": {cel.DurationType, of(func(s *scene) any { return s.in.Petition.Duration }), false}, // zero: policy's default
	},
	typeActor: {
		"id":          {cel.StringType, ofActor(func(a *approval.Actor) any { return a.ID }), false},
		"person":      {cel.StringType, ofActor(func(a *approval.Actor) any { return a.Address }), false}, // not whom the directory takes it for
		"kind":        {cel.StringType, ofActor(func(a *approval.Actor) any { return a.Kind }), false},
		"email":       {cel.StringType, ofActor(func(a *approval.Actor) any { return a.Email }), false},
		"displayName": {cel.StringType, ofActor(func(a *approval.Actor) any { return a.DisplayName }), false},
		"role":        {cel.StringType, ofActor(func(a *approval.Actor) any { return string(a.Role) }), false},
		"groups":      {stringList, with(func(s *scene) (any, error) { return s.groupsOf(s.in.Actor.ID) }), false},
		"labels":      {labels, with(func(s *scene) (any, error) { return s.labelsOf(s.in.Actor.ID) }), false},
		"onCall":      {dutyMap, of(func(s *scene) any { return duties{s, s.in.Actor.ID} }), false},
	},
	typeReviewer: {
		"id":      {cel.StringType, of(func(c *candidate) any { return c.ID }), false},
		"address": {cel.StringType, of(func(c *candidate) any { return c.Address }), false},
		"role":    {cel.StringType, of(func(c *candidate) any { return string(c.Role) }), false},
		"groups":  {stringList, with(func(c *candidate) (any, error) { return c.groups() }), false},
		"labels":  {labels, with(func(c *candidate) (any, error) { return c.labels() }), false},
	},
	typeResource:  resourceFields(),
	typeRequested: requestedFields(),

	typePetitioner: petitionerFields(),
}

// resourceFields are those of an entry of the directory.
func resourceFields() map[string]field {
	return map[string]field{
		"id":          {cel.StringType, of(func(r *approval.Resource) any { return r.ID }), false},
		"kind":        {cel.StringType, of(func(r *approval.Resource) any { return r.Kind }), false},
		"displayName": {cel.StringType, of(func(r *approval.Resource) any { return r.DisplayName }), false},
		"email":       {cel.StringType, of(func(r *approval.Resource) any { return r.Email }), false},
		"altIds":      {stringList, of(func(r *approval.Resource) any { return r.AltIDs }), false},
		"labels":      {labels, of(func(r *approval.Resource) any { return r.Labels }), false},
	}
}

// requestedFields are those of what was sent: its id and kind bind, all else that it says describes.
func requestedFields() map[string]field {
	all := resourceFields()
	for name, f := range all {
		get := f.get
		f.get = with(func(r *requested) (any, error) { return get(r.said) })
		f.describes = name != "id" && name != "kind"
		all[name] = f
	}
	all["groups"] = field{stringList, with((*requested).groups), false}
	all["onCall"] = field{dutyMap, with((*requested).onCall), false}
	return all
}

var (
	everything = sync.OnceValues(func() (*cel.Env, error) { return conditions(false) })
	whatBinds  = sync.OnceValues(func() (*cel.Env, error) { return conditions(true) })
	selecting  = sync.OnceValues(func() (*cel.Env, error) {
		return newEnvironment(false, cel.Variable("reviewer", objectTypes[typeReviewer]))
	})
	objectTypes = func() map[string]*types.Type {
		all := map[string]*types.Type{}
		for name := range vocabulary {
			all[name] = cel.ObjectType(name)
		}
		return all
	}()
)

// environment answers what a condition is compiled in: that of a rule that approves, or of another.
func environment(approves bool) (*cel.Env, error) {
	if approves {
		return whatBinds()
	}
	return everything()
}

func conditions(approves bool) (*cel.Env, error) {
	return newEnvironment(approves,
		cel.Variable("petition", objectTypes[typePetition]),
		cel.Variable("petitioners", cel.ListType(objectTypes[typeRequested])),
		cel.Variable("resources", cel.ListType(objectTypes[typeRequested])),
		cel.Variable("known", cel.ListType(objectTypes[typeResource])),
		cel.Variable("actor", objectTypes[typeActor]),
		cel.Variable("now", cel.TimestampType))
}

func newEnvironment(approves bool, variables ...cel.EnvOption) (*cel.Env, error) {
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, err
	}
	p := &provider{Registry: registry, approves: approves}
	env, err := cel.NewEnv(append(variables,
		cel.CustomTypeProvider(p),
		cel.CustomTypeAdapter(p),
		cel.EnableMacroCallTracking(), // so that explain can write all(…) and exists(…) as they were written
		cel.DefaultUTCTimeZone(true),
		cel.ParserRecursionLimit(50),
		cel.ParserExpressionSizeLimit(maxWhen),
		cel.RegexProgramSizeLimit(maxPattern),
		cel.ASTValidators(cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals(), cel.ValidateRegexLiterals(),
			cel.ValidateComprehensionNestingLimit(maxNesting)),
	)...)
	if err == nil {
		// The library makes its list of names at the first unknown name, while others who check a loop copy it: make it before
		// anybody shares the environment.
		env.Compile("noSuchName")
	}
	return env, err
}

// provider tells CEL of our types, which are read where they are: nothing is copied into maps that no rule looks at.
type provider struct {
	*types.Registry
	approves bool
}

// FindStructType answers the type of that name.
func (p *provider) FindStructType(name string) (*types.Type, bool) {
	if t, ok := objectTypes[name]; ok {
		return types.NewTypeTypeWithParam(t), true
	}
	return p.Registry.FindStructType(name)
}

// FindStructFieldNames answers the fields that a condition may see.
func (p *provider) FindStructFieldNames(name string) ([]string, bool) {
	fields, ok := vocabulary[name]
	if !ok {
		return p.Registry.FindStructFieldNames(name)
	}
	var names []string
	for n, f := range fields {
		if !p.approves || !f.describes {
			names = append(names, n)
		}
	}
	return names, true
}

// FindStructFieldType answers a field, unless it describes and the rule approves.
func (p *provider) FindStructFieldType(name, fieldName string) (*types.FieldType, bool) {
	fields, ok := vocabulary[name]
	if !ok {
		return p.Registry.FindStructFieldType(name, fieldName)
	}
	f, ok := fields[fieldName]
	if !ok || p.approves && f.describes {
		return nil, false
	}
	return &types.FieldType{Type: f.of, GetFrom: f.get, IsSet: func(any) bool { return true }}, true
}

// NewValue refuses to make one of our objects: a condition looks at what is there.
func (p *provider) NewValue(name string, fields map[string]ref.Val) ref.Val {
	if _, ok := vocabulary[name]; ok {
		return types.NewErr("%s cannot be made in a condition", name)
	}
	return p.Registry.NewValue(name, fields)
}

// NativeToValue wraps our objects and leaves the rest to CEL.
func (p *provider) NativeToValue(v any) ref.Val {
	if o, ok := v.(object); ok {
		return o
	}
	return p.Registry.NativeToValue(v)
}

// object is one of ours as a value of CEL: its fields can be read by name, and that is all.
type object struct {
	of    *types.Type
	value any
}

func (o object) ConvertToNative(reflect.Type) (any, error) {
	return nil, fmt.Errorf("%s has no other form", o.of.TypeName())
}

func (o object) ConvertToType(t ref.Type) ref.Val {
	if t == types.TypeType {
		return o.of
	}
	return types.NewErr("%s has no other form", o.of.TypeName())
}

// Equal refuses: whether two resources are the same thing is for the rule to say, such as by id and kind.
func (o object) Equal(ref.Val) ref.Val {
	return types.NewErr("whole objects cannot be compared: compare their fields, such as id and kind")
}

func (o object) Type() ref.Type { return o.of }
func (o object) Value() any     { return o.value }

// readParams answers the petition's params, parsed once. Numbers are doubles, as in JSON: write 2.0 * petition.params.n.
func readParams(v any) (any, error) {
	s, ok := v.(*scene)
	if !ok {
		return nil, fmt.Errorf("%T has no params", v)
	}
	if s.params == nil {
		s.params = map[string]any{}
		if raw := s.in.Petition.Params; len(raw) > 0 {
			if err := json.Unmarshal(raw, &s.params); err != nil {
				return nil, fmt.Errorf("the params cannot be read: %w", err)
			}
		}
	}
	return s.params, nil
}
