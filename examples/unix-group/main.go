//go:build unix

// Unix-group is an endpoint that puts people into groups of this machine, for a time. README.md says how to run it.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	indent "github.com/indent-approvals/indent/sdk/go"
)

const kind = "unix-group"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx); err != nil {
		log.Fatal(err)
	}
}

func serve(ctx context.Context) error {
	domain, secrets := os.Getenv("DOMAIN"), strings.Fields(os.Getenv("INDENT_WEBHOOK_SECRETS"))
	if domain == "" || len(secrets) == 0 {
		return errors.New("set DOMAIN and INDENT_WEBHOOK_SECRETS: README.md has the settings")
	}
	e := endpoint{groups: &groups{folder: cmp.Or(os.Getenv("FOLDER"), "/etc"), prefix: cmp.Or(os.Getenv("GROUP_PREFIX"), "access-")}, domain: "@" + domain}
	listener, err := net.Listen("tcp", "127.0.0.1:"+cmp.Or(os.Getenv("PORT"), "9000"))
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: &indent.WebhookHandler{
		Verifier: indent.WebhookVerifier{Secrets: secrets}, Name: kind, Apply: e.apply, Pull: e.pull, State: e.state,
		Failed: func(err error) { log.Printf("failed: %q", err.Error()) },
	}}
	context.AfterFunc(ctx, func() { _ = server.Shutdown(context.WithoutCancel(ctx)) })
	fmt.Printf("listening on http://%s/\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

type endpoint struct {
	groups *groups
	domain string // with its @
}

func (e endpoint) apply(ctx context.Context, u indent.WebhookUpdate) error {
	account, group, err := e.names(u.User, u.Target)
	if err != nil {
		return err
	}
	if err := e.groups.set(ctx, group, account, u.Grant); err != nil {
		return err
	}
	fmt.Printf("%s %s: %s\n", map[bool]string{true: "granted", false: "revoked"}[u.Grant], group, account)
	return nil
}

func (e endpoint) pull(_ context.Context, kinds []string, _ map[string]string) (list []indent.Resource, err error) {
	for _, k := range kinds {
		if k != kind {
			continue
		}
		names, err := e.groups.list()
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			list = append(list, indent.Resource{ID: name, Kind: kind, DisplayName: "Group " + name})
		}
	}
	return list, nil
}

func (e endpoint) state(_ context.Context, user, target indent.Resource) (indent.WebhookAccess, error) {
	account, group, err := e.names(user, target)
	if err != nil {
		return indent.WebhookAccess{}, err
	}
	has, err := e.groups.has(group, account)
	return indent.WebhookAccess{Access: has}, err
}

// names answers the account of a person and the group of a target. A person is known by the id alone: what else a petition says of
// them may be their own word.
func (e endpoint) names(user, target indent.Resource) (account, group string, err error) {
	account, ours := strings.CutSuffix(strings.ToLower(user.ID), e.domain)
	if !ours || !accountName.MatchString(account) {
		return "", "", &indent.WebhookStatus{Code: indent.CodeNotFound, Message: "people are known here by their addresses, such as ada" + e.domain}
	}
	if target.Kind != kind {
		return "", "", &indent.WebhookStatus{Code: indent.CodeNotFound, Message: "this endpoint gives what is of the kind " + kind}
	}
	return account, target.ID, nil
}
