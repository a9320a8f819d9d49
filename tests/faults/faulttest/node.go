package faulttest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/cli"
)

// nodeVariable makes a test's binary the program itself: `indent` with the race detector where the test has it.
const nodeVariable = "INDENT_TEST_FAULTS_NODE"

// BaseURL is the address that all nodes of a test call themselves by: tokens of one are tokens of all.
const BaseURL = "http://indent.localhost"

// RunNode runs the program and does not return, if this process was started as a node. TestMain calls it first.
func RunNode() {
	if os.Getenv(nodeVariable) == "" {
		return
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends with the test, even with one that is killed
		os.Exit(1)
	}()
	os.Exit(cli.Main("faults"))
}

// Node is a server that is a process of its own.
type Node struct {
	Database string
	// Settings are more of them, such as "INDENT_SERVER_MAX_CONNECTIONS=100".
	Settings []string

	port    int
	process *exec.Cmd
	log     buffer
}

// buffer is written by a process while the test reads it.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) tail() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := b.text.Bytes()
	return string(text[max(0, len(text)-4000):])
}

// StartNode starts a node on a database and returns when it serves. The test's end stops it.
func StartNode(t testing.TB, database string, settings ...string) *Node {
	t.Helper()
	n := &Node{Database: database, Settings: settings, port: FreePort(t)}
	n.Start(t)
	t.Cleanup(func() {
		n.Kill()
		if t.Failed() {
			t.Logf("node %s said:\n%s", n.Addr(), n.log.tail())
		}
	})
	return n
}

// Addr answers the node's host and port, URL its address; both stay the same when it is started again.
func (n *Node) Addr() string { return fmt.Sprintf("127.0.0.1:%d", n.port) }

// URL answers the node's address.
func (n *Node) URL() string { return "http://" + n.Addr() }

// PID answers the number of the node's process.
func (n *Node) PID() int { return n.process.Process.Pid }

// Start starts the process, again if it has ended, and returns when it serves.
func (n *Node) Start(t testing.TB) {
	t.Helper()
	n.Launch(t)
	Until(t, time.Minute, "the node serves", func() bool {
		response, err := http.Get(n.URL() + "/healthz")
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
}

// Launch starts the process and does not wait until it serves.
func (n *Node) Launch(t testing.TB) {
	t.Helper()
	n.process = exec.Command(os.Args[0], "serve", "--addr", n.Addr(), "--database", n.Database, "--base-url", BaseURL, "--log-level", "warn")
	n.process.Env = append(clean(os.Environ()), nodeVariable+"=1",
		// a storm is what is tested, not what bounds one
		"INDENT_SERVER_RATE_CALLS=0", "INDENT_SERVER_RATE_PETITIONS=0", "INDENT_SERVER_RATE_REFUSALS=0", "INDENT_SERVER_RATE_WRONG=0", "INDENT_SERVER_WAITS_PER_ACTOR=0")
	n.process.Env = append(n.process.Env, n.Settings...)
	n.process.Stdout, n.process.Stderr = &n.log, &n.log
	if _, err := n.process.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := n.process.Start(); err != nil {
		t.Fatal(err)
	}
}

// clean takes out what would be settings of the server.
func clean(environ []string) (kept []string) {
	for _, entry := range environ {
		if !strings.HasPrefix(entry, "INDENT_SERVER_") {
			kept = append(kept, entry)
		}
	}
	return kept
}

// Freeze stops the process where it is (SIGSTOP), Thaw lets it go on (SIGCONT).
func (n *Node) Freeze() { _ = n.process.Process.Signal(syscall.SIGSTOP) }

// Thaw lets a frozen process go on.
func (n *Node) Thaw() { _ = n.process.Process.Signal(syscall.SIGCONT) }

// Kill ends the process without a warning (SIGKILL); one that has ended stays so.
func (n *Node) Kill() {
	_ = n.process.Process.Kill()
	_ = n.process.Wait()
}

// Stop ends the process as an operator does (SIGTERM) and answers how.
func (n *Node) Stop() error {
	if err := n.process.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return n.process.Wait()
}

// Memory answers how much memory the process has to itself, in bytes (its resident set).
func (n *Node) Memory(t testing.TB) int {
	t.Helper()
	said, err := exec.Command("ps", "-o", "rss=", "-p", strconv.Itoa(n.PID())).Output()
	kib, wrong := strconv.Atoi(strings.TrimSpace(string(said)))
	if err != nil || wrong != nil {
		t.Fatalf("ps said %q: %v", said, err)
	}
	return kib << 10
}
