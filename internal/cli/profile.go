package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// profile is a login on one server, in one space: what is kept of it besides its secrets.
type profile struct {
	Server string `json:"server"`
	Space  string `json:"space"`
	Member string `json:"member"`
	// Keyring says that the secrets are in the system's keyring, else they are in a file beside.
	Keyring bool `json:"keyring,omitempty"`
	// InsecureHTTP was allowed when it was made: the server has no TLS and is elsewhere.
	InsecureHTTP bool      `json:"insecureHttp,omitempty"`
	LoginTime    time.Time `json:"loginTime"`
}

// profiles is the file of all.
type profiles struct {
	Current  string             `json:"current,omitempty"`
	Profiles map[string]profile `json:"profiles"`
}

var profileName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$`)

// drawer is the folder in which logins are kept: profiles.json, credentials.json for machines without a keyring, and a lock.
type drawer struct{ folder string }

func openDrawer() (drawer, error) {
	config, err := os.UserConfigDir()
	if err != nil {
		return drawer{}, fmt.Errorf("there is no folder to keep logins in: %w: set HOME or XDG_CONFIG_HOME, or use INDENT_API_TOKEN", err)
	}
	return drawer{filepath.Join(config, "indent")}, nil
}

const (
	profilesFile    = "profiles.json"
	credentialsFile = "credentials.json"
	lockFile        = "lock"
	mostFile        = 4 << 20
)

// read decodes a file of the drawer; one that is not there leaves v as it is. It refuses a file that others may read or
// that is somebody else's.
func (d drawer) read(name string, v any) error {
	path := filepath.Join(d.folder, name)
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := ownOnly(path, info); err != nil {
		return err
	}
	if info.Size() > mostFile {
		return fmt.Errorf("%s is too large to be ours: move it away and sign in again", path)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("%s cannot be read: %w: move it away and sign in again", path, err)
	}
	return nil
}

// write replaces a file of the drawer in one step, for its owner only.
func (d drawer) write(name string, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(d.folder, name+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(append(raw, '\n'))
	if err := errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), filepath.Join(d.folder, name))
}

// locked runs f while no other process changes or renews a login.
func (d drawer) locked(f func() error) error {
	if err := os.MkdirAll(d.folder, 0o700); err != nil {
		return fmt.Errorf("the folder for logins cannot be made: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(d.folder, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer file.Close() // which gives the lock back
	if err := lock(file); err != nil {
		return fmt.Errorf("the lock on %s cannot be had: %w", d.folder, err)
	}
	return f()
}

func (d drawer) profiles() (profiles, error) {
	p := profiles{}
	err := d.read(profilesFile, &p)
	if p.Profiles == nil {
		p.Profiles = map[string]profile{}
	}
	return p, err
}

// change edits the profiles, alone.
func (d drawer) change(edit func(*profiles) error) error {
	return d.locked(func() error {
		p, err := d.profiles()
		if err != nil {
			return err
		}
		if err := edit(&p); err != nil {
			return err
		}
		return d.write(profilesFile, p)
	})
}

// names answers the profiles' names in order.
func (p profiles) names() []string { return slices.Sorted(maps.Keys(p.Profiles)) }

// nameFor answers what a new login is called that was given no name: as the login that it replaces, else for its space.
func (p profiles) nameFor(server, space string) string {
	for _, name := range p.names() {
		if p.Profiles[name].Server == server && p.Profiles[name].Space == space {
			return name
		}
	}
	if _, taken := p.Profiles[space]; !taken && profileName.MatchString(space) {
		return space
	}
	host := regexp.MustCompile(`[^A-Za-z0-9._-]`).ReplaceAllString(strings.TrimPrefix(strings.TrimPrefix(server, "https://"), "http://"), "-")
	name := space + "@" + host
	return name[:min(len(name), 64)]
}

func (t *terminal) profileCommand() *cobra.Command {
	cmd := group("profile", "Choose between logins on several servers and spaces", t.profileListCommand(), t.profileUseCommand(), t.profileRemoveCommand())
	cmd.Long = "Each `indent login` makes a profile: a server, a space, who is signed in. Commands use the profile that --profile or\n" +
		"INDENT_PROFILE names, else the one that fits --url and --space, else the current one. A token in the environment\n" +
		"(INDENT_API_TOKEN) goes before every profile that --profile does not name."
	t.jsonFlag(cmd.PersistentFlags())
	return cmd
}

func (t *terminal) profileListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List profiles; the current one has a star", Args: noArguments,
		Example: "indent profile list",
		RunE: func(*cobra.Command, []string) error {
			d, err := openDrawer()
			if err != nil {
				return err
			}
			p, err := d.profiles()
			if err != nil {
				return err
			}
			if t.json {
				return t.printJSON(p)
			}
			if len(p.Profiles) == 0 {
				t.say("There are none: `indent login` makes one.")
				return nil
			}
			b := table{head: []string{" ", "NAME", "SERVER", "SPACE", "SIGNED IN AS", "SINCE", "SECRETS"}}
			for _, name := range p.names() {
				one, star, where := p.Profiles[name], "", "file"
				if name == p.Current {
					star = "*"
				}
				if one.Keyring {
					where = "keyring"
				}
				b.add(star, name, one.Server, one.Space, one.Member, moment(one.LoginTime), where)
			}
			t.printTable(b)
			return nil
		},
	}
}

func (t *terminal) profileUseCommand() *cobra.Command {
	return &cobra.Command{
		Use: "use NAME", Short: "Make a profile the current one", Args: exactly(1, "the NAME of a profile, as `indent profile list` shows it"),
		Example: "indent profile use acmecorp",
		RunE: func(_ *cobra.Command, args []string) error {
			d, err := openDrawer()
			if err != nil {
				return err
			}
			err = d.change(func(p *profiles) error {
				if _, known := p.Profiles[args[0]]; !known {
					return noProfile(*p, args[0])
				}
				p.Current = args[0]
				return nil
			})
			if err != nil {
				return err
			}
			return t.done("The current profile is %s.", args[0])
		},
	}
}

func (t *terminal) profileRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Short: "Forget a profile and its secrets on this machine", Args: exactly(1, "the NAME of a profile, as `indent profile list` shows it"),
		Long:    "Forget a profile and its secrets on this machine, without a word to the server: `indent logout` also ends the login there.",
		Example: "indent profile remove acmecorp",
		RunE: func(_ *cobra.Command, args []string) error {
			d, err := openDrawer()
			if err != nil {
				return err
			}
			if err := d.forget(args[0]); err != nil {
				return err
			}
			return t.done("Profile %s is forgotten here. If the login was not ended before, the server still knows it: see `indent token list`.", args[0])
		},
	}
}

// forget takes a profile and its secrets away.
func (d drawer) forget(name string) error {
	return d.change(func(p *profiles) error {
		one, known := p.Profiles[name]
		if !known {
			return noProfile(*p, name)
		}
		if err := d.dropSecret(name, one); err != nil {
			return err
		}
		delete(p.Profiles, name)
		if p.Current == name {
			p.Current = ""
			if left := p.names(); len(left) == 1 {
				p.Current = left[0]
			}
		}
		return nil
	})
}

func noProfile(p profiles, name string) error {
	if len(p.Profiles) == 0 {
		return notSignedIn{fmt.Sprintf("there is no profile %q, and no other: sign in with `indent login`", name)}
	}
	return notSignedIn{fmt.Sprintf("there is no profile %q: there are %s, and `indent login --profile %s` makes it", name, strings.Join(p.names(), ", "), name)}
}

// notSignedIn says that there is no login to do something with.
type notSignedIn struct{ text string }

func (e notSignedIn) Error() string { return e.text }
