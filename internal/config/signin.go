package config

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// SignIn is how people sign in with what their company has. It is in the settings file only: a list does not fit into a
// variable.
type SignIn struct {
	Providers []SignInProvider
}

// SignInProvider is one OpenID Connect provider.
type SignInProvider struct {
	Name         string
	DisplayName  string
	Issuer       string
	ClientID     string
	ClientSecret string // after [Config.ReadSecrets]
	// SecretFile and SecretVariable say where the secret is when the file does not hold it.
	SecretFile, SecretVariable string
	Spaces                     []string
	Scopes                     []string
	AllowedDomains             []string
	GroupsClaim                string
	GroupRoles                 map[string]string
	SyncGroups                 bool

	origin string // its place in the file
}

// Roles are the roles that group_roles may name. They are those of the product; the room that knows them is out of this
// room's reach, and a test in internal/app compares the two.
var Roles = []string{"Viewer", "Auditor", "Petition Admin", "Editor", "Owner"}

const (
	maxProviders = 16
	maxList      = 200
	maxSecret    = 4 << 10
)

// providerKey is one row of the table of a provider's keys.
type providerKey struct {
	key      string
	example  string // as YAML
	required bool
	doc      string
	set      func(*SignInProvider, entry) error
}

// providerKeys is a function, because the table and the reading of it know each other.
func providerKeys() []providerKey {
	return []providerKey{
		{"name", "okta", true, "Name of the provider in addresses and in the log: lower-case letters, digits and inner hyphens. Register `<base_url>/sign-in/callback/<name>` as the redirect URI.", func(p *SignInProvider, e entry) error {
			return e.matching(slug, "must be 1 to 63 lower-case letters, digits and inner hyphens, such as okta", &p.Name)
		}},
		{"display_name", "Okta", false, "What the button says. Default: the name.", func(p *SignInProvider, e entry) error {
			return e.matching(oneLine, "must be 1 to 100 characters on one line", &p.DisplayName)
		}},
		{"issuer", "https://acme.okta.com", true, "The provider's issuer, exactly as its tokens have it; its metadata are at `<issuer>/.well-known/openid-configuration`. https, except on this machine.", func(p *SignInProvider, e entry) error {
			return e.issuer(&p.Issuer)
		}},
		{"client_id", "indent", true, "The client's id at the provider. Only tokens for this audience count.", func(p *SignInProvider, e entry) error {
			return e.matching(visible, "must be 1 to 500 visible characters", &p.ClientID)
		}},
		{"client_secret", `"…"`, false, "The client's secret. Give one of the three.", func(p *SignInProvider, e entry) error {
			return e.matching(visible, "must be 1 to 500 visible characters", &p.ClientSecret)
		}},
		{"client_secret_file", "/run/secrets/okta", false, "A file that holds the secret and nothing else.", func(p *SignInProvider, e entry) error {
			return e.matching(visible, "must be the path of a file", &p.SecretFile)
		}},
		{"client_secret_env", "OKTA_CLIENT_SECRET", false, "An environment variable that holds the secret.", func(p *SignInProvider, e entry) error {
			return e.matching(variableName, "must be the name of an environment variable, such as OKTA_CLIENT_SECRET", &p.SecretVariable)
		}},
		{"space", "acmecorp", false, "The space that people sign in to. Give `space` or `spaces`.", func(p *SignInProvider, e entry) error {
			p.Spaces = make([]string, 1)
			return e.matching(slug, "must be the name of a space, such as acmecorp", &p.Spaces[0])
		}},
		{"spaces", "[acmecorp, acme-labs]", false, "Several spaces; who is a member of more than one chooses.", func(p *SignInProvider, e entry) error {
			return e.list(slug, "must be names of spaces, such as [acmecorp, acme-labs]", &p.Spaces)
		}},
		{"scopes", "[openid, email, profile, groups]", false, "What is asked of the provider. Default: `[openid, email, profile]`; `openid` is always asked.", func(p *SignInProvider, e entry) error {
			return e.list(scopeToken, "must be scopes, such as [openid, email, profile]", &p.Scopes)
		}},
		{"allowed_domains", "[acme.example]", false, "Domains for whose addresses this provider has the say: who has a verified address there becomes a Viewer at the first sign-in, and a member with that address is that person. Without it only people whom an owner has linked get in.", func(p *SignInProvider, e entry) error {
			return e.list(domain, "must be domains in lower case, such as [acme.example]", &p.AllowedDomains)
		}},
		{"groups_claim", "groups", false, "The claim that lists a person's groups.", func(p *SignInProvider, e entry) error {
			return e.matching(visible, "must be the name of a claim, such as groups", &p.GroupsClaim)
		}},
		{"group_roles", "{eng-admins: Editor}", false, "The role that a group gives: Viewer, Auditor, Petition Admin, Editor or Owner; of several groups the greatest. Who has left the group loses the role at the next sign-in, except the last owner of a space.", func(p *SignInProvider, e entry) error {
			return e.roles(&p.GroupRoles)
		}},
		{"sync_groups", "true", false, "true keeps the members of the directory's groups as the claim says, at each sign-in. Default: false.", func(p *SignInProvider, e entry) error {
			var text string
			if err := e.matching(trueOrFalse, "must be true or false", &text); err != nil {
				return err
			}
			p.SyncGroups = text == "true"
			return nil
		}},
	}
}

var (
	slug         = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	domain       = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	oneLine      = regexp.MustCompile(`^[^\pC\p{Zl}\p{Zp}]{1,100}$`)
	visible      = regexp.MustCompile(`^[!-~]{1,500}$`)
	groupName    = regexp.MustCompile(`^[^\pC\p{Zl}\p{Zp}]{1,500}$`)
	scopeToken   = regexp.MustCompile(`^[!#-\[\]-~]{1,200}$`) // RFC 6749, 3.3
	variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,200}$`)
	trueOrFalse  = regexp.MustCompile(`^(true|false)$`)
)

// signInIn reads what stands below sign_in.
func signInIn(path string, node ast.Node) (*SignIn, error) {
	top, err := entriesIn(path, "sign_in", node)
	if err != nil {
		return nil, err
	}
	s := &SignIn{}
	for _, e := range top {
		if e.key != "providers" {
			return nil, fmt.Errorf("%s: there is no such setting: %s", e.origin, nearestOf(e.key, []string{"providers"}, asWritten))
		}
		sequence, ok := e.value.(*ast.SequenceNode)
		if !ok {
			return nil, fmt.Errorf("%s must be a list of providers, each with a dash before its name", e.origin)
		}
		for i, item := range sequence.Values {
			p, err := providerIn(path, fmt.Sprintf("sign_in.providers[%d]", i), item)
			if err != nil {
				return nil, err
			}
			s.Providers = append(s.Providers, p)
		}
	}
	return s, s.check(path)
}

func (s *SignIn) check(path string) error {
	if len(s.Providers) == 0 || len(s.Providers) > maxProviders {
		return fmt.Errorf("%s: sign_in.providers must hold 1 to %d providers: leave sign_in out when there is none", path, maxProviders)
	}
	for i, p := range s.Providers {
		if slices.ContainsFunc(s.Providers[:i], func(o SignInProvider) bool { return o.Name == p.Name }) {
			return fmt.Errorf("%s: there are two providers called %s", p.origin, p.Name)
		}
	}
	return nil
}

func providerIn(path, place string, node ast.Node) (SignInProvider, error) {
	entries, err := entriesIn(path, place, node)
	if err != nil {
		return SignInProvider{}, err
	}
	keys := providerKeys()
	var known, given []string
	for _, k := range keys {
		known = append(known, k.key)
	}
	p := SignInProvider{origin: fmt.Sprintf("%s:%d: %s", path, node.GetToken().Position.Line, place)}
	for _, e := range entries {
		i := slices.Index(known, e.key)
		if i < 0 {
			return p, fmt.Errorf("%s: there is no such setting: %s", e.origin, nearestOf(e.key, known, asWritten))
		}
		if err := keys[i].set(&p, e); err != nil {
			return p, err
		}
		given = append(given, e.key)
	}
	for _, k := range keys {
		if k.required && !slices.Contains(given, k.key) {
			return p, fmt.Errorf("%s: %s is required, such as %s", p.origin, k.key, k.example)
		}
	}
	return p, p.complete(given)
}

// complete refuses what single keys cannot see, and fills in what was not said.
func (p *SignInProvider) complete(given []string) error {
	has := func(key string) bool { return slices.Contains(given, key) }
	secrets := 0
	for _, key := range []string{"client_secret", "client_secret_file", "client_secret_env"} {
		if has(key) {
			secrets++
		}
	}
	switch {
	case secrets != 1:
		return fmt.Errorf("%s: give one of client_secret, client_secret_file and client_secret_env", p.origin)
	case has("space") == has("spaces"):
		return fmt.Errorf("%s: give space, the name of the space that people sign in to, or spaces", p.origin)
	case (has("group_roles") || p.SyncGroups) && !has("groups_claim"):
		return fmt.Errorf("%s: group_roles and sync_groups need groups_claim, the name of the claim that lists the groups", p.origin)
	}
	if p.DisplayName == "" {
		p.DisplayName = p.Name
	}
	if !has("scopes") {
		p.Scopes = []string{"openid", "email", "profile"}
	}
	if !slices.Contains(p.Scopes, "openid") {
		p.Scopes = append([]string{"openid"}, p.Scopes...)
	}
	return nil
}

// ReadSecrets reads the secrets of the sign-in providers that the file only names. It is for whoever serves: the
// operator's other commands need none, and must work where the secrets are not.
func (c *Config) ReadSecrets(environ []string) error {
	if c.SignIn == nil {
		return nil
	}
	for i := range c.SignIn.Providers {
		if err := c.SignIn.Providers[i].readSecret(environ); err != nil {
			return err
		}
	}
	return nil
}

func (p *SignInProvider) readSecret(environ []string) error {
	switch {
	case p.SecretFile != "":
		f, err := os.Open(p.SecretFile)
		if err != nil {
			return fmt.Errorf("%s: client_secret_file cannot be read: %w", p.origin, err)
		}
		defer f.Close()
		raw, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
		if err != nil {
			return fmt.Errorf("%s: client_secret_file cannot be read: %w", p.origin, err)
		}
		p.ClientSecret = strings.TrimRight(string(raw), "\r\n")
	case p.SecretVariable != "":
		for _, entry := range environ {
			if name, text, _ := strings.Cut(entry, "="); name == p.SecretVariable {
				p.ClientSecret = text
			}
		}
	}
	if !visible.MatchString(p.ClientSecret) {
		where := "the file " + p.SecretFile
		if p.SecretVariable != "" {
			where = "the environment variable " + p.SecretVariable
		}
		return fmt.Errorf("%s: %s does not hold a secret of 1 to 500 visible characters on one line", p.origin, where)
	}
	return nil
}

// entry is one key below sign_in.
type entry struct {
	key    string
	origin string
	value  ast.Node
}

func entriesIn(path, place string, node ast.Node) ([]entry, error) {
	mapping, ok := node.(*ast.MappingNode)
	if !ok {
		return nil, fmt.Errorf("%s:%d: %s must hold settings, each on its line", path, node.GetToken().Position.Line, place)
	}
	var found []entry
	for _, v := range mapping.Values {
		key := v.Key.GetToken().Value
		found = append(found, entry{key, fmt.Sprintf("%s:%d: %s.%s", path, v.Key.GetToken().Position.Line, place, key), v.Value})
	}
	return found, nil
}

// matching sets a value of one line. What is refused is not repeated: it may be a secret.
func (e entry) matching(shape *regexp.Regexp, must string, to *string) error {
	text, ok := scalar(e.value)
	if !ok || !shape.MatchString(text) {
		return fmt.Errorf("%s %s", e.origin, must)
	}
	*to = text
	return nil
}

func (e entry) list(shape *regexp.Regexp, must string, to *[]string) error {
	sequence, ok := e.value.(*ast.SequenceNode)
	if !ok || len(sequence.Values) == 0 || len(sequence.Values) > maxList {
		return fmt.Errorf("%s %s", e.origin, must)
	}
	for _, item := range sequence.Values {
		text, ok := scalar(item)
		if !ok || !shape.MatchString(text) || slices.Contains(*to, text) {
			return fmt.Errorf("%s %s, each once", e.origin, must)
		}
		*to = append(*to, text)
	}
	return nil
}

func (e entry) roles(to *map[string]string) error {
	must := fmt.Errorf("%s must give each group a role, such as {eng-admins: Editor}; the roles are %s", e.origin, strings.Join(Roles, ", "))
	mapping, ok := e.value.(*ast.MappingNode)
	if !ok || len(mapping.Values) == 0 || len(mapping.Values) > maxList {
		return must
	}
	*to = map[string]string{}
	for _, v := range mapping.Values {
		group := v.Key.GetToken().Value
		role, ok := scalar(v.Value)
		if !ok || !groupName.MatchString(group) || !slices.Contains(Roles, role) {
			return must
		}
		(*to)[group] = role
	}
	return nil
}

// issuer takes the text as it is, for tokens must have the very same (OpenID Connect Core, 3.1.3.7). What separates the
// issuer from the subject in an identity is not in it.
func (e entry) issuer(to *string) error {
	if err := e.matching(visible, "must be an https address such as https://acme.okta.com", to); err != nil {
		return err
	}
	u, err := url.Parse(*to)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(*to, "?#|") ||
		u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return fmt.Errorf("%s must be an https address without a query, such as https://acme.okta.com: who could change what a provider says on its way here could sign in as anybody", e.origin)
	}
	if first, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/"); strings.ContainsAny(*to, "{}") || ofMicrosoft.MatchString(u.Hostname()) && slices.Contains(ofEveryTenant, strings.ToLower(first)) {
		return fmt.Errorf("%s is that of every tenant, and no token says it: write your own tenant's, https://login.microsoftonline.com/<tenant id>/v2.0, or accounts of any company could not be told from yours", e.origin)
	}
	return nil
}

// ofEveryTenant are the parts of an issuer of Entra ID that stand for accounts of any company, or of none.
var (
	ofEveryTenant = []string{"common", "organizations", "consumers"}
	ofMicrosoft   = regexp.MustCompile(`(?i)^(login|sts)\.(microsoftonline\.(com|us|de)|partner\.microsoftonline\.cn|chinacloudapi\.cn|windows\.net|microsoft\.com)$`)
)

// signInReference is the reference of sign_in.
func signInReference() string {
	var b strings.Builder
	b.WriteString("\n## Sign-in with your company's provider\n\n" +
		"`sign_in` is in the file only: a list `providers` of OpenID Connect providers, each with these keys. An unknown key is an error, and\n" +
		"the server does not start without the required ones. Examples are in [the guide](../guides/sign-in.md).\n\n" +
		"| key | such as | what it does |\n| --- | --- | --- |\n")
	for _, k := range providerKeys() {
		required := ""
		if k.required {
			required = "Required. "
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s%s |\n", k.key, k.example, required, k.doc)
	}
	return b.String()
}

// signInSample is a provider of the sample, commented out.
func signInSample() string {
	var b strings.Builder
	b.WriteString("# Sign-in with your company's OpenID Connect provider; more are further items of the list.\n# sign_in:\n#   providers:\n")
	dash := "- "
	for _, k := range providerKeys() {
		if k.key == "client_secret" || k.key == "client_secret_file" || k.key == "spaces" {
			continue // one of three, one of two
		}
		fmt.Fprintf(&b, "#     %s%s: %s\n", dash, k.key, k.example)
		dash = "  "
	}
	return b.String()
}
