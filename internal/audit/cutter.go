package audit

import (
	"bytes"
	"slices"
	"strconv"
	"unicode/utf8"
)

// cutter cuts a document as [Entry.cut] does, in a fifth of the time: what it reads it writes in canonical form at once. It takes what
// events nearly always are: texts and names without escapes, small whole numbers, objects of few members. Of anything else it says
// nothing, and the JSON library must read it; what it takes means the same to both, which a fuzz target compares.
type cutter struct {
	text []byte
	at   int
	out  []byte // canonical; never moved, as fields are parts of it
	odd  bool   // not what it takes
}

const (
	// mostMembers bounds the objects that the cutter takes: it puts them in order, and finds what is there twice, by comparing each with each.
	mostMembers = 80
	mostNested  = 16
)

// readPlain fills the entry, or answers false.
func readPlain(document []byte, e *Entry) bool {
	c := cutter{text: document, out: make([]byte, 0, len(document))}
	e.Fields = make([]Field, 0, 24)
	c.space()
	c.object("", e)
	c.space()
	return !c.odd && c.at == len(document)
}

// object reads the parts of an object at a pointer into the entry.
func (c *cutter) object(at string, e *Entry) {
	var room [24][]byte
	names := room[:0]
	c.expect('{')
	for first := true; c.more('}', first); first = false {
		name := c.name()
		if len(names) == mostMembers || slices.ContainsFunc(names, func(other []byte) bool { return bytes.Equal(name, other) }) {
			c.fail()
			return
		}
		names = append(names, name)
		c.part(at+"/"+escaped(string(name)), e)
	}
}

// part reads a value that is a field, or that is cut further.
func (c *cutter) part(pointer string, e *Entry) {
	c.space()
	switch {
	case c.next('{') && (pointer == "/meta" || pointer == "/meta/labels"):
		c.object(pointer, e)
	case c.next('[') && pointer == "/resources":
		c.list(e)
	default:
		from := len(c.out)
		c.value(mostNested)
		if to := e.public(pointer); to == nil {
			e.Fields = append(e.Fields, Field{pointer, c.out[from:len(c.out):len(c.out)]})
		} else if text := c.out[from:]; len(text) > 2 && text[0] == '"' {
			*to = string(text[1 : len(text)-1])
		} else {
			c.fail()
		}
	}
}

func (c *cutter) list(e *Entry) {
	c.expect('[')
	for i := 0; c.more(']', i == 0); i++ {
		from := len(c.out)
		c.space()
		c.value(mostNested)
		e.Fields = append(e.Fields, Field{"/resources/" + strconv.Itoa(i), c.out[from:len(c.out):len(c.out)]})
	}
}

// value writes the value that comes.
func (c *cutter) value(deep int) {
	if c.at >= len(c.text) || deep == 0 {
		c.fail()
		return
	}
	switch b := c.text[c.at]; {
	case b == '"':
		c.string()
	case b == '{':
		c.members(deep)
	case b == '[':
		c.at++
		c.out = append(c.out, '[')
		for first := true; c.more(']', first); first = false {
			if !first {
				c.out = append(c.out, ',')
			}
			c.space()
			c.value(deep - 1)
		}
		c.out = append(c.out, ']')
	case b >= '1' && b <= '9' || b == '0':
		c.number()
	default:
		c.word()
	}
}

// member is the part of out that is one of an object.
type member struct{ from, name, to int }

// members writes an object, its members in the order of their names.
func (c *cutter) members(deep int) {
	var room [16]member
	all, sorted := room[:0], true
	c.at++
	c.out = append(c.out, '{')
	for first := true; c.more('}', first); first = false {
		if !first {
			c.out = append(c.out, ',')
		}
		m := member{from: len(c.out)}
		c.name()
		m.name = len(c.out)
		c.out = append(c.out, ':')
		c.space()
		c.value(deep - 1)
		m.to = len(c.out)
		if c.odd || len(all) == mostMembers {
			c.fail()
			return
		}
		sorted = sorted && (len(all) == 0 || bytes.Compare(c.nameOf(all[len(all)-1]), c.nameOf(m)) < 0)
		all = append(all, m)
	}
	if !sorted {
		c.sort(all)
	}
	c.out = append(c.out, '}')
}

// nameOf answers a member's name without its quotes.
func (c *cutter) nameOf(m member) []byte { return c.out[m.from+1 : m.name-1] }

// sort puts the members, which stand at the end of out, in order.
func (c *cutter) sort(all []member) {
	from := all[0].from
	slices.SortFunc(all, func(a, b member) int { return bytes.Compare(c.nameOf(a), c.nameOf(b)) })
	for i := 1; i < len(all); i++ {
		if bytes.Equal(c.nameOf(all[i-1]), c.nameOf(all[i])) {
			c.fail() // there twice
			return
		}
	}
	old := bytes.Clone(c.out[from:])
	c.out = c.out[:from]
	for i, m := range all {
		if i > 0 {
			c.out = append(c.out, ',')
		}
		c.out = append(c.out, old[m.from-from:m.to-from]...)
	}
}

// name writes a member's name and answers it without quotes. One that is not ASCII has a place of its own among others.
func (c *cutter) name() []byte {
	c.space()
	from := len(c.out)
	c.string()
	c.space()
	c.expect(':')
	if c.odd {
		return nil
	}
	name := c.out[from+1 : len(c.out)-1]
	for _, b := range name {
		if b >= utf8.RuneSelf {
			c.fail()
		}
	}
	return name
}

// string writes a text without escapes, which is canonical as it stands.
func (c *cutter) string() {
	from := c.at
	c.expect('"')
	ascii := true
	for ; c.at < len(c.text); c.at++ {
		switch b := c.text[c.at]; {
		case b == '"':
			c.at++
			if !ascii && !utf8.Valid(c.text[from:c.at]) {
				c.fail()
				return
			}
			c.out = append(c.out, c.text[from:c.at]...)
			return
		case b < ' ' || b == '\\':
			c.fail()
			return
		case b >= utf8.RuneSelf:
			ascii = false
		}
	}
	c.fail()
}

// number writes a whole number that every double is.
func (c *cutter) number() {
	from := c.at
	for c.at < len(c.text) && c.text[c.at] >= '0' && c.text[c.at] <= '9' {
		c.at++
	}
	digits := c.text[from:c.at]
	if len(digits) > 15 || digits[0] == '0' && len(digits) > 1 || c.at < len(c.text) && bytes.IndexByte([]byte(".eE"), c.text[c.at]) >= 0 {
		c.fail()
		return
	}
	c.out = append(c.out, digits...)
}

func (c *cutter) word() {
	for _, word := range []string{"true", "false", "null"} {
		if bytes.HasPrefix(c.text[c.at:], []byte(word)) {
			c.at += len(word)
			c.out = append(c.out, word...)
			return
		}
	}
	c.fail()
}

// more goes to the next part of an object or a list, or over its end.
func (c *cutter) more(end byte, first bool) bool {
	c.space()
	switch {
	case c.odd:
		return false
	case c.next(end):
		c.at++
		return false
	case !first:
		c.expect(',')
		return !c.odd
	}
	return true
}

func (c *cutter) next(b byte) bool { return c.at < len(c.text) && c.text[c.at] == b }

func (c *cutter) expect(b byte) {
	if !c.next(b) {
		c.fail()
		return
	}
	c.at++
}

func (c *cutter) space() {
	for c.at < len(c.text) && (c.text[c.at] == ' ' || c.text[c.at] == '\n' || c.text[c.at] == '\t' || c.text[c.at] == '\r') {
		c.at++
	}
}

// fail stands at the end, where nothing is found any more.
func (c *cutter) fail() { c.at, c.odd = len(c.text), true }
