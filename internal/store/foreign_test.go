package store

import (
	"database/sql"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/store/storetest"
)

// What another version has written with another hand, with spaces, more members or in another order, is read as well.
func TestForeignDocumentsAreRead(t *testing.T) {
	t.Parallel()
	path := sqliteURL(t)
	p := storetest.NewPetition("acmecorp")
	if err := openStore(t, Options{URL: path}).Commit(t.Context(), storetest.Create(p)); err != nil {
		t.Fatal(err)
	}
	p.Version = 1
	db, err := openPool(dsn(path), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, document := range []string{`replace(doc, ',"', ', "')`, `replace(doc, '{', '{ ')`, `json_set(doc, '$.later', json('{"a":[1]}'))`,
		`json_set(json_remove(doc, '$.reason'), '$.reason', doc ->> 'reason')`, `replace(doc, 'acmecorp', '\u0061cmecorp')`} {
		rewrite(t, db, document)
		fresh := openStore(t, Options{URL: path}) // it has not written the petition
		got, err := fresh.Petition(t.Context(), "acmecorp", p.Name)
		if diff := cmp.Diff(p, got, cmpopts.IgnoreUnexported(approval.Petition{})); err != nil || diff != "" {
			t.Errorf("after %s: %v\n%s", document, err, diff)
		}
		page, err := fresh.Events(t.Context(), approval.EventQuery{Space: "acmecorp"})
		if err != nil {
			t.Fatal(err)
		}
		first, last := page.Items[len(page.Items)-1], page.Items[0]
		last.Cursor = first.Cursor
		if diff := cmp.Diff(first, last); diff != "" {
			t.Errorf("after %s an event is another:\n%s", document, diff)
		}
	}
}

// rewrite writes the petition otherwise, and its last event once more.
func rewrite(t *testing.T, db *sql.DB, document string) {
	t.Helper()
	for _, text := range []string{"UPDATE petitions SET doc = " + document,
		"INSERT INTO events (tx, space, id, event, petition, actor, time, doc) SELECT tx, space, id || seq, event, petition, actor, time, " + document +
			" FROM events ORDER BY seq DESC LIMIT 1"} {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
}
