package webhook

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func reach(t *testing.T, g *Guard, address string) error {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := g.Client(5 * time.Second).Do(request)
	if err == nil {
		response.Body.Close()
	}
	return err
}

// I12: no call reaches inside, however the address is written.
func TestNoCallReachesInside(t *testing.T) {
	t.Parallel()
	var reached atomic.Int64
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer inside.Close()
	_, port, _ := net.SplitHostPort(inside.Listener.Addr().String())
	g := NewGuard(nil, false)
	for _, host := range []string{
		"127.0.0.1", "127.1.2.3", "localhost", "[::1]", "0.0.0.0", "[::]",
		"10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "[fd00::1]", // private
		"169.254.169.254", "168.63.129.16", "[fe80::1]", "[fe80::1%25eth0]", "[fd00:ec2::254]", // link-local; where clouds keep credentials
		"[::ffff:127.0.0.1]", "[::ffff:169.254.169.254]", "[::ffff:7f00:1]", "[::127.0.0.1]", // IPv4 in IPv6
		"[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "[2002:7f00:1::]", "[2001:0:7f00:1::]", // by way of NAT64, 6to4, Teredo
		"224.0.0.1", "[ff02::1]", "255.255.255.255", "192.0.2.1", "198.18.0.1", "[2001:db8::1]",
	} {
		if err := reach(t, g, "http://"+host+":"+port+"/"); !errors.Is(err, ErrInside) {
			t.Errorf("%s: %v", host, err)
		}
	}
	if reached.Load() > 0 {
		t.Error("it was reached")
	}
}

// What is not dotted is a name, and not what an older library would make of it.
func TestNumbersAreNoAddresses(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"2130706433", "0177.0.0.1", "0x7f.1", "127.1"} {
		n := &names{answers: [][]netip.Addr{{public}}}
		if err := reach(t, n.guard(), "http://"+host+"/"); err == nil || n.asked != 1 || !slices.Equal(n.dialled, []string{"93.184.215.14:80"}) {
			t.Errorf("%s: %v, looked up %d times, dialled %v", host, err, n.asked, n.dialled)
		}
	}
}

// The networks inside that the settings name are reached, and no others.
func TestNetworksOfTheSettingsAreReached(t *testing.T) {
	t.Parallel()
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer inside.Close()
	named := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/30"), netip.MustParsePrefix("10.0.0.0/8")}
	if err := reach(t, NewGuard(named, false), inside.URL); err != nil {
		t.Error(err)
	}
	if err := reach(t, NewGuard(named, false), strings.Replace(inside.URL, "127.0.0.1", "127.0.0.8", 1)); !errors.Is(err, ErrInside) {
		t.Errorf("beside it: %v", err)
	}
	if err := reach(t, NewGuard(nil, true), inside.URL); err != nil {
		t.Errorf("on this machine: %v", err)
	}
	if len(named) != 2 || named[1].String() != "10.0.0.0/8" {
		t.Errorf("the settings were changed: %v", named)
	}
}

// names is a double of the resolver, whose answers change from one look-up to the next, and of the network.
type names struct {
	answers [][]netip.Addr
	asked   int
	dialled []string
}

func (n *names) guard() *Guard {
	g := NewGuard(nil, false)
	g.lookup = func(context.Context, string) ([]netip.Addr, error) {
		answer := n.answers[min(n.asked, len(n.answers)-1)]
		n.asked++
		return slices.Clone(answer), nil
	}
	g.connect = func(_ context.Context, _, address string) (net.Conn, error) {
		n.dialled = append(n.dialled, address)
		return nil, errors.New("nobody is there")
	}
	return g
}

var (
	public  = netip.MustParseAddr("93.184.215.14")
	second  = netip.MustParseAddr("2606:2800:21f::1")
	hidden  = netip.MustParseAddr("127.0.0.1")
	wrapped = netip.MustParseAddr("::ffff:10.0.0.1")
)

// DNS rebinding: a name that is public when it is looked at and inside when it is dialled. It is looked up once, and what was
// looked at is what is dialled.
func TestANameThatChangesIsDialledWhereItWas(t *testing.T) {
	t.Parallel()
	n := &names{answers: [][]netip.Addr{{public, second}, {hidden}}}
	g := n.guard()
	if err := reach(t, g, "http://rebind.example.com:8443/"); err == nil || errors.Is(err, ErrInside) {
		t.Errorf("got %v", err)
	}
	if want := []string{"93.184.215.14:8443", "[2606:2800:21f::1]:8443"}; n.asked != 1 || !slices.Equal(n.dialled, want) {
		t.Errorf("looked up %d times, dialled %v, want %v", n.asked, n.dialled, want)
	}
	if err := reach(t, g, "http://rebind.example.com:8443/"); !errors.Is(err, ErrInside) || len(n.dialled) != 2 {
		t.Errorf("the next call: %v, dialled %v", err, n.dialled)
	}
}

func TestANameThatLeadsInsideTooIsRefused(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string][]netip.Addr{"the last": {public, second, hidden}, "the first": {hidden, public}, "wrapped": {public, wrapped}, "none": {}} {
		n := &names{answers: [][]netip.Addr{answer}}
		if err := reach(t, n.guard(), "https://both.example.com/"); err == nil || len(n.dialled) > 0 || len(answer) > 0 && !errors.Is(err, ErrInside) {
			t.Errorf("%s: %v, dialled %v", name, err, n.dialled)
		}
	}
}

// Where a name leads inside is for who runs the server, and not for who names it.
func TestTheAddressInsideIsForTheLog(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	n := &names{answers: [][]netip.Addr{{netip.MustParseAddr("10.20.30.40")}}}
	g := n.guard()
	g.Log = slog.New(slog.NewTextHandler(&log, nil))
	err := reach(t, g, "https://payroll.example.com/")
	if !errors.Is(err, ErrInside) || !strings.Contains(err.Error(), "payroll.example.com") || strings.Contains(err.Error(), "10.20.") {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(log.String(), "10.20.30.40") || !strings.Contains(log.String(), "payroll.example.com") {
		t.Errorf("the log has %s", log.String())
	}
	for _, failed := range []error{err, &url.Error{Op: "Post", Err: &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(10, 20, 30, 40), Port: 443}, Err: syscall.ECONNREFUSED}}} {
		if says := reason(failed); strings.Contains(says, "10.20.") || !strings.Contains(says, "server's log") && !strings.Contains(says, "connection refused") {
			t.Errorf("the record says %s", says)
		}
	}
}

// Whatever has come so far, the address is checked again when it is dialled.
func TestTheAddressIsCheckedWhenItIsDialled(t *testing.T) {
	t.Parallel()
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was reached") }))
	defer inside.Close()
	conn, err := NewGuard(nil, false).connect(t.Context(), "tcp", inside.Listener.Addr().String())
	if err == nil {
		conn.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "prohibited") {
		t.Errorf("got %v", err)
	}
}

func TestNoCallIsSentElsewhere(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	here := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		http.Redirect(w, r, "/other", http.StatusTemporaryRedirect)
	}))
	defer here.Close()
	if err := reach(t, NewGuard(nil, true), here.URL); err != nil || asked.Load() != 1 {
		t.Errorf("%v after %d calls", err, asked.Load())
	}
}
