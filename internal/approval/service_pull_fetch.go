package approval

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// pageTime bounds one page of an answer.
const pageTime = time.Minute

// fetch has the endpoint list everything, page by page. Until the last page has come whole nothing is written: what is taken of it is kept
// compressed in memory.
func (p *pulling) fetch(ctx context.Context, target WebhookTarget) error {
	token, tokens := "", map[string]bool{}
	for {
		if err := p.beat(ctx); err != nil {
			return err
		}
		answer, err := p.page(ctx, target, token)
		if err != nil {
			return err
		}
		if err := p.beat(ctx); err != nil {
			return err
		}
		switch answer.Outcome {
		case WebhookDone:
		case WebhookNotSent:
			p.result.State, p.result.Problem = PullNotSent, answer.Problem
			return nil
		default:
			p.retryAfter = answer.RetryAfter
			return Errorf(Conflict, "%s%s", answer.Problem, p.onPage())
		}
		p.result.Pages++
		p.result.Bytes += answer.Bytes
		if token = answer.NextPage; token == "" {
			return p.spool.close()
		}
		if tokens[token] || p.result.Pages >= MaxPullPages {
			return Errorf(Conflict, "the endpoint has answered %d pages and comes to no end: its nextPageToken must be another on each page, and left out on the last, and there are at most %d", p.result.Pages, MaxPullPages)
		}
		tokens[token] = true
	}
}

// onPage says which page it is, where there are several.
func (p *pulling) onPage() string {
	if p.result.Pages == 0 {
		return ""
	}
	return fmt.Sprintf(" (page %d)", p.result.Pages+1)
}

func (p *pulling) page(ctx context.Context, target WebhookTarget, token string) (WebhookAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, pageTime)
	defer cancel()
	over := make(chan struct{})
	defer close(over)
	go func() { // a server that stops does not wait for an endpoint
		select {
		case <-p.s.Broker.Done():
			cancel()
		case <-over:
		}
	}()
	call := WebhookCall{ID: "msg_" + p.s.IDs.UUID(), Kind: WebhookPull, Kinds: p.kinds, Flags: p.flags, PageToken: token, MaxBytes: MaxPullBytes - p.result.Bytes}
	answer, err := p.s.Endpoints.Pull(ctx, target, call, func(r Resource) error {
		if err := p.listed(ctx, r); err != nil {
			return Errorf(Conflict, "resource %d%s cannot be taken: %v", p.result.Listed, p.onPage(), err)
		}
		return nil
	})
	p.note(answer, err)
	return answer, err
}

// note writes the attempt to the webhook's log. That it cannot be written ends no pull.
func (p *pulling) note(answer WebhookAnswer, failed error) {
	if answer.Attempt.ID == "" {
		return // nothing was sent
	}
	d := Delivery{Space: p.policy.Space, Name: p.s.IDs.UUID(), Webhook: p.policy.Webhook, Time: answer.Attempt.Time, Outcome: answer.Outcome, Kind: WebhookPull, Attempts: 1, Code: answer.Code,
		Problem: answer.Problem, Attempt: answer.Attempt}
	if failed != nil {
		d.Problem = problemOf(failed)
	}
	ctx := context.Background()
	if err := p.s.Store.Note(ctx, p.policy.Space, PutDelivery{d}); err != nil {
		p.s.Logger.WarnContext(ctx, "an attempt of a pull could not be written to the log", "space", d.Space, "webhook", d.Webhook, "error", err)
	}
	p.s.forgetDeliveries(ctx, d.Space, d.Webhook)
}

// listed takes one resource of an answer as far as the policy says.
func (p *pulling) listed(ctx context.Context, r Resource) error {
	if p.result.Listed++; p.result.Listed > MaxPullResources {
		return Errorf(Conflict, "the endpoint lists more than %d: let several policies list a part each", MaxPullResources)
	}
	if err := r.Check(); err != nil {
		return err
	}
	if !slices.Contains(p.kinds, r.Kind) {
		p.dropped("the kind " + r.Kind)
		return nil
	}
	if r.ID == "" {
		return FieldError("id", "is required: by it the server knows the resource again")
	}
	takes, err := p.s.pullTakes(ctx, p.policy.Base, r)
	if err != nil || !takes {
		return err
	}
	thing := thingOf(r)
	if _, again := p.things[thing]; again {
		return nil // a list that changes while it is read says some things twice
	}
	r, err = p.mapped(r)
	if err != nil {
		return err
	}
	p.things[thing] = r.Labels[LabelDeactivated] != "true"
	p.result.Taken++
	return p.spool.add(r)
}

// mapped answers the entry of the directory that the policy makes of a resource, without a name unless the endpoint may give one. What
// could give somebody a right is left out, unless an Editor has said in the policy that the endpoint is believed.
func (p *pulling) mapped(r Resource) (Resource, error) {
	labels := map[string]string{}
	for _, key := range sortedKeys(r.Labels) {
		switch {
		case key == LabelDeactivated && r.Labels[key] == "true", p.policy.takes(key) && key != LabelDeactivated:
			labels[key] = r.Labels[key]
		case key != LabelDeactivated:
			p.dropped("the label " + key)
		}
	}
	for key, value := range p.policy.Labels {
		labels[key] = value
	}
	if v, has := labels[LabelConfirm]; has && v != ConfirmPasskey {
		return Resource{}, FieldError("labels."+LabelConfirm, "must be %q, or left out", ConfirmPasskey)
	}
	if !p.policy.TakeIdentities {
		if r.Email != "" && !strings.EqualFold(r.Email, r.ID) {
			p.dropped("email")
			r.Email = ""
		}
		if len(r.AltIDs) > 0 {
			p.dropped("altIds")
			r.AltIDs = nil
		}
	}
	r.Labels = labels
	return r, r.Check()
}

// maxDropped is how many things are named that were left out.
const maxDropped = 20

func (p *pulling) dropped(what string) {
	if len(p.result.Dropped) < maxDropped && !slices.Contains(p.result.Dropped, what) {
		p.result.Dropped = append(p.result.Dropped, what)
	}
}

// spool keeps resources compressed until they are read again: what endpoints list repeats itself, and takes a tenth so.
type spool struct {
	text     bytes.Buffer
	compress *flate.Writer
	write    *json.Encoder
}

func (s *spool) add(r Resource) error {
	if s.write == nil {
		var err error
		if s.compress, err = flate.NewWriter(&s.text, flate.BestSpeed); err != nil {
			return Wrap(Internal, err, "the list cannot be kept")
		}
		s.write = json.NewEncoder(s.compress)
	}
	if err := s.write.Encode(r); err != nil {
		return Wrap(Internal, err, "the list cannot be kept")
	}
	return nil
}

// close ends the writing.
func (s *spool) close() error {
	if s.write == nil {
		return nil
	}
	if err := s.compress.Close(); err != nil {
		return Wrap(Internal, err, "the list cannot be kept")
	}
	s.compress, s.write = nil, nil
	return nil
}

// each hands over what was added, in order.
func (s *spool) each(f func(Resource) error) error {
	if s.text.Len() == 0 {
		return nil
	}
	expand := flate.NewReader(bytes.NewReader(s.text.Bytes()))
	defer expand.Close()
	read := json.NewDecoder(expand)
	for read.More() {
		var r Resource
		if err := read.Decode(&r); err != nil {
			return Wrap(Internal, err, "what was kept of the list cannot be read")
		}
		if err := f(r); err != nil {
			return err
		}
	}
	return nil
}
