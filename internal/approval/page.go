package approval

import (
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Page is one page of a list. Next is the token of the next page, empty on the last.
type Page[T any] struct {
	Items []T
	Next  string
}

// PageRequest asks for a page. Lists are read by key, not by offset: a page never repeats or loses a row that was
// there before and after.
type PageRequest struct {
	Size      int // 0 means DefaultPageSize
	Token     string
	Ascending bool
}

// Check answers the request with its defaults filled in, or Invalid.
func (r PageRequest) Check() (PageRequest, error) {
	if r.Size < 0 || r.Size > MaxPageSize {
		return r, FieldError("pageSize", "must be between 1 and %d", MaxPageSize)
	}
	if r.Size == 0 {
		r.Size = DefaultPageSize
	}
	return r, nil
}

// PageKey is the place in a list after which the next page starts.
type PageKey struct {
	Number int64
	Text   string
}

// Token writes the key as an opaque page token.
func (k PageKey) Token() string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(k.Number, 36) + " " + k.Text))
}

func badPageToken() error {
	return FieldError("pageToken", "is not a page token of this list: use the nextPageToken of the answer before, unchanged")
}

// ParsePageToken reads what [PageKey.Token] wrote; an empty token is no key at all.
func ParsePageToken(token string) (key PageKey, given bool, err error) {
	if token == "" {
		return PageKey{}, false, nil
	}
	if len(token) > base64.RawURLEncoding.EncodedLen(utf8.UTFMax*MaxID+20) {
		return PageKey{}, false, badPageToken()
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return PageKey{}, false, badPageToken()
	}
	number, text, _ := strings.Cut(string(raw), " ")
	key.Text = text
	key.Number, err = strconv.ParseInt(number, 36, 64)
	if err != nil || checkLine("", text, MaxID) != nil || key.Token() != token {
		return PageKey{}, false, badPageToken()
	}
	return key, true, nil
}
