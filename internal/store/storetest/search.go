package storetest

import (
	"slices"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

// The words of many scripts, of which engines have ideas of their own: case, accents, digits, joined letters, scripts
// without spaces, letters that were added to Unicode lately.
var corpus = []string{
	"reset the password of user:123", "Reset Password", "RESET-PASSWORD for 123abc", "passwort zurücksetzen", "Straße STRASSE",
	"naïve café e\u0301te\u0301", "cafe\u0301", "ПРИВЕТ мир", "Ἀθῆναι ἈΘΗ͂ΝΑΙ", "漢字かな交じり文", "漢字", "한국어 텍스트", "สวัสดี ครับ", "مرحبا بالعالم",
	"İstanbul ISTANBUL ıstanbul", "ǅungla ǆungla", "ﬁnance finance", "1,234.56 v1.2.3 2026-01-02", "٣٤٥ ३४५", "😀 emoji 👩‍💻 zwj",
	"it's o'clock \"quoted\" back\\slash semi;colon", "a b c", "AND OR NOT NEAR", "the-the_the", "\U00010428\U00010400 deseret", "\U0001e922 adlam", "ꟲ Ꟈ",
}

// searchFinds compares the engine's answers with what the words themselves say: every word of the query begins a word
// of the petition.
func searchFinds(t *testing.T, k kit) {
	var all []approval.Petition
	for i, text := range corpus {
		all = append(all, k.create(t, func(p *approval.Petition) {
			switch i % 5 { // wherever the text stands
			case 0:
				p.Reason = text
			case 1:
				p.Resources[0].DisplayName = text
			case 2:
				p.Petitioners[0].DisplayName = text
			case 3:
				p.DisplayName = text
			case 4:
				p.Params = approval.RawJSON(`{"a":["` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `\n"]}`)
			}
		}))
	}
	var queries []string
	for _, text := range append(slices.Clone(corpus), "reset", "support", "zz") {
		for _, word := range approval.SearchWords(text) {
			queries = append(queries, word, text)
			if runes := []rune(word); len(runes) > 1 {
				queries = append(queries, string(runes[:1]), "support "+string(runes[:len(runes)-1]), word+"x")
			}
		}
	}
	slices.Sort(queries)
	for _, query := range slices.Compact(queries) {
		words := approval.SearchWords(query)
		page, err := k.Petitions(t.Context(), approval.PetitionQuery{Space: k.space, Words: words, Page: approval.PageRequest{Size: 200}})
		if err != nil {
			t.Fatalf("%q: %v", query, err)
		}
		if got, wanted := names(page), matching(all, words); len(words) > 0 && !slices.Equal(got, wanted) {
			t.Errorf("%q: got %d petitions, want %d", query, len(got), len(wanted))
		}
	}
	phases := []approval.Phase{approval.Granted}
	page, err := k.Petitions(t.Context(), approval.PetitionQuery{Space: k.space, Words: []string{"support"}, Phases: phases})
	want(t, names(page), err, []string{})
}

func matching(all []approval.Petition, words []string) []string {
	list := []string{}
	for _, p := range slices.Backward(all) {
		texts := []string{p.DisplayName, p.Reason, strings.NewReplacer(`\n`, " ", `\`, "").Replace(string(p.Params))}
		for _, r := range slices.Concat(p.Resources, p.Petitioners, []approval.Resource{p.CreatedBy}) {
			texts = append(texts, r.ID, r.Email, r.DisplayName)
		}
		has := approval.SearchWords(texts...)
		if !slices.ContainsFunc(words, func(word string) bool {
			return !slices.ContainsFunc(has, func(h string) bool { return strings.HasPrefix(h, word) })
		}) {
			list = append(list, p.Name)
		}
	}
	return list
}

// searchIsSafe gives the engines words that mean something in their own query languages. A use case does not send any
// of them; whoever forgets to cut words must get nothing, not an error and not somebody else's rows.
func searchIsSafe(t *testing.T, k kit) {
	k.create(t)
	k.create(t, func(p *approval.Petition) { p.Resources[0].DisplayName = strings.Repeat("long", 60) })
	for _, word := range []string{`'`, `"`, `\`, `reset' | 'x`, `reset" OR "x`, `reset':*`, `*`, `(`, `a & !b`, `NEAR(a b)`, `words:reset`, `^reset`, "$1", "%", "",
		" ", "§" + k.space, "-", "a b"} {
		if _, err := k.Petitions(t.Context(), approval.PetitionQuery{Space: k.space, Words: []string{word}}); err != nil {
			t.Errorf("%q: %v", word, err)
		}
		if _, err := k.Resources(t.Context(), approval.ResourceQuery{Space: k.space, Words: []string{word, "reset"}}); err != nil {
			t.Errorf("%q: %v", word, err)
		}
	}
	page, err := k.Petitions(t.Context(), approval.PetitionQuery{Space: k.space, Words: approval.SearchWords(strings.Repeat("long", 60))})
	want(t, len(page.Items), err, 1)
}
