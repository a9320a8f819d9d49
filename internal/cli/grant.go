package cli

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/spf13/cobra"

	indent "github.com/indent-approvals/indent/sdk/go"
)

func (t *terminal) grantCommand() *cobra.Command {
	return t.clientFlags(group("grant", "Who has what, until when and why", t.grantListCommand(), t.grantRevokeCommand()))
}

func (t *terminal) grantListCommand() *cobra.Command {
	var q indent.GrantQuery
	var at string
	cmd := lists(t, &cobra.Command{
		Use: "list", Short: "List who has what, what ends first before the rest", Args: noArguments,
		Long: "List who has what now, or had at a time. Several grants of one person on one resource are a union: ACCESS ENDS is when\n" +
			"the last of them ends. WEBHOOKS says where the system that has it has not given what is granted, and everything where that has.",
		Example: "indent grant list --person ada@example.com\nindent grant list --resource production --at 2030-01-02T15:04:05Z",
	}, []string{"PERSON", "RESOURCE", "ENDS", "ACCESS ENDS", "WEBHOOKS", "REASON", "PETITION"}, func(g indent.HeldGrant) []string {
		return []string{short(g.Person.Title(), 40), short(g.Resource.Title(), 40), momentOrRevoked(g.EndTime), momentOrRevoked(g.AccessEndTime), standsAt(g.Webhooks), short(g.Reason, 40), g.Petition}
	}, func(ctx context.Context, c *indent.Client, _ []string, pageSize int) iter.Seq2[indent.HeldGrant, error] {
		q.PageSize = pageSize
		return c.Grants(ctx, q)
	})
	f := cmd.Flags()
	f.StringVar(&q.Person, "person", "", "only what this person has, by any address or id; me is you")
	f.StringVar(&q.Resource, "resource", "", "only who has this: any of its ids, or its name in the directory")
	f.StringVar(&at, "at", "", "what held at a time such as 2030-01-02T15:04:05Z, or so long ago, such as 24h")
	f.BoolVar(&q.Upcoming, "upcoming", false, "also what begins later")
	return saysSomething(first(cmd, func(cmd *cobra.Command, _ []string) (err error) {
		q.At, err = instant(cmd, "at", at)
		return err
	}), "person", "resource", "at")
}

// standsAt answers where what is granted stands at webhooks: what they have not given, for people.
func standsAt(told []indent.Application) string {
	var said []string
	for _, a := range told {
		switch {
		case a.Drift == indent.DriftNoAccess:
			said = append(said, "missing at "+a.Webhook)
		case a.State == indent.ApplicationPending:
			said = append(said, "not yet applied by "+a.Webhook)
		case a.State == indent.ApplicationFailed:
			said = append(said, "not applied by "+a.Webhook)
		case a.DryRun:
			said = append(said, "dry run of "+a.Webhook)
		}
	}
	if len(told) > 0 && len(said) == 0 {
		return "applied"
	}
	return short(strings.Join(said, ", "), 60)
}

// momentOrRevoked answers when a grant ends by itself, for people.
func momentOrRevoked(at time.Time) string {
	if at.IsZero() {
		return "when revoked"
	}
	return moment(at)
}

func (t *terminal) grantRevokeCommand() *cobra.Command {
	var r indent.GrantRevocation
	var yes bool
	cmd := &cobra.Command{
		Use: "revoke", Short: "Revoke all that a person has, or all that anybody has of a resource", Args: noArguments,
		Long: "Revoke all that a person has (to offboard), or all that anybody has of a resource (to lock it down); with both, what the\n" +
			"person has of it. Without --yes it only shows what would be revoked. A petition is revoked as a whole, for all who asked in\n" +
			"it; what begins later is revoked too. `indent petition revoke` revokes one.",
		Example: "indent grant revoke --person ada@example.com\nindent grant revoke --person ada@example.com --reason \"Ada has left\" --yes\nindent grant revoke --resource production --yes",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if r.Person == "" && r.Resource == "" {
				return usageError(cmd, "give --person, --resource or both")
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			r.Preview = !yes
			all, err := c.RevokeGrants(cmd.Context(), r)
			if err != nil {
				return err
			}
			return t.printRevoked(all, r)
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.Person, "person", "", "what this person has, by any address or id; whoever asked with them loses it, too")
	f.StringVar(&r.Resource, "resource", "", "what anybody has of this: any of its ids, or its name in the directory")
	f.StringVar(&r.Reason, "reason", "", "why, for the log")
	f.BoolVar(&yes, "yes", false, "revoke; without it nothing is changed")
	return saysSomething(cmd, "person", "resource")
}

// printRevoked shows what was revoked, or would be, and says which of it the caller may not.
func (t *terminal) printRevoked(all []indent.RevokedGrant, of indent.GrantRevocation) error {
	refused, failed := 0, 0
	b := table{head: []string{"PETITIONERS", "RESOURCES", "UNTIL", "PETITION", ""}}
	for _, r := range all {
		what := "revoked"
		switch {
		case r.Failed:
			what = short("failed: "+r.Refused, 80)
			failed++
		case r.Refused != "":
			what = short("not yours: "+r.Refused, 80)
			refused++
		case of.Preview:
			what = "would be revoked"
		}
		until := momentOrRevoked(r.EndTime)
		if !of.Preview && r.Refused == "" {
			until = moment(r.EndTime)
		}
		b.add(short(titles(r.Petitioners), 40), short(titles(r.Resources), 40), until, r.Petition, what)
	}
	switch {
	case len(all) == 0:
		t.say("There is nothing to revoke: no grant%s is found. A name that nobody knows finds none, too: is it written right?", soughtBy(of))
	case of.Preview:
		t.say("Nothing was revoked: give --yes to revoke %s.", counted(int64(len(all)-refused-failed), "petition"))
	default:
		t.say("Revoked %s.", counted(int64(len(all)-refused-failed), "petition"))
	}
	if refused > 0 {
		t.say("Not yours to revoke: %s.", counted(int64(refused), "petition"))
	}
	if t.json {
		if err := t.printJSON(append([]indent.RevokedGrant{}, all...)); err != nil {
			return err
		}
	} else if len(all) > 0 {
		t.printTable(b)
	}
	if failed > 0 {
		return fmt.Errorf("%s could not be looked at or revoked now: the same command again may", counted(int64(failed), "petition"))
	}
	return nil
}

// soughtBy says whose grants were sought, and of what.
func soughtBy(r indent.GrantRevocation) (text string) {
	if r.Person != "" {
		text = " of " + plain(r.Person)
	}
	if r.Resource != "" {
		text += " on " + plain(r.Resource)
	}
	return text
}
