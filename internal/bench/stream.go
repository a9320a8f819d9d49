package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
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
		if err := p.follow(ctx, p.target.node(from/mostOnStream), names, told); err != nil {
			return err
		}
	}
	return nil
}

// follow opens one stream. A stream that breaks returns all its waiters with why.
func (p *parking) follow(ctx context.Context, node string, names []string, told map[string]chan<- returned) error {
	body, err := json.Marshal(map[string]any{"names": names})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, node+"/petitions:wait", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header["Authorization"], request.Header["Content-Type"] = p.target.asker.bearer, jsonType
	response, err := p.target.asker.http.Do(request)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		return fmt.Errorf("POST %s was answered %d: this server has no stream to wait on", request.URL.Path, response.StatusCode)
	}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, mostLine)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), ":") { // the first sign of life: all names are attended to
	}
	if !strings.HasPrefix(lines.Text(), ":") {
		defer response.Body.Close()
		return errors.Join(errors.New("a stream ended before its first sign of life"), lines.Err())
	}
	go func() {
		defer response.Body.Close()
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
		if !bytes.Contains(data, phaseGranted) {
			r.err = fmt.Errorf("a petition that was approved is not granted: %.300s", data)
		}
		delete(told, name)
		back <- r
	}
}
