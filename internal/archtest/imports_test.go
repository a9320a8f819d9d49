package archtest

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// A room is a folder with all below it that has no row of its own.
type room struct {
	dir string
	// may lists what the room imports besides the standard library: folders of this module,
	// and other modules with all their packages. A room's own packages go without saying.
	may []string
}

const everything = "*"

// rooms is the import table. The longest matching folder counts.
var rooms = []room{
	{"internal/approval", []string{jsonLibrary}},
	{"internal/audit", []string{"golang.org/x/mod", jsonLibrary}},
	{"internal/policy", []string{"internal/approval", "cel.dev/cel-go", yamlLibrary, "github.com/rogpeppe/go-internal/diff"}},
	{"internal/store", []string{
		"internal/approval", "internal/audit",
		"github.com/jackc/pgx/v5", "modernc.org/sqlite", "modernc.org/libc", "github.com/pressly/goose/v3", jsonLibrary,
	}},
	{"internal/identity", []string{
		"internal/approval", "github.com/go-jose/go-jose/v4", "github.com/coreos/go-oidc/v3", "golang.org/x/oauth2",
		"github.com/go-webauthn/webauthn",
	}},
	{"internal/jobs", []string{"internal/approval"}},
	{"internal/limits", []string{"internal/approval"}},
	{"internal/webhook", []string{"internal/approval", "code.dny.dev/ssrf", jsonLibrary}},
	{"internal/notify", []string{"internal/approval"}},
	{"internal/api", []string{
		"internal/approval", "internal/identity", jsonLibrary,
		// huma models OpenAPI 3.1 and makes schemas of Go types; routes and decoding are ours
		"github.com/danielgtaylor/huma/v2", "github.com/prometheus/client_golang",
	}},
	{"internal/web", []string{"internal/approval", "internal/identity"}},
	{"internal/config", []string{yamlLibrary}},
	{"internal/bench", nil},
	{"internal/cli", []string{
		"sdk/go", "internal/config", "internal/app", "internal/bench", "github.com/spf13/cobra", "github.com/spf13/pflag",
		"github.com/zalando/go-keyring",
	}},
	{"internal/app", []string{everything}},
	{"internal/archtest", nil},
	{"internal/torture", nil},
	{"cmd", []string{"internal/cli"}},
	{"tests/faults", []string{everything}},
	{"sdk/go", nil},
	{"examples", []string{"sdk/go"}},
}

// jsonLibrary decodes strictly and canonicalizes by RFC 8785; the digest needs it in the centre.
const jsonLibrary = "github.com/go-json-experiment/json"

// yamlLibrary reads what people write by hand: the config file and the rule document.
const yamlLibrary = "github.com/goccy/go-yaml"

// centreTestLibraries are what the centre's own tests may use: they prove rules, without adapters.
var centreTestLibraries = []string{
	jsonLibrary, "github.com/google/go-cmp", "pgregory.net/rapid", "go.uber.org/goleak",
}

// outOfTheCentre are packages of the standard library that speak to the outside.
var outOfTheCentre = []string{
	"net", "net/http", "database/sql", "os", "os/exec", "io/ioutil", "log", "syscall",
}

// importDepartures names every import that the table does not allow.
func importDepartures(sources []source) []string {
	var told []string
	for _, s := range goSources(sources) {
		in, ok := roomOf(s.dir())
		if !ok {
			told = append(told, fmt.Sprintf(
				"%s: its folder is no room: give it a row in the import table of internal/archtest", s.path))
			continue
		}
		for _, p := range s.imports() {
			if problem := in.problem(s, p); problem != "" {
				told = append(told, fmt.Sprintf("%s imports %s: %s", s.path, short(p), problem))
			}
		}
	}
	return told
}

// problem says why the room's file may not import the package, or nothing when it may.
func (r room) problem(s source, imported string) string {
	target := short(imported)
	switch {
	case s.isTest():
		return r.problemInTest(imported)
	case isTestKit(target) && !s.isTestKit():
		return "a package for tests is imported by tests only"
	case r.dir == "internal/approval" && slices.Contains(outOfTheCentre, imported):
		return "the centre is pure: it reaches the outside only through the ports it declares"
	case isStandard(imported) || within(target, r.dir) || r.allows(target):
		return ""
	case s.isTestKit() && !strings.HasPrefix(target, "internal/"):
		return "" // testing libraries
	case strings.HasPrefix(target, "internal/"):
		return fmt.Sprintf("rooms meet in internal/app only; %s may import %s", r.dir, r.list())
	}
	return fmt.Sprintf("%s may import %s; a new library needs a row in the import table "+
		"and a line in docs/decisions", r.dir, r.list())
}

// problemInTest is problem for a test: tests may wire rooms together, but the centre's stay pure.
func (r room) problemInTest(imported string) string {
	target := short(imported)
	if r.dir != "internal/approval" || isStandard(imported) || within(target, r.dir) {
		return ""
	}
	for _, library := range centreTestLibraries {
		if within(target, library) {
			return ""
		}
	}
	return "the centre is proved without adapters; put this test into the room it needs"
}

func (r room) allows(target string) bool {
	return slices.ContainsFunc(r.may, func(allowed string) bool {
		if strings.HasPrefix(allowed, "internal/") {
			return target == allowed
		}
		return allowed == everything || within(target, allowed)
	})
}

func (r room) list() string {
	return strings.Join(append([]string{"the standard library"}, r.may...), ", ")
}

// roomOf finds the row whose folder is the longest that holds dir.
func roomOf(dir string) (room, bool) {
	var best room
	for _, r := range rooms {
		if within(dir, r.dir) && len(r.dir) > len(best.dir) {
			best = r
		}
	}
	return best, best.dir != ""
}

func within(p, dir string) bool {
	return p == dir || strings.HasPrefix(p, dir+"/")
}

// short is an import path as the table writes it.
func short(imported string) string {
	return strings.TrimPrefix(imported, module+"/")
}

func isStandard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".")
}

func isTestKit(target string) bool {
	return strings.HasPrefix(target, "internal/") && strings.HasSuffix(path.Base(target), "test")
}
