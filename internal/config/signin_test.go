package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// provider answers a file with one good provider, in which the line of a key is replaced; an empty line leaves it out.
func provider(lines ...string) string {
	given := []string{"name: okta", "issuer: https://acme.okta.com", "client_id: indent", "client_secret: s3cret-hunter2", "space: acmecorp"}
	for _, line := range lines {
		key, _, _ := strings.Cut(line, ":")
		replaced := false
		for i := range given {
			if strings.HasPrefix(given[i], key+":") {
				given[i], replaced = line, true
			}
		}
		if !replaced {
			given = append(given, line)
		}
	}
	text := "sign_in:\n  providers:\n    - # one\n"
	for _, line := range given {
		if !strings.HasSuffix(line, ":") {
			text += "      " + line + "\n"
		}
	}
	return text
}

func TestASignInProviderIsReadWhole(t *testing.T) {
	t.Parallel()
	text := provider("display_name: 'Okta of Acme'", "space:", "spaces: [acmecorp, acme-labs]", "scopes: [email, groups]", "allowed_domains: [acme.example, xn--bcher-kva.example]",
		"groups_claim: groups", "group_roles: {eng-admins: Editor, 'Owners of everything': Owner}", "sync_groups: true") +
		"    - {name: plain, issuer: 'http://127.0.0.1:9/realms/a/', client_id: b, client_secret_env: SECRET, space: acmecorp}\naddr: 127.0.0.1:1\n"
	got, err := Load(Source{File: write(t, text)})
	if err != nil {
		t.Fatal(err)
	}
	want := &SignIn{Providers: []SignInProvider{
		{Name: "okta", DisplayName: "Okta of Acme", Issuer: "https://acme.okta.com", ClientID: "indent", ClientSecret: "s3cret-hunter2", Spaces: []string{"acmecorp", "acme-labs"},
			Scopes: []string{"openid", "email", "groups"}, AllowedDomains: []string{"acme.example", "xn--bcher-kva.example"}, GroupsClaim: "groups",
			GroupRoles: map[string]string{"eng-admins": "Editor", "Owners of everything": "Owner"}, SyncGroups: true},
		{Name: "plain", DisplayName: "plain", Issuer: "http://127.0.0.1:9/realms/a/", ClientID: "b", SecretVariable: "SECRET", Spaces: []string{"acmecorp"}, Scopes: []string{"openid", "email", "profile"}},
	}}
	if diff := cmp.Diff(want, got.SignIn, cmpopts.IgnoreUnexported(SignInProvider{})); diff != "" {
		t.Error(diff)
	}
	if got.Addr != "127.0.0.1:1" {
		t.Errorf("what stands behind it is not read: %+v", got)
	}
}

// The server does not start without an issuer and an audience, and what is wrong is named with its line.
func TestWhatIsWrongWithAProviderNamesTheKey(t *testing.T) {
	t.Parallel()
	at := "sign_in.providers[0]"
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"no issuer":                    {provider("issuer:"), []string{"FILE:4: " + at, "issuer is required"}},
		"an empty issuer":              {provider("issuer: ''"), []string{at + ".issuer must be an https address"}},
		"no audience":                  {provider("client_id:"), []string{at, "client_id is required"}},
		"an empty audience":            {provider("client_id: ''"), []string{at + ".client_id"}},
		"no name":                      {provider("name:"), []string{at, "name is required"}},
		"a name that is no address":    {provider("name: a/../b"), []string{at + ".name", "inner hyphens"}},
		"an issuer without TLS":        {provider("issuer: http://login.acme.example"), []string{"FILE:5: " + at + ".issuer", "https"}},
		"an issuer with a query":       {provider("issuer: 'https://login.acme.example/?x'"), []string{"without a query"}},
		"an issuer with a fragment":    {provider("issuer: 'https://login.acme.example/#x'"), []string{"without a query"}},
		"an issuer with a password":    {provider("issuer: 'https://u:s3cret@login.acme.example'"), []string{at + ".issuer"}},
		"an issuer with a bar":         {provider("issuer: 'https://login.acme.example/a|b'"), []string{at + ".issuer"}},
		"an issuer of every tenant":    {provider("issuer: https://login.microsoftonline.com/common/v2.0"), []string{"FILE:5: " + at + ".issuer", "your own tenant's"}},
		"of every organisation":        {provider("issuer: https://login.microsoftonline.us/organizations/v2.0"), []string{at + ".issuer", "your own tenant's"}},
		"of every consumer":            {provider("issuer: https://sts.windows.net/Consumers/"), []string{at + ".issuer", "your own tenant's"}},
		"a template for an issuer":     {provider("issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0'"), []string{at + ".issuer", "your own tenant's"}},
		"no secret":                    {provider("client_secret:"), []string{at, "give one of client_secret"}},
		"two secrets":                  {provider("client_secret_env: A"), []string{at, "give one of client_secret"}},
		"no space":                     {provider("space:"), []string{at, "give space"}},
		"two kinds of spaces":          {provider("spaces: [a]"), []string{at, "give space"}},
		"an unknown key":               {provider("clientid: x"), []string{at + ".clientid", "did you mean client_id?"}},
		"a key like no other":          {provider("workers: 7"), []string{at + ".workers", "there are name, display_name, issuer"}},
		"a key twice":                  {provider("name: a\n      name: b"), []string{"already defined"}},
		"an unknown key of sign_in":    {"sign_in:\n  provider: []\n", []string{"FILE:2: sign_in.provider", "did you mean providers?"}},
		"an unknown name of sign_in":   {"signin:\n  providers: []\n", []string{"FILE:1: signin", "did you mean sign_in?"}},
		"no provider":                  {"sign_in:\n  providers: []\n", []string{"1 to 16 providers"}},
		"nothing":                      {"sign_in:\n", []string{"FILE:1: sign_in must hold settings"}},
		"no list":                      {"sign_in:\n  providers: {name: a}\n", []string{"must be a list of providers"}},
		"a list of words":              {"sign_in:\n  providers: [okta]\n", []string{at + " must hold settings"}},
		"two of one name":              {provider() + strings.TrimPrefix(provider(), "sign_in:\n  providers:\n"), []string{"two providers called okta"}},
		"a domain with a mailbox":      {provider("allowed_domains: ['@acme.example']"), []string{at + ".allowed_domains"}},
		"a domain that is a pattern":   {provider("allowed_domains: ['*.example']"), []string{at + ".allowed_domains"}},
		"a domain without a dot":       {provider("allowed_domains: [example]"), []string{at + ".allowed_domains"}},
		"one domain without a list":    {provider("allowed_domains: acme.example"), []string{at + ".allowed_domains"}},
		"an empty list of domains":     {provider("allowed_domains: []"), []string{at + ".allowed_domains"}},
		"a role that there is not":     {provider("groups_claim: g", "group_roles: {a: editor}"), []string{at + ".group_roles", "Petition Admin"}},
		"roles without a claim":        {provider("group_roles: {a: Editor}"), []string{at, "need groups_claim"}},
		"groups without a claim":       {provider("sync_groups: true"), []string{at, "need groups_claim"}},
		"roles in a list":              {provider("groups_claim: g", "group_roles: [a, Editor]"), []string{at + ".group_roles"}},
		"neither true nor false":       {provider("groups_claim: g", "sync_groups: maybe"), []string{at + ".sync_groups must be true or false"}},
		"a scope with a blank":         {provider("scopes: ['openid email']"), []string{at + ".scopes"}},
		"a scope twice":                {provider("scopes: [email, email]"), []string{at + ".scopes", "each once"}},
		"a map where a value belongs":  {provider("client_secret: {a: b}"), []string{at + ".client_secret"}},
		"a secret of two lines":        {provider("client_secret: \"s3cret\\nhunter2\""), []string{at + ".client_secret"}},
		"a button that hides its name": {provider("display_name: \"a\u202eb\""), []string{at + ".display_name"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := write(t, c.text)
			_, err := Load(Source{File: file})
			if err == nil {
				t.Fatal("it is taken")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), strings.Replace(want, "FILE", file, 1)) {
					t.Errorf("got %v, want %q in it", err, want)
				}
			}
			if strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the secret is quoted: %v", err)
			}
		})
	}
}

func TestSecretsAreReadByWhoServes(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	for text, want := range map[string]string{"hunter2\n": "hunter2", "hunter2": "hunter2", "": "", "two\nlines": "", strings.Repeat("x", 501): ""} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for line, environ := range map[string][]string{"client_secret_file: " + file: nil, "client_secret_env: SECRET": {"A=b", "SECRET=" + strings.TrimSuffix(text, "\n")}} {
			c, err := Load(Source{File: write(t, provider("client_secret:", line))})
			if err != nil || c.SignIn.Providers[0].ClientSecret != "" {
				t.Fatalf("the operator's commands need the secret: %v", err)
			}
			err = c.ReadSecrets(environ)
			if want != "" && (err != nil || c.SignIn.Providers[0].ClientSecret != want) {
				t.Errorf("%s of %q: %v", line, text, err)
			}
			if want == "" && (err == nil || !strings.Contains(err.Error(), "sign_in.providers[0]")) {
				t.Errorf("%s of %q: %v", line, text, err)
			}
		}
	}
	c, err := Load(Source{File: write(t, provider("client_secret:", "client_secret_file: "+file+".none"))})
	if err != nil || c.ReadSecrets(nil) == nil {
		t.Errorf("a file that is not there: %v", err)
	}
	plain := Default()
	if err := plain.ReadSecrets(nil); err != nil {
		t.Error(err)
	}
}

func TestTheReferenceHasEveryKeyOfAProvider(t *testing.T) {
	t.Parallel()
	for _, k := range providerKeys() {
		if !strings.Contains(Markdown(), "| `"+k.key+"` |") || !strings.Contains(Markdown(), k.doc) {
			t.Errorf("the reference lacks %s", k.key)
		}
	}
	var lines []string
	_, sample, _ := strings.Cut(Sample(), "# sign_in:\n")
	for _, line := range strings.Split("# sign_in:\n"+sample, "\n") {
		lines = append(lines, strings.TrimPrefix(line, "# "))
	}
	got, err := Load(Source{File: write(t, strings.Join(lines, "\n"))})
	if err != nil || len(got.SignIn.Providers) != 1 || got.SignIn.Providers[0].GroupRoles["eng-admins"] != "Editor" {
		t.Errorf("the sample is not good: %v\n%s", err, strings.Join(lines, "\n"))
	}
}

func FuzzSignIn(f *testing.F) {
	f.Add(provider())
	f.Add(provider("group_roles: {a: Editor}", "groups_claim: g"))
	f.Add("sign_in: {providers: [{name: a, issuer: 'https://a.b', client_id: c, client_secret: d, spaces: [e]}]}")
	f.Fuzz(func(t *testing.T, text string) {
		path := write(t, text)
		c, err := Load(Source{File: path})
		if err != nil {
			if !strings.Contains(err.Error(), path) {
				t.Errorf("%q: %v does not say where", text, err)
			}
			return
		}
		if c.SignIn == nil {
			return
		}
		for _, p := range c.SignIn.Providers {
			if p.Name == "" || p.Issuer == "" || p.ClientID == "" || len(p.Spaces) == 0 || !strings.HasPrefix(p.Issuer, "http") || strings.Contains(p.Issuer, "|") {
				t.Errorf("%q is taken as %+v", text, p)
			}
		}
	})
}
