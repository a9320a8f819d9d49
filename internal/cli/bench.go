package cli

import (
	"bufio"
	"cmp"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/indent-approvals/indent/internal/bench"
	indent "github.com/indent-approvals/indent/sdk/go"
)

// benchFlags are what `indent bench` is told.
type benchFlags struct {
	bench.Options
	asker, reviewer string // .env files
}

func (t *terminal) benchCommand() *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use: "bench", Short: "Measure a server", Args: noArguments,
		Long: "Measure a server by real HTTP, as its users meet it: one member asks and waits, another decides. It writes petitions into\n" +
			"the space and decides them, so use a space that is made for it: `indent bench prepare` makes one.\n\n" + modesText() + "\n\n" +
			"--asker and --reviewer are .env files with the tokens of two members, such as those that `indent dev` writes; without\n" +
			"them the tokens are INDENT_API_TOKEN and INDENT_REVIEWER_TOKEN. The exit code is 1 when any of the work went wrong.",
		Example: "indent bench --asker .indent-dev/dev.env --reviewer .indent-dev/reviewer.env --mode roundtrip --concurrency 64\n" +
			"indent bench --asker bench/asker.env --reviewer bench/reviewer.env --url http://127.0.0.1:8081 --url http://127.0.0.1:8082 --across --json",
		RunE: func(cmd *cobra.Command, _ []string) error { return t.bench(cmd, f) },
	}
	names, _ := bench.Modes()
	flags := cmd.Flags()
	flags.StringVar(&f.asker, "asker", "", "`.env file` of the member that asks and waits")
	flags.StringVar(&f.reviewer, "reviewer", "", "`.env file` of the member that decides")
	flags.StringArrayVar(&f.URLs, "url", nil, "address of the server (default INDENT_API_URL); give it again for each node of a cluster")
	flags.StringVar(&f.Space, "space", "", "space (default INDENT_SPACE)")
	flags.StringSliceVar(&f.Modes, "mode", names, "what to measure")
	flags.IntSliceVar(&f.Concurrency, "concurrency", []int{1, 64, 256}, "how many clients work at once; each is measured")
	flags.IntSliceVar(&f.Parked, "parked", []int{1000}, "how many waiters are parked; each is measured")
	flags.DurationVar(&f.Duration, "duration", 5*time.Second, "how long one measurement takes")
	flags.DurationVar(&f.Settle, "settle", 3*time.Second, "how long the server is left alone before memory is read")
	flags.BoolVar(&f.Across, "across", false, "decide on another node than the one at which the waiter is parked")
	flags.IntSliceVar(&f.PIDs, "pid", nil, "processes of the server, on this machine, whose memory is read")
	flags.StringSliceVar(&f.Words, "words", nil, "rare words to search for (default: of petitions that are made for it)")
	flags.IntVar(&f.Deep, "deep", 100_000, "how many petitions lie before the deep page")
	flags.IntSliceVar(&f.Leases, "leases", []int{1000}, "how many leases end; each is measured")
	flags.DurationVar(&f.Within, "within", 5*time.Second, "time within which they end, evenly; 0: all at one moment")
	flags.IntVar(&f.People, "people", 0, "members who have the leases, whom prepare --people has made (default: the asker)")
	t.jsonFlag(flags)
	cmd.AddCommand(t.benchPrepareCommand(), t.benchStartCommand())
	return cmd
}

func modesText() string {
	names, sentences := bench.Modes()
	var b strings.Builder
	b.WriteString("Modes:\n")
	for i, name := range names {
		fmt.Fprintf(&b, "\n- %s: %s", name, sentences[i])
	}
	return b.String()
}

// bench measures, and tells each result when it is there.
func (t *terminal) bench(cmd *cobra.Command, f benchFlags) error {
	if err := f.settle(); err != nil {
		return err
	}
	if err := f.Check(); err != nil {
		return usageError(cmd, "%v", err)
	}
	defer runtime.GOMAXPROCS(yieldProcessors())
	results := []bench.Result{}
	err := bench.Run(cmd.Context(), f.Options, func(r bench.Result) {
		results = append(results, r)
		t.say("%s, %d at once: %s a second, %d done, %d bad", r.Mode, r.AtOnce, figure(r.PerSecond), r.Done, r.Bad)
	})
	if err != nil {
		return err
	}
	if t.json {
		err = t.printJSON(map[string]any{"version": t.version, "results": results})
	} else {
		t.printTable(benchTable(results))
	}
	for _, r := range results {
		if r.Bad > 0 {
			return fmt.Errorf("%s, %d at once: %d went wrong, first: %s", r.Mode, r.AtOnce, r.Bad, r.Problem)
		}
	}
	return err
}

// yieldProcessors leaves three quarters of the processors to the server, unless GOMAXPROCS says otherwise: threads of this
// program that look for work would take them from it. It answers how many this program had.
func yieldProcessors() int {
	if os.Getenv("GOMAXPROCS") != "" {
		return runtime.GOMAXPROCS(0)
	}
	return runtime.GOMAXPROCS(max(1, runtime.NumCPU()/4))
}

// settle takes what no flag says from the two files, else from the environment, and refuses what a client would refuse,
// such as a token that would cross a network readable.
func (f *benchFlags) settle() error {
	asker, err := memberSettings(f.asker, "INDENT_API_TOKEN")
	if err != nil {
		return err
	}
	reviewer, err := memberSettings(f.reviewer, "INDENT_REVIEWER_TOKEN")
	if err != nil {
		return err
	}
	f.Token, f.ReviewerToken = asker["INDENT_API_TOKEN"], reviewer["INDENT_API_TOKEN"]
	f.Space = cmp.Or(f.Space, asker["INDENT_SPACE"])
	if len(f.URLs) == 0 {
		f.URLs = []string{cmp.Or(asker["INDENT_API_URL"], indent.DefaultURL)}
	}
	for _, token := range []struct{ text, flag, name string }{{f.Token, "--asker", "INDENT_API_TOKEN"}, {f.ReviewerToken, "--reviewer", "INDENT_REVIEWER_TOKEN"}} {
		if token.text == "" {
			return fmt.Errorf("there is no token for %s: give a .env file, or set %s", token.flag, token.name)
		}
	}
	for i, url := range f.URLs {
		c, err := indent.New(indent.Options{URL: url, Space: f.Space, Token: f.Token})
		if err != nil {
			return err
		}
		f.URLs[i] = c.URL()
	}
	return nil
}

// memberSettings reads a .env file as this program writes them; without one the environment, where the token has the
// given name.
func memberSettings(path, token string) (map[string]string, error) {
	settings := map[string]string{"INDENT_API_URL": os.Getenv("INDENT_API_URL"), "INDENT_SPACE": os.Getenv("INDENT_SPACE"),
		"INDENT_API_TOKEN": os.Getenv(token)}
	if path == "" {
		return settings, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	settings["INDENT_API_TOKEN"] = ""
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if name, value, ok := strings.Cut(strings.TrimSpace(lines.Text()), "="); ok {
			settings[name] = value
		}
	}
	return settings, lines.Err()
}

// benchTable has a row for each result; times are in milliseconds.
func benchTable(results []bench.Result) table {
	b := table{head: []string{"MODE", "AT ONCE", "A SECOND", "DONE", "BAD", "P50 MS", "P99 MS", "MAX MS", "WAKE P50", "WAKE P99",
		"COMMITS/S", "CHANGES/COMMIT", "EVENTS/S", "SERVER MS", "CPU MS", "MIB", "KIB/WAITER"}}
	for _, r := range results {
		whole, timed := r.Times["whole"]
		wake, woken := r.Times["wake"]
		var server bench.ServerSide
		if r.Server != nil {
			server = *r.Server
		}
		var memory bench.Memory
		if r.Memory != nil {
			memory = *r.Memory
		}
		b.add(r.Mode, fmt.Sprint(r.AtOnce), figure(r.PerSecond), fmt.Sprint(r.Done), fmt.Sprint(r.Bad),
			known(timed, whole.P50), known(timed, whole.P99), known(timed, whole.Max), known(woken, wake.P50), known(woken, wake.P99),
			known(server.Commits > 0, server.Commits), known(server.Commits > 0, server.Changes/server.Commits), known(server.Events > 0, server.Events),
			known(server.Request > 0, server.Request), known(server.CPU > 0, server.CPU), known(memory.MiB > 0, memory.MiB),
			known(memory.KiBPerWaiter != 0, memory.KiBPerWaiter))
	}
	return b
}

func known(is bool, v float64) string {
	if !is {
		return "-"
	}
	return figure(v)
}

// figure answers three digits or more.
func figure(v float64) string {
	switch {
	case v >= 100 || v == 0:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
