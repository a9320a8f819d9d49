package bench

import (
	"encoding/json"
	"testing"
)

func TestAPetitionIsFoundAsParsingFindsIt(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"as this server writes it":    `{"name":"0192-ab","spaceName":"acmecorp","reason":"bench","state":{"status":{"phase":"granted","message":"x"},"claims":[]}}`,
		"with blanks":                 `{ "name": "0192-ab", "state": { "status": { "phase": "granted" } } }`,
		"in another order":            `{"state":{"status":{"phase":"granted"}},"name":"0192-ab"}`,
		"with another status before":  `{"name":"0192-ab","status":{"phase":"open"},"state":{"status":{"phase":"granted"}}}`,
		"with a reason that says so":  `{"name":"0192-ab","reason":"\"state\":{\"status\":{\"phase\":\"open\"","state":{"status":{"phase":"granted"}}}`,
		"with a name that is escaped": `{"name":"0192\u002dab","state":{"status":{"phase":"granted"}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, phase, err := readPetition([]byte(text)); err != nil || got != "0192-ab" || phase != phaseGranted {
				t.Errorf("found %q, %q, %v", got, phase, err)
			}
		})
	}
}

func TestWhatIsNoPetitionIsRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":                    ``,
		"no JSON":                    `<html>"name":"p1","state":{"status":{"phase":"granted"`,
		"no name":                    `{"name":"","state":{"status":{"phase":"granted"}}}`,
		"no phase":                   `{"name":"p1","state":{"status":{}}}`,
		"half of it":                 `{"name":"p1","state":{"status":{"phase":"gran`,
		"a name that is a path":      `{"name":"../p1","state":{"status":{"phase":"granted"}}}`,
		"a name that is a request":   `{"name":"p1 HTTP/1.1\r\nX: y","state":{"status":{"phase":"granted"}}}`,
		"a problem, with such words": `{"detail":"phase granted","status":409}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, phase, err := readPetition([]byte(text)); err == nil {
				t.Errorf("found %q, %q", got, phase)
			}
		})
	}
}

// FuzzPetition demands that no text within a petition is taken for its name or phase.
func FuzzPetition(f *testing.F) {
	f.Add("p1", "granted", "bench", "x")
	f.Add("p1", "open", `"state":{"status":{"phase":"granted"`, `{"name":"p2"`)
	f.Fuzz(func(t *testing.T, name, phase, reason, label string) {
		type status struct {
			Phase   string `json:"phase"`
			Message string `json:"message"`
		}
		type state struct {
			Status status `json:"status"`
		}
		text, err := json.Marshal(struct {
			Name   string            `json:"name"`
			Space  string            `json:"spaceName"`
			Labels map[string]string `json:"labels"`
			Reason string            `json:"reason"`
			State  state             `json:"state"`
		}{name, "acmecorp", map[string]string{label: reason, "phase": label}, reason, state{status{phase, reason}}})
		if err != nil {
			t.Fatal(err)
		}
		var parsed struct {
			Name  string
			State struct{ Status struct{ Phase string } }
		}
		if err := json.Unmarshal(text, &parsed); err != nil {
			t.Fatal(err)
		}
		got, found, err := readPetition(text)
		if want := isName([]byte(parsed.Name)) && parsed.State.Status.Phase != ""; (err == nil) != want {
			t.Fatalf("%v, want it read: %t: %s", err, want, text)
		} else if want && (got != parsed.Name || found != parsed.State.Status.Phase) {
			t.Errorf("found %q, %q in %s", got, found, text)
		}
	})
}
