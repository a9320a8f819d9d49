package indent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"testing"
	"time"

	indent "github.com/indent-approvals/indent/sdk/go"
)

// The cases of spec/cases on a real server: once as raw HTTP, each request as it stands, and once through this client, held
// against what it sends and what it returns.
func TestCases(t *testing.T) {
	t.Parallel()
	for _, c := range readCases(t) {
		for _, way := range []string{"raw", "client"} {
			t.Run(c.Name+"/"+way, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				for i, step := range c.Steps {
					found := w.live(step, way == "raw")
					for _, difference := range found {
						t.Errorf("step %d (%v %v): %s", i+1, step["do"], step["request"], difference)
					}
					if len(found) > 0 {
						t.Fatal(c.Why)
					}
				}
			})
		}
	}
}

// world is what one case lives in.
type world struct {
	t *testing.T
	variables
}

func newWorld(t *testing.T) *world {
	return &world{t, variables{"space": "acmecorp", "requester": "quickstart", "reviewer": "you@acmecorp.example",
		"tomorrow": time.Now().UTC().Add(24 * time.Hour).Truncate(time.Second).Format(time.RFC3339),
		"run":      "r" + strings.ReplaceAll(randomUUID(), "-", "")[:12]}}
}

// live does the step and says what was not as the case has it.
func (w *world) live(step object, raw bool) (found []string) {
	exchanges := []any{step}
	if list, ok := step["exchanges"].([]any); ok {
		exchanges = list
	}
	space, _ := w.fill(step["in"]).(string)
	if space == "" {
		space = "acmecorp"
	}
	token := w.token(step["as"])
	do, _ := step["do"].(string)
	if do == "" || raw {
		for _, e := range exchanges {
			found = append(found, w.byHand(e.(object), token, space, do)...)
		}
		return found
	}
	r := &recorder{}
	returned, err := w.do(do, w.object(step, "with"), r, token, space)
	if len(r.seen) != len(exchanges) {
		return []string{fmt.Sprintf("%d requests, not %d: %v", len(r.seen), len(exchanges), err)}
	}
	for i, e := range exchanges {
		found = append(found, w.compare(e.(object), r.seen[i])...)
	}
	return append(found, w.result(do, exchanges, returned, err)...)
}

func (w *world) token(as any) string {
	switch as {
	case "requester":
		return settingsIn(w.t, devServer.DevEnv)["INDENT_API_TOKEN"]
	case "reviewer":
		return settingsIn(w.t, devServer.ReviewerEnv)["INDENT_API_TOKEN"]
	case "stranger":
		return "ind_" + strings.Repeat("0", 38)
	case "nobody":
		return ""
	}
	token, _ := w.fill(as.(object)["token"]).(string)
	return token
}

// do carries an operation out through the client. The arguments of a call that cannot be expressed in Go are the case's fault.
func (w *world) do(do string, with object, r *recorder, token, space string) (any, error) {
	c, err := indent.New(indent.Options{URL: devServer.URL(), Space: space, Token: token, Retries: -1, HTTPClient: &http.Client{Transport: r}})
	if err != nil {
		return nil, err
	}
	operation := operations[do]
	if operation == nil {
		w.t.Fatalf("there is no operation %s", do)
	}
	return operation(w.t.Context(), c, arguments{w.t, with})
}

// compare holds what went over the wire against the case.
func (w *world) compare(e object, s exchange) []string {
	request, _ := w.fill(e["request"]).(string)
	want := messageOf(request, w.object(e, "headers"), w.fill(e["body"]))
	return append(want.differences(s.request), w.answer(e, s)...)
}

func (w *world) answer(e object, s exchange) (found []string) {
	if status := fmt.Sprint(e["status"]); status != fmt.Sprint(s.status) {
		return []string{fmt.Sprintf("status %d, not %s: %.500s", s.status, status, s.body)}
	}
	var body any
	if want, ok := e["events"]; ok {
		found = append(found, differences("text/event-stream", s.header.Get("Content-Type"), "the answer's content type")...)
		return append(found, differences(w.fill(want), eventsOf(s.body), "the events")...)
	}
	if len(s.body) > 0 {
		if err := decodeNumbers(s.body, &body); err != nil {
			return []string{fmt.Sprintf("the answer is no JSON: %.200s", s.body)}
		}
	}
	for name, want := range w.object(e, "answerHeaders") {
		found = append(found, differences(want, s.header.Get(name), "the answer's "+name)...)
	}
	if problem := w.object(e, "error"); problem != nil {
		want := object{"field": "<absent>", "status": e["status"], "type": "about:blank", "title": "<any>", "detail": "<any>"}
		for key, value := range problem {
			want[key] = value
		}
		found = append(found, differences("application/problem+json", s.header.Get("Content-Type"), "the answer's content type")...)
		return append(found, differences(want, body, "the problem")...)
	}
	if want, ok := e["answer"]; ok {
		found = append(found, differences(w.fill(want), body, "the answer")...)
	}
	if keep, ok := e["keep"].(string); ok {
		w.variables[keep] = body
	}
	return found
}

// result holds what the client returned against the case.
func (w *world) result(do string, exchanges []any, returned any, err error) (found []string) {
	last := exchanges[len(exchanges)-1].(object)
	if problem := w.object(last, "error"); problem != nil {
		var refused *indent.Error
		if !errors.As(err, &refused) {
			return []string{fmt.Sprintf("returned %v", err)}
		}
		want := object{"field": "<absent>", "status": last["status"]}
		for key, value := range problem {
			want[key] = value
		}
		got := generic(object{"status": refused.Status, "code": refused.Code, "field": refused.Field, "message": refused.Message})
		return differences(want, got, "the error")
	}
	if err != nil {
		return []string{fmt.Sprintf("returned %v", err)}
	}
	got := generic(returned)
	if strings.HasSuffix(do, ".list") || do == "resource.bulkUpdate" || do == "grant.revoke" {
		return w.listed(exchanges, got)
	}
	want := w.fill(last["answer"])
	if isEmpty(want) {
		want = "<absent>"
	}
	return differences(want, got, "the result")
}

// listed compares with the arrays of the answers, one after the other.
func (w *world) listed(exchanges []any, got any) (found []string) {
	var all []any
	for _, e := range exchanges {
		for name, items := range w.object(e.(object), "answer") {
			list, whole := items.([]any)
			if name != "nextPageToken" && !whole {
				return differences(items, got, "the result")
			}
			all = append(all, list...)
		}
	}
	return differences(all, got, "the result")
}

// byHand sends what the case says with a plain HTTP client.
func (w *world) byHand(e object, token, space, do string) []string {
	request, _ := w.fill(e["request"]).(string)
	method, target, _ := strings.Cut(request, " ")
	var content io.Reader
	if body, ok := e["body"]; ok {
		content = bytes.NewReader(exact(w.fill(body)))
	}
	if raw, ok := e["raw"]; ok {
		content = strings.NewReader(joined(w.fill(raw)))
	}
	r, err := http.NewRequestWithContext(w.t.Context(), method, devServer.URL()+target, content)
	if err != nil {
		return []string{err.Error()}
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Indent-Space", space)
	if token != "" && do != "token.exchange" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for name, value := range w.object(e, "headers") {
		if value == "<any>" {
			value = randomUUID()
		}
		r.Header.Set(name, value.(string))
	}
	recorder := &recorder{}
	response, err := recorder.RoundTrip(r)
	if err != nil {
		return []string{err.Error()}
	}
	_ = response.Body.Close()
	return w.answer(e, recorder.seen[0])
}

func joined(raw any) string {
	pieces, ok := raw.([]any)
	if !ok {
		return raw.(string)
	}
	var b strings.Builder
	for _, piece := range pieces {
		b.WriteString(piece.(string))
	}
	return b.String()
}

// recorder sends over the network, and remembers what went there and back.
type recorder struct{ seen []exchange }

type exchange struct {
	request message
	status  int
	header  http.Header
	body    []byte
}

func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	var sent any
	if request.Body != nil {
		content, err := io.ReadAll(request.Body)
		if err != nil {
			return nil, err
		}
		_ = decodeNumbers(content, &sent)
		request.Body = io.NopCloser(bytes.NewReader(content))
	}
	headers := object{}
	for name, values := range request.Header {
		headers[name] = values[0]
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	response.Body = io.NopCloser(bytes.NewReader(body))
	target := request.Method + " " + request.URL.RequestURI()
	r.seen = append(r.seen, exchange{messageOf(target, headers, sent), response.StatusCode, response.Header, body})
	return response, err
}

// arguments are what a case gives to an operation.
type arguments struct {
	t    *testing.T
	with object
}

func (a arguments) text(name string) string { s, _ := a.with[name].(string); return s }
func (a arguments) is(name string) bool     { b, _ := a.with[name].(bool); return b }

func (a arguments) number(name string) float64 {
	n, _ := a.with[name].(json.Number)
	f, _ := n.Float64()
	return f
}

func (a arguments) duration(name string) time.Duration {
	if a.text(name) == "" {
		return 0
	}
	d, err := time.ParseDuration(a.text(name))
	if err != nil {
		a.t.Fatal(err)
	}
	return d
}

func (a arguments) moment(name string) time.Time {
	if a.text(name) == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, a.text(name))
	if err != nil {
		a.t.Fatal(err)
	}
	return at
}

// into reads an argument as the client's own type.
func into[T any](a arguments, name string) T {
	var v T
	if given, ok := a.with[name]; ok {
		if err := json.Unmarshal(exact(given), &v); err != nil {
			a.t.Fatal(err)
		}
	}
	return v
}

func (a arguments) petition() indent.NewPetition {
	return indent.NewPetition{Reason: a.text("reason"), Resources: into[[]indent.Resource](a, "resources"),
		Petitioners: into[[]indent.Resource](a, "petitioners"), Params: a.with["params"], Duration: a.duration("duration"),
		Labels: into[map[string]string](a, "labels"), IdempotencyKey: a.text("idempotencyKey")}
}

func (a arguments) phases() []indent.Phase {
	if a.text("phase") == "" {
		return nil
	}
	var phases []indent.Phase
	for phase := range strings.SplitSeq(a.text("phase"), ",") {
		phases = append(phases, indent.Phase(phase))
	}
	return phases
}

func all[T any](list iter.Seq2[T, error]) (any, error) {
	items := []T{}
	for item, err := range list {
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

type operation func(context.Context, *indent.Client, arguments) (any, error)

var operations = map[string]operation{
	"petition.create": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.CreatePetition(ctx, a.petition())
	},
	"petition.get": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.Petition(ctx, a.text("petition"))
	},
	"petition.wait": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.Wait(ctx, a.text("petition"), time.Duration(a.number("timeout")*float64(time.Second)))
	},
	"petition.list": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return all(c.Petitions(ctx, indent.PetitionQuery{Phases: a.phases(), Search: a.text("search"), Selector: a.text("labelSelector"),
			Petitioner: a.text("petitioner"), ForMe: a.text("reviewer") == "me", Full: a.is("full"), Ascending: a.is("ascending"), PageSize: int(a.number("pageSize"))}))
	},
	"petition.replace": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.ReplacePetition(ctx, a.text("petition"), a.petition())
	},
	"petition.withdraw": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.WithdrawPetition(ctx, a.text("petition"))
	},
	"claim.create": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.CreateClaim(ctx, a.text("petition"), indent.NewClaim{Event: a.text("event"), Reason: a.text("reason"), Labels: into[map[string]string](a, "labels")})
	},
	"claim.list": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return all(c.Claims(ctx, a.text("petition")))
	},
	"claim.get": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.Claim(ctx, a.text("petition"), a.text("claim"))
	},
	"resource.list": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return all(c.Resources(ctx, indent.ResourceQuery{View: a.text("view"), Selector: a.text("labelSelector"), Search: a.text("search"), PageSize: int(a.number("pageSize"))}))
	},
	"resource.get": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.Resource(ctx, a.text("name"))
	},
	"resource.create": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.CreateResource(ctx, into[indent.Resource](a, "resource"))
	},
	"resource.update": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.PutResource(ctx, a.text("name"), into[indent.Resource](a, "resource"))
	},
	"resource.delete": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return nil, c.DeleteResource(ctx, a.text("name"))
	},
	"resource.bulkUpdate": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.PutResources(ctx, into[[]indent.Resource](a, "resources"))
	},
	"resource.bulkDelete": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return nil, c.DeleteResources(ctx, into[[]string](a, "names"))
	},
	"event.list": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return all(c.Events(ctx, indent.EventQuery{Petition: a.text("petition"), Actor: a.text("actor"), Event: a.text("event"),
			Since: a.moment("since"), Until: a.moment("until"), Ascending: a.is("ascending"), PageSize: int(a.number("pageSize"))}))
	},
	"space.get": func(ctx context.Context, c *indent.Client, _ arguments) (any, error) {
		return c.Space(ctx)
	},
	"space.list": func(ctx context.Context, c *indent.Client, _ arguments) (any, error) {
		return all(c.Spaces(ctx))
	},
	"token.create": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.CreateToken(ctx, indent.NewToken{ServiceAccountID: a.text("serviceAccountId"), DisplayName: a.text("displayName"), Scope: a.text("scope"), ExpiryDays: int(a.number("expiryDays"))})
	},
	"token.list": func(ctx context.Context, c *indent.Client, _ arguments) (any, error) {
		return all(c.Tokens(ctx))
	},
	"token.delete": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return nil, c.RevokeToken(ctx, a.text("name"))
	},
	"token.exchange": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.ExchangeToken(ctx, a.text("refreshToken"))
	},
	"serviceAccount.create": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.CreateServiceAccount(ctx, indent.NewServiceAccount{ID: a.text("serviceAccountId"), DisplayName: a.text("displayName"), Role: a.text("role")})
	},
	"serviceAccount.get": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.ServiceAccount(ctx, a.text("serviceAccountId"))
	},
	"serviceAccount.update": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.UpdateServiceAccount(ctx, a.text("serviceAccountId"), indent.ServiceAccountChange{DisplayName: into[*string](a, "displayName"), Role: into[*string](a, "role"), Suspended: into[*bool](a, "suspended")})
	},
	"serviceAccount.delete": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return nil, c.DeleteServiceAccount(ctx, a.text("serviceAccountId"))
	},
	"trust.create": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.CreateTrust(ctx, a.text("serviceAccountId"), indent.Trust{Issuer: a.text("issuer"), Audience: a.text("audience"), Claims: into[map[string]string](a, "claims"), Scope: a.text("scope")})
	},
	"trust.list": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return all(c.Trusts(ctx, a.text("serviceAccountId")))
	},
	"trust.delete": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return nil, c.DeleteTrust(ctx, a.text("serviceAccountId"), a.text("name"))
	},
	"token.rotate": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.RotateToken(ctx, a.text("name"), time.Duration(a.number("graceSeconds"))*time.Second)
	},
	"whoAmI": func(ctx context.Context, c *indent.Client, _ arguments) (any, error) {
		return c.WhoAmI(ctx)
	},
	"member.list": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return all(c.Members(ctx, a.text("kind")))
	},
	"member.get": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.Member(ctx, a.text("member"))
	},
	"member.put": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.PutMember(ctx, a.text("member"), indent.MemberChange{Role: into[*string](a, "role"), DisplayName: into[*string](a, "displayName"), Suspended: into[*bool](a, "suspended")})
	},
	"member.delete": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return nil, c.RemoveMember(ctx, a.text("member"))
	},
	"identity.create": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.LinkIdentity(ctx, a.text("member"), a.text("identity"))
	},
	"identity.list": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return all(c.Identities(ctx, a.text("member")))
	},
	"identity.delete": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return nil, c.UnlinkIdentity(ctx, a.text("member"), a.text("identity"))
	},
	"grant.list": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		q := indent.GrantQuery{Person: a.text("person"), Resource: a.text("resource"), Upcoming: a.is("upcoming")}
		if at := a.text("at"); at != "" {
			q.At, _ = time.Parse(time.RFC3339, at)
		}
		return all(c.Grants(ctx, q))
	},
	"grant.revoke": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.RevokeGrants(ctx, indent.GrantRevocation{Person: a.text("person"), Resource: a.text("resource"), Reason: a.text("reason"), Preview: a.is("preview")})
	},
	"group.list": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return all(c.GroupMembers(ctx, a.text("group"), a.is("effective")))
	},
	"group.add": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return nil, c.AddGroupMembers(ctx, a.text("group"), into[[]indent.Resource](a, "members"))
	},
	"group.remove": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return nil, c.RemoveGroupMember(ctx, a.text("group"), a.text("member"))
	},
	"serviceAccount.list": func(ctx context.Context, c *indent.Client, _ arguments) (any, error) {
		return all(c.ServiceAccounts(ctx))
	},
}
