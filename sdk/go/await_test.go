package indent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Each case is what the server answers once the petition is open; only a granted one in force may be answered.
func TestNothingButAGrantedPetitionIsAnApproval(t *testing.T) {
	t.Parallel()
	ended := func(p *Petition) { p.State.Grant.EndTime = p.State.Grant.StartTime.Add(time.Minute) }
	inForce := func(p *Petition) { p.State.Grant.EndTime = time.Now().Add(time.Hour) }
	phase := func(s Phase) func(*Petition) { return func(p *Petition) { p.State.Status.Phase = s } }
	cases := []struct {
		name   string
		change []func(*Petition)
		want   any // pointer to the error's type, nil when approved
		text   string
	}{
		{"granted without an end", []func(*Petition){granted}, nil, ""},
		{"granted", []func(*Petition){granted, inForce}, nil, ""},
		{"denied", []func(*Petition){closedAs(OutcomeDenied), decidedBy(EventDeny, "bob@example.com", "not today")}, new(*DeniedError), "was denied by bob@example.com: not today"},
		{"denied by a deputy", []func(*Petition){closedAs(OutcomeDenied), decidedBy(EventDeny, "bob@example.com", ""), func(p *Petition) { p.State.Decision.OnBehalfOf = "ada@example.com" }}, new(*DeniedError), "was denied by bob@example.com on behalf of ada@example.com"},
		{"denied by a rule", []func(*Petition){closedAs(OutcomeDenied), func(p *Petition) { p.State.Verdict = &Verdict{Explanation: "never on Fridays"} }}, new(*DeniedError), "was denied by a rule: never on Fridays"},
		{"revoked", []func(*Petition){closedAs(OutcomeRevoked), decidedBy(EventRevoke, "bob@example.com", "")}, new(*DeniedError), "was granted, and revoked by bob@example.com"},
		{"on its way from revoked to closed", []func(*Petition){granted, phase(PhaseRevoked), decidedBy(EventRevoke, "bob@example.com", "")}, new(*DeniedError), "revoked by bob"},
		{"on its way from ended to closed", []func(*Petition){granted, phase(PhaseRevoked), decidedBy(EventApprove, "bob@example.com", "")}, new(*ExpiredError), "its time is up"},
		{"withdrawn", []func(*Petition){closedAs(OutcomeWithdrawn)}, new(*WithdrawnError), "was withdrawn"},
		{"expired", []func(*Petition){closedAs(OutcomeExpired)}, new(*ExpiredError), "nobody decided in time"},
		{"ended", []func(*Petition){granted, closedAs(OutcomeEnded)}, new(*ExpiredError), "its time is up"},
		{"granted, and ended by our clock", []func(*Petition){granted, ended}, new(*ExpiredError), "this machine's clock"},
		{"granted without a grant", []func(*Petition){phase(PhaseGranted)}, new(*UnavailableError), "granted without a grant"},
		{"a phase of the future", []func(*Petition){granted, phase("approved")}, new(*UnavailableError), "upgrade the client"},
		{"Granted with a capital", []func(*Petition){granted, phase("Granted")}, new(*UnavailableError), "upgrade the client"},
		{"an outcome of the future", []func(*Petition){closedAs("approved")}, new(*UnavailableError), "upgrade the client"},
		{"closed without an outcome", []func(*Petition){closedAs("")}, new(*UnavailableError), "upgrade the client"},
		{"another petition", []func(*Petition){granted, named("another")}, new(*UnavailableError), "mixes up answers"},
		{"another space", []func(*Petition){granted, func(p *Petition) { p.SpaceName = "other" }}, new(*UnavailableError), "mixes up answers"},
		{"another digest", []func(*Petition){granted, func(p *Petition) { p.Digest = "sha256:11" }}, new(*UnavailableError), "another digest"},
		{"another reason", []func(*Petition){granted, func(p *Petition) { p.Reason = "other" }}, new(*UnavailableError), "something else"},
		{"another resource", []func(*Petition){granted, func(p *Petition) { p.Resources[0].ID = "other" }}, new(*UnavailableError), "something else"},
		{"one resource more", []func(*Petition){granted, func(p *Petition) { p.Resources = append(p.Resources, Resource{ID: "x"}) }}, new(*UnavailableError), "something else"},
		{"params that nobody sent", []func(*Petition){granted, func(p *Petition) { p.Params = []byte(`{"a":1}`) }}, new(*UnavailableError), "something else"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			client, _ := startDouble(t, is(), is(c.change...)).client(t)
			p, err := client.Await(t.Context(), request)
			if c.want == nil {
				if err != nil || p.Name != testName {
					t.Errorf("got %v, %v", p, err)
				}
				return
			}
			if p != nil || !errors.As(err, c.want) || !errors.Is(err, ErrNotApproved) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v, %T %v, want %T with %q", p, err, err, c.want, c.text)
			}
		})
	}
}

func TestWhatARuleDecidesNeedsNoWaiting(t *testing.T) {
	t.Parallel()
	d := startDouble(t, is(granted))
	client, _ := d.client(t)
	if p, err := client.Await(t.Context(), request); err != nil || p.Phase() != PhaseGranted || len(d.calls()) != 1 {
		t.Errorf("got %v, %v after %d calls", p, err, len(d.calls()))
	}
}

func TestWaitingSurvivesWhatPasses(t *testing.T) {
	t.Parallel()
	trouble := map[string][]step{
		"503":               {problem(503, "unavailable", "restarting")},
		"500":               {problem(500, "internal", "broken")},
		"429":               {problem(429, "too_many", "slow down", "Retry-After", "2")},
		"proxy":             {answer(502, "<html>"), answer(504, "<html>")},
		"dropped":           {drop, drop, drop, drop, drop},
		"dropped halfway":   {dropHalfway},
		"a page for a time": {answer(200, "<html>back soon</html>"), answer(200, "")},
		"answered early":    {is(), is()},
	}
	for name, faults := range trouble {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			steps := append(append([]step{is()}, faults...), is(granted))
			client, _ := startDouble(t, steps...).client(t)
			r := request
			r.Timeout = Forever
			if p, err := client.Await(t.Context(), r); err != nil || p.Phase() != PhaseGranted {
				t.Errorf("got %v, %v", p, err)
			}
			client, _ = startDouble(t, append(faults, is(granted))...).client(t)
			if p, err := client.Resume(t.Context(), testName, Forever, nil); err != nil || p.Phase() != PhaseGranted {
				t.Errorf("resumed: got %v, %v", p, err)
			}
		})
	}
}

func TestAskingSurvivesARestartWithOneKey(t *testing.T) {
	t.Parallel()
	d := startDouble(t, drop, problem(503, "unavailable", "x"), drop, problem(500, "internal", "x"), drop, drop, is(granted))
	client, _ := d.client(t)
	if _, err := client.Await(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	for _, call := range d.calls() {
		if call.key == "" || call.key != d.calls()[0].key {
			t.Errorf("the attempts have several keys: %+v", d.calls())
		}
	}
}

func TestWhatWaitingDoesNotCureEndsIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault step
		kind  error
	}{
		"token revoked":   {problem(401, "unauthenticated", "revoked"), ErrUnauthenticated},
		"forbidden":       {problem(403, "forbidden", "no"), ErrForbidden},
		"petition hidden": {problem(404, "not_found", "gone"), ErrNotFound},
		"pages for ever":  {answer(200, "<html>"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for place, steps := range map[string][]step{"asking": {c.fault}, "waiting": {is(), c.fault}} {
				client, _ := startDouble(t, steps...).client(t)
				r := request
				r.Timeout = Forever
				_, err := client.Await(t.Context(), r)
				var unavailable *UnavailableError
				if !errors.As(err, &unavailable) || c.kind != nil && !errors.Is(err, c.kind) || (unavailable.Petition == nil) != (place == "asking") {
					t.Errorf("%s: got %v", place, err)
				}
			}
		})
	}
}

func TestTheDefaultIsToWaitTenSecondsWithSignsOfLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := virtualClient(t, func(r *http.Request) (*http.Response, error) {
			if r.Method == "POST" {
				return responseWith(200, petitionText()), nil
			}
			return afterWaiting(r, petitionText())
		})
		var lines strings.Builder
		r := request
		r.OnProgress = PrintProgress(&lines)
		began := time.Now()
		_, err := client.Await(t.Context(), r)
		var timeout *TimeoutError
		if !errors.As(err, &timeout) || timeout.Petition.Name != testName || time.Since(began) != DefaultTimeout {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		want := "⏵ Requested approval #acmecorp/" + testName + "\n↳ Waiting for approval... (2s elapsed)\n" +
			"↳ Waiting for approval... (4s elapsed)\n↳ Waiting for approval... (8s elapsed)\n⌛ Not decided yet\n"
		if lines.String() != want {
			t.Errorf("printed\n%s", lines.String())
		}
	})
}

func TestADecisionIsNoticedWhenItIsMade(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		decided := time.Now().Add(5700 * time.Millisecond)
		client := virtualClient(t, func(r *http.Request) (*http.Response, error) {
			wait, _ := time.ParseDuration(r.URL.Query().Get("wait"))
			if r.Method == "POST" || time.Now().Add(wait).Before(decided) {
				return afterWaiting(r, petitionText())
			}
			time.Sleep(time.Until(decided))
			return responseWith(200, petitionText(granted, func(p *Petition) { p.State.Grant.StartTime = time.Now() })), nil
		})
		var lines strings.Builder
		r := request
		r.OnProgress = PrintProgress(&lines)
		if _, err := client.Await(t.Context(), r); err != nil || !time.Now().Equal(decided) {
			t.Errorf("noticed %s late, %v", time.Since(decided), err)
		}
		if !strings.HasSuffix(lines.String(), "(4s elapsed)\n✅ Granted\n") {
			t.Errorf("printed\n%s", lines.String())
		}
	})
}

func TestAContextEndsTheWaitingAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := virtualClient(t, func(r *http.Request) (*http.Response, error) {
			if r.Method == "POST" {
				return responseWith(200, petitionText()), nil
			}
			return afterWaiting(r, petitionText())
		})
		r := request
		r.Timeout = Forever
		for name, c := range map[string]struct {
			end  func() (context.Context, context.CancelFunc)
			want error
		}{
			"deadline": {func() (context.Context, context.CancelFunc) { return context.WithTimeout(t.Context(), time.Minute) }, context.DeadlineExceeded},
			"cancelled": {func() (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Minute, cancel)
				return ctx, cancel
			}, context.Canceled},
		} {
			ctx, cancel := c.end()
			began := time.Now()
			_, err := client.Await(ctx, r)
			var timeout *TimeoutError
			if !errors.As(err, &timeout) || !errors.Is(err, c.want) || time.Since(began) != time.Minute {
				t.Errorf("%s: after %s: %v", name, time.Since(began), err)
			}
			cancel()
		}
	})
}

func TestAServerThatIsNotThereIsNotWaitedForForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := virtualClient(t, func(r *http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
		})
		for timeout, most := range map[time.Duration]time.Duration{Forever: 40 * time.Second, 5 * time.Second: 7 * time.Second} {
			var lines strings.Builder
			r := request
			r.Timeout, r.OnProgress = timeout, PrintProgress(&lines)
			began := time.Now()
			_, err := client.Await(t.Context(), r)
			var away *ConnectionError
			if !errors.As(err, &away) || time.Since(began) > most || strings.Count(lines.String(), "Trying again") != 1 {
				t.Errorf("after %s: %v\n%s", time.Since(began), err, lines.String())
			}
		}
	})
}

func TestWaitAnswersWithoutJudging(t *testing.T) {
	t.Parallel()
	client, _ := startDouble(t, is(closedAs(OutcomeDenied))).client(t)
	if p, err := client.Wait(t.Context(), testName, Forever); err != nil || p.State.Status.Outcome != OutcomeDenied {
		t.Errorf("got %v, %v", p, err)
	}
	client, _ = startDouble(t, is()).client(t)
	if p, err := client.Wait(t.Context(), testName, 0); err != nil || p.Phase() != PhaseOpen {
		t.Errorf("without time: got %v, %v", p, err)
	}
	client, _ = startDouble(t, problem(503, "unavailable", "restarting")).client(t)
	if _, err := client.Wait(t.Context(), testName, 0); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a server that fails until the end: %v", err)
	}
}

func TestResumeWithoutAPetition(t *testing.T) {
	t.Parallel()
	client, _ := startDouble(t, problem(404, "not_found", "there is none")).client(t)
	_, err := client.Resume(t.Context(), testName, time.Second, nil)
	if !errors.Is(err, ErrNotFound) || !errors.Is(err, ErrNotApproved) {
		t.Errorf("got %v", err)
	}
}

func TestWithoutSettingsNothingIsApproved(t *testing.T) {
	t.Setenv(envToken, "")
	t.Setenv(envSpace, "")
	t.Chdir(t.TempDir())
	_, err := Await(t.Context(), request)
	var config *ConfigError
	if !errors.As(err, &config) || !errors.Is(err, ErrNotApproved) {
		t.Errorf("got %v", err)
	}
	if _, err := Resume(t.Context(), testName, 0); !errors.As(err, &config) {
		t.Errorf("got %v", err)
	}
}

func TestSettingsOfTheFolderAreEnough(t *testing.T) {
	d := startDouble(t, is(granted))
	folder := t.TempDir()
	write(t, filepath.Join(folder, ".env"), fmt.Sprintf("INDENT_API_URL=%s\nINDENT_SPACE=%s\nINDENT_API_TOKEN=%s\n", d.URL, testSpace, testToken))
	for _, name := range []string{envURL, envSpace, envToken} {
		t.Setenv(name, "") // puts back what was there
		_ = os.Unsetenv(name)
	}
	below := filepath.Join(folder, "below")
	if err := os.Mkdir(below, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(below)
	if p, err := Await(t.Context(), request); err != nil || p.Name != testName {
		t.Errorf("got %v, %v", p, err)
	}
}

func TestParamsAreComparedByValue(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		sent any
		got  string
		same bool
	}{
		{nil, "", true}, {nil, `{}`, false}, {map[string]any{}, `{}`, true}, {map[string]any{"b": 1, "a": "x"}, `{"a":"x","b":1}`, true},
		{map[string]any{"a": 1.0}, `{"a":1}`, true}, {map[string]any{"a": 1}, `{"a":"1"}`, false}, {map[string]any{"a": 1}, `{"a":2}`, false},
		{map[string]any{"a": 1}, ``, false}, {map[string]string(nil), ``, true}, {map[string]any{"a": 1}, `{"a":1,"b":2}`, false},
	} {
		if got := sameParams(c.sent, []byte(c.got)); got != c.same {
			t.Errorf("%v and %s: %v", c.sent, c.got, got)
		}
	}
}
