package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/indent-approvals/indent/internal/app"
	indent "github.com/indent-approvals/indent/sdk/go"
)

// clientFlags gives a group of client commands the flags that they all have. The token is not one of them: what stands
// on a command line can be read by every process of the machine.
func (t *terminal) clientFlags(cmd *cobra.Command) *cobra.Command {
	f := cmd.PersistentFlags()
	f.StringVar(&t.url, "url", "", "address of the server (default INDENT_API_URL, else that of the profile)")
	f.StringVar(&t.space, "space", "", "space (default INDENT_SPACE, else that of the profile)")
	f.StringVar(&t.profile, "profile", "", "login to use, as 'indent profile list' names it (default INDENT_PROFILE)")
	t.jsonFlag(f)
	return cmd
}

// client answers who speaks with the server: as the profile that --profile names; else with the token in the environment or
// in a .env file, which then says the server and the space, too; else as a profile. The token of a profile goes to the
// server that gave it and to no other, whatever the environment says.
func (t *terminal) client() (*indent.Client, error) {
	if t.profile == "" {
		c, err := indent.New(indent.Options{URL: t.url, Space: t.space, UserAgent: t.userAgent()})
		if err == nil {
			t.server = plain(c.URL())
			return c, nil
		}
		var missing *indent.ConfigError
		if !errors.As(err, &missing) || !missing.Missing || missing.Name != "INDENT_API_TOKEN" {
			return nil, err
		}
		if s, found, errProfile := t.chosen(); errProfile != nil {
			return nil, errProfile
		} else if found {
			return t.as(s)
		}
		return nil, err
	}
	s, _, err := t.chosen()
	if err != nil {
		return nil, err
	}
	return t.as(s)
}

func (t *terminal) userAgent() string { return "indent-cli/" + t.version }

// as answers a client that acts as the login.
func (t *terminal) as(s *session) (*indent.Client, error) {
	t.session = s
	c, err := indent.New(indent.Options{URL: s.Server, Space: s.Space, TokenSource: s.token, AllowPlainHTTP: s.InsecureHTTP, UserAgent: t.userAgent()})
	if err == nil {
		t.server = plain(c.URL())
	}
	return c, err
}

// chosen answers the profile to use. found is false when nobody has named one and there is none to take.
func (t *terminal) chosen() (s *session, found bool, err error) {
	d, err := openDrawer()
	if err != nil {
		if t.profile == "" {
			err = nil
		}
		return nil, false, err
	}
	all, err := d.profiles()
	if err != nil {
		return nil, false, err
	}
	server, space := t.url, t.space
	name := t.profile
	if name == "" { // a flag goes before the environment, and so before what else that says
		if server == "" {
			server = indent.Setting("INDENT_API_URL")
		}
		if space == "" {
			space = indent.Setting("INDENT_SPACE")
		}
		name = os.Getenv("INDENT_PROFILE")
	}
	if name == "" {
		name = all.fitting(server, space)
	}
	if name == "" && len(all.Profiles) > 0 {
		return nil, false, all.noneFits(server, space)
	}
	if name == "" {
		return nil, false, nil
	}
	p, known := all.Profiles[name]
	if !known {
		return nil, false, noProfile(all, name)
	}
	if !p.fits(server, space) {
		return nil, false, notSignedIn{fmt.Sprintf("the profile %s is signed in to %s on %s, and its token goes nowhere else: choose another profile, or sign in with `indent login --server … --space …`", name, p.Space, p.Server)}
	}
	return &session{profile: p, name: name, drawer: d, userAgent: t.userAgent()}, true, nil
}

// noneFits says which logins there are, where none is the one that is asked for, or several are.
func (all profiles) noneFits(server, space string) error {
	var there, fit []string
	for _, name := range all.names() {
		p := all.Profiles[name]
		there = append(there, fmt.Sprintf("%s (%s on %s)", name, p.Space, p.Server))
		if p.fits(server, space) {
			fit = append(fit, name)
		}
	}
	if len(fit) > 0 {
		return notSignedIn{fmt.Sprintf("several logins fit, and none of them is the current one: choose with --profile %s, or with `indent profile use`", strings.Join(fit, " or --profile "))}
	}
	var wanted, flags []string
	if server != "" {
		wanted, flags = append(wanted, server), append(flags, "--server "+server)
	}
	if space != "" {
		wanted, flags = append(wanted, "the space "+space), append(flags, "--space "+space)
	}
	return notSignedIn{fmt.Sprintf("no login fits %s; there is %s: choose one of them, or sign in with `indent login %s`",
		strings.Join(wanted, " and "), strings.Join(there, ", "), strings.Join(flags, " "))}
}

// fits answers whether the profile is for the server and the space; "" is any.
func (p profile) fits(server, space string) bool {
	return (server == "" || sameServer(server, p.Server)) && (space == "" || space == p.Space)
}

// fitting answers the current profile if it fits, else the only one that does, else "".
func (all profiles) fitting(server, space string) string {
	if p, known := all.Profiles[all.Current]; known && p.fits(server, space) {
		return all.Current
	}
	only := ""
	for _, name := range all.names() {
		if all.Profiles[name].fits(server, space) {
			if only != "" {
				return ""
			}
			only = name
		}
	}
	if server == "" && space == "" {
		return "" // which of them is for the user to say
	}
	return only
}

// may answers whether the caller has a permission, for what a command looks at besides: to try it would leave a refusal in the log.
func may(ctx context.Context, c *indent.Client, permission string) bool {
	who, err := c.WhoAmI(ctx)
	return err == nil && slices.Contains(who.Permissions, permission)
}

// lacking says all at once that a token's scope lacks of what a command needs. The server stops at the first thing that it
// meets, and who mends a scope word by word makes a token for each. It leaves alone what is not about a scope.
func lacking(ctx context.Context, c *indent.Client, err error, needs []string) error {
	refused, ok := err.(*indent.Error)
	if !ok || !refused.Is(indent.ErrForbidden) {
		return err
	}
	who, errWho := c.WhoAmI(ctx)
	if errWho != nil || who.Scope == "" {
		return err
	}
	var missing []string
	for _, need := range needs {
		switch {
		case slices.Contains(who.Permissions, need), slices.Contains(missing, need):
		case !slices.Contains(app.RolePermissions(who.Role), need):
			return err // another token would not help: the role has not got it
		default:
			missing = append(missing, need)
		}
	}
	if len(missing) == 0 {
		return err
	}
	all := *refused
	all.Message = fmt.Sprintf("the token's scope does not include %s, which this needs: use a token that has them, or one without a scope", strings.Join(missing, ", "))
	return &all
}
