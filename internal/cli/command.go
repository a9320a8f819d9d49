package cli

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	indent "github.com/indent-approvals/indent/sdk/go"
)

// The commands of the API's nouns differ in what they ask for and in how one line of it reads. The rest is here: who asks,
// --json, --limit, and what goes where.

// lists makes cmd print a list of the API, a table or with --json an array, of as many items as --limit says. list is told
// how many are wanted at once.
func lists[T any](t *terminal, cmd *cobra.Command, head []string, cells func(T) []string,
	list func(ctx context.Context, c *indent.Client, args []string, pageSize int) iter.Seq2[T, error]) *cobra.Command {
	var l limited
	l.flag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := l.check(cmd); err != nil {
			return err
		}
		c, err := t.client()
		if err != nil {
			return err
		}
		return printList(t, l, list(cmd.Context(), c, args, l.pageSize()), head, cells)
	}
	return cmd
}

// shows makes cmd print the one thing that the API answers: as text, which must be safe to show, or with --json as JSON.
func shows[T any](t *terminal, cmd *cobra.Command, text func(T) string,
	ask func(ctx context.Context, c *indent.Client, args []string) (T, error)) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := t.client()
		if err != nil {
			return err
		}
		answer, err := ask(cmd.Context(), c, args)
		if err != nil {
			return err
		}
		if t.json {
			return t.printJSON(answer)
		}
		_, err = fmt.Fprintln(t.out, text(answer))
		return err
	}
	return cmd
}

// does makes cmd do something to which the API has no answer, and say what it did; with --json it prints an empty object.
func (t *terminal) does(cmd *cobra.Command, said func(args []string) string,
	do func(ctx context.Context, c *indent.Client, args []string) error) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := t.client()
		if err != nil {
			return err
		}
		if err := do(cmd.Context(), c, args); err != nil {
			return err
		}
		return t.done("%s", said(args))
	}
	return cmd
}

// done says what was done by a command that has nothing to print; with --json it prints an empty object.
func (t *terminal) done(format string, args ...any) error {
	t.say("%s", plain(fmt.Sprintf(format, args...)))
	if t.json {
		return t.printJSON(struct{}{})
	}
	return nil
}

// inFlags makes cmd name the flag or argument at fault in the place of the API's field. words are pairs: the beginning of a
// field, such as "member.role", and what the user calls it; where in it stands behind in brackets. The first that fits counts.
func inFlags(cmd *cobra.Command, words ...string) *cobra.Command {
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		err := run(cmd, args)
		refused, ok := err.(*indent.Error) // one that is wrapped is about something else as well
		if !ok {
			return err
		}
		for i := 0; i < len(words); i += 2 {
			rest, ok := strings.CutPrefix(refused.Field, words[i])
			if !ok || rest != "" && !strings.ContainsAny(rest[:1], ".[/") {
				continue
			}
			word := words[i+1]
			if rest != "" {
				word += " (" + strings.TrimLeft(rest, "./") + ")"
			}
			return renamed(refused, word)
		}
		return err
	}
	return cmd
}

// first makes cmd look at what was given before it asks anything of a server.
func first(cmd *cobra.Command, check func(cmd *cobra.Command, args []string) error) *cobra.Command {
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return err
		}
		return run(cmd, args)
	}
	return cmd
}

// required marks flags without which the command cannot work. An empty one is missing, too.
func required(cmd *cobra.Command, flags ...string) *cobra.Command {
	return first(cmd, func(cmd *cobra.Command, _ []string) error {
		for _, flag := range flags {
			if cmd.Flag(flag).Value.String() == "" {
				return usageError(cmd, "give --%s", flag)
			}
		}
		return nil
	})
}

// saysSomething marks flags that are no bound when they are left out. One that is given empty, such as from a variable that
// is not set, is a mistake and not the widest there is.
func saysSomething(cmd *cobra.Command, flags ...string) *cobra.Command {
	return first(cmd, func(cmd *cobra.Command, _ []string) error {
		for _, flag := range flags {
			if f := cmd.Flag(flag); f.Changed && strings.TrimSpace(f.Value.String()) == "" {
				return usageError(cmd, "--%s is empty: say what, or leave it out", flag)
			}
		}
		return nil
	})
}

// renamed answers the error with what the user calls its field.
func renamed(refused *indent.Error, word string) error {
	named := *refused
	named.Field, named.Message = word, strings.TrimPrefix(refused.Message, refused.Field+": ")
	return &named
}

// jsonFlag gives a command --json.
func (t *terminal) jsonFlag(f *pflag.FlagSet) {
	f.BoolVar(&t.json, "json", false, "print JSON, for programs")
}

// limited is how many items a list shows.
type limited struct {
	most int
}

func (l *limited) flag(cmd *cobra.Command) {
	cmd.Flags().IntVar(&l.most, "limit", 50, "how many to show at most; 0 shows all")
}

func (l *limited) check(cmd *cobra.Command) error {
	if l.most < 0 {
		return usageError(cmd, "--limit must be 0 or more")
	}
	return nil
}

// pageSize asks for no more than is shown.
func (l *limited) pageSize() int {
	if l.most == 0 {
		return 200
	}
	return min(l.most, 200)
}

// collect reads a list up to the limit, and answers whether there is more.
func collect[T any](l limited, list iter.Seq2[T, error]) (items []T, more bool, err error) {
	items = []T{}
	for item, err := range list {
		if err != nil {
			return nil, false, err
		}
		if l.most > 0 && len(items) == l.most {
			return items, true, nil
		}
		items = append(items, item)
	}
	return items, false, nil
}

// printList writes items as a JSON array or as a table, and says when there is more.
func printList[T any](t *terminal, l limited, list iter.Seq2[T, error], head []string, cells func(T) []string) error {
	items, more, err := collect(l, list)
	if err != nil {
		return err
	}
	if more {
		defer t.say("There are more than %d: raise --limit or narrow the search.", l.most)
	}
	if t.json {
		return t.printJSON(items)
	}
	if len(items) == 0 {
		t.say("There are none.")
		return nil
	}
	b := table{head: head}
	for _, item := range items {
		b.add(cells(item)...)
	}
	t.printTable(b)
	return nil
}
