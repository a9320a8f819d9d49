package limits

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// sources tells where a request comes from. Anybody can send X-Forwarded-For or Forwarded (RFC 7239), so what they say counts
// only from a trusted proxy, and of it only what trusted proxies have added: the list is read from its right end, and the
// first address that is no trusted proxy's is the source.
type sources struct{ trusted []netip.Prefix }

// mostHops bounds how much of a list is read.
const mostHops = 16

func (s sources) of(r *http.Request) netip.Addr {
	peer := address(r.RemoteAddr)
	if len(s.trusted) == 0 || !s.trusts(peer) {
		return peer
	}
	plain, standard := list(r.Header["X-Forwarded-For"]), list(r.Header["Forwarded"])
	for i, element := range standard {
		standard[i] = forwardedFor(element)
	}
	switch {
	case len(standard) == 0:
		return s.walk(peer, plain)
	case len(plain) == 0:
		return s.walk(peer, standard)
	}
	// A proxy that writes one of them and passes the other on as it came would let the client choose.
	if a := s.walk(peer, plain); a == s.walk(peer, standard) {
		return a
	}
	return peer
}

// claimed answers the address that a proxy which is not trusted has written last, none where there is no such proxy. It is
// no source: whoever reaches the server by itself can write it.
func (s sources) claimed(r *http.Request) netip.Addr {
	if s.trusts(address(r.RemoteAddr)) {
		return netip.Addr{}
	}
	if hops := list(r.Header["X-Forwarded-For"]); len(hops) > 0 {
		return address(strings.TrimSpace(hops[len(hops)-1]))
	}
	if hops := list(r.Header["Forwarded"]); len(hops) > 0 {
		return address(forwardedFor(hops[len(hops)-1]))
	}
	return netip.Addr{}
}

// walk answers the first address from the right that is no trusted proxy's, or the last that is known.
func (s sources) walk(peer netip.Addr, hops []string) netip.Addr {
	known := peer
	for i := len(hops) - 1; i >= max(0, len(hops)-mostHops); i-- {
		addr := address(strings.TrimSpace(hops[i]))
		if !addr.IsValid() {
			return known
		}
		if known = addr; !s.trusts(addr) {
			return known
		}
	}
	return known
}

func (s sources) trusts(a netip.Addr) bool {
	return slices.ContainsFunc(s.trusted, func(p netip.Prefix) bool { return p.Contains(a) })
}

// list answers the elements of a header that may stand several times (RFC 9110, 5.3).
func list(lines []string) []string {
	if len(lines) == 0 {
		return nil
	}
	return strings.Split(strings.Join(lines, ","), ",")
}

// forwardedFor answers the address of one element of Forwarded, "" when it names none.
func forwardedFor(element string) string {
	for pair := range strings.SplitSeq(element, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if strings.EqualFold(name, "for") {
			return strings.Trim(value, `"`)
		}
	}
	return ""
}

// address reads an address with or without a port; an IPv4 address in IPv6 clothes is the IPv4 address.
func address(text string) netip.Addr {
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at.Addr().Unmap().WithZone("")
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}
