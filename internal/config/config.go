// Package config is every setting of the server: declared once, in one table, from which it is read, checked and
// documented. Sources, later ones win: defaults, the YAML file, environment variables, flags.
//
// It imports the standard library and the YAML library.
package config

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// Config is the settings of one node.
type Config struct {
	Addr         string
	BaseURL      string
	InsecureHTTP bool
	Database     string
	LogFormat    string
	LogLevel     string
	TokenTTL     time.Duration
	SessionTTL   time.Duration
}

// envPrefix keeps the server's variables apart from the clients' INDENT_API_URL, INDENT_SPACE and INDENT_API_TOKEN.
const envPrefix = "INDENT_SERVER_"

// maxFile bounds the settings file, in bytes.
const maxFile = 1 << 20

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

// Load reads all sources and checks the result. An unknown key or variable is an error that names the nearest known
// one; a wrong value is an error that names the setting and where it came from.
func Load(src Source) (Config, error) {
	c := Default()
	from := map[string]string{}
	apply := func(key, value, origin string) error {
		s := find(key)
		if s == nil {
			return fmt.Errorf("%s: there is no setting %q; %s", origin, key, nearest(key))
		}
		if err := s.set(&c, value); err != nil {
			return fmt.Errorf("%s: %s: %w", origin, key, err)
		}
		from[key] = origin
		return nil
	}
	if err := fromFile(src.File, apply); err != nil {
		return c, err
	}
	if err := fromEnviron(src.Environ, apply); err != nil {
		return c, err
	}
	for _, key := range sorted(src.Flags) {
		if err := apply(key, src.Flags[key], "flag --"+strings.ReplaceAll(key, "_", "-")); err != nil {
			return c, err
		}
	}
	return c, c.check(from)
}

func fromFile(path string, apply func(key, value, origin string) error) error {
	if path == "" {
		return nil
	}
	raw, err := readBounded(path)
	if err != nil {
		return fmt.Errorf("the settings file cannot be read: %w", err)
	}
	var values map[string]any
	if err := yaml.Unmarshal(raw, &values); err != nil {
		return fmt.Errorf("%s is not a YAML map of settings: %w", path, err)
	}
	for _, key := range sorted(values) {
		switch v := values[key].(type) {
		case map[string]any, []any, nil:
			return fmt.Errorf("%s: %s must be one value; every setting is", path, key)
		default:
			if err := apply(key, fmt.Sprint(v), path); err != nil {
				return err
			}
		}
	}
	return nil
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(raw) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return raw, err
}

func fromEnviron(environ []string, apply func(key, value, origin string) error) error {
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if key, ours := strings.CutPrefix(name, envPrefix); ours {
			if err := apply(strings.ToLower(key), value, "environment variable "+name); err != nil {
				return err
			}
		}
	}
	return nil
}

func find(key string) *setting {
	i := slices.IndexFunc(settings, func(s setting) bool { return s.key == key })
	if i < 0 {
		return nil
	}
	return &settings[i]
}

// nearest names the known key that needs the fewest edits, or all of them when none is near.
func nearest(key string) string {
	best, least := "", 4
	for _, s := range settings {
		if d := distance(key, s.key); d < least {
			best, least = s.key, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	var all []string
	for _, s := range settings {
		all = append(all, s.key)
	}
	return "there are " + strings.Join(all, ", ")
}

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
