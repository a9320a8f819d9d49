package cli

import (
	"context"
	"errors"

	"github.com/indent-approvals/indent/internal/app"
	indent "github.com/indent-approvals/indent/sdk/go"
)

// The exit codes are an API: scripts depend on them.
const (
	exitOK          = 0
	exitError       = 1
	exitNotSignedIn = 4
	exitDenied      = 10
	exitExpired     = 11
	exitPending     = 12
	exitUnreachable = 13
	exitInUse       = 14
	exitDamaged     = 15
	exitForged      = 16
	exitInterrupted = 130
)

const exitCodesText = `Exit codes:
  0   done; of a command that waits: granted
  1   error
  4   not signed in: there is no such login, or the token is missing, wrong, expired or revoked
  10  denied, withdrawn or revoked
  11  expired: nobody decided in time, or the grant has ended
  12  still pending when the time to wait was over
  13  the server cannot be reached, or cannot answer now
  14  another server runs on the database
  15  the database, or the backup, is damaged
  16  the log is not what was logged
  130 stopped with Ctrl-C before it was done`

// errSaid marks an error that the command has told already.
var errSaid = errors.New("said")

// errTokenExpired is a token whose time is up.
var errTokenExpired = errors.New("the token has expired")

// interrupted is a command that its user has stopped, in words.
type interrupted struct{ text string }

func (e interrupted) Error() string { return e.text }

// Unwrap makes it what a context that was cancelled answers.
func (interrupted) Unwrap() error { return context.Canceled }

// said is err that needs no further word.
func said(err error) error { return errors.Join(errSaid, err) }

func exitCode(err error) int {
	var denied *indent.DeniedError
	var withdrawn *indent.WithdrawnError
	var expired *indent.ExpiredError
	var timeout *indent.TimeoutError
	var away *indent.ConnectionError
	var config *indent.ConfigError
	var nobody notSignedIn
	var fault *app.LogFault
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, app.ErrInUse):
		return exitInUse
	case errors.Is(err, app.ErrDamaged):
		return exitDamaged
	case errors.As(err, &fault):
		return exitForged
	case errors.As(err, &denied), errors.As(err, &withdrawn):
		return exitDenied
	case errors.As(err, &expired), errors.Is(err, errTokenExpired):
		return exitExpired
	case errors.As(err, &timeout) && errors.Is(timeout.Err, context.Canceled):
		return exitPending // who stops waiting knows how the petition stands
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &away), errors.Is(err, indent.ErrUnavailable):
		return exitUnreachable
	case errors.As(err, &timeout):
		return exitPending
	case errors.As(err, &nobody), errors.Is(err, indent.ErrUnauthenticated), errors.As(err, &config) && config.Name == "INDENT_API_TOKEN":
		return exitNotSignedIn
	}
	return exitError
}
