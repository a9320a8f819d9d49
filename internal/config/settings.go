package config

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// setting is one row of the table: what reads, checks and documents a key.
type setting struct {
	key      string
	fallback string
	doc      string
	set      func(*Config, string) error
}

var settings = []setting{
	{"addr", "127.0.0.1:8080", "Address to listen on, host:port; port 0 takes a free one.", func(c *Config, v string) error {
		c.Addr = v
		return checkAddr(v)
	}},
	{"base_url", "", "Address that people and clients use, such as https://indent.example.com. Empty: http:// and the address listened on, for loopback only. It is in sign-in links and is the issuer of user tokens.", func(c *Config, v string) error {
		return setBase(c, v)
	}},
	{"insecure_http", "false", "Allow a base_url without TLS that is not on loopback. Tokens and sessions then cross the network readable.", func(c *Config, v string) error {
		return oneOf(v, []string{"true", "false"}, func(v string) { c.InsecureHTTP = v == "true" })
	}},
	{"database", "indent.db", "File of the embedded database, or postgres://user:password@host:port/name?sslmode=verify-full.", func(c *Config, v string) error {
		c.Database = v
		return checkDatabase(v)
	}},
	{"database_timeout", "15s", "How long one transaction or query on PostgreSQL may take, and how long it may wait for its turn: 1s to 5m. After that the answer is 503, and the client asks again.", func(c *Config, v string) error {
		return between(v, time.Second, 5*time.Minute, &c.DatabaseTimeout)
	}},
	{"max_connections", "50000", "How many clients may be connected at once, each one who waits included: 10 to 1000000. It is never more than the process may open files (ulimit -n), less what the server needs itself; the log says at the start what is in force. Who comes on top is answered 503.", func(c *Config, v string) error {
		return count(v, 10, 1_000_000, &c.MaxConnections)
	}},
	{"log_format", "json", "json for programs, text for people; to standard error.", func(c *Config, v string) error {
		return oneOf(v, []string{"json", "text"}, func(v string) { c.LogFormat = v })
	}},
	{"log_level", "info", "debug, info, warn or error.", func(c *Config, v string) error {
		return oneOf(v, []string{"debug", "info", "warn", "error"}, func(v string) { c.LogLevel = v })
	}},
	{"token_ttl", "1h", "How long a user token lives: 1m to 24h.", func(c *Config, v string) error {
		return between(v, time.Minute, 24*time.Hour, &c.TokenTTL)
	}},
	{"signing_key_max_age", "2160h", "After how long user tokens are signed with a new key: 24h to 17520h. The old one verifies until its last token has ended. `indent admin keys rotate` makes a new one at any time.", func(c *Config, v string) error {
		return between(v, 24*time.Hour, 2*365*24*time.Hour, &c.SigningKeyMaxAge)
	}},
	{"private_networks", "", "Networks inside that calls to addresses which members name may reach, such as webhooks, the issuers that service accounts trust and the sources of on-call schedules: 10.20.0.0/16, fd00:12::/32. Without it no such call reaches a private, loopback or link-local address. It stands in the file only.", func(c *Config, v string) error {
		return networks(v, &c.PrivateNetworks)
	}},
	{"seal_keys", "", "Keys that secrets are encrypted with in the database, such as those of webhooks: each 32 random bytes as base64 (`openssl rand -base64 32`), separated by commas. The first encrypts, all decrypt: a new one is put before the others, the same on every node. Without one there are no webhooks. Keep it apart from the database's backups.", func(c *Config, v string) error {
		return sealKeys(v, &c.SealKeys)
	}},
	{"session_ttl", "12h", "How long a browser stays signed in: 5m to 720h.", func(c *Config, v string) error {
		return between(v, 5*time.Minute, 720*time.Hour, &c.SessionTTL)
	}},
	{"session_idle", "2h", "How long a browser stays signed in that is not used: 5m to 720h. A page that is only left open is not used.", func(c *Config, v string) error {
		return between(v, 5*time.Minute, 720*time.Hour, &c.SessionIdle)
	}},
	{"require_passkey_roles", "", "Roles whose members get in with a passkey only, separated by commas, such as Owner, Editor. Who has none yet makes one when they sign in.", func(c *Config, v string) error {
		return roles(v, &c.RequirePasskeyRoles)
	}},
	{"passkey_after_oidc", "false", "Ask members who have a passkey for it after they have signed in with a provider, too. After a sign-in link they are always asked.", func(c *Config, v string) error {
		return oneOf(v, []string{"true", "false"}, func(v string) { c.PasskeyAfterOIDC = v == "true" })
	}},
	{"rate_calls", "2000", "How many calls and pages one member may ask this node for in a second, four times as many at once; what comes on top is answered 429 with Retry-After. 0 is no limit, as for all rates.", func(c *Config, v string) error {
		return count(v, 0, 1_000_000, &c.RateCalls)
	}},
	{"rate_petitions", "1000", "How many petitions one member may ask for in a second, four times as many at once.", func(c *Config, v string) error {
		return count(v, 0, 1_000_000, &c.RatePetitions)
	}},
	{"rate_refusals", "10", "How many refused attempts of one member are written to the log in a second, ten times as many at once. Further ones are answered 429, counted in indent_limited_total, and the log says so once a minute.", func(c *Config, v string) error {
		return count(v, 0, 1_000_000, &c.RateRefusals)
	}},
	{"rate_wrong", "10", "How many wrong tokens, sessions and sign-in links one address (of IPv6: one /64) may send in a second, ten times as many at once. Beyond it a wrong one is answered 429 and a right one still works.", func(c *Config, v string) error {
		return count(v, 0, 10_000, &c.RateWrong)
	}},
	{"waits_per_actor", "20000", "How many waits and streams one member may have parked on this node; a stream that waits for many petitions counts one for each hundred. 0 is no limit.", func(c *Config, v string) error {
		return count(v, 0, 10_000_000, &c.WaitsPerActor)
	}},
	{"trusted_proxies", "", "Addresses and networks of the proxies in front, such as 10.0.0.0/8, 2001:db8::7, separated by commas. Only from them X-Forwarded-For and Forwarded are believed, and only the last address in it that is none of theirs. Empty: nobody is.", func(c *Config, v string) error {
		return networks(v, &c.TrustedProxies)
	}},
	{"operators", "", "Addresses of the people who operate the server and may make spaces, separated by commas: ada@example.com, bob@example.com. They need to be members of some space to sign in. Empty: spaces are made by indent admin init only.", func(c *Config, v string) error {
		return addresses(v, &c.Operators)
	}},
	{"login_idle", "720h", "How long a program that a person has let in with `indent login` stays signed in when it is not used: 1h to 8760h.", func(c *Config, v string) error {
		return between(v, time.Hour, 8760*time.Hour, &c.LoginIdle)
	}},
	{"login_ttl", "2160h", "How long it stays signed in at most; then the person must sign it in again: 1h to 8760h.", func(c *Config, v string) error {
		return between(v, time.Hour, 8760*time.Hour, &c.LoginTTL)
	}},
}

func checkAddr(v string) error {
	_, port, err := net.SplitHostPort(v)
	if n, errPort := strconv.Atoi(port); err != nil || errPort != nil || n < 0 || n > 65535 {
		return fmt.Errorf("%q must be host:port, such as 127.0.0.1:8080", v)
	}
	return nil
}

// setBase keeps the address as browsers write an origin: lower case, without a default port or a last slash.
func setBase(c *Config, v string) error {
	c.BaseURL = ""
	if v == "" {
		return nil
	}
	u, err := url.Parse(strings.TrimSuffix(v, "/"))
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("must be a scheme and a host only, such as https://indent.example.com")
	}
	host := strings.ToLower(u.Host)
	if port := u.Port(); port == "" || u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		host = strings.TrimSuffix(host, ":"+port)
	}
	c.BaseURL = u.Scheme + "://" + host
	return nil
}

func oneOf(v string, allowed []string, set func(string)) error {
	if !slices.Contains(allowed, v) {
		return fmt.Errorf("%q must be one of %s", v, strings.Join(allowed, ", "))
	}
	set(v)
	return nil
}

func between(v string, least, most time.Duration, to *time.Duration) error {
	d, err := time.ParseDuration(v)
	if err != nil || d < least || d > most {
		return fmt.Errorf("%q must be a duration from %s to %s, such as 1h", v, span(least), span(most))
	}
	*to = d
	return nil
}

// inFileOnly are settings that neither the environment nor a flag gives.
var inFileOnly = []string{"private_networks"}

func count(v string, least, most int, to *int) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		return fmt.Errorf("%q must be a whole number from %d to %d", v, least, most)
	}
	*to = n
	return nil
}

// networks reads addresses and networks that are separated by commas.
func networks(v string, to *[]netip.Prefix) error {
	*to = nil
	for text := range strings.SplitSeq(v, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		p, err := netip.ParsePrefix(text)
		if a, alone := netip.ParseAddr(text); alone == nil {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil || p != p.Masked() || p.Addr().Zone() != "" || p.Addr().Is4In6() {
			return fmt.Errorf("%q must be an address or a network, such as 10.0.0.0/8 or 2001:db8::7", text)
		}
		*to = append(*to, p)
	}
	return nil
}

// sealKeys reads keys separated by commas. What is wrong is not repeated: it is nearly a secret.
func sealKeys(v string, to *[][]byte) error {
	*to = nil
	for text := range strings.SplitSeq(v, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(key) != 32 {
			return fmt.Errorf("key %d must be 32 bytes as base64: `openssl rand -base64 32` makes one", len(*to)+1)
		}
		*to = append(*to, key)
	}
	return nil
}

// roles reads names of roles separated by commas. One that there is not would leave somebody out in silence.
func roles(v string, to *[]string) error {
	*to = nil
	for role := range strings.SplitSeq(v, ",") {
		if role = strings.TrimSpace(role); role == "" {
			continue
		}
		if !slices.Contains(Roles, role) {
			return fmt.Errorf("there is no role %q: there are %s, written so and separated by commas", role, strings.Join(Roles, ", "))
		}
		*to = append(*to, role)
	}
	return nil
}

// addresses reads addresses separated by commas.
func addresses(v string, to *string) error {
	var list []string
	for part := range strings.SplitSeq(strings.ToLower(v), ",") {
		part = strings.TrimSpace(part)
		if part == "" && strings.TrimSpace(v) == "" {
			break
		}
		name, host, ok := strings.Cut(part, "@")
		if !ok || name == "" || host == "" || strings.ContainsAny(part, " \t\n<>\"';:") || strings.Contains(host, "@") {
			return fmt.Errorf("%q must be an address such as ada@example.com, or several separated by commas", part)
		}
		list = append(list, part)
	}
	*to = strings.Join(list, ",")
	return nil
}

// OperatorList answers the addresses of who makes spaces.
func (c Config) OperatorList() []string {
	if c.Operators == "" {
		return nil
	}
	return strings.Split(c.Operators, ",")
}

// checkDatabase refuses what would quietly become a file of that name, and does not repeat it: it may hold a password.
func checkDatabase(v string) error {
	scheme, _, isURL := strings.Cut(v, "://")
	switch {
	case v == "":
		return fmt.Errorf("must not be empty")
	case isURL && scheme != "postgres" && scheme != "postgresql":
		return fmt.Errorf("the only scheme is postgres://; anything else is a file's path")
	case !isURL && (strings.Contains(v, "host=") || strings.Contains(v, "password=")):
		return fmt.Errorf("write a database server as postgres://user:password@host:port/name")
	}
	return nil
}

// check refuses what single settings cannot see. from says where a setting was given.
func (c Config) check(from map[string]value) error {
	origin := func(key string) string {
		if v, ok := from[key]; ok {
			return v.origin
		}
		return "the default of " + key
	}
	if err := c.checkIdle(from); err != nil {
		return err
	}
	if c.BaseURL == "" {
		if host, _, _ := net.SplitHostPort(c.Addr); !isLoopback(host) {
			return fmt.Errorf("%s: %s is reached from other machines: set base_url to the https address that people use", origin("addr"), c.Addr)
		}
		return c.checkPasskeys(origin("require_passkey_roles"), "http://"+c.Addr)
	}
	u, err := url.Parse(c.BaseURL)
	if err != nil || u.Scheme == "http" && !c.InsecureHTTP && !isLoopback(u.Hostname()) {
		return fmt.Errorf("%s: %s has no TLS: use https (a proxy in front is enough) or set insecure_http: true", origin("base_url"), c.BaseURL)
	}
	return c.checkPasskeys(origin("require_passkey_roles"), c.BaseURL)
}

// checkIdle refuses what nobody can mean: to end what is not used after longer than it lasts when it is. A default is no word of
// theirs.
func (c Config) checkIdle(from map[string]value) error {
	for _, pair := range []struct {
		idle, ttl   string
		given, most time.Duration
	}{{"session_idle", "session_ttl", c.SessionIdle, c.SessionTTL}, {"login_idle", "login_ttl", c.LoginIdle, c.LoginTTL}} {
		if v, given := from[pair.idle]; given && pair.given > pair.most {
			return fmt.Errorf("%s: %s is longer than %s, which is %s: nothing would ever end for not being used", v.origin, span(pair.given), pair.ttl, span(pair.most))
		}
	}
	return nil
}

// checkPasskeys refuses to demand passkeys where browsers have none: nobody of these roles could sign in.
func (c Config) checkPasskeys(origin, base string) error {
	if len(c.RequirePasskeyRoles) == 0 || HasPasskeys(base) {
		return nil
	}
	return fmt.Errorf("%s: browsers have no passkeys for %s, so that nobody of %s could sign in: set base_url to https and a name, such as https://indent.example.com (on this machine http://localhost and the port will do), or leave it out",
		origin, base, strings.Join(c.RequirePasskeyRoles, ", "))
}

// HasPasskeys answers whether browsers let people use passkeys on a server of this address: it is a name and no number, with
// https or on this machine (WebAuthn, 5.1.3: an effective domain in a secure context). The room of identity, which this one
// cannot reach, says the same of a server that runs; a test in internal/app compares the two.
func HasPasskeys(base string) bool {
	u, err := url.Parse(base)
	if err != nil || u.Hostname() == "" || net.ParseIP(u.Hostname()) != nil {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname())
}

// Shared answers whether other nodes may work on the same database.
func (c Config) Shared() bool {
	return strings.HasPrefix(c.Database, "postgres://") || strings.HasPrefix(c.Database, "postgresql://")
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// Markdown answers the reference of all settings.
func Markdown() string {
	var b strings.Builder
	b.WriteString("# Settings\n\nGenerated by `make generate` from `internal/config/settings.go`; do not edit.\n\n" +
		"Sources, later ones win: the default, the YAML file (`--config`), the environment, flags. An unknown key is an error.\n\n" +
		"| key in the file | environment | default | what it does |\n| --- | --- | --- | --- |\n")
	for _, s := range settings {
		fallback := "(empty)"
		if s.fallback != "" {
			fallback = "`" + s.fallback + "`"
		}
		variable := "`" + envPrefix + strings.ToUpper(s.key) + "`"
		if slices.Contains(inFileOnly, s.key) {
			variable = "(none)"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.key, variable, fallback, s.doc)
	}
	b.WriteString(signInReference())
	return b.String()
}

// Sample answers a settings file in which every setting stands with its default, commented out.
func Sample() string {
	var b strings.Builder
	for _, s := range settings {
		fmt.Fprintf(&b, "# %s\n# %s: %q\n\n", s.doc, s.key, s.fallback)
	}
	b.WriteString(signInSample())
	return b.String()
}

// span writes a duration without parts that are nothing, such as 24h.
func span(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
