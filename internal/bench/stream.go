package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	// mostOnStream is how many petitions one stream carries; more take another stream.
	mostOnStream = 10_000
	// mostLine bounds a line of a stream: a petition as JSON.
	mostLine = 4 << 20
)

// onStream has one connection wait for many petitions, and returns when the server attends to all of them.
func (p *parking) onStream(ctx context.Context) error {
	for from := 0; from < len(p.names); from += mostOnStream {
		names := p.names[from:min(from+mostOnStream, len(p.names))]
		told := make(map[string]chan<- returned, len(names))
		for i, name := range names {
			back := make(chan returned, 1)
			p.back[from+i], told[name] = back, back
		}
		if err := follow(p.wire(ctx, from/mostOnStream), names, told); err != nil {
			return err
		}
	}
	return nil
}

// follow opens one stream, which ends with the measurement. When it breaks, it returns all its waiters with why.
func follow(w *wire, names []string, told map[string]chan<- returned) error {
	body, err := json.Marshal(map[string]any{"names": names})
	if err != nil {
		return err
	}
	if err := w.send(w.node.follow, withBody(string(body))); err != nil {
		return err
	}
	stream, err := w.stream()
	if err != nil {
		return fmt.Errorf("this server has no stream to wait on: %w", err)
	}
	lines := bufio.NewScanner(stream)
	lines.Buffer(nil, mostLine)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), ":") { // the first sign of life: all names are attended to
	}
	if !strings.HasPrefix(lines.Text(), ":") {
		defer w.close()
		return errors.Join(errors.New("a stream ended before its first sign of life"), lines.Err())
	}
	go func() {
		defer w.close()
		readStream(lines, told)
		for _, back := range told {
			back <- returned{time.Now(), errors.Join(errors.New("the stream ended before the petition was decided"), lines.Err())}
		}
	}()
	return nil
}

var (
	idField   = []byte("id: ")
	dataField = []byte("data: ")
)

// readStream tells each waiter, and forgets it, until the stream ends or all are told.
func readStream(lines *bufio.Scanner, told map[string]chan<- returned) {
	name := ""
	for len(told) > 0 && lines.Scan() {
		line := lines.Bytes()
		if id, ok := bytes.CutPrefix(line, idField); ok {
			name = string(id)
			continue
		}
		data, ok := bytes.CutPrefix(line, dataField)
		back := told[name]
		if !ok || back == nil {
			continue
		}
		r := returned{at: time.Now()}
		if got, phase, err := readPetition(data); err != nil || got != name || phase != phaseGranted {
			r.err = fmt.Errorf("a petition that was approved is not granted: %.300s", data)
		}
		delete(told, name)
		back <- r
	}
}
