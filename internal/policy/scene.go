package policy

import (
	"context"
	"errors"
	"slices"
	"strings"

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

	document *Document
	sources  Sources // nil: schedules with a source answer their fallback

	petition, actor        ref.Val
	petitioners, resources ref.Val // nil: no condition has asked

	params      map[string]any
	groups      map[string][]string // by member, those that were looked at
	onCall      map[string]OnCall   // by schedule
	entries     []approval.Resource
	entriesRead bool
	// unavailable is why the directory could not be read. CEL may swallow the error (false && error is false), so the
	// decision itself asks for it.
	unavailable error
}

// newScene keeps its own copy of the input, so that a decision without conditions costs no allocation.
func newScene(ctx context.Context, d *Document, in *approval.PolicyInput, from Sources) *scene {
	s := &scene{ctx: ctx, in: *in, document: d, sources: from}
	s.petition, s.actor = object{objectTypes[typePetition], s}, object{objectTypes[typeActor], s}
	return s
}

// ResolveName answers a variable of the vocabulary.
func (s *scene) ResolveName(name string) (any, bool) {
	switch name {
	case "petition":
		return s.petition, true
	case "petitioners":
		if s.petitioners == nil {
			s.petitioners = s.requested(s.in.Petition.Petitioners, true)
		}
		return s.petitioners, true
	case "resources":
		if s.resources == nil {
			s.resources = s.requested(s.in.Petition.Resources, false)
		}
		return s.resources, true
	case "known":
		entries, err := s.directory()
		if err != nil {
			return types.NewErr("the directory cannot be read"), true
		}
		return list(entries), true
	case "actor":
		return s.actor, true
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
			s.entries, s.unavailable = s.in.Known(s.ctx, s.in.Space, s.in.Petition.Resources)
		}
	}
	return s.entries, s.unavailable
}

// list answers entries of the directory as a list of CEL.
func list(entries []approval.Resource) ref.Val {
	values := make([]ref.Val, len(entries))
	for i := range entries {
		values[i] = object{objectTypes[typeResource], &entries[i]}
	}
	return types.NewRefValList(types.DefaultTypeAdapter, values)
}

// requested is a resource or a petitioner of the petition, in a decision.
type requested struct {
	scene *scene
	said  *approval.Resource
	asks  bool // it is a petitioner
}

func (s *scene) requested(sent []approval.Resource, ask bool) ref.Val {
	values, all := make([]ref.Val, len(sent)), make([]requested, len(sent))
	for i := range sent {
		all[i] = requested{s, &sent[i], ask}
		values[i] = object{objectTypes[typeRequested], &all[i]}
	}
	return types.NewRefValList(types.DefaultTypeAdapter, values)
}

func (r *requested) groups() (any, error) {
	if !r.asks {
		return nil, errors.New("groups are of petitioners, not of resources")
	}
	return r.scene.groupsOf(r.member())
}

func (r *requested) onCall() (any, error) {
	if !r.asks {
		return nil, errors.New("petitioners are on call, resources are not")
	}
	return duties{r.scene, r.member()}, nil
}

// member answers the id of the member that a petitioner is, "" when it is none: groups are of persons and service
// accounts, and something of another kind is not the person whose id it bears.
func (r *requested) member() string {
	switch r.said.Kind {
	case approval.KindUser:
		return strings.ToLower(r.said.ID)
	case approval.KindServiceAccount:
		return r.said.ID
	}
	return ""
}

// groupsOf answers the groups of a member, read once.
func (s *scene) groupsOf(member string) ([]string, error) {
	if groups, read := s.groups[member]; read || member == "" {
		return groups, nil
	}
	if s.in.Groups == nil {
		return nil, s.unread(approval.Errorf(approval.Internal, "policy was given no groups"))
	}
	groups, err := s.in.Groups(s.ctx, s.in.Space, member)
	if err != nil {
		return nil, s.unread(err)
	}
	if s.groups == nil {
		s.groups = map[string][]string{}
	}
	s.groups[member] = groups
	return groups, nil
}

// labelsOf answers the labels of a member's entry in the directory.
func (s *scene) labelsOf(member string) (map[string]string, error) {
	if s.in.Labels == nil {
		return nil, s.unread(approval.Errorf(approval.Internal, "policy was given no labels"))
	}
	found, err := s.in.Labels(s.ctx, s.in.Space, member)
	if err != nil {
		return nil, s.unread(err)
	}
	return found, nil
}

// unread notes that something could not be read: then there is no verdict, whatever the condition makes of it.
func (s *scene) unread(err error) error {
	if s.unavailable == nil {
		s.unavailable = err
	}
	return errors.New("the directory cannot be read")
}

// isOnCall answers whether a member is on call in a schedule. When nobody is, or nobody can tell, the schedule's group is.
func (s *scene) isOnCall(name, member string) (bool, error) {
	who, read := s.onCall[name]
	if !read {
		var err error
		if who, err = s.document.onCall(s.ctx, name, s.in.Now, s.sources); err != nil {
			return false, err
		}
		if s.onCall == nil {
			s.onCall = map[string]OnCall{}
		}
		s.onCall[name] = who
	}
	if len(who.Persons) > 0 || who.Group == "" {
		return slices.Contains(who.Persons, member), nil
	}
	groups, err := s.groupsOf(member)
	return slices.Contains(groups, who.Group), err
}
