package policy

import (
	"sync"
	"testing"

	"cel.dev/cel-go/cel"
)

// Conditions with mistakes and conditions with loops are compiled at once: the race detector says whether they may.
func TestConditionsAreCompiledAtOnce(t *testing.T) {
	t.Parallel()
	for range 20 {
		env, err := newEnvironment(true, cel.Variable("list", cel.ListType(cel.StringType)))
		if err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				text := `list.exists(x, x == "a")`
				if i%2 == 0 {
					text = "lisst == []"
				}
				if _, issues := env.Compile(text); (issues.Err() != nil) != (i%2 == 0) {
					t.Errorf("%s: %v", text, issues.Err())
				}
			})
		}
		group.Wait()
	}
}
