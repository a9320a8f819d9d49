package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	indent "github.com/indent-approvals/indent/sdk/go"
)

// loginFlags are the flags of indent login.
type loginFlags struct {
	server, space, profile, scope string
	device, insecure, noKeyring   bool
}

func (t *terminal) loginCommand() *cobra.Command {
	var f loginFlags
	cmd := &cobra.Command{
		Use: "login", Short: "Sign in, so that commands act as you", Args: noArguments,
		Long: "Sign in with a browser: on this machine, or on any other with --device, over SSH and where there is none. You see what\n" +
			"asks and confirm it there. What comes back is kept in the system's keyring, or in a file that only you can read, and\n" +
			"renews itself until `indent logout`. Each server and space is a profile of its own: see `indent profile --help`.",
		Example: "indent login --server https://indent.example.com --space acmecorp\nindent login --device\nindent login --scope \"petitions:read petitions:create\" --profile readonly",
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := t.login(cmd.Context(), f)
			if errors.Is(err, context.Canceled) {
				err = interrupted{"the login was stopped: nobody is signed in by it, and nothing is kept"}
			}
			return err
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.server, "server", "", "address of the server (default INDENT_API_URL, else that of the current profile)")
	fs.StringVar(&f.space, "space", "", "space to sign in to (default INDENT_SPACE, else that of your session in the browser)")
	fs.StringVar(&f.profile, "profile", "", "name to keep the login under (default INDENT_PROFILE, else the space's)")
	fs.StringVar(&f.scope, "scope", "", "permissions, separated by blanks, of those that 'indent whoami' lists (default: all that you may)")
	fs.BoolVar(&f.device, "device", false, "show a code to enter in a browser anywhere")
	fs.BoolVar(&f.noKeyring, "no-keyring", false, "keep the tokens in a file of mode 0600 although there is a keyring")
	fs.BoolVar(&f.insecure, "insecure-http", false, "sign in to a server elsewhere that has no TLS: everybody on the way can read the tokens")
	t.jsonFlag(fs)
	return saysSomething(cmd, "scope")
}

func (t *terminal) login(ctx context.Context, f loginFlags) error {
	d, err := openDrawer()
	if err != nil {
		return err
	}
	all, err := d.profiles()
	if err != nil {
		return err
	}
	if err := d.read(credentialsFile, &map[string]secret{}); err != nil {
		return err // before anybody has pressed a button for it
	}
	f.fill(all)
	if f.profile != "" && !profileName.MatchString(f.profile) {
		return fmt.Errorf("--profile %q cannot be a name: use letters, digits, '.', '_', '@' and '-', at most 64", f.profile)
	}
	if err := checkServer(f.server, f.insecure); err != nil {
		return err
	}
	l, err := indent.NewLogins(indent.Options{URL: f.server, AllowPlainHTTP: f.insecure, UserAgent: t.userAgent()})
	if err != nil {
		return err
	}
	t.server = plain(l.URL())
	made, err := t.letIn(ctx, l, f)
	if err != nil {
		return err
	}
	return t.keepLogin(ctx, d, all, l, f, made)
}

// fill takes from the environment and the current profile what no flag says.
func (f *loginFlags) fill(all profiles) {
	if f.profile == "" {
		f.profile = os.Getenv("INDENT_PROFILE")
	}
	known, again := all.Profiles[f.profile]
	if f.server == "" {
		f.server = indent.Setting("INDENT_API_URL")
	}
	if f.space == "" {
		f.space = indent.Setting("INDENT_SPACE")
	}
	if f.server == "" && again {
		f.server, f.insecure = known.Server, f.insecure || known.InsecureHTTP
		if f.space == "" {
			f.space = known.Space
		}
	}
	if f.server == "" {
		f.server = all.Profiles[all.Current].Server
	}
	if f.server == "" {
		f.server = indent.DefaultURL
	}
}

// checkServer refuses an address where a token would be read on the way, before anything is sent to it.
func checkServer(address string, insecure bool) error {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return fmt.Errorf("--server %q is not an address such as https://indent.example.com", address)
	}
	if u.Scheme == "http" && !isLoopbackHost(u.Hostname()) && !insecure {
		return fmt.Errorf("%s has no TLS and is not this machine: everybody on the way could read the tokens; use https, or --insecure-http in a network that you trust", plain(address))
	}
	return nil
}

// letIn answers the tokens after the person has let this program in.
func (t *terminal) letIn(ctx context.Context, l *indent.Logins, f loginFlags) (indent.Token, error) {
	host, _ := os.Hostname()
	request := indent.LoginRequest{Client: "indent", Host: plainHost(host), Space: f.space, Scope: f.scope}
	if !f.device {
		if open := browserOpener(); open != nil {
			made, err := t.throughBrowser(ctx, l, request, open)
			if !errors.Is(err, errNoBrowser) {
				return made, err
			}
			t.say("No browser could be opened here, so another one is needed.")
		}
	}
	code, err := l.Open(ctx, request)
	if err != nil {
		return indent.Token{}, err
	}
	t.say("Open %s in any browser and enter the code:\n\n    %s\n", plain(code.VerificationURI), plain(code.UserCode))
	t.say("Or open this address, and compare the code there with the one above:\n\n    %s\n", plain(code.VerificationURIComplete))
	t.say("Waiting until somebody signed in%s allows it, for %d minutes at most ...", toSpace(f.space), code.ExpiresIn/60)
	ctx, cancel := context.WithTimeout(ctx, time.Duration(code.ExpiresIn+30)*time.Second)
	defer cancel()
	made, err := l.Wait(ctx, code)
	return made, t.whyNot(err)
}

// toSpace says which space was asked for. The server tells nobody who is not signed in whether there is one of that name, so
// a wrong one shows on the page only.
func toSpace(space string) string {
	if space == "" {
		return ""
	}
	return " to the space " + plain(space) + ", and to no other,"
}

// whyNot says in words what a refused login means here.
func (t *terminal) whyNot(err error) error {
	const late = "nobody has allowed the login in time: run `indent login` again"
	var e *indent.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return notSignedIn{late}
	case !errors.As(err, &e):
		return err
	}
	switch e.Grant {
	case indent.GrantDenied:
		return notSignedIn{"the login was refused: " + e.Message}
	case indent.GrantExpired:
		return notSignedIn{late}
	}
	return err
}

// keepLogin stores what came back and says where, and ends the login that was there before under this name.
func (t *terminal) keepLogin(ctx context.Context, d drawer, all profiles, l *indent.Logins, f loginFlags, made indent.Token) error {
	c, err := indent.New(indent.Options{URL: l.URL(), Space: made.Meta.Space, Token: made.AccessToken, AllowPlainHTTP: f.insecure, UserAgent: t.userAgent()})
	if err != nil {
		return err
	}
	who, err := c.WhoAmI(ctx)
	if err != nil {
		return errors.Join(err, l.End(context.WithoutCancel(ctx), made.RefreshToken))
	}
	name := f.profile
	if name == "" {
		name = all.nameFor(l.URL(), who.Space)
	}
	p := profile{Server: l.URL(), Space: who.Space, Member: who.Member, InsecureHTTP: f.insecure, LoginTime: time.Now().UTC().Truncate(time.Second)}
	old := all.Profiles[name]
	where, before, err := d.keep(name, p, secretOfLogin(made), !f.noKeyring)
	if err != nil {
		return errors.Join(err, l.End(context.WithoutCancel(ctx), made.RefreshToken))
	}
	if before != nil {
		if err := endLogin(ctx, old, *before, t.userAgent()); err != nil {
			t.say("The login before this one could not be ended on %s: %v", plain(old.Server), plain(err.Error()))
		}
	}
	t.say("Signed in to %s on %s as %s (%s).", plain(who.Space), plain(l.URL()), plain(who.Member), plain(who.Role))
	t.say("Profile %s; its tokens are kept in %s.", name, where)
	if _, set := os.LookupEnv("INDENT_API_TOKEN"); set || indent.Setting("INDENT_API_TOKEN") != "" {
		t.say("INDENT_API_TOKEN is set here and goes before this login: unset it, or say --profile %s.", name)
	}
	if t.json {
		p.Keyring = where == inKeyring
		return t.printJSON(struct {
			Profile string `json:"profile"`
			profile
		}{name, p})
	}
	return nil
}

func endLogin(ctx context.Context, p profile, s secret, userAgent string) error {
	l, err := indent.NewLogins(indent.Options{URL: p.Server, AllowPlainHTTP: p.InsecureHTTP, UserAgent: userAgent})
	if err != nil {
		return err
	}
	return l.End(ctx, s.RefreshToken)
}

func (t *terminal) logoutCommand() *cobra.Command {
	var name string
	var every bool
	cmd := &cobra.Command{
		Use: "logout", Short: "End a login, on the server and here", Args: noArguments,
		Long: "End a login: the server refuses its tokens from now on, everywhere within a second, and this machine forgets them.\n" +
			"When the server cannot be told nothing is forgotten: try again, or see `indent profile remove`. Exit code 4: there was none\n" +
			"to end; --all ends those that there are, and none is no error.",
		Example: "indent logout\nindent logout --all",
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := openDrawer()
			if err != nil {
				return err
			}
			all, err := d.profiles()
			if err != nil {
				return err
			}
			names := all.names()
			if !every {
				t.profile = name
				s, found, err := t.chosen()
				if err != nil {
					return err
				}
				if !found {
					return notSignedIn{"there is no login to end: `indent profile list` shows those that there are, `indent login` makes one"}
				}
				names = []string{s.name}
			}
			for _, name := range names {
				if err := t.logout(cmd.Context(), d, name); err != nil {
					return err
				}
			}
			if len(names) == 0 {
				t.say("There is no login.")
			}
			if t.json {
				return t.printJSON(map[string][]string{"signedOut": append([]string{}, names...)})
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&name, "profile", "", "which one (default INDENT_PROFILE, else the current one)")
	cmd.Flags().BoolVar(&every, "all", false, "every login of this machine")
	t.jsonFlag(cmd.Flags())
	return cmd
}

// logout ends one login. Nobody renews it meanwhile.
func (t *terminal) logout(ctx context.Context, d drawer, name string) error {
	err := d.locked(func() error {
		all, err := d.profiles()
		if err != nil {
			return err
		}
		p := all.Profiles[name]
		s, found, err := d.getSecret(name, p)
		if err != nil || !found {
			return err
		}
		return endLogin(ctx, p, s, t.userAgent())
	})
	if err != nil {
		return fmt.Errorf("%s: the login was not ended: %w", name, err)
	}
	if err := d.forget(name); err != nil {
		return err
	}
	t.say("Signed out: %s.", name)
	return nil
}

func (t *terminal) whoAmICommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "whoami", Short: "Show who commands act as, and what they may do", Args: noArguments,
		Long:    "Show who commands act as: the member, the space, the role, what the token may do and until when. Exit code 4: nobody.",
		Example: "indent whoami\nindent whoami --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			who, err := c.WhoAmI(cmd.Context())
			if err != nil {
				return err
			}
			if t.json {
				return t.printJSON(struct {
					indent.Self
					Server  string `json:"server"`
					Profile string `json:"profile,omitempty"`
				}{who, c.URL(), t.profileInUse()})
			}
			t.printWho(c.URL(), who)
			return nil
		},
	}
	return t.clientFlags(cmd)
}

func (t *terminal) profileInUse() string {
	if t.session == nil {
		return ""
	}
	return t.session.name
}

func (t *terminal) printWho(server string, who indent.Self) {
	line := func(name, text string) { fmt.Fprintf(t.out, "%-8s %s\n", name, plain(text)) }
	member := who.Member
	if who.DisplayName != "" && who.DisplayName != who.Member {
		member = who.DisplayName + " (" + who.Member + ")"
	}
	line("Member", member)
	line("Space", who.Space)
	role := who.Role
	if who.Operator {
		role += ", operator of the server"
	}
	line("Role", role)
	scope := "all that the role may: " + strings.Join(who.Permissions, " ")
	if who.Scope != "" {
		scope = "only " + strings.Join(who.Permissions, " ")
	}
	line("May", scope)
	ends := "never"
	switch {
	case t.session != nil:
		ends = moment(who.ExpireTime) + ", and is renewed until `indent logout`"
	case !who.ExpireTime.IsZero():
		ends = moment(who.ExpireTime)
	}
	line("Ends", ends)
	line("Server", server)
	from := "the token in INDENT_API_TOKEN"
	if t.session != nil {
		from = "profile " + t.session.name
	}
	line("By", from)
}
