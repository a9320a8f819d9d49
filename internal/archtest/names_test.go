package archtest

import (
	"fmt"
	"maps"
	"path"
	"slices"
)

// sayNothing are names for a room that tell no reader what is in it.
var sayNothing = []string{
	"util", "utils", "common", "helper", "helpers", "pkg", "misc", "shared", "base", "types", "models",
}

// nameDepartures names every package whose name says nothing or that does not say what it is for.
func nameDepartures(sources []source) []string {
	explained := make(map[string]bool)
	var told []string
	for _, s := range goSources(sources) {
		if s.isTest() {
			continue
		}
		dir := s.dir()
		explained[dir] = explained[dir] || s.file.Doc != nil
		for _, name := range []string{path.Base(dir), s.file.Name.Name} {
			if slices.Contains(sayNothing, name) {
				told = append(told, fmt.Sprintf(
					"%s: a package called %q says nothing: name it for what it holds", s.path, name))
				break
			}
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(explained)) {
		if !explained[dir] {
			told = append(told, dir+": no package comment: say the room's promise and what it may import")
		}
	}
	return told
}
