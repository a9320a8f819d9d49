package webhook

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/indent-approvals/indent/internal/approval"
)

const (
	// kept is how much of a body the record of an attempt has, in bytes.
	kept     = 16 << 10
	keptLine = 1 << 10
	redacted = "[redacted]"
	// shortestSecret is the length from which on a secret is looked for in texts: what is shorter stands in any text.
	shortestSecret = 4
)

// signatures are headers whose values let whoever reads the record send the call again.
var signatures = []string{HeaderIndentSignature, HeaderSignature, "Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie"}

// secretsOf answers every text that no record may have.
func secretsOf(t approval.WebhookTarget) (all []string) {
	add := func(s string) {
		for _, text := range append(escaped(s), s) {
			if len(text) >= shortestSecret && !slices.Contains(all, text) {
				all = append(all, text)
			}
		}
	}
	for _, k := range t.Keys {
		add(k.Secret)
		add(strings.TrimPrefix(k.Secret, secretPrefix))
	}
	for _, h := range t.Headers {
		if !h.Secret {
			continue
		}
		add(h.Value)
		// An endpoint may quote the credential without the scheme that stands before it.
		if _, rest, ok := strings.Cut(h.Value, " "); ok {
			add(strings.TrimSpace(rest))
		}
	}
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) }) // the longest first: one may be part of another
	return all
}

// inJSON are the ways in which writers of JSON escape what a secret may have: some do more than they must.
var inJSON = func() (ways []*strings.Replacer) {
	must, slash := []string{`\`, `\\`, `"`, `\"`}, []string{`/`, `\/`}
	html := []string{"<", `\u003c`, ">", `\u003e`, "&", `\u0026`}
	for _, way := range [][]string{must, slices.Concat(must, slash), slices.Concat(must, html), slices.Concat(must, slash, html)} {
		ways = append(ways, strings.NewReplacer(way...))
	}
	return ways
}()

// escaped answers a secret as an answer in JSON has it that says it back.
func escaped(secret string) (all []string) {
	for _, way := range inJSON {
		all = append(all, way.Replace(secret))
	}
	return all
}

// clean takes secrets out of a text, bounds it and makes it valid.
func clean(text string, secrets []string, most int) string {
	begin, whole := withoutSecrets(text, secrets, most+room)
	begin = shortened(approval.Redact(strings.ToValidUTF8(begin, "�")), most)
	if !whole && !strings.HasSuffix(begin, "…") {
		begin += "…"
	}
	return begin
}

// room is what a text is cleaned for beyond what is kept of it, so that a credential that stands at the end is known for one.
const room = 256

// withoutSecrets answers the beginning of a text without the secrets, and whether it is all of it. What comes behind is not looked at, and
// a secret that lies across the end is hidden whole.
func withoutSecrets(text string, secrets []string, most int) (begin string, whole bool) {
	var out strings.Builder
	until := 0 // where what is hidden ends: secrets may overlap
	for i := range len(text) {
		if out.Len() >= most {
			return out.String(), false
		}
		inside := i < until
		for _, s := range secrets {
			if i+len(s) > until && strings.HasPrefix(text[i:], s) {
				until = i + len(s)
			}
		}
		switch {
		case i >= until:
			out.WriteByte(text[i])
		case !inside:
			out.WriteString(redacted)
		}
	}
	return out.String(), true
}

// shortened cuts a text behind a whole character and says so.
func shortened(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}

// headersOf answers headers as the record has them.
func headersOf(h http.Header, own []approval.WebhookHeader, secrets []string) map[string]string {
	out := map[string]string{}
	for name, values := range h {
		hidden := slices.Contains(signatures, name) || slices.ContainsFunc(own, func(o approval.WebhookHeader) bool {
			return o.Secret && http.CanonicalHeaderKey(o.Name) == name
		})
		if hidden {
			out[name] = redacted
			continue
		}
		out[name] = clean(strings.Join(values, ", "), secrets, keptLine)
	}
	return out
}

// placeOf answers an address without what may be a secret in it: the values of its query.
func placeOf(address string, secrets []string) string {
	u, err := url.Parse(address)
	if err != nil {
		return redacted
	}
	u.User, u.Fragment = nil, ""
	if u.RawQuery != "" {
		names := []string{}
		for name := range u.Query() {
			names = append(names, url.QueryEscape(name)+"=…")
		}
		slices.Sort(names)
		u.RawQuery = strings.Join(names, "&")
	}
	return clean(u.String(), secrets, keptLine)
}
