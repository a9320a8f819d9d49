package indent

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"
)

// mostDotEnv is how large a .env file may be, in bytes; a larger one is passed over.
const mostDotEnv = 64 << 10

// findDotEnv answers the names of the nearest .env, in folder or above it, that sets a name with the prefix. One file is
// taken whole: a token from one and an address from another would not belong together. The environment is never
// written, nothing is expanded and nothing is run.
func findDotEnv(folder, prefix string) map[string]string {
	for folder != "" {
		names := parseDotEnv(readDotEnv(filepath.Join(folder, ".env")))
		for name := range names {
			if strings.HasPrefix(name, prefix) {
				return names
			}
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			break
		}
		folder = parent
	}
	return nil
}

func readDotEnv(path string) string {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || planted(path, info) {
		return ""
	}
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, mostDotEnv+1))
	if err != nil || len(content) > mostDotEnv || !utf8.Valid(content) {
		return ""
	}
	return string(content)
}

// The groups are the name, and the value in single quotes, in double quotes, or bare.
var dotEnvLine = regexp.MustCompile(`(?m)^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*` +
	`(?:'([^']*)'|"((?:[^"\\]|\\(?s:.))*)"|([^\r\n]*?))` +
	`(?:[ \t]+#[^\r\n]*)?[ \t]*\r?$`)

// parseDotEnv answers the names and values of a .env file. What is no assignment is passed over, the last one wins.
func parseDotEnv(text string) map[string]string {
	values := map[string]string{}
	text = strings.TrimPrefix(text, "\ufeff")
	for _, m := range dotEnvLine.FindAllStringSubmatchIndex(text, -1) {
		group := func(n int) string { return text[m[2*n]:m[2*n+1]] }
		switch {
		case m[4] >= 0:
			values[group(1)] = group(2)
		case m[6] >= 0:
			values[group(1)] = dotEnvEscape.ReplaceAllStringFunc(group(3), unescapeDotEnv)
		case strings.HasPrefix(group(4), "#"):
			values[group(1)] = ""
		default:
			values[group(1)] = group(4)
		}
	}
	return values
}

var dotEnvEscape = regexp.MustCompile(`(?s)\\.`)

func unescapeDotEnv(escape string) string {
	switch escape[1:] {
	case "n":
		return "\n"
	case "r":
		return "\r"
	case "t":
		return "\t"
	}
	return escape[1:]
}
