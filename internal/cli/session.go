package cli

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	indent "github.com/indent-approvals/indent/sdk/go"
)

// session is a profile at work: it answers its access token and renews it before it ends.
type session struct {
	profile
	name      string
	drawer    drawer
	userAgent string

	mu   sync.Mutex
	kept secret
}

// renewBefore is how long before its end an access token is renewed, at most: of a short-lived one it is a third.
const renewBefore = 2 * time.Minute

// token answers an access token that does not end in the middle of a call. Of several processes one renews it, and the
// others find the new one: a refresh token that is sent twice ends the login.
func (s *session) token(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if fresh(s.kept) {
		return s.kept.AccessToken, nil
	}
	err := s.load()
	if err == nil && !fresh(s.kept) {
		err = s.drawer.locked(func() error {
			if err := s.load(); err != nil || fresh(s.kept) {
				return err
			}
			return s.renew(ctx)
		})
	}
	return s.kept.AccessToken, err
}

func fresh(s secret) bool {
	return s.AccessToken != "" && time.Until(s.ExpireTime) > min(renewBefore, lifeOf(s.AccessToken)/3)
}

func (s *session) load() error {
	kept, found, err := s.drawer.getSecret(s.name, s.profile)
	if err == nil && !found {
		err = notSignedIn{fmt.Sprintf("the profile %s has no token any more: sign in with `%s`", s.name, s.command())}
	}
	s.kept = kept
	return err
}

// command is what signs in again.
func (s *session) command() string {
	return fmt.Sprintf("indent login --server %s --space %s --profile %s", s.Server, s.Space, s.name)
}

// renew uses up the refresh token and keeps the next before anything is done with it. It runs locked.
func (s *session) renew(ctx context.Context) error {
	l, err := indent.NewLogins(indent.Options{URL: s.Server, AllowPlainHTTP: s.InsecureHTTP, UserAgent: s.userAgent})
	if err != nil {
		return err
	}
	// An answer that gets lost is a login that is lost: who presses Ctrl-C now still waits for it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	made, err := l.Refresh(ctx, s.kept.RefreshToken)
	if errors.Is(err, indent.ErrUnauthenticated) {
		return notSignedIn{fmt.Sprintf("%v: `%s`", err, s.command())}
	}
	if err != nil {
		if time.Until(s.kept.ExpireTime) > 0 {
			return nil // it is good for this call
		}
		return err
	}
	s.kept = secretOfLogin(made)
	return s.drawer.putSecret(s.name, s.profile, s.kept)
}

func secretOfLogin(made indent.Token) secret {
	return secret{AccessToken: made.AccessToken, RefreshToken: made.RefreshToken, ExpireTime: time.Now().Add(lifeOf(made.AccessToken)).UTC()}
}

// lifeOf answers how long an access token lives from its making on, by its own words: the two clocks may differ.
func lifeOf(jwt string) time.Duration {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return 0
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct{ Iat, Exp int64 }
	if err != nil || json.Unmarshal(raw, &claims) != nil || claims.Exp < claims.Iat {
		return 0
	}
	return time.Duration(claims.Exp-claims.Iat) * time.Second
}
