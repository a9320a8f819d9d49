// Package config is every setting of the server: declared once, in one table, from which it is read, checked and
// documented. Sources, later ones win: defaults, the YAML file, environment variables, flags.
//
// It imports the standard library and the YAML library.
package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Config is the settings of one node.
type Config struct {
	Addr         string
	BaseURL      string
	InsecureHTTP bool
	Database     string
	// DatabaseTimeout bounds a turn at the database, and the wait for it.
	DatabaseTimeout time.Duration
	MaxConnections  int
	LogFormat       string
	LogLevel        string
	TokenTTL        time.Duration
	SessionTTL      time.Duration
	// RequirePasskeyRoles are the roles whose members get in with a passkey only, by name.
	RequirePasskeyRoles []string
	PasskeyAfterOIDC    bool
	// What one member, or one address, may cost a node; 0 is no limit.
	RateCalls, RatePetitions, RateRefusals, RateWrong, WaitsPerActor int
	// TrustedProxies are those whose X-Forwarded-For or Forwarded counts.
	TrustedProxies []netip.Prefix
	// Operators are the addresses of who makes spaces, in lower case, separated by commas.
	Operators string
	// LoginIdle is how long a program stays signed in that does nothing, LoginTTL how long at most.
	LoginIdle, LoginTTL time.Duration
	// SessionIdle is how long a browser stays signed in without being used.
	SessionIdle time.Duration
	// SignIn is nil when people come in by one-time links only.
	SignIn *SignIn
	// SigningKeyMaxAge is after how long user tokens are signed with a new key.
	SigningKeyMaxAge time.Duration
	// PrivateNetworks are where inside calls to addresses that members name may go.
	PrivateNetworks []netip.Prefix
	// SealKeys seal what must not be read from the database alone (AES-256): the first seals, all open.
	SealKeys [][]byte
}

// envPrefix keeps the server's variables apart from the clients' INDENT_API_URL, INDENT_SPACE and INDENT_API_TOKEN.
const envPrefix = "INDENT_SERVER_"

// Default answers the settings that hold where nothing else is said.
func Default() Config {
	var c Config
	for _, s := range settings {
		if err := s.set(&c, s.fallback); err != nil {
			panic("the default of " + s.key + " is wrong: " + err.Error())
		}
	}
	return c
}

// Source is where settings come from besides the defaults.
type Source struct {
	File    string            // path of a YAML file; "" for none
	Environ []string          // as os.Environ answers it
	Flags   map[string]string // by key, only those that were given
}

// String names what settings are read from, without what it says.
func (src Source) String() string {
	parts := []string{"no file (--config names one)"}
	if src.File != "" {
		parts[0] = "the file " + src.File
	}
	var variables []string
	for _, v := range fromEnviron(src.Environ) {
		variables = append(variables, v.spell(v.key))
	}
	slices.Sort(variables)
	if len(variables) == 0 {
		variables = []string{"no variable " + envPrefix + "…"}
	}
	parts = append(parts, variables...)
	for _, key := range sorted(src.Flags) {
		parts = append(parts, "--"+strings.ReplaceAll(key, "_", "-"))
	}
	return strings.Join(parts, ", ")
}

// Load reads all sources and checks the result. An unknown key or variable is an error that names the nearest known
// one; a wrong value is an error that names the setting and where it came from.
func Load(src Source) (Config, error) {
	c := Default()
	given, signIn, err := src.values()
	if err != nil {
		return c, err
	}
	c.SignIn = signIn
	from := map[string]value{}
	for _, v := range given {
		s := find(v.key)
		if s == nil {
			return c, fmt.Errorf("%s: there is no such setting: %s", v.origin, nearest(v))
		}
		if slices.Contains(inFileOnly, v.key) && v.spell(v.key) != v.key {
			return c, fmt.Errorf("%s: write %s into the settings file, it is taken from nowhere else", v.origin, v.key)
		}
		if err := s.set(&c, v.text); err != nil {
			return c, fmt.Errorf("%s: %w", v.origin, err)
		}
		from[v.key] = v
	}
	return c, c.check(from)
}

// value is what a source says of a setting.
type value struct {
	key, text string
	// origin is the place for a message, such as "indent.yaml:3: addr"; spell writes a key as that source does.
	origin string
	spell  func(key string) string
}

// values answers what all sources say, those that win last, and what only the file can say.
func (src Source) values() ([]value, *SignIn, error) {
	all, signIn, err := fromFile(src.File)
	if err != nil {
		return nil, nil, err
	}
	all = append(all, fromEnviron(src.Environ)...)
	flag := func(key string) string { return "--" + strings.ReplaceAll(key, "_", "-") }
	for _, key := range sorted(src.Flags) {
		all = append(all, value{key, src.Flags[key], "flag " + flag(key), flag})
	}
	return all, signIn, nil
}

func fromEnviron(environ []string) []value {
	variable := func(key string) string { return envPrefix + strings.ToUpper(key) }
	var found []value
	for _, entry := range environ {
		name, text, _ := strings.Cut(entry, "=")
		if key, ours := strings.CutPrefix(name, envPrefix); ours {
			found = append(found, value{strings.ToLower(key), text, "environment variable " + name, variable})
		}
	}
	return found
}

func find(key string) *setting {
	i := slices.IndexFunc(settings, func(s setting) bool { return s.key == key })
	if i < 0 {
		return nil
	}
	return &settings[i]
}

// nearest names the known setting that needs the fewest edits, or all of them when none is near.
func nearest(v value) string {
	var known []string
	for _, s := range settings {
		known = append(known, s.key)
	}
	if v.spell("a_b") == "a_b" { // the file, where alone it can be
		known = append(known, "sign_in")
	}
	return nearestOf(v.key, known, v.spell)
}

func nearestOf(key string, known []string, spell func(string) string) string {
	best, least := "", 4
	var all []string
	for _, k := range known {
		all = append(all, spell(k))
		if d := distance(key, k); d < least {
			best, least = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %s?", spell(best))
	}
	return "there are " + strings.Join(all, ", ")
}

// asWritten spells a key as the file does.
func asWritten(key string) string { return key }

// distance is the Levenshtein distance.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
