package app_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/app/apptest"
	"github.com/indent-approvals/indent/internal/approval"
)

// call is one request, byte by byte: what a client library would refuse to send is sent, too.
type call struct {
	method, target string
	headers        []string
	body           []byte
	// routed says that the request is for the operation and for nothing else, so that its own statuses must answer.
	routed bool
}

// bytes writes the call as it goes over the wire.
func (c *call) bytes() []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n", c.method, c.target)
	for _, h := range c.headers {
		out.WriteString(h + "\r\n")
	}
	if len(c.body) > 0 || c.method != http.MethodGet {
		fmt.Fprintf(&out, "Content-Length: %d\r\n", len(c.body))
	}
	out.WriteString("\r\n")
	out.Write(c.body)
	return out.Bytes()
}

// mostUseless is how large a body may be where none has a meaning.
const mostUseless = 64 << 10

// call makes a request for the operation, by one of the callers.
func (g *generator) call(op described, callers []string) *call {
	c := &call{method: op.method, routed: true}
	c.target = g.path(op, &c.routed) + g.query(op)
	if g.onceIn(25) {
		c.method, c.routed = pick(g, []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "HEAD", "QUERY", "get", "BREW"}), false
	}
	for _, caller := range g.callers(callers) {
		c.headers = append(c.headers, "Authorization: "+caller)
	}
	for _, p := range op.params {
		if p.In == "header" && g.onceIn(2) {
			c.headers = append(c.headers, p.Name+": "+g.headerValue())
		}
	}
	if g.onceIn(15) {
		c.headers = append(c.headers, pick(g, []string{"Indent-Space: " + apptest.Space, "Indent-Space: " + g.headerValue(), "Content-Encoding: gzip",
			"Content-Type: text/plain", "Content-Type: ;;", "Content-Type: " + g.headerValue(), "Accept: " + g.headerValue(), "Last-Event-ID: " + g.headerValue(),
			"Idempotency-Key: " + g.headerValue(), "X-HTTP-Method-Override: DELETE", "Range: bytes=0-1", "If-None-Match: *", "Origin: https://evil.example"}))
	}
	switch {
	case op.body != nil:
		c.body = g.body(op.body)
	case g.onceIn(10):
		c.body = g.body(map[string]any{})
		c.routed = c.routed && len(c.body) < mostUseless // a large one is refused at the door
	}
	return c
}

// callers answers what stands in the Authorization headers: mostly one.
func (g *generator) callers(callers []string) []string {
	switch g.IntN(30) {
	case 0:
		return nil
	case 1:
		return []string{g.headerValue()}
	case 2:
		return []string{"Bearer " + g.headerValue()}
	case 3:
		return []string{pick(g, callers), pick(g, callers)}
	}
	return []string{pick(g, callers)}
}

// headerValue is text that HTTP lets a header have.
func (g *generator) headerValue() string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, g.text())
}

// path fills in the names; a name of which the path itself would be another one is not routed.
func (g *generator) path(op described, routed *bool) string {
	path := strings.ReplaceAll(op.path, "{space}", apptest.Space)
	if g.onceIn(20) {
		path = strings.ReplaceAll(op.path, "{space}", g.segment(routed))
	}
	for strings.Contains(path, "{") {
		before, rest, _ := strings.Cut(path, "{")
		_, after, _ := strings.Cut(rest, "}")
		path = before + g.segment(routed) + after
	}
	if prefix := "/v1/"; strings.HasPrefix(path, prefix) && g.onceIn(40) { // what is not below it is a page
		*routed = false
		at := len(prefix) + g.IntN(len(path)-len(prefix)+1)
		for strings.Contains(path[max(at-2, 0):at], "%") { // half an escape is no request, and net/http answers it by itself
			at--
		}
		path = path[:at] + pick(g, []string{"/", "//", "/.", "/./", ":", "%2f", "%00", "%ff", "*", "/:x", ";x=1", "/../spaces", "%2e%2e/"}) + path[at:]
	}
	return path
}

func (g *generator) segment(routed *bool) string {
	text := g.fresh
	switch g.IntN(4) {
	case 0:
		text = g.text()
	case 1:
		text = pick(g, g.names)
	}
	if text == "" || strings.Contains(text, ":") || strings.Trim(text, ".") == "" || strings.Contains("/"+text+"/", "/../") || strings.Contains(text, "//") {
		*routed = false
	}
	return url.PathEscape(text)
}

func (g *generator) query(op described) string {
	var pairs []string
	for _, p := range op.params {
		if p.In == "query" && g.onceIn(4) {
			pairs = append(pairs, p.Name+"="+g.queryValue(p))
		}
	}
	if g.onceIn(10) {
		pairs = append(pairs, pick(g, []string{"x=1", "a;b", "%zz", "=", "&&", "%E2%80%AE=1", "phase=open", "\xff=\xff", "a[]=1", "%00=%00", "pageSize=1&pageSize=2"}))
	}
	if len(pairs) == 0 {
		return ""
	}
	return "?" + strings.Join(pairs, "&")
}

// queryValue never makes a wait of more than a moment.
func (g *generator) queryValue(p describedParam) string {
	if p.Name == "wait" {
		return pick(g, []string{"0s", "1ms", "-1s", "61s", "x", "1h", "1e3s", "9223372036854775807ns", "9223372036854775808ns", "", "%00", "1%2B1s"})
	}
	if g.onceIn(3) {
		return url.QueryEscape(g.text())
	}
	return url.QueryEscape(fmt.Sprint(g.value(p.Schema, 0)))
}

// wire is one connection, opened again when the server has closed it.
type wire struct {
	addr   string
	conn   net.Conn
	reader *bufio.Reader
}

// reply is what came back.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// patience is how long one answer may take, on a machine that does much else.
const patience = 20 * time.Second

func (w *wire) send(c *call) (reply, error) {
	fresh := w.conn == nil
	r, err := w.exchange(c)
	if err != nil {
		w.drop()
		if !fresh { // the server may have closed a connection that was at rest
			return w.exchange(c)
		}
	}
	return r, err
}

func (w *wire) exchange(c *call) (reply, error) {
	if w.conn == nil {
		conn, err := net.Dial("tcp", w.addr)
		if err != nil {
			return reply{}, err
		}
		w.conn, w.reader = conn, bufio.NewReader(conn)
	}
	if err := w.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return reply{}, err
	}
	// A server that refuses a body closes while it is still being sent: its answer counts, not the broken pipe.
	_, sent := w.conn.Write(c.bytes())
	res, err := http.ReadResponse(w.reader, &http.Request{Method: c.method})
	if err != nil {
		return reply{}, fmt.Errorf("no answer: %w (%v)", err, sent)
	}
	out := reply{status: res.StatusCode, header: res.Header}
	if strings.HasPrefix(res.Header.Get("Content-Type"), eventMedia) {
		w.drop() // it would never end
		return out, nil
	}
	out.body, err = io.ReadAll(io.LimitReader(res.Body, 64*approval.MaxBodyBytes))
	if res.Close || sent != nil {
		w.drop()
	}
	return out, err
}

func (w *wire) drop() {
	if w.conn != nil {
		w.conn.Close()
		w.conn = nil
	}
}
