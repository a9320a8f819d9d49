package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// petitionComesBack stores a petition with every field set, in texts that encodings like to change.
func petitionComesBack(t *testing.T, k kit) {
	const awkward = "<b>&amp;</b> \"quoted\" 'single' back\\slash 漢字 🙂 e\u0301 é $1 %s ?1 :a \t\n\r"
	p := NewPetition(k.space)
	p.Reason, p.DisplayName = awkward, awkward
	p.Params = approval.RawJSON(`{"<&>":"<script>\u0001\\é\"","list":[1,2.5,true,null,"x"],"n":9007199254740991}`)
	p.Duration = 90 * time.Minute
	p.Labels = map[string]string{awkward: awkward, "plain": "", approval.LabelConfigID: "space:" + k.space}
	p.Petitioners = append(p.Petitioners, approval.Resource{ID: "ada@acmecorp.example", Kind: "okta/user", DisplayName: awkward,
		AltIDs: []string{"a", awkward}, Email: "ada@acmecorp.example", Labels: map[string]string{"team": "db"}})
	p.Persons = []string{"ada@acmecorp.example", "you@acmecorp.example"}
	k.commit(t, approval.PutPetition{Petition: &p})
	got, err := k.Petition(t.Context(), k.space, p.Name)
	want(t, got, err, p)
	known(t, k, p)

	granted, change := Decide(p, reviewer)
	if err := k.Commit(t.Context(), change); err != nil {
		t.Fatal(err)
	}
	known(t, k, granted)
	got, err = k.Petition(t.Context(), k.space, p.Name)
	want(t, got, err, granted)
	k.refuse(t, approval.Conflict, approval.PutPetition{Petition: &p, Expect: p.Version}) // stale: nothing is written
	known(t, k, granted)
	if p := k.RecentPetition("other", p.Name); p != nil {
		t.Errorf("another space's %s is known", p.Ref())
	}
	_, err = k.Petition(t.Context(), k.space, "missing")
	wantCode(t, err, approval.NotFound)
}

// known wants what was written here last, if it is known at all, to be known as that.
func known(t *testing.T, k kit, p approval.Petition) {
	t.Helper()
	if got := k.RecentPetition(k.space, p.Name); got != nil {
		want(t, *got, nil, p)
	}
}

func largestPetition(t *testing.T, k kit) {
	p := NewPetition(k.space)
	p.Reason = strings.Repeat("漢 ", approval.MaxReason/2)
	p.Params = approval.RawJSON(`{"text":"` + strings.Repeat(`\"word `, approval.MaxParamsBytes/7-10) + `"}`)
	p.Resources = nil
	for i := range approval.MaxResources {
		p.Resources = append(p.Resources, approval.Resource{ID: fmt.Sprint(i, strings.Repeat("🙂", approval.MaxID-3)),
			DisplayName: strings.Repeat("x", approval.MaxDisplayName)})
	}
	p.Labels = map[string]string{}
	for i := range approval.MaxLabels {
		p.Labels[fmt.Sprint(i, strings.Repeat("é", approval.MaxLabelKey-2))] = strings.Repeat("ü", approval.MaxLabelValue)
	}
	k.commit(t, approval.PutPetition{Petition: &p})
	got, err := k.Petition(t.Context(), k.space, p.Name)
	want(t, got, err, p)
	page, err := k.Petitions(t.Context(), approval.PetitionQuery{Space: k.space, Words: []string{"0"}})
	want(t, names(page), err, []string{p.Name})
}

func versions(t *testing.T, k kit) {
	p := NewPetition(k.space)
	k.refuse(t, approval.Conflict, approval.PutPetition{Petition: &p, Expect: 1}) // there is none yet
	k.commit(t, approval.PutPetition{Petition: &p})
	k.refuse(t, approval.Conflict, approval.PutPetition{Petition: &p})
	for version := int64(1); version <= 3; version++ {
		p.Reason = fmt.Sprint("version ", version+1)
		k.commit(t, approval.PutPetition{Petition: &p, Expect: version})
		k.refuse(t, approval.Conflict, approval.PutPetition{Petition: &p, Expect: version})
		k.refuse(t, approval.Conflict, approval.PutPetition{Petition: &p, Expect: version + 2})
		p.Version = version + 1
		got, err := k.Petition(t.Context(), k.space, p.Name)
		want(t, got, err, p)
	}
}

func oneDeciderWins(t *testing.T, k kit) {
	p := k.create(t)
	oneWins(t, together(64, func(i int) error {
		_, change := Decide(p, approval.Resource{ID: fmt.Sprint("reviewer", i)})
		return k.Commit(t.Context(), change)
	}))
	got, err := k.Petition(t.Context(), k.space, p.Name)
	want(t, got.Version, err, 2)
	page, err := k.Events(t.Context(), approval.EventQuery{Space: k.space, Petition: p.Name, Event: approval.EventApprove})
	want(t, len(page.Items), err, 1)
	want(t, page.Items[0].Actor.ID, nil, got.Decision.Actor.ID)
}

func oneKeyWins(t *testing.T, k kit) {
	oneWins(t, together(64, func(int) error {
		change := Create(NewPetition(k.space))
		key := change.Writes[0].(approval.PutIdempotency)
		key.Idempotency.Key = "the key"
		change.Writes[0] = key
		return k.Commit(t.Context(), change)
	}))
	made, err := k.Idempotency(t.Context(), k.space, "quickstart", "the key")
	if err != nil {
		t.Fatal(err)
	}
	page, err := k.Petitions(t.Context(), approval.PetitionQuery{Space: k.space})
	want(t, names(page), err, []string{made.Petition})
}

func personVotesOnce(t *testing.T, k kit) {
	oneWins(t, together(16, func(int) error {
		return k.Commit(t.Context(), k.change(approval.PutVote{Petition: "p", Person: "ada"}))
	}))
	k.commit(t, approval.PutVote{Petition: "p", Person: "bob"}, approval.PutVote{Petition: "q", Person: "ada"})
	k.refuse(t, approval.Conflict, approval.PutVote{Petition: "r", Person: "ada"}, approval.PutVote{Petition: "r", Person: "ada"})
	k.commit(t, approval.PutVote{Petition: "p", Person: "ada", Stage: 1})
	k.refuse(t, approval.Conflict, approval.PutVote{Petition: "p", Person: "ada", Stage: 1})
}

func idempotencyKeys(t *testing.T, k kit) {
	record := approval.Idempotency{Actor: "bot", Key: "key", Hash: "hash", Petition: "petition", Time: Start}
	_, err := k.Idempotency(t.Context(), k.space, "bot", "key")
	wantCode(t, err, approval.NotFound)
	k.commit(t, approval.PutIdempotency{Idempotency: record})
	got, err := k.Idempotency(t.Context(), k.space, "bot", "key")
	want(t, got, err, record)
	k.refuse(t, approval.Conflict, approval.PutIdempotency{Idempotency: record})
	another := record
	another.Actor = "another"
	k.commit(t, approval.PutIdempotency{Idempotency: another})
	_, err = k.Idempotency(t.Context(), "elsewhere", "bot", "key")
	wantCode(t, err, approval.NotFound)
}
