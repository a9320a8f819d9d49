package config

import (
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var byText = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "indent.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTheDefaultsAreWhatTheTableSays(t *testing.T) {
	t.Parallel()
	want := Config{Addr: "127.0.0.1:8080", Database: "indent.db", LogFormat: "json", LogLevel: "info", TokenTTL: time.Hour, SessionTTL: 12 * time.Hour, SessionIdle: 2 * time.Hour,
		DatabaseTimeout: 15 * time.Second, MaxConnections: 50_000, RateCalls: 2000, RatePetitions: 1000, RateRefusals: 10, RateWrong: 10, WaitsPerActor: 20_000,
		LoginIdle: 720 * time.Hour, LoginTTL: 2160 * time.Hour, SigningKeyMaxAge: 90 * 24 * time.Hour}
	got, err := Load(Source{})
	if diff := cmp.Diff(want, got, byText); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if diff := cmp.Diff(want, Default(), byText); diff != "" {
		t.Error(diff)
	}
}

func TestLaterSourcesWin(t *testing.T) {
	t.Parallel()
	file := write(t, "# ours\naddr: 127.0.0.1:1\ndatabase: 'postgres://u:p@db/indent'\nlog_format: text\nlog_level: debug\nlogin_idle: 24h\nlogin_ttl: 48h\ninsecure_http: true\ntoken_ttl: 90m\ndatabase_timeout: 5s\nmax_connections: 100\n"+
		"signing_key_max_age: 48h\nprivate_networks: 10.20.0.0/16, fd00:12::/32\nseal_keys: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=, AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='\n")
	got, err := Load(Source{File: file,
		Environ: []string{"HOME=/root", "INDENT_API_TOKEN=x", "INDENT_SPACE=y", "INDENT_SERVER_ADDR=127.0.0.1:2", "INDENT_SERVER_LOG_LEVEL=warn", "INDENT_SERVER_SESSION_TTL=8h", "INDENT_SERVER_OPERATORS= Ada@Example.com,bob@example.com "},
		Flags:   map[string]string{"addr": "127.0.0.1:3", "base_url": "https://Indent.Example.com:443/"}})
	want := Config{Addr: "127.0.0.1:3", BaseURL: "https://indent.example.com", InsecureHTTP: true, Database: "postgres://u:p@db/indent",
		LogFormat: "text", LogLevel: "warn", TokenTTL: 90 * time.Minute, SessionTTL: 8 * time.Hour, SessionIdle: 2 * time.Hour, DatabaseTimeout: 5 * time.Second, MaxConnections: 100,
		RateCalls: 2000, RatePetitions: 1000, RateRefusals: 10, RateWrong: 10, WaitsPerActor: 20_000,
		Operators: "ada@example.com,bob@example.com", LoginIdle: 24 * time.Hour, LoginTTL: 48 * time.Hour, SigningKeyMaxAge: 48 * time.Hour, PrivateNetworks: []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16"), netip.MustParsePrefix("fd00:12::/32")}, SealKeys: [][]byte{make([]byte, 32), append([]byte{1}, make([]byte, 31)...)}}
	if diff := cmp.Diff(want, got, byText); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if !got.Shared() || Default().Shared() {
		t.Error("PostgreSQL is shared by nodes, a file is not")
	}
}

// A file's error begins with its path, which the cases leave out: "FILE:2: addr" stands for it.
func TestWhatIsWrongNamesTheSettingAndWhereItCameFrom(t *testing.T) {
	t.Parallel()
	env := func(entries ...string) Source { return Source{Environ: entries} }
	flag := func(key, text string) Source { return Source{Flags: map[string]string{key: text}} }
	cases := []struct {
		name string
		file string
		src  Source
		want []string
	}{
		{"an unknown key of the file", "log_level: info\nlog_levle: debug\n", Source{}, []string{"FILE:2: log_levle", "did you mean log_level?"}},
		{"an unknown variable", "", env("INDENT_SERVER_ADR=x"), []string{"environment variable INDENT_SERVER_ADR", "did you mean INDENT_SERVER_ADDR?"}},
		{"an unknown flag", "", flag("datbase", "x"), []string{"flag --datbase", "did you mean --database?"}},
		{"a key like no other", "workers: 7", Source{}, []string{"FILE:1: workers", "there are addr, base_url"}},
		{"a variable like no other", "", env("INDENT_SERVER_WORKERS=7"), []string{"there are INDENT_SERVER_ADDR, INDENT_SERVER_BASE_URL"}},

		{"a wrong value in the file", "\ntoken_ttl: 10s", Source{}, []string{"FILE:2: token_ttl", `"10s"`, "1m to 24h"}},
		{"a wrong value in the environment", "", env("INDENT_SERVER_LOG_FORMAT=xml"), []string{"environment variable INDENT_SERVER_LOG_FORMAT", `"xml"`, "json, text"}},
		{"a wrong value of a flag", "", flag("log_level", "loud"), []string{"flag --log-level", "debug, info, warn, error"}},
		{"a number that is too many hours", "", env("INDENT_SERVER_SESSION_TTL=721h"), []string{"5m to 720h"}},
		{"a bare number for a time", "token_ttl: 3600", Source{}, []string{"FILE:1: token_ttl", "such as 1h"}},
		{"no whole number", "", env("INDENT_SERVER_MAX_CONNECTIONS=many"), []string{"INDENT_SERVER_MAX_CONNECTIONS", `"many"`, "10 to 1000000"}},
		{"too few connections to work with", "max_connections: 1", Source{}, []string{"FILE:1: max_connections", "10 to 1000000"}},
		{"an operator without an address", "operators: ada@example.com, bob", Source{}, []string{"FILE:1: operators", `"bob"`, "ada@example.com"}},
		{"an operator too few", "operators: 'ada@example.com,'", Source{}, []string{"FILE:1: operators", `""`}},
		{"an address without a port", "addr: localhost", Source{}, []string{"FILE:1: addr", "host:port"}},
		{"an address with a wrong port", "", flag("addr", "localhost:99999"), []string{"host:port"}},
		{"no database", "database: ''", Source{}, []string{"FILE:1: database", "not be empty"}},
		{"a rate below nothing", "rate_calls: -1", Source{}, []string{"FILE:1: rate_calls", "0 to 1000000"}},
		{"a proxy that is a name", "trusted_proxies: 10.0.0.0/8, proxy.internal", Source{}, []string{"FILE:1: trusted_proxies", `"proxy.internal"`, "such as 10.0.0.0/8"}},
		{"a network with a host in it", "trusted_proxies: 10.0.0.1/8", Source{}, []string{"FILE:1: trusted_proxies", `"10.0.0.1/8"`}},
		{"neither true nor false", "insecure_http: maybe", Source{}, []string{"FILE:1: insecure_http", "true, false"}},

		{"idle for longer than it lasts", "session_idle: 5h\nsession_ttl: 1h", Source{}, []string{"FILE:1: session_idle", "5h is longer than session_ttl, which is 1h"}},
		{"a login idle for longer than it lasts by default", "", env("INDENT_SERVER_LOGIN_IDLE=4000h"), []string{"INDENT_SERVER_LOGIN_IDLE", "longer than login_ttl, which is 2160h"}},

		{"a base URL with a path", "base_url: https://example.com/indent", Source{}, []string{"FILE:1: base_url", "scheme and a host only"}},
		{"a base URL of another scheme", "base_url: ftp://example.com", Source{}, []string{"scheme and a host only"}},
		{"a base URL with a password", "base_url: https://u:hunter2@example.com", Source{}, []string{"scheme and a host only"}},
		{"a base URL without TLS", "base_url: http://indent.example.com", Source{}, []string{"FILE:1: base_url", "has no TLS", "insecure_http: true"}},
		{"reached from outside without a base URL", "", env("INDENT_SERVER_ADDR=0.0.0.0:80"), []string{"environment variable INDENT_SERVER_ADDR", "set base_url"}},
		{"reached by every address without a base URL", "addr: ':8080'", Source{}, []string{"FILE:1: addr", "set base_url"}},

		{"a role that there is not", "require_passkey_roles: Owner, owner\nbase_url: https://indent.example.com", Source{}, []string{"FILE:1: require_passkey_roles", `there is no role "owner"`, "Petition Admin"}},
		{"passkeys by a number", "require_passkey_roles: Owner", Source{}, []string{"FILE:1: require_passkey_roles", "no passkeys for http://127.0.0.1:8080", "nobody of Owner could sign in"}},
		{"passkeys without TLS", "insecure_http: true\nbase_url: http://indent.example.com\nrequire_passkey_roles: Owner, Petition Admin", Source{}, []string{"FILE:3: require_passkey_roles", "nobody of Owner, Petition Admin could sign in"}},
		{"passkeys by a number with TLS", "base_url: https://10.1.2.3", env("INDENT_SERVER_REQUIRE_PASSKEY_ROLES=Editor"), []string{"environment variable INDENT_SERVER_REQUIRE_PASSKEY_ROLES", "no passkeys for https://10.1.2.3"}},

		{"networks inside by the environment", "", env("INDENT_SERVER_PRIVATE_NETWORKS=10.0.0.0/8"), []string{"INDENT_SERVER_PRIVATE_NETWORKS", "settings file"}},
		{"an address for a network", "private_networks: 10.1.2.3/8", Source{}, []string{"FILE:1: private_networks", "10.0.0.0/8"}},
		{"a key that is too short", "seal_keys: c2hvcnQ=", Source{}, []string{"FILE:1: seal_keys", "key 1 must be 32 bytes"}},
		{"a list", "addr: [a, b]", Source{}, []string{"FILE:1: addr", "one value"}},
		{"a map", "addr:\n  host: a", Source{}, []string{"FILE:1: addr", "one value"}},
		{"nothing", "base_url:\naddr: 127.0.0.1:1", Source{}, []string{"FILE:1: base_url", "one value"}},
		{"no settings", "- addr", Source{}, []string{"must hold settings"}},
		{"a key twice", "addr: 127.0.0.1:1\naddr: 127.0.0.1:2", Source{}, []string{"FILE:2:", "already defined"}},
		{"two documents", "addr: 127.0.0.1:1\n---\naddr: 127.0.0.1:2", Source{}, []string{"several documents"}},
		{"not YAML", "addr: [", Source{}, []string{"FILE:1:"}},
		{"a file that is too large", strings.Repeat("#", maxFile+1), Source{}, []string{"larger than 65536 bytes"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.file != "" {
				c.src.File = write(t, c.file)
			}
			_, err := Load(c.src)
			if err == nil {
				t.Fatal("it is taken")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), strings.Replace(want, "FILE", c.src.File, 1)) {
					t.Errorf("got %v, want %q in it", err, want)
				}
			}
		})
	}
}

// Who shortens what lasts has not said anything about what is idle: the default of that is nobody's mistake.
func TestAShorterSessionNeedsNoWordOfIdle(t *testing.T) {
	t.Parallel()
	if _, err := Load(Source{Environ: []string{"INDENT_SERVER_SESSION_TTL=1h", "INDENT_SERVER_LOGIN_TTL=24h"}}); err != nil {
		t.Error(err)
	}
}

func TestTheSourcesAreNamedWithoutWhatTheySay(t *testing.T) {
	t.Parallel()
	for want, src := range map[string]Source{
		"no file (--config names one), no variable INDENT_SERVER_…": {},
		"the file a.yaml, INDENT_SERVER_ADDR, INDENT_SERVER_DATABASE, --log-level": {File: "a.yaml", Flags: map[string]string{"log_level": "info"},
			Environ: []string{"HOME=/root", "INDENT_SERVER_DATABASE=postgres://u:hunter2@db/x", "INDENT_SERVER_ADDR=127.0.0.1:1"}},
	} {
		if got := src.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestAFileThatIsNotThereIsSaid(t *testing.T) {
	t.Parallel()
	if _, err := Load(Source{File: filepath.Join(t.TempDir(), "none.yaml")}); err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("got %v", err)
	}
}

func TestAFileMaySayNothing(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "\n", "# only a comment\n", Sample()} {
		if got, err := Load(Source{File: write(t, text)}); err != nil || !reflect.DeepEqual(got, Default()) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

func TestPlainHTTPIsForThisMachineOrSaidOutLoud(t *testing.T) {
	t.Parallel()
	for flags, want := range map[string]string{
		"http://localhost:8080":        "http://localhost:8080",
		"http://127.0.0.1":             "http://127.0.0.1",
		"http://[::1]:80":              "http://[::1]",
		"http://indent.localhost:8080": "http://indent.localhost:8080",
		"https://indent.example.com:8": "https://indent.example.com:8",
	} {
		got, err := Load(Source{Flags: map[string]string{"base_url": flags, "addr": "0.0.0.0:80"}})
		if err != nil || got.BaseURL != want {
			t.Errorf("%s: %q, %v", flags, got.BaseURL, err)
		}
	}
	loud := Source{Flags: map[string]string{"base_url": "http://10.0.0.7", "insecure_http": "true"}}
	if _, err := Load(loud); err != nil {
		t.Error(err)
	}
}

// The settings hold a password, errors end in logs.
func TestNoErrorQuotesAPassword(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"database: postgres://u:hunter2@db/x\naddr: [\n",
		"database: postgres://u:hunter2@db/x: y\n",
		"database: [postgres://u:hunter2@db/x]\n",
		"base_url: https://u:hunter2@example.com\n",
		"- postgres://u:hunter2@db/x\n",
		"postgres://u:hunter2@db/x\n",
		"database: \"postgres://u:hunter2@db/x\n",
	} {
		_, err := Load(Source{File: write(t, text)})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestTheReferenceHasEverySetting(t *testing.T) {
	t.Parallel()
	for _, s := range settings {
		for name, text := range map[string]string{"Markdown": Markdown(), "Sample": Sample()} {
			if !strings.Contains(text, s.key) || !strings.Contains(text, s.doc) {
				t.Errorf("%s lacks %s", name, s.key)
			}
		}
		if !slices.Contains(inFileOnly, s.key) && !strings.Contains(Markdown(), "`INDENT_SERVER_"+strings.ToUpper(s.key)+"`") {
			t.Errorf("the reference lacks the variable of %s", s.key)
		}
	}
}

// What the sample shows commented out is taken as it stands.
func TestTheSampleIsValid(t *testing.T) {
	t.Parallel()
	var lines []string
	for _, line := range strings.Split(Sample(), "\n") {
		if key, _, ok := strings.Cut(strings.TrimPrefix(line, "# "), ":"); ok && find(key) != nil {
			line = strings.TrimPrefix(line, "# ")
		}
		lines = append(lines, line)
	}
	if got, err := Load(Source{File: write(t, strings.Join(lines, "\n"))}); err != nil || !reflect.DeepEqual(got, Default()) {
		t.Errorf("%+v, %v", got, err)
	}
}

func FuzzFile(f *testing.F) {
	f.Add(Sample())
	f.Add("addr: 127.0.0.1:1\nlog_level: warn\n")
	f.Add("{\"addr\": \"127.0.0.1:1\"}")
	f.Fuzz(func(t *testing.T, text string) {
		path := write(t, text)
		if _, err := Load(Source{File: path}); err != nil && !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v does not say where", text, err)
		}
	})
}

// Whatever the environment says: it is refused by the variable's name, or is a setting that holds and reads the same again.
func FuzzEnvironment(f *testing.F) {
	for _, s := range settings {
		f.Add(strings.ToUpper(s.key), s.fallback)
	}
	f.Add("ADDR", "[::1]:0")
	f.Add("BASE_URL", "https://user:secret@indent.example/?q#f")
	f.Add("ADRR", "x")
	f.Fuzz(func(t *testing.T, name, text string) {
		entry := envPrefix + name + "=" + text
		got, err := Load(Source{Environ: []string{"PATH=/bin", entry}})
		if err != nil {
			if name, _, _ := strings.Cut(entry, "="); !strings.Contains(err.Error(), name) {
				t.Errorf("%q: %v does not say where", entry, err)
			}
			return
		}
		if again, err := Load(Source{Environ: []string{entry}}); err != nil || !reflect.DeepEqual(again, got) || got.TokenTTL <= 0 || got.SessionTTL <= 0 || got.Database == "" {
			t.Errorf("%q is %+v, and then %+v, %v", entry, got, again, err)
		}
	})
}

func TestTrustedProxiesAreAddressesAndNetworks(t *testing.T) {
	t.Parallel()
	got, err := Load(Source{File: write(t, "trusted_proxies: 10.0.0.0/8, 2001:db8::7,")})
	if err != nil || len(got.TrustedProxies) != 2 || got.TrustedProxies[0].String() != "10.0.0.0/8" || got.TrustedProxies[1].String() != "2001:db8::7/128" {
		t.Errorf("%v %v", got.TrustedProxies, err)
	}
}

func TestPasskeysMayBeDemandedWhereBrowsersHaveThem(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"base_url: https://indent.example.com", "addr: localhost:8080", "base_url: http://localhost:8080"} {
		got, err := Load(Source{File: write(t, text+"\nrequire_passkey_roles: ' Owner,Petition Admin, '\n")})
		if err != nil || !slices.Equal(got.RequirePasskeyRoles, []string{"Owner", "Petition Admin"}) {
			t.Errorf("%s: %q, %v", text, got.RequirePasskeyRoles, err)
		}
	}
	if got, err := Load(Source{File: write(t, "require_passkey_roles: ''")}); err != nil || got.RequirePasskeyRoles != nil {
		t.Errorf("none: %q, %v", got.RequirePasskeyRoles, err)
	}
	good := provider("issuer: https://login.microsoftonline.com/0d3c6a2e-6a53-4a3e-9f3a-1f1d3c1b2a10/v2.0")
	if _, err := Load(Source{File: write(t, good)}); err != nil {
		t.Errorf("a tenant: %v", err)
	}
	if _, err := Load(Source{File: write(t, provider("issuer: https://login.acme.example/common"))}); err != nil {
		t.Errorf("a path of somebody else's: %v", err)
	}
}
