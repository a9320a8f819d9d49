package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// placeholdersOutOfOrder writes by statements whose placeholders stand in another order than their values, and some of
// them twice. A driver that binds by position puts values into wrong columns, silently.
func placeholdersOutOfOrder(t *testing.T, k kit) {
	m := approval.Member{Space: k.space, ID: "one", Kind: "two", Email: "three", DisplayName: "four", Role: "five", Person: "six",
		Suspended: true, CreatedBy: "eight", CreateTime: Start}
	k.commit(t, approval.PutMember{Member: m})
	got, err := k.Member(t.Context(), k.space, "one")
	want(t, got, err, m)
	m = approval.Member{Space: k.space, ID: "one", Kind: "b", Email: "c", DisplayName: "d", Role: "e", Person: "f", CreatedBy: "h",
		CreateTime: Start.Add(time.Hour)}
	k.commit(t, approval.PutMember{Member: m})
	got, err = k.Member(t.Context(), k.space, "one")
	want(t, got, err, m)

	p := k.create(t)
	p.Version, p.Phase, p.Reason = 2, approval.Closed, "another"
	k.commit(t, approval.PutPetition{Petition: &p, Expect: 1})
	stored, err := k.Petition(t.Context(), k.space, p.Name)
	want(t, stored, err, p)
}

func changeNeedsEvent(t *testing.T, k kit) {
	c := k.change(approval.PutSpace{Space: approval.Space{Name: k.space, CreateTime: Start}})
	c.Events = nil
	wantCode(t, k.Commit(t.Context(), c), approval.Internal)
	_, err := k.Space(t.Context(), k.space)
	wantCode(t, err, approval.NotFound)
}

func changeKeepsToItsSpace(t *testing.T, k kit) {
	elsewhere := NewPetition("elsewhere")
	k.refuse(t, approval.Internal, approval.PutPetition{Petition: &elsewhere})
	k.refuse(t, approval.Internal, approval.PutMember{Member: approval.Member{Space: "elsewhere", ID: "a"}})
	k.refuse(t, approval.Internal, approval.PutToken{Token: approval.Token{Space: "elsewhere", Name: "a"}})
	k.refuse(t, approval.Internal, approval.PutJob{Job: approval.Job{Space: "elsewhere", Key: "a"}})
	k.refuse(t, approval.Internal, approval.PutPolicy{Document: approval.PolicyDocument{Space: "elsewhere", Version: 1}})
	_, err := k.Member(t.Context(), "elsewhere", "a")
	wantCode(t, err, approval.NotFound)
}

// refusedChangeLeavesNothing puts a write that is refused behind every sort of write that is not.
func refusedChangeLeavesNothing(t *testing.T, k kit) {
	taken := approval.Token{Space: k.space, Name: "taken", Kind: approval.TokenService, Hash: "taken"}
	existing := k.create(t)
	k.commit(t, approval.PutToken{Token: taken}, approval.PutMember{Member: approval.Member{Space: k.space, ID: "kept", Kind: "before"}},
		approval.PutResource{Resource: resourceNamed("kept", "before")},
		approval.DeleteJob{Key: "petition/" + k.space + "/" + existing.Name})
	before := k.snapshot(t)
	p, missing := NewPetition(k.space), NewPetition(k.space)
	p.Labels["colour"] = "red"
	closed := existing
	closed.Phase, closed.Labels = approval.Closed, map[string]string{"colour": "blue"}
	good := []approval.Write{
		approval.PutIdempotency{Idempotency: approval.Idempotency{Actor: "a", Key: "new", Petition: p.Name}},
		approval.PutPetition{Petition: &p},
		approval.PutPetition{Petition: &closed, Expect: 1},
		approval.PutVote{Petition: p.Name, Person: "a"},
		approval.PutResource{Resource: resourceNamed("new", "new")},
		approval.PutResource{Resource: resourceNamed("kept", "after")},
		approval.PutSpace{Space: approval.Space{Name: k.space}},
		approval.PutMember{Member: approval.Member{Space: k.space, ID: "kept", Kind: "after"}},
		approval.PutToken{Token: approval.Token{Space: k.space, Name: "new", Kind: approval.TokenLink, Hash: "new"}},
		approval.PutPolicy{Document: approval.PolicyDocument{Space: k.space, Version: 1, Text: "new"}},
		approval.PutSigningKey{Key: approval.SigningKey{ID: "new"}},
		approval.PutJob{Job: approval.Job{Key: "new", Space: k.space, RunTime: Start}},
	}
	for _, bad := range []struct {
		write approval.Write
		code  approval.Code
	}{
		{approval.PutToken{Token: approval.Token{Space: k.space, Name: "another", Kind: taken.Kind, Hash: taken.Hash}}, approval.Conflict},
		{approval.EndToken{Name: "missing", At: Start}, approval.Conflict},
		{approval.DeleteResource{Name: "missing"}, approval.NotFound},
		{approval.PutResource{Resource: resourceNamed("kept", "again"), MustBeNew: true}, approval.Conflict},
		{approval.PutMember{Member: approval.Member{Space: k.space, ID: "kept"}, MustBeNew: true}, approval.Conflict},
		{approval.PutPetition{Petition: &missing, Expect: 7}, approval.Conflict},
	} {
		for i := range good {
			k.refuse(t, bad.code, append(append([]approval.Write{}, good[:i+1]...), bad.write)...)
			want(t, k.snapshot(t), nil, before)
		}
	}
	k.commit(t, good...) // none of them is at fault
}

// snapshot reads everything that refusedChangeLeavesNothing could have written.
func (k kit) snapshot(t *testing.T) string {
	t.Helper()
	ctx := t.Context()
	all := approval.PageRequest{Size: approval.MaxPageSize}
	petitions, err1 := k.Petitions(ctx, approval.PetitionQuery{Space: k.space, Page: all})
	coloured, err2 := k.Petitions(ctx, approval.PetitionQuery{Space: k.space, Page: all,
		Selector: approval.Selector{{Key: "colour", Operator: approval.Exists}}})
	found, err3 := k.Petitions(ctx, approval.PetitionQuery{Space: k.space, Page: all, Words: []string{"reset"}})
	things, err4 := k.Resources(ctx, approval.ResourceQuery{Space: k.space, Page: all})
	foundThings, err5 := k.Resources(ctx, approval.ResourceQuery{Space: k.space, Page: all, Words: []string{"thing"}})
	members, err6 := k.Members(ctx, k.space, "")
	tokens, err7 := k.Tokens(ctx, k.space, "", approval.TokenService, approval.TokenLink)
	events, err8 := k.Events(ctx, approval.EventQuery{Space: k.space, Page: all})
	_, policy := k.Policy(ctx, k.space)
	_, space := k.Space(ctx, k.space)
	_, key := k.Idempotency(ctx, k.space, "a", "new")
	next, due, err9 := k.NextJob(ctx)
	signing, err10 := k.SigningKeys(ctx)
	for _, err := range []error{err1, err2, err3, err4, err5, err6, err7, err8, err9, err10} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return fmt.Sprintf("%+v\n%v\n%v\n%+v\n%v\n%+v\n%+v\n%d events\n%v %v %v\n%v %v %v", petitions, names(coloured), names(found), things,
		foundThings, members, tokens, len(events.Items), policy, space, key, next, due, signing)
}

// refusedChangeHarmsNoOther commits many changes at once of which every third is refused after it has written.
func refusedChangeHarmsNoOther(t *testing.T, k kit) {
	k.commit(t, approval.PutMember{Member: approval.Member{Space: k.space, ID: "taken"}})
	const n = 96
	petitions := make([]approval.Petition, n)
	for i := range petitions {
		petitions[i] = NewPetition(k.space)
	}
	answers := together(n, func(i int) error {
		c := Create(petitions[i])
		if i%3 == 0 {
			c.Writes = append(c.Writes, approval.PutMember{Member: approval.Member{Space: k.space, ID: "taken"}, MustBeNew: true})
		}
		return k.Commit(t.Context(), c)
	})
	for i, err := range answers {
		_, found := k.Petition(t.Context(), k.space, petitions[i].Name)
		if i%3 == 0 {
			wantCode(t, err, approval.Conflict)
			wantCode(t, found, approval.NotFound)
		} else {
			wantCode(t, err, "")
			wantCode(t, found, "")
		}
	}
	page, err := k.Events(t.Context(), approval.EventQuery{Space: k.space, Event: approval.EventRequest,
		Page: approval.PageRequest{Size: approval.MaxPageSize}})
	want(t, len(page.Items), err, n/3*2)
}

func cancelledIsUnavailable(t *testing.T, k kit) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantCode(t, k.Commit(ctx, k.change()), approval.Unavailable)
	_, err := k.Petition(ctx, k.space, "a")
	wantCode(t, err, approval.Unavailable)
	_, err = k.Petitions(ctx, approval.PetitionQuery{Space: k.space})
	wantCode(t, err, approval.Unavailable)
	wantCode(t, k.Ping(ctx), approval.Unavailable)
}

func ping(t *testing.T, k kit) {
	for _, err := range together(16, func(int) error { return k.Ping(t.Context()) }) {
		wantCode(t, err, "")
	}
}

// answeredCanBeRead reads in many goroutines what each has just committed.
func answeredCanBeRead(t *testing.T, k kit) {
	for _, err := range together(32, func(int) error {
		for range 10 {
			p := NewPetition(k.space)
			if err := k.Commit(t.Context(), Create(p)); err != nil {
				return err
			}
			if _, err := k.Petition(t.Context(), k.space, p.Name); err != nil {
				return err
			}
			next, c := Decide(p, reviewer)
			if err := k.Commit(t.Context(), c); err != nil {
				return err
			}
			got, err := k.Petition(t.Context(), k.space, p.Name)
			if err != nil {
				return err
			}
			if got.Phase != next.Phase || got.Version != 2 {
				return fmt.Errorf("read %s, version %d, after its commit was answered", got.Phase, got.Version)
			}
		}
		return nil
	}) {
		wantCode(t, err, "")
	}
}
