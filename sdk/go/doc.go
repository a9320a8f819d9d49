// Package indent is the Go client of Indent: code stops at [Await] until the right person, or a rule, has decided.
//
//	petition, err := indent.Await(ctx, indent.Request{
//		Reason:    "to recover account",
//		Resources: []indent.Resource{{Kind: "action", ID: "reset-password:123", DisplayName: "Reset Password (user:123)"}},
//	})
//	if err != nil {
//		return err // nothing but a granted petition gets past this line
//	}
//
// [New] answers a client for everything else that the API can do: petitions, claims, resources, events, tokens, spaces
// and service accounts, one file per noun. Lists are iterators that read page after page as far as they are looked at.
//
// # Settings
//
// INDENT_API_URL (default http://127.0.0.1:8080), INDENT_SPACE and INDENT_API_TOKEN are read from the environment and,
// what is not there, from the nearest .env file in the working directory or above it. [Options] wins over both.
//
// # Errors
//
// What the server refuses is an [*Error]; errors.Is tells the kinds apart ([ErrNotFound], [ErrConflict], …). A server that
// cannot be reached is a [*ConnectionError], an answer that is no answer of this API a [*ResponseError], a setting that is missing
// a [*ConfigError]. [Await] and [Resume] answer [*DeniedError], [*TimeoutError], [*ExpiredError], [*WithdrawnError] or
// [*UnavailableError]; each of them is [ErrNotApproved]. No error contains the token.
//
// # What the client takes care of
//
// Calls are retried twice after 408, 429, 5xx and broken connections, with jitter, after the time that the server asks
// for; a 409 is an answer and never retried. Petitions and claims are sent with an idempotency key, so that a retry
// never makes a second one. The token goes to the configured address only: redirects are not followed, and plain http
// is refused unless the host is this machine. Answers are limited to 64 MiB. A [Client] may be used by many goroutines.
//
// A wait ends when its time is up and is not ended by a server that restarts. More than four waits at once, of one process
// with one token for one space, share a few connections. A stream of them that breaks is set up again; where there can be none,
// each waits for itself.
//
// It imports the standard library only.
package indent
