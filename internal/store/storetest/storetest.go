// Package storetest is the conformance suite of [approval.Store]: every promise of the port, as a case that any engine
// must pass. It also makes the records that tests and benchmarks of a store need.
//
// It imports the centre and libraries for tests.
package storetest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/indent-approvals/indent/internal/approval"
)

// Run proves every promise on the stores that open answers. open answers an empty store each time; the test's end
// closes it.
func Run(t *testing.T, open func(t *testing.T) approval.Store) {
	shared := open(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := shared
			if c.alone {
				s = open(t)
			}
			c.prove(t, kit{s, spaceOf(c.name)})
		})
	}
}

var cases = []struct {
	name string
	// alone: the case looks at what is not of one space, such as jobs, and has a store to itself.
	alone bool
	prove func(*testing.T, kit)
}{
	{"placeholders out of order", false, placeholdersOutOfOrder},
	{"a change needs an event", false, changeNeedsEvent},
	{"a change keeps to its space", false, changeKeepsToItsSpace},
	{"a refused change leaves nothing", true, refusedChangeLeavesNothing},
	{"a refused change harms no other", false, refusedChangeHarmsNoOther},
	{"a call that was cancelled is unavailable", false, cancelledIsUnavailable},
	{"ping", false, ping},
	{"what is answered can be read", false, answeredCanBeRead},

	{"a petition comes back as it was", false, petitionComesBack},
	{"a petition of the largest size", false, largestPetition},
	{"petitions and phases by name", false, petitionsByName},
	{"versions of a petition", false, versions},
	{"one of 64 deciders wins", false, oneDeciderWins},
	{"one of 64 users of a key makes the petition", false, oneKeyWins},
	{"a person votes once", false, personVotesOnce},
	{"idempotency keys", false, idempotencyKeys},
	{"leases hold for their time", false, leasesHold},
	{"leases that end before their time", false, leasesEnd},
	{"pages of leases", false, pagesOfLeases},

	{"identities are one member's", false, identitiesAreOnes},
	{"names that mean the same", false, namesThatMeanTheSame},
	{"spaces change by version", false, spacesChange},
	{"groups have members", false, groupsHaveMembers},
	{"memberships end with the group and with the member", false, membershipsEnd},
	{"passkeys are one member's", false, passkeysAreOnes},
	{"one of 64 first passkeys is kept", false, oneFirstPasskeyWins},
	{"challenges are used once", false, challengesAreUsedOnce},
	{"confirmations are used once", false, confirmationsAreUsedOnce},

	{"petitions by phase, petitioner and label", false, petitionsAreSelected},
	{"labels that change", false, labelsChange},
	{"pages of petitions", false, pagesOfPetitions},
	{"pages while others write", false, pagesWhileOthersWrite},
	{"search finds what has all words", false, searchFinds},
	{"searches are selected by all else", false, searchesAreSelected},
	{"search is safe against its words", false, searchIsSafe},
	{"spaces do not see each other", false, spacesAreSeparate},

	{"resources", false, resources},
	{"resources by any of their names", false, resourcesNamed},
	{"resources by any spelling of a name", false, resourcesByAnyName},
	{"views and selectors of resources", false, resourcesAreSelected},
	{"pages of resources in bytewise order", false, pagesOfResources},
	{"a thousand resources at once", false, manyResources},

	{"events come back as they were", false, eventsComeBack},
	{"events are selected", false, eventsAreSelected},
	{"events of a time", false, eventsOfATime},
	{"pages of events", false, pagesOfEvents},
	{"the log is read on from a cursor", false, logIsReadOn},
	{"a follower of the log misses nothing", false, followerMissesNothing},

	{"spaces and members", false, spacesAndMembers},
	{"members in bytewise order", false, membersInOrder},
	{"policies", false, policies},
	{"pages of policies", false, pagesOfPolicies},
	{"other policies that are asked for", false, policyProposals},
	{"what is stuck in a policy", false, policyHealth},
	{"tokens", false, tokens},
	{"one of 64 users of a one-use token gets in", false, oneTokenUserWins},
	{"logins", false, logins},
	{"logins of one source", false, loginsOfOneSource},
	{"one of 64 users of a login gets in", false, oneLoginUserWins},
	{"refresh tokens", false, refreshTokens},
	{"one of 64 users of a refresh token gets in", false, oneRefreshUserWins},
	{"sessions", false, sessions},
	{"one sign-in is one session", false, oneSignInIsOneSession},
	{"roles by groups", false, mappedRoles},
	{"signing keys", true, signingKeys},
	{"tokens are noted as used", false, tokensAreUsed},
	{"tokens end sooner", false, tokensEndSooner},
	{"trusts", false, trusts},
	{"delegations", false, delegations},
	{"delegations are used and end", false, usesAndEndsOfDelegations},
	{"delegations go with their members", false, delegationsGoWithMembers},
	{"nothing is decided by a delegation that was ended", false, delegationsAreUsedOrEnded},
	{"webhooks", false, webhooks},
	{"webhook policies", false, webhookPolicies},
	{"what webhooks were told", false, applications},
	{"what webhooks are asked about", false, checksOfApplications},
	{"a webhook that holds access stays", false, heldWebhooksStay},
	{"attempts of calls", false, deliveries},
	{"how endpoints behave", false, webhookHealth},
	{"pull policies", false, pullPolicies},
	{"how pulls stand", false, pulls},
	{"what policies have brought", false, pulled},
	{"whose names are", false, nameOwners},

	{"jobs are leased", true, jobsAreLeased},
	{"jobs are finished together", true, jobsAreFinishedTogether},
	{"a job goes to one of many", true, jobGoesToOne},
	{"jobs that were replaced", true, replacedJobs},
	{"jobs have lanes", true, jobsHaveLanes},
	{"a job that is woken runs alone", true, wokenJobs},
	{"a job ends with what it writes", true, jobsEndWithAChange},
	{"all jobs of a lane are woken", true, wokenLanes},
	{"the timers of petitions", true, timers},
	{"a timer stays", true, timerStays},
	{"a timer goes to one of many", true, timerGoesToOne},
}

// kit is what a case works with: a store and a space of its own.
type kit struct {
	approval.Store
	space string
}

func spaceOf(name string) string {
	return strings.Trim(strings.NewReplacer(" ", "-", ",", "").Replace(name), "-")
}

// commit writes the change or ends the test.
func (k kit) commit(t testing.TB, writes ...approval.Write) {
	t.Helper()
	if err := k.Commit(t.Context(), k.change(writes...)); err != nil {
		t.Fatalf("commit of %T: %v", writes, err)
	}
}

// refuse expects that the change is refused with the code.
func (k kit) refuse(t testing.TB, code approval.Code, writes ...approval.Write) {
	t.Helper()
	wantCode(t, k.Commit(t.Context(), k.change(writes...)), code)
}

// change answers a change with an event that says nothing.
func (k kit) change(writes ...approval.Write) approval.Change {
	note := approval.Event{Event: "test/note", ID: UUID(), Timestamp: Start, Actor: reviewer, Meta: approval.Meta{Space: k.space}}
	return approval.Change{Space: k.space, Writes: writes, Events: []approval.Event{note}}
}

// create makes a petition, changed by edits.
func (k kit) create(t testing.TB, edits ...func(*approval.Petition)) approval.Petition {
	t.Helper()
	p := NewPetition(k.space)
	for _, edit := range edits {
		edit(&p)
	}
	if err := k.Commit(t.Context(), Create(p)); err != nil {
		t.Fatal(err)
	}
	return p
}

var reviewer = approval.Resource{ID: "bob@acmecorp.example", Kind: approval.KindUser, Email: "bob@acmecorp.example"}

func wantCode(t testing.TB, err error, code approval.Code) {
	t.Helper()
	if approval.CodeOf(err) != code {
		t.Fatalf("got %q (%v), want %q", approval.CodeOf(err), err, code)
	}
	if err != nil && strings.Contains(err.Error(), "SQL") {
		t.Errorf("the public message tells the cause: %v", err)
	}
}

// want compares what the store answered with what it should have.
func want[T any](t testing.TB, got T, err error, wanted T) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wanted, got, cmpopts.IgnoreUnexported(approval.Petition{})); diff != "" {
		t.Fatalf("want (-), got (+):\n%s", diff)
	}
}

// Eventually calls look until it answers true, for what happens in its own time: another case's transaction may keep an
// event from settling for a moment.
func Eventually(t testing.TB, look func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !look() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("it did not happen within 30 s")
		}
	}
}

// together runs f n times at once and answers what each answered.
func together(n int, f func(i int) error) []error {
	answers := make([]error, n)
	start, done := make(chan struct{}), make(chan struct{})
	for i := range n {
		go func() {
			<-start
			answers[i] = f(i)
			done <- struct{}{}
		}()
	}
	close(start)
	for range n {
		<-done
	}
	return answers
}

// oneWins expects that one answer is nil and all others are Conflict.
func oneWins(t testing.TB, answers []error) {
	t.Helper()
	won := 0
	for _, err := range answers {
		if err == nil {
			won++
		} else if approval.CodeOf(err) != approval.Conflict {
			t.Errorf("a loser got %q (%v), want conflict", approval.CodeOf(err), err)
		}
	}
	if won != 1 {
		t.Fatalf("%d of %d won, want 1", won, len(answers))
	}
}
