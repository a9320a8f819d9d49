package policy

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/indent-approvals/indent/internal/approval"
)

// Problem is what is wrong with a document, and where: lines and columns count from 1, in characters; 0 means that it
// is about the whole. Rule and Test name the part that is at fault, if one is.
type Problem struct {
	Rule    string
	Test    string
	Line    int
	Column  int
	Message string
}

// Error answers all of it in one line: `line 12, column 9: rule "on-call": undefined field 'raeson'`.
func (p *Problem) Error() string {
	var b strings.Builder
	if p.Line > 0 {
		fmt.Fprintf(&b, "line %d, column %d: ", p.Line, p.Column)
	}
	if p.Rule != "" {
		fmt.Fprintf(&b, "rule %q: ", p.Rule)
	}
	if p.Test != "" {
		fmt.Fprintf(&b, "test %q: ", p.Test)
	}
	b.WriteString(p.Message)
	return b.String()
}

// place is where something stands in the document.
type place struct{ row, column int }

func placeOf(n ast.Node) place { return placeOfToken(n.GetToken()) }

func placeOfToken(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{}
	}
	return place{t.Position.Line, t.Position.Column}
}

// placeOfError answers where the document is wrong.
func placeOfError(err error) place {
	var p *Problem
	if errors.As(err, &p) {
		return place{p.Line, p.Column}
	}
	return place{}
}

// mistakes answers those that were joined, in their order.
func mistakes(err error) (list []error) {
	joined, several := err.(interface{ Unwrap() []error })
	switch {
	case err == nil:
		return nil
	case !several:
		return []error{err}
	}
	for _, one := range joined.Unwrap() {
		list = append(list, mistakes(one)...)
	}
	return list
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.row, q.row), cmp.Compare(p.column, q.column))
}

func (p place) wrong(format string, args ...any) error {
	return &Problem{Line: p.row, Column: p.column, Message: readable(fmt.Sprintf(format, args...))}
}

// problemOf makes an error of the YAML library a Problem: its place, and its message without the excerpt around it.
func problemOf(err error) error {
	var known *Problem
	if errors.As(err, &known) {
		return known
	}
	var mismatch *yaml.TypeError
	var other yaml.Error
	switch {
	case errors.As(err, &mismatch):
		return placeOfToken(mismatch.Token).wrong("the value has the wrong type: %s", mismatch.GetMessage())
	case errors.As(err, &other):
		return placeOfToken(other.GetToken()).wrong("%s", other.GetMessage())
	}
	return &Problem{Message: readable(err.Error())}
}

// readable answers text from outside as one line that shows all that it holds: what could hide, reverse or break a line
// becomes "?", and too much is cut.
func readable(s string) string {
	out := make([]rune, 0, min(len(s), maxSentence))
	for _, r := range strings.Join(strings.Fields(s), " ") {
		if len(out) == maxSentence-1 {
			return string(append(out, '…'))
		}
		if !unicode.IsGraphic(r) || r == utf8.RuneError {
			r = '?'
		}
		out = append(out, r)
	}
	return string(out)
}

// text is a string of the document that knows where it stands.
type text struct {
	place
	value string
	style token.Type
	lines []string // of the whole document; set for conditions only
}

// UnmarshalYAML takes strings only: a number or a truth value where text belongs is a mistake, such as an unquoted
// "no" or 3600 for a duration.
func (t *text) UnmarshalYAML(node ast.Node) error {
	t.place = placeOf(node)
	switch n := node.(type) {
	case *ast.StringNode:
		t.value, t.style = n.Value, n.Token.Type
	case *ast.LiteralNode:
		t.value, t.style = n.Value.Value, n.Start.Type
	default:
		return t.wrong("this must be text: put it in quotes")
	}
	return nil
}

// line refuses text that is not one line of at most so many characters, or that hides something.
func (t text) line(most int) error {
	var e *approval.Error
	if errors.As(approval.CheckLine("", t.value, most), &e) {
		return t.wrong("%s", e.Message)
	}
	return nil
}

// sentence answers text for people as one line; folded and indented lines are joined.
func (t text) sentence() (string, error) {
	t.value = strings.Join(strings.Fields(t.value), " ")
	return t.value, t.line(maxSentence)
}

// duration reads a duration; one that is not given leaves what is there.
func (t *text) duration(to *time.Duration) error {
	if t == nil {
		return nil
	}
	d, err := approval.ParseDuration("", t.value)
	if err != nil {
		return t.wrong("%q must be a duration such as 1h30m, more than zero and at most ten years", t.value)
	}
	*to = d
	return nil
}

// at answers the place of the character at a line (from 1) and column (from 0) of the text.
func (t text) at(line, column int) place {
	switch {
	case t.style == token.LiteralType:
		// "|" stands on the line before; all lines of its text are indented like the first.
		row := t.row + line
		return place{row, t.indent() + column + 1}
	case line > 1 || strings.Contains(t.value, "\n") || t.style == token.FoldedType:
		return t.place // lines were folded: where the text begins has to do
	case t.style == token.SingleQuoteType || t.style == token.DoubleQuoteType:
		return place{t.row, t.column + 1 + t.written(column)}
	}
	return place{t.row, t.column + column}
}

// indent answers how far the first line of a literal block is indented.
func (t text) indent() int {
	for _, line := range t.lines[min(t.row, len(t.lines)):] {
		if trimmed := strings.TrimLeft(line, " "); strings.TrimSpace(trimmed) != "" {
			return len(line) - len(trimmed)
		}
	}
	return 0
}

// written answers how many characters of quoted text stand for the first n that are meant.
func (t text) written(n int) int {
	if t.row > len(t.lines) {
		return n
	}
	raw := []rune(t.lines[t.row-1])
	raw = raw[min(t.column, len(raw)):]
	i := 0
	for ; n > 0 && i < len(raw); n-- {
		switch {
		case t.style == token.SingleQuoteType && raw[i] == '\'':
			i += 2
		case t.style == token.DoubleQuoteType && raw[i] == '\\' && i+1 < len(raw):
			i += 2 + map[rune]int{'x': 2, 'u': 4, 'U': 8}[raw[i+1]]
		default:
			i++
		}
	}
	return min(i, len(raw))
}
