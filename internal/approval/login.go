package approval

import (
	"slices"
	"time"
)

// What a login is on its way to a token.
const (
	LoginOpen    = "open"    // nobody has answered
	LoginAllowed = "allowed" // a person has, and the program may fetch its tokens, once
	LoginRefused = "refused"
	LoginUsed    = "used" // the tokens were fetched
)

// Limits of logins.
const (
	// LoginTTL is how long a program waits for a person to enter its code (RFC 8628, 3.2).
	LoginTTL = 10 * time.Minute
	// LoginCodeTTL is how long a program has to fetch its tokens after the browser came back (RFC 6749, 4.1.2).
	LoginCodeTTL = time.Minute
	// LoginInterval is how long a program waits between two questions (RFC 8628, 3.5).
	LoginInterval = 5 * time.Second
	// MaxOpenLogins is how many programs may wait for a person at once, of one address, whatever node they have asked. Each
	// node lets one client have a tenth of it (internal/limits): behind a proxy that is not trusted all are one address.
	MaxOpenLogins = 500
	// MaxClient bounds what a program says of itself.
	MaxClient = 100
)

// Login is the wish of a program to act for a person: which program says so, from where, for what, and what became of it.
// What the program says of itself may be a lie, and a page that shows it says so.
type Login struct {
	Hash     string // hex SHA-256 of the device code, or of the authorization code
	UserHash string // of the code that a person enters; empty of a login that began in the person's browser
	Client   string // what the program calls itself
	Host     string // the machine that it says it runs on
	Source   string // the network address that it asked from, as the server saw it
	// AskedSpace is the one space that it wants, "" any.
	AskedSpace string
	// Scopes is what the token may do: as asked while the login is open, as given once it is allowed. nil: all that the role may.
	Scopes []Permission
	// Challenge and Redirect are of a login through the browser: PKCE (RFC 7636, S256), and where the browser was sent.
	Challenge, Redirect string
	State               string
	Space, Member       string // who answered
	Session             string // Token.Name of the session in which it was allowed; "" of none
	CreateTime          time.Time
	ExpireTime          time.Time
}

// RefreshToken is what the store keeps of a secret with which a program renews its access token, once. All of a login
// name the same token of kind [TokenLogin], their family, and end with it.
type RefreshToken struct {
	Space      string
	Hash       string // hex SHA-256
	Family     string // Token.Name
	CreateTime time.Time
	ExpireTime time.Time
	UseTime    time.Time // zero: not used
}

// Check refuses what a program may not say of itself.
func (l Login) Check() error {
	for field, text := range map[string]string{"client": l.Client, "host": l.Host} {
		if err := checkLine(field, text, MaxClient); err != nil {
			return err
		}
	}
	if l.Client == "" {
		return FieldError("client", "is required: say what the program is called, people read it")
	}
	if l.AskedSpace != "" {
		if err := checkName("space", l.AskedSpace); err != nil {
			return err
		}
	}
	for _, word := range l.Scopes {
		if _, err := meaning(word); err != nil {
			return err
		}
	}
	return nil
}

// resource answers the login as it appears in events.
func (l Login) resource() Resource {
	r := Resource{ID: l.Hash[:min(len(l.Hash), 16)], Kind: "login", DisplayName: l.Title()}
	if l.Source != "" {
		r = r.withLabel(LabelSource, l.Source)
	}
	return r
}

// Title answers what the program says it is and where it runs.
func (l Login) Title() string {
	if l.Host == "" {
		return l.Client
	}
	return l.Client + " on " + l.Host
}

// grantable answers what of the asked scopes the actor may hand out: never more than its own (I7).
func grantable(a Actor, asked []Permission) ([]Permission, error) {
	if asked == nil {
		return a.Scopes, nil
	}
	given := []Permission{}
	for _, word := range asked {
		meant, err := meaning(word)
		if err != nil {
			return nil, err
		}
		for _, p := range meant {
			if a.Can(p) && !slices.Contains(given, p) {
				given = append(given, p)
			}
		}
	}
	if len(given) == 0 {
		return nil, Errorf(Forbidden, "the program asks for %s, and you may do none of that yourself: there is nothing to allow", Joined(asked))
	}
	return given, nil
}

func (PutLogin) write()        {}
func (AnswerLogin) write()     {}
func (UseLogin) write()        {}
func (RefuseLogins) write()    {}
func (PutRefreshToken) write() {}
func (UseRefreshToken) write() {}
