package cli

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	indent "github.com/indent-approvals/indent/sdk/go"
)

const (
	petitionNameText = "NAME is #space/uuid, space/uuid, the address of the petition's page, the uuid, or its first 8 characters or more"
	petitionNameHelp = petitionNameText + ",\nif only one petition that the command could be for begins so."
)

var (
	uuidPattern   = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)
	prefixPattern = regexp.MustCompile(`^[0-9a-fA-F-]{8,35}$`)
)

// petitionName answers the whole name of the petition that a person means. A beginning is looked for among the petitions of the
// phase, "" for any; one that several have is refused with the list of them.
func petitionName(ctx context.Context, c *indent.Client, given string, phase indent.Phase) (string, error) {
	space, name, err := splitName(c, given)
	if err != nil {
		return "", err
	}
	if space != "" && space != c.SpaceName() {
		return "", fmt.Errorf("%s is in the space %s, and you speak with %s: give --space %s and a token of it", plain(given), plain(space), c.SpaceName(), plain(space))
	}
	switch {
	case uuidPattern.MatchString(name):
		return strings.ToLower(name), nil
	case !prefixPattern.MatchString(name):
		return "", fmt.Errorf("%q is no petition: %s", given, petitionNameText)
	}
	var found []string
	q := indent.PetitionQuery{PageSize: 200}
	if phase != "" {
		q.Phases = []indent.Phase{phase}
	}
	for p, err := range c.Petitions(ctx, q) {
		if err != nil {
			return "", err
		}
		if strings.HasPrefix(p.Name, strings.ToLower(name)) {
			found = append(found, p.Name)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		if phase == "" {
			return "", fmt.Errorf("no petition begins with %s: `indent petition list` shows all of them", name)
		}
		return "", fmt.Errorf("no %s petition begins with %s: `indent petition list` shows all of them; give the whole name for one that is not %s", phase, name, phase)
	}
	return "", fmt.Errorf("several petitions begin with %s: give more of the name: %s", name, strings.Join(found, ", "))
}

// splitName takes the forms apart in which people have a petition's name; space is empty when the form has none.
func splitName(c *indent.Client, given string) (space, name string, err error) {
	if u, err := url.Parse(given); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		page, ok := strings.CutPrefix(strings.SplitN(given, "?", 2)[0], c.URL()+"/access/")
		if !ok {
			return "", "", fmt.Errorf("%s is no page of a petition at %s: set INDENT_API_URL, or give --url", plain(given), c.URL())
		}
		given = strings.TrimSuffix(page, "/")
	}
	given = strings.TrimPrefix(given, "#")
	if space, name, ok := strings.Cut(given, "/"); ok {
		return space, name, nil
	}
	return "", given, nil
}
