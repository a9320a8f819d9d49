package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	indent "github.com/indent-approvals/indent/sdk/go"
)

func (t *terminal) eventCommand() *cobra.Command {
	return t.clientFlags(group("event", "Read the audit log", t.eventListCommand()))
}

func (t *terminal) eventListCommand() *cobra.Command {
	var q indent.EventQuery
	var l limited
	var since, until string
	var follow bool
	cmd := &cobra.Command{
		Use: "list", Short: "List events, newest first, or follow them as they happen", Args: noArguments,
		Long: "List the events of the audit log, newest first. With --follow print events as they happen, from now on, until you stop\n" +
			"it; with --json each is one line. A connection that breaks is set up again without missing an event.",
		Example: "indent event list --petition aec1b116-42b3-11ee-824e-42010aac000d --ascending\nindent event list --event access/approve --since 24h\nindent event list --follow --json",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if q.Since, err = instant(cmd, "since", since); err != nil {
				return err
			}
			if q.Until, err = instant(cmd, "until", until); err != nil {
				return err
			}
			if err := l.check(cmd); err != nil {
				return err
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			if q.Petition != "" {
				if q.Petition, err = petitionName(cmd.Context(), c, q.Petition, indent.PhaseOpen); err != nil {
					return err
				}
			}
			if follow {
				return t.follow(cmd.Context(), c, indent.FollowOptions{Petition: q.Petition, Actor: q.Actor, Event: q.Event})
			}
			q.PageSize = l.pageSize()
			return printList(t, l, c.Events(cmd.Context(), q), []string{"TIME", "EVENT", "BY", "ON", "REASON", "PETITION"}, eventCells)
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.Petition, "petition", "", "only those of this petition")
	f.StringVar(&q.Actor, "actor", "", "only those by the actor of this id")
	f.StringVar(&q.Event, "event", "", "only these, such as access/approve")
	f.StringVar(&since, "since", "", "not before: a time such as 2030-01-02T15:04:05Z, or how long ago, such as 24h")
	f.StringVar(&until, "until", "", "before: as --since")
	f.BoolVar(&q.Ascending, "ascending", false, "oldest first")
	f.BoolVar(&follow, "follow", false, "print events as they happen")
	l.flag(cmd)
	for _, other := range []string{"since", "until", "ascending", "limit"} {
		cmd.MarkFlagsMutuallyExclusive("follow", other)
	}
	return cmd
}

func eventCells(e indent.Event) []string {
	by := short(e.Actor.Title(), 30)
	if away := onBehalfOf(e); away != "" {
		by += " for " + short(away, 30)
	}
	return []string{moment(e.Timestamp), e.Event, by, short(titles(e.Resources), 40), short(e.Reason, 40), e.Petition()}
}

// follow prints events as they happen, until the context ends: then the user has stopped it.
func (t *terminal) follow(ctx context.Context, c *indent.Client, o indent.FollowOptions) error {
	for e, err := range c.Follow(ctx, o) {
		if errors.Is(err, context.Canceled) {
			return nil
		}
		if err != nil {
			return err
		}
		if t.json {
			err = t.printLine(e.Event)
		} else {
			_, err = fmt.Fprintln(t.out, describeEvent(e.Event))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// instant reads a time, or how long ago it was.
func instant(cmd *cobra.Command, flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago > 0 {
		return time.Now().Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, usageError(cmd, "--%s must be a time such as 2030-01-02T15:04:05Z, or how long ago, such as 24h, not %q", flag, text)
	}
	return at, nil
}
