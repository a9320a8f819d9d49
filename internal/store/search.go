package store

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/indent-approvals/indent/internal/approval"
)

// petitionWords answers what a petition is found by. What people look for comes first: a long petition has more words
// than the index takes.
func petitionWords(t *approval.Petition) []string {
	texts := make([]string, 0, 16)
	texts = append(texts, t.DisplayName)
	for _, list := range [][]approval.Resource{t.Resources, t.Petitioners, {t.CreatedBy}} {
		for i := range list {
			texts = append(texts, list[i].DisplayName, list[i].Email, list[i].ID)
		}
	}
	texts = append(texts, t.Reason)
	return approval.SearchWords(append(texts, jsonTexts(t.Params)...)...)
}

func resourceWords(r *approval.Resource) []string {
	texts := append([]string{r.DisplayName, r.Email, r.ID, r.Name(), r.Kind}, r.AltIDs...)
	return approval.SearchWords(texts...)
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

// spaceWord marks the rows of a space. It cannot be one of a row's own words, which are letters and digits only.
func spaceWord(space string) string { return "§" + space }

// queryWords cuts the words of a query as those of a row were cut, so that nothing in them can mean anything to an
// engine. Without a word left, nothing is found.
func queryWords(asked []string) (words []string, hopeless bool) {
	words = approval.SearchWords(asked...)
	return words, len(asked) > 0 && len(words) == 0
}

// rowWords answers the words of a row as the search tables take them, behind the mark of its space.
func rowWords(space string, words []string) string {
	return spaceWord(space) + " " + strings.Join(words, " ")
}
