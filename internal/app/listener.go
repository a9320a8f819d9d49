package app

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/indent-approvals/indent/internal/approval"
)

// spareFiles are kept from clients: without a file of its own the storage could not answer those who are in.
const spareFiles = 256

// mostConnections answers how many clients may be connected: as many as are wanted and the process may open files for.
func mostConnections(wanted int) int {
	if files := mayOpen(); files > 0 {
		return min(wanted, max(files-spareFiles, files/2, 1))
	}
	return wanted
}

// door is a listener that lets so many in and tells the others to come back.
type door struct {
	net.Listener
	most    int64
	inside  atomic.Int64
	turning chan struct{} // a place for each that is being told
	told    prometheus.Counter
	tasks   sync.WaitGroup
}

const (
	// mostTurning is how many are told at once; beyond that a connection just ends.
	mostTurning = 64
	turnWithin  = time.Second
)

func newDoor(l net.Listener, most int, metrics prometheus.Registerer) *door {
	d := &door{Listener: l, most: int64(most), turning: make(chan struct{}, mostTurning)}
	d.told = prometheus.NewCounter(prometheus.CounterOpts{Name: "indent_connections_refused_total",
		Help: "Connections that were answered 503 because as many as max_connections allows were open."})
	metrics.MustRegister(d.told, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "indent_connections",
		Help: "Connections that are open now."}, func() float64 { return float64(d.inside.Load()) }))
	return d
}

// Accept answers the next client that there is room for.
func (d *door) Accept() (net.Conn, error) {
	for {
		conn, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if d.inside.Add(1) <= d.most {
			return &guest{Conn: conn, leave: sync.OnceFunc(func() { d.inside.Add(-1) })}, nil
		}
		d.inside.Add(-1)
		d.told.Inc()
		d.turnAway(conn)
	}
}

// turnAway tells a client to come back and ends its connection; it never waits.
func (d *door) turnAway(conn net.Conn) {
	select {
	case d.turning <- struct{}{}:
	default:
		_ = conn.Close()
		return
	}
	d.tasks.Go(func() {
		defer func() { <-d.turning }()
		defer conn.Close()
		if conn.SetDeadline(time.Now().Add(turnWithin)) != nil {
			return
		}
		if _, err := io.WriteString(conn, fullAnswer); err != nil {
			return
		}
		// A connection that is closed before its request was read is reset, and the answer with it.
		if half, ok := conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
			_, _ = io.CopyN(io.Discard, conn, 64<<10)
		}
	})
}

// Close ends listening and waits for those who are being told.
func (d *door) Close() error {
	err := d.Listener.Close()
	d.tasks.Wait()
	return err
}

// guest is a connection that counts.
type guest struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (g *guest) Close() error {
	defer g.leave()
	return g.Conn.Close()
}

// fullAnswer is the answer to a client that there is no room for.
var fullAnswer = func() string {
	body := problem(http.StatusServiceUnavailable, approval.Unavailable, "", "too many clients are connected: try again in a moment")
	return fmt.Sprintf("HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nRetry-After: 5\r\n"+
		"Cache-Control: no-store\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}()

// problem answers the body of a refusal in the shape of every refusal of the API (RFC 9457).
func problem(status int, code approval.Code, field, message string) string {
	if field != "" {
		message = field + ": " + message
	}
	return fmt.Sprintf(`{"type":"about:blank","title":%q,"status":%d,"detail":%q,"code":%q,"message":%q,"field":%q}`+"\n",
		http.StatusText(status), status, message, code, message, field)
}

// mostUseless bounds a body that nobody looks at.
const mostUseless = 64 << 10

// withoutBody reads a body where none has a meaning, while the server's limit on time holds: a request that is parked has
// none, and its body would be read behind its answer, one byte a second if the client likes.
func withoutBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			if n, err := io.Copy(io.Discard, io.LimitReader(r.Body, mostUseless+1)); err != nil || n > mostUseless {
				w.Header().Set("Content-Type", "application/problem+json")
				w.Header().Set("Connection", "close")
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, problem(http.StatusBadRequest, approval.Invalid, "body", "is too large or comes too slowly for a request that needs none: leave it out"))
				return
			}
			r.Body = http.NoBody
		}
		next.ServeHTTP(w, r)
	})
}
