package cli

import (
	"context"
	"regexp"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/indent-approvals/indent/internal/app/apptest"
	"github.com/indent-approvals/indent/internal/approval"
)

// applies makes a webhook apply every grant of the space: applies WEBHOOK.
func applies(ctx context.Context, server *apptest.Server) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 1 {
			ts.Fatalf("usage: applies WEBHOOK")
		}
		owner := approval.Actor{Space: apptest.Space, ID: apptest.Owner, Kind: approval.KindUser, Role: approval.Owner}
		_, err := server.Service().CreateWebhookPolicy(ctx, owner, approval.NewWebhookPolicy{Name: "all", Webhook: args[0]})
		ts.Check(err)
	}
}

// tried waits until a webhook was called of a petition and it stands so: tried PETITION STATE.
func tried(ctx context.Context, server *apptest.Server) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 2 {
			ts.Fatalf("usage: tried PETITION STATE")
		}
		ticks, last := time.NewTicker(20*time.Millisecond), ""
		defer ticks.Stop()
		for range 1000 {
			page, err := server.Service().Store.Applications(ctx, approval.ApplicationQuery{Space: apptest.Space, Petitions: args[:1]})
			ts.Check(err)
			for _, a := range page.Items {
				last = string(a.State) + " " + a.Problem
				if string(a.State) == args[1] && (a.State == approval.ApplicationEnded || a.Problem != "") {
					return
				}
			}
			<-ticks.C
		}
		ts.Fatalf("petition %s is not %s, but %q", args[0], args[1], last)
	}
}

var aUUID = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// capturename puts the first UUID that the last command printed behind "name" into a variable: capturename NAME.
func capturename(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: capturename VARIABLE")
	}
	name := regexp.MustCompile(`"name": "` + aUUID.String() + `"`).FindString(ts.ReadFile("stdout"))
	if name == "" {
		ts.Fatalf("there is no name in what was printed")
	}
	ts.Setenv(args[0], aUUID.FindString(name))
}
