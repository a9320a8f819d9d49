package api

import (
	"encoding/json"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/indent-approvals/indent/internal/approval"
)

// hostile are characters that hide, reverse or fake text, or command a terminal: one of each kind.
var hostile = map[string]string{"NUL": "\x00", "escape": "\x1b[2J", "delete": "\x7f", "C1": "\u0085", "C1 CSI": "\u009b31m", "right-to-left override": "\u202e",
	"left-to-right isolate": "\u2066", "right-to-left mark": "\u200f", "zero width space": "\u200b", "word joiner": "\u2060", "byte order mark": "\ufeff",
	"line separator": "\u2028", "paragraph separator": "\u2029", "soft hyphen": "\u00ad", "hangul filler": "\u3164", "tag": "\U000e0041",
	"noncharacter": "\uffff", "replacement": "\ufffd", "lone carriage return": "\rx"}

// noText are bytes and escapes that no text is, as they stand between quotes.
var noText = map[string]string{"invalid UTF-8": "\xff", "overlong": "\xc0\x80", "encoded surrogate": "\xed\xa0\x80", "cut short": "\xe2\x82",
	"lone surrogate": `\ud800`, "lone low surrogate": `\udc00x`, "reversed pair": `\udc00\ud800`, "raw NUL": "\x00", "raw newline": "\n", "wrong escape": `\x41`}

const wholeResource = `{"id":"x","displayName":"d","altIds":["a"],"kind":"k","email":"e@x.example","labels":{"k":"v"}}`

const wholeWebhookPolicy = `{"name":"n","displayName":"d","labels":{"k":"v"},"base":{"selector":{"matchLabels":{"k":"v"},"matchExpressions":[{"key":"a","operator":"In","values":["b"]}]},"conditions":["true"]},"webhook":"hooked","calls":["GetDecision"],"serviceAccount":"quickstart","decideWithin":"10s"}`

const wholePullPolicy = `{"displayName":"d","base":{"selector":{"matchLabels":{"k":"v"},"matchExpressions":[{"key":"a","operator":"In","values":["b"]}]},"conditions":["true"]},"webhook":"hooked","kinds":["k"],"flags":{"k":"v"},"schedule":"0 3 * * *","labels":{"k":"v"},"takeLabels":["l"],"takeIdentities":true}`

// wholeBodies has every text of every body; one that is missing here fails [TestWholeBodiesAreWhole].
var wholeBodies = map[string][]string{
	"createPetition":  {wholePetition},
	"replacePetition": {wholePetition},
	"waitPetitions":   {`{"names":["00000000-0000-7000-8000-000000000001"]}`},
	"createClaim": {`{"claim":{"event":"access/deny","reason":"r","meta":{"labels":{"k":"v"}},"resources":[` + wholeResource + `]}}`,
		`{"claim":{"event":"access/approve","confirmation":{"credentialId":"AA","clientDataJSON":"e30","authenticatorData":"AA","signature":"AA"}}}`},
	"createResource":            {`{"resource":` + wholeResource + `}`},
	"putResource":               {`{"resource":` + wholeResource + `}`},
	"bulkUpdateResources":       {`{"resources":[` + wholeResource + `]}`},
	"bulkUpdateResourcesByPost": {`{"resources":[` + wholeResource + `]}`},
	"bulkDeleteResources":       {`{"names":["production"]}`, `{"resources":[` + strings.Replace(wholeResource, `"labels":{`, `"labels":{"indent.com/block":"nothing",`, 1) + `]}`},
	"revokeGrants":              {`{"person":"p","resource":"x","reason":"r","pageToken":"t"}`},
	"createToken":               {`{"serviceAccountId":"quickstart","displayName":"d","scope":"petitions:read"}`},
	"createServiceAccount":      {`{"serviceAccount":{"serviceAccountId":"bot","role":"Viewer","meta":{"displayName":"d"}}}`},
	"updateServiceAccount":      {`{"serviceAccount":{"role":"Viewer","meta":{"displayName":"d"}}}`},
	"createWebhook": {`{"webhook":{"name":"n","displayName":"d","labels":{"k":"v"},"url":"https://x.example","method":"POST","headers":{"k":{"value":"v"}},"secret":"sixteen-and-more-"}}`,
		`{"webhook":{"url":"https://x.example","headers":{"k":{"credential":"v"}}}}`},
	"updateWebhook": {`{"webhook":{"displayName":"d","labels":{"k":"v"},"url":"https://x.example","method":"POST","headers":{"k":{"value":"v"}}}}`,
		`{"webhook":{"headers":{"k":{"credential":"v"}}}}`},
	"rotateWebhookSecret": {`{}`},
	"settleWebhook":       {`{"reason":"r"}`},
	"createWebhookPolicy": {`{"webhookPolicy":` + wholeWebhookPolicy + `}`},
	"putWebhookPolicy":    {`{"webhookPolicy":` + strings.Replace(wholeWebhookPolicy, `"name":"n",`, "", 1) + `}`},
	"updateWebhookPolicy": {`{"webhookPolicy":` + strings.Replace(wholeWebhookPolicy, `"name":"n",`, "", 1) + `}`},
	"testWebhookPolicy": {`{"policy":"n","petition":"00000000-0000-7000-8000-000000000001"}`,
		`{"webhookPolicy":` + wholeWebhookPolicy + `,"resources":[` + wholeResource + `],"petitioners":[` + wholeResource + `],"params":{"k":"v"},"defaultDuration":"3600s"}`},
	"createPullPolicy": {`{"pullPolicy":` + strings.Replace(wholePullPolicy, `{`, `{"name":"n",`, 1) + `}`},
	"putPullPolicy":    {`{"pullPolicy":` + wholePullPolicy + `}`},
	"pullUpdate":       {`{"kinds":["k"],"flags":{"k":"v"},"policy":"n","wait":false}`},
	"createTrust":      {`{"issuer":"https://ci.example","audience":"a","claims":{"k":"v"},"scope":"petitions:read"}`},
	"exchangeToken": {`{"grantType":"refresh_token","refreshToken":"ind_x"}`, `{"grantType":"urn:ietf:params:oauth:grant-type:device_code","deviceCode":"x"}`,
		`{"grantType":"authorization_code","code":"x","codeVerifier":"x","redirectUri":"x"}`,
		`{"grantType":"urn:ietf:params:oauth:grant-type:token-exchange","subjectToken":"e30.e30.x","subjectTokenType":"urn:ietf:params:oauth:token-type:jwt","space":"acmecorp","serviceAccountId":"quickstart"}`,
		`{"grantType":"urn:ietf:params:oauth:grant-type:jwt-bearer","assertion":"e30.e30.x","space":"acmecorp","serviceAccountId":"quickstart"}`},
	"openLogin":        {`{"client":"c","host":"h","space":"acmecorp","scope":"petitions:read"}`},
	"endLogin":         {`{"token":"x"}`},
	"createSpace":      {`{"space":{"name":"x","displayName":"d","owner":"o@x.example"}}`},
	"updateSpace":      {`{"space":{"displayName":"d"}}`},
	"setSpacePolicy":   {`{"bindings":[{"role":"Owner","members":["owner@acmecorp.example"]}],"etag":"e"}`},
	"addToRole":        {`{"role":"Viewer","member":"viewer@acmecorp.example"}`, `{"role":"Viewer","members":["viewer@acmecorp.example"]}`},
	"removeFromRole":   {`{"role":"Editor","member":"editor@acmecorp.example"}`, `{"role":"Editor","members":["editor@acmecorp.example"]}`},
	"putMember":        {`{"member":{"role":"Viewer","displayName":"d"}}`},
	"createIdentity":   {`{"identity":"slack:x"}`},
	"createDelegation": {`{"to":"editor@acmecorp.example","from":"viewer@acmecorp.example","endTime":"2100-01-01T00:00:00Z","reason":"r"}`},
	"setGroupMembers":  {`{"members":[` + wholeResource + `]}`},
	"addGroupMembers":  {`{"members":[` + wholeResource + `]}`},
	"applyPolicy":      {`{"text":"t","reason":"r"}`},
	"rollBackPolicy":   {`{"version":1,"reason":"r"}`},
	"testPolicy":       {`{"text":"t"}`},
	"replayPolicy":     {`{"text":"t"}`},
	"checkPolicy":      {`{"text":"t"}`},
	"simulatePolicy":   {strings.TrimSuffix(wholePetition, "}") + `,"as":"viewer@acmecorp.example","text":"t"}`},
}

const wholePetition = `{"petition":{"petitioners":[` + wholeResource + `],"resources":[` + wholeResource + `],"reason":"r","defaultDuration":"3600s",` +
	`"params":{"k":"v"},"meta":{"displayName":"d","labels":{"k":"v"}}}}`

func TestWholeBodiesAreWhole(t *testing.T) {
	t.Parallel()
	for _, rt := range routes() {
		field, has := bodyField(rt.endpoint.in)
		if !has {
			continue
		}
		found := map[string]bool{}
		for _, body := range wholeBodies[rt.id] {
			for _, p := range textsOf(t, body) {
				found[p.field] = true
			}
		}
		for _, name := range textFields(field.Type, "") {
			if !found[name] {
				t.Errorf("%s: %s has no text in its whole bodies", rt.id, name)
			}
		}
	}
}

// textFields answers the paths of all texts that a type takes.
func textFields(t reflect.Type, at string) []string {
	switch {
	case t == reflect.TypeFor[jsontext.Value]():
		return []string{at + ".k"}
	case t == reflect.TypeFor[ignored]():
		return nil
	case t.Kind() == reflect.String:
		return []string{at}
	case t.Kind() == reflect.Slice:
		return textFields(t.Elem(), at+"[0]")
	case t.Kind() == reflect.Map:
		return textFields(t.Elem(), at+".k")
	case t.Kind() != reflect.Struct:
		return nil
	}
	var out []string
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); !f.Anonymous && name != "" {
			out = append(out, textFields(f.Type, strings.TrimPrefix(at+"."+name, "."))...)
		}
	}
	return out
}

// place is one text of a body, or the key of one, and the body around it.
type place struct {
	field         string
	before, after string // with the text's own quotes outside
}

// textsOf answers where the texts of a body are, and the keys that clients choose: those called k.
func textsOf(t *testing.T, body string) []place {
	t.Helper()
	var out []place
	dec := jsontext.NewDecoder(strings.NewReader(body))
	for {
		token, err := dec.ReadToken()
		if err != nil {
			return out
		}
		kind, n := dec.StackIndex(dec.StackDepth())
		isName := kind == '{' && n%2 == 1
		if token.Kind() != '"' || isName && token.String() != "k" {
			continue
		}
		p := place{field: fieldOf(dec.StackPointer()), before: body[:dec.InputOffset()-1], after: body[dec.InputOffset()-1:]}
		if isName {
			p.field += " (a key)"
		}
		out = append(out, p)
	}
}

// Each text of each body refuses each hostile character with 400, names itself, and says nothing of it as it is.
func TestHostileTextIsRefusedInEveryField(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for id, send := range h.withBody() {
		for _, body := range wholeBodies[id] {
			for _, p := range textsOf(t, body) {
				for what, bad := range hostile {
					quoted, err := json.Marshal(bad)
					h.must(err)
					a := send(p.before + string(quoted[1:len(quoted)-1]) + p.after)
					h.refusesText(id+"/"+p.field+"/"+what, p.field, a, bad)
				}
				for what, bad := range noText {
					a := send(p.before + bad + p.after)
					got := a.refused(400, approval.Invalid, fieldOr(a, ""))
					if want, _, _ := strings.Cut(p.field, " ("); !strings.HasPrefix(want, got.Field) && !strings.HasPrefix(got.Field, strings.TrimSuffix(want, "k")) {
						t.Errorf("%s/%s/%s: names %s", id, p.field, what, got.Field)
					}
				}
			}
		}
	}
}

// refusesText fails unless a hostile text was refused where it stood. A secret or a name may be one that nothing has
// instead: what is deleted is known by its name, and nothing else of it is looked at.
func (h *house) refusesText(what, field string, a answer, bad string) {
	h.Helper()
	if bad != "\ufffd" && strings.Contains(a.body, bad) {
		h.Errorf("%s: the answer holds the text as it is: %q", what, a.body)
	}
	id, _, _ := strings.Cut(what, "/")
	switch {
	case id == "exchangeToken" && a.status == 401:
		return
	case (id == "bulkDeleteResources" || field == "serviceAccountId") && a.status == 404:
		return
	}
	p := a.refused(400, approval.Invalid, fieldOr(a, ""))
	got := strings.NewReplacer("/", ".", " (a key)", "").Replace(p.Field)
	want, _, key := strings.Cut(field, " (a key)")
	if want = strings.NewReplacer("/", ".").Replace(want); got != want && got != strings.TrimSuffix(want, "[0]") && !(key && strings.HasPrefix(got, strings.TrimSuffix(want, ".k"))) && p.Field != "" {
		h.Errorf("%s: names %q", what, p.Field)
	}
}

// Parameters of the query and of headers: the same, and a path of which no name can be is not found.
func TestHostileTextIsRefusedInEveryParameter(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, rt := range routes() {
		if rt.permission == public || rt.endpoint.plan == nil {
			continue
		}
		path := expectations[rt.id].prepare(h, h.actor(theOwner)).path
		for _, d := range rt.endpoint.plan.params {
			for what, bad := range hostile {
				switch d.in {
				case "query":
					a := h.do(theOwner, rt.method, path+"?"+url.Values{d.name: {"x" + bad}}.Encode(), operations[rt.id].request)
					a.refused(400, approval.Invalid, d.name)
					h.lacks(rt.id+" "+d.name+" "+what, a, bad)
				case "header":
					if strings.ContainsFunc(bad, func(r rune) bool { return r < ' ' || r == 0x7f }) {
						continue // HTTP refuses it before us
					}
					a := h.do(theOwner, rt.method, path, operations[rt.id].request, d.name, "x"+bad)
					a.refused(400, approval.Invalid, d.name)
					h.lacks(rt.id+" "+d.name+" "+what, a, bad)
				}
			}
		}
	}
}

func (h *house) lacks(what string, a answer, bad string) {
	h.Helper()
	if bad != "\ufffd" && strings.Contains(a.body, bad) {
		h.Errorf("%s: the answer holds the text as it is: %q", what, a.body)
	}
}

// Every segment of every path: a hostile, over-long or empty name is not found, or refused, and never a failure inside.
func TestHostilePathsAreNotFound(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	names := append(slices.Collect(maps.Values(hostile)), strings.Repeat("x", 8000), "a/b", "a%2fb", "..;", "'", "%", "\xff", strconv.Itoa(1<<62))
	for _, rt := range routes() {
		for _, segment := range []string{"{space}", "{name}", "{claim}", "{member}", "{identity}"} {
			if !strings.Contains(rt.path, segment) {
				continue
			}
			for _, name := range names {
				path := strings.ReplaceAll(rt.path, segment, url.PathEscape(name))
				path = strings.NewReplacer("{space}", "acmecorp", "{name}", "production", "{claim}", "x", "{member}", "nobody@x.example", "{identity}", "x").Replace(path)
				a := h.do(theOwner, rt.method, path, operations[rt.id].request)
				if a.status != 404 && a.status != 400 || !strings.Contains(a.header.Get("Content-Type"), "problem+json") {
					t.Errorf("%s %q: %d %s", rt.method, path, a.status, a.body)
				}
				if name != "\ufffd" && slices.Contains(slices.Collect(maps.Values(hostile)), name) {
					h.lacks(rt.id+" "+segment, a, name)
				}
			}
		}
	}
}
