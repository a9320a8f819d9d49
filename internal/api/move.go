package api

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// net/http keeps some 20 KiB for each request that it serves: buffers, headers and a stack that reading has grown. When
// many are parked, the next ones are taken out of it ([http.Hijacker]): what is left of each is its connection, two small
// goroutines, one that reads and one that waits, and the few fields below. When the petition is decided the answer is
// written here, and the connection goes back to the server with its next request.

const (
	// mostInside is how many waiters are parked inside the server: it is what costs the least time.
	mostInside = 256
	// idleOutside is how long a connection that was answered outside may be idle.
	idleOutside = 2 * time.Minute
)

// outside are the waiters that were moved out of the server.
type outside struct {
	mu      sync.Mutex
	all     map[*moved]struct{}
	closing bool
	empty   chan struct{} // receives when none is left after closing
}

// moved is one waiter outside the server.
type moved struct {
	*exchange
	conn     net.Conn
	waiting  *approval.Waiting
	in       *getPetitionIn
	ahead    []byte // what was read of the next request
	leave    context.CancelFunc
	answered chan struct{}
	keep     bool        // after the answer; guarded by outside.mu
	idle     *time.Timer // ends the connection when the next request does not come
}

// mayMove answers whether the request is one whose connection can be given back: a plain one, alone on its connection.
func (x *exchange) mayMove() bool {
	r := x.r
	return x.Resume != nil && r.ProtoMajor == 1 && r.ProtoMinor == 1 && r.TLS == nil && !r.Close && r.Method == http.MethodGet &&
		r.Body == http.NoBody && r.ContentLength == 0 && x.inside.Load() >= x.mostInside && !x.stopping()
}

// move takes a request that is about to be parked out of the server, and answers whether it did.
func (x *exchange) move(w *approval.Waiting, in *getPetitionIn) bool {
	if !x.mayMove() {
		return false
	}
	conn, buffered, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		return false
	}
	if r, again := conn.(*resumed); again && len(r.ahead) == 0 {
		conn = r.Conn
	}
	m := &moved{conn: conn, waiting: w, in: &getPetitionIn{Name: strings.Clone(in.Name), Wait: in.Wait, Full: in.Full}, answered: make(chan struct{})}
	if n := buffered.Reader.Buffered(); n > 0 {
		ahead, _ := buffered.Reader.Peek(n)
		m.ahead = bytes.Clone(ahead)
	}
	var ctx context.Context
	ctx, m.leave = context.WithCancel(context.Background())
	// Of the request only what is asked about it later: it would keep its headers and its server's buffers.
	r := &http.Request{Method: x.r.Method, Header: http.Header{"Authorization": {strings.Clone(x.r.Header.Get("Authorization"))}}}
	m.exchange = &exchange{API: x.API, route: x.route, r: r.WithContext(ctx), id: x.id, start: x.start, checked: x.checked, count: x.count, actor: x.actor, held: true, holding: x.holding, parked: x.parked}
	x.holding, x.parked = nil, 0
	x.outside.add(m)
	go m.read()
	go m.wait()
	return true
}

// read waits for the client's next request, or for its leaving, and then lets go of the connection.
func (m *moved) read() {
	gone := false
	if len(m.ahead) == 0 {
		one := make([]byte, 1)
		n, _ := m.conn.Read(one)
		m.ahead, gone = one[:n], n == 0
	}
	if gone {
		m.leave()
	}
	<-m.answered
	m.idle.Stop()
	m.leave()
	if m.outside.remove(m); gone || !m.keep {
		_ = m.conn.Close()
		return
	}
	m.Resume(&resumed{m.conn, m.ahead})
}

// wait waits for the decision and answers.
func (m *moved) wait() {
	out, err := m.result()
	m.waiting.End()
	whole := m.finish(out, err)
	m.idle = time.AfterFunc(idleOutside, func() { _ = m.conn.SetReadDeadline(longAgo) })
	m.outside.answered(m, whole && !m.stopping())
}

// result waits; what panics is answered as what fails inside.
func (m *moved) result() (out any, err error) {
	defer func() {
		if v := recover(); v != nil {
			out, err = nil, fmt.Errorf("panic: %v\n%s", v, stack())
		}
	}()
	return m.rest(m.waiting, nil, m.in)
}

// finish answers, and answers whether the connection can take another request.
func (m *moved) finish(out any, err error) (whole bool) {
	raw := &rawWriter{conn: m.conn, header: http.Header{}, now: m.Service.Clock.Now()}
	m.w = raw
	m.setHeaders()
	defer func() {
		if v := recover(); v != nil {
			m.release()
			m.refuse(fmt.Errorf("panic: %v\n%s", v, stack()))
			whole = false
		}
	}()
	if m.r.Context().Err() != nil {
		m.release()
		m.done(statusClientGone, nil)
	} else {
		m.conclude(out, err)
	}
	return raw.err == nil && m.begun
}

func (o *outside) add(m *moved) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all == nil {
		o.all = map[*moved]struct{}{}
	}
	o.all[m] = struct{}{}
}

func (o *outside) remove(m *moved) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.all, m)
	if o.closing && len(o.all) == 0 {
		select {
		case o.empty <- struct{}{}:
		default:
		}
	}
}

// answered notes that m has its answer; a connection that is not kept ends.
func (o *outside) answered(m *moved, keep bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if m.keep = keep && !o.closing; !m.keep {
		_ = m.conn.Close()
	}
	close(m.answered)
}

// Drain waits until everybody who waits outside the server is answered, which they are when the broker is done, and ends
// their connections. When ctx ends first it ends those as they are.
func (a *API) Drain(ctx context.Context) {
	o := &a.outside
	o.mu.Lock()
	if o.closing {
		o.mu.Unlock()
		return
	}
	o.closing, o.empty = true, make(chan struct{}, 1)
	none := len(o.all) == 0
	for m := range o.all {
		if m.keep { // answered, and idle
			_ = m.conn.Close()
		}
	}
	o.mu.Unlock()
	if none {
		return
	}
	select {
	case <-o.empty:
	case <-ctx.Done():
		a.Logger.LogAttrs(ctx, slog.LevelWarn, "some who waited were not answered in time")
		o.mu.Lock()
		defer o.mu.Unlock()
		for m := range o.all {
			_ = m.conn.Close()
		}
	}
}

// resumed is a connection of which something was read already.
type resumed struct {
	net.Conn
	ahead []byte
}

// Read implements net.Conn.
func (r *resumed) Read(p []byte) (int, error) {
	if len(r.ahead) > 0 {
		n := copy(p, r.ahead)
		r.ahead = r.ahead[n:]
		return n, nil
	}
	return r.Conn.Read(p)
}

// rawWriter writes one answer with a known length (RFC 9112): its head goes out with the first bytes of its body.
type rawWriter struct {
	conn   net.Conn
	header http.Header
	now    time.Time
	head   bytes.Buffer
	err    error
}

func (w *rawWriter) Header() http.Header { return w.header }

func (w *rawWriter) WriteHeader(status int) {
	fmt.Fprintf(&w.head, "HTTP/1.1 %d %s\r\nDate: %s\r\n", status, http.StatusText(status), w.now.Format(http.TimeFormat))
	_ = w.header.Write(&w.head) // a buffer does not fail
	w.head.WriteString("\r\n")
}

func (w *rawWriter) Write(body []byte) (int, error) {
	w.head.Write(body)
	if err := w.FlushError(); err != nil {
		return 0, err
	}
	return len(body), nil
}

// FlushError implements what [http.ResponseController] asks for.
func (w *rawWriter) FlushError() error {
	if w.head.Len() > 0 && w.err == nil {
		_, w.err = w.head.WriteTo(w.conn)
	}
	return w.err
}

func (w *rawWriter) SetWriteDeadline(at time.Time) error { return w.conn.SetWriteDeadline(at) }
