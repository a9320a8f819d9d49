package app

import (
	"net"
	"sync"
)

// returning is a listener of connections that come back: the API takes waiters out of the server (internal/api/move.go),
// and gives their connections back when they are answered.
type returning struct {
	addr   net.Addr
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newReturning(addr net.Addr) *returning {
	return &returning{addr: addr, conns: make(chan net.Conn), closed: make(chan struct{})}
}

// resume gives a connection back. When the server stops, it ends.
func (r *returning) resume(conn net.Conn) {
	select {
	case r.conns <- conn:
	case <-r.closed:
		_ = conn.Close()
	}
}

// Accept implements net.Listener.
func (r *returning) Accept() (net.Conn, error) {
	select {
	case conn := <-r.conns:
		return conn, nil
	case <-r.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (r *returning) Close() error {
	r.once.Do(func() { close(r.closed) })
	return nil
}

// Addr implements net.Listener.
func (r *returning) Addr() net.Addr { return r.addr }
