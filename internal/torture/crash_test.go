package torture

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/store"
)

// The process dies, or the machine loses its power, after every single write, truncation, sync and removal of a story. The
// next start finds a whole database with all that was acknowledged until then, and works (I10).
func TestCrashAtEveryWriteAndSync(t *testing.T) {
	t.Parallel()
	chosen := seed(t)
	for i := range count(t, 10, 1) {
		one := chosen + uint64(i)
		t.Run(fmt.Sprintf("seed %d", one), func(t *testing.T) {
			t.Parallel()
			s := tell(t, one, 60)
			c := crashes{seed: one, operations: s.log.operations, changes: s.changes, stride: 32, all: count(t, 10, 1) == 10}
			if count(t, 1, 0) > 0 {
				c.stride = 1
			}
			killed, cut, err := c.prove(t)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d operations (%s), %d changes: opened after %d kills and %d power cuts", len(c.operations), c.kinds(), c.changes.count(), killed, cut)
		})
	}
}

// The proof sees what it is there for: a server that never syncs, one that says too early that a change is done, one that
// forgets a row.
func TestCrashesThatLoseSomethingAreSeen(t *testing.T) {
	t.Parallel()
	one := seed(t)
	s := tell(t, one, 12)
	spoil := map[string]func(*crashes){
		"no sync": func(c *crashes) {
			c.operations = slices.DeleteFunc(slices.Clone(c.operations), func(o operation) bool { return o.kind == synced })
			c.all = true
		},
		"acknowledged too early": func(c *crashes) {
			for petition, versions := range c.changes {
				for i := range versions {
					c.changes[petition][i].acknowledged = versions[i].begun
				}
			}
		},
		"a row is missing": func(c *crashes) {
			for petition, versions := range c.changes {
				for i, v := range versions {
					_, c.changes[petition][i].rows, _ = strings.Cut(v.rows, "\n")
				}
			}
		},
	}
	for what, how := range spoil {
		t.Run(what, func(t *testing.T) {
			c := crashes{seed: one, changes: history{}, stride: 16, quiet: true}
			c.operations = s.log.operations
			for petition, versions := range s.changes {
				c.changes[petition] = slices.Clone(versions)
			}
			how(&c)
			if _, _, err := c.prove(t); err == nil {
				t.Errorf("%s, and nobody notices", what)
			}
		})
	}
}

// crashes are all the ways in which a story can be cut off.
type crashes struct {
	seed       uint64
	operations []operation
	changes    history
	stride     int  // every so many operations are looked at
	all        bool // each kind of power cut there, not one
	quiet      bool // leave no evidence
}

// crash is one of them: after so many operations the process dies, or the power is lost.
type crash struct {
	after int
	power *loss // nil: the process dies
	kind  int   // of loss
}

// losses are the kinds of power cuts: nothing that was not synced is kept, half of it, most of it, in sectors or pages,
// with zeros or old rubbish where a file grew.
var losses = []loss{
	{keep: 0, sector: 512}, {keep: 0.5, sector: 512}, {keep: 0.5, sector: 4096, filler: 0xa5},
	{keep: 0.95, sector: 512, filler: 0xa5}, {keep: 0.1, sector: 4096}, {keep: 1, sector: 4096},
}

// prove opens what each crash leaves, on all processors. It answers the first violation, or how many crashes there were.
func (c *crashes) prove(t *testing.T) (killed, cut int, err error) {
	t.Helper()
	var all sync.WaitGroup
	var mu sync.Mutex
	var stop atomic.Bool
	workers := runtime.GOMAXPROCS(0)
	for worker := range workers {
		folder := memory(t)
		all.Go(func() {
			k, p, failed := c.share(t.Context(), folder, worker, workers, &stop)
			stop.CompareAndSwap(false, failed != nil)
			mu.Lock()
			defer mu.Unlock()
			killed, cut, err = killed+k, cut+p, errors.Join(err, failed)
		})
	}
	all.Wait()
	return killed, cut, err
}

// share opens what one worker's share of the crashes leaves and answers the first violation.
func (c *crashes) share(ctx context.Context, folder string, worker, workers int, stop *atomic.Bool) (killed, cut int, err error) {
	d := newDisk()
	d.apply(operation{kind: created, file: database})
	for after := 0; ; after++ {
		if after%c.stride == 0 && after/c.stride%workers == worker {
			for _, one := range c.at(after) {
				if err := c.look(ctx, d, folder, one); err != nil {
					return killed, cut, fmt.Errorf("%w\n%s", err, c.evidence(one))
				}
				if one.power == nil {
					killed++
				} else {
					cut++
				}
			}
		}
		if after == len(c.operations) || stop.Load() {
			return killed, cut, nil
		}
		d.apply(c.operations[after])
	}
}

// at answers the crashes after so many operations: the process dies, and a power cut of one kind, or of each.
func (c *crashes) at(after int) []crash {
	all := []crash{{after: after}}
	for kind := range losses {
		if c.all || kind == after/c.stride%len(losses) {
			all = append(all, crash{after: after, power: &losses[kind], kind: kind})
		}
	}
	return all
}

func (c *crashes) files(d *disk, one crash) map[string][]byte {
	if one.power == nil {
		return d.afterKill()
	}
	return d.afterPowerLoss(lots(c.seed, one.after*len(losses)+one.kind), *one.power)
}

// look opens the files that a crash leaves and answers what is wrong with them.
func (c *crashes) look(ctx context.Context, d *disk, folder string, one crash) error {
	folder, err := os.MkdirTemp(folder, "")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if err := write(folder, c.files(d, one)); err != nil {
		return err
	}
	s, err := store.Open(ctx, store.Options{URL: filepath.Join(folder, database)})
	if err != nil {
		return fmt.Errorf("the store cannot be opened: %w", err)
	}
	defer s.Close()
	return c.inside(ctx, s, filepath.Join(folder, database), one.after)
}

func (c *crashes) inside(ctx context.Context, s *store.Store, path string, after int) error {
	db, err := openReader(path)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := isSound(ctx, db); err != nil {
		return err
	}
	found, err := contents(ctx, db)
	if err != nil {
		return err
	}
	if err := c.changes.admit(found, after); err != nil {
		return err
	}
	if err := isFound(ctx, s, found); err != nil {
		return err
	}
	return s.Ping(ctx)
}

// isSound answers what SQLite finds wrong with its file.
func isSound(ctx context.Context, db *sql.DB) error {
	var verdict string
	err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict)
	if err == nil && verdict != "ok" {
		err = fmt.Errorf("the database is damaged: %s", verdict)
	}
	return err
}

// isFound answers whether the search finds every petition that there is, and no other.
func isFound(ctx context.Context, s *store.Store, rows map[string]string) error {
	want := slices.Sorted(maps.Keys(rows))
	var got []string
	q := approval.PetitionQuery{Space: space, Words: []string{"torture"}, Page: approval.PageRequest{Size: approval.MaxPageSize}}
	for {
		page, err := s.Petitions(ctx, q)
		if err != nil {
			return err
		}
		for _, p := range page.Items {
			got = append(got, p.Name)
		}
		if q.Page.Token = page.Next; page.Next == "" {
			break
		}
	}
	if rows[""] != "" {
		want = want[1:]
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		return fmt.Errorf("the search finds %d petitions of %d", len(got), len(want))
	}
	return nil
}

// admit answers what is wrong with the rows that were found after so many operations: each petition must be as one of its
// changes left it, none before the last one acknowledged, none that had not begun.
func (h history) admit(found map[string]string, after int) error {
	for petition, versions := range h {
		least, most := -1, -1
		for i, v := range versions {
			if v.acknowledged <= after {
				least = i
			}
			if v.begun < after {
				most = i
			}
		}
		if !slices.ContainsFunc(versions[max(least, 0):most+1], func(v version) bool { return v.rows == found[petition] }) && (least >= 0 || found[petition] != "") {
			return fmt.Errorf("petition %q: changes %d to %d of %d are possible, found is\n%s\nlast acknowledged was\n%s", petition, least+1, most+1, len(versions),
				found[petition], versions[max(least, 0)].rows)
		}
	}
	for petition, rows := range found {
		if h[petition] == nil {
			return fmt.Errorf("petition %q was never made: %s", petition, rows)
		}
	}
	return nil
}

func (h history) count() (n int) {
	for _, versions := range h {
		n += len(versions)
	}
	return n
}

func (c *crashes) kinds() string {
	n := map[kind]int{}
	for _, o := range c.operations {
		n[o.kind]++
	}
	var text []byte
	for _, k := range slices.Sorted(maps.Keys(n)) {
		text = fmt.Appendf(text, ", %d %s", n[k], k)
	}
	return string(text[min(2, len(text)):])
}

// evidence writes down the files that a crash leaves and says where.
func (c *crashes) evidence(one crash) string {
	if c.quiet {
		return ""
	}
	d := newDisk()
	d.apply(operation{kind: created, file: database})
	for _, o := range c.operations[:one.after] {
		d.apply(o)
	}
	how := "the process died"
	if one.power != nil {
		how = fmt.Sprintf("the power was lost: %+v", *one.power)
	}
	folder, err := evidenceFolder()
	if err == nil {
		err = write(folder, c.files(d, one))
	}
	return fmt.Sprintf("after %d operations %s\n%s=%d repeats it; the files as they were found are in %s (%v)", one.after, how, seedVariable, c.seed, folder, err)
}
