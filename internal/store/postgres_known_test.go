package store

import (
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/store/storetest"
)

func known(version int64) knownPetition {
	return knownPetition{petition: &approval.Petition{Space: "acmecorp", Name: "p", Version: version}}
}

// What is known is recent until another node says otherwise, whenever its word comes.
func TestKnownPetitions(t *testing.T) {
	t.Parallel()
	key := petitionKey{"acmecorp", "p"}
	words := []string{"events/acmecorp", "petition/acmecorp/p"}
	for _, c := range []struct {
		name   string
		happen func(*knownPetitions)
		want   int64 // the version; 0: nothing is known
		recent bool
	}{
		{"read", func(k *knownPetitions) { k.begin(key); k.end(key, known(1)) }, 1, true},
		{"another's word comes after", func(k *knownPetitions) { k.begin(key); k.end(key, known(1)); k.overtaken(words) }, 1, false},
		{"another's word comes before", func(k *knownPetitions) { k.overtaken(words); k.begin(key); k.end(key, known(1)) }, 1, true},
		{"another's word comes meanwhile", func(k *knownPetitions) { k.begin(key); k.overtaken(words); k.end(key, known(1)) }, 1, false},
		{"and it is read again", func(k *knownPetitions) {
			k.begin(key)
			k.overtaken(words)
			k.end(key, known(1))
			k.begin(key)
			k.end(key, known(2))
		}, 2, true},
		{"two at once, the older ends last", func(k *knownPetitions) { k.begin(key, key); k.end(key, known(2)); k.end(key, known(1)) }, 2, true},
		{"another's word between the ends of two", func(k *knownPetitions) {
			k.begin(key, key)
			k.end(key, known(2))
			k.overtaken(words)
			k.end(key, known(2))
		}, 2, false},
		{"a commit of which nobody knows what became", func(k *knownPetitions) {
			k.begin(key)
			k.end(key, known(1))
			k.begin(key)
			k.end(key, knownPetition{})
		}, 1, false},
		{"words that got lost", func(k *knownPetitions) { k.begin(key); k.end(key, known(1)); k.listens(true) }, 0, false},
		{"words that got lost meanwhile", func(k *knownPetitions) { k.begin(key); k.listens(true); k.end(key, known(1)) }, 1, false},
		{"nobody listens any more", func(k *knownPetitions) { k.listens(false); k.begin(key); k.end(key, known(1)) }, 1, false},
		{"of another petition", func(k *knownPetitions) {
			k.begin(key)
			k.end(key, known(1))
			k.overtaken([]string{"petition/acmecorp/q", "petition/other/p", "petition/acmecorp", "jobs"})
		}, 1, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			k := newKnownPetitions()
			k.listens(true)
			c.happen(k)
			got, ok := k.get(key)
			recent := k.recently(key) != nil
			switch {
			case ok != (c.want != 0):
				t.Fatalf("known: %v", ok)
			case ok && (got.petition.Version != c.want || recent != c.recent):
				t.Errorf("version %d, recent: %v; want %d, %v", got.petition.Version, recent, c.want, c.recent)
			}
			if len(k.under) > 0 {
				t.Errorf("%d are still under way", len(k.under))
			}
		})
	}
}

// reaches waits until a publication on one node wakes who waits on the other.
func reaches(t *testing.T, from, to *Store) {
	t.Helper()
	hints, cancel := to.Broker().Subscribe("reached")
	defer cancel()
	storetest.Eventually(t, func() bool {
		from.Broker().Publish("reached")
		return woken(hints)
	})
}

// A node forgets what another has changed as soon as it hears of it, and what it has failed to write.
func TestPostgresWhatOthersChangeIsNotRecent(t *testing.T) {
	t.Parallel()
	if !havePostgres(t) {
		return
	}
	url := postgresURL(t)
	here, there := openStore(t, Options{URL: url, Conns: 4}), openStore(t, Options{URL: url, Conns: 4})
	// A node forgets what it knows when it begins to listen: both do already.
	reaches(t, here, there)
	reaches(t, there, here)
	made := storetest.NewPetition("acmecorp")
	if err := here.Commit(t.Context(), storetest.Create(made)); err != nil {
		t.Fatal(err)
	}
	if _, err := there.Petition(t.Context(), made.Space, made.Name); err != nil {
		t.Fatal(err)
	}
	granted, grant := storetest.Decide(made, approval.Resource{ID: "bob"})
	if err := there.Commit(t.Context(), grant); err != nil {
		t.Fatal(err)
	}
	if p := there.RecentPetition(made.Space, made.Name); p == nil || p.Version != granted.Version {
		t.Errorf("who has changed it knows %+v", p)
	}
	there.Broker().Publish("petition/" + made.Space + "/" + made.Name)
	storetest.Eventually(t, func() bool { return here.RecentPetition(made.Space, made.Name) == nil })
	if err := there.Commit(t.Context(), grant); approval.CodeOf(err) != approval.Conflict {
		t.Errorf("the same change twice: %v", err)
	}
	if p := there.RecentPetition(made.Space, made.Name); p != nil {
		t.Errorf("after a commit that failed version %d is known", p.Version)
	}
}
