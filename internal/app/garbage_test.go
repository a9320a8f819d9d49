package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/indent-approvals/indent/internal/app/apptest"
	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
	"github.com/indent-approvals/indent/internal/config"
)

// garbageCalls is how many calls [TestGarbageOnEveryRoute] makes of each route.
const garbageCalls = 220 / approvaltest.SweepStep

// Every route of the description, by several callers: whatever is sent, it answers what is documented and never fails
// inside. INDENT_GARBAGE_SEED repeats a run, INDENT_TORTURE=1 makes it twenty times as long.
func TestGarbageOnEveryRoute(t *testing.T) {
	t.Parallel()
	seed := seedOf(t)
	t.Logf("INDENT_GARBAGE_SEED=%d", seed)
	calls := garbageCalls
	if os.Getenv("INDENT_TORTURE") != "" {
		calls *= 20
	}
	d := readDescription(t)
	h := newGarbageHouse(t, d)
	t.Run("routes", func(t *testing.T) {
		for _, op := range d.operations {
			t.Run(op.id, func(t *testing.T) {
				t.Parallel()
				in := h
				if slices.Contains(endsCallers, op.id) || slices.Contains(looksAtAll, op.id) {
					in = newGarbageHouse(t, d)
					in.repair = in.letBackIn
				}
				in.drive(t, op, seed, op.share(calls))
				if in != h {
					h.calls.Add(in.calls.Load())
					h.successes.Add(in.successes.Load())
				}
			})
		}
	})
	least := 0
	for _, op := range d.operations {
		least += op.share(calls)
	}
	if done := h.calls.Load(); done < int64(least) && !t.Failed() {
		t.Errorf("only %d calls were made, want %d", done, least)
	}
	t.Logf("%d calls, %d of them successes", h.calls.Load(), h.successes.Load())
}

// endsCallers are the routes by which callers are shut out, or the whole space is, and those of the same paths, which are
// tried with other methods, too: they have a server to themselves.
var endsCallers = []string{"deleteSpace", "getSpace", "updateSpace", "setSpacePolicy", "addToRole", "removeFromRole", "putMember", "deleteMember", "getMember"}

// looksAtAll are the routes that look at every member, of whom the others make thousands, or wait for every pull policy.
var looksAtAll = []string{"replayPolicy", "checkPolicy", "simulatePolicy", "pullUpdate"}

func newGarbageHouse(t *testing.T, d description) *garbageHouse {
	t.Helper()
	s := apptest.Start(t, apptest.Options{Config: func(c *config.Config) { c.Operators = apptest.Owner }})
	return &garbageHouse{description: d, server: s, callers: garbageCallers(t, s), names: garbageNames(t, s)}
}

// letBackIn undoes what has shut callers out.
func (h *garbageHouse) letBackIn(t *testing.T) {
	t.Helper()
	s, operator := h.server.Service(), approval.System(apptest.Space, "admin")
	if _, err := s.RestoreSpace(t.Context(), operator); err != nil && approval.CodeOf(err) != approval.Conflict {
		t.Fatal(err)
	}
	h.callers = nil
	for email, role := range map[string]approval.Role{apptest.Owner: approval.Owner, apptest.Editor: approval.Editor, apptest.Viewer: approval.Viewer} {
		if _, err := s.PutMember(t.Context(), operator, approval.Member{Email: email, Role: role}); err != nil {
			t.Fatal(err)
		}
		h.callers = append(h.callers, "Bearer "+h.server.Token(t, email))
	}
}

// garbageHouse is a whole server and those who misuse it.
type garbageHouse struct {
	description
	repair           func(*testing.T) // before every ten calls; nil: nothing breaks
	server           *apptest.Server
	callers, names   []string
	calls, successes atomic.Int64
}

func seedOf(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv("INDENT_GARBAGE_SEED")
	if text == "" {
		return rand.Uint64()
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("INDENT_GARBAGE_SEED: %v", err)
	}
	return n
}

func garbageCallers(t *testing.T, s *apptest.Server) []string {
	t.Helper()
	bearer := []string{s.Token(t, apptest.Owner), s.Token(t, apptest.Owner), s.Token(t, apptest.Editor), s.Token(t, apptest.PetitionAdmin), s.Token(t, apptest.Viewer),
		s.ServiceToken(t, "quickstart", approval.PetitionAdmin), s.ServiceToken(t, "reader", approval.Editor, approval.ReadPetitions)}
	for i, token := range bearer {
		bearer[i] = "Bearer " + token
	}
	return bearer
}

// garbageNames makes something of every kind, so that not every name is wrong.
func garbageNames(t *testing.T, s *apptest.Server) []string {
	t.Helper()
	names := []string{"1", "production", "quickstart", apptest.Viewer}
	for i := range 6 {
		p, _, err := s.Service().CreatePetition(t.Context(), s.Actor(t, apptest.Viewer), approval.NewPetition{Reason: "because",
			Resources: []approval.Resource{{Kind: "action", ID: "x"}}, Params: approval.RawJSON(`{"amount":1}`)}, "")
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, p.Name, p.Digest)
		if i > 2 {
			_, claim, err := s.Service().Decide(t.Context(), s.Actor(t, apptest.Owner), p.Name, approval.NewClaim{Event: approval.EventApprove}, "")
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, claim.ID)
		}
	}
	return names
}

// open makes a petition that nobody has decided, and a resource and a service account of the same name.
func (h *garbageHouse) open(t *testing.T) string {
	t.Helper()
	owner := h.server.Actor(t, apptest.Owner)
	p, _, err := h.server.Service().CreatePetition(t.Context(), owner, approval.NewPetition{Reason: "because", Resources: []approval.Resource{{Kind: "action", ID: "x"}}}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err = h.server.Service().PutResources(t.Context(), owner, []approval.Resource{{ID: "x", Kind: "group", Labels: map[string]string{approval.LabelBlock: p.Name}}}); err != nil {
		t.Fatal(err)
	}
	if _, err = h.server.Service().CreateServiceAccount(t.Context(), owner, approval.Member{ID: p.Name}); err != nil {
		t.Fatal(err)
	}
	h.hook(t, owner, p.Name)
	return p.Name
}

// hook makes a webhook of the name, on a machine that no call reaches, in the place of the others: a space has a hundred at most. It
// is paused and has an attempt of the same name; so has a policy, which is of another webhook, or nobody could delete it.
func (h *garbageHouse) hook(t *testing.T, owner approval.Actor, name string) {
	t.Helper()
	s := h.server.Service()
	must := func(err error) {
		t.Helper()
		if code := approval.CodeOf(err); err != nil && code != approval.NotFound && code != approval.Conflict { // another route's test was faster
			t.Fatal(err)
		}
	}
	others, err := s.Webhooks(t.Context(), owner)
	must(err)
	if len(others) > approval.MaxWebhooks/2 {
		policies, err := s.WebhookPolicies(t.Context(), owner)
		must(err)
		for _, p := range policies {
			must(s.DeleteWebhookPolicy(t.Context(), owner, p.Name))
		}
		for _, w := range others {
			if w.Name == "standing" {
				continue
			}
			must(s.DeleteWebhook(t.Context(), owner, w.Name))
		}
	}
	for _, name := range []string{"standing", name} {
		_, _, err = s.CreateWebhook(t.Context(), owner, approval.NewWebhook{Name: name, URL: "https://127.0.0.1:1/"})
		must(err)
	}
	_, err = s.CreateWebhookPolicy(t.Context(), owner, approval.NewWebhookPolicy{Name: name, Webhook: "standing", Calls: []approval.WebhookKind{approval.WebhookState}})
	must(err)
	h.pull(t, owner, name)
	now := time.Now().UTC().Truncate(time.Microsecond)
	must(s.Store.Note(t.Context(), apptest.Space,
		approval.PutDelivery{Delivery: approval.Delivery{Space: apptest.Space, Name: name, Webhook: name, Time: now, Outcome: approval.WebhookAgain, Kind: approval.WebhookApply}},
		approval.PutWebhookHealth{Health: approval.WebhookHealth{Space: apptest.Space, Webhook: name, Failures: 20, FailingSince: now, PausedSince: now, ProbeTime: now}}))
}

// pull makes a pull policy of the name, which asks a webhook that no call reaches.
func (h *garbageHouse) pull(t *testing.T, owner approval.Actor, name string) {
	t.Helper()
	s := h.server.Service()
	must := func(err error) {
		t.Helper()
		if code := approval.CodeOf(err); err != nil && code != approval.NotFound && code != approval.Conflict {
			t.Fatal(err)
		}
	}
	others, err := s.PullPolicies(t.Context(), owner)
	must(err)
	for _, p := range others {
		if h.repair != nil || len(others) > approval.MaxPullPolicies/2 { // a server to itself has one
			must(s.DeletePullPolicy(t.Context(), owner, p.Name))
		}
	}
	_, err = s.CreatePullPolicy(t.Context(), owner, approval.PullPolicy{Name: name, Webhook: "standing", Kinds: []string{"x"}})
	must(err)
}

func (h *garbageHouse) drive(t *testing.T, op described, seed uint64, calls int) {
	t.Helper()
	hash := fnv.New64()
	hash.Write([]byte(op.id))
	g := &generator{Rand: rand.New(rand.NewPCG(seed, hash.Sum64())), description: h.description, names: h.names}
	w := &wire{addr: h.server.Addr()}
	defer w.drop()
	// What these want is a secret, a random name, a rule document, an https address, two names of one webhook, a time to come, or several names that all fit.
	lucky := slices.Contains([]string{"exchangeToken", "deleteToken", "rotateToken", "createTrust", "createWebhook", "createDelegation", "getDelegation", "endDelegation", "deleteDelegation", "deleteTrust", "getTrust", "createIdentity", "liftBreakGlass", "getClaim", "bulkDeleteResources", "deleteGroupMember", "deleteIdentity", "removeFromRole", "setSpacePolicy",
		"applyPolicy", "rollBackPolicy", "getPolicyProposal", "replayPolicy", "replayDelivery", "createWebhookPolicy", "createPullPolicy"}, op.id)
	successes, made, answers := 0, 0, map[string]int{}
	// A route that nothing has come through yet is given more: chance alone must not fail a run.
	for n := 0; n < calls || successes == 0 && !lucky && n < mostTries; n++ {
		if n%10 == 0 {
			if h.repair != nil {
				h.repair(t)
			}
			g.fresh = h.open(t)
		}
		c := g.call(op, h.callers)
		r, err := w.send(c)
		if err == nil {
			err = h.check(op, c, r)
		}
		h.calls.Add(1)
		made++
		if r.status == http.StatusOK && c.routed {
			successes++
		}
		if successes == 0 {
			answers[refusalOf(r)]++
		}
		if err != nil {
			t.Fatalf("%v\n%.2000q\nanswered %d %.2000q", err, c.bytes(), r.status, r.body)
		}
	}
	h.successes.Add(int64(successes))
	t.Logf("%d calls, %d of them successes", made, successes)
	if successes == 0 && !lucky {
		t.Errorf("not one of %d calls succeeded: this is noise, not nearly what clients send. The answers were %v", made, answers)
	}
}

// mostTries is how many calls of a route may fail before that is no chance: of some, one in a thousand comes through.
const mostTries = 12_000

// refusalOf answers the beginning of what a refusal says.
func refusalOf(r reply) string {
	var problem struct{ Field, Message string }
	_ = json.Unmarshal(r.body, &problem)
	return fmt.Sprintf("%d %s %.40s", r.status, problem.Field, problem.Message)
}

// check answers what is wrong with an answer.
func (h *garbageHouse) check(op described, c *call, r reply) error {
	media := r.header.Get("Content-Type")
	switch {
	case c.routed && !slices.Contains(op.documented, r.status):
		return fmt.Errorf("%s answers %d, which is not documented: it has %v", op.id, r.status, op.documented)
	case r.status >= 500:
		return fmt.Errorf("%s fails inside", op.id)
	case r.status == http.StatusTemporaryRedirect && !c.routed:
		return ownAddress(r.header.Get("Location"))
	case r.status != http.StatusOK:
		return h.checkProblem(c, r, media)
	case !c.routed || c.method == http.MethodHead:
		return nil
	case !strings.HasPrefix(media, op.media):
		return fmt.Errorf("%s answers %q, documented is %q", op.id, media, op.media)
	case op.success != nil:
		return validate(op.success, r.body)
	}
	return nil
}

// ownAddress refuses a redirect to anywhere but a path of the server itself.
func ownAddress(location string) error {
	if !strings.HasPrefix(location, "/") || strings.HasPrefix(location, "//") || strings.HasPrefix(location, `/\`) {
		return fmt.Errorf("leads to %q", location)
	}
	return nil
}

func (h *garbageHouse) checkProblem(c *call, r reply, media string) error {
	switch {
	case media != "application/problem+json" || c.routed && r.header.Get("X-Request-Id") == "":
		return fmt.Errorf("%d comes as %q", r.status, media)
	case c.method == http.MethodHead:
		return nil
	}
	if err := validate(h.problem, r.body); err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(r.body))
	if err != nil {
		return err
	}
	p, _ := value.(map[string]any)
	code, detail, field := approval.Code(text(p["code"])), text(p["detail"]), text(p["field"])
	want, known := statusOf[code]
	switch {
	case text(p["status"]) != strconv.Itoa(r.status) || p["title"] != http.StatusText(r.status) || p["detail"] != p["message"] || detail == "" || p["type"] != "about:blank":
		return fmt.Errorf("%d is answered in another shape", r.status)
	case !known || !slices.Contains(want, r.status):
		return fmt.Errorf("%d has the code %q", r.status, code)
	case r.status == http.StatusBadRequest && field == "":
		return fmt.Errorf("%q does not name the field", detail)
	case len(detail) > 3000 || !utf8.ValidString(detail+field) || strings.ContainsFunc(detail+field, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("%+q of %+q cannot be shown as it is", detail, field)
	}
	return nil
}

func text(v any) string { return fmt.Sprint(v) }

// statusOf repeats by hand the table of the API.
var statusOf = map[approval.Code][]int{
	approval.Invalid: {400, 405, 413, 428}, approval.Unauthenticated: {401}, approval.Forbidden: {403}, approval.NotFound: {404},
	approval.Conflict: {409, 412}, approval.Expired: {410}, approval.TooMany: {429},
}

func validate(schema *jsonschema.Schema, body []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	return schema.Validate(value)
}
