package indent

import (
	"context"
	"iter"
)

// Labels that the API gives a meaning.
const (
	LabelBlock       = "indent.com/block"       // of a resource: its name in paths
	LabelRequestable = "indent.com/requestable" // of a resource: "true" when people may ask for it
	LabelPetition    = "petition"               // of an event: the petition's name
	LabelDigest      = "indent.com/petition/digest"
	LabelReplaces    = "PetitionReplaces"
	LabelReplacedBy  = "PetitionReplacedBy"
	LabelDuration    = "indent.com/time/duration"
	LabelExpires     = "indent.com/time/expires"
	LabelIndefinite  = "indent.com/time/indefinite"
)

// Resource is anything that can act or be acted on: a person, a bot, a group, a database, an action. It needs an ID, an
// Email or a DisplayName.
type Resource struct {
	ID          string            `json:"id,omitempty"`          // in the system that it comes from; at most 1,024 characters
	DisplayName string            `json:"displayName,omitempty"` // what people read; at most 500
	AltIDs      []string          `json:"altIds,omitempty"`      // other identifiers of the same thing; at most 32
	Kind        string            `json:"kind,omitempty"`        // what sort of thing it is, such as "action"
	Email       string            `json:"email,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"` // at most 64
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

// Views of the directory, for [ResourceQuery].
const (
	ViewRequestable      = "requestable"
	ViewRequestableModal = "requestable:modal"
	ViewRecipients       = "recipients"
	ViewPeople           = "people"
	ViewEmail            = "email"
)

// ResourceQuery selects resources; the zero value selects all.
type ResourceQuery struct {
	View     string // one of the views; it wins over Selector
	Selector string // Kubernetes syntax, such as "team=core,indent.com/requestable"
	Search   string // words that must be in it
	PageSize int    // 1 to 200 per call, 0 means 50
}

// Resources lists the space's directory.
func (c *Client) Resources(ctx context.Context, q ResourceQuery) iter.Seq2[Resource, error] {
	return listed[Resource](ctx, c, c.inSpace("/resources"), "resources", parameters(map[string]string{
		"view": q.View, "labelSelector": q.Selector, "search": q.Search, "pageSize": whenPositive(q.PageSize)}))
}

// Resource answers one resource of the directory by its name (its label indent.com/block), or [ErrNotFound].
func (c *Client) Resource(ctx context.Context, name string) (Resource, error) {
	path, err := c.resourcePath(name)
	if err != nil {
		return Resource{}, err
	}
	return answered[Resource](ctx, c, call{method: "GET", path: path, repeatable: true})
}

type resourceBody struct {
	Resource Resource `json:"resource"`
}

// CreateResource adds a resource and answers it with its name, which the server makes when the label indent.com/block is
// absent. A name that exists is [ErrConflict]; adding needs the role Editor.
func (c *Client) CreateResource(ctx context.Context, r Resource) (Resource, error) {
	return answered[Resource](ctx, c, call{method: "POST", path: c.inSpace("/resources"), body: resourceBody{r}})
}

// PutResource makes the resource of that name what r says, whether it was there or not.
func (c *Client) PutResource(ctx context.Context, name string, r Resource) (Resource, error) {
	path, err := c.resourcePath(name)
	if err != nil {
		return Resource{}, err
	}
	return answered[Resource](ctx, c, call{method: "PUT", path: path, body: resourceBody{r}, repeatable: true})
}

// PutResources makes many resources, named by their label indent.com/block, what they say: all or none of them.
func (c *Client) PutResources(ctx context.Context, list []Resource) ([]Resource, error) {
	type many struct {
		Resources []Resource `json:"resources"`
	}
	named := true
	for _, r := range list {
		named = named && r.Name() != "" // without a name, each attempt would make another one
	}
	made, err := answered[many](ctx, c, call{method: "PUT", path: c.inSpace("/resources:bulkUpdate"),
		body: many{append([]Resource{}, list...)}, repeatable: named})
	return made.Resources, err
}

// DeleteResource removes a resource from the directory, or answers [ErrNotFound].
func (c *Client) DeleteResource(ctx context.Context, name string) error {
	path, err := c.resourcePath(name)
	if err != nil {
		return err
	}
	return c.do(ctx, call{method: "DELETE", path: path})
}

// DeleteResources removes many resources by their names: all or none of them.
func (c *Client) DeleteResources(ctx context.Context, names []string) error {
	body := struct {
		Names []string `json:"names"`
	}{append([]string{}, names...)}
	return c.do(ctx, call{method: "POST", path: c.inSpace("/resources:bulkDelete"), body: body})
}

func (c *Client) resourcePath(name string) (string, error) {
	name, err := segment("resource", name)
	return c.inSpace("/resources/" + name), err
}
