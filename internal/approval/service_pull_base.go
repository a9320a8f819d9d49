package approval

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// checkPullBase refuses a base that is out of its limits, or has a condition that looks at anything but resource.
func (s *Service) checkPullBase(b PolicyBase) error {
	if err := b.Selector.Check(); err != nil {
		return under("base", err)
	}
	if len(b.Conditions) > MaxConditions {
		return FieldError("base.conditions", "has %d entries, at most %d are allowed", len(b.Conditions), MaxConditions)
	}
	for i, text := range b.Conditions {
		err := checkProse("", text, MaxCondition)
		if err == nil {
			err = s.Conditions.CheckListed(text)
		}
		if err != nil {
			return under(fmt.Sprintf("base.conditions[%d]", i), err)
		}
	}
	return nil
}

// pullTakes answers whether the base is about a resource, as the endpoint describes it. An error means that nobody can tell.
func (s *Service) pullTakes(ctx context.Context, b PolicyBase, r Resource) (bool, error) {
	r = r.withDerived()
	if !b.Selector.Terms().Matches(r.Labels) {
		return false, nil
	}
	for i, text := range b.Conditions {
		holds, err := s.Conditions.Listed(ctx, text, r)
		if err != nil {
			return false, conditionError(i, err)
		}
		if !holds {
			return false, nil
		}
	}
	return true, nil
}

// equal answers whether two bases say the same.
func (b PolicyBase) equal(other PolicyBase) bool {
	return maps.Equal(b.Selector.MatchLabels, other.Selector.MatchLabels) && slices.Equal(b.Conditions, other.Conditions) &&
		slices.EqualFunc(b.Selector.MatchExpressions, other.Selector.MatchExpressions, func(x, y SelectorTerm) bool {
			return x.Key == y.Key && x.Operator == y.Operator && slices.Equal(x.Values, y.Values)
		})
}
