package indent

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// writeDuration writes a duration as defaultDuration has it (protobuf JSON, "3600s"), "" for none.
func writeDuration(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + "s"
}

// readDuration reads what writeDuration writes, and a Go duration.
func readDuration(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	if d, err := time.ParseDuration(strings.TrimSpace(s)); err == nil {
		return d, nil
	}
	return 0, fmt.Errorf("%q is not a duration such as 3600s", snippet(s))
}
