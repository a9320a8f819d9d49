package indent

import (
	"context"
	"iter"
	"time"
)

// PullPolicy says what a webhook lists for the directory, when, and how far it is believed.
type PullPolicy struct {
	Name           string            `json:"name"`
	SpaceName      string            `json:"spaceName,omitempty"`
	DisplayName    string            `json:"displayName,omitempty"`
	Base           PolicyBase        `json:"base"`    // which of the listed resources are taken
	Webhook        string            `json:"webhook"` // its name
	Kinds          []string          `json:"kinds"`   // that are asked for
	Flags          map[string]string `json:"flags,omitempty"`
	Schedule       string            `json:"schedule,omitempty"` // five fields of cron; "": only when somebody asks
	Labels         map[string]string `json:"labels,omitempty"`   // of every resource that the policy brings
	TakeLabels     []string          `json:"takeLabels,omitempty"`
	TakeIdentities bool              `json:"takeIdentities,omitempty"`
	Status         PullStatus        `json:"status,omitzero"`
	Meta           Meta              `json:"meta,omitzero"`
	CreatedBy      Resource          `json:"createdBy,omitzero"`
}

func (p *PullPolicy) check() error {
	if p.Name == "" || p.Webhook == "" {
		return malformed("a pull policy has no name, or no webhook")
	}
	return nil
}

// PullStatus is how the pulls of a policy stand.
type PullStatus struct {
	State        string      `json:"state"`             // new, working, failing or running
	Problem      string      `json:"problem,omitempty"` // of failing
	Failures     int         `json:"failures"`          // whole pulls in a row
	FailingSince time.Time   `json:"failingSince,omitzero"`
	NextTime     time.Time   `json:"nextTime,omitzero"`
	Last         *PullResult `json:"last,omitempty"` // the last pull that ended
	Good         *PullResult `json:"good,omitempty"` // the last whole one that worked
}

// How a pull may stand.
const (
	PullDone    = "done"
	PullFailed  = "failed"  // the last good state stays
	PullRefused = "refused" // it would mark too much as gone: Force takes it
	PullNotSent = "notSent" // the webhook is in a dry run
	PullRunning = "running" // it goes on, or begins soon
)

// PullResult is what came of a pull.
type PullResult struct {
	ID        string    `json:"id,omitempty"`
	State     string    `json:"state"`
	Problem   string    `json:"problem,omitempty"` // what is wrong, and what to do
	Partial   bool      `json:"partial,omitempty"` // some of the kinds only, or other flags
	BeginTime time.Time `json:"beginTime,omitzero"`
	EndTime   time.Time `json:"endTime,omitzero"`
	Listed    int       `json:"listed"` // by the endpoint
	Taken     int       `json:"taken"`  // of these, by what the policy says
	Created   int       `json:"created"`
	Changed   int       `json:"changed"`
	Gone      int       `json:"gone"`               // marked as out of use
	Conflicts int       `json:"conflicts"`          // left alone, as the policy did not bring them
	Examples  []string  `json:"examples,omitempty"` // of conflicts
	Dropped   []string  `json:"dropped,omitempty"`  // what the policy does not take, such as "the label team"
	Pages     int       `json:"pages"`
	Bytes     int64     `json:"bytes"`
}

// PullOutcome is what came of a pull of one policy.
type PullOutcome struct {
	Policy string `json:"policy"`
	PullResult
	NextTime time.Time `json:"nextTime,omitzero"` // by its schedule
}

// NewPullPolicy is a pull policy to be made, or what is to be in the place of one.
type NewPullPolicy struct {
	Name        string            `json:"name,omitempty"`
	DisplayName string            `json:"displayName,omitempty"`
	Base        PolicyBase        `json:"base,omitzero"`      // default: all that is listed
	Webhook     string            `json:"webhook"`            // the name of one that is there
	Kinds       []string          `json:"kinds"`              // to ask for, and the only ones that are taken
	Flags       map[string]string `json:"flags,omitempty"`    // for the endpoint
	Schedule    string            `json:"schedule,omitempty"` // such as "0 3 * * *"; default: only when somebody asks
	Labels      map[string]string `json:"labels,omitempty"`   // for every resource that the policy brings
	// TakeLabels are the labels that are taken from the endpoint; "*" is all but those below indent.com/. Rules may grant by any of them.
	TakeLabels []string `json:"takeLabels,omitempty"`
	// TakeIdentities takes email and altIds, which say who and what is the same: only for an endpoint that may say who is who.
	TakeIdentities bool `json:"takeIdentities,omitempty"`
}

// PullRequest is what is to be pulled now; the zero value is everything that there are policies for.
type PullRequest struct {
	Policy string            // "": all
	Kinds  []string          // nil: all
	Flags  map[string]string // beside those of the policies; what is not listed is then not marked as gone
	Force  bool              // mark as gone what is not listed, however much it is
	AtOnce bool              // do not wait for what comes of it
}

// PullPolicies lists the space's pull policies by name. It takes webhooks:read.
func (c *Client) PullPolicies(ctx context.Context) iter.Seq2[PullPolicy, error] {
	return listed[PullPolicy](ctx, c, c.inSpace("/pullPolicies"), "pullPolicies", nil)
}

// PullPolicy answers one pull policy; an unknown one is [ErrNotFound].
func (c *Client) PullPolicy(ctx context.Context, name string) (PullPolicy, error) {
	path, err := c.pullPolicyPath(name)
	if err != nil {
		return PullPolicy{}, err
	}
	return answered[PullPolicy](ctx, c, call{method: "GET", path: path, repeatable: true})
}

// CreatePullPolicy makes a pull policy. It takes webhooks:write and resources:write. A webhook that is not there, or a schedule that
// nobody can read, is [ErrInvalid], and a name that exists [ErrConflict].
func (c *Client) CreatePullPolicy(ctx context.Context, n NewPullPolicy) (PullPolicy, error) {
	return answered[PullPolicy](ctx, c, call{method: "POST", path: c.inSpace("/pullPolicies"), body: map[string]NewPullPolicy{"pullPolicy": n}})
}

// PutPullPolicy makes the pull policy of that name, or puts n in its place: what it leaves out is as it is by default.
func (c *Client) PutPullPolicy(ctx context.Context, name string, n NewPullPolicy) (PullPolicy, error) {
	path, err := c.pullPolicyPath(name)
	if err != nil {
		return PullPolicy{}, err
	}
	n.Name = ""
	return answered[PullPolicy](ctx, c, call{method: "PUT", path: path, body: map[string]NewPullPolicy{"pullPolicy": n}, repeatable: true})
}

// DeletePullPolicy deletes a pull policy. What it brought stays in the directory.
func (c *Client) DeletePullPolicy(ctx context.Context, name string) error {
	path, err := c.pullPolicyPath(name)
	if err != nil {
		return err
	}
	return c.do(ctx, call{method: "DELETE", path: path})
}

// pullPatience is how long the server may wait for what comes of pulls.
const pullPatience = 20 * time.Second

// PullUpdate has webhooks list their resources now and waits up to 20 seconds for what comes of it, of each policy by name: a pull that takes
// longer is running. One that fails is part of the answer, too. Where no policy asks for that it is [ErrNotFound].
//
//	pulls, err := client.PullUpdate(ctx, indent.PullRequest{Kinds: []string{"role"}})
func (c *Client) PullUpdate(ctx context.Context, r PullRequest) ([]PullOutcome, error) {
	body := struct {
		Kinds  []string          `json:"kinds,omitempty"`
		Flags  map[string]string `json:"flags,omitempty"`
		Policy string            `json:"policy,omitempty"`
		Force  bool              `json:"force,omitempty"`
		Wait   *bool             `json:"wait,omitempty"`
	}{Kinds: r.Kinds, Flags: r.Flags, Policy: r.Policy, Force: r.Force}
	patience := pullPatience
	if r.AtOnce {
		body.Wait, patience = new(bool), 0
	}
	out, err := answered[struct {
		Pulls []PullOutcome `json:"pulls"`
	}](ctx, c, call{method: "PUT", path: c.inSpace("/resources:pullUpdate"), body: body, repeatable: true, patience: patience})
	return out.Pulls, err
}

func (c *Client) pullPolicyPath(name string) (string, error) {
	name, err := segment("pull policy", name)
	return c.inSpace("/pullPolicies/" + name), err
}
