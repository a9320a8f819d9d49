package store

import (
	"context"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/store/storetest"
)

// A node that has written a petition need not be sent it, whichever statement wrote it; one that another has changed it
// is sent, even at the same version.
func TestPostgresWhatIsKnownIsNotSent(t *testing.T) {
	t.Parallel()
	if !havePostgres(t) {
		return
	}
	url := postgresURL(t)
	s := openStore(t, Options{URL: url, Conns: 4})
	e := s.engine.(*postgresEngine)
	sent := func(p approval.Petition) (sent bool) {
		t.Helper()
		known, _ := e.reads.known.get(petitionKey{p.Space, p.Name})
		err := e.withConn(t.Context(), func(ctx context.Context, conn *pgx.Conn) error {
			var place, version int64
			var document []byte
			err := conn.QueryRow(ctx, selectKnownPetitions.postgres, []string{p.Space}, []string{p.Name}, [][]byte{known.digest[:]}).
				Scan(&place, &version, &document)
			sent = document != nil
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return sent
	}
	made := storetest.NewPetition("acmecorp")
	granted, grant := storetest.Decide(made, approval.Resource{ID: "bob"})
	untimed := granted
	untimed.Version, untimed.Phase = granted.Version+1, approval.Revoked
	withoutTimer := approval.Change{Space: made.Space, Events: []approval.Event{{ID: "e"}},
		Writes: []approval.Write{approval.PutPetition{Petition: &untimed, Expect: granted.Version, SameLabels: true}}}
	for _, step := range []struct {
		name   string
		change approval.Change
	}{{"made", storetest.Create(made)}, {"decided", grant}, {"changed without its timer", withoutTimer}} {
		if err := s.Commit(t.Context(), step.change); err != nil {
			t.Fatal(err)
		}
		if sent(made) {
			t.Errorf("a petition that was %s here is sent again", step.name)
		}
	}
	administer(t, url, `UPDATE petitions SET doc = replace(doc, 'recover the account', 'take over the account')`)
	if !sent(made) {
		t.Error("a document that another has changed is not sent")
	}
	p, err := s.Petition(t.Context(), made.Space, made.Name)
	if want := "to take over the account of a customer who wrote to support"; err != nil || p.Reason != want {
		t.Errorf("%q (%v), want what the database has", p.Reason, err)
	}
	if sent(made) {
		t.Error("a document that was read here is sent again")
	}
}

// A petition is found by its words as soon as it is made, whether it was made alone or with others.
func TestPostgresMergedPetitionsAreFound(t *testing.T) {
	t.Parallel()
	if !havePostgres(t) {
		return
	}
	s := openStore(t, Options{URL: postgresURL(t), Conns: 4})
	var batch []*pending
	var names []string
	for range 3 {
		p := storetest.NewPetition("acmecorp")
		p.Reason = "for the quarterly unicorn"
		names = append(names, p.Name)
		batch = append(batch, pendingOf(t, storetest.Create(p)))
	}
	s.engine.(*postgresEngine).commitBatch(slices.Clone(batch))
	for _, p := range batch {
		if err := <-p.answer; err != nil {
			t.Fatal(err)
		}
	}
	page, err := s.Petitions(t.Context(), approval.PetitionQuery{Space: "acmecorp", Words: []string{"unicorn"}})
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, p := range page.Items {
		found = append(found, p.Name)
	}
	slices.Sort(found)
	slices.Sort(names)
	if !slices.Equal(found, names) {
		t.Errorf("found %q, want %q", found, names)
	}
}
