package approval

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// Trust lets the tokens of an issuer elsewhere stand for a service account: a program that its platform vouches for needs
// no stored secret (workload identity).
type Trust struct {
	Space    string
	Name     string // UUID
	Account  string // Member.ID of the service account
	Issuer   string // the "iss" of its tokens, exactly; its keys are found below it (OpenID Connect Discovery)
	Audience string // the one "aud" of its tokens
	// Claims are texts that must be in the token: a value exactly, or with a star at its end, the beginning of one.
	Claims     map[string]string
	Scopes     []Permission // what its tokens may do at most; nil: all that the account may
	CreatedBy  Resource
	CreateTime time.Time
}

// Limits of trusts.
const (
	MaxTrusts        = 50 // of one service account
	MaxTrustClaims   = 16
	MaxIssuer        = 500
	MaxClaimName     = 200
	MaxOutsideBytes  = 16 << 10 // of a token from outside
	minBeginningSeps = 2
)

// notOfTheSubject are claims that say nothing of who the token is about.
var notOfTheSubject = []string{"iss", "aud", "exp", "iat", "nbf", "jti", "typ", "azp", "nonce"}

// Check refuses a trust that is out of its limits, or that would trust more than one subject of its issuer in all likelihood:
// an issuer such as that of GitHub Actions signs tokens for everybody who asks.
func (t Trust) Check() error {
	if err := checkIssuer(t.Issuer); err != nil {
		return err
	}
	if t.Audience == "" {
		return FieldError("audience", "is required: the address of this server, as the token's aud")
	}
	if err := checkID("audience", t.Audience, MaxIssuer); err != nil {
		return err
	}
	if len(t.Claims) == 0 {
		return FieldError("claims", "needs at least one besides iss and aud, such as sub=…; else everybody who gets a token of that issuer is trusted")
	}
	if len(t.Claims) > MaxTrustClaims {
		return FieldError("claims", "are more than %d", MaxTrustClaims)
	}
	for _, name := range sortedKeys(t.Claims) {
		if err := checkClaim(name, t.Claims[name]); err != nil {
			return err
		}
	}
	return t.checkShared()
}

// checkIssuer wants an https address without what a browser or a redirect could be made to misread.
func checkIssuer(issuer string) error {
	if err := checkID("issuer", issuer, MaxIssuer); err != nil {
		return err
	}
	rest, secure := strings.CutPrefix(issuer, "https://")
	if !secure {
		rest = strings.TrimPrefix(issuer, "http://")
		if host := strings.SplitN(rest, "/", 2)[0]; !loopbackHosts.MatchString(host) {
			rest = ""
		}
	}
	if rest == issuer || rest == "" || strings.HasPrefix(rest, "/") || strings.ContainsAny(rest, "?#@\\ %") {
		return FieldError("issuer", "must be the https address of an issuer, as in the iss of its tokens, such as https://token.actions.githubusercontent.com")
	}
	return nil
}

// loopbackHosts are where an issuer may be without TLS; only a server to play with speaks to them.
var loopbackHosts = regexp.MustCompile(`^(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?$`)

func checkClaim(name, value string) error {
	if name == "" {
		return FieldError("claims", "has an empty name")
	}
	field := "claims." + name
	if err := firstError(checkID("claims (a key)", name, MaxClaimName), checkID(field, value, MaxLabelValue)); err != nil {
		return err
	}
	beginning, open := strings.CutSuffix(value, "*")
	switch {
	case slices.Contains(notOfTheSubject, name):
		return FieldError(field, "says nothing of whose the token is: name what does, such as sub or repository")
	case value == "":
		return FieldError(field, "must have a value")
	case strings.Contains(beginning, "*"):
		return FieldError(field, "may have one star, at its end")
	case open && !isBeginning(beginning):
		return FieldError(field, "would fit too many: put the star behind a slash or a colon and what stands before it, such as repo:acme/app:*")
	}
	return nil
}

// isBeginning wants whole parts before a star: "repo:acme/" is one organisation, "repo:acme" is also acme-evil's, and
// "repo:" is everybody's.
func isBeginning(s string) bool {
	const separators = "/:"
	if s == "" || !strings.ContainsAny(s[len(s)-1:], separators) {
		return false
	}
	parts := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(separators, r) })
	return len(parts) >= minBeginningSeps || len(parts) == 1 && s == parts[0]+"/"
}

// sharedIssuers sign for everybody who has an account there. Of these claims a trust must have one: it says whose the
// program is, which a branch's or a workflow's name does not.
var sharedIssuers = map[string][]string{
	"https://token.actions.githubusercontent.com": {"sub", "repository", "repository_id", "repository_owner", "repository_owner_id", "enterprise", "enterprise_id"},
	"https://gitlab.com":                          {"sub", "project_id", "project_path", "namespace_id", "namespace_path"},
	"https://agent.buildkite.com":                 {"sub", "organization_id", "organization_slug"},
	"https://accounts.google.com":                 {"sub", "email"},
}

func (t Trust) checkShared() error {
	whose := sharedIssuers[strings.TrimSuffix(t.Issuer, "/")]
	for _, name := range whose {
		if t.Claims[name] != "" {
			return nil
		}
	}
	if whose == nil {
		return nil
	}
	return FieldError("claims", "must have one of %s: this issuer signs tokens for everybody, and only these say whose a token is", strings.Join(whose, ", "))
}

// Misfit answers the name of a claim that is not as the trust demands, "" when all are. claim answers the text of a claim of
// the token; what is no text fits nothing.
func (t Trust) Misfit(claim func(name string) (text string, ok bool)) string {
	for _, name := range sortedKeys(t.Claims) {
		want := t.Claims[name]
		got, ok := claim(name)
		beginning, open := strings.CutSuffix(want, "*")
		if !ok || !open && got != want || open && (!strings.HasPrefix(got, beginning) || got == beginning) {
			return name
		}
	}
	return ""
}

// resource answers the trust as it appears in events.
func (t Trust) resource() Resource {
	return Resource{ID: t.Name, Kind: "trust", DisplayName: t.Issuer}
}
