package approval

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Labels that the API gives a meaning.
const (
	LabelBlock       = "indent.com/block" // the resource's name in paths
	LabelRequestable = "indent.com/requestable"
	LabelDeactivated = "indent.com/resource/is_deactivated"
	// LabelConfirm of a directory entry demands that whoever approves it confirms that: "passkey".
	LabelConfirm = "indent.com/confirm"
)

// Resource is anything that can act or be acted on: a person, a bot, a group, a database, an action.
type Resource struct {
	ID          string            `json:"id,omitzero" doc:"Identifier in the system that the resource comes from." maxLength:"1024" example:"reset-password:123"`
	DisplayName string            `json:"displayName,omitzero" doc:"What people read." maxLength:"500" example:"Reset Password (user:123)"`
	AltIDs      []string          `json:"altIds,omitempty" doc:"Other identifiers of the same thing." maxItems:"32" maxLength:"1024"`
	Kind        string            `json:"kind,omitzero" doc:"What sort of thing it is." maxLength:"200" example:"action"`
	Email       string            `json:"email,omitzero" doc:"Address, for people." maxLength:"320"`
	Labels      map[string]string `json:"labels,omitempty" doc:"Free labels; those below indent.com/ have a meaning." maxProperties:"64"`
}

// Name answers the resource's name in paths: its label indent.com/block.
func (r Resource) Name() string { return r.Labels[LabelBlock] }

// Title answers what people read: the display name, else the address, else the id.
func (r Resource) Title() string {
	for _, s := range []string{r.DisplayName, r.Email, r.ID} {
		if s != "" {
			return s
		}
	}
	return r.Kind
}

// Same answers whether two resources are the same thing: equal kind and id.
func (r Resource) Same(other Resource) bool { return r.Kind == other.Kind && r.ID == other.ID }

// isSaidOf answers whether all that r says is so of the other: what r leaves out may be anything.
func (r Resource) isSaidOf(other Resource) bool {
	for _, pair := range [][2]string{{r.ID, other.ID}, {r.Kind, other.Kind}, {r.DisplayName, other.DisplayName}, {r.Email, other.Email}} {
		if pair[0] != "" && pair[0] != pair[1] {
			return false
		}
	}
	for key, value := range r.Labels {
		if has, ok := other.Labels[key]; !ok || has != value {
			return false
		}
	}
	return len(r.AltIDs) == 0 || slices.Equal(r.AltIDs, other.AltIDs)
}

// View is a named selection of the directory.
type View string

// The views that clients ask for; a view wins over a label selector.
const (
	ViewRequestable      View = "requestable"
	ViewRequestableModal View = "requestable:modal"
	ViewRecipients       View = "recipients"
	ViewPeople           View = "people"
	ViewEmail            View = "email"
)

// Views lists every view.
var Views = []View{ViewRequestable, ViewRequestableModal, ViewRecipients, ViewPeople, ViewEmail}

// In answers whether the resource belongs to the view. A deactivated resource belongs to none.
func (r Resource) In(v View) bool {
	if r.Labels[LabelDeactivated] == "true" {
		return false
	}
	person := lastSegment(r.Kind, "user", "person")
	switch v {
	case ViewRequestable, ViewRequestableModal:
		return r.Labels[LabelRequestable] == "true"
	case ViewPeople:
		return person
	case ViewRecipients:
		return person || lastSegment(r.Kind, "group", "channel")
	case ViewEmail:
		return r.Email != ""
	}
	return false
}

// lastSegment answers whether the part of kind behind its last slash or colon is one of words: "okta/user" is a user.
func lastSegment(kind string, words ...string) bool {
	if i := strings.LastIndexAny(kind, "/:."); i >= 0 {
		kind = kind[i+1:]
	}
	return slices.Contains(words, strings.ToLower(kind))
}

// Check answers Invalid, naming the field, unless every field is within its limits. A resource needs an id or a display name.
func (r Resource) Check() error {
	if r.ID == "" && r.DisplayName == "" && r.Email == "" {
		return FieldError("id", "a resource needs an id, an email or a displayName")
	}
	if len(r.AltIDs) > MaxAltIDs {
		return FieldError("altIds", "has %d entries, at most %d are allowed", len(r.AltIDs), MaxAltIDs)
	}
	for i, id := range r.AltIDs {
		if err := checkID(fmt.Sprintf("altIds[%d]", i), id, MaxID); err != nil {
			return err
		}
	}
	return firstError(
		checkID("id", r.ID, MaxID),
		checkLine("displayName", r.DisplayName, MaxDisplayName),
		checkID("kind", r.Kind, MaxKind),
		checkID("email", r.Email, MaxEmail),
		checkLabels("labels", r.Labels),
		checkOptionalName("labels."+LabelBlock, r.Labels[LabelBlock]),
	)
}

// withLabel answers a copy of the resource that has the label.
func (r Resource) withLabel(key, value string) Resource {
	labels := maps.Clone(r.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[key] = value
	r.Labels = labels
	return r
}

func checkResources(field string, list []Resource, most int) error {
	if len(list) > most {
		return FieldError(field, "has %d entries, at most %d are allowed", len(list), most)
	}
	for i, r := range list {
		if err := r.Check(); err != nil {
			return under(fmt.Sprintf("%s[%d]", field, i), err)
		}
	}
	return nil
}
