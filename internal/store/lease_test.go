package store

import (
	"database/sql"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/store/migrations"
	"github.com/indent-approvals/indent/internal/store/storetest"
)

// A database of before leases gets those of all its grants, as they would have been written.
func TestMigrationLeasesWhatWasGranted(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, s *Store) {
		ends := []time.Duration{0, time.Hour, time.Hour + 120*time.Microsecond, 1999999 * time.Microsecond, 400 * 24 * time.Hour}
		for i, end := range ends {
			p := storetest.NewPetition("acmecorp")
			p.Petitioners = []approval.Resource{{ID: "U1", Email: "Ada@acmecorp.example"}, {ID: "BOT"}, {DisplayName: "Somebody"}, {ID: "bot"}}
			p.Resources = []approval.Resource{{ID: "db", Kind: "database"}, {ID: "DB", Kind: "Database"}, {ID: "Db"}, {Email: "list@acmecorp.example", Kind: "list"}}
			if i == 1 {
				p.Petitioners, p.Resources = p.Petitioners[:1], p.Resources[:1]
			}
			p.Grant = &approval.Grant{StartTime: storetest.Start.Add(time.Duration(i) * 100 * time.Millisecond)}
			if end > 0 {
				p.Grant.EndTime = p.Grant.StartTime.Add(end)
			}
			c := storetest.Create(p)
			c.Writes = append(c.Writes, approval.PutLeases{Leases: p.Leases()})
			if err := s.Commit(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Commit(t.Context(), storetest.Create(storetest.NewPetition("acmecorp"))); err != nil {
			t.Fatal(err)
		}
		all := func() []approval.Lease {
			page, err := s.Leases(t.Context(), approval.LeaseQuery{Space: "acmecorp", At: storetest.Start, Coming: true, Page: approval.PageRequest{Size: 200}})
			if err != nil {
				t.Fatal(err)
			}
			return page.Items
		}
		want := all()
		if len(want) != 1+4*9 {
			t.Fatalf("%d leases", len(want))
		}
		if err := s.write(t.Context(), []statement{{dynamic: "DELETE FROM leases"}, {dynamic: backfill(t, s.dialect.name)}}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, all()); diff != "" {
			t.Errorf("as they were written (-), as the migration writes them (+):\n%s", diff)
		}
	})
}

// backfill answers the statement of the migration that fills the table.
func backfill(t *testing.T, engine string) string {
	t.Helper()
	text, err := fs.ReadFile(migrations.For(engine), "0019_leases.sql")
	if err != nil {
		t.Fatal(err)
	}
	_, insert, found := strings.Cut(string(text), "INSERT INTO leases")
	if !found {
		t.Fatal("the migration fills nothing")
	}
	return "INSERT INTO leases" + strings.TrimSuffix(strings.TrimSpace(insert), ";")
}

// What lasts longest of a person's is read from the end of the index: no more than a page, however many leases there are.
func TestLongestLeasesAreReadInTheirOrder(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{URL: sqliteURL(t)})
	token := approval.Lease{Petition: "p", EndTime: storetest.Start}.PageToken()
	for _, resources := range [][]string{{"a"}, {"a", "b"}} {
		for _, request := range []approval.PageRequest{{Size: 40}, {Size: 40, Token: token}} {
			c, err := leasesText(approval.LeaseQuery{Space: "acmecorp", At: storetest.Start, Persons: []string{"ada"}, Resources: resources,
				Kinds: []string{"db"}, Longest: true}, request)
			if err != nil {
				t.Fatal(err)
			}
			if plan := provePlan(t, s, "longest leases", c.String(), c.args); !strings.Contains(plan, "PRIMARY KEY (space=? AND person=? AND end_time") {
				t.Error(plan)
			}
		}
	}
}

// Leases of many names, of which few are wanted, are found by the names: not along all that have not ended.
func TestLeasesOfManyNamesAreFoundByTheNames(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{URL: sqliteURL(t)})
	names := make([]string, approval.MostTogether)
	for i := range names {
		names[i] = fmt.Sprint("n", i)
	}
	q := approval.LeaseQuery{Space: "acmecorp", At: storetest.Start, Persons: names, Resources: names, Kinds: []string{"db"}, AnyOrder: true}
	c, err := leasesText(q, approval.PageRequest{Size: approval.MaxPageSize})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := list(t.Context(), s, "EXPLAIN QUERY PLAN "+c.String(), c.args, func(rows *sql.Rows) (detail string, err error) {
		err = rows.Scan(new(int64), new(int64), new(int64), &detail)
		return detail, err
	})
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(plan, "\n"); !strings.Contains(text, "person=? AND end_time>?") && !strings.Contains(text, "resource=? AND end_time>?") {
		t.Errorf("the plan is\n%s", text)
	}
}
