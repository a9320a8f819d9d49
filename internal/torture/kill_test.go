package torture

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/indent-approvals/indent/internal/app/apptest"
	"github.com/indent-approvals/indent/internal/config"
	"github.com/indent-approvals/indent/tests/faults/faulttest"
)

// A server process, and on PostgreSQL the database under it, is killed at random points of a load that creates, decides,
// revokes and waits. After each restart everything that was acknowledged is there and whole, and what was in doubt has
// one effect when it is sent again; in the end everything that was to happen has happened (I3, I10, I16).
func TestKilledAtRandomPoints(t *testing.T) {
	t.Parallel()
	chosen := seed(t)
	cycles := count(t, 1000, 3)
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		database := filepath.Join(t.TempDir(), database)
		run(t, &victim{T: t, database: database, lots: lots(chosen, 1)}, chosen, cycles)
	})
	if !faulttest.HavePostgres(t) {
		return
	}
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		server := faulttest.NewPostgres(t)
		run(t, &victim{T: t, database: server.URL, server: server, lots: lots(chosen, 2)}, chosen, cycles)
	})
}

// run kills the victim so many times.
func run(t *testing.T, v *victim, chosen uint64, cycles int) {
	b := newBook(furnish(t, v.database))
	v.node = faulttest.StartNode(t, v.database)
	crew := newCrew(t, v.node.URL(), b, chosen)
	defer func() {
		if t.Failed() {
			t.Log(v.evidence())
		}
	}()
	for i := range cycles {
		v.cycle(crew, i)
		if (i+1)%25 == 0 || i+1 == cycles {
			v.audit(b)
		}
		if t.Failed() {
			t.Fatalf("in cycle %d of %d; %s=%d repeats the choices", i+1, cycles, seedVariable, chosen)
		}
	}
	v.settle(crew)
	t.Logf("%d cycles (%v): %s", cycles, v.kinds, b)
}

// furnish makes the space and its members' tokens in an empty database.
func furnish(t *testing.T, database string) map[string]string {
	t.Helper()
	s := apptest.Start(t, apptest.Options{Database: database, Policy: rules, Config: func(c *config.Config) {
		c.BaseURL, c.TokenTTL = faulttest.BaseURL, 24*time.Hour
	}})
	tokens := map[string]string{}
	for _, who := range []string{apptest.Viewer, apptest.Editor, apptest.Owner} {
		tokens[who] = s.Token(t, who)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	return tokens
}

// victim is what is killed: a node and, with a server, PostgreSQL.
type victim struct {
	*testing.T
	database string
	node     *faulttest.Node
	server   *faulttest.Postgres // nil on SQLite
	lots     *rand.Rand
	kinds    [4]int // nodes, nodes that had just been started, sessions of PostgreSQL, whole PostgreSQL
}

// cycle lets the crew work, kills, starts again, and has the crew look at what is there.
func (v *victim) cycle(crew *crew, number int) {
	v.Helper()
	ctx, end := context.WithCancel(v.Context())
	work := crew.work(ctx, number)
	faulttest.Pass(ctx, time.Duration(v.lots.IntN(100_000))*time.Microsecond)
	kind := 0
	if v.server != nil && v.lots.IntN(5) == 0 {
		kind = 2 + v.lots.IntN(2)
	} else if v.lots.IntN(8) == 0 {
		kind = 1
	}
	v.kinds[kind]++
	switch kind {
	case 2:
		v.killSession()
		faulttest.Pass(ctx, time.Duration(v.lots.IntN(50_000))*time.Microsecond)
	case 3:
		v.crashPostgres()
		faulttest.Pass(ctx, time.Duration(v.lots.IntN(50_000))*time.Microsecond)
		v.server.Start(v)
	default:
		v.node.Kill()
	}
	end()
	work.Wait()
	if kind == 1 {
		v.node.Launch(v)
		faulttest.Pass(v.Context(), time.Duration(v.lots.IntN(80_000))*time.Microsecond)
		v.node.Kill()
	}
	if kind < 2 {
		v.node.Launch(v)
	}
	v.untilReady()
	crew.check()
}

// untilReady waits until the node and its database work.
func (v *victim) untilReady() {
	v.Helper()
	ctx, end := context.WithTimeout(v.Context(), 30*time.Second)
	defer end()
	for {
		response, err := http.Get(v.node.URL() + "/readyz")
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		if !faulttest.Pass(ctx, 3*time.Millisecond) {
			v.Fatalf("the node is not ready 30 seconds after the crash: %v", err)
		}
	}
}

// killSession kills the process behind one of the node's sessions. PostgreSQL then ends all of them and recovers.
func (v *victim) killSession() {
	v.Helper()
	conn, err := pgx.Connect(v.Context(), v.server.URL)
	if err != nil {
		v.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	var pid int
	err = conn.QueryRow(v.Context(), `SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
		ORDER BY state = 'active' DESC, pid LIMIT 1`).Scan(&pid)
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGKILL)
	}
	if err != nil {
		v.Fatalf("no session can be killed: %v", err)
	}
}

// crashPostgres ends PostgreSQL without a word to its sessions and without writing down what it has in memory, as a machine
// that fails does; it recovers at the next start.
func (v *victim) crashPostgres() {
	v.Helper()
	var folder string
	v.inDatabase(func(ctx context.Context, tx *sql.Tx) {
		if err := tx.QueryRowContext(ctx, "SHOW data_directory").Scan(&folder); err != nil {
			v.Fatal(err)
		}
	})
	status, err := os.ReadFile(filepath.Join(folder, "postmaster.pid"))
	if err != nil {
		v.Fatal(err)
	}
	first, _, _ := strings.Cut(string(status), "\n")
	pid, err := strconv.Atoi(first)
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGQUIT)
	}
	if err == nil {
		_, err = syscall.Wait4(pid, nil, 0, nil) // it is this process's child
	}
	if err != nil {
		v.Fatalf("PostgreSQL %q cannot be crashed: %v", first, err)
	}
}

// evidence keeps what a violation left, as far as it is a file.
func (v *victim) evidence() string {
	if v.server != nil {
		return "the database is gone with its server; the petition and its events are above"
	}
	v.node.Kill()
	folder, err := evidenceFolder()
	if err == nil {
		err = os.CopyFS(folder, os.DirFS(filepath.Dir(v.database)))
	}
	return fmt.Sprintf("the database is kept in %s (%v)", folder, err)
}
