package approval_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
)

// The people of the space acme.
const (
	olga = "olga@acme.example" // Owner
	bob  = "bob@acme.example"  // Editor
	eve  = "eve@acme.example"  // Editor
	pat  = "pat@acme.example"  // Petition Admin
	vic  = "vic@acme.example"  // Viewer

	quickstart = "quickstart" // Petition Admin, of olga
	bobsBot    = "bobs-bot"   // Editor, of bob
)

// house is the centre over a store in memory, with people in it and a policy that a test says.
type house struct {
	t testing.TB
	*approval.Service
	store  *approvaltest.Store
	clock  *approvaltest.Clock
	broker *approvaltest.Broker
	rule   *rule
	// endpoints are those of the customer.
	endpoints *approvaltest.Endpoints
}

// rule is an approval.Policy that answers what it is told to.
type rule struct {
	verdict approval.Verdict
	err     error
	asked   func(approval.PolicyInput)
	// onCall are the persons on call by the schedule, and selects what a condition says of a candidate; both fail with refusal.
	onCall  map[string]approval.OnCall
	selects func(where string, c approval.Candidate) (bool, error)
	refusal error
	duty    func(at time.Time) approval.OnCall // unless nil
	looks   int                                // how often either was asked
}

func (r *rule) OnCall(_ context.Context, _ approval.PolicyDocument, schedule string, at time.Time) (approval.OnCall, error) {
	r.looks++
	if r.duty != nil {
		return r.duty(at), r.refusal
	}
	return r.onCall[schedule], r.refusal
}

func (r *rule) Selects(_ context.Context, _ approval.PolicyDocument, where string, c approval.Candidate) (bool, error) {
	r.looks++
	if r.refusal != nil {
		return false, r.refusal
	}
	return r.selects(where, c)
}

func (r *rule) Decide(_ context.Context, in approval.PolicyInput) (approval.Verdict, error) {
	if r.asked != nil {
		r.asked(in)
	}
	v := r.verdict
	v.PolicyVersion = in.Document.Version
	return v, r.err
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{t: t, store: approvaltest.NewStore(), clock: approvaltest.NewClock(), broker: approvaltest.NewBroker(), rule: &rule{verdict: review(1)}, endpoints: &approvaltest.Endpoints{}}
	h.Service = approval.NewService(approval.Deps{Store: h.store, Policy: h.rule, Documents: approvaltest.Documents{}, Clock: h.clock, IDs: &approvaltest.IDs{}, Broker: h.broker,
		Vault: approvaltest.Vault{}, Endpoints: h.endpoints, Conditions: approvaltest.Conditions{}})
	if _, err := h.CreateSpace(t.Context(), approval.NewSpace{Name: "acme", Owner: olga, Policy: "v1"}); err != nil {
		t.Fatal(err)
	}
	for id, role := range map[string]approval.Role{bob: approval.Editor, eve: approval.Editor, pat: approval.PetitionAdmin, vic: approval.Viewer} {
		h.put(approval.Member{ID: id, Kind: approval.KindUser, Email: id, Role: role, Person: id})
	}
	h.put(approval.Member{ID: quickstart, Kind: approval.KindServiceAccount, Role: approval.PetitionAdmin, Person: olga})
	h.put(approval.Member{ID: bobsBot, Kind: approval.KindServiceAccount, Role: approval.Editor, Person: bob})
	return h
}

// another answers another node on the house's store.
func (h *house) another() *approval.Service { return approval.NewService(h.Deps) }

// put writes a member as it is.
func (h *house) put(m approval.Member) {
	h.t.Helper()
	m.Space = "acme"
	h.write(approval.PutMember{Member: m})
}

// directory writes entries of the directory.
func (h *house) directory(entries ...approval.Resource) {
	h.t.Helper()
	if _, err := h.PutResources(h.t.Context(), h.actor(olga), entries); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) write(w approval.Write) {
	h.t.Helper()
	e := approval.Event{Event: "test/setup", ID: h.IDs.UUID(), Timestamp: h.clock.Now()}
	if err := h.store.Commit(h.t.Context(), approval.Change{Space: "acme", Writes: []approval.Write{w}, Events: []approval.Event{e}}); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) actor(id string) approval.Actor {
	h.t.Helper()
	m, err := h.store.Member(h.t.Context(), "acme", id)
	if err != nil {
		h.t.Fatal(err)
	}
	return m.Actor("token-of-"+strings.ReplaceAll(id, "@acme.example", ""), nil)
}

// review is a verdict that asks for count approvals by Editors or Owners.
func review(count int) approval.Verdict {
	return approval.Verdict{Decision: approval.VerdictReview, Rule: "two eyes", DecideWithin: 24 * time.Hour, DefaultDuration: time.Hour,
		Requirements: []approval.Requirement{{Reviewers: approval.Reviewers{Roles: []approval.Role{approval.Editor, approval.Owner}}, Count: count}}}
}

func verdict(decision string) approval.Verdict {
	v := review(1)
	v.Decision, v.Requirements = decision, nil
	return v
}

func reset() approval.NewPetition {
	return approval.NewPetition{Reason: "to recover account", Resources: []approval.Resource{{Kind: "action", ID: "reset-password:123"}}}
}

// ask makes a petition as id.
func (h *house) ask(id string, change ...func(*approval.NewPetition)) approval.Petition {
	h.t.Helper()
	n := reset()
	for _, c := range change {
		c(&n)
	}
	p, replayed, err := h.CreatePetition(h.t.Context(), h.actor(id), n, "")
	if err != nil || replayed {
		h.t.Fatal(replayed, err)
	}
	return p
}

func claim(event string, labels ...string) approval.NewClaim {
	c := approval.NewClaim{Event: event, Labels: map[string]string{}}
	for i := 0; i < len(labels); i += 2 {
		c.Labels[labels[i]] = labels[i+1]
	}
	return c
}

// try decides as id.
func (h *house) try(id string, p approval.Petition, c approval.NewClaim) (approval.Petition, error) {
	h.t.Helper()
	next, _, err := h.Decide(h.t.Context(), h.actor(id), p.Name, c, "")
	return next, err
}

func (h *house) decide(id string, p approval.Petition, c approval.NewClaim) approval.Petition {
	h.t.Helper()
	next, err := h.try(id, p, c)
	if err != nil {
		h.t.Fatal(err)
	}
	return next
}

// now answers the petition as it is stored.
func (h *house) now(p approval.Petition) approval.Petition {
	h.t.Helper()
	p, err := h.store.Petition(h.t.Context(), "acme", p.Name)
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

// log answers the names of the petition's events, oldest first.
func (h *house) log(p approval.Petition) []string {
	h.t.Helper()
	var names []string
	for _, e := range h.history(p) {
		names = append(names, e.Event)
	}
	return names
}

func (h *house) history(p approval.Petition) []approval.Event {
	h.t.Helper()
	list, err := h.History(h.t.Context(), h.actor(olga), p.Name)
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}

// refusals answers all refused attempts of the space, oldest first.
func (h *house) refusals() []approval.Event {
	h.t.Helper()
	page, err := h.store.Events(h.t.Context(), approval.EventQuery{Space: "acme", Event: approval.EventRefused,
		Page: approval.PageRequest{Size: approval.MaxPageSize, Ascending: true}})
	if err != nil {
		h.t.Fatal(err)
	}
	return page.Items
}

// refused demands that err has the code and the text, and that exactly one more refusal is in the log since before, with
// the same code, the actor and the petition.
func (h *house) refused(before int, err error, code approval.Code, text, actor, petition string) {
	h.t.Helper()
	if approval.CodeOf(err) != code || !strings.Contains(err.Error(), text) {
		h.t.Fatalf("got %v (%s), want %s: %s", err, approval.CodeOf(err), code, text)
	}
	all := h.refusals()
	if len(all) != before+1 {
		h.t.Fatalf("%d refusals in the log, want one more than %d", len(all), before)
	}
	e := all[before]
	if e.Label(approval.LabelRefusedCode) != string(code) || e.Actor.ID != actor || e.Petition() != petition || e.Reason != err.Error() ||
		e.Label(approval.LabelRefusedAction) == "" {
		h.t.Fatalf("the log has %+v", e)
	}
}

// timer answers the kind of the petition's timer and when it runs, "" when there is none.
func (h *house) timer(p approval.Petition) (kind string, at time.Time) {
	j, _ := h.store.Job("petition/acme/" + p.Name)
	return j.Kind, j.RunTime
}

// run does all jobs that are due, as the jobs room does, and answers how many of them are of petitions: a look at who may grant
// what follows each change of the directory, and each hour.
func (h *house) run() (done int) {
	h.t.Helper()
	jobs, err := h.store.LeaseJobs(h.t.Context(), "", h.clock.Now(), time.Minute, 1000)
	if err != nil {
		h.t.Fatal(err)
	}
	for len(jobs) > 0 {
		j := jobs[0]
		together := slices.DeleteFunc(slices.Clone(jobs[1:min(len(jobs), approval.MostTogether)]), func(other approval.Job) bool { return !j.With(other) })
		jobs = slices.DeleteFunc(jobs[1:], func(other approval.Job) bool { return slices.Contains(together, other) })
		together = append([]approval.Job{j}, together...)
		for i, err := range h.RunTogether(h.t.Context(), together) {
			if h.ended(together[i], err); together[i].Kind != approval.JobQuorum && together[i].Kind != approval.JobHourly {
				done++
			}
		}
	}
	return done
}

// ended writes how a job has ended.
func (h *house) ended(j approval.Job, err error) {
	h.t.Helper()
	if err = h.writeEnd(j, err); err != nil {
		h.t.Fatalf("%+v: %v", j, err)
	}
}

// endedOrAway is ended of a node whose store may be away: the job comes again, and who is dead writes nothing.
func (h *house) endedOrAway(j approval.Job, err error) {
	h.t.Helper()
	if approval.CodeOf(err) == approval.Unavailable {
		err = approval.Later{At: h.clock.Now().Add(time.Second)}
	}
	if err = h.writeEnd(j, err); err != nil && approval.CodeOf(err) != approval.Unavailable {
		h.t.Fatalf("%+v: %v", j, err)
	}
}

func (h *house) writeEnd(j approval.Job, err error) error {
	var later approval.Later
	switch {
	case errors.As(err, &later):
		return h.store.RetryJob(h.t.Context(), j, later.At)
	case err == nil:
		return h.store.FinishJob(h.t.Context(), j)
	}
	return err
}

// conserves demands that the petition is what its events make of it: nothing changes but by events.
func (h *house) conserves(p approval.Petition) {
	h.t.Helper()
	stored := h.now(p)
	built, err := rebuilt(stored, h.history(p))
	if err != nil {
		h.t.Fatal(err)
	}
	if a, b := asText(h.t, built), asText(h.t, stored); a != b {
		h.t.Fatalf("the events make\n%s\nbut stored is\n%s", a, b)
	}
}

var errLost = errors.New("the connection was lost")

func unavailable(approval.Change) error {
	return approval.Wrap(approval.Unavailable, errLost, "try again")
}

func same[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

func sameList[T comparable](t testing.TB, what string, got []T, want ...T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}
