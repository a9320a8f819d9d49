package indent

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	firstPause   = 500 * time.Millisecond
	longestPause = 8 * time.Second
	// longestRetryAfter is what the client waits for when the server asks for time; when it asks for more, the error is
	// answered and says it.
	longestRetryAfter = time.Minute
)

// mayRepeat answers whether the call may be sent again after err without a second effect. A 409 of Indent is an answer:
// asking again cannot change it. After 408, 429 and 503 the server has done nothing; after any other 5xx or a broken
// connection it may have, and then only a repeatable call is sent again.
func mayRepeat(one call, err error) bool {
	var refused *Error
	var broken *ConnectionError
	switch {
	case errors.As(err, &broken):
		return one.repeatable || !broken.Sent
	case !errors.As(err, &refused):
		return false
	case refused.Status == http.StatusConflict:
		return refused.Code != "conflict" && refused.RetryAfter > 0
	case refused.Status == http.StatusRequestTimeout, refused.Status == http.StatusTooManyRequests, refused.Status == http.StatusServiceUnavailable:
		return true
	}
	return refused.Status >= 500 && one.repeatable
}

// backoff answers how long to pause before the next attempt, and false when the server asks for longer than a call
// should take. Without a word of the server it is between half and the whole of 0.5 s, 1 s, 2 s …, so that many clients do
// not come back at once.
func (c *Client) backoff(attempt int, err error) (time.Duration, bool) {
	var refused *Error
	if errors.As(err, &refused) && refused.RetryAfter > 0 {
		jitter := time.Duration(c.chance() * float64(firstPause))
		return refused.RetryAfter + jitter, refused.RetryAfter <= longestRetryAfter
	}
	pause := min(firstPause<<min(attempt, 10), longestPause)
	return time.Duration((1 + c.chance()) / 2 * float64(pause)), true
}

func random() float64 { return rand.Float64() }

// retryAfter reads either form that RFC 9110 section 10.2.3 allows.
func retryAfter(value string) time.Duration {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if then, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(then))
	}
	return 0
}
