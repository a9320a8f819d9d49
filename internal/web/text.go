package web

import (
	"fmt"
	"html/template"
	"slices"
	"strings"
	"unicode"
)

// show answers s as people are to read it: isolated from the text around it (UAX #9), and with every character that a
// reader could not see, or could take for another, made visible. The door refuses most of these; what is stored must
// not be able to fool a page all the same.
func show(s string) template.HTML {
	return template.HTML("<bdi>" + visible(s) + "</bdi>")
}

func visible(s string) string {
	var out strings.Builder
	runes := []rune(strings.ReplaceAll(s, "\r\n", "\n"))
	for i := 0; i < len(runes); {
		if end := wordEnd(runes, i); end > i {
			writeWord(&out, runes[i:end])
			i = end
			continue
		}
		if hides(runes, i) {
			writeMark(&out, runes[i])
		} else {
			out.WriteString(template.HTMLEscapeString(string(runes[i])))
		}
		i++
	}
	return out.String()
}

// retyped answers what goes back into a field whose text was refused: a field can mark nothing, so what hides is left out,
// as the refusal asks for.
func retyped(s string) string {
	var out strings.Builder
	runes := []rune(strings.ToValidUTF8(s, ""))
	for i, r := range runes {
		if !hides(runes, i) {
			out.WriteRune(r)
		}
	}
	return out.String()
}

// wordEnd answers where the letters that begin at i end.
func wordEnd(runes []rune, i int) int {
	for i < len(runes) && unicode.IsLetter(runes[i]) && !hides(runes, i) {
		i++
	}
	return i
}

// lookalikes are the alphabets whose letters are taken for one another.
var lookalikes = []struct {
	name  string
	table *unicode.RangeTable
}{{"Latin", unicode.Latin}, {"Cyrillic", unicode.Cyrillic}, {"Greek", unicode.Greek}}

// writeWord marks a word of several alphabets: "раypal" with a Cyrillic beginning is not "paypal".
func writeWord(out *strings.Builder, word []rune) {
	var found []string
	for _, a := range lookalikes {
		if slices.ContainsFunc(word, func(r rune) bool { return unicode.Is(a.table, r) }) {
			found = append(found, a.name)
		}
	}
	text := template.HTMLEscapeString(string(word))
	if len(found) < 2 {
		out.WriteString(text)
		return
	}
	fmt.Fprintf(out, `<span class="mixed" title="This word mixes %s letters">%s</span>`, strings.Join(found, " and "), text)
}

func writeMark(out *strings.Builder, r rune) {
	name := oddNames[r]
	if name == "" {
		name = "a character that does not show"
	}
	fmt.Fprintf(out, `<span class="odd" title="%s">U+%04X</span>`, name, r)
}

var oddNames = map[rune]string{
	0x00: "null", 0x07: "bell", 0x08: "backspace", 0x0d: "carriage return", 0x1b: "escape", 0x7f: "delete", 0xad: "soft hyphen",
	0x200b: "zero width space", 0x200c: "zero width non-joiner", 0x200d: "zero width joiner", 0x2060: "word joiner", 0xfeff: "byte order mark",
	0x200e: "left-to-right mark", 0x200f: "right-to-left mark", 0x061c: "arabic letter mark",
	0x202a: "left-to-right embedding", 0x202b: "right-to-left embedding", 0x202c: "pop directional formatting",
	0x202d: "left-to-right override", 0x202e: "right-to-left override",
	0x2066: "left-to-right isolate", 0x2067: "right-to-left isolate", 0x2068: "first strong isolate", 0x2069: "pop directional isolate",
	0x2028: "line separator", 0x2029: "paragraph separator", 0x3164: "hangul filler", 0x2800: "empty braille pattern",
}

// blanks are letters, marks and spaces that print as nothing or as a space.
var blanks = []rune{0x034f, 0x115f, 0x1160, 0x1680, 0x17b4, 0x17b5, 0x205f, 0x2800, 0x3164, 0xffa0}

// hides answers whether the character at i could not be seen as what it is.
func hides(runes []rune, i int) bool {
	r := runes[i]
	switch {
	case r == '\n' || r == '\t':
		return false
	case unicode.IsControl(r), r >= 0x2000 && r <= 0x200b, r == 0x2028, r == 0x2029, unicode.Is(unicode.Co, r), slices.Contains(blanks, r):
		return true
	case r == 0x200c || r == 0x200d:
		// Joiners are part of emoji and of several scripts; between plain letters they only hide.
		return i == 0 || runes[i-1] < 0x250
	case isVariation(r):
		// One selector behind a symbol chooses its look; more of them, or behind a letter, carry hidden data.
		return i == 0 || isVariation(runes[i-1]) || runes[i-1] < 0x250 && unicode.IsLetter(runes[i-1])
	case unicode.Is(unicode.Cf, r):
		return true
	case unicode.Is(unicode.Mn, r):
		return marksBefore(runes, i) >= 3
	}
	return false
}

func isVariation(r rune) bool { return r >= 0xfe00 && r <= 0xfe0f || r >= 0xe0100 && r <= 0xe01ef }

// marksBefore counts the combining marks right before i: a tower of them covers the lines around it.
func marksBefore(runes []rune, i int) (n int) {
	for i--; i >= 0 && unicode.Is(unicode.Mn, runes[i]) && n < 3; i-- {
		n++
	}
	return n
}
