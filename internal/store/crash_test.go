package store

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/store/storetest"
)

// childVariable makes this test's binary a process that commits to the database of that URL until it is killed.
const childVariable = "INDENT_TEST_STORE_CHILD"

// What was answered is there after kill -9, and nothing is half there (I10).
func TestKilledInTheMiddle(t *testing.T) {
	t.Parallel()
	url := sqliteURL(t)
	acknowledged := map[string]string{}
	for range 2 {
		for line := range strings.Lines(runAndKill(t, url, 200)) {
			if name, phase, whole := strings.Cut(strings.TrimSuffix(line, "\n"), " "); whole && strings.HasSuffix(line, "\n") {
				acknowledged[name] = phase
			}
		}
		s, err := Open(t.Context(), Options{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		provePetitions(t, s, acknowledged)
		proveNothingIsHalfThere(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// runAndKill answers what the child acknowledged, at least so many lines.
func runAndKill(t *testing.T, url string, lines int) string {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^$")
	child.Env = append(os.Environ(), childVariable+"="+url)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	scanner := bufio.NewReader(out)
	for n := 0; ; n++ {
		if n == lines {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		line, err := scanner.ReadString('\n')
		said.WriteString(line)
		if err != nil {
			break
		}
	}
	if err := child.Wait(); child.ProcessState.ExitCode() != -1 {
		t.Fatalf("the child was to be killed and ended with %v", err)
	}
	return said.String()
}

// commitUntilKilled makes and decides petitions and says so on standard output once each is answered.
func commitUntilKilled(url string) {
	s, err := Open(context.Background(), Options{URL: url})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	shortSighted(s)
	var said sync.Mutex
	say := func(name string, phase approval.Phase) {
		said.Lock()
		defer said.Unlock()
		fmt.Println(name, phase)
	}
	for worker := range 16 {
		go func() {
			for i := 0; ; i++ {
				p := storetest.NewPetition("acmecorp")
				p.Name = fmt.Sprintf("%d-%d-%d", os.Getpid(), worker, i)
				if s.Commit(context.Background(), storetest.Create(p)) == nil {
					say(p.Name, approval.Open)
				}
				next, change := storetest.Decide(p, approval.Resource{ID: "bob"})
				if s.Commit(context.Background(), change) == nil {
					say(p.Name, next.Phase)
				}
			}
		}()
	}
	select {}
}

func provePetitions(t *testing.T, s *Store, acknowledged map[string]string) {
	t.Helper()
	for name, phase := range acknowledged {
		p, err := s.Petition(t.Context(), "acmecorp", name)
		if err != nil || phase == string(approval.Granted) && p.Phase != approval.Granted {
			t.Fatalf("petition %s was acknowledged as %s and is %q now (%v)", name, phase, p.Phase, err)
		}
	}
}

// proveNothingIsHalfThere looks for a petition without all that its commit wrote.
func proveNothingIsHalfThere(t *testing.T, s *Store) {
	t.Helper()
	count := func(what, from string) int64 {
		var n int64
		err := s.read(t.Context(), t.Context(), query{text: "SELECT count(*) FROM " + from}, func() {}, func(rows *sql.Rows) error { return rows.Scan(&n) })
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		return n
	}
	petitions, granted := count("petitions", "petitions"), count("granted", "petitions WHERE phase = 'granted'")
	for what, check := range map[string][2]int64{
		"requests":    {count("requests", "events WHERE event = 'access/request'"), petitions},
		"keys":        {count("keys", "idempotency"), petitions},
		"timers":      {count("timers", "petitions WHERE timer_time > 0"), petitions},
		"words":       {count("words", "petition_search WHERE petition_search MATCH 'support'"), count("taken in", "petitions WHERE "+isIndexed)},
		"approvals":   {count("approvals", "events WHERE event = 'access/approve'"), granted},
		"grants":      {count("grants", "events WHERE event = 'access/grant'"), granted},
		"votes":       {count("votes", "votes"), granted},
		"end timers":  {count("end timers", "petitions WHERE timer_kind = 'end'"), granted},
		"second rows": {count("second rows", "petitions WHERE version = 2"), granted},
	} {
		if check[0] != check[1] {
			t.Errorf("%d %s for %d petitions", check[0], what, check[1])
		}
	}
	var failed *approval.Error
	if err := s.Ping(t.Context()); errors.As(err, &failed) {
		t.Errorf("the reopened store does not write: %v", failed)
	}
}
