package api

import (
	"encoding/json"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
)

// planted stands in everything that the other space has and says; it must come out nowhere.
const planted = "zanzibar"

// side is one space with one of everything that a path can name: by the collection that the name stands behind, as in
// /petitions/{name}. A path with another collection fails the sweep until it is given an example here.
type side map[string]string

func (h *house) side(space, owner, mark string) side {
	h.Helper()
	a := h.actor(owner)
	bot, thing := "bot-"+mark, "thing-"+mark
	_, err := h.service.CreateServiceAccount(h.Context(), a, approval.Member{ID: bot, DisplayName: mark, Role: approval.Owner})
	h.must(err)
	made, err := h.identity.CreateServiceToken(h.Context(), a, bot, mark, nil, time.Time{})
	h.must(err)
	_, err = h.service.PutResources(h.Context(), a, []approval.Resource{{ID: thing, Kind: "group", DisplayName: mark, Labels: map[string]string{approval.LabelBlock: thing, "mark": mark}}})
	h.must(err)
	member := "person-" + mark + "@" + space + ".example"
	_, err = h.service.PutMember(h.Context(), approval.System(space, "admin"), approval.Member{Email: member, DisplayName: mark, Role: approval.Owner})
	h.must(err)
	_, err = h.service.SetGroupMembers(h.Context(), a, thing, []approval.Resource{{ID: member, Kind: approval.KindUser}})
	h.must(err)
	identity, err := h.service.LinkIdentity(h.Context(), a, member, "chat:"+mark)
	h.must(err)
	trust, err := h.service.CreateTrust(h.Context(), a, approval.Trust{Account: bot, Issuer: "https://" + mark + ".example", Audience: mark, Claims: map[string]string{"sub": mark}})
	h.must(err)
	away, err := h.service.CreateDelegation(h.Context(), h.seated(a), approval.NewDelegation{To: member, EndTime: h.clock.Now().Add(time.Hour), Reason: mark})
	h.must(err)
	p, _, err := h.service.CreatePetition(h.Context(), a, approval.NewPetition{Reason: mark, DisplayName: mark, Resources: []approval.Resource{{ID: thing, DisplayName: mark}}}, "")
	h.must(err)
	_, claim, err := h.service.Decide(h.Context(), a, p.Name, approval.NewClaim{Event: approval.EventDeny, Reason: mark}, "")
	h.must(err)
	open, _, err := h.service.CreatePetition(h.Context(), a, approval.NewPetition{Reason: mark, Resources: []approval.Resource{{ID: thing}}}, "")
	h.must(err)
	return side{"spaces": space, "proposals": h.proposed(space, owner, mark), "petitions": p.Name, "claims": claim.ID, "resources": thing, "tokens": made.Token.Name,
		"serviceAccounts": bot, "trusts": trust.Name, "members": member, "delegations": away.Name, "webhooks": h.hook(space, owner, "hook-"+mark), "deliveries": h.delivered(space, "hook-"+mark, mark, p),
		"webhookPolicies": h.webhookPolicy(space, owner, "hook-"+mark, "hooking-"+mark),
		"pullPolicies":    h.pullPolicy(space, owner, "hook-"+mark, "pulling-"+mark),
		"identities":      identity.Identity, "openPetition": open.Name}
}

// nowhere names what no space has, in the same shapes.
var nowhere = side{"spaces": "nocorp", "proposals": missingUUID, "petitions": missingUUID, "claims": missingUUID, "resources": "thing-nothing", "tokens": missingUUID, "openPetition": missingUUID,
	"serviceAccounts": "bot-nothing", "trusts": missingUUID, "members": "person-nothing@nocorp.example", "delegations": missingUUID, "webhooks": "hook-nothing", "webhookPolicies": "hooking-nothing", "pullPolicies": "pulling-nothing", "deliveries": missingUUID,
	"identities": "chat:nothing"}

const missingUUID = "0000000f-0000-7000-8000-00000000000f"

// What is made by the name that its caller gives it is made in the caller's space, whatever another space has by that name.
var madeByName = []string{"putResource", "putMember", "putPullPolicy"}

var pathName = regexp.MustCompile(`([A-Za-z]+)/\{([a-z]+)\}`)

// describedOp is what the description says of a route.
type describedOp struct {
	id, method, path string
	body             json.RawMessage
	query            []string
}

func (h *house) described() (out []describedOp) {
	h.Helper()
	d, err := description()
	h.must(err)
	var spec struct {
		Paths map[string]map[string]struct {
			ID          string `json:"operationId"`
			Permission  string `json:"x-permission"`
			RequestBody struct {
				Content map[string]struct{ Example json.RawMessage }
			}
			Parameters []struct{ Name, In string }
		}
	}
	h.must(json.Unmarshal(d.text, &spec))
	for path, item := range spec.Paths {
		for method, op := range item {
			if !strings.HasPrefix(path, "/v1/spaces/") {
				continue
			}
			one := describedOp{id: op.ID, method: strings.ToUpper(method), path: path, body: op.RequestBody.Content["application/json"].Example}
			for _, p := range op.Parameters {
				if p.In == "query" {
					one.query = append(one.query, p.Name)
				}
			}
			out = append(out, one)
		}
	}
	slices.SortFunc(out, func(a, b describedOp) int { return strings.Compare(a.id, b.id) })
	if len(out) < 20 {
		h.Fatalf("only %d operations", len(out))
	}
	return out
}

// fill answers the path with the names of which side says.
func (op describedOp) fill(t testing.TB, which func(collection string) side) string {
	return pathName.ReplaceAllStringFunc(op.path, func(match string) string {
		collection, _, _ := strings.Cut(match, "/")
		if collection == "versions" {
			return "versions/1" // every space counts its own from 1: a number tells nothing of another one
		}
		name := which(collection)[collection]
		if name == "" {
			t.Fatalf("%s names something of the collection %q: give house.side and nowhere an example of it", op.path, collection)
		}
		return collection + "/" + url.PathEscape(name)
	})
}

// collections answers what the path names.
func (op describedOp) collections() (out []string) {
	for _, match := range pathName.FindAllStringSubmatch(op.path, -1) {
		out = append(out, match[1])
	}
	return out
}

// Every route, with each name of its path, and all of them, swapped for another space's: the answer is the one that a
// name of nothing gets, to the byte, and the other space has not changed.
func TestAnotherSpacesNamesAreNobodys(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	mine, theirs := h.side("acmecorp", theOwner, "mine"), h.side("othercorp", aStranger, planted)
	before := h.everything("othercorp")
	tokens := map[string]string{"owner": h.token(theOwner), "service account": h.serviceToken(), "viewer": h.token(theViewer), "auditor's": h.audits()}
	for _, op := range h.described() {
		names := slices.DeleteFunc(op.collections(), func(name string) bool { return name == "versions" })
		for swapped := 1; swapped < 1<<len(names); swapped++ {
			choose := func(instead side) func(string) side {
				at := -1
				return func(string) side {
					if at++; swapped>>at&1 == 1 {
						return instead
					}
					return mine
				}
			}
			foreign, nothing := op.fill(t, choose(theirs)), op.fill(t, choose(nowhere))
			for who, token := range tokens {
				h.sameAsNothing(op, who, token, foreign, nothing, theirs)
			}
		}
	}
	h.unchanged("othercorp", before)
}

func (h *house) audits() string {
	h.Helper()
	_, err := h.service.PutMember(h.Context(), approval.System("acmecorp", "admin"), approval.Member{Email: theAuditor, Role: approval.Auditor})
	h.must(err)
	return h.token(theAuditor)
}

// sameAsNothing fails unless the other space's name is answered as one that nothing has.
func (h *house) sameAsNothing(op describedOp, who, token, foreign, nothing string, theirs side) {
	h.Helper()
	var body any
	if op.body != nil {
		body = string(op.body)
	}
	got, want := h.with(token, op.method, foreign, body), h.with(token, op.method, nothing, body)
	if !slices.Contains(madeByName, op.id) && got.status != 404 && got.status != 403 {
		h.Errorf("%s: %s %s answers %d: %s", who, op.method, foreign, got.status, got.body)
	}
	if got.status != want.status || got.status != 200 && theirs.out(got.body) != nowhere.out(want.body) {
		h.Errorf("%s: %s %s tells that it is there:\n%d %s\nand one that is not:\n%d %s", who, op.method, foreign, got.status, got.body, want.status, want.body)
	}
	if strings.Contains(theirs.out(got.body), planted) {
		h.Errorf("%s: %s %s tells what the other space has: %s", who, op.method, foreign, got.body)
	}
}

// out takes the names out of a text: who sends one may be told it.
func (s side) out(text string) string {
	for _, collection := range slices.Sorted(maps.Keys(s)) {
		text = strings.ReplaceAll(text, s[collection], "NAME")
	}
	return text
}

// Every text of every body, and every parameter of a query, with each of another space's names: nothing of the other space
// comes out, and nothing in it changes.
func TestAnotherSpacesNamesInBodiesAndQueries(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	mine, theirs := h.side("acmecorp", theOwner, "mine"), h.side("othercorp", aStranger, planted)
	pages := h.pageTokens(h.token(aStranger))
	before := h.everything("othercorp")
	token := h.token(theOwner)
	ownSide := func(string) side { return mine }
	tried := 0
	try := func(op describedOp, what, name, path string, body any) {
		if tried++; tried%approvaltest.SweepStep != 0 {
			return
		}
		a := h.with(token, op.method, path, body)
		if strings.Contains(theirs.out(a.body), planted) {
			t.Errorf("%s with %s %q tells what the other space has: %d %s", op.id, what, name, a.status, a.body)
		}
		if a.status >= 500 {
			t.Errorf("%s with %s %q: %d %s", op.id, what, name, a.status, a.body)
		}
	}
	for _, op := range h.described() {
		if strings.HasSuffix(op.path, ":stream") || op.method == del {
			continue // would not end; would end what the others are tried on
		}
		for _, name := range theirs {
			for _, body := range wholeBodies[op.id] {
				for _, p := range textsOf(t, body) {
					before := p.before[:strings.LastIndexByte(p.before, '"')+1]
					try(op, p.field, name, op.fill(t, ownSide), before+name+p.after)
				}
			}
			for _, q := range op.query {
				try(op, q, name, op.fill(t, ownSide)+"?"+url.Values{q: {name}}.Encode(), nil)
			}
		}
		for _, page := range pages {
			for _, q := range op.query {
				try(op, q, page, op.fill(t, ownSide)+"?"+url.Values{q: {page}}.Encode(), nil)
			}
		}
	}
	h.unchanged("othercorp", before)
}

// pageTokens answers the places in its lists that a space was told.
func (h *house) pageTokens(token string) (out []string) {
	h.Helper()
	for _, list := range []string{"petitions", "resources", "events"} {
		var page struct{ NextPageToken string }
		h.with(token, get, "/v1/spaces/othercorp/"+list+"?pageSize=1", nil).ok(&page)
		if page.NextPageToken != "" {
			out = append(out, page.NextPageToken)
		}
	}
	if len(out) < 2 {
		h.Fatalf("only %d page tokens", len(out))
	}
	return out
}

// everything answers what a space has, as text.
func (h *house) everything(space string) string {
	h.Helper()
	s, all := h.service.Store, []any{}
	add := func(v any, err error) {
		h.Helper()
		h.must(err)
		all = append(all, v)
	}
	whole := approval.PageRequest{Size: approval.MaxPageSize}
	add(s.Space(h.Context(), space))
	add(s.Members(h.Context(), space, ""))
	add(s.Tokens(h.Context(), space, "", approval.TokenService, approval.TokenUser, approval.TokenSession, approval.TokenLink))
	petitions, err := s.Petitions(h.Context(), approval.PetitionQuery{Space: space, Page: whole})
	add(petitions.Items, err)
	resources, err := s.Resources(h.Context(), approval.ResourceQuery{Space: space, Page: whole})
	add(resources.Items, err)
	events, err := s.Events(h.Context(), approval.EventQuery{Space: space, Page: whole})
	add(events.Items, err)
	add(s.Policy(h.Context(), space))
	add(s.Delegations(h.Context(), space, "", time.Time{}))
	add(s.Webhooks(h.Context(), space))
	applications, err := s.Applications(h.Context(), approval.ApplicationQuery{Space: space, Page: whole})
	add(applications.Items, err)
	add(s.WebhookHealths(h.Context(), space))
	add(s.WebhookPolicies(h.Context(), space))
	add(s.PullPolicies(h.Context(), space))
	add(s.Pulls(h.Context(), space))
	text, err := json.Marshal(all)
	h.must(err)
	return string(text)
}

func (h *house) unchanged(space, before string) {
	h.Helper()
	if after := h.everything(space); after != before {
		at := 0
		for at < min(len(before), len(after)) && before[at] == after[at] {
			at++
		}
		h.Errorf("%s has changed: …%.300s\nwas …%.300s", space, after[max(0, at-100):], before[max(0, at-100):])
	}
}
