package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"code.dny.dev/ssrf"
)

// Guard keeps calls to addresses that members name from reaching inside (I12). A name is looked up once for each connection,
// every address that it has must be allowed, only those are dialled, and what is dialled is checked once more when it is.
type Guard struct {
	// Log is told of what was stopped, with the address that a name leads to: who made the call is not. Set it before the first one.
	Log   *slog.Logger
	rules *ssrf.Guardian
	// What a test stands in for.
	lookup  func(ctx context.Context, host string) ([]netip.Addr, error)
	connect func(ctx context.Context, network, address string) (net.Conn, error)
}

// ErrInside is the cause of a call that the guard stopped.
var ErrInside = errors.New("prohibited address")

const (
	dialTimeout     = 4 * time.Second // for each address
	handshakeWithin = 4 * time.Second
	maxAddresses    = 8 // of one name that are tried
	maxHeaderBytes  = 16 << 10
)

// azureHost is where virtual machines of Azure ask the host that they run on, for credentials among other things. It is a public
// address, and inside all the same.
var azureHost = netip.MustParsePrefix("168.63.129.16/32")

// NewGuard answers a guard that allows addresses of the public internet and, besides them, the private networks. loopback
// allows those of this machine, for a server to play with.
func NewGuard(private []netip.Prefix, loopback bool) *Guard {
	if loopback {
		private = append(private[:len(private):len(private)], netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"))
	}
	var four, six []netip.Prefix
	for _, p := range private {
		if p.Addr().Is4() {
			four = append(four, p)
		} else {
			six = append(six, p)
		}
	}
	g := &Guard{Log: slog.New(slog.DiscardHandler), rules: ssrf.New(ssrf.WithAnyPort(), ssrf.WithDeniedV4Prefixes(azureHost), ssrf.WithAllowedV4Prefixes(four...), ssrf.WithAllowedV6Prefixes(six...))}
	g.lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
		return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	}
	dialer := &net.Dialer{Timeout: dialTimeout, Control: g.rules.Safe}
	g.connect = dialer.DialContext
	return g
}

// Client answers a client for guarded calls, each of which ends within the time. It follows no redirect, asks no proxy, keeps
// no connection and takes no cookie.
func (g *Guard) Client(within time.Duration) *http.Client {
	return &http.Client{
		Timeout:       within,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DialContext: g.dial, TLSHandshakeTimeout: handshakeWithin, ResponseHeaderTimeout: within,
			MaxResponseHeaderBytes: maxHeaderBytes, DisableKeepAlives: true, DisableCompression: true},
	}
}

// dial looks the name up and dials what it found, one after the other.
func (g *Guard) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	pinned, err := g.addresses(ctx, host)
	if err != nil {
		return nil, err
	}
	var failed error
	for _, a := range pinned {
		conn, err := g.connect(ctx, network, net.JoinHostPort(a.String(), port))
		if err == nil {
			return conn, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, failed
}

// addresses answers where a host is. A name that leads inside with one of its addresses is refused with all of them: whoever
// made it so means no good.
func (g *Guard) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	found := []netip.Addr{}
	if literal, err := netip.ParseAddr(host); err == nil {
		found = append(found, literal)
	} else if found, err = g.lookup(ctx, host); err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s has no address", host)
	}
	for i, a := range found {
		found[i] = a.Unmap() // ::ffff:127.0.0.1 is 127.0.0.1
		if err := g.rules.SafeAddr(found[i]); err != nil {
			g.Log.WarnContext(ctx, "a call was stopped that would have reached inside", "host", host, "address", found[i].String(), "why", err.Error())
			return nil, fmt.Errorf("%w: %s", ErrInside, host)
		}
	}
	return found[:min(len(found), maxAddresses)], nil
}
