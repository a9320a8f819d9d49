package store

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// copierVariable makes this test's binary a process that copies.
const copierVariable = "INDENT_TEST_STORE_COPIER"

// Killed after any of its batches, a copy goes on, and the result is the same as that of one that was left alone.
func TestKilledCopyGoesOn(t *testing.T) {
	t.Parallel()
	eachDirection(t, func(t *testing.T, from, to string) {
		const n = 40
		fill(t, from, n)
		wantNames, wantEvents := see(t, from, n)
		undisturbed := sqliteURL(t)
		if isPostgres(to) {
			undisturbed = postgresURL(t)
		}
		want := copyAll(t, CopyOptions{From: from, To: undisturbed})
		// each kill comes after so many lines of its run, so that all together they are in every step, every second between
		// two batches and every second within one
		for i, after := range []int{1, 5, 9, 14, 24} {
			killCopy(t, from, to, after, i%2 == 1)
			if err := closed(Open(t.Context(), Options{URL: to, Conns: 2})); err == nil || !strings.Contains(err.Error(), "has not finished filling") {
				t.Fatalf("a server starts on a target that is half filled: %v", err)
			}
		}
		got := copyAll(t, CopyOptions{From: from, To: to, Batch: 8})
		if !got.Resumed || !slices.Equal(got.Tables, want.Tables) {
			t.Errorf("the copy that was killed ends with\n%+v\nwant\n%+v", got, want.Tables)
		}
		names, events := see(t, to, n)
		if !slices.Equal(names, wantNames) || !slices.Equal(events, wantEvents) {
			t.Error("the target lists other petitions or events than the source")
		}
		proveSameSchema(t, to)
	})
}

// killCopy kills a copy when it has said so many lines, or has just been told to go on after them.
func killCopy(t *testing.T, from, to string, lines int, within bool) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^$")
	child.Env = append(os.Environ(), copierVariable+"="+from+" "+to)
	child.Stderr = t.Output()
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	goOn, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewScanner(out)
	for n := range lines {
		if !said.Scan() {
			t.Fatalf("the copy ended before it had said %d lines", lines)
		}
		if n < lines-1 || within {
			if _, err := goOn.Write([]byte{1}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); child.ProcessState.ExitCode() != -1 {
		t.Fatalf("the copy was to be killed and ended with %v", err)
	}
}

// copyUntilKilled is a process that copies, says so after each batch, and waits to be told to go on.
func copyUntilKilled(job string) {
	from, to, _ := strings.Cut(job, " ")
	_, err := Copy(context.Background(), CopyOptions{From: from, To: to, Batch: 8, Progress: func(p CopyProgress) {
		fmt.Println(p.Step, p.Table, p.Rows)
		if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
			os.Exit(2)
		}
	}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
