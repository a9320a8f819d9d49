package webhook

import (
	"github.com/go-json-experiment/json"

	"github.com/indent-approvals/indent/internal/approval"
)

// bodyOf writes what an endpoint reads. It tells the calls apart by the members: info, kinds, state, or events with or without a
// command as the last.
func bodyOf(c approval.WebhookCall) ([]byte, error) {
	switch c.Kind {
	case approval.WebhookInfo:
		return []byte(`{"info":true}`), nil
	case approval.WebhookPull:
		flags := c.Flags
		if flags == nil {
			flags = map[string]string{}
		}
		kinds := c.Kinds
		if kinds == nil {
			kinds = []string{}
		}
		return json.Marshal(struct {
			Kinds []string          `json:"kinds"`
			Flags map[string]string `json:"flags"`
			Page  string            `json:"pageToken,omitempty"`
		}{kinds, flags, c.PageToken}, json.Deterministic(true))
	case approval.WebhookState:
		type pair struct {
			Resources []approval.Resource `json:"resources"`
		}
		return json.Marshal(struct {
			State pair `json:"state"`
		}{pair{c.State}}, json.Deterministic(true))
	case approval.WebhookApply, approval.WebhookDecide:
		if commands := commandsIn(c.Events); (commands > 0) != (c.Kind == approval.WebhookApply) {
			return nil, approval.Errorf(approval.Internal, "a call %s was made with %d commands: this is a mistake of ours", c.Kind, commands)
		}
		if c.Kind == approval.WebhookApply && !isCommand(c.Events[len(c.Events)-1]) {
			return nil, approval.Errorf(approval.Internal, "the command of a call %s is not its last event: this is a mistake of ours", c.Kind)
		}
		return append(approval.JSON(`{"events":`).Events(c.Events), '}'), nil
	}
	return nil, approval.Errorf(approval.Internal, "there is no call %q to webhooks: this is a mistake of ours", c.Kind)
}

// isCommand answers whether an endpoint has to do something for the event.
func isCommand(e approval.Event) bool {
	return e.Event == approval.EventGrant || e.Event == approval.EventRevoke
}

func commandsIn(events []approval.Event) (n int) {
	for _, e := range events {
		if isCommand(e) {
			n++
		}
	}
	return n
}
