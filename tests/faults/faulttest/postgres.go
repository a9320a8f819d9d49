package faulttest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgresVariable names the URL of a superuser on a scratch PostgreSQL server.
const postgresVariable = "INDENT_TEST_POSTGRES"

// HavePostgres answers whether there is a server to test against. A run that is asked for everything fails without one;
// any other run says that this half is not proved, and goes on.
func HavePostgres(t testing.TB) bool {
	t.Helper()
	if os.Getenv(postgresVariable) != "" {
		return true
	}
	how := "set " + postgresVariable + " to the URL of a superuser on a scratch server, or run scripts/postgres.py go test ./tests/faults/..."
	if os.Getenv("CI") == "true" || os.Getenv("INDENT_TEST_REQUIRE_POSTGRES") == "1" {
		t.Fatal("the PostgreSQL half of this test is required here: " + how)
	}
	t.Log("NOT PROVED: the PostgreSQL half of this test did not run: " + how)
	return false
}

// Database makes an empty database on the scratch server and answers its address; the test's end removes it.
func Database(t testing.TB) string {
	t.Helper()
	var random [6]byte
	_, _ = rand.Read(random[:])
	name := "indent_faults_" + hex.EncodeToString(random[:])
	server := os.Getenv(postgresVariable)
	Administer(t, server, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8'")
	t.Cleanup(func() { Administer(t, server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
	u := parse(t, server)
	u.Path = "/" + name
	return u.String()
}

// Administer runs a statement as the superuser of the address.
func Administer(t testing.TB, address, statement string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		t.Fatalf("PostgreSQL does not answer: %v", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// Through answers the database's address by way of a proxy.
func Through(t testing.TB, p *Proxy, address string) string {
	t.Helper()
	u := parse(t, address)
	u.Host = p.Addr()
	return u.String()
}

// Host answers the host and port of a database's address.
func Host(t testing.TB, address string) string {
	t.Helper()
	return parse(t, address).Host
}

func parse(t testing.TB, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// Postgres is a PostgreSQL server of a test's own, which may be stopped.
type Postgres struct {
	// URL is that of its superuser.
	URL string

	programs, folder string
	port             int
	process          *exec.Cmd
	owner            *syscall.Credential // nil: whoever runs the test
	log              buffer
}

// NewPostgres makes a server with the programs of the scratch server, and starts it.
func NewPostgres(t testing.TB) *Postgres {
	t.Helper()
	// Not the test's own folder: as root the server runs as somebody else, who may not look into it.
	folder, err := os.MkdirTemp("/tmp", "indent-faults-pg-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	s := &Postgres{programs: programs(t), folder: folder, port: FreePort(t)}
	s.URL = fmt.Sprintf("postgres://indent@127.0.0.1:%d/postgres?sslmode=disable", s.port)
	s.chooseOwner(t)
	s.run(t, "initdb", "--pgdata", s.data(), "--username", "indent", "--auth", "trust", "--no-sync", "--encoding", "UTF8", "--locale", "C", "--no-instructions")
	s.Start(t)
	t.Cleanup(func() { s.Stop(t) })
	return s
}

func (s *Postgres) data() string { return filepath.Join(s.folder, "data") }

// programs answers the folder of the scratch server's programs.
func programs(t testing.TB) (folder string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), os.Getenv(postgresVariable))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	if err := conn.QueryRow(t.Context(), "SELECT setting FROM pg_config WHERE name = 'BINDIR'").Scan(&folder); err != nil {
		t.Fatal(err)
	}
	return folder
}

// chooseOwner gives the server to another user where the test runs as root, as whom PostgreSQL refuses to run.
func (s *Postgres) chooseOwner(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, _ := strconv.Atoi(u.Uid)
			gid, _ := strconv.Atoi(u.Gid)
			s.owner = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
			if err := os.Chown(s.folder, uid, gid); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatal("PostgreSQL does not run as root: create the user postgres")
}

func (s *Postgres) command(program string, arguments ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(s.programs, program), arguments...)
	c.Dir, c.Stdout, c.Stderr = s.folder, &s.log, &s.log
	c.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner, Setpgid: true}
	return c
}

func (s *Postgres) run(t testing.TB, program string, arguments ...string) {
	t.Helper()
	if err := s.command(program, arguments...).Run(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, s.log.tail())
	}
}

// Start starts the server and returns when it is ready.
func (s *Postgres) Start(t testing.TB) {
	t.Helper()
	// Nothing here outlives the test, so nothing needs to survive a power cut.
	s.process = s.command("postgres", "-D", s.data(), "-c", "listen_addresses=127.0.0.1", "-c", "port="+strconv.Itoa(s.port),
		"-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "max_connections=100")
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	Until(t, time.Minute, "PostgreSQL is ready", func() bool {
		status, _ := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
		return strings.HasSuffix(strings.TrimSpace(string(status)), "ready")
	})
}

// Stop ends the server and every session at once, as an operator does who restarts it. A second Stop does nothing.
func (s *Postgres) Stop(t testing.TB) {
	t.Helper()
	if s.process == nil {
		return
	}
	if err := s.process.Process.Signal(syscall.SIGINT); err != nil {
		t.Error(err)
	}
	if err := s.process.Wait(); err != nil {
		t.Errorf("PostgreSQL ended with %v\n%s", err, s.log.tail())
	}
	s.process = nil
}

// FreePort answers a port of this machine that nobody listens on.
func FreePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
