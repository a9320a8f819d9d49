package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http/httputil"
	"slices"
	"strconv"
)

const (
	statusOK = 200
	// mostHead bounds the head of an answer, mostAnswer its body, mostInterim the answers before the answer (1xx).
	mostHead    = 64 << 10
	mostAnswer  = 16 << 20
	mostInterim = 8
)

// answer is what has to be known of an answer: what it says, and where it ends.
type answer struct {
	status  int
	length  int64 // -1: not told
	chunked bool
	close   bool // no other answer comes on this connection
	// What tells a person how to go on after a refusal.
	retryAfter, location string
	body                 []byte
}

// readHead reads an answer up to its body, and passes over the interim ones before it (RFC 9110, 15.2).
func readHead(in *bufio.Reader) (answer, error) {
	left := mostHead
	for range mostInterim {
		a, err := readOneHead(in, &left)
		if err != nil || a.status >= statusOK {
			return a, err
		}
	}
	return answer{}, fmt.Errorf("the server sent %d interim answers, and none to the request", mostInterim)
}

func readOneHead(in *bufio.Reader, left *int) (answer, error) {
	line, err := readLine(in, left)
	if err != nil {
		return answer{}, err
	}
	a := answer{length: -1}
	if a.status, a.close, err = parseStatus(line); err != nil {
		return answer{}, err
	}
	old := a.close // of HTTP/1.0, which knows no pieces (RFC 9112, 6.1)
	for {
		line, err := readLine(in, left)
		switch {
		case errors.Is(err, io.EOF):
			return answer{}, io.ErrUnexpectedEOF
		case err == nil && len(line) == 0 && old && a.chunked:
			return answer{}, errors.New("the answer is of HTTP/1.0 and in pieces, which are of HTTP/1.1: is this an Indent server?")
		case err != nil || len(line) == 0:
			return a, err
		}
		if err := a.header(line); err != nil {
			return answer{}, err
		}
	}
}

// readLine answers a line without its end, to be used before the next one is read.
func readLine(in *bufio.Reader, left *int) ([]byte, error) {
	line, err := in.ReadSlice('\n')
	*left -= len(line)
	switch {
	case errors.Is(err, bufio.ErrBufferFull) || *left < 0:
		return nil, fmt.Errorf("the head of the answer is too long (%d bytes a line, %d in all): is this an Indent server?", in.Size(), mostHead)
	case errors.Is(err, io.EOF) && len(line) > 0:
		return nil, io.ErrUnexpectedEOF
	case err != nil:
		return nil, err
	}
	return bytes.TrimSuffix(line[:len(line)-1], []byte("\r")), nil
}

// parseStatus reads the status line; a server of HTTP/1.0 closes the connection unless it says otherwise.
func parseStatus(line []byte) (status int, closes bool, err error) {
	const version = "HTTP/1.x "
	if len(line) < len(version)+3 || string(line[:7]) != version[:7] || line[8] != ' ' {
		return 0, false, fmt.Errorf("what was answered is not HTTP/1.1: %.80q: is this the server's address, and http or https as the server has it?", line)
	}
	for _, digit := range line[len(version) : len(version)+3] {
		if digit < '0' || digit > '9' {
			return 0, false, fmt.Errorf("an answer without a status: %.80q: is this an Indent server?", line)
		}
		status = status*10 + int(digit-'0')
	}
	if status < 100 || status == 101 {
		return 0, false, fmt.Errorf("an answer with the status %d, for which nobody has asked: is this an Indent server?", status)
	}
	return status, line[7] == '0', nil
}

// header takes what matters of a line of the head; names are told apart by their length before they are compared.
func (a *answer) header(line []byte) error {
	colon := bytes.IndexByte(line, ':')
	if colon < 1 {
		return fmt.Errorf("a line of the answer's head is no header: %.80q: is this an Indent server?", line)
	}
	is := func(name string) bool { return bytes.EqualFold(line[:colon], []byte(name)) }
	value := bytes.TrimSpace(line[colon+1:])
	switch {
	case colon == 14 && is("Content-Length"):
		n, err := strconv.ParseUint(string(value), 10, 63)
		if err != nil || a.length >= 0 && a.length != int64(n) {
			return fmt.Errorf("the answer's length is not clear: %.80q", line)
		}
		a.length = int64(n)
	case colon == 17 && is("Transfer-Encoding"):
		if !bytes.EqualFold(value, []byte("chunked")) {
			return fmt.Errorf("the answer is written in a way that nobody has asked for: %.80q", line)
		}
		a.chunked = true
	case colon == 10 && is("Connection"):
		options := slices.Collect(bytes.SplitSeq(bytes.ToLower(value), []byte(",")))
		has := func(name string) bool {
			return slices.ContainsFunc(options, func(o []byte) bool { return string(bytes.TrimSpace(o)) == name })
		}
		a.close = has("close") || a.close && !has("keep-alive")
	case colon == 11 && is("Retry-After"):
		a.retryAfter = string(value)
	case colon == 8 && is("Location"):
		a.location = string(value)
	}
	return nil
}

// readBody reads the body, by the rules of RFC 9112, 6.3.
func (w *wire) readBody(a *answer) (err error) {
	switch {
	case a.status == 204 || a.status == 304:
		return nil
	case a.chunked:
		if a.body, err = w.readAll(a.reader(w.in)); err == nil {
			err = skipTrailer(w.in)
		}
	case a.length > mostAnswer:
		return errTooLarge
	case a.length >= 0 && a.length <= readBuffer:
		if a.body, err = w.in.Peek(int(a.length)); err == nil {
			_, err = w.in.Discard(int(a.length))
		}
	case a.length >= 0:
		w.body = slices.Grow(w.body[:0], int(a.length))[:a.length]
		a.body = w.body
		_, err = io.ReadFull(w.in, a.body)
	default:
		a.close = true
		a.body, err = w.readAll(w.in)
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

var errTooLarge = fmt.Errorf("the answer has more than %d MiB: is this an Indent server?", mostAnswer>>20)

// reader answers a reader of the body.
func (a *answer) reader(in *bufio.Reader) io.Reader {
	switch {
	case a.chunked:
		return httputil.NewChunkedReader(in)
	case a.length >= 0:
		return io.LimitReader(in, a.length)
	}
	return in
}

func (w *wire) readAll(r io.Reader) ([]byte, error) {
	w.body = w.body[:0]
	for {
		w.body = slices.Grow(w.body, readBuffer)
		n, err := r.Read(w.body[len(w.body):cap(w.body)])
		w.body = w.body[:len(w.body)+n]
		switch {
		case errors.Is(err, io.EOF):
			return w.body, nil
		case err != nil:
			return nil, err
		case len(w.body) > mostAnswer:
			return nil, errTooLarge
		}
	}
}

// skipTrailer reads what stands behind the last chunk.
func skipTrailer(in *bufio.Reader) error {
	left := mostHead
	for {
		if line, err := readLine(in, &left); err != nil || len(line) == 0 {
			return err
		}
	}
}
