package approval

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// What a person reads must be what is there: text that could hide, reverse or fake other text is refused at the door
// (CVE-2021-42574, "Trojan Source"), so that no page, terminal or message has to be the last line of defence.

// manner is how strict a field is.
type manner int

const (
	identifier manner = iota // one line without any joiner: two that look alike are one too many
	line                     // one line of what people write, in any script, with emoji
	prose                    // line, and newlines and tabs
)

// checkID refuses an identifier that is too long or has a character that could hide.
func checkID(field, s string, most int) error { return checkText(field, s, most, identifier) }

// checkLine refuses text that is too long or has a character that a one-line field may not have.
func checkLine(field, s string, most int) error { return checkText(field, s, most, line) }

// checkProse is checkLine for text of several lines: newline and tab are allowed.
func checkProse(field, s string, most int) error { return checkText(field, s, most, prose) }

// Span writes a duration for people: as Go does, without parts that are nothing, such as 9h or 1h30m.
func Span(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// CheckLine refuses one line of text that is longer than most characters or has a control, bidirectional or invisible one.
// It is for what is not kept: it may be a token.
func CheckLine(field, s string, most int) error { return checkSight(field, s, most, line) }

func checkText(field, s string, most int, m manner) error {
	if s == "" {
		return nil
	}
	return firstError(checkSight(field, s, most, m), checkNoToken(field, s))
}

// checkSight refuses text that is not what one sees.
func checkSight(field, s string, most int, m manner) error {
	if !utf8.ValidString(s) {
		return FieldError(field, "is not valid UTF-8")
	}
	if n := utf8.RuneCountInString(s); n > most {
		return FieldError(field, "is %d characters long, at most %d are allowed", n, most)
	}
	return checkRunes(field, s, m)
}

// prefixedToken is the shape of a service account's token, and of a login's refresh token.
var prefixedToken = regexp.MustCompile(`(?:^|[^0-9A-Za-z])indr?_([0-9A-Za-z]{32,})`)

// checkNoToken refuses text with a token that can be told by its prefix: the whole space would read it, the log would keep
// it for ever, and what a digest stands for cannot be blacked out later.
func checkNoToken(field, s string) error {
	if !strings.Contains(s, "ind_") && !strings.Contains(s, "indr_") {
		return nil
	}
	for _, found := range prefixedToken.FindAllStringSubmatch(s, -1) {
		if mixed(found[1], 32) {
			return FieldError(field, "has an API token in it, which everybody who reads this could use: leave it out, and end the token (indent token revoke)")
		}
	}
	return nil
}

// checkRunes refuses the first character that may not stand where it stands.
func checkRunes(field, s string, m manner) error {
	if m == identifier && s != "" && (s[0] == ' ' || s[len(s)-1] == ' ') {
		return FieldError(field, "begins or ends with a space: remove it, it would look like another identifier")
	}
	before := rune(-1)
	for i, r := range s {
		// Nearly all text is plain ASCII.
		if r >= 0x20 && r < 0x7f {
			before = r
			continue
		}
		after, _ := utf8.DecodeRuneInString(s[i+utf8.RuneLen(r):])
		if what := m.forbids(r, before, after); what != "" {
			return FieldError(field, "has the %s U+%04X, which is not allowed: remove it", what, r)
		}
		before = r
	}
	return nil
}

// forbids names what is wrong with r between its neighbours, or answers "".
func (m manner) forbids(r, before, after rune) string {
	switch {
	case m == prose && (r == '\n' || r == '\t'), m == prose && r == '\r' && after == '\n':
		return "" // a carriage return alone would let a terminal write over what it has shown
	case m != identifier && joins(r, before, after):
		return ""
	case m == identifier && r != ' ' && (unicode.Is(unicode.Zs, r) || r == brailleBlank):
		return "blank that looks like a space"
	}
	return forbidden(r)
}

const (
	zeroWidthNonJoiner = 0x200c
	zeroWidthJoiner    = 0x200d
	textStyle          = 0xfe0e
	emojiStyle         = 0xfe0f
	keycap             = 0x20e3
	brailleBlank       = 0x2800
)

// joins answers whether r is an invisible character that shapes what stands before it: a joiner in a script that has
// them or in a sequence of emoji, or the selector of an emoji. Elsewhere it changes nothing that could be seen.
func joins(r, before, after rune) bool {
	switch r {
	case zeroWidthJoiner, zeroWidthNonJoiner:
		return before == emojiStyle || unicode.In(before, unicode.L, unicode.M, unicode.So, unicode.Sk) &&
			!unicode.In(before, unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Han, unicode.Hiragana, unicode.Katakana,
				unicode.Hangul, unicode.Variation_Selector)
	case textStyle, emojiStyle:
		return after == keycap || before > 0x7e && unicode.In(before, unicode.So, unicode.Sm, unicode.Po, unicode.Pd)
	}
	return false
}

// forbidden names what is wrong with r anywhere, or answers "".
func forbidden(r rune) string {
	switch {
	case r >= 0x20 && r < 0x7f:
		return ""
	case unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp):
		return "control character"
	case unicode.Is(unicode.Bidi_Control, r):
		return "bidirectional control character"
	case unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r),
		unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector):
		return "invisible character"
	case r == utf8.RuneError, r == 0xfffc, unicode.Is(unicode.Noncharacter_Code_Point, r):
		return "character"
	}
	return ""
}

// printable answers at most n characters of s, with '?' for those that no field may have: for the log and for
// messages about text that was refused.
func printable(s string, n int) string {
	if len(s) <= n && !strings.ContainsFunc(s, func(r rune) bool { return forbidden(r) != "" }) {
		return s
	}
	var out strings.Builder
	for _, r := range s {
		if n--; n < 0 {
			return out.String() + "…"
		}
		if forbidden(r) != "" {
			r = '?'
		}
		out.WriteRune(r)
	}
	return out.String()
}

// harmless answers s with '?' for each character that prose may not have where it stands. What was allowed beside a
// character may not be beside a '?', so it looks until nothing is left.
func harmless(s string) string {
	s = strings.ToValidUTF8(s, "?")
	for checkRunes("", s, prose) != nil {
		s = withoutForbidden(s)
	}
	return s
}

func withoutForbidden(s string) string {
	var out strings.Builder
	before := rune(-1)
	for i, r := range s {
		after, _ := utf8.DecodeRuneInString(s[i+utf8.RuneLen(r):])
		if prose.forbids(r, before, after) != "" {
			r = '?'
		}
		out.WriteRune(r)
		before = r
	}
	return out.String()
}

func checkLabels(field string, labels map[string]string) error {
	if len(labels) > MaxLabels {
		return FieldError(field, "has %d labels, at most %d are allowed", len(labels), MaxLabels)
	}
	for _, k := range sortedKeys(labels) {
		if k == "" {
			return FieldError(field, "has an empty key")
		}
		if err := firstError(checkID(field+" (a key)", k, MaxLabelKey), checkProse(field+"."+k, labels[k], MaxLabelValue)); err != nil {
			return err
		}
	}
	return nil
}

var (
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
	if err := checkID(field, s, MaxEmail); err != nil {
		return err
	}
	if !emailPattern.MatchString(s) || strings.ContainsFunc(s, unicode.IsSpace) {
		return FieldError(field, "must be an address such as ada@example.com")
	}
	return nil
}

func checkName(field, s string) error {
	if !isName(s) {
		return FieldError(field, "must be 1 to %d letters, digits, '.', '_', '@' or '-', the first a letter or digit", MaxName)
	}
	return nil
}

// isName answers whether s matches ^[A-Za-z0-9][A-Za-z0-9._@-]{0,127}$, which every call that names a petition asks.
func isName(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case i > 0 && (c == '.' || c == '_' || c == '@' || c == '-'):
		default:
			return false
		}
	}
	return s != "" && len(s) <= MaxName
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
	var words []string
	seen := seen{}
	for _, text := range texts {
		for word := range strings.FieldsFuncSeq(strings.ToLower(text), notWord) {
			if len(word) > 100 {
				word = truncate(word, 100)
			}
			if len(words) < 400 && !seen.has(words, word) {
				words = append(words, word)
			}
		}
	}
	return words
}

// seen knows which words there were: few are looked through, many have a map.
type seen map[string]bool

// has answers whether word is one of words, which grow by those that it has not.
func (s seen) has(words []string, word string) bool {
	const few = 16
	if len(words) < few {
		return slices.Contains(words, word)
	}
	if len(s) == 0 {
		for _, w := range words {
			s[w] = true
		}
	}
	was := s[word]
	s[word] = true
	return was
}

func notWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// truncate cuts s to at most n bytes at a character boundary.
func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
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

// Joined writes words as people list them.
func Joined[T ~string](list []T) string {
	words := make([]string, len(list))
	for i, word := range list {
		words[i] = string(word)
	}
	return strings.Join(words, ", ")
}
