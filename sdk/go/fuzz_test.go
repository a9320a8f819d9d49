package indent

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"unicode"
)

// Whatever refuses a call: an error that is one of the kinds and can be shown on a terminal.
func FuzzRefusal(f *testing.F) {
	f.Add(400, `{"status":400,"code":"invalid","message":"x","detail":"x","field":"petition.reason"}`, "")
	f.Add(503, "<html>\x1b[2J", "5")
	f.Add(429, `{"code":"too_many"}`, "99999999999999999999")
	f.Add(302, `[]`, "-1")
	f.Add(409, `{"code":"\u202e","message":"a\u001bb","field":"\u0007"}`, "Wed, 21 Oct 2030 07:28:00 GMT")
	c, err := New(Options{URL: "http://127.0.0.1:8080", Space: "acmecorp", Token: testToken})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, status int, body, retry string) {
		if status < 300 || status > 599 {
			return
		}
		err := c.refusal(&http.Response{StatusCode: status, Header: http.Header{"Retry-After": {retry}, "Location": {retry}}}, []byte(body))
		if err == nil {
			t.Fatalf("%d %q is no refusal", status, body)
		}
		if strings.ContainsFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }) || len(err.Error()) > 10_000+4*len(body) {
			t.Errorf("%d %q is said as %+q", status, body, err)
		}
		var refused *Error
		if errors.As(err, &refused) && (refused.RetryAfter < 0 || refused.Status != status) {
			t.Errorf("%d %q, %q: %+v", status, body, retry, refused)
		}
	})
}
