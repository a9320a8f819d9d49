package approval_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func TestPolicyAnswersBeforeAHumanIsAsked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		decision string
		phase    approval.Phase
		outcome  approval.Outcome
		log      []string
		timer    string
	}{
		{approval.VerdictReview, approval.Open, "", []string{"access/request"}, approval.JobExpire},
		{approval.VerdictApprove, approval.Granted, "", []string{"access/request", "access/grant"}, approval.JobWarn},
		{approval.VerdictDeny, approval.Closed, approval.OutcomeDenied, []string{"access/request", "access/deny"}, ""},
	} {
		h := newHouse(t)
		if c.decision != approval.VerdictReview {
			h.rule.verdict = verdict(c.decision)
		}
		h.rule.verdict.Explanation = "because"
		p := h.ask(vic, func(n *approval.NewPetition) { n.Duration, n.Params = 2*time.Hour, approval.RawJSON(`{"b":1,"a":2}`) })
		same(t, "phase", p.Phase, c.phase)
		same(t, "outcome", p.Outcome, c.outcome)
		sameList(t, "log", h.log(p), c.log...)
		kind, _ := h.timer(p)
		same(t, "timer", kind, c.timer)
		same(t, "params", string(p.Params), `{"a":2,"b":1}`)
		same(t, "petitioner", p.Petitioners[0].ID, vic)
		same(t, "config label", p.Labels[approval.LabelConfigID], "space:acme")
		same(t, "duration label", p.Labels[approval.LabelAskedDuration], "2h0m0s")
		same(t, "policy's version", p.Verdict.PolicyVersion, 1)
		same(t, "decision of a person", p.Decision == nil, true)
		for i, e := range h.history(p) {
			same(t, "rule of "+e.Event, e.Label(approval.LabelRule), "two eyes")
			same(t, "actor", e.Actor.ID, []string{vic, "indent/policy"}[i])
		}
		same(t, "digest in the log", h.history(p)[0].Label(approval.LabelDigest), p.Digest)
		h.conserves(p)
	}
}

// An error in policy means review by the owners, never approval, and never a petition that nobody can decide (I3).
func TestPolicyThatFailsLeavesItToTheOwners(t *testing.T) {
	t.Parallel()
	for name, break_ := range map[string]func(*house){
		"an error": func(h *house) {
			h.rule.verdict, h.rule.err = verdict(approval.VerdictApprove), errors.New("no such field")
		},
		"no decision":              func(h *house) { h.rule.verdict = approval.Verdict{} },
		"requirements of nobody":   func(h *house) { h.rule.verdict.Requirements = nil },
		"a count of zero":          func(h *house) { h.rule.verdict.Requirements[0].Count = 0 },
		"more than there are":      func(h *house) { h.rule.verdict.Requirements[0].Reviewers = approval.Reviewers{} },
		"approval without any end": func(h *house) { h.rule.verdict = verdict(approval.VerdictApprove); h.rule.verdict.DefaultDuration = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			break_(h)
			p := h.ask(vic)
			same(t, "phase", p.Phase, approval.Open)
			same(t, "rule", p.Verdict.Rule, "policy-error")
			_, err := h.try(bob, p, claim(approve))
			h.refused(0, err, approval.Forbidden, "asks for Owner", bob, p.Name)
			same(t, "an owner", h.decide(olga, p, claim(approve)).Phase, approval.Granted)
		})
	}
	h := newHouse(t)
	h.rule.err = errors.New("x")
	own := h.ask(olga)
	if _, err := h.try(olga, own, claim(approve)); approval.CodeOf(err) != approval.Forbidden {
		t.Errorf("an owner decided its own petition: %v", err)
	}
	long := h.ask(vic, func(n *approval.NewPetition) { n.Duration = 100 * time.Hour })
	if _, err := h.try(olga, long, claim(approve)); approval.CodeOf(err) != approval.Invalid || !strings.Contains(err.Error(), "approve with a shorter duration") {
		t.Error(err)
	}
	same(t, "shorter", h.decide(olga, long, claim(approve, approval.LabelTimeDuration, "1h")).Phase, approval.Granted)
}

func TestStoreThatFailsRefuses(t *testing.T) {
	t.Parallel()
	for _, read := range []string{"Policy", "Member", "ResourcesByID"} {
		h := newHouse(t)
		a := h.actor(pat)
		h.store.BeforeRead = func(what string) error {
			if what == read {
				return unavailable(approval.Change{})
			}
			return nil
		}
		n := reset()
		n.Petitioners = []approval.Resource{{ID: vic}}
		_, _, err := h.CreatePetition(t.Context(), a, n, "k")
		same(t, read, approval.CodeOf(err), approval.Unavailable)
	}
}

func TestPetitionLongerThanPolicyAllows(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict.MaxDuration = 4 * time.Hour
	n := reset()
	n.Duration = 5 * time.Hour
	_, _, err := h.CreatePetition(t.Context(), h.actor(vic), n, "")
	if approval.CodeOf(err) != approval.Invalid || err.Error() != `petition.defaultDuration: asks for 5h but rule "two eyes" allows at most 4h: ask for less` {
		t.Error(err)
	}
}

func TestAskingForOthers(t *testing.T) {
	t.Parallel()
	bobs := approval.Resource{ID: "u-17", Kind: "okta/user", DisplayName: "Bob", Email: "Bob@ACME.example", AltIDs: []string{"slack:U17"}}
	for _, c := range []struct {
		name       string
		petitioner approval.Resource
		shown      string // id of the petitioner as shown
		barred     []string
		free       []string
	}{
		{"by id", approval.Resource{ID: bob}, bob, []string{bob, bobsBot, pat}, []string{eve, olga}},
		{"by an id in capitals", approval.Resource{ID: "BOB@acme.example"}, bob, []string{bob, bobsBot, pat}, []string{eve}},
		{"by an address in capitals", approval.Resource{Email: "Bob@ACME.example"}, bob, []string{bob, bobsBot, pat}, []string{eve}},
		{"by an entry of the directory", approval.Resource{ID: "u-17"}, "u-17", []string{bob, bobsBot, pat}, []string{eve}},
		{"by an entry of the directory, as copied", bobs, "u-17", []string{bob, bobsBot, pat}, []string{eve}},
		{"by another id of the caller's making", approval.Resource{ID: "x", AltIDs: []string{"BOB@acme.example"}}, "x", []string{bob, bobsBot, pat}, []string{eve}},
		{"by another id that leads to the directory", approval.Resource{ID: "x", AltIDs: []string{"u-17"}}, "x", []string{bob, bobsBot, pat}, []string{eve}},
		{"by a service account", approval.Resource{ID: bobsBot}, bobsBot, []string{bob, bobsBot, pat}, []string{eve}},
		{"by an id of one and the address of another", approval.Resource{ID: bob, Email: eve}, bob, []string{bob, bobsBot, eve, pat}, []string{olga}},
		{"somebody whom nobody knows", approval.Resource{ID: "mallory", Email: "mallory@else.example"}, "mallory", []string{pat}, []string{bob, eve, olga}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.put(approval.Member{ID: pat, Kind: approval.KindUser, Email: pat, Person: pat, Role: approval.Editor})
			h.directory(bobs)
			p := h.ask(pat, func(n *approval.NewPetition) { n.Petitioners = []approval.Resource{c.petitioner} })
			same(t, "petitioner", p.Petitioners[0].ID, c.shown)
			same(t, "caller", p.CreatedBy.ID, pat)
			for i, id := range c.barred {
				_, err := h.try(id, p, claim(approve))
				h.refused(i, err, approval.Forbidden, "whoever asks does not decide", id, p.Name)
			}
			for _, id := range c.free {
				if e := p.EligibilityOf(h.actor(id), approval.Facts{}); !e.May() {
					t.Errorf("%s may not: %s", id, e.Why)
				}
			}
			same(t, "decided", h.decide(c.free[0], p, claim(approve)).Phase, approval.Granted)
			h.conserves(p)
		})
	}
}

func TestAskingForOthersNeedsAPermission(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	n := reset()
	n.Petitioners = []approval.Resource{{ID: vic}, {ID: bob}, {ID: eve}}
	_, _, err := h.CreatePetition(t.Context(), h.actor(vic), n, "")
	h.refused(0, err, approval.Forbidden, "petitions:createForOthers", vic, "")
	n.Petitioners = []approval.Resource{{ID: "VIC@acme.example"}, {ID: "u-3", Email: "Vic@Acme.Example"}}
	p, _, err := h.CreatePetition(t.Context(), h.actor(vic), n, "")
	if err != nil || p.Petitioners[0].ID != vic || p.Petitioners[1].ID != vic {
		t.Errorf("asking for oneself: %+v, %v", p.Petitioners, err)
	}
	sameList(t, "persons", p.Persons, vic)
	n.Petitioners = []approval.Resource{{ID: vic, Email: bob}}
	_, _, err = h.CreatePetition(t.Context(), h.actor(vic), n, "")
	h.refused(1, err, approval.Forbidden, "petitions:createForOthers", vic, "")
	a := h.actor(vic)
	a.Scopes = []approval.Permission{approval.ReadPetitions}
	_, _, err = h.CreatePetition(t.Context(), a, reset(), "")
	h.refused(2, err, approval.Forbidden, "scope does not include petitions:create", vic, "")
}

// No rule approves on the caller's word about somebody else (I13).
func TestRulesDoNotApproveForStrangers(t *testing.T) {
	t.Parallel()
	for id, phase := range map[string]approval.Phase{vic: approval.Granted, "u-17": approval.Granted, "oncall@acme.example": approval.Open, "gone@acme.example": approval.Open} {
		h := newHouse(t)
		h.put(approval.Member{ID: "gone@acme.example", Kind: approval.KindUser, Email: "gone@acme.example", Person: "gone@acme.example", Suspended: true})
		h.directory(approval.Resource{ID: "u-17", Kind: "user", DisplayName: "Uma"})
		h.rule.verdict = verdict(approval.VerdictApprove)
		p := h.ask(pat, func(n *approval.NewPetition) {
			n.Petitioners = []approval.Resource{{ID: id, DisplayName: "On Call"}, {ID: vic}}
		})
		same(t, id, p.Phase, phase)
		if phase == approval.Open {
			same(t, "why", p.Verdict.Explanation[:31], `rule "two eyes" approves, but t`)
			if e := p.EligibilityOf(h.actor(bob), approval.Facts{}); e.May() {
				t.Error("an editor may decide what only owners should")
			}
		}
		if id == "u-17" {
			same(t, "the directory's words, not the caller's", p.Petitioners[0].DisplayName, "Uma")
		}
	}
}

// What policy sees of what is asked for: the caller's words, and what the directory has under the same kind and id.
func TestPolicySeesTheDirectorysOwnRecord(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.directory(approval.Resource{ID: "prod", Kind: "env", Labels: map[string]string{"tier": "1"}}, approval.Resource{ID: "prod", Kind: "other"})
	var known []approval.Resource
	h.rule.asked = func(in approval.PolicyInput) {
		var err error
		if known, err = in.Known(context.Background(), in.Space, in.Petition.Resources); err != nil {
			t.Error(err)
		}
		same(t, "actor", in.Actor.ID, vic)
		same(t, "document", in.Document.Text, "v1")
	}
	h.ask(vic, func(n *approval.NewPetition) {
		n.Resources = []approval.Resource{{ID: "prod", Kind: "env", Labels: map[string]string{"tier": "9"}}, {DisplayName: "no id"}, {ID: "unknown"}}
	})
	same(t, "entries", len(known), 1)
	same(t, "label", known[0].Labels["tier"], "1")
}

// What policy sees of who asks is the server's word, not the caller's: groups through nesting, and what the directory says.
func TestPolicySeesGroupsAndLabelsOfMembers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.groups("eng", "ops")
	same(t, "nest", h.nest("eng", vic), nil)
	same(t, "nest", h.nest("ops", "eng"), nil)
	h.directory(approval.Resource{ID: vic, Kind: "okta/user", Labels: map[string]string{"team": "payments", "site": "Berlin", "until": "2030"}},
		approval.Resource{ID: vic, Kind: "person", Labels: map[string]string{"team": "payments", "site": "Oslo"}},
		approval.Resource{ID: vic, Kind: "mailbox", Labels: map[string]string{"until": "2040"}})
	var groups []string
	var labels map[string]string
	h.rule.asked = func(in approval.PolicyInput) {
		groups, labels = must(in.Groups(t.Context(), in.Space, vic)), must(in.Labels(t.Context(), in.Space, vic))
		same(t, "a stranger's groups", len(must(in.Groups(t.Context(), in.Space, "nobody@acme.example"))), 0)
		same(t, "a stranger's labels", len(must(in.Labels(t.Context(), in.Space, "nobody@acme.example"))), 0)
	}
	h.ask(vic)
	same(t, "groups", strings.Join(groups, " "), "eng ops")
	// block is the name of each entry: no two entries agree on it.
	delete(labels, approval.LabelBlock)
	same(t, "labels", fmt.Sprint(labels), "map[team:payments until:2030]")
}

// A commit whose answer got lost: the client's retry with its key gets what was made, and who waits is told.
func TestCommitWhoseAnswerGotLost(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.store.AfterCommit = unavailable
	_, _, err := h.CreatePetition(t.Context(), h.actor(vic), reset(), "k")
	same(t, "create", approval.CodeOf(err), approval.Unavailable)
	h.store.AfterCommit = nil
	p, replayed, err := h.CreatePetition(t.Context(), h.actor(vic), reset(), "k")
	if err != nil || !replayed {
		t.Fatal(replayed, err)
	}
	hints, cancel := h.broker.Subscribe("petition/acme/" + p.Name)
	defer cancel()
	h.store.AfterCommit = unavailable
	_, _, err = h.Decide(t.Context(), h.actor(bob), p.Name, claim(approve), "k")
	same(t, "decide", approval.CodeOf(err), approval.Unavailable)
	same(t, "hints", len(hints), 1)
	h.store.AfterCommit = nil
	got, made, err := h.Decide(t.Context(), h.actor(bob), p.Name, claim(approve), "k")
	if err != nil || got.Phase != approval.Granted || made.Actor.ID != bob {
		t.Fatal(got.Phase, err)
	}
	sameList(t, "log", h.log(p), "access/request", "access/approve", "access/grant")
	h.conserves(p)
}

func TestStoreThatCannotWrite(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(vic)
	tries := 0
	h.store.BeforeCommit = func(c approval.Change) error { tries++; return unavailable(c) }
	_, err := h.try(bob, p, claim(approve))
	same(t, "code", approval.CodeOf(err), approval.Unavailable)
	same(t, "tries", tries, 1)
	if strings.Contains(err.Error(), errLost.Error()) {
		t.Errorf("the cause is in the answer: %v", err)
	}
	_, err = h.try(vic, p, claim(approve))
	same(t, "a refusal that cannot be logged is one all the same", approval.CodeOf(err), approval.Forbidden)
	h.clock.Advance(48 * time.Hour)
	_, err = h.Petition(t.Context(), h.actor(vic), p.Name)
	same(t, "a petition whose time is over cannot be read as if it were not", approval.CodeOf(err), approval.Unavailable)
	h.store.BeforeCommit = nil
	got, err := h.Petition(t.Context(), h.actor(vic), p.Name)
	if err != nil || got.Outcome != approval.OutcomeExpired {
		t.Error(got.Outcome, err)
	}
}

func TestCancelledCalls(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(vic)
	a, b := h.actor(vic), h.actor(bob)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := h.CreatePetition(ctx, b, reset(), "k"); approval.CodeOf(err) != approval.Unavailable {
		t.Error(err)
	}
	sameList(t, "log", h.log(p), "access/request")
	err := h.Refuse(ctx, a, "GET /v1/spaces/other\x1b[2K", approval.Errorf(approval.NotFound, "no \u202espace"))
	same(t, "who hangs up is in the log", len(h.refusals()), 1)
	same(t, "code", approval.CodeOf(err), approval.NotFound)
	same(t, "action", h.refusals()[0].Label(approval.LabelRefusedAction), "GET /v1/spaces/other?[2K")
	same(t, "reason", h.refusals()[0].Reason, "no ?space")
}

func TestReplace(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	old := h.ask(vic)
	n := reset()
	n.Reason = "the same, for longer"
	p, err := h.ReplacePetition(t.Context(), h.actor(vic), old.Name, n)
	if err != nil {
		t.Fatal(err)
	}
	gone := h.now(old)
	same(t, "old phase", gone.Phase, approval.Closed)
	same(t, "old outcome", gone.Outcome, approval.OutcomeWithdrawn)
	same(t, "old label", gone.Labels[approval.LabelReplacedBy], p.Name)
	same(t, "old reason", gone.Reason, old.Reason)
	same(t, "new label", p.Labels[approval.LabelReplaces], old.Name)
	same(t, "new phase", p.Phase, approval.Open)
	same(t, "stored", asText(t, h.now(p)), asText(t, p))
	kind, _ := h.timer(old)
	same(t, "old timer", kind, "")
	kind, _ = h.timer(p)
	same(t, "new timer", kind, approval.JobExpire)
	same(t, "digests differ", p.Digest != old.Digest, true)
	h.conserves(old)
	h.conserves(p)
	_, err = h.try(bob, old, claim(approve, approval.LabelDigest, old.Digest))
	h.refused(0, err, approval.Conflict, "was already withdrawn by vic", bob, old.Name)
	_, err = h.ReplacePetition(t.Context(), h.actor(vic), old.Name, n)
	h.refused(1, err, approval.Conflict, "a replacement is too late", vic, old.Name)
	_, err = h.ReplacePetition(t.Context(), h.actor(bob), p.Name, n)
	h.refused(2, err, approval.Forbidden, "only who asked may replace", bob, p.Name)
	n.Petitioners = []approval.Resource{{ID: bob}}
	_, err = h.ReplacePetition(t.Context(), h.actor(vic), p.Name, n)
	h.refused(3, err, approval.Forbidden, "petitions:createForOthers", vic, p.Name)
	n.Petitioners, n.Reason = nil, ""
	if _, err = h.ReplacePetition(t.Context(), h.actor(vic), p.Name, n); approval.CodeOf(err) != approval.Invalid {
		t.Error(err)
	}
	same(t, "phase", h.now(p).Phase, approval.Open)
}

// Replacing is one change: when it loses the race, or cannot be written, neither petition is touched.
func TestReplaceIsAtomic(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	old := h.ask(vic)
	count := func() int {
		page, err := h.Petitions(t.Context(), h.actor(vic), approval.PetitionQuery{}, false)
		if err != nil {
			t.Fatal(err)
		}
		return len(page.Items)
	}
	h.store.BeforeCommit = unavailable
	_, err := h.ReplacePetition(t.Context(), h.actor(vic), old.Name, reset())
	same(t, "code", approval.CodeOf(err), approval.Unavailable)
	same(t, "petitions", count(), 1)
	raced := false
	h.store.BeforeCommit = func(c approval.Change) error {
		if raced || len(c.Writes) < 3 {
			return nil
		}
		raced = true
		return approval.Errorf(approval.Conflict, "petition changed in the meantime")
	}
	p, err := h.ReplacePetition(t.Context(), h.actor(vic), old.Name, reset())
	if err != nil || !raced {
		t.Fatal(raced, err)
	}
	same(t, "petitions", count(), 2)
	same(t, "old", h.now(old).Labels[approval.LabelReplacedBy], p.Name)
}

func TestWithdraw(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(vic)
	_, err := h.WithdrawPetition(t.Context(), h.actor(bob), p.Name)
	h.refused(0, err, approval.Forbidden, "only who asked may withdraw", bob, p.Name)
	got, err := h.WithdrawPetition(t.Context(), h.actor(vic), p.Name)
	if err != nil || got.Outcome != approval.OutcomeWithdrawn {
		t.Fatal(got.Outcome, err)
	}
	_, err = h.WithdrawPetition(t.Context(), h.actor(vic), p.Name)
	h.refused(1, err, approval.Conflict, "was already withdrawn", vic, p.Name)
	kind, _ := h.timer(p)
	same(t, "timer", kind, "")
	h.conserves(p)
}

// A history cannot be flooded: whoever makes a thousand refused attempts hides nothing that happened.
func TestHistoryCannotBeFlooded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(vic)
	for range 500 {
		if _, err := h.try(vic, p, claim(approve)); err == nil {
			t.Fatal("approved by who asks")
		}
	}
	h.decide(bob, p, claim(approve))
	log := h.log(p)
	same(t, "events", len(log), 103)
	sameList(t, "the end", log[101:], approve, approval.EventGrant)
	same(t, "refusals that are kept", len(h.refusals()), 200)
}

func TestListOfWhatWaitsForMe(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = review(2)
	var names []string
	for i := range 30 {
		p := h.ask([]string{vic, bob}[i%2], func(n *approval.NewPetition) { n.Reason = fmt.Sprint("number ", i) })
		names = append(names, p.Name)
	}
	h.decide(bob, h.now(approval.Petition{Name: names[0]}), claim(approve))
	h.decide(eve, h.now(approval.Petition{Name: names[2]}), claim(deny))
	list := func(id string, q approval.PetitionQuery) []string {
		var got []string
		for {
			page, err := h.Petitions(t.Context(), h.actor(id), q, true)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range page.Items {
				got = append(got, p.Name)
			}
			if q.Page.Token = page.Next; page.Next == "" {
				return got
			}
		}
	}
	var want []string
	for i := 28; i > 2; i -= 2 {
		want = append(want, names[i])
	}
	for _, size := range []int{1, 3, 7, 200} {
		sameList(t, fmt.Sprint("pages of ", size), list(bob, approval.PetitionQuery{Page: approval.PageRequest{Size: size}}), want...)
	}
	same(t, "for a viewer", len(list(vic, approval.PetitionQuery{})), 0)
	same(t, "for one who asked none", len(list(olga, approval.PetitionQuery{})), 29)
	same(t, "of the closed ones", len(list(olga, approval.PetitionQuery{Phases: []approval.Phase{approval.Closed}})), 0)
	same(t, "of open and closed ones", len(list(olga, approval.PetitionQuery{Phases: []approval.Phase{approval.Closed, approval.Open}})), 29)
	h.clock.Advance(24 * time.Hour)
	same(t, "after their time, the timers late", len(list(olga, approval.PetitionQuery{})), 0)
	for _, q := range []approval.PetitionQuery{{Phases: []approval.Phase{"done"}}, {Page: approval.PageRequest{Size: 201}}, {Page: approval.PageRequest{Token: "x"}}} {
		if _, err := h.Petitions(t.Context(), h.actor(vic), q, false); approval.CodeOf(err) != approval.Invalid {
			t.Errorf("%+v: %v", q, err)
		}
	}
	a := h.actor(vic)
	a.Role = ""
	if _, err := h.Petitions(t.Context(), a, approval.PetitionQuery{}, false); approval.CodeOf(err) != approval.Forbidden {
		t.Error(err)
	}
	other := h.actor(vic)
	other.Space = "other"
	if page, err := h.Petitions(t.Context(), other, approval.PetitionQuery{Space: "acme"}, false); err != nil || len(page.Items) != 0 {
		t.Errorf("another space's petitions: %d, %v", len(page.Items), err)
	}
	slices.Sort(names)
}
