package approval

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// PolicyBase says what a webhook policy is about: the resources that its selector takes and of which all its conditions hold.
// An empty one is about everything.
type PolicyBase struct {
	Selector   LabelSelector `json:"selector,omitzero"`
	Conditions []string      `json:"conditions,omitempty" maxItems:"10" maxLength:"2000" doc:"CEL over petition, resource and petitioner; all must hold." example:"petition.params.amount < 100"`
}

// LabelSelector is a label selector with Kubernetes fields: all of it must hold. An empty one takes everything.
type LabelSelector struct {
	MatchLabels      map[string]string `json:"matchLabels,omitempty" maxProperties:"20" doc:"Labels and the value that each must have."`
	MatchExpressions []SelectorTerm    `json:"matchExpressions,omitempty" maxItems:"20"`
}

// Limits of a base.
const (
	MaxSelectorTerms  = 20
	MaxSelectorValues = 50 // of one term
	MaxConditions     = 10
	MaxCondition      = 2000
)

// Labels that the server derives for a selector, whatever the directory's entry says.
const (
	LabelResourceKind  = "indent.com/resource/kind"
	LabelResourceID    = "indent.com/resource/id"
	LabelResourceEmail = "indent.com/resource/email"
)

// Terms answers the selector as the list of terms that must hold.
func (s LabelSelector) Terms() Selector {
	var terms Selector
	for _, key := range sortedKeys(s.MatchLabels) {
		terms = append(terms, SelectorTerm{Key: key, Operator: In, Values: []string{s.MatchLabels[key]}})
	}
	return append(terms, s.MatchExpressions...)
}

// Check refuses a selector that is out of its limits, has no such operator, or has values where there is nothing to compare.
func (s LabelSelector) Check() error {
	if len(s.MatchLabels) > MaxSelectorTerms || len(s.MatchExpressions) > MaxSelectorTerms {
		return FieldError("selector", "has more than %d matchLabels or matchExpressions", MaxSelectorTerms)
	}
	if err := checkLabels("selector.matchLabels", s.MatchLabels); err != nil {
		return err
	}
	for i, t := range s.MatchExpressions {
		if err := t.check(); err != nil {
			return under(fmt.Sprintf("selector.matchExpressions[%d]", i), err)
		}
	}
	return nil
}

func (t SelectorTerm) check() error {
	compares := t.Operator == In || t.Operator == NotIn
	switch {
	case t.Key == "":
		return FieldError("key", "is required: the label to look at")
	case !compares && t.Operator != Exists && t.Operator != DoesNotExist:
		return FieldError("operator", "must be one of %s, %s, %s and %s", In, NotIn, Exists, DoesNotExist)
	case compares && len(t.Values) == 0:
		return FieldError("values", "is required: %s compares with at least one value", t.Operator)
	case !compares && len(t.Values) > 0:
		return FieldError("values", "must be left out: %s compares with nothing", t.Operator)
	case len(t.Values) > MaxSelectorValues:
		return FieldError("values", "has %d entries, at most %d are allowed", len(t.Values), MaxSelectorValues)
	}
	for i, v := range t.Values {
		if err := checkProse(fmt.Sprintf("values[%d]", i), v, MaxLabelValue); err != nil {
			return err
		}
	}
	return checkID("key", t.Key, MaxLabelKey)
}

// ConditionInput is what a condition may look at: of the petition only what binds (I13), the resource as the directory has it,
// and one of those who ask.
type ConditionInput struct {
	Petition *Petition
	Resource Resource
	Asker    Asker
}

// Asker reads what the space knows of a petitioner; a condition that does not look never calls it.
type Asker struct {
	Who    func(context.Context) (Resource, error) // id, kind and email
	Groups func(context.Context) ([]string, error)
	Labels func(context.Context) (map[string]string, error)
}

// noConditions is what stands where a program evaluates none.
type noConditions struct{}

func (noConditions) CheckCondition(string) error {
	return Errorf(Unavailable, "this program evaluates no conditions")
}

func (noConditions) Holds(context.Context, string, ConditionInput) (bool, error) {
	return false, Errorf(Unavailable, "this program evaluates no conditions")
}

func (noConditions) CheckListed(string) error {
	return Errorf(Unavailable, "this program evaluates no conditions")
}

func (noConditions) Listed(context.Context, string, Resource) (bool, error) {
	return false, Errorf(Unavailable, "this program evaluates no conditions")
}

// checkBase refuses a base that is out of its limits or has a condition that does not compile.
func (s *Service) checkBase(b PolicyBase) error {
	if err := b.Selector.Check(); err != nil {
		return err
	}
	if len(b.Conditions) > MaxConditions {
		return FieldError("conditions", "has %d entries, at most %d are allowed", len(b.Conditions), MaxConditions)
	}
	for i, text := range b.Conditions {
		err := checkProse("", text, MaxCondition)
		if err == nil {
			err = s.Conditions.CheckCondition(text)
		}
		if err != nil {
			return under(fmt.Sprintf("conditions[%d]", i), err)
		}
	}
	return nil
}

// asked is a resource of a petition as the bases of policies look at it: each entry that the directory has of it, or else
// nothing but the kind and the id that the petitioner wrote.
type asked struct {
	space    string
	petition *Petition
	entries  []Resource
}

// askedFor looks up what a base needs to know of a resource.
func (s *Service) askedFor(ctx context.Context, p *Petition, r Resource) (asked, error) {
	entries, err := s.entriesOf(ctx, p.Space, r)
	if err != nil {
		return asked{}, err
	}
	if len(entries) == 0 {
		// All else that a petitioner says of it describes it, and must not choose what is done (I13).
		entries = []Resource{{Kind: r.Kind, ID: r.ID}}
	}
	for i := range entries {
		entries[i] = entries[i].withDerived()
	}
	return asked{p.Space, p, entries}, nil
}

// entriesOf answers what the directory has of a thing by any of its names, in whatever case: whoever asks for it by another spelling
// asks for the same thing, as leases have it. What has its id as it is written goes before all else.
func (s *Service) entriesOf(ctx context.Context, space string, r Resource) ([]Resource, error) {
	name := LeaseResource(r)
	if name == "" {
		return nil, nil
	}
	said := r.ID
	if said == "" {
		said = name
	}
	found, err := s.Store.ResourcesNamed(ctx, space, asWritten([]string{said}))
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(e Resource) bool { return !strings.EqualFold(e.Kind, r.Kind) })
	if exact := slices.DeleteFunc(slices.Clone(found), func(e Resource) bool { return !e.Same(r) }); len(exact) > 0 {
		return exact, nil
	}
	return found, nil
}

// withDerived answers the resource with the labels that the server derives.
func (r Resource) withDerived() Resource {
	labels := maps.Clone(r.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	for key, value := range map[string]string{LabelResourceKind: r.Kind, LabelResourceID: r.ID, LabelResourceEmail: r.Email} {
		if delete(labels, key); value != "" {
			labels[key] = value
		}
	}
	r.Labels = labels
	return r
}

// takes answers whether the base is about the resource. An error means that nobody can tell.
func (s *Service) takes(ctx context.Context, b PolicyBase, a asked) (bool, error) {
	first := false
	for i := range a.entries {
		takes, err := s.takesEntry(ctx, b, a, a.entries[i])
		switch {
		case err != nil:
			return false, err
		case i > 0 && takes != first:
			return false, Errorf(Conflict, "the directory has %d entries of %s, and it is about some of them only: make them one", len(a.entries), a.entries[i].Title())
		}
		first = takes
	}
	return first, nil
}

// takesEntry is takes of one entry. A condition that looks at petitioner must hold of everybody who asks.
func (s *Service) takesEntry(ctx context.Context, b PolicyBase, a asked, r Resource) (bool, error) {
	if !b.Selector.Terms().Matches(r.Labels) {
		return false, nil
	}
	for i, text := range b.Conditions {
		for _, person := range a.petition.Petitioners {
			holds, err := s.Conditions.Holds(ctx, text, ConditionInput{Petition: a.petition, Resource: r, Asker: s.asker(a.space, person)})
			if err != nil {
				return false, conditionError(i, err)
			}
			if !holds {
				return false, nil
			}
		}
	}
	return true, nil
}

// conditionError says which condition it is that nobody can tell of.
func conditionError(i int, err error) error {
	code := CodeOf(err)
	if code != Unavailable {
		code = Conflict // the policy has to be changed
	}
	return Wrap(code, err, "condition %d cannot be evaluated: %v", i+1, err)
}

// asker answers a petitioner as conditions may look at it.
func (s *Service) asker(space string, said Resource) Asker {
	known := func(ctx context.Context) (Resource, bool, error) { return s.petitionerNow(ctx, space, said) }
	return Asker{
		Who: func(ctx context.Context) (Resource, error) {
			r, _, err := known(ctx)
			return r, err
		},
		Groups: func(ctx context.Context) ([]string, error) {
			r, ok, err := known(ctx)
			if err != nil || !ok {
				return nil, err
			}
			return s.GroupsOf(ctx, space, r.ID)
		},
		Labels: func(ctx context.Context) (map[string]string, error) {
			r, ok, err := known(ctx)
			if err != nil || !ok {
				return nil, err
			}
			return s.labelsOf(ctx, space, r.ID)
		},
	}
}

// petitionerNow answers who a petitioner is. Of a stranger, whose id and address may be those of two, it answers only whom the grant
// is for (I13).
func (s *Service) petitionerNow(ctx context.Context, space string, said Resource) (r Resource, known bool, err error) {
	m, err := s.Store.Member(ctx, space, said.ID)
	switch {
	case err == nil && m.Kind == said.Kind && strings.EqualFold(m.Email, said.Email):
		return m.Resource(), !m.Suspended, nil
	case err != nil && CodeOf(err) != NotFound:
		return Resource{}, false, err
	}
	entries, err := s.Store.ResourcesByID(ctx, space, []string{said.ID})
	if err != nil {
		return Resource{}, false, err
	}
	for _, e := range entries {
		if e.Same(said) && strings.EqualFold(e.Email, said.Email) {
			return Resource{ID: e.ID, Kind: e.Kind, Email: e.Email}, true, nil
		}
	}
	return Resource{ID: LeasePerson(said), Kind: said.Kind, Email: said.Email}, false, nil
}
