package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// target is the cluster as its two clients see it. They share no connection.
type target struct {
	nodes           []string // address of each node's space
	asker, reviewer member
}

// member is a client with a token.
type member struct {
	http   *http.Client
	bearer []string
}

func newTarget(o Options) *target {
	t := &target{asker: newMember(o.Token), reviewer: newMember(o.ReviewerToken)}
	for _, address := range o.URLs {
		t.nodes = append(t.nodes, strings.TrimRight(address, "/")+"/v1/spaces/"+url.PathEscape(o.Space))
	}
	return t
}

func newMember(token string) member {
	// Every parked waiter has a connection, and all are kept.
	transport := &http.Transport{MaxIdleConnsPerHost: mostAtOnce, MaxIdleConns: mostAtOnce}
	return member{&http.Client{Transport: transport}, []string{"Bearer " + token}}
}

func (t *target) close() {
	t.asker.http.CloseIdleConnections()
	t.reviewer.http.CloseIdleConnections()
}

// node answers the address for the i-th client.
func (t *target) node(i int) string { return t.nodes[i%len(t.nodes)] }

var jsonType = []string{"application/json"}

// call answers the body of an answer of 200.
func (m member) call(ctx context.Context, method, address, body string) ([]byte, error) {
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	request, err := http.NewRequestWithContext(ctx, method, address, reader)
	if err != nil {
		return nil, err
	}
	request.Header["Authorization"] = m.bearer
	if body != "" {
		request.Header["Content-Type"] = jsonType
	}
	response, err := m.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s was answered %d: %.300s", method, request.URL.Path, response.StatusCode, answer)
	}
	return answer, err
}

const (
	petitionBody = `{"petition":{"reason":"bench","resources":[{"kind":"action","id":"deploy"}]}}`
	approveBody  = `{"claim":{"event":"access/approve"}}`
)

// create answers the name of a new open petition.
func (t *target) create(ctx context.Context, node, body string) (string, error) {
	answer, err := t.asker.call(ctx, http.MethodPost, node+"/petitions", body)
	if err != nil {
		return "", err
	}
	if !bytes.Contains(answer, phaseOpen) {
		return "", fmt.Errorf("a new petition is not open, so that nobody can wait for it: policy must leave it to a reviewer: %.300s", answer)
	}
	return nameIn(answer)
}

var (
	phaseOpen    = []byte(`"phase":"open"`)
	phaseGranted = []byte(`"phase":"granted"`)
	nameFirst    = []byte(`{"name":"`)
)

// nameIn answers the name of a petition. It stands first in what this server writes; elsewhere it is looked for.
func nameIn(petition []byte) (string, error) {
	if rest, ok := bytes.CutPrefix(petition, nameFirst); ok {
		if name, _, ok := bytes.Cut(rest, []byte(`"`)); ok {
			return string(name), nil
		}
	}
	var p struct{ Name string }
	if err := json.Unmarshal(petition, &p); err != nil || p.Name == "" {
		return "", fmt.Errorf("a petition without a name was answered: %.300s", petition)
	}
	return p.Name, nil
}

// wait parks until the petition is decided. The answer must be that it is granted.
func (t *target) wait(ctx context.Context, node, name string) error {
	for {
		answer, err := t.asker.call(ctx, http.MethodGet, node+"/petitions/"+name+"?wait=60s", "")
		switch {
		case err != nil:
			return err
		case bytes.Contains(answer, phaseGranted):
			return nil
		case !bytes.Contains(answer, phaseOpen):
			return fmt.Errorf("a petition that was approved is not granted: %.300s", answer)
		}
	}
}

func (t *target) approve(ctx context.Context, node, name string) error {
	_, err := t.reviewer.call(ctx, http.MethodPost, node+"/petitions/"+name+"/claims", approveBody)
	return err
}

// page answers how many petitions a page of the list has, and the token of the next one.
func (t *target) page(ctx context.Context, node, query string) (petitions int, next string, err error) {
	answer, err := t.asker.call(ctx, http.MethodGet, node+"/petitions?"+query, "")
	if err != nil {
		return 0, "", err
	}
	_, tail, ok := bytes.Cut(answer[max(0, len(answer)-mostTail):], nextToken)
	next, _, whole := strings.Cut(string(tail), `"`)
	if !ok || !whole {
		return 0, "", fmt.Errorf("a page without nextPageToken was answered: %.300s", answer)
	}
	return bytes.Count(answer, eachPetition), next, nil
}

var (
	nextToken    = []byte(`"nextPageToken":"`)
	eachPetition = []byte(`"spaceName":"`)
)

// mostTail is how far before its end an answer names the next page.
const mostTail = 600
