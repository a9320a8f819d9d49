package storetest

import (
	"fmt"
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

// searchesAreSelected compares words together with all other conditions, page by page, with what a walk over all petitions
// finds: words that all have, that few have, that no two have together, and what must not be there.
func searchesAreSelected(t *testing.T, k kit) {
	var all []approval.Petition
	for i := range 60 {
		p := k.create(t, func(p *approval.Petition) {
			p.Phase = approval.Phases[i%len(approval.Phases)]
			p.Reason = fmt.Sprintf("ticket%d everywhere half%d third%d", i, i%2, i%3)
			p.Labels = map[string]string{"all": "x", "odd": fmt.Sprint(i % 2)}
			if i%10 == 3 {
				p.Labels["rare"] = "r"
			}
		})
		all = append(all, p)
	}
	texts := []string{"everywhere", "half1 third2", "half0 half1", "ticket7", "ticket", "ticket2 everywhere t", "ev ti ha", "nowhere everywhere", "ticket59", "ticket0"}
	selectors := []string{"", "rare", "!rare", "odd=1,rare", "odd=1,!rare", "odd notin (0,1)", "all=x", "!all", "none=x"}
	phases := [][]approval.Phase{nil, {approval.Open}, {approval.Closed, approval.Revoked}}
	for _, text := range texts {
		for i, selector := range selectors {
			q := approval.PetitionQuery{Space: k.space, Words: approval.SearchWords(text), Phases: phases[i%len(phases)]}
			q.Selector, _ = approval.ParseSelector("", selector)
			request := approval.PageRequest{Size: []int{200, 7, 1}[i%3], Ascending: i%2 == 0}
			pages := walk(t, request.Size, func(r approval.PageRequest) ([]string, string, error) {
				q.Page = r
				page, err := k.Petitions(t.Context(), q)
				return names(page), page.Next, err
			}, request.Ascending)
			found := slices.DeleteFunc(selected(all, q), func(name string) bool { return !slices.Contains(matching(all, q.Words), name) })
			if got := slices.Concat(pages...); !slices.Equal(got, found) {
				t.Errorf("%q %q %v: got %d petitions, want %d", text, selector, q.Phases, len(got), len(found))
			}
		}
	}
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
