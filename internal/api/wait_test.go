package api

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/indent-approvals/indent/internal/approval"
)

// park sends a waiting call and answers where its answer will come, once the server has parked it.
func (h *house) park(ctx context.Context, token, path string) <-chan answer {
	h.Helper()
	r := h.request(ctx, token, get, path, nil)
	out := make(chan answer, 1)
	go func() {
		defer close(out)
		res, err := h.server.Client().Do(r)
		if err != nil {
			return
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		out <- answer{h.TB, res.StatusCode, res.Header, string(body), res.Close}
	}()
	h.clock.WaitForSleepers(1)
	return out
}

func TestWaiting(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		then func(h *house, p *petition)
		want approval.Phase
	}{
		{"answers the moment it is granted", func(h *house, p *petition) { h.claim(theEditor, p.Name, "access/approve").ok(nil) }, approval.Granted},
		{"answers the moment it is denied", func(h *house, p *petition) { h.claim(theEditor, p.Name, "access/deny").ok(nil) }, approval.Closed},
		{"answers the moment it is withdrawn", func(h *house, p *petition) { h.do(theViewer, del, inSpace+"/petitions/"+p.Name, nil).ok(nil) }, approval.Closed},
		{"answers the petition as it is when the time is up", func(h *house, _ *petition) { h.clock.Advance(30 * time.Second) }, approval.Open},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			p := h.ask(theViewer)
			parked := h.park(t.Context(), h.token(theViewer), inSpace+"/petitions/"+p.Name+"?wait=30s")
			if figures := h.do("", get, "/metrics", nil).ok(nil).body; !strings.Contains(figures, "\nindent_api_waiters 1\n") {
				t.Error("the waiter is not counted")
			}
			c.then(h, p)
			var got petition
			a := (<-parked).ok(&got)
			if got.State.Status.Phase != c.want || a.closes {
				t.Errorf("phase %s, want %s; closes %v", got.State.Status.Phase, c.want, a.closes)
			}
			h.logs.waitFor("status=200")
			if figures := h.do("", get, "/metrics", nil).ok(nil).body; !strings.Contains(figures, "\nindent_api_waiters 0\n") {
				t.Error("the waiter is still counted")
			}
		})
	}
}

func TestWaitingForWhatIsDecidedDoesNotWait(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(theViewer)
	h.claim(theEditor, p.Name, "access/approve").ok(nil)
	var got petition
	h.do(theViewer, get, inSpace+"/petitions/"+p.Name+"?wait=60s", nil).ok(&got)
	if got.State.Status.Phase != approval.Granted || len(got.State.Claims) != 1 || len(got.State.EventHistory) != 0 {
		t.Errorf("%+v", got.State)
	}
	h.do(theViewer, get, inSpace+"/petitions/"+p.Name+"?wait=60s&full=true", nil).ok(&got)
	if len(got.State.EventHistory) != 3 {
		t.Errorf("%+v", got.State)
	}
}

func TestWaitIsBounded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	path := inSpace + "/petitions/" + h.ask(theViewer).Name
	for _, wait := range []string{"61s", "-1s", "30", "1h", "soon", "9999999h", "1s&wait=2s"} {
		h.do(theViewer, get, path+"?wait="+wait, nil).refused(http.StatusBadRequest, approval.Invalid, "wait")
	}
	h.do(theViewer, get, inSpace+"/petitions/none?wait=30s", nil).refused(http.StatusNotFound, approval.NotFound, "")
}

func TestAServerThatStopsAnswersItsWaiters(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(theViewer)
	parked := h.park(t.Context(), h.token(theViewer), inSpace+"/petitions/"+p.Name+"?wait=30s")
	h.broker.Close()
	var got petition
	a := (<-parked).ok(&got)
	if got.State.Status.Phase != approval.Open || !a.closes {
		t.Errorf("phase %s, closes %v: want the open petition, and the client to connect anew", got.State.Status.Phase, a.closes)
	}
	h.do("", get, "/readyz", nil).refused(http.StatusServiceUnavailable, approval.Unavailable, "")
}

func TestAWaiterThatLeavesIsForgotten(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(theViewer)
	ctx, leave := context.WithCancel(t.Context())
	parked := h.park(ctx, h.token(theViewer), inSpace+"/petitions/"+p.Name+"?wait=60s")
	leave()
	<-parked
	h.logs.waitFor("status=499")
}

func TestAWaiterWhoseTokenEndsLearnsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(theViewer)
	made, err := h.identity.CreateUserToken(t.Context(), h.actor(theViewer), "test", nil)
	h.must(err)
	parked := h.park(t.Context(), made.Secret, inSpace+"/petitions/"+p.Name+"?wait=30s")
	h.must(h.identity.RevokeToken(t.Context(), h.actor(theViewer), made.Token.Name))
	h.clock.Advance(2 * time.Second)
	h.claim(theEditor, p.Name, "access/approve").ok(nil)
	(<-parked).refused(http.StatusUnauthorized, approval.Unauthenticated, "")
}

func TestManyWaitersAllLearn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(theViewer)
	const many = 64
	request := h.request(t.Context(), h.token(theViewer), get, inSpace+"/petitions/"+p.Name+"?wait=60s", nil)
	var wait sync.WaitGroup
	for range many {
		wait.Go(func() {
			var got petition
			h.send(request.Clone(t.Context())).ok(&got)
			if got.State.Status.Phase != approval.Granted {
				t.Errorf("phase %s", got.State.Status.Phase)
			}
		})
	}
	h.clock.WaitForSleepers(many)
	h.claim(theEditor, p.Name, "access/approve").ok(nil)
	wait.Wait()
}

// deadlines is a connection that notes the deadlines that it is given.
type deadlines struct {
	http.ResponseWriter
	write, read []time.Time
}

func (d *deadlines) SetWriteDeadline(at time.Time) error { d.write = append(d.write, at); return nil }
func (d *deadlines) SetReadDeadline(at time.Time) error  { d.read = append(d.read, at); return nil }

func TestTheServersTimeoutsDoNotEndAWait(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(theViewer)
	w := &deadlines{ResponseWriter: httptest.NewRecorder()}
	answered := make(chan struct{})
	go func() {
		h.api.ServeHTTP(w, h.request(t.Context(), h.token(theViewer), get, inSpace+"/petitions/"+p.Name+"?wait=30s", nil))
		close(answered)
	}()
	h.clock.WaitForSleepers(1)
	if len(w.write) != 1 || !w.write[0].IsZero() || len(w.read) != 1 || !w.read[0].IsZero() {
		t.Errorf("deadlines of a parked call: write %v, read %v, want none", w.write, w.read)
	}
	h.clock.Advance(30 * time.Second)
	<-answered
}

// stuckWriter is a connection whose reader never reads: a write returns only when the deadline has passed.
type stuckWriter struct {
	header http.Header
	cut    chan struct{}
	once   sync.Once
}

func (w *stuckWriter) Header() http.Header       { return w.header }
func (w *stuckWriter) WriteHeader(int)           {}
func (w *stuckWriter) Flush()                    {}
func (w *stuckWriter) Write([]byte) (int, error) { <-w.cut; return 0, context.DeadlineExceeded }
func (w *stuckWriter) SetWriteDeadline(at time.Time) error {
	if !at.IsZero() {
		w.once.Do(func() { close(w.cut) })
	}
	return nil
}

func TestAReaderThatNeverReadsIsCutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := &exchange{w: &stuckWriter{header: http.Header{}, cut: make(chan struct{})}}
		x.hold(prometheus.NewGauge(prometheus.GaugeOpts{}))
		start := time.Now()
		err := x.push(func() error { _, err := x.w.Write([]byte("text")); return err })
		if err == nil || time.Since(start) != slowReader {
			t.Errorf("%v after %s, want an error after %s", err, time.Since(start), slowReader)
		}
		x.release()
		x.release()
	})
}

// A client may send the next request before it has read the answer; none of it is taken for the other.
func TestPipelinedCallsAreAnsweredInOrder(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.server.URL, "http://"))
	h.must(err)
	defer conn.Close()
	one := func(path string) string {
		return "GET " + path + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + h.token(theViewer) + "\r\n\r\n"
	}
	_, err = io.WriteString(conn, one(inSpace)+one(inSpace+"/nothing")+one("/v1/spaces"))
	h.must(err)
	in := bufio.NewReader(conn)
	for _, want := range []int{200, 404, 200} {
		res, err := http.ReadResponse(in, nil)
		h.must(err)
		_, err = io.Copy(io.Discard, res.Body)
		h.must(err)
		if res.StatusCode != want {
			t.Errorf("status %d, want %d", res.StatusCode, want)
		}
	}
}
