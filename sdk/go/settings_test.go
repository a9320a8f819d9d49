package indent

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDotEnvIsReadAsShellsWriteIt(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, text, value string }{
		{"plain", "A=plain", "plain"},
		{"exported", "export A=1", "1"},
		{"spaces around", "  A = 1  ", "1"},
		{"comment behind", "A=plain # comment", "plain"},
		{"hash inside", "A=pl#ain", "pl#ain"},
		{"single quotes keep all", `A='x # $y \n' # comment`, `x # $y \n`},
		{"double quotes escape", `A="two\nlines \"quoted\""`, "two\nlines \"quoted\""},
		{"quotes over lines", "A=\"one\ntwo\"", "one\ntwo"},
		{"empty", "A=", ""},
		{"empty with comment", "A=# nothing", ""},
		{"the last one wins", "A=1\nA=2", "2"},
		{"windows lines", "A=1\r\nB=2\r\n", "1"},
		{"byte order mark", "\ufeffA=1", "1"},
		{"no assignment before", "what is this\nA=1", "1"},
	}
	for _, c := range cases {
		if got := parseDotEnv(c.text)["A"]; got != c.value {
			t.Errorf("%s: %q has A=%q, want %q", c.name, c.text, got, c.value)
		}
	}
}

func TestSettingsComeFromOptionsThenEnvironmentThenNearestFile(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	write(t, filepath.Join(top, ".env"), "INDENT_API_URL=http://127.0.0.1:1\nINDENT_SPACE=far\nINDENT_API_TOKEN=fartoken")
	write(t, filepath.Join(top, "a", ".env"), "INDENT_SPACE=near\nINDENT_API_TOKEN=neartoken")
	write(t, filepath.Join(top, "a", "b", ".env"), "OTHER=1")
	folder := filepath.Join(top, "a", "b")
	environment := map[string]string{}
	from := surroundings{func(name string) (string, bool) { value, set := environment[name]; return value, set }, folder}

	s, err := readSettings(Options{}, from)
	if err != nil || s != (settings{url: DefaultURL, space: "near", token: "neartoken"}) {
		t.Errorf("the nearest file that sets INDENT_… is taken whole: got %+v, %v", s, err)
	}
	environment[envSpace] = "environment"
	if s, _ = readSettings(Options{}, from); s.space != "environment" || s.token != "neartoken" {
		t.Errorf("the environment wins over the file: got %+v", s)
	}
	if s, _ = readSettings(Options{Space: "option"}, from); s.space != "option" {
		t.Errorf("an option wins over the environment: got %+v", s)
	}
}

// A script whose secret did not arrive must not act as whoever has left a .env file there.
func TestATokenThatIsEmptyInTheEnvironmentIsNotTakenFromAFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write(t, filepath.Join(folder, ".env"), "INDENT_SPACE=file\nINDENT_API_TOKEN=filetoken")
	from := surroundings{func(name string) (string, bool) { return "", name == envToken || name == envSpace }, folder}
	var config *ConfigError
	if s, err := readSettings(Options{}, from); !errors.As(err, &config) || config.Name != envToken || config.Missing || !strings.Contains(err.Error(), "INDENT_API_TOKEN is set to nothing in the environment") {
		t.Errorf("got %+v, %v", s, err)
	}
	if s, err := readSettings(Options{Token: "given"}, from); err != nil || s.token != "given" || s.space != "file" {
		t.Errorf("a token that is given, and the space of the file: got %+v, %v", s, err)
	}
	source := func(context.Context) (string, error) { return "", nil }
	if _, err := readSettings(Options{TokenSource: source}, from); err != nil {
		t.Errorf("who has another source of tokens does not look there: %v", err)
	}
}

func TestAFileThatIsTooLargeOrNoTextIsPassedOver(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"large": "INDENT_SPACE=x\n#" + strings.Repeat("x", mostDotEnv), "binary": "INDENT_SPACE=\xff"} {
		folder := t.TempDir()
		write(t, filepath.Join(folder, ".env"), text)
		if found := findDotEnv(folder, "INDENT_"); found != nil {
			t.Errorf("%s: found %v", name, found)
		}
	}
}

func TestAFileInAFolderForEverybodyCountsOnlyWhenItIsOurs(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write(t, filepath.Join(folder, ".env"), "INDENT_SPACE=x")
	if err := os.Chmod(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	if findDotEnv(folder, "INDENT_")["INDENT_SPACE"] != "x" {
		t.Error("our own file was passed over")
	}
	if os.Geteuid() != 0 {
		return // only root can give a file away
	}
	if err := os.Chown(filepath.Join(folder, ".env"), 12345, -1); err != nil {
		t.Fatal(err)
	}
	if found := findDotEnv(folder, "INDENT_"); found != nil {
		t.Errorf("somebody else's file was taken: %v", found)
	}
}

func TestSettingsThatCannotBeUsedAreRefusedAndSayWhatToDo(t *testing.T) {
	t.Parallel()
	good := Options{URL: "https://indent.example.com", Space: testSpace, Token: testToken}
	with := func(change func(*Options)) Options { o := good; change(&o); return o }
	cases := []struct {
		name string
		o    Options
		want string
	}{
		{"no token", with(func(o *Options) { o.Token = "" }), "INDENT_API_TOKEN is not set: open https://indent.example.com/api-keys"},
		{"no space", with(func(o *Options) { o.Space = "" }), "INDENT_SPACE is not set"},
		{"nothing", Options{}, "INDENT_SPACE and INDENT_API_TOKEN are not set: open http://127.0.0.1:8080/api-keys"},
		{"token with a line break", with(func(o *Options) { o.Token = "abc\r\nX: 1" }), "copy it again"},
		{"no address", with(func(o *Options) { o.URL = "indent.example.com" }), "is not an address such as"},
		{"another scheme", with(func(o *Options) { o.URL = "ftp://x" }), "is not an address such as"},
		{"password in it", with(func(o *Options) { o.URL = "https://a:b@x" }), "must have no user, password"},
		{"query in it", with(func(o *Options) { o.URL = "https://x?a=b" }), "must have no user, password"},
		{"plain http", with(func(o *Options) { o.URL = "http://indent.example.com" }), "plain http to indent.example.com"},
		{"plain http to a name that begins like localhost", with(func(o *Options) { o.URL = "http://localhost.example.com" }), "plain http"},
	}
	for _, c := range cases {
		_, err := readSettings(c.o, surroundings{func(string) (string, bool) { return "", false }, ""})
		var config *ConfigError
		if !errors.As(err, &config) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want a ConfigError with %q", c.name, err, c.want)
		}
		if c.o.Token != "" && strings.Contains(err.Error(), c.o.Token) {
			t.Errorf("%s: the error repeats the token", c.name)
		}
	}
}

func TestAddressesThatMayHaveTheToken(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://indent.example.com/":      "https://indent.example.com",
		"https://indent.example.com/path/": "https://indent.example.com/path",
		"http://127.0.0.1:8080":            "http://127.0.0.1:8080",
		"http://[::1]:8080":                "http://[::1]:8080",
		"http://localhost:8080":            "http://localhost:8080",
		"http://indent.localhost":          "http://indent.localhost",
	} {
		if got, err := checkURL(address, false); err != nil || got != want {
			t.Errorf("%s: got %q, %v", address, got, err)
		}
	}
	if _, err := checkURL("http://10.0.0.7", true); err != nil {
		t.Errorf("plain http that was allowed: %v", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func FuzzDotEnvNeverFails(f *testing.F) {
	f.Add("export A=1\nB='x # y' # comment\nC=\"two\\nlines\"\nD=plain # comment\n# E=5")
	f.Fuzz(func(t *testing.T, text string) {
		for name := range parseDotEnv(text) {
			if name == "" {
				t.Errorf("%q has a name that is empty", text)
			}
		}
	})
}
