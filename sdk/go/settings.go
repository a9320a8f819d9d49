package indent

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
)

// settings are checked: an address that may have the token, a space, a token.
type settings struct {
	url   string
	space string
	token string
}

// surroundings are where settings come from.
type surroundings struct {
	environment func(string) (value string, set bool)
	folder      string // where the search for a .env file begins; "" means nowhere
}

func machine() surroundings {
	folder, err := os.Getwd()
	if err != nil {
		folder = "" // the working directory has been deleted
	}
	return surroundings{os.LookupEnv, folder}
}

const (
	envURL       = "INDENT_API_URL"
	envSpace     = "INDENT_SPACE"
	envToken     = "INDENT_API_TOKEN"
	envPlainHTTP = "INDENT_ALLOW_PLAIN_HTTP"
)

// readSettings takes what is given, else the environment, else the nearest .env file; an empty value is none. Of the token an
// empty value in the environment is an error: it is what a secret that did not arrive looks like, and the token in a file
// could be somebody else's.
func readSettings(o Options, from surroundings) (settings, error) {
	found := map[string]string{envURL: o.URL, envSpace: o.Space, envToken: o.Token, envPlainHTTP: ""}
	if o.AllowPlainHTTP {
		found[envPlainHTTP] = "1"
	}
	if o.TokenSource != nil {
		delete(found, envToken) // the environment's is not looked at
	} else if value, set := from.environment(envToken); o.Token == "" && set && value == "" {
		return settings{}, &ConfigError{Name: envToken, message: envToken + " is set to nothing in the environment, and no other token is taken in its place: give it a token, or unset it"}
	}
	fillFrom(found, func(name string) string { value, _ := from.environment(name); return value })
	if found[envURL] == "" || found[envSpace] == "" || found[envToken] == "" {
		file := findDotEnv(from.folder, "INDENT_")
		fillFrom(found, func(name string) string { return file[name] })
	}
	s := settings{space: found[envSpace], token: found[envToken]}
	var missing []string
	for _, name := range []string{envSpace, envToken} {
		if name == envToken && o.TokenSource != nil {
			s.token = ""
		} else if found[name] == "" {
			missing = append(missing, name)
		} else if !isVisible(found[name], 8192) {
			return s, &ConfigError{Name: name, message: name + " has a space, a line break or another character that cannot be part of it: copy it again, without quotes inside"}
		}
	}
	if found[envURL] == "" {
		found[envURL] = DefaultURL
	}
	var err error
	if s.url, err = checkURL(found[envURL], isTrue(found[envPlainHTTP])); err != nil {
		return s, err
	}
	if len(missing) > 0 {
		return s, missingSettings(missing, s.url)
	}
	return s, nil
}

// Setting answers what [New] takes for one of INDENT_API_URL, INDENT_SPACE and INDENT_API_TOKEN when nothing is given: the
// environment, else the nearest .env file; "" when neither has it, and for a token that the environment sets to nothing.
func Setting(name string) string {
	if value, set := os.LookupEnv(name); value != "" || set && name == envToken {
		return value
	}
	return findDotEnv(machine().folder, "INDENT_")[name]
}

func fillFrom(found map[string]string, source func(string) string) {
	for name, value := range found {
		if value == "" {
			found[name] = source(name)
		}
	}
}

// isVisible answers whether s is 1 to most visible ASCII characters, so that it can stand in a header.
func isVisible(s string, most int) bool {
	return s != "" && len(s) <= most && !strings.ContainsFunc(s, func(r rune) bool { return r < '!' || r > '~' })
}

func isTrue(s string) bool {
	switch strings.ToLower(s) {
	case "1", "true", "yes":
		return true
	}
	return false
}

func missingSettings(names []string, address string) error {
	verb := "is"
	if len(names) > 1 {
		verb = "are"
	}
	return &ConfigError{Name: names[len(names)-1], Missing: true, message: fmt.Sprintf("%s %s not set: open %s/api-keys and copy the lines into a .env file in the folder that you start from, or set them in the environment; "+
		"no server yet? `indent dev` starts one and prints them", strings.Join(names, " and "), verb, address)}
}

func checkURL(address string, plainAllowed bool) (string, error) {
	refuse := func(format string, args ...any) (string, error) {
		return "", &ConfigError{Name: envURL, message: envURL + " " + fmt.Sprintf(format, args...)}
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return refuse("is not an address such as https://indent.example.com")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(address, "#"):
		return refuse("must have no user, password, query or fragment: write https://host or https://host/path")
	case u.Scheme == "http" && !isLoopback(u.Hostname()) && !plainAllowed:
		return refuse("is plain http to %s: everybody on the way could read the token; use https, or in a network that you trust set %s=1", printable(u.Host), envPlainHTTP)
	}
	return strings.TrimRight(address, "/"), nil
}

func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && net.IP(ip.AsSlice()).IsLoopback()
}
