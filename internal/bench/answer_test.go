package bench

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"
)

// FuzzAnswer demands that whatever is read as an answer is what net/http reads.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\nA: b\r\n\r\n"))
	f.Add([]byte("HTTP/1.0 503 no\r\nRetry-After: 1\r\nConnection: keep-alive\r\n\r\nhello"))
	f.Fuzz(func(t *testing.T, text []byte) {
		w := wire{in: bufio.NewReaderSize(bytes.NewReader(text), readBuffer)}
		a, err := readHead(w.in)
		if err == nil {
			err = w.readBody(&a)
		}
		if err != nil {
			return
		}
		theirs, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(text)), nil)
		if err != nil || theirs.StatusCode < statusOK { // they answer interim ones, too
			return
		}
		defer theirs.Body.Close()
		body, err := io.ReadAll(theirs.Body)
		if err != nil {
			return
		}
		if a.status != theirs.StatusCode || !bytes.Equal(a.body, body) {
			t.Errorf("read %d %q, net/http reads %d %q", a.status, a.body, theirs.StatusCode, body)
		}
	})
}
