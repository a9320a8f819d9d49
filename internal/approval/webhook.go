package approval

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Webhook is an endpoint of the customer that the server calls. Its secrets and the credentials in its headers are sealed
// ([Vault]): nobody who reads the storage, or asks the API, learns them.
type Webhook struct {
	Space       string
	Name        string
	DisplayName string
	Labels      map[string]string
	URL         string
	Method      string
	Headers     []StoredHeader // by name
	// Keys sign calls, the newest first: two while a secret is being rotated, until OldUntil.
	Keys     []StoredKey
	OldUntil time.Time
	// DryRun: no call is sent, and the log of calls says what would have been.
	DryRun     bool
	CreatedBy  Resource
	CreateTime time.Time
	UpdateTime time.Time
	Version    int64 // grows with each change
}

// StoredHeader is a header that goes with every call: a text that everybody may read, or a credential.
type StoredHeader struct {
	Name   string
	Value  string
	Sealed string // of a credential
}

// StoredKey is what signs calls.
type StoredKey struct {
	Sealed     string // the secret and the seed of the ed25519 key
	PublicKey  string // "whpk_…"
	CreateTime time.Time
}

// Limits of webhooks.
const (
	MaxWebhooks       = 100 // of a space
	MaxWebhookURL     = 2000
	MaxWebhookHeaders = 20
	MaxHeaderName     = 100
	MaxHeaderValue    = 4000
	MaxWebhookSecret  = 500
	minWebhookSecret  = 16 // of one that somebody brings along
	minStandardKey    = 24 // bytes, as Standard Webhooks says
	maxStandardKey    = 64
	// MaxRotation is how long two secrets may sign.
	MaxRotation = 30 * 24 * time.Hour
	// DefaultRotation is how long they do where nobody says.
	DefaultRotation = 24 * time.Hour
)

// WebhookMethods are the methods that calls can have.
var WebhookMethods = []string{"POST", "PUT", "PATCH"}

var (
	headerName  = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$") // RFC 9110, 5.6.2
	headerValue = regexp.MustCompile(`^[!-~]([ -~]*[!-~])?$`)
	webhookHost = regexp.MustCompile(`^[!-~]+$`)
)

// ourHeaders are set by the server or by HTTP itself; ourPrefixes begin those that say who a call is from.
var (
	ourHeaders = []string{"accept", "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "expect", "host", "keep-alive",
		"proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "user-agent"}
	ourPrefixes = []string{"x-indent-", "webhook-", "sec-"}
)

// Check refuses a webhook that is out of its limits or has an address that no call may go to.
func (w Webhook) Check() error {
	if !slices.Contains(WebhookMethods, w.Method) {
		return FieldError("method", "must be one of %s", strings.Join(WebhookMethods, ", "))
	}
	if len(w.Headers) > MaxWebhookHeaders {
		return FieldError("headers", "are more than %d", MaxWebhookHeaders)
	}
	for i, h := range w.Headers {
		if i > 0 && strings.EqualFold(h.Name, w.Headers[i-1].Name) {
			return FieldError("headers", "name %.100q twice: the case of a header's name says nothing", h.Name)
		}
		if err := checkHeaderName(h.Name); err != nil {
			return err
		}
		if h.Sealed == "" {
			if err := checkHeaderValue(h.Name, "value", h.Value); err != nil {
				return err
			}
		}
	}
	return firstError(checkName("name", w.Name), checkLine("displayName", w.DisplayName, MaxDisplayName), checkLabels("labels", w.Labels), CheckWebhookURL("url", w.URL))
}

// CheckWebhookURL wants an https address, or an http one on this machine, without what stands in for a password.
func CheckWebhookURL(field, text string) error {
	if len(text) > MaxWebhookURL {
		return FieldError(field, "is %d bytes long, at most %d are allowed", len(text), MaxWebhookURL)
	}
	u, err := url.Parse(text)
	switch {
	case text == "":
		return FieldError(field, "is required: the https address of the endpoint")
	case err != nil || !webhookHost.MatchString(text) || u.Opaque != "" || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" || strings.Contains(text, "\\"):
		return FieldError(field, "must be an https address, such as https://hooks.example.com/indent")
	case u.User != nil:
		return FieldError(field, "must not have a name or password before the host: put the credential into a header")
	case strings.Contains(text, "#"):
		return FieldError(field, "must not have a part behind #, which is never sent")
	case u.Scheme == "http" && !loopbackHosts.MatchString(u.Host):
		return FieldError(field, "must begin with https://, or anybody on the way could read and change what is granted")
	}
	return nil
}

func checkHeaderName(name string) error {
	lower := strings.ToLower(name)
	switch {
	case len(name) > MaxHeaderName || !headerName.MatchString(name):
		return FieldError("headers", "has %.100q, which is no name of a header of at most %d characters", name, MaxHeaderName)
	case slices.Contains(ourHeaders, lower) || slices.ContainsFunc(ourPrefixes, func(p string) bool { return strings.HasPrefix(lower, p) }):
		return FieldError("headers."+name, "is set by the server: leave it out")
	}
	return nil
}

// checkHeaderValue refuses what would be another header, or none. part says whether it is the value or the credential.
func checkHeaderValue(name, part, value string) error {
	if len(value) > MaxHeaderValue || !headerValue.MatchString(value) {
		return FieldError("headers."+name+"."+part, "must be 1 to %d visible ASCII characters, with blanks between them at most", MaxHeaderValue)
	}
	return nil
}

// checkWebhookSecret refuses a secret that could be guessed, or that receivers would read as another one.
func checkWebhookSecret(secret string) error {
	if len(secret) < minWebhookSecret || len(secret) > MaxWebhookSecret || !webhookHost.MatchString(secret) {
		return FieldError("secret", "must be %d to %d visible ASCII characters: leave it out, and the server makes one", minWebhookSecret, MaxWebhookSecret)
	}
	if text, standard := strings.CutPrefix(secret, "whsec_"); standard {
		if key, err := base64.StdEncoding.DecodeString(text); err != nil || len(key) < minStandardKey || len(key) > maxStandardKey {
			return FieldError("secret", "begins with whsec_, so %d to %d bytes as base64 must follow: leave it out, and the server makes one", minStandardKey, maxStandardKey)
		}
	}
	return nil
}

// origin answers where an address leads, without the way there.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}

// resource answers the webhook as it appears in events. Its address is not in it: the log is read by more people.
func (w Webhook) resource() Resource {
	return Resource{ID: w.Name, Kind: "webhook", DisplayName: w.DisplayName}
}

// Rotating answers whether two secrets sign at that time.
func (w Webhook) Rotating(now time.Time) bool { return len(w.Keys) > 1 && now.Before(w.OldUntil) }
