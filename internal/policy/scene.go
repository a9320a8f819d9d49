package policy

import (
	"context"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/indent-approvals/indent/internal/approval"
)

// scene is what the conditions of one decision look at. It is filled as they look: a list that no condition names is
// never made, the directory is read only if one of them looks at known, and at most once.
type scene struct {
	ctx  context.Context
	in   approval.PolicyInput
	cost uint64

	params      map[string]any
	entries     []approval.Resource
	entriesRead bool
	// unavailable is why the directory could not be read. CEL may swallow the error (false && error is false), so the
	// decision itself asks for it.
	unavailable error
}

// newScene keeps its own copy of the input, so that a decision without conditions costs no allocation.
func newScene(ctx context.Context, in approval.PolicyInput) *scene {
	return &scene{ctx: ctx, in: in}
}

// ResolveName answers a variable of the vocabulary.
func (s *scene) ResolveName(name string) (any, bool) {
	switch name {
	case "petition":
		return object{objectTypes[typePetition], s}, true
	case "petitioners":
		return list(typeRequested, s.in.Petition.Petitioners), true
	case "resources":
		return list(typeRequested, s.in.Petition.Resources), true
	case "known":
		entries, err := s.directory()
		if err != nil {
			return types.NewErr("the directory cannot be read"), true
		}
		return list(typeResource, entries), true
	case "actor":
		return object{objectTypes[typeActor], &s.in.Actor}, true
	case "now":
		return s.in.Now, true
	}
	return nil, false
}

// Parent answers that there is nothing behind the scene.
func (s *scene) Parent() cel.Activation { return nil }

func (s *scene) directory() ([]approval.Resource, error) {
	if !s.entriesRead {
		s.entriesRead = true
		if s.in.Known == nil {
			s.unavailable = approval.Errorf(approval.Internal, "policy was given no directory")
		} else {
			s.entries, s.unavailable = s.in.Known(s.ctx)
		}
	}
	return s.entries, s.unavailable
}

func list(of string, resources []approval.Resource) ref.Val {
	values := make([]ref.Val, len(resources))
	for i := range resources {
		values[i] = object{objectTypes[of], &resources[i]}
	}
	return types.NewRefValList(types.DefaultTypeAdapter, values)
}
