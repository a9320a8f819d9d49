package approval

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a person reads must be what is there: text that could hide, reverse or fake other text is refused at the door
// (CVE-2021-42574, "Trojan Source"), so that no page, terminal or message has to be the last line of defence.

// checkLine refuses text that is too long or has a character that a one-line field may not have.
func checkLine(field, s string, most int) error { return checkText(field, s, most, false) }

// checkProse is checkLine for text of several lines: newline, carriage return and tab are allowed.
func checkProse(field, s string, most int) error { return checkText(field, s, most, true) }

// CheckLine refuses one line of text that is longer than most characters or has a control, bidirectional or invisible one.
func CheckLine(field, s string, most int) error { return checkLine(field, s, most) }

func checkText(field, s string, most int, lines bool) error {
	if !utf8.ValidString(s) {
		return FieldError(field, "is not valid UTF-8")
	}
	if n := utf8.RuneCountInString(s); n > most {
		return FieldError(field, "is %d characters long, at most %d are allowed", n, most)
	}
	return checkRunes(field, s, lines)
}

func checkRunes(field, s string, lines bool) error {
	for _, r := range s {
		if lines && (r == '\n' || r == '\r' || r == '\t') {
			continue
		}
		if what := forbidden(r); what != "" {
			return FieldError(field, "has the %s U+%04X, which is not allowed: remove it", what, r)
		}
	}
	return nil
}

// forbidden names what is wrong with r, or answers "".
func forbidden(r rune) string {
	switch {
	case r < 0x20, r >= 0x7f && r < 0xa0, r == 0x2028, r == 0x2029:
		return "control character"
	case r == 0x061c, r == 0x200e, r == 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
		return "bidirectional control character"
	case r == 0x00ad, r == 0x180e, r == 0x200b, r == 0x2060, r == 0xfeff, r >= 0x2061 && r <= 0x2065, r >= 0xe0000 && r <= 0xe007f:
		return "invisible character"
	case r >= 0xfff9 && r <= 0xfffb, r == utf8.RuneError, unicode.Is(unicode.Noncharacter_Code_Point, r):
		return "character"
	}
	return ""
}

func checkLabels(field string, labels map[string]string) error {
	if len(labels) > MaxLabels {
		return FieldError(field, "has %d labels, at most %d are allowed", len(labels), MaxLabels)
	}
	for _, k := range sortedKeys(labels) {
		if k == "" {
			return FieldError(field, "has an empty key")
		}
		if err := firstError(checkLine(field+" (a key)", k, MaxLabelKey), checkProse(field+"."+k, labels[k], MaxLabelValue)); err != nil {
			return err
		}
	}
	return nil
}

var (
	namePattern  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,127}$`)
	slugPattern  = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	emailPattern = regexp.MustCompile(`^[^\s@<>"',;:\\()\[\]]+@[^\s@<>"',;:\\()\[\]]+$`)
)

// CheckSlug refuses a space name that is not lower-case letters, digits and inner hyphens, at most 63 (RFC 1123 label).
func CheckSlug(field, s string) error {
	if !slugPattern.MatchString(s) {
		return FieldError(field, "must be 1 to 63 lower-case letters, digits and inner hyphens, such as acmecorp")
	}
	return nil
}

// CheckEmail refuses what is not one plain address.
func CheckEmail(field, s string) error {
	if err := checkLine(field, s, MaxEmail); err != nil {
		return err
	}
	if !emailPattern.MatchString(s) {
		return FieldError(field, "must be an address such as ada@example.com")
	}
	return nil
}

func checkName(field, s string) error {
	if !namePattern.MatchString(s) {
		return FieldError(field, "must be 1 to %d letters, digits, '.', '_', '@' or '-', the first a letter or digit", MaxName)
	}
	return nil
}

func checkOptionalName(field, s string) error {
	if s == "" {
		return nil
	}
	return checkName(field, s)
}

// SearchWords splits text into the lower-case words that the search index holds: runs of letters and digits, each once,
// at most 400. Both engines index and match exactly these, so that they find the same.
func SearchWords(texts ...string) []string {
	seen := map[string]bool{}
	var words []string
	for _, text := range texts {
		for word := range strings.FieldsFuncSeq(strings.ToLower(text), notWord) {
			if len(word) > 100 {
				word = truncate(word, 100)
			}
			if !seen[word] && len(words) < 400 {
				seen[word] = true
				words = append(words, word)
			}
		}
	}
	return words
}

func notWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// truncate cuts s to at most n bytes at a character boundary.
func truncate(s string, n int) string {
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func quoteList(list []string) string { return fmt.Sprintf("%q", list) }
