package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/indent-approvals/indent/tests/faults/faulttest"
)

// counter is a server that is a process of its own, with clients good and bad.
type counter struct {
	*testing.T
	*client
	credentials
	node *faulttest.Node
}

func newCounter(t *testing.T) *counter {
	t.Helper()
	database := filepath.Join(t.TempDir(), "indent.db")
	made := furnish(t, database)
	return &counter{t, newClient(t, patient), made, faulttest.StartNode(t, database)}
}

// dial connects as a client that speaks for itself and may not read; the test's end closes it.
func (c *counter) dial() net.Conn {
	conn, err := net.DialTimeout("tcp", c.node.Addr(), patient)
	if err != nil {
		c.Errorf("nobody answers the door: %v", err)
		return nil
	}
	c.Cleanup(func() { _ = conn.Close() })
	return conn
}

// many dials so many at once, eight at a time.
func (c *counter) many(n int, begin func(conn net.Conn)) {
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for range (n + worker) / 8 {
				if conn := c.dial(); conn != nil {
					begin(conn)
				}
			}
		})
	}
	group.Wait()
}

// latency answers how long half of an honest client's stories took at most, and the slowest.
func (c *counter) latency(what string) (half, slowest time.Duration) {
	c.Helper()
	var took []time.Duration
	for n := range 50 {
		began := time.Now()
		key := fmt.Sprint(strings.ReplaceAll(what, " ", "-"), n)
		p := c.call(c.Context(), c.asker, http.MethodPost, c.node.URL()+inSpace+"/petitions", asking(key), "Idempotency-Key", key).petition(c.T)
		if a := c.call(c.Context(), c.reviewer, http.MethodPost, c.node.URL()+inSpace+"/petitions/"+p.Name+"/claims", deciding("approve", "fine")); a.status != http.StatusOK {
			c.Errorf("%s: %s", what, a)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	half, slowest = took[len(took)/2], took[len(took)-1]
	c.Logf("%s: an honest story takes %s, the slowest %s; the server has %d MiB", what, half, slowest, c.node.Memory(c.T)>>20)
	return half, slowest
}

// figure answers a number of /metrics.
func (c *counter) figure(name string) int { return c.client.figure(c.T, c.node.URL(), name) }

// keeps fails the test unless honest clients are served about as before: slower perhaps, as on a machine that does other
// things as well, but far from what somebody notices who waits for a person.
func (c *counter) keeps(what string, before time.Duration) {
	c.Helper()
	if half, slowest := c.latency(what); half > 10*before+time.Second || slowest > 15*time.Second {
		c.Errorf("%s: an honest story takes %s, the slowest %s; before it took %s", what, half, slowest, before)
	}
}

// mostPerConnection is how much memory a connection may cost that has sent nothing or little, in bytes. With the race
// detector it costs about five times what it costs without.
const mostPerConnection = 128 << 10

// Ten thousand who connect and say nothing, or half a header: the others are served, memory is bounded, and they are
// shown the door when their time is up.
func TestHalfOpenSockets(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	before, _ := c.latency("before")
	memory, n := c.node.Memory(t), faulttest.Count(10_000)
	var gone sync.WaitGroup
	leave, ended := context.WithTimeout(t.Context(), 2*time.Minute)
	defer ended()
	c.many(n, func(conn net.Conn) {
		// What a client that says nothing for ever is told is that the connection ends.
		gone.Go(func() {
			_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
			if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) && leave.Err() == nil {
				t.Error("a silent client may stay")
			}
		})
	})
	each := (c.node.Memory(t) - memory) / n
	t.Logf("%d silent clients: %d bytes each", n, each)
	c.keeps("among silent clients", before)
	if each > mostPerConnection {
		t.Errorf("a silent client costs %d bytes, want at most %d", each, mostPerConnection)
	}
	gone.Wait()
	faulttest.Until(t, patient, "silent clients are gone", func() bool { return c.figure("indent_connections") < n/10+20 })
}

// Senders of one byte a second have as long as everybody: ten seconds for the headers, thirty for all.
func TestSendersOfOneByteASecond(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	before, _ := c.latency("before")
	p := c.call(t.Context(), c.asker, http.MethodPost, c.node.URL()+inSpace+"/petitions", asking("somebody waits")).petition(t)
	head := "Host: indent\r\nAuthorization: Bearer " + c.asker + "\r\n"
	body := "Content-Type: application/json\r\nContent-Length: 5000\r\n\r\n{"
	senders := map[string]struct {
		begin string
		limit time.Duration
	}{
		"a request line":   {"G", 10 * time.Second},
		"headers":          {"GET /healthz HTTP/1.1\r\n" + head + "X-", 10 * time.Second},
		"a body":           {"POST " + inSpace + "/petitions HTTP/1.1\r\n" + head + body, 30 * time.Second},
		"a useless body":   {"GET " + inSpace + "/petitions/" + p.Name + "?wait=60s HTTP/1.1\r\n" + head + body, 30 * time.Second},
		"a stream's body":  {"GET " + inSpace + "/events:stream HTTP/1.1\r\n" + strings.Replace(head, c.asker, c.other, 1) + body, 30 * time.Second},
		"a body in chunks": {"POST " + inSpace + "/petitions HTTP/1.1\r\n" + head + "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1", 30 * time.Second},
	}
	var group sync.WaitGroup
	for what, s := range senders {
		for range max(faulttest.Count(200)/len(senders), 2) {
			conn := c.dial()
			group.Go(func() {
				began := time.Now()
				dribble(t, conn, s.begin)
				if took := time.Since(began); took > s.limit+10*time.Second {
					t.Errorf("who sends %s one byte a second may stay for %s", what, took)
				}
			})
		}
	}
	c.keeps("among slow senders", before)
	group.Wait()
}

// dribble sends one byte a second and returns when the server has had enough.
func dribble(t *testing.T, conn net.Conn, begin string) {
	if _, err := io.WriteString(conn, begin); err != nil {
		return
	}
	cut, end := context.WithTimeout(t.Context(), 90*time.Second)
	defer end()
	go func() {
		defer end()
		_, _ = io.Copy(io.Discard, conn)
	}()
	for faulttest.Pass(cut, time.Second) {
		if _, err := io.WriteString(conn, "1"); err != nil {
			return
		}
	}
}

// Readers who never read, and clients who send ten thousand requests at once and read no answer, cost their buffers and
// no more; those who follow the log are cut off once they hold it up.
func TestClientsThatNeverRead(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	before, _ := c.latency("before")
	memory := c.node.Memory(t)
	const followers, pipeliners = 3, 5
	for range followers {
		conn := c.dial()
		_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		_, _ = io.WriteString(conn, "GET "+inSpace+"/events:stream HTTP/1.1\r\nHost: indent\r\nAuthorization: Bearer "+c.other+"\r\n\r\n")
	}
	faulttest.Until(t, patient, "all follow", func() bool { return c.figure("indent_api_event_streams") == followers })
	requests := strings.Repeat("GET /openapi.json HTTP/1.1\r\nHost: indent\r\n\r\n", faulttest.Count(10_000))
	for range pipeliners {
		conn := c.dial()
		_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		go func() { _, _ = io.WriteString(conn, requests) }()
	}
	c.keeps("among clients who never read", before)
	if grown := c.node.Memory(t) - memory; grown > 256<<20 {
		t.Errorf("%d clients who never read cost %d MiB", followers+pipeliners, grown>>20)
	}
	// The log grows until the followers' buffers are full, and then for as long as one may hold it up.
	long := strings.Repeat("a reason that takes room ", 150)
	var n int
	faulttest.Until(t, 5*time.Minute, "who never reads is cut off", func() bool {
		var group sync.WaitGroup
		for range 20 {
			n++
			key := fmt.Sprint("fill-", n)
			group.Go(func() {
				_ = c.call(t.Context(), c.asker, http.MethodPost, c.node.URL()+inSpace+"/petitions", asking(long), "Idempotency-Key", key).petition(t)
			})
		}
		group.Wait()
		return c.figure("indent_api_event_streams") == 0
	})
	t.Logf("%d events of 4 KiB were sent until all were cut off", n)
}
