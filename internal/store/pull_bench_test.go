package store

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
)

// BenchmarkPull answers what a pull of many resources takes, and by how much the heap grows meanwhile: one that brings them all into an
// empty database, one that finds them as they are, one that changes each, and one that marks each as gone.
func BenchmarkPull(b *testing.B) {
	for engine, url := range engines() {
		for _, many := range []int{5_000, 50_000} {
			b.Run(fmt.Sprintf("%s/%d", engine, many), func(b *testing.B) {
				for b.Loop() {
					measurePulls(b, url(b), many)
				}
			})
		}
	}
}

func measurePulls(b *testing.B, url string, many int) {
	p := newPuller(b, openStore(b, Options{URL: url}))
	for _, c := range []struct {
		name, title string
		list        int
	}{{"all", "Role", many}, {"same", "Role", many}, {"changed", "The role", many}, {"gone", "", 0}} {
		stop := watchHeap()
		begun := time.Now()
		p.pull(c.list, c.title)
		b.ReportMetric(time.Since(begun).Seconds(), c.name+"-s")
		b.ReportMetric(float64(stop())/(1<<20), c.name+"-MiB")
	}
}

// watchHeap answers a function that answers by how much the heap has grown at most since.
func watchHeap() (stop func() uint64) {
	runtime.GC()
	before, most := heapNow(), uint64(0)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			most = max(most, heapNow())
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	}()
	return func() uint64 {
		close(done)
		<-ended
		return max(most, before) - before
	}
}

func heapNow() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// puller pulls what an endpoint lists into a store, as the room of jobs does.
type puller struct {
	b         testing.TB
	store     *Store
	service   *approval.Service
	clock     *approvaltest.Clock
	endpoints *approvaltest.Endpoints
}

func newPuller(b testing.TB, s *Store) *puller {
	p := &puller{b: b, store: s, clock: approvaltest.NewClock(), endpoints: &approvaltest.Endpoints{}}
	p.service = approval.NewService(approval.Deps{Store: s, Documents: approvaltest.Documents{}, Clock: p.clock, IDs: &approvaltest.IDs{}, Broker: s.Broker(), Vault: approvaltest.Vault{},
		Endpoints: p.endpoints, Conditions: approvaltest.Conditions{}})
	ctx := b.Context()
	if _, err := p.service.CreateSpace(ctx, approval.NewSpace{Name: "acme", Owner: "olga@acme.example", Policy: "v1"}); err != nil {
		b.Fatal(err)
	}
	olga, err := s.Member(ctx, "acme", "olga@acme.example")
	if err != nil {
		b.Fatal(err)
	}
	if _, _, err := p.service.CreateWebhook(ctx, olga.Actor("token", nil), approval.NewWebhook{Name: "roles", URL: "https://hooks.example.com/indent"}); err != nil {
		b.Fatal(err)
	}
	policy := approval.PullPolicy{Name: "roles", Webhook: "roles", Kinds: []string{"role"}, Schedule: "0 3 * * *"}
	if _, err := p.service.CreatePullPolicy(ctx, olga.Actor("token", nil), policy); err != nil {
		b.Fatal(err)
	}
	return p
}

// pull pulls as many resources with that title, in pages of a thousand.
func (p *puller) pull(many int, title string) {
	p.b.Helper()
	const page = 1000
	p.endpoints.Answer = func(_ approval.WebhookTarget, c approval.WebhookCall) (a approval.WebhookAnswer) {
		a.Outcome = approval.WebhookDone
		from := 0
		_, _ = fmt.Sscan(c.PageToken, &from)
		for i := from; i < min(from+page, many); i++ {
			a.Resources = append(a.Resources, approval.Resource{ID: fmt.Sprintf("arn:aws:iam::123456789012:role/team-%d", i), Kind: "role", DisplayName: fmt.Sprint(title, " of the team ", i)})
		}
		if from+page < many {
			a.NextPage = fmt.Sprint(from + page)
		}
		return a
	}
	ctx := p.b.Context()
	pull, err := p.store.Pull(ctx, "acme", "roles")
	if err != nil {
		p.b.Fatal(err)
	}
	pull.Asked = &approval.PullAsked{ID: fmt.Sprint("asked ", pull.Version), Force: true}
	if err := p.store.Note(ctx, "acme", approval.PutPull{Pull: pull, Expect: pull.Version}); err != nil {
		p.b.Fatal(err)
	}
	err = p.service.RunJob(ctx, approval.Job{Kind: approval.JobPull, Space: "acme", Key: "pull/acme/roles"})
	if later := (approval.Later{}); err != nil && !errors.As(err, &later) {
		p.b.Fatal(err)
	}
	if pull, err = p.store.Pull(ctx, "acme", "roles"); err != nil || pull.Last.State != approval.PullDone || pull.Last.Listed != many {
		p.b.Fatalf("the pull ended as %+v, %v", pull.Last, err)
	}
}
