package approval_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// TestMain gives random tests their seed, so that a run can say it before anything fails: INDENT_MODEL_SEED repeats a run,
// INDENT_MODEL_STEPS says how many steps [TestModel] takes.
func TestMain(m *testing.M) {
	flag.Parse()
	settings := map[string]string{"rapid.seed": os.Getenv("INDENT_MODEL_SEED")}
	if settings["rapid.seed"] == "" && flag.Lookup("rapid.seed").Value.String() == "0" {
		settings["rapid.seed"] = strconv.FormatUint(rand.Uint64()|1, 10)
	}
	if text := os.Getenv("INDENT_MODEL_STEPS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < stepsInModel {
			fmt.Fprintf(os.Stderr, "INDENT_MODEL_STEPS must be a number of steps, at least %d, not %q\n", stepsInModel, text)
			os.Exit(2)
		}
		settings["rapid.checks"] = strconv.Itoa((n + stepsInModel - 1) / stepsInModel)
	}
	for name, value := range settings {
		if value == "" {
			continue
		}
		if err := flag.Set(name, value); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
			os.Exit(2)
		}
	}
	os.Exit(m.Run())
}
