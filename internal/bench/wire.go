package bench

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

const (
	// dialPatience is how long opening a connection may take.
	dialPatience = 10 * time.Second
	// restMost is how long a connection may rest and still be used: a server may close one that rests when it likes,
	// and a request that meets its end is lost.
	restMost = 2 * time.Second
	// readBuffer holds an answer about one petition, and bounds a line of its head.
	readBuffer = 4 << 10
)

// wire is one connection to a node, kept alive, with one request at a time: a client of HTTP/1.1 (RFC 9112) that does as
// little as one can, because it runs on the machine that it measures. A request is one write of bytes that were made
// before; of an answer it reads the status, where it ends, and what the caller looks for in it.
//
// The first request opens it, as does one after it was closed. It ends with its context. It belongs to one goroutine.
type wire struct {
	ctx  context.Context
	node *node
	// until is when the server must have answered; zero: any time while the context lasts.
	until time.Time

	conn   net.Conn
	in     *bufio.Reader
	out    []byte      // the last request
	body   []byte      // of an answer that the reader's buffer does not hold
	rested time.Time   // since when
	forget func() bool // the context
}

func (t *target) wire(ctx context.Context, i int) *wire {
	return &wire{ctx: ctx, node: t.nodes[i%len(t.nodes)]}
}

// soon gives the next answer as long as one piece of work may take.
func (w *wire) soon() *wire {
	w.until = time.Now().Add(patience)
	return w
}

// exchange answers the body of an answer of 200. The next use of the wire overwrites it.
func (w *wire) exchange(f form, gap string) ([]byte, error) {
	if err := w.send(f, gap); err != nil {
		return nil, err
	}
	return w.receive()
}

// send writes a request, and does not wait for its answer.
func (w *wire) send(f form, gap string) error {
	w.out = append(append(append(w.out[:0], f.head...), gap...), f.tail...)
	if err := w.open(); err != nil {
		return w.broken(err)
	}
	if _, err := w.conn.Write(w.out); err != nil {
		return w.broken(err)
	}
	return nil
}

// receive reads the answer to what was sent, and answers its body when it is one of 200.
func (w *wire) receive() ([]byte, error) {
	a, err := readHead(w.in)
	if err == nil {
		err = w.readBody(&a)
	}
	if err != nil {
		return nil, w.broken(err)
	}
	w.rested = time.Now()
	if a.close {
		w.close()
	}
	return a.body, w.refusal(a)
}

// stream answers the body of an answer of 200 that has no end, as it comes.
func (w *wire) stream() (io.Reader, error) {
	a, err := readHead(w.in)
	if err == nil && a.status != statusOK {
		err = w.readBody(&a)
	}
	if err != nil {
		return nil, w.broken(err)
	}
	if err := w.refusal(a); err != nil {
		w.close()
		return nil, err
	}
	return a.reader(w.in), nil
}

func (w *wire) open() error {
	// What is there before anything was asked is no answer, but the server's farewell (408) or garbage.
	if w.conn != nil && (w.in.Buffered() > 0 || time.Since(w.rested) > restMost) {
		w.close()
	}
	if w.conn == nil {
		if err := w.dial(); err != nil {
			return err
		}
	}
	return w.conn.SetDeadline(w.until)
}

func (w *wire) dial() error {
	dialer := net.Dialer{Timeout: dialPatience, Deadline: w.until}
	conn, err := dialer.DialContext(w.ctx, "tcp", w.node.address)
	switch {
	case errors.Is(err, syscall.EMFILE):
		return fmt.Errorf("%w: allow this program more open files (ulimit -n)", err)
	case err != nil:
		return fmt.Errorf("%w: is the server running, and is this its address?", err)
	}
	w.conn, w.rested = conn, time.Now()
	w.forget = context.AfterFunc(w.ctx, func() { _ = conn.Close() })
	if w.node.tls != nil {
		secure := tls.Client(conn, w.node.tls)
		ctx, cancel := context.WithTimeout(w.ctx, dialPatience)
		defer cancel()
		if err := secure.HandshakeContext(ctx); err != nil {
			return fmt.Errorf("no secure connection to %s: %w", w.node.address, err)
		}
		w.conn = secure
	}
	if w.in == nil {
		w.in = bufio.NewReaderSize(w.conn, readBuffer)
	}
	w.in.Reset(w.conn)
	return nil
}

// close may be called again and again. The next request opens another connection.
func (w *wire) close() {
	if w.conn != nil {
		w.forget()
		_ = w.conn.Close() // nothing is left to be said on it
		w.conn = nil
	}
}

// broken closes the connection, on which nothing has a known place any more, and says what the reader of err can do.
func (w *wire) broken(err error) error {
	w.close()
	switch ended := w.ctx.Err(); {
	case ended != nil:
		err = ended
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = fmt.Errorf("no whole answer within %s: does the server hang, or is this too much for it? Its log may tell", patience)
	case errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE):
		err = errors.New("the server closed the connection and did not answer: its log may tell why")
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("the server closed the connection in the middle of its answer: its log may tell why")
	}
	return fmt.Errorf("%s: %w", w.request(), err)
}

// refusal answers why an answer is not one of 200.
func (w *wire) refusal(a answer) error {
	if a.status == statusOK {
		return nil
	}
	next := ""
	switch {
	case a.location != "":
		next = fmt.Sprintf(" (it is at %.300q: measure that address)", a.location)
	case a.retryAfter != "":
		next = fmt.Sprintf(" (Retry-After: %.40q: measure with fewer at once)", a.retryAfter)
	}
	return fmt.Errorf("%s was answered %d: %.300s%s", w.request(), a.status, a.body, next)
}

// request names the last request by its method and path.
func (w *wire) request() string {
	line, _, _ := bytes.Cut(w.out, []byte(" HTTP/"))
	path, _, _ := bytes.Cut(line, []byte("?"))
	return string(path)
}
