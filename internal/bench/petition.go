package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

const (
	phaseOpen    = "open"
	phaseGranted = "granted"
)

// What an Indent server writes. A text that says the same does not match: its quotation marks are escaped. Nothing that
// has free keys stands in what is asked here (params), so these bytes are the petition's own.
var (
	nameFirst = []byte(`{"name":"`)
	statePath = []byte(`"state":{"status":{"phase":"`)
)

// readPetition answers the name of a petition, which a path can carry, and its phase. It looks for them where this
// server writes them; what is written otherwise is decoded.
func readPetition(text []byte) (name, phase string, err error) {
	rest, first := bytes.CutPrefix(text, nameFirst)
	before, _, named := bytes.Cut(rest, quote)
	_, rest, stated := bytes.Cut(rest, statePath)
	status, _, whole := bytes.Cut(rest, quote)
	if first && named && stated && whole && isName(before) && isName(status) {
		return string(before), string(status), nil
	}
	var p struct {
		Name  string
		State struct{ Status struct{ Phase string } }
	}
	if err := json.Unmarshal(text, &p); err != nil || !isName([]byte(p.Name)) || p.State.Status.Phase == "" {
		return "", "", fmt.Errorf("what was answered is no petition: %.300s", text)
	}
	return p.Name, p.State.Status.Phase, nil
}

var quote = []byte(`"`)

// mostName is longer than any name of a petition.
const mostName = 200

// isName answers whether it stands in JSON and in a path as it is (RFC 3986, 2.3).
func isName(name []byte) bool {
	for _, c := range name {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && !strings.ContainsRune("-._~", rune(c)) {
			return false
		}
	}
	return len(name) > 0 && len(name) <= mostName && string(name) != "." && string(name) != ".."
}
