package approval_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
)

// grant has id ask for the resources and bob approve it for so long.
func (h *house) grant(id string, length time.Duration, resources ...string) approval.Petition {
	h.t.Helper()
	p := h.ask(id, func(n *approval.NewPetition) {
		n.Resources = nil
		for _, r := range resources {
			n.Resources = append(n.Resources, approval.Resource{Kind: "db", ID: r})
		}
	})
	return h.decide(bob, p, claim(approve, approval.LabelTimeDuration, length.String()))
}

// has answers who has what, as "person resource until", where until is counted from since.
func (h *house) has(since time.Time, q approval.AccessQuery) (list []string) {
	h.t.Helper()
	for {
		page, err := h.Grants(h.t.Context(), h.actor(vic), q)
		if err != nil {
			h.t.Fatal(err)
		}
		for _, a := range page.Items {
			until := "for ever"
			if !a.Until.IsZero() {
				until = a.Until.Sub(since).String()
			}
			list = append(list, strings.TrimSuffix(a.Person.ID, "@acme.example")+" "+a.Resource.ID+" "+until)
		}
		if q.Page.Token = page.Next; page.Next == "" {
			return list
		}
	}
}

// closes does what is due until nothing is, and answers what the close of the petition says of access.
func (h *house) closes(p approval.Petition) (ended string, keptBy []string) {
	h.t.Helper()
	for h.run() > 0 {
	}
	for _, e := range h.history(p) {
		if e.Event == approval.EventClose {
			if by := e.Label(approval.LabelAccessKeptBy); by != "" {
				keptBy = strings.Split(by, ",")
			}
			return e.Label(approval.LabelAccessEnded), keptBy
		}
	}
	return "", nil
}

// Access ends when the last of the leases of a person on a resource ends, in whatever order they end (I15).
func TestAccessEndsWithTheLastLease(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	begin := h.clock.Now()
	short, long := h.grant(vic, time.Hour, "orders"), h.grant(vic, 3*time.Hour, "orders", "stock")
	h.clock.Advance(30 * time.Minute)
	middle := h.grant(vic, time.Hour, "orders")
	sameList(t, "now", h.has(begin, approval.AccessQuery{}), "vic orders 3h0m0s", "vic orders 3h0m0s", "vic orders 3h0m0s", "vic stock 3h0m0s")
	h.clock.Advance(30 * time.Minute)
	ended, by := h.closes(short)
	same(t, "the first has ended, access", ended, "false")
	want := []string{long.Name, middle.Name}
	slices.Sort(want)
	sameList(t, "kept by", by, want...)
	h.decide(vic, long, claim(revoke))
	ended, by = h.closes(long)
	same(t, "one of two things is kept, access", ended, "partly")
	sameList(t, "kept by", by, middle.Name)
	sameList(t, "now", h.has(begin, approval.AccessQuery{}), "vic orders 1h30m0s")
	h.clock.Advance(time.Hour)
	ended, by = h.closes(middle)
	same(t, "the last has ended, access", ended, "true")
	sameList(t, "kept by", by)
	sameList(t, "now", h.has(begin, approval.AccessQuery{}))
	for at, want := range map[time.Duration]int{-time.Second: 0, 0: 3, 29 * time.Minute: 3, 31 * time.Minute: 4, 59 * time.Minute: 4, time.Hour: 1, 89 * time.Minute: 1, 90 * time.Minute: 0} {
		same(t, fmt.Sprint("what was had at ", at), len(h.has(begin, approval.AccessQuery{At: begin.Add(at)})), want)
	}
	for _, p := range []approval.Petition{short, long, middle} {
		h.conserves(p)
	}
}

// A person has one access by whatever names; another kind of thing with the same id is another thing.
func TestAccessIsOfAPersonNotOfAName(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.directory(approval.Resource{ID: "U1", Kind: "slack/user", AltIDs: []string{vic}, Labels: map[string]string{approval.LabelBlock: "vic-in-slack"}},
		approval.Resource{ID: "arn:orders", Kind: "db", Labels: map[string]string{approval.LabelBlock: "orders"}})
	p := h.grant(vic, time.Hour, "arn:orders")
	asU1 := h.decide(bob, h.ask(pat, func(n *approval.NewPetition) {
		n.Petitioners = []approval.Resource{{ID: "U1", Kind: "slack/user"}}
		n.Resources = []approval.Resource{{ID: "arn:orders", Kind: "db"}}
	}), claim(approve))
	other := h.decide(bob, h.ask(vic, func(n *approval.NewPetition) { n.Resources = []approval.Resource{{ID: "arn:orders", Kind: "table"}} }), claim(approve))
	for _, name := range []string{vic, "VIC@acme.example", "u1", "U1"} {
		same(t, "of "+name, len(h.has(h.clock.Now(), approval.AccessQuery{Person: name})), 3)
	}
	same(t, "by the name in the directory", len(h.has(h.clock.Now(), approval.AccessQuery{Resource: "orders"})), 3)
	same(t, "of a pair", len(h.has(h.clock.Now(), approval.AccessQuery{Person: vic, Resource: "arn:orders"})), 3)
	same(t, "of somebody else", len(h.has(h.clock.Now(), approval.AccessQuery{Person: pat})), 0)
	h.decide(eve, p, claim(revoke))
	ended, by := h.closes(p)
	same(t, "access", ended, "false")
	sameList(t, "kept by", by, asU1.Name)
	h.decide(eve, other, claim(revoke))
	ended, _ = h.closes(other)
	same(t, "access to the table", ended, "true")
}

// A clock that was set back brings nothing back: what has ended keeps nothing, and is not shown.
func TestAccessWhenTheClockIsSetBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first, second := h.grant(vic, time.Hour, "orders"), h.grant(vic, 2*time.Hour, "orders")
	h.clock.Advance(time.Hour)
	ended, _ := h.closes(first)
	same(t, "access", ended, "false")
	h.clock.Set(h.clock.Now().Add(-90 * time.Minute))
	same(t, "before it all", len(h.has(h.clock.Now(), approval.AccessQuery{})), 0)
	h.clock.Advance(time.Hour)
	same(t, "now", len(h.has(h.clock.Now(), approval.AccessQuery{})), 1)
	h.decide(vic, second, claim(revoke))
	ended, _ = h.closes(second)
	same(t, "access", ended, "true")
	h.clock.Set(h.clock.Now().Add(48 * time.Hour))
	same(t, "jobs", h.run(), 0)
	sameList(t, "log", h.log(first), "access/request", "access/approve", "access/grant", "access/end", "access/close")
}

// runAll runs the jobs together, and those again that have lost a race, as the runner would.
func runAll(t *testing.T, node *approval.Service, jobs []approval.Job) {
	for len(jobs) > 0 {
		var again []approval.Job
		for i, err := range node.RunTogether(t.Context(), jobs) {
			switch code := approval.CodeOf(err); code {
			case "":
			case approval.Conflict:
				again = append(again, jobs[i])
			default:
				t.Errorf("%+v: %s", jobs[i], code)
			}
		}
		jobs = again
	}
}

// A thousand leases that end in the same second end once each, on two nodes that race for every timer, one of which is slow
// and comes again with what is done.
func TestAThousandEndInTheSameSecond(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	other := approval.NewService(approval.Deps{Store: h.store, Policy: h.rule, Documents: approvaltest.Documents{}, Clock: h.clock, IDs: h.IDs, Broker: h.broker})
	h.store.ByReference = true
	h.rule.verdict = verdict(approval.VerdictApprove)
	var all []approval.Petition
	for i := range 1000 {
		h.rule.verdict.DefaultDuration = time.Hour + time.Duration(i)*time.Microsecond
		all = append(all, h.ask(vic, func(n *approval.NewPetition) {
			n.Resources = []approval.Resource{{ID: fmt.Sprint("db", i%500), Kind: "db"}}
		}))
	}
	h.clock.Advance(time.Hour + time.Second)
	for range 4 {
		jobs, err := h.store.LeaseJobs(t.Context(), "", h.clock.Now(), time.Minute, 2000)
		if err != nil {
			t.Fatal(err)
		}
		jobs = slices.DeleteFunc(jobs, func(j approval.Job) bool { return j.Kind == approval.JobHourly })
		var both sync.WaitGroup
		for n, node := range []*approval.Service{h.Service, other} {
			both.Go(func() {
				own := slices.Clone(jobs)
				if n == 1 {
					slices.Reverse(own)
				}
				for part := range slices.Chunk(own, 1+n*(approval.MostTogether-1)) {
					runAll(t, node, part)
				}
			})
		}
		both.Wait()
		for _, j := range jobs {
			if err := h.store.FinishJob(t.Context(), j); err != nil {
				t.Fatal(err)
			}
		}
	}
	lost := 0
	for _, p := range all {
		sameList(t, "log", h.log(p), "access/request", "access/grant", "access/end", "access/close")
		ended, _ := h.closes(p)
		if ended == "true" {
			lost++
		}
	}
	if lost < 500 { // of two leases on one thing at least one says that access has ended
		t.Errorf("access to %d of 500 things has ended", lost)
	}
	same(t, "now", len(h.has(h.clock.Now(), approval.AccessQuery{})), 0)
}

func TestGrantsAreForWhoMaySeePetitions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.grant(vic, time.Hour, "orders")
	blind := h.actor(olga)
	blind.Scopes = []approval.Permission{approval.ReadEvents}
	_, err := h.Grants(t.Context(), blind, approval.AccessQuery{})
	same(t, "without the scope", approval.CodeOf(err), approval.Forbidden)
	elsewhere := h.actor(olga)
	elsewhere.Space = "other"
	page, err := h.Grants(t.Context(), elsewhere, approval.AccessQuery{})
	if err != nil || len(page.Items) != 0 {
		t.Error(page, err)
	}
	for _, q := range []approval.AccessQuery{{Person: "a\nb"}, {Resource: strings.Repeat("x", 2000)}, {Page: approval.PageRequest{Size: 201}}, {Page: approval.PageRequest{Token: "x"}}} {
		_, err := h.Grants(t.Context(), h.actor(vic), q)
		same(t, fmt.Sprintf("%.60v", q), approval.CodeOf(err), approval.Invalid)
	}
	// A change of the policy is nothing that somebody has.
	for _, p := range []approval.Petition{{Resources: []approval.Resource{{ID: "acme", Kind: approval.KindPolicy}}, Petitioners: []approval.Resource{{ID: vic}}, Grant: &approval.Grant{}}, {}} {
		same(t, "leases", len(p.Leases()), 0)
	}
}

func (h *house) revokeAll(id string, r approval.RevokeGrants) (done, refused int, err error) {
	h.t.Helper()
	for {
		page, err := h.RevokeGrants(h.t.Context(), h.actor(id), r)
		if err != nil {
			return done, refused, err
		}
		for _, item := range page.Items {
			if item.Refused != "" {
				refused++
			} else {
				done++
			}
		}
		if r.Page.Token = page.Next; page.Next == "" {
			return done, refused, nil
		}
	}
}

// All of a person's, page by page, after a look that changes nothing.
func TestRevokeAllOfAPersonAndOfAResource(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for range 5 {
		h.grant(vic, time.Hour, "orders", "stock")
		h.grant(pat, time.Hour, "orders")
	}
	forever := h.decide(bob, h.ask(vic), claim(approve, approval.LabelTimeIndefinite, "true"))
	offboard := approval.RevokeGrants{Person: vic, Reason: "Vic has left", Preview: true, Page: approval.PageRequest{Size: 3}}
	before := len(h.whole())
	done, refused, err := h.revokeAll(eve, offboard)
	if err != nil || done < 6 || refused != 0 || len(h.whole()) != before {
		t.Fatal("the preview", done, refused, err, len(h.whole())-before)
	}
	offboard.Preview = false
	done, refused, err = h.revokeAll(eve, offboard)
	if err != nil || done != 6 || refused != 0 {
		t.Fatal(done, refused, err)
	}
	same(t, "what Vic has", len(h.has(h.clock.Now(), approval.AccessQuery{Person: vic})), 0)
	same(t, "what Pat has", len(h.has(h.clock.Now(), approval.AccessQuery{Person: pat})), 5)
	got := h.now(forever)
	same(t, "outcome", got.Outcome, approval.OutcomeRevoked)
	same(t, "why", got.Decision.Reason, "Vic has left")
	done, refused, err = h.revokeAll(eve, offboard)
	if err != nil || done != 0 || refused != 0 {
		t.Fatal("again", done, refused, err)
	}
	done, refused, err = h.revokeAll(olga, approval.RevokeGrants{Resource: "orders"})
	if err != nil || done != 5 || refused != 0 {
		t.Fatal("lock down", done, refused, err)
	}
	h.conserves(forever)
}

// Each petition is revoked by who may: reviewers, editors and the holder. Who may nothing of it is refused, and the log says so.
func TestRevokeAllIsForWhoMayRevokeEach(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	own, others := h.grant(vic, time.Hour, "orders"), h.grant(pat, time.Hour, "orders")
	done, refused, err := h.revokeAll(vic, approval.RevokeGrants{Resource: "orders", Preview: true})
	if err != nil || done != 1 || refused != 1 || len(h.refusals()) != 0 {
		t.Fatal("the preview", done, refused, err)
	}
	done, refused, err = h.revokeAll(vic, approval.RevokeGrants{Resource: "orders"})
	if err != nil || done != 1 || refused != 1 || len(h.refusals()) != 1 {
		t.Fatal(done, refused, err)
	}
	same(t, "own", h.now(own).Phase, approval.Revoked)
	same(t, "another's", h.now(others).Phase, approval.Granted)
	_, _, err = h.revokeAll(vic, approval.RevokeGrants{Resource: "orders"})
	h.refused(1, err, approval.Forbidden, "may not revoke", vic, "")
	for _, r := range []approval.RevokeGrants{{}, {Person: "\x00"}, {Person: "x", Reason: strings.Repeat("x", 4001)}} {
		_, err := h.RevokeGrants(t.Context(), h.actor(olga), r)
		same(t, "code", approval.CodeOf(err), approval.Invalid)
	}
	for _, scope := range []approval.Permission{approval.ReadPetitions, approval.CreateClaims} {
		a := h.actor(olga)
		a.Scopes = []approval.Permission{scope}
		_, err := h.RevokeGrants(t.Context(), a, approval.RevokeGrants{Person: pat})
		same(t, "with one scope", approval.CodeOf(err), approval.Forbidden)
	}
	same(t, "another's", h.now(others).Phase, approval.Granted)
	// One that ends between the look and the press is no failure.
	h.store.BeforeCommit = func(c approval.Change) error {
		h.store.BeforeCommit = nil
		return approval.Errorf(approval.Conflict, "somebody else was faster")
	}
	done, refused, err = h.revokeAll(eve, approval.RevokeGrants{Person: pat})
	if err != nil || done != 1 || refused != 0 {
		t.Fatal(done, refused, err)
	}
}

// A look-up of reviewers that fails keeps nobody from taking away what they may by their role, or gave themselves; nor does one
// petition that fails keep the others.
func TestARevokeNeedsNoLookUpThatFails(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.onCall = map[string]approval.OnCall{"primary": {Persons: []string{pat}}}
	h.rule.verdict = by(approval.Reviewers{OnCall: []string{"primary"}})
	onCall := func() approval.Petition { return h.decide(pat, h.ask(vic), claim(approve)) }
	byRole, own, failing := onCall(), onCall(), onCall()
	h.rule.verdict = by(approval.Reviewers{Persons: []string{pat}})
	named := h.decide(pat, h.ask(vic), claim(approve))
	h.rule.refusal = approval.Errorf(approval.Unavailable, "the schedule cannot be read")
	same(t, "an editor", h.decide(eve, byRole, claim(revoke)).Phase, approval.Revoked)
	same(t, "who asked", h.decide(vic, own, claim(revoke)).Phase, approval.Revoked)
	_, err := h.try(pat, failing, claim(revoke))
	same(t, "who must be looked up", approval.CodeOf(err), approval.Unavailable)

	all := approval.RevokeGrants{Person: vic, Preview: true}
	page, err := h.RevokeGrants(t.Context(), h.actor(pat), all)
	if err != nil || len(page.Items) != 2 {
		t.Fatal("the preview", page, err)
	}
	all.Preview = false
	page, err = h.RevokeGrants(t.Context(), h.actor(pat), all)
	if err != nil || len(page.Items) != 2 {
		t.Fatal(page, err)
	}
	for _, item := range page.Items {
		same(t, "failed", item.Failed, item.Petition.Name == failing.Name)
		same(t, "why", strings.Contains(item.Refused, "cannot be looked up now"), item.Failed)
	}
	same(t, "what failed", h.now(failing).Phase, approval.Granted)
	same(t, "the other", h.now(named).Phase, approval.Revoked)
	_, err = h.RevokeGrants(t.Context(), h.actor(pat), all)
	same(t, "none of them", approval.CodeOf(err), approval.Unavailable)
	h.rule.refusal = nil
	done, refused, err := h.revokeAll(pat, all)
	if err != nil || done != 1 || refused != 0 {
		t.Fatal("again", done, refused, err)
	}
}

// Where nothing can be written, a call that revokes many does not try all of them; what failed inside is not told.
func TestARevokeOfManyBreaksOff(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for range 12 {
		h.grant(vic, time.Hour, "orders")
	}
	tries := 0
	h.store.BeforeCommit = func(approval.Change) error {
		tries++
		return unavailable(approval.Change{})
	}
	_, err := h.RevokeGrants(t.Context(), h.actor(eve), approval.RevokeGrants{Person: vic})
	same(t, "code", approval.CodeOf(err), approval.Unavailable)
	same(t, "tries", tries, 10)
	h.store.BeforeCommit = func(approval.Change) error {
		if tries++; tries == 11 {
			return errLost
		}
		return nil
	}
	page, err := h.RevokeGrants(t.Context(), h.actor(eve), approval.RevokeGrants{Person: vic})
	if err != nil || len(page.Items) != 12 || !page.Items[0].Failed || strings.Contains(page.Items[0].Refused, errLost.Error()) || page.Items[1].Failed {
		t.Fatal(page.Items, err)
	}
}

// whole answers the whole log, newest first.
func (h *house) whole() []approval.Event {
	h.t.Helper()
	page, err := h.store.Events(h.t.Context(), approval.EventQuery{Space: "acme", Page: approval.PageRequest{Size: approval.MaxPageSize}})
	if err != nil {
		h.t.Fatal(err)
	}
	return page.Items
}

// A store that cannot be read says nothing of access, and the close comes again.
func TestCloseWaitsUntilAccessIsKnown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.grant(vic, time.Hour, "orders")
	h.decide(vic, p, claim(revoke))
	job := approval.Job{Space: "acme", Petition: p.Name, Kind: approval.JobClose}
	for _, method := range []string{"Leases", "Aliases"} {
		h.store.BeforeRead = func(what string) error {
			if what == method {
				return unavailable(approval.Change{})
			}
			return nil
		}
		same(t, method, approval.CodeOf(h.RunJob(t.Context(), job)), approval.Unavailable)
		same(t, "phase", h.now(p).Phase, approval.Revoked)
	}
	h.store.BeforeRead = nil
	ended, _ := h.closes(p)
	same(t, "access", ended, "true")
}
