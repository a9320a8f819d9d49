package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/zalando/go-keyring"
)

// secret is what must not be read by others: it acts as the user.
type secret struct {
	AccessToken  string `json:"accessToken"`
	RefreshToken string `json:"refreshToken"`
	// ExpireTime is when the access token ends, by this machine's clock.
	ExpireTime time.Time `json:"expireTime"`
}

// keyringService is the name under which a keyring keeps secrets.
const keyringService = "indent"

// keyringPatience is how long a keyring may take, which may ask its user for a password.
const keyringPatience = 30 * time.Second

// hasKeyring answers whether there may be one. Without a session bus the library would try to start one.
func hasKeyring() bool {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" || os.Getenv("DBUS_SESSION_BUS_ADDRESS") != "" {
		return true
	}
	run := os.Getenv("XDG_RUNTIME_DIR")
	if run == "" {
		return false
	}
	_, err := os.Stat(filepath.Join(run, "bus"))
	return err == nil
}

// askKeyring gives up on a keyring that does not answer.
func askKeyring(ask func() error) error {
	answer := make(chan error, 1)
	go func() { answer <- ask() }()
	late := time.NewTimer(keyringPatience)
	defer late.Stop()
	select {
	case err := <-answer:
		return err
	case <-late.C:
		return fmt.Errorf("it does not answer")
	}
}

// putSecret keeps a secret of a profile, where it says. It runs locked.
func (d drawer) putSecret(name string, p profile, s secret) error {
	if p.Keyring {
		raw, err := json.Marshal(s)
		if err == nil {
			err = askKeyring(func() error { return keyring.Set(keyringService, name, string(raw)) })
		}
		if err != nil {
			return fmt.Errorf("the system's keyring did not take the token: %w: unlock it, or sign in with --no-keyring", err)
		}
		return nil
	}
	return d.changeSecrets(func(all map[string]secret) { all[name] = s })
}

func (d drawer) changeSecrets(edit func(map[string]secret)) error {
	all := map[string]secret{}
	if err := d.read(credentialsFile, &all); err != nil {
		return err
	}
	edit(all)
	return d.write(credentialsFile, all)
}

// getSecret answers the secret of a profile; found is false when it is gone.
func (d drawer) getSecret(name string, p profile) (s secret, found bool, err error) {
	if !p.Keyring {
		all := map[string]secret{}
		if err := d.read(credentialsFile, &all); err != nil {
			return s, false, err
		}
		s, found = all[name]
		return s, found, nil
	}
	var raw string
	err = askKeyring(func() (err error) {
		raw, err = keyring.Get(keyringService, name)
		return err
	})
	if errors.Is(err, keyring.ErrNotFound) {
		return s, false, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(raw), &s)
	}
	if err != nil {
		return secret{}, false, fmt.Errorf("the system's keyring did not give the token: %w: unlock it, or sign in again with --no-keyring", err)
	}
	return s, true, nil
}

// dropSecret forgets the secret of a profile; one that is gone is forgotten.
func (d drawer) dropSecret(name string, p profile) error {
	if !p.Keyring {
		return d.changeSecrets(func(all map[string]secret) { delete(all, name) })
	}
	err := askKeyring(func() error { return keyring.Delete(keyringService, name) })
	if err != nil && !errors.Is(err, keyring.ErrNotFound) {
		return fmt.Errorf("the system's keyring did not forget the token: %w: unlock it and try again", err)
	}
	return nil
}

// keep stores a new login: in the keyring when there is one that works and it is wanted, else in the file. It answers the
// place in words.
func (d drawer) keep(name string, p profile, s secret, useKeyring bool) (where string, before *secret, err error) {
	err = d.change(func(all *profiles) (err error) {
		if old, known := all.Profiles[name]; known {
			if kept, found, err := d.getSecret(name, old); err == nil && found {
				before = &kept
			}
			if err := d.dropSecret(name, old); err != nil {
				return err
			}
		}
		if where, p.Keyring, err = d.keepSecret(name, p, s, useKeyring); err != nil {
			return err
		}
		all.Profiles[name], all.Current = p, name
		return nil
	})
	return where, before, err
}

// inKeyring is the place in words.
const inKeyring = "the system's keyring"

// keepSecret keeps the secret of a new login. One that the keyring does not take goes into the file: the login was allowed,
// and a person is there to read where it is.
func (d drawer) keepSecret(name string, p profile, s secret, useKeyring bool) (where string, keyring bool, err error) {
	file := filepath.Join(d.folder, credentialsFile)
	switch {
	case !useKeyring:
		where = file + " (mode 0600)"
	case !hasKeyring():
		where = file + " (mode 0600: there is no keyring)"
	default:
		p.Keyring = true
		err := d.putSecret(name, p, s)
		if err == nil {
			return inKeyring, true, nil
		}
		where = fmt.Sprintf("%s (mode 0600: %v)", file, err)
	}
	p.Keyring = false
	return where, false, d.putSecret(name, p, s)
}
