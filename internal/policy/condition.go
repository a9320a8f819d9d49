package policy

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"

	"github.com/indent-approvals/indent/internal/approval"
)

// What a condition may look at. The petitioner's word: petition (reason, params, labels), resources and petitioners as
// they were sent. The server's: actor, known (the directory's entries of what is asked for) and now. A rule that
// approves should rest on the server's (I13).
var variables = []cel.EnvOption{
	cel.Variable("petition", cel.MapType(cel.StringType, cel.DynType)),
	cel.Variable("petitioners", cel.ListType(cel.MapType(cel.StringType, cel.DynType))),
	cel.Variable("resources", cel.ListType(cel.MapType(cel.StringType, cel.DynType))),
	cel.Variable("known", cel.ListType(cel.MapType(cel.StringType, cel.DynType))),
	cel.Variable("actor", cel.MapType(cel.StringType, cel.StringType)),
	cel.Variable("now", cel.TimestampType),
}

// maxCost bounds one evaluation; the unit is CEL's, about one for each step.
const maxCost = 100_000

var environment = sync.OnceValues(func() (*cel.Env, error) { return cel.NewEnv(variables...) })

// condition compiles the text of a "when". Its type must be bool.
func condition(text string) (cel.Program, error) {
	if len(text) > maxWhen {
		return nil, fmt.Errorf("when is %d bytes long, at most %d are allowed", len(text), maxWhen)
	}
	env, err := environment()
	if err != nil {
		return nil, err
	}
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		first := issues.Errors()[0]
		return nil, fmt.Errorf("when, line %d, column %d: %s", first.Location.Line(), first.Location.Column()+1, first.Message)
	}
	if !ast.OutputType().IsExactType(cel.BoolType) && !ast.OutputType().IsExactType(cel.DynType) {
		return nil, fmt.Errorf("when must be true or false, it is %s", ast.OutputType())
	}
	return env.Program(ast, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(maxCost), cel.InterruptCheckFrequency(100))
}

// needs are the variables that a condition names, so that only those are built.
type needs struct{ petition, petitioners, resources, known bool }

func needsOf(text string) needs {
	return needs{
		petition:    strings.Contains(text, "petition"),
		petitioners: strings.Contains(text, "petitioners"),
		resources:   strings.Contains(text, "resources"),
		known:       strings.Contains(text, "known"),
	}
}

// holds evaluates the condition; an error, a cost overrun and an answer that is not a bool are all errors.
func (r rule) holds(ctx context.Context, in approval.PolicyInput) (bool, error) {
	if r.condition == nil {
		return true, nil
	}
	activation, err := r.activation(ctx, in)
	if err != nil {
		return false, err
	}
	value, _, err := r.condition.ContextEval(ctx, activation)
	if err != nil {
		return false, err
	}
	answer, ok := value.Value().(bool)
	if !ok {
		return false, fmt.Errorf("the condition answered %v, not true or false", value)
	}
	return answer, nil
}

func (r rule) activation(ctx context.Context, in approval.PolicyInput) (map[string]any, error) {
	out := map[string]any{
		"now":         in.Now,
		"actor":       map[string]string{"id": in.Actor.ID, "kind": in.Actor.Kind, "email": in.Actor.Email, "role": string(in.Actor.Role), "person": in.Actor.Person},
		"petition":    map[string]any{},
		"petitioners": []map[string]any{},
		"resources":   []map[string]any{},
		"known":       []map[string]any{},
	}
	if r.needs.petition {
		p, err := petition(in.Petition)
		if err != nil {
			return nil, err
		}
		out["petition"] = p
	}
	if r.needs.petitioners {
		out["petitioners"] = resources(in.Petition.Petitioners)
	}
	if r.needs.resources {
		out["resources"] = resources(in.Petition.Resources)
	}
	if r.needs.known {
		known, err := in.Known(ctx)
		if err != nil {
			return nil, err
		}
		out["known"] = resources(known)
	}
	return out, nil
}

func petition(p approval.Petition) (map[string]any, error) {
	params := map[string]any{}
	if len(p.Params) > 0 {
		if err := json.Unmarshal(p.Params, &params); err != nil {
			return nil, fmt.Errorf("the params cannot be read: %w", err)
		}
	}
	return map[string]any{"reason": p.Reason, "params": params, "labels": nonNil(p.Labels), "duration": p.Duration}, nil
}

func resources(list []approval.Resource) []map[string]any {
	out := make([]map[string]any, len(list))
	for i, r := range list {
		out[i] = map[string]any{"id": r.ID, "kind": r.Kind, "displayName": r.DisplayName, "email": r.Email, "labels": nonNil(r.Labels)}
	}
	return out
}

func nonNil(labels map[string]string) map[string]string {
	if labels == nil {
		return map[string]string{}
	}
	return labels
}
