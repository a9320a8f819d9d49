package identity

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// Logins are how a program gets to act for a person: by a code that the person enters on another device (RFC 8628), or
// through the person's browser on the same one (RFC 8252, with PKCE). Both give a short-lived access token and a refresh
// token that is used once.
type Logins struct{ *Identity }

// Logins answers the programs' side.
func (i *Identity) Logins() Logins { return Logins{i} }

// The text of a person's refresh token is that of a service token with another prefix, and as a regular expression
// indr_[0-9A-Za-z]{38}. A device code and the code that a browser carries back are 32 characters (190 bits).
const (
	refreshPrefix = "indr_"
	codeLength    = 32
)

// userAlphabet is what a person types: 20 letters without vowels, so that no words come about (RFC 8628, 6.1). Eight of
// them are 34 bits, for ten minutes, behind a bound on guesses.
const (
	userAlphabet   = "BCDFGHJKLMNPQRSTVWXZ"
	userCodeLength = 8
)

// Where nothing else is said: how long a login lives that is not used, and how long at most.
const (
	defaultLoginIdle = 30 * 24 * time.Hour
	defaultLoginTTL  = 90 * 24 * time.Hour
)

// DeviceCode is what a program is told that asks to be let in.
type DeviceCode struct {
	// Device is the program's own, User what a person enters, as BCDF-GHJK.
	Device, User       string
	ExpireIn, Interval time.Duration
}

// Pair are an access token, as a JWT, and the refresh token for the next.
type Pair struct {
	Made
	Refresh string
}

// Open answers the codes for a program that asks to be let in.
func (l Logins) Open(ctx context.Context, asked approval.Login) (DeviceCode, error) {
	c := DeviceCode{Device: l.ids.Secret(codeLength), User: l.userCode(), ExpireIn: approval.LoginTTL, Interval: approval.LoginInterval}
	asked.Hash, asked.UserHash = hash(c.Device), hash(plainUserCode(c.User))
	_, err := l.service.OpenLogin(ctx, asked)
	return c, err
}

// userCode draws uniformly: characters beyond a whole multiple of the alphabet are thrown away.
func (l Logins) userCode() string {
	const half = userCodeLength / 2
	var code []byte
	for len(code) < userCodeLength {
		random := l.ids.Secret(2 * userCodeLength)
		for i := len(random) - 1; i >= 0 && len(code) < userCodeLength; i-- {
			if n := strings.IndexByte(base62, random[i]); n >= 0 && n < 62-62%len(userAlphabet) {
				code = append(code, userAlphabet[n%len(userAlphabet)])
			}
		}
	}
	return string(code[:half]) + "-" + string(code[half:])
}

// plainUserCode answers the code in its one spelling, "" when it cannot be one: people write it small, with blanks or
// without the dash.
func plainUserCode(text string) string {
	if len(text) > 64 {
		return ""
	}
	var code strings.Builder
	for _, r := range strings.ToUpper(text) {
		switch {
		case strings.ContainsRune(userAlphabet, r):
			code.WriteRune(r)
		case r != '-' && r != ' ':
			return ""
		}
	}
	if code.Len() != userCodeLength {
		return ""
	}
	return code.String()
}

// UserCode answers a code as it is shown, BCDF-GHJK, and as it was typed when it cannot be one.
func UserCode(text string) string {
	plain := plainUserCode(text)
	if plain == "" {
		return text
	}
	return plain[:userCodeLength/2] + "-" + plain[userCodeLength/2:]
}

func noUserCode() error {
	return approval.FieldError("code", "must be eight letters such as BCDF-GHJK, as the program shows them: it has no vowels and no Y")
}

// Asked answers what the program asks whose code the person has entered. It changes nothing.
func (l Logins) Asked(ctx context.Context, a approval.Actor, userCode string) (approval.Login, error) {
	plain := plainUserCode(userCode)
	if plain == "" {
		return approval.Login{}, noUserCode()
	}
	return l.service.AskedLogin(ctx, a, hash(plain))
}

// Answer lets the program in or does not.
func (l Logins) Answer(ctx context.Context, a approval.Actor, userCode string, allow bool) (approval.Login, error) {
	plain := plainUserCode(userCode)
	if plain == "" {
		return approval.Login{}, noUserCode()
	}
	return l.service.AnswerLogin(ctx, a, hash(plain), allow)
}

// Check answers a login through the browser as the person may allow it. It refuses one whose answer would not go to a
// program on the browser's own machine (RFC 8252, 7.3) or without a proof that the program can give (RFC 7636).
func (l Logins) Check(ctx context.Context, a approval.Actor, asked approval.Login) (approval.Login, error) {
	if err := checkBrowser(asked); err != nil {
		return approval.Login{}, err
	}
	return l.service.CheckBrowserLogin(ctx, a, asked)
}

// Allow lets the program in and answers the code that the browser carries back to it.
func (l Logins) Allow(ctx context.Context, a approval.Actor, asked approval.Login) (code string, err error) {
	if err := checkBrowser(asked); err != nil {
		return "", err
	}
	code = l.ids.Secret(codeLength)
	asked.Hash, asked.UserHash = hash(code), ""
	_, err = l.service.AllowBrowserLogin(ctx, a, asked)
	return code, err
}

// Refuse writes to the log that the person did not let the program in.
func (l Logins) Refuse(ctx context.Context, a approval.Actor, asked approval.Login) error {
	if err := checkBrowser(asked); err != nil {
		return err
	}
	return l.service.RefuseBrowserLogin(ctx, a, asked)
}

var (
	loopbackRedirect = regexp.MustCompile(`^http://127\.0\.0\.1:([1-9][0-9]{0,4})/callback$`)
	sha256Challenge  = regexp.MustCompile(`^[0-9A-Za-z_-]{43}$`)
	codeVerifier     = regexp.MustCompile(`^[0-9A-Za-z._~-]{43,128}$`)
)

func checkBrowser(asked approval.Login) error {
	port := loopbackRedirect.FindStringSubmatch(asked.Redirect)
	if port == nil {
		return approval.FieldError("redirect_uri", "must be http://127.0.0.1:PORT/callback: a code goes to a program on the same machine only")
	}
	if n, err := strconv.Atoi(port[1]); err != nil || n > 65535 {
		return approval.FieldError("redirect_uri", "has a port that does not exist")
	}
	if !sha256Challenge.MatchString(asked.Challenge) {
		return approval.FieldError("code_challenge", "must be the SHA-256 of a verifier in base64url (PKCE, S256)")
	}
	return nil
}

// DeviceTokens answers the tokens of a device code once a person has let the program in, once.
func (l Logins) DeviceTokens(ctx context.Context, deviceCode string) (Pair, error) {
	found, err := l.service.FetchedLogin(ctx, hash(deviceCode))
	if err != nil {
		return Pair{}, err
	}
	return l.start(ctx, found)
}

// CodeTokens answers the tokens of a code that a browser has carried back, once.
func (l Logins) CodeTokens(ctx context.Context, code, verifier, redirect string) (Pair, error) {
	challenge := ""
	if codeVerifier.MatchString(verifier) {
		sum := sha256.Sum256([]byte(verifier))
		challenge = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	found, err := l.service.CodeLogin(ctx, hash(code), challenge, redirect)
	if err != nil {
		l.Forget() // it may have ended what the code gave before
		return Pair{}, err
	}
	return l.start(ctx, found)
}

func (l Logins) start(ctx context.Context, found approval.Login) (Pair, error) {
	now := l.clock.Now()
	secret := newRefreshToken(l.ids.Secret(randomLength))
	family := approval.Token{Name: l.ids.UUID(), ExpireTime: now.Add(or(l.LoginTTL, defaultLoginTTL))}
	first := approval.RefreshToken{Hash: hash(secret), ExpireTime: now.Add(or(l.LoginIdle, defaultLoginIdle))}
	family, err := l.service.StartLogin(ctx, found, family, first)
	if err != nil {
		return Pair{}, err
	}
	return l.pair(ctx, family, secret)
}

// RefreshTokens uses up a refresh token and answers the next pair. Scopes never grow: they are the family's.
func (l Logins) RefreshTokens(ctx context.Context, refresh string) (Pair, error) {
	if !IsRefreshToken(refresh) {
		return Pair{}, malformed()
	}
	used, family, err := l.service.UsedRefreshToken(ctx, hash(refresh))
	if err != nil {
		if family.Name != "" {
			l.Forget()
		}
		return Pair{}, err
	}
	a, err := l.whole(ctx, family)
	if err != nil {
		return Pair{}, err
	}
	secret := newRefreshToken(l.ids.Secret(randomLength))
	next := approval.RefreshToken{Hash: hash(secret), ExpireTime: l.clock.Now().Add(or(l.LoginIdle, defaultLoginIdle))}
	if err := l.service.Refresh(ctx, a, family, used, next); err != nil {
		l.Forget()
		return Pair{}, err
	}
	return l.pair(ctx, family, secret)
}

// pair signs an access token that names the family, so that it ends with it (docs/decisions/0005).
func (l Logins) pair(ctx context.Context, family approval.Token, refresh string) (Pair, error) {
	end := l.clock.Now().Add(l.TokenTTL)
	if family.ExpireTime.Before(end) {
		end = family.ExpireTime
	}
	secret, err := l.sign(ctx, family, end)
	family.ExpireTime = end
	return Pair{Made{family, secret}, refresh}, err
}

// End ends the login of a refresh token, on this node at once. It is Unauthenticated for a text that is none, or whose login
// has ended: nothing that could be used is left.
func (l Logins) End(ctx context.Context, refresh string) error {
	if !IsRefreshToken(refresh) {
		return malformed()
	}
	defer l.Forget()
	return l.service.EndLogin(ctx, hash(refresh))
}

func newRefreshToken(random string) string {
	return refreshPrefix + random + checksum(refreshPrefix+random)
}

// IsRefreshToken answers whether the text has the shape and the checksum of a person's refresh token.
func IsRefreshToken(text string) bool {
	if len(text) != len(refreshPrefix)+randomLength+checkLength || !strings.HasPrefix(text, refreshPrefix) {
		return false
	}
	body := text[:len(text)-checkLength]
	return checksum(body) == text[len(body):]
}

func or(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}
