package approval

import "strings"

// Redact takes out of a text what looks like a credential: people paste tokens where names belong, and what is answered,
// logged or kept in the audit log must not keep them. What is left of one are its first four characters. It knows the
// prefixed tokens, the parts of JWTs, and long words of random letters and digits, which sessions and sign-in links are.
func Redact(text string) string {
	var out strings.Builder
	kept := 0
	for at := 0; at < len(text); {
		end := at
		for end < len(text) && secretByte(text[end]) {
			end++
		}
		if secretWord(text[at:end]) {
			out.WriteString(text[kept:at] + text[at:at+4] + "…")
			kept = end
		}
		at = end + 1
	}
	if kept == 0 {
		return text
	}
	return out.String() + text[kept:]
}

func secretByte(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z' || b == '_' || b == '-'
}

// shortSecret is the least that is left of a credential that was cut.
const shortSecret = 16

func secretWord(word string) bool {
	if len(word) < shortSecret {
		return false
	}
	prefix, random, prefixed := strings.Cut(word, "_")
	if prefixed && strings.HasPrefix(prefix, "ind") && len(prefix) <= 8 && mixed(random, shortSecret-4) {
		return true
	}
	if strings.HasPrefix(word, "eyJ") {
		return true
	}
	if strings.ContainsAny(word, "_-") {
		return mixed(word, 40) // a signature; shorter ones are names that people write
	}
	return mixed(word, 24)
}

// mixed answers whether a word of so many characters has small and large letters and digits, as random ones have.
func mixed(word string, least int) bool {
	var small, large, digit bool
	for i := range len(word) {
		switch b := word[i]; {
		case b >= 'a' && b <= 'z':
			small = true
		case b >= 'A' && b <= 'Z':
			large = true
		case b >= '0' && b <= '9':
			digit = true
		}
	}
	return len(word) >= least && small && large && digit
}
