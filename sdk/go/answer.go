package indent

import (
	"bytes"
	"encoding/json"
	"io"
)

// decode reads an answer. It refuses what is no JSON, what has a key twice (two readers could see two petitions in
// it), and what lacks a field that it cannot do without.
func decode(body []byte, answer any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return malformed("it is empty")
	}
	if err := checkUnique(body); err != nil {
		return err
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return malformed("%s in %q", printable(err.Error()), snippet(string(body[:min(len(body), 400)])))
	}
	if c, ok := answer.(checked); ok {
		return c.check()
	}
	return nil
}

// checkUnique walks the tokens and refuses an object that has a key twice.
func checkUnique(body []byte) error {
	type level struct {
		keys     map[string]bool // nil in an array
		valueDue bool
	}
	var stack []level
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	for {
		token, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return malformed("it is not JSON: %q", snippet(string(body[:min(len(body), 400)])))
		}
		top := len(stack) - 1
		if token == json.Delim('}') || token == json.Delim(']') {
			stack = stack[:top]
			continue
		}
		if top >= 0 && stack[top].keys != nil && !stack[top].valueDue {
			key, _ := token.(string)
			if stack[top].keys[key] {
				return malformed("the key %q is there twice", snippet(key))
			}
			stack[top].keys[key], stack[top].valueDue = true, true
			continue
		}
		if top >= 0 {
			stack[top].valueDue = false
		}
		switch token {
		case json.Delim('{'):
			stack = append(stack, level{keys: map[string]bool{}})
		case json.Delim('['):
			stack = append(stack, level{})
		}
	}
}
