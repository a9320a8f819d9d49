package archtest

import (
	"fmt"
	"go/ast"
	"slices"
)

// mayChance are the folders in which time and random ids may be taken from the machine. All others
// are given them (approval.Clock, approval.IDs), so that tests can say what time it is.
var mayChance = []string{"internal/app", "internal/cli", "internal/bench", "cmd", "sdk", "examples"}

// chance are the functions that read the clock or draw lots, by package.
var chance = map[string][]string{
	"time":                   {"Now", "Since", "Until"},
	"github.com/google/uuid": {"New", "NewString", "NewRandom", "NewUUID", "NewV6", "NewV7"},
}

// lots are packages that nothing but drawing lots is done with, each with the room that may use it
// nevertheless: signing keys come from the machine, so that no wiring can make them predictable.
var lots = map[string]string{"math/rand": "", "math/rand/v2": "", "crypto/rand": "internal/identity"}

// chanceDepartures names every use of the machine's clock or randomness outside those folders.
func chanceDepartures(sources []source) []string {
	var told []string
	for _, s := range goSources(sources) {
		in := func(dir string) bool { return within(s.dir(), dir) }
		if s.isTest() || s.isTestKit() || slices.ContainsFunc(mayChance, in) {
			continue
		}
		for _, imported := range s.imports() {
			if room, ok := lots[imported]; ok && s.dir() != room {
				told = append(told, fmt.Sprintf(
					"%s imports %s: time and chance are passed in (approval.IDs, an io.Reader)", s.path, imported))
			}
		}
		for _, call := range selectors(s) {
			if slices.Contains(chance[call.pkg], call.name) {
				told = append(told, fmt.Sprintf(
					"%s uses %s.%s: time and chance are passed in (approval.Clock, approval.IDs)",
					call.place, call.pkg, call.name))
			}
		}
	}
	return told
}

// testDepartures names every test that sleeps in real time or may be skipped.
func testDepartures(sources []source) []string {
	var told []string
	for _, s := range goSources(sources) {
		if !s.isTest() && !s.isTestKit() {
			continue
		}
		virtual := slices.Contains(s.imports(), "testing/synctest")
		for _, call := range selectors(s) {
			switch {
			case call.pkg == "time" && call.name == "Sleep" && !virtual:
				told = append(told, call.place+" sleeps: wait for what happens, or use testing/synctest")
			case call.pkg == "" && slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, call.name):
				told = append(told, call.place+" may skip its test: a skipped test proves nothing; "+
					"fail and say what is missing")
			}
		}
	}
	return told
}

// A selector is `pkg.name` when the left side is an import, and `?.name` with pkg empty otherwise.
type selector struct {
	pkg, name, place string
}

func selectors(s source) []selector {
	names := s.importNames()
	var found []selector
	ast.Inspect(s.file, func(n ast.Node) bool {
		if e, ok := n.(*ast.SelectorExpr); ok {
			left, _ := e.X.(*ast.Ident)
			if left != nil {
				found = append(found, selector{names[left.Name], e.Sel.Name, s.line(e.Pos())})
			}
		}
		return true
	})
	return found
}
