package faulttest

import (
	"bytes"
	"net"
	"sync"
	"testing"
	"time"
)

// Direction is one way through a proxy.
type Direction int

// The directions.
const (
	ToServer Direction = iota
	ToClient
	directions
)

// Proxy passes TCP connections on to a server, and breaks them as a network does.
type Proxy struct {
	listener net.Listener
	target   string
	tasks    sync.WaitGroup

	mu      sync.Mutex
	changed *sync.Cond
	links   map[*link]struct{}
	refuses bool
	closed  bool
	held    [directions]bool
	delay   [directions]time.Duration
	left    [directions]int // bytes until the cut; -1: no cut
	trap    *trap
	sprung  int // how often a trap has closed
}

// trap waits for a text from a client.
type trap struct {
	text   []byte
	before bool // cut before the text reaches the server, not before its answer reaches the client
	last   bool // nothing passes afterwards
}

// link is one connection with both its ends.
type link struct {
	client, server net.Conn
	swallows       bool // what the server answers is lost, and then the connection
}

// NewProxy answers a proxy to an address, which passes everything on at first. The test's end closes it.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: listener, target: target, links: map[*link]struct{}{}, left: [directions]int{-1, -1}}
	p.changed = sync.NewCond(&p.mu)
	p.tasks.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Addr answers the address to connect to.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Cut breaks every connection that stands, with a reset; new ones are passed on.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut()
}

// Refuse breaks every connection and refuses new ones, as a server that is stopped.
func (p *Proxy) Refuse() { p.set(func() { p.refuses = true; p.cut() }) }

// Shut refuses new connections; those that stand stay.
func (p *Proxy) Shut() { p.set(func() { p.refuses = true }) }

// Hold lets nothing through in these directions, and tells nobody, as a cable that is pulled. What is sent meanwhile
// arrives when it is healed, as TCP would send it again.
func (p *Proxy) Hold(ways ...Direction) {
	p.set(func() {
		for _, way := range ways {
			p.held[way] = true
		}
	})
}

// Delay makes everything take so much longer in a direction.
func (p *Proxy) Delay(way Direction, d time.Duration) { p.set(func() { p.delay[way] = d }) }

// CutAfter breaks the connection on which the n-th byte from now has passed in a direction.
func (p *Proxy) CutAfter(way Direction, n int) { p.set(func() { p.left[way] = n }) }

// LoseAnswerTo sets a trap for the next request that has the text: the server gets it and acts, its answer is lost and
// the connection breaks. Nobody on the client's side knows what has become of it.
func (p *Proxy) LoseAnswerTo(text string) { p.set(func() { p.trap = &trap{text: []byte(text)} }) }

// LoseRequest sets a trap for the next request that has the text: the server never gets it and the connection breaks.
// To the client it looks as with LoseAnswerTo.
func (p *Proxy) LoseRequest(text string) {
	p.set(func() { p.trap = &trap{text: []byte(text), before: true} })
}

// DieBefore sets a trap for the next request that has the text: it never reaches the server, and nothing does afterwards,
// as if the client had died.
func (p *Proxy) DieBefore(text string) {
	p.set(func() { p.trap = &trap{text: []byte(text), before: true, last: true} })
}

// Sprung answers how many traps have closed.
func (p *Proxy) Sprung() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sprung
}

// Heal passes everything on again.
func (p *Proxy) Heal() {
	p.set(func() {
		p.refuses, p.trap = false, nil
		p.held, p.delay, p.left = [directions]bool{}, [directions]time.Duration{}, [directions]int{-1, -1}
	})
}

func (p *Proxy) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	p.changed.Broadcast()
}

func (p *Proxy) cut() {
	for l := range p.links {
		l.reset()
	}
	clear(p.links)
}

func (p *Proxy) close() {
	p.set(func() { p.closed, p.refuses = true, true; p.cut() })
	_ = p.listener.Close()
	p.tasks.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.tasks.Go(func() { p.serve(client) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	server, err := net.DialTimeout("tcp", p.target, 5*time.Second)
	l := &link{client: client, server: server}
	p.mu.Lock()
	if refused := p.refuses || err != nil; refused {
		p.mu.Unlock()
		l.reset()
		return
	}
	p.links[l] = struct{}{}
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { p.pump(l, ToServer, l.client, l.server) })
	both.Go(func() { p.pump(l, ToClient, l.server, l.client) })
	both.Wait()
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
	l.reset()
}

// reset breaks both ends at once, without the farewell that a closed program sends.
func (l *link) reset() {
	for _, end := range []net.Conn{l.client, l.server} {
		if tcp, ok := end.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
			_ = tcp.Close()
		}
	}
}

// pump passes on what comes from one end, until it ends or the link is broken.
func (p *Proxy) pump(l *link, way Direction, from, to net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			// Under latency many chunks are under way at once in a network; here each waits for itself, which is worse.
			pass, broken := p.admit(l, way, buffer[:n])
			if _, failed := to.Write(pass); failed != nil || broken {
				l.reset()
				return
			}
		}
		if err != nil {
			if tcp, ok := to.(*net.TCPConn); ok {
				_ = tcp.CloseWrite()
			}
			return
		}
	}
}

// admit answers how much of a chunk passes now, and whether the link breaks behind it.
func (p *Proxy) admit(l *link, way Direction, chunk []byte) (pass []byte, broken bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d := p.delay[way]; d > 0 {
		timer := time.AfterFunc(d, func() { p.set(func() {}) })
		defer timer.Stop()
		for until := time.Now().Add(d); time.Now().Before(until) && !p.closed && p.stands(l); {
			p.changed.Wait()
		}
	}
	for p.held[way] && !p.closed && p.stands(l) {
		p.changed.Wait()
	}
	if way == ToServer && p.trap != nil && bytes.Contains(chunk, p.trap.text) {
		sprung := p.trap
		p.trap = nil
		p.sprung++
		if sprung.last {
			p.refuses = true
			p.cut()
		}
		if sprung.before {
			return nil, true
		}
		l.swallows = true
	}
	if way == ToClient && l.swallows {
		return nil, true
	}
	if p.left[way] >= 0 {
		if p.left[way] -= len(chunk); p.left[way] <= 0 {
			pass, p.left[way] = chunk[:len(chunk)+p.left[way]], -1
			return pass, true
		}
	}
	return chunk, false
}

func (p *Proxy) stands(l *link) bool {
	_, ok := p.links[l]
	return ok
}
