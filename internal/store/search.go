package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/indent-approvals/indent/internal/approval"
)

// A row is found by its words: those of what it says, and marks for its space, for who asks and for its labels. Words are
// letters and digits only (approval.SearchWords), marks begin with a sign and are of one length each, so that no word is
// a mark and no mark begins another.

// wordsOf answers the words and marks of a row, each behind a blank.
func wordsOf(space string, words []string, people []string, labels map[string]string) string {
	b := append(make([]byte, 0, 512), spaceMark(space)...)
	add := func(word string) { b = append(append(b, ' '), word...) }
	for _, id := range people {
		add(personMark(id))
	}
	for _, key := range keys(labels) {
		add(keyMark(key))
		add(labelMark(key, labels[key]))
	}
	for _, w := range words {
		add(w)
	}
	return string(b)
}

func spaceMark(space string) string      { return "§" + space }
func personMark(id string) string        { return "¶" + digest(id) }
func keyMark(key string) string          { return "°" + digest(key) }
func labelMark(key, value string) string { return "•" + digest(key, value) }

// digest answers 20 letters and digits, which nobody can find twice.
func digest(parts ...string) string {
	var room [256]byte
	all := append(room[:0], parts[0]...)
	for _, part := range parts[1:] {
		all = append(append(all, 0), part...) // no text of ours has a NUL
	}
	sum := sha256.Sum256(all)
	var text [20]byte
	hex.Encode(text[:], sum[:len(text)/2])
	return string(text[:])
}

func keys(m map[string]string) []string {
	list := make([]string, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

func petitionWords(t *approval.Petition) string {
	// What people look for comes first: a long petition has more words than are kept.
	texts := make([]string, 0, 16)
	texts = append(texts, t.DisplayName)
	for _, list := range [][]approval.Resource{t.Resources, t.Petitioners, {t.CreatedBy}} {
		for i := range list {
			texts = append(texts, list[i].DisplayName, list[i].Email, list[i].ID)
		}
	}
	texts = append(texts, t.Reason)
	people := []string{t.CreatedBy.ID}
	for _, r := range t.Petitioners {
		if !slices.Contains(people, r.ID) {
			people = append(people, r.ID)
		}
	}
	return wordsOf(t.Space, approval.SearchWords(append(texts, jsonTexts(t.Params)...)...), people, t.Labels)
}

func resourceWords(space string, r *approval.Resource) string {
	texts := append([]string{r.DisplayName, r.Email, r.ID, r.Name(), r.Kind}, r.AltIDs...)
	return wordsOf(space, approval.SearchWords(texts...), nil, r.Labels)
}

// jsonTexts answers the strings of a JSON text. Where nothing is escaped, the text itself has the same words.
func jsonTexts(value []byte) (texts []string) {
	if bytes.IndexByte(value, '\\') < 0 {
		return []string{string(value)}
	}
	decoder := json.NewDecoder(bytes.NewReader(value))
	decoder.UseNumber()
	for {
		token, err := decoder.Token()
		if err != nil {
			return texts
		}
		switch token := token.(type) {
		case string:
			texts = append(texts, token)
		case json.Number:
			texts = append(texts, token.String())
		}
	}
}

// condition demands that a row has one of the words, or none of them.
type condition struct {
	words  []string
	prefix bool // one that begins so is enough
	not    bool
}

// conditionsOf answers what a row must satisfy. Without a word left of those that were asked for, nothing does.
func conditionsOf(asked []string, petitioner string, labels approval.Selector) (list []condition, hopeless bool) {
	words := approval.SearchWords(asked...) // so that nothing in them can mean anything to an engine
	for _, w := range words {
		list = append(list, condition{words: []string{w}, prefix: true})
	}
	if petitioner != "" {
		list = append(list, condition{words: []string{personMark(petitioner)}})
	}
	for _, t := range labels {
		c := condition{words: []string{keyMark(t.Key)}, not: t.Operator == approval.NotIn || t.Operator == approval.DoesNotExist}
		if t.Operator == approval.In || t.Operator == approval.NotIn {
			c.words = nil
			for _, v := range t.Values {
				c.words = append(c.words, labelMark(t.Key, v))
			}
		}
		list = append(list, c)
	}
	return list, len(asked) > 0 && len(words) == 0
}

// satisfies adds the conditions on one row. LIKE means the same to both engines: there is nothing in a word that it
// would take for a pattern, and no capital letter.
func (c *clause) satisfies(list []condition, row string) {
	for _, d := range list {
		c.add(" AND ")
		if d.not {
			c.add("NOT ")
		}
		c.add("(")
		for i, w := range d.words {
			if i > 0 {
				c.add(" OR ")
			}
			c.add(row, ".words LIKE ", c.arg("% "+w+"%"))
		}
		c.add(")")
	}
}

// inSpace is the condition that a row is of the space.
func inSpace(space string) condition { return condition{words: []string{spaceMark(space)}} }

// searchable answers the conditions that an index of words can answer, if there are any.
func searchable(list []condition) (positive []condition) {
	for _, c := range list {
		if !c.not {
			positive = append(positive, c)
		}
	}
	return positive
}

// refusing answers the others, by which it can leave out rows of what it finds.
func refusing(list []condition) (negative []condition) {
	for _, c := range list {
		if c.not {
			negative = append(negative, c)
		}
	}
	return negative
}

// search writes conditions in an engine's query language: all of them, each by any of its words. The first must not be a
// negative one.
func (d *dialect) search(list []condition) string {
	var b strings.Builder
	for _, c := range list {
		switch text := d.any(c); {
		case b.Len() == 0:
			b.WriteString(text)
		case c.not:
			text = "(" + b.String() + ")" + d.not + text
			b.Reset()
			b.WriteString(text)
		default:
			b.WriteString(d.and + text)
		}
	}
	return b.String()
}

// any writes a condition.
func (d *dialect) any(c condition) string {
	words := make([]string, len(c.words))
	for i, w := range c.words {
		words[i] = d.quote(w, c.prefix)
	}
	return "(" + strings.Join(words, d.or) + ")"
}
