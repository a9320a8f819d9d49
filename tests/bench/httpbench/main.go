// Command httpbench drives any HTTP server that has petitions: create (durable), a waiter waits, another client
// decides, the waiter returns. {id} in the templates is the petition's id: given by this client or, with -idfield,
// taken from the answer to its creation. It prints one line of JSON for each measurement.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
)

func main() {
	t := &target{asker: newClient(), reviewer: newClient()}
	flag.StringVar(&t.base, "base", "http://127.0.0.1:7070", "address of the server")
	flag.StringVar(&t.create, "create", "POST /petitions", "how to create")
	flag.StringVar(&t.createBody, "createbody", `{"id":"{id}","action":"deploy","reason":"bench"}`, "with what")
	flag.StringVar(&t.wait, "wait", "GET /petitions/{id}/wait", "how to wait")
	flag.StringVar(&t.decide, "decide", "POST /petitions/{id}/decision", "how to decide")
	flag.StringVar(&t.decideBody, "decidebody", `{"decision":"approve"}`, "with what")
	flag.StringVar(&t.idField, "idfield", "", "dotted path of the id in the answer to a creation")
	flag.Var(&t.headers, "H", "header `k: v` of create and wait; may be repeated; $NAME is taken from the environment")
	flag.Var(&t.decideHeaders, "D", "header `k: v` of the decision; the same")
	modes := flag.String("mode", "rt", "rt, create, parked; several with commas")
	at := flag.String("c", "1,64,256", "how many clients at once")
	parked := flag.String("k", "1000", "how many parked waiters")
	secs := flag.Float64("secs", 8, "seconds of each measurement")
	pids := flag.String("pids", "", "processes of the server whose memory (PSS) is read, with those below them")
	flag.Parse()
	h := &harness{target: t, seconds: *secs, pids: *pids}
	for mode := range strings.SplitSeq(*modes, ",") {
		switch mode {
		case "create", "rt":
			for _, c := range numbers(*at) {
				h.closed(mode, c)
			}
		case "parked":
			for _, k := range numbers(*parked) {
				h.parked(k)
			}
		}
	}
}

func newClient() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 20000, MaxIdleConns: 20000}}
}

// target is a server, and how one speaks with it.
type target struct {
	base, create, createBody, wait, decide, decideBody, idField string

	headers, decideHeaders headers
	asker, reviewer        *http.Client
	ids                    sync.Map // the server's id by ours
}

type headers []string

func (h *headers) String() string     { return "" }
func (h *headers) Set(s string) error { *h = append(*h, os.ExpandEnv(s)); return nil }

func (t *target) Create(ctx context.Context, id string) error {
	answer, err := t.call(ctx, t.asker, t.headers, t.create, t.createBody, id)
	if err != nil || t.idField == "" {
		return err
	}
	var field any
	if err := json.Unmarshal(answer, &field); err != nil {
		return err
	}
	for key := range strings.SplitSeq(t.idField, ".") {
		object, _ := field.(map[string]any)
		field = object[key]
	}
	text, _ := field.(string)
	if text == "" {
		return fmt.Errorf("no %s in %.200s", t.idField, answer)
	}
	t.ids.Store(id, text)
	return nil
}

func (t *target) Wait(ctx context.Context, id string) error {
	_, err := t.call(ctx, t.asker, t.headers, t.wait, "", t.real(id))
	return err
}

func (t *target) Decide(ctx context.Context, id string) error {
	_, err := t.call(ctx, t.reviewer, t.decideHeaders, t.decide, t.decideBody, t.real(id))
	return err
}

func (t *target) real(id string) string {
	if v, ok := t.ids.Load(id); ok {
		return v.(string)
	}
	return id
}

func (t *target) call(ctx context.Context, c *http.Client, headers headers, template, body, id string) ([]byte, error) {
	method, path, _ := strings.Cut(strings.ReplaceAll(template, "{id}", id), " ")
	var reader io.Reader
	if method != http.MethodGet {
		reader = strings.NewReader(strings.ReplaceAll(body, "{id}", id))
	}
	r, err := http.NewRequestWithContext(ctx, method, t.base+path, reader)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	for _, header := range headers {
		key, value, _ := strings.Cut(header, ":")
		r.Header.Set(key, strings.TrimSpace(value))
	}
	response, err := c.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %d %.200s", method, path, response.StatusCode, answer)
	}
	return answer, err
}
