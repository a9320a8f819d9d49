package bench

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// target is the cluster that is measured.
type target struct{ nodes []*node }

// node is one server of it: where it is, and what is asked there. Approve and log are the reviewer's, the rest the asker's.
type node struct {
	address string      // to be dialled
	tls     *tls.Config // nil over http

	create, wait, page, follow, approve, log, metrics form
}

// form is a request with a gap, to be written as it is.
type form struct{ head, tail string }

func newTarget(o Options) (*target, error) {
	t := &target{}
	for _, address := range o.URLs {
		u, err := url.Parse(strings.TrimRight(address, "/"))
		if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("%q is no address of a server: give one such as http://127.0.0.1:8080", address)
		}
		for what, text := range map[string]string{"address": u.Host + u.EscapedPath(), "token": o.Token, "reviewer's token": o.ReviewerToken} {
			if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
				return nil, fmt.Errorf("the %s has a character that no request can carry: copy it again", what)
			}
		}
		t.nodes = append(t.nodes, newNode(u, o))
	}
	return t, nil
}

func newNode(u *url.URL, o Options) *node {
	port := u.Port()
	n := &node{}
	if u.Scheme == "https" {
		n.tls = &tls.Config{ServerName: u.Hostname(), NextProtos: []string{"http/1.1"}}
		port = cmp.Or(port, "443")
	}
	n.address = net.JoinHostPort(u.Hostname(), cmp.Or(port, "80"))
	petitions := u.EscapedPath() + "/v1/spaces/" + url.PathEscape(o.Space) + "/petitions"
	host := " HTTP/1.1\r\nHost: " + u.Host + "\r\n"
	asker := host + "Authorization: Bearer " + o.Token + "\r\n"
	reviewer := host + "Authorization: Bearer " + o.ReviewerToken + "\r\n"
	const end = "\r\n"
	n.create = form{"POST " + petitions + asker, ""}
	n.follow = form{"POST " + petitions + ":wait" + asker, ""}
	n.wait = form{"GET " + petitions + "/", "?wait=60s" + asker + end}
	n.page = form{"GET " + petitions + "?", asker + end}
	n.log = form{"GET " + strings.TrimSuffix(petitions, "petitions") + "events?", reviewer + end}
	n.approve = form{"POST " + petitions + "/", "/claims" + reviewer + withBody(approveBody)}
	n.metrics = form{"GET " + u.EscapedPath() + "/metrics" + host + end, ""}
	return n
}

// withBody answers the end of a request's head, and its body.
func withBody(json string) string {
	return "Content-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(json)) + "\r\n\r\n" + json
}

const (
	petitionBody = `{"petition":{"reason":"bench","resources":[{"kind":"action","id":"deploy"}]}}`
	approveBody  = `{"claim":{"event":"access/approve"}}`
)

var onePetition = withBody(petitionBody)

// create answers the name of a new open petition; body is one of withBody.
func (w *wire) create(body string) (string, error) {
	name, phase, err := w.ask(body)
	if err == nil && phase != phaseOpen {
		err = fmt.Errorf("a new petition is %s, so that nobody can wait for it: policy must leave it to a reviewer", phase)
	}
	return name, err
}

// ask answers the name of a new petition, and its phase.
func (w *wire) ask(body string) (name, phase string, err error) {
	answer, err := w.exchange(w.node.create, body)
	if err != nil {
		return "", "", err
	}
	return readPetition(answer)
}

// park asks to wait until the petition is decided.
func (w *wire) park(name string) error { return w.send(w.node.wait, name) }

// returned reads what was answered to the one who is parked: that the petition is granted, or, when the server has sent
// him away before it was decided, that he has to come again.
func (w *wire) returned(name string) error {
	for {
		answer, err := w.receive()
		if err != nil {
			return err
		}
		got, phase, err := readPetition(answer)
		switch {
		case err != nil:
			return err
		case got != name:
			return fmt.Errorf("who waited for %s was told of another petition: %.300s", name, answer)
		case phase == phaseGranted:
			return nil
		case phase != phaseOpen:
			return fmt.Errorf("a petition that was approved is not granted: %.300s", answer)
		}
		if err := w.park(name); err != nil {
			return err
		}
	}
}

func (w *wire) approve(name string) error {
	_, err := w.exchange(w.node.approve, name)
	return err
}

// list answers how many petitions a page of the list has, and the token of the next one.
func (w *wire) list(query string) (petitions int, next string, err error) {
	answer, err := w.exchange(w.node.page, query)
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
