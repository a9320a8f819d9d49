package approvaltest

import (
	"context"
	"slices"
	"strings"

	"github.com/indent-approvals/indent/internal/approval"
)

// Conditions is an approval.Conditions that knows a few texts: true, false and odd, which nobody can evaluate; who, which holds of
// the petitioner that follows it, group and label, which hold of one who has what follows; and of, of a resource of the kind that follows.
type Conditions struct{}

// CheckCondition implements approval.Conditions.
func (Conditions) CheckCondition(text string) error {
	word, _, _ := strings.Cut(text, " ")
	switch word {
	case "true", "false", "odd", "who", "group", "label", "of":
		return nil
	}
	return approval.Errorf(approval.Invalid, "line 1, column 1: %s is no condition", text)
}

// Holds implements approval.Conditions.
func (Conditions) Holds(ctx context.Context, text string, in approval.ConditionInput) (bool, error) {
	word, rest, _ := strings.Cut(text, " ")
	switch word {
	case "odd":
		return false, approval.Errorf(approval.Invalid, "nobody can tell")
	case "who":
		who, err := in.Asker.Who(ctx)
		return who.ID == rest, err
	case "group":
		groups, err := in.Asker.Groups(ctx)
		return slices.Contains(groups, rest), err
	case "label":
		labels, err := in.Asker.Labels(ctx)
		key, value, _ := strings.Cut(rest, "=")
		return labels[key] == value, err
	case "of":
		return in.Resource.Kind == rest, nil
	}
	return word == "true", nil
}

// CheckListed implements approval.Conditions.
func (c Conditions) CheckListed(text string) error { return c.CheckCondition(text) }

// Listed implements approval.Conditions: as Holds, of a resource alone.
func (c Conditions) Listed(ctx context.Context, text string, r approval.Resource) (bool, error) {
	return c.Holds(ctx, text, approval.ConditionInput{Resource: r, Petition: &approval.Petition{}})
}
